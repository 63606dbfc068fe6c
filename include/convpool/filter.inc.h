/* filter.inc.h - what stands between an image and the sums of a filter: lines of the bordered
 * image in the type of sums, and sums stored in the image's type.
 *
 * Sums of integer images are stored as if they had been formed in double, tap by tap, and rounded
 * half to even. Where they come from a cheaper arithmetic its error is bounded (`doubt`): a sum
 * further than that from half between two integers rounds the same way, the few others are formed
 * again.
 *
 * Included once for each instruction set, element type and type of sums, with STORAGE, SUM (the
 * type of lines and sums), REAL (in which sums are rounded), PAIR_NAME and TOP (the largest
 * integer, 0 for real numbers) set; FILTER_SUMS names what forms the sums. JOIN is defined where
 * the elements of a line are joined to pairs.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, PAIR_NAME, ISA_NAME)
#ifdef JOIN
#define WIDEN(pixel) ((SUM)(pixel) - 128)
#define VALUE(sum) ((REAL)(sum) * (REAL)filter->scale + (REAL)filter->offset)
#else
#define WIDEN(pixel) ((SUM)(pixel))
#define VALUE(sum) (sum)
#endif

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
    SUM *CONVPOOL_RESTRICT line = (SUM *)to;
    int64_t begin = filter->left - column, end = begin + filter->width, j, k;
    begin = begin < 0 ? 0 : begin < columns ? begin : columns;
    end = i < 0 || end < begin ? begin : end < columns ? end : columns;
    for (j = 0; j < columns; ++j) {
        j = j == begin ? end : j;
        for (k = 0; j < columns && k < lanes; ++k) {
            const int64_t at = filter->column[column + j];
            line[j * lanes + k] = i < 0 || at < 0 ? WIDEN(filter->border_value)
                                                  : WIDEN(from[at * step + k * stride[2]]);
        }
    }
    if (begin == end) {
        return;
    }
    line += begin * lanes;
    from += (column + begin - filter->left) * step;
    if (step == lanes && (lanes == 1 || stride[2] == 1)) {
        for (k = 0; k < (end - begin) * lanes; ++k) {
            line[k] = WIDEN(from[k]);
        }
        return;
    }
    for (j = begin; j < end; ++j, from += step, line += lanes) {
        for (k = 0; k < lanes; ++k) {
            line[k] = WIDEN(from[k * stride[2]]);
        }
    }
}

#ifdef JOIN
TARGET CONVPOOL_INLINE void NAME(filter_pairs)(const convpool_filter *filter, const void *x,
                                               int64_t row, int64_t column, int64_t columns,
                                               int64_t lane, int64_t lanes, void *to)
{
    NAME(filter_line)(filter, x, row, column, columns, lane, lanes, to);
    JOIN(to, lanes, columns * lanes);
}
#define LINE NAME(filter_pairs)
#define TAPS 2
#else
#define LINE NAME(filter_line)
#define TAPS 1
#endif

/* Sums that are rounded at a time, and those that may wait to be formed again. */
enum { NAME(filter_run) = 64, NAME(filter_doubts) = 256 };

#if TOP

/* Outputs number at[0 .. count - 1] of a row as their definition says, some at a time: one sum
 * alone would wait for each of its additions. `to` is where number 0 is stored. */
CONVPOOL_NOINLINE void NAME(filter_again)(const convpool_filter *filter, const STORAGE *x,
                                          int64_t row, int64_t column, int64_t lane, int64_t lanes,
                                          const int64_t *at, int count, STORAGE *to)
{
    enum { ABREAST = 4 };
    const int64_t step = filter->x_stride[1];
    int64_t r, c;
    int i, k;
    for (k = 0; k < count; k += ABREAST) {
        const int64_t *pixel[ABREAST], *number[ABREAST];
        int64_t channel[ABREAST];
        double sum[ABREAST] = {0};
        const double *tap = filter->taps;
        for (i = 0; i < ABREAST; ++i) {
            number[i] = at + (k + i < count ? k + i : k);
            pixel[i] = filter->column + column + *number[i] / lanes;
            channel[i] = (lane + *number[i] % lanes) * filter->x_stride[2];
        }
        for (r = 0; r < filter->kernel_height; ++r) {
            const int64_t line =
                convpool_border_index(row + r - filter->above, filter->height, filter->border);
            const STORAGE *from = x + line * filter->x_stride[0];
            for (c = 0; c < filter->kernel_width; ++c, ++tap) {
                for (i = 0; i < ABREAST; ++i) {
                    const double value = line < 0 || pixel[i][c] < 0
                                             ? filter->border_value
                                             : (double)from[pixel[i][c] * step + channel[i]];
                    sum[i] += *tap * value;
                }
            }
        }
        for (i = 0; i < ABREAST; ++i) {
            to[*number[i] / lanes * filter->out_stride[1] +
               *number[i] % lanes * filter->out_stride[2]] =
                (STORAGE)convpool_saturate(sum[i], TOP);
        }
    }
}

