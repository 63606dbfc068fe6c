/* filter_join.inc.h - lines of pairs: each element with the one that the next tap meets, so that
 * one instruction multiplies both and adds the products.
 *
 * Included once for each instruction set, with the vocabulary of pairs, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* In place: element q gets element q + step as its partner. Precondition: CONVPOOL_SLACK elements
 * beyond `count` may be touched, and step is less than that by a vector. */
TARGET CONVPOOL_INLINE void NAME(filter_join)(void *line, int64_t step, int64_t count)
{
    REAL *to = (REAL *)line;
    int64_t q;
    for (q = 0; q < count; q += LANES) {
        VJOIN(to + q, to + q + step);
    }
}

#undef NAME
