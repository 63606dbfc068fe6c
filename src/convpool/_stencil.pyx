# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of convolutions whose outputs see one input channel each: depthwise.

    offsets = where each tap stands in a patch, from the output pixel
    parallel over (image, lanes of output channels, depth, block of rows, block of columns):
        for each input channel, or for some or all at once:
            patch = stage(input)                   (borders filled in, strides taken apart)
            for each of its output channels:
                out = bounded(stencil(patch, offsets, weight) + bias)

Neighbours are the lanes of an array with channels last: one patch holds them side by side, and
their weights are packed in the same way, once for all blocks that a thread meets in a row. Where
windows lie inside the input, sums are formed over the input itself, and only the parts of a block
around those are staged. Otherwise lanes are some channels one after the other, so many that a task
is worth its while; there square kernels of common sizes run along rows of the input itself, where
its border is 0 and its columns are neighbours; or of patches, those of some planes at a time, as
many as stay in the first level of cache.

Planes of a few outputs each fill no vectors: all channels of some images are turned into lanes, in
scratch memory, and their results back.

Bytes are staged as float, whose sums of so few products of theirs are exact, and their weights come
as float. Rows of theirs without a gap are staged as they lie in memory, less the border's value, so
that zeros surround them. As the epilogue makes up for inputs that are not less that value,

    sum x w = sum (x - border) w + border sum w

is what sums are, with the last term as what is added to a channel.

Results go straight to `out` where that holds sums as they are, element after element. Another type,
other strides and a residual take them through scratch memory and, row by row, through the epilogue,
as do activations that are no mere bounds. Each sum runs over its taps in the order of _conv's
driver and has the same bits.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset
cimport numpy as cnp

from convpool._geometry cimport fill_strides
from convpool._kernels cimport *
from convpool._memory cimport ALIGNMENT, Block, aligned, beyond, bytes_in, bytes_out, ceil_div

cnp.import_array()

cdef enum:
    EXACT = 256            # products of bytes, and less than 2^16 each, that a float sum holds
    MULTIPLIER = 4         # most output channels a group, above which a packed panel pays
    LANES = 64             # most channels of a patch, but for
    MANY = 1024            # ... all of them, where memory is what counts: as few as these
    NARROW = 9             # ... with windows that reach over so few pixels
    FAR = 1 << 18          # elements of an image that comes from afar
    WIDTH = 16             # no vector is longer
    ROW = 2048             # elements of a patch's row, where the kernel leaves that choice
    LONG_ROW = 8192        # ... of all channels
    PLANE = 16_384         # of a patch of one channel, likewise
    PATCH = 24_576         # of a patch of many: both stay in the second level of cache
    PLANES = 6144          # of all patches of planes that are summed in one call, and their sums
    LARGEST_PATCH = 1 << 18
    LOWEST = 8             # rows of a block, unless threads would go idle
    TASK = 1 << 17         # multiply-adds that make a task
    SMALL = 16             # outputs of a plane for which lanes pay, whatever the layout
    SMALL_ANY = 64         # ... where sums do not run along rows,
    SPARSE = 8             # and the input so many times as large at most
    TURNED = 1 << 19       # elements of images turned at a time, of planes and results
    INNER = 4              # a block may lose one part in so many to the border, and yet be split


cdef struct Plan:
    const convpool_kernels* kernels
    convpool_conv staged            # the convolution whose patches are staged
    convpool_stage stage
    convpool_stencil stencil        # over a patch
    convpool_stencil inner          # over the input, for outputs that meet no border
    convpool_plane plane            # what rows are made of, where sums run along them
    int streams                     # whether they do
    int in_place                    # over the input, without a patch
    int in_rows                     # over a patch of rows as the input has them
    int64_t inside[3][2]            # which those are, on each axis
    int interleaved                 # a patch has all lanes side by side
    int whole                       # and all rows and columns, whatever the stride
    int direct                      # sums are formed in `out`
    int finished                    # and need no epilogue
    int dense                       # rows of output follow each other, those of sums, too
    int biased                      # by stencils; sums of bytes by the epilogue
    int bordered                    # what patches have in common, as stage_patch counts it
    int64_t channels, lanes, lane_blocks
    int64_t planes                  # summed in one call, where lanes are not side by side
    int64_t rows, row_blocks, columns, column_blocks
    int64_t weight_pitch            # elements from tap to tap of packed lanes
    int64_t weight_size, plane_size, patch_size, scratch_size  # bytes, of a thread
    int64_t tasks


cdef struct Weight:
    convpool_conv conv
    int64_t stride[5]
    bytes_in data
    bytes_in bias
    int packed                      # whether stencils need it in another form


cdef struct State:                  # of a thread, at the head of its scratch memory
    int64_t packed                  # the first lane of the weights at hand, counted from 1
    int64_t bordered                # lanes, or planes, whose border in the patch is filled in


cdef bint is_staged(const convpool_kernels* kernels) noexcept:
    """Whether arrays hold numbers of another type than sums, which then never run over the input
    itself, nor stand in `out`."""
    return kernels.element_size != kernels.real_size


