/* quantized_scale.inc.h - sums of integers, scaled, rounded and bounded in float.
 *
 * Included once for each instruction set, with the vocabulary of float, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* line[j] = round(min(max((sums[j] + bias[j]) * scale[j] + zero, low), high)), half to even; with
 * bias[0] and scale[0] unless `each`, a literal. The last values may be computed twice.
 * Result: whether some may be wrong. Before it is rounded a value between the bounds, the sum of
 * numbers below 2^9 and 2^8, errs by less than 2^-13 (three roundings), which decides nothing
 * unless it is as close as that to the middle between two whole numbers.
 * Precondition: LANES <= length. */
TARGET CONVPOOL_FORCE_INLINE int NAME(scale_sums)(const int each, int64_t length,
                                                  const int32_t *sums, const int32_t *bias,
                                                  const float *scale, float zero, float low,
                                                  float high, int32_t *line)
{
    const VEC zeros = VSET1(zero), lows = VSET1(low), highs = VSET1(high);
    const VEC whole = VSET1(0x1.8p23f), one_scale = VSET1(scale[0]);
    VEC worst = VZERO();
    int32_t one_bias[LANES];
    int64_t j = 0;
    int i;
    for (i = 0; i < LANES; ++i) {
        one_bias[i] = bias[0];
    }
    for (;;) {
        const VEC sum = VSUMS(sums + j, each ? bias + j : one_bias);
        const VEC value = VADD(VMUL(sum, each ? VLOAD(scale + j) : one_scale), zeros);
        const VEC bounded = VMIN(VMAX(value, lows), highs);
        /* Adding and taking away this rounds to a whole number in the (nearest) mode. */
        const VEC rounded = VSUB(VADD(bounded, whole), whole), off = VSUB(bounded, rounded);
        VINTS(line + j, rounded);
        worst = VMAX(VMUL(off, off), worst);
        if (j + LANES >= length) {
            break;
        }
        j = j + 2 * LANES <= length ? j + LANES : length - LANES;
    }
    return VABOVE(worst, (0.5f - 0x1p-13f) * (0.5f - 0x1p-13f));
}

#undef NAME
