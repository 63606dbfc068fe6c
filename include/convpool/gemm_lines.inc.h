/* gemm_lines.inc.h - few rows by columns that are lines of memory, as weights lie in a matrix: each
 * element is read once, and turned into place in registers.
 *
 * Included once for each real type of an instruction set that has VLINES, by vectors.inc.h, with
 * its words.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Steps of one vector's lines, before those of the next: lines that are a multiple of 4096 bytes
 * apart meet in one set of the cache, which holds no more than a vector's. */
#define LINE_STEPS 16

/* Of `vectors` whole vectors of lines; what is literal unrolls. */
TARGET CONVPOOL_FORCE_INLINE void NAME(lines_body)(const int rows, const int vectors, int64_t depth,
                                                   const REAL *a, const int64_t *place,
                                                   const int64_t *offset, const REAL *b,
                                                   int64_t pitch, REAL *tile, int64_t tile_step,
                                                   int chain)
{
    VEC sum[CONVPOOL_LINE_ROWS][CONVPOOL_LINE_VECTORS];
    int64_t k = 0, i, l;
    int r, v, j;
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            sum[r][v] = chain == CONVPOOL_CHAIN_GOES_ON ? VLOAD(tile + r * tile_step + v * LANES)
                                                        : VZERO();
        }
    }
    for (; k + 4 <= depth; k += LINE_STEPS) {
        const int64_t end = k + LINE_STEPS <= depth ? k + LINE_STEPS : depth - 3;
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            const REAL *line = b + v * LANES * pitch;
            for (i = k; i < end; i += 4) {
                VEC four[4];
                VLINES(line + i, pitch, four);
                CONVPOOL_UNROLL
                for (j = 0; j < 4; ++j) {
                    CONVPOOL_UNROLL
                    for (r = 0; r < rows; ++r) {
                        sum[r][v] = VFMA(VSET1(a[place[r] + offset[i + j]]), four[j], sum[r][v]);
                    }
                }
            }
        }
    }
    for (k = depth - depth % 4; k < depth; ++k) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            REAL column[LANES];
            for (l = 0; l < LANES; ++l) {
                column[l] = b[(v * LANES + l) * pitch + k];
            }
            CONVPOOL_UNROLL
            for (r = 0; r < rows; ++r) {
                sum[r][v] = VFMA(VSET1(a[place[r] + offset[k]]), VLOAD(column), sum[r][v]);
            }
        }
    }
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            VSTORE(tile + r * tile_step + v * LANES, sum[r][v]);
        }
    }
}

TARGET CONVPOOL_NOINLINE void NAME(lines_of)(int64_t rows, int64_t vectors, int64_t depth,
                                             const REAL *a, const int64_t *place,
                                             const int64_t *offset, const REAL *b, int64_t pitch,
                                             REAL *tile, int64_t tile_step, int chain)
{
    switch ((int)rows * 8 + (int)vectors) {
#define LINES_CASE(rows, vectors)                                                          \
    case (rows) * 8 + (vectors):                                                           \
        NAME(lines_body)(rows, vectors, depth, a, place, offset, b, pitch, tile, tile_step, \
                         chain);                                                           \
        break;
        LINES_CASE(1, 1) LINES_CASE(1, 2) LINES_CASE(1, 3) LINES_CASE(1, 4)
        LINES_CASE(2, 1) LINES_CASE(2, 2) LINES_CASE(2, 3) LINES_CASE(2, 4)
        LINES_CASE(3, 1) LINES_CASE(3, 2) LINES_CASE(4, 1) LINES_CASE(4, 2)
    default: break; /* gemm_lines asks for no others */
#undef LINES_CASE
    }
}

/* tile[r * tile_step + c] = the chain over k < depth of a[place[r] + offset[k]] * b[c * pitch + k],
 * from 0 or from what the tile holds, c < lines.
 * Preconditions: 1 <= rows <= CONVPOOL_LINE_ROWS; where the last vector is not full, as many lines
 * before b as it lacks may be read. */
TARGET CONVPOOL_INLINE void NAME(gemm_lines)(int64_t rows, int64_t lines, int64_t depth,
                                             const void *a, const int64_t *place,
                                             const int64_t *offset, const void *b, int64_t pitch,
                                             void *tile, int64_t tile_step, int chain)
{
    /* More sums would not fit registers. */
    const int64_t most = rows > 2 ? CONVPOOL_LINE_VECTORS / 2 : CONVPOOL_LINE_VECTORS;
    const int64_t missing = LANES - lines % LANES, last = LANES - missing;
    const REAL *line = (const REAL *)b;
    REAL *to = (REAL *)tile, rest[CONVPOOL_LINE_ROWS * LANES];
    int64_t vectors, r;
    for (; lines >= LANES; lines -= vectors * LANES) {
        vectors = lines / LANES < most ? lines / LANES : most;
        NAME(lines_of)(rows, vectors, depth, (const REAL *)a, place, offset, line, pitch, to,
                       tile_step, chain);
        line += vectors * LANES * pitch;
        to += vectors * LANES;
    }
    if (last == 0) {
        return;
    }
    memset(rest, 0, sizeof rest);
    for (r = 0; r < rows && chain == CONVPOOL_CHAIN_GOES_ON; ++r) {
        memcpy(rest + r * LANES + missing, to + r * tile_step, (size_t)last * sizeof(REAL));
    }
    NAME(lines_of)(rows, 1, depth, (const REAL *)a, place, offset, line - missing * pitch, pitch,
                   rest, LANES, chain);
    for (r = 0; r < rows; ++r) {
        memcpy(to + r * tile_step, rest + r * LANES + missing, (size_t)last * sizeof(REAL));
    }
}

#undef NAME
#undef LINE_STEPS
