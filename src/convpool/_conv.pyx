# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of every convolution: pack -> multiply -> epilogue.

    depth = channels * taps                      (of one group: the length of each sum; of
                                                  bytes two products are one step)
    weights = pack(weight)                       (once, shared by all threads)
    parallel over (group, block of pixels, which run on from image to image, block of channels):
        for each block of depth:
            panel = pack(input pixels, block of depth)         (of this thread)
            for each strip of channels x strip of pixels:
                tile += weights strip * panel strip            (from 0 at the first block)
                at the last block: out = epilogue(tile)

Each output's sum runs over (channel, depth, row, column) in that order, whatever the blocks are:
how work is cut depends on sizes and threads, its results never do.

Blocks are cut for the caches: one strip of the panel lies in the first level while the weights
stream past it, the panel and the weights in use in the second. Arrays are read where they lie; all
that is allocated is the packed weight and, for each thread, a panel and its tiles.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
cimport numpy as cnp

from convpool._geometry cimport fill_strides
from convpool._kernels cimport *
from convpool._memory cimport (
    ALIGNMENT, Block, aligned, beyond, bytes_in, bytes_out, ceil_div, cut)
from convpool._stencil cimport run_stencil, suits_stencil
from convpool._threads cimport kernels_for, threads_for
from convpool._winograd cimport fits_winograd, pays_winograd, run_winograd, transform_weights

cnp.import_array()

cdef enum:
    DEPTH_BLOCK = 256    # steps of a panel at most: 16 kB for a strip of 16 float32 pixels
    DEPTH_UNIT = 8       # steps that keep pieces of packed weights aligned
    PIXEL_BLOCK = 240    # pixels of a panel, a multiple of every tile's width; < MAX_PIXELS
    CHANNEL_BLOCK = 96   # channels whose weights stay in the second level of cache
    LEAST_COLUMNS = 3    # strips of pixels in a block, if there is a choice: all weights are read
    LEAST_ROWS = 4       # for each
    TILES = 1 << 20      # bytes of unfinished tiles a thread may keep
    LARGE_IMAGE = 64     # rows and columns of output for which a weight is prepared


cdef struct Plan:
    const convpool_kernels* kernels
    int pixel_rows               # tiles: rows of pixels, columns of channels; or the other way
    int64_t depth, depth_block
    int64_t pixels, pixel_width, pixel_strips, pixel_blocks
    int64_t channel_width, channel_strips, channel_blocks
    int64_t block_strips         # strips of channels in a block, at most
    int64_t weight_piece         # elements of a packed strip's share of one block of depth
    int64_t weight_block, weight_group  # elements of one block of depth, of one group
    int64_t strip_pitch          # elements from one strip of a panel to the next
    int64_t panel_size, tile_size, scratch_size  # bytes, of a thread
    int64_t tasks


