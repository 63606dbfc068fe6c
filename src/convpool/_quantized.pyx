# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What stands between convolution of bytes and the driver of every convolution.

    sum (x - zx) (w - zw) = sum x (w - zw) - zx sum (w - zw)

so that the packers see x as it is, padded with zx; weights come less their zero points, as int8
if they fit and the processor multiplies quads of bytes, otherwise as int16; and the last term,
which is one number for each output channel, goes into the bias. All of it is exact modulo 2^32. The
epilogue scales, rounds and saturates, or stores the sums.
"""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

from convpool cimport _conv
from convpool._call cimport Terms, check_weight, fit_convolution, settle
from convpool._conv cimport Strips
from convpool._geometry cimport RANK, data_of, fill_strides
from convpool._kernels cimport *
from convpool._memory cimport bytes_out
from convpool._plain cimport check_packable, result_array
from convpool._stencil cimport is_depthwise
from convpool._threads cimport kernels_for, quad_kernels_for

import numpy as np

from convpool._threads import checked_threads

cnp.import_array()

# By (type of x, type of the result).
cdef dict _codes = {
    ("B", "B"): CONVPOOL_U8, ("B", "b"): CONVPOOL_U8_S8, ("B", "i"): CONVPOOL_U8_I32,
    ("b", "b"): CONVPOOL_S8, ("b", "B"): CONVPOOL_S8_U8, ("b", "i"): CONVPOOL_S8_I32}


cdef class Weight:
    """A weight less its zero points, with what else of a convolution does not hang on its input.

    `scales` (float32) and `bias` (int32) are one for each output channel, or None.
    """
    cdef Terms terms
    cdef cnp.ndarray kernels, taps, sums
    cdef Strips strips
    cdef readonly cnp.ndarray bias, scales
    cdef readonly tuple shape
    cdef bint quads

    def __cinit__(self, cnp.ndarray weight, bias, cnp.ndarray zero_points, scales, stride, padding,
                  dilation, groups, layout, bint prepare, num_threads):
        cdef int i, spatial = cnp.PyArray_NDIM(weight) - 2
        cdef int64_t channels
        if num_threads is not None:
            num_threads = checked_threads(num_threads)
        check_weight(weight, 3, 5)
        if layout is None:
            layout = "NC" + "DHW"[3 - spatial:]
        settle(&self.terms, spatial, stride, padding, dilation, groups, "zeros", 0.0, False, None,
               layout, "direct")
        check_weight(weight, spatial + 2, spatial + 2)  # the terms may have changed it
        self.shape = (<object>weight).shape
        channels = cnp.PyArray_DIM(weight, 0)
        if channels % self.terms.conv.groups:
            raise ValueError(
                f"groups: got {self.terms.conv.groups}, expected a divisor of weight's "
                f"{channels} channels")
        for name, value in (("bias", bias), ("weight_zero_point", zero_points),
                            ("weight_scale", scales)):
            if value is not None and value.shape != (channels,) and (
                    name == "bias" or value.size != 1):
                one = "" if name == "bias" else "one number or "
                raise ValueError(f"{name}: got shape {value.shape}, expected {one}({channels},)")
        check_packable(weight, self.terms.conv.groups)
        zero_points = zero_points.reshape((-1,) + (1,) * (spatial + 1))
        kernels = np.subtract(weight, zero_points, dtype=np.int16)
        depthwise = is_depthwise(kernels.shape[1], channels // self.terms.conv.groups)
        self.quads = (
            quad_kernels_for(CONVPOOL_U8) != NULL and not depthwise
            and kernels.size > 0 and -128 <= kernels.min() and kernels.max() <= 127)
        self.kernels = kernels.astype(np.int8) if self.quads else kernels
        self.taps = kernels.astype(np.float32, order="C") if depthwise else None
        self.sums = self.kernels.reshape((channels, -1)).sum(1, dtype=np.int64)
        self.bias = None if bias is None else bias.copy()
        self.scales = None if scales is None else np.ascontiguousarray(
            np.broadcast_to(scales.reshape(-1), channels))
        for i in range(spatial):
            self.terms.conv.axis[CONVPOOL_AXES - spatial + i].kernel = (
                cnp.PyArray_DIM(weight, 2 + i))
        if prepare:
            self.strips = _conv.pack_weight(
                &self.terms.conv, self.kernels, self.kernels_of(CONVPOOL_U8),
                self.terms.channels_last, _conv.DIRECT, num_threads)

    cdef const convpool_kernels* kernels_of(self, int dtype):
        return quad_kernels_for(dtype) if self.quads else kernels_for(dtype)


def multipliers(Weight weight, float x_scale, float out_scale):
    """x_scale * scales / out_scale in float32, or None if one of them is not finite."""
    cdef cnp.npy_intp i, channels = cnp.PyArray_DIM(weight.scales, 0)
    cdef cnp.ndarray result = cnp.PyArray_SimpleNew(1, &channels, cnp.NPY_FLOAT)
    cdef const float* scales = <const float*>cnp.PyArray_DATA(weight.scales)
    cdef float* to = <float*>cnp.PyArray_DATA(result)
    cdef bint finite = True
    for i in range(channels):
        to[i] = x_scale * scales[i]
        to[i] = to[i] / out_scale
        finite = finite and isfinite(to[i])
    return result if finite else None


cdef cnp.ndarray constants_of(Weight weight, int64_t zero_point, cnp.ndarray factors):
    """What the epilogue adds to sums and multiplies them by: int32, then float32."""
    cdef cnp.npy_intp channels = cnp.PyArray_DIM(weight.kernels, 0), size = 2 * channels, i
    cdef cnp.ndarray constants = cnp.PyArray_SimpleNew(1, &size, cnp.NPY_INT32)
    cdef int32_t* to = <int32_t*>cnp.PyArray_DATA(constants)
    cdef const int64_t* sums = <const int64_t*>cnp.PyArray_DATA(weight.sums)
    cdef const int32_t* bias = NULL
    cdef const float* given = NULL
    if weight.bias is not None:
        bias = <const int32_t*>cnp.PyArray_DATA(weight.bias)
    if factors is not None:
        given = <const float*>cnp.PyArray_DATA(factors)
    for i in range(channels):
        to[i] = <int32_t>((0 if bias == NULL else bias[i]) - zero_point * sums[i])
        (<float*>to)[channels + i] = 0 if given == NULL else given[i]
    return constants


def convolve(Weight weight, cnp.ndarray x, int zero_point, cnp.ndarray factors, dtype,
             double out_zero_point, tuple bounds, out, num_threads):
    """A convolution with a result of `dtype`: int32, or scaled by `factors` (the multipliers) and
    bounded."""
    cdef Terms terms = weight.terms
    cdef convpool_conv* conv = &terms.conv
    cdef const convpool_kernels* kernels
    cdef cnp.npy_intp shape[RANK]
    cdef cnp.ndarray result, constants
    cdef int rank
    cdef bint single, copy, last = terms.channels_last
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    conv.zero_point = out_zero_point
    conv.activation_parameter[0], conv.activation_parameter[1] = bounds
    rank = fit_convolution(&terms, x, weight.kernels, "zeros", shape, &single)
    result = result_array(out, rank, shape, dtype, (x,), &copy)
    kernels = weight.kernels_of(_codes[x.dtype.char, result.dtype.char])
    zero_point += kernels.x_shift
    conv.border_value = zero_point
    constants = constants_of(weight, zero_point, factors)
    if conv.batch:
        fill_strides(conv.x_stride, x, last, single)
        fill_strides(conv.out_stride, result, last, single)
        conv.residual_stride[:] = conv.out_stride
        _conv.run_convolution(
            conv, data_of(x), weight.kernels, weight.taps, data_of(constants), NULL,
            <bytes_out>cnp.PyArray_DATA(result), weight.strips, kernels, last, _conv.DIRECT,
            num_threads)
    if copy:
        np.copyto(np.asarray(out), result)
    return result if out is None else out
