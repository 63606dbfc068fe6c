"""Gradients of convolutions, for training with nothing but NumPy.

Of a loss L and y = conv(x, weight), `grad_output` is dL/dy; a function here gives dL/dx or
dL/dweight. That with respect to a bias is the sum of grad_output over all axes but the channels.
"""

from collections.abc import Sequence
from typing import Literal, SupportsIndex

from numpy.typing import ArrayLike

from ._arguments import Array, IntPerAxis, Padding
from ._conv_grad import conv_input, conv_weight
from ._pool_grad import (
    adaptive_avg_pool1d_input,
    adaptive_avg_pool2d_input,
    adaptive_avg_pool3d_input,
    adaptive_max_pool1d_input,
    adaptive_max_pool2d_input,
    adaptive_max_pool3d_input,
    avg_pool1d_input,
    avg_pool2d_input,
    avg_pool3d_input,
    global_avg_pool_input,
    global_max_pool_input,
    lp_pool1d_input,
    lp_pool2d_input,
    lp_pool3d_input,
    max_pool1d_input,
    max_pool2d_input,
    max_pool3d_input,
    max_unpool1d_input,
    max_unpool2d_input,
    max_unpool3d_input,
)

__all__ = [
    "adaptive_avg_pool1d_input",
    "adaptive_avg_pool2d_input",
    "adaptive_avg_pool3d_input",
    "adaptive_max_pool1d_input",
    "adaptive_max_pool2d_input",
    "adaptive_max_pool3d_input",
    "avg_pool1d_input",
    "avg_pool2d_input",
    "avg_pool3d_input",
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
    "global_avg_pool_input",
    "global_max_pool_input",
    "lp_pool1d_input",
    "lp_pool2d_input",
    "lp_pool3d_input",
    "max_pool1d_input",
    "max_pool2d_input",
    "max_pool3d_input",
    "max_unpool1d_input",
    "max_unpool2d_input",
    "max_unpool3d_input",
]

Shape = Sequence[SupportsIndex]


