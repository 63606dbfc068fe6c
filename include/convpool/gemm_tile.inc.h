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
 *   a is read in a strip at a[k * ROWS + r], in two of them, or anywhere at a[place[r] +
 *   offset[k]], b at b[k * b_step + c] or at b[offset[k] + c], tile at tile[r * tile_step + c].
 *   Meanwhile as much as a strip holds is fetched from `next` on: a network's weights, which come
 *   from far, would else be waited for.
 *
 * Each element is a chain of (fused) multiply-adds in the order of k, from 0 or from what the tile
 * holds: neither the number of threads, nor the cut of depth into blocks, nor the width of a vector
 * changes a bit of it.
 *
 * Included once for each instruction set and real type, by vectors.inc.h, with these set for each
 * instruction set:
 *   ISA_NAME  TARGET               its name, the attribute of its functions
 *   ROWS  VECTORS  TILE_CASES(X)   shape, and X(r, v) for each smaller shape
 * and
 *   FINISHES                       whether there is a finish_tile of these sums
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Steps that columns in place are fetched ahead, perhaps beyond the array: each is in another page,
 * out of the processor's sight. */
#define FAR_STEPS 12

/* The sums of a tile, in registers; its vectors stand at[v] from the first column on. Whether rows
 * or columns are anywhere and whether columns are kept, `rows` and `vectors` are literals at each
 * call, so that all loops but that over k unroll. Rows from ROWS on are those of a second strip,
 * `apart` from a. */
TARGET CONVPOOL_FORCE_INLINE void NAME(tile_sums)(const int rows_apart, const int columns_apart,
                                                  const int keeps, const int rows,
                                                  const int vectors, const int64_t *at,
                                                  int64_t depth,
                                                  const REAL *CONVPOOL_RESTRICT a, int64_t apart,
                                                  const int64_t *place, const int64_t *offset,
                                                  const REAL *CONVPOOL_RESTRICT b, int64_t b_step,
                                                  REAL *CONVPOOL_RESTRICT keep, const REAL *tile,
                                                  int64_t tile_step, int chain, const REAL *next,
                                                  VEC (*sum)[VECTORS])
{
    const REAL *row[2 * ROWS];
    int r, v;
    int64_t k;
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        row[r] = rows_apart ? a + place[r] : NULL;
        if (rows_apart) {
            CONVPOOL_WHOLE(row[r]);
        }
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            sum[r][v] = chain == CONVPOOL_CHAIN_GOES_ON ? VRESUME(tile + r * tile_step + at[v])
                                                        : VZERO();
        }
    }
    for (k = 0; k < depth; ++k) {
        VEC column[VECTORS];
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            column[v] = VLOAD((columns_apart ? b + offset[k] : b) + at[v]);
            if (keeps) { /* the last vector to its whole place, too, whose end others then read */
                VSTORE(keep + v * LANES, column[v]);
                if (v == vectors - 1) {
                    VSTORE(keep + at[v], column[v]);
                }
                CONVPOOL_PREFETCH(b + FAR_STEPS * b_step + at[v] +
                                  (v == vectors - 1 ? LANES - 1 : 0));
            }
        }
        CONVPOOL_UNROLL
        for (r = 0; r < rows; ++r) {
            const VEC factor = rows_apart ? VSET1(row[r][offset[k]])
                               : r < ROWS ? VROW(a, r)
                                          : VROW(a + apart, r - ROWS);
            CONVPOOL_UNROLL
            for (v = 0; v < vectors; ++v) {
                sum[r][v] = VFMA(factor, column[v], sum[r][v]);
            }
        }
        CONVPOOL_PREFETCH(next);
        if (rows > ROWS) {
            CONVPOOL_PREFETCH(next + apart);
        }
        a += ROWS;
        b += b_step;
        if (keeps) {
            keep += VECTORS * LANES;
        }
        next += ROWS;
    }
}

/* Those sums, to the tile, or unless `finish` is NULL where that says. */
TARGET CONVPOOL_FORCE_INLINE void NAME(tile_body)(const int rows_apart, const int columns_apart,
                                                  const int rows, const int vectors, int64_t depth,
                                                  const REAL *CONVPOOL_RESTRICT a, int64_t apart,
                                                  const int64_t *place, const int64_t *offset,
                                                  const REAL *CONVPOOL_RESTRICT b, int64_t b_step,
                                                  REAL *CONVPOOL_RESTRICT tile, int64_t tile_step,
                                                  int chain, const convpool_finish *finish,
                                                  const REAL *next)
{
    VEC sum[2 * ROWS][VECTORS];
    int64_t at[VECTORS];
    int r, v;
    CONVPOOL_UNROLL
    for (v = 0; v < vectors; ++v) {
        at[v] = v * LANES;
    }
    NAME(tile_sums)(rows_apart, columns_apart, 0, rows, vectors, at, depth, a, apart, place, offset,
                    b, b_step, NULL, tile, tile_step, chain, next, sum);
#if FINISHES
    if (rows_apart && finish != NULL) {
        NAME(finish_tile)(1, rows, vectors, at, sum, finish);
        return;
    }
#else
    (void)finish;
#endif
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            REAL *to = tile + r * tile_step + v * LANES;
            VSTORE(to, chain == CONVPOOL_CHAIN_ADDS ? VADD(VRESUME(to), sum[r][v]) : sum[r][v]);
        }
    }
}

