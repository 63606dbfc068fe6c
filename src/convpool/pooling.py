"""Pooling as functions: checked, documented, and handed to the drivers.

What a function is given goes to `_pool_call`, which settles it and runs the driver.
"""

from typing import Literal, SupportsIndex, overload

from numpy.typing import ArrayLike

from . import _lp_pool, _pool_call, _unpool
from ._arguments import Array, IntPerAxis, Padding, shape_of_input, spatial_axes

OutputSize = SupportsIndex | tuple[SupportsIndex | None, ...] | list[SupportsIndex | None] | None


@overload
def max_pool1d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
    layout: Literal["NCW", "NWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def max_pool1d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[True],
    layout: Literal["NCW", "NWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def max_pool1d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value under each window of signals.

    `max_pool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, layout, out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type. With `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        As in `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 5, 2, 3, 9]]])
    >>> convpool.max_pool1d(x, 3, stride=2, return_indices=True)
    (array([[[5., 9.]]], dtype=float32), array([[[1, 4]]]))
    """
    result: Array | tuple[Array, Array] = _pool_call.pool(
        1, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, False,
        False, None, return_indices,
    )  # fmt: skip
    return result


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
        Also return where in its plane, flattened, each maximum stands: the first of equals, the
        last of several NaN; -1 where a dilated window steps over the whole input.
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
    result: Array | tuple[Array, Array] = _pool_call.pool(
        2, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, False,
        False, None, return_indices,
    )  # fmt: skip
    return result


@overload
def max_pool3d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[False] = ...,
    layout: Literal["NCDHW", "NDHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def max_pool3d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = ...,
    padding: Padding = ...,
    dilation: IntPerAxis = ...,
    ceil_mode: bool = ...,
    return_indices: Literal[True],
    layout: Literal["NCDHW", "NDHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def max_pool3d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value under each window of volumes.

    `max_pool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, layout, out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type. With `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        As in `max_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.max_pool3d(np.ones((1, 2, 4, 6, 6), np.float32), 2).shape
    (1, 2, 2, 3, 3)
    """
    result: Array | tuple[Array, Array] = _pool_call.pool(
        3, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, False,
        False, None, return_indices,
    )  # fmt: skip
    return result


def avg_pool1d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of each window of signals.

    `avg_pool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    kernel_size, stride, padding, dilation, ceil_mode, count_include_pad
        As in `avg_pool2d`.
    divisor_override, layout, out, num_threads
        As in `avg_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.avg_pool1d(np.float32([[[1, 5, 2, 4, 9]]]), 2)
    array([[[3., 3.]]], dtype=float32)
    """
    result: Array = _pool_call.pool(
        1, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, True,
        count_include_pad, divisor_override, False,
    )  # fmt: skip
    return result


def avg_pool2d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
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
    dilation : int or one int an axis
        Pixels from one cell of the window to the next (which PyTorch does not have, but ONNX).
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
    result: Array = _pool_call.pool(
        2, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, True,
        count_include_pad, divisor_override, False,
    )  # fmt: skip
    return result


def avg_pool3d(
    x: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of each window of volumes.

    `avg_pool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    kernel_size, stride, padding, dilation, ceil_mode, count_include_pad
        As in `avg_pool2d`.
    divisor_override, layout, out, num_threads
        As in `avg_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.avg_pool3d(np.ones((1, 2, 4, 6, 6), np.float32), 2).shape
    (1, 2, 2, 3, 3)
    """
    result: Array = _pool_call.pool(
        3, x, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads, True,
        count_include_pad, divisor_override, False,
    )  # fmt: skip
    return result


def lp_pool1d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the p-norm of each window of signals.

    `lp_pool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads
        As in `lp_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `lp_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.lp_pool1d(np.float32([[[3, 4, 0, -1]]]), 2, 2)
    array([[[5., 1.]]], dtype=float32)
    """
    result: Array = _lp_pool.lp_pool(
        1, x, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads
    )
    return result


def lp_pool2d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Take the p-norm of each window: :math:`(\sum |x|^p)^{1/p}`, where p is `norm_type`.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    norm_type : float
        p, above 0: 1 sums magnitudes, 2 is the Euclidean norm, infinity the largest magnitude.
    kernel_size, stride, padding, dilation, ceil_mode
        As in `max_pool2d`; padding adds nothing to a norm.
    layout, out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Notes
    -----
    A norm is that of ONNX's LpPool and of mathematics, never negative. PyTorch sums x^p itself: for
    an odd p negative values then cancel positive ones, a sum below 0 becomes 0, and a fractional p
    makes NaN of negative values. With `ceil_mode` PyTorch scales up a last window that reaches
    beyond the edge; here it is the norm of what it covers.

    float16 and float32 are raised, summed and rooted in float64, where powers up to p = 7 neither
    overflow nor vanish; float64 itself is raised as it is, so that for p = 2 magnitudes above 1e154
    become infinite.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[3, 4, 0, -1], [0, 0, -2, 2]]])
    >>> convpool.lp_pool2d(x, 2, 2)
    array([[[5., 3.]]], dtype=float32)
    """
    result: Array = _lp_pool.lp_pool(
        2, x, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads
    )
    return result


def lp_pool3d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the p-norm of each window of volumes.

    `lp_pool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads
        As in `lp_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `lp_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.lp_pool3d(np.ones((1, 2, 4, 6, 6), np.float32), 2, 2).shape
    (1, 2, 2, 3, 3)
    """
    result: Array = _lp_pool.lp_pool(
        3, x, norm_type, kernel_size, stride, padding, dilation, ceil_mode, layout, out, num_threads
    )
    return result


