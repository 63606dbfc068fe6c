# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of max and average pooling.

    block = what the kernels take at once: some rows of a plane, or some channels of a row
    parallel over bands of blocks, side by side along columns:
        for each block of the band: reduce its windows

An average sums its window in one order, whatever the blocks: see pool.inc.h.
"""
from cython.parallel cimport prange
from libc.stdint cimport int64_t

from convpool._kernels cimport *
from convpool._memory cimport bytes_in, bytes_out, ceil_div
from convpool._threads cimport kernels_for, threads_for


cdef void pool_band(const convpool_kernels* kernels, const convpool_pool* pool, int channels_last,
                    int64_t band, const char* x, char* out, int64_t* index) noexcept nogil:
    """All columns of band number `band`; bands are counted along (image, channel, depth, row)."""
    cdef const convpool_axis* axis = &pool.axis[0]
    cdef convpool_pool_block block = convpool_pool_cut(pool, channels_last)
    cdef int64_t columns = block.columns, number
    number = ceil_div(axis[CONVPOOL_ROW].out, block.rows)
    block.row = band % number * block.rows
    band //= number
    block.depth = band % axis[CONVPOOL_DEPTH].out
    band //= axis[CONVPOOL_DEPTH].out
    number = ceil_div(pool.channels, block.channels)
    block.channel = band % number * block.channels
    band //= number
    block.rows = min(block.rows, axis[CONVPOOL_ROW].out - block.row)
    block.channels = min(block.channels, pool.channels - block.channel)
    x += band * pool.x_stride[0] * <int64_t>kernels.element_size
    out += band * pool.out_stride[0] * <int64_t>kernels.element_size
    if index != NULL:
        index += band * pool.index_stride[0]
    while block.column < axis[CONVPOOL_COLUMN].out:
        block.columns = min(columns, axis[CONVPOOL_COLUMN].out - block.column)
        kernels.pool_block(pool, channels_last, &block, x, out, index)
        block.column += columns


cdef int run_pool(const convpool_pool* pool, bytes_in x, bytes_out out, int64_t* index, int dtype,
                  bint channels_last, num_threads) except -1:
    """Pools into `out` and, unless it is NULL, `index`. The caller has checked everything, as for
    `_conv.run_convolution`."""
    cdef const convpool_kernels* kernels = kernels_for(dtype)
    cdef convpool_pool_block block = convpool_pool_cut(pool, channels_last)
    cdef int64_t band, bands = pool.batch * pool.axis[CONVPOOL_DEPTH].out
    cdef int threads
    bands *= ceil_div(pool.channels, block.channels)
    bands *= ceil_div(pool.axis[CONVPOOL_ROW].out, block.rows)
    threads = threads_for(
        num_threads, <double>pool.batch * pool.channels * convpool_pixels(pool.axis)
        * pool.axis[CONVPOOL_ROW].kernel * pool.axis[CONVPOOL_COLUMN].kernel)
    if threads == 1:  # even a team of one costs as much as a small call
        with nogil:
            for band in range(bands):
                pool_band(kernels, pool, channels_last, band, x, out, index)
        return 0
    for band in prange(bands, nogil=True, num_threads=threads, schedule="static"):
        pool_band(kernels, pool, channels_last, band, x, out, index)
    return 0
