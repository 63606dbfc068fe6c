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

/* One run at one tap of one channel: to[j] = input at first + j * stride, `line` being the input
 * row, NULL where that is all border. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pack_run)(const convpool_conv *conv, const STORAGE *line,
                                                 int64_t first, int64_t length,
                                                 REAL *CONVPOOL_RESTRICT to)
{
    const int64_t stride = conv->axis[CONVPOOL_COLUMN].stride;
    const int64_t size = conv->axis[CONVPOOL_COLUMN].size;
    const int64_t step = conv->x_stride[CONVPOOL_AT_COLUMN];
    const REAL border = (REAL)conv->border_value;
    int64_t j = 0, inside_end = length;
    if (line == NULL) {
        for (; j < length; ++j) {
            to[j] = border;
        }
        return;
    }
    if (first < 0 || first + (length - 1) * stride >= size) {
        const int64_t left = first < 0 ? (-first + stride - 1) / stride : 0;
        const int64_t right = first < size ? (size - first + stride - 1) / stride : 0;
        const int64_t inside_begin = left < length ? left : length;
        inside_end = right < inside_begin ? inside_begin : right < length ? right : length;
        for (; j < length; ++j) {
            if (j == inside_begin) {
                j = inside_end;
                if (j == length) {
                    break;
                }
            }
            const int64_t i = convpool_border_index(first + j * stride, size, conv->border);
            to[j] = i < 0 ? border : LOAD(line[i * step]);
        }
        j = inside_begin;
    }
    if (stride * step == 1) {
        const STORAGE *from = line + first * step;
        for (; j < inside_end; ++j) {
            to[j] = LOAD(from[j]);
        }
    } else {
        for (; j < inside_end; ++j) {
            to[j] = LOAD(line[(first + j * stride) * step]);
        }
    }
}

/* Packs output pixels [pixel, pixel + pixels) for steps [begin, end) of one image and group, whose
 * first element is `x`.
 * Preconditions: 1 <= width <= CONVPOOL_MAX_WIDTH; `panel` has room for
 * ceil(pixels / width) * (end - begin) * width elements. */
TARGET CONVPOOL_INLINE void NAME(pack_pixels)(const convpool_conv *conv, const void *x,
                                              int64_t begin, int64_t end, int64_t pixel,
                                              int64_t pixels, int64_t width, void *panel)
{
    const convpool_axis *depth = &conv->axis[CONVPOOL_DEPTH];
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW];
    const convpool_axis *column = &conv->axis[CONVPOOL_COLUMN];
    const int64_t taps = convpool_taps(conv->axis), in_row = column->kernel;
    REAL *to = (REAL *)panel;
    int64_t strip;
    for (strip = 0; strip < pixels; strip += width) {
        const int64_t used = pixels - strip < width ? pixels - strip : width;
        convpool_run runs[CONVPOOL_MAX_WIDTH];
        const STORAGE *line[CONVPOOL_MAX_WIDTH];
        const int n = convpool_split_runs(conv->axis, pixel + strip, used, runs);
        int64_t channel = begin / taps, kc = begin % in_row;
        int64_t kr = begin % taps / in_row % row->kernel;
        int64_t kd = begin % taps / in_row / row->kernel;
        int64_t k, lane;
        int r, moved = 1;
        for (k = begin; k < end; ++k, to += width) {
            if (moved) {
                const STORAGE *plane =
                    (const STORAGE *)x + channel * conv->x_stride[CONVPOOL_AT_CHANNEL];
                for (r = 0; r < n; ++r) {
                    const int64_t d = convpool_border_index(
                        runs[r].depth * depth->stride + kd * depth->dilation - depth->before,
                        depth->size, conv->border);
                    const int64_t i = convpool_border_index(
                        runs[r].row * row->stride + kr * row->dilation - row->before, row->size,
                        conv->border);
                    line[r] = d < 0 || i < 0 ? NULL
                                             : plane + d * conv->x_stride[CONVPOOL_AT_DEPTH] +
                                                   i * conv->x_stride[CONVPOOL_AT_ROW];
                }
            }
            for (r = 0; r < n; ++r) {
                const int64_t first = runs[r].column * column->stride + kc * column->dilation -
                                      column->before;
                NAME(pack_run)(conv, line[r], first, runs[r].length, to + runs[r].offset);
            }
            for (lane = used; lane < width; ++lane) {
                to[lane] = 0;
            }
            moved = ++kc == in_row;
            if (moved) {
                kc = 0;
                if (++kr == row->kernel) {
                    kr = 0;
                    if (++kd == depth->kernel) {
                        kd = 0;
                        ++channel;
                    }
                }
            }
        }
    }
}

/* Packs output channels [channel, channel + width) of one group for all steps k; `weight` is the
 * group's first element, with strides (out channel, channel, depth, row, column).
 * Precondition: `strip` has room for channels * taps * width elements. */
TARGET CONVPOOL_INLINE void NAME(pack_weights)(const convpool_conv *conv, const void *weight,
                                               const int64_t *stride, int64_t channel,
                                               int64_t width, void *strip)
{
    const int64_t left = conv->out_channels - channel, used = left < width ? left : width;
    int64_t lane, c, d, r, k;
    for (lane = 0; lane < width; ++lane) {
        REAL *to = (REAL *)strip + lane;
        if (lane >= used) {
            const int64_t steps = conv->channels * convpool_taps(conv->axis);
            for (k = 0; k < steps; ++k, to += width) {
                *to = 0;
            }
            continue;
        }
        for (c = 0; c < conv->channels; ++c) {
            for (d = 0; d < conv->axis[CONVPOOL_DEPTH].kernel; ++d) {
                for (r = 0; r < conv->axis[CONVPOOL_ROW].kernel; ++r) {
                    const STORAGE *from = (const STORAGE *)weight + (channel + lane) * stride[0] +
                                          c * stride[1] + d * stride[2] + r * stride[3];
                    for (k = 0; k < conv->axis[CONVPOOL_COLUMN].kernel; ++k, to += width) {
                        *to = LOAD(from[k * stride[4]]);
                    }
                }
            }
        }
    }
}

#undef NAME
