"""Operators that move elements and compute none: reshape, transpose, slice, join, pad."""

import math
from typing import Any

import numpy as np

from .model import Array, Node
from .operators import (
    EVERY,
    Kernel,
    allocatable,
    axes_of,
    axis_of,
    integers,
    operator,
    type_of,
)


@operator("Reshape", shaped_by=(1,))
def reshape(node: Node) -> Kernel:
    """0 keeps a size (unless allowzero), -1 takes the rest."""
    keeps = not node.get("allowzero", 0)

    def kernel(x: Array, shape: Array | None = None) -> Any:
        wanted = node.ints("shape") if node.version < 5 else integers(node, "shape", shape)
        sizes = list(wanted or [])
        if keeps:
            for i, size in enumerate(sizes):
                if size == 0:
                    if i >= x.ndim:
                        raise node.error(f"shape: got {sizes}, but x has shape {x.shape}")
                    sizes[i] = x.shape[i]
        return x.reshape(sizes)

    return kernel


@operator("Flatten")
def flatten(node: Node) -> Kernel:
    """To two axes."""
    axis = node.get("axis", 1)

    def kernel(x: Array) -> Any:
        lead = axis + x.ndim if axis < 0 else axis
        if not 0 <= lead <= x.ndim:
            raise node.error(f"axis: got {axis}, expected at most the {x.ndim} of x")
        return x.reshape(math.prod(x.shape[:lead]), math.prod(x.shape[lead:]))

    return kernel


@operator("Transpose")
def transpose(node: Node) -> Kernel:
    """Another order of axes."""
    order = node.ints("perm")
    return lambda x: x.transpose(order)


@operator("Squeeze", shaped_by=(1,))
def squeeze(node: Node) -> Kernel:
    """Without axes of 1."""

    def kernel(x: Array, axes: Array | None = None) -> Any:
        named = axes_of(node, axes, 13)
        return x.squeeze() if named is None else x.squeeze(tuple(named))

    return kernel


@operator("Unsqueeze", shaped_by=(1,))
def unsqueeze(node: Node) -> Kernel:
    """More axes of 1."""

    def kernel(x: Array, axes: Array | None = None) -> Any:
        return np.expand_dims(x, tuple(axes_of(node, axes, 13) or ()))

    return kernel


@operator("Shape", "Size")
def shape(node: Node) -> Kernel:
    """How large an array is."""
    if node.operator == "Size":
        return lambda x: np.array(x.size, np.int64)
    start, end = node.get("start", 0), node.attributes.get("end")
    return lambda x: np.array(x.shape[start:end], np.int64)


@operator("Concat", writes=True)
def concat(node: Node) -> Kernel:
    """Arrays one after the other along an axis."""
    axis = node.get("axis", 1)

    def kernel(*arrays: Array, out: Array | None = None) -> Any:
        return np.concatenate(arrays, axis, out=out)

    return kernel


@operator("Split", shaped_by=(1,))
def split(node: Node) -> Kernel:
    """Views of an array's parts."""
    axis, count = node.get("axis", 0), len(node.outputs)

    def kernel(x: Array, sizes: Array | None = None) -> Any:
        along = axis_of(node, axis, x.ndim)
        parts = node.ints("split") if node.version < 13 else None
        if sizes is not None:
            parts = integers(node, "split", sizes)
        if parts is None:
            each = -(-x.shape[along] // count)
            parts = [each] * (count - 1) + [x.shape[along] - each * (count - 1)]
        if sum(parts) != x.shape[along] or min(parts, default=0) < 0 or len(parts) != count:
            raise node.error(f"split: got {parts} for an axis of {x.shape[along]}")
        return tuple(np.split(x, np.cumsum(parts)[:-1], along))

    return kernel


@operator("Slice", shaped_by=(1, 2, 3, 4))
def slices(node: Node) -> Kernel:
    """A view: start, end and step for some axes."""

    def kernel(
        x: Array,
        starts: Array | None = None,
        ends: Array | None = None,
        axes: Array | None = None,
        steps: Array | None = None,
    ) -> Any:
        if node.version < 10:
            first, last = node.ints("starts") or [], node.ints("ends") or []
            along, by = node.ints("axes"), None
        else:
            first, last = integers(node, "starts", starts), integers(node, "ends", ends)
            along = None if axes is None else integers(node, "axes", axes)
            by = None if steps is None else integers(node, "steps", steps)
        along = list(range(len(first))) if along is None else along
        by = [1] * len(first) if by is None else by
        if not len(first) == len(last) == len(along) == len(by) or 0 in by:
            raise node.error(f"got starts {first}, ends {last}, axes {along} and steps {by}")
        cuts = [slice(None)] * x.ndim
        for low, high, axis, step in zip(first, last, along, by, strict=True):
            size = x.shape[axis_of(node, axis, x.ndim)]
            # An end before the first element: -1 would mean the last one.
            stop = None if step < 0 and high + (size if high < 0 else 0) < 0 else high
            cuts[axis] = slice(low, stop, step)
        return x[tuple(cuts)]

    return kernel


@operator("Expand", shaped_by=(1,))
def expand(node: Node) -> Kernel:
    """A view that repeats axes of 1."""

    def kernel(x: Array, shape: Array) -> Any:
        sizes = tuple(integers(node, "shape", shape))
        allocatable(node, sizes, x.itemsize)
        whole = np.broadcast_shapes(x.shape, sizes)
        allocatable(node, whole, x.itemsize)
        return np.broadcast_to(x, whole)

    return kernel


@operator("Tile", shaped_by=(1,))
def tile(node: Node) -> Kernel:
    """Copies side by side."""

    def kernel(x: Array, repeats: Array) -> Any:
        times = integers(node, "repeats", repeats)
        if len(times) != x.ndim:
            raise node.error(f"repeats: got {times}, expected {x.ndim}, one an axis")
        sizes = tuple(size * count for size, count in zip(x.shape, times, strict=True))
        allocatable(node, sizes, x.itemsize)
        return np.tile(x, times)

    return kernel


@operator("ConstantOfShape", shaped_by=(0,))
def constant_of_shape(node: Node) -> Kernel:
    """One value everywhere, kept once: the array is a view that repeats it."""
    value = node.get("value", np.zeros(1, np.float32))
    if value.size != 1:
        raise node.error(f"value: got shape {value.shape}, expected one element")

    def kernel(shape: Array) -> Any:
        sizes = tuple(integers(node, "shape", shape)) if shape.size else ()
        allocatable(node, sizes, value.itemsize)
        return np.broadcast_to(value.reshape(()), sizes)

    return kernel


@operator("EyeLike")
def eye_like(node: Node) -> Kernel:
    """Ones along a diagonal, in the shape of a matrix."""
    code, above = node.get("dtype", 0), node.get("k", 0)

    def kernel(x: Array) -> Array:
        if x.ndim != 2:
            raise node.error(f"x: got shape {x.shape}, expected a matrix")
        dtype = type_of(node, "dtype", code) if code else x.dtype
        result = np.zeros(x.shape, dtype)
        rows, columns = x.shape
        if -rows < above < columns:
            np.fill_diagonal(result[max(-above, 0) :, max(above, 0) :], 1)
        return result

    return kernel


@operator("Constant")
def constant(node: Node) -> Kernel:
    """What the model says."""
    kinds: dict[str, Any] = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
        "value_string": object,
        "value_strings": object,
    }
    for name, kind in kinds.items():
        if name in node.attributes:
            array = np.array(node.attributes[name], kind)
            return lambda: array
    value = node.attributes.get("value")
    if not isinstance(value, np.ndarray):
        raise node.error("value: got none that is supported")
    return lambda: value


