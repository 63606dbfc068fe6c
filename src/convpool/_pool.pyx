# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of max and average pooling.

    lanes = channels where they lie next to each other, otherwise output columns
    parallel over lines of outputs:
        for each stretch of lanes: reduce the window, all lanes in step

An average sums its window in one order, whatever the threads: over columns of sums down the rows
where lanes are columns, tap by tap where they are channels.
"""
from cython.parallel cimport prange
from libc.stdint cimport int64_t

from convpool._kernels cimport *
from convpool._memory cimport bytes_in, bytes_out
from convpool._threads cimport kernels_for, threads_for


cdef void pool_line(const convpool_kernels* kernels, const convpool_pool* pool, int channels_last,
                    int64_t line, const char* x, char* out, int64_t* index) noexcept nogil:
    """All lanes of line number `line`, whose axes are (image, channel, depth, row), or (image,
    depth, row, column) where channels are the lanes."""
    cdef const convpool_axis* axis = &pool.axis[0]
    cdef int64_t channel = 0, column = 0, lane = 0, lanes, used, depth, row
    cdef int64_t most = CONVPOOL_POOL_LANES
    if channels_last:
        column = line % axis[CONVPOOL_COLUMN].out
        line //= axis[CONVPOOL_COLUMN].out
    row = line % axis[CONVPOOL_ROW].out
    line //= axis[CONVPOOL_ROW].out
    depth = line % axis[CONVPOOL_DEPTH].out
    line //= axis[CONVPOOL_DEPTH].out
    if not channels_last:
        channel = line % pool.channels
        line //= pool.channels
    x += line * pool.x_stride[0] * <int64_t>kernels.element_size
    out += line * pool.out_stride[0] * <int64_t>kernels.element_size
    if index != NULL:
        index += line * pool.index_stride[0]
    lanes = pool.channels if channels_last else axis[CONVPOOL_COLUMN].out
    if not channels_last:
        most = min(most, (CONVPOOL_POOL_SPAN - 1) // axis[CONVPOOL_COLUMN].stride + 1)
    while lane < lanes:
        used = min(lanes - lane, most)
        kernels.pool_lanes(pool, channels_last, lane if channels_last else channel, depth, row,
                           column if channels_last else lane, used, x, out, index)
        lane += used


cdef int run_pool(const convpool_pool* pool, bytes_in x, bytes_out out, int64_t* index, int dtype,
                  bint channels_last, num_threads) except -1:
    """Pools into `out` and, unless it is NULL, `index`. The caller has checked everything, as for
    `_conv.run_convolution`."""
    cdef const convpool_kernels* kernels = kernels_for(dtype)
    cdef int64_t line, lines
    cdef int threads
    lines = pool.batch * pool.axis[CONVPOOL_DEPTH].out * pool.axis[CONVPOOL_ROW].out
    lines *= pool.axis[CONVPOOL_COLUMN].out if channels_last else pool.channels
    threads = threads_for(
        num_threads, <double>pool.batch * pool.channels * convpool_pixels(pool.axis)
        * pool.axis[CONVPOOL_ROW].kernel * pool.axis[CONVPOOL_COLUMN].kernel)
    if threads == 1:  # even a team of one costs as much as a small call
        with nogil:
            for line in range(lines):
                pool_line(kernels, pool, channels_last, line, x, out, index)
        return 0
    for line in prange(lines, nogil=True, num_threads=threads, schedule="static"):
        pool_line(kernels, pool, channels_last, line, x, out, index)
    return 0
