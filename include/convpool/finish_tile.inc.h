/* finish_tile.inc.h - what store_tile would make of a tile, from registers:
 *
 *     out = sum + bias + residual, within bounds.
 *
 * Included once for each instruction set and real type, by vectors.inc.h, with its words.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* Vectors stand at[v] from the first column on. `pixel_rows` says that columns are channels, of
 * which each has a bias, and not rows. A residual may be `out` itself: each row's is read before
 * any of the row is written. */
TARGET CONVPOOL_FORCE_INLINE void NAME(finish_tile)(const int pixel_rows, const int rows,
                                                    const int vectors, const int64_t *at,
                                                    VEC (*sum)[VECTORS],
                                                    const convpool_finish *finish)
{
    const int64_t bias_step = finish->bias != NULL && !pixel_rows, out_line = finish->out_line;
    const int64_t residual_line = finish->residual != NULL ? finish->residual_line : 0;
    const VEC low = VSET1((REAL)finish->low), high = VSET1((REAL)finish->high);
    REAL nothing[VECTORS * LANES]; /* of -0, which added leave every number as it is */
    const REAL *bias = finish->bias != NULL ? (const REAL *)finish->bias : nothing;
    const REAL *residual = finish->residual != NULL ? (const REAL *)finish->residual : nothing;
    REAL *out = (REAL *)finish->out;
    int r, v;
    CONVPOOL_UNROLL
    for (v = 0; v < VECTORS; ++v) {
        VSTORE(nothing + v * LANES, VSET1((REAL)-0.0));
    }
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r, bias += bias_step, residual += residual_line, out += out_line) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            const VEC biased = VADD(sum[r][v], pixel_rows ? VLOAD(bias + at[v]) : VSET1(*bias));
            sum[r][v] = VMAX(low, VADD(biased, VLOAD(residual + at[v])));
        }
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            VSTORE(out + at[v], VMIN(high, sum[r][v]));
        }
    }
}

#undef NAME
