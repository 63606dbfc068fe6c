/* geometry.h - where each output pixel's window lies in the input.
 *
 * A window position o and a tap t along one axis meet the input at
 *
 *     i = o * stride + t * dilation - before
 *
 * and `border` says what stands there when i falls outside. Arrays are seen as
 * (batch, channel, depth, row, column) with a stride for each, in elements: layout is nothing but
 * strides, and 1-D and 2-D are 3-D with axes of size 1.
 */
#ifndef CONVPOOL_GEOMETRY_H
#define CONVPOOL_GEOMETRY_H

#include <math.h>

#include "types.h"

enum { CONVPOOL_DEPTH = 0, CONVPOOL_ROW = 1, CONVPOOL_COLUMN = 2, CONVPOOL_AXES = 3 };

/* Position of each axis in a stride array. */
enum { CONVPOOL_AT_BATCH = 0, CONVPOOL_AT_CHANNEL = 1, CONVPOOL_AT_DEPTH = 2, CONVPOOL_AT_ROW = 3,
       CONVPOOL_AT_COLUMN = 4, CONVPOOL_RANK = 5 };

/* One spatial axis. Preconditions: size, kernel, stride, dilation, out >= 1; before, after >= 0;
 * all products formed by the formula above fit int64_t. */
typedef struct convpool_axis {
    int64_t size, kernel, stride, dilation, before, after, out;
} convpool_axis;

/* A convolution. `channels` and `out_channels` are those of ONE group. */
typedef struct convpool_conv {
    int64_t batch, groups, channels, out_channels;
    convpool_axis axis[CONVPOOL_AXES];
    int64_t x_stride[CONVPOOL_RANK], out_stride[CONVPOOL_RANK], residual_stride[CONVPOOL_RANK];
    int border;                     /* convpool_border */
    double border_value;            /* for CONVPOOL_CONSTANT */
    int activation;                 /* convpool_activation */
    double activation_parameter[2]; /* p0 and p1 of convpool_activation */
    double zero_point;              /* of quantized outputs, which the parameters bound */
} convpool_conv;

/* A pooling. Averages divide by `divisor`, or where that is 0 by the number of cells under the
 * window, which are those of the padded input if `include_padding` and of the input otherwise.
 * If `adaptive`, window o of an axis is [floor(o size / out), ceil((o + 1) size / out)) instead of
 * what the formula says; kernel is then the largest of them, stride and dilation are 1, and nothing
 * is padded. */
typedef struct convpool_pool {
    int64_t batch, channels;
    convpool_axis axis[CONVPOOL_AXES];
    int64_t x_stride[CONVPOOL_RANK], out_stride[CONVPOOL_RANK], index_stride[CONVPOOL_RANK];
    int average, include_padding, adaptive;
    int64_t divisor;
} convpool_pool;

/* Some outputs of an image: a box of channels, rows and columns at one depth. */
typedef struct convpool_pool_block {
    int64_t channel, channels, depth, row, rows, column, columns;
} convpool_pool_block;

/* Bordered cells of a block that pooling keeps at once, counting lanes. They live on the stack, in
 * four arrays, and should leave room in the first cache. */
enum { CONVPOOL_POOL_CELLS = 2048 };

/* Cells that a window reaches over, at most, where blocks are pooled as one run of cells. */
enum { CONVPOOL_POOL_REACH = 32 };

/* What those arrays have room for: loops over them may run to the end of a vector. */
enum { CONVPOOL_POOL_ROOM = CONVPOOL_POOL_CELLS + 16 };

/* Rows of outputs of a block, at most. */
enum { CONVPOOL_POOL_ROWS = 64 };

/* Channels that pooling takes as neighbours at once in general, or as whole planes; and those of a
 * block where they are neighbours. */
enum { CONVPOOL_POOL_LANES = 64, CONVPOOL_POOL_WIDE = 512 };

/* Taps of a window whose channels are neighbours that are read together. */
enum { CONVPOOL_POOL_TAPS = 16 };

/* Cells from where a maximum's place is counted to where it may stand. */
enum { CONVPOOL_POOL_PLACES = 1 << 30 };

