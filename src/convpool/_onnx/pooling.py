"""Pools, by convpool's of as many axes."""

import math
from typing import Any

import numpy as np

from ..pooling import global_avg_pool, global_max_pool
from .convolution import function, padding, per_axis
from .model import Array, Node
from .operators import Kernel, operator

LAYOUTS = {3: "NCW", 4: "NCHW", 5: "NCDHW"}


def _windows(node: Node) -> dict[str, Any]:
    """The arguments that say where windows lie."""
    kernel_shape = node.ints("kernel_shape")
    if kernel_shape is None:
        raise node.error("kernel_shape: got none")
    spatial = len(kernel_shape)
    return {
        "kernel_size": tuple(kernel_shape),
        "stride": per_axis(node, "strides", spatial),
        "padding": padding(node, spatial),
        "dilation": per_axis(node, "dilations", spatial),
        "ceil_mode": bool(node.get("ceil_mode", 0)),
    }


def _offsets(shape: tuple[int, ...]) -> Array:
    """Where each plane of an array begins."""
    planes = np.arange(shape[0] * shape[1]).reshape(*shape[:2], *[1] * (len(shape) - 2))
    return planes * math.prod(shape[2:])


def _layout(node: Node, x: Array) -> str:
    if x.ndim not in LAYOUTS:
        raise node.error(f"x: got shape {x.shape}, expected 3 to 5 axes")
    return LAYOUTS[x.ndim]


@operator("MaxPool", writes=True)
def max_pool(node: Node) -> Kernel:
    """The largest of each window; its place in the whole array as a second output."""
    said = _windows(node)
    pool = function(node, "max_pool", len(said["kernel_size"]))
    by_columns = node.get("storage_order", 0)

    def plain(x: Array, out: Array | None = None) -> Any:
        if x.dtype.kind == "f":
            return pool(x, out=out, **said)
        result = pool(x.astype(np.float64), **said).astype(x.dtype)  # exact for ONNX's bytes
        if out is None:
            return result
        out[...] = result
        return out

    def with_indices(x: Array) -> Any:
        floats = x if x.dtype.kind == "f" else x.astype(np.float64)
        values, places = pool(floats, return_indices=True, **said)
        if by_columns:
            at = np.unravel_index(places, x.shape[2:])
            places = np.ravel_multi_index(at, x.shape[2:], order="F")
        return values.astype(x.dtype, copy=False), places + _offsets(x.shape)

    return with_indices if len(node.outputs) > 1 and node.outputs[1] != "" else plain


@operator("AveragePool", writes=True)
def average_pool(node: Node) -> Kernel:
    """The mean of each window."""
    said = _windows(node)
    pool = function(node, "avg_pool", len(said["kernel_size"]))
    said["count_include_pad"] = bool(node.get("count_include_pad", 0))
    return lambda x, out=None: pool(x, out=out, **said)


@operator("LpPool", writes=True)
def lp_pool(node: Node) -> Kernel:
    """The p-norm of each window."""
    said = _windows(node)
    pool = function(node, "lp_pool", len(said["kernel_size"]))
    power = float(node.attributes.get("p", 2))
    return lambda x, out=None: pool(x, power, out=out, **said)


@operator("GlobalAveragePool", writes=True)
def global_average(node: Node) -> Kernel:
    """The mean of each channel."""
    return lambda x, out=None: global_avg_pool(x, layout=_layout(node, x), out=out)


@operator("GlobalMaxPool", writes=True)
def global_maximum(node: Node) -> Kernel:
    """The largest of each channel."""
    return lambda x, out=None: global_max_pool(x, layout=_layout(node, x), out=out)


@operator("GlobalLpPool", writes=True)
def global_lp(node: Node) -> Kernel:
    """The p-norm of each channel."""
    power = float(node.attributes.get("p", 2))
    return lambda x, out=None: function(node, "lp_pool", x.ndim - 2)(x, power, x.shape[2:], out=out)


@operator("MaxUnpool", shaped_by=(2,))
def max_unpool(node: Node) -> Kernel:
    """Each maximum back where it stood, 0 elsewhere.

    Places count in the whole array that the windows imply; where a shape is given, that array is
    its first corner.
    """
    said = _windows(node)
    del said["dilation"], said["ceil_mode"]
    unpool = function(node, "max_unpool", len(said["kernel_size"]))

    def kernel(x: Array, where: Array, shape: Array | None = None) -> Any:
        whole = unpool(x, np.zeros_like(where), **said).shape
        result = unpool(x, where - _offsets(whole), **said)
        if shape is None:
            return result
        wide = np.zeros([int(size) for size in shape], x.dtype)
        corner = tuple(map(slice, np.minimum(result.shape, wide.shape)))
        wide[corner] = result[corner]
        return wide

    return kernel