cdef bint all_at_once(const convpool_kernels* kernels, const convpool_conv* conv) noexcept:
    """Whether neighbouring channels are best taken all together, as they follow each other in
    memory, though rows of them all do not stay in the first level of cache."""
    cdef int64_t reach = 1, pixels = 1
    cdef int i
    for i in range(CONVPOOL_AXES):
        reach *= convpool_reach(&conv.axis[i])
        pixels *= conv.axis[i].size
    return (reach <= NARROW and conv.groups * conv.out_channels <= MANY
            and (is_staged(kernels) or pixels * conv.groups > FAR))


cdef int64_t most_lanes(const convpool_kernels* kernels, const convpool_conv* conv,
                        bint interleaved) noexcept:
    """Lanes of a patch: few enough, evenly cut, never within a group."""
    cdef int64_t groups = LANES // conv.out_channels
    if not interleaved:
        return 1
    if all_at_once(kernels, conv):
        groups = conv.groups
    return ceil_div(conv.groups, ceil_div(conv.groups, groups)) * conv.out_channels


cdef int64_t most_columns(const convpool_kernels* kernels, int64_t lanes) noexcept:
    """Of a patch, at least one."""
    return ceil_div(LONG_ROW if is_staged(kernels) and lanes > LANES else ROW, lanes)


cdef bint is_whole(const convpool_conv* conv, bint interleaved) noexcept:
    """Whether sums skip columns and rows of a patch by themselves, as they do where lanes are side
    by side and where they run along rows."""
    return interleaved or convpool_plane_vectors(convpool_stencil_shape(conv, False)) > 0


cdef convpool_conv staged_as(const convpool_conv* conv, bint whole) noexcept:
    """What patches are made of."""
    cdef convpool_conv staged = conv[0]
    if whole:
        staged.axis[CONVPOOL_ROW].stride = staged.axis[CONVPOOL_COLUMN].stride = 1
    return staged


cdef int64_t staged_for(const convpool_axis* axis, int64_t outputs, bint whole) noexcept nogil:
    """Outputs of `staged_as` for so many of the convolution itself."""
    return (outputs - 1) * axis.stride + 1 if whole else outputs


cdef bint is_depthwise(int64_t channels, int64_t out_channels) noexcept:
    """Whether groups of so many channels are what stencils are for."""
    return channels == 1 and out_channels <= MULTIPLIER


cdef bint suits_stencil(const convpool_kernels* kernels, const convpool_conv* conv,
                        bint channels_last) noexcept:
    """Whether `run_stencil` takes such a convolution: a question of shape alone."""
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    cdef convpool_conv staged
    cdef convpool_stage stage
    cdef int64_t lanes, columns
    cdef bint whole = is_whole(conv, channels_last)
    if kernels.stencil == NULL or not is_depthwise(conv.channels, conv.out_channels):
        return False
    if kernels.products > 1 and convpool_taps(conv.axis) > EXACT:
        return False
    lanes = most_lanes(kernels, conv, channels_last)
    staged = staged_as(conv, whole)
    columns = staged_for(column, min(column.out, most_columns(kernels, lanes)), whole)
    stage = convpool_stage_for(&staged, 1, columns, lanes)
    return convpool_stage_size(&staged, &stage) <= LARGEST_PATCH


cdef int64_t rows_within(const Plan* plan, const convpool_axis* row, int64_t most) noexcept:
    """Rows of output whose patch has so many elements at most; `plan.stage` is that of one row."""
    cdef int64_t fitting = (most * plan.stage.rows
                            // convpool_stage_size(&plan.staged, &plan.stage)
                            - plan.stage.over_rows)
    return (fitting - 1) // row.stride + 1 if plan.whole else fitting


cdef void plan_blocks(Plan* plan, const convpool_conv* conv, int threads) noexcept:
    """Cuts the work."""
    cdef const convpool_axis* row = &conv.axis[CONVPOOL_ROW]
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    cdef int64_t depths = conv.batch * conv.axis[CONVPOOL_DEPTH].out, planes
    cdef int64_t wanted = 8 * threads if threads > 1 else 1
    cdef int64_t lanes = most_lanes(plan.kernels, conv, plan.interleaved), columns
    plan.columns = min(column.out, most_columns(plan.kernels, lanes))
    plan.column_blocks = ceil_div(column.out, plan.columns)
    columns = staged_for(column, plan.columns, plan.whole)
    plan.stage = convpool_stage_for(&plan.staged, 1, columns, lanes)
    plan.rows = rows_within(plan, row, PATCH if plan.interleaved else PLANE)
    # At least as many rows as the kernel reaches over: most rows then are staged twice at most.
    plan.rows = max(plan.rows, max(min(plan.stage.rows, <int64_t>16), <int64_t>LOWEST))
    plan.rows = max(<int64_t>1, min(plan.rows, rows_within(plan, row, LARGEST_PATCH)))
    plan.rows = min(plan.rows, row.out)
    plan.channels = conv.groups * conv.out_channels
    planes = depths * plan.column_blocks * ceil_div(plan.channels, lanes)
    if threads > 1 and planes * ceil_div(row.out, plan.rows) < wanted:
        plan.rows = min(plan.rows, max(<int64_t>4, ceil_div(row.out, ceil_div(wanted, planes))))
    plan.row_blocks = ceil_div(row.out, plan.rows)
    plan.rows = ceil_div(row.out, plan.row_blocks)
    plan.stage = convpool_stage_for(
        &plan.staged, staged_for(row, plan.rows, plan.whole), columns, lanes)
    if not plan.interleaved:
        planes = min(TASK // (plan.rows * plan.columns * convpool_taps(conv.axis)
                              * conv.out_channels),
                     depths * plan.row_blocks * plan.column_blocks * conv.groups // wanted)
        lanes = min(max(planes, <int64_t>1), conv.groups) * conv.out_channels
    plan.lanes = lanes
    plan.lane_blocks = ceil_div(plan.channels, lanes)
    plan.tasks = depths * plan.column_blocks * plan.row_blocks * plan.lane_blocks
    plan.bordered = 0
    if conv.border == CONVPOOL_CONSTANT and plan.column_blocks == 1:
        plan.bordered = 2 if plan.row_blocks * conv.axis[CONVPOOL_DEPTH].out == 1 else 1