/* Result: whether each plane has but one window, to be reduced as one run of cells. */
CONVPOOL_INLINE int convpool_pool_is_whole(const convpool_pool *pool, int channels_last)
{
    int axis, whole = !channels_last;
    for (axis = 0; axis < CONVPOOL_AXES; ++axis) {
        whole = whole && pool->axis[axis].out == 1 && pool->axis[axis].dilation == 1;
    }
    return whole;
}

/* Result: `count` rounded up to what loops over a block's arrays like to do. */
CONVPOOL_INLINE int64_t convpool_pool_chunks(int64_t count)
{
    return (count + 7) & ~(int64_t)7;
}

/* Result: how many rows of the bordered input `rows` rows of windows meet. */
CONVPOOL_INLINE int64_t convpool_pool_rows_under(const convpool_axis *row, int64_t rows)
{
    return (rows - 1) * row->stride + (row->kernel - 1) * row->dilation + 1;
}

/* Result: the columns of the bordered input that a row of windows takes up, at most. */
CONVPOOL_INLINE int64_t convpool_pool_width(const convpool_axis *column)
{
    const int64_t cells = (column->out - 1) * column->stride +
                          (column->kernel - 1) * column->dilation + 1;
    return column->out == 1 ? cells : cells + column->stride - 1;
}

/* Result: whether the bordered rows that one row of windows meets fit a block's arrays, where
 * columns are the lanes. (Products of sizes that large are not formed.) */
CONVPOOL_INLINE int convpool_pool_is_staged(const convpool_pool *pool)
{
    const convpool_axis *column = &pool->axis[CONVPOOL_COLUMN], *row = &pool->axis[CONVPOOL_ROW];
    const int64_t rows = convpool_pool_rows_under(row, 1), width = convpool_pool_width(column);
    return pool->axis[CONVPOOL_DEPTH].kernel == 1 && pool->axis[CONVPOOL_DEPTH].before == 0 &&
           pool->axis[CONVPOOL_DEPTH].after == 0 && pool->axis[CONVPOOL_DEPTH].stride == 1 &&
           rows <= CONVPOOL_POOL_CELLS && width <= CONVPOOL_POOL_CELLS / rows;
}

/* Result: the largest block that pooling takes at once in general, from the first output on: whole
 * rows if they fit, and then several where channels are not neighbours; `one` for a plane of them
 * at a time. */
CONVPOOL_INLINE convpool_pool_block convpool_pool_turn(const convpool_pool *pool,
                                                       int channels_last, int one)
{
    const convpool_axis *column = &pool->axis[CONVPOOL_COLUMN], *row = &pool->axis[CONVPOOL_ROW];
    const int64_t inside = (column->size - 1) / column->dilation + 1; /* taps, at most */
    const int64_t taps = column->kernel < inside ? column->kernel : inside;
    const int64_t high = CONVPOOL_POOL_ROWS;
    convpool_pool_block turn = {0, 1, 0, 0, 1, 0, 1};
    int64_t room = CONVPOOL_POOL_CELLS, reach, most = channels_last ? CONVPOOL_POOL_LANES : 1;
    if (!channels_last && convpool_pool_is_staged(pool)) {
        room /= convpool_pool_width(column); /* rows */
        turn.columns = column->out;
        turn.rows = (room - convpool_pool_rows_under(row, 1)) / row->stride + 1;
        turn.rows = turn.rows < row->out ? turn.rows : row->out;
        turn.rows = turn.rows < high ? turn.rows : high;
        most = one ? 1 : room / convpool_pool_rows_under(row, turn.rows);
        turn.channels = pool->channels < most ? pool->channels : most;
        return turn;
    }
    turn.channels = pool->channels < most ? pool->channels : most;
    room /= turn.channels;
    /* What does not fit beside half the room is reduced in several turns. */
    reach = (taps - 1) * column->dilation + 1;
    reach = reach < room / 2 ? reach : room / 2;
    turn.columns = (room - reach) / column->stride;
    turn.columns = turn.columns < column->out ? turn.columns : column->out;
    turn.columns = turn.columns > 1 ? turn.columns : 1;
    return turn;
}

