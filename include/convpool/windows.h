/* windows.h - the input under a block of output pixels, for gemm_rows and gemm_columns: step k of
 * pixel p is at place[p] + offset[k], in the input itself or in a copy of what the windows see.
 *
 * A copy holds the lines (rows of the bordered input) that the windows meet, one image and depth
 * after the other, for each channel and each depth of the kernel. For gemm_columns a line's columns
 * lie a stride apart, one phase after the other: neighbours in a row of output then are neighbours
 * in each step. For gemm_rows channels that are neighbours in the input are so in the copy.
 */
#ifndef CONVPOOL_WINDOWS_H
#define CONVPOOL_WINDOWS_H

#include "geometry.h"

/* No block of pixels, and no panel, is longer. */
enum { CONVPOOL_MAX_PIXELS = 256 };

/* Steps are in elements of the copy. Run r of the block's pixels has the lines from top[r] on, the
 * first shared[r] of them with the run before, and they begin at column first[r] of the bordered
 * input. */
typedef struct convpool_windows {
    int channels_last;
    int64_t channel, channels, lines, phases, columns, size;
    int64_t channel_step, depth_step, line_step, phase_step, column_step;
    int64_t runs, top[CONVPOOL_MAX_PIXELS], shared[CONVPOOL_MAX_PIXELS];
    int64_t first[CONVPOOL_MAX_PIXELS];
    convpool_run run[CONVPOOL_MAX_PIXELS];
} convpool_windows;

/* Result: cells of an axis under one window. */
CONVPOOL_INLINE int64_t convpool_reach(const convpool_axis *axis)
{
    return (axis->kernel - 1) * axis->dilation + 1;
}

/* Result: the most elements that a copy for so many pixels and channels takes; a double, since it
 * may exceed any memory. */
CONVPOOL_INLINE double convpool_windows_most(const convpool_conv *conv, int64_t pixels,
                                             int64_t channels)
{
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW], *column = &conv->axis[CONVPOOL_COLUMN];
    const double runs = (double)((pixels + column->out - 2) / column->out + 1);
    const int64_t across = column->out < pixels ? column->out : pixels;
    return runs * (double)convpool_reach(row) *
           ((double)across * (double)column->stride + (double)convpool_reach(column)) *
           (double)conv->axis[CONVPOOL_DEPTH].kernel * (double)channels;
}

/* Describes the copy for `pixels` output pixels from number `pixel` of the batch on, of `channels`
 * channels from number `channel` on; of cells of channels, where strips hold those; `phases`: for
 * gemm_columns.
 * Preconditions: 1 <= pixels <= CONVPOOL_MAX_PIXELS; convpool_windows_most() fits memory. */
CONVPOOL_INLINE void convpool_copied_windows(const convpool_conv *conv, int64_t pixel,
                                             int64_t pixels, int64_t channel, int64_t channels,
                                             int phases, convpool_windows *windows)
{
    const convpool_axis *row = &conv->axis[CONVPOOL_ROW], *column = &conv->axis[CONVPOOL_COLUMN];
    const int channels_last = !phases && conv->x_stride[CONVPOOL_AT_CHANNEL] == 1 &&
                              conv->x_stride[CONVPOOL_AT_COLUMN] != 1;
    const int64_t reach = convpool_reach(row);
    const int64_t shared = reach > row->stride ? reach - row->stride : 0;
    int64_t r, across = column->out;
    int whole;
    windows->channels_last = channels_last;
    windows->channel = channel;
    windows->channels = channels;
    windows->runs = convpool_split_runs(conv->axis, pixel, pixels, windows->run);
    whole = windows->runs > 2; /* else parts of long rows */
    if (!whole) {
        across = windows->run[windows->runs - 1].length;
        across = across > windows->run[0].length ? across : windows->run[0].length;
    }
    windows->lines = 0;
    for (r = 0; r < windows->runs; ++r) {
        const convpool_run *run = &windows->run[r];
        const int goes_on = whole && r > 0 && run->image == run[-1].image &&
                            run->depth == run[-1].depth;
        windows->shared[r] = goes_on ? shared : 0;
        windows->top[r] = windows->lines - windows->shared[r];
        windows->lines = windows->top[r] + reach;
        windows->first[r] = whole ? 0 : run->column * column->stride;
    }
    windows->phases = phases ? column->stride : 1;
    windows->columns = phases ? across + (convpool_reach(column) - 1) / column->stride
                              : (across - 1) * column->stride + convpool_reach(column);
    windows->column_step = channels_last ? channels : 1;
    windows->phase_step = windows->columns * windows->column_step;
    windows->line_step = windows->phases * windows->phase_step;
    windows->depth_step = windows->lines * windows->line_step;
    windows->size = conv->axis[CONVPOOL_DEPTH].kernel * windows->depth_step;
    windows->channel_step = channels_last ? 1 : windows->size;
    windows->size = channels_last ? windows->size : windows->size * channels;
}

