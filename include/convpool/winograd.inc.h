/* winograd.inc.h - the transforms of Winograd's F(m x m, r x r), m + r = 7: an output tile of m x m
 * from an input tile of 6 x 6 with 36 multiplications instead of m m r r.
 *
 *     Y = A^T [(G g G^T) * (B^T d B)] A          (* element by element)
 *
 * is polynomial multiplication by evaluation at six points, 0, a, -a, b, -b and infinity
 * (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2016; Toom and Cook before
 * them). With p running over the five finite points and P(x) = x (x^2 - a^2) (x^2 - b^2):
 *
 *     B^T: the coefficients of P(x) / (x - p); for infinity those of P(x)
 *     G:   p^j / P'(p), j < r;                 for infinity 0 .. 0 1
 *     A^T: p^i, i < m;                         for infinity 0 .. 0 1, transposed
 *
 * B^T is the same for all m, so that 3x3 kernels (m = 4) and 5x5 kernels (m = 2) share it. The
 * points a = 3/4, b = 3/2 make every coefficient of B^T and A^T exact in binary, and their errors
 * are a third of those of the customary 1, 2: its powers stay nearer to 1.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define SIDE CONVPOOL_WINOGRAD_SIDE
#define A ((REAL)0.75)
#define B ((REAL)1.5)

/* v = B^T d: even and odd powers apart, since a and -a differ in the sign of the odd ones. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_evaluate)(const VEC d[SIDE], VEC v[SIDE])
{
    const VEC product = VSET1(A * A * B * B), sum = VSET1(-(A * A + B * B));
    const VEC even_a = VFMA(VSET1(-B * B), d[2], d[4]), odd_a = VFMA(VSET1(-B * B), d[1], d[3]);
    const VEC even_b = VFMA(VSET1(-A * A), d[2], d[4]), odd_b = VFMA(VSET1(-A * A), d[1], d[3]);
    v[0] = VFMA(product, d[0], VFMA(sum, d[2], d[4]));
    v[1] = VFMA(VSET1(A), odd_a, even_a);
    v[2] = VFMA(VSET1(-A), odd_a, even_a);
    v[3] = VFMA(VSET1(B), odd_b, even_b);
    v[4] = VFMA(VSET1(-B), odd_b, even_b);
    v[5] = VFMA(product, d[1], VFMA(sum, d[3], d[5]));
}

/* y = A^T v for m outputs, 2 or 4. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_interpolate)(const int m, const VEC v[SIDE],
                                                             VEC *y)
{
    const VEC sum_a = VADD(v[1], v[2]), difference_a = VSUB(v[1], v[2]);
    const VEC sum_b = VADD(v[3], v[4]), difference_b = VSUB(v[3], v[4]);
    y[0] = VADD(VADD(v[0], sum_a), sum_b);
    if (m == 2) {
        y[1] = VFMA(VSET1(B), difference_b, VFMA(VSET1(A), difference_a, v[5]));
    } else {
        y[1] = VFMA(VSET1(B), difference_b, VMUL(VSET1(A), difference_a));
        y[2] = VFMA(VSET1(B * B), sum_b, VMUL(VSET1(A * A), sum_a));
        y[3] = VFMA(VSET1(B * B * B), difference_b, VFMA(VSET1(A * A * A), difference_a, v[5]));
    }
}

/* Cells under neighbouring tiles, m columns apart, from a row as winograd_input reads several of
 * them as one: cells 0 to m - 1 of each tile at to, the next m of each `shift` further on.
 * Preconditions: those of winograd_input, of the row; `to` is writeable for whole vectors. */
