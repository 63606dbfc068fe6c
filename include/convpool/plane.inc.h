/* plane.inc.h - sums over the taps of one channel whose rows lie in memory as they are:
 *
 *     out[y][x] = bounded(sum over taps (r, c) of weight[r][c] * in[y stride + r][x stride + c]
 *                         + bias)
 *
 * Each strip of a few vectors of columns is gone through from the first row to the last. A row is
 * loaded once, for all the output rows it is part of: sum[j] belongs to the output j rows above
 * the one that begins here. Rows beyond the image are zeros; cells beside it, which are whatever
 * stands there in memory, are masked to be zeros. What may not be read, beyond the ends of the
 * array, is copied first.
 *
 * Included once for each instruction set and real type, by vectors.inc.h, for square kernels whose
 * size and stride are literals. Sums run in the order of taps, as chains of (fused) multiply-adds
 * from 0: the bits are those of gemm_tile.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

/* The most vectors of a strip, and of sums in registers; kernels have up to 7 rows. */
enum { NAME(plane_vectors) = 4, NAME(plane_sums) = 12, NAME(plane_size) = 7 };

/* A strip of outputs and the input under it. */
typedef struct NAME(strip) {
    const REAL *from;         /* the cell under the first tap in the first row */
    int64_t step, top, cells; /* from row to row; the row under the first tap; rows there are */
    REAL *out;
    const REAL *zeros;        /* a row of cells */
    int64_t pitch, fit;       /* rows of results from there on go to `spare` */
    REAL *spare;              /* CONVPOOL_PLANE_WIDTH apart */
    int64_t rows;             /* no fewer than are begun before the first is done */
    const REAL *weight;
    VEC bias, low, high;
    REAL mask[NAME(plane_size) * NAME(plane_vectors) * LANES]; /* of each tap's cells */
} NAME(strip);

/* Step y of a strip: `stride` rows of the input, and of the sums those from first on that have
 * begun up to the last; literals all but y. */
TARGET CONVPOOL_FORCE_INLINE void NAME(plane_step)(const int size, const int stride,
                                                   const int vectors, const int first,
                                                   const int last,
                                                   const NAME(strip) *strip, int64_t y, VEC *sum)
{
    int p, c, s, j, v;
    CONVPOOL_UNROLL
    for (p = 0; p < stride; ++p) {
        const int64_t row = strip->top + y * stride + p;
        const int inside = row >= 0 && row < strip->cells;
        const REAL *from = inside ? strip->from + row * strip->step : strip->zeros;
        if (first * stride + p >= size) {
            break;
        }
        CONVPOOL_RELOAD;
        CONVPOOL_UNROLL
        for (c = 0; c < size; c += stride) {
            VEC x[NAME(plane_vectors)][2];
            CONVPOOL_UNROLL
            for (v = 0; v < vectors; ++v) {
                if (stride == 1) {
                    x[v][0] = VLOAD(from + c + v * LANES);
                } else {
                    VLOAD2(from + c + 2 * v * LANES, x[v]);
                }
            }
            CONVPOOL_UNROLL
            for (s = 0; s < stride; ++s) {
                CONVPOOL_UNROLL
                for (v = 0; v < vectors; ++v) {
                    if (c + s < size) {
                        x[v][s] =
                            VAND(x[v][s], VLOAD(strip->mask + ((c + s) * vectors + v) * LANES));
                    }
                }
                CONVPOOL_UNROLL
                for (j = first; j <= last; ++j) {
                    const int r = j * stride + p;
                    if (r < size && c + s < size) {
                        const VEC w = VSET1(strip->weight[r * size + c + s]);
                        CONVPOOL_UNROLL
                        for (v = 0; v < vectors; ++v) {
                            sum[j * vectors + v] = VFMA(w, x[v][s], sum[j * vectors + v]);
                        }
                    }
                }
            }
        }
    }
}

/* Stores the last of `depth` rows of sums as output row y, and moves the others on. */
TARGET CONVPOOL_FORCE_INLINE void NAME(plane_shift)(const int depth, const int vectors,
                                                    const NAME(strip) *strip, int64_t y, VEC *sum)
{
    REAL *out = y < strip->fit ? strip->out + y * strip->pitch
                               : strip->spare + y * CONVPOOL_PLANE_WIDTH;
    int v;
    CONVPOOL_UNROLL
    for (v = 0; v < vectors; ++v) {
        const VEC biased = VADD(sum[(depth - 1) * vectors + v], strip->bias);
        const VEC raised = VMAX(strip->low, biased), value = VMIN(strip->high, raised);
        if (y >= 0) {
            VSTORE(out + v * LANES, value);
        }
    }
    CONVPOOL_UNROLL
    for (v = depth * vectors - 1; v >= vectors; --v) {
        sum[v] = sum[v - vectors];
    }
    CONVPOOL_UNROLL
    for (v = 0; v < vectors; ++v) {
        sum[v] = VZERO();
    }
}