/* Result: the blocks that pooling is cut into: rows from end to end. */
CONVPOOL_INLINE convpool_pool_block convpool_pool_cut(const convpool_pool *pool,
                                                      int channels_last)
{
    const int64_t most = channels_last ? CONVPOOL_POOL_WIDE : CONVPOOL_POOL_LANES;
    convpool_pool_block block = convpool_pool_turn(pool, channels_last, 0);
    if (channels_last || convpool_pool_is_whole(pool, channels_last)) {
        block.channels = pool->channels < most ? pool->channels : most;
    }
    block.columns = pool->axis[CONVPOOL_COLUMN].out;
    return block;
}

/* What pool_slide.inc.h makes rows of cells from: for each of `planes` planes, `rows` rows, each of
 * cells[row] cells between `left` and `right` ones of the border, out of taps[row] rows of the
 * input, `gap` apart from first[row] on, of which the next row does not meet the first fresh[row].
 * The input may be read up to `limit`. */
typedef struct convpool_pool_rows {
    int64_t planes, plane_step, rows, left, right, gap, limit;
    int64_t first[CONVPOOL_POOL_ROWS], taps[CONVPOOL_POOL_ROWS], fresh[CONVPOOL_POOL_ROWS];
    int64_t cells[CONVPOOL_POOL_ROWS];
} convpool_pool_rows;

/* And what it makes of those: rows of `columns` outputs from `taps` neighbours, `gap` apart; planes
 * of cells lie from_step apart. */
typedef struct convpool_pool_across {
    int64_t planes, plane_step, from_step, rows, row_step, pitch, columns, taps, gap, limit;
} convpool_pool_across;

/* What pool_lanes.inc.h reduces: lines x taps runs of `channels` elements for each output. */
typedef struct convpool_pool_taps {
    int64_t lines, line_step, taps, tap_step, channels, outputs, x_step, out_step;
} convpool_pool_taps;

/* A stretch of output pixels in one output row: `offset` counts from the first pixel asked for. */
typedef struct convpool_run {
    int64_t image, depth, row, column, offset, length;
} convpool_run;

/* Result: ceil(n / stride), for n >= 0: a division takes as long as moving a short row. */
CONVPOOL_INLINE int64_t convpool_steps(int64_t n, int64_t stride)
{
    return stride == 1 ? n : stride == 2 ? (n + 1) >> 1 : (n + stride - 1) / stride;
}

/* Finds which of so many cells, at first, first + stride, ..., are inside an axis of `size`: those
 * from *begin to *end. Others are of the border. */
CONVPOOL_INLINE void convpool_cells_inside(int64_t size, int64_t first, int64_t stride,
                                           int64_t cells, int64_t *begin, int64_t *end)
{
    *begin = first < 0 ? convpool_steps(-first, stride) : 0;
    *begin = *begin < cells ? *begin : cells;
    *end = first < size ? convpool_steps(size - first, stride) : 0;
    *end = *end < *begin ? *begin : *end < cells ? *end : cells;
}

/* Result: the input index which stands for index i of the border, -1 for the constant.
 * Precondition: size >= 1. */
CONVPOOL_INLINE int64_t convpool_border_index(int64_t i, int64_t size, int border)
{
    if (i >= 0 && i < size) {
        return i;
    }
    switch (border) {
    case CONVPOOL_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case CONVPOOL_CIRCULAR:
        i %= size;
        return i < 0 ? i + size : i;
    case CONVPOOL_REFLECT: {
        const int64_t period = size > 1 ? 2 * (size - 1) : 1;
        i %= period;
        i = i < 0 ? i + period : i;
        return i < size ? i : period - i;
    }
    default:
        return -1;
    }
}

/* Result: the input index that tap `tap` of output `o` meets, -1 for the constant. */
CONVPOOL_INLINE int64_t convpool_input_index(const convpool_axis *axis, int64_t o, int64_t tap,
                                             int border)
{
    return convpool_border_index(o * axis->stride + tap * axis->dilation - axis->before,
                                 axis->size, border);
}

/* Finds the taps [*begin, *end) with which one of `outputs` neighbours from `o` on may meet the
 * input itself: a window may be far larger than that. */
