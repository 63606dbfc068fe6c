/* pack.inc.h - the packers: a view of an array -> strips that gemm_tile reads.
 *
 * A strip holds `width` neighbours (output pixels or output channels) for each step k:
 * strip[k * width + lane]; lanes beyond the last neighbour are 0. Step k is
 * (channel, depth, row, column) of the kernel, the column running fastest. The packers alone know
 * layout, stride, dilation, borders and the element type.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL,
 * LOAD(element) -> REAL, ISA_NAME and TARGET set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* to[j] = from[j], in moves of constant length, the last of which may overlap the one before. */
TARGET CONVPOOL_FORCE_INLINE void NAME(copy)(const STORAGE *from, int64_t length,
                                             REAL *CONVPOOL_RESTRICT to)
{
    int64_t j;
    int i;
    if (length >= 8) {
        for (j = 0; j < length - 8; j += 8) {
            for (i = 0; i < 8; ++i) {
                to[j + i] = LOAD(from[j + i]);
            }
        }
        for (i = 0; i < 8; ++i) {
            to[length - 8 + i] = LOAD(from[length - 8 + i]);
        }
    } else if (length >= 4) {
        for (i = 0; i < 4; ++i) {
            to[i] = LOAD(from[i]);
        }
        for (i = 0; i < 4; ++i) {
            to[length - 4 + i] = LOAD(from[length - 4 + i]);
        }
    } else {
        for (j = 0; j < length; ++j) {
            to[j] = LOAD(from[j]);
        }
    }
}

/* to[j] = from[j * step] */
TARGET CONVPOOL_FORCE_INLINE void NAME(gather)(const STORAGE *from, int64_t step, int64_t length,
                                               REAL *CONVPOOL_RESTRICT to)
{
    int64_t j;
    if (step == 1) {
        NAME(copy)(from, length, to);
    } else if (step == 2) {
        for (j = 0; j < length; ++j) {
            to[j] = LOAD(from[2 * j]);
        }
    } else {
        for (j = 0; j < length; ++j) {
            to[j] = LOAD(from[j * step]);
        }
    }
}

enum {
    NAME(run_of_16),   /* inside the row, one after the other, as many as constant moves take */
    NAME(run_inside),  /* inside the row, one after the other */
    NAME(run_on_edge), /* one after the other, partly beyond the row's ends, where a constant is */
    NAME(run_any)      /* whatever else */
};

/* One run of output pixels on its way through the steps. */
typedef struct NAME(placed_run) {
    REAL *to;        /* in the panel, at the current step */
    int64_t line_at; /* offset, from the channel's first element, of its input row at the current
                        kernel row */
    int64_t column;  /* of the input, at kernel column 0 */
    int64_t length;
    int outside;     /* the input row is all border */
    int kind;        /* what its columns meet, over a whole kernel row: one of the above */
} NAME(placed_run);

TARGET CONVPOOL_FORCE_INLINE void NAME(place_run)(const convpool_conv *conv,
                                                  const convpool_run *run, REAL *to,
                                                  NAME(placed_run) *placed)
{
    const convpool_axis *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t first = run->column * column->stride - column->before;
    const int64_t last = first + (run->length - 1) * column->stride +
                         (column->kernel - 1) * column->dilation;
    const int unit = column->stride == 1 && conv->x_stride[CONVPOOL_AT_COLUMN] == 1;
    const int inside = first >= 0 && last < column->size;
    placed->to = to;
    placed->column = first;
    placed->length = run->length;
    placed->kind = !unit                               ? NAME(run_any)
                   : inside && run->length == 16       ? NAME(run_of_16)
                   : inside                            ? NAME(run_inside)
                   : conv->border == CONVPOOL_CONSTANT ? NAME(run_on_edge)
                                                       : NAME(run_any);
}

/* A run of kind run_on_edge at one tap; its first pixel meets input column `first`. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pack_edge)(const STORAGE *line, int64_t first,
                                                  int64_t size, REAL value, int64_t length,
                                                  REAL *CONVPOOL_RESTRICT to)
{
    int64_t begin = first < 0 ? -first : 0, end = size - first < length ? size - first : length, j;
    begin = begin < length ? begin : length;
    end = end > begin ? end : begin;
    for (j = 0; j < begin; ++j) {
        to[j] = value;
    }
    NAME(copy)(line + first + begin, end - begin, to + begin);
    for (j = end; j < length; ++j) {
        to[j] = value;
    }
}

/* A run of any kind at `taps` neighbouring taps of a kernel row; its first pixel meets column
 * `first` of `line` (NULL: all border) at the first of them. Not inlined: the common kinds keep the
 * registers to themselves. */
