"""Operators that choose elements by their place: gather, scatter, top k, non-zero."""

from typing import Any

import numpy as np

from .model import Array, Node
from .operators import Kernel, allocatable, axis_of, integers, operator


def _wrapped(node: Node, indices: Array, size: int) -> Array:
    """Indices counted from the first element, all of them inside."""
    if indices.size and not (-size <= int(indices.min()) and int(indices.max()) < size):
        raise node.error(f"indices: got {int(indices.min())} to {int(indices.max())} of {size}")
    return np.where(indices < 0, indices + size, indices)


@operator("Gather")
def gather(node: Node) -> Kernel:
    """Slices of an axis."""
    axis = node.get("axis", 0)

    def kernel(x: Array, indices: Array) -> Any:
        along = axis_of(node, axis, x.ndim)
        wrapped = _wrapped(node, indices, x.shape[along])
        if wrapped.ndim == 0:
            return np.asarray(x[(slice(None),) * along + (int(wrapped),)])
        return np.take(x, wrapped, along)

    return kernel


@operator("GatherElements")
def gather_elements(node: Node) -> Kernel:
    """An element for each index."""
    axis = node.get("axis", 0)

    def kernel(x: Array, indices: Array) -> Any:
        along = axis_of(node, axis, x.ndim)
        places: list[Any] = list(np.indices(indices.shape, sparse=True))
        places[along] = _wrapped(node, indices, x.shape[along])
        return x[tuple(places)]

    return kernel


@operator("GatherND")
def gather_nd(node: Node) -> Kernel:
    """Slices by the index of their first axes."""
    batch = node.get("batch_dims", 0)

    def kernel(x: Array, indices: Array) -> Any:
        depth = indices.shape[-1]
        shared: Any = np.indices(indices.shape[:batch], sparse=True)
        lead = [at.reshape(at.shape + (1,) * (indices.ndim - 1 - batch)) for at in shared]
        places = [_wrapped(node, indices[..., i], x.shape[batch + i]) for i in range(depth)]
        return x[(*lead, *places)]

    return kernel