CONVPOOL_INLINE void convpool_taps_inside(const convpool_axis *axis, int64_t o, int64_t outputs,
                                          int64_t *begin, int64_t *end)
{
    const int64_t first = o * axis->stride - axis->before;
    const int64_t last = first + (outputs - 1) * axis->stride, dilation = axis->dilation;
    *begin = last >= 0 ? 0 : dilation == 1 ? -last : (-last + dilation - 1) / dilation;
    *end = first >= axis->size ? 0
           : dilation == 1     ? axis->size - first
                               : (axis->size - 1 - first) / dilation + 1;
    *end = *end < axis->kernel ? *end : axis->kernel;
}

/* Leaves out the outer taps of each axis that meet nothing but a border of zeros, from whatever
 * output: a small map, or a dilated kernel, has many. One tap stays. Finds the first that does.
 * Result: whether any are left out. */
CONVPOOL_INLINE int convpool_leave_out_taps(convpool_conv *conv, int64_t first[CONVPOOL_AXES])
{
    int i, some = 0;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        convpool_axis *axis = &conv->axis[i];
        int64_t begin, end, most, reach;
        first[i] = 0;
        if (axis->kernel == 1 || conv->border != CONVPOOL_CONSTANT || conv->border_value != 0) {
            continue;
        }
        convpool_taps_inside(axis, 0, axis->out, &begin, &end);
        most = axis->before / axis->dilation; /* with more, padding would be negative */
        begin = begin < most ? begin : most;
        begin = begin < axis->kernel ? begin : axis->kernel - 1;
        end = end > begin ? end : begin + 1;
        if (end - begin == axis->kernel) {
            continue;
        }
        some = 1;
        first[i] = begin;
        axis->before -= begin * axis->dilation;
        axis->kernel = end - begin;
        reach = (axis->out - 1) * axis->stride + (axis->kernel - 1) * axis->dilation + 1;
        axis->after = reach - axis->before - axis->size;
        if (axis->after < 0) { /* input that none meets now: else there were more outputs */
            axis->size = reach > axis->before ? reach - axis->before : 1;
            axis->after = 0;
        }
    }
    return some;
}

/* Result: the number of output pixels of one image. */
CONVPOOL_INLINE int64_t convpool_pixels(const convpool_axis axis[CONVPOOL_AXES])
{
    return axis[CONVPOOL_DEPTH].out * axis[CONVPOOL_ROW].out * axis[CONVPOOL_COLUMN].out;
}

/* Result: the number of taps of one channel. */
CONVPOOL_INLINE int64_t convpool_taps(const convpool_axis axis[CONVPOOL_AXES])
{
    return axis[CONVPOOL_DEPTH].kernel * axis[CONVPOOL_ROW].kernel * axis[CONVPOOL_COLUMN].kernel;
}

/* Result: whether all weights of an output channel follow one another, in the order of steps;
 * `stride` is that of (out channel, channel, depth, row, column). */
CONVPOOL_INLINE int convpool_weights_follow(const convpool_conv *conv, const int64_t stride[5])
{
    int64_t step = 1;
    int axis;
    for (axis = CONVPOOL_COLUMN; axis >= CONVPOOL_DEPTH; --axis) {
        if (conv->axis[axis].kernel > 1 && stride[2 + axis] != step) {
            return 0;
        }
        step *= conv->axis[axis].kernel;
    }
    return conv->channels == 1 || stride[1] == step;
}

/* Result: whether no axis is padded. */
CONVPOOL_INLINE int convpool_unpadded(const convpool_axis axis[CONVPOOL_AXES])
{
    int64_t padding = 0;
    int i;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        padding |= axis[i].before | axis[i].after;
    }
    return padding == 0;
}

/* Cuts `count` output pixels, from number `pixel` of the batch on, where rows end.
 * Result: how many runs were written. Precondition: room for `count` runs. */
