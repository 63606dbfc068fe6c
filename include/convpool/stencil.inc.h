/* stencil.inc.h - sums over the taps of one channel, straight from a staged patch:
 *
 *     out[q] = bounded(sum over taps t of weight[t] * patch[offset[t] + q] + bias)
 *
 * which is what remains of a convolution where each output sees one input channel: there is
 * nothing to multiply a packed panel by twice. The staged patch (stage.inc.h) makes every tap,
 * whatever the stride and dilation, a constant offset.
 *
 * Work goes in blocks of outputs whose sums stay in registers:
 *
 *     stencil         HIGH rows x VECTORS vectors of columns; a weight is broadcast for all of them
 *     stencil_lanes   WIDE pixels x one vector of channels; a vector of weights is loaded for all
 *
 * The last block of a row or column reaches back over the one before rather than end in a tail:
 * what both write is the same. Square kernels of common sizes have bodies in which all taps are
 * literals: there each input row is loaded once for all the output rows it is part of.
 *
 * Included once for each instruction set and real type, after gemm_tile.inc.h, whose vocabulary it
 * shares, with VADD(a, b), VMAX(a, b) = a > b ? a : b and VMIN(a, b) = a < b ? a : b beside. Sums
 * run in the order of taps, as chains of (fused) multiply-adds from 0: the bits are those of
 * gemm_tile.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)
#define HIGH 4
#define WIDE (HIGH * VECTORS)

/* The first `count` elements of a vector. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_part)(REAL *to, const VEC value, int64_t count)
{
    enum { HALF = (LANES) / 2 };
    REAL part[LANES];
    int64_t j;
    VSTORE(part, value);
    if (HALF > 1 && count >= HALF) { /* two moves that may overlap */
        memcpy(to, part, HALF * sizeof(REAL));
        memcpy(to + count - HALF, part + count - HALF, HALF * sizeof(REAL));
    } else {
        for (j = 0; j < count; ++j) {
            to[j] = part[j];
        }
    }
}

/* Any kernel: `rows` steps of `step` elements by `vectors` neighbouring vectors, both literals at
 * each call. Where `lanes`, a literal too, a tap has weights side by side, one for each lane, and
 * taps are `pitch` apart; otherwise it has one. */
TARGET CONVPOOL_FORCE_INLINE void NAME(sum_any)(const int rows, const int vectors, const int lanes,
                                                const REAL *patch, int64_t step,
                                                const convpool_stencil *stencil,
                                                const REAL *weight, int64_t pitch, VEC *sum)
{
    const int64_t taps = stencil->taps, *offset = stencil->offset;
    int64_t t;
    int r, v;
    CONVPOOL_UNROLL
    for (r = 0; r < rows * vectors; ++r) {
        sum[r] = VZERO();
    }
    for (t = 0; t < taps; ++t) {
        const REAL *from = patch + offset[t];
        const VEC w = lanes ? VLOAD(weight + t * pitch) : VSET1(weight[t]);
        CONVPOOL_UNROLL
        for (r = 0; r < rows; ++r) {
            CONVPOOL_UNROLL
            for (v = 0; v < vectors; ++v) {
                sum[r * vectors + v] =
                    VFMA(w, VLOAD(from + r * step + v * LANES), sum[r * vectors + v]);
            }
        }
    }
}

/* A square kernel of `size` by `size` taps, stride `stride` both ways: HIGH rows by `vectors`
 * vectors, all literals. Row i of the bordered input is kernel row i - r * stride of output row
 * r. */
TARGET CONVPOOL_FORCE_INLINE void NAME(sum_square)(const int size, const int stride,
                                                   const int vectors, const REAL *patch,
                                                   const convpool_stencil *stencil,
                                                   const REAL *weight, VEC *sum)
{
    const int64_t step = stencil->row_step, phase = stencil->phase_step;
    int i, c, r, v;
    CONVPOOL_UNROLL
    for (r = 0; r < HIGH * vectors; ++r) {
        sum[r] = VZERO();
    }
    CONVPOOL_UNROLL
    for (i = 0; i < (HIGH - 1) * stride + size; ++i) {
        const REAL *row = patch + i % stride * stride * phase + i / stride * step;
        CONVPOOL_UNROLL
        for (c = 0; c < size; ++c) {
            const REAL *from = row + c % stride * phase + c / stride;
            VEC x[VECTORS];
            CONVPOOL_UNROLL
            for (v = 0; v < vectors; ++v) {
                x[v] = VLOAD(from + v * LANES);
            }
            CONVPOOL_UNROLL
            for (r = 0; r < HIGH; ++r) {
                const int k = i - r * stride;
                if (k >= 0 && k < size) {
                    const VEC w = VSET1(weight[k * size + c]);
                    CONVPOOL_UNROLL
                    for (v = 0; v < vectors; ++v) {
                        sum[r * vectors + v] = VFMA(w, x[v], sum[r * vectors + v]);
                    }
                }
            }
        }
    }
}

