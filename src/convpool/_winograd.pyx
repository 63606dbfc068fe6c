# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of Winograd convolutions: transform -> multiply -> transform back.

    weights = transform(weight)                            (once, shared by all threads, or below)
    parallel over groups, chunks of tiles (which run on from image to image) and sections of
    output channels:
        points[side^2][channel][tile] = transform(input)
        for each block of the section's channels:
            weights = transform(the block's weight)        (if they are fresh)
            for each of the points, block of channels, strip of output channels:
                sums[point] += weights[point] strip * points[point]
            out = epilogue(transform back(sums))

Output channels are one section as long as there are tiles enough for all threads. Sections of the
same chunk transform it each for itself: points in another core's cache would take longer to fetch
than to compute.

Tiles of the input have 6 cells a side, or 4. An output tile of 4x4 (of 2x2 for 5x5 kernels) takes
36 multiplications a channel instead of 144 (100). Of the smaller side, for 3x3 kernels, one of 2x2
takes 16 instead of 36. That is for small images, where fewer outputs of tiles then lie beyond the
edge and there are less than half as many points of weights to read.

Weights that no call has prepared may be fresh: a block of them stays in the cache from transform
to product, where all of them might be as large as a hundred images. But each chunk transforms them
anew: where a thread has many, memory for all of them is faster.

Channels are summed in blocks of at most DEPTH_BLOCK, whose sums are then added: shorter chains,
smaller errors. These blocks depend on the weight's shape alone and a tile's results on nothing but
its own input, so that chunks may be cut at will.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
cimport numpy as cnp

from convpool._geometry cimport fill_strides
from convpool._kernels cimport *
from convpool._memory cimport (
    ALIGNMENT, Block, beyond, blocks_for, bytes_in, bytes_out, ceil_div, cut, first_of)

cnp.import_array()

cdef enum:
    FEWEST = 8                  # channels of either side worth the larger error,
    FEWEST_GROUPED = 9          # ... and of one side, of groups: direct ones then have less ado
    COPIED = 64                 # channels of output for which _conv copies, see SOME there
    DEPTH_BLOCK = 96            # channels of one chain of sums
    POINTS_MEMORY = 256 << 10   # bytes of points a thread: they stay in the second level of cache
    SUMS_MEMORY = 192 << 10     # bytes of sums a thread, likewise
    WEIGHTS_MEMORY = 512 << 10  # bytes of fresh weights a thread, likewise
    LARGE_WEIGHTS = 2 << 20     # bytes of points of a group's weights that no cache keeps
    FRESH_CHUNKS = 2            # a thread's, for which it rather transforms such ones than reads
    MEMORY = 2 << 20            # bytes of points a thread, at most
    # What a task takes for each channel, in units that do not matter:
    TRANSFORM = 400             # a strip of tiles
    MULTIPLY = 20               # a strip of tiles by an output channel
    READ = 14                   # an output channel's weights


cdef struct Plan:
    const convpool_kernels* kernels
    int side                        # of the input's tiles: 6 or 4
    int64_t points
    int64_t tiles, strips           # of the batch, and rounded up to whole strips of tiles
    int64_t chunks, pitch           # of strips, and room for tiles of a chunk
    int64_t channel_strips, sections, channel_block  # of output channels, all and in a block
    int64_t depth_block
    bint fresh                      # weights: made for each block
    int64_t weight_plane, point_plane, sum_plane  # elements from point to point
    int64_t weights_size, points_size, sums_size  # bytes a thread


cdef struct Taps:                   # a weight as it is
    bytes_in data
    int64_t stride[5]               # elements from one output channel, channel, .., column on


cdef bint fits_winograd(const convpool_conv* conv) noexcept:
    """Whether there is such an algorithm for this convolution."""
    cdef const convpool_axis* axis = &conv.axis[0]
    cdef int i
    for i in range(3):
        if axis[i].stride != 1 or (axis[i].dilation != 1 and axis[i].kernel != 1):
            return False
    return (axis[CONVPOOL_DEPTH].kernel == 1 and axis[CONVPOOL_DEPTH].out == 1
            and axis[CONVPOOL_DEPTH].before == 0
            and axis[CONVPOOL_ROW].kernel == axis[CONVPOOL_COLUMN].kernel
            and axis[CONVPOOL_ROW].kernel in (3, 5))


cdef int64_t tiles_of(const convpool_conv* conv, int side) noexcept:
    """Tiles of one image."""
    cdef int64_t outputs = side + 1 - conv.axis[CONVPOOL_ROW].kernel
    return (ceil_div(conv.axis[CONVPOOL_ROW].out, outputs)
            * ceil_div(conv.axis[CONVPOOL_COLUMN].out, outputs))


cdef double up_to(int64_t n, int64_t unit) noexcept:
    return <double>(ceil_div(n, unit) * unit)


cdef double cost_of(const convpool_conv* conv, int side) noexcept:
    """What a pair of channels takes in nanoseconds, see winograd_side."""
    cdef int64_t points = side * side, tiles = tiles_of(conv, side)
    return (points * (up_to(tiles, 16) / 46 + 0.2)
            + (points + 20) * tiles * (0.21 / conv.out_channels + 0.28 / conv.channels))


cdef double cost_of_direct(const convpool_conv* conv) noexcept:
    cdef int64_t taps = convpool_taps(conv.axis), pixels = convpool_pixels(conv.axis)
    # Few channels copy what windows see, and pack nothing.
    cdef double reading = 0.35 * taps if conv.out_channels > COPIED else 0.7
    return (taps * up_to(pixels, 8) / 42
            + reading * pixels / conv.out_channels + 0.3 * pixels / conv.channels)


cdef int winograd_side(const convpool_conv* conv, bint always) noexcept:
    """The side of the tiles that are faster, 6 or 4, or 0 if none pays: a question of shapes alone,
    not of the batch either. With `always` it is never 0.

    Compares nanoseconds for each pair of channels: what each way multiplies at some 42 to 46
    multiply-adds a nanosecond, in vectors that may not be full; what it takes to read the points
    of a weight once an image; and to pack or transform input and output, which the other side's
    channels share. The unit does not matter, nor the machine much: all scale with it."""
    cdef double large = cost_of(conv, 6), small = large
    cdef int64_t most = max(conv.channels, conv.out_channels)
    if conv.axis[CONVPOOL_ROW].kernel == 3:
        small = cost_of(conv, 4)
    if not always and (min(small, large) >= 0.95 * cost_of_direct(conv)
                       or conv.channels < FEWEST or conv.out_channels < FEWEST
                       or (conv.groups > 1 and most < FEWEST_GROUPED)):
        return 0
    return 4 if small < large else 6


cdef int64_t odd_lines(int64_t size) noexcept:
    """A size that spreads planes over all sets of a cache."""
    return (ceil_div(size, ALIGNMENT) | 1) * ALIGNMENT


cdef int64_t weight_plane(const Plan* plan, const convpool_conv* conv, int64_t strips) noexcept:
    """Elements from one point of so many strips of weights to the next."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    return odd_lines(strips * plan.kernels.rows * conv.channels * real) // real


cdef void plan_weights(Plan* plan, const convpool_conv* conv, int side,
                       const convpool_kernels* kernels) noexcept:
    plan.kernels = kernels
    plan.side = side
    plan.points = side * side
    plan.fresh = False
    plan.weights_size = 0
    plan.channel_strips = ceil_div(conv.out_channels, kernels.rows)
    plan.weight_plane = weight_plane(plan, conv, plan.channel_strips)


cdef void cut_work(Plan* plan, const convpool_conv* conv, int64_t fewest, int threads) noexcept:
    """Finds how many chunks, `fewest` or more, and sections keep all threads busy and do the least
    work twice."""
    cdef int64_t sections, chunks, tasks, units, outputs
    cdef double cost, best = -1
    for sections in range(1, min(<int64_t>threads, plan.channel_strips) + 1):
        tasks = conv.groups * sections  # of each chunk
        chunks = min(blocks_for(fewest, tasks, threads), plan.strips)
        outputs = ceil_div(plan.channel_strips, sections) * plan.kernels.rows
        units = ceil_div(plan.strips * tasks, threads)
        cost = (<double>units * (TRANSFORM + MULTIPLY * outputs)
                + <double>ceil_div(chunks * tasks, threads) * READ * outputs)
        if best < 0 or cost < 0.95 * best:
            best = cost
            plan.sections = sections
            plan.chunks = chunks


cdef void plan_tiles(Plan* plan, const convpool_conv* conv, int threads) noexcept:
    cdef int64_t real = <int64_t>plan.kernels.real_size, rows = plan.kernels.rows
    cdef int64_t most = CONVPOOL_WINOGRAD_CHUNK // CONVPOOL_WINOGRAD_TILES, length, block
    cdef int64_t strip = plan.points * CONVPOOL_WINOGRAD_TILES * real * conv.channels
    plan.tiles = tiles_of(conv, plan.side) * conv.batch
    plan.strips = ceil_div(plan.tiles, CONVPOOL_WINOGRAD_TILES)
    length = min(most, max(<int64_t>2, POINTS_MEMORY // strip))
    length = max(<int64_t>1, min(length, MEMORY // strip))
    cut_work(plan, conv, ceil_div(plan.strips, length), threads)
    plan.pitch = ceil_div(plan.strips, plan.chunks) * CONVPOOL_WINOGRAD_TILES
    plan.depth_block = ceil_div(conv.channels, ceil_div(conv.channels, DEPTH_BLOCK))
    block = max(<int64_t>1, SUMS_MEMORY // (plan.points * rows * plan.pitch * real))
    plan.channel_block = ceil_div(plan.channel_strips, plan.sections)
    plan.channel_block = ceil_div(plan.channel_block, ceil_div(plan.channel_block, block))
    plan.point_plane = odd_lines(conv.channels * plan.pitch * real) // real
    plan.sum_plane = odd_lines(plan.channel_block * rows * plan.pitch * real) // real
    plan.points_size = plan.points * plan.point_plane * real
    plan.sums_size = plan.points * plan.sum_plane * real


cdef void plan_fresh(Plan* plan, const convpool_conv* conv, int threads) noexcept:
    """Takes fresh weights where they are transformed once, or large and each thread does so a few
    times. A block of output channels then is what is transformed at once."""
    cdef int64_t point = plan.points * <int64_t>plan.kernels.real_size
    cdef int64_t section = ceil_div(plan.channel_strips, plan.sections), blocks, fitting
    # A thread's chunks of a group, in sections.
    cdef int64_t chunks = min(plan.chunks * plan.sections,
                              ceil_div(conv.groups * plan.chunks * plan.sections, threads))
    if plan.chunks > 1 and (point * plan.weight_plane <= LARGE_WEIGHTS
                            or chunks > FRESH_CHUNKS * plan.sections):
        return
    plan.fresh = True
    fitting = max(<int64_t>2, WEIGHTS_MEMORY // (point * weight_plane(plan, conv, 1)))
    blocks = ceil_div(section, min(plan.channel_block, fitting))
    plan.channel_block = ceil_div(section, blocks)
    plan.weight_plane = weight_plane(plan, conv, plan.channel_block)
    plan.weights_size = point * plan.weight_plane


cdef inline bytes_in weights_at(const Plan* plan, const convpool_conv* conv, bytes_in weights,
                                int64_t point, int64_t channel, int64_t strip) noexcept nogil:
    return weights + (point * plan.weight_plane + (strip * conv.channels + channel)
                      * plan.kernels.rows) * <int64_t>plan.kernels.real_size


cdef void transform_strips(const Plan* plan, const convpool_conv* conv, const Taps* taps,
                           int64_t group, int64_t first, int64_t last,
                           bytes_out strips) noexcept nogil:
    """Strips [first, last) of a group's output channels."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t channel = group * conv.out_channels, strip
    for strip in range(first, last):
        kernels.winograd_weights(
            conv, plan.side, taps.data + channel * taps.stride[0] * <int64_t>kernels.weight_size,
            taps.stride, strip * kernels.rows, kernels.rows,
            <bytes_out>weights_at(plan, conv, strips, 0, 0, strip - first), plan.weight_plane)


cdef Taps taps_of(cnp.ndarray weight):
    cdef Taps taps
    taps.data = <bytes_in>cnp.PyArray_DATA(weight)
    fill_strides(taps.stride, weight, False)
    return taps


cdef Block transform_weights(const convpool_conv* conv, int side, const convpool_kernels* kernels,
                             cnp.ndarray weight, int threads):
    """The weights as `run_winograd` takes them."""
    cdef Plan plan
    cdef Taps taps = taps_of(weight)
    cdef int64_t task, group, strip
    cdef Block packed
    cdef bytes_out points
    plan_weights(&plan, conv, side, kernels)
    packed = Block(conv.groups * plan.points * plan.weight_plane * <int64_t>kernels.real_size)
    points = packed.data
    for task in prange(conv.groups * plan.channel_strips, nogil=True, num_threads=threads):
        group = task // plan.channel_strips
        strip = task % plan.channel_strips
        transform_strips(&plan, conv, &taps, group, strip, strip + 1,
                         <bytes_out>weights_at(&plan, conv, points, group * plan.points, 0, strip))
    return packed


cdef inline int64_t first_tile(const Plan* plan, int64_t chunk) noexcept nogil:
    return first_of(plan.tiles, CONVPOOL_WINOGRAD_TILES, plan.chunks, chunk)


cdef bytes_in weights_after(const Plan* plan, const convpool_conv* conv, bytes_in weights,
                            int64_t point, int64_t begin, int64_t end, int64_t strip,
                            int64_t strips) noexcept nogil:
    """The weights that are multiplied after those of the strips before `strip`."""
    if strip < strips:
        return weights_at(plan, conv, weights, point, begin, strip)
    if end < conv.channels:
        return weights_at(plan, conv, weights, point, end, 0)
    return weights_at(plan, conv, weights, point + 1, 0, 0)


cdef void multiply_strips(const Plan* plan, const convpool_conv* conv, bytes_in weight,
                          int64_t outputs, int64_t channels, bytes_in points, int64_t tiles,
                          bytes_out sums, int chain, bytes_in next) noexcept nogil:
    """So many channels of one or two strips of output channels, for all tiles of a chunk."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, apart = kernels.rows * conv.channels
    cdef int64_t strips = ceil_div(outputs, kernels.rows), tile = 0, columns, i
    while tile < tiles:
        columns = min(kernels.columns, tiles - tile)
        if strips == 2 and columns <= kernels.lanes:
            kernels.gemm_pair(channels, weight, apart, points + tile * real, plan.pitch,
                              sums + tile * real, plan.pitch, chain, next)
        else:
            for i in range(strips):
                kernels.gemm_tile(
                    min(kernels.rows, outputs - i * kernels.rows), columns,
                    channels, weight + i * apart * real, points + tile * real, plan.pitch,
                    sums + (i * kernels.rows * plan.pitch + tile) * real, plan.pitch, chain,
                    next if i + 1 == strips else weight + (i + 1) * apart * real)
        tile = tile + kernels.columns


cdef void multiply(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in points,
                   int64_t tiles, int64_t outputs, bytes_out sums) noexcept nogil:
    """A block of output channels for all tiles of a chunk."""
    cdef int64_t real = <int64_t>plan.kernels.real_size, rows = plan.kernels.rows
    cdef int64_t point, begin, end, strip, strips = ceil_div(outputs, rows)
    for point in range(plan.points):
        begin = 0
        while begin < conv.channels:
            end = min(begin + plan.depth_block, conv.channels)
            strip = 0
            while strip < strips:
                multiply_strips(
                    plan, conv, weights_at(plan, conv, weights, point, begin, strip),
                    min(2 * rows, outputs - strip * rows), end - begin,
                    points + (point * plan.point_plane + begin * plan.pitch) * real, tiles,
                    sums + (point * plan.sum_plane + strip * rows * plan.pitch) * real,
                    CONVPOOL_CHAIN_ADDS if begin > 0 else CONVPOOL_CHAIN_STARTS,
                    weights_after(plan, conv, weights, point, begin, end, strip + 2, strips))
                strip += 2
            begin = end


cdef void convolve_block(const Plan* plan, const convpool_conv* conv, bytes_in weights,
                         bytes_in points, int64_t chunk, int64_t first, int64_t last,
                         bytes_in bias, bytes_in residual, bytes_out out,
                         bytes_out sums) noexcept nogil:
    """A chunk's outputs of strips [first, last) of output channels, whose weights these are."""
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t tile = first_tile(plan, chunk), tiles = first_tile(plan, chunk + 1) - tile
    cdef int64_t channel = first * plan.kernels.rows
    cdef int64_t outputs = min(last * plan.kernels.rows, conv.out_channels) - channel
    multiply(plan, conv, weights, points, tiles, outputs, sums)
    plan.kernels.winograd_store(
        conv, plan.side, sums, plan.pitch, plan.sum_plane, outputs, tile, tiles,
        beyond(bias, channel * <int64_t>plan.kernels.real_size),
        beyond(residual, channel * conv.residual_stride[1] * element),
        out + channel * conv.out_stride[1] * element)


cdef void convolve_task(const Plan* plan, const convpool_conv* conv, const Taps* taps,
                        bytes_in weights, bytes_in x, bytes_in bias, bytes_in residual,
                        bytes_out out, int64_t task, bytes_out scratch) noexcept nogil:
    """A section of the output channels of one chunk of one group."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t section = task % plan.sections, chunk = task // plan.sections % plan.chunks
    cdef int64_t group = task // plan.sections // plan.chunks, channel = group * conv.out_channels
    cdef int64_t first = cut(plan.channel_strips, plan.sections, section), last
    cdef int64_t end = cut(plan.channel_strips, plan.sections, section + 1)
    cdef int64_t tile = first_tile(plan, chunk)
    cdef bytes_out fresh = scratch + plan.sums_size, points = fresh + plan.weights_size
    cdef bytes_in block
    plan.kernels.winograd_pack(
        conv, plan.side, x + group * conv.channels * conv.x_stride[1] * element, conv.channels,
        tile, first_tile(plan, chunk + 1) - tile, points, plan.pitch, plan.point_plane)
    while first < end:
        last = min(first + plan.channel_block, end)
        if plan.fresh:
            transform_strips(plan, conv, taps, group, first, last, fresh)
            block = fresh
        else:
            block = weights_at(plan, conv, weights, group * plan.points, 0, first)
        convolve_block(
            plan, conv, block, points, chunk, first, last, beyond(bias, channel * real),
            beyond(residual, channel * conv.residual_stride[1] * element),
            out + channel * conv.out_stride[1] * element, scratch)
        first = last


cdef int run_winograd(const convpool_conv* conv, int side, const convpool_kernels* kernels,
                      Block packed, cnp.ndarray weight, bytes_in x, bytes_in bias,
                      bytes_in residual, bytes_out out, int threads) except -1:
    """Convolves by what `transform_weights` made of the weight; None: it was not prepared."""
    cdef Plan plan
    cdef Taps taps = taps_of(weight)
    cdef int64_t task, size
    cdef Block memory
    cdef bytes_out scratch
    cdef bytes_in weights = NULL
    plan_weights(&plan, conv, side, kernels)
    plan_tiles(&plan, conv, threads)
    if packed is None:
        plan_fresh(&plan, conv, threads)
        if not plan.fresh:
            packed = transform_weights(conv, side, kernels, weight, threads)
    if packed is not None:
        weights = packed.data
    threads = min(<int64_t>threads, conv.groups * plan.chunks * plan.sections)
    size = plan.sums_size + plan.weights_size + plan.points_size
    # Points stand at the end, and gemm_tile may read one step beyond the last.
    memory = Block(threads * size + CONVPOOL_WINOGRAD_CHUNK * <int64_t>kernels.real_size, True)
    scratch = memory.data
    # The same part of the work to the same thread from call to call, as in _conv.pyx.
    for task in prange(conv.groups * plan.chunks * plan.sections, nogil=True, num_threads=threads,
                       schedule="static"):
        convolve_task(&plan, conv, &taps, weights, x, bias, residual, out, task,
                      scratch + threadid() * size)
    return 0
