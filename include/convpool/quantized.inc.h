/* quantized.inc.h - lines of integer sums -> the output array:
 *
 *     out = saturate(round((sum + bias) * scale + zero point))        if SCALED
 *     out = sum + bias                                                otherwise, modulo 2^32
 *
 * in double, rounded half to even, with a scale for each output channel. conv->activation_parameter
 * are the bounds of the result, those of the element type or closer.
 *
 * `bias` points to the biases (int32_t) of all channels of all groups, behind which follow as many
 * scales (float).
 *
 * Included by epilogue.inc.h for each element type.
 */

/* One line. `each` (whether each value has its own bias and scale) and `out_step`, where it is 1,
 * are literals at each call. Each loop converts once, which is what compilers make vectors of. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_sums)(const convpool_conv *conv, int64_t length,
                                                   const int each,
                                                   const REAL *CONVPOOL_RESTRICT sums,
                                                   const REAL *CONVPOOL_RESTRICT bias,
                                                   const float *CONVPOOL_RESTRICT scale,
                                                   STORAGE *CONVPOOL_RESTRICT out,
                                                   const int64_t out_step)
{
    const double zero = conv->zero_point, low = conv->activation_parameter[0];
    const double high = conv->activation_parameter[1];
    REAL line[CONVPOOL_MAX_WIDTH];
    int64_t first, used, j;
    int i;
    for (first = 0; first < length; first += used) {
        used = length - first < CONVPOOL_MAX_WIDTH ? length - first : (int64_t)CONVPOOL_MAX_WIDTH;
        for (j = 0; j < used; ++j) {
            line[j] = (REAL)((uint32_t)sums[first + j] + (uint32_t)bias[each ? first + j : 0]);
        }
        for (j = 0; SCALED && j < used; ++j) {
            const double value = (double)line[j] * (double)scale[each ? first + j : 0] + zero;
            const double raised = value > low ? value : low;
            const double bounded = raised < high ? raised : high;
            /* Adding and taking away this rounds to a whole number in the (nearest) mode. */
            line[j] = (REAL)((bounded + 0x1.8p52) - 0x1.8p52);
        }
        for (j = 0; j + 8 <= used; j += 8) {
            for (i = 0; i < 8; ++i) {
                out[(first + j + i) * out_step] = (STORAGE)line[j + i];
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
        if (lines->bias_step == 0 && lines->out_step == 1) {
            NAME(store_sums)(conv, lines->length, 0, sums, bias, scale, out, 1);
        } else if (lines->bias_step == 0) {
            NAME(store_sums)(conv, lines->length, 0, sums, bias, scale, out, lines->out_step);
        } else if (lines->out_step == 1) {
            NAME(store_sums)(conv, lines->length, 1, sums, bias, scale, out, 1);
        } else {
            NAME(store_sums)(conv, lines->length, 1, sums, bias, scale, out, lines->out_step);
        }
    }
}
