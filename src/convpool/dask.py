"""Dask arrays, larger than memory or on many machines (the extra `dask`).

Each function returns a lazy `dask.array.Array` that equals, bit for bit, what the function of the
same name in `convpool` returns for x in one array; of convolutions, with ``algorithm="direct"``.
A convolution's channels are read together; batch and spatial axes are computed in x's chunks, each
with a kernel's rows and columns of the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

from numpy.typing import ArrayLike

from ._arguments import Activation, IntPerAxis, Padding
from ._dask_calls import avg_pooled, convolved, filtered, max_pooled

if TYPE_CHECKING:
    from dask.array import Array as DaskArray

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "filter2d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]


def conv1d(
    x: Any,
    weight: ArrayLike,
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
    residual: Any = None,
    layout: str = "NCW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Convolve signals: `conv2d` with one spatial axis.

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups, padding_mode, padding_value, flip
        As in `convpool.conv1d`, x chunked in any way.
    activation, residual, layout, num_threads
        As in `conv2d`.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `conv2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 3, 1000), chunks=(1, 3, 100), dtype=np.float32)
    >>> convpool.dask.conv1d(x, np.ones((4, 3, 5), np.float32), stride=2).shape
    (1, 4, 498)
    """
    return convolved(
        1, x, weight, bias, (stride, padding, dilation, groups, layout), padding_mode,
        padding_value, flip, activation, residual, num_threads,
    )  # fmt: skip


def conv2d(
    x: Any,
    weight: ArrayLike,
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
    residual: Any = None,
    layout: str = "NCHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Convolve images (cross-correlation) that are too many or too large for one array.

    Parameters
    ----------
    x : dask.array.Array, (batch, in_channels, height, width)
        As in `convpool.conv2d`, chunked in any way. An array is taken too, as one block.
    weight, bias : array_like
        As in `convpool.conv2d`, in memory: each worker gets all of them. No `PackedWeight`.
    stride, padding, dilation, groups, padding_mode, padding_value, flip, activation, layout
        As in `convpool.conv2d`.
    residual : dask.array.Array, optional
        Added before the activation; of the result's shape and type.
    num_threads : int
        Of each block's call: 1, as Dask runs as many blocks at once as there are CPUs.

    Returns
    -------
    dask.array.Array, (batch, out_channels, out_height, out_width)
        Nothing is computed yet. Its bits are those of ``convpool.conv2d(..., algorithm="direct")``
        however x is chunked.

    Raises
    ------
    ImportError
        If Dask is missing.
    TypeError, ValueError
        As in `convpool.conv2d`, and if chunks are of unknown sizes.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 3, 600, 800), chunks=(1, 3, 256, 256), dtype=np.float32)
    >>> y = convpool.dask.conv2d(x, np.ones((4, 3, 5, 5), np.float32), padding="same")
    >>> y.shape, y.dtype
    ((1, 4, 600, 800), dtype('float32'))
    >>> float(y[0, 0, 300, 400].compute())
    75.0
    """
    return convolved(
        2, x, weight, bias, (stride, padding, dilation, groups, layout), padding_mode,
        padding_value, flip, activation, residual, num_threads,
    )  # fmt: skip


def conv3d(
    x: Any,
    weight: ArrayLike,
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
    residual: Any = None,
    layout: str = "NCDHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Convolve volumes: `conv2d` with three spatial axes.

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups, padding_mode, padding_value, flip
        As in `convpool.conv3d`, x chunked in any way.
    activation, residual, layout, num_threads
        As in `conv2d`.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `conv2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 2, 30, 40, 50), chunks=(1, 2, 10, 40, 50), dtype=np.float32)
    >>> convpool.dask.conv3d(x, np.ones((4, 2, 3, 3, 3), np.float32), stride=2).shape
    (1, 4, 14, 19, 24)
    """
    return convolved(
        3, x, weight, bias, (stride, padding, dilation, groups, layout), padding_mode,
        padding_value, flip, activation, residual, num_threads,
    )  # fmt: skip


def max_pool1d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: str = "NCW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Take the largest value under each window of signals: `max_pool2d` with one spatial axis.

    Parameters
    ----------
    x, kernel_size, stride, padding, dilation, ceil_mode, layout
        As in `convpool.max_pool1d`, x chunked in any way.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `max_pool2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `max_pool2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 3, 1000), chunks=(1, 3, 100), dtype=np.float32)
    >>> convpool.dask.max_pool1d(x, 2).shape
    (1, 3, 500)
    """
    return max_pooled(1, x, kernel_size, stride, padding, dilation, ceil_mode, layout, num_threads)


def max_pool2d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: str = "NCHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Take the largest value under each window of images too many or too large for an array.

    Parameters
    ----------
    x : dask.array.Array, (batch, channels, height, width)
        As in `convpool.max_pool2d`, chunked in any way. An array is taken too, as one block.
    kernel_size, stride, padding, dilation, ceil_mode, layout
        As in `convpool.max_pool2d`. Indices are not to be had.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array, (batch, channels, out_height, out_width)
        Nothing is computed yet. Its bits are those of `convpool.max_pool2d`, however x is chunked.

    Raises
    ------
    ImportError
        If Dask is missing.
    TypeError, ValueError
        As in `convpool.max_pool2d`, and if chunks are of unknown sizes.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.arange(16, chunks=4, dtype=np.float32).reshape(1, 1, 4, 4)
    >>> convpool.dask.max_pool2d(x, 2).compute()
    array([[[[ 5.,  7.],
             [13., 15.]]]], dtype=float32)
    """
    return max_pooled(2, x, kernel_size, stride, padding, dilation, ceil_mode, layout, num_threads)