cdef void plan_planes(Plan* plan, const convpool_conv* conv) noexcept:
    """Sums along rows: of a patch, or of the input where they can be had as they are."""
    cdef const convpool_axis* depth = &conv.axis[CONVPOOL_DEPTH]
    cdef const convpool_axis* row = &conv.axis[CONVPOOL_ROW]
    cdef int64_t[5] size = [conv.batch, conv.groups, depth.size, row.size,
                            conv.axis[CONVPOOL_COLUMN].size]
    cdef bint staged = is_staged(plan.kernels), inside
    cdef int64_t axis
    plan.streams = plan.whole and not plan.interleaved
    inside = (plan.streams and depth.before == 0 and depth.after == 0
              and conv.border == CONVPOOL_CONSTANT and conv.x_stride[CONVPOOL_AT_COLUMN] == 1)
    plan.in_place = inside and not staged and conv.border_value == 0
    plan.in_rows = (inside and staged and plan.column_blocks == 1
                    and (conv.border_value == 0 or plan.kernels.products > 1)
                    and conv.x_stride[CONVPOOL_AT_ROW] == size[4])
    plan.plane.low = plan.plane.top = plan.plane.left = 0
    plan.plane.high = plan.plane.planes = 1
    for axis in range(CONVPOOL_RANK):
        plan.in_place = plan.in_place and conv.x_stride[axis] >= 0
        plan.plane.high += (size[axis] - 1) * conv.x_stride[axis]
    plan.plane.rows = row.size
    plan.plane.columns = size[4]
    plan.plane.row_step = conv.x_stride[CONVPOOL_AT_ROW]
    plan.plane.step = conv.x_stride[CONVPOOL_AT_CHANNEL]
    if plan.in_rows:
        plan.plane.rows = min(row.size, staged_for(row, plan.rows, True) + row.kernel - 1)
    elif not plan.in_place:
        plan.plane.rows = plan.stage.rows
        plan.plane.columns = plan.plane.row_step = plan.stage.columns


cdef void plan_sums(Plan* plan, const convpool_conv* conv, int64_t* offsets) noexcept:
    """How sums are formed: over patches, and where they can be over the input. `offsets` has room
    for both."""
    cdef int64_t pitch = plan.stage.columns * plan.stage.lanes, axis
    cdef int64_t* further = offsets + convpool_taps(conv.axis)
    convpool_stage_offsets(&plan.staged, &plan.stage, offsets)
    plan.stencil = convpool_stencil_for(
        conv, plan.interleaved, offsets, pitch, plan.stage.lanes)
    plan.inside[0][1] = 0
    plan_planes(plan, conv)
    if plan.interleaved:
        plan.stencil.row_step *= conv.axis[CONVPOOL_ROW].stride
    if (plan.interleaved and conv.x_stride[CONVPOOL_AT_CHANNEL] == 1 and conv.out_channels == 1
            and not is_staged(plan.kernels)
            and conv.groups - (plan.lane_blocks - 1) * plan.lanes >= WIDTH):
        convpool_input_offsets(conv, further)
        plan.inner = convpool_stencil_for(
            conv, True, further,
            conv.x_stride[CONVPOOL_AT_ROW] * conv.axis[CONVPOOL_ROW].stride,
            conv.x_stride[CONVPOOL_AT_COLUMN])
        for axis in range(3):
            convpool_outputs_inside(&conv.axis[axis], &plan.inside[axis][0], &plan.inside[axis][1])


