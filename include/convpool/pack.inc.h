/* pack.inc.h - the packers: a view of an array -> strips that gemm_tile reads.
 *
 * A strip holds `width` neighbours (output pixels or output channels) for each step k:
 * strip[k * width + lane]; lanes beyond the last neighbour are 0. Step k is
 * (cell of channels, depth, row, column) of the kernel, the column running fastest. A cell is one
 * channel, or several of bytes in one REAL, CHANNELS of them. The packers alone know layout,
 * stride, dilation, borders and the element type.
 *
 * Included once for each instruction set and element type, after moves.inc.h and with its words.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
/* That of arrays of REAL, which come first. */
#define REAL_VERB(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Where the channels of a cell are, counted from its first: beyond the last of all it stands again,
 * for which weights are 0. */
TARGET CONVPOOL_FORCE_INLINE void NAME(find_channels)(const convpool_conv *conv, int64_t cell,
                                                      int64_t *apart)
{
    const int64_t last = conv->channels - 1 - cell * CHANNELS;
    int i;
    for (i = 0; i < CHANNELS; ++i) {
        apart[i] = (i < last ? i : last) * conv->x_stride[CONVPOOL_AT_CHANNEL];
    }
}

/* to[j] = line[first + j], or `value` beyond the ends of the line. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pack_edge)(const STORAGE *line, const int64_t *apart,
                                                  int64_t first, int64_t size, REAL value,
                                                  int64_t length, REAL *CONVPOOL_RESTRICT to)
{
    int64_t begin, end, j;
    convpool_cells_inside(size, first, 1, length, &begin, &end);
    for (j = 0; j < begin; ++j) {
        to[j] = value;
    }
    NAME(copy)(line + first + begin, apart, end - begin, to + begin);
    for (j = end; j < length; ++j) {
        to[j] = value;
    }
}

/* One run of output pixels at one tap, from an input row `line` (NULL: all border), element by
 * element: whatever border, stride and step. */
TARGET CONVPOOL_NOINLINE void NAME(pack_any)(const convpool_conv *conv, const STORAGE *line,
                                             const int64_t *apart, int64_t first, int64_t stride,
                                             int64_t length, REAL *to)
{
    const convpool_axis *axis = &conv->axis[CONVPOOL_COLUMN];
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    int64_t j;
    for (j = 0; j < length; ++j) {
        const int64_t i = line == NULL ? -1
                                       : convpool_border_index(first + j * stride, axis->size,
                                                               conv->border);
        to[j] = i < 0 ? BORDER(conv->border_value) : CELL(line + i * step, apart);
    }
}

/* `length` cells, `stride` columns apart, of an input row: at one go where it can be. */
TARGET CONVPOOL_NOINLINE void NAME(pack_line)(const convpool_conv *conv, const STORAGE *line,
                                                  const int64_t *apart, int64_t first,
                                                  int64_t stride, int64_t length,
                                                  REAL *CONVPOOL_RESTRICT to)
{
    const int64_t size = conv->axis[CONVPOOL_COLUMN].size;
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    int64_t begin, end;
    if (line != NULL && first >= 0 && first + (length - 1) * stride < size) {
        NAME(gather)(line + first * step, apart, stride * step, length, to);
        return;
    }
    if (line != NULL && step == 1 && stride == 1 && conv->border == CONVPOOL_CONSTANT) {
        NAME(pack_edge)(line, apart, first, size, BORDER(conv->border_value), length, to);
        return;
    }
    if (line == NULL) {
        NAME(pack_any)(conv, NULL, apart, first, stride, length, to);
        return;
    }
    convpool_cells_inside(size, first, stride, length, &begin, &end);
    NAME(pack_any)(conv, line, apart, first, stride, begin, to);
    if (begin < end) {
        NAME(gather)(line + (first + begin * stride) * step, apart, stride * step, end - begin,
                     to + begin);
    }
    NAME(pack_any)(conv, line, apart, first + end * stride, stride, length - end, to + end);
}

