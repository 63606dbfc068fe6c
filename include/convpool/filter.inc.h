/* filter.inc.h - what stands between an image and the sums of a filter: lines of the bordered
 * image in the type of sums, and sums stored in the image's type.
 *
 * Sums of integer images are stored as if they had been formed in double, tap by tap, and rounded
 * half to even. Where they come from a cheaper arithmetic its error is bounded (`doubt`): a sum
 * further than that from half between two integers rounds the same way, the few others are formed
 * again.
 *
 * Included once for each instruction set, element type and type of sums, with STORAGE, SUM (the
 * type of lines and sums), PAIR_NAME and TOP (the largest integer, 0 for real numbers) set;
 * FILTER_SUMS names what forms the sums. JOIN is defined where the elements of a line are joined to
 * pairs.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, PAIR_NAME, ISA_NAME)
#ifdef JOIN
#define WIDEN(pixel) ((SUM)(pixel) - 128)
#else
#define WIDEN(pixel) ((SUM)(pixel))
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

#if TOP == 255
/* Output number `number` of a row by sums with more digits, as the image holds its pixels side by
 * side: a dot product of bytes and integers of 16 bits, which compilers know. Result: the output,
 * or -1 if those digits do not decide either, or what it reads is not all in the image. */
TARGET CONVPOOL_NOINLINE int NAME(filter_fine)(const convpool_filter *filter, const STORAGE *x,
                                               int64_t row, int64_t column, int64_t channel)
{
    const int shift = filter->shift + CONVPOOL_FILTER_FINE;
    const int64_t step = filter->x_stride[1], unit = (int64_t)1 << shift;
    const int64_t pitch = filter->fine_pitch;
    const int64_t doubt = (int64_t)(filter->fine_doubt * (double)unit) + 1;
    const int16_t *coarse = filter->fine, *fine = coarse + filter->kernel_height * pitch;
    int32_t high = 0, low = 0;
    int64_t sum, r, c;
    int k;
    column -= filter->left;
    row -= filter->above;
    if (column < 0 || column * step + channel + pitch > filter->width * step || row < 0 ||
        row + filter->kernel_height > filter->height) {
        return -1;
    }
    x += row * filter->x_stride[0] + column * step + channel;
    for (r = 0; r < filter->kernel_height; ++r) {
        for (c = 0; c < pitch; c += 16, coarse += 16, fine += 16) {
            for (k = 0; k < 16; ++k) {
                const int16_t pixel = (int16_t)(x[c + k] - 128);
                high += pixel * coarse[k];
                low += pixel * fine[k];
            }
        }
        x += filter->x_stride[0];
    }
    sum = high * ((int64_t)1 << CONVPOOL_FILTER_FINE) + low + filter->fine_offset;
    if (((sum + doubt) & (unit - 1)) < 2 * doubt) {
        return -1;
    }
    return sum < 0 ? 0 : sum >> shift < TOP ? (int)(sum >> shift) : TOP;
}
#endif

/* Outputs number at[0 .. count - 1] of a row as their definition says, some at a time: one sum
 * alone would wait for each of its additions. `to` is where number 0 is stored. */
CONVPOOL_NOINLINE void NAME(filter_again)(const convpool_filter *filter, const STORAGE *x,
                                          int64_t row, int64_t column, int64_t lane, int64_t lanes,
                                          int64_t *at, int count, STORAGE *to)
{
    enum { ABREAST = 4 };
    const int64_t step = filter->x_stride[1];
    int64_t r, c;
    int i, k;
#if TOP == 255
    const int all = filter->fine != NULL ? count : 0;
    count = all ? 0 : count;
    for (k = 0; k < all; ++k) {
        const int64_t j = at[k] / lanes, l = at[k] % lanes;
        const int pixel = NAME(filter_fine)(filter, x, row, column + j, lane + l);
        if (pixel < 0) {
            at[count++] = at[k];
        } else {
            to[j * filter->out_stride[1] + l * filter->out_stride[2]] = (STORAGE)pixel;
        }
    }
#endif
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
                                                    STORAGE *CONVPOOL_RESTRICT unsure)
{
    int32_t any = 0;
    int k;
#ifdef JOIN
    const int shift = filter->shift;
    const SUM unit = (SUM)1 << shift, low = unit / 2, high = TOP * unit + low;
    const SUM offset = filter->offset, doubt = (SUM)(filter->doubt * unit) + 1;
    const SUM within = filter->doubt < 0 ? 0 : 2 * doubt;
    for (k = 0; k < count; ++k) {
        SUM value = sums[k] + offset;
        value = value > low ? value : low;
        value = value < high ? value : high;
        pixels[k] = (STORAGE)(value >> shift);
        value = ((value + doubt) & (unit - 1)) < within;
        unsure[k] = (STORAGE)value;
        any |= value;
    }
#else
    SUM bounded[NAME(filter_run)];
    /* Adding and taking away 1.5 * 2^(digits - 1) rounds to a whole number in the current mode.
     * Compilers vectorise each loop, but not one that does both. */
    const SUM whole = sizeof(SUM) == 4 ? (SUM)0x1.8p23 : (SUM)0x1.8p52;
    const SUM sure = (SUM)(0.5 - filter->doubt);
    for (k = 0; k < count; ++k) {
        SUM value = sums[k];
        value = value > 0 ? value : 0;
        bounded[k] = value < TOP ? value : TOP;
    }
    for (k = 0; k < count; ++k) {
        const SUM rounded = (bounded[k] + whole) - whole;
        const SUM off = bounded[k] - rounded;
        const int32_t doubtful = (off > sure) | (off < -sure);
        pixels[k] = (STORAGE)(int32_t)rounded;
        unsure[k] = (STORAGE)doubtful;
        any |= doubtful;
    }
#endif
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
    STORAGE unsure[NAME(filter_run)] = {0};
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
        for (k = 0; any && k < run; k += 8 / (int)sizeof(STORAGE)) {
            uint64_t some;
            int i;
            memcpy(&some, unsure + k, 8);
            for (i = 0; some && i < 8 / (int)sizeof(STORAGE) && k + i < run; ++i) {
                again[doubts] = q + k + i;
                doubts += unsure[k + i];
            }
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
#undef LINE
#undef TAPS
#undef JOIN
#undef STORAGE
#undef SUM
#undef FILTER_SUMS
#undef PAIR_NAME
#undef TOP
