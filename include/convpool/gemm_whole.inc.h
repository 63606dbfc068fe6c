/* gemm_whole.inc.h - tiles of whole strips of rows, which do on their way what would else be a pass
 * over memory by itself: pack the columns that they read, and finish what they have summed.
 *
 * Where columns end within a vector, the last one begins before the end of the one before: what
 * they share is done twice, and nothing beyond is touched.
 *
 * Included once for each instruction set and real type, by vectors.inc.h, with its words, after
 * gemm_tile.inc.h and finish_tile.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

TARGET CONVPOOL_FORCE_INLINE void NAME(whole_body)(const int columns_apart, const int keeps,
                                                   const int vectors, int64_t columns,
                                                   int64_t depth, const REAL *a, const REAL *b,
                                                   int64_t b_step,
                                                   const int64_t *offset, REAL *keep, REAL *tile,
                                                   int64_t tile_step, int chain,
                                                   const convpool_finish *finish, const REAL *next)
{
    VEC sum[ROWS][VECTORS];
    int64_t at[VECTORS];
    int r, v;
    CONVPOOL_UNROLL
    for (v = 0; v < vectors; ++v) {
        at[v] = v + 1 < vectors ? v * LANES : columns - LANES;
    }
    NAME(tile_sums)(0, columns_apart, keeps, ROWS, vectors, at, depth, a, 0, NULL, offset, b,
                    columns_apart ? 0 : b_step, keep, tile, tile_step, chain, next, sum);
    if (finish != NULL) {
        NAME(finish_tile)(0, ROWS, vectors, at, sum, finish);
        return;
    }
    CONVPOOL_UNROLL
    for (r = 0; r < ROWS; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            VSTORE(tile + r * tile_step + at[v], sum[r][v]);
        }
    }
}

/* gemm_tile or, unless offset is NULL, gemm_columns of ROWS rows and a vector of columns or more.
 * Unless `keep` is NULL, the columns of step k are copied to keep[k * COLUMNS], packed for other
 * strips of rows. Unless `finish` is NULL the tile goes where that says, and is not written.
 * Preconditions: those of gemm_tile; LANES <= columns; offset or keep is NULL; the chain does not
 * add. */
TARGET CONVPOOL_INLINE void NAME(gemm_whole)(int64_t columns, int64_t depth, const void *a,
                                             const void *b, int64_t b_step, const int64_t *offset,
                                             void *keep, void *tile, int64_t tile_step, int chain,
                                             const convpool_finish *finish, const void *next)
{
    const int way = offset != NULL ? 1 : keep != NULL ? 2 : 0;
    switch ((int)((columns + LANES - 1) / LANES) * 4 + way) {
#define WHOLE_BODY(vectors, way)                                                               \
    case (vectors) * 4 + (way):                                                                \
        NAME(whole_body)((way) == 1, (way) == 2, vectors, columns, depth,                      \
                         (const REAL *)a, (const REAL *)b, b_step, offset, (REAL *)keep,       \
                         (REAL *)tile, tile_step, chain, finish, (const REAL *)next);          \
        break;
#define WHOLE_CASES(vectors) \
    WHOLE_BODY(vectors, 0) WHOLE_BODY(vectors, 1) WHOLE_BODY(vectors, 2)
    WHOLE_CASES(1)
    WHOLE_CASES(2)
#if VECTORS > 2
    WHOLE_CASES(3)
#endif
#if VECTORS > 3
    WHOLE_CASES(4)
#endif
    default: break;
#undef WHOLE_CASES
#undef WHOLE_BODY
    }
}

#undef NAME
