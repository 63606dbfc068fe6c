/* filter_rows.inc.h - sums over the taps of one kernel for some rows of an image:
 *
 *     sums[r][q] = sum over i, t of weight[i][t] * line[r + i][q + t * step]
 *
 * Rows r are summed together: what is loaded of a line serves each of them with a tap of its own,
 * so that multiply-adds, not loads, are what takes the time.
 *
 *     line 0   r = 0
 *     line 1   r = 0 1          each r meets its lines from its first tap on:
 *     line 2   r = 0 1 2        its sum is one chain, in the order of taps
 *     line 3   r = 0 1 2 3
 *     ...
 *
 * Of integers, weights and lines hold pairs, and a multiply-add adds both products.
 *
 * Included once for each instruction set and type of sums, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define FILTER_VECTORS 3
#define FILTER_WIDE 8

/* One line's share in the sums of rows [from, to); `weight` is where row 0 would find its taps.
 * `from`, `to` and `vectors` are literals at each call. */
TARGET CONVPOOL_FORCE_INLINE void NAME(filter_add)(const int from, const int to, const int vectors,
                                                   const REAL *line, const REAL *weight,
                                                   int64_t taps, int64_t step,
                                                   VEC sum[][FILTER_WIDE])
{
    int64_t t;
    int r, v;
    for (t = 0; t < taps; ++t, line += step, ++weight) {
        VEC x[FILTER_WIDE];
        for (v = 0; v < vectors; ++v) {
            x[v] = VLOAD(line + v * LANES);
        }
        for (r = from; r < to; ++r) {
            const VEC w = VSET1(*(weight - r * taps));
            for (v = 0; v < vectors; ++v) {
                sum[r][v] = VFMA(w, x[v], sum[r][v]);
            }
        }
    }
}

/* `rows` is a literal, 1 or CONVPOOL_FILTER_ROWS; more than one need kernel_height >= 3. */
TARGET CONVPOOL_FORCE_INLINE void NAME(filter_tile)(const int rows, const int vectors,
                                                    const void *const *line, int64_t at,
                                                    const REAL *weight, int64_t height,
                                                    int64_t width, int64_t step, REAL *sums,
                                                    int64_t pitch)
{
#define LINE(i) ((const REAL *)line[i] + at)
    VEC sum[CONVPOOL_FILTER_ROWS][FILTER_WIDE];
    int64_t i;
    int r, v;
    for (r = 0; r < rows; ++r) {
        for (v = 0; v < vectors; ++v) {
            sum[r][v] = VZERO();
        }
    }
    if (rows > 1) {
        NAME(filter_add)(0, 1, vectors, LINE(0), weight, width, step, sum);
        NAME(filter_add)(0, 2, vectors, LINE(1), weight + width, width, step, sum);
        NAME(filter_add)(0, 3, vectors, LINE(2), weight + 2 * width, width, step, sum);
    }
    for (i = rows - 1; i < height; ++i) {
        NAME(filter_add)(0, rows, vectors, LINE(i), weight + i * width, width, step, sum);
    }
    if (rows > 1) {
        weight += height * width;
        NAME(filter_add)(1, 4, vectors, LINE(height), weight, width, step, sum);
        NAME(filter_add)(2, 4, vectors, LINE(height + 1), weight + width, width, step, sum);
        NAME(filter_add)(3, 4, vectors, LINE(height + 2), weight + 2 * width, width, step, sum);
    }
    for (r = 0; r < rows; ++r) {
        for (v = 0; v < vectors; ++v) {
            VSTORE(sums + r * pitch + v * LANES, sum[r][v]);
        }
    }
#undef LINE
}

/* All elements of some rows, the last tile overlapping the one before. */
TARGET CONVPOOL_FORCE_INLINE void NAME(filter_tiles)(const int rows, const int vectors,
                                                     const void *const *line, const REAL *weight,
                                                     int64_t height, int64_t width, int64_t step,
                                                     int64_t count, REAL *sums, int64_t pitch)
{
    const int64_t tile = vectors * LANES;
    int64_t q;
    int r;
    if (count < tile) {
        REAL narrow[CONVPOOL_FILTER_ROWS * FILTER_WIDE * LANES];
        NAME(filter_tile)(rows, vectors, line, 0, weight, height, width, step, narrow, tile);
        for (r = 0; r < rows; ++r) {
            memcpy(sums + r * pitch, narrow + r * tile, (size_t)count * sizeof(REAL));
        }
        return;
    }
    for (q = 0; q < count; q += tile) {
        q = q < count - tile ? q : count - tile;
        NAME(filter_tile)(rows, vectors, line, q, weight, height, width, step, sums + q, pitch);
    }
}

/* Sums of `rows` rows of `count` elements, `pitch` apart, from lines[0 .. rows + height - 2].
 * Precondition: lines may be read for CONVPOOL_SLACK elements more than
 * count + (width - 1) * step. */
TARGET CONVPOOL_INLINE void NAME(filter_rows)(const void *const *line, const void *weight,
                                              int64_t height, int64_t width, int64_t step,
                                              int64_t count, int64_t rows, void *sums,
                                              int64_t pitch)
{
    REAL *to = (REAL *)sums;
    const REAL *w = (const REAL *)weight;
    int64_t r = 0;
    for (; height >= 3 && rows - r >= CONVPOOL_FILTER_ROWS; r += CONVPOOL_FILTER_ROWS) {
        NAME(filter_tiles)(CONVPOOL_FILTER_ROWS, FILTER_VECTORS, line + r, w, height, width, step,
                           count, to + r * pitch, pitch);
    }
    for (; r < rows; ++r) {
        NAME(filter_tiles)(1, FILTER_WIDE, line + r, w, height, width, step, count, to + r * pitch,
                           pitch);
    }
}

#undef FILTER_VECTORS
#undef FILTER_WIDE
#undef NAME
