/* winograd.inc.h - the transforms of Winograd's F(m x m, r x r): an output tile of m x m from an
 * input tile of side m + r - 1 = 6 or 4 with one multiplication a cell instead of r r an output.
 *
 *     Y = A^T [(G g G^T) * (B^T d B)] A          (* element by element)
 *
 * is polynomial multiplication by evaluation at as many points as the tile's side has cells: 0, a,
 * -a, of the larger side also b, -b, and infinity (Lavin & Gray, Fast Algorithms for Convolutional
 * Neural Networks, 2016; Toom and Cook before them). With p running over the finite points and P(x)
 * = x (x^2 - a^2) (x^2 - b^2), without the last factor for the smaller side:
 *
 *     B^T: the coefficients of P(x) / (x - p); for infinity those of P(x)
 *     G:   p^j / P'(p), j < r;                 for infinity 0 .. 0 1
 *     A^T: p^i, i < m;                         for infinity 0 .. 0 1, transposed
 *
 * B^T is the same for all m, so that 3x3 kernels (m = 4) and 5x5 kernels (m = 2) share that of side
 * 6; side 4 is for 3x3 kernels and m = 2. The points a = 3/4, b = 3/2 make every coefficient of B^T
 * and A^T exact in binary, and their errors are a third of those of the customary 1, 2: its powers
 * stay nearer to 1. Of side 4, a = 1 leaves nothing but additions.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define SIDE CONVPOOL_WINOGRAD_SIDE
#define A ((REAL)0.75)
#define B ((REAL)1.5)

/* v = B^T d: even and odd powers apart, since a and -a differ in the sign of the odd ones. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_evaluate_4)(const VEC d[4], VEC v[4])
{
    v[0] = VSUB(d[2], d[0]);
    v[1] = VADD(d[2], d[1]);
    v[2] = VSUB(d[2], d[1]);
    v[3] = VSUB(d[3], d[1]);
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_evaluate_6)(const VEC d[6], VEC v[6])
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

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_evaluate)(const int side, const VEC *d, VEC *v)
{
    if (side == 4) {
        NAME(winograd_evaluate_4)(d, v);
    } else {
        NAME(winograd_evaluate_6)(d, v);
    }
}

/* y = A^T v for m outputs, of side 4 two, else two or four. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_interpolate_4)(const VEC v[4], VEC y[2])
{
    y[0] = VADD(v[0], VADD(v[1], v[2]));
    y[1] = VADD(v[3], VSUB(v[1], v[2]));
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_interpolate_6)(const int m, const VEC v[6], VEC *y)
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

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_interpolate)(const int side, const int m,
                                                             const VEC *v, VEC *y)
{
    if (side == 4) {
        NAME(winograd_interpolate_4)(v, y);
    } else {
        NAME(winograd_interpolate_6)(m, v, y);
    }
}

/* g = G k of r = 3 or 5 taps, even and odd powers apart again. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_coefficients)(const int side, const int r,
                                                              const VEC *k, VEC *g)
{
    const double a = side == 4 ? 1 : 0.75, b = 1.5, a2 = a * a, b2 = b * b;
    const double at_0 = side == 4 ? -1 : 1 / (a2 * b2); /* 1 / P'(p) */
    const double at_a = side == 4 ? 0.5 : 1 / (2 * a2 * (a2 - b2));
    const double at_b = 1 / (2 * b2 * (b2 - a2));
    VEC even_a = VFMA(VSET1((REAL)(at_a * a2)), k[2], VMUL(VSET1((REAL)at_a), k[0]));
    VEC even_b = VFMA(VSET1((REAL)(at_b * b2)), k[2], VMUL(VSET1((REAL)at_b), k[0]));
    VEC odd_a = VMUL(VSET1((REAL)(at_a * a)), k[1]), odd_b = VMUL(VSET1((REAL)(at_b * b)), k[1]);
    if (r == 5) {
        even_a = VFMA(VSET1((REAL)(at_a * a2 * a2)), k[r - 1], even_a);
        even_b = VFMA(VSET1((REAL)(at_b * b2 * b2)), k[r - 1], even_b);
        odd_a = VFMA(VSET1((REAL)(at_a * a2 * a)), k[r - 2], odd_a);
        odd_b = VFMA(VSET1((REAL)(at_b * b2 * b)), k[r - 2], odd_b);
    }
    g[0] = VMUL(VSET1((REAL)at_0), k[0]);
    g[1] = VADD(even_a, odd_a);
    g[2] = VSUB(even_a, odd_a);
    if (side == 6) {
        g[3] = VADD(even_b, odd_b);
        g[4] = VSUB(even_b, odd_b);
    }
    g[side - 1] = k[r - 1];
}

