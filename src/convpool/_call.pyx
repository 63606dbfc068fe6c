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

from convpool cimport _conv, _pool
from convpool._geometry cimport data_of, fill_strides
from convpool._kernels cimport *
from convpool._conv cimport AUTO, WINOGRAD, Strips
from convpool._memory cimport bytes_out
from convpool._plain cimport *
from convpool._winograd cimport fits_winograd

import numpy as np

from convpool._arguments import integer as any_integer, written
from convpool._threads import checked_threads

cnp.import_array()

cdef int64_t UNCOUNTABLE = 1 << 62  # pixels of an axis
cdef tuple _flips = tuple(
    [(slice(None),) * 2 + (slice(None, None, -1),) * spatial for spatial in range(4)])


cdef void clear_axes(convpool_axis* axis) noexcept:
    """Axes that a problem of fewer dimensions lacks."""
    cdef int i
    for i in range(CONVPOOL_AXES):
        axis[i] = convpool_axis(1, 1, 1, 1, 0, 0, 1)


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
    terms.flip = bool(flip)
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


cdef bint lacks_batch(cnp.ndarray x, int spatial) except -1:
    """Whether x is one example."""
    if cnp.PyArray_NDIM(x) in (spatial + 1, spatial + 2):
        return cnp.PyArray_NDIM(x) == spatial + 1
    raise ValueError(
        f"x: got shape {(<object>x).shape}, expected {spatial + 2} axes, "
        f"or {spatial + 1} for one example without the batch axis")


cdef int64_t read_sizes(convpool_axis* axis, cnp.ndarray x, int spatial, bint last,
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


cdef int set_shape(cnp.npy_intp* shape, int64_t batch, int64_t channels, const convpool_axis* axis,
                   int spatial, bint last, bint single) noexcept:
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


cdef class Packed:
    """A weight prepared for calls with one set of terms, which never change.

    `said` are the arguments as written, in the order of `settle`.
    """
    cdef Terms terms
    cdef cnp.ndarray kernels   # as summed: flipped if they are to be
    cdef cnp.ndarray biases
    cdef Strips strips
    cdef readonly object dtype
    cdef readonly tuple shape, said

    def __cinit__(self, weight, bias, stride, padding, dilation, groups, padding_mode,
                  padding_value, flip, activation, layout, algorithm, num_threads):
        cdef convpool_axis* axis
        cdef cnp.ndarray kernels = float_array("weight", weight)
        cdef int i, spatial = cnp.PyArray_NDIM(kernels) - 2
        check_weight(kernels, 3, 5)
        if layout is None:
            layout = "NC" + "DHW"[3 - spatial:]
        settle(&self.terms, spatial, stride, padding, dilation, groups, padding_mode,
               padding_value, flip, activation, layout, algorithm)
        if num_threads is not None:
            num_threads = checked_threads(num_threads)
        groups = self.terms.conv.groups
        if cnp.PyArray_DIM(kernels, 0) % self.terms.conv.groups:
            raise ValueError(
                f"groups: got {groups}, expected a divisor of weight's "
                f"{cnp.PyArray_DIM(kernels, 0)} channels")
        self.biases = None if bias is None else bias_of_sums(bias, kernels).copy()
        check_packable(kernels, self.terms.conv.groups)
        kernels = kernels.copy()
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
        self.strips = _conv.pack_weight(
            &self.terms.conv, self.kernels, element_type(kernels), self.terms.channels_last,
            self.terms.algorithm, num_threads)

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
    result = result_array(out, rank, shape, images, (images, kernels, biases, residuals), &copy)
    if conv.batch:
        fill_strides(conv.x_stride, images, last, single)
        fill_strides(conv.out_stride, result, last, single)
        fill_strides(conv.residual_stride, result if residuals is None else residuals, last, single)
        _conv.run_convolution(
            conv, data_of(images), kernels, data_of(biases), data_of(residuals),
            <bytes_out>cnp.PyArray_DATA(result), strips, element_type(images), last,
            terms.algorithm, num_threads)
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
    result = result_array(None, 2, shape, rows, (), &copy)
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
            &conv, data_of(rows), matrix, data_of(biases), NULL,
            <bytes_out>cnp.PyArray_DATA(result), None, element_type(rows), True, AUTO,
            num_threads)
    if rank == 1:
        return result[0]
    return result if whole is None else result.reshape((*whole, outputs))


cdef int fit_pool_axis(convpool_axis* axis, bint ceil_mode) except -1:
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


def pool(int spatial, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out,
         num_threads, bint average, include_padding, divisor_override, return_indices):
    """Max and average pooling."""
    cdef convpool_pool pool
    cdef convpool_axis* axis = &pool.axis[CONVPOOL_AXES - spatial]
    cdef Padding pads
    cdef int64_t kernel[3]
    cdef int64_t steps[3]
    cdef int64_t gaps[3]
    cdef cnp.ndarray images, result
    cdef cnp.ndarray indices = None
    cdef cnp.npy_intp shape[RANK]
    cdef int i, rank
    cdef bint single, last, copy
    cdef bint ceiling = bool(ceil_mode), indexed = bool(return_indices)
    last = channels_last(layout, spatial)
    set_per_axis(kernel, "kernel_size", kernel_size, spatial, 1)
    if stride is None:
        steps = kernel
    else:
        set_per_axis(steps, "stride", stride, spatial, 1)
    set_per_axis(gaps, "dilation", dilation, spatial, 1)
    set_padding(&pads, padding, spatial)
    pool.average = average
    pool.include_padding = bool(include_padding)
    pool.divisor = 0
    if divisor_override is not None:
        pool.divisor = any_integer("divisor_override", divisor_override, -(1 << 31))
        if pool.divisor == 0:
            raise ValueError("divisor_override: got 0, expected an int other than 0")
    if num_threads is not None:
        num_threads = checked_threads(num_threads)
    images = float_array("x", x)

    single = lacks_batch(images, spatial)
    clear_axes(pool.axis)
    pool.channels = read_sizes(axis, images, spatial, last, single)
    for i in range(spatial):
        axis[i].kernel, axis[i].stride, axis[i].dilation = kernel[i], steps[i], gaps[i]
    apply_padding(axis, &pads, spatial)
    for i in range(spatial):
        fit_pool_axis(&axis[i], ceiling)
    pool.batch = 1 if single else cnp.PyArray_DIM(images, 0)
    rank = set_shape(shape, pool.batch, pool.channels, axis, spatial, last, single)
    result = result_array(out, rank, shape, images, (images,), &copy)
    if indexed:
        indices = cnp.PyArray_EMPTY(rank, shape, cnp.NPY_INT64, 0)
    if pool.batch:
        fill_strides(pool.x_stride, images, last, single)
        fill_strides(pool.out_stride, result, last, single)
        fill_strides(pool.index_stride, result if indices is None else indices, last, single)
        _pool.run_pool(&pool, data_of(images), <bytes_out>cnp.PyArray_DATA(result),
                       <int64_t*>data_of(indices), element_type(images), last, num_threads)
    if copy:
        np.copyto(np.asarray(out), result)
    delivered = result if out is None else out
    return delivered if indices is None else (delivered, indices)