TARGET CONVPOOL_NOINLINE void NAME(pack_run)(const convpool_conv *conv,
                                             const NAME(placed_run) *run, const STORAGE *line,
                                             int64_t first, int64_t taps, int64_t width, REAL *to)
{
    const convpool_axis *axis = &conv->axis[CONVPOOL_COLUMN];
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN], length = run->length;
    const int64_t stride = axis->stride;
    int64_t tap, j;
    for (tap = 0; tap < taps; ++tap, first += axis->dilation, to += width) {
        if (line == NULL) {
            for (j = 0; j < length; ++j) {
                to[j] = (REAL)conv->border_value;
            }
        } else if (first >= 0 && first + (length - 1) * stride < axis->size) {
            NAME(gather)(line + first * step, stride * step, length, to);
        } else {
            for (j = 0; j < length; ++j) {
                const int64_t i =
                    convpool_border_index(first + j * stride, axis->size, conv->border);
                to[j] = i < 0 ? (REAL)conv->border_value : LOAD(line[i * step]);
            }
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
    int64_t kd, kr, kc, j, c, tap = 0;
    for (kd = 0; kd < axis[CONVPOOL_DEPTH].kernel; ++kd) {
        const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], run->depth, kd, conv->border);
        for (kr = 0; kr < axis[CONVPOOL_ROW].kernel; ++kr) {
            const int64_t i = convpool_input_index(&axis[CONVPOOL_ROW], run->row, kr, conv->border);
            for (kc = 0; kc < axis[CONVPOOL_COLUMN].kernel; ++kc, ++tap) {
                /* Step c * taps + tap is in [begin, end) for these channels. */
                const int64_t first = (begin - tap + taps - 1) / taps;
                const int64_t last = (end - tap + taps - 1) / taps;
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
                            *at = (REAL)conv->border_value;
                        }
                    } else {
                        for (c = first; c < last; ++c, at += taps * width) {
                            *at = LOAD(from[c]);
                        }
                    }
                }
            }
        }
    }
}

/* Packs output pixels [pixel, pixel + pixels) of the batch for steps [begin, end) of one group,
 * whose first element is `x`. All pixels of a kernel row are read before the next, along input
 * rows. Strips begin `pitch` elements apart: a pitch that is no multiple of 4096 bytes keeps them
 * from fighting for the same set of a cache.
 * Preconditions: 1 <= width <= CONVPOOL_MAX_WIDTH, 1 <= pixels <= CONVPOOL_MAX_PIXELS, pitch >=
 * (end - begin) * width; `panel` has room for ceil(pixels / width) * pitch elements. */
