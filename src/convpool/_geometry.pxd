# How the drivers see NumPy arrays: every layout and dimension as one geometry of the C side.
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool._kernels cimport CONVPOOL_AXES, CONVPOOL_RANK, convpool_axis
from convpool._memory cimport bytes_in


cdef inline bytes_in data_of(object array) noexcept:
    """Where an array's first element lies, NULL for None."""
    if array is None:
        return NULL
    return <bytes_in>cnp.PyArray_DATA(<cnp.ndarray>array)


cdef inline void fill_strides(int64_t* stride, cnp.ndarray array, bint channels_last,
                              bint single=False) noexcept:
    """Strides of (batch, channel, depth, row, column), in elements; 0 for axes it lacks, as a
    `single` example lacks the batch."""
    cdef int lead = 0 if single else 1
    cdef int axis, spatial = cnp.PyArray_NDIM(array) - lead - 1
    cdef int64_t size = cnp.PyArray_ITEMSIZE(array)
    cdef int first = lead if channels_last else lead + 1
    for axis in range(CONVPOOL_RANK):
        stride[axis] = 0
    if not single:
        stride[0] = cnp.PyArray_STRIDE(array, 0) // size
    stride[1] = cnp.PyArray_STRIDE(array, lead + spatial if channels_last else lead) // size
    for axis in range(spatial):
        stride[CONVPOOL_RANK - spatial + axis] = cnp.PyArray_STRIDE(array, first + axis) // size
