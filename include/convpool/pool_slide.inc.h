/* pool_slide.inc.h - windows that slide along rows of columns next to each other.
 *
 *     pool_down      rows under each row of windows -> one row of cells, with its border
 *     pool_across    neighbours in such a row       -> outputs
 *
 * The last vector of a row reaches back over the one before rather than end in a tail: what both
 * write is the same. Rows shorter than a vector are written beyond their end, where the next one
 * comes to stand. NaN is found by sums, as in pool_deal.inc.h.
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* `taps` cells over each other, the first `fresh` of which are added to *seen. */
TARGET CONVPOOL_FORCE_INLINE VEC NAME(down_at)(const int average, int64_t taps, int64_t fresh,
                                               const REAL *x, int64_t gap, VEC *seen)
{
    VEC value = VLOAD(x);
    int64_t t;
    *seen = average || fresh == 0 ? *seen : VADD(*seen, value);
    for (t = 1; t < taps; ++t) {
        const VEC cells = VLOAD(x + t * gap);
        value = NAME(pool_both)(average, value, cells);
        *seen = average || t >= fresh ? *seen : VADD(*seen, cells);
    }
    return value;
}

TARGET CONVPOOL_FORCE_INLINE VEC NAME(down_row)(const int average, int64_t taps, int64_t fresh,
                                                const REAL *x, int64_t gap, int64_t count,
                                                REAL *to, VEC seen)
{
    VEC more = VZERO();
    int64_t c = 0;
    for (; c + 2 * LANES <= count; c += 2 * LANES) {
        VSTORE(to + c, NAME(down_at)(average, taps, fresh, x + c, gap, &seen));
        VSTORE(to + c + LANES, NAME(down_at)(average, taps, fresh, x + c + LANES, gap, &more));
    }
    if (c + LANES <= count) {
        VSTORE(to + c, NAME(down_at)(average, taps, fresh, x + c, gap, &seen));
        c += LANES;
    }
    if (c < count) {
        c = count > LANES ? count - LANES : 0;
        VSTORE(to + c, NAME(down_at)(average, taps, fresh, x + c, gap, &seen));
    }
    return VADD(seen, more);
}

/* The same one by one, where a vector would be longer than the input. */
TARGET CONVPOOL_FORCE_INLINE void NAME(down_cells)(const int average, int64_t taps, const REAL *x,
                                                   int64_t gap, int64_t count, REAL *to,
                                                   REAL *seen)
{
    int64_t c, t;
    for (c = 0; c < count; ++c) {
        REAL value = x[c];
        *seen += value;
        for (t = 1; t < taps; ++t) {
            const REAL cell = x[c + t * gap];
            value = average ? value + cell : cell > value ? cell : value;
            *seen += cell;
        }
        to[c] = value;
    }
}

TARGET CONVPOOL_FORCE_INLINE REAL *NAME(pad_row)(const VEC nothing, REAL *to, int64_t count)
{
    int64_t c;
    for (c = 0; c < count; c += LANES) {
        VSTORE(to + c, nothing);
    }
    return to + count;
}

TARGET CONVPOOL_FORCE_INLINE void NAME(down_rows)(const int average, const convpool_pool_rows *n,
                                                  const REAL *x, REAL *to, REAL *seen)
{
    const VEC nothing = VSET1(average ? (REAL)0 : (REAL)-INFINITY);
    VEC any = VLOAD(seen);
    REAL rest = 0;
    int64_t plane, r;
    for (plane = 0; plane < n->planes; ++plane) {
        for (r = 0; r < n->rows; ++r) {
            const int64_t at = plane * n->plane_step + n->first[r], taps = n->taps[r];
            const int64_t fresh = n->fresh[r], count = n->cells[r];
            const REAL *from = x + at;
            to = NAME(pad_row)(nothing, to, n->left);
            if (taps == 0) {
                NAME(pad_row)(nothing, to, count);
            } else if (count < LANES &&
                       at + (n->gap > 0 ? (taps - 1) * n->gap : 0) + LANES > n->limit) {
                NAME(down_cells)(average, taps, from, n->gap, count, to, &rest);
            } else if (taps == 3 && fresh == 1) {
                any = NAME(down_row)(average, 3, 1, from, n->gap, count, to, any);
            } else if (taps == 3 && fresh == 2) {
                any = NAME(down_row)(average, 3, 2, from, n->gap, count, to, any);
            } else if (taps == 2 && fresh == 2) {
                any = NAME(down_row)(average, 2, 2, from, n->gap, count, to, any);
            } else {
                any = NAME(down_row)(average, taps, average ? taps : fresh, from, n->gap, count,
                                     to, any);
            }
            to = NAME(pad_row)(nothing, to + count, n->right);
        }
    }
    VSTORE(seen, any);
    seen[0] += rest;
}

/* Reduces the rows under each row of windows into `to`. Precondition: a vector more may be written
 * there; n->limit says up to where x may be read. */
TARGET CONVPOOL_NOINLINE void NAME(pool_down)(int average, const convpool_pool_rows *n,
                                              const REAL *x, REAL *to, REAL *seen)
{
    if (average) {
        NAME(down_rows)(1, n, x, to, seen);
    } else {
        NAME(down_rows)(0, n, x, to, seen);
    }
}

