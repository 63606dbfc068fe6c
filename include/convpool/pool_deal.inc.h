/* pool_deal.inc.h - a plane of cells reduced to one number.
 *
 * Cells are dealt to CONVPOOL_POOL_DEAL chains in turn, in registers, from 0 or minus infinity on.
 * Chains of many planes are then folded together, four neighbours and four again and two, so that
 * these steps run over vectors of planes. The order is the same for vectors of any length.
 *
 * VMAX forgets a NaN on one side, so with it all cells are summed as well: where those sums are
 * numbers, no cell was NaN. (Infinities of both signs only raise the doubt.)
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define PARTS (CONVPOOL_POOL_DEAL / LANES)

/* The sum, or the larger one and of equals `so_far`. */
TARGET CONVPOOL_FORCE_INLINE VEC NAME(pool_both)(const int average, const VEC so_far, const VEC x)
{
    return average ? VADD(so_far, x) : VMAX(x, so_far);
}

/* One vector of cells to a chain's, and to what tells a NaN unless it averages. */
TARGET CONVPOOL_FORCE_INLINE void NAME(deal_cells)(const int average, const REAL *x, VEC *value,
                                                   VEC *any)
{
    const VEC cells = VLOAD(x);
    *value = NAME(pool_both)(average, *value, cells);
    *any = average ? *any : VADD(*any, cells);
}

TARGET CONVPOOL_FORCE_INLINE VEC NAME(deal_plane)(const int average, int more, const REAL *x,
                                                  int64_t count, REAL *chain, VEC seen,
                                                  REAL *rest)
{
    enum { SEEN = PARTS < 4 ? PARTS : 4 };
    const VEC nothing = VSET1(average ? (REAL)0 : (REAL)-INFINITY);
    VEC value[PARTS], any[SEEN];
    int64_t i = 0;
    int k;
    CONVPOOL_UNROLL
    for (k = 0; k < SEEN; ++k) {
        any[k] = VZERO();
    }
    CONVPOOL_UNROLL
    for (k = 0; k < PARTS; ++k) {
        value[k] = more ? VLOAD(chain + k * LANES) : nothing;
    }
    for (; i + CONVPOOL_POOL_DEAL <= count; i += CONVPOOL_POOL_DEAL) {
        CONVPOOL_UNROLL
        for (k = 0; k < PARTS; ++k) {
            NAME(deal_cells)(average, x + i + k * LANES, &value[k], &any[k % SEEN]);
        }
    }
    CONVPOOL_UNROLL
    for (k = 0; k < PARTS; ++k) {
        if (i + LANES <= count) { /* which ends where it once does not hold */
            NAME(deal_cells)(average, x + i, &value[k], &any[k % SEEN]);
            i += LANES;
        }
        VSTORE(chain + k * LANES, value[k]);
    }
    for (chain += i % CONVPOOL_POOL_DEAL; i < count; ++i, ++chain) {
        *chain = average ? *chain + x[i] : x[i] > *chain ? x[i] : *chain;
        if (!average) {
            *rest += x[i];
        }
    }
    CONVPOOL_UNROLL
    for (k = 1; k < SEEN; ++k) {
        any[0] = VADD(any[0], any[k]);
    }
    /* The only step that waits for the plane before. */
    return average ? seen : VADD(seen, any[0]);
}

/* Deals `planes` planes of `count` cells, `step` apart, to `chain`: CONVPOOL_POOL_DEAL chains a
 * plane, which go on if there were `more` cells before, a whole number of deals. Adds to `seen` (as
 * long as a vector) what turns NaN if a cell is, unless it averages. */
TARGET CONVPOOL_NOINLINE void NAME(pool_deal)(int average, int more, const REAL *x, int64_t planes,
                                              int64_t step, int64_t count, REAL *chain, REAL *seen)
{
    VEC any = VLOAD(seen);
    REAL rest = 0;
    int64_t plane;
    if (average) {
        for (plane = 0; plane < planes; ++plane) {
            any = NAME(deal_plane)(1, more, x + plane * step, count,
                                   chain + plane * CONVPOOL_POOL_DEAL, any, &rest);
        }
    } else {
        for (plane = 0; plane < planes; ++plane) {
            any = NAME(deal_plane)(0, more, x + plane * step, count,
                                   chain + plane * CONVPOOL_POOL_DEAL, any, &rest);
        }
    }
    VSTORE(seen, any);
    seen[0] += rest;
}

TARGET CONVPOOL_FORCE_INLINE void NAME(fold_chains)(const int average, int64_t planes, REAL *chain)
{
    const int64_t quarter = planes * CONVPOOL_POOL_DEAL / 4;
    int64_t i;
    for (i = 0; i < quarter; i += LANES) {
        VEC v[4];
        VLOAD4(chain + 4 * i, v);
        VSTORE(chain + i, NAME(pool_both)(average, NAME(pool_both)(average, v[0], v[1]),
                                          NAME(pool_both)(average, v[2], v[3])));
    }
    for (i = 0; i < quarter / 4; i += LANES) {
        VEC v[4];
        VLOAD4(chain + 4 * i, v);
        VSTORE(chain + i, NAME(pool_both)(average, NAME(pool_both)(average, v[0], v[1]),
                                          NAME(pool_both)(average, v[2], v[3])));
    }
    for (i = 0; i < planes; i += LANES) {
        VEC v[2];
        VLOAD2(chain + 2 * i, v);
        VSTORE(chain + i, NAME(pool_both)(average, v[0], v[1]));
    }
}

/* Chains of `planes` planes -> one number each, in their place. Precondition: four vectors more
 * may be read. */
TARGET CONVPOOL_NOINLINE void NAME(pool_gather)(int average, int64_t planes, REAL *chain)
{
    if (average) {
        NAME(fold_chains)(1, planes, chain);
    } else {
        NAME(fold_chains)(0, planes, chain);
    }
}

/* Result: whether what was added to `seen` says that there may have been a NaN. */
TARGET CONVPOOL_INLINE int NAME(pool_doubt)(const REAL *seen)
{
    int doubt = 0, l;
    for (l = 0; l < LANES; ++l) {
        doubt |= seen[l] != seen[l];
    }
    return doubt;
}

#undef PARTS
#undef NAME
