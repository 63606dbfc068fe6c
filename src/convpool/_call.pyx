# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What stands between a public function and a driver.

    terms = what the call says beside its arrays    (or what a packed weight was packed with)
    arrays, and how their shapes fit
    geometry of each axis
    result = out, or a new array
    driver(geometry, addresses)

`_plain` settles each value by itself; what raises here is how values fit together. All that may run
code of a caller's objects comes before the first shape is read, and nothing is written before the
last check.
"""
cimport numpy as cnp
from libc.stdint cimport int64_t

from convpool cimport _conv
from convpool._geometry cimport *
from convpool._kernels cimport *
from convpool._conv cimport AUTO, WINOGRAD, Strips
from convpool._memory cimport bytes_out
from convpool._plain cimport *
from convpool._threads cimport kernels_for
from convpool._winograd cimport fits_winograd

import numpy as np

from convpool._arguments import written
from convpool._threads import checked_threads

cnp.import_array()

cdef tuple _flips = tuple(
    [(slice(None),) * 2 + (slice(None, None, -1),) * spatial for spatial in range(4)])


cdef int settle(Terms* terms, int spatial, stride, padding, dilation, groups, padding_mode,
                padding_value, flip, activation, layout, algorithm) except -1:
    """The arguments that plain and packed convolutions share."""
    cdef convpool_axis* axis = &terms.conv.axis[CONVPOOL_AXES - spatial]
    cdef int64_t steps[3]
    cdef int64_t gaps[3]
    cdef int i
    terms.spatial = spatial
    terms.channels_last = channels_last(layout, spatial)
    terms.algorithm = algorithm_code(algorithm)
    terms.flip = truth("flip", flip)
    terms.conv.groups = integer("groups", groups, 1)
    set_per_axis(steps, "stride", stride, spatial, 1)
    set_per_axis(gaps, "dilation", dilation, spatial, 1)
    clear_axes(terms.conv.axis)
    for i in range(spatial):
        axis[i].stride = steps[i]
        axis[i].dilation = gaps[i]
    set_padding(&terms.padding, padding, spatial)
    set_border(&terms.conv, padding_mode, padding_value)
    set_activation(&terms.conv, activation)
    return 0


cdef int check_weight(cnp.ndarray kernels, int least, int most) except -1:
    """Raises unless a weight has from `least` to `most` axes, none of them empty."""
    cdef int i, rank = cnp.PyArray_NDIM(kernels)
    for i in range(rank):
        if cnp.PyArray_DIM(kernels, i) == 0:
            rank = 0
    if not least <= rank <= most:
        axes = least if least == most else f"{least} to {most}"
        raise ValueError(
            f"weight: got shape {(<object>kernels).shape}, expected {axes} axes of at least 1: "
            "(out_channels, in_channels // groups, *kernel)")
    return 0


cdef tuple axis_values(const convpool_axis* axis, int spatial, str name):
    """For messages: the kernel or dilation of all axes."""
    if name == "kernel":
        return tuple([axis[i].kernel for i in range(spatial)])
    return tuple([axis[i].dilation for i in range(spatial)])


cdef int check_algorithm(const Terms* terms) except -1:
    """Raises unless there is the algorithm asked for, once kernel and sizes are known."""
    cdef const convpool_axis* axis = &terms.conv.axis[CONVPOOL_AXES - terms.spatial]
    if terms.algorithm == WINOGRAD and not fits_winograd(&terms.conv):
        strides = tuple([axis[i].stride for i in range(terms.spatial)])
        raise ValueError(
            f"algorithm: got 'winograd' for a kernel of "
            f"{axis_values(axis, terms.spatial, 'kernel')} with stride {strides} and dilation "
            f"{axis_values(axis, terms.spatial, 'dilation')}, expected (3, 3) or (5, 5) with 1 "
            "and 1")
    return 0


cdef int fit_conv_axes(convpool_conv* conv, const Padding* padding, int spatial,
                       padding_mode) except -1:
    """Pads each axis and counts its outputs:
    floor((padded - dilation (kernel - 1) - 1) / stride) + 1."""
    cdef convpool_axis* axes = &conv.axis[CONVPOOL_AXES - spatial]
    cdef convpool_axis* axis
    cdef int64_t reach, padded, most
    cdef int i
    for i in range(spatial):
        if axes[i].kernel - 1 > (UNCOUNTABLE // 2) // axes[i].dilation:
            raise ValueError(
                f"weight: got a kernel of {axis_values(axes, spatial, 'kernel')}, which with "
                f"dilation {axis_values(axes, spatial, 'dilation')} spans more than can be counted")
    apply_padding(axes, padding, spatial)
    for i in range(spatial):
        axis = &axes[i]
        if conv.border == CONVPOOL_REFLECT or conv.border == CONVPOOL_CIRCULAR:
            most = axis.size - (conv.border == CONVPOOL_REFLECT)
            if max(axis.before, axis.after) > most:
                raise ValueError(
                    f"padding: got {(axis.before, axis.after)} for an axis of {axis.size}, "
                    f"expected at most {most} with padding_mode {padding_mode!r}")
    for i in range(spatial):
        axis = &axes[i]
        reach = (axis.kernel - 1) * axis.dilation + 1
        padded = axis.size + axis.before + axis.after
        if reach > padded:
            raise ValueError(
                f"weight: got a kernel of {axis_values(axes, spatial, 'kernel')}, which with "
                f"dilation {axis_values(axes, spatial, 'dilation')} spans {reach}, "
                f"expected at most the padded input's {padded}")
        if padded >= UNCOUNTABLE:
            raise ValueError(f"x: got a padded axis of {padded}, too large to count")
        axis.out = (padded - reach) // axis.stride + 1
    return 0


cdef class Packed:
    """A weight prepared for calls with one set of terms, which never change.

    `said` are the arguments as written, in the order of `settle`. Of a `shared` weight, which
    nobody may write to, there is no copy, and it is prepared by the first call, in the form that
    call needs alone.
    """
    cdef Terms terms
    cdef cnp.ndarray kernels   # as summed: flipped if they are to be; empty if strips are whole
    cdef cnp.ndarray biases
    cdef Strips strips
    cdef readonly object dtype
    cdef readonly tuple shape, said

    def __cinit__(self, weight, bias, stride, padding, dilation, groups, padding_mode,
                  padding_value, flip, activation, layout, algorithm, num_threads,
                  bint shared=False):
        cdef convpool_axis* axis
        cdef cnp.ndarray kernels = as_array("weight", weight)
        cdef int i, spatial = cnp.PyArray_NDIM(kernels) - 2
        check_weight(kernels, 3, 5)
        if bias is not None:
            bias = as_array("bias", bias)
        if layout is None:
            layout = "NC" + "DHW"[3 - spatial:]
        settle(&self.terms, spatial, stride, padding, dilation, groups, padding_mode,
               padding_value, flip, activation, layout, algorithm)
        if num_threads is not None:
            num_threads = checked_threads(num_threads)
        kernels = float_array("weight", kernels)
        check_weight(kernels, spatial + 2, spatial + 2)  # the terms may have changed it
        groups = self.terms.conv.groups
        if cnp.PyArray_DIM(kernels, 0) % self.terms.conv.groups:
            raise ValueError(
                f"groups: got {groups}, expected a divisor of weight's "
                f"{cnp.PyArray_DIM(kernels, 0)} channels")
        self.biases = None if bias is None else bias_of_sums(bias, kernels).copy()
        check_packable(kernels, self.terms.conv.groups)
        self.shape = (<object>kernels).shape
        self.dtype = kernels.dtype
        self.said = written((
            stride, padding, dilation, groups, padding_mode, padding_value,
            bool(self.terms.flip), activation, layout, algorithm))
        self.kernels = kernels[_flips[spatial]] if self.terms.flip else kernels
        axis = &self.terms.conv.axis[CONVPOOL_AXES - spatial]
        for i in range(spatial):
            axis[i].kernel = cnp.PyArray_DIM(kernels, 2 + i)
        check_algorithm(&self.terms)
        if shared:
            self.strips = Strips()
            return
        self.strips = _conv.pack_weight(
            &self.terms.conv, self.kernels, kernels_for(element_type(kernels)),
            self.terms.channels_last, self.terms.algorithm, num_threads)
        self.kernels = (np.broadcast_to(np.zeros((), self.dtype), self.shape)
                        if self.strips.whole else self.kernels.copy())

    @property
    def biased(self):
        return self.biases is not None


# What a call passes that says nothing, in the order of `settle`.
cdef tuple _nothing = (1, 0, 1, 1, "zeros", 0.0, False, None, None, "auto")
cdef tuple _layouts = (None, "NCW", "NCHW", "NCDHW")


cdef bint repeats(Packed packed, int spatial, bias, tuple call):
    """Whether a call's arguments plainly are those of its packed weight, or say nothing."""
    cdef int i
    if packed.terms.spatial != spatial or bias is not None:
        return False
    for i in range(10):
        value = call[i]
        nothing = _layouts[spatial] if i == 8 else _nothing[i]
        if value is nothing or value is packed.said[i]:
            continue
        if type(value) is not float or type(nothing) is not float or <double>value != nothing:
            return False
    return True


