/* stage.inc.h - a patch of the input, with its border, laid out so that each tap of a window is a
 * constant offset from the output pixel:
 *
 *     patch[plane][row phase][column phase][row][column][lane]
 *
 * Row y of the bordered input has phase y mod stride and row y / stride there, columns likewise:
 * neighbours in the output are neighbours in the patch whatever the stride, and tap (d, r, c) of
 * output (0, i, j) is found at plane d, phases (r d_r mod s_r, c d_c mod s_c), row i + r d_r / s_r
 * and column j + c d_c / s_c.
 *
 * Included once for each instruction set and element type, after pack.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* One row of one column phase: pixels column, column + stride, ... of `line` (NULL: all border),
 * each of `lanes` neighbouring channels. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_row)(const convpool_conv *conv, const STORAGE *line,
                                                  int64_t column, int64_t columns, int64_t lanes,
                                                  REAL *CONVPOOL_RESTRICT to)
{
    const convpool_axis *axis = &conv->axis[CONVPOOL_COLUMN];
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN], stride = axis->stride;
    const int64_t lane_step = conv->x_stride[CONVPOOL_AT_CHANNEL];
    int64_t begin = column < 0 ? (-column + stride - 1) / stride : 0;
    int64_t end = column < axis->size ? (axis->size - column + stride - 1) / stride : 0;
    int64_t j, lane;
    begin = begin < columns ? begin : columns;
    end = line == NULL || end < begin ? begin : end < columns ? end : columns;
    if (begin < end) {
        const STORAGE *from = line + (column + begin * stride) * step;
        if (lanes == 1) {
            NAME(gather)(from, stride * step, end - begin, to + begin);
        } else if (lane_step == 1 && stride * step == lanes) {
            NAME(copy)(from, (end - begin) * lanes, to + begin * lanes);
        } else {
            for (j = begin; j < end; ++j, from += stride * step) {
                NAME(gather)(from, lane_step, lanes, to + j * lanes);
            }
        }
    }
    for (j = 0; j < columns; ++j) {
        j = j == begin ? end : j;
        if (j < columns) {
            const int64_t i =
                line == NULL
                    ? -1
                    : convpool_border_index(column + j * stride, axis->size, conv->border);
            for (lane = 0; lane < lanes; ++lane) {
                to[j * lanes + lane] = i < 0 ? (REAL)conv->border_value
                                             : LOAD(line[i * step + lane * lane_step]);
            }
        }
    }
}

/* The patch for output rows [row, row + rows) and columns [column, column + columns) at output
 * depth `depth`; `x` is the first element of the image's first lane.
 * Precondition: `patch` has room for convpool_stage_size elements. */
TARGET CONVPOOL_INLINE void NAME(stage_patch)(const convpool_conv *conv,
                                              const convpool_stage *stage, const void *x,
                                              int64_t depth, int64_t row, int64_t column,
                                              void *patch)
{
    const convpool_axis *ad = &conv->axis[CONVPOOL_DEPTH], *ar = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *ac = &conv->axis[CONVPOOL_COLUMN];
    REAL *to = (REAL *)patch;
    int64_t kd, pr, pc, r;
    for (kd = 0; kd < ad->kernel; ++kd) {
        const int64_t d = convpool_input_index(ad, depth, kd, conv->border);
        for (pr = 0; pr < stage->row_phases; ++pr) {
            for (pc = 0; pc < stage->column_phases; ++pc) {
                for (r = 0; r < stage->rows; ++r, to += stage->columns * stage->lanes) {
                    const int64_t i = convpool_border_index(
                        (row + r) * ar->stride + pr - ar->before, ar->size, conv->border);
                    const STORAGE *line = (const STORAGE *)x +
                                          d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                                          i * conv->x_stride[CONVPOOL_AT_ROW];
                    NAME(stage_row)(conv, d < 0 || i < 0 ? NULL : line,
                                    column * ac->stride + pc - ac->before, stage->columns,
                                    stage->lanes, to);
                }
            }
        }
    }
}

#undef NAME
