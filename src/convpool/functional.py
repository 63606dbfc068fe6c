"""Convolution as functions: checked, documented, and handed to the drivers.

What a function is given goes to `_call`, which settles it and runs the driver.
"""

from typing import Literal, SupportsIndex

from numpy.typing import ArrayLike

from . import _call
from ._arguments import Activation, Array, IntPerAxis, Padding
from .packed import PackedWeight


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
    return _call.convolve(
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
        Added before the activation; of the result's shape and type. With out=residual, in place.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x`, `residual` and the result.
    algorithm : {"auto", "direct", "winograd"}
        "direct" sums in the order of (channel, row, column). "winograd" takes a quarter of the
        multiplications for kernels of 3x3 (16 of 36 for small images; for 5x5 36 of 100), with
        stride and dilation 1. "auto" takes it where it is faster, which depends on the shapes of
        weight and image alone.
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

    Outer rows and columns of the kernel that meet nothing of x, but only zeros of the padding, take
    no part, even if they are infinite or NaN, unless algorithm is "winograd".

    With K = in_channels // groups * kernel_height * kernel_width and u the unit roundoff of the
    type of the sums, the error of a sum is at most K u / (1 - K u) times the sum of its terms'
    magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3).

    That is for "direct". "winograd" (Lavin & Gray, Fast Algorithms for Convolutional Neural
    Networks, 2016) forms :math:`A^T [\sum_c (G w_c G^T) \odot (B^T x_c B)] A` for each tile of
    outputs, with the matrices of the points 0, ±3/4, ±3/2 and infinity, for small images of 0, ±1
    and infinity. The error of an output is at most (C + 16) u / (1 - (C + 16) u) times the same
    with all magnitudes, for C channels a group; in float32 it is seen below 1e-5 of the largest
    output. An infinity or NaN in x spoils all outputs of the tiles of 4x4 (2x2 for 5x5 kernels and
    small images) that see it, not only those whose windows do.

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
    return _call.convolve(
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
    return _call.convolve(
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
    return _call.linear(x, weight, bias, activation, num_threads)
