# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of convolutions whose outputs see one input channel each: depthwise.

    offsets = where each tap stands in a patch, from the output pixel
    parallel over (image, lanes of channels, depth, block of rows, block of columns):
        patch = stage(input)                       (borders filled in, strides taken apart)
        for each output channel of these lanes:
            sums = stencil(patch, offsets, weight of the channel)
            out = epilogue(sums)                   (row by row)

Lanes are neighbouring channels of an array with channels last, otherwise one channel. Each sum
runs over its taps in the order of _conv's driver and has the same bits.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
cimport numpy as cnp

from convpool._geometry cimport fill_strides
from convpool._kernels cimport *
from convpool._memory cimport Block, aligned, beyond, bytes_in, bytes_out, ceil_div

cnp.import_array()

cdef enum:
    MULTIPLIER = 4         # most output channels a group, above which a packed panel pays
    LANES = 64             # most channels of a patch
    ROW = 2048             # elements of a patch's row, where the kernel leaves that choice
    PATCH = 24_576         # elements of a patch, likewise: it stays in the second level of cache
    LARGEST_PATCH = 1 << 18


cdef struct Plan:
    const convpool_kernels* kernels
    int64_t taps, lanes, lane_blocks
    int64_t rows, row_blocks, columns, column_blocks
    int64_t weight_pitch            # elements: from channel to channel, or from tap to tap of lanes
    int64_t patch_size, scratch_size  # bytes
    int64_t tasks


cdef int64_t smallest_patch(const convpool_conv* conv, int64_t lanes) noexcept:
    cdef convpool_stage stage = convpool_stage_for(
        conv, 1, min(conv.axis[CONVPOOL_COLUMN].out, ceil_div(ROW, lanes)), lanes)
    return convpool_stage_size(conv, &stage)


cdef bint suits_stencil(const convpool_conv* conv, bint channels_last) noexcept:
    """Whether `run_stencil` takes such a convolution: a question of shape alone."""
    if conv.channels != 1 or conv.out_channels > (1 if channels_last else MULTIPLIER):
        return False
    return smallest_patch(
        conv, min(conv.groups, <int64_t>LANES) if channels_last else 1) <= LARGEST_PATCH