CONVPOOL_INLINE int convpool_split_runs(const convpool_axis axis[CONVPOOL_AXES], int64_t pixel,
                                        int64_t count, convpool_run *runs)
{
    const int64_t columns = axis[CONVPOOL_COLUMN].out, rows = axis[CONVPOOL_ROW].out;
    const int64_t depths = axis[CONVPOOL_DEPTH].out, line = pixel / columns;
    int64_t column = pixel % columns, row = line % rows, depth = line / rows % depths;
    int64_t image = line / rows / depths, offset = 0;
    int n = 0;
    while (offset < count) {
        const int64_t left = columns - column, wanted = count - offset;
        const int64_t length = left < wanted ? left : wanted;
        runs[n].image = image;
        runs[n].depth = depth;
        runs[n].row = row;
        runs[n].column = column;
        runs[n].offset = offset;
        runs[n].length = length;
        ++n;
        offset += length;
        column = 0;
        if (++row == rows) {
            row = 0;
            ++depth;
        }
        if (depth == depths) {
            depth = 0;
            ++image;
        }
    }
    return n;
}

/* Where a run begins, from the first pixel of the batch, in an array of such strides. */
CONVPOOL_INLINE int64_t convpool_run_at(const convpool_run *run,
                                        const int64_t stride[CONVPOOL_RANK])
{
    return run->image * stride[CONVPOOL_AT_BATCH] + run->depth * stride[CONVPOOL_AT_DEPTH] +
           run->row * stride[CONVPOOL_AT_ROW] + run->column * stride[CONVPOOL_AT_COLUMN];
}

/* The same of output pixel number `pixel` of the batch. */
CONVPOOL_INLINE int64_t convpool_pixel_at(const convpool_axis axis[CONVPOOL_AXES],
                                          const int64_t stride[CONVPOOL_RANK], int64_t pixel)
{
    convpool_run run;
    convpool_split_runs(axis, pixel, 1, &run);
    return convpool_run_at(&run, stride);
}

/* The shape of a staged patch (stage.inc.h) of `lanes` channels: phases by rows by columns.
 * over_rows and over_columns are those beyond the output's. */
typedef struct convpool_stage {
    int64_t row_phases, column_phases, rows, columns, lanes, over_rows, over_columns;
} convpool_stage;

/* A block of output pixels of one image and `lanes` neighbouring channels. */
typedef struct convpool_block {
    int64_t depth, row, column, rows, columns, lanes;
} convpool_block;

/* How sums are formed over a patch, or over the input itself (stencil.inc.h). */
typedef struct convpool_stencil {
    const int64_t *offset; /* of each tap from the first */
    int64_t taps, stride;
    int64_t row_step;      /* from output row to output row */
    int64_t column_step;   /* from input column to input column, where lanes lie side by side */
    int shape;             /* of the kernel, see convpool_stencil_shape */
    double low, high;      /* bounds of the results */
} convpool_stencil;

/* Cells of a row that sums over planes read at once, at most: 4 vectors, twice as many where every
 * second counts, and the kernel's width. */
enum { CONVPOOL_PLANE_WIDTH = 2 * 4 * 16 + 8 };

/* Rows of one channel's input as they lie in memory, seen by a block of outputs, and further such
 * planes (plane.inc.h). Offsets are in elements. */
typedef struct convpool_plane {
    int64_t rows, columns;   /* of the input */
    int64_t row_step;
    int64_t top, left;       /* where the first window begins */
    int64_t low, high;       /* what may be read, counted from the first plane's first element */
    int64_t planes, step, out_step;
} convpool_plane;

/* Result: how many vectors of columns sums over planes take at once, 0 for a kernel without a body:
 * stencil.shape is `shape`. */
CONVPOOL_INLINE int64_t convpool_plane_vectors(int shape)
{
    switch (shape) {
    case 3 * 4 + 1: case 3 * 4 + 2: case 5 * 4 + 2: return 4;
    case 5 * 4 + 1: return 2;
    case 7 * 4 + 1: return 1;
    default: return 0;
    }
}

/* Result: elements of scratch memory for `rows` rows of outputs: a row of zeros, cells, results. */
CONVPOOL_INLINE int64_t convpool_plane_scratch(const convpool_axis *row, int64_t rows)
{
    const int64_t summed = rows + row->kernel; /* or fewer: see plane.inc.h */
    return (1 + summed * row->stride + row->kernel + summed) * CONVPOOL_PLANE_WIDTH;
}