/* Sums -> out, `rows` steps of `pitch` elements by `vectors` vectors; `count`: elements of a vector
 * that are outputs, for one vector alone. */
TARGET CONVPOOL_FORCE_INLINE void NAME(finish)(const int rows, const int vectors,
                                               const convpool_stencil *stencil, const VEC *sum,
                                               const VEC bias, int64_t count, REAL *out,
                                               int64_t pitch)
{
    const VEC low = VSET1((REAL)stencil->low), high = VSET1((REAL)stencil->high);
    int r, v;
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            const VEC biased = VADD(sum[r * vectors + v], bias);
            const VEC raised = VMAX(low, biased), value = VMIN(high, raised);
            if (vectors == 1 && count < LANES) {
                NAME(store_part)(out + r * pitch, value, count);
            } else {
                VSTORE(out + r * pitch + v * LANES, value);
            }
        }
    }
}

/* One block of HIGH rows. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_block)(const int size, const int stride,
                                                      const int vectors, const REAL *patch,
                                                      const convpool_stencil *stencil,
                                                      const REAL *weight, const VEC bias,
                                                      int64_t count, REAL *out, int64_t pitch)
{
    VEC sum[HIGH * VECTORS];
    if (size > 0) {
        NAME(sum_square)(size, stride, vectors, patch, stencil, weight, sum);
    } else {
        NAME(sum_any)(HIGH, vectors, 0, patch, stencil->row_step, stencil, weight, 0, sum);
    }
    NAME(finish)(HIGH, vectors, stencil, sum, bias, count, out, pitch);
}

/* All blocks of HIGH rows or more. `size` and `stride` are literals, size 0 for any kernel. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_rows)(const int size, const int stride,
                                                     const REAL *patch,
                                                     const convpool_stencil *stencil,
                                                     const REAL *weight, const VEC bias,
                                                     int64_t rows, int64_t columns, REAL *out,
                                                     int64_t pitch)
{
    int64_t r, c, at;
    for (r = 0; r < rows; r += HIGH) {
        const int64_t row = r + HIGH <= rows ? r : rows - HIGH;
        const REAL *from = patch + row * stencil->row_step;
        REAL *to = out + row * pitch;
        for (c = 0; columns - c > LANES && columns >= VECTORS * LANES; c += VECTORS * LANES) {
            at = c + VECTORS * LANES <= columns ? c : columns - VECTORS * LANES;
            NAME(stencil_block)(size, stride, VECTORS, from + at, stencil, weight, bias, LANES,
                                to + at, pitch);
        }
        for (; c < columns; c += LANES) {
            at = c + LANES <= columns || columns < LANES ? c : columns - LANES;
            NAME(stencil_block)(size, stride, 1, from + at, stencil, weight, bias, columns - at,
                                to + at, pitch);
        }
    }
}

/* One row, for blocks too low for HIGH. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_line)(const REAL *patch,
                                                     const convpool_stencil *stencil,
                                                     const REAL *weight, const VEC bias,
                                                     int64_t columns, REAL *out)
{
    VEC sum[WIDE];
    int64_t c, at;
    for (c = 0; columns - c > 2 * LANES && columns >= WIDE * LANES; c += WIDE * LANES) {
        at = c + WIDE * LANES <= columns ? c : columns - WIDE * LANES;
        NAME(sum_any)(1, WIDE, 0, patch + at, 0, stencil, weight, 0, sum);
        NAME(finish)(1, WIDE, stencil, sum, bias, LANES, out + at, 0);
    }
    for (; c < columns; c += LANES) {
        at = c + LANES <= columns || columns < LANES ? c : columns - LANES;
        NAME(sum_any)(1, 1, 0, patch + at, 0, stencil, weight, 0, sum);
        NAME(finish)(1, 1, stencil, sum, bias, columns - at, out + at, 0);
    }
}

/* `rows` by `columns` outputs of one channel: neighbours in the patch are neighbours in the output,
 * whose rows are `pitch` apart. weight[t] are the taps; bias, of one element, may be NULL.
 * Precondition: the patch may be read for CONVPOOL_SLACK elements more. */