cdef bint wastes_columns(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """Whether pixels as columns would leave a tenth of the vectors' lanes empty: then channels are
    columns, though pixels lie next to each other. No result depends on it."""
    cdef int64_t pixels = conv.batch * convpool_pixels(conv.axis)
    return 10 * pixels < 9 * ceil_div(pixels, kernels.columns // 2) * (kernels.columns // 2)


cdef void set_channels(convpool_conv* conv, cnp.ndarray weight, int64_t groups) noexcept:
    conv.groups = groups
    conv.channels = cnp.PyArray_DIM(weight, 1)
    conv.out_channels = cnp.PyArray_DIM(weight, 0) // groups


cdef void plan_weights(Plan* plan, const convpool_conv* conv) noexcept nogil:
    """The part of a plan that packed weights depend on. They are laid out as they are used: all
    strips' shares of a block of depth follow one another."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t blocks
    plan.depth = ceil_div(conv.channels * convpool_taps(conv.axis), kernels.products)
    blocks = ceil_div(plan.depth, DEPTH_BLOCK)
    plan.depth_block = ceil_div(ceil_div(plan.depth, blocks), DEPTH_UNIT) * DEPTH_UNIT
    plan.pixel_width = kernels.rows if plan.pixel_rows else kernels.columns
    plan.channel_width = kernels.columns if plan.pixel_rows else kernels.rows
    plan.channel_strips = ceil_div(conv.out_channels, plan.channel_width)
    plan.weight_piece = plan.depth_block * plan.channel_width
    plan.weight_block = plan.channel_strips * plan.weight_piece
    plan.weight_group = blocks * plan.weight_block


cdef void plan_blocks(Plan* plan, const convpool_conv* conv, int threads) noexcept nogil:
    """Cuts the work into blocks of even size: pixels first, since every cut through channels packs
    the pixels again."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size
    cdef int64_t most = PIXEL_BLOCK // plan.pixel_width, most_channels = plan.channel_strips
    cdef int64_t least = LEAST_ROWS if plan.pixel_rows else LEAST_COLUMNS, even, tiles
    plan.pixels = conv.batch * convpool_pixels(conv.axis)
    plan.pixel_strips = ceil_div(plan.pixels, plan.pixel_width)
    plan.tile_size = plan.pixel_width * plan.channel_width * real
    if plan.depth > plan.depth_block:  # unfinished tiles have to be kept
        most = max(<int64_t>1, min(most, TILES // (plan.tile_size * most_channels)))
        most_channels = max(<int64_t>1, min(most_channels, TILES // (plan.tile_size * most)))
    plan.pixel_blocks = ceil_div(plan.pixel_strips, most)
    plan.channel_blocks = ceil_div(plan.channel_strips, most_channels)
    if threads > 1:
        plan.pixel_blocks = max(plan.pixel_blocks, min(ceil_div(4 * threads, conv.groups),
                                                       plan.pixel_strips // least))
        even = ceil_div(plan.pixel_blocks, threads) * threads
        if plan.pixel_strips >= even * least:
            plan.pixel_blocks = even
        plan.channel_blocks = max(plan.channel_blocks, min(
            plan.channel_strips, ceil_div(threads, conv.groups * plan.pixel_blocks)))
    plan.tasks = conv.groups * plan.pixel_blocks * plan.channel_blocks
    most = ceil_div(plan.pixel_strips, plan.pixel_blocks)
    plan.block_strips = ceil_div(plan.channel_strips, plan.channel_blocks)
    # One line more than a strip holds, lest strips meet in one set of the cache.
    plan.strip_pitch = plan.depth_block * plan.pixel_width + ALIGNMENT // real
    plan.panel_size = aligned(most * plan.strip_pitch * real)
    tiles = most if plan.pixel_rows else ceil_div(CHANNEL_BLOCK, plan.channel_width)
    if plan.depth > plan.depth_block:
        tiles = most * plan.block_strips
    plan.scratch_size = plan.panel_size + aligned(tiles * plan.tile_size)


cdef void pack_strip(const Plan* plan, const convpool_conv* conv, bytes_in weight,
                     const int64_t* stride, int64_t task, bytes_out strips) noexcept nogil:
    """One strip of one group's channels."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t group = task // plan.channel_strips, strip = task % plan.channel_strips
    kernels.pack_weights(
        conv, weight + group * conv.out_channels * stride[0] * <int64_t>kernels.weight_size,
        stride, strip * plan.channel_width, plan.channel_width,
        strips + ((group * plan.weight_group + strip * plan.weight_piece)
                  * <int64_t>kernels.real_size),
        plan.depth_block, plan.weight_block)


cdef Block pack(const Plan* plan, const convpool_conv* conv, cnp.ndarray weight, int threads):
    """A weight laid out as the micro-kernel reads it."""
    cdef Block packed = Block(
        conv.groups * plan.weight_group * <int64_t>plan.kernels.real_size)
    cdef bytes_out strips = packed.data
    cdef int64_t stride[5]
    cdef int64_t task, tasks = conv.groups * plan.channel_strips
    cdef bytes_in data = <bytes_in>cnp.PyArray_DATA(weight)
    fill_strides(stride, weight, False)
    if threads == 1:  # even a team of one costs as much as a small call
        with nogil:
            for task in range(tasks):
                pack_strip(plan, conv, data, stride, task, strips)
        return packed
    for task in prange(tasks, nogil=True, num_threads=threads, schedule="static"):
        pack_strip(plan, conv, data, stride, task, strips)
    return packed


cdef void convolve_block(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
                         bytes_in bias, bytes_in residual, bytes_out out, int64_t pixel,
                         int64_t pixels, int64_t channel, int64_t channels,
                         bytes_out scratch) noexcept nogil:
    """One block of pixels by one block of channels, of one group."""
    cdef int64_t begin, end, first, last
    cdef bytes_out panel = scratch
    cdef bytes_out tiles = scratch + plan.panel_size
    begin = 0
    while begin < plan.depth:
        end = min(begin + plan.depth_block, plan.depth)
        plan.kernels.pack_pixels(conv, x, begin, end, pixel, pixels, plan.pixel_width,
                                 plan.strip_pitch, panel)
        first = 0
        while first < channels:
            last = min(first + CHANNEL_BLOCK, channels)
            multiply(plan, conv, weights, panel, tiles, begin, end, pixel, pixels, channel, first,
                     last, bias, residual, out)
            first = last
        begin = end


cdef void multiply(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in panel,
                   bytes_out tiles, int64_t begin, int64_t end, int64_t pixel, int64_t pixels,
                   int64_t channel, int64_t first, int64_t last, bytes_in bias, bytes_in residual,
                   bytes_out out) noexcept nogil:
    """Steps [begin, end) of channels channel + [first, last) for all pixels of the panel."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size
    cdef int64_t steps = end - begin, pixel_width = plan.pixel_width
    cdef int64_t channel_width = plan.channel_width
    cdef int64_t pixel_strips = ceil_div(pixels, pixel_width)
    cdef int64_t strips = ceil_div(last - first, channel_width)
    cdef int64_t first_strip = first // channel_width
    # The strip that is read as columns stays while the rows stream past it.
    cdef int64_t outer = strips if plan.pixel_rows else pixel_strips
    cdef int64_t inner = pixel_strips if plan.pixel_rows else strips
    cdef int64_t i, j, p = 0, strip = 0, used_pixels = 0, used_channels = 0
    cdef bytes_in weight
    cdef bytes_in columns
    cdef bytes_out line = tiles
    cdef bytes_out tile
    cdef int chain = CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS
    weights += (begin // plan.depth_block * plan.weight_block
                + (channel + first) // channel_width * plan.weight_piece) * real
    for i in range(outer):
        if plan.depth > plan.depth_block:
            line = tiles + plan.tile_size * (
                (first_strip + i) * pixel_strips if plan.pixel_rows
                else i * plan.block_strips + first_strip)
        for j in range(inner):
            p, strip = (j, i) if plan.pixel_rows else (i, j)
            used_pixels = min(pixel_width, pixels - p * pixel_width)
            used_channels = min(channel_width, last - first - strip * channel_width)
            weight = weights + strip * plan.weight_piece * real
            columns = panel + p * plan.strip_pitch * real
            tile = line + j * plan.tile_size
            if plan.pixel_rows:
                kernels.gemm_tile(used_pixels, used_channels, steps, columns, weight,
                                  channel_width, tile, kernels.columns, chain)
            else:
                kernels.gemm_tile(used_channels, used_pixels, steps, weight, columns, pixel_width,
                                  tile, kernels.columns, chain)
        if end == plan.depth and plan.pixel_rows:
            kernels.store_tile(conv, line, kernels.columns, True,
                               channel + first + strip * channel_width, used_channels, pixel,
                               pixels, bias, residual, out)
        elif end == plan.depth:
            kernels.store_tile(conv, line, kernels.columns, False, channel + first, last - first,
                               pixel + p * pixel_width, used_pixels, bias, residual, out)


cdef void convolve_task(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
                        bytes_in bias, bytes_in residual, bytes_out out, int64_t task,
                        bytes_out scratch) noexcept nogil:
    """One block of one group."""
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t block = task // plan.channel_blocks, group = block // plan.pixel_blocks
    cdef int64_t pixel = plan.pixel_width * cut(plan.pixel_strips, plan.pixel_blocks,
                                                block % plan.pixel_blocks)
    cdef int64_t next_pixel = plan.pixel_width * cut(plan.pixel_strips, plan.pixel_blocks,
                                                     block % plan.pixel_blocks + 1)
    cdef int64_t channel = plan.channel_width * cut(plan.channel_strips, plan.channel_blocks,
                                                    task % plan.channel_blocks)
    cdef int64_t next_channel = plan.channel_width * cut(
        plan.channel_strips, plan.channel_blocks, task % plan.channel_blocks + 1)
    convolve_block(
        plan, conv, weights + group * plan.weight_group * real,
        x + group * conv.channels * conv.x_stride[1] * element,
        beyond(bias, group * conv.out_channels * real),
        beyond(residual, group * conv.out_channels * conv.residual_stride[1]
               * <int64_t>plan.kernels.out_size),
        out + group * conv.out_channels * conv.out_stride[1] * <int64_t>plan.kernels.out_size,
        pixel, min(next_pixel, plan.pixels) - pixel,
        channel, min(next_channel, conv.out_channels) - channel, scratch)


cdef int run(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
             bytes_in bias, bytes_in residual, bytes_out out, int threads) except -1:
    cdef Block memory = Block(threads * plan.scratch_size)
    cdef bytes_out scratch = memory.data
    cdef int64_t task
    if threads == 1:
        with nogil:
            for task in range(plan.tasks):
                convolve_task(plan, conv, weights, x, bias, residual, out, task, scratch)
        return 0
    for task in prange(plan.tasks, nogil=True, num_threads=threads, schedule="dynamic"):
        convolve_task(plan, conv, weights, x, bias, residual, out, task,
                      scratch + threadid() * plan.scratch_size)
    return 0


cdef class Strips:
    """A weight as the algorithms read it, each form made when it is first asked for. (Two threads
    that ask at once make it twice; the last one's stays.)"""


cdef Block direct_strips(Strips strips, const Plan* plan, const convpool_conv* conv,
                         cnp.ndarray weight, int threads):
    if plan.pixel_rows:
        if strips.columns is None:
            strips.columns = pack(plan, conv, weight, threads)
        return strips.columns
    if strips.rows is None:
        strips.rows = pack(plan, conv, weight, threads)
    return strips.rows


cdef Block winograd_strips(Strips strips, const Plan* plan, const convpool_conv* conv,
                           cnp.ndarray weight, int threads):
    if strips.winograd is None:
        strips.winograd = transform_weights(conv, plan.kernels, weight, threads)
    return strips.winograd


cdef bint by_winograd(const convpool_conv* conv, int algorithm) noexcept:
    return (algorithm != DIRECT and fits_winograd(conv)
            and (algorithm == WINOGRAD or pays_winograd(conv)))


cdef Strips pack_weight(const convpool_conv* conv, cnp.ndarray weight, int dtype,
                        bint channels_last, int algorithm, num_threads):
    """The strips of a weight that `run_convolution` takes: good for any input of this layout. Of
    `conv` the sizes of input and output are not known yet, nor the channels: what is prepared
    first is what large images need."""
    cdef convpool_conv sized = conv[0]
    cdef Plan plan
    cdef Strips strips = Strips()
    cdef int threads = threads_for(num_threads, <double>cnp.PyArray_SIZE(weight))
    set_channels(&sized, weight, conv.groups)
    sized.axis[CONVPOOL_ROW].out = sized.axis[CONVPOOL_COLUMN].out = LARGE_IMAGE
    plan.kernels = kernels_for(dtype)
    plan.pixel_rows = channels_last
    plan_weights(&plan, &sized)
    if by_winograd(&sized, algorithm):
        winograd_strips(strips, &plan, &sized, weight, threads)
    else:
        direct_strips(strips, &plan, &sized, weight, threads)
    return strips


cdef int run_convolution(convpool_conv* conv, bytes_in x, cnp.ndarray weight, bytes_in bias,
                         bytes_in residual, bytes_out out, Strips strips, int dtype,
                         bint channels_last, int algorithm, num_threads) except -1:
    """Convolves into `out`. The caller has checked everything: strides count whole aligned native
    elements, `bias` is contiguous and of the type sums have, `strips` are what `pack_weight` made
    of this weight, or None."""
    cdef Plan plan
    cdef Block packed
    cdef int threads
    convpool_merge_rows(conv, residual != NULL)
    plan.kernels = kernels_for(dtype)
    plan.pixel_rows = channels_last or wastes_columns(plan.kernels, conv)
    plan_weights(&plan, conv)
    threads = threads_for(
        num_threads, <double>conv.batch * conv.groups * conv.out_channels * plan.depth
        * convpool_pixels(conv.axis))
    if (algorithm != WINOGRAD and plan.kernels.stencil != NULL
            and suits_stencil(conv, channels_last)):
        run_stencil(conv, plan.kernels, channels_last, x, weight, bias, residual, out, threads)
        return 0
    if strips is None:
        strips = Strips()
    if by_winograd(conv, algorithm):
        packed = winograd_strips(strips, &plan, conv, weight, threads)
        run_winograd(conv, plan.kernels, packed.data, x, bias, residual, out, threads)
        return 0
    plan_blocks(&plan, conv, threads)
    packed = direct_strips(strips, &plan, conv, weight, threads)
    run(&plan, conv, packed.data, x, bias, residual, out, min(threads, plan.tasks))
    return 0
