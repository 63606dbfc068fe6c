"""Gradients of pooling with respect to its input: the backward pass, as functions.

Each takes what the pooling was given and `grad_output`, the gradient of a loss with respect to the
pooling's result, and returns that with respect to its input. Sums run in the order of the outputs,
however many threads there are; float16 is summed in float32.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _pool_call, _scatter
from ._arguments import (
    Array,
    IntPerAxis,
    Padding,
    alike,
    arrays_of,
    called,
    channels_last,
    float_array,
    integer,
    shape_of_input,
    spatial_axes,
    truth,
)
from ._lp_pool import WindowArguments, norms, positive_norm, power, settled_windows
from ._threads import asked_threads
from ._unpool import check_places, places_of, planes

InputSize = tuple[SupportsIndex, ...] | list[SupportsIndex]


class _Windows(NamedTuple):
    """Those of one axis: where each begins, its cells, `step` apart, and what divides their sum."""

    size: int
    begin: Array
    taps: Array
    divisor: Array
    step: int


class _Planes:
    """Gradients of outputs, and the input that they go back to."""

    def __init__(
        self, spatial: int, shape: tuple[int, ...], grad: Array, last: bool, threads: int | None,
        name: str = "input_size",
    ) -> None:  # fmt: skip
        self.last, self.threads, self.shape = last, threads, shape
        self.batch, self.channels, sizes = planes(name, shape, spatial, self.last)
        *lead, self.outputs = planes("grad_output", grad.shape, spatial, self.last)
        if lead != [self.batch, self.channels] or grad.ndim != len(shape):
            raise ValueError(
                f"grad_output: got shape {grad.shape}, expected batch and channels of {shape}"
            )
        self.sizes = sizes
        self.cells, self.places = math.prod(self.outputs), math.prod(sizes)

    def add_at(self, grad: Array, places: Array) -> Array:
        """Each gradient at its place; in float32 for float16."""
        flat, target = self._flat(grad)
        _scatter.scatter(
            flat, places.reshape(-1), target, self.batch, self.channels, self.cells, self.places,
            self.last, True, self.threads,
        )  # fmt: skip
        return target.reshape(self.shape)

    def add_windows(self, grad: Array, windows: list[_Windows]) -> Array:
        """Each gradient's share over its window."""
        flat, target = self._flat(grad)
        ones = np.ones(1, np.int64)
        missing = [_Windows(1, ones - 1, ones, np.ones(1), 1)] * (3 - len(windows))
        axes = [*missing, *windows]
        sizes = np.array([(w.size, len(w.begin), w.step) for w in axes], np.int64)
        begins, taps = (_table([w[i] for w in axes], np.int64) for i in (1, 2))
        divisors = _table([w.divisor for w in axes], np.float64)
        _scatter.spread(
            flat, target, self.batch, self.channels, sizes, begins, taps, divisors, self.last,
            self.threads,
        )  # fmt: skip
        return target.reshape(self.shape)

    def _flat(self, grad: Array) -> tuple[Array, Array]:
        wide = np.float32 if grad.dtype == np.float16 else grad.dtype
        flat = np.ascontiguousarray(grad, wide).reshape(-1)
        return flat, np.zeros(math.prod(self.shape), wide)


def _settled(spatial: int, layout: object, num_threads: object) -> tuple[bool, int | None]:
    """Whether channels are last, and the threads of this call."""
    return channels_last(layout, spatial), asked_threads(num_threads)


def _table(rows: Sequence[Any], dtype: DTypeLike) -> Array:
    """Rows of several lengths as one array."""
    table = np.zeros((len(rows), max(map(len, rows))), dtype)
    for to, row in zip(table, rows, strict=True):
        to[: len(row)] = row
    return table


