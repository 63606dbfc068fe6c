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
#define REAL_VERB(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* One column phase of a patch's rows: pixels first, first + stride, ... of which [begin, end) are
 * of the input and the others, up to `columns`, of the border. */
typedef struct NAME(phase) {
    int64_t first, begin, end, columns;
} NAME(phase);

/* Precondition: columns >= 1. */
TARGET CONVPOOL_FORCE_INLINE void NAME(find_phase)(const convpool_axis *axis, int64_t first,
                                                   int64_t columns, NAME(phase) *phase)
{
    phase->first = first;
    phase->columns = columns;
    convpool_cells_inside(axis->size, first, axis->stride, columns, &phase->begin, &phase->end);
}

/* A pixel's lanes: each of its channels `repeat` times, or of a single lane once. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_lanes_of)(const STORAGE *pixel, int64_t lane_step,
                                                       int64_t repeat, int64_t lanes,
                                                       REAL *CONVPOOL_RESTRICT to)
{
    int64_t lane, i;
    if (repeat == 1) {
        NAME(gather)(pixel, NULL, lane_step, lanes, to);
        return;
    }
    for (lane = 0; lane < lanes; pixel += lane_step) {
        const REAL value = LOAD(*pixel);
        for (i = 0; i < repeat && lane < lanes; ++i) {
            to[lane++] = value;
        }
    }
}

/* Border pixels [j, end) of a row. `line`: NULL where the row is all border. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_border)(const convpool_conv *conv,
                                                     const STORAGE *line, int64_t first,
                                                     int64_t j, int64_t end, int64_t lanes,
                                                     int64_t pitch, REAL *CONVPOOL_RESTRICT to)
{
    const convpool_axis *axis = &conv->axis[CONVPOOL_COLUMN];
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    const int64_t lane_step = conv->x_stride[CONVPOOL_AT_CHANNEL], repeat = conv->out_channels;
    int64_t lane;
    for (; j < end; ++j) {
        const int64_t i = line == NULL ? -1
                                       : convpool_border_index(first + j * axis->stride,
                                                               axis->size, conv->border);
        if (i < 0) {
            for (lane = 0; lane < lanes; ++lane) {
                to[j * pitch + lane] = (REAL)conv->border_value;
            }
        } else {
            NAME(stage_lanes_of)(line + i * step, lane_step, repeat, lanes, to + j * pitch);
        }
    }
}

/* Pixels [j, end), inside the row, of one channel. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_pixels)(const convpool_conv *conv,
                                                     const STORAGE *line, int64_t first, int64_t j,
                                                     int64_t end, REAL *CONVPOOL_RESTRICT to)
{
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    const int64_t stride = conv->axis[CONVPOOL_COLUMN].stride;
    if (j < end) {
        NAME(gather)(line + (first + j * stride) * step, NULL, stride * step, end - j, to + j);
    }
}

/* The same of `lanes` channels, each `repeat` times. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_lanes)(const convpool_conv *conv,
                                                    const STORAGE *line, int64_t first, int64_t j,
                                                    int64_t end, int64_t lanes, int64_t pitch,
                                                    REAL *CONVPOOL_RESTRICT to)
{
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    const int64_t lane_step = conv->x_stride[CONVPOOL_AT_CHANNEL];
    const int64_t stride = conv->axis[CONVPOOL_COLUMN].stride, repeat = conv->out_channels;
    const STORAGE *from = line + (first + j * stride) * step;
    if (j >= end) {
        return;
    }
    if (lane_step == 1 && stride * step == lanes && pitch == lanes && repeat == 1) {
        NAME(copy)(from, NULL, (end - j) * lanes, to + j * lanes);
        return;
    }
    for (; j < end; ++j, from += stride * step) {
        NAME(stage_lanes_of)(from, lane_step, repeat, lanes, to + j * pitch);
    }
}

/* to[j] = from[2 j], odd[j] = from[2 j + 1]. Inlined, it would lose the word that the two do not
 * overlap, and with it its vectors. */