/* pack_pixels for kernels of one tap without padding: each run of neighbours is read once. */
TARGET CONVPOOL_NOINLINE void NAME(pack_points)(const convpool_conv *conv, const STORAGE *x,
                                                int64_t begin, int64_t end,
                                                const convpool_run *run, int64_t width,
                                                int64_t pitch, REAL *panel)
{
    const int64_t *step = conv->x_stride;
    const int64_t next = conv->axis[CONVPOOL_COLUMN].stride * step[CONVPOOL_AT_COLUMN];
    const int64_t cell = CHANNELS * step[CONVPOOL_AT_CHANNEL];
    const STORAGE *from = x + run->image * step[CONVPOOL_AT_BATCH] +
                          run->depth * conv->axis[CONVPOOL_DEPTH].stride * step[CONVPOOL_AT_DEPTH] +
                          run->row * conv->axis[CONVPOOL_ROW].stride * step[CONVPOOL_AT_ROW] +
                          run->column * next + begin * cell;
    const int64_t strip = run->offset / width, lane = run->offset % width;
    REAL *to = panel + strip * pitch + lane;
    int64_t k, j, used;
    for (k = begin; k < end; ++k, from += cell, to += width) {
        const STORAGE *at = from;
        REAL *strip_to = to;
        int64_t apart[CHANNELS], room = width - lane;
        NAME(find_channels)(conv, k, apart);
        for (j = 0; j < run->length; j += used) {
            used = run->length - j < room ? run->length - j : room;
            CONVPOOL_PREFETCH(at + 4 * cell);
            NAME(gather)(at, apart, next, used, strip_to);
            at += used * next;
            strip_to += pitch + room - width;
            room = width;
        }
    }
}

/* pack_pixels where neighbours in memory are channels: each pixel's channels are read on end, tap
 * by tap, and go to their steps, `taps` rows of a strip apart. */
TARGET CONVPOOL_NOINLINE void NAME(pack_channels)(const convpool_conv *conv, const STORAGE *x,
                                                  int64_t begin, int64_t end,
                                                  const convpool_run *run, int64_t width, REAL *to)
{
    const convpool_axis *axis = conv->axis;
    const int64_t taps = convpool_taps(axis);
    int64_t apart[CHANNELS], kd, kr, kc, j, c, tap = 0;
    for (kd = 0; kd < axis[CONVPOOL_DEPTH].kernel; ++kd) {
        const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], run->depth, kd, conv->border);
        for (kr = 0; kr < axis[CONVPOOL_ROW].kernel; ++kr) {
            const int64_t i = convpool_input_index(&axis[CONVPOOL_ROW], run->row, kr, conv->border);
            for (kc = 0; kc < axis[CONVPOOL_COLUMN].kernel; ++kc, ++tap) {
                /* Step c * taps + tap is in [begin, end) for these cells. */
                const int64_t first = (begin - tap + taps - 1) / taps;
                const int64_t last = (end - tap + taps - 1) / taps;
                const int64_t whole = last * CHANNELS > conv->channels ? last - 1 : last;
                for (j = 0; j < run->length; ++j) {
                    const int64_t l = convpool_input_index(&axis[CONVPOOL_COLUMN], run->column + j,
                                                           kc, conv->border);
                    const STORAGE *from = x + run->image * conv->x_stride[CONVPOOL_AT_BATCH] +
                                          d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                                          i * conv->x_stride[CONVPOOL_AT_ROW] +
                                          l * conv->x_stride[CONVPOOL_AT_COLUMN];
                    REAL *at = to + (first * taps + tap - begin) * width + j;
                    if (d < 0 || i < 0 || l < 0) {
                        for (c = first; c < last; ++c, at += taps * width) {
                            *at = BORDER(conv->border_value);
                        }
                    } else {
                        for (c = first; c < whole; ++c, at += taps * width) {
                            *at = JOINED(from + c * CHANNELS);
                        }
                        for (; c < last; ++c) {
                            NAME(find_channels)(conv, c, apart);
                            *at = CELL(from + c * CHANNELS, apart);
                        }
                    }
                }
            }
        }
    }
}