def _narrowed(target: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        return target.astype(dtype, copy=False)


def _windows(axes: list[dict[str, int]], counted: bool, divisor: int | None) -> list[_Windows]:
    """Those of a pooling's axes; padding may count, a divisor may stand for all counts."""
    windows: list[_Windows] = []
    for axis in axes:
        gap, size, kernel = axis["dilation"], axis["size"], axis["kernel"]
        start = np.arange(axis["out"]) * axis["stride"] - axis["before"]
        first = np.maximum(-(start // gap), 0)
        last = np.minimum(-((start - size) // gap), kernel)
        padded = np.minimum(-((start - size - axis["after"]) // gap), kernel)
        cells = (padded if counted else last - first).astype(np.float64)
        if divisor is not None:
            cells[:] = 1 if windows else divisor
        taps = np.maximum(last - first, 0)
        windows.append(_Windows(size, start + first * gap, taps, cells, gap))
    return windows


def _max_pool_input(
    spatial: int, input_size: object, indices: ArrayLike, grad_output: ArrayLike, layout: object,
    num_threads: object,
) -> Array:  # fmt: skip
    settled = _settled(spatial, layout, num_threads)
    shape = shape_of_input("input_size", input_size, spatial)
    grad, places = arrays_of(grad_output=grad_output, indices=indices)
    grad, places = float_array("grad_output", grad), places_of(places)
    call = _Planes(spatial, shape, grad, *settled)
    check_places(places, grad.shape, -1, call.places)
    return _narrowed(call.add_at(grad, places), grad.dtype)


def _pool_call_of(
    spatial: int, shape: tuple[int, ...], grad: Array, windows: WindowArguments,
    num_threads: int | None, name: str,
) -> tuple[_Planes, list[dict[str, int]]]:  # fmt: skip
    """A pooling's planes and axes; its windows are settled. `name` is what says the shape."""
    with called(x=name):
        whole, axes = _pool_call.pool_axes(spatial, shape, *windows)
    if grad.shape != whole:
        raise ValueError(f"grad_output: got shape {grad.shape}, expected the pooling's {whole}")
    last = channels_last(windows[-1], spatial)
    return _Planes(spatial, shape, grad, last, num_threads, name), axes[3 - spatial :]


def _avg_pool_input(
    spatial: int, input_size: object, grad_output: ArrayLike, windows: WindowArguments,
    count_include_pad: object, divisor_override: object, num_threads: object,
) -> Array:  # fmt: skip
    windows = settled_windows(spatial, windows)
    threads = asked_threads(num_threads)
    shape = shape_of_input("input_size", input_size, spatial)
    counted, divisor = truth("count_include_pad", count_include_pad), None
    if divisor_override is not None:
        divisor = integer("divisor_override", divisor_override, -(2**31))
        if divisor == 0:
            raise ValueError("divisor_override: got 0, expected an int other than 0")
    grad = float_array("grad_output", grad_output)
    call, axes = _pool_call_of(spatial, shape, grad, windows, threads, "input_size")
    target = call.add_windows(grad, _windows(axes, counted, divisor))
    return _narrowed(target, grad.dtype)


def _lp_pool_input(
    spatial: int, x: ArrayLike, grad_output: ArrayLike, norm_type: object,
    windows: WindowArguments, num_threads: SupportsIndex | None,
) -> Array:  # fmt: skip
    p = positive_norm(norm_type)
    windows = settled_windows(spatial, windows)
    threads = asked_threads(num_threads)
    given, grad = arrays_of(x=x, grad_output=grad_output)
    given = float_array("x", given)
    grad = alike("grad_output", grad, given.dtype)
    call, axes = _pool_call_of(spatial, given.shape, grad, windows, threads, "x")
    with np.errstate(all="ignore"):
        # In one type: where NumPy casts as it goes, it does not survive a lack of memory.
        grad, wide = grad.astype(np.float64), given.astype(np.float64)
        magnitude = np.abs(wide)
        if p == math.inf:
            _, places = _pool_call.pool(
                spatial, magnitude, *windows, None, threads, False, False, None, True
            )
            target = call.add_at(grad, places) * np.sign(wide)
        else:
            y = norms(spatial, given, p, windows, threads)
            share = np.where(y == 0, 0, grad * np.power(y, 1 - p))
            slope = np.where(wide == 0, 0, np.sign(wide) * power(magnitude, p - 1))
            target = call.add_windows(share, _windows(axes, False, 1)) * slope
    return _narrowed(target, given.dtype)


def _adaptive_avg_pool_input(
    spatial: int, input_size: object, grad_output: ArrayLike, layout: object, num_threads: object
) -> Array:
    settled = _settled(spatial, layout, num_threads)
    shape = shape_of_input("input_size", input_size, spatial)
    grad = float_array("grad_output", grad_output)
    call = _Planes(spatial, shape, grad, *settled)
    windows = []
    for size, count in zip(call.sizes, call.outputs, strict=True):
        i = np.arange(count)
        begin = i * size // count
        taps = -(-(i + 1) * size // count) - begin
        windows.append(_Windows(size, begin, taps, taps.astype(np.float64), 1))
    return _narrowed(call.add_windows(grad, windows), grad.dtype)


def _max_unpool_input(
    spatial: int, indices: ArrayLike, grad_output: ArrayLike, layout: object, num_threads: object
) -> Array:
    settled = _settled(spatial, layout, num_threads)
    grad, places = arrays_of(grad_output=grad_output, indices=indices)
    grad, places = float_array("grad_output", grad), places_of(places)
    # Here the larger array comes in.
    call = _Planes(spatial, places.shape, grad, *settled, "indices")
    check_places(places, call.shape, 0, call.cells)
    source, result = np.ascontiguousarray(grad).reshape(-1), np.empty(call.shape, grad.dtype)
    target = result.reshape(-1)
    _scatter.gather(
        source, places.reshape(-1), target, call.batch, call.channels, call.places, call.cells,
        call.last, call.threads,
    )  # fmt: skip
    return result


def max_pool1d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_pool1d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[1, 3, 2, 5]])
    >>> y, where = convpool.max_pool1d(x, 2, return_indices=True)
    >>> max_pool1d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(1, input_size, indices, grad_output, layout, num_threads)


def adaptive_max_pool1d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_max_pool1d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[1, 3, 2, 5]])
    >>> y, where = convpool.adaptive_max_pool1d(x, 2, return_indices=True)
    >>> adaptive_max_pool1d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(1, input_size, indices, grad_output, layout, num_threads)


def max_pool2d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_pool2d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 3, 2, 5]]])
    >>> y, where = convpool.max_pool2d(x, (1, 2), return_indices=True)
    >>> max_pool2d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(2, input_size, indices, grad_output, layout, num_threads)