cdef void plan_stencil(Plan* plan, const convpool_conv* conv, bint channels_last,
                       int threads) noexcept:
    cdef const convpool_axis* row = &conv.axis[CONVPOOL_ROW]
    cdef const convpool_axis* column = &conv.axis[CONVPOOL_COLUMN]
    cdef int64_t real = <int64_t>plan.kernels.real_size, planes, sums
    cdef convpool_stage stage
    plan.taps = convpool_taps(conv.axis)
    plan.lanes = min(conv.groups, <int64_t>LANES) if channels_last else 1
    plan.lane_blocks = ceil_div(conv.groups, plan.lanes)
    plan.columns = min(column.out, max(<int64_t>1, ROW // plan.lanes))
    plan.column_blocks = ceil_div(column.out, plan.columns)
    stage = convpool_stage_for(conv, 1, plan.columns, plan.lanes)
    # At least as many rows as the kernel reaches over: most rows then are staged twice at most.
    plan.rows = PATCH * stage.rows // convpool_stage_size(conv, &stage) - stage.rows
    plan.rows = min(row.out, max(plan.rows, min(stage.rows, <int64_t>16)))
    planes = (conv.batch * plan.lane_blocks * plan.column_blocks * conv.axis[CONVPOOL_DEPTH].out)
    if threads > 1 and planes * ceil_div(row.out, plan.rows) < 4 * threads:
        plan.rows = min(plan.rows, ceil_div(row.out, ceil_div(4 * threads, planes)))
    plan.row_blocks = ceil_div(row.out, plan.rows)
    plan.tasks = planes * plan.row_blocks
    stage = convpool_stage_for(conv, plan.rows, plan.columns, plan.lanes)
    plan.patch_size = aligned((convpool_stage_size(conv, &stage) + CONVPOOL_SLACK) * real)
    sums = plan.rows * stage.columns * plan.lanes + CONVPOOL_SLACK
    plan.scratch_size = plan.patch_size + aligned(sums * real) + aligned(plan.taps * 8)


cdef Block pack_taps(Plan* plan, const convpool_conv* conv, const convpool_kernels* kernels,
                     cnp.ndarray weight):
    """Weights as stencils read them: [channel][tap], or [tap][channel] for lanes."""
    cdef int64_t stride[5]
    cdef int64_t channel, channels = conv.groups * conv.out_channels
    cdef int64_t real = <int64_t>kernels.real_size
    cdef convpool_conv flat = conv[0]
    cdef Block packed
    cdef bytes_in data = <bytes_in>cnp.PyArray_DATA(weight)
    flat.out_channels = channels
    fill_strides(stride, weight, False)
    if plan.lanes > 1:
        plan.weight_pitch = channels + CONVPOOL_SLACK
        packed = Block(plan.taps * plan.weight_pitch * real)
        kernels.pack_weights(&flat, data, stride, 0, plan.weight_pitch, packed.data)
        return packed
    plan.weight_pitch = plan.taps
    packed = Block(channels * plan.taps * real)
    for channel in range(channels):
        kernels.pack_weights(&flat, data, stride, channel, 1,
                             packed.data + channel * plan.taps * real)
    return packed


cdef void stencil_block(const Plan* plan, const convpool_conv* conv, bytes_in weights, bytes_in x,
                        bytes_in bias, bytes_in residual, bytes_out out, int64_t task,
                        bytes_out scratch) noexcept nogil:
    """One block of rows and columns of one image and its lanes."""
    cdef const convpool_kernels* kernels = plan.kernels
    cdef int64_t element = <int64_t>kernels.element_size, real = <int64_t>kernels.real_size
    cdef int64_t column = task % plan.column_blocks * plan.columns
    cdef int64_t rest = task // plan.column_blocks
    cdef int64_t row = rest % plan.row_blocks * plan.rows
    cdef int64_t depth = rest // plan.row_blocks % conv.axis[CONVPOOL_DEPTH].out
    cdef int64_t group, image, channel, multiple, r, count
    cdef int64_t rows = min(plan.rows, conv.axis[CONVPOOL_ROW].out - row)
    cdef int64_t columns = min(plan.columns, conv.axis[CONVPOOL_COLUMN].out - column)
    cdef int64_t lanes, out_at, residual_at
    cdef convpool_stage stage
    cdef bytes_out patch = scratch
    cdef bytes_out sums = scratch + plan.patch_size
    cdef int64_t* offset = <int64_t*>(scratch + plan.scratch_size - aligned(plan.taps * 8))
    rest = rest // plan.row_blocks // conv.axis[CONVPOOL_DEPTH].out
    group = rest % plan.lane_blocks * plan.lanes
    image = rest // plan.lane_blocks
    lanes = min(plan.lanes, conv.groups - group)
    stage = convpool_stage_for(conv, rows, columns, lanes)
    convpool_stage_offsets(conv, &stage, offset)
    kernels.stage_patch(
        conv, &stage, x + (image * conv.x_stride[0] + group * conv.x_stride[1]) * element, depth,
        row, column, patch)
    count = (rows - 1) * stage.columns + columns
    for multiple in range(conv.out_channels):
        channel = group * conv.out_channels + multiple
        if plan.lanes == 1:
            kernels.stencil(patch, offset, weights + channel * plan.weight_pitch * real, plan.taps,
                            count * lanes, sums)
        else:
            kernels.stencil_lanes(patch, offset, weights + channel * real, plan.weight_pitch,
                                  plan.taps, lanes, lanes, count, sums)
        out_at = image * conv.out_stride[0] + channel * conv.out_stride[1]
        residual_at = image * conv.residual_stride[0] + channel * conv.residual_stride[1]
        for r in range(rows):
            kernels.store_row(
                conv, sums + r * stage.columns * lanes * real, lanes, depth, row + r, column,
                columns, beyond(bias, channel * real), beyond(residual, residual_at * element),
                out + out_at * element)


cdef int run_stencil(const convpool_conv* conv, const convpool_kernels* kernels,
                     const convpool_kernels* weight_kernels, bint channels_last, bytes_in x,
                     cnp.ndarray weight, bytes_in bias, bytes_in residual, bytes_out out,
                     int threads) except -1:
    cdef Plan plan
    cdef Block weights, memory
    cdef bytes_in taps
    cdef bytes_out scratch
    cdef int64_t task
    plan.kernels = kernels
    plan_stencil(&plan, conv, channels_last, threads)
    weights = pack_taps(&plan, conv, weight_kernels, weight)
    threads = min(threads, plan.tasks)
    memory = Block(threads * plan.scratch_size)
    taps = weights.data
    scratch = memory.data
    for task in prange(plan.tasks, nogil=True, num_threads=threads, schedule="dynamic"):
        stencil_block(&plan, conv, taps, x, bias, residual, out, task,
                      scratch + threadid() * plan.scratch_size)
    return 0
