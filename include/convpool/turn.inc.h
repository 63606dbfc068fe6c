/* turn.inc.h - a matrix turned over: to[j][i] = from[i][j], four lines at a time, or whole columns
 * where lines are short.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* The next four lines are fetched meanwhile: lines may be short and far apart.
 * Preconditions: lines >= 1; whole vectors of `from`'s lines may be read; `to` has room for
 * `length` lines, and for `lines` elements in each, both rounded up to whole vectors and to fours.
 * What is there beyond is written, too. */
TARGET CONVPOOL_INLINE void NAME(turn)(const REAL *from, int64_t from_pitch, int64_t lines,
                                       int64_t length, REAL *CONVPOOL_RESTRICT to,
                                       int64_t to_pitch)
{
    int64_t i, j;
    int l;
    for (i = 0; i < lines; i += 4) {
        const REAL *line[4];
        for (l = 0; l < 4; ++l) {
            line[l] = from + (i + l < lines ? i + l : lines - 1) * from_pitch;
        }
        for (j = 0; j < length; j += LANES) {
            REAL turned[4 * LANES];
            VEC four[4];
            CONVPOOL_UNROLL
            for (l = 0; l < 4; ++l) {
                four[l] = VLOAD(line[l] + j);
                CONVPOOL_PREFETCH(line[l] + 4 * from_pitch + j);
            }
            VSTORE4(turned, four);
            CONVPOOL_UNROLL
            for (l = 0; l < LANES; ++l) {
                memcpy(to + (j + l) * to_pitch + i, turned + 4 * l, 4 * sizeof(REAL));
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
