/* convpool.h - the C side of convpool: convolution and pooling kernels for any array.
 *
 * Header-only C11 and C++17: pure functions on pointers and strides. They allocate nothing, keep
 * no state, start no threads and check nothing: the caller keeps the preconditions, and shares work
 * among threads as it likes. All may run at the same time, as long as they write to different
 * places; the results are the same bits.
 *
 *   types.h      element types, borders, activations
 *   cpu.h        convpool_cpu_capabilities(): the instruction sets that can run here
 *   geometry.h   convpool_conv, convpool_pool: a problem as sizes and strides
 *   windows.h    convpool_windows: where the micro-kernel finds pixels that nobody packed
 *   filter.h     convpool_filter: one kernel over every channel of an image
 *   dispatch.h   convpool_find_kernels() and convpool_find_quad_kernels(): the functions for an
 *                element type and instruction set
 *
 * Compile with -ffp-contract=off: the results then have the same bits on every instruction set
 * with fused multiply-add, which the kernels call by name where they want it.
 * GCC forms vectors of most activations only with -fno-trapping-math, which changes no bits.
 *
 *
 * CONVOLUTION is pack -> multiply -> epilogue. For a group, with kernels `k` found by
 * convpool_find_kernels and depth = channels * taps, pixels numbered on from image to image:
 *
 *     for each strip of k->rows output channels:   k->pack_weights   (once)
 *     for each block of output pixels:
 *         k->pack_pixels                                             (panel of columns)
 *         for each strip of the panel, each strip of weights:
 *             k->gemm_tile                                           (tile of sums)
 *             k->store_tile                                          (bias, activation, out)
 *
 * Where pixels are the rows of tiles and channels their columns, the two swap widths; which is
 * better depends on where `out` has its neighbours. Sums run over (channel, depth, row, column) in
 * that order, from 0.
 *
 * Bytes are convolved likewise, by convpool_find_kernels with weights of int16_t, or faster, where
 * the processor can, by convpool_find_quad_kernels with weights of int8_t; both exactly. A step is
 * of k->products channels, which share a cell of the strips: depth = ceil(channels / k->products) *
 * taps. Weights are less their zero points; the input's zero point, plus k->x_shift, is
 * conv->border_value, for which biases have to make up, and behind them follow scales
 * (quantized.inc.h).
 *
 * In what follows sizes are in elements: of `element_size` bytes in arrays (x, weight, residual,
 * out), of `real_size` bytes in all else (strips, panels, tiles, patches, sums, biases), which
 * needs the alignment of its type alone. x, residual, bias and out point to the first element of
 * the group in the first image; bias and residual may be NULL. Preconditions of all: those of the
 * structs; nothing that is written overlaps what is read.
 *
 *   pack_weights(conv, weight, stride, channel, width, strip, block, pitch)
 *     Output channels [channel, channel + width), those beyond out_channels as zeros, for all steps
 *     k: strip[k / block * pitch + k % block * width + lane]. stride: of weight, in the order (out
 *     channel, channel, depth, row, column). With block = depth a strip holds depth * width.
 *     1 <= width <= CONVPOOL_MAX_WIDTH, block >= 1, pitch >= block * width.
 *
 *   pack_pixels(conv, x, begin, end, pixel, pixels, width, pitch, panel)
 *     Steps [begin, end) of output pixels [pixel, pixel + pixels), in strips of `width`, `pitch`
 *     apart, the last filled up with zeros: panel holds ceil(pixels / width) * pitch, and one step
 *     more that gemm_tile may read.
 *     1 <= width <= CONVPOOL_MAX_WIDTH, 1 <= pixels <= CONVPOOL_MAX_PIXELS, pitch >= (end - begin)
 *     * width. Fastest where pitch is no multiple of 4096 bytes.
 *
 *   gemm_tile(rows, columns, depth, a, b, b_step, tile, tile_step, chain, next)
 *     tile[r * tile_step + c] = the chain over k < depth of a[k * k->rows + r] * b[k * b_step + c]:
 *     from 0, from what the tile holds, or from 0 and then added to it (convpool_chain).
 *     1 <= rows <= k->rows, 1 <= columns <= k->columns, tile_step >= columns rounded up to whole
 *     vectors: k->columns is enough. b_step may be anything: pixels of one tap that fill whole
 *     vectors need no packing. Whole vectors of b and of the tile are read and written, and b,
 *     where k->lanes is 1, perhaps one step too far. Meanwhile depth * k->rows elements are fetched
 *     into the cache from `next` on: weights of the tile after this one, or b if there are none.
 *
 *   gemm_turned(rows, columns, depth, a, b, b_step, tile, tile_step, chain, next)
 *     gemm_tile where the rows are pixels and the columns channels: the same function but for quads
 *     of bytes, whose two sides differ in sign.
 *
 *   gemm_rows(rows, columns, depth, a, place, offset, b, b_step, tile, tile_step, chain, finish,
 *             next)
 *     The same with rows anywhere: a[place[r] + offset[k]], of which no more is read. Pixels then
 *     need no packing where they are rows: those of kernels of one tap are read from x itself
 *     (convpool_input_places), others from a copy of what their windows see. Unless finish is NULL
 *     (see gemm_whole), tiles of whole vectors are finished: bias is of columns, lines are rows.
 *     Where sums are of other types than results it is NULL, and where k->gemm_whole is.
 *
 *   gemm_columns(rows, columns, depth, a, b, offset, tile, tile_step, chain, next)
 *     gemm_tile with the columns of step k from b[offset[k]] on: pixels of one row of the output,
 *     in such a copy made with `phases`; b: place[] of the first. Reads whole vectors.
 *
 *   gemm_pair(depth, a, apart, b, b_step, tile, tile_step, chain, next)
 *     gemm_tile of all rows of two strips, the second at a + apart, and k->lanes columns: faster
 *     where there are no more. As much is fetched from next + apart on, too.
 *
 *   gemm_row(depth, a, offset, b, apart, tile, tile_apart, chain)
 *     gemm_rows of one row at a[offset[k]] by all columns of CONVPOOL_ROW_STRIPS strips, the next
 *     one at b + apart: faster where there are no more rows, as a single pixel has. Tiles are one
 *     line each, tile_apart from one another; the chain does not add. b as for gemm_tile.
 *
 *   gemm_lines(rows, lines, depth, a, place, offset, b, pitch, tile, tile_step, chain)
 *     gemm_rows of up to CONVPOOL_LINE_ROWS rows by columns that are lines, as a weight lies before
 *     it is packed: step k of column c is b[c * pitch + k]. Any number of lines; where the last
 *     are less than a vector, which is AVX2's with AVX-512, too, those before b that would fill it
 *     are read: a vector of lines there is, in all. The chain does not add. NULL on some sets.
 *
 *   gemm_whole(columns, depth, a, b, b_step, offset, keep, tile, tile_step, chain, finish, next)
 *     gemm_tile, or unless offset is NULL gemm_columns, of k->rows rows and k->lanes <= columns,
 *     beyond which nothing is read or written (but of b one step, as by gemm_tile). Unless keep is
 *     NULL, step k of the columns is copied to keep[k * k->columns + c], and whatever up to whole
 *     vectors of those: the first strip of rows packs for the others what it reads in x. Unless
 *     finish is NULL (convpool_finish), the tile is not written, but what store_tile would make of
 *     it where no more than bounds stand for the activation. offset or keep is NULL; the chain does
 *     not add.
 *
 *   turn(from, from_pitch, lines, length, to, to_pitch)
 *     to[j * to_pitch + i] = from[i * from_pitch + j], i < lines, j < length, in the type of sums:
 *     planes of channels into pixels of neighbouring channels, and back.
 *
 *   copy_windows(conv, windows, x, copy)
 *     That copy, described by convpool_copied_windows; each pixel is found by
 *     convpool_copied_places, each step by convpool_copied_offsets. copy holds windows->size, and
 *     for gemm_columns one vector more.
 *
 *   store_tile(conv, tile, pitch, pixel_rows, channel, channels, pixel, pixels, bias, residual,
 *              out)
 *     out = activation(tile + bias + residual) for those channels and pixels of a tile whose lines,
 *     `pitch` apart, run along pixels, or along channels, in whole vectors, where pixel_rows.
 *     pixels <= CONVPOOL_MAX_PIXELS; channels <= CONVPOOL_MAX_WIDTH if pixel_rows; residual may be
 *     out itself. NaN and infinities pass as in arithmetic.
 *
 *
 * WINOGRAD'S ALGORITHM serves kernels of 3x3 and 5x5 at stride and dilation 1, one depth, with
 * fewer products; errors in float stay below 1e-5 of the largest output. Tiles of the input are of
 * side 6, or for 3x3 kernels 4, which pays where images are a few tiles large. Tiles of m x m
 * outputs, m = side + 1 - kernel, are numbered along the rows of each image's grid and on from
 * image to image; each has side * side points, and gemm_tile multiplies each point's channels by
 * themselves:
 *
 *     k->winograd_weights (once); for each chunk of tiles: k->winograd_pack, k->gemm_tile for each
 *     point (depth = channels, b_step = pitch), k->winograd_store
 *
 *   winograd_weights(conv, side, weight, stride, channel, width, strip, plane)
 *     Output channels as in pack_weights: strip[point * plane + input channel * width + lane].
 *     plane >= channels * width, width <= k->rows.
 *
 *   winograd_pack(conv, side, x, channels, tile, tiles, v, pitch, plane)
 *     v[point * plane + channel * pitch + t] of tiles [tile, tile + tiles), for `channels` channels
 *     from x on; zeros from the last tile up to the pitch.
 *     1 <= tiles <= pitch <= CONVPOOL_WINOGRAD_CHUNK, pitch a multiple of CONVPOOL_WINOGRAD_TILES,
 *     plane >= channels * pitch; CONVPOOL_WINOGRAD_CHUNK more that gemm_tile may read.
 *
 *   winograd_store(conv, side, sums, pitch, plane, channels, tile, tiles, bias, residual, out)
 *     As store_tile, from sums[point * plane + channel * pitch + t] of `channels` channels, to
 *     whose first bias, residual and out point. Preconditions of both.
 *
 *
 * DEPTHWISE CONVOLUTION: each output channel sees one input channel (conv->channels is 1), and sums
 * run over a patch of the input where every tap is a constant offset away (convpool_stage_for,
 * convpool_stage_size, convpool_stage_offsets, convpool_stencil_for), or over the input itself. A
 * lane is an output channel.
 *
 *   stage_patch(conv, stage, block, x, bordered, patch)
 *     The patch under the outputs of a block, no larger than the stage was made for. x: the first
 *     lane of the image. patch holds convpool_stage_size, and CONVPOOL_SLACK more that stencils may
 *     read. bordered: what of a constant border an earlier block of that shape left in the patch: 0
 *     nothing, 1 the cells beside the input, 2 all. With 0 zeros are left wherever vectors of
 *     stencils reach beyond the block.
 *
 *   stage_rows(from, count, less, to)
 *     to[i] = from[i] - less: rows for stencil_planes, whose zeros then stand for a border of
 *     `less`.
 *
 *   stencil(stencil, patch, weight, bias, rows, columns, out, pitch)
 *     out[i * pitch + j], between stencil->low and high: one channel. weight[tap]; bias[0] or NULL.
 *
 *   stencil_lanes(stencil, patch, weight, weight_pitch, bias, block, out, row_pitch, pitch)
 *     out[i * row_pitch + j * pitch + lane]: the block's lanes lie side by side. weight[tap *
 *     weight_pitch + lane], bias[lane] or NULL. Those and the patch are read up to whole vectors.
 *
 *   stencil_planes(plane, stencil, x, weight, bias, rows, columns, out, pitch, scratch)
 *     As stencil, for plane->planes channels, over rows as they lie in memory (convpool_plane),
 *     which zeros surround. convpool_plane_vectors(stencil->shape) > 0; scratch holds
 *     convpool_plane_scratch.
 *
 *   store_row(conv, block, row, sums, bias, residual, out)
 *     out = activation(sums + residual) for row `row` of outputs: sums[column * lanes + lane],
 *     which is overwritten and may stand in `out` itself where its elements are sums and leave no
 *     gaps. residual and out: the first lane of the image. Of bytes, whose sums are formed in float
 *     without biases, bias is that of the first lane, behind which its scale follows as in
 *     store_tile.
 *
 *   pack_taps(conv, weight, stride, channel, width, strip, block, pitch)
 *     pack_weights for stencils: the same function but for bytes, whose weights it takes as float.
 *     Of those at most 256 taps may be summed.
 *
 *
 * POOLING
 *
 *   pool_block(pool, channels_last, block, x, out, index)
 *     The largest values or averages of a block's windows, and unless index is NULL, where in the
 *     input's plane those largest stand, numbered row by row; NaN is larger than anything. x, out,
 *     index: the image. channels_last says along what memory runs.
 *     The block is no larger than convpool_pool_cut says.
 *
 *
 * FILTERS over an image are k->filter[0 to 2], with sums in float, double and int32_t, each NULL
 * where there is none. They take convpool_filter; x and out are the image. Lines and sums may be
 * touched for CONVPOOL_SLACK beyond their ends.
 *
 *   line(filter, x, row, column, columns, lane, lanes, to)
 *     to[j * lanes + l]: pixels [column, column + columns) of a row of the bordered image, channels
 *     [lane, lane + lanes).
 *
 *   rows(lines, weight, kernel_height, kernel_width, step, count, rows, sums, pitch)
 *     sums[i * pitch + q] = the sum over taps of weight[r * kernel_width + c] *
 *     lines[i + r][q + c * step], q < count: rows + kernel_height - 1 lines.
 *
 *   store(filter, x, sums, row, column, columns, lane, lanes, out)
 *     Sums of those outputs, rounded half to even and saturated where the image is of integers.
 *     Where they are off by up to filter->doubt and could round otherwise, x and taps are summed
 *     again.
 *
 *   fold(lines, levels, count, to)   unfold(product, step, levels, count, sums, pitch)
 *     The lines of 3^levels products from 2^(levels + 1) - 1 of the image, and 2^levels rows of
 *     sums from the sums of those products, `step` apart: filter_fold.inc.h. levels is 1 or 2.
 *
 *
 * STABILITY. Before 1.0 a minor version may change any of this; a patch version changes neither
 * names nor meanings. There is no ABI: what is compiled holds its kernels and needs convpool no
 * more. Structs may gain fields whose value 0 means what went before: set them to 0 first (memset).
 * Names that begin with convpool_ or CONVPOOL_ and stand neither here nor in the headers named
 * above are the library's own, as are those that the *.inc.h define.
 */
#ifndef CONVPOOL_H
#define CONVPOOL_H

/* The version of these headers, and of the Python package that ships them. */
#define CONVPOOL_VERSION_MAJOR 0
#define CONVPOOL_VERSION_MINOR 1
#define CONVPOOL_VERSION_PATCH 0

/* One number to compare: #if CONVPOOL_VERSION >= 10200 for 1.2.0 and later. */
#define CONVPOOL_VERSION \
    (CONVPOOL_VERSION_MAJOR * 10000 + CONVPOOL_VERSION_MINOR * 100 + CONVPOOL_VERSION_PATCH)

#include "dispatch.h"

#endif