TARGET CONVPOOL_NOINLINE void NAME(split_even)(const STORAGE *from, int64_t length,
                                               REAL *CONVPOOL_RESTRICT to,
                                               REAL *CONVPOOL_RESTRICT odd)
{
    int64_t j;
    for (j = 0; j < length; ++j) {
        to[j] = LOAD(from[2 * j]);
        odd[j] = LOAD(from[2 * j + 1]);
    }
}

/* The same without a tail: the last move overlaps the one before. */
TARGET CONVPOOL_FORCE_INLINE void NAME(split)(const STORAGE *from, int64_t length, REAL *to,
                                              REAL *odd)
{
    const int64_t whole = length / 8 * 8, left = length - 8;
    NAME(split_even)(from, length < 8 ? length : whole, to, odd);
    if (length > 8 && whole < length) {
        NAME(split_even)(from + 2 * left, 8, to + left, odd + left);
    }
}

/* Zeros beyond a block, as far as vectors reach: what memory held before may be subnormal, as small
 * integers are that are read as floats, and products of those take a hundred times as long. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_rest)(int64_t count, REAL *to)
{
    const int64_t reached = count < CONVPOOL_SLACK ? count : (int64_t)CONVPOOL_SLACK;
    if (count > 0) {
        memset(to, 0, (size_t)reached * sizeof(REAL));
    }
}

/* One row in all its column phases, which begin `apart` elements from each other. */
TARGET CONVPOOL_NOINLINE void NAME(stage_row)(const convpool_conv *conv,
                                              const convpool_stage *stage,
                                              const NAME(phase) *phases, const STORAGE *line,
                                              int64_t lanes, int bordered, int64_t apart, REAL *to)
{
    const int64_t pitch = stage->lanes;
    int64_t pc;
    for (pc = 0; pc < stage->column_phases; ++pc, to += apart) {
        NAME(phase) phase = phases[pc < CONVPOOL_PHASES ? pc : 0];
        if (pc >= CONVPOOL_PHASES) {
            NAME(find_phase)(&conv->axis[CONVPOOL_COLUMN], phase.first + pc, phase.columns, &phase);
        }
        if (bordered == 0) {
            NAME(stage_rest)((stage->columns - phase.columns) * pitch, to + phase.columns * pitch);
        }
        if (line == NULL) {
            NAME(stage_border)(conv, NULL, 0, 0, phase.columns, lanes, pitch, to);
            continue;
        }
        if (pitch == 1) {
            NAME(stage_pixels)(conv, line, phase.first, phase.begin, phase.end, to);
        } else {
            NAME(stage_lanes)(conv, line, phase.first, phase.begin, phase.end, lanes, pitch, to);
        }
        if (bordered == 0) {
            NAME(stage_border)(conv, line, phase.first, 0, phase.begin, lanes, pitch, to);
            NAME(stage_border)(conv, line, phase.first, phase.end, phase.columns, lanes, pitch, to);
        }
    }
}

/* One row in both its phases at stride 2, of which a and b have the input's pixels. What one has
 * before or after the other is at most a pixel. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stage_pairs)(const STORAGE *line, const NAME(phase) *a,
                                                    const NAME(phase) *b, int64_t begin,
                                                    int64_t end, REAL *to, REAL *odd)
{
    NAME(split)(line + a->first + 2 * begin, end - begin, to + begin, odd + begin);
    if (a->begin < begin) {
        to[a->begin] = LOAD(line[a->first + 2 * a->begin]);
    }
    if (b->begin < begin) {
        odd[b->begin] = LOAD(line[b->first + 2 * b->begin]);
    }
    if (end < a->end) {
        to[end] = LOAD(line[a->first + 2 * end]);
    }
    if (end < b->end) {
        odd[end] = LOAD(line[b->first + 2 * end]);
    }
}

/* to[i] = from[i] - less: rows as they lie in memory. */
TARGET CONVPOOL_INLINE void NAME(stage_rows)(const void *from, int64_t count, double less, void *to)
{
    enum { CHUNK = 16 };
    const STORAGE *x = (const STORAGE *)from;
    REAL *y = (REAL *)to;
    const REAL away = (REAL)less;
    int64_t j;
    int i;
    NAME(copy)(x, NULL, count, y);
    for (j = 0; away != 0 && j + CHUNK <= count; j += CHUNK) {
        for (i = 0; i < CHUNK; ++i) {
            y[j + i] -= away;
        }
    }
    for (; away != 0 && j < count; ++j) {
        y[j] -= away;
    }
}

