/* pool_fold.inc.h - the steps that pooling is made of: elements of runs combined with those some
 * way off, up to four at once; and which cells of the input a window meets.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* The larger one; a NaN is kept once met, since no comparison with it is true. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(combine)(const int average, REAL so_far, REAL x)
{
    const REAL larger = x > so_far ? x : so_far;
    return average ? so_far + x : x != x ? x : larger;
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(element)(const int stored, const void *from, int64_t i)
{
    return stored ? LOAD(((const STORAGE *)from)[i]) : ((const REAL *)from)[i];
}

/* Element i + offset[0] of `from` combined with element i + offset[1] and so on; all of them with
 * `so_far` where there is `more` of the window before them. `taps` is 1 to 4. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(fold_one)(const int average, const int stored,
                                                 const int more, const int taps, REAL so_far,
                                                 const void *from, int64_t i,
                                                 const int64_t *offset)
{
    const REAL first = NAME(element)(stored, from, i + offset[0]);
    REAL value = more ? NAME(combine)(average, so_far, first) : first;
    if (taps > 1) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[1]));
    }
    if (taps > 2) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[2]));
    }
    if (taps > 3) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[3]));
    }
    return value;
}

/* Where runs of neighbours lie: `count` elements each, which begin to_step and from_step apart. */
typedef struct NAME(runs) {
    int64_t runs, count, to_step, from_step;
} NAME(runs);

/* That for each neighbour of each run. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fold_taps)(const int average, const int stored,
                                                  const int more, const int taps,
                                                  const NAME(runs) *runs,
                                                  REAL *CONVPOOL_RESTRICT to, const void *from,
                                                  const int64_t *offset)
{
    const NAME(runs) n = *runs;
    int64_t at[] = {offset[0], offset[1], offset[2], offset[3]}, run, i;
    for (run = 0; run < n.runs; ++run) {
        for (i = 0; i < n.count; ++i) {
            to[i] = NAME(fold_one)(average, stored, more, taps, to[i], from, i, at);
        }
        to += n.to_step;
        for (i = 0; i < taps; ++i) {
            at[i] += n.from_step;
        }
    }
}

/* Folds the next of `left` taps, as many as there is a loop for. Result: how many. */
TARGET CONVPOOL_FORCE_INLINE int NAME(fold_next)(const int average, const int stored, int more,
                                                 int64_t left, const NAME(runs) *runs, REAL *to,
                                                 const void *from, const int64_t *offset)
{
    if (more && left >= 4) {
        NAME(fold_taps)(average, stored, 1, 4, runs, to, from, offset);
        return 4;
    }
    if (more) {
        NAME(fold_taps)(average, stored, 1, 1, runs, to, from, offset);
        return 1;
    }
    if (left >= 4) {
        NAME(fold_taps)(average, stored, 0, 4, runs, to, from, offset);
        return 4;
    }
    if (left == 3) {
        NAME(fold_taps)(average, stored, 0, 3, runs, to, from, offset);
        return 3;
    }
    if (left == 2) {
        NAME(fold_taps)(average, stored, 0, 2, runs, to, from, offset);
        return 2;
    }
    NAME(fold_taps)(average, stored, 0, 1, runs, to, from, offset);
    return 1;
}

TARGET CONVPOOL_NOINLINE int NAME(fold_x)(int average, int more, int64_t left,
                                          const NAME(runs) *runs, REAL *to, const STORAGE *from,
                                          const int64_t *offset)
{
    return average ? NAME(fold_next)(1, 1, more, left, runs, to, from, offset)
                   : NAME(fold_next)(0, 1, more, left, runs, to, from, offset);
}

TARGET CONVPOOL_NOINLINE int NAME(fold_reals)(int average, int more, int64_t left,
                                              const NAME(runs) *runs, REAL *to, const REAL *from,
                                              const int64_t *offset)
{
    return average ? NAME(fold_next)(1, 0, more, left, runs, to, from, offset)
                   : NAME(fold_next)(0, 0, more, left, runs, to, from, offset);
}

/* fold_x for neighbours `step` elements apart. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fold_apart)(int average, int more, REAL *to,
                                                  const STORAGE *from, int64_t step,
                                                  int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        const REAL x = LOAD(from[i * step]);
        to[i] = more ? NAME(combine)(average, to[i], x) : x;
    }
}

/* The input cells that a window meets along an axis, padding left out: `count` from `first` on,
 * `gap` apart. */
typedef struct NAME(inside) {
    int64_t first, count, gap;
} NAME(inside);

TARGET CONVPOOL_FORCE_INLINE NAME(inside) NAME(inside_of)(const convpool_pool *pool,
                                                          const convpool_axis *axis, int64_t o)
{
    NAME(inside) in;
    int64_t begin, end;
    if (pool->adaptive) {
        const int64_t whole = axis->size / axis->out, rest = axis->size % axis->out;
        in.first = o * whole + o * rest / axis->out;
        in.count = (o + 1) * whole + ((o + 1) * rest + axis->out - 1) / axis->out - in.first;
        in.gap = 1;
        return in;
    }
    convpool_taps_inside(axis, o, 1, &begin, &end);
    in.first = o * axis->stride - axis->before + begin * axis->dilation;
    in.count = end - begin;
    in.gap = axis->dilation;
    return in;
}

/* That of a row of windows: from begin to end by step, along depth and row. */
typedef struct NAME(window) {
    int64_t begin[2], end[2], step[2];
} NAME(window);

TARGET CONVPOOL_FORCE_INLINE NAME(window) NAME(window_at)(const convpool_pool *pool,
                                                          int64_t depth, int64_t row)
{
    const int64_t at[2] = {depth, row};
    NAME(window) window;
    int i;
    for (i = 0; i < 2; ++i) {
        const NAME(inside) in = NAME(inside_of)(pool, &pool->axis[i], at[i]);
        window.begin[i] = in.first;
        window.end[i] = in.first + (in.count - 1) * in.gap + 1;
        window.step[i] = in.gap;
    }
    return window;
}
TARGET CONVPOOL_FORCE_INLINE void NAME(fill)(REAL *to, REAL value, int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        to[i] = value;
    }
}

/* What a stretch of the bordered input's columns looks like: `cells` of them from `left` on, of
 * which [begin, end) are the input's own. */
typedef struct NAME(stretch) {
    int64_t left, cells, begin, end;
} NAME(stretch);

TARGET CONVPOOL_FORCE_INLINE NAME(stretch) NAME(stretch_at)(int64_t left, int64_t cells,
                                                            int64_t size)
{
    NAME(stretch) s;
    s.left = left;
    s.cells = cells;
    s.begin = left < 0 ? (-left < cells ? -left : cells) : 0;
    s.end = size - left < cells ? size - left : cells;
    s.end = s.end > s.begin ? s.end : s.begin;
    return s;
}

#undef NAME
