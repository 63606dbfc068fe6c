# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of every convolution: pack -> multiply -> epilogue.

    depth = channels * taps                      (of one group: the length of each sum; of
                                                  bytes several channels are one step)
    weights = pack(weight)                       (once, shared by all threads, or below)
    parallel over (group, block of pixels, which run on from image to image, block of channels):
        for each block of depth:
            panel = pack(input pixels, block of depth)         (of this thread)
                    or a copy of what the windows see, border and all, or the input itself
            weights = pack(channels, block of depth)               (if they are fresh)
            for each strip of channels x strip of pixels:
                tile += weights strip * panel strip            (from 0 at the first block)
                at the last block: out = epilogue(tile)

Each output's sum runs over (channel, depth, row, column) in that order, whatever the blocks are:
how work is cut depends on sizes and threads, its results never do.

Blocks are cut for the caches: one strip of the panel lies in the first level while the weights
stream past it, the panel and the weights in use in the second. Arrays are read where they lie; all
that is allocated is the packed weight and, for each thread, a panel, its tiles and fresh strips.

Packing and epilogue cost a small layer as much as a third of its products, waiting for memory. So
points whose pixels are columns are packed by the first strip of channels, which multiplies them
where they lie; and tiles of whole vectors whose activation only bounds are finished in registers,
straight to the output.

With channels last, pixels are rows whose channels are neighbours. Where a group has so few channels
of output that most of a vector would be empty, a copy turns pixels into columns: of all groups at
once, since of the line of memory that one of them reads others need the rest. Results of all are
then turned back together.

Where a tile of one row would wait for each product before the next, a single pixel takes several
strips of channels at a time. Weights that no call has prepared are read as they lie by a few
pixels, each once, and turned in registers.

For more pixels such weights may be fresh: packed for a block of pixels, strip by strip, right
before they are multiplied, so that they never leave a cache. Each block of pixels packs all of
them, so that this is for one or two; and it is for weights of the sums' type that lie as one
matrix.
"""
from cython cimport critical_section
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
from libc.string cimport memset
cimport numpy as cnp

from convpool._geometry cimport fill_strides
from convpool._kernels cimport *
from convpool._memory cimport (
    ALIGNMENT, Block, aligned, beyond, blocks_for, bytes_in, bytes_out, ceil_div, cut, first_of)
from convpool._stencil cimport is_depthwise, run_stencil, suits_stencil
from convpool._threads cimport threads_for
from convpool._winograd cimport fits_winograd, run_winograd, transform_weights, winograd_side

cnp.import_array()

cdef enum:
    DEPTH_BLOCK = 256    # steps of a panel at most
    STRIP = 24 << 10     # bytes of a strip of columns: three quarters of a first level of cache
    POINT_BLOCK = 112    # the same of points, of which a 7x7 image's and weights share 32 KB
    CROWDED = 256        # bytes: points a multiple of them apart crowd into a part of the cache
    NEAR = 40 << 10      # bytes between points by channels of output: packing pays above
    SHORT = 4            # sums of so many steps for each column of a tile
    FEW = 3              # strips of channels for which packing is much; 1 where there are strides
    SOME = 64            # channels for which it still is
    THIN = 8             # channels of output for which pixels pay as columns in either layout,
    THIN_STEPS = 32      # if each sums so many products
    THIN_GROUPS = 12     # ... and those of a group
    THIN_POINTS = 16     # ... whose kernels are one tap
    TOGETHER = 4         # strips of pixels at most whose tiles are stored at once, as longer lines
    PIECES = 16          # ... such lines make a plane at least
    LARGEST_COPY = 1 << 18  # elements of what a block's windows see
    DEPTH_UNIT = 8       # steps that keep pieces of packed weights aligned
    PIXEL_BLOCK = 240    # pixels of a panel, a multiple of every tile's width; < MAX_PIXELS
    CHANNEL_BLOCK = 96   # channels whose weights stay in the second level of cache
    READ = 16            # pixels multiplied while as many channels' weights are read
    PACK = 16            # channels multiplied while as many pixels are packed
    COPY = 8             # ... or copied
    MEET = 4             # ... or met in place
    MOST_PACKED = 2      # blocks of pixels that pack fresh weights each for itself
    TILES = 1 << 20      # bytes of unfinished tiles a thread may keep
    STENCIL = 4          # multiply-adds of others that take as long as one of a stencil
    KEPT = 4             # parts of its taps that a prepared weight keeps ready
    LINE_BLOCK = 2048    # steps of weights read where they lie, which come as long streams
    LARGE_IMAGE = 64     # rows and columns of output for which a weight is prepared


cdef enum Source:        # of pixels, for the micro-kernel
    PACKED
    COPIED               # windows in a copy of what they see
    IN_PLACE


cdef struct Plan:
    const convpool_kernels* kernels
    int pixel_rows               # tiles: rows of pixels, columns of channels; or the other way
    Source source
    bint all_groups              # tasks take all groups of their pixels, which are copied at once
    int points_lie               # columns of an image are read in place
    int64_t finished_line        # those of so many outputs in a row are finished at once, or 0
    int64_t depth, depth_block
    int64_t pixels, pixel_width, pixel_unit, pixel_units, pixel_blocks
    int64_t channel_width, channel_strips, channel_unit, channel_units, channel_blocks
    int64_t block_strips         # strips of channels in a block, at most
    bint in_lines                # weights: read where they lie, by few pixels
    bint fresh                   # or packed where they are multiplied
    int64_t weight_line          # elements from one output channel's to the next one's, if so
    int64_t weight_piece         # elements of a packed strip's share of one block of depth
    int64_t weight_block, weight_group  # elements of one block of depth, of one group
    int64_t strip_pitch          # elements from one strip of a panel to the next
    int64_t together             # strips of columns that are stored at once
    bint one_row                 # the pixels are one row, which takes several strips of weights
    int64_t panel_size, offsets_size, tile_size, tiles_size, scratch_size  # bytes, of a thread
    int64_t tasks


# A strip of columns as the micro-kernel reads it.
cdef struct Columns:
    bytes_in at
    int64_t pixels
    int64_t step                          # elements from one step of depth to the next
    const int64_t* offsets                # or those of the steps, of a copy
    bytes_out keep                        # where it is to be packed, or NULL


# What a task computes of one group.
cdef struct Part:
    int64_t pixel, pixels, channel, channels
    int64_t strips                        # of pixels
    int64_t begin[PIXEL_BLOCK + 1]        # where each begins, from `pixel` on
    bint finished[PIXEL_BLOCK]            # whether its tiles are finished in registers
    int64_t out_at[PIXEL_BLOCK]           # if so, where its first pixel's outputs are
    int64_t residual_at[PIXEL_BLOCK]
    convpool_finish finish                # how all of them are
    convpool_windows windows              # of a copy
    int64_t place[PIXEL_BLOCK]            # each pixel's, in the copy or in x


cdef bint is_points(const convpool_conv* conv) noexcept:
    """Whether each pixel of the output sees one pixel of the input alone, and never the border."""
    return convpool_taps(conv.axis) == 1 and convpool_unpadded(conv.axis)


cdef bint wastes(const convpool_kernels* kernels, int64_t columns, int64_t part=10) noexcept:
    """Whether so many columns would leave more than one part in ten, or in so many, of their
    vectors' lanes empty."""
    return part * columns < (part - 1) * ceil_div(columns, kernels.lanes) * kernels.lanes