/* The points of vectors of kernels: to[point * plane + j] of k[tap * pitch + j]. */
TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_points_body)(const int side, const int r,
                                                              const REAL *k, int64_t pitch,
                                                              int64_t count, REAL *to,
                                                              int64_t plane)
{
    VEC half[5][SIDE], tap[5], point[SIDE];
    int64_t j;
    int i, l;
    for (j = 0; j < count; j += LANES) {
        for (l = 0; l < r; ++l) {
            for (i = 0; i < r; ++i) {
                tap[i] = VLOAD(k + (i * r + l) * pitch + j);
            }
            NAME(winograd_coefficients)(side, r, tap, half[l]);
        }
        for (i = 0; i < side; ++i) {
            for (l = 0; l < r; ++l) {
                tap[l] = half[l][i];
            }
            NAME(winograd_coefficients)(side, r, tap, point);
            for (l = 0; l < side; ++l) {
                VSTORE(to + (i * side + l) * plane + j, point[l]);
            }
        }
    }
}

/* The same for any number of them, of which nothing is written beyond.
 * Preconditions: side and r are 6 and 3, 6 and 5 or 4 and 3; a whole vector beyond k[tap * pitch +
 * count] may be read. */
TARGET CONVPOOL_INLINE void NAME(winograd_points)(int side, int r, const REAL *k, int64_t pitch,
                                                   int64_t count, REAL *to, int64_t plane)
{
    REAL bounce[CONVPOOL_WINOGRAD_POINTS * LANES];
    const int64_t rest = count % LANES, whole = count - rest;
    int64_t i;
#define TRANSFORM(side, r)                                           \
    NAME(winograd_points_body)(side, r, k, pitch, whole, to, plane); \
    NAME(winograd_points_body)(side, r, k + whole, pitch, rest, bounce, LANES)
    if (side == 4) {
        TRANSFORM(4, 3);
    } else if (r == 3) {
        TRANSFORM(6, 3);
    } else {
        TRANSFORM(6, 5);
    }
#undef TRANSFORM
    for (i = 0; rest > 0 && i < side * side; ++i) {
        memcpy(to + i * plane + whole, bounce + i * LANES, (size_t)rest * sizeof(REAL));
    }
}

/* Taps in planes, to[tap * pitch + channel * width + lane], from the steps of a strip, strip[step *
 * strip_width + lane] where steps are taps of channels.
 * Preconditions: width <= ROWS; ROWS lanes and a vector more than either holds may be read and
 * written. */
TARGET CONVPOOL_INLINE void NAME(winograd_taps)(const REAL *strip, int64_t taps, int64_t channels,
                                                int64_t width, int64_t strip_width,
                                                REAL *CONVPOOL_RESTRICT to, int64_t pitch)
{
    int64_t c, tap, lane;
    for (c = 0; c < channels; ++c, to += width) {
        for (tap = 0; tap < taps; ++tap, strip += strip_width) {
            CONVPOOL_UNROLL
            for (lane = 0; lane < ROWS; lane += LANES) {
                VSTORE(to + tap * pitch + lane, VLOAD(strip + lane));
            }
        }
    }
}

/* Cells under neighbouring tiles, m columns apart, from a row as winograd_input reads several of
 * them as one: cells 0 to m - 1 of each tile at to, the next m of each `shift` further on.
 * Preconditions: those of winograd_input, of the row; `to` is writeable for whole vectors. */
