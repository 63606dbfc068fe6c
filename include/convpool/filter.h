/* filter.h - one kernel laid over every channel of an image, as sizes and strides.
 *
 * The image is `height` rows of `width` pixels of `channels` elements; the bordered image has
 * kernel_height - 1 rows and kernel_width - 1 columns more, `above` and `left` of them before the
 * first. Seen as a line of elements, pixel after pixel, a row of it holds tap c of element q at
 * q + c * channels: that is all that channels are to the sums.
 *
 *     k->line    a row of the bordered image, converted to the type of sums
 *     k->rows    sums of up to any number of output rows from such rows
 *     k->store   sums to the image's type
 *
 * Sums of bytes may be formed in integers, of pixels - 128 and taps * 2^shift, each of 16 bits;
 * lines and weights then hold `taps` = 2 neighbours in each element, so that `rows` sees taps
 * 2 * channels apart, and half as many.
 *
 * A separable kernel is `rows` twice: with one row of taps for each line, then with one column. A
 * tall one is `rows` for each of the products that k->fold prepares and k->unfold puts together.
 */
#ifndef CONVPOOL_FILTER_H
#define CONVPOOL_FILTER_H

#include <stddef.h>
#include <stdint.h>

typedef struct convpool_filter {
    int64_t height, width, channels;
    int64_t kernel_height, kernel_width, above, left;
    int64_t x_stride[3], out_stride[3]; /* elements from row to row, column, channel */
    int border;                         /* convpool_border */
    double border_value;                /* for CONVPOOL_CONSTANT */
    const int64_t *column; /* for each column of the bordered image the image's, -1: constant */
    const double *taps;    /* of the whole kernel, row by row */
    int shift;             /* where sums are integers, a pixel is (sum + offset) / 2^shift, */
    int32_t offset;        /* rounded down: the 128 and a half are in it */
    /* Two planes of taps in integers, channels apart, or NULL: the sums of the first * 2^FINE +
     * those of the second, over pixels - 128, are sums as above with FINE more digits. */
    const int16_t *fine;
    int64_t fine_pitch; /* of their rows, a multiple of 16: beyond the last tap they are 0 */
    int64_t fine_offset;
    double fine_doubt;
    double doubt; /* a sum this near to half between two integers is formed again, in double */
} convpool_filter;

/* What filters an element type with sums of one real type, for one instruction set. */
typedef struct convpool_filter_kernels {
    size_t real_size; /* of lines, weights and sums */
    int taps;         /* in each element of lines and weights */
    void (*line)(const convpool_filter *filter, const void *x, int64_t row, int64_t column,
                 int64_t columns, int64_t lane, int64_t lanes, void *to);
    void (*store)(const convpool_filter *filter, const void *x, const void *sums, int64_t row,
                  int64_t column, int64_t columns, int64_t lane, int64_t lanes, void *out);
    void (*rows)(const void *const *line, const void *weight, int64_t kernel_height,
                 int64_t kernel_width, int64_t step, int64_t count, int64_t rows, void *sums,
                 int64_t pitch);
    void (*fold)(const void *const *line, int levels, int64_t count, void *const *to);
    void (*unfold)(const void *product, int64_t step, int levels, int64_t count, void *sums,
                   int64_t pitch);
} convpool_filter_kernels;

/* Digits that the second plane of `fine` taps adds to the first. */
enum { CONVPOOL_FILTER_FINE = 12 };

/* Rows of outputs that `rows` sums together, sharing the loads of their inputs. */
enum { CONVPOOL_FILTER_ROWS = 4 };

#endif
