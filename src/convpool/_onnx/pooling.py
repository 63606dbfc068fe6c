"""Pools: convpool's where it has them, windows of views of NumPy's for what they do not take."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import convpool

from .convolution import padding, per_axis
from .model import Array, Node
from .operators import Kernel, operator


def _fits(x: Array) -> bool:
    return x.ndim == 4 and x.dtype.char in "fde" and x.size > 0


def _widths(node: Node, sizes: Sequence[int], reach: Sequence[int], stride: Sequence[int]) -> Any:
    """Pads of each axis as numbers."""
    rule = padding(node, len(sizes))
    if rule == "valid":
        return [(0, 0)] * len(sizes)
    if not isinstance(rule, str):
        return list(rule)
    pads = []
    for size, span, step in zip(sizes, reach, stride, strict=True):
        total = max((-(-size // step) - 1) * step + span - size, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if rule == "same" else (large, small))
    return pads


def _windows(node: Node, x: Array, fill: Any, counted: Any = None) -> Array:
    """A view of each window, in a copy of x that is padded by `fill`.

    With `counted`, what the model's pads hold differs from what lies beyond them.
    """
    spatial = x.ndim - 2
    kernel = per_axis(node, "kernel_shape", spatial)
    stride = per_axis(node, "strides", spatial)
    dilation = per_axis(node, "dilations", spatial)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    pads = _widths(node, x.shape[2:], reach, stride)
    beyond = []
    for size, span, step, (before, after) in zip(x.shape[2:], reach, stride, pads, strict=True):
        rest = size + before + after - span
        count = rest // step + 1
        if node.get("ceil_mode", 0) and rest % step:
            count += (count * step) < size + before
        beyond.append((0, max(0, (count - 1) * step + span - size - before - after)))
    if counted is not None:
        x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=counted)
        pads = [(0, 0)] * spatial
    widths = [(a + c, b + d) for (a, b), (c, d) in zip(pads, beyond, strict=True)]
    grown = np.pad(x, [(0, 0), (0, 0), *widths], constant_values=fill)
    axes = tuple(range(2, x.ndim))
    view = sliding_window_view(grown, reach, axes)
    steps = tuple(slice(None, None, step) for step in stride)
    taps = tuple(slice(None, None, gap) for gap in dilation)
    result: Array = view[(slice(None), slice(None), *steps, *taps)]
    return result


def _axes(x: Array) -> tuple[int, ...]:
    return tuple(range(-(x.ndim - 2), 0))


@operator("MaxPool", writes=True)
def max_pool(node: Node) -> Kernel:
    """The largest of each window; its place in the whole array as a second output."""
    indexed = len(node.outputs) > 1 and node.outputs[1] != ""
    by_columns = node.get("storage_order", 0)
    if node.ints("kernel_shape") is None:
        raise node.error("kernel_shape: got none")

    said: dict[str, Any] = {}
    if len(node.ints("kernel_shape") or ()) == 2:
        said = {
            "kernel_size": per_axis(node, "kernel_shape", 2),
            "stride": per_axis(node, "strides", 2),
            "padding": padding(node, 2),
            "dilation": per_axis(node, "dilations", 2),
            "ceil_mode": bool(node.get("ceil_mode", 0)),
        }
    pool = convpool.max_pool2d

    def plain(x: Array, out: Array | None = None) -> Any:
        if _fits(x):
            return pool(x, out=out, **said)
        low = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        result = _windows(node, x, low).max(axis=_axes(x))
        if out is None:
            return result
        out[...] = result
        return out

    def with_indices(x: Array) -> Any:
        low = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        values = _windows(node, x, low)
        flat = values.reshape(*values.shape[: x.ndim], -1)
        chosen = flat.argmax(-1)[..., None]
        plane = np.arange(math.prod(x.shape[2:])).reshape(
            x.shape[2:], order="F" if by_columns else "C"
        )
        within = np.broadcast_to(plane, x.shape)
        places = _windows(node, within, -1)
        picked = np.take_along_axis(places.reshape(flat.shape), chosen, -1)[..., 0]
        planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * (x.ndim - 2))
        where = picked + planes * math.prod(x.shape[2:])
        return np.take_along_axis(flat, chosen, -1)[..., 0], where.astype(np.int64)

    return with_indices if indexed else plain


@operator("AveragePool", writes=True)
def average_pool(node: Node) -> Kernel:
    """The mean of each window."""
    included = bool(node.get("count_include_pad", 0))
    kernel_shape = node.ints("kernel_shape")
    if kernel_shape is None:
        raise node.error("kernel_shape: got none")
    dilated = any(gap != 1 for gap in node.ints("dilations") or ())
    said: dict[str, Any] = {}
    if len(kernel_shape) == 2:
        said = {
            "kernel_size": per_axis(node, "kernel_shape", 2),
            "stride": per_axis(node, "strides", 2),
            "padding": padding(node, 2),
            "ceil_mode": bool(node.get("ceil_mode", 0)),
            "count_include_pad": included,
        }
    pool = convpool.avg_pool2d

    def kernel(x: Array, out: Array | None = None) -> Any:
        if _fits(x) and not dilated:
            return pool(x, out=out, **said)
        sums = _windows(node, x, 0, 0).sum(axis=_axes(x))
        ones = np.ones(x.shape, np.int64)
        counts = _windows(node, ones, 0, 1 if included else 0).sum(axis=_axes(x))
        result = (sums / counts).astype(x.dtype)
        if out is None:
            return result
        out[...] = result
        return out

    return kernel


@operator("LpPool")
def lp_pool(node: Node) -> Kernel:
    """The p-norm of each window."""
    power = float(node.attributes.get("p", 2))

    def kernel(x: Array) -> Any:
        sums = (np.abs(_windows(node, x, 0, 0)) ** power).sum(axis=_axes(x))
        return (sums ** (1 / power)).astype(x.dtype)

    return kernel


@operator("GlobalAveragePool", writes=True)
def global_average(node: Node) -> Kernel:
    """The mean of each channel."""
    pool = convpool.avg_pool2d

    def kernel(x: Array, out: Array | None = None) -> Any:
        if _fits(x):
            return pool(x, x.shape[2:], out=out)
        return np.mean(x, axis=_axes(x), keepdims=True, out=out)

    return kernel


@operator("GlobalMaxPool", writes=True)
def global_maximum(node: Node) -> Kernel:
    """The largest of each channel."""
    return lambda x, out=None: np.max(x, axis=_axes(x), keepdims=True, out=out)


@operator("GlobalLpPool")
def global_lp(node: Node) -> Kernel:
    """The p-norm of each channel."""
    power = float(node.attributes.get("p", 2))
    return lambda x: (np.abs(x) ** power).sum(_axes(x), keepdims=True) ** x.dtype.type(1 / power)


@operator("MaxUnpool", shaped_by=(2,))
def max_unpool(node: Node) -> Kernel:
    """Each maximum back where it stood, 0 elsewhere."""

    def kernel(x: Array, where: Array, shape: Array | None = None) -> Any:
        spatial = x.ndim - 2
        kernel = per_axis(node, "kernel_shape", spatial)
        stride = per_axis(node, "strides", spatial)
        pads = padding(node, spatial)
        inferred = (
            *x.shape[:2],
            *(
                (size - 1) * step + span - before - after
                for size, step, span, (before, after) in zip(
                    x.shape[2:], stride, kernel, pads, strict=True
                )
            ),
        )
        result = np.zeros(inferred, x.dtype)
        if shape is None:
            result.reshape(-1)[where.reshape(-1)] = x.reshape(-1)
            return result
        wide = np.zeros([int(size) for size in shape], x.dtype)
        places = np.unravel_index(where.reshape(-1), inferred)
        wide[places] = x.reshape(-1)
        return wide

    return kernel