def adaptive_avg_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of as many windows as asked for, of signals.

    `adaptive_avg_pool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    output_size, layout, out, num_threads
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `adaptive_avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.adaptive_avg_pool1d(np.float32([[[1, 2, 3, 4, 5]]]), 2)
    array([[[2., 4.]]], dtype=float32)
    """
    result: Array = _pool_call.adaptive_pool(
        1, x, output_size, layout, out, num_threads, True, False
    )
    return result


def adaptive_avg_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of as many windows as asked for.

    Window i of an axis reaches from floor(i size / outputs) to ceil((i + 1) size / outputs):
    windows of about equal size, which overlap where the numbers do not divide.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    output_size : int, None, or one of them an axis
        How many windows; None for as many as there are pixels.
    layout, out, num_threads
        As in `max_pool2d`.

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
    >>> x = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    >>> convpool.adaptive_avg_pool2d(x, (2, 2))
    array([[[[3.5, 5.5],
             [7.5, 9.5]]]], dtype=float32)
    >>> convpool.adaptive_avg_pool2d(np.ones((1, 8, 13, 17), np.float32), (6, None)).shape
    (1, 8, 6, 17)
    """
    result: Array = _pool_call.adaptive_pool(
        2, x, output_size, layout, out, num_threads, True, False
    )
    return result


def adaptive_avg_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of as many windows as asked for, of volumes.

    `adaptive_avg_pool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    output_size, layout, out, num_threads
        As in `adaptive_avg_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `adaptive_avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.adaptive_avg_pool3d(np.ones((1, 2, 4, 7, 7), np.float32), (2, 3, None)).shape
    (1, 2, 2, 3, 7)
    """
    result: Array = _pool_call.adaptive_pool(
        3, x, output_size, layout, out, num_threads, True, False
    )
    return result


@overload
def adaptive_max_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[False] = ...,
    layout: Literal["NCW", "NWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def adaptive_max_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[True],
    layout: Literal["NCW", "NWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def adaptive_max_pool1d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value of as many windows as asked for, of signals.

    `adaptive_max_pool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    output_size, return_indices, layout, out, num_threads
        As in `adaptive_max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type. With `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        As in `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.adaptive_max_pool1d(np.float32([[[1, 2, 3, 4, 5]]]), 2)
    array([[[3., 5.]]], dtype=float32)
    """
    result: Array | tuple[Array, Array] = _pool_call.adaptive_pool(
        1, x, output_size, layout, out, num_threads, False, return_indices
    )
    return result


@overload
def adaptive_max_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[False] = ...,
    layout: Literal["NCHW", "NHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def adaptive_max_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[True],
    layout: Literal["NCHW", "NHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def adaptive_max_pool2d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value of as many windows as asked for.

    Window i of an axis reaches from floor(i size / outputs) to ceil((i + 1) size / outputs):
    windows of about equal size, which overlap where the numbers do not divide.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    output_size : int, None, or one of them an axis
        How many windows; None for as many as there are pixels.
    return_indices : bool
        As in `max_pool2d`.
    layout, out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_height, out_width)
        In x's layout and type. With `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    >>> convpool.adaptive_max_pool2d(x, (2, 2))
    array([[[[ 6.,  8.],
             [10., 12.]]]], dtype=float32)
    >>> convpool.adaptive_max_pool2d(np.ones((1, 8, 13, 17), np.float32), (6, None)).shape
    (1, 8, 6, 17)
    """
    result: Array | tuple[Array, Array] = _pool_call.adaptive_pool(
        2, x, output_size, layout, out, num_threads, False, return_indices
    )
    return result


@overload
def adaptive_max_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[False] = ...,
    layout: Literal["NCDHW", "NDHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def adaptive_max_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: Literal[True],
    layout: Literal["NCDHW", "NDHWC"] = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def adaptive_max_pool3d(
    x: ArrayLike,
    output_size: OutputSize,
    *,
    return_indices: bool = False,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value of as many windows as asked for, of volumes.

    `adaptive_max_pool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    output_size, return_indices, layout, out, num_threads
        As in `adaptive_max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type. With `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        As in `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.adaptive_max_pool3d(np.ones((1, 2, 4, 7, 7), np.float32), (2, 3, None)).shape
    (1, 2, 2, 3, 7)
    """
    result: Array | tuple[Array, Array] = _pool_call.adaptive_pool(
        3, x, output_size, layout, out, num_threads, False, return_indices
    )
    return result


