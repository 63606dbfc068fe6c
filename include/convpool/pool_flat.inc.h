/* pool_flat.inc.h - windows that slide by one column over rows as wide as their own.
 *
 * Then a row of outputs ends where its cells do, and a whole block is one run of cells, whatever
 * its rows and planes: vectors pass over their ends. Each tap has a mask, as wide as a row and a
 * vector, of infinities: minus where the window meets the border instead.
 *
 *     out[i] = max over taps t of min(cells[i + t * dilation - before], mask[t][column of i])
 *
 * Included once for each instruction set and real type, by vectors.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Tap `middle` never meets the border. */
TARGET CONVPOOL_FORCE_INLINE VEC NAME(flat_at)(int64_t taps, int64_t middle, const REAL *cells,
                                               int64_t gap, const REAL *mask, int64_t pitch)
{
    VEC value = VMIN(VLOAD(cells), VLOAD(mask));
    int64_t t;
    for (t = 1; t < taps; ++t) {
        const VEC cell = VLOAD(cells + t * gap);
        value = VMAX(t == middle ? cell : VMIN(cell, VLOAD(mask + t * pitch)), value);
    }
    return value;
}

TARGET CONVPOOL_FORCE_INLINE void NAME(flat_run)(int64_t taps, int64_t middle,
                                                 const convpool_axis *axis,
                                                 const REAL *cells, int64_t count,
                                                 const REAL *mask, REAL *out)
{
    const int64_t size = axis->size, step = (LANES) % size, pitch = size + LANES;
    const int64_t gap = axis->dilation;
    int64_t i, column = 0;
    for (i = 0; i + LANES <= count; i += LANES) {
        VSTORE(out + i, NAME(flat_at)(taps, middle, cells + i, gap, mask + column, pitch));
        column += step;
        column -= column >= size ? size : 0;
    }
    if (i < count && count >= LANES) {
        i = count - LANES;
        VSTORE(out + i, NAME(flat_at)(taps, middle, cells + i, gap, mask + i % size, pitch));
    } else if (i < count) {
        NAME(store_part)(out, NAME(flat_at)(taps, middle, cells, gap, mask, pitch), count);
    }
}

/* Result: whether pool_flat takes maxima along such an axis. */
TARGET CONVPOOL_INLINE int NAME(pool_is_flat)(const convpool_axis *axis)
{
    const int64_t reach = (axis->kernel - 1) * axis->dilation;
    return axis->stride == 1 && axis->out == axis->size && reach <= CONVPOOL_POOL_REACH &&
           axis->before <= reach && axis->kernel <= CONVPOOL_POOL_CELLS / (axis->size + LANES);
}

/* Maxima of neighbours along an axis that is flat, for `count` outputs that follow each other.
 * Preconditions: cells[-before] and a vector more than CONVPOOL_POOL_REACH from the last cell on
 * may be read; no cell is NaN. */
TARGET CONVPOOL_NOINLINE void NAME(pool_flat)(const convpool_axis *axis, const REAL *cells,
                                              int64_t count, REAL *out)
{
    const int64_t size = axis->size;
    REAL mask[CONVPOOL_POOL_CELLS], *next = mask;
    int64_t t, c;
    for (t = 0; t < axis->kernel; ++t) {
        const int64_t off = t * axis->dilation - axis->before;
        for (c = 0; c < size; ++c) {
            *next++ = c + off < 0 || c + off >= size ? -(REAL)INFINITY : (REAL)INFINITY;
        }
        for (c = 0; c < LANES; ++c, ++next) {
            *next = next[-size];
        }
    }
    cells -= axis->before;
    if (axis->kernel == 3 && axis->before == axis->dilation) {
        NAME(flat_run)(3, 1, axis, cells, count, mask, out);
    } else {
        NAME(flat_run)(axis->kernel, -1, axis, cells, count, mask, out);
    }
}

#undef NAME