_UPDATES: dict[str, Any] = {
    "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


def _scattered(node: Node, x: Array, places: tuple[Any, ...], updates: Array) -> Array:
    result = x.copy()
    kind = node.get("reduction", "none")
    if kind == "none":
        result[places] = updates
    elif kind in _UPDATES:
        _UPDATES[kind].at(result, places, updates)
    else:
        raise node.error(f"reduction: got {kind!r}")
    return result


@operator("ScatterElements", "Scatter")
def scatter_elements(node: Node) -> Kernel:
    """A copy with an element for each index."""
    axis = node.get("axis", 0)

    def kernel(x: Array, indices: Array, updates: Array) -> Any:
        along = axis_of(node, axis, x.ndim)
        places: list[Any] = list(np.indices(indices.shape, sparse=True))
        places[along] = _wrapped(node, indices, x.shape[along])
        return _scattered(node, x, tuple(places), updates)

    return kernel


@operator("ScatterND")
def scatter_nd(node: Node) -> Kernel:
    """A copy with slices in the place of others."""

    def kernel(x: Array, indices: Array, updates: Array) -> Any:
        depth = indices.shape[-1]
        places = tuple(_wrapped(node, indices[..., i], x.shape[i]) for i in range(depth))
        return _scattered(node, x, places, updates)

    return kernel


@operator("NonZero", shaped_by=(0,))
def non_zero(node: Node) -> Kernel:
    """Indices, an axis a row."""
    return lambda x: np.array(np.nonzero(np.atleast_1d(x)), np.int64)[: max(x.ndim, 1)]


@operator("OneHot", shaped_by=(1,))
def one_hot(node: Node) -> Kernel:
    """One of two values at each index."""
    axis = node.get("axis", -1)

    def kernel(indices: Array, depth: Array, values: Array) -> Any:
        count = int(depth.reshape(-1)[0])
        allocatable(node, (*indices.shape, count), values.itemsize)
        along = axis_of(node, axis, indices.ndim + 1)
        wrapped = np.where(indices < 0, indices + count, indices)
        steps = np.arange(count).reshape([-1] + [1] * (indices.ndim - along))
        return np.where(np.expand_dims(wrapped, along) == steps, values[1], values[0])

    return kernel


@operator("TopK", shaped_by=(1,))
def top_k(node: Node) -> Kernel:
    """The largest or smallest, and where they stand; the first of equals first."""
    axis, largest = node.get("axis", -1), node.get("largest", 1)

    def kernel(x: Array, k: Array | None = None) -> Any:
        along = axis_of(node, axis, x.ndim)
        count = node.get("k", 0) if node.version < 10 else integers(node, "k", k)[0]
        if not 0 <= count <= x.shape[along]:
            raise node.error(f"k: got {count} of an axis of {x.shape[along]}")
        if largest:
            mirrored = np.flip(x, along)
            order = np.flip(np.argsort(mirrored, along, kind="stable"), along)
            order = x.shape[along] - 1 - order
        else:
            order = np.argsort(x, along, kind="stable")
        places = np.take(order, np.arange(count), along).astype(np.int64)
        return np.take_along_axis(x, places, along), places

    return kernel


@operator("Trilu", shaped_by=())
def triangle(node: Node) -> Kernel:
    """The upper or lower triangle."""
    upper = node.get("upper", 1)

    def kernel(x: Array, k: Array | None = None) -> Any:
        above = 0 if k is None else int(k.reshape(-1)[0])
        return np.triu(x, above) if upper else np.tril(x, above)

    return kernel


@operator("Compress", shaped_by=(1,))
def compress(node: Node) -> Kernel:
    """Slices for which a condition holds."""
    return lambda x, condition: np.compress(condition, x, node.attributes.get("axis"))


@operator("NonMaxSuppression", shaped_by=(0, 1, 2, 3, 4))
def non_max_suppression(node: Node) -> Kernel:
    """The boxes of each class that overlap no better one by more than a threshold."""
    centred = node.get("center_point_box", 0)

    def kernel(
        boxes: Array,
        scores: Array,
        most: Array | None = None,
        overlap: Array | None = None,
        least: Array | None = None,
    ) -> Any:
        limit = 0 if most is None else int(most.reshape(-1)[0])
        threshold = 0.0 if overlap is None else float(overlap.reshape(-1)[0])
        chosen: list[tuple[int, int, int]] = []
        for image in range(scores.shape[0]):
            first, second = boxes[image, :, :2], boxes[image, :, 2:]
            if centred:
                first, second = first - second / 2, first + second / 2
            low, high = np.minimum(first, second), np.maximum(first, second)
            area = np.prod(high - low, axis=1)
            for kind in range(scores.shape[1]):
                rank = scores[image, kind]
                order = np.argsort(-rank, kind="stable")
                if least is not None:
                    order = order[rank[order] > float(least.reshape(-1)[0])]
                kept = 0
                while order.size and kept < limit:
                    best, order = int(order[0]), order[1:]
                    chosen.append((image, kind, best))
                    kept += 1
                    sides = np.minimum(high[best], high[order]) - np.maximum(low[best], low[order])
                    common = np.prod(np.maximum(sides, 0), axis=1)
                    whole = area[best] + area[order] - common
                    order = order[~((common > 0) & (common > threshold * whole))]
        return np.array(chosen, np.int64).reshape(-1, 3)

    return kernel


@operator("ReverseSequence")
def reverse_sequence(node: Node) -> Kernel:
    """Of each example as many steps as it has, the last first."""
    batch, time = node.get("batch_axis", 1), node.get("time_axis", 0)

    def kernel(x: Array, lengths: Array) -> Array:
        if {batch, time} != {0, 1} or x.ndim < 2:
            raise node.error(f"batch_axis, time_axis: got {batch} and {time}, expected 0 and 1")
        counts = integers(node, "sequence_lens", lengths)
        steps = x.shape[time]
        if len(counts) != x.shape[batch] or any(not 0 <= count <= steps for count in counts):
            raise node.error(f"sequence_lens: got {counts} for x of shape {x.shape}")
        result = x.copy()
        for example, count in enumerate(counts):
            own = result[:, example] if time == 0 else result[example]
            own[:count] = own[:count][::-1].copy()
        return result

    return kernel


@operator("Unique", shaped_by=(0,))
def unique(node: Node) -> Kernel:
    """Each value, or slice along an axis, once: sorted, or in the order in which they came."""
    axis, ordered = node.get("axis"), node.get("sorted", 1)

    def kernel(x: Array) -> tuple[Array, ...]:
        along = None if axis is None else axis_of(node, axis, x.ndim)
        values, first, inverse, counts = np.unique(
            x, return_index=True, return_inverse=True, return_counts=True, axis=along
        )
        inverse = inverse.reshape(-1)
        if not ordered:
            order = np.argsort(first)
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            values = np.take(values, order, axis=0 if along is None else along)
            first, inverse, counts = first[order], rank[inverse], counts[order]
        return (values, *(array.astype(np.int64) for array in (first, inverse, counts)))[
            : len(node.outputs)
        ]

    return kernel