def conv1d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Differentiate `conv1d` with respect to its input.

    `conv2d_input` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    input_size : sequence of int
        The shape of x: (batch, in_channels, width), in the order of `layout`.
    weight : array_like, (out_channels, in_channels // groups, *kernel)
        That of the convolution.
    grad_output : array_like, (batch, out_channels, out_width)
        The gradient of what `conv1d` returned.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `conv2d_input`.

    Returns
    -------
    numpy.ndarray, input_size
        Of grad_output's type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import grad
    >>> weight, ones = np.ones((1, 1, 2), np.float32), np.ones((1, 1, 3), np.float32)
    >>> grad.conv1d_input((1, 1, 4), weight, ones)
    array([[[1., 2., 2., 1.]]], dtype=float32)
    """
    return conv_input(
        1, input_size, weight, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip


def conv1d_weight(
    x: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Differentiate `conv1d` with respect to its weight.

    `conv2d_weight` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, width)
        What was convolved.
    weight_size : sequence of int
        The weight's shape: (out_channels, in_channels // groups, *kernel).
    grad_output : array_like, (batch, out_channels, out_width)
        The gradient of what `conv1d` returned.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `conv2d_weight`.

    Returns
    -------
    numpy.ndarray, weight_size
        Of x's type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import grad
    >>> x, ones = np.ones((1, 1, 4), np.float32), np.ones((1, 1, 3), np.float32)
    >>> grad.conv1d_weight(x, (1, 1, 2), ones)
    array([[[3., 3.]]], dtype=float32)
    """
    return conv_weight(
        1, x, weight_size, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip


def conv2d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Differentiate `conv2d` with respect to its input.

    .. math::

        \frac{\partial L}{\partial x}(n, c, h, l) = \sum_{o, u, v}
        w(o, c, u, v)\, \frac{\partial L}{\partial y}(n, o, i, j)
        \quad\text{where}\quad i s_0 + u d_0 - p_0 = h,\ j s_1 + v d_1 - p_1 = l

    Parameters
    ----------
    input_size : sequence of int
        The shape of x: (batch, in_channels, height, width), in the order of `layout`, without
        batch if `grad_output` has none. The sizes of height and width are rounded away by a
        stride, so they have to be told.
    weight : array_like, (out_channels, in_channels // groups, kernel_height, kernel_width)
        That of the convolution.
    grad_output : array_like, (batch, out_channels, out_height, out_width)
        The gradient of what `conv2d` returned, in the order of `layout`. float32, float64 or
        float16, any strides.
    stride, padding, dilation, groups
        As they were given to `conv2d`; the padding is of zeros.
    layout : {"NCHW", "NHWC"}
        The order of axes of `input_size`, `grad_output` and the result.
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap the inputs.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, input_size
        Of grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.
    MemoryError
        As in `convpool.conv_transpose2d`.

    See Also
    --------
    convpool.conv_transpose2d : The same computation, and how it is done.

    Examples
    --------
    How often each pixel of a 4x4 image is seen by windows of 3x3:

    >>> import numpy as np
    >>> from convpool import grad
    >>> weight, ones = np.ones((1, 1, 3, 3), np.float32), np.ones((1, 1, 2, 2), np.float32)
    >>> grad.conv2d_input((1, 1, 4, 4), weight, ones)[0, 0]
    array([[1., 2., 2., 1.],
           [2., 4., 4., 2.],
           [2., 4., 4., 2.],
           [1., 2., 2., 1.]], dtype=float32)
    """
    return conv_input(
        2, input_size, weight, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip


def conv2d_weight(
    x: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Differentiate `conv2d` with respect to its weight.

    .. math::

        \frac{\partial L}{\partial w}(o, c, u, v) = \sum_{n, i, j}
        \frac{\partial L}{\partial y}(n, o, i, j)\,
        x(n, c, i s_0 + u d_0 - p_0, j s_1 + v d_1 - p_1)

    Parameters
    ----------
    x : array_like, (batch, in_channels, height, width)
        What was convolved: float32, float64 or float16, any strides, or one example without the
        batch axis.
    weight_size : sequence of int
        The weight's shape: (out_channels, in_channels // groups, kernel_height, kernel_width).
    grad_output : array_like, (batch, out_channels, out_height, out_width)
        The gradient of what `conv2d` returned, of x's type and layout.
    stride, padding, dilation, groups
        As they were given to `conv2d`; the padding is of zeros.
    layout : {"NCHW", "NHWC"}
        The order of axes of `x` and `grad_output`.
    out : numpy.ndarray, optional
        Where to write the result: its shape and type, any strides. It may overlap the inputs.
    num_threads : int, optional
        For this call; otherwise as `convpool.set_num_threads` or the environment say.

    Returns
    -------
    numpy.ndarray, weight_size
        Of x's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Notes
    -----
    The result is the same to the last bit for any number of threads. Each sum is cut into blocks
    of at most 1024 terms, by shapes alone, each of which is summed in the order of (image, row,
    column); the blocks are added in that order too. With B blocks and u the unit roundoff of the
    type of the sums (that of float32 for float16), the error is at most K u / (1 - K u), where
    K = 1024 + B, times the sum of the terms' magnitudes: less than one chain over all
    batch * out_height * out_width terms would promise.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import grad
    >>> x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    >>> grad.conv2d_weight(x, (1, 1, 3, 3), np.ones((1, 1, 2, 2), np.float32))[0, 0]
    array([[10., 14., 18.],
           [26., 30., 34.],
           [42., 46., 50.]], dtype=float32)
    """
    return conv_weight(
        2, x, weight_size, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip


def conv3d_input(
    input_size: Shape,
    weight: ArrayLike,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Differentiate `conv3d` with respect to its input.

    `conv2d_input` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    input_size : sequence of int
        The shape of x: (batch, in_channels, depth, height, width), in the order of `layout`.
    weight : array_like, (out_channels, in_channels // groups, *kernel)
        That of the convolution.
    grad_output : array_like, (batch, out_channels, out_depth, out_height, out_width)
        The gradient of what `conv3d` returned.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `conv2d_input`.

    Returns
    -------
    numpy.ndarray, input_size
        Of grad_output's type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import grad
    >>> weight, ones = np.ones((1, 1, 2, 2, 2), np.float32), np.ones((1, 1, 3, 3, 3), np.float32)
    >>> grad.conv3d_input((1, 1, 4, 4, 4), weight, ones)[0, 0, 0, 0]
    array([1., 2., 2., 1.], dtype=float32)
    """
    return conv_input(
        3, input_size, weight, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip


def conv3d_weight(
    x: ArrayLike,
    weight_size: Shape,
    grad_output: ArrayLike,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Differentiate `conv3d` with respect to its weight.

    `conv2d_weight` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, in_channels, depth, height, width)
        What was convolved.
    weight_size : sequence of int
        The weight's shape: (out_channels, in_channels // groups, *kernel).
    grad_output : array_like, (batch, out_channels, out_depth, out_height, out_width)
        The gradient of what `conv3d` returned.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `conv2d_weight`.

    Returns
    -------
    numpy.ndarray, weight_size
        Of x's type.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d_weight`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import grad
    >>> x, ones = np.ones((1, 1, 4, 4, 4), np.float32), np.ones((1, 1, 3, 3, 3), np.float32)
    >>> grad.conv3d_weight(x, (1, 1, 2, 2, 2), ones)[0, 0, 0, 0]
    array([27., 27.], dtype=float32)
    """
    return conv_weight(
        3, x, weight_size, grad_output, stride, padding, dilation, groups, layout, out,
        num_threads,
    )  # fmt: skip