/* pack_pixels for a run whose windows reach too far for a patch: tap by tap from the input. */
TARGET CONVPOOL_NOINLINE void NAME(pack_windows)(const convpool_conv *conv, const STORAGE *x,
                                                 int64_t begin, int64_t end,
                                                 const convpool_run *run, int64_t width, REAL *to)
{
    const convpool_axis *axis = conv->axis, *column = &axis[CONVPOOL_COLUMN];
    const int64_t taps = convpool_taps(axis);
    int64_t k;
    for (k = begin; k < end; ++k, to += width) {
        const int64_t tap = k % taps, line_tap = tap / column->kernel;
        const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], run->depth,
                                               line_tap / axis[CONVPOOL_ROW].kernel, conv->border);
        const int64_t i = convpool_input_index(&axis[CONVPOOL_ROW], run->row,
                                               line_tap % axis[CONVPOOL_ROW].kernel, conv->border);
        const STORAGE *line = x + run->image * conv->x_stride[CONVPOOL_AT_BATCH] +
                              k / taps * CHANNELS * conv->x_stride[CONVPOOL_AT_CHANNEL] +
                              d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                              i * conv->x_stride[CONVPOOL_AT_ROW];
        int64_t apart[CHANNELS];
        NAME(find_channels)(conv, k / taps, apart);
        NAME(pack_line)(conv, d < 0 || i < 0 ? NULL : line, apart,
                        run->column * column->stride + tap % column->kernel * column->dilation -
                            column->before,
                        column->stride, run->length, to);
    }
}

/* Where a run of a strip is: from a patch to the panel. */
typedef struct NAME(copied_run) {
    REAL *to;
    int64_t from, length;
} NAME(copied_run);

/* pack_pixels for `n` runs of one image and depth: for each channel the rows that their windows
 * meet are copied into a patch, border and all, columns of a stride apart, so that each tap of a
 * run then is a mere copy.
 * Result: 0 if the patch would be too large. */
TARGET CONVPOOL_NOINLINE int NAME(pack_patch)(const convpool_conv *conv, const STORAGE *x,
                                              int64_t begin, int64_t end, const convpool_run *runs,
                                              int n, int64_t width, NAME(copied_run) *copied)
{
    const convpool_axis *depth = &conv->axis[CONVPOOL_DEPTH], *row = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t in_plane = row->kernel * column->kernel, taps = depth->kernel * in_plane;
    const int64_t row_reach = (row->kernel - 1) * row->dilation;
    const int64_t reach = (column->kernel - 1) * column->dilation;
    const int64_t first_row = runs[0].row, last_row = runs[n - 1].row;
    const int64_t first = first_row == last_row ? runs[0].column : 0;
    const int64_t last = first_row == last_row ? runs[n - 1].column + runs[n - 1].length
                                               : column->out;
    const int64_t rows = (last_row - first_row) * row->stride + row_reach + 1;
    const int64_t phases = reach < column->stride ? reach + 1 : column->stride;
    const int64_t columns = last - first + reach / column->stride;
    REAL patch[CONVPOOL_PATCH];
    int64_t apart[CHANNELS], k = begin, plane = -1, i, phase;
    int r;
    if (rows > CONVPOOL_PATCH || columns > CONVPOOL_PATCH || phases > CONVPOOL_PATCH ||
        rows * columns > CONVPOOL_PATCH || rows * columns * phases > CONVPOOL_PATCH) {
        return 0;
    }
    for (r = 0; r < n; ++r) {
        copied[r].from = (runs[r].row - first_row) * row->stride * columns +
                         runs[r].column - first;
        copied[r].length = runs[r].length;
    }
    for (; k < end; ++k) {
        const int64_t tap = k % taps, kd = tap / in_plane;
        const int64_t y = tap % in_plane / column->kernel * row->dilation;
        const int64_t z = tap % column->kernel * column->dilation;
        const REAL *from = patch + ((z % column->stride) * rows + y) * columns +
                           z / column->stride;
        if (k / in_plane != plane) {
            const int64_t d = convpool_input_index(depth, runs[0].depth, kd, conv->border);
            const STORAGE *image = x + runs[0].image * conv->x_stride[CONVPOOL_AT_BATCH] +
                                   k / taps * CHANNELS * conv->x_stride[CONVPOOL_AT_CHANNEL] +
                                   d * conv->x_stride[CONVPOOL_AT_DEPTH];
            NAME(find_channels)(conv, k / taps, apart);
            for (i = 0; i < rows; ++i) {
                const int64_t at = convpool_border_index(
                    first_row * row->stride + i - row->before, row->size, conv->border);
                const STORAGE *line = d < 0 || at < 0
                                          ? NULL
                                          : image + at * conv->x_stride[CONVPOOL_AT_ROW];
                if (i % row->stride > row_reach) {
                    continue; /* between windows */
                }
                for (phase = 0; phase < phases; ++phase) {
                    NAME(pack_line)(conv, line, apart,
                                    first * column->stride + phase - column->before,
                                    column->stride, columns,
                                    patch + (phase * rows + i) * columns);
                }
            }
            plane = k / in_plane;
        }
        for (r = 0; r < n; ++r) {
            NAME(copied_run) *run = &copied[r];
            /* A constant length, the commonest, is a constant move. */
            if (run->length == 16) {
                REAL_VERB(copy)(from + run->from, NULL, 16, run->to);
            } else {
                REAL_VERB(copy)(from + run->from, NULL, run->length, run->to);
            }
            run->to += width;
        }
    }
    return 1;
}

