# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What stands between a pooling function and its driver, as `_call` does for convolutions.

    window of each axis, and how many of them:  given (pool), or the other way (adaptive_pool)
    result = out, or a new array; indices likewise, if wanted
    driver(geometry, addresses)
"""
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool cimport _pool
from convpool._geometry cimport *
from convpool._kernels cimport *
from convpool._memory cimport bytes_out, ceil_div
from convpool._plain cimport *

import numpy as np

from convpool._arguments import integer as any_integer, is_index, sequence
from convpool._threads import checked_threads

cnp.import_array()


# A pooling and the arrays of its call.
cdef struct Call:
    convpool_pool pool         # all but the strides
    Padding padding
    int spatial
    bint last, single


cdef int set_windows(Call* call, kernel_size, stride, padding, dilation) except -1:
    """Windows as a call gives them, before sizes are known."""
    cdef convpool_axis* axis = &call.pool.axis[CONVPOOL_AXES - call.spatial]
    cdef int64_t kernel[3]
    cdef int64_t steps[3]
    cdef int64_t gaps[3]
    cdef int i
    set_per_axis(kernel, "kernel_size", kernel_size, call.spatial, 1)
    if stride is None:
        steps = kernel
    else:
        set_per_axis(steps, "stride", stride, call.spatial, 1)
    set_per_axis(gaps, "dilation", dilation, call.spatial, 1)
    set_padding(&call.padding, padding, call.spatial)
    clear_axes(call.pool.axis)
    for i in range(call.spatial):
        axis[i].kernel, axis[i].stride, axis[i].dilation = kernel[i], steps[i], gaps[i]
    return 0


cdef int set_divisor(convpool_pool* pool, bint average, include_padding,
                     divisor_override) except -1:
    pool.average = average
    pool.adaptive = False
    pool.include_padding = truth("count_include_pad", include_padding)
    pool.divisor = 0
    if divisor_override is not None:
        pool.divisor = any_integer("divisor_override", divisor_override, -(1 << 31))
        if pool.divisor == 0:
            raise ValueError("divisor_override: got 0, expected an int other than 0")
    return 0


cdef int read_array(Call* call, cnp.ndarray x) except -1:
    """The sizes of batch, channels and axes."""
    call.single = lacks_batch(x, call.spatial)
    call.pool.channels = read_sizes(
        &call.pool.axis[CONVPOOL_AXES - call.spatial], x, call.spatial, call.last, call.single)
    call.pool.batch = 1 if call.single else cnp.PyArray_DIM(x, 0)
    return 0


cdef int fit_axis(convpool_axis* axis, bint ceil_mode) except -1:
    """Counts the outputs of one axis, up with `ceil_mode`: by PyTorch's rule a window that would
    begin in the padding after the input is then dropped."""
    cdef int64_t reach = (axis.kernel - 1) * axis.dilation + 1
    cdef int64_t padded = axis.size + axis.before + axis.after
    cdef int64_t rest = padded - reach
    if axis.before >= reach or axis.after >= reach:
        raise ValueError(
            f"padding: got {(axis.before, axis.after)}, expected less than the {reach} that a "
            "window spans, since one that lies wholly in the padding has no value")
    if (rest < 0 and not ceil_mode) or padded >= UNCOUNTABLE:
        raise ValueError(
            f"kernel_size: got {axis.kernel}, which with its dilation spans {reach}, "
            f"expected at most the padded input's {padded}")
    # Counted down towards minus infinity: with ceil_mode the rest may be negative.
    axis.out = rest // axis.stride if rest >= 0 else -((axis.stride - 1 - rest) // axis.stride)
    if ceil_mode:
        if axis.out * axis.stride != rest:
            axis.out += 1
        if axis.out * axis.stride >= axis.size + axis.before:
            axis.out -= 1
    if axis.out < 0:
        raise ValueError(
            f"kernel_size: got {axis.kernel}, expected at most the padded input's {padded}")
    axis.out += 1
    return 0


cdef int fit_windows(Call* call, bint ceil_mode) except -1:
    """Pads each axis and counts its outputs."""
    cdef convpool_axis* axis = &call.pool.axis[CONVPOOL_AXES - call.spatial]
    cdef int i
    apply_padding(axis, &call.padding, call.spatial)
    for i in range(call.spatial):
        fit_axis(&axis[i], ceil_mode)
    return 0


cdef int shape_of(const Call* call, cnp.npy_intp* shape) noexcept:
    """The result's shape; how many axes it has."""
    return set_shape(shape, call.pool.batch, call.pool.channels,
                     &call.pool.axis[CONVPOOL_AXES - call.spatial], call.spatial, call.last,
                     call.single)


