# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What a call was given, as C reads it: plain values at once, all others by way of `_arguments`.

Each function here recognises what needs no second look: an exact int or float in range, a name
there is, an aligned native array. Anything else it leaves to the function of `_arguments` with the
same purpose, which settles it or raises: the rules and their messages stand there alone. Types are
compared by identity throughout, since True == 1 == 1.0 and a subclass may do as it likes.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t, intptr_t

from convpool._kernels cimport (
    CONVPOOL_F16, CONVPOOL_F32, CONVPOOL_F64, convpool_axis, convpool_conv)
from convpool._memory cimport ceil_div

import numpy as np

from convpool import _arguments
from convpool._arguments import ACTIVATIONS, ALGORITHMS, BORDERS

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1

cnp.import_array()

cdef int64_t LARGEST = _arguments.LARGEST
# A size below this, reckoned in floating point, surely is one that _arguments lets pass.
cdef double SURELY_FITS = 2.0**61

cdef dict _algorithms = ALGORITHMS
cdef dict _borders = BORDERS
cdef dict _activations = {name: _arguments.activation_code(name) for name in ACTIVATIONS}
cdef dict _paddings = {"valid": VALID, "same": SAME, "same_lower": SAME_LOWER}
cdef tuple _channels_first = (None, "NCW", "NCHW", "NCDHW")
cdef tuple _channels_last = (None, "NWC", "NHWC", "NDHWC")


cdef bint truth(str name, object value) except? -1:
    """Whether a value counts as true."""
    return value if type(value) is bool else _arguments.truth(name, value)


cdef int64_t integer(str name, object value, int64_t low) except -1:
    """A whole number in [low, LARGEST], where low >= 0."""
    cdef int overflow
    cdef int64_t number
    if type(value) is int:
        number = PyLong_AsLongLongAndOverflow(value, &overflow)  # -1 if it overflows
        if low <= number <= LARGEST:
            return number
    return _arguments.integer(name, value, low)


cdef int set_per_axis(int64_t* filled, str name, object value, int spatial,
                      int64_t low) except -1:
    """One int for all axes, or one an axis."""
    cdef int axis
    if type(value) is int:
        filled[0] = integer(name, value, low)
        for axis in range(1, spatial):
            filled[axis] = filled[0]
        return 0
    if type(value) is not tuple or len(<tuple>value) != spatial:
        value = _arguments.per_axis(name, value, spatial, low)
    for axis in range(spatial):
        filled[axis] = integer(name, (<tuple>value)[axis], low)
    return 0


cdef bint _plain_pairs(object value, int spatial):
    """Whether a padding is a tuple with an exact int or a pair for each axis."""
    if type(value) is not tuple or len(<tuple>value) != spatial:
        return False
    for item in <tuple>value:
        if type(item) is not int and (type(item) is not tuple or len(<tuple>item) != 2):
            return False
    return True


cdef int set_padding(Padding* padding, object value, int spatial) except -1:
    """A padding in any of its forms; `apply_padding` then needs to know the sizes."""
    cdef int axis
    if type(value) is not int and not _plain_pairs(value, spatial) and not (
            type(value) is str and value in _paddings):
        value = _arguments.padding_form(value, spatial)
    if type(value) is str:
        padding.rule = _paddings[value]
        return 0
    padding.rule = PAIRS
    for axis in range(spatial):
        before = value if type(value) is int else (<tuple>value)[axis]
        after = before
        if type(before) is tuple:
            before, after = <tuple>before
        padding.before[axis] = integer("padding", before, 0)
        padding.after[axis] = integer("padding", after, 0)
    return 0


cdef void apply_padding(convpool_axis* axis, const Padding* padding, int spatial) noexcept:
    """Fills in before and after of axes whose kernels do not span more than 2**62 pixels. "same" is
    TensorFlow's: ceil(size / stride) outputs."""
    cdef int i
    cdef int64_t total, less
    for i in range(spatial):
        axis[i].before = axis[i].after = 0
        if padding.rule == PAIRS:
            axis[i].before = padding.before[i]
            axis[i].after = padding.after[i]
        elif padding.rule != VALID:
            total = (ceil_div(axis[i].size, axis[i].stride) - 1) * axis[i].stride + 1
            total += (axis[i].kernel - 1) * axis[i].dilation - axis[i].size
            total = max(<int64_t>0, total)
            less = total // 2
            axis[i].before = total - less if padding.rule == SAME_LOWER else less
            axis[i].after = total - axis[i].before


cdef int channels_last(object layout, int spatial) except -1:
    """Whether the layout of arrays with so many spatial axes has channels last."""
    if type(layout) is str:
        if layout == <str>_channels_first[spatial]:
            return False
        if layout == <str>_channels_last[spatial]:
            return True
    return _arguments.channels_last(layout, spatial)


cdef int algorithm_code(object algorithm) except -1:
    if type(algorithm) is not str or algorithm not in _algorithms:
        algorithm = _arguments.choice("algorithm", algorithm, ALGORITHMS)
    return _algorithms[algorithm]


cdef int set_border(convpool_conv* conv, object padding_mode, object padding_value) except -1:
    if type(padding_mode) is str and type(padding_value) is float:
        if padding_mode in _borders and (<double>padding_value == 0 or padding_mode == "constant"):
            conv.border = _borders[padding_mode]
            conv.border_value = padding_value
            return 0
    conv.border, conv.border_value = _arguments.border_code(padding_mode, padding_value)
    return 0


