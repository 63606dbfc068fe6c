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
 * what both write is the same. Square kernels of common sizes run along rows instead, where those
 * do not hold lanes (plane.inc.h).
 *
 * Included once for each instruction set and real type, by vectors.inc.h. Sums run in the order of
 * taps, as chains of (fused) multiply-adds from 0: the bits are those of gemm_tile.
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
 * each call. Where `lanes`, a literal too, a tap has a vector of weights, and taps are `pitch`
 * apart; otherwise it has one weight. */
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

/* Kernel rows of `size` taps: `pixels` pixels of a vector of lanes, `stride` columns apart, all
 * literals. Column i of the input, `column` elements from the next, is tap i - p * stride of pixel
 * p: it is loaded once for all of them. */
TARGET CONVPOOL_FORCE_INLINE void NAME(sum_pixels)(const int size, const int stride,
                                                   const int pixels, const REAL *patch,
                                                   int64_t column,
                                                   const convpool_stencil *stencil,
                                                   const REAL *weight, int64_t pitch, VEC *sum)
{
    const int64_t taps = stencil->taps, *offset = stencil->offset;
    int64_t t;
    int i, c, p;
    CONVPOOL_UNROLL
    for (p = 0; p < pixels; ++p) {
        sum[p] = VZERO();
    }
    for (t = 0; t < taps; t += size) {
        const REAL *from = patch + offset[t];
        VEC w[7];
        CONVPOOL_UNROLL
        for (c = 0; c < size; ++c) {
            w[c] = VLOAD(weight + (t + c) * pitch);
        }
        CONVPOOL_UNROLL
        for (i = 0; i < (pixels - 1) * stride + size; ++i, from += column) {
            const VEC x = VLOAD(from);
            CONVPOOL_UNROLL
            for (p = 0; p < pixels; ++p) {
                if (i >= p * stride && i < p * stride + size) {
                    sum[p] = VFMA(w[i - p * stride], x, sum[p]);
                }
            }
        }
    }
}

/* What is added to a sum, and the bounds of the result. */
typedef struct NAME(ending) {
    VEC bias, low, high;
} NAME(ending);

/* Sums -> out, `rows` steps of `pitch` elements by `vectors` vectors. Where `part`, a literal too,
 * only the first `count` elements of a single vector are outputs. */
TARGET CONVPOOL_FORCE_INLINE void NAME(finish)(const int rows, const int vectors, const int part,
                                               const VEC *sum, const NAME(ending) *ending,
                                               int64_t count, REAL *out, int64_t pitch)
{
    int r, v;
    CONVPOOL_UNROLL
    for (r = 0; r < rows; ++r) {
        CONVPOOL_UNROLL
        for (v = 0; v < vectors; ++v) {
            const VEC biased = VADD(sum[r * vectors + v], ending->bias);
            const VEC raised = VMAX(ending->low, biased), value = VMIN(ending->high, raised);
            if (part) {
                NAME(store_part)(out + r * pitch, value, count);
            } else {
                VSTORE(out + r * pitch + v * LANES, value);
            }
        }
    }
}

