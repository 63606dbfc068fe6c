/* filter.inc.h - what stands between an image and the sums of a filter: lines of the bordered
 * image in the type of sums, and sums stored in the image's type.
 *
 * Sums of integer images are stored as if they had been formed in double, tap by tap, and rounded
 * half to even. Where they come from a cheaper arithmetic its error is bounded (`doubt`): a sum
 * further than that from half between two integers rounds the same way, the few others are formed
 * again.
 *
 * Included once for each instruction set, element type and type of sums, with STORAGE, REAL,
 * PAIR_NAME and TOP (the largest integer, 0 for real numbers) set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, PAIR_NAME, ISA_NAME)

/* `columns` pixels of row `row` of the bordered image from `column` on, each of `lanes` channels
 * from `lane` on. */
TARGET CONVPOOL_INLINE void NAME(filter_line)(const convpool_filter *filter, const void *x,
                                              int64_t row, int64_t column, int64_t columns,
                                              int64_t lane, int64_t lanes, void *to)
{
    const int64_t *stride = filter->x_stride, step = stride[1];
    const int64_t i =
        convpool_border_index(row - filter->above, filter->height, filter->border);
    const STORAGE *from = (const STORAGE *)x + i * stride[0] + lane * stride[2];
    REAL *CONVPOOL_RESTRICT line = (REAL *)to;
    int64_t begin = filter->left - column, end = begin + filter->width, j, k;
    begin = begin < 0 ? 0 : begin < columns ? begin : columns;
    end = i < 0 || end < begin ? begin : end < columns ? end : columns;
    for (j = 0; j < columns; ++j) {
        j = j == begin ? end : j;
        for (k = 0; j < columns && k < lanes; ++k) {
            const int64_t at = filter->column[column + j];
            line[j * lanes + k] = i < 0 || at < 0 ? (REAL)filter->border_value
                                                  : (REAL)from[at * step + k * stride[2]];
        }
    }
    if (begin == end) {
        return;
    }
    line += begin * lanes;
    from += (column + begin - filter->left) * step;
    if (step == lanes && (lanes == 1 || stride[2] == 1)) {
        for (k = 0; k < (end - begin) * lanes; ++k) {
            line[k] = (REAL)from[k];
        }
        return;
    }
    for (j = begin; j < end; ++j, from += step, line += lanes) {
        for (k = 0; k < lanes; ++k) {
            line[k] = (REAL)from[k * stride[2]];
        }
    }
}

/* Sums that are rounded at a time. */
enum { NAME(filter_run) = 64 };

#if TOP

/* One output as its definition says. */
CONVPOOL_NOINLINE STORAGE NAME(filter_again)(const convpool_filter *filter, const STORAGE *x,
                                             int64_t row, int64_t column, int64_t lane)
{
    const int64_t step = filter->x_stride[1], *at = filter->column + column;
    const double *tap = filter->taps;
    double sum = 0;
    int64_t r, c;
    x += lane * filter->x_stride[2];
    for (r = 0; r < filter->kernel_height; ++r) {
        const int64_t i =
            convpool_border_index(row + r - filter->above, filter->height, filter->border);
        const STORAGE *line = x + i * filter->x_stride[0];
        for (c = 0; c < filter->kernel_width; ++c) {
            const double value =
                i < 0 || at[c] < 0 ? filter->border_value : (double)line[at[c] * step];
            sum += *tap++ * value;
        }
    }
    return (STORAGE)convpool_saturate(sum, TOP);
}

/* Rounds `count` sums. Result: whether any is further than `sure` from the nearest integer. */
TARGET CONVPOOL_FORCE_INLINE int NAME(filter_round)(const REAL *CONVPOOL_RESTRICT sums,
                                                    const int count, REAL sure,
                                                    STORAGE *CONVPOOL_RESTRICT pixels)
{
    /* Adding and taking away 1.5 * 2^(digits - 1) rounds to a whole number in the current mode.
     * Compilers vectorise each loop, but not one that does both. */
    const REAL whole = sizeof(REAL) == 4 ? (REAL)0x1.8p23 : (REAL)0x1.8p52;
    REAL bounded[NAME(filter_run)];
    int k, unsure = 0;
    for (k = 0; k < count; ++k) {
        REAL value = sums[k];
        value = value > 0 ? value : 0;
        bounded[k] = value < TOP ? value : TOP;
    }
    for (k = 0; k < count; ++k) {
        const REAL rounded = (bounded[k] + whole) - whole;
        const REAL off = bounded[k] - rounded;
        pixels[k] = (STORAGE)(int32_t)rounded;
        unsure |= (off > sure) | (off < -sure);
    }
    return unsure;
}

#endif

/* The sums of `columns` pixels of row `row` from `column` on, `lanes` channels each. */
TARGET CONVPOOL_INLINE void NAME(filter_store)(const convpool_filter *filter, const void *x,
                                               const void *sums, int64_t row, int64_t column,
                                               int64_t columns, int64_t lane, int64_t lanes,
                                               void *out)
{
    const REAL *from = (const REAL *)sums;
    const int64_t *stride = filter->out_stride, count = columns * lanes;
    const int even = stride[1] == lanes && (lanes == 1 || stride[2] == 1);
    STORAGE *to = (STORAGE *)out + row * stride[0] + column * stride[1] + lane * stride[2];
    int64_t q, j = 0, l = 0;
    int k;
#if TOP
    const REAL sure = (REAL)(0.5 - filter->doubt);
#else
    (void)x;
#endif
    for (q = 0; q < count; q += NAME(filter_run)) {
        STORAGE pixels[NAME(filter_run)];
        const int run = (int)(count - q < NAME(filter_run) ? count - q : NAME(filter_run));
#if TOP
        const int unsure = run == NAME(filter_run)
                               ? NAME(filter_round)(from + q, NAME(filter_run), sure, pixels)
                               : NAME(filter_round)(from + q, run, sure, pixels);
        for (k = 0; unsure && k < run; ++k) {
            STORAGE pixel;
            if (NAME(filter_round)(from + q + k, 1, sure, &pixel)) {
                pixels[k] = NAME(filter_again)(filter, (const STORAGE *)x, row,
                                               column + (q + k) / lanes, lane + (q + k) % lanes);
            }
        }
#else
        memcpy(pixels, from + q, (size_t)run * sizeof(STORAGE));
#endif
        if (even) {
            memcpy(to + q, pixels, (size_t)run * sizeof(STORAGE));
            continue;
        }
        for (k = 0; k < run; ++k) {
            to[j * stride[1] + l * stride[2]] = pixels[k];
            if (++l == lanes) {
                l = 0;
                ++j;
            }
        }
    }
}

static const convpool_filter_kernels NAME(filter) = {
    sizeof(REAL), NAME(filter_line), NAME(filter_store), FILTER_SUMS};

#undef NAME
#undef STORAGE
#undef REAL
#undef FILTER_SUMS
#undef PAIR_NAME
#undef TOP
