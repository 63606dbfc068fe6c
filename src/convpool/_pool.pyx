# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of max and average pooling.

    block = what the kernels take at once: some rows of a plane, or some channels of a row
    parallel over bands of blocks, side by side along columns:
        for each block of the band: reduce its windows

An average sums its window in one order, whatever the blocks: see pool.inc.h.
"""
from cython.parallel cimport prange
from libc.stdint cimport int64_t
cimport numpy as cnp

from convpool._geometry cimport fill_axes, fill_strides
from convpool._kernels cimport *
from convpool._memory cimport ceil_div
from convpool._threads cimport kernels_for, threads_for

cnp.import_array()


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


def pool(cnp.ndarray x, cnp.ndarray out, indices, *, int dtype, tuple axes, bint channels_last,
         bint average, bint include_padding, int64_t divisor, num_threads):
    """Pools into `out` and, unless it is None, `indices` (int64). The caller has checked
    everything, as for `_conv.convolve`."""
    cdef convpool_pool pool
    cdef const convpool_kernels* kernels = kernels_for(dtype)
    cdef convpool_pool_block block
    cdef int64_t band, bands
    cdef int64_t* index_data = NULL
    cdef const char* x_data = <const char*>cnp.PyArray_DATA(x)
    cdef char* out_data = <char*>cnp.PyArray_DATA(out)
    cdef int threads
    pool.batch = cnp.PyArray_DIM(x, 0)
    pool.channels = cnp.PyArray_DIM(x, cnp.PyArray_NDIM(x) - 1 if channels_last else 1)
    fill_axes(pool.axis, axes)
    fill_strides(pool.x_stride, x, channels_last)
    fill_strides(pool.out_stride, out, channels_last)
    fill_strides(pool.index_stride, out if indices is None else indices, channels_last)
    if indices is not None:
        index_data = <int64_t*>cnp.PyArray_DATA(indices)
    pool.average = average
    pool.include_padding = include_padding
    pool.divisor = divisor

    block = convpool_pool_cut(&pool, channels_last)
    bands = pool.batch * pool.axis[CONVPOOL_DEPTH].out
    bands *= ceil_div(pool.channels, block.channels)
    bands *= ceil_div(pool.axis[CONVPOOL_ROW].out, block.rows)
    threads = threads_for(
        num_threads, <double>pool.batch * pool.channels * convpool_pixels(pool.axis)
        * pool.axis[CONVPOOL_ROW].kernel * pool.axis[CONVPOOL_COLUMN].kernel)
    for band in prange(bands, nogil=True, num_threads=threads, schedule="static"):
        pool_band(kernels, &pool, channels_last, band, x_data, out_data, index_data)