def adaptive_max_pool2d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_max_pool2d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[1, 3, 2, 5]]])
    >>> y, where = convpool.adaptive_max_pool2d(x, (1, 2), return_indices=True)
    >>> adaptive_max_pool2d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(2, input_size, indices, grad_output, layout, num_threads)


def max_pool3d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_pool3d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[[1, 3, 2, 5]]]])
    >>> y, where = convpool.max_pool3d(x, (1, 1, 2), return_indices=True)
    >>> max_pool3d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(3, input_size, indices, grad_output, layout, num_threads)


def adaptive_max_pool3d_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_max_pool3d`: each output's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> x = np.float32([[[[1, 3, 2, 5]]]])
    >>> y, where = convpool.adaptive_max_pool3d(x, (1, 1, 2), return_indices=True)
    >>> adaptive_max_pool3d_input(x.shape, where, np.ones_like(y)).ravel()
    array([0., 1., 0., 1.], dtype=float32)
    """
    return _max_pool_input(3, input_size, indices, grad_output, layout, num_threads)


def avg_pool1d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `avg_pool1d`: each output's is shared by the cells of its window.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool1d_input((1, 4), np.float32([[2, 4]]), 2).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """
    return _avg_pool_input(
        1, input_size, grad_output, (kernel_size, stride, padding, dilation, ceil_mode, layout),
        count_include_pad, divisor_override, num_threads,
    )  # fmt: skip


def avg_pool2d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `avg_pool2d`: each output's is shared by the cells of its window.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool2d_input((1, 1, 4), np.float32([[[2, 4]]]), (1, 2)).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """
    return _avg_pool_input(
        2, input_size, grad_output, (kernel_size, stride, padding, dilation, ceil_mode, layout),
        count_include_pad, divisor_override, num_threads,
    )  # fmt: skip


def avg_pool3d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: SupportsIndex | None = None,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `avg_pool3d`: each output's is shared by the cells of its window.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor_override
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool3d_input((1, 1, 1, 4), np.float32([[[[2, 4]]]]), (1, 1, 2)).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """
    return _avg_pool_input(
        3, input_size, grad_output, (kernel_size, stride, padding, dilation, ceil_mode, layout),
        count_include_pad, divisor_override, num_threads,
    )  # fmt: skip


def lp_pool1d_input(
    x: ArrayLike,
    grad_output: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Find the gradient of `lp_pool1d`: :math:`|x|^{p-1} sign(x) y^{1-p}` times each output's.

    Where x or a norm y is 0 it is 0.

    Parameters
    ----------
    x : array_like
        The pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result and x's type.
    norm_type, kernel_size, stride, padding, dilation, ceil_mode
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and its type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> x, grad = np.float64([[3, -4]]), np.float64([[1]])
    >>> lp_pool1d_input(x, grad, 2, 2).ravel()
    array([ 0.6, -0.8])
    """
    return _lp_pool_input(
        1, x, grad_output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode, layout), num_threads,
    )  # fmt: skip


def lp_pool2d_input(
    x: ArrayLike,
    grad_output: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Find the gradient of `lp_pool2d`: :math:`|x|^{p-1} sign(x) y^{1-p}` times each output's.

    Where x or a norm y is 0 it is 0.

    Parameters
    ----------
    x : array_like
        The pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result and x's type.
    norm_type, kernel_size, stride, padding, dilation, ceil_mode
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and its type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> x, grad = np.float64([[[3, -4]]]), np.float64([[[1]]])
    >>> lp_pool2d_input(x, grad, 2, (1, 2)).ravel()
    array([ 0.6, -0.8])
    """
    return _lp_pool_input(
        2, x, grad_output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode, layout), num_threads,
    )  # fmt: skip


def lp_pool3d_input(
    x: ArrayLike,
    grad_output: ArrayLike,
    norm_type: float,
    kernel_size: IntPerAxis,
    *,
    stride: IntPerAxis | None = None,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    ceil_mode: bool = False,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Find the gradient of `lp_pool3d`: :math:`|x|^{p-1} sign(x) y^{1-p}` times each output's.

    Where x or a norm y is 0 it is 0.

    Parameters
    ----------
    x : array_like
        The pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result and x's type.
    norm_type, kernel_size, stride, padding, dilation, ceil_mode
        As the pooling's.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and its type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> x, grad = np.float64([[[[3, -4]]]]), np.float64([[[[1]]]])
    >>> lp_pool3d_input(x, grad, 2, (1, 1, 2)).ravel()
    array([ 0.6, -0.8])
    """
    return _lp_pool_input(
        3, x, grad_output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode, layout), num_threads,
    )  # fmt: skip


def adaptive_avg_pool1d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_avg_pool1d`: each output's is shared by its window's cells.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_avg_pool1d_input((1, 3), np.float32([[2, 4]])).ravel()
    array([1., 3., 2.], dtype=float32)
    """
    return _adaptive_avg_pool_input(1, input_size, grad_output, layout, num_threads)


def adaptive_avg_pool2d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_avg_pool2d`: each output's is shared by its window's cells.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_avg_pool2d_input((1, 1, 3), np.float32([[[2, 4]]])).ravel()
    array([1., 3., 2.], dtype=float32)
    """
    return _adaptive_avg_pool_input(2, input_size, grad_output, layout, num_threads)