def global_avg_pool(
    x: ArrayLike,
    *,
    layout: str = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Take the mean of each whole plane.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or as `layout` says, with one to three spatial axes; the batch axis may be missing.
        float32, float64 or float16, any strides.
    layout : {"NCHW", "NHWC", "NCW", "NWC", "NCDHW", "NDHWC"}
        The order of axes of `x` and the result.
    out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, 1, 1)
        In x's layout and type; spatial axes of 1 remain, as in ONNX. float16 is
        summed in float32.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 2], [3, 4]]])
    >>> convpool.global_avg_pool(x)
    array([[[2.5]]], dtype=float32)
    >>> convpool.global_avg_pool(np.ones((2, 4, 5, 6, 3)), layout="NDHWC").shape
    (2, 1, 1, 1, 3)
    """
    result: Array = _pool_call.adaptive_pool(
        spatial_axes(layout), x, 1, layout, out, num_threads, True, False
    )
    return result


@overload
def global_max_pool(
    x: ArrayLike,
    *,
    return_indices: Literal[False] = ...,
    layout: str = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> Array: ...


@overload
def global_max_pool(
    x: ArrayLike,
    *,
    return_indices: Literal[True],
    layout: str = ...,
    out: Array | None = ...,
    num_threads: SupportsIndex | None = ...,
) -> tuple[Array, Array]: ...


def global_max_pool(
    x: ArrayLike,
    *,
    return_indices: bool = False,
    layout: str = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array | tuple[Array, Array]:
    """Take the largest value of each whole plane.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or as `layout` says, with one to three spatial axes; the batch axis may be missing.
        float32, float64 or float16, any strides.
    return_indices : bool
        As in `max_pool2d`.
    layout : {"NCHW", "NHWC", "NCW", "NWC", "NCDHW", "NDHWC"}
        The order of axes of `x` and the result.
    out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, 1, 1)
        In x's layout and type; spatial axes of 1 remain, as in ONNX. With
        `return_indices` a pair: also their positions, int64.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above. Nothing has been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 4], [3, 2]]])
    >>> convpool.global_max_pool(x)
    array([[[4.]]], dtype=float32)
    >>> convpool.global_max_pool(x, return_indices=True)[1]
    array([[[1]]])
    """
    result: Array | tuple[Array, Array] = _pool_call.adaptive_pool(
        spatial_axes(layout), x, 1, layout, out, num_threads, False, return_indices
    )
    return result


def max_unpool1d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    output_size: IntPerAxis | None = None,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Put maxima of signals back where they stood, with 0 elsewhere.

    `max_unpool2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, width)
        Or (batch, width, channels) with layout "NWC"; the batch axis may be missing.
    indices, kernel_size, stride, padding, output_size, layout, out, num_threads
        As in `max_unpool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `max_unpool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.max_unpool1d(np.float32([[[5, 9]]]), [[[1, 3]]], 2)
    array([[[0., 5., 0., 9.]]], dtype=float32)
    """
    result: Array = _unpool.max_unpool(
        1, x, indices, kernel_size, stride, padding, output_size, layout, out, num_threads
    )
    return result