cdef int fit_convolution(Terms* terms, cnp.ndarray images, cnp.ndarray kernels, padding_mode,
                         cnp.npy_intp* shape, bint* single) except -1:
    """Fits x and weight together; the result's shape, and how many axes it has."""
    cdef convpool_conv* conv = &terms.conv
    cdef int i, spatial = terms.spatial
    cdef convpool_axis* axis = &conv.axis[CONVPOOL_AXES - spatial]
    cdef int64_t channels, group
    single[0] = lacks_batch(images, spatial)
    check_weight(kernels, spatial + 2, spatial + 2)
    channels = read_sizes(axis, images, spatial, terms.channels_last, single[0])
    group = cnp.PyArray_DIM(kernels, 1)
    if channels % conv.groups or cnp.PyArray_DIM(kernels, 0) % conv.groups:
        raise ValueError(
            f"groups: got {conv.groups}, expected a divisor of x's {channels} channels "
            f"and of weight's {cnp.PyArray_DIM(kernels, 0)}")
    if group != channels // conv.groups:
        raise ValueError(
            f"weight: got {group} input channels a group (shape {(<object>kernels).shape}), "
            f"expected {channels // conv.groups}: x has {channels} channels "
            f"in {conv.groups} groups")
    for i in range(spatial):
        axis[i].kernel = cnp.PyArray_DIM(kernels, 2 + i)
    check_algorithm(terms)
    fit_conv_axes(conv, &terms.padding, spatial, padding_mode)
    conv.batch = 1 if single[0] else cnp.PyArray_DIM(images, 0)
    conv.channels = group
    conv.out_channels = cnp.PyArray_DIM(kernels, 0) // conv.groups
    return set_shape(shape, conv.batch, cnp.PyArray_DIM(kernels, 0), axis, spatial,
                     terms.channels_last, single[0])