def max_pool3d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: str = "NCDHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Take the largest value under each window of volumes: `max_pool2d` with three spatial axes.

    Parameters
    ----------
    x, kernel_size, stride, padding, dilation, ceil_mode, layout
        As in `convpool.max_pool3d`, x chunked in any way.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `max_pool2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `max_pool2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 2, 30, 40, 50), chunks=(1, 2, 10, 40, 50), dtype=np.float32)
    >>> convpool.dask.max_pool3d(x, 2).shape
    (1, 2, 15, 20, 25)
    """
    return max_pooled(3, x, kernel_size, stride, padding, dilation, ceil_mode, layout, num_threads)


def avg_pool1d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: str = "NCW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Average each window of signals: `avg_pool2d` with one spatial axis.

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout
        As in `convpool.avg_pool1d`, x chunked in any way.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `avg_pool2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `avg_pool2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 3, 1000), chunks=(1, 3, 100), dtype=np.float32)
    >>> convpool.dask.avg_pool1d(x, 2).shape
    (1, 3, 500)
    """
    return avg_pooled(
        1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout,
        num_threads,
    )  # fmt: skip


def avg_pool2d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: str = "NCHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Average each window of images that are too many or too large for one array.

    Parameters
    ----------
    x : dask.array.Array, (batch, channels, height, width)
        As in `convpool.avg_pool2d`, chunked in any way. An array is taken too, as one block.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout
        As in `convpool.avg_pool2d`.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array, (batch, channels, out_height, out_width)
        Nothing is computed yet. Its bits are those of `convpool.avg_pool2d`, however x is chunked.

    Raises
    ------
    ImportError
        If Dask is missing.
    TypeError, ValueError
        As in `convpool.avg_pool2d`, and if chunks are of unknown sizes.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.arange(16, chunks=4, dtype=np.float32).reshape(1, 1, 4, 4)
    >>> convpool.dask.avg_pool2d(x, 2).compute()
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]], dtype=float32)
    """
    return avg_pooled(
        2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout,
        num_threads,
    )  # fmt: skip


def avg_pool3d(
    x: Any,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: str = "NCDHW",
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Average each window of volumes: `avg_pool2d` with three spatial axes.

    Parameters
    ----------
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout
        As in `convpool.avg_pool3d`, x chunked in any way.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array
        As lazy and as exact as that of `avg_pool2d`.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `avg_pool2d`.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> x = da.ones((1, 2, 30, 40, 50), chunks=(1, 2, 10, 40, 50), dtype=np.float32)
    >>> convpool.dask.avg_pool3d(x, 2).shape
    (1, 2, 15, 20, 25)
    """
    return avg_pooled(
        3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout,
        num_threads,
    )  # fmt: skip


def filter2d(
    image: Any,
    kernel: ArrayLike,
    *,
    padding_mode: str = "reflect",
    padding_value: float = 0,
    flip: bool = False,
    num_threads: SupportsIndex = 1,
) -> DaskArray:
    """Lay one kernel over every channel of an image that is too large for one array.

    Parameters
    ----------
    image : dask.array.Array, (height, width) or (height, width, channels)
        As in `convpool.filter2d`, chunked in any way. An array is taken too, as one block.
    kernel, padding_mode, padding_value, flip
        As in `convpool.filter2d`.
    num_threads : int
        Of each block's call.

    Returns
    -------
    dask.array.Array
        Of the image's shape and type. Nothing is computed yet. Its bits are those of
        `convpool.filter2d`, however the image is chunked.

    Raises
    ------
    ImportError
        If Dask is missing.
    TypeError, ValueError
        As in `convpool.filter2d`, and if chunks are of unknown sizes.

    Examples
    --------
    >>> import dask.array as da, numpy as np, convpool.dask
    >>> scan = da.full((20_000, 30_000), 90, chunks=4096, dtype=np.uint8)
    >>> blurred = convpool.dask.filter2d(scan, np.full((3, 3), 1 / 9))
    >>> blurred[:2, :3].compute()
    array([[90, 90, 90],
           [90, 90, 90]], dtype=uint8)
    """
    return filtered(image, kernel, padding_mode, padding_value, flip, num_threads)
