"""Resize and Upsample: a few weighted taps for each output, one axis after the other."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Array, Node
from .operators import EVERY, Kernel, allocatable, axis_of, operator

ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _coordinates(
    mode: str, count: int, scale: float, size: int, region: tuple[float, float]
) -> Array:
    """Where each output lies on the input's axis."""
    at = np.arange(count, dtype=np.float64)
    length = scale * size  # of the output, before it was rounded
    if mode == "asymmetric":
        return at / scale
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and length > 1):
        return (at + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return np.zeros(count)
    if mode == "half_pixel_symmetric":
        centre, adjust = size / 2, count / length if length else 1.0
        return centre * (1 - adjust) + (at + 0.5) / scale - 0.5
    if mode == "align_corners":
        return at * (size - 1) / (length - 1) if length > 1 else np.zeros(count)
    start, end = region
    if length > 1:
        return start * (size - 1) + at * (end - start) * (size - 1) / (length - 1)
    return np.full(count, 0.5 * (start + end) * (size - 1))


def keys_kernel(a: float, distance: Array) -> Array:
    """Keys' cubic."""
    d = np.absolute(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _taps(node: Node, at: Array, scale: float, size: int) -> tuple[Array, Array]:
    """Indices and weights, both (outputs, taps)."""
    mode = node.get("mode", "nearest")
    if mode == "nearest":
        rounding = ROUNDINGS.get(node.get("nearest_mode", "round_prefer_floor"))
        if rounding is None:
            raise node.error(f"nearest_mode: got {node.attributes['nearest_mode']!r}")
        if node.operator == "Upsample" or node.version < 11:
            rounding = np.floor
        index = np.clip(rounding(at), 0, size - 1).astype(np.int64)[:, None]
        return index, np.ones(index.shape)
    cubic = mode == "cubic"
    if not cubic and mode != "linear":
        raise node.error(f"mode: got {mode!r}, expected nearest, linear or cubic")
    support = 2 if cubic else 1
    stretch = min(scale, 1.0) if node.get("antialias", 0) else 1.0
    reach = math.ceil(support / stretch)
    index = np.floor(at).astype(np.int64)[:, None] + np.arange(1 - reach, reach + 1)
    distance = (index - at[:, None]) * stretch
    if cubic:
        weight = keys_kernel(node.get("cubic_coeff_a", -0.75), distance)
    else:
        weight = np.maximum(0, 1 - np.absolute(distance))
    if node.get("exclude_outside", 0) or node.get("antialias", 0):
        if node.get("exclude_outside", 0):
            weight = np.where((index < 0) | (index >= size), 0, weight)
        weight = weight / weight.sum(axis=1, keepdims=True)
    return np.clip(index, 0, size - 1), weight


def _along(x: Array, axis: int, index: Array, weight: Array) -> Array:
    """One axis anew."""
    if index.shape[1] == 1:
        return np.take(x, index[:, 0], axis)
    spread = (-1, *[1] * (x.ndim - 1 - axis))
    total: Any = None
    for i in range(index.shape[1]):
        if not weight[:, i].any():
            continue
        part = np.take(x, index[:, i], axis) * weight[:, i].reshape(spread).astype(x.dtype)
        total = part if total is None else np.add(total, part, out=total)
    result: Array = total
    return result


@operator("Resize", "Upsample", shaped_by=EVERY[1:])
def resize(node: Node) -> Kernel:
    """To a size or by a scale, an axis each."""
    plain = node.operator == "Upsample" or node.version < 11
    mode = "asymmetric" if plain else node.get("coordinate_transformation_mode", "half_pixel")
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    repeats = (
        mode == "asymmetric"
        and node.get("mode", "nearest") == "nearest"
        and (plain or node.get("nearest_mode", "round_prefer_floor") == "floor")
    )

    def kernel(x: Array, *rest: Array | None) -> Any:
        roi, scales, sizes = _given(node, plain, rest)
        axes = node.ints("axes")
        axes = list(range(x.ndim)) if axes is None else [axis_of(node, a, x.ndim) for a in axes]
        asked = sizes if sizes is not None else scales
        if asked is None or asked.shape != (len(axes),):
            raise node.error(f"scales or sizes: got none for each of {len(axes)} axes")
        if sizes is not None:
            counts = [int(value) for value in sizes]
            ratios = [count / x.shape[a] for count, a in zip(counts, axes, strict=True)]
            if policy != "stretch":
                ratio = min(ratios) if policy == "not_larger" else max(ratios)
                ratios = [ratio] * len(axes)
                counts = [math.floor(ratio * x.shape[a] + 0.5) for a in axes]
        else:
            ratios = [float(value) for value in asked]
            counts = [math.floor(x.shape[a] * r) for a, r in zip(axes, ratios, strict=True)]
        if not all(0 < ratio < math.inf for ratio in ratios):
            raise node.error(f"scales: got {ratios}, expected finite numbers above 0")
        shape = list(x.shape)
        for axis, count in zip(axes, counts, strict=True):
            shape[axis] = count
        allocatable(node, tuple(shape), x.itemsize)
        if (
            repeats
            and all(r == int(r) for r in ratios)
            and counts == [int(r) * x.shape[a] for a, r in zip(axes, ratios, strict=True)]
        ):
            return _repeated(x, axes, ratios)
        result = x
        outside = []
        for i, (axis, count, ratio) in enumerate(zip(axes, counts, ratios, strict=True)):
            region = (0.0, 1.0) if roi is None else (float(roi[i]), float(roi[i + len(axes)]))
            if count == x.shape[axis] and ratio == 1 and region == (0.0, 1.0):
                continue
            size = x.shape[axis]
            at = _coordinates(mode, count, ratio, size, region)
            if mode == "tf_crop_and_resize":
                outside.append((axis, (at < 0) | (at > size - 1)))
            result = _along(result, axis, *_taps(node, at, ratio, size))
        for axis, beyond in outside:
            if beyond.any():
                result = result.copy() if result is x else result
                result[(slice(None),) * axis + (beyond,)] = node.get("extrapolation_value", 0.0)
        return result.astype(x.dtype, copy=False)

    return kernel


def _given(
    node: Node, plain: bool, rest: tuple[Array | None, ...]
) -> tuple[Array | None, Array | None, Array | None]:
    """Region, scales and sizes, which are at other places in each version."""
    if plain:
        if "scales" in node.attributes:
            return None, np.array(node.attributes["scales"]), None
        return None, rest[0] if rest else None, None
    roi, scales, sizes = (*rest, None, None, None)[:3]
    return (
        None if roi is None or roi.size == 0 else roi,
        None if scales is None or scales.size == 0 else scales,
        None if sizes is None or sizes.size == 0 else sizes,
    )


def _repeated(x: Array, axes: list[int], ratios: list[float]) -> Array:
    """Whole factors: each element side by side."""
    times = [1] * x.ndim
    for axis, ratio in zip(axes, ratios, strict=True):
        times[axis] = int(ratio)
    wide = x.reshape([size for extent in x.shape for size in (extent, 1)])
    spread = [
        size for extent, count in zip(x.shape, times, strict=True) for size in (extent, count)
    ]
    shape = [extent * count for extent, count in zip(x.shape, times, strict=True)]
    return np.broadcast_to(wide, spread).reshape(shape)