def conv_geometry(int spatial, x, weight, stride, padding, dilation, groups, layout):
    """The shape that a convolution gives, and what it pads: (before, after) an axis."""
    cdef Terms terms
    cdef cnp.npy_intp shape[RANK]
    cdef convpool_axis* axis = &terms.conv.axis[CONVPOOL_AXES - spatial]
    cdef bint single
    cdef int i, rank
    settle(&terms, spatial, stride, padding, dilation, groups, "zeros", 0.0, False, None, layout,
           "auto")
    rank = fit_convolution(&terms, x, weight, "zeros", shape, &single)
    return (tuple([shape[i] for i in range(rank)]),
            tuple([(axis[i].before, axis[i].after) for i in range(spatial)]))


def image_geometry(int spatial, cnp.ndarray x, bint last):
    """Whether x is one example, its channels, and the sizes of its spatial axes."""
    cdef convpool_axis axis[CONVPOOL_AXES]
    cdef bint single = lacks_batch(x, spatial)
    cdef int64_t channels = read_sizes(axis, x, spatial, last, single)
    cdef int i
    return single, channels, tuple([axis[i].size for i in range(spatial)])


cdef bint same_elements(object out, cnp.ndarray array):
    """Whether `out` is an array of the same elements in the same order."""
    cdef cnp.ndarray one
    cdef int axis
    if array is None or not cnp.PyArray_CheckExact(out):
        return False
    one = out
    if (cnp.PyArray_DATA(one) != cnp.PyArray_DATA(array)
            or cnp.PyArray_NDIM(one) != cnp.PyArray_NDIM(array)):
        return False
    for axis in range(cnp.PyArray_NDIM(one)):
        if (cnp.PyArray_DIM(one, axis) != cnp.PyArray_DIM(array, axis)
                or cnp.PyArray_STRIDE(one, axis) != cnp.PyArray_STRIDE(array, axis)):
            return False
    return True


