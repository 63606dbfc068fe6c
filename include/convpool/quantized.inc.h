/* quantized.inc.h - lines of integer sums -> the output array:
 *
 *     out = saturate(round((sum + bias) * scale + zero point))        if SCALED
 *     out = sum + bias                                                otherwise, modulo 2^32
 *
 * with a scale for each output channel: the product as in double, and the sum with the zero point,
 * a whole number, rounded half to even.
 * conv->activation_parameter are the bounds of the result, whole numbers: those of the element type
 * or closer.
 *
 * `bias` points to the biases (int32_t) of all channels of all groups, behind which follow as many
 * scales (float).
 *
 * Included by epilogue.inc.h for each element type.
 */

#if SCALED
/* Up to CONVPOOL_MAX_WIDTH values of a line in double: `step` from one's bias and scale to the next
 * one's. */
TARGET CONVPOOL_NOINLINE void NAME(scale_exactly)(const convpool_conv *conv, int64_t length,
                                                  int64_t step, const REAL *sums, const REAL *bias,
                                                  const float *scale, STORAGE *out)
{
    /* Next to it numbers are whole ones: what is added to it is rounded by the addition. */
    const double whole = 0x1.8p52;
    const double low = whole + conv->activation_parameter[0];
    const double high = whole + conv->activation_parameter[1];
    int64_t j;
    for (j = 0; j < length; ++j) {
        const REAL sum = (REAL)((uint32_t)sums[j] + (uint32_t)bias[j * step]);
        const double rounded = (double)sum * (double)scale[j * step] + (whole + conv->zero_point);
        const double raised = rounded > low ? rounded : low;
        out[j] = (STORAGE)((raised < high ? raised : high) - whole);
    }
}

/* The same, in vectors where those decide. */
TARGET CONVPOOL_FORCE_INLINE void NAME(scale_line)(const convpool_conv *conv, int64_t length,
                                                   const int each, const REAL *sums,
                                                   const REAL *bias, const float *scale,
                                                   STORAGE *out)
{
    if (length < CONVPOOL_PASTE(convpool_, lanes, bytes, ISA_NAME) ||
        CONVPOOL_PASTE(convpool_, scale_sums, bytes, ISA_NAME)(
            each, length, sums, bias, scale, (float)conv->zero_point,
            (float)conv->activation_parameter[0], (float)conv->activation_parameter[1],
            (uint8_t *)out)) {
        NAME(scale_exactly)(conv, length, each, sums, bias, scale, out);
    }
}
#else
TARGET CONVPOOL_FORCE_INLINE void NAME(scale_line)(const convpool_conv *conv, int64_t length,
                                                   const int each, const REAL *sums,
                                                   const REAL *bias, const float *scale,
                                                   STORAGE *out)
{
    int64_t j;
    (void)conv;
    (void)scale;
    for (j = 0; j < length; ++j) {
        out[j] = (STORAGE)((uint32_t)sums[j] + (uint32_t)bias[each ? j : 0]);
    }
}
#endif

/* One line. `each`, whether each value has its own bias and scale, is a literal at each call. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_sums)(const convpool_conv *conv, int64_t length,
                                                   const int each, const REAL *sums,
                                                   const REAL *bias, const float *scale,
                                                   STORAGE *out, int64_t out_step)
{
    STORAGE line[CONVPOOL_MAX_WIDTH];
    int64_t first, used, j;
    for (first = 0; first < length; first += used) {
        const int64_t own = each ? first : 0;
        used = length - first < CONVPOOL_MAX_WIDTH ? length - first : (int64_t)CONVPOOL_MAX_WIDTH;
        NAME(scale_line)(conv, used, each, sums + first, bias + own, scale + own,
                         out_step == 1 ? out + first : line);
        for (j = 0; out_step != 1 && j < used; ++j) {
            out[(first + j) * out_step] = line[j];
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