def adaptive_avg_pool3d_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `adaptive_avg_pool3d`: each output's is shared by its window's cells.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_avg_pool3d_input((1, 1, 1, 3), np.float32([[[[2, 4]]]])).ravel()
    array([1., 3., 2.], dtype=float32)
    """
    return _adaptive_avg_pool_input(3, input_size, grad_output, layout, num_threads)


def max_unpool1d_input(
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCW", "NWC"] = "NCW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_unpool1d`: what stands where each value went.

    Parameters
    ----------
    indices : array_like of int
        As the unpooling's.
    grad_output : array_like
        Of the shape of the unpooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of `indices` and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> max_unpool1d_input([[1, 3]], np.float32([[1, 2, 3, 4]])).ravel()
    array([2., 4.], dtype=float32)
    """
    return _max_unpool_input(1, indices, grad_output, layout, num_threads)


def max_unpool2d_input(
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_unpool2d`: what stands where each value went.

    Parameters
    ----------
    indices : array_like of int
        As the unpooling's.
    grad_output : array_like
        Of the shape of the unpooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of `indices` and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> max_unpool2d_input([[[1, 3]]], np.float32([[[1, 2, 3, 4]]])).ravel()
    array([2., 4.], dtype=float32)
    """
    return _max_unpool_input(2, indices, grad_output, layout, num_threads)


def max_unpool3d_input(
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `max_unpool3d`: what stands where each value went.

    Parameters
    ----------
    indices : array_like of int
        As the unpooling's.
    grad_output : array_like
        Of the shape of the unpooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of `indices` and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> max_unpool3d_input([[[[1, 3]]]], np.float32([[[[1, 2, 3, 4]]]])).ravel()
    array([2., 4.], dtype=float32)
    """
    return _max_unpool_input(3, indices, grad_output, layout, num_threads)


def global_avg_pool_input(
    input_size: InputSize,
    grad_output: ArrayLike,
    *,
    layout: str = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `global_avg_pool`: each plane's is shared by its cells.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> global_avg_pool_input((1, 1, 4), np.float32([[[2]]])).ravel()
    array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    return _adaptive_avg_pool_input(
        spatial_axes(layout), input_size, grad_output, layout, num_threads
    )


def global_max_pool_input(
    input_size: InputSize,
    indices: ArrayLike,
    grad_output: ArrayLike,
    *,
    layout: str = "NCHW",
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Find the gradient of `global_max_pool`: each plane's goes to where its maximum stood.

    Parameters
    ----------
    input_size : sequence of int
        The shape of the pooling's input.
    indices : array_like of int
        What the pooling returned with `return_indices`; -1 stands for none.
    grad_output : array_like
        Of the shape of the pooling's result; float32, float64 or float16.
    layout, num_threads
        As the pooling's.

    Returns
    -------
    numpy.ndarray
        Of the shape of the pooling's input and grad_output's type.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> global_max_pool_input((1, 1, 4), [[[2]]], np.float32([[[5]]])).ravel()
    array([0., 0., 5., 0.], dtype=float32)
    """
    return _max_pool_input(
        spatial_axes(layout), input_size, indices, grad_output, layout, num_threads
    )