cdef void plan_results(Plan* plan, const convpool_conv* conv, bint with_residual) noexcept:
    """Chooses the way of sums to `out`."""
    cdef int64_t step = conv.out_stride[CONVPOOL_AT_COLUMN]
    cdef double low, high
    cdef bint dense = True  # rows of a block have no gaps
    if plan.interleaved:
        dense = step == plan.stage.lanes
        step = conv.out_stride[CONVPOOL_AT_CHANNEL]
    plan.finished = convpool_only_bounds(conv, &low, &high)
    plan.biased = plan.kernels.products == 1
    plan.direct = (step == 1 and not with_residual
                   and not is_staged(plan.kernels)
                   and (dense or plan.finished))
    plan.finished = plan.finished and plan.direct
    plan.dense = (not plan.direct
                  and convpool_outputs_follow(conv, CONVPOOL_AT_ROW, with_residual))
    if plan.finished:
        plan.stencil.low = plan.inner.low = low
        plan.stencil.high = plan.inner.high = high


cdef void plan_together(Plan* plan, const convpool_conv* conv, bint packed) noexcept:
    """How many planes are summed in one call; of `packed` weights there is one at a time."""
    cdef int64_t sums = plan.rows * plan.columns, patch = 0
    if plan.in_rows:
        patch = plan.plane.rows * plan.plane.columns
    elif not plan.in_place:
        patch = convpool_stage_size(&plan.staged, &plan.stage)
    plan.planes = 1
    if plan.streams and not packed and conv.out_channels == 1:
        plan.planes = plan.lanes
        if not (plan.in_place and plan.direct):
            plan.planes = max(<int64_t>1, min(plan.lanes, PLANES // (patch + sums)))
    plan.plane.out_step = conv.out_stride[CONVPOOL_AT_CHANNEL] if plan.direct else sums
    if not plan.in_place:
        plan.plane.step = patch
        plan.plane.high = plan.planes * patch + CONVPOOL_SLACK
    if plan.in_rows:
        plan.plane.low = -WIDTH  # of the scratch memory before


cdef void plan_memory(Plan* plan, const convpool_conv* conv) noexcept:
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t patch = 0
    if not plan.in_place:
        patch = plan.planes * plan.plane.step + CONVPOOL_SLACK
    plan.weight_pitch = 1
    if plan.interleaved:
        plan.weight_pitch = ceil_div(plan.lanes, WIDTH) * WIDTH
    plan.weight_size = aligned(
        max((plan.stencil.taps + 1) * plan.weight_pitch, plan.planes) * real)
    plan.patch_size = aligned(patch * real)
    plan.plane_size = 0
    if plan.streams:
        plan.plane_size = aligned(
            convpool_plane_scratch(&conv.axis[CONVPOOL_ROW], plan.rows) * real)
    plan.scratch_size = ALIGNMENT + plan.weight_size + plan.plane_size + plan.patch_size
    if not plan.direct:
        plan.scratch_size += aligned(
            plan.planes * plan.rows * plan.columns * plan.stage.lanes * real)


cdef void pack_taps(const Plan* plan, const Weight* weight, int64_t channel, int64_t lanes,
                    bytes_out packed) noexcept nogil:
    """[tap][lane], and after the last tap the biases."""
    cdef int64_t real = <int64_t>plan.kernels.real_size
    if lanes < plan.weight_pitch:  # vectors have lanes of no channel
        memset(packed, 0, plan.weight_size)
    plan.kernels.pack_taps(&weight.conv, weight.data, weight.stride, channel,
                           plan.weight_pitch, packed, plan.stencil.taps, 0)
    if weight.bias != NULL and plan.biased:
        memcpy(packed + plan.stencil.taps * plan.weight_pitch * real,
               weight.bias + channel * real, lanes * real)


cdef void store_rows(const Plan* plan, const convpool_conv* conv, const convpool_block* block,
                     bytes_out sums, int64_t row_pitch, bytes_in bias, bytes_in residual,
                     bytes_out out) noexcept nogil:
    """Sums of a block -> out, by the epilogue."""
    cdef convpool_block joined = block[0]
    cdef int64_t row, rows = block.rows
    # Rows that follow each other in memory are one.
    if plan.dense and block.columns == conv.axis[CONVPOOL_COLUMN].out:
        joined.columns *= block.rows
        rows = 1
    for row in range(rows):
        plan.kernels.store_row(conv, &joined, block.row + row,
                               sums + row * row_pitch * <int64_t>plan.kernels.real_size, bias,
                               residual, out)


cdef void store_sums(const Plan* plan, const convpool_conv* conv, const convpool_stencil* stencil,
                     const convpool_plane* plane, const convpool_block* block, bytes_in from_,
                     bytes_in weight, bytes_in added, bytes_in bias, bytes_in residual,
                     bytes_out out, bytes_out patch) noexcept nogil:
    """Sums over a patch or the input, one weight for each lane -> out; or over those of `plane`.
    What is `added` to sums themselves may be NULL."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, size = <int64_t>kernels.out_size, i
    cdef int64_t row_pitch = block.columns * block.lanes
    cdef int64_t pitch = block.lanes
    cdef bytes_out sums = patch + plan.patch_size
    cdef bytes_out scratch = patch - plan.plane_size
    if plan.direct:
        row_pitch = conv.out_stride[CONVPOOL_AT_ROW]
        pitch = conv.out_stride[CONVPOOL_AT_COLUMN]
        sums = out + (block.depth * conv.out_stride[CONVPOOL_AT_DEPTH] + block.row * row_pitch
                      + block.column * pitch) * <int64_t>kernels.element_size
    if plan.streams:
        kernels.stencil_planes(plane, stencil, from_, weight, added, block.rows, block.columns,
                               sums, row_pitch, scratch)
    elif plan.interleaved:
        kernels.stencil_lanes(stencil, from_, weight, plan.weight_pitch, added, block, sums,
                              row_pitch, pitch)
    else:
        kernels.stencil(stencil, from_, weight, added, block.rows, block.columns * block.lanes,
                        sums, row_pitch)
    if not plan.finished:
        for i in range(plane.planes):
            store_rows(plan, conv, block, sums + i * plane.out_step * real, row_pitch,
                       beyond(bias, i * real), beyond(residual, i * conv.residual_stride[1] * size),
                       out + i * conv.out_stride[1] * size)


cdef void stage(const Plan* plan, const convpool_conv* conv, const convpool_block* block,
                bytes_in x, int64_t lanes, State* state, bytes_out patch) noexcept nogil:
    """A patch of those that hold `lanes` lanes, or planes, with it and up to it."""
    cdef convpool_block staged = block[0]
    if plan.whole:
        staged.row *= conv.axis[CONVPOOL_ROW].stride
        staged.column *= conv.axis[CONVPOOL_COLUMN].stride
        staged.rows = staged_for(&conv.axis[CONVPOOL_ROW], block.rows, True)
        staged.columns = staged_for(&conv.axis[CONVPOOL_COLUMN], block.columns, True)
    if state.bordered >= lanes:
        plan.kernels.stage_patch(&plan.staged, &plan.stage, &staged, x, plan.bordered, patch)
    else:
        plan.kernels.stage_patch(&plan.staged, &plan.stage, &staged, x, 0, patch)
        state.bordered = lanes if block.rows == plan.rows else 0


cdef bint inner_block(const Plan* plan, const convpool_block* block,
                      convpool_block* inner) noexcept nogil:
    """Finds what of a block meets no border; False where that is not worth a way of its own."""
    inner[0] = block[0]
    inner.row = max(block.row, plan.inside[1][0])
    inner.rows = min(block.row + block.rows, plan.inside[1][1]) - inner.row
    inner.column = max(block.column, plan.inside[2][0])
    inner.columns = min(block.column + block.columns, plan.inside[2][1]) - inner.column
    return (plan.inside[0][0] <= block.depth < plan.inside[0][1] and inner.rows > 0
            and inner.columns > 0
            and INNER * inner.rows * inner.columns >= (INNER - 1) * block.rows * block.columns)


cdef void around(const convpool_block* block, const convpool_block* inner, int side,
                 convpool_block* part) noexcept nogil:
    """One of the four parts of a block around an inner one: above, below, left, right."""
    part[0] = block[0]
    if side < 2:
        part.row = block.row if side == 0 else inner.row + inner.rows
        part.rows = (inner.row if side == 0 else block.row + block.rows) - part.row
    else:
        part.row = inner.row
        part.rows = inner.rows
        part.column = block.column if side == 2 else inner.column + inner.columns
        part.columns = (inner.column if side == 2 else block.column + block.columns) - part.column


cdef int64_t input_at(const convpool_axis* axis, int64_t output) noexcept nogil:
    """Where an output's window begins."""
    return output * axis.stride - axis.before


cdef void convolve_lanes(const Plan* plan, const convpool_conv* conv, const convpool_block* block,
                         bytes_in x, bytes_in weight, bytes_in bias, bytes_in residual,
                         bytes_out out, State* state, bytes_out patch) noexcept nogil:
    """A block of all lanes: over a patch, or its inner part over the input."""
    cdef bytes_in added = bias if plan.biased else NULL
    cdef convpool_block part, inner
    cdef int64_t at = 0
    cdef int side
    if inner_block(plan, block, &inner):
        at = (input_at(&conv.axis[CONVPOOL_DEPTH], inner.depth) * conv.x_stride[2]
              + input_at(&conv.axis[CONVPOOL_ROW], inner.row) * conv.x_stride[3]
              + input_at(&conv.axis[CONVPOOL_COLUMN], inner.column) * conv.x_stride[4])
        store_sums(plan, conv, &plan.inner, &plan.plane, &inner,
                   x + at * <int64_t>plan.kernels.element_size, weight, added, bias, residual,
                   out, patch)
        for side in range(4):
            around(block, &inner, side, &part)
            if part.rows > 0 and part.columns > 0:
                state.bordered = 0  # parts differ in shape
                stage(plan, conv, &part, x, block.lanes, state, patch)
                state.bordered = 0
                store_sums(plan, conv, &plan.stencil, &plan.plane, &part, patch, weight, added,
                           bias, residual, out, patch)
    else:
        stage(plan, conv, block, x, block.lanes, state, patch)
        store_sums(plan, conv, &plan.stencil, &plan.plane, block, patch, weight, added, bias,
                   residual, out, patch)


cdef void stage_planes(const Plan* plan, const convpool_conv* conv, const convpool_block* block,
                       const convpool_plane* plane, bytes_in x, State* state,
                       bytes_out patch) noexcept nogil:
    """Patches of some planes; x: their first element, or that of the first row."""
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t real = <int64_t>plan.kernels.real_size
    cdef int64_t step = conv.x_stride[CONVPOOL_AT_CHANNEL], size = plane.rows * plane.columns, i
    if plan.in_rows and size == step and step == plane.step:
        plan.kernels.stage_rows(x, plane.planes * size, conv.border_value, patch)
        return
    for i in range(plane.planes):
        if plan.in_rows:
            plan.kernels.stage_rows(x + i * step * element, size, conv.border_value,
                                    patch + i * plane.step * real)
        else:
            stage(plan, conv, block, x + i * step * element, i + 1, state,
                  patch + i * plane.step * real)


cdef bytes_in borders(const Plan* plan, const convpool_conv* conv, int64_t planes, bytes_in weight,
                      bytes_out sums) noexcept nogil:
    """border sum w of some planes, or NULL where there is nothing to be added."""
    cdef const float* taps = <const float*>weight
    cdef int64_t plane, tap
    cdef float total
    if not plan.in_rows or conv.border_value == 0:
        return NULL
    for plane in range(planes):
        total = 0
        for tap in range(plan.stencil.taps):
            total += taps[plane * plan.stencil.taps + tap]
        (<float*>sums)[plane] = <float>conv.border_value * total
    return <bytes_in>sums


cdef void convolve_planes(const Plan* plan, const convpool_conv* conv, const convpool_block* block,
                          int64_t channel, int64_t planes, int64_t at, bytes_in x, bytes_in weight,
                          bytes_in bias, bytes_in residual, bytes_out out, State* state,
                          bytes_out packed, bytes_out patch) noexcept nogil:
    """A block of some planes, of which the input's first begins at element `at`: over the input, or
    over patches. `packed` has room for a number of each, where weights are not packed."""
    cdef convpool_plane plane = plan.plane
    cdef bytes_in from_ = patch, added = bias
    cdef int64_t first = 0  # row of a patch
    plane.planes = planes
    if plan.in_place or plan.in_rows:
        plane.top = input_at(&conv.axis[CONVPOOL_ROW], block.row)
        plane.left = input_at(&conv.axis[CONVPOOL_COLUMN], block.column)
        at += input_at(&conv.axis[CONVPOOL_DEPTH], block.depth) * conv.x_stride[CONVPOOL_AT_DEPTH]
    else:  # rows that are not staged are taken for zeros
        plane.rows = (staged_for(&conv.axis[CONVPOOL_ROW], block.rows, plan.whole)
                      + plan.stage.over_rows)
    if plan.in_rows:
        first = min(max(plane.top, <int64_t>0), conv.axis[CONVPOOL_ROW].size)
        plane.rows = min(plane.rows, conv.axis[CONVPOOL_ROW].size - first)
        plane.top -= first
        at += first * plane.columns
    x += at * <int64_t>plan.kernels.element_size
    if plan.in_place:
        plane.low = -at
        plane.high -= at
        from_ = x
    elif channel % conv.out_channels == 0:
        stage_planes(plan, conv, block, &plane, x, state, patch)
    if not plan.biased:
        added = borders(plan, conv, planes, weight, packed)
    store_sums(plan, conv, &plan.stencil, &plane, block, from_, weight, added, bias, residual, out,
               patch)


cdef void convolve_block(const Plan* plan, const convpool_conv* conv, const Weight* weight,
                         bytes_in x, bytes_in residual, bytes_out out, int64_t task,
                         bytes_out scratch) noexcept nogil:
    """One block of rows and columns of one image and its lanes."""
    cdef int64_t element = <int64_t>plan.kernels.element_size
    cdef int64_t out_element = <int64_t>plan.kernels.out_size
    cdef int64_t real = <int64_t>plan.kernels.real_size, multiplier = conv.out_channels
    cdef int64_t depths = conv.axis[CONVPOOL_DEPTH].out
    cdef int64_t plane = task // plan.column_blocks // plan.row_blocks
    cdef int64_t image = plane // depths // plan.lane_blocks
    cdef int64_t first = plane // depths % plan.lane_blocks * plan.lanes
    cdef int64_t last = min(first + plan.lanes, plan.channels)
    cdef int64_t step = last - first if plan.interleaved else plan.planes
    cdef int64_t i, channel, planes, at
    cdef State* state = <State*>scratch
    cdef bytes_out packed = scratch + ALIGNMENT
    cdef bytes_out patch = packed + plan.weight_size + plan.plane_size
    cdef bytes_in taps
    cdef bytes_in bias
    cdef bytes_in added
    cdef bytes_out result
    cdef convpool_block block
    block.depth = plane % depths
    block.row = task // plan.column_blocks % plan.row_blocks * plan.rows
    block.column = task % plan.column_blocks * plan.columns
    block.rows = min(plan.rows, conv.axis[CONVPOOL_ROW].out - block.row)
    block.columns = min(plan.columns, conv.axis[CONVPOOL_COLUMN].out - block.column)
    block.lanes = step if plan.interleaved else 1
    for i in range(ceil_div(last - first, step)):
        channel = first + i * step
        planes = min(step, last - channel)
        taps = weight.data + channel * plan.stencil.taps * real
        bias = beyond(weight.bias, channel * real)
        if weight.packed:
            if state.packed != channel + 1:
                pack_taps(plan, weight, channel, step, packed)
            state.packed = channel + 1
            taps = packed
            if bias != NULL and plan.biased:
                bias = packed + plan.stencil.taps * plan.weight_pitch * real
        at = image * conv.x_stride[0] + channel // multiplier * conv.x_stride[1]
        added = beyond(residual, (image * conv.residual_stride[0]
                                  + channel * conv.residual_stride[1]) * out_element)
        result = out + (image * conv.out_stride[0] + channel * conv.out_stride[1]) * out_element
        if plan.interleaved:
            convolve_lanes(plan, conv, &block, x + at * element, taps, bias, added, result, state,
                           patch)
        else:
            convolve_planes(plan, conv, &block, channel, planes, at, x, taps, bias, added, result,
                            state, packed, patch)


cdef Block plan_run(Plan* plan, Weight* taps, const convpool_conv* conv,
                    const convpool_kernels* kernels, bint channels_last, cnp.ndarray weight,
                    bytes_in bias, bint with_residual, int threads):
    """Everything but scratch memory; the result holds what the plan points to."""
    cdef Block offsets = Block(2 * convpool_taps(conv.axis) * sizeof(int64_t))
    plan.kernels = kernels
    plan.interleaved = channels_last
    plan.whole = is_whole(conv, channels_last)
    plan.staged = staged_as(conv, plan.whole)
    plan_blocks(plan, conv, threads)
    plan_sums(plan, conv, <int64_t*>offsets.data)
    plan_results(plan, conv, with_residual)
    taps.conv = conv[0]
    taps.conv.out_channels = plan.channels
    fill_strides(taps.stride, weight, False)
    taps.data = <bytes_in>cnp.PyArray_DATA(weight)
    taps.bias = bias
    # Those of bytes are float already, and contiguous.
    taps.packed = (channels_last or not cnp.PyArray_IS_C_CONTIGUOUS(weight)
                   or (is_staged(kernels) and kernels.products == 1))
    plan_together(plan, conv, taps.packed)
    plan_memory(plan, conv)
    return offsets


cdef void run_blocks(const Plan* plan, const convpool_conv* conv, const Weight* taps, bytes_in x,
                     bytes_in residual, bytes_out out, bytes_out scratch,
                     int threads) noexcept nogil:
    """All blocks, with scratch memory for so many threads."""
    cdef int64_t task
    cdef int thread
    for thread in range(threads):
        memset(scratch + thread * plan.scratch_size, 0, sizeof(State))
    if threads == 1:
        for task in range(plan.tasks):
            convolve_block(plan, conv, taps, x, residual, out, task, scratch)
        return
    for task in prange(plan.tasks, num_threads=threads, schedule="static"):
        convolve_block(plan, conv, taps, x, residual, out, task,
                       scratch + threadid() * plan.scratch_size)


cdef bint suits_lanes(const convpool_kernels* kernels, const convpool_conv* conv,
                      bint with_residual) noexcept:
    """Whether planes are better turned into lanes, and results back: so small ones that their rows
    fill no vectors, of images whose pixels follow one another."""
    cdef const convpool_axis* row = &conv.axis[CONVPOOL_ROW]
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    cdef int64_t pixels = row.size * column.size, outputs = row.out * column.out
    cdef int64_t most = SMALL if is_whole(conv, False) else SMALL_ANY
    cdef convpool_conv staged
    cdef convpool_stage stage
    if not (outputs <= most and pixels <= SPARSE * most
            and conv.groups >= WIDTH and conv.groups <= TURNED // (pixels + outputs)
            and conv.out_channels == 1 and not is_staged(kernels) and not with_residual
            and conv.axis[CONVPOOL_DEPTH].size == 1 and conv.axis[CONVPOOL_DEPTH].out == 1
            and conv.x_stride[CONVPOOL_AT_COLUMN] == 1
            and conv.x_stride[CONVPOOL_AT_ROW] == column.size
            and conv.out_stride[CONVPOOL_AT_COLUMN] == 1
            and conv.out_stride[CONVPOOL_AT_ROW] == column.out):
        return False
    # Lanes stage what lies between windows, too, and there may be much of it.
    staged = staged_as(conv, True)
    stage = convpool_stage_for(&staged, staged_for(row, row.out, True),
                               staged_for(column, column.out, True),
                               most_lanes(kernels, conv, True))
    return convpool_stage_size(&staged, &stage) <= LARGEST_PATCH


cdef void turn_some(const convpool_kernels* kernels, const convpool_conv* planes,
                    const convpool_conv* lanes, bint back, int64_t pixels, int64_t task,
                    bytes_in from_, bytes_out to) noexcept nogil:
    """Some channels of an image: planes into lanes, or `back`."""
    cdef int64_t blocks = ceil_div(planes.groups, LANES), real = <int64_t>kernels.real_size
    cdef int64_t image = task // blocks, channel = task % blocks * LANES
    cdef int64_t count = min(<int64_t>LANES, planes.groups - channel)
    if back:
        from_ += (image * lanes.out_stride[0] + channel) * real
        to += (image * planes.out_stride[0] + channel * planes.out_stride[1]) * real
        kernels.turn(from_, lanes.out_stride[CONVPOOL_AT_COLUMN], pixels, count, to,
                     planes.out_stride[1])
    else:
        from_ += (image * planes.x_stride[0] + channel * planes.x_stride[1]) * real
        to += (image * lanes.x_stride[0] + channel) * real
        kernels.turn(from_, planes.x_stride[1], count, pixels, to,
                     lanes.x_stride[CONVPOOL_AT_COLUMN])


cdef void turn_images(const convpool_kernels* kernels, const convpool_conv* planes,
                      const convpool_conv* lanes, bint back, bytes_in from_, bytes_out to,
                      int threads) noexcept nogil:
    """The images of `lanes`, which have the sizes of `planes`."""
    cdef const convpool_axis* row = &planes.axis[CONVPOOL_ROW]
    cdef const convpool_axis* column = &planes.axis[CONVPOOL_COLUMN]
    cdef int64_t pixels = row.out * column.out if back else row.size * column.size
    cdef int64_t task, tasks = lanes.batch * ceil_div(planes.groups, LANES)
    if threads == 1:
        for task in range(tasks):
            turn_some(kernels, planes, lanes, back, pixels, task, from_, to)
        return
    for task in prange(tasks, num_threads=threads, schedule="static"):
        turn_some(kernels, planes, lanes, back, pixels, task, from_, to)


cdef void lay_lanes(int64_t* stride, int64_t pitch, int64_t rows, int64_t columns) noexcept:
    """Strides of images whose channels are neighbours, and whose pixels lie `pitch` apart."""
    stride[CONVPOOL_AT_CHANNEL] = 1
    stride[CONVPOOL_AT_COLUMN] = pitch
    stride[CONVPOOL_AT_ROW] = columns * pitch
    stride[CONVPOOL_AT_DEPTH] = stride[CONVPOOL_AT_BATCH] = rows * columns * pitch


cdef int run_turned(const convpool_conv* conv, const convpool_kernels* kernels, bytes_in x,
                    cnp.ndarray weight, bytes_in bias, bytes_out out, int threads) except -1:
    """Planes as lanes, some images at a time. All memory is there before the first is stored."""
    cdef const convpool_axis* row = &conv.axis[CONVPOOL_ROW]
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    cdef convpool_conv lanes = conv[0]
    cdef int64_t real = <int64_t>kernels.real_size, image = 0, first
    # An odd number of lines of the cache, or neighbours would meet in few of its sets.
    cdef int64_t pitch = (ceil_div(conv.groups * real, ALIGNMENT) | 1) * ALIGNMENT // real
    cdef int64_t size = pitch * row.size * column.size, out_size = pitch * row.out * column.out
    cdef Plan plan
    cdef Weight taps
    cdef Block memory, _offsets
    cdef bytes_out cells
    cdef bytes_out sums
    cdef bytes_out scratch
    cdef int team
    lanes.batch = max(<int64_t>1, min(conv.batch, TURNED // (size + out_size)))
    lay_lanes(lanes.x_stride, pitch, row.size, column.size)
    lay_lanes(lanes.out_stride, pitch, row.out, column.out)
    _offsets = plan_run(&plan, &taps, &lanes, kernels, True, weight, bias, False, threads)
    team = min(threads, plan.tasks)
    memory = Block(team * plan.scratch_size + lanes.batch * (size + out_size) * real, True)
    scratch = memory.data
    cells = scratch + team * plan.scratch_size
    sums = cells + lanes.batch * size * real
    with nogil:
        while image < conv.batch:
            first = min(image, conv.batch - lanes.batch)  # some perhaps again: to the same bits
            turn_images(kernels, conv, &lanes, False, x + first * conv.x_stride[0] * real, cells,
                        threads)
            run_blocks(&plan, &lanes, &taps, cells, NULL, sums, scratch, team)
            turn_images(kernels, conv, &lanes, True, sums,
                        out + first * conv.out_stride[0] * real, threads)
            image += lanes.batch
    return 0


cdef int run_stencil(const convpool_conv* conv, const convpool_kernels* kernels,
                     bint channels_last, bytes_in x, cnp.ndarray weight, bytes_in bias,
                     bytes_in residual, bytes_out out, int threads) except -1:
    """Convolves into `out` what suits stencils."""
    cdef Plan plan
    cdef Weight taps
    cdef Block memory, _offsets
    if not channels_last and suits_lanes(kernels, conv, residual != NULL):
        return run_turned(conv, kernels, x, weight, bias, out, threads)
    _offsets = plan_run(&plan, &taps, conv, kernels, channels_last, weight, bias,
                        residual != NULL, threads)
    threads = min(threads, plan.tasks)
    memory = Block(threads * plan.scratch_size, True)
    with nogil:
        run_blocks(&plan, conv, &taps, x, residual, out, memory.data, threads)
    return 0