/* One block of HIGH rows. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_block)(const int vectors, const REAL *patch,
                                                      const convpool_stencil *stencil,
                                                      const REAL *weight,
                                                      const NAME(ending) *ending, int64_t count,
                                                      REAL *out, int64_t pitch)
{
    VEC sum[HIGH * VECTORS];
    NAME(sum_any)(HIGH, vectors, 0, patch, stencil->row_step, stencil, weight, 0, sum);
    if (vectors > 1 || count >= LANES) {
        NAME(finish)(HIGH, vectors, 0, sum, ending, LANES, out, pitch);
    } else {
        NAME(finish)(HIGH, 1, 1, sum, ending, count, out, pitch);
    }
}

/* All blocks of HIGH rows or more. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_rows)(const REAL *patch,
                                                     const convpool_stencil *stencil,
                                                     const REAL *weight,
                                                     const NAME(ending) *ending, int64_t rows,
                                                     int64_t columns, REAL *out, int64_t pitch)
{
    int64_t r, c, at;
    for (r = 0; r < rows; r += HIGH) {
        const int64_t row = r + HIGH <= rows ? r : rows - HIGH;
        const REAL *from = patch + row * stencil->row_step;
        REAL *to = out + row * pitch;
        for (c = 0; columns - c > LANES && columns >= VECTORS * LANES; c += VECTORS * LANES) {
            at = c + VECTORS * LANES <= columns ? c : columns - VECTORS * LANES;
            NAME(stencil_block)(VECTORS, from + at, stencil, weight, ending, LANES, to + at, pitch);
        }
        for (; c < columns; c += LANES) {
            at = c + LANES <= columns || columns < LANES ? c : columns - LANES;
            NAME(stencil_block)(1, from + at, stencil, weight, ending, columns - at, to + at,
                                pitch);
        }
    }
}

/* One row, for blocks too low for HIGH. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_line)(const REAL *patch,
                                                     const convpool_stencil *stencil,
                                                     const REAL *weight,
                                                     const NAME(ending) *ending, int64_t columns,
                                                     REAL *out)
{
    VEC sum[WIDE];
    int64_t c, at;
    for (c = 0; columns - c > 2 * LANES && columns >= WIDE * LANES; c += WIDE * LANES) {
        at = c + WIDE * LANES <= columns ? c : columns - WIDE * LANES;
        NAME(sum_any)(1, WIDE, 0, patch + at, 0, stencil, weight, 0, sum);
        NAME(finish)(1, WIDE, 0, sum, ending, LANES, out + at, 0);
    }
    for (; c < columns; c += LANES) {
        at = c + LANES <= columns || columns < LANES ? c : columns - LANES;
        NAME(sum_any)(1, 1, 0, patch + at, 0, stencil, weight, 0, sum);
        if (columns < LANES) {
            NAME(finish)(1, 1, 1, sum, ending, columns, out + at, 0);
        } else {
            NAME(finish)(1, 1, 0, sum, ending, LANES, out + at, 0);
        }
    }
}

/* `rows` by `columns` outputs of one channel: neighbours in the patch are neighbours in the output,
 * whose rows are `pitch` apart. weight[t] are the taps; bias, of one element, may be NULL.
 * Precondition: the patch may be read for CONVPOOL_SLACK elements more. */
TARGET CONVPOOL_INLINE void NAME(stencil)(const convpool_stencil *stencil, const void *patch,
                                          const void *weight, const void *bias, int64_t rows,
                                          int64_t columns, void *out, int64_t pitch)
{
    const REAL *from = (const REAL *)patch, *w = (const REAL *)weight;
    REAL *to = (REAL *)out;
    NAME(ending) ending;
    int64_t r;
    /* The sum of anything, 0 of either sign too, and -0 is the thing itself. */
    ending.bias = VSET1(bias == NULL ? (REAL)-0.0 : *(const REAL *)bias);
    ending.low = VSET1((REAL)stencil->low);
    ending.high = VSET1((REAL)stencil->high);
    if (rows >= HIGH) {
        NAME(stencil_rows)(from, stencil, w, &ending, rows, columns, to, pitch);
        return;
    }
    for (r = 0; r < rows; ++r) {
        NAME(stencil_line)(from + r * stencil->row_step, stencil, w, &ending, columns,
                           to + r * pitch);
    }
}

/* `pixels` (a literal) pixels of all lanes; `size` and `stride` as in sum_pixels, size 0 for any
 * kernel. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_pixels)(const int size, const int stride,
                                                       const int pixels, const REAL *patch,
                                                       int64_t step,
                                                       const convpool_stencil *stencil,
                                                       const REAL *weight, int64_t weight_pitch,
                                                       const REAL *bias, int64_t lanes, REAL *out,
                                                       int64_t pitch)
{
    VEC sum[WIDE];
    NAME(ending) ending;
    int64_t lane, at;
    ending.low = VSET1((REAL)stencil->low);
    ending.high = VSET1((REAL)stencil->high);
    for (lane = 0; lane < lanes; lane += LANES) {
        at = lane + LANES <= lanes || lanes < LANES ? lane : lanes - LANES;
        if (size > 0) {
            NAME(sum_pixels)(size, stride, pixels, patch + at, stencil->column_step, stencil,
                             weight + at, weight_pitch, sum);
        } else {
            NAME(sum_any)(pixels, 1, 1, patch + at, step, stencil, weight + at, weight_pitch, sum);
        }
        ending.bias = bias == NULL ? VSET1((REAL)-0.0) : VLOAD(bias + at);
        if (lanes < LANES) {
            NAME(finish)(pixels, 1, 1, sum, &ending, lanes, out + at, pitch);
        } else {
            NAME(finish)(pixels, 1, 0, sum, &ending, LANES, out + at, pitch);
        }
    }
}

/* One pixel, by any kernel. */
TARGET CONVPOOL_NOINLINE void NAME(stencil_pixel)(const REAL *patch,
                                                  const convpool_stencil *stencil,
                                                  const REAL *weight, int64_t weight_pitch,
                                                  const REAL *bias, int64_t lanes, REAL *out)
{
    NAME(stencil_pixels)(0, 0, 1, patch, 0, stencil, weight, weight_pitch, bias, lanes, out, 0);
}