/* Rounds `count` sums. Result: whether any is further than filter->doubt allows from the nearest
 * integer; `unsure` says which. */
TARGET CONVPOOL_FORCE_INLINE int NAME(filter_round)(const convpool_filter *filter,
                                                    const SUM *CONVPOOL_RESTRICT sums,
                                                    const int count,
                                                    STORAGE *CONVPOOL_RESTRICT pixels,
                                                    uint8_t *CONVPOOL_RESTRICT unsure)
{
    /* Adding and taking away 1.5 * 2^(digits - 1) rounds to a whole number in the current mode.
     * Compilers vectorise each loop, but not one that does both. */
    const REAL whole = sizeof(REAL) == 4 ? (REAL)0x1.8p23 : (REAL)0x1.8p52;
    const REAL sure = (REAL)(0.5 - filter->doubt);
    REAL bounded[NAME(filter_run)];
    int k, any = 0;
    for (k = 0; k < count; ++k) {
        REAL value = VALUE(sums[k]);
        value = value > 0 ? value : 0;
        bounded[k] = value < TOP ? value : TOP;
    }
    for (k = 0; k < count; ++k) {
        const REAL rounded = (bounded[k] + whole) - whole;
        const REAL off = bounded[k] - rounded;
        const int doubtful = (off > sure) | (off < -sure);
        pixels[k] = (STORAGE)(int32_t)rounded;
        unsure[k] = (uint8_t)doubtful;
        any |= doubtful;
    }
    return any;
}

#endif

/* The sums of `columns` pixels of row `row` from `column` on, `lanes` channels each. */
TARGET CONVPOOL_INLINE void NAME(filter_store)(const convpool_filter *filter, const void *x,
                                               const void *sums, int64_t row, int64_t column,
                                               int64_t columns, int64_t lane, int64_t lanes,
                                               void *out)
{
    const SUM *from = (const SUM *)sums;
    const int64_t *stride = filter->out_stride, count = columns * lanes;
    const int even = stride[1] == lanes && (lanes == 1 || stride[2] == 1);
    STORAGE *to = (STORAGE *)out + row * stride[0] + column * stride[1] + lane * stride[2];
    int64_t q, j = 0, l = 0;
    int k;
#if TOP
    uint8_t unsure[NAME(filter_run)];
    int64_t again[NAME(filter_doubts)];
    int doubts = 0;
#else
    (void)x;
    if (even) {
        memcpy(to, from, (size_t)count * sizeof(STORAGE));
        return;
    }
#endif
    for (q = 0; q < count; q += NAME(filter_run)) {
        const int64_t left = count - q;
        const int run = left < NAME(filter_run) ? (int)left : (int)NAME(filter_run);
#if TOP
        STORAGE pixels[NAME(filter_run)];
        const int any = run == NAME(filter_run)
                            ? NAME(filter_round)(filter, from + q, NAME(filter_run), pixels, unsure)
                            : NAME(filter_round)(filter, from + q, run, pixels, unsure);
        if (doubts > NAME(filter_doubts) - NAME(filter_run)) {
            NAME(filter_again)(filter, (const STORAGE *)x, row, column, lane, lanes, again, doubts,
                               to);
            doubts = 0;
        }
        for (k = 0; any && k < run; ++k) {
            again[doubts] = q + k;
            doubts += unsure[k];
        }
        if (even) {
            memcpy(to + q, pixels, (size_t)run * sizeof(STORAGE));
            continue;
        }
#else
        const STORAGE *pixels = from + q;
#endif
        for (k = 0; k < run; ++k) {
            to[j * stride[1] + l * stride[2]] = pixels[k];
            if (++l == lanes) {
                l = 0;
                ++j;
            }
        }
    }
#if TOP
    NAME(filter_again)(filter, (const STORAGE *)x, row, column, lane, lanes, again, doubts, to);
#endif
}

static const convpool_filter_kernels NAME(filter) = {
    sizeof(SUM), TAPS, LINE, NAME(filter_store), FILTER_SUMS};

#undef NAME
#undef WIDEN
#undef VALUE
#undef LINE
#undef TAPS
#undef JOIN
#undef STORAGE
#undef SUM
#undef REAL
#undef FILTER_SUMS
#undef PAIR_NAME
#undef TOP
