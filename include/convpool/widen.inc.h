/* widen.inc.h - up to sixteen bytes, a literal, as REAL. By way of int32_t: GCC otherwise converts
 * each by itself.
 *
 * Included once for each instruction set and type of bytes, with STORAGE and STORAGE_NAME set.
 */
TARGET CONVPOOL_FORCE_INLINE void
CONVPOOL_PASTE(convpool_, widen, STORAGE_NAME, ISA_NAME)(const int count,
                                                         const STORAGE *CONVPOOL_RESTRICT from,
                                                         REAL *CONVPOOL_RESTRICT to)
{
    int32_t wide[16];
    int i;
    for (i = 0; i < count; ++i) {
        wide[i] = from[i];
    }
    for (i = 0; i < count; ++i) {
        to[i] = (REAL)wide[i];
    }
}