/* Result: the patch that out_rows by out_columns output pixels need. */
CONVPOOL_INLINE convpool_stage convpool_stage_for(const convpool_conv *conv, int64_t out_rows,
                                                  int64_t out_columns, int64_t lanes)
{
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW], *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t row_reach = (row->kernel - 1) * row->dilation;
    const int64_t column_reach = (column->kernel - 1) * column->dilation;
    convpool_stage stage;
    /* A reach shorter than the stride leaves the last phases without a tap. */
    stage.row_phases = row_reach < row->stride ? row_reach + 1 : row->stride;
    stage.column_phases = column_reach < column->stride ? column_reach + 1 : column->stride;
    stage.over_rows = row_reach / row->stride;
    stage.over_columns = column_reach / column->stride;
    stage.rows = out_rows + stage.over_rows;
    stage.columns = out_columns + stage.over_columns;
    stage.lanes = lanes;
    return stage;
}

/* Result: the number of elements of the patch, INT64_MAX where it exceeds any memory. */
CONVPOOL_INLINE int64_t convpool_stage_size(const convpool_conv *conv, const convpool_stage *stage)
{
    const int64_t factor[] = {conv->axis[CONVPOOL_DEPTH].kernel, stage->row_phases,
                              stage->column_phases, stage->rows, stage->columns, stage->lanes};
    int64_t size = 1;
    int i;
    for (i = 0; i < 6; ++i) {
        if (size > ((int64_t)1 << 60) / factor[i]) {
            return INT64_MAX;
        }
        size *= factor[i];
    }
    return size;
}

/* Writes where in a patch each tap of the first output pixel stands, in the order of taps. */
CONVPOOL_INLINE void convpool_stage_offsets(const convpool_conv *conv, const convpool_stage *stage,
                                            int64_t *offset)
{
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW], *column = &conv->axis[CONVPOOL_COLUMN];
    int64_t d, r, c;
    for (d = 0; d < conv->axis[CONVPOOL_DEPTH].kernel; ++d) {
        for (r = 0; r < row->kernel; ++r) {
            for (c = 0; c < column->kernel; ++c) {
                const int64_t y = r * row->dilation, x = c * column->dilation;
                const int64_t phase = (d * stage->row_phases + y % row->stride) *
                                          stage->column_phases + x % column->stride;
                *offset++ = ((phase * stage->rows + y / row->stride) * stage->columns +
                             x / column->stride) * stage->lanes;
            }
        }
    }
}

/* Writes where in the input each tap stands from the first. */
CONVPOOL_INLINE void convpool_input_offsets(const convpool_conv *conv, int64_t *offset)
{
    const convpool_axis *axis = conv->axis;
    const int64_t *step = conv->x_stride;
    int64_t d, r, c;
    for (d = 0; d < axis[CONVPOOL_DEPTH].kernel; ++d) {
        for (r = 0; r < axis[CONVPOOL_ROW].kernel; ++r) {
            for (c = 0; c < axis[CONVPOOL_COLUMN].kernel; ++c) {
                *offset++ = d * axis[CONVPOOL_DEPTH].dilation * step[CONVPOOL_AT_DEPTH] +
                            r * axis[CONVPOOL_ROW].dilation * step[CONVPOOL_AT_ROW] +
                            c * axis[CONVPOOL_COLUMN].dilation * step[CONVPOOL_AT_COLUMN];
            }
        }
    }
}

/* Result: size * 4 + stride of a kernel that may have bodies of its own, or 0. Where `lanes` lie
 * side by side only the kernel's columns matter; otherwise it is the same both ways. */
CONVPOOL_INLINE int convpool_stencil_shape(const convpool_conv *conv, int lanes)
{
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW], *column = &conv->axis[CONVPOOL_COLUMN];
    const int square = conv->axis[CONVPOOL_DEPTH].kernel == 1 && row->kernel == column->kernel &&
                       row->stride == column->stride && row->dilation == 1;
    const int shaped = (lanes || square) && column->dilation == 1 && column->stride < 4 &&
                       column->kernel < 16;
    return shaped ? (int)(column->kernel * 4 + column->stride) : 0;
}

