/* activation.inc.h - activations of a short line of values, in place.
 *
 * Included once for each instruction set and real type, with REAL, REAL_NAME, ISA_NAME, TARGET and
 * REAL_IS_DOUBLE set. Products and sums are rounded separately, so that every instruction set,
 * baseline too, gives the same bits. NaN goes through each of them.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* 2^n for the exponents of normal numbers; 1 for NaN. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(power_of_2)(REAL n)
{
    REAL power;
#if REAL_IS_DOUBLE
    const uint64_t bits = (uint64_t)((n == n ? (int64_t)n : 0) + 1023) << 52;
#else
    const uint32_t bits = (uint32_t)((n == n ? (int32_t)n : 0) + 127) << 23;
#endif
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* For x <= 0: e^x, or e^x - 1 with all its digits near 0. With x = n ln 2 + r, |r| <= ln(2) / 2, it
 * is 2^n (e^r - 1) + 2^n (- 1). Taylor's series for e^r - 1 is cut where the next term is below a
 * unit of the last place: r^8 / 8! < 2^-27, r^14 / 14! < 2^-57. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(exp)(REAL x, const int minus_1)
{
#if REAL_IS_DOUBLE
    const REAL low = -746, ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    const REAL round = 0x1.8p52; /* added and taken away it rounds to a whole number */
    const int terms = 14;
#else
    const REAL low = -104, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    const REAL round = 0x1.8p23f;
    const int terms = 8;
#endif
    const REAL reachable = x < low ? low : x; /* below it e^x rounds to 0 */
    const REAL n = (reachable * (REAL)1.4426950408889634 + round) - round;
    const REAL r = (reachable - n * ln2_high) - n * ln2_low;
    /* 2^n in two factors: it may be smaller than any normal number. */
    const REAL half = ((n * (REAL)0.5) + round) - round;
    const REAL outer = NAME(power_of_2)(half), inner = NAME(power_of_2)(n - half);
    REAL series = 1;
    int i;
    for (i = terms; i >= 2; --i) {
        series = series * r * ((REAL)1 / (REAL)i) + 1;
    }
    series *= r;
    return minus_1 ? outer * inner * series + (outer * inner - 1)
                   : (inner * series + inner) * outer;
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(clamp)(REAL x, REAL low, REAL high)
{
    return x < low ? low : x > high ? high : x;
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(sigmoid)(REAL x)
{
    const REAL e = NAME(exp)(x < 0 ? x : -x, 0);
    return (x < 0 ? e : (REAL)1) / (1 + e);
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(tanh)(REAL x)
{
    const REAL e = NAME(exp)(x < 0 ? 2 * x : -2 * x, 1);
    const REAL magnitude = -e / (e + 2);
    return x < 0 ? -magnitude : magnitude;
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(softplus)(REAL x, REAL beta)
{
    const REAL scaled = x * beta;
    const REAL e = NAME(exp)(scaled < 0 ? scaled : -scaled, 0);
    return ((scaled > 0 ? scaled : 0) + (REAL)log1p((double)e)) / beta;
}

/* line[j] = activation(line[j]), with the parameters p of convpool_activation. */
TARGET CONVPOOL_NOINLINE void NAME(activate)(REAL *line, int64_t length, int activation,
                                             const double *p)
{
    const REAL p0 = (REAL)p[0], p1 = (REAL)p[1];
    int64_t j;
#define EACH(expression)             \
    for (j = 0; j < length; ++j) {   \
        const REAL x = line[j];      \
        line[j] = (expression);      \
    }                                \
    break
    switch (activation) {
    case CONVPOOL_RELU: EACH(x < 0 ? 0 : x);
    case CONVPOOL_LEAKY_RELU: EACH(x < 0 ? p0 * x : x);
    case CONVPOOL_ELU: EACH(x < 0 ? p0 * NAME(exp)(x, 1) : x);
    case CONVPOOL_SIGMOID: EACH(NAME(sigmoid)(x));
    case CONVPOOL_HARDSIGMOID: EACH(NAME(clamp)(p0 * x + p1, 0, 1));
    case CONVPOOL_TANH: EACH(NAME(tanh)(x));
    case CONVPOOL_SILU: EACH(x * NAME(sigmoid)(x));
    case CONVPOOL_HARDSWISH: EACH(x * NAME(clamp)(x / 6 + (REAL)0.5, 0, 1));
    case CONVPOOL_HARDTANH: EACH(NAME(clamp)(x, p0, p1));
    case CONVPOOL_SOFTPLUS: EACH(NAME(softplus)(x, p0));
    default: break;
    }
#undef EACH
}

#undef NAME
