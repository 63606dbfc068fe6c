/* pool_lanes.inc.h - windows whose channels lie next to each other: each tap is a run of them.
 *
 * A line of taps is one chain, and lines are another. NaN is found by sums, as in pool_deal.inc.h.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* `wide` vectors of channels. */
TARGET CONVPOOL_FORCE_INLINE void NAME(lanes_at)(const int average, const int wide, int more,
                                                 const convpool_pool_taps *n, const REAL *x,
                                                 REAL *to, VEC *seen)
{
    VEC value[4], line[4];
    int64_t r, c;
    int k;
    CONVPOOL_UNROLL
    for (k = 0; k < wide; ++k) {
        value[k] = more ? VLOAD(to + k * LANES) : VZERO();
    }
    for (r = 0; r < n->lines; ++r) {
        const REAL *from = x + r * n->line_step;
        CONVPOOL_UNROLL
        for (k = 0; k < wide; ++k) {
            line[k] = VLOAD(from + k * LANES);
            seen[k] = average ? seen[k] : VADD(seen[k], line[k]);
        }
        for (c = 1; c < n->taps; ++c) {
            from += n->tap_step;
            CONVPOOL_UNROLL
            for (k = 0; k < wide; ++k) {
                const VEC cells = VLOAD(from + k * LANES);
                line[k] = NAME(pool_both)(average, line[k], cells);
                seen[k] = average ? seen[k] : VADD(seen[k], cells);
            }
        }
        CONVPOOL_UNROLL
        for (k = 0; k < wide; ++k) {
            value[k] = r > 0 || more ? NAME(pool_both)(average, value[k], line[k]) : line[k];
        }
    }
    CONVPOOL_UNROLL
    for (k = 0; k < wide; ++k) {
        VSTORE(to + k * LANES, value[k]);
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(lanes_one)(const int average, int more,
                                                  const convpool_pool_taps *n, const REAL *x,
                                                  REAL *to, REAL *seen)
{
    REAL value = *to;
    int64_t r, c;
    for (r = 0; r < n->lines; ++r) {
        const REAL *from = x + r * n->line_step;
        REAL line = *from;
        *seen += line;
        for (c = 1; c < n->taps; ++c) {
            const REAL cell = from[c * n->tap_step];
            line = average ? line + cell : cell > line ? cell : line;
            *seen += cell;
        }
        value = r == 0 && !more ? line
                : average       ? value + line
                                : line > value ? line : value;
    }
    *to = value;
}

TARGET CONVPOOL_FORCE_INLINE void NAME(lanes_outputs)(const int average, int more,
                                                      const convpool_pool_taps *n, const REAL *x,
                                                      REAL *to, REAL *seen)
{
    const int64_t count = n->channels;
    VEC any[4];
    REAL rest = 0;
    int64_t o, i;
    any[0] = VLOAD(seen);
    any[1] = any[2] = any[3] = VZERO();
    for (o = 0; o < n->outputs; ++o, x += n->x_step, to += n->out_step) {
        for (i = 0; i + 4 * LANES <= count; i += 4 * LANES) {
            NAME(lanes_at)(average, 4, more, n, x + i, to + i, any);
        }
        for (; i + LANES <= count; i += LANES) {
            NAME(lanes_at)(average, 1, more, n, x + i, to + i, any);
        }
        if (i < count && !more && count > LANES) {
            i = count - LANES;
            NAME(lanes_at)(average, 1, 0, n, x + i, to + i, any);
        } else {
            for (; i < count; ++i) {
                NAME(lanes_one)(average, more, n, x + i, to + i, &rest);
            }
        }
    }
    VSTORE(seen, VADD(VADD(any[0], any[1]), VADD(any[2], any[3])));
    seen[0] += rest;
}

/* Reduces the taps of n->outputs windows, with what `to` holds if there is `more` of them. */
TARGET CONVPOOL_NOINLINE void NAME(pool_lanes)(int average, int more, const convpool_pool_taps *n,
                                               const REAL *x, REAL *to, REAL *seen)
{
    if (average) {
        NAME(lanes_outputs)(1, more, n, x, to, seen);
    } else {
        NAME(lanes_outputs)(0, more, n, x, to, seen);
    }
}

#undef NAME