/* Result: a stencil without bounds. `row_step` and `column_step` separate rows and columns of what
 * it runs over; `lanes` as above. */
CONVPOOL_INLINE convpool_stencil convpool_stencil_for(const convpool_conv *conv, int lanes,
                                                      const int64_t *offset, int64_t row_step,
                                                      int64_t column_step)
{
    convpool_stencil stencil;
    stencil.offset = offset;
    stencil.taps = convpool_taps(conv->axis);
    stencil.stride = conv->axis[CONVPOOL_COLUMN].stride;
    stencil.row_step = row_step;
    stencil.column_step = column_step;
    stencil.shape = convpool_stencil_shape(conv, lanes);
    stencil.low = -INFINITY;
    stencil.high = INFINITY;
    return stencil;
}

/* Finds the outputs [*begin, *end) of an axis whose windows lie wholly inside the input. */
CONVPOOL_INLINE void convpool_outputs_inside(const convpool_axis *axis, int64_t *begin,
                                             int64_t *end)
{
    const int64_t last = axis->size - 1 - (axis->kernel - 1) * axis->dilation + axis->before;
    *begin = (axis->before + axis->stride - 1) / axis->stride;
    *end = last < 0 ? 0 : last / axis->stride + 1;
    *end = *end < axis->out ? *end : axis->out;
    *begin = *begin < *end ? *begin : *end;
}

/* Result: whether along an axis (CONVPOOL_AT_DEPTH or CONVPOOL_AT_ROW) outputs go on in memory
 * where all columns of one step end; and residuals, if `with_residual`. */
CONVPOOL_INLINE int convpool_outputs_follow(const convpool_conv *conv, int axis, int with_residual)
{
    const int64_t columns = conv->axis[CONVPOOL_COLUMN].out;
    return conv->out_stride[axis] == conv->out_stride[CONVPOOL_AT_COLUMN] * columns &&
           (!with_residual ||
            conv->residual_stride[axis] == conv->residual_stride[CONVPOOL_AT_COLUMN] * columns);
}

/* Result: whether the activation does no more than bound, and so fits where sums are formed; finds
 * between what, perhaps infinities. */
CONVPOOL_INLINE int convpool_only_bounds(const convpool_conv *conv, double *low, double *high)
{
    const int activation = conv->activation;
    *low = -INFINITY;
    *high = INFINITY;
    if (activation == CONVPOOL_RELU) {
        *low = 0;
    } else if (activation == CONVPOOL_HARDTANH) {
        *low = conv->activation_parameter[0];
        *high = conv->activation_parameter[1];
    }
    return activation == CONVPOOL_LINEAR || activation == CONVPOOL_RELU ||
           activation == CONVPOOL_HARDTANH;
}

/* Merges depth and row into column where a convolution reads and writes pixels one for one (1x1,
 * stride 1, no padding) and all its arrays step evenly through them: a 1x1 convolution then sees
 * one long row. `with_residual` says whether residual_stride counts. */
CONVPOOL_INLINE void convpool_merge_rows(convpool_conv *conv, int with_residual)
{
    int axis;
    for (axis = CONVPOOL_DEPTH; axis < CONVPOOL_AXES; ++axis) {
        const convpool_axis *a = &conv->axis[axis];
        if (a->kernel != 1 || a->stride != 1 || a->before != 0 || a->after != 0) {
            return;
        }
    }
    for (axis = CONVPOOL_ROW; axis >= CONVPOOL_DEPTH; --axis) {
        convpool_axis *outer = &conv->axis[axis], *inner = &conv->axis[CONVPOOL_COLUMN];
        const int o = CONVPOOL_AT_DEPTH + axis, i = CONVPOOL_AT_COLUMN;
        const int even = conv->x_stride[o] == conv->x_stride[i] * inner->size &&
                         convpool_outputs_follow(conv, o, with_residual);
        if (outer->size != 1 && !even) {
            return;
        }
        inner->size = inner->out = inner->size * outer->size;
        outer->size = outer->out = 1;
    }
}

#endif