def convolve(int spatial, x, weight, bias, stride, padding, dilation, groups, padding_mode,
             padding_value, flip, activation, residual, layout, algorithm, out, num_threads):
    """conv1d, conv2d and conv3d."""
    cdef Terms terms
    cdef convpool_conv* conv = &terms.conv
    cdef Packed packed = None
    cdef Strips strips = None
    cdef cnp.ndarray images, kernels, result
    cdef cnp.ndarray biases = None
    cdef cnp.ndarray residuals = None
    cdef cnp.npy_intp shape[RANK]
    cdef int i, rank
    cdef bint single, last, copy, fits
    if isinstance(weight, Packed):
        packed = weight
        call = (stride, padding, dilation, groups, padding_mode, padding_value, flip, activation,
                layout, algorithm)
        if not repeats(packed, spatial, bias, call):
            weight.check_call(spatial, bias, call)
        terms = packed.terms
        strips = packed.strips
        weight = packed.kernels
        padding_mode = packed.said[4]
    else:
        settle(&terms, spatial, stride, padding, dilation, groups, padding_mode, padding_value,
               flip, activation, layout, algorithm)
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    last = terms.channels_last
    x, weight = as_array("x", x), as_array("weight", weight)
    if bias is not None:
        bias = as_array("bias", bias)
    if residual is not None:
        residual = as_array("residual", residual)

    images = float_array("x", x)
    kernels = alike("weight", weight, images)
    if bias is not None and packed is None:
        biases = alike("bias", bias, images)
    if residual is not None:
        residuals = alike("residual", residual, images)
    rank = fit_convolution(&terms, images, kernels, padding_mode, shape, &single)
    if packed is not None:
        biases = packed.biases
    elif biases is not None:
        biases = bias_of_sums(biases, kernels)
    check_packable(kernels, conv.groups)
    if residuals is not None:
        fits = cnp.PyArray_NDIM(residuals) == rank
        for i in range(rank if fits else 0):
            fits = fits and cnp.PyArray_DIM(residuals, i) == shape[i]
        if not fits:
            raise ValueError(
                f"residual: got shape {(<object>residuals).shape}, expected the result's "
                f"{tuple([shape[i] for i in range(rank)])}")
    if terms.flip and packed is None:
        kernels = kernels[_flips[spatial]]
    # Each element of a residual is read before that of the result is written.
    apart = None if same_elements(out, residuals) else residuals
    result = result_array(out, rank, shape, images.descr, (images, kernels, biases, apart),
                          &copy)
    if conv.batch:
        fill_strides(conv.x_stride, images, last, single)
        fill_strides(conv.out_stride, result, last, single)
        fill_strides(conv.residual_stride, result if residuals is None else residuals, last, single)
        _conv.run_convolution(
            conv, data_of(images), kernels, kernels, data_of(biases), data_of(residuals),
            <bytes_out>cnp.PyArray_DATA(result), strips, kernels_for(element_type(images)),
            last, terms.algorithm, num_threads)
    if copy:
        np.copyto(np.asarray(out), result)
    return result if out is None else out


