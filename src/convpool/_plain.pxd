# What a call was given, as C reads it: plain values at once, all others by way of _arguments.
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool._kernels cimport convpool_axis, convpool_conv

cdef enum PaddingRule:
    PAIRS
    VALID
    SAME
    SAME_LOWER


cdef struct Padding:
    PaddingRule rule
    int64_t before[3]
    int64_t after[3]

cdef bint truth(str name, object value) except? -1
cdef int64_t integer(str name, object value, int64_t low) except -1
cdef int set_per_axis(int64_t* filled, str name, object value, int spatial, int64_t low) except -1
cdef int set_padding(Padding* padding, object value, int spatial) except -1
cdef void apply_padding(convpool_axis* axis, const Padding* padding, int spatial) noexcept
cdef int channels_last(object layout, int spatial) except -1
cdef int algorithm_code(object algorithm) except -1
cdef int set_border(convpool_conv* conv, object padding_mode, object padding_value) except -1
cdef int set_activation(convpool_conv* conv, object activation) except -1
cdef int element_type(cnp.ndarray array) noexcept
cdef object as_array(str name, object value)
cdef cnp.ndarray float_array(str name, object value)
cdef cnp.ndarray alike(str name, object value, cnp.ndarray x)
cdef cnp.ndarray bias_of_sums(object value, cnp.ndarray kernels)
cdef int check_packable(cnp.ndarray kernels, int64_t groups) except -1
cdef cnp.ndarray result_array(object out, int rank, cnp.npy_intp* shape, cnp.dtype kind,
                              tuple inputs, bint* copy)