/* A strip. */
TARGET CONVPOOL_FORCE_INLINE void NAME(plane_strip)(const int size, const int stride,
                                                    const int vectors,
                                                    const NAME(strip) *strip)
{
    const int depth = (size + stride - 1) / stride;
    const int64_t rows = strip->rows;
    VEC sum[NAME(plane_sums)];
    int64_t y;
    int i;
    CONVPOOL_UNROLL
    for (i = 0; i < depth * vectors; ++i) {
        sum[i] = VZERO();
    }
    CONVPOOL_UNROLL
    for (i = 0; i < depth - 1; ++i) {
        NAME(plane_step)(size, stride, vectors, 0, i, strip, i, sum);
        NAME(plane_shift)(depth, vectors, strip, -1, sum);
    }
    for (y = depth - 1; y < rows; ++y) {
        NAME(plane_step)(size, stride, vectors, 0, depth - 1, strip, y, sum);
        NAME(plane_shift)(depth, vectors, strip, y - depth + 1, sum);
    }
    CONVPOOL_UNROLL
    for (i = 1; i < depth; ++i) {
        y = rows - 1 + i;
        NAME(plane_step)(size, stride, vectors, i, depth - 1, strip, y, sum);
        NAME(plane_shift)(depth, vectors, strip, y - depth + 1, sum);
    }
}

/* The mask of a strip of `lanes` columns whose first tap is in column `left`: bits set for cells of
 * the input. */
TARGET CONVPOOL_INLINE void NAME(plane_mask)(int size, int64_t stride, int64_t lanes, int64_t left,
                                             int64_t columns, REAL *mask)
{
    int64_t j;
    int c;
    for (c = 0; c < size; ++c) {
        for (j = 0; j < lanes; ++j) {
            const int64_t at = left + j * stride + c;
            memset(mask + c * lanes + j, at >= 0 && at < columns ? 0xFF : 0, sizeof(REAL));
        }
    }
}

/* Copies `width` cells of each row under a strip; 0 where none are. */
TARGET CONVPOOL_NOINLINE void NAME(plane_cells)(const convpool_plane *plane, const REAL *from,
                                                int64_t left, int64_t width, int64_t rows,
                                                REAL *to)
{
    const int64_t begin = left < 0 ? (-left < width ? -left : width) : 0;
    const int64_t end = plane->columns - left < width ? plane->columns - left : width;
    int64_t r;
    for (r = 0; r < rows; ++r, to += CONVPOOL_PLANE_WIDTH) {
        const int64_t row = plane->top + r;
        memset(to, 0, (size_t)width * sizeof(REAL));
        if (row >= 0 && row < plane->rows && begin < end) {
            memcpy(to + begin, from + row * plane->row_step + left + begin,
                   (size_t)(end - begin) * sizeof(REAL));
        }
    }
}

/* The strip from `column` on of all planes. */
TARGET CONVPOOL_FORCE_INLINE void NAME(plane_strips)(const int size, const int stride,
                                                     const int vectors,
                                                     const convpool_plane *plane,
                                                     const convpool_stencil *stencil,
                                                     const REAL *x, const REAL *weight,
                                                     const REAL *bias, int64_t column,
                                                     int64_t rows, int64_t columns, REAL *out,
                                                     int64_t pitch, REAL *scratch)
{
    NAME(strip) strip;
    const int64_t lanes = vectors * LANES, count = columns - column;
    const int64_t left = plane->left + column * stride;
    const int64_t begun = (size + stride - 1) / stride - 1, summed = rows < begun ? begun : rows;
    const int64_t reach = (summed - 1) * stride + size;
    const int64_t first = plane->top < 0 ? 0 : plane->top;
    const int64_t last = plane->top + reach < plane->rows ? plane->top + reach : plane->rows;
    const int64_t begin = first * plane->row_step + left;
    const int64_t width = stride * lanes + size - 1; /* cells read in a row */
    const int64_t end = (last - 1) * plane->row_step + left + width;
    /* Where rows have no gap, the next are written later over what a vector has too much; and where
     * planes have none, the next plane is. */
    const int dense = count == pitch && rows * pitch >= lanes;
    const int follow = dense && plane->out_step == rows * pitch;
    const int64_t fit = count >= lanes ? rows : dense ? (rows * pitch - lanes) / pitch + 1 : 0;
    int64_t i, y;
    NAME(plane_mask)(size, stride, lanes, left, plane->columns, strip.mask);
    strip.zeros = scratch;
    scratch += CONVPOOL_PLANE_WIDTH;
    strip.spare = scratch + reach * CONVPOOL_PLANE_WIDTH;
    strip.pitch = pitch;
    strip.rows = summed;
    strip.low = VSET1((REAL)stencil->low);
    strip.high = VSET1((REAL)stencil->high);
    for (i = 0; i < plane->planes; ++i, x += plane->step, out += plane->out_step) {
        if (begin >= plane->low - i * plane->step && end <= plane->high - i * plane->step) {
            strip.from = x + left;
            strip.step = plane->row_step;
            strip.top = plane->top;
            strip.cells = plane->rows;
        } else {
            NAME(plane_cells)(plane, x, left, width, reach, scratch);
            strip.from = scratch;
            strip.step = CONVPOOL_PLANE_WIDTH;
            strip.top = 0;
            strip.cells = reach;
        }
        strip.out = out + column;
        strip.fit = follow && i + 1 < plane->planes ? rows : fit;
        strip.weight = weight + i * stencil->taps;
        strip.bias = VSET1(bias == NULL ? (REAL)-0.0 : bias[i]);
        NAME(plane_strip)(size, stride, vectors, &strip);
        for (y = strip.fit; y < rows; ++y) {
            memcpy(strip.out + y * pitch, strip.spare + y * CONVPOOL_PLANE_WIDTH,
                   (size_t)count * sizeof(REAL));
        }
    }
}