def linear(x, weight, bias, activation, num_threads):
    """Rows as the pixels of one long signal with channels last."""
    cdef convpool_conv conv
    cdef convpool_axis* row = &conv.axis[CONVPOOL_COLUMN]
    cdef cnp.ndarray rows, matrix, result
    cdef cnp.ndarray biases = None
    cdef cnp.npy_intp shape[2]
    cdef int64_t features, outputs
    cdef int i, rank
    cdef bint copy
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    set_activation(&conv, activation)
    x, weight = as_array("x", x), as_array("weight", weight)
    if bias is not None:
        bias = as_array("bias", bias)
    rows = float_array("x", x)
    matrix = alike("weight", weight, rows)
    if bias is not None:
        biases = alike("bias", bias, rows)
    if (cnp.PyArray_NDIM(matrix) != 2 or cnp.PyArray_DIM(matrix, 0) == 0
            or cnp.PyArray_DIM(matrix, 1) == 0):
        raise ValueError(
            f"weight: got shape {(<object>matrix).shape}, expected (out_features, in_features), "
            "at least 1")
    outputs, features = cnp.PyArray_DIM(matrix, 0), cnp.PyArray_DIM(matrix, 1)
    rank = cnp.PyArray_NDIM(rows)
    if rank == 0 or cnp.PyArray_DIM(rows, rank - 1) != features:
        raise ValueError(
            f"x: got shape {(<object>rows).shape}, expected {features} along the last axis, "
            f"as weight's shape {(<object>matrix).shape} says")
    if biases is not None:
        biases = bias_of_sums(biases, matrix)
    check_packable(matrix, 1)
    whole = (<object>rows).shape[:rank - 1] if rank > 2 else None
    if rank != 2:
        rows = rows.reshape((-1, features))
    shape[0], shape[1] = cnp.PyArray_DIM(rows, 0), outputs
    result = result_array(None, 2, shape, rows.descr, (), &copy)
    if shape[0]:
        clear_axes(conv.axis)
        row.size = row.out = shape[0]
        conv.batch = conv.groups = 1
        conv.channels = features
        conv.out_channels = outputs
        conv.border = CONVPOOL_CONSTANT
        conv.border_value = 0
        for i in range(CONVPOOL_RANK):
            conv.x_stride[i] = conv.out_stride[i] = 0
        conv.x_stride[CONVPOOL_AT_CHANNEL] = (
            cnp.PyArray_STRIDE(rows, 1) // cnp.PyArray_ITEMSIZE(rows))
        conv.x_stride[CONVPOOL_RANK - 1] = (
            cnp.PyArray_STRIDE(rows, 0) // cnp.PyArray_ITEMSIZE(rows))
        conv.out_stride[CONVPOOL_AT_CHANNEL] = 1
        conv.out_stride[CONVPOOL_RANK - 1] = outputs
        conv.residual_stride[:] = conv.out_stride
        _conv.run_convolution(
            &conv, data_of(rows), matrix, matrix, data_of(biases), NULL,
            <bytes_out>cnp.PyArray_DATA(result), None, kernels_for(element_type(rows)), True,
            AUTO, num_threads)
    if rank == 1:
        return result[0]
    return result if whole is None else result.reshape((*whole, outputs))
