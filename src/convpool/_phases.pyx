# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The driver of transposed convolutions: a convolution for each phase of the result.

    every stride-th output pixel, from one of the first `stride` on, is one phase of an axis
    for each phase (of all axes together) that any tap of the kernel meets:
        out[phase] = convolution of x, stride 1, with every (stride / g)-th tap, mirrored,
                     dilation / g apart, where g = gcd(stride, dilation)
    all other outputs = bias

Input pixel i and tap u meet output o = i * stride + u * dilation - before. For given o those taps
u are an arithmetic progression, and i falls by dilation / g from one of them to the next. So no
product with an inserted zero is ever formed, and each output is one sum in one order.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool cimport _conv
from convpool._conv cimport AUTO
from convpool._geometry cimport data_of, fill_strides
from convpool._kernels cimport *
from convpool._memory cimport bytes_out, ceil_div
from convpool._plain cimport bias_of_sums, check_packable, element_type
from convpool._threads cimport kernels_for

import numpy as np

cnp.import_array()

cdef enum:
    LARGE = 1 << 14  # elements of a result that more than the nearest cache has to hold


# One phase of an axis: `outputs` of the result, a stride apart, are a convolution of `inputs` of x,
# padded, with `taps` of the kernel, `step` apart.
cdef struct Phase:
    int64_t start, outputs
    int64_t first, inputs, before, after
    int64_t tap, taps, step, gap


cdef int64_t gcd(int64_t a, int64_t b) noexcept:
    while b:
        a, b = b, a % b
    return a


cdef int64_t floor_div(int64_t a, int64_t b) noexcept:
    """Towards minus infinity, b > 0."""
    return a // b if a >= 0 else -ceil_div(-a, b)