/* The patch for a block of output pixels; `x` is the first element of the image's first lane.
 * `bordered` says what of a constant border is in the patch already: 0 nothing, 1 the cells beside
 * the input, 2 all. Lanes are output channels: each input channel is staged for all its outputs.
 * Preconditions: `patch` has room for convpool_stage_size elements and CONVPOOL_SLACK; the block is
 * no larger than what the stage was made for. Guarantee: beyond rows, columns and lanes of the
 * block vectors read zeros, or what blocks since the last one with `bordered` 0 left. */
TARGET CONVPOOL_INLINE void NAME(stage_patch)(const convpool_conv *conv,
                                              const convpool_stage *stage,
                                              const convpool_block *block, const void *x,
                                              int bordered, void *patch)
{
    const convpool_axis *ad = &conv->axis[CONVPOOL_DEPTH], *ar = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *ac = &conv->axis[CONVPOOL_COLUMN];
    const int64_t pitch = stage->columns * stage->lanes, apart = stage->rows * pitch;
    const int64_t rows = block->rows + stage->over_rows;
    const int64_t columns = block->columns + stage->over_columns;
    const int dense = bordered > 0 && stage->lanes == 1 && conv->x_stride[CONVPOOL_AT_COLUMN] == 1;
    NAME(phase) phases[CONVPOOL_PHASES], *a = &phases[0], *b = &phases[1];
    REAL *to = (REAL *)patch;
    int64_t kd, pr, pc, r, begin = 0, end = 0;
    if (bordered == 0 && block->lanes < stage->lanes && block->lanes < REAL_VERB(lanes)) {
        memset(patch, 0, (size_t)convpool_stage_size(conv, stage) * sizeof(REAL));
    }
    for (pc = 0; pc < stage->column_phases && pc < CONVPOOL_PHASES; ++pc) {
        NAME(find_phase)(ac, block->column * ac->stride + pc - ac->before, columns, &phases[pc]);
    }
    if (dense && ac->stride == 2 && stage->column_phases == 2) {
        begin = a->begin > b->begin ? a->begin : b->begin;
        end = a->end < b->end ? a->end : b->end;
    }
    for (kd = 0; kd < ad->kernel; ++kd) {
        const int64_t d = convpool_input_index(ad, block->depth, kd, conv->border);
        for (pr = 0; pr < stage->row_phases; ++pr, to += stage->column_phases * apart) {
            for (r = 0; r < rows; ++r) {
                const int64_t i = convpool_border_index(
                    (block->row + r) * ar->stride + pr - ar->before, ar->size, conv->border);
                const int outside = d < 0 || i < 0;
                const STORAGE *line = (const STORAGE *)x + d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                                      i * conv->x_stride[CONVPOOL_AT_ROW];
                REAL *at = to + r * pitch;
                if (outside && bordered == 2) {
                    continue;
                }
                if (!outside && dense && ac->stride == 1) {
                    NAME(copy)(line + a->first + a->begin, NULL, a->end - a->begin, at + a->begin);
                } else if (!outside && begin < end) {
                    NAME(stage_pairs)(line, a, b, begin, end, at, at + apart);
                } else {
                    NAME(stage_row)(conv, stage, phases, outside ? NULL : line, block->lanes,
                                    bordered, apart, at);
                }
            }
            for (pc = 0; bordered == 0 && pc < stage->column_phases; ++pc) {
                NAME(stage_rest)((stage->rows - rows) * pitch, to + pc * apart + rows * pitch);
            }
        }
    }
    if (bordered == 0) {
        NAME(stage_rest)(CONVPOOL_SLACK, to);
    }
}

#undef NAME
#undef REAL_VERB