#define PLANE_VECTORS(size, stride, vectors)                                                   \
    TARGET CONVPOOL_NOINLINE void NAME(plane_##size##_##stride##_##vectors)(                   \
        const convpool_plane *plane, const convpool_stencil *stencil, const REAL *x,           \
        const REAL *weight, const REAL *bias, int64_t column, int64_t rows, int64_t columns,   \
        REAL *out, int64_t pitch, REAL *scratch)                                               \
    {                                                                                          \
        NAME(plane_strips)(size, stride, vectors, plane, stencil, x, weight, bias, column,     \
                           rows, columns, out, pitch, scratch);                                \
    }

/* For each kernel with a body, how many vectors its sums leave registers for. */
#define PLANE_KERNELS(ONE)                                                               \
    ONE(3, 1, 1) ONE(3, 1, 2) ONE(3, 1, 3) ONE(3, 1, 4) ONE(3, 2, 1) ONE(3, 2, 2)        \
    ONE(3, 2, 3) ONE(3, 2, 4) ONE(5, 1, 1) ONE(5, 1, 2) ONE(5, 2, 1) ONE(5, 2, 2)        \
    ONE(5, 2, 3) ONE(5, 2, 4) ONE(7, 1, 1)

PLANE_KERNELS(PLANE_VECTORS)

/* `rows` by `columns` outputs, in rows `pitch` apart, of each of some planes; weights, one array
 * after the other, and biases likewise, or NULL. `scratch` has room for convpool_plane_scratch.
 * Precondition: convpool_plane_vectors(stencil->shape) > 0. */
TARGET CONVPOOL_INLINE void NAME(stencil_planes)(const convpool_plane *plane,
                                                 const convpool_stencil *stencil, const void *x,
                                                 const void *weight, const void *bias,
                                                 int64_t rows, int64_t columns, void *out,
                                                 int64_t pitch, void *scratch)
{
    const int64_t most = convpool_plane_vectors(stencil->shape);
    int64_t c, vectors;
    /* Were zeros a constant, compilers would make bodies for sums of them. */
    memset(scratch, 0, CONVPOOL_PLANE_WIDTH * sizeof(REAL));
    for (c = 0; c < columns; c += vectors * LANES) {
        const int64_t left = (columns - c + LANES - 1) / LANES;
        int64_t at = c;
        vectors = left < most ? left : most;
        if (columns - c < vectors * LANES && columns >= vectors * LANES) {
            at = columns - vectors * LANES; /* what both strips write is the same */
        }
        switch (stencil->shape * 8 + vectors) {
#define PLANE_CASE(size, stride, vectors)                                                        \
    case ((size) * 4 + (stride)) * 8 + (vectors):                                                \
        NAME(plane_##size##_##stride##_##vectors)(plane, stencil, (const REAL *)x,               \
                                                  (const REAL *)weight, (const REAL *)bias, at,  \
                                                  rows, columns, (REAL *)out, pitch,             \
                                                  (REAL *)scratch);                              \
        break;
            PLANE_KERNELS(PLANE_CASE)
        default: break;
#undef PLANE_CASE
        }
    }
}

#undef PLANE_KERNELS
#undef PLANE_VECTORS
#undef NAME
