# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of one kernel over every channel of an image.

    parallel over (channels, blocks of columns, blocks of rows):
        for each few rows of outputs:
            lines = the rows of the bordered image that these need and the last did not,
                    in the type of sums      (a separable kernel: each summed along its row)
            sums = rows(lines, weight)       (a separable kernel: its column alone)
            out = store(sums)

A tall kernel is folded (filter_fold.inc.h), with a ring of lines for each product:

            lines = fold(rows of the bordered image)
            sums = unfold(rows(lines, weight) for each product)

Lines lie in a ring that stays in the second level of cache; arrays are read and written once, and
no whole image is ever made of anything in between.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int16_t, int64_t
from libc.string cimport memset
cimport numpy as cnp

from convpool._kernels cimport *
from convpool._memory cimport Block, aligned, bytes_in, bytes_out, ceil_div
from convpool._threads cimport kernels_for, threads_for

cnp.import_array()

cdef enum:
    LANES = 64        # most channels of a line
    RING = 240 * 1024  # bytes of a ring, where the kernel leaves that choice
    LINE = 512        # elements of a line at least: its sums repay the taps that it shares
    ROWS = 64         # output rows of a block at least, likewise, where threads leave that choice


cdef struct Plan:
    const convpool_filter_kernels* kernels
    int64_t element               # bytes, as are all below but counts of rows, columns and lanes
    int64_t lanes, lane_blocks, rows, row_blocks, columns, column_blocks
    bytes_in weight               # of `height` rows, summed over lines
    bytes_in along                # of one row, summed along each line first; or NULL
    int64_t height, width
    int64_t ring_rows, line_size, sums_size, scratch_size
    int levels                    # of folding, 0: none
    int64_t products              # 3 ** levels
    int64_t group                 # 2 ** levels rows of outputs share the sums of products
    bint direct                   # sums are what `out` holds
    # Columns of the first and the last block, whose lines meet the border; between them lines are
    # read where they lie. 0: not so.
    int64_t edge
    int64_t tasks


cdef struct Span:                 # what a task makes
    int64_t row, end, column, columns, lane, lanes
    int64_t inputs                # columns of the bordered image
    bint inside                   # those are all of the image