/* Writes the places of a run of pixels, `step` apart. Result: where those of the next run go. */
CONVPOOL_INLINE int64_t *convpool_run_places(int64_t at, int64_t step, int64_t length,
                                             int64_t *place)
{
    int64_t j;
    for (j = 0; j < length; ++j) {
        place[j] = at + j * step;
    }
    return place + length;
}

/* Writes each pixel's place in the copy. */
CONVPOOL_INLINE void convpool_copied_places(const convpool_conv *conv,
                                            const convpool_windows *windows, int64_t *place)
{
    const int64_t stride = conv->axis[CONVPOOL_COLUMN].stride / windows->phases;
    const int64_t step = stride * windows->column_step;
    int64_t r;
    for (r = 0; r < windows->runs; ++r) {
        const convpool_run *run = &windows->run[r];
        const int64_t first = run->column * stride - windows->first[r] / windows->phases;
        const int64_t at = windows->top[r] * windows->line_step + first * windows->column_step;
        place = convpool_run_places(at, step, run->length, place);
    }
}

/* Writes where in the copy steps [begin, end) lie from a pixel's place; channel begin / taps is the
 * copy's first. */
CONVPOOL_INLINE void convpool_copied_offsets(const convpool_conv *conv,
                                             const convpool_windows *windows, int64_t begin,
                                             int64_t end, int64_t *offset)
{
    const convpool_axis *axis = conv->axis;
    const int64_t rows = axis[CONVPOOL_ROW].kernel, columns = axis[CONVPOOL_COLUMN].kernel;
    const int64_t line_step = axis[CONVPOOL_ROW].dilation * windows->line_step;
    const int64_t dilation = axis[CONVPOOL_COLUMN].dilation, phases = windows->phases;
    const int64_t jump = dilation / phases, rest = dilation % phases;
    const int64_t tap = begin % convpool_taps(axis);
    int64_t d = tap / columns / rows, r = tap / columns % rows, c = tap % columns, channel = 0;
    int64_t phase = c * dilation % phases, column = c * dilation / phases;
    for (; begin < end; ++begin) {
        *offset++ = channel * windows->channel_step + d * windows->depth_step + r * line_step +
                    phase * windows->phase_step + column * windows->column_step;
        ++c;
        column += jump;
        phase += rest;
        if (phase >= phases) { /* a division would take as long as the rest */
            phase -= phases;
            ++column;
        }
        if (c == columns) {
            c = phase = column = 0;
            ++r;
        }
        if (r == rows) {
            r = 0;
            ++d;
        }
        if (d == axis[CONVPOOL_DEPTH].kernel) {
            d = 0;
            ++channel;
        }
    }
}

/* Writes each pixel's place in the input itself, from the first channel on, for kernels of one tap.
 * Preconditions: no axis is padded; 1 <= pixels <= CONVPOOL_MAX_PIXELS. */
CONVPOOL_INLINE void convpool_input_places(const convpool_conv *conv, int64_t pixel,
                                           int64_t pixels, int64_t *place)
{
    const convpool_axis *axis = conv->axis;
    int64_t step[CONVPOOL_RANK];
    convpool_run runs[CONVPOOL_MAX_PIXELS];
    const int n = convpool_split_runs(axis, pixel, pixels, runs);
    int r, i;
    memcpy(step, conv->x_stride, sizeof step);
    for (i = 0; i < CONVPOOL_AXES; ++i) { /* from one output's pixel to the next one's */
        step[CONVPOOL_AT_DEPTH + i] *= axis[i].stride;
    }
    for (r = 0; r < n; ++r) {
        place = convpool_run_places(convpool_run_at(&runs[r], step), step[CONVPOOL_AT_COLUMN],
                                    runs[r].length, place);
    }
}

#endif