cdef object run(Call* call, cnp.ndarray images, out, bint indexed, num_threads):
    """Runs the driver on a call that is settled: the result, and where maxima stand if wanted."""
    cdef convpool_pool* pool = &call.pool
    cdef cnp.ndarray result
    cdef cnp.ndarray indices = None
    cdef cnp.npy_intp shape[RANK]
    cdef int rank = shape_of(call, shape)
    cdef bint copy
    result = result_array(out, rank, shape, images.descr, (images,), &copy)
    if indexed:
        indices = cnp.PyArray_EMPTY(rank, shape, cnp.NPY_INT64, 0)
    if pool.batch:
        fill_strides(pool.x_stride, images, call.last, call.single)
        fill_strides(pool.out_stride, result, call.last, call.single)
        fill_strides(pool.index_stride, result if indices is None else indices, call.last,
                     call.single)
        _pool.run_pool(pool, data_of(images), <bytes_out>cnp.PyArray_DATA(result),
                       <int64_t*>data_of(indices), element_type(images), call.last, num_threads)
    if copy:
        np.copyto(np.asarray(out), result)
    delivered = result if out is None else out
    return delivered if indices is None else (delivered, indices)


def pool(int spatial, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out,
         num_threads, bint average, include_padding, divisor_override, return_indices):
    """Max and average pooling."""
    cdef Call call
    cdef cnp.ndarray images
    cdef bint ceiling = truth("ceil_mode", ceil_mode)
    cdef bint indexed = truth("return_indices", return_indices)
    call.spatial = spatial
    call.last = channels_last(layout, spatial)
    set_windows(&call, kernel_size, stride, padding, dilation)
    set_divisor(&call.pool, average, include_padding, divisor_override)
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    images = float_array("x", x)

    read_array(&call, images)
    fit_windows(&call, ceiling)
    return run(&call, images, out, indexed, num_threads)


cdef int set_outputs(int64_t* filled, output_size, int spatial) except -1:
    """How many windows each axis is to have; 0 for as many as it has cells."""
    cdef int i
    if type(output_size) is int:
        return set_per_axis(filled, "output_size", output_size, spatial, 1)
    if is_index(output_size) or output_size is None:
        output_size = (output_size,) * spatial
    items = sequence(
        "output_size", output_size, spatial, f"an int, None or {spatial} of them, one an axis")
    for i in range(spatial):
        filled[i] = 0 if items[i] is None else integer("output_size", items[i], 1)
    return 0


cdef void fit_outputs(convpool_pool* pool) noexcept:
    """Windows of axes whose outputs are given: where these divide the sizes, a common pooling."""
    cdef convpool_axis* axis
    cdef int i
    pool.adaptive = False
    for i in range(CONVPOOL_AXES):
        pool.adaptive |= pool.axis[i].size % pool.axis[i].out != 0
    for i in range(CONVPOOL_AXES):
        axis = &pool.axis[i]
        axis.kernel = ceil_div(axis.size, axis.out) + (pool.adaptive and axis.size % axis.out != 0)
        axis.stride = 1 if pool.adaptive else axis.kernel


def adaptive_pool(int spatial, x, output_size, layout, out, num_threads, bint average,
                  return_indices):
    """Adaptive and, with an output size of 1, global pooling."""
    cdef Call call
    cdef convpool_pool* pool = &call.pool
    cdef convpool_axis* axis = &call.pool.axis[CONVPOOL_AXES - spatial]
    cdef int64_t outputs[3]
    cdef cnp.ndarray images
    cdef bint indexed = truth("return_indices", return_indices)
    cdef int i
    call.spatial = spatial
    call.last = channels_last(layout, spatial)
    set_outputs(outputs, output_size, spatial)
    set_divisor(pool, average, False, None)
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    images = float_array("x", x)

    clear_axes(pool.axis)
    read_array(&call, images)
    for i in range(spatial):
        axis[i].out = outputs[i] if outputs[i] else axis[i].size
    fit_outputs(pool)
    return run(&call, images, out, indexed, num_threads)


def pool_axes(int spatial, tuple shape, kernel_size, stride, padding, dilation, ceil_mode, layout):
    """The shape of what `pool` returns for an x of a shape, and each axis as a dict."""
    cdef Call call
    cdef cnp.npy_intp result[RANK]
    cdef bint ceiling = truth("ceil_mode", ceil_mode)
    cdef int i
    call.spatial = spatial
    call.last = channels_last(layout, spatial)
    set_windows(&call, kernel_size, stride, padding, dilation)
    read_array(&call, np.broadcast_to(np.float32(0), shape))
    fit_windows(&call, ceiling)
    whole = tuple([result[i] for i in range(shape_of(&call, result))])
    return whole, [call.pool.axis[i] for i in range(CONVPOOL_AXES)]
