"""Convolution and pooling as functions: checked, documented, and handed to the drivers.

A call here is: arguments -> geometry (one tuple an axis) -> the result's array -> a driver of
`_conv` or `_pool`, which can rely on all of it.
"""

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, overload

import numpy as np
from numpy.typing import ArrayLike

from . import _conv, _pool
from ._arguments import (
    ALGORITHMS,
    DTYPES,
    Activation,
    Array,
    Axis,
    IntPerAxis,
    Padding,
    activation_code,
    alike,
    batched,
    bias_array,
    border_code,
    channels_last,
    choice,
    float_array,
    integer,
    output_array,
    packable,
    padding_pairs,
    per_axis,
)
from .packed import PackedWeight


def _spatial(shape: Sequence[int], last: bool) -> tuple[int, ...]:
    return tuple(shape[1:-1] if last else shape[2:])


def _shape(batch: int, channels: int, sizes: Sequence[int], last: bool) -> tuple[int, ...]:
    return (batch, *sizes, channels) if last else (batch, channels, *sizes)


def _conv_axes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    pads: Sequence[tuple[int, int]],
) -> tuple[Axis, ...]:
    """Fill in each axis: out = floor((padded - dilation (kernel - 1) - 1) / stride) + 1."""
    axes = []
    for size, taps, step, gap, (before, after) in zip(
        sizes, kernel, stride, dilation, pads, strict=True
    ):
        reach, padded = (taps - 1) * gap + 1, size + before + after
        if reach > padded:
            raise ValueError(
                f"weight: got a kernel of {tuple(kernel)}, which with dilation {tuple(dilation)} "
                f"spans {reach}, expected at most the padded input's {padded}"
            )
        if padded >= 2**62:
            raise ValueError(f"x: got a padded axis of {padded}, too large to count")
        axes.append((size, taps, step, gap, before, after, (padded - reach) // step + 1))
    return tuple(axes)


def _convolve(
    spatial: int,
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None,
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
    padding_mode: object,
    padding_value: object,
    flip: bool,
    activation: object,
    residual: ArrayLike | None,
    layout: object,
    algorithm: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """Check and run conv1d, conv2d and conv3d."""
    strips = None
    if isinstance(weight, PackedWeight):
        (
            bias, stride, padding, dilation, groups, padding_mode, padding_value, flip, activation,
            layout, algorithm,
        ) = weight.settle(
            spatial, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=groups,
            padding_mode=padding_mode, padding_value=padding_value, flip=flip,
            activation=activation, layout=layout, algorithm=algorithm,
        )  # fmt: skip
        strips, weight = weight.strips, weight.weight
    last = channels_last(layout, spatial)
    choice("algorithm", algorithm, ALGORITHMS)
    images, single = batched("x", float_array("x", x), spatial)
    kernels = alike("weight", weight, images.dtype)
    if kernels.ndim != spatial + 2 or 0 in kernels.shape:
        raise ValueError(
            f"weight: got shape {kernels.shape}, expected {spatial + 2} axes of at least 1: "
            "(out_channels, in_channels // groups, *kernel)"
        )
    kernel = kernels.shape[2:]
    sizes = _spatial(images.shape, last)
    channels = images.shape[-1 if last else 1]
    group_count = integer("groups", groups, 1)
    if channels == 0 or 0 in sizes:
        raise ValueError(f"x: got shape {images.shape}, expected at least 1 along all but batch")
    if channels % group_count or kernels.shape[0] % group_count:
        raise ValueError(
            f"groups: got {group_count}, expected a divisor of x's {channels} channels "
            f"and of weight's {kernels.shape[0]}"
        )
    if kernels.shape[1] * group_count != channels:
        raise ValueError(
            f"weight: got {kernels.shape[1]} input channels a group (shape {kernels.shape}), "
            f"expected {channels // group_count}: x has {channels} channels in {group_count} groups"
        )
    steps = per_axis("stride", stride, spatial, 1)
    gaps = per_axis("dilation", dilation, spatial, 1)
    pads = padding_pairs(padding, sizes, kernel, steps, gaps)
    border, border_value = border_code(padding_mode, padding_value)
    if padding_mode in ("reflect", "circular"):
        for size, pair in zip(sizes, pads, strict=True):
            if max(pair) > size - (padding_mode == "reflect"):
                raise ValueError(
                    f"padding: got {pair} for an axis of {size}, expected at most "
                    f"{size - (padding_mode == 'reflect')} with padding_mode {padding_mode!r}"
                )
    axes = _conv_axes(sizes, kernel, steps, gaps, pads)
    packable(kernels, group_count)
    shape = _shape(images.shape[0], kernels.shape[0], [axis[6] for axis in axes], last)
    biases = None
    if bias is not None:
        biases = np.ascontiguousarray(bias_array(bias, kernels), _sum_type(images.dtype))
    residuals = None
    if residual is not None:
        residuals = alike("residual", residual, images.dtype)
        if residuals.shape != (shape[1:] if single else shape):
            raise ValueError(
                f"residual: got shape {residuals.shape}, expected the result's "
                f"{shape[1:] if single else shape}"
            )
        residuals = residuals[None] if single else residuals
    code, p0, p1 = activation_code(activation)
    if flip:
        kernels = np.flip(kernels, tuple(range(2, spatial + 2)))
    result, copy = output_array(
        out, shape[1:] if single else shape, images.dtype, (images, kernels, biases, residuals)
    )
    if shape[0]:
        _conv.convolve(
            images,
            kernels,
            biases,
            residuals,
            result[None] if single else result,
            strips=strips,
            dtype=DTYPES[images.dtype.char],
            weight_dtype=DTYPES[images.dtype.char],
            axes=axes,
            groups=group_count,
            channels_last=last,
            border=border,
            border_value=border_value,
            activation=code,
            p0=p0,
            p1=p1,
            num_threads=num_threads,
        )
    return _deliver(result, out, copy)


def _sum_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _deliver(result: Array, out: Array | None, copy: bool) -> Array:
    if out is None:
        return result
    if copy:
        out[...] = result
    return out


def conv1d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    flip: bool = False,
    activation: Activation = None,
    residual: ArrayLike | None = None,
    layout: Literal["NCW", "NWC"] = "NCW",
    algorithm: str = "auto",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve signals (cross-correlation, as CNNs call convolution).

    `conv2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, width)
        Or (batch, width, in_channels) with layout "NWC"; the batch axis may be missing.
    weight : array_like, (out_channels, in_channels // groups, kernel)
        The kernels.
    bias, stride, padding, dilation, groups, padding_mode, padding_value, flip, activation
        As in `conv2d`.
    residual, layout, algorithm, out, num_threads
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> steps = np.float32([[[1, 1, 4, 4, 4]]])
    >>> convpool.conv1d(steps, np.float32([[[-1, 1]]]))
    array([[[0., 3., 0., 0.]]], dtype=float32)
    """
    return _convolve(
        1, x, weight, bias, stride, padding, dilation, groups, padding_mode, padding_value, flip,
        activation, residual, layout, algorithm, out, num_threads,
    )  # fmt: skip


def conv2d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    flip: bool = False,
    activation: Activation = None,
    residual: ArrayLike | None = None,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    algorithm: str = "auto",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Convolve images (cross-correlation, as CNNs call convolution).

    .. math::

        out(n, o, i, j) = f\Bigl(b(o) + r(n, o, i, j) + \sum_{c, u, v} w(o, c, u, v)\,
        x(n, c, i s_0 + u d_0 - p_0, j s_1 + v d_1 - p_1)\Bigr)

    with stride s, dilation d, padding p, bias b, residual r and activation f; c runs over the
    channels of o's group.

    Parameters
    ----------
    x : array_like, (batch, in_channels, height, width)
        Or (batch, height, width, in_channels) with layout "NHWC". The batch axis may be missing,
        and the answer then has none either. float32, float64 or float16, any strides.
    weight : array_like, (out_channels, in_channels // groups, kernel_height, kernel_width)
        The kernels, in that order whatever the layout, of x's type; or what `pack_weight` made of
        them, which brings its bias and other arguments with it.
    bias : array_like, (out_channels,), optional
        Added to each output channel; of x's type.
    stride : int or one int an axis
        Pixels from one window to the next.
    padding : int, one int an axis, one (before, after) pair an axis, or str
        Pixels added at the edges. "valid": none; "same": as many as give
        ceil(size / stride) outputs, an odd one at the end ("same_lower": at the beginning).
    dilation : int or one int an axis
        Pixels from one tap of the kernel to the next.
    groups : int
        Output channels are split into so many groups, each of which sees only its share of the
        input channels. groups = in_channels is a depthwise convolution.
    padding_mode : {"zeros", "constant", "reflect", "replicate", "circular"}
        What the added pixels hold: 0, `padding_value`, the image mirrored without its edge, its
        edge, or its other side.
    padding_value : float
        For padding_mode "constant".
    flip : bool
        Mirror the kernel along its spatial axes: the convolution of mathematics, as in
        `scipy.signal.convolve2d`.
    activation : str or (str, parameter), optional
        "relu", "relu6", ("leaky_relu", 0.01), ("elu", 1.0), "sigmoid", "tanh", "silu",
        ("hardsigmoid", (1/6, 1/2)), "hardswish", ("hardtanh", (-1.0, 1.0)), ("softplus", 1.0);
        the name alone stands for the pair shown.
    residual : array_like, optional
        Added before the activation; of the result's shape and type.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x`, `residual` and the result.
    algorithm : {"auto", "direct"}
        "direct" sums in the order of (channel, row, column).
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap the inputs.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_height, out_width)
        In x's layout and type, where out_height =
        floor((height + before + after - dilation * (kernel_height - 1) - 1) / stride) + 1.

    Raises
    ------
    TypeError
        If a type is not one of those above: integers and booleans have to be converted.
    ValueError
        If a shape or value does not fit the others. Nothing has been written to `out` then.
    MemoryError
        If the result or the packed weight does not fit.

    Notes
    -----
    A result is the same to the last bit for any number of threads, and for whatever batch an
    image comes in. float16 is summed in float32 and rounded once.

    With K = in_channels // groups * kernel_height * kernel_width and u the unit roundoff of the
    type of the sums, the error of a sum is at most K u / (1 - K u) times the sum of its terms'
    magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3).

    Examples
    --------
    Four 5x5 kernels over an RGB image of 32x32 give four maps of 28x28:

    >>> import numpy as np, convpool
    >>> image = np.ones((1, 3, 32, 32), np.float32)
    >>> kernels = np.ones((4, 3, 5, 5), np.float32)
    >>> maps = convpool.conv2d(image, kernels)
    >>> maps.shape, float(maps[0, 0, 0, 0])
    ((1, 4, 28, 28), 75.0)

    Padding keeps the size, a stride of 2 halves it:

    >>> convpool.conv2d(image, kernels, padding="same").shape
    (1, 4, 32, 32)
    >>> convpool.conv2d(image, kernels, padding=2, stride=2, activation="relu").shape
    (1, 4, 16, 16)
    """
    return _convolve(
        2, x, weight, bias, stride, padding, dilation, groups, padding_mode, padding_value, flip,
        activation, residual, layout, algorithm, out, num_threads,
    )  # fmt: skip


def conv3d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    flip: bool = False,
    activation: Activation = None,
    residual: ArrayLike | None = None,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    algorithm: str = "auto",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve volumes (cross-correlation, as CNNs call convolution).

    `conv2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, depth, height, width)
        Or (batch, depth, height, width, in_channels) with layout "NDHWC"; the batch axis may be
        missing.
    weight : array_like, (out_channels, in_channels // groups, *kernel)
        The kernels, with three axes each.
    bias, stride, padding, dilation, groups, padding_mode, padding_value, flip, activation
        As in `conv2d`.
    residual, layout, algorithm, out, num_threads
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> volume = np.ones((1, 1, 4, 5, 6), np.float32)
    >>> convpool.conv3d(volume, np.ones((2, 1, 2, 2, 2), np.float32)).shape
    (1, 2, 3, 4, 5)
    """
    return _convolve(
        3, x, weight, bias, stride, padding, dilation, groups, padding_mode, padding_value, flip,
        activation, residual, layout, algorithm, out, num_threads,
    )  # fmt: skip


def linear(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    activation: Activation = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Fully connected layer: ``activation(x @ weight.T + bias)``.

    Parameters
    ----------
    x : array_like, (..., in_features)
        float32, float64 or float16.
    weight : array_like, (out_features, in_features)
        Of x's type.
    bias : array_like, (out_features,), optional
        Of x's type.
    activation : str or (str, parameter), optional
        As in `conv2d`.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, (..., out_features)
        Of x's type; a row's result does not depend on the rows it comes with.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.linear(np.float32([1, 2]), np.float32([[3, 4], [5, -6]]), activation="relu")
    array([11.,  0.], dtype=float32)
    """
    rows = float_array("x", x)
    matrix = alike("weight", weight, rows.dtype)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"weight: got shape {matrix.shape}, expected (out_features, in_features), at least 1"
        )
    if rows.ndim == 0 or rows.shape[-1] != matrix.shape[1]:
        raise ValueError(
            f"x: got shape {rows.shape}, expected {matrix.shape[1]} along the last axis, "
            f"as weight's shape {matrix.shape} says"
        )
    shape = (*rows.shape[:-1], matrix.shape[0])
    activation_code(activation)
    if 0 in shape:
        return np.empty(shape, rows.dtype)
    # Rows are the pixels of one long signal with channels last.
    return _convolve(
        1, rows.reshape(1, -1, rows.shape[-1]), matrix[:, :, None], bias, 1, 0, 1, 1, "zeros", 0,
        False, activation, None, "NWC", "auto", None, num_threads,
    ).reshape(shape)  # fmt: skip


def _pool_nd(
    spatial: int,
    x: ArrayLike,
    kernel_size: object,
    stride: object,
    padding: object,
    dilation: object,
    ceil_mode: bool,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
    *,
    average: bool,
    include_padding: bool = False,
    divisor: int = 0,
    return_indices: bool = False,
) -> Any:
    """Check and run max and average pooling in one to three dimensions."""
    last = channels_last(layout, spatial)
    images, single = batched("x", float_array("x", x), spatial)
    sizes = _spatial(images.shape, last)
    channels = images.shape[-1 if last else 1]
    if channels == 0 or 0 in sizes:
        raise ValueError(f"x: got shape {images.shape}, expected at least 1 along all but batch")
    kernel = per_axis("kernel_size", kernel_size, spatial, 1)
    steps = kernel if stride is None else per_axis("stride", stride, spatial, 1)
    gaps = per_axis("dilation", dilation, spatial, 1)
    pads = padding_pairs(padding, sizes, kernel, steps, gaps)
    axes = tuple(
        _pool_axis(*axis, ceil_mode) for axis in zip(sizes, kernel, steps, gaps, pads, strict=True)
    )
    shape = _shape(images.shape[0], channels, [axis[6] for axis in axes], last)
    wanted = shape[1:] if single else shape
    result, copy = output_array(out, wanted, images.dtype, (images,))
    indices = np.empty(wanted, np.int64) if return_indices else None
    if shape[0]:
        _pool.pool(
            images,
            result[None] if single else result,
            indices[None] if single and indices is not None else indices,
            dtype=DTYPES[images.dtype.char],
            axes=axes,
            channels_last=last,
            average=average,
            include_padding=include_padding,
            divisor=divisor,
            num_threads=num_threads,
        )
    delivered = _deliver(result, out, copy)
    return delivered if indices is None else (delivered, indices)


def _pool_axis(
    size: int, taps: int, step: int, gap: int, pads: tuple[int, int], ceil_mode: bool
) -> Axis:
    """Fill in one axis of a pooling.

    By PyTorch's rule of ceil_mode a window that would begin in the padding after the input is
    dropped.
    """
    before, after = pads
    reach, padded = (taps - 1) * gap + 1, size + before + after
    if max(pads) >= reach:
        raise ValueError(
            f"padding: got {pads}, expected less than the {reach} that a window spans, "
            "since one that lies wholly in the padding has no value"
        )
    if (reach > padded and not ceil_mode) or padded >= 2**62:
        raise ValueError(
            f"kernel_size: got {taps}, which with its dilation spans {reach}, "
            f"expected at most the padded input's {padded}"
        )
    count = -(-(padded - reach) // step) if ceil_mode else (padded - reach) // step
    if ceil_mode and count * step >= size + before:
        count -= 1
    if count < 0:
        raise ValueError(f"kernel_size: got {taps}, expected at most the padded input's {padded}")
    return size, taps, step, gap, before, after, count + 1


@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
    layout: Literal["NCHW", "NHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[True],
    layout: Literal["NCHW", "NHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def max_pool2d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value under each window.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    kernel_size : int or one int an axis
        The window, in pixels.
    stride : int or one int an axis, optional
        Pixels from one window to the next; the window's own size if not given.
    padding : int, one int an axis, one (before, after) pair an axis, or str
        Pixels of -infinity added at the edges, fewer than the window spans; or "valid", "same",
        "same_lower" as in `conv2d`.
    dilation : int or one int an axis
        Pixels from one cell of the window to the next.
    ceil_mode : bool
        Round the number of windows up, so that a last one may reach beyond the edge, as long as
        it begins inside the input or the padding before it (PyTorch's rule).
    return_indices : bool
        Also return where in its plane, flattened, each maximum stands: the first of equals.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x` and the result.
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap x.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_height, out_width)
        In x's layout and type. A window with a NaN in it gives NaN.
    indices : numpy.ndarray of int64
        Of the same shape, if `return_indices`.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 2, 5, 6], [3, 4, 7, 8]]])
    >>> convpool.max_pool2d(x, 2)
    array([[[4., 8.]]], dtype=float32)
    >>> convpool.max_pool2d(x, 2, return_indices=True)[1]
    array([[[5, 7]]])
    """
    result: Array | tuple[Array, Array] = _pool_nd(
        2, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads,
        average=False, return_indices=return_indices,
    )  # fmt: skip
    return result


def avg_pool2d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of each window.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    kernel_size : int or one int an axis
        The window, in pixels.
    stride : int or one int an axis, optional
        Pixels from one window to the next; the window's own size if not given.
    padding : int, one int an axis, one (before, after) pair an axis, or str
        Pixels of 0 added at the edges, fewer than the window spans; or "valid", "same",
        "same_lower" as in `conv2d`.
    ceil_mode : bool
        As in `max_pool2d`.
    count_include_pad : bool
        Whether the mean counts padding. What `ceil_mode` lets a window reach beyond the padding
        never counts (PyTorch's rule).
    divisor_override : int, optional
        Divide each sum by this, whatever the window covers.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x` and the result.
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap x.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_height, out_width)
        In x's layout and type; float16 is summed in float32.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 2, 5, 6], [3, 4, 7, 8]]])
    >>> convpool.avg_pool2d(x, 2)
    array([[[2.5, 6.5]]], dtype=float32)
    """
    divisor = 0
    if divisor_override is not None:
        divisor = integer("divisor_override", divisor_override, -(2**31))
        if divisor == 0:
            raise ValueError("divisor_override: got 0, expected an int other than 0")
    result: Array = _pool_nd(
        2, x, kernel_size, stride, padding, 1, ceil_mode, layout, out, num_threads,
        average=True, include_padding=bool(count_include_pad), divisor=divisor,
    )  # fmt: skip
    return result