cdef int64_t copied_channels(const convpool_kernels* kernels, const convpool_conv* conv,
                             int64_t steps) noexcept nogil:
    """Channels, or cells of them, that so many steps of depth meet."""
    return min(ceil_div(conv.channels, kernels.products), steps // convpool_taps(conv.axis) + 2)


cdef bint fits_copy(const convpool_conv* conv, int64_t pixels, int64_t channels) noexcept nogil:
    """Whether what the windows of so many pixels see is little enough to be copied."""
    return convpool_windows_most(conv, pixels, channels) <= LARGEST_COPY


cdef bint fits_copies(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """The same of a block's pixels, a block of depth at a time."""
    return fits_copy(conv, PIXEL_BLOCK, copied_channels(kernels, conv, DEPTH_BLOCK))


cdef bint fits_groups(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """The same of a tile's pixels and the channels of all groups."""
    return fits_copy(conv, kernels.columns, conv.groups * conv.channels)


cdef Source source_of_rows(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """Whence rows of pixels are best read. Points so far apart that they meet in the same sets of
    the cache should be packed, and windows that see too much have to be."""
    cdef int64_t apart = conv.x_stride[CONVPOOL_AT_CHANNEL] * <int64_t>kernels.element_size
    if kernels.gemm_rows == NULL:
        return PACKED
    if is_points(conv) and kernels.element_size == kernels.real_size:
        return IN_PLACE if apart % CROWDED != 0 else PACKED
    if is_points(conv) and conv.x_stride[CONVPOOL_AT_CHANNEL] != 1:
        return PACKED
    return COPIED if fits_copies(kernels, conv) else PACKED


cdef bint suits_rows(const convpool_kernels* kernels, const convpool_conv* conv,
                     Source source) noexcept:
    """Whether channels should be the columns of tiles though pixels lie next to each other: then
    those need no packing, but results have to be turned, and each step of depth meets another line
    of the cache, perhaps of another page. Packing windows takes longer than empty lanes do, unless
    many channels use what is packed, and it is quick, as it is without strides."""
    cdef int64_t apart = conv.x_stride[CONVPOOL_AT_CHANNEL] * <int64_t>kernels.element_size
    if source == COPIED:
        return (conv.out_channels <= SOME or conv.axis[CONVPOOL_COLUMN].stride > 1
                or not wastes(kernels, conv.out_channels))
    return (source == IN_PLACE and not wastes(kernels, conv.out_channels)
            and <double>apart * conv.out_channels <= NEAR)


cdef bint suits_columns(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """Whether points that are columns are read where they lie, and packed by the first strip of
    channels that meets them. Their strips then end where images do. Without vectors gemm_tile reads
    too far."""
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    return (is_points(conv) and column.stride == 1 and convpool_pixels(conv.axis) == column.out
            and conv.x_stride[CONVPOOL_AT_COLUMN] == 1 and kernels.lanes > 1
            and kernels.element_size == kernels.real_size and not wastes(kernels, column.out))


cdef int64_t finished_line(const Plan* plan, const convpool_conv* conv,
                           bint with_residual) noexcept:
    """Pixels whose outputs are evenly spaced where the micro-kernel can finish them by itself, or
    0: only bounds are in its way, and outputs that lie as sums do."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t line = conv.axis[CONVPOOL_COLUMN].out
    cdef int across = CONVPOOL_AT_CHANNEL if plan.pixel_rows else CONVPOOL_AT_COLUMN
    cdef double low, high
    if (kernels.gemm_whole == NULL or kernels.element_size != kernels.real_size
            or (plan.pixel_rows
                and (plan.source == PACKED or conv.out_channels % kernels.lanes != 0))
            or not convpool_only_bounds(conv, &low, &high) or conv.out_stride[across] != 1
            or (with_residual and conv.residual_stride[across] != 1)):
        return 0
    if convpool_outputs_follow(conv, CONVPOOL_AT_ROW, with_residual):
        line *= conv.axis[CONVPOOL_ROW].out
    return line


cdef bint suits_turned_windows(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """Whether pixels whose channels are neighbours should be the columns of tiles: a copy turns
    them. That pays for few channels of output, whose vectors would else be half empty, and for more
    where groups have little else of a pixel."""
    cdef int64_t taps = convpool_taps(conv.axis), most = THIN
    if conv.groups > 1:
        most = THIN_GROUPS if taps > 1 else THIN_POINTS
        if taps == 1 and not fits_groups(kernels, conv):
            return False
    elif taps == 1:
        most = kernels.lanes // THIN
    elif conv.channels * taps < THIN_STEPS:
        return False
    return (conv.out_channels <= most and kernels.element_size == kernels.real_size
            and kernels.gemm_columns != NULL and fits_copies(kernels, conv)
            and not wastes(kernels, conv.axis[CONVPOOL_COLUMN].out, 2))


cdef bint suits_windows(const convpool_kernels* kernels, const convpool_conv* conv,
                        Source source) noexcept:
    """Whether columns should be read in a copy of what windows see. They then lie in one row of the
    output, whose ends must not waste lanes. Nothing is packed or turned; but each step loads
    vectors that straddle lines of the cache, which many steps do not make up for, unless few
    channels would use what is packed: then even half of the lanes may be empty."""
    cdef int64_t steps = conv.channels * convpool_taps(conv.axis)
    cdef int64_t columns = conv.axis[CONVPOOL_COLUMN].out
    cdef int64_t strips = ceil_div(conv.out_channels, kernels.rows)
    cdef bint strides = conv.axis[CONVPOOL_COLUMN].stride > 1
    if source != COPIED or kernels.gemm_columns == NULL:
        return False
    if strips <= (1 if strides else FEW) and wastes(kernels, conv.out_channels):
        return not wastes(kernels, columns, 2 if strips == 1 and not strides else 4)
    return (steps <= SHORT * kernels.columns and columns >= 2 * kernels.lanes
            and not wastes(kernels, columns))


cdef bint takes_windows(const convpool_kernels* kernels, const convpool_conv* conv,
                        Source source, bint channels_last) noexcept:
    """Whether tiles have columns of windows, in either layout."""
    return (suits_turned_windows(kernels, conv) if channels_last
            else suits_windows(kernels, conv, source))


cdef void plan_tiles(Plan* plan, const convpool_conv* conv, bint channels_last) noexcept:
    """Which way round tiles lie, and where their pixels are read. No result depends on it."""
    cdef bint windows
    plan.source = source_of_rows(plan.kernels, conv)
    windows = takes_windows(plan.kernels, conv, plan.source, channels_last)
    plan.all_groups = (windows and channels_last and conv.groups > 1
                       and fits_groups(plan.kernels, conv))
    plan.pixel_rows = not windows and (
        channels_last or wastes(plan.kernels, conv.batch * convpool_pixels(conv.axis))
        or suits_rows(plan.kernels, conv, plan.source))
    if windows:
        plan.source = COPIED
    elif not plan.pixel_rows:
        plan.source = PACKED
    plan.points_lie = (not plan.pixel_rows and not windows
                       and suits_columns(plan.kernels, conv))


cdef void set_channels(convpool_conv* conv, cnp.ndarray weight, int64_t groups) noexcept:
    conv.groups = groups
    conv.channels = cnp.PyArray_DIM(weight, 1)
    conv.out_channels = cnp.PyArray_DIM(weight, 0) // groups


cdef void plan_weights(Plan* plan, const convpool_conv* conv) noexcept nogil:
    """The part of a plan that packed weights depend on. They are laid out as they are used: all
    strips' shares of a block of depth follow one another."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef bint points = plan.pixel_rows and convpool_taps(conv.axis) == 1
    cdef int64_t steps = STRIP // (kernels.columns * <int64_t>kernels.real_size), blocks
    plan.fresh = plan.in_lines = False
    plan.depth = ceil_div(conv.channels, kernels.products) * convpool_taps(conv.axis)
    steps = min(steps, <int64_t>(POINT_BLOCK if points else DEPTH_BLOCK))
    # A little more than fits is better than tiles that come back for it.
    blocks = 1 if 4 * plan.depth <= 5 * steps else ceil_div(plan.depth, steps)
    plan.depth_block = ceil_div(ceil_div(plan.depth, blocks), DEPTH_UNIT) * DEPTH_UNIT
    plan.pixel_width = kernels.rows if plan.pixel_rows else kernels.columns
    plan.channel_width = kernels.columns if plan.pixel_rows else kernels.rows
    plan.channel_strips = ceil_div(conv.out_channels, plan.channel_width)
    plan.weight_piece = plan.depth_block * plan.channel_width
    plan.weight_block = plan.channel_strips * plan.weight_piece
    plan.weight_group = blocks * plan.weight_block


cdef inline int64_t task_groups(const Plan* plan, const convpool_conv* conv) noexcept nogil:
    """How many tasks of their own the groups of a block are."""
    return 1 if plan.all_groups else conv.groups


cdef void cut_work(Plan* plan, const convpool_conv* conv, int64_t fewest, int64_t fewest_channels,
                   int threads) noexcept nogil:
    """Finds how many blocks of pixels and of channels, so many or more, keep all threads busy and
    pack the fewest pixels and read the fewest weights twice."""
    cdef int64_t packing = (COPY if plan.source == COPIED
                            else MEET if plan.source == IN_PLACE or plan.points_lie else PACK)
    cdef int64_t most = min(<int64_t>threads, plan.channel_units), channel_blocks, blocks, tasks
    cdef int64_t pixels, channels
    cdef double cost, best = -1
    for channel_blocks in range(fewest_channels, max(fewest_channels, most) + 1):
        tasks = task_groups(plan, conv) * channel_blocks  # of each block of pixels
        blocks = min(blocks_for(fewest, tasks, threads), plan.pixel_units)
        pixels = ceil_div(plan.pixel_units, blocks) * plan.pixel_unit
        channels = ceil_div(plan.channel_units, channel_blocks) * plan.channel_unit
        cost = (<double>ceil_div(blocks * tasks, threads)
                * (<double>pixels * (channels + packing) + <double>READ * channels))
        if best < 0 or cost < 0.98 * best:
            best = cost
            plan.pixel_blocks = blocks
            plan.channel_blocks = channel_blocks


cdef int64_t most_in_lines(const Plan* plan, int64_t line, int64_t pixels) noexcept nogil:
    """Strips that so many pixels make at most where each lies in one line."""
    cdef int64_t strips = ceil_div(min(line, pixels), plan.pixel_width)
    return (pixels // line + 2) * ceil_div(strips, plan.together) * plan.together


cdef void plan_blocks(Plan* plan, const convpool_conv* conv, int threads) noexcept nogil:
    """Cuts the work into blocks of even size, whose memory stays within bounds."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size
    cdef int64_t most = PIXEL_BLOCK // plan.pixel_width, most_channels = plan.channel_strips
    cdef int64_t channels, tiles, images, line = conv.axis[CONVPOOL_COLUMN].out
    cdef bint windows = plan.source == COPIED and not plan.pixel_rows
    plan.pixels = conv.batch * convpool_pixels(conv.axis)
    plan.tile_size = plan.pixel_width * plan.channel_width * real
    while plan.all_groups and not fits_copy(conv, most * plan.pixel_width,
                                            conv.groups * conv.channels):
        most -= 1
    if plan.in_lines or plan.depth > plan.depth_block:  # unfinished tiles have to be kept
        most = max(<int64_t>1, min(most, TILES // (plan.tile_size * most_channels)))
        most_channels = max(<int64_t>1, min(most_channels, TILES // (plan.tile_size * most)))
    plan.pixel_unit = (line if windows and line <= most * plan.pixel_width
                       else kernels.lanes if not plan.pixel_rows
                       else plan.pixel_width if plan.source == PACKED else 1)
    plan.one_row = (plan.pixel_rows and plan.pixels == 1 and plan.source != PACKED
                    and not plan.in_lines and kernels.gemm_row != NULL)
    plan.channel_unit = (conv.out_channels if plan.all_groups
                         else kernels.lanes if plan.pixel_rows and not plan.one_row
                         else plan.channel_width)
    plan.pixel_units = ceil_div(plan.pixels, plan.pixel_unit)
    plan.channel_units = ceil_div(conv.out_channels, plan.channel_unit)
    cut_work(plan, conv, ceil_div(plan.pixel_units, most * plan.pixel_width // plan.pixel_unit),
             ceil_div(plan.channel_strips, most_channels), threads)
    plan.tasks = task_groups(plan, conv) * plan.pixel_blocks * plan.channel_blocks
    most = ceil_div(ceil_div(plan.pixel_units, plan.pixel_blocks) * plan.pixel_unit,
                    plan.pixel_width)
    # A core's prefetcher runs on past a line's end, into what another core stores to.
    plan.together = max(<int64_t>1, min(<int64_t>TOGETHER, convpool_pixels(conv.axis)
                                        // (PIECES * plan.pixel_width)))
    if windows:
        plan.together = (1 if plan.all_groups
                         else min(<int64_t>TOGETHER, ceil_div(line, plan.pixel_width)))
    channels = ceil_div(plan.channel_units, plan.channel_blocks) * plan.channel_unit
    if plan.channel_blocks > 1:  # it may begin within a strip
        channels += plan.channel_width - plan.channel_unit
    plan.block_strips = ceil_div(channels, plan.channel_width)
    # One line more than a strip holds, lest strips meet in one set of the cache.
    plan.strip_pitch = plan.depth_block * plan.pixel_width + ALIGNMENT // real
    # Images of points that a block meets: strips end with them, too.
    images = most * plan.pixel_width // line + 2 if plan.points_lie else 0
    most += images
    plan.panel_size = panel_size(plan, conv, most) * real
    plan.offsets_size = 0 if plan.source == PACKED else aligned(
        (plan.depth if plan.all_groups else plan.depth_block) * sizeof(int64_t))
    tiles = (most if plan.pixel_rows
             else plan.together * ceil_div(CHANNEL_BLOCK, plan.channel_width))
    if plan.in_lines:
        tiles = plan.block_strips
    elif plan.all_groups:
        tiles = ceil_div(conv.groups * conv.out_channels, plan.channel_width)
    elif plan.depth > plan.depth_block:
        if windows:
            most = most_in_lines(plan, line, most * plan.pixel_width)
        tiles = (most + images * (plan.together - 1) + plan.together) * plan.block_strips
    elif plan.one_row:
        tiles = CONVPOOL_ROW_STRIPS
    plan.tiles_size = aligned(tiles * plan.tile_size)
    plan.scratch_size = plan.panel_size + plan.offsets_size + plan.tiles_size


cdef int64_t panel_size(const Plan* plan, const convpool_conv* conv, int64_t strips) noexcept nogil:
    """Elements that a block of so many strips of pixels is packed or copied to, with the vector
    that columns reach beyond a copy."""
    cdef int64_t channels
    if plan.source == PACKED:
        return aligned(strips * plan.strip_pitch)
    if plan.source == IN_PLACE:
        return 0
    channels = (conv.groups * conv.channels if plan.all_groups
                else copied_channels(plan.kernels, conv, plan.depth_block))
    return aligned(plan.kernels.lanes + <int64_t>convpool_windows_most(
        conv, strips * plan.pixel_width, channels))


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
    cdef Block packed = Block((conv.groups * plan.weight_group + plan.channel_width)
                              * <int64_t>plan.kernels.real_size)  # one step may be read beyond
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


cdef bint reads_lines(Plan* plan, const convpool_conv* conv, cnp.ndarray weight) noexcept:
    """Whether a weight can be read as it is, lines of a matrix; the plan then says where they are.
    """
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t stride[5]
    fill_strides(stride, weight, False)
    if (kernels.products > 1 or kernels.weight_size != kernels.real_size
            or not convpool_weights_follow(conv, stride)):
        return False
    plan.weight_line = stride[0]
    plan.weight_group = conv.out_channels * stride[0]
    return True


cdef void plan_lines(Plan* plan, const convpool_conv* conv, cnp.ndarray weight) noexcept:
    """Takes a weight as it lies for pixels that are rows, so few that packing would be most of the
    work; long blocks of it, if what windows see meanwhile is little. The last lines are read with
    those before them. (Nothing is packed: of blocks of weights only depth_block counts.)"""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t pixels = conv.batch * convpool_pixels(conv.axis)
    cdef int64_t block = min(plan.depth, <int64_t>LINE_BLOCK)
    plan.in_lines = (plan.pixel_rows and plan.source != PACKED and kernels.gemm_lines != NULL
                     and pixels <= CONVPOOL_LINE_ROWS and wastes(kernels, pixels)
                     and conv.out_channels >= kernels.lanes and reads_lines(plan, conv, weight))
    if plan.in_lines and (plan.source == IN_PLACE or fits_copy(
            conv, pixels, copied_channels(kernels, conv, block))):
        plan.depth_block = block


cdef void plan_fresh(Plan* plan, const convpool_conv* conv, cnp.ndarray weight) noexcept:
    """Takes fresh weights if they are lines of a matrix, and not packed more than twice."""
    cdef int64_t strips = (CONVPOOL_ROW_STRIPS if plan.one_row else 1 if plan.pixel_rows
                           else CHANNEL_BLOCK // plan.channel_width + 1)
    plan.fresh = (not plan.all_groups and plan.pixel_blocks <= MOST_PACKED
                  and reads_lines(plan, conv, weight))
    if plan.fresh:  # gemm_turned and gemm_rows may read one step beyond the last
        plan.scratch_size += aligned((strips * plan.weight_piece + plan.channel_width)
                                     * <int64_t>plan.kernels.real_size)


cdef void pack_fresh(const Plan* plan, const convpool_conv* conv, bytes_in weights, int64_t begin,
                     int64_t end, int64_t strip, bytes_out packed) noexcept nogil:
    """Steps [begin, end) of one strip, as if they were channels."""
    cdef convpool_conv lines = conv[0]
    cdef int64_t[5] stride = [plan.weight_line, 1, 1, 1, 1]
    cdef int i
    for i in range(CONVPOOL_AXES):
        lines.axis[i].kernel = 1
    lines.channels = end - begin
    plan.kernels.pack_weights(
        &lines, weights + begin * <int64_t>plan.kernels.real_size, stride,
        strip * plan.channel_width, plan.channel_width, packed, end - begin, 0)


cdef void cut_lines(const Plan* plan, const convpool_conv* conv, Part* part) noexcept nogil:
    """Strips that end where lines of the output do, an image of points being one: those of windows
    as even as whole vectors can be, those of points full, but for a vector that the last but one
    leaves to a last one that has none."""
    cdef int64_t line = conv.axis[CONVPOOL_COLUMN].out, lanes = plan.kernels.lanes, at = 0, begin
    cdef int64_t length, vectors, pieces, i
    part.strips = 0
    while at < part.pixels:
        length = min(line - (part.pixel + at) % line, part.pixels - at)
        vectors = ceil_div(length, lanes)
        pieces = ceil_div(length, plan.pixel_width)
        for i in range(pieces):
            begin = i * plan.pixel_width
            if not plan.points_lie:
                begin = cut(vectors, pieces, i) * lanes
            elif i > 0 and length - begin < lanes:
                begin -= lanes
            part.begin[part.strips + i] = at + begin
        part.strips += pieces
        at += length
    part.begin[part.strips] = part.pixels


cdef inline bint ends_with_lines(const Plan* plan) noexcept nogil:
    """Whether strips of columns end where lines of output do, see cut_lines."""
    return not plan.pixel_rows and (plan.points_lie or plan.source == COPIED)


cdef inline bint finishes(const Plan* plan, int64_t begin, int64_t end) noexcept nogil:
    """Whether tiles of pixels [begin, end) are finished where they are multiplied."""
    cdef int64_t line = plan.finished_line
    return (line > 0 and (plan.pixel_rows or end - begin >= plan.kernels.lanes)
            and begin // line == (end - 1) // line)


cdef void find_finish(const Plan* plan, const convpool_conv* conv, Part* part) noexcept nogil:
    """Which strips of a part are finished where they are multiplied, how, and where."""
    cdef int along = CONVPOOL_AT_COLUMN if plan.pixel_rows else CONVPOOL_AT_CHANNEL
    cdef int64_t i, pixel
    convpool_only_bounds(conv, &part.finish.low, &part.finish.high)
    part.finish.out_line = conv.out_stride[along]
    part.finish.residual_line = conv.residual_stride[along]
    for i in range(part.strips):
        pixel = part.pixel + part.begin[i]
        part.finished[i] = finishes(plan, pixel, part.pixel + part.begin[i + 1])
        if part.finished[i]:
            part.out_at[i] = convpool_pixel_at(conv.axis, conv.out_stride, pixel)
            part.residual_at[i] = convpool_pixel_at(conv.axis, conv.residual_stride, pixel)


cdef inline convpool_finish finish_of(const convpool_conv* conv, const Part* part, int64_t strip,
                                      int64_t channel, int64_t real, bytes_in bias,
                                      bytes_in residual, bytes_out out) noexcept nogil:
    """Where tiles of a strip of pixels are finished, from one of the part's channels on."""
    cdef convpool_finish finish = part.finish
    channel += part.channel
    finish.bias = beyond(bias, channel * real)
    finish.residual = beyond(residual, (
        part.residual_at[strip] + channel * conv.residual_stride[CONVPOOL_AT_CHANNEL]) * real)
    finish.out = out + (
        part.out_at[strip] + channel * conv.out_stride[CONVPOOL_AT_CHANNEL]) * real
    return finish


cdef void cut_part(const Plan* plan, const convpool_conv* conv, int64_t block,
                   int64_t channel_block, Part* part) noexcept nogil:
    """A block of pixels by a block of channels. Strips of pixels that need no packing are as even
    as can be: a tile of one row takes as long as one of four."""
    cdef int64_t i
    part.pixel = first_of(plan.pixels, plan.pixel_unit, plan.pixel_blocks, block)
    part.pixels = first_of(plan.pixels, plan.pixel_unit, plan.pixel_blocks, block + 1) - part.pixel
    part.strips = ceil_div(part.pixels, plan.pixel_width)
    if ends_with_lines(plan):
        cut_lines(plan, conv, part)
    else:
        for i in range(part.strips + 1):
            part.begin[i] = (min(i * plan.pixel_width, part.pixels) if plan.source == PACKED
                             else cut(part.pixels, part.strips, i))
    find_finish(plan, conv, part)
    part.channel = first_of(conv.out_channels, plan.channel_unit, plan.channel_blocks,
                            channel_block)
    part.channels = first_of(conv.out_channels, plan.channel_unit, plan.channel_blocks,
                             channel_block + 1) - part.channel


cdef void copy_pixels(const Plan* plan, const convpool_conv* conv, Part* part, bytes_in x,
                      int64_t channel, int64_t channels, bytes_out copy) noexcept nogil:
    """What the windows of a part's pixels see of some channels, and where each pixel's begins."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    convpool_copied_windows(conv, part.pixel, part.pixels, channel, channels, not plan.pixel_rows,
                            &part.windows)
    convpool_copied_places(conv, &part.windows, part.place)
    plan.kernels.copy_windows(conv, &part.windows, x, copy)
    # The last vectors of columns reach beyond the copy.
    memset(copy + part.windows.size * real, 0, plan.kernels.lanes * real)


cdef bytes_in find_pixels(const Plan* plan, const convpool_conv* conv, Part* part, bytes_in x,
                          int64_t begin, int64_t end, bytes_out copy,
                          int64_t* offsets) noexcept nogil:
    """Where gemm_rows or gemm_columns finds steps [begin, end) of a part's pixels: from the result
    on, at part.place and `offsets`."""
    cdef int64_t element = <int64_t>plan.kernels.element_size, taps = convpool_taps(conv.axis), k
    cdef int64_t channel = begin // taps, step = conv.x_stride[CONVPOOL_AT_CHANNEL]
    if plan.source == IN_PLACE:
        convpool_input_places(conv, part.pixel, part.pixels, part.place)
        for k in range(end - begin):
            offsets[k] = k * step
        return x + channel * step * element
    copy_pixels(plan, conv, part, x, channel, ceil_div(end, taps) - channel, copy)
    convpool_copied_offsets(conv, &part.windows, begin, end, offsets)
    return copy


cdef inline bint lies(const Plan* plan, const Part* part, int64_t strip) noexcept nogil:
    """Whether a strip of columns is read in place. Less than a strip of channels touches whole
    vectors."""
    cdef int64_t pixels = part.begin[strip + 1] - part.begin[strip], lanes = plan.kernels.lanes
    return plan.points_lie and (pixels % lanes == 0
                                or (pixels > lanes and part.channels >= plan.channel_width))


cdef void pack_columns(const Plan* plan, const convpool_conv* conv, const Part* part, bytes_in x,
                       int64_t begin, int64_t end, bytes_out panel) noexcept nogil:
    """Steps [begin, end) of a part's pixels, or of those that are not read in place."""
    cdef int64_t strip
    if not plan.points_lie:
        plan.kernels.pack_pixels(conv, x, begin, end, part.pixel, part.pixels, plan.pixel_width,
                                 plan.strip_pitch, panel)
        return
    for strip in range(part.strips):
        if not lies(plan, part, strip):
            plan.kernels.pack_pixels(
                conv, x, begin, end, part.pixel + part.begin[strip],
                part.begin[strip + 1] - part.begin[strip], plan.pixel_width, plan.strip_pitch,
                panel + strip * plan.strip_pitch * <int64_t>plan.kernels.real_size)


cdef Columns find_columns(const Plan* plan, const convpool_conv* conv, const Part* part,
                          bytes_in x, bytes_out panel, int64_t strip, int64_t begin, bint packed,
                          const int64_t* offsets) noexcept nogil:
    """A strip of columns from step `begin` on: where nothing has packed it yet, in place."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t pixel = part.pixel + part.begin[strip]
    cdef bytes_out strip_of_panel = panel + strip * plan.strip_pitch * real
    cdef Columns columns
    columns.pixels = part.begin[strip + 1] - part.begin[strip]
    columns.step = plan.pixel_width
    columns.offsets = NULL
    columns.keep = NULL
    columns.at = strip_of_panel
    if plan.source == COPIED:
        columns.offsets = offsets
        columns.at = panel + part.place[part.begin[strip]] * real
    elif not packed and lies(plan, part, strip):
        columns.keep = strip_of_panel
        columns.step = conv.x_stride[CONVPOOL_AT_CHANNEL]
        columns.at = x + (convpool_pixel_at(conv.axis, conv.x_stride, pixel)
                          + begin * columns.step) * real
    return columns


cdef void convolve_part(const Plan* plan, const convpool_conv* conv, Part* part,
                        bytes_in weights, bytes_in x, bytes_in bias, bytes_in residual,
                        bytes_out out, bytes_out scratch) noexcept nogil:
    cdef int64_t begin = 0, end, first, last
    cdef bytes_out panel = scratch
    cdef int64_t* offsets = <int64_t*>(scratch + plan.panel_size)
    cdef bytes_out tiles = scratch + plan.panel_size + plan.offsets_size
    cdef bytes_in pixels = panel
    while begin < plan.depth:
        end = min(begin + plan.depth_block, plan.depth)
        if plan.source == PACKED:
            pack_columns(plan, conv, part, x, begin, end, panel)
        else:
            pixels = find_pixels(plan, conv, part, x, begin, end, panel, offsets)
        first = 0
        if plan.in_lines:
            multiply_lines(plan, conv, part, weights, pixels, offsets, tiles, begin, end, bias,
                           residual, out)
            first = part.channels
        elif plan.one_row:
            first = multiply_row(plan, conv, part, weights, pixels, offsets, tiles, begin, end,
                                 bias, residual, out)
        while first < part.channels:
            last = min(first + CHANNEL_BLOCK - (part.channel + first) % plan.channel_width,
                       part.channels)
            if plan.pixel_rows:
                multiply_rows(plan, conv, part, weights, pixels, offsets, tiles, begin, end, first,
                              last, bias, residual, out)
            else:
                multiply_columns(plan, conv, part, weights, x, panel, offsets, tiles, begin, end,
                                 first, last, bias, residual, out)
            first = last
        begin = end


cdef inline bytes_in weights_at(const Plan* plan, bytes_in weights, int64_t step,
                                int64_t channel) noexcept nogil:
    return weights + (step // plan.depth_block * plan.weight_block
                      + channel // plan.channel_width * plan.weight_piece
                      ) * <int64_t>plan.kernels.real_size


cdef bytes_in weights_after(const Plan* plan, bytes_in weights, const Part* part, int64_t begin,
                            int64_t channel) noexcept nogil:
    """The weights that are multiplied after those of the channels before `channel`."""
    if channel < part.channels:
        return weights_at(plan, weights, begin, part.channel + channel)
    return weights_at(plan, weights, min(begin + plan.depth_block, plan.depth - 1), part.channel)


cdef void store_rows(const Plan* plan, const convpool_conv* conv, const Part* part, bytes_in line,
                     int64_t channel, int64_t channels, bytes_in bias, bytes_in residual,
                     bytes_out out) noexcept nogil:
    """What is not finished of a strip of channels."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t pitch = kernels.columns, strip = 0, next, begin
    while strip < part.strips:
        next = strip + 1
        if not part.finished[strip]:
            while next < part.strips and not part.finished[next]:
                next += 1
            begin = part.begin[strip]
            kernels.store_tile(
                conv, line + begin * pitch * <int64_t>kernels.real_size, pitch, True, channel,
                channels, part.pixel + begin, part.begin[next] - begin, bias, residual, out)
        strip = next


cdef void multiply_rows(const Plan* plan, const convpool_conv* conv, const Part* part,
                        bytes_in weights, bytes_in rows, const int64_t* offsets, bytes_out tiles,
                        int64_t begin, int64_t end, int64_t first, int64_t last, bytes_in bias,
                        bytes_in residual, bytes_out out) noexcept nogil:
    """Steps [begin, end) of a part's channels [first, last), which are columns: a strip of weights
    stays while pixels stream past it."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, columns = kernels.columns
    cdef int64_t channel = first, skipped, used, p, pixel, pixels
    cdef int chain = CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS
    cdef bytes_in weight
    cdef bytes_in next
    cdef bytes_out line = tiles, fresh = tiles + plan.tiles_size
    cdef bytes_out tile
    cdef convpool_finish finish
    cdef convpool_finish* finished
    while channel < last:
        skipped = (part.channel + channel) % columns
        used = min(columns - skipped, last - channel)
        if plan.fresh:
            pack_fresh(plan, conv, weights, begin, end, (part.channel + channel) // columns, fresh)
            next = fresh
            weight = fresh + skipped * real
        else:
            next = weights_after(plan, weights, part, begin, channel + used)
            weight = weights_at(plan, weights, begin, part.channel + channel) + skipped * real
        if plan.depth > plan.depth_block:
            line = tiles + (((part.channel + channel) // columns - part.channel // columns)
                            * part.strips * plan.tile_size)
        for p in range(part.strips):
            pixel = part.begin[p]
            pixels = part.begin[p + 1] - pixel
            finished = NULL
            if end == plan.depth and part.finished[p]:
                finish = finish_of(conv, part, p, channel, real, bias, residual, out)
                finished = &finish
            tile = line + pixel * columns * real
            if plan.source == PACKED:
                kernels.gemm_turned(pixels, used, end - begin, rows + p * plan.strip_pitch * real,
                                    weight, columns, tile, columns, chain, next)
            else:
                kernels.gemm_rows(pixels, used, end - begin, rows, part.place + pixel, offsets,
                                  weight, columns, tile, columns, chain, finished, next)
            # A strip's worth with each tile, until that is the whole of what comes next.
            next += plan.depth_block * kernels.rows * real
            if plan.fresh or (p + 1) * kernels.rows >= columns:
                next = weight
        if end == plan.depth:
            store_rows(plan, conv, part, line, part.channel + channel, used, bias, residual,
                       out)
        channel += used


cdef void multiply_lines(const Plan* plan, const convpool_conv* conv, const Part* part,
                         bytes_in weights, bytes_in rows, const int64_t* offsets, bytes_out tiles,
                         int64_t begin, int64_t end, bytes_in bias, bytes_in residual,
                         bytes_out out) noexcept nogil:
    """Steps [begin, end) of a part's few pixels by weights as they lie."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, channel = 0, columns = kernels.columns
    cdef int64_t pitch = plan.block_strips * columns
    kernels.gemm_lines(
        part.pixels, part.channels, end - begin, rows, part.place, offsets,
        weights + (part.channel * plan.weight_line + begin) * real, plan.weight_line, tiles, pitch,
        CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS)
    while end == plan.depth and channel < part.channels:
        kernels.store_tile(conv, tiles + channel * real, pitch, True, part.channel + channel,
                           min(columns, part.channels - channel), part.pixel, part.pixels, bias,
                           residual, out)
        channel += columns


cdef int64_t multiply_row(const Plan* plan, const convpool_conv* conv, const Part* part,
                          bytes_in weights, bytes_in row, const int64_t* offsets, bytes_out tiles,
                          int64_t begin, int64_t end, bytes_in bias, bytes_in residual,
                          bytes_out out) noexcept nogil:
    """Steps [begin, end) of a part that is one pixel, by several strips of channels at a time.
    Result: how many channels that were."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, columns = kernels.columns, channel = 0, strip
    cdef int chain = CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS
    cdef bytes_in weight
    cdef bytes_out tile = tiles, fresh = tiles + plan.tiles_size
    while channel + CONVPOOL_ROW_STRIPS * columns <= part.channels:
        weight = weights_at(plan, weights, begin, part.channel + channel)
        if plan.fresh:
            weight = fresh
            for strip in range(CONVPOOL_ROW_STRIPS):
                pack_fresh(plan, conv, weights, begin, end,
                           (part.channel + channel) // columns + strip,
                           fresh + strip * plan.weight_piece * real)
        if plan.depth > plan.depth_block:
            tile = tiles + channel // columns * plan.tile_size
        kernels.gemm_row(end - begin, row + part.place[0] * real, offsets, weight,
                         plan.weight_piece, tile, plan.tile_size // real, chain)
        for strip in range(CONVPOOL_ROW_STRIPS):
            if end == plan.depth:
                kernels.store_tile(
                    conv, tile + strip * plan.tile_size, columns, True, part.channel + channel,
                    columns, part.pixel, 1, bias, residual, out)
            channel += columns
    return channel


cdef int64_t strips_together(const Plan* plan, const convpool_conv* conv, const Part* part,
                             int64_t strip) noexcept nogil:
    """Strips from one on that share the lines of their tiles. Where strips end with lines of output
    they share none with the next: whole vectors reach beyond the last one."""
    cdef int64_t strips = min(plan.together, part.strips - strip), n = 1
    cdef int64_t length = conv.axis[CONVPOOL_COLUMN].out
    cdef int64_t line = (part.pixel + part.begin[strip]) // length
    if not ends_with_lines(plan):
        return strips
    while n < strips and (part.pixel + part.begin[strip + n]) // length == line:
        n += 1
    return n


cdef void multiply_strip(const Plan* plan, Columns columns, bytes_in weight, int64_t channels,
                         int64_t depth, int chain, bytes_out tile, convpool_finish* finish,
                         bytes_in after) noexcept nogil:
    """A strip of columns by so many channels' weights; those of the tile that comes after the last
    one are fetched meanwhile, unless `after` is NULL: then they are in the cache."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, channel = 0, rows
    cdef int64_t width = plan.channel_width, pitch = plan.together * kernels.columns
    cdef bytes_in next
    while channel < channels:
        rows = min(width, channels - channel)
        next = weight + plan.weight_piece * real
        if after == NULL:
            next = weight
        elif channel + width >= channels:
            next = after
        if rows == width and (columns.keep != NULL or finish != NULL):
            kernels.gemm_whole(columns.pixels, depth, weight, columns.at, columns.step,
                               columns.offsets, columns.keep, tile, pitch, chain, finish, next)
        elif columns.offsets != NULL:
            kernels.gemm_columns(rows, columns.pixels, depth, weight, columns.at, columns.offsets,
                                 tile, pitch, chain, next)
        else:
            kernels.gemm_tile(rows, columns.pixels, depth, weight, columns.at, columns.step, tile,
                              pitch, chain, next)
        if columns.keep != NULL:  # if rows were too few, no others follow
            columns.at = columns.keep
            columns.step = plan.pixel_width
            columns.keep = NULL
        if finish != NULL:
            finish.bias = beyond(<bytes_in>finish.bias, width * real)
            finish.residual = beyond(<bytes_in>finish.residual,
                                     width * finish.residual_line * real)
            finish.out = <bytes_out>finish.out + width * finish.out_line * real
        weight += plan.weight_piece * real
        tile += plan.together * plan.tile_size
        channel += width


cdef void store_strips(const Plan* plan, const convpool_conv* conv, const Part* part,
                       int64_t strip, int64_t strips, bytes_in lines, int64_t first, int64_t last,
                       bytes_in bias, bytes_in residual, bytes_out out) noexcept nogil:
    """What is not finished of strips together: whole tiles of neighbours at once, and of finished
    strips the last channels."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t pitch = plan.together * plan.kernels.columns, end = strip + strips, channel, next
    cdef int64_t begin = part.begin[strip]
    while strip < end:
        next = strip + 1
        channel = last - (last - first) % plan.channel_width
        if not part.finished[strip]:
            channel = first
            while next < end and not part.finished[next]:
                next += 1
        if channel < last:
            plan.kernels.store_tile(
                conv, lines + ((channel - first) * pitch + part.begin[strip] - begin) * real, pitch,
                False, part.channel + channel, last - channel, part.pixel + part.begin[strip],
                part.begin[next] - part.begin[strip], bias, residual, out)
        strip = next


cdef void multiply_columns(const Plan* plan, const convpool_conv* conv, const Part* part,
                           bytes_in weights, bytes_in x, bytes_out panel, const int64_t* offsets,
                           bytes_out tiles, int64_t begin, int64_t end, int64_t first,
                           int64_t last, bytes_in bias, bytes_in residual,
                           bytes_out out) noexcept nogil:
    """The same with pixels as columns: a strip of them stays while weights stream past it."""
    cdef int64_t real = <int64_t>plan.kernels.real_size, width = plan.channel_width
    cdef int64_t p = 0, q, strips, slot = 0, channel
    cdef int chain = CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS
    cdef bytes_in weight, after
    cdef bytes_out lines = tiles, fresh = tiles + plan.tiles_size
    cdef Columns columns
    cdef convpool_finish finish
    cdef convpool_finish* finished
    if not plan.fresh:
        weight = weights_at(plan, weights, begin, part.channel + first)
    else:
        weight = fresh
        channel = first
        while channel < last:
            pack_fresh(plan, conv, weights, begin, end, (part.channel + channel) // width,
                       fresh + (channel - first) // width * plan.weight_piece * real)
            channel += width
    while p < part.strips:
        strips = strips_together(plan, conv, part, p)
        if plan.depth > plan.depth_block:
            lines = tiles + ((slot * plan.block_strips + plan.together * (first // width))
                             * plan.tile_size)
        slot += plan.together
        for q in range(p, p + strips):
            columns = find_columns(plan, conv, part, x, panel, q, begin, first > 0, offsets)
            finished = NULL
            if end == plan.depth and part.finished[q]:
                finish = finish_of(conv, part, q, first, real, bias, residual, out)
                finished = &finish
            after = NULL
            if q == 0 and not plan.fresh:
                after = weights_after(plan, weights, part, begin, last)
            multiply_strip(plan, columns, weight, last - first, end - begin, chain,
                           lines + (part.begin[q] - part.begin[p]) * real, finished, after)
        if end == plan.depth:
            store_strips(plan, conv, part, p, strips, lines, first, last, bias, residual, out)
        p += strips


cdef void convolve_groups(const Plan* plan, const convpool_conv* conv, Part* part,
                          bytes_in weights, bytes_in x, bytes_in bias, bytes_in residual,
                          bytes_out out, bytes_out scratch) noexcept nogil:
    """All groups of a part, of few channels each, which are neighbours in memory: copied before the
    first is multiplied, and stored after the last."""
    cdef int64_t real = <int64_t>plan.kernels.real_size, columns = plan.kernels.columns
    cdef int64_t p, group, begin, end
    cdef int64_t* offsets = <int64_t*>(scratch + plan.panel_size)
    cdef bytes_out tiles = scratch + plan.panel_size + plan.offsets_size
    cdef convpool_conv whole = conv[0]
    cdef Columns strip
    whole.channels *= conv.groups
    copy_pixels(plan, &whole, part, x, 0, whole.channels, scratch)
    convpool_copied_offsets(conv, &part.windows, 0, plan.depth, offsets)
    strip.keep = NULL
    for p in range(part.strips):
        strip.pixels = part.begin[p + 1] - part.begin[p]
        for group in range(conv.groups):
            strip.at = scratch + (part.place[part.begin[p]] + group * conv.channels
                                  * part.windows.channel_step) * real
            begin = 0
            while begin < plan.depth:
                end = min(begin + plan.depth_block, plan.depth)
                strip.offsets = offsets + begin
                multiply_strip(
                    plan, strip,
                    weights_at(plan, weights + group * plan.weight_group * real, begin, 0),
                    conv.out_channels, end - begin,
                    CONVPOOL_CHAIN_GOES_ON if begin > 0 else CONVPOOL_CHAIN_STARTS,
                    tiles + group * conv.out_channels * columns * real, NULL, NULL)
                begin = end
        plan.kernels.store_tile(&whole, tiles, columns, False, 0, conv.groups * conv.out_channels,
                                part.pixel + part.begin[p], strip.pixels, bias, residual, out)


cdef void convolve_task(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
                        bytes_in bias, bytes_in residual, bytes_out out, int64_t task,
                        bytes_out scratch) noexcept nogil:
    """One block of one group."""
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t block = task // plan.channel_blocks, group = block // plan.pixel_blocks
    cdef Part part
    cut_part(plan, conv, block % plan.pixel_blocks, task % plan.channel_blocks, &part)
    if plan.all_groups:
        convolve_groups(plan, conv, &part, weights, x, bias, residual, out, scratch)
        return
    convolve_part(
        plan, conv, &part, weights + group * plan.weight_group * real,
        x + group * conv.channels * conv.x_stride[1] * element,
        beyond(bias, group * conv.out_channels * real),
        beyond(residual, group * conv.out_channels * conv.residual_stride[1]
               * <int64_t>plan.kernels.out_size),
        out + group * conv.out_channels * conv.out_stride[1] * <int64_t>plan.kernels.out_size,
        scratch)


cdef int run(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
             bytes_in bias, bytes_in residual, bytes_out out, int threads) except -1:
    cdef Block memory = Block(threads * plan.scratch_size, True)
    cdef bytes_out scratch = memory.data
    cdef int64_t task
    if threads == 1:
        with nogil:
            for task in range(plan.tasks):
                convolve_task(plan, conv, weights, x, bias, residual, out, task, scratch)
        return 0
    # The same pixels to the same thread from call to call: what one layer stored in a core's cache
    # the next one reads there.
    for task in prange(plan.tasks, nogil=True, num_threads=threads, schedule="static"):
        convolve_task(plan, conv, weights, x, bias, residual, out, task,
                      scratch + threadid() * plan.scratch_size)
    return 0


cdef class Strips:
    """A weight as the algorithms read it, each form made when it is first asked for; what was
    prepared for a call that then asks for another goes. (Two threads that ask at once make a form
    twice; the last one's stays.)"""

    def __cinit__(self):
        self.met = ()


cdef cnp.ndarray unpack(const Plan* plan, const convpool_conv* conv, Block packed,
                        cnp.ndarray like):
    """The weight that `pack` was given, of the shape and type of `like`."""
    cdef bint double = plan.kernels.real_size == sizeof(double)
    cdef cnp.npy_intp[5] shape = [conv.groups, plan.weight_group // plan.weight_block,
                                  plan.channel_strips, plan.depth_block, plan.channel_width]
    strips = cnp.PyArray_SimpleNewFromData(
        5, shape, cnp.NPY_DOUBLE if double else cnp.NPY_FLOAT, packed.data)
    whole = strips.transpose(0, 2, 4, 1, 3).reshape((shape[0], shape[2] * shape[4], -1))
    whole = whole[:, :conv.out_channels, :plan.depth].astype(like.dtype)
    return whole.reshape((<object>like).shape)


cdef cnp.ndarray weight_of(Strips strips, const Plan* plan, const convpool_conv* conv,
                           cnp.ndarray weight):
    """A weight, or if its strips are whole what they hold of it."""
    cdef Plan made = plan[0]
    cdef Block packed = strips.columns if strips.rows is None else strips.rows
    if not strips.whole:
        return weight
    made.pixel_rows = strips.rows is None
    plan_weights(&made, conv)
    return unpack(&made, conv, packed, weight)


cdef Block direct_strips(Strips strips, const Plan* plan, const convpool_conv* conv,
                         cnp.ndarray weight, int threads):
    cdef Block packed = strips.columns if plan.pixel_rows else strips.rows
    if packed is not None:
        return packed
    packed = pack(plan, conv, weight_of(strips, plan, conv, weight), threads)
    if not strips.used:
        strips.rows = strips.columns = strips.small_tiles = strips.large_tiles = None
    if plan.pixel_rows:
        strips.columns = packed
    else:
        strips.rows = packed
    return packed


cdef Block winograd_strips(Strips strips, int side, const Plan* plan, const convpool_conv* conv,
                           cnp.ndarray weight, int threads):
    cdef Block packed = strips.small_tiles if side == 4 else strips.large_tiles
    if packed is not None:
        return packed
    packed = transform_weights(conv, side, plan.kernels, weight_of(strips, plan, conv, weight),
                               threads)
    if not strips.used:
        strips.small_tiles = strips.large_tiles = None
    if side == 4:
        strips.small_tiles = packed
    else:
        strips.large_tiles = packed
    return packed


cdef cnp.ndarray met_taps(const convpool_conv* conv, const int64_t* first, cnp.ndarray weight):
    """The taps of a weight that a convolution is left with, from `first` on: a view, or a copy for
    stencils, which is little."""
    cdef int axis, spatial = cnp.PyArray_NDIM(weight) - 2
    cdef cnp.ndarray taps = weight[(slice(None), slice(None), *[
        slice(first[axis], first[axis] + conv.axis[axis].kernel)
        for axis in range(CONVPOOL_AXES - spatial, CONVPOOL_AXES)])]
    return (cnp.PyArray_GETCONTIGUOUS(taps) if is_depthwise(conv.channels, conv.out_channels)
            else taps)


cdef bint meets(Strips met, const convpool_conv* conv, const int64_t* first):
    """Whether strips are those of the taps that a convolution is left with."""
    cdef int axis
    for axis in range(CONVPOOL_AXES):
        if met.first[axis] != first[axis] or met.taps[axis] != conv.axis[axis].kernel:
            return False
    return True


cdef Strips strips_of_met(Strips strips, const Plan* plan, const convpool_conv* whole,
                          const convpool_conv* conv, const int64_t* first, cnp.ndarray weight):
    """Strips of those taps: kept for the next calls, which likely meet the same ones."""
    cdef Strips met
    cdef tuple kept
    cdef int axis
    with critical_section(strips):
        kept = strips.met
    for met in kept:
        if meets(met, conv, first):
            return met
    met = Strips()
    for axis in range(CONVPOOL_AXES):
        met.first[axis] = first[axis]
        met.taps[axis] = conv.axis[axis].kernel
    met.weight = met_taps(conv, first, weight_of(strips, plan, whole, weight)).copy()
    with critical_section(strips):
        strips.met = (met, *kept[:KEPT - 1])
    return met


cdef int by_winograd(const convpool_conv* conv, int algorithm) noexcept:
    """The side of Winograd's tiles, or 0 if that is not the way."""
    if algorithm == DIRECT or not fits_winograd(conv):
        return 0
    return winograd_side(conv, algorithm == WINOGRAD)


cdef Strips pack_weight(const convpool_conv* conv, cnp.ndarray weight,
                        const convpool_kernels* kernels, bint channels_last, int algorithm,
                        num_threads):
    """The strips of a weight that `run_convolution` takes: good for any input of this layout. Of
    `conv` the sizes of input and output are not known yet, nor the channels: what is prepared
    first is what large images need. (Kernels of one channel are not prepared, but for Winograd:
    stencils take them as they are, and a call by another way prepares them.)"""
    cdef convpool_conv sized = conv[0]
    cdef Plan plan
    cdef Strips strips = Strips()
    cdef Source source
    cdef int side, threads = threads_for(num_threads, <double>cnp.PyArray_SIZE(weight))
    set_channels(&sized, weight, conv.groups)
    source = COPIED if convpool_taps(sized.axis) > 1 else PACKED
    sized.axis[CONVPOOL_ROW].out = sized.axis[CONVPOOL_COLUMN].out = LARGE_IMAGE
    plan.kernels = kernels
    plan.pixel_rows = not takes_windows(kernels, &sized, source, channels_last) and (
        channels_last or suits_rows(kernels, &sized, source))
    plan_weights(&plan, &sized)
    side = by_winograd(&sized, algorithm)
    if side > 0:
        winograd_strips(strips, side, &plan, &sized, weight, threads)
    elif not is_depthwise(sized.channels, sized.out_channels):  # stencils take the weight itself
        direct_strips(strips, &plan, &sized, weight, threads)
        strips.whole = kernels.products == 1
    return strips


cdef bint is_one_pixel(const convpool_conv* conv, bint with_residual) noexcept:
    """Whether images are one pixel each, whose channels lie side by side in either layout."""
    return (convpool_pixels(conv.axis) == 1 and conv.axis[CONVPOOL_DEPTH].size == 1
            and conv.axis[CONVPOOL_ROW].size == 1 and conv.axis[CONVPOOL_COLUMN].size == 1
            and conv.x_stride[CONVPOOL_AT_CHANNEL] == 1
            and conv.out_stride[CONVPOOL_AT_CHANNEL] == 1
            and (not with_residual or conv.residual_stride[CONVPOOL_AT_CHANNEL] == 1))


cdef int run_convolution(convpool_conv* conv, bytes_in x, cnp.ndarray weight, cnp.ndarray taps,
                         bytes_in bias, bytes_in residual, bytes_out out, Strips strips,
                         const convpool_kernels* kernels, bint channels_last, int algorithm,
                         num_threads) except -1:
    """Convolves into `out`. The caller has checked everything: strides count whole aligned native
    elements, `bias` is contiguous and of the type sums have, `taps` are the weight as stencils take
    it, `strips` are what `pack_weight` made of this weight, or None. Where they are whole nothing
    is read of the weight itself."""
    cdef Plan plan
    cdef Block packed
    cdef bytes_in weights
    cdef int side, threads
    cdef bint stencil
    cdef int64_t first[CONVPOOL_AXES]
    cdef convpool_conv whole = conv[0]
    plan.kernels = kernels
    if (algorithm != WINOGRAD and kernels.products == 1
            and convpool_leave_out_taps(conv, first)):
        if strips is None:
            weight = met_taps(conv, first, weight)
        else:
            strips = strips_of_met(strips, &plan, &whole, conv, first, weight)
            weight = strips.weight
        taps = weight
    channels_last = channels_last or is_one_pixel(conv, residual != NULL)
    convpool_merge_rows(conv, residual != NULL)
    stencil = algorithm != WINOGRAD and suits_stencil(kernels, conv, channels_last)
    plan_tiles(&plan, conv, channels_last)
    plan_weights(&plan, conv)
    threads = threads_for(
        num_threads, <double>conv.batch * conv.groups * conv.out_channels * plan.depth
        * convpool_pixels(conv.axis) * (STENCIL if stencil else 1))
    if stencil:
        run_stencil(conv, plan.kernels, channels_last, x, taps, bias, residual, out, threads)
        return 0
    side = by_winograd(conv, algorithm)
    if side > 0:
        packed = None
        if strips is not None:
            packed = winograd_strips(strips, side, &plan, conv, weight, threads)
            strips.used = True
        run_winograd(conv, side, plan.kernels, packed, weight, x, bias, residual, out, threads)
        return 0
    if strips is None:
        plan_lines(&plan, conv, weight)
    plan_blocks(&plan, conv, threads)
    plan.finished_line = finished_line(&plan, conv, residual != NULL)
    if strips is None and not plan.in_lines:
        plan_fresh(&plan, conv, weight)
    if plan.fresh or plan.in_lines:
        weights = <bytes_in>cnp.PyArray_DATA(weight)
    else:
        strips = Strips() if strips is None else strips
        packed = direct_strips(strips, &plan, conv, weight, threads)
        strips.used = True
        weights = packed.data
    run(&plan, conv, weights, x, bias, residual, out, min(threads, plan.tasks))
    return 0
