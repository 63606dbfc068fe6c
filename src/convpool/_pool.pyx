# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of max and average pooling.

    block = what the kernels take at once: rows of some planes, or some channels of a row
    parallel over blocks: reduce their windows

An average sums its window in one order, however many threads: see pool.inc.h.
"""
from cython.parallel cimport prange
from libc.stdint cimport int64_t

from convpool._kernels cimport *
from convpool._memory cimport bytes_in, bytes_out, ceil_div
from convpool._threads cimport kernels_for, threads_for

cdef enum:
    CELL = 10  # multiply-adds that take as long as to reduce one cell


cdef void pool_number(const convpool_kernels* kernels, const convpool_pool* pool,
                      int channels_last, convpool_pool_block block, int64_t number,
                      const char* x, char* out, int64_t* index) noexcept nogil:
    """Block number `number`, counted along (image, channel, depth, row); `block` is the first."""
    cdef const convpool_axis* axis = &pool.axis[0]
    cdef int64_t blocks
    blocks = ceil_div(axis[CONVPOOL_ROW].out, block.rows)
    block.row = number % blocks * block.rows
    number //= blocks
    block.depth = number % axis[CONVPOOL_DEPTH].out
    number //= axis[CONVPOOL_DEPTH].out
    blocks = ceil_div(pool.channels, block.channels)
    block.channel = number % blocks * block.channels
    number //= blocks
    block.rows = min(block.rows, axis[CONVPOOL_ROW].out - block.row)
    block.channels = min(block.channels, pool.channels - block.channel)
    x += number * pool.x_stride[0] * <int64_t>kernels.element_size
    out += number * pool.out_stride[0] * <int64_t>kernels.element_size
    if index != NULL:
        index += number * pool.index_stride[0]
    kernels.pool_block(pool, channels_last, &block, x, out, index)


cdef int run_pool(const convpool_pool* pool, bytes_in x, bytes_out out, int64_t* index, int dtype,
                  bint channels_last, num_threads) except -1:
    """Pools into `out` and, unless it is NULL, `index`. The caller has checked everything, as for
    `_conv.run_convolution`."""
    cdef const convpool_kernels* kernels = kernels_for(dtype)
    cdef convpool_pool_block block = convpool_pool_cut(pool, channels_last)
    cdef int64_t number, blocks = pool.batch * pool.axis[CONVPOOL_DEPTH].out
    cdef int threads
    blocks *= ceil_div(pool.channels, block.channels)
    blocks *= ceil_div(pool.axis[CONVPOOL_ROW].out, block.rows)
    threads = threads_for(
        num_threads, <double>pool.batch * pool.channels * convpool_pixels(pool.axis)
        * pool.axis[CONVPOOL_ROW].kernel * pool.axis[CONVPOOL_COLUMN].kernel * CELL)
    if threads == 1:  # even a team of one costs as much as a small call
        with nogil:
            for number in range(blocks):
                pool_number(kernels, pool, channels_last, block, number, x, out, index)
        return 0
    for number in prange(blocks, nogil=True, num_threads=threads, schedule="static"):
        pool_number(kernels, pool, channels_last, block, number, x, out, index)
    return 0
