/* stencil.inc.h - sums over the taps of one channel, straight from a staged patch:
 *
 *     out[q] = sum over taps t of weight[t] * patch[offset[t] + q]
 *
 * which is what remains of a convolution where each output sees one input channel: there is
 * nothing to multiply a packed panel by twice. The staged patch (stage.inc.h) makes every tap,
 * whatever the stride and dilation, a constant offset.
 *
 * Included once for each instruction set and real type, after gemm_tile.inc.h, whose vocabulary it
 * shares. Sums run in the order of taps, as chains of (fused) multiply-adds from 0: the bits are
 * those of gemm_tile.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* `vectors` is a literal at each call. `weight` steps by 1 from tap to tap where all lanes share
 * it, otherwise by `pitch`, with one for each lane. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_body)(const int vectors, const int shared,
                                                     const REAL *CONVPOOL_RESTRICT patch,
                                                     const int64_t *CONVPOOL_RESTRICT offset,
                                                     const REAL *CONVPOOL_RESTRICT weight,
                                                     int64_t pitch, int64_t taps,
                                                     REAL *CONVPOOL_RESTRICT out)
{
    VEC sum[8];
    int64_t t;
    int v;
    for (v = 0; v < vectors; ++v) {
        sum[v] = VZERO();
    }
    for (t = 0; t < taps; ++t) {
        const REAL *from = patch + offset[t];
        const VEC all = shared ? VSET1(weight[t]) : VZERO();
        for (v = 0; v < vectors; ++v) {
            const VEC w = shared ? all : VLOAD(weight + t * pitch + v * LANES);
            sum[v] = VFMA(w, VLOAD(from + v * LANES), sum[v]);
        }
    }
    for (v = 0; v < vectors; ++v) {
        VSTORE(out + v * LANES, sum[v]);
    }
}

/* `count` neighbours with shared weights.
 * Precondition: patch and out may be touched for CONVPOOL_SLACK elements more. */
TARGET CONVPOOL_INLINE void NAME(stencil)(const void *patch, const int64_t *offset,
                                          const void *weight, int64_t taps, int64_t count,
                                          void *out)
{
    const REAL *from = (const REAL *)patch, *w = (const REAL *)weight;
    REAL *to = (REAL *)out;
    int64_t q = 0;
    for (; count - q > 4 * LANES; q += 8 * LANES) {
        NAME(stencil_body)(8, 1, from + q, offset, w, 0, taps, to + q);
    }
    for (; count - q > 0; q += 4 * LANES) {
        NAME(stencil_body)(4, 1, from + q, offset, w, 0, taps, to + q);
    }
}

/* `count` pixels of `lanes` channels each, every channel with weights of its own:
 * weight[t * pitch + lane]. Pixels lie `step` elements apart in patch and out.
 * Precondition: rows of weights, patch and out may be touched for CONVPOOL_SLACK elements more;
 * what is written beyond the lanes of a pixel is overwritten by the next. */
TARGET CONVPOOL_INLINE void NAME(stencil_lanes)(const void *patch, const int64_t *offset,
                                                const void *weight, int64_t pitch, int64_t taps,
                                                int64_t lanes, int64_t step, int64_t count,
                                                void *out)
{
    const REAL *from = (const REAL *)patch, *w = (const REAL *)weight;
    REAL *to = (REAL *)out;
    int64_t q, lane;
    for (q = 0; q < count; ++q, from += step, to += step) {
        for (lane = 0; lanes - lane > 4 * LANES; lane += 8 * LANES) {
            NAME(stencil_body)(8, 0, from + lane, offset, w + lane, pitch, taps, to + lane);
        }
        for (; lanes - lane > 0; lane += 4 * LANES) {
            NAME(stencil_body)(4, 0, from + lane, offset, w + lane, pitch, taps, to + lane);
        }
    }
}

#undef NAME