/* tile_body for any shape; what it takes apart is literal. */
TARGET CONVPOOL_FORCE_INLINE void NAME(tile_of)(const int rows_apart, const int columns_apart,
                                                int64_t rows, int64_t columns, int64_t depth,
                                                const void *a, const int64_t *place,
                                                const int64_t *offset, const void *b,
                                                int64_t b_step, void *tile, int64_t tile_step,
                                                int chain, const convpool_finish *finish,
                                                const void *next)
{
    switch ((int)rows * 16 + (int)((columns + LANES - 1) / LANES)) {
#define TILE_CASE(r, v)                                                                   \
    case (r) * 16 + (v):                                                                  \
        NAME(tile_body)(rows_apart, columns_apart, r, v, depth, (const REAL *)a, 0,       \
                        place, offset, (const REAL *)b, b_step, (REAL *)tile, tile_step,  \
                        chain, finish, (const REAL *)next);                               \
        break;
        TILE_CASES(TILE_CASE)
    default: break;
#undef TILE_CASE
    }
}

/* The first `rows` rows and `columns` columns of a b, the columns rounded up to whole vectors, into
 * the tile: in place of what it holds, continuing its chains, or added to it (convpool_chain).
 * Preconditions: 1 <= rows <= ROWS, 1 <= columns <= COLUMNS; a holds depth * ROWS elements; whole
 * vectors of b and tile may be touched, and b may be read one step too far, as GCC does to sum two
 * columns without VEC; the tile overlaps nothing. What `next` points to need not exist. */
TARGET CONVPOOL_INLINE void NAME(gemm_tile)(int64_t rows, int64_t columns, int64_t depth,
                                            const void *a, const void *b, int64_t b_step,
                                            void *tile, int64_t tile_step, int chain,
                                            const void *next)
{
    NAME(tile_of)(0, 0, rows, columns, depth, a, NULL, NULL, b, b_step, tile, tile_step, chain,
                  NULL, next);
}

/* The same with rows anywhere, of which no more is read: a[place[r] + offset[k]]. Unless `finish`
 * is NULL the tile goes where that says, its rows being pixels, and is not written; the columns are
 * then whole vectors, and the chain does not add. */
TARGET CONVPOOL_INLINE void NAME(gemm_rows)(int64_t rows, int64_t columns, int64_t depth,
                                            const void *a, const int64_t *place,
                                            const int64_t *offset, const void *b, int64_t b_step,
                                            void *tile, int64_t tile_step, int chain,
                                            const convpool_finish *finish, const void *next)
{
    NAME(tile_of)(1, 0, rows, columns, depth, a, place, offset, b, b_step, tile, tile_step, chain,
                  finish, next);
}

/* gemm_tile with columns anywhere: those of step k from b[offset[k]] on. */
TARGET CONVPOOL_INLINE void NAME(gemm_columns)(int64_t rows, int64_t columns, int64_t depth,
                                               const void *a, const void *b,
                                               const int64_t *offset, void *tile,
                                               int64_t tile_step, int chain, const void *next)
{
    NAME(tile_of)(0, 1, rows, columns, depth, a, NULL, offset, b, 0, tile, tile_step, chain, NULL,
                  next);
}

/* gemm_tile of two whole strips of rows, `apart` elements from each other, and of one vector of
 * columns: with ROWS sums alone each product would wait for the one before. */
TARGET CONVPOOL_INLINE void NAME(gemm_pair)(int64_t depth, const void *a, int64_t apart,
                                            const void *b, int64_t b_step, void *tile,
                                            int64_t tile_step, int chain, const void *next)
{
    NAME(tile_body)(0, 0, 2 * ROWS, 1, depth, (const REAL *)a, apart, NULL, NULL, (const REAL *)b,
                    b_step, (REAL *)tile, tile_step, chain, NULL, (const REAL *)next);
}

/* gemm_rows of one row by all columns of CONVPOOL_ROW_STRIPS strips, `apart` elements from each
 * other, whose tiles are `tile_apart`: with the sums of one strip alone each product would wait for
 * the one before. */
TARGET CONVPOOL_INLINE void NAME(gemm_row)(int64_t depth, const void *a, const int64_t *offset,
                                           const void *b, int64_t apart, void *tile,
                                           int64_t tile_apart, int chain)
{
    VEC sum[CONVPOOL_ROW_STRIPS][VECTORS];
    const REAL *column = (const REAL *)b;
    int s, v;
    int64_t k;
    CONVPOOL_UNROLL
    for (s = 0; s < CONVPOOL_ROW_STRIPS; ++s) {
        CONVPOOL_UNROLL
        for (v = 0; v < VECTORS; ++v) {
            const REAL *from = (const REAL *)tile + s * tile_apart + v * LANES;
            sum[s][v] = chain == CONVPOOL_CHAIN_GOES_ON ? VRESUME(from) : VZERO();
        }
    }
    for (k = 0; k < depth; ++k, column += VECTORS * LANES) {
        const VEC factor = VSET1(((const REAL *)a)[offset[k]]);
        CONVPOOL_UNROLL
        for (s = 0; s < CONVPOOL_ROW_STRIPS; ++s) {
            CONVPOOL_UNROLL
            for (v = 0; v < VECTORS; ++v) {
                sum[s][v] = VFMA(factor, VLOAD(column + s * apart + v * LANES), sum[s][v]);
            }
        }
    }
    CONVPOOL_UNROLL
    for (s = 0; s < CONVPOOL_ROW_STRIPS; ++s) {
        CONVPOOL_UNROLL
        for (v = 0; v < VECTORS; ++v) {
            VSTORE((REAL *)tile + s * tile_apart + v * LANES, sum[s][v]);
        }
    }
}

#undef NAME
#undef FAR_STEPS