TARGET CONVPOOL_INLINE void NAME(winograd_gather)(int side, int m, const REAL *row,
                                                  int64_t tiles, REAL *to, int64_t shift)
{
    int64_t j;
    int i;
    for (i = 0; i < side; i += m, row += m, to += shift) {
        for (j = 0; j < tiles * m; j += LANES) {
            VSTORE(to + j, VLOAD(row + j));
        }
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_input_body)(
    const int side, const int m, const int masked, const REAL *const *row, int64_t shift,
    const REAL *inside, int64_t tiles, REAL *v, int64_t plane)
{
    VEC half[SIDE][SIDE], cell[8], point[SIDE];
    int64_t j;
    int i, k;
    for (j = 0; j < tiles; j += LANES) {
        for (i = 0; i < side; ++i) {
            const REAL *from = row[i] + j * m;
            for (k = 0; m == 2 && k < side; k += 2) {
                VLOAD2(from + k / 2 * shift, cell + k);
            }
            for (k = 0; m == 4 && k < side; k += 4) {
                VLOAD4(from + k / 4 * shift, cell + k);
            }
            for (k = 0; masked && k < side; ++k) {
                cell[k] = VAND(cell[k], VLOAD(inside + k * CONVPOOL_WINOGRAD_MARKS + j));
            }
            NAME(winograd_evaluate)(side, cell, half[i]);
        }
        for (k = 0; k < side; ++k) {
            for (i = 0; i < side; ++i) {
                cell[i] = half[i][k];
            }
            NAME(winograd_evaluate)(side, cell, point);
            for (i = 0; i < side; ++i) {
                VSTORE(v + (i * side + k) * plane + j, point[i]);
            }
        }
    }
}

/* Points of `tiles` tiles whose cells stand in `side` rows: v[point * plane + tile]. The first m
 * cells of each lie side by side, the next m `shift` further on: m, where they are one row of an
 * image. Bits of column i of a tile count where they are set in inside[i *
 * CONVPOOL_WINOGRAD_MARKS + tile]; NULL: all of them.
 * Preconditions: side and m are 6 and 4, 6 and 2 or 4 and 2; with the tiles rounded up to whole
 * vectors, v is writeable and rows are readable for four elements more than the m of each tile. */
TARGET CONVPOOL_INLINE void NAME(winograd_input)(int side, int m, const REAL *const *row,
                                                 int64_t shift,
                                                 const REAL *inside, int64_t tiles, REAL *v,
                                                 int64_t plane)
{
    switch (2 * (side + m) + (inside != NULL)) {
#define INPUT_CASE(side, m, masked)                                                              \
    case 2 * ((side) + (m)) + (masked):                                                          \
        NAME(winograd_input_body)(side, m, masked, row, shift, inside, tiles, v, plane);         \
        break;
        INPUT_CASE(6, 4, 0) INPUT_CASE(6, 2, 0) INPUT_CASE(4, 2, 0)
        INPUT_CASE(6, 4, 1) INPUT_CASE(6, 2, 1) INPUT_CASE(4, 2, 1)
    default: break;
#undef INPUT_CASE
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(winograd_output_body)(const int side, const int m,
                                                             const REAL *sums, int64_t plane,
                                                             int64_t tiles, REAL *y)
{
    VEC half[4][SIDE], point[SIDE], cell[4];
    int64_t j;
    int i, k;
    for (j = 0; j < tiles; j += LANES) {
        for (k = 0; k < side; ++k) {
            for (i = 0; i < side; ++i) {
                point[i] = VLOAD(sums + (i * side + k) * plane + j);
            }
            NAME(winograd_interpolate)(side, m, point, cell);
            for (i = 0; i < m; ++i) {
                half[i][k] = cell[i];
            }
        }
        for (i = 0; i < m; ++i) {
            REAL *to = y + (i * tiles + j) * m;
            NAME(winograd_interpolate)(side, m, half[i], cell);
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
 * Preconditions: side and m as above; `tiles` is a multiple of LANES. */
TARGET CONVPOOL_INLINE void NAME(winograd_output)(int side, int m, const REAL *sums,
                                                  int64_t plane, int64_t tiles, REAL *y)
{
    if (side == 4) {
        NAME(winograd_output_body)(4, 2, sums, plane, tiles, y);
    } else if (m == 2) {
        NAME(winograd_output_body)(6, 2, sums, plane, tiles, y);
    } else {
        NAME(winograd_output_body)(6, 4, sums, plane, tiles, y);
    }
}

#undef NAME
#undef SIDE
#undef A
#undef B
