/* filter_fold.inc.h - tall kernels with fewer multiplications. Two neighbouring rows of outputs and
 * the even and odd rows of taps, e and o, over the lines a, b, c that a pair of taps meets:
 *
 *     y0 = e a + o b     three products      p0 = e (a - b)           y0 = p0 + p1
 *     y1 = e b + o c     instead of four:    p1 = (e + o) b           y1 = p1 - p2
 *                                            p2 = o (b - c)
 *
 * where each product is a filter of half as many rows over every second line. Two levels fold each
 * of those once more: 9 products for 16. fold makes the lines of all products, unfold the outputs;
 * numbers of products read the outer level first.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Lines line[0 .. 2^(levels + 1) - 2] of the image -> to[0 .. 3^levels - 1].
 * Precondition: all may be touched for CONVPOOL_SLACK elements beyond `count`. */
TARGET CONVPOOL_INLINE void NAME(filter_fold)(const void *const *line, int levels, int64_t count,
                                              void *const *to)
{
#define AT(i) VLOAD((const REAL *)line[i] + q)
    const int pairs = levels == 1 ? 1 : 3;
    int64_t q;
    int e, j;
    for (q = 0; q < count; q += LANES) {
        VEC fold[3][3];
        for (j = 0; j < pairs; ++j) {
            const VEC a = AT(2 * j), b = AT(2 * j + 1), c = AT(2 * j + 2);
            fold[0][j] = VSUB(a, b);
            fold[1][j] = b;
            fold[2][j] = VSUB(b, c);
        }
        for (e = 0; e < 3; ++e) {
            if (levels == 1) {
                VSTORE((REAL *)to[e] + q, fold[e][0]);
            } else {
                VSTORE((REAL *)to[3 * e] + q, VSUB(fold[e][0], fold[e][1]));
                VSTORE((REAL *)to[3 * e + 1] + q, fold[e][1]);
                VSTORE((REAL *)to[3 * e + 2] + q, VSUB(fold[e][1], fold[e][2]));
            }
        }
    }
#undef AT
}

/* Sums of all products, `step` apart -> 2^levels rows of outputs, `pitch` apart. Precondition as
 * above. */
TARGET CONVPOOL_INLINE void NAME(filter_unfold)(const void *product, int64_t step, int levels,
                                                int64_t count, void *sums, int64_t pitch)
{
    const REAL *from = (const REAL *)product;
    REAL *to = (REAL *)sums;
    const int pairs = levels == 1 ? 1 : 2;
    int64_t q;
    int e, j;
    for (q = 0; q < count; q += LANES) {
        VEC fold[3][2];
        for (e = 0; e < 3; ++e) {
            if (levels == 1) {
                fold[e][0] = VLOAD(from + e * step + q);
            } else {
                const VEC middle = VLOAD(from + (3 * e + 1) * step + q);
                fold[e][0] = VADD(VLOAD(from + 3 * e * step + q), middle);
                fold[e][1] = VSUB(middle, VLOAD(from + (3 * e + 2) * step + q));
            }
        }
        for (j = 0; j < pairs; ++j) {
            VSTORE(to + 2 * j * pitch + q, VADD(fold[0][j], fold[1][j]));
            VSTORE(to + (2 * j + 1) * pitch + q, VSUB(fold[1][j], fold[2][j]));
        }
    }
}

#undef NAME