@operator("Range", shaped_by=EVERY)
def ranges(node: Node) -> Kernel:
    """From start to limit by delta."""

    def kernel(start: Array, limit: Array, delta: Array) -> Any:
        if not float(delta):
            raise node.error("delta: got 0")
        count = max(0, math.ceil((limit.item() - start.item()) / delta.item()))
        allocatable(node, (count,), start.itemsize)
        return (start + np.arange(count) * delta).astype(start.dtype)

    return kernel


PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@operator("Pad", shaped_by=(1, 3))
def pad(node: Node) -> Kernel:
    """More elements at the edges, or fewer where a size is negative."""
    mode = node.get("mode", "constant")
    if mode not in PAD_MODES:
        raise node.error(f"mode: got {mode!r}, expected one of {', '.join(PAD_MODES)}")

    def kernel(
        x: Array, pads: Array | None = None, value: Array | None = None, axes: Array | None = None
    ) -> Any:
        fill = 0.0
        if node.version < 11:
            sizes = node.ints("pads") or node.ints("paddings") or []
            fill = node.get("value", 0.0)
        else:
            sizes = integers(node, "pads", pads)
            if value is not None and value.size:
                fill = value.reshape(-1)[0]
        along = list(range(x.ndim)) if axes is None else integers(node, "axes", axes)
        if len(sizes) != 2 * len(along):
            raise node.error(f"pads: got {sizes}, expected two for each of {len(along)} axes")
        widths = [(0, 0)] * x.ndim
        cuts = [slice(None)] * x.ndim
        for i, axis in enumerate(along):
            axis = axis_of(node, axis, x.ndim)
            before, after = sizes[i], sizes[i + len(along)]
            widths[axis] = (max(before, 0), max(after, 0))
            cuts[axis] = slice(max(-before, 0), x.shape[axis] - max(-after, 0))
        grown = tuple(size + a + b for size, (a, b) in zip(x.shape, widths, strict=True))
        allocatable(node, grown, x.itemsize)
        cut = x[tuple(cuts)]
        rest: dict[str, Any] = {"constant_values": fill} if mode == "constant" else {}
        kind: Any = PAD_MODES[mode]
        return np.pad(cut, widths, kind, **rest)

    return kernel


@operator("DepthToSpace")
def depth_to_space(node: Node) -> Kernel:
    """Channels become blocks of pixels."""
    block, by_columns = node.get("blocksize", 0), node.get("mode", "DCR") == "DCR"
    if block < 1:
        raise node.error(f"blocksize: got {block}, expected at least 1")

    def kernel(x: Array) -> Any:
        n, _, h, w = x.shape
        if by_columns:
            parts = x.reshape(n, block, block, -1, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            parts = x.reshape(n, -1, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
        return parts.reshape(n, -1, h * block, w * block)

    return kernel


@operator("SpaceToDepth")
def space_to_depth(node: Node) -> Kernel:
    """Blocks of pixels become channels."""
    block = node.get("blocksize", 0)
    order = (0, 3, 5, 1, 2, 4) if node.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    if block < 1:
        raise node.error(f"blocksize: got {block}, expected at least 1")

    def kernel(x: Array) -> Any:
        n, c, h, w = x.shape
        parts = x.reshape(n, c, h // block, block, w // block, block).transpose(order)
        return parts.reshape(n, -1, h // block, w // block)

    return kernel