def max_unpool2d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    output_size: IntPerAxis | None = None,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Put maxima back where they stood, with 0 elsewhere: the partial inverse of max pooling.

    Parameters
    ----------
    x : array_like, (batch, channels, height, width)
        Or (batch, height, width, channels) with layout "NHWC"; the batch axis may be missing.
        float32, float64 or float16, any strides.
    indices : array_like of int, as x
        Where in its plane, flattened, each value goes, as max pooling returns it with
        `return_indices`. Of values with the same place the last one stays.
    kernel_size, stride
        Those of the pooling that is undone.
    padding : int, one int an axis, or one (before, after) pair an axis
        Likewise.
    output_size : one int an axis, optional
        The plane, as several sizes pool to the same: within a stride of what is the default,
        (size - 1) stride - before - after + kernel. The whole shape is taken as well.
    layout, out, num_threads
        As in `max_pool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above, a place outside the plane among them. Nothing has
        been written to `out` then.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 2, 5, 6], [3, 4, 7, 8]]])
    >>> convpool.max_unpool2d(*convpool.max_pool2d(x, 2, return_indices=True), 2)
    array([[[0., 0., 0., 0.],
            [0., 4., 0., 8.]]], dtype=float32)
    """
    result: Array = _unpool.max_unpool(
        2, x, indices, kernel_size, stride, padding, output_size, layout, out, num_threads
    )
    return result


def max_unpool3d(
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    output_size: IntPerAxis | None = None,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Put maxima of volumes back where they stood, with 0 elsewhere.

    `max_unpool2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like, (batch, channels, depth, height, width)
        Or (batch, depth, height, width, channels) with layout "NDHWC"; the batch axis may be
        missing.
    indices, kernel_size, stride, padding, output_size, layout, out, num_threads
        As in `max_unpool2d`.

    Returns
    -------
    numpy.ndarray, (batch, channels, out_depth, out_height, out_width)
        In x's layout and type.

    Raises
    ------
    TypeError, ValueError
        As in `max_unpool2d`.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.ones((1, 2, 4, 6, 6), np.float32)
    >>> convpool.max_unpool3d(*convpool.max_pool3d(x, 2, return_indices=True), 2).shape
    (1, 2, 4, 6, 6)
    """
    result: Array = _unpool.max_unpool(
        3, x, indices, kernel_size, stride, padding, output_size, layout, out, num_threads
    )
    return result


def pool_output_shape(
    shape: tuple[SupportsIndex, ...] | list[SupportsIndex],
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: str = "NCHW",
) -> tuple[int, ...]:
    """Find the shape that max, average or p-norm pooling returns, without running it.

    Parameters
    ----------
    shape : sequence of int
        That of x, with or without the batch axis.
    kernel_size, stride, padding, dilation, ceil_mode
        As in `max_pool2d`.
    layout : {"NCHW", "NHWC", "NCW", "NWC", "NCDHW", "NDHWC"}
        The order of axes of `shape` and the result, and how many of them are spatial.

    Returns
    -------
    tuple of int
        Along each spatial axis
        floor((size + before + after - dilation * (kernel_size - 1) - 1) / stride) + 1, or with
        `ceil_mode` what that rounds up to, less a window that begins beyond the input.

    Raises
    ------
    TypeError, ValueError
        Where the pooling itself would.

    Examples
    --------
    >>> import convpool
    >>> convpool.pool_output_shape((1, 64, 112, 112), 3, stride=2, padding=1)
    (1, 64, 56, 56)
    >>> convpool.pool_output_shape((112, 112, 64), 3, stride=2, ceil_mode=True, layout="NHWC")
    (56, 56, 64)
    """
    spatial = spatial_axes(layout)
    whole = shape_of_input("shape", shape, spatial)
    return _pool_call.pool_axes(
        spatial, whole, kernel_size, stride, padding, dilation, ceil_mode, layout
    )[0]