TARGET CONVPOOL_FORCE_INLINE VEC NAME(across_at)(const int average, const int stride,
                                                 const int known, int64_t taps, int64_t gap,
                                                 const REAL *from)
{
    VEC v[2], value;
    int64_t t = 1;
    taps = known ? known : taps;
    gap = known ? 1 : gap;
    if (stride == 1) {
        value = VLOAD(from);
        for (; t < taps; ++t) {
            value = NAME(pool_both)(average, value, VLOAD(from + t * gap));
        }
        return value;
    }
    VLOAD2(from, v);
    value = v[0];
    if (gap == 1 && taps > 1) {
        value = NAME(pool_both)(average, value, v[1]);
        t = 2;
    }
    while (t < taps) {
        VLOAD2(from + t * gap, v);
        value = NAME(pool_both)(average, value, v[0]);
        ++t;
        if (gap == 1 && t < taps) {
            value = NAME(pool_both)(average, value, v[1]);
            ++t;
        }
    }
    return value;
}

/* Stores `count` elements of a vector, an average's divided. (A division in plain C, of constant
 * length, becomes one of vectors.) */
TARGET CONVPOOL_FORCE_INLINE void NAME(across_store)(const int average, const VEC value,
                                                     const REAL *divisor, int64_t count,
                                                     REAL *CONVPOOL_RESTRICT out)
{
    REAL part[LANES];
    int64_t l;
    if (!average && count == LANES) {
        VSTORE(out, value);
    } else if (!average) {
        NAME(store_part)(out, value, count);
    } else if (count == LANES) {
        VSTORE(part, value);
        for (l = 0; l < LANES; ++l) {
            out[l] = part[l] / divisor[l];
        }
    } else {
        VSTORE(part, value);
        for (l = 0; l < count; ++l) {
            out[l] = part[l] / divisor[l];
        }
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(across_rows)(const int average, const int stride,
                                                    const int known, const convpool_pool_across *n,
                                                    const REAL *from, const REAL *divisor,
                                                    REAL *out)
{
    const int64_t last = n->columns > LANES ? n->columns - LANES : 0;
    /* Only where each row ends at the next one, in the order of writing, may it be overrun. */
    const int follow = n->row_step == n->columns &&
                       (n->planes == 1 || n->plane_step == n->rows * n->row_step);
    int64_t plane, r, c;
    for (plane = 0; plane < n->planes; ++plane) {
        for (r = 0; r < n->rows; ++r) {
            const REAL *cells = from + plane * n->from_step + r * n->pitch;
            const int64_t at = plane * n->plane_step + r * n->row_step;
            for (c = 0; c + LANES <= n->columns; c += LANES) {
                NAME(across_store)(average, NAME(across_at)(average, stride, known, n->taps,
                                                            n->gap, cells + stride * c),
                                   divisor + c, LANES, out + at + c);
            }
            if (c < n->columns) {
                const VEC value = NAME(across_at)(average, stride, known, n->taps, n->gap,
                                                  cells + stride * last);
                if (n->columns > LANES || (follow && at + LANES <= n->limit)) {
                    NAME(across_store)(average, value, divisor + last, LANES, out + at + last);
                } else {
                    NAME(across_store)(average, value, divisor, n->columns, out + at);
                }
            }
        }
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(across_by)(const int average, const int stride,
                                                  const convpool_pool_across *n, const REAL *from,
                                                  const REAL *divisor, REAL *out)
{
    if (n->taps == 3 && n->gap == 1) {
        NAME(across_rows)(average, stride, 3, n, from, divisor, out);
    } else if (n->taps == 2 && n->gap == 1) {
        NAME(across_rows)(average, stride, 2, n, from, divisor, out);
    } else {
        NAME(across_rows)(average, stride, 0, n, from, divisor, out);
    }
}

/* The same one by one, for strides that no vector is loaded with. */
TARGET CONVPOOL_FORCE_INLINE void NAME(across_cells)(const int average, int64_t stride,
                                                     const convpool_pool_across *n,
                                                     const REAL *from, const REAL *divisor,
                                                     REAL *out)
{
    int64_t plane, r, c, t;
    for (plane = 0; plane < n->planes; ++plane) {
        for (r = 0; r < n->rows; ++r) {
            const REAL *cells = from + plane * n->from_step + r * n->pitch;
            REAL *to = out + plane * n->plane_step + r * n->row_step;
            for (c = 0; c < n->columns; ++c, cells += stride) {
                REAL value = cells[0];
                for (t = 1; t < n->taps; ++t) {
                    const REAL x = cells[t * n->gap];
                    value = average ? value + x : x > value ? x : value;
                }
                to[c] = average ? value / divisor[c] : value;
            }
        }
    }
}

/* Reduces neighbours `stride` apart in rows that pool_down made. Precondition: two vectors
 * more may be read; n->limit says up to where rows of `out` may be overrun by what the next one
 * overwrites. Averages are divided by divisor[column], for maxima any pointer. */
TARGET CONVPOOL_NOINLINE void NAME(pool_across)(int average, int64_t stride,
                                                const convpool_pool_across *n, const REAL *from,
                                                const REAL *divisor, REAL *out)
{
    if (stride > 2 && average) {
        NAME(across_cells)(1, stride, n, from, divisor, out);
    } else if (stride > 2) {
        NAME(across_cells)(0, stride, n, from, divisor, out);
    } else if (average && stride == 1) {
        NAME(across_by)(1, 1, n, from, divisor, out);
    } else if (average) {
        NAME(across_by)(1, 2, n, from, divisor, out);
    } else if (stride == 1) {
        NAME(across_by)(0, 1, n, from, divisor, out);
    } else {
        NAME(across_by)(0, 2, n, from, divisor, out);
    }
}

#undef NAME