TARGET CONVPOOL_INLINE void NAME(pack_pixels)(const convpool_conv *conv, const void *x,
                                              int64_t begin, int64_t end, int64_t pixel,
                                              int64_t pixels, int64_t width, int64_t pitch,
                                              void *panel)
{
    const convpool_axis *depth = &conv->axis[CONVPOOL_DEPTH];
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t in_row = column->kernel, in_plane = row->kernel * in_row;
    const int64_t taps = depth->kernel * in_plane, next = column->dilation;
    /* Far enough for what is fetched to arrive: some hundred cycles, whatever the kernel. */
    const int64_t ahead = (taps < 4 ? 4 : 1) * conv->x_stride[CONVPOOL_AT_CHANNEL];
    convpool_run runs[CONVPOOL_MAX_PIXELS];
    NAME(placed_run) placed[CONVPOOL_MAX_PIXELS];
    const int channels_last = conv->x_stride[CONVPOOL_AT_CHANNEL] == 1 &&
                              conv->x_stride[CONVPOOL_AT_COLUMN] != 1 && conv->channels > 1;
    int64_t k = begin, located = -1, strip, j;
    int n = 0, r;
    for (strip = 0; strip * width < pixels; ++strip) {
        const int64_t left = pixels - strip * width, used = left < width ? left : width;
        const int last = n + convpool_split_runs(conv->axis, pixel + strip * width, used, runs + n);
        REAL *to = (REAL *)panel + strip * pitch;
        for (; n < last; ++n) {
            NAME(place_run)(conv, &runs[n], to + runs[n].offset, &placed[n]);
        }
        for (j = 0; used < width && j < end - begin; ++j) {
            memset(to + j * width + used, 0, (size_t)(width - used) * sizeof(REAL));
        }
    }
    for (r = 0; channels_last && r < n; ++r) {
        NAME(pack_channels)(conv, (const STORAGE *)x, begin, end, &runs[r], width, placed[r].to);
    }
    while (!channels_last && k < end) {
        /* The steps from k on that read the same input row. */
        const int64_t tap = k % taps, kc = tap % in_row, row_tap = tap - kc;
        const int64_t steps = in_row - kc < end - k ? in_row - kc : end - k;
        const int64_t shift = kc * column->dilation;
        const STORAGE *plane = (const STORAGE *)x + k / taps * conv->x_stride[CONVPOOL_AT_CHANNEL];
        if (row_tap != located) {
            const int64_t kd = tap / in_plane, kr = tap % in_plane / in_row;
            for (r = 0; r < n; ++r) {
                const int64_t d =
                    convpool_input_index(depth, runs[r].depth, kd, conv->border);
                const int64_t i = convpool_input_index(row, runs[r].row, kr, conv->border);
                placed[r].line_at = runs[r].image * conv->x_stride[CONVPOOL_AT_BATCH] +
                                    d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                                    i * conv->x_stride[CONVPOOL_AT_ROW];
                placed[r].outside = d < 0 || i < 0;
            }
            located = row_tap;
        }
        for (r = 0; r < n; ++r) {
            NAME(placed_run) *run = &placed[r];
            const STORAGE *line = plane + run->line_at;
            const int64_t first = run->column + shift, length = run->length;
            REAL *to = run->to;
            run->to += steps * width;
            CONVPOOL_PREFETCH((const char *)line + (first + ahead) * (int64_t)sizeof(STORAGE));
            if (run->outside || run->kind == NAME(run_any)) {
                NAME(pack_run)(conv, run, run->outside ? NULL : line, first, steps, width, to);
            } else if (run->kind == NAME(run_of_16)) {
                for (j = 0; j < steps; ++j, to += width) {
                    NAME(copy)(line + first + j * next, 16, to);
                }
            } else if (run->kind == NAME(run_inside)) {
                for (j = 0; j < steps; ++j, to += width) {
                    NAME(copy)(line + first + j * next, length, to);
                }
            } else {
                for (j = 0; j < steps; ++j, to += width) {
                    NAME(pack_edge)(line, first + j * next, column->size,
                                    (REAL)conv->border_value, length, to);
                }
            }
        }
        k += steps;
    }
}

/* Packs output channels [channel, channel + width) of one group for all steps k; `weight` is the
 * group's first element, with strides (out channel, channel, depth, row, column). Each `block`
 * steps are one piece of the strip, `pitch` elements from the one before.
 * Precondition: `strip` has room for channels * taps steps of `width` elements, cut like that. */
TARGET CONVPOOL_INLINE void NAME(pack_weights)(const convpool_conv *conv, const void *weight,
                                               const int64_t *stride, int64_t channel,
                                               int64_t width, void *strip, int64_t block,
                                               int64_t pitch)
{
    const int64_t left = conv->out_channels - channel, used = left < width ? left : width;
    REAL *piece = (REAL *)strip, *to = piece, *end = piece + block * width;
    int64_t c, d, r, k, lane;
    for (c = 0; c < conv->channels; ++c) {
        for (d = 0; d < conv->axis[CONVPOOL_DEPTH].kernel; ++d) {
            for (r = 0; r < conv->axis[CONVPOOL_ROW].kernel; ++r) {
                const STORAGE *from = (const STORAGE *)weight + channel * stride[0] +
                                      c * stride[1] + d * stride[2] + r * stride[3];
                for (k = 0; k < conv->axis[CONVPOOL_COLUMN].kernel; ++k, to += width) {
                    if (to == end) {
                        to = piece += pitch;
                        end = piece + block * width;
                    }
                    NAME(gather)(from + k * stride[4], stride[0], used, to);
                    for (lane = used; lane < width; ++lane) {
                        to[lane] = 0;
                    }
                }
            }
        }
    }
}

#undef NAME