cdef int64_t first_taps(const convpool_axis* axis) noexcept:
    """How many taps are the first one of a phase."""
    return min(axis.stride // gcd(axis.stride, axis.dilation), axis.kernel)


cdef bint find_phase(const convpool_axis* axis, int64_t tap, Phase* phase) noexcept:
    """The phase whose first tap this is; whether any of its taps meets any input. Those at the
    ends that meet none are left out. `axis` is that of the transposed convolution: `before` is what
    it cuts."""
    cdef int64_t shared = gcd(axis.stride, axis.dilation)
    cdef int64_t meets, first, last, begin, end
    phase.step, phase.gap = axis.stride // shared, axis.dilation // shared
    # Output q of the phase and its tap number t meet input q + meets - t * gap.
    meets = -floor_div(tap * axis.dilation - axis.before, axis.stride)
    phase.start = tap * axis.dilation - axis.before + meets * axis.stride
    if phase.start >= axis.out:
        return False
    phase.outputs = ceil_div(axis.out - phase.start, axis.stride)
    first = max(<int64_t>0, -floor_div(axis.size - 1 - meets, phase.gap))
    last = min((axis.kernel - 1 - tap) // phase.step,
               floor_div(phase.outputs - 1 + meets, phase.gap))
    if first > last:
        return False
    begin, end = meets - last * phase.gap, phase.outputs + meets - first * phase.gap
    phase.first = max(begin, <int64_t>0)
    phase.inputs = min(end, axis.size) - phase.first
    phase.before, phase.after = phase.first - begin, max(end - axis.size, <int64_t>0)
    phase.tap, phase.taps = tap + first * phase.step, last - first + 1
    return True


cdef int64_t phases_met(const convpool_axis* axis) noexcept:
    """How many phases of an axis any tap meets."""
    cdef Phase phase
    cdef int64_t tap, count = 0
    for tap in range(first_taps(axis)):
        count += find_phase(axis, tap, &phase)
    return count


cdef slice mirrored(const Phase* phase):
    """The phase's taps, the last one first."""
    cdef int64_t stop = phase.tap - phase.step
    return slice(phase.tap + (phase.taps - 1) * phase.step, stop if stop >= 0 else None,
                 -phase.step)


cdef int run_phase(const convpool_conv* whole, const Phase* phase, int spatial, cnp.ndarray x,
                   cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray result, cnp.ndarray buffer,
                   bint last, num_threads) except -1:
    """One phase of all axes."""
    cdef convpool_conv conv = whole[0]  # which the driver may change
    cdef int64_t size = cnp.PyArray_ITEMSIZE(x), pixels = 1, x_offset = 0, out_offset = 0
    cdef bytes_out out
    cdef int i, at
    for i in range(CONVPOOL_AXES - 1, -1, -1):
        at = CONVPOOL_RANK - CONVPOOL_AXES + i
        x_offset += phase[i].first * conv.x_stride[at]
        out_offset += phase[i].start * conv.out_stride[at]
        conv.out_stride[at] = (conv.out_stride[at] * conv.axis[i].stride if buffer is None
                               else pixels)
        conv.axis[i] = convpool_axis(phase[i].inputs, phase[i].taps, 1, phase[i].gap,
                                     phase[i].before, phase[i].after, phase[i].outputs)
        pixels *= phase[i].outputs
    if buffer is None:
        out = <bytes_out>cnp.PyArray_DATA(result) + out_offset * size
    else:
        out = <bytes_out>cnp.PyArray_DATA(buffer)
        conv.out_stride[1] = pixels
        conv.out_stride[0] = pixels * conv.groups * conv.out_channels
    conv.residual_stride[:] = conv.out_stride
    phase += CONVPOOL_AXES - spatial
    weight = weight[(slice(None), slice(None), *[mirrored(&phase[i]) for i in range(spatial)])]
    _conv.run_convolution(&conv, data_of(x) + x_offset * size, weight, weight, data_of(bias), NULL,
                          out, None, kernels_for(element_type(x)), last, AUTO, num_threads)
    if buffer is not None:
        target = result[(..., *[slice(phase[i].start, None,
                                      whole.axis[CONVPOOL_AXES - spatial + i].stride)
                                for i in range(spatial)])]
        target[...] = buffer[:target.size].reshape(target.shape)
    return 0


def run(int spatial, cnp.ndarray x, cnp.ndarray weight, bias, cnp.ndarray result, sizes, kernel,
        stride, dilation, pads, out, int64_t groups, bint last, bint single, num_threads):
    """Writes the transposed convolution into `result`, of at least one element. The caller has
    checked everything; `weight` has the axes that a convolution has."""
    cdef convpool_conv conv
    cdef convpool_axis* axis
    cdef Phase phase[CONVPOOL_AXES]
    cdef cnp.ndarray biases = None if bias is None else bias_of_sums(bias, weight)
    cdef cnp.ndarray buffer = None
    cdef int64_t d, r, c, met = 1, phases = 1
    cdef int i
    check_packable(weight, groups)
    conv.batch = 1 if single else cnp.PyArray_DIM(x, 0)
    conv.groups = groups
    conv.channels = cnp.PyArray_DIM(weight, 1)
    conv.out_channels = cnp.PyArray_DIM(weight, 0) // groups
    conv.border, conv.border_value = CONVPOOL_CONSTANT, 0
    conv.activation = CONVPOOL_LINEAR
    conv.activation_parameter[0] = conv.activation_parameter[1] = 0
    fill_strides(conv.x_stride, x, last, single)
    fill_strides(conv.out_stride, result, last, single)
    for i in range(CONVPOOL_AXES - spatial):
        conv.axis[i] = convpool_axis(1, 1, 1, 1, 0, 0, 1)
    axis = &conv.axis[CONVPOOL_AXES - spatial]
    for i in range(spatial):
        before, after = pads[i]
        axis[i] = convpool_axis(sizes[i], kernel[i], stride[i], dilation[i], before, after, out[i])
        met *= phases_met(&axis[i])
        phases *= min(axis[i].stride, axis[i].out)
    if met < phases:
        result[...] = 0 if biases is None else (
            biases if last else biases.reshape((-1, *[1] * spatial)))
    # Neighbours in memory that belong to different phases are cheaper to write from a whole phase.
    if not last and axis[spatial - 1].stride > 1 and cnp.PyArray_SIZE(result) > LARGE:
        buffer = np.empty(cnp.PyArray_SIZE(result), result.dtype)
    for d in range(first_taps(&conv.axis[CONVPOOL_DEPTH])):
        if not find_phase(&conv.axis[CONVPOOL_DEPTH], d, &phase[CONVPOOL_DEPTH]):
            continue
        for r in range(first_taps(&conv.axis[CONVPOOL_ROW])):
            if not find_phase(&conv.axis[CONVPOOL_ROW], r, &phase[CONVPOOL_ROW]):
                continue
            for c in range(first_taps(&conv.axis[CONVPOOL_COLUMN])):
                if find_phase(&conv.axis[CONVPOOL_COLUMN], c, &phase[CONVPOOL_COLUMN]):
                    run_phase(&conv, phase, spatial, x, weight, biases, result, buffer, last,
                              num_threads)