/* Packs output pixels [pixel, pixel + pixels) of the batch for steps [begin, end) of one group,
 * whose first element is `x`. Strips begin `pitch` elements apart: a pitch that is no multiple of
 * 4096 bytes keeps them from fighting for the same set of a cache.
 * Preconditions: 1 <= width <= CONVPOOL_MAX_WIDTH, 1 <= pixels <= CONVPOOL_MAX_PIXELS, pitch >=
 * (end - begin) * width; `panel` has room for ceil(pixels / width) * pitch elements. */
TARGET CONVPOOL_INLINE void NAME(pack_pixels)(const convpool_conv *conv, const void *x,
                                              int64_t begin, int64_t end, int64_t pixel,
                                              int64_t pixels, int64_t width, int64_t pitch,
                                              void *panel)
{
    const STORAGE *from = (const STORAGE *)x;
    const int channels_last = conv->x_stride[CONVPOOL_AT_CHANNEL] == 1 &&
                              conv->x_stride[CONVPOOL_AT_COLUMN] != 1 && conv->channels > 1;
    const int points = convpool_taps(conv->axis) == 1 && convpool_unpadded(conv->axis);
    const int64_t used = (pixels - 1) % width + 1;
    convpool_run runs[CONVPOOL_MAX_PIXELS];
    NAME(copied_run) copied[CONVPOOL_MAX_PIXELS];
    int64_t strip, j;
    int n = 0, r, last;
    for (j = 0; used < width && j < end - begin; ++j) {
        REAL *to = (REAL *)panel + (pixels - 1) / width * pitch + j * width;
        memset(to + used, 0, (size_t)(width - used) * sizeof(REAL));
    }
    if (points && !channels_last) {
        n = convpool_split_runs(conv->axis, pixel, pixels, runs);
        for (r = 0; r < n; ++r) {
            NAME(pack_points)(conv, from, begin, end, &runs[r], width, pitch, (REAL *)panel);
        }
        return;
    }
    for (strip = 0; strip * width < pixels; ++strip) {
        const int64_t left = pixels - strip * width;
        last = n + convpool_split_runs(conv->axis, pixel + strip * width,
                                       left < width ? left : width, runs + n);
        for (; n < last; ++n) {
            copied[n].to = (REAL *)panel + strip * pitch + runs[n].offset;
        }
    }
    for (r = 0; r < n; r = last) {
        last = r + 1;
        while (last < n && runs[last].image == runs[r].image &&
               runs[last].depth == runs[r].depth) {
            ++last;
        }
        if (channels_last) {
            for (; r < last; ++r) {
                NAME(pack_channels)(conv, from, begin, end, &runs[r], width, copied[r].to);
            }
        } else if (!NAME(pack_patch)(conv, from, begin, end, &runs[r], last - r, width,
                                     &copied[r])) {
            for (; r < last; ++r) {
                NAME(pack_windows)(conv, from, begin, end, &runs[r], width, copied[r].to);
            }
        }
    }
}

#undef NAME
#undef REAL_VERB