TARGET CONVPOOL_INLINE void NAME(stencil)(const convpool_stencil *stencil, const void *patch,
                                          const void *weight, const void *bias, int64_t rows,
                                          int64_t columns, void *out, int64_t pitch)
{
    /* The sum of anything, 0 of either sign too, and -0 is the thing itself. */
    const VEC all = bias == NULL ? VSET1((REAL)-0.0) : VSET1(*(const REAL *)bias);
    const REAL *from = (const REAL *)patch, *w = (const REAL *)weight;
    REAL *to = (REAL *)out;
    int64_t r;
    if (rows < HIGH) {
        for (r = 0; r < rows; ++r) {
            NAME(stencil_line)(from + r * stencil->row_step, stencil, w, all, columns,
                               to + r * pitch);
        }
        return;
    }
#define SQUARE_CASE(size, stride) \
    case (size) * 4 + (stride): \
        NAME(stencil_rows)(size, stride, from, stencil, w, all, rows, columns, to, pitch); \
        break;
    switch (stencil->square < 16 && stencil->stride < 4 ? stencil->square * 4 + stencil->stride
                                                        : 0) {
        SQUARE_CASE(3, 1) SQUARE_CASE(3, 2) SQUARE_CASE(5, 1) SQUARE_CASE(5, 2) SQUARE_CASE(7, 1)
    default:
        NAME(stencil_rows)(0, 0, from, stencil, w, all, rows, columns, to, pitch);
    }
#undef SQUARE_CASE
}

/* `pixels` (a literal) pixels, all lanes. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_pixels)(const int pixels, const REAL *patch,
                                                       int64_t step,
                                                       const convpool_stencil *stencil,
                                                       const REAL *weight, int64_t weight_pitch,
                                                       const REAL *bias, int64_t lanes, REAL *out,
                                                       int64_t pitch)
{
    VEC sum[WIDE];
    int64_t lane, at;
    for (lane = 0; lane < lanes; lane += LANES) {
        at = lane + LANES <= lanes || lanes < LANES ? lane : lanes - LANES;
        NAME(sum_any)(pixels, 1, 1, patch + at, step, stencil, weight + at, weight_pitch, sum);
        NAME(finish)(pixels, 1, stencil, sum, bias == NULL ? VSET1((REAL)-0.0) : VLOAD(bias + at),
                     lanes - at, out + at, pitch);
    }
}

/* A block of pixels of block->lanes channels each, `step` elements apart in the patch:
 * weight[t * weight_pitch + lane] are the taps, bias[lane], which may be NULL, is added.
 * Precondition: the patch, and weight and bias of each lane, may be read for CONVPOOL_SLACK
 * elements and a vector more. */
TARGET CONVPOOL_INLINE void NAME(stencil_lanes)(const convpool_stencil *stencil, const void *patch,
                                                const void *weight, int64_t weight_pitch,
                                                const void *bias, const convpool_block *block,
                                                int64_t step, void *out, int64_t row_pitch,
                                                int64_t column_pitch)
{
    const int64_t columns = block->columns, lanes = block->lanes;
    const REAL *w = (const REAL *)weight, *b = (const REAL *)bias;
    int64_t r, c, at;
    for (r = 0; r < block->rows; ++r) {
        const REAL *from = (const REAL *)patch + r * stencil->row_step;
        REAL *to = (REAL *)out + r * row_pitch;
        for (c = 0; columns - c > HIGH && columns >= WIDE; c += WIDE) {
            at = c + WIDE <= columns ? c : columns - WIDE;
            NAME(stencil_pixels)(WIDE, from + at * step, step, stencil, w, weight_pitch, b, lanes,
                                 to + at * column_pitch, column_pitch);
        }
        for (; columns - c > 0 && columns >= HIGH; c += HIGH) {
            at = c + HIGH <= columns ? c : columns - HIGH;
            NAME(stencil_pixels)(HIGH, from + at * step, step, stencil, w, weight_pitch, b, lanes,
                                 to + at * column_pitch, column_pitch);
        }
        for (; c < columns; ++c) {
            NAME(stencil_pixels)(1, from + c * step, step, stencil, w, weight_pitch, b, lanes,
                                 to + c * column_pitch, column_pitch);
        }
    }
}

#undef WIDE
#undef HIGH
#undef NAME
