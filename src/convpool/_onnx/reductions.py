"""Operators that fold an axis: sums, means, extremes, softmax, running sums."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Array, Node
from .operators import Kernel, axes_of, axis_of, operator


def _sum_exp(x: Array, axis: Any, keepdims: bool) -> Any:
    top = x.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceSum": lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype),
    "ReduceMean": lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    "ReduceProd": lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype),
    "ReduceL1": lambda x, axis, keepdims: np.sum(
        np.abs(x), axis=axis, keepdims=keepdims, dtype=x.dtype
    ),
    "ReduceL2": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    "ReduceSumSquare": lambda x, axis, keepdims: np.sum(
        x * x, axis=axis, keepdims=keepdims, dtype=x.dtype
    ),
    "ReduceLogSum": lambda x, axis, keepdims: np.log(np.sum(x, axis=axis, keepdims=keepdims)),
    "ReduceLogSumExp": _sum_exp,
    "ReduceMax": lambda x, axis, keepdims: np.max(
        x, axis=axis, keepdims=keepdims, **_lowest(x, "min")
    ),
    "ReduceMin": lambda x, axis, keepdims: np.min(
        x, axis=axis, keepdims=keepdims, **_lowest(x, "max")
    ),
}


def _lowest(x: Array, bound: str) -> dict[str, Any]:
    """The extreme of nothing."""
    if x.size:
        return {}
    if x.dtype.kind == "f":
        return {"initial": -math.inf if bound == "min" else math.inf}
    if x.dtype.kind == "b":
        return {"initial": bound == "max"}
    return {"initial": getattr(np.iinfo(x.dtype), bound)}


@operator(*REDUCTIONS, shaped_by=(1,))
def reduce(node: Node) -> Kernel:
    """Over all axes, or over those that an attribute or, later, an input names."""
    function, keepdims = REDUCTIONS[node.operator], bool(node.get("keepdims", 1))
    nothing = bool(node.get("noop_with_empty_axes", 0))
    since = 13 if node.operator == "ReduceSum" else 18

    def kernel(x: Array, axes: Array | None = None) -> Any:
        along = axes_of(node, axes, since)
        if not along:
            if nothing:
                # Each element is folded by itself.
                whole = function(x[..., None], axis=-1, keepdims=False)
                return np.asarray(whole, x.dtype)
            along = list(range(x.ndim))
        result = function(
            x, axis=tuple(axis_of(node, axis, x.ndim) for axis in along), keepdims=keepdims
        )
        return np.asarray(result, x.dtype)

    return kernel


@operator("ArgMax", "ArgMin")
def arg_extreme(node: Node) -> Kernel:
    """Where the extreme stands: the first or the last of equals."""
    function = np.argmax if node.operator == "ArgMax" else np.argmin
    axis, keepdims = node.get("axis", 0), bool(node.get("keepdims", 1))
    last = node.get("select_last_index", 0)

    def kernel(x: Array) -> Any:
        along = axis_of(node, axis, x.ndim)
        place = function(np.flip(x, along) if last else x, axis=along)
        place = np.asarray(x.shape[along] - 1 - place if last else place, np.int64)
        return np.expand_dims(place, along) if keepdims else place

    return kernel


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: Node) -> Kernel:
    """Along an axis; before version 13 along it and all that follow, as one."""
    flat = node.version < 13
    axis = node.get("axis", 1 if flat else -1)
    function = {"Softmax": soft_maximum, "LogSoftmax": _log_soft, "Hardmax": _hard}[node.operator]

    def kernel(x: Array) -> Any:
        along = axis_of(node, axis, x.ndim)
        if flat and along != x.ndim - 1:
            rows = x.reshape(math.prod(x.shape[:along]), -1)
            shaped: Array = function(rows, 1).reshape(x.shape)
            return shaped
        return function(x, along)

    return kernel


def soft_maximum(x: Array, axis: int) -> Array:
    """exp(x) / sum(exp(x)), none of which overflows."""
    result: Array = x - x.max(axis=axis, keepdims=True)
    np.exp(result, out=result)
    result /= result.sum(axis=axis, keepdims=True)
    return result


def _log_soft(x: Array, axis: int) -> Array:
    result: Array = x - _sum_exp(x, axis, True)
    return result


def _hard(x: Array, axis: int) -> Array:
    result = np.zeros_like(x)
    np.put_along_axis(result, np.expand_dims(x.argmax(axis), axis), 1, axis)
    return result


@operator("CumSum")
def running_sum(node: Node) -> Kernel:
    """Of what comes before each element, itself among it unless exclusive."""
    exclusive, backwards = node.get("exclusive", 0), node.get("reverse", 0)

    def kernel(x: Array, axis: Array) -> Any:
        along = axis_of(node, int(axis.reshape(-1)[0]), x.ndim)
        ordered = np.flip(x, along) if backwards else x
        sums = np.cumsum(ordered, along, dtype=x.dtype)
        if exclusive:
            sums = np.roll(sums, 1, along)
            sums[(slice(None),) * along + (0,)] = 0
        return np.flip(sums, along) if backwards else sums

    return kernel