/* Lines of pixels. */
TARGET CONVPOOL_FORCE_INLINE void NAME(stencil_lines)(const int size, const int stride,
                                                      const REAL *patch, int64_t line_step,
                                                      int64_t step,
                                                      const convpool_stencil *stencil,
                                                      const REAL *weight, int64_t weight_pitch,
                                                      const REAL *bias, int64_t lines,
                                                      int64_t count, int64_t lanes, REAL *out,
                                                      int64_t line_pitch, int64_t pitch)
{
    int64_t line, c, at;
    for (line = 0; line < lines; ++line, patch += line_step, out += line_pitch) {
        for (c = 0; count - c > HIGH && count >= WIDE; c += WIDE) {
            at = c + WIDE <= count ? c : count - WIDE;
            NAME(stencil_pixels)(size, stride, WIDE, patch + at * step, step, stencil, weight,
                                 weight_pitch, bias, lanes, out + at * pitch, pitch);
        }
        for (; c < count && count >= HIGH; c += HIGH) {
            at = c + HIGH <= count ? c : count - HIGH;
            NAME(stencil_pixels)(size, stride, HIGH, patch + at * step, step, stencil, weight,
                                 weight_pitch, bias, lanes, out + at * pitch, pitch);
        }
        for (; c < count; ++c) {
            NAME(stencil_pixel)(patch + c * step, stencil, weight, weight_pitch, bias, lanes,
                                out + c * pitch);
        }
    }
}

/* A block of pixels of block->lanes channels each; neighbouring outputs are stencil->row_step and
 * stride * column_step apart in the patch, row_pitch and pitch in `out`.
 * weight[t * weight_pitch + lane] are the taps, bias[lane], which may be NULL, is added.
 * Precondition: weight, bias and the patch may be read to the end of a vector, where a pixel has
 * fewer lanes. */
TARGET CONVPOOL_INLINE void NAME(stencil_lanes)(const convpool_stencil *stencil, const void *patch,
                                                const void *weight, int64_t weight_pitch,
                                                const void *bias, const convpool_block *block,
                                                void *out, int64_t row_pitch, int64_t pitch)
{
    const REAL *from = (const REAL *)patch, *w = (const REAL *)weight, *b = (const REAL *)bias;
    const int64_t rows = block->rows, columns = block->columns, lanes = block->lanes;
    const int64_t step = stencil->stride * stencil->column_step;
    const int turned = columns < HIGH && rows > columns; /* lines along the longer side */
    REAL *to = (REAL *)out;
#define WIDTH_CASE(size, stride) \
    case (size) * 4 + (stride): \
        NAME(stencil_lines)(size, stride, from, stencil->row_step, step, stencil, w, \
                            weight_pitch, b, rows, columns, lanes, to, row_pitch, pitch); \
        break;
    switch (turned ? 0 : stencil->shape) {
        WIDTH_CASE(3, 1) WIDTH_CASE(3, 2) WIDTH_CASE(5, 1) WIDTH_CASE(5, 2) WIDTH_CASE(7, 1)
    default:
        NAME(stencil_lines)(0, 0, from, turned ? step : stencil->row_step,
                            turned ? stencil->row_step : step, stencil, w, weight_pitch, b,
                            turned ? columns : rows, turned ? rows : columns, lanes, to,
                            turned ? pitch : row_pitch, turned ? row_pitch : pitch);
    }
#undef WIDTH_CASE
}

#undef WIDE
#undef HIGH
#undef NAME