TARGET CONVPOOL_INLINE void NAME(winograd_gather)(int m, const REAL *row, int64_t tiles, REAL *to,
                                                  int64_t shift)
{
    int64_t j;
    int i;
    for (i = 0; i < SIDE; i += m, row += m, to += shift) {
        for (j = 0; j < tiles * m; j += LANES) {
            VSTORE(to + j, VLOAD(row + j));
        }
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_input_body)(
    const int m, const int masked, const REAL *const *row, int64_t shift,
    REAL (*inside)[CONVPOOL_WINOGRAD_TILES], int64_t tiles, REAL *v, int64_t plane)
{
    VEC half[SIDE][SIDE], cell[8], point[SIDE];
    int64_t j;
    int i, k;
    for (j = 0; j < tiles; j += LANES) {
        for (i = 0; i < SIDE; ++i) {
            const REAL *from = row[i] + j * m;
            if (m == 2) {
                VLOAD2(from, cell);
                VLOAD2(from + shift, cell + 2);
                VLOAD2(from + 2 * shift, cell + 4);
            } else {
                VLOAD4(from, cell);
                VLOAD4(from + shift, cell + 4);
            }
            for (k = 0; masked && k < SIDE; ++k) {
                cell[k] = VAND(cell[k], VLOAD(&inside[k][j]));
            }
            NAME(winograd_evaluate)(cell, half[i]);
        }
        for (k = 0; k < SIDE; ++k) {
            for (i = 0; i < SIDE; ++i) {
                cell[i] = half[i][k];
            }
            NAME(winograd_evaluate)(cell, point);
            for (i = 0; i < SIDE; ++i) {
                VSTORE(v + (i * SIDE + k) * plane + j, point[i]);
            }
        }
    }
}

/* Points of `tiles` tiles whose cells stand in six rows: v[point * plane + tile]. The first m cells
 * of each lie side by side, the next m `shift` further on: m, where they are one row of an image.
 * Bits of column i of a tile count where they are set in inside[i][tile]; NULL: all of them.
 * Preconditions: m is 2 or 4; with the tiles rounded up to whole vectors, v is writeable and rows
 * are readable for four elements more than the m of each tile. */
TARGET CONVPOOL_INLINE void NAME(winograd_input)(int m, const REAL *const *row, int64_t shift,
                                                 REAL (*inside)[CONVPOOL_WINOGRAD_TILES],
                                                 int64_t tiles, REAL *v, int64_t plane)
{
    if (m == 2 && inside != NULL) {
        NAME(winograd_input_body)(2, 1, row, shift, inside, tiles, v, plane);
    } else if (m == 2) {
        NAME(winograd_input_body)(2, 0, row, shift, NULL, tiles, v, plane);
    } else if (inside != NULL) {
        NAME(winograd_input_body)(4, 1, row, shift, inside, tiles, v, plane);
    } else {
        NAME(winograd_input_body)(4, 0, row, shift, NULL, tiles, v, plane);
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_output_body)(const int m, const REAL *sums,
                                                             int64_t plane, int64_t tiles, REAL *y)
{
    VEC half[4][SIDE], point[SIDE], cell[4];
    int64_t j;
    int i, k;
    for (j = 0; j < tiles; j += LANES) {
        for (k = 0; k < SIDE; ++k) {
            for (i = 0; i < SIDE; ++i) {
                point[i] = VLOAD(sums + (i * SIDE + k) * plane + j);
            }
            NAME(winograd_interpolate)(m, point, cell);
            for (i = 0; i < m; ++i) {
                half[i][k] = cell[i];
            }
        }
        for (i = 0; i < m; ++i) {
            REAL *to = y + (i * tiles + j) * m;
            NAME(winograd_interpolate)(m, half[i], cell);
            if (m == 2) {
                VSTORE2(to, cell);
            } else {
                VSTORE4(to, cell);
            }
        }
    }
}

/* The outputs of tiles from their points sums[point * plane + tile]: m rows of m columns for each
 * tile, y[row][tile][column].
 * Precondition: m is 2 or 4; `tiles` is a multiple of CONVPOOL_WINOGRAD_TILES. */
TARGET CONVPOOL_INLINE void NAME(winograd_output)(int m, const REAL *sums, int64_t plane,
                                                  int64_t tiles, REAL *y)
{
    if (m == 2) {
        NAME(winograd_output_body)(2, sums, plane, tiles, y);
    } else {
        NAME(winograd_output_body)(4, sums, plane, tiles, y);
    }
}

#undef NAME
#undef SIDE
#undef A
#undef B
