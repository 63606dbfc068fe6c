/* gemm_tile.inc.h - the one micro-kernel body: tile (+)= strip of rows x strip of columns.
 *
 *            b: depth x COLUMNS              COLUMNS = VECTORS * LANES
 *            +----------------+
 *            | VEC | VEC | .. |  <- step k
 *            +----------------+
 *   a: +-+   +----------------+
 *      |.|   |                |
 *      |.|   |  sum[r][v]     |  ROWS x VECTORS registers, kept over all depth steps
 *      |.|   |                |
 *      +-+   +----------------+
 *     ROWS
 *   a is read at a[k * ROWS + r], b at b[k * COLUMNS + c], tile at tile[r * COLUMNS + c].
 *
 * Each element is a chain of (fused) multiply-adds in the order of k, from 0 or from what the tile
 * holds: neither the number of threads, nor the cut of depth into blocks, nor the width of a vector
 * changes a bit of it.
 *
 * Included once for each instruction set and real type, with these set by the vocabulary file:
 *   REAL  REAL_NAME  ISA_NAME  TARGET           type, its name, the instruction set's, attribute
 *   VEC  LANES  VZERO()  VLOAD(p)  VSTORE(p, v)  VSET1(x)  VFMA(a, b, c) = a * b + c
 *   VROW(a, r) = VSET1(a[r]), where r < ROWS: from memory, or from a register of several rows
 *   ROWS  VECTORS  TILE_CASES(X)                shape, and X(r, v) for each smaller shape
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define COLUMNS ((VECTORS) * (LANES))

/* `rows` and `vectors` are literals at each call, so that all loops but that over k unroll. */
TARGET CONVPOOL_FORCE_INLINE void NAME(tile_body)(const int rows, const int vectors, int64_t depth,
                                                  const REAL *CONVPOOL_RESTRICT a,
                                                  const REAL *CONVPOOL_RESTRICT b,
                                                  REAL *CONVPOOL_RESTRICT tile, int accumulate)
{
    VEC sum[ROWS][VECTORS];
    int r, v;
    int64_t k;
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            sum[r][v] = accumulate ? VLOAD(tile + r * COLUMNS + v * LANES) : VZERO();
        }
    }
    for (k = 0; k < depth; ++k) {
        VEC column[VECTORS];
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            column[v] = VLOAD(b + v * LANES);
        }
        CONVPOOL_UNROLL
        for (r = 0; r < rows; ++r) {
            const VEC row = VROW(a, r);
            CONVPOOL_UNROLL
            for (v = 0; v < vectors; ++v) {
                sum[r][v] = VFMA(row, column[v], sum[r][v]);
            }
        }
        a += ROWS;
        b += COLUMNS;
    }
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            VSTORE(tile + r * COLUMNS + v * LANES, sum[r][v]);
        }
    }
}

/* tile (+)= a b for the first `rows` rows and `columns` columns, rounded up to whole vectors.
 * Preconditions: 1 <= rows <= ROWS, 1 <= columns <= COLUMNS; a holds depth * ROWS elements, b
 * depth * COLUMNS, tile ROWS * COLUMNS; no overlap. */
TARGET CONVPOOL_INLINE void NAME(gemm_tile)(int64_t rows, int64_t columns, int64_t depth,
                                            const void *a, const void *b, void *tile,
                                            int accumulate)
{
    const REAL *a_ = (const REAL *)a, *b_ = (const REAL *)b;
    REAL *tile_ = (REAL *)tile;
#define TILE_CASE(r, v) \
    case (r) * 16 + (v): NAME(tile_body)(r, v, depth, a_, b_, tile_, accumulate); break;
    switch ((int)rows * 16 + (int)((columns + LANES - 1) / LANES)) {
        TILE_CASES(TILE_CASE)
    default: break;
    }
#undef TILE_CASE
}

#undef COLUMNS
#undef NAME
