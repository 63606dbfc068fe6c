/* moves.inc.h - moves of neighbours from an array into cells of REAL.
 *
 * A cell holds CHANNELS channels: `apart` says where they are, counted from the first.
 *
 * Included once for each instruction set and element type, with these set besides ISA_NAME and
 * TARGET:
 *   STORAGE  STORAGE_NAME  REAL  REAL_NAME   types of the array's elements and of cells
 *   CHANNELS  CELL(p, apart)                 a cell's channels, and the cell of those at p
 *   JOINED(p)                                that of channels side by side
 *   SIXTEEN(p, apart, to)                    the cells at p to p + 15, where there is a faster way
 *   EIGHT(p, apart, to)                      and those to p + 7
 *   BORDER(value)                            a cell of so many of one value, which LOAD would give
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* to[j] = from[j] in moves of `chunk`, a literal, the last of which may overlap the one before.
 * Precondition: length >= chunk. */
TARGET CONVPOOL_FORCE_INLINE void NAME(copy_chunks)(const int chunk,
                                                    const STORAGE *CONVPOOL_RESTRICT from,
                                                    const int64_t *apart, int64_t length,
                                                    REAL *CONVPOOL_RESTRICT to)
{
    const int64_t last = length - chunk;
    int64_t j;
    int i;
    for (j = 0; j < last; j += chunk) {
        CONVPOOL_KEEP_LOOP
        for (i = 0; i < chunk; ++i) {
            to[j + i] = CELL(from + j + i, apart);
        }
    }
    CONVPOOL_KEEP_LOOP
    for (i = 0; i < chunk; ++i) {
        to[last + i] = CELL(from + last + i, apart);
    }
}

/* The same for any length. */
TARGET CONVPOOL_FORCE_INLINE void NAME(copy)(const STORAGE *from, const int64_t *apart,
                                             int64_t length, REAL *CONVPOOL_RESTRICT to)
{
    int64_t j;
#ifdef SIXTEEN
    if (length >= 16) {
        for (j = 0; j < length - 16; j += 16) {
            SIXTEEN(from + j, apart, to + j);
            CONVPOOL_RELOAD; /* else GCC may call memmove, which is long for what rows hold */
        }
        SIXTEEN(from + length - 16, apart, to + length - 16);
        return;
    }
    if (length >= 8) {
        EIGHT(from, apart, to);
        EIGHT(from + length - 8, apart, to + length - 8);
        return;
    }
#endif
    if (length >= 8) {
        NAME(copy_chunks)(8, from, apart, length, to);
    } else if (length >= 4) {
        NAME(copy_chunks)(4, from, apart, length, to);
    } else {
        for (j = 0; j < length; ++j) {
            to[j] = CELL(from + j, apart);
        }
    }
}

/* Cells whose channels lie side by side, one after the other. */
TARGET CONVPOOL_FORCE_INLINE void NAME(join)(const STORAGE *CONVPOOL_RESTRICT from, int64_t length,
                                             REAL *CONVPOOL_RESTRICT to)
{
#if CHANNELS == 1
    NAME(copy)(from, NULL, length, to);
#else
    int64_t j = 0;
    int i;
    for (; j + 8 <= length; j += 8) {
        CONVPOOL_KEEP_LOOP
        for (i = 0; i < 8; ++i) {
            to[j + i] = JOINED(from + (j + i) * CHANNELS);
        }
    }
    for (; j < length; ++j) {
        to[j] = JOINED(from + j * CHANNELS);
    }
#endif
}

/* to[j] = from[j * step] */
TARGET CONVPOOL_FORCE_INLINE void NAME(gather)(const STORAGE *from, const int64_t *apart,
                                               int64_t step, int64_t length,
                                               REAL *CONVPOOL_RESTRICT to)
{
    int64_t j;
    if (step == 1) {
        NAME(copy)(from, apart, length, to);
    } else if (step == 2) {
        for (j = 0; j < length; ++j) {
            to[j] = CELL(from + 2 * j, apart);
        }
    } else {
        for (j = 0; j < length; ++j) {
            to[j] = CELL(from + j * step, apart);
        }
    }
}

#undef NAME
