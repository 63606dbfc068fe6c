/* quantized_scale.inc.h - sums of integers, scaled, rounded and bounded: bytes.
 *
 * Included once for each instruction set by vectors.inc.h, with the vocabulary of float where that
 * set multiplies and adds with one rounding, otherwise of double: a product of a sum and a scale
 * then is exact in both.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, bytes, ISA_NAME)

enum { NAME(lanes) = LANES };

/* out[j] = round(min(max((sums[j] + bias[j]) * scale[j] + zero, low), high)), half to even, modulo
 * 256; with bias[0] and scale[0] unless `each`, a literal. zero, low and high are whole numbers
 * below 2^9. The last values may be computed twice.
 *
 * Next to `whole` the numbers of REAL are the whole ones: what is added to it is rounded by the
 * addition itself. Sums up to `largest`, and their products with a float, are exact in what VFMA
 * adds to.
 *
 * Result: whether some may be wrong, as a sum may be one that REAL, or REAL times float, does not
 * hold. Precondition: LANES <= length. */
TARGET CONVPOOL_FORCE_INLINE int NAME(scale_sums)(const int each, int64_t length,
                                                  const int32_t *sums, const int32_t *bias,
                                                  const float *scale, REAL zero, REAL low,
                                                  REAL high, uint8_t *out)
{
    const int single = sizeof(REAL) == sizeof(float);
    const REAL whole = (REAL)(single ? 0x1.8p23 : 0x1.8p52);
    const REAL largest = (REAL)(single ? 0x1p23 : 0x1p28);
    const VEC zeros = VSET1(whole + zero), lows = VSET1(whole + low), highs = VSET1(whole + high);
    const VEC one_scale = VSET1(scale[0]);
    VEC squares = VZERO();
    int32_t one_bias[LANES];
    int64_t j = 0;
    int i;
    for (i = 0; i < LANES; ++i) {
        one_bias[i] = bias[0];
    }
    for (;;) {
        const VEC sum = VSUMS(sums + j, each ? bias + j : one_bias);
        const VEC rounded = VFMA(sum, each ? VLOAD(scale + j) : one_scale, zeros);
        VBYTES(out + j, VMIN(VMAX(rounded, lows), highs));
        squares = VFMA(sum, sum, squares);
        if (j + LANES >= length) {
            break;
        }
        j = j + 2 * LANES <= length ? j + LANES : length - LANES;
    }
    return VABOVE(squares, largest * largest);
}

#undef NAME
