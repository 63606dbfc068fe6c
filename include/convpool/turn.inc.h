/* turn.inc.h - a matrix turned over: to[j][i] = from[i][j], four lines by a vector at a time, or
 * whole columns where lines are short.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* A vector of each of four lines: to[j * to_pitch + l] = line[l][j]. */
TARGET CONVPOOL_FORCE_INLINE void NAME(turn_four)(const REAL *const *line,
                                                  REAL *CONVPOOL_RESTRICT to, int64_t to_pitch)
{
    REAL turned[4 * LANES];
    VEC four[4];
    int l;
    CONVPOOL_UNROLL
    for (l = 0; l < 4; ++l) {
        four[l] = VLOAD(line[l]);
    }
    VSTORE4(turned, four);
    CONVPOOL_UNROLL
    for (l = 0; l < LANES; ++l) {
        memcpy(to + l * to_pitch, turned + 4 * l, 4 * sizeof(REAL));
    }
}

/* Four lines from number i on, or the last four where the matrix ends before; of fewer, its last
 * line stands for those beyond, and four elements are written all the same. Result: the first. */
TARGET CONVPOOL_FORCE_INLINE int64_t NAME(find_lines)(const REAL *from, int64_t pitch,
                                                      int64_t lines, int64_t i,
                                                      const REAL **line)
{
    const int64_t last = lines > 4 ? lines - 4 : 0, first = i < last ? i : last;
    int l;
    for (l = 0; l < 4; ++l) {
        line[l] = from + (first + l < lines ? first + l : lines - 1) * pitch;
    }
    return first;
}

/* The next four lines are fetched meanwhile: lines may be short and far apart.
 * Preconditions: lines >= 1; whole vectors of `from`'s lines may be read; `to` has room for
 * `length` lines, rounded up to whole vectors, of four elements or more. What is there beyond is
 * written, too. */
TARGET CONVPOOL_INLINE void NAME(turn)(const REAL *from, int64_t from_pitch, int64_t lines,
                                       int64_t length, REAL *CONVPOOL_RESTRICT to,
                                       int64_t to_pitch)
{
    int64_t i, j;
    int l;
    for (i = 0; i < lines; i += 4) {
        const REAL *line[4];
        const int64_t first = NAME(find_lines)(from, from_pitch, lines, i, line);
        for (j = 0; j < length; j += LANES) {
            const REAL *at[4];
            for (l = 0; l < 4; ++l) {
                at[l] = line[l] + j;
                CONVPOOL_PREFETCH(at[l] + 4 * from_pitch);
            }
            NAME(turn_four)(at, to + j * to_pitch + first, to_pitch);
        }
    }
}

/* turn() that neither reads nor writes beyond the matrix. All lines of a vector's width are turned
 * before the next vector: columns may be as far apart as crowds the cache. */
TARGET CONVPOOL_INLINE void NAME(turn_whole)(const void *matrix, int64_t from_pitch, int64_t lines,
                                             int64_t length, void *CONVPOOL_RESTRICT turned,
                                             int64_t to_pitch)
{
    const REAL *from = (const REAL *)matrix;
    REAL *to = (REAL *)turned;
    int64_t i, j, l;
    for (j = 0; j < length; j += LANES) {
        const int64_t column = j + LANES <= length || length < LANES ? j : length - LANES;
        for (i = 0; lines >= 4 && length >= LANES && i < lines; i += 4) {
            const REAL *at[4];
            const int64_t first = NAME(find_lines)(from + column, from_pitch, lines, i, at);
            NAME(turn_four)(at, to + column * to_pitch + first, to_pitch);
        }
        for (; i < lines; ++i) { /* too small a matrix */
            for (l = column; l < length && l < column + LANES; ++l) {
                to[l * to_pitch + i] = from[i * from_pitch + l];
            }
        }
    }
}

/* Lines that follow each other: to[j * to_pitch + i] = from[i * length + j]. */
TARGET CONVPOOL_INLINE void NAME(deal)(const REAL *CONVPOOL_RESTRICT from, int64_t lines,
                                       int64_t length, REAL *CONVPOOL_RESTRICT to,
                                       int64_t to_pitch)
{
    int64_t i = 0, j, l;
#ifndef PAIRS
    for (; length == 2 && i + LANES <= lines; i += LANES) {
        VEC apart[2];
        VLOAD2(from + 2 * i, apart);
        VSTORE(to + i, apart[0]);
        VSTORE(to + to_pitch + i, apart[1]);
    }
    for (; length == 4 && i + LANES <= lines; i += LANES) {
        VEC apart[4];
        VLOAD4(from + 4 * i, apart);
        for (j = 0; j < 4; ++j) {
            VSTORE(to + j * to_pitch + i, apart[j]);
        }
    }
#endif
    for (j = 0; j < length; ++j) {
        for (l = i; l < lines; ++l) {
            to[j * to_pitch + l] = from[l * length + j];
        }
    }
}

#undef NAME
