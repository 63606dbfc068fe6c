/* quantized.inc.h - lines of integer sums -> the output array:
 *
 *     out = saturate(round((sum + bias) * scale + zero point))        if SCALED
 *     out = sum + bias                                                otherwise, modulo 2^32
 *
 * as in double, rounded half to even, with a scale for each output channel.
 * conv->activation_parameter are the bounds of the result, those of the element type or closer.
 *
 * `bias` points to the biases (int32_t) of all channels of all groups, behind which follow as many
 * scales (float).
 *
 * Included by epilogue.inc.h for each element type.
 */

/* Up to CONVPOOL_MAX_WIDTH values of a line in double, value by value: `step` from one's bias and
 * scale to the next one's. */
TARGET CONVPOOL_NOINLINE void NAME(scale_exactly)(const convpool_conv *conv, int64_t length,
                                                  int64_t step, const REAL *sums, const REAL *bias,
                                                  const float *scale, REAL *line)
{
    const double low = conv->activation_parameter[0], high = conv->activation_parameter[1];
    int64_t j;
    for (j = 0; j < length; ++j) {
        const REAL sum = (REAL)((uint32_t)sums[j] + (uint32_t)bias[j * step]);
        const double value = (double)sum * (double)scale[j * step] + conv->zero_point;
        const double raised = value > low ? value : low;
        const double bounded = raised < high ? raised : high;
        line[j] = (REAL)((bounded + 0x1.8p52) - 0x1.8p52);
    }
}

/* The same in float, which is half the work, where that decides, and at least LANES of them. */
TARGET CONVPOOL_FORCE_INLINE void NAME(scale_some)(const convpool_conv *conv, const int each,
                                                   int64_t length, const REAL *sums,
                                                   const REAL *bias, const float *scale, REAL *line)
{
    if (length < CONVPOOL_PASTE(convpool_, lanes, f32, ISA_NAME) ||
        CONVPOOL_PASTE(convpool_, scale_sums, f32, ISA_NAME)(
            each, length, sums, bias, scale, (float)conv->zero_point,
            (float)conv->activation_parameter[0], (float)conv->activation_parameter[1], line)) {
        NAME(scale_exactly)(conv, length, each, sums, bias, scale, line);
    }
}

/* One line. `each`, whether each value has its own bias and scale, is a literal at each call. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_sums)(const convpool_conv *conv, int64_t length,
                                                   const int each, const REAL *sums,
                                                   const REAL *bias, const float *scale,
                                                   STORAGE *CONVPOOL_RESTRICT out,
                                                   int64_t out_step)
{
    REAL line[CONVPOOL_MAX_WIDTH];
    int64_t first, used, j;
    int i;
    for (first = 0; first < length; first += used) {
        const int64_t own = each ? first : 0;
        used = length - first < CONVPOOL_MAX_WIDTH ? length - first : (int64_t)CONVPOOL_MAX_WIDTH;
        if (SCALED) {
            NAME(scale_some)(conv, each, used, sums + first, bias + own, scale + own, line);
        } else {
            for (j = 0; j < used; ++j) {
                line[j] = (REAL)((uint32_t)sums[first + j] + (uint32_t)bias[each ? first + j : 0]);
            }
        }
        for (j = 0; out_step == 1 && j + 16 <= used; j += 16) {
            for (i = 0; i < 16; ++i) {
                out[first + j + i] = (STORAGE)line[j + i];
            }
        }
        for (; j < used; ++j) {
            out[(first + j) * out_step] = (STORAGE)line[j];
        }
    }
}

TARGET CONVPOOL_NOINLINE void NAME(store_lines)(const convpool_conv *conv,
                                                const NAME(lines) *lines)
{
    const int64_t channels = conv->groups * conv->out_channels;
    int64_t i;
    for (i = 0; i < lines->count; ++i) {
        const REAL *sums = lines->sums + i * lines->sums_line;
        const REAL *bias = lines->bias + i * lines->bias_line;
        const float *scale = (const float *)(const void *)(bias + channels);
        STORAGE *out = lines->out + i * lines->out_line;
        if (lines->bias_step == 0) {
            NAME(store_sums)(conv, lines->length, 0, sums, bias, scale, out, lines->out_step);
        } else {
            NAME(store_sums)(conv, lines->length, 1, sums, bias, scale, out, lines->out_step);
        }
    }
}

/* store_row of whole numbers in float, with their biases. Residuals there are none. */
TARGET CONVPOOL_INLINE void NAME(store_row)(const convpool_conv *conv, const convpool_block *block,
                                            int64_t row, void *sums, const void *bias,
                                            const void *residual, void *out)
{
    enum { PIECE = 1024 };
    const int64_t *os = conv->out_stride;
    const int64_t lanes = block->lanes, most = PIECE / lanes;
    const float *from = (const float *)sums;
    STORAGE *to = (STORAGE *)out + block->depth * os[CONVPOOL_AT_DEPTH] +
                  row * os[CONVPOOL_AT_ROW] + block->column * os[CONVPOOL_AT_COLUMN];
    REAL whole[PIECE];
    int64_t first, used, j;
    (void)residual;
    for (first = 0; first < block->columns; first += used) {
        NAME(lines) lines;
        memset(&lines, 0, sizeof lines);
        used = block->columns - first < most ? block->columns - first : most;
        for (j = 0; j < used * lanes; ++j) {
            whole[j] = (REAL)from[first * lanes + j];
        }
        lines.count = lanes == 1 ? 1 : used;
        lines.length = lanes == 1 ? used : lanes;
        lines.sums = whole;
        lines.sums_line = lanes;
        lines.bias = (const REAL *)bias;
        lines.bias_step = lanes > 1;
        lines.out = to + first * os[CONVPOOL_AT_COLUMN];
        lines.out_line = os[CONVPOOL_AT_COLUMN];
        lines.out_step = os[lanes == 1 ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL];
        NAME(store_lines)(conv, &lines);
    }
}