cdef void plan_blocks(Plan* plan, const convpool_filter* image, int threads) noexcept nogil:
    cdef int64_t real = <int64_t>plan.kernels.real_size, elements, wanted, step, inner, blocks
    plan.lanes = min(image.channels, <int64_t>LANES)
    plan.lane_blocks = ceil_div(image.channels, plan.lanes)
    plan.ring_rows = plan.height + CONVPOOL_FILTER_ROWS - 1
    elements = max(<int64_t>LINE, RING // (plan.ring_rows * plan.products * real))
    plan.columns = min(image.width, ceil_div(elements, plan.lanes))
    plan.column_blocks = ceil_div(image.width, plan.columns)
    plan.columns = ceil_div(image.width, plan.column_blocks)
    # Wide enough for what `rows` may read beyond a line.
    plan.edge = image.kernel_width - 1 + ceil_div(CONVPOOL_SLACK, plan.lanes)
    inner = image.width - 2 * plan.edge
    if (plan.element != real or plan.levels > 0 or plan.along != NULL or plan.lane_blocks > 1
            or image.x_stride[1] != plan.lanes or (plan.lanes > 1 and image.x_stride[2] != 1)
            or inner < 1):
        plan.edge = 0
    else:
        plan.column_blocks = ceil_div(inner, plan.columns)
        plan.columns = max(plan.edge, ceil_div(inner, plan.column_blocks))
        plan.column_blocks = ceil_div(inner, plan.columns) + 2
    # Which rows are folded together depends on the image alone: blocks begin with whole groups.
    step = CONVPOOL_FILTER_ROWS * plan.group
    blocks = (plan.column_blocks - (2 if plan.edge > 0 else 0)) * plan.lane_blocks
    wanted = ceil_div(image.height * blocks, 4 * threads)
    plan.rows = max(<int64_t>ROWS, wanted) if threads > 1 else image.height
    if ceil_div(image.height, plan.rows) * blocks < threads:
        plan.rows = ceil_div(image.height, threads)
    plan.rows = min(image.height, ceil_div(plan.rows, step) * step)
    plan.row_blocks = ceil_div(image.height, plan.rows)
    plan.tasks = plan.row_blocks * plan.column_blocks * plan.lane_blocks
    plan.line_size = aligned(
        ((plan.columns + image.kernel_width - 1) * plan.lanes + CONVPOOL_SLACK) * real)
    plan.sums_size = aligned((plan.columns * plan.lanes + CONVPOOL_SLACK) * real)
    # Behind the ring of each product lie lines of the image that are yet to be summed or folded.
    plan.scratch_size = ((plan.ring_rows * plan.products + 2 * plan.group) * plan.line_size
                         + CONVPOOL_FILTER_ROWS * (plan.products + 1) * plan.sums_size
                         + aligned((plan.ring_rows + 2 * plan.group + plan.products) * 8))
    plan.direct = (plan.element == real and plan.levels == 0 and plan.lane_blocks == 1
                   and image.out_stride[1] == plan.lanes
                   and (plan.lanes == 1 or image.out_stride[2] == 1))


cdef Span span_of(const Plan* plan, const convpool_filter* image, int64_t task) noexcept nogil:
    cdef Span span
    cdef int64_t rest = task // plan.row_blocks
    span.row = task % plan.row_blocks * plan.rows
    span.end = min(span.row + plan.rows, image.height)
    cdef int64_t block = rest % plan.column_blocks
    span.inside = plan.edge > 0 and 0 < block < plan.column_blocks - 1
    span.column = block * plan.columns
    span.columns = min(plan.columns, image.width - span.column)
    if span.inside:
        span.column = plan.edge + (block - 1) * plan.columns
        span.columns = min(plan.columns, image.width - plan.edge - span.column)
    elif plan.edge > 0:
        span.column = 0 if block == 0 else image.width - plan.edge
        span.columns = plan.edge
    span.inputs = span.columns + image.kernel_width - 1
    span.lane = rest // plan.column_blocks * plan.lanes
    span.lanes = min(plan.lanes, image.channels - span.lane)
    return span


cdef inline bytes_in line_inside(const convpool_filter* image, bytes_in x, int64_t row,
                                 int64_t column, int64_t size, bytes_in border) noexcept nogil:
    """A row of the bordered image where it lies, `border` where it is constant."""
    cdef int64_t i = convpool_border_index(row - image.above, image.height, image.border)
    if i < 0:
        return border
    return x + (i * image.x_stride[0] + (column - image.left) * image.x_stride[1]) * size


cdef inline void end_line(bytes_out line, int64_t elements, int64_t real) noexcept nogil:
    """Zeros beyond a line's end, where tiles reach that are wider than the line, and vectors that
    fold and unfold: what memory held before may take a hundred times as long as other numbers."""
    memset(line + elements * real, 0, CONVPOOL_SLACK * real)


cdef void filter_block(const Plan* plan, const convpool_filter* image, bytes_in x, bytes_out out,
                       const Span* at, bytes_out scratch) noexcept nogil:
    """One block of rows and columns of some channels."""
    cdef const convpool_filter_kernels* kernels = plan.kernels
    cdef int64_t real = <int64_t>kernels.real_size, count = at.columns * at.lanes
    cdef int64_t row = at.row, next = at.row, rows, i, pitch
    cdef bytes_out spare = scratch + plan.ring_rows * plan.line_size
    cdef bytes_out sums = spare + 2 * plan.line_size
    cdef bytes_out to
    cdef bytes_out line
    cdef const void** lines = <const void**>(sums + 2 * CONVPOOL_FILTER_ROWS * plan.sums_size)
    if at.inside and image.border == CONVPOOL_CONSTANT:
        kernels.line(image, x, -1 - image.kernel_height, at.column, at.inputs, at.lane, at.lanes,
                     spare)
        end_line(spare, at.inputs * at.lanes, real)
    while row < at.end:
        rows = min(<int64_t>CONVPOOL_FILTER_ROWS, at.end - row)
        while next < row + rows + plan.height - 1 and not at.inside:
            to = scratch + next % plan.ring_rows * plan.line_size
            line = to if plan.along == NULL else spare
            kernels.line(image, x, next, at.column, at.inputs, at.lane, at.lanes, line)
            end_line(line, at.inputs * at.lanes, real)
            if plan.along != NULL:
                lines[0] = line
                kernels.rows(lines, plan.along, 1, image.kernel_width, at.lanes, count, 1, to, 0)
                end_line(to, count, real)
            next += 1
        for i in range(rows + plan.height - 1):
            lines[i] = scratch + (row + i) % plan.ring_rows * plan.line_size
            if at.inside:
                lines[i] = line_inside(image, x, row + i, at.column, real, spare)
        to = sums
        pitch = plan.sums_size // real
        if plan.direct:
            to = out + (row * image.out_stride[0] + at.column * image.out_stride[1]) * real
            pitch = image.out_stride[0]
        kernels.rows(lines, plan.weight, plan.height, plan.width, kernels.taps * at.lanes, count,
                     rows, to, pitch)
        for i in range(0 if plan.direct else rows):
            kernels.store(image, x, sums + i * plan.sums_size, row + i, at.column, at.columns,
                          at.lane, at.lanes, out)
        row += rows


cdef void folded_block(const Plan* plan, const convpool_filter* image, bytes_in x, bytes_out out,
                       const Span* at, bytes_out scratch) noexcept nogil:
    """filter_block for a folded kernel."""
    cdef const convpool_filter_kernels* kernels = plan.kernels
    cdef int64_t count = at.columns * at.lanes, group = plan.group
    cdef int64_t real = <int64_t>kernels.real_size
    cdef int64_t row = at.row, next = row, line = 0, first = 0, ring, p, i, r
    cdef bytes_out spare = scratch + plan.ring_rows * plan.products * plan.line_size
    cdef bytes_out sums = spare + 2 * group * plan.line_size
    cdef bytes_out product = sums + CONVPOOL_FILTER_ROWS * plan.sums_size
    cdef bytes_out to
    cdef const void** lines = <const void**>(
        product + CONVPOOL_FILTER_ROWS * plan.products * plan.sums_size)
    cdef void** folded = <void**>(lines + plan.ring_rows + 2 * group)
    while row < at.end:
        # Line number `line` of each product comes from 2 * group - 1 lines of the image.
        while line < first + plan.ring_rows:
            while next < at.row + (line + 2) * group - 1:
                to = spare + next % (2 * group) * plan.line_size
                kernels.line(image, x, next, at.column, at.inputs, at.lane, at.lanes, to)
                end_line(to, at.inputs * at.lanes, real)
                next += 1
            for i in range(2 * group - 1):
                lines[i] = (spare + (at.row + line * group + i) % (2 * group)
                            * plan.line_size)
            for p in range(plan.products):
                ring = p * plan.ring_rows + line % plan.ring_rows
                folded[p] = scratch + ring * plan.line_size
            kernels.fold(lines, plan.levels, at.inputs * at.lanes, folded)
            if count < CONVPOOL_SLACK:  # no tile is wider
                for p in range(plan.products):
                    end_line(<bytes_out>folded[p], at.inputs * at.lanes, real)
            line += 1
        for p in range(plan.products):
            for i in range(plan.ring_rows):
                ring = p * plan.ring_rows + (first + i) % plan.ring_rows
                lines[i] = scratch + ring * plan.line_size
            kernels.rows(
                lines, plan.weight + p * plan.height * plan.width * real, plan.height,
                plan.width, at.lanes, count, CONVPOOL_FILTER_ROWS,
                product + p * CONVPOOL_FILTER_ROWS * plan.sums_size,
                plan.sums_size // real)
            for i in range(CONVPOOL_FILTER_ROWS):
                end_line(product + (p * CONVPOOL_FILTER_ROWS + i) * plan.sums_size, count, real)
        for i in range(CONVPOOL_FILTER_ROWS):
            kernels.unfold(product + i * plan.sums_size,
                           CONVPOOL_FILTER_ROWS * plan.sums_size // real,
                           plan.levels, count, sums, plan.sums_size // real)
            for r in range(min(group, at.end - row)):
                kernels.store(image, x, sums + r * plan.sums_size, row + r, at.column,
                              at.columns, at.lane, at.lanes, out)
            row += group
        first += CONVPOOL_FILTER_ROWS


cdef void run_task(const Plan* plan, const convpool_filter* image, bytes_in x, bytes_out out,
                   int64_t task, bytes_out scratch) noexcept nogil:
    cdef Span at = span_of(plan, image, task)
    if plan.levels:
        folded_block(plan, image, x, out, &at, scratch)
    else:
        filter_block(plan, image, x, out, &at, scratch)


cdef void fill_strides(int64_t* stride, cnp.ndarray array) noexcept:
    cdef int axis
    for axis in range(3):
        stride[axis] = cnp.PyArray_STRIDE(array, axis) // cnp.PyArray_ITEMSIZE(array)


def filter_image(cnp.ndarray x, cnp.ndarray out, *, int dtype, int arithmetic, cnp.ndarray taps,
                 cnp.ndarray weight, along, tuple before, int border, double border_value,
                 double doubt, int levels, whole, num_threads):
    """Filters x (height, width, channels) into `out`.

    `taps` is the kernel in float64; `weight` and `along`, in the type of sums, are what sums are
    made with: for each product of `levels` of folding its rows of taps, and None; or, with one
    product, a column of taps, and a row of them. `arithmetic` numbers that
    type: float32, float64, int32; weights of the last are pairs of taps, and `whole` tells what
    sums of those mean, as well as, for bytes, how sums in doubt are formed again. `before` says how
    many rows and columns of border come first, and `doubt` by how much sums of integers may be off.
    The caller has checked everything: arrays of taps are
    contiguous, the others' strides whole elements."""
    cdef Plan plan
    cdef convpool_filter image
    cdef const convpool_kernels* kernels = kernels_for(dtype)
    cdef Block columns, memory
    cdef int64_t* column
    cdef int64_t i, task
    cdef bytes_in x_data = <bytes_in>cnp.PyArray_DATA(x)
    cdef bytes_out out_data = <bytes_out>cnp.PyArray_DATA(out)
    cdef bytes_out scratch
    cdef int threads
    image.height, image.width, image.channels = x.shape[0], x.shape[1], x.shape[2]
    image.kernel_height, image.kernel_width = taps.shape[0], taps.shape[1]
    image.above, image.left = before
    fill_strides(image.x_stride, x)
    fill_strides(image.out_stride, out)
    image.border = border
    image.border_value = border_value
    image.taps = <const double*>cnp.PyArray_DATA(taps)
    image.doubt = doubt
    image.fine = NULL
    if whole is not None:
        image.shift = whole.shift
        image.offset = whole.offset
        image.fine_offset = whole.fine_offset
        image.fine_doubt = whole.fine_doubt
        if whole.fine is not None:
            image.fine = <const int16_t*>cnp.PyArray_DATA(whole.fine)
            image.fine_pitch = whole.fine.shape[2]
    columns = Block((image.width + image.kernel_width - 1) * 8)
    column = <int64_t*>columns.data
    for i in range(image.width + image.kernel_width - 1):
        column[i] = convpool_border_index(i - image.left, image.width, border)
    image.column = column

    plan.kernels = kernels.filter[arithmetic]
    plan.element = <int64_t>kernels.element_size
    plan.levels = levels
    plan.group = 1 << levels
    plan.products, plan.height, plan.width = weight.shape[0], weight.shape[1], weight.shape[2]
    plan.weight = <bytes_in>cnp.PyArray_DATA(weight)
    plan.along = NULL
    if along is not None:
        plan.along = <bytes_in>cnp.PyArray_DATA(along)
    threads = threads_for(num_threads, <double>x.size * (
        plan.products * plan.height * plan.width
        + (image.kernel_width if along is not None else 0)))
    plan_blocks(&plan, &image, threads)
    threads = min(threads, plan.tasks)
    memory = Block(threads * plan.scratch_size, True)
    scratch = memory.data
    for task in prange(plan.tasks, nogil=True, num_threads=threads, schedule="dynamic"):
        run_task(&plan, &image, x_data, out_data, task, scratch + threadid() * plan.scratch_size)
