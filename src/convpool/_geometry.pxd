# How the drivers see NumPy arrays: every layout and dimension as one geometry of the C side.
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool._kernels cimport CONVPOOL_AXES, CONVPOOL_RANK, convpool_axis
from convpool._memory cimport bytes_in

cdef extern from *:
    """
    #define CONVPOOL_UNCOUNTABLE ((int64_t)1 << 62)
    """
    const int64_t UNCOUNTABLE "CONVPOOL_UNCOUNTABLE"  # pixels of an axis

cdef enum:
    RANK = 5  # of the largest array: a batch of volumes


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


cdef inline void clear_axes(convpool_axis* axis) noexcept:
    """Axes that a problem of fewer dimensions lacks."""
    cdef int i
    for i in range(CONVPOOL_AXES):
        axis[i] = convpool_axis(1, 1, 1, 1, 0, 0, 1)


cdef inline bint lacks_batch(cnp.ndarray x, int spatial) except -1:
    """Whether x is one example."""
    if cnp.PyArray_NDIM(x) in (spatial + 1, spatial + 2):
        return cnp.PyArray_NDIM(x) == spatial + 1
    raise ValueError(
        f"x: got shape {(<object>x).shape}, expected {spatial + 2} axes, "
        f"or {spatial + 1} for one example without the batch axis")


cdef inline int64_t read_sizes(convpool_axis* axis, cnp.ndarray x, int spatial, bint last,
                               bint single) except -1:
    """Fills in the sizes of spatial axes; how many channels there are."""
    cdef int i, lead = 0 if single else 1
    cdef cnp.npy_intp* shape = cnp.PyArray_DIMS(x)
    for i in range(lead, cnp.PyArray_NDIM(x)):
        if shape[i] == 0:
            raise ValueError(
                f"x: got shape {(<object>x).shape}, expected at least 1 along all but batch")
    for i in range(spatial):
        axis[i].size = shape[lead + i + (0 if last else 1)]
        if axis[i].size >= UNCOUNTABLE:
            raise ValueError(f"x: got an axis of {axis[i].size}, too large to count")
    return shape[lead + spatial if last else lead]


cdef inline int set_shape(cnp.npy_intp* shape, int64_t batch, int64_t channels,
                          const convpool_axis* axis, int spatial, bint last,
                          bint single) noexcept:
    """The result's shape; how many axes it has."""
    cdef int i, rank = 0
    if not single:
        shape[rank] = batch
        rank += 1
    if not last:
        shape[rank] = channels
        rank += 1
    for i in range(spatial):
        shape[rank] = axis[i].out
        rank += 1
    if last:
        shape[rank] = channels
        rank += 1
    return rank
