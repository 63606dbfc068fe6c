/* convpool.h - the C side of convpool: convolution and pooling kernels for any array.
 *
 * Header-only C11 and C++17: pure functions on pointers and strides. They allocate nothing, keep
 * no state, start no threads and check nothing; the caller keeps the stated preconditions.
 *
 *   types.h      element types, borders, activations
 *   cpu.h        convpool_cpu_capabilities(): the instruction sets that can run here
 *   geometry.h   convpool_conv, convpool_pool: a problem as sizes and strides
 *   dispatch.h   convpool_find_kernels(): the functions for an element type and instruction set
 *
 * A convolution is pack -> multiply -> epilogue. For a group, with kernels `k` found by
 * convpool_find_kernels and depth = channels * taps, pixels numbered on from image to image:
 *
 *     for each strip of k->rows output channels:   k->pack_weights   (once)
 *     for each block of output pixels:
 *         k->pack_pixels                                             (panel of columns)
 *         for each strip of the panel, each strip of weights:
 *             k->gemm_tile                                           (tile of sums)
 *             k->store_tile                                          (bias, activation, out)
 *
 * Kernels of 3x3 and 5x5 at stride 1 may go by Winograd's algorithm: k->winograd_weights (once),
 * for each chunk of tiles k->winograd_pack, k->gemm_tile for each of the 36 points,
 * k->winograd_store.
 *
 * Bytes are convolved likewise, in pairs of steps (k->products). Weights are int16_t, less their
 * zero points; the input's is conv->border_value, for which biases have to make up, and behind them
 * follow scales (quantized.inc.h).
 *
 * Where each output sees one input channel, k->stage_patch lays out a piece of the input so that
 * convpool_stage_offsets tells each tap's place in it, k->stencil or k->stencil_lanes sums, and
 * k->store_row stores. Pooling is k->pool_block alone; convpool_pool_cut says how large its blocks
 * are. k->filter are the steps of a filter over an image (filter.h).
 *
 * Compile with -ffp-contract=off: the results then have the same bits on every instruction set
 * with fused multiply-add, which the kernels call by name where they want it.
 * GCC forms vectors of most activations only with -fno-trapping-math, which changes no bits.
 */
#ifndef CONVPOOL_H
#define CONVPOOL_H

#define CONVPOOL_VERSION_MAJOR 0
#define CONVPOOL_VERSION_MINOR 1
#define CONVPOOL_VERSION_PATCH 0

#include "dispatch.h"

#endif