cdef int set_activation(convpool_conv* conv, object activation) except -1:
    cdef tuple settled
    if activation is None:
        conv.activation = 0
        conv.activation_parameter[0] = conv.activation_parameter[1] = 0
        return 0
    if type(activation) is str and activation in _activations:
        settled = _activations[activation]
    else:
        settled = _arguments.activation_code(activation)
    conv.activation = settled[0]
    conv.activation_parameter[0] = settled[1]
    conv.activation_parameter[1] = settled[2]
    return 0


cdef int element_type(cnp.ndarray array) noexcept:
    """The C side's code of an array's type, -1 if it has none for numbers it sums."""
    cdef int number = cnp.PyArray_TYPE(array)
    if number == cnp.NPY_FLOAT:
        return CONVPOOL_F32
    if number == cnp.NPY_DOUBLE:
        return CONVPOOL_F64
    return CONVPOOL_F16 if number == cnp.NPY_FLOAT16 else -1


cdef bint _plain(object value):
    """Whether a value is an array, no subclass, that is `readable` as it stands."""
    cdef cnp.ndarray array
    cdef int axis
    if not cnp.PyArray_CheckExact(value):
        return False
    array = value
    if not cnp.PyArray_ISBEHAVED_RO(array):
        return False
    for axis in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, axis) & (cnp.PyArray_ITEMSIZE(array) - 1):
            return False
    return True


cdef bint _plain_array(object value):
    """Whether it is one of floats."""
    return _plain(value) and element_type(value) >= 0


cdef object as_array(str name, object value):
    """A value as an array. Only this may run code of the caller's, which may change other arrays:
    so all arrays of a call are made before anything of one of them is looked at."""
    return value if cnp.PyArray_CheckExact(value) else _arguments.array_of(name, value)


cdef cnp.ndarray float_array(str name, object value):
    """An array of float16, float32 or float64, as the C side reads it."""
    return value if _plain_array(value) else _arguments.float_array(name, value)


cdef cnp.ndarray alike(str name, object value, cnp.ndarray x):
    """An array of x's type, as the C side reads it."""
    if _plain_array(value) and cnp.PyArray_TYPE(value) == cnp.PyArray_TYPE(x):
        return value
    return _arguments.alike(name, value, x.dtype)


cdef cnp.ndarray bias_of_sums(object value, cnp.ndarray kernels):
    """A bias for each output channel, contiguous and of the type that sums have."""
    cdef cnp.ndarray bias
    if _plain_array(value) and cnp.PyArray_TYPE(value) == cnp.PyArray_TYPE(kernels):
        bias = value
        if (cnp.PyArray_NDIM(bias) == 1 and cnp.PyArray_IS_C_CONTIGUOUS(bias)
                and cnp.PyArray_DIM(bias, 0) == cnp.PyArray_DIM(kernels, 0)
                and element_type(bias) != CONVPOOL_F16):
            return bias
    sum_type = np.float32 if element_type(kernels) == CONVPOOL_F16 else kernels.dtype
    return np.ascontiguousarray(_arguments.bias_array(value, kernels), sum_type)


cdef int check_packable(cnp.ndarray kernels, int64_t groups) except -1:
    """Raises where a weight's strips are too large to address."""
    cdef double size = 8 * (<double>cnp.PyArray_DIM(kernels, 0) + 64 * <double>groups)
    cdef int axis
    for axis in range(1, cnp.PyArray_NDIM(kernels)):
        size *= cnp.PyArray_DIM(kernels, axis)
    if size > SURELY_FITS:
        _arguments.packable(kernels, groups)
    return 0


cdef void _extent(cnp.ndarray array, intptr_t* low, intptr_t* high) noexcept:
    """The first address of an array's elements and the one after the last, if it has any."""
    cdef int axis
    cdef intptr_t reach
    low[0] = high[0] = <intptr_t>cnp.PyArray_DATA(array)
    for axis in range(cnp.PyArray_NDIM(array)):
        reach = cnp.PyArray_STRIDE(array, axis) * (cnp.PyArray_DIM(array, axis) - 1)
        if reach < 0:
            low[0] += reach
        else:
            high[0] += reach
    high[0] += cnp.PyArray_ITEMSIZE(array)


cdef bint _plain_out(object out, int rank, cnp.npy_intp* shape, cnp.dtype kind, tuple inputs):
    """Whether `out` can be computed into as it stands."""
    cdef cnp.ndarray array
    cdef int axis
    cdef intptr_t low, high, input_low, input_high
    if not _plain(out):
        return False
    array = out
    if (cnp.PyArray_TYPE(array) != kind.type_num or cnp.PyArray_NDIM(array) != rank
            or not cnp.PyArray_ISWRITEABLE(array)):
        return False
    for axis in range(rank):
        if (cnp.PyArray_DIM(array, axis) != shape[axis] or shape[axis] == 0
                or cnp.PyArray_STRIDE(array, axis) == 0):
            return False
    _extent(array, &low, &high)
    for other in inputs:
        if other is not None:
            _extent(other, &input_low, &input_high)
            if input_low < high and low < input_high:
                return False
    return True


cdef cnp.ndarray result_array(object out, int rank, cnp.npy_intp* shape, cnp.dtype kind,
                              tuple inputs, bint* copy):
    """The array to compute into, and whether it must then be copied into `out`."""
    cdef double size = cnp.PyDataType_ELSIZE(kind)
    cdef int axis
    for axis in range(rank):
        size *= max(<cnp.npy_intp>1, shape[axis])
    copy[0] = False
    if size < SURELY_FITS:
        if out is None:
            return cnp.PyArray_EMPTY(rank, shape, kind.type_num, 0)
        if _plain_out(out, rank, shape, kind, inputs):
            return out
    whole = tuple([shape[axis] for axis in range(rank)])
    result, copy[0] = _arguments.output_array(out, whole, kind, inputs)
    return result
