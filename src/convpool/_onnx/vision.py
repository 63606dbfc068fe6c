"""Operators that look at an image where numbers say: grids, regions, offsets.

A place is a real number an axis, in pixels. What an image has there is interpolated from its
neighbours, a weighted sum over 2 (linear), 4 (cubic) or 1 (nearest) of them along each axis.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import convpool

from .convolution import check_kernel, padding, per_axis
from .model import Array, Node
from .operators import Kernel, allocatable, integers, operator
from .resizing import keys_kernel

FARTHEST = 1e9  # pixels; what lies further, or nowhere, counts as that far


def _reflected(place: Array, low: float, high: float) -> Array:
    """Places mirrored at both ends until they lie between them."""
    span = high - low
    if span <= 0:
        return np.full_like(place, low)
    rest = np.mod(place - low, 2 * span)
    return low + np.where(rest > span, 2 * span - rest, rest)


def _neighbours(place: Array, mode: str) -> list[tuple[Array, Any]]:
    """Of each place along an axis the pixels it is made of, and their weights."""
    if mode == "nearest":
        return [(np.rint(place), 1.0)]
    first = np.floor(place)
    part = place - first
    if mode == "linear":
        return [(first, 1 - part), (first + 1, part)]
    return [(first + tap, keys_kernel(-0.75, part - tap)) for tap in (-1, 0, 1, 2)]


def _sampled(
    x: Array, places: Sequence[Array], mode: str, border: str = "zeros", corners: bool = False
) -> Array:
    """(batch, channels, ...) of x at places, (batch, ...) for each axis."""
    batch, channels, sizes = x.shape[0], x.shape[1], x.shape[2:]
    shape = places[0].shape[1:]
    taps = []
    for place, size in zip(places, sizes, strict=True):
        ends = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
        place = np.nan_to_num(place, nan=-FARTHEST, posinf=FARTHEST, neginf=-FARTHEST)
        outside = (place < ends[0]) | (place > ends[1])
        if border == "reflection":
            place = np.where(outside, _reflected(place, *ends), place)
        elif border == "border":
            place = np.where(outside, np.clip(place, 0, size - 1), place)
        axis = []
        for pixel, share in _neighbours(place, mode):
            if border == "zeros":
                share = np.where((pixel >= 0) & (pixel < size), share, 0.0)
            elif border == "reflection":
                outside = (pixel < ends[0]) | (pixel > ends[1])
                pixel = np.where(outside, np.trunc(_reflected(pixel, *ends)), pixel)
            axis.append((np.clip(pixel, 0, size - 1).astype(np.int64), share))
        taps.append(axis)
    flat = x.reshape(batch, channels, -1)
    result = np.zeros((batch, channels, math.prod(shape)), np.result_type(x.dtype, np.float32))
    for chosen in itertools.product(*taps):
        index: Any = 0
        weight: Any = 1.0
        for (pixel, share), size in zip(chosen, sizes, strict=True):
            index, weight = index * size + pixel, weight * share
        found = np.take_along_axis(flat, index.reshape(batch, 1, -1), 2)
        weight = np.broadcast_to(weight, index.shape).reshape(batch, 1, -1)
        # What weighs nothing is not there, even if it is not finite.
        result += np.where(weight == 0, 0, found * weight.astype(result.dtype))
    return result.reshape(batch, channels, *shape).astype(x.dtype)


@operator("GridSample")
def sample_grid(node: Node) -> Kernel:
    """An image at the places that a grid lists, from -1 at one side to 1 at the other."""
    names = {"linear": "linear", "bilinear": "linear", "nearest": "nearest", "cubic": "cubic",
             "bicubic": "cubic"}  # fmt: skip
    said = node.get("mode", "linear" if node.version >= 20 else "bilinear")
    border, corners = node.get("padding_mode", "zeros"), bool(node.get("align_corners", 0))
    if said not in names or border not in ("zeros", "border", "reflection"):
        raise node.error(f"mode, padding_mode: got {said!r}, {border!r}")

    def kernel(x: Array, grid: Array) -> Array:
        axes = x.ndim - 2
        if axes < 1 or grid.ndim != x.ndim or grid.shape[-1] != axes or len(grid) != len(x):
            raise node.error(f"grid: got shape {grid.shape}, which x of {x.shape} does not fit")
        if 0 in x.shape[1:]:
            raise node.error(f"x: got shape {x.shape}, expected at least 1 along all but batch")
        places = []
        for axis, size in enumerate(x.shape[2:]):
            at = grid[..., axes - 1 - axis].astype(np.float64)
            places.append((at + 1) / 2 * (size - 1) if corners else ((at + 1) * size - 1) / 2)
        return _sampled(x, places, names[said], border, corners)

    return kernel


@operator("AffineGrid", shaped_by=(1,))
def affine_grid(node: Node) -> Kernel:
    """The grid that an affine map makes of the pixels of an image of some size."""
    corners = bool(node.get("align_corners", 0))

    def kernel(theta: Array, size: Array) -> Array:
        batch, _, *sizes = whole = integers(node, "size", size)
        axes = len(sizes)
        if theta.shape != (batch, axes, axes + 1):
            raise node.error(f"theta: got shape {theta.shape}, which size {whole} does not fit")
        allocatable(node, (batch, *sizes, axes + 1), 8)
        lines = []
        for count in sizes:
            steps = np.arange(count, dtype=np.float64)
            whole_span = max(count - 1, 1) if corners else count
            lines.append((2 * steps + (0 if corners else 1)) / whole_span - 1)
        pixels = np.meshgrid(*lines, indexing="ij")[::-1]  # the last axis first, as in theta
        places = np.stack([*pixels, np.ones(tuple(sizes))], -1)
        mapped = places.reshape(-1, axes + 1) @ theta.astype(np.float64).transpose(0, 2, 1)
        return mapped.reshape(batch, *sizes, axes).astype(theta.dtype)

    return kernel


@operator("RoiAlign")
def align_regions(node: Node) -> Kernel:
    """Each region as so many bins, of which some places are averaged, or the largest is taken."""
    mode = node.get("mode", "avg")
    rows, columns = node.get("output_height", 1), node.get("output_width", 1)
    ratio, scale = node.get("sampling_ratio", 0), node.get("spatial_scale", 1.0)
    rule = node.get("coordinate_transformation_mode", "half_pixel")
    half = node.version >= 16 and rule == "half_pixel"
    if mode not in ("avg", "max") or rows < 1 or columns < 1 or ratio < 0:
        raise node.error(
            f"mode, output size, sampling_ratio: got {mode!r}, {rows} x {columns}, {ratio}"
        )

    def line(start: float, end: float, bins: int, size: int) -> tuple[Array, Array, Array]:
        """Of each bin's places along an axis two pixels, and the share of the second."""
        length = end - start if half else max(end - start, 1.0)
        count = ratio or max(math.ceil(length / bins), 0)
        allocatable(node, (bins, count), 8)
        steps = np.arange(bins)[:, None] + (np.arange(count) + 0.5) / max(count, 1)
        place = start + steps * (length / bins)
        inside = (place >= -1) & (place <= size)
        place = np.clip(place, 0, size - 1)
        first = np.floor(place).astype(np.int64)
        pixels = np.stack([first, np.minimum(first + 1, size - 1)])
        return pixels, np.stack([1 - (place - first), place - first]), inside

    def kernel(x: Array, regions: Array, batches: Array) -> Array:
        if x.ndim != 4 or 0 in x.shape or regions.shape != (len(batches), 4) or batches.ndim != 1:
            raise node.error(
                f"got shapes {x.shape}, {regions.shape} and {batches.shape}, expected "
                "(batch, channels, height, width), (regions, 4) and (regions,)"
            )
        if batches.size and not (batches.min() >= 0 and batches.max() < len(x)):
            raise node.error(f"batch_indices: got numbers beyond 0 to {len(x) - 1}")
        bounds = regions.astype(np.float64) * scale - (0.5 if half else 0.0)
        if not (np.abs(bounds) < FARTHEST).all():
            raise node.error("rois: got a number that is not finite, or too large")
        allocatable(node, (len(regions), x.shape[1], rows, columns), x.itemsize)
        result = np.zeros((len(regions), x.shape[1], rows, columns), x.dtype)
        for i, (left, top, right, bottom) in enumerate(bounds):
            r, r_share, r_inside = line(top, bottom, rows, x.shape[2])
            c, c_share, c_inside = line(left, right, columns, x.shape[3])
            allocatable(node, (x.shape[1], *r.shape[1:], *c.shape[1:], 4), 8)
            inside = r_inside[:, :, None, None] & c_inside
            parts = np.stack(
                [
                    x[batches[i]][:, r[a][:, :, None, None], c[b]]
                    * (r_share[a][:, :, None, None] * c_share[b] * inside)
                    for a in (0, 1)
                    for b in (0, 1)
                ]
            )  # neighbours, channels, rows, places of each, columns, places of each
            if 0 in parts.shape:
                continue
            if mode == "avg":
                result[i] = parts.sum(0).mean((2, 4))
            else:
                result[i] = parts.max(0).max((2, 4))
        return result

    return kernel


@operator("DeformConv")
def deformed_convolution(node: Node) -> Kernel:
    """A convolution whose taps are moved: gathered, they are channels of one by 1."""
    groups, offset_groups = node.get("group", 1), node.get("offset_group", 1)

    def kernel(
        x: Array, weight: Array, offset: Array, bias: Array | None = None, mask: Array | None = None
    ) -> Any:
        if x.ndim != 4 or weight.ndim != 4:
            raise node.error(f"got shapes {x.shape} and {weight.shape}, expected 4 axes each")
        check_kernel(node, weight.shape[2:])
        said = {
            "stride": per_axis(node, "strides", 2),
            "padding": padding(node, 2),
            "dilation": per_axis(node, "dilations", 2),
            "groups": groups,
        }
        batch, channels = x.shape[:2]
        _, outputs, *sizes = convpool.conv_output_shape(x.shape, weight.shape, **said)
        taps = math.prod(weight.shape[2:])
        if offset_groups < 1 or channels % offset_groups:
            raise node.error(f"offset_group: got {offset_groups}, expected a divisor of {channels}")
        shape = (batch, offset_groups, *weight.shape[2:], 2, *sizes)
        moves = _shaped(node, "offset", offset, shape)
        shares = None if mask is None else _shaped(node, "mask", mask, shape[:4] + shape[5:])
        places = []
        for axis, (before, _) in enumerate(said["padding"]):
            step, gap = said["stride"][axis], said["dilation"][axis]
            start = np.arange(sizes[axis]) * step - before
            tap = np.arange(weight.shape[2 + axis]) * gap
            still = tap[:, None, None, None] if axis == 0 else tap[:, None, None]
            still = still + (start[:, None] if axis == 0 else start)
            places.append(
                (moves[:, :, :, :, axis] + still).reshape(batch * offset_groups, taps, *sizes)
            )
        each = channels // offset_groups
        split = x.reshape(batch * offset_groups, each, *x.shape[2:])
        found = _sampled(split, places, "linear").reshape(batch, offset_groups, each, taps, -1)
        if shares is not None:
            found = found * shares.reshape(batch, offset_groups, 1, taps, -1)
        columns = found.reshape(batch, channels * taps, -1).astype(x.dtype)
        flat = np.ascontiguousarray(weight).reshape(outputs, -1, 1)
        result = convpool.conv1d(columns, flat, bias, groups=groups)
        return result.reshape(batch, outputs, *sizes)

    return kernel


def _shaped(node: Node, name: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.size != math.prod(shape) or len(array) != shape[0]:
        raise node.error(f"{name}: got shape {array.shape}, expected numbers for {shape}")
    return array.reshape(shape)


@operator("Col2Im", shaped_by=(1, 2))
def image_of_columns(node: Node) -> Kernel:
    """Blocks added where they came from: a transposed convolution that leaves each tap alone."""

    def kernel(x: Array, image: Array, block: Array) -> Array:
        sizes, taps = integers(node, "image_shape", image), integers(node, "block_shape", block)
        axes, count = len(sizes), math.prod(taps)
        if x.ndim != 3 or len(taps) != axes or count < 1 or x.shape[1] % count:
            raise node.error(f"got shape {x.shape} for blocks of {taps} in an image of {sizes}")
        stride, dilation = (per_axis(node, name, axes) for name in ("strides", "dilations"))
        pads = padding(node, axes)
        batch, channels = x.shape[0], x.shape[1] // count
        padded = tuple(n + sum(pad) for n, pad in zip(sizes, pads, strict=True))
        counts = tuple(
            (n - d * (k - 1) - 1) // s + 1
            for n, d, k, s in zip(padded, dilation, taps, stride, strict=True)
        )
        allocatable(node, (batch, channels, *padded), x.itemsize)
        if min(counts, default=0) < 1 or math.prod(counts) != x.shape[2]:
            raise node.error(f"got {x.shape[2]} blocks, expected {counts} of them")
        blocks = x.reshape(batch, channels, *taps, *counts)
        result = np.zeros((batch, channels, *padded), x.dtype)
        for tap in itertools.product(*map(range, taps)):
            place: Any = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, n, s in zip(tap, dilation, counts, stride, strict=True)
            )
            one: Any = (slice(None), slice(None), *tap)
            result[(..., *place)] += blocks[one]
        inner = tuple(slice(a, a + n) for (a, _), n in zip(pads, sizes, strict=True))
        return np.ascontiguousarray(result[(slice(None), slice(None), *inner)])

    return kernel


@operator("CenterCropPad", shaped_by=(1,))
def crop_or_pad(node: Node) -> Kernel:
    """As much from the middle, or around it, as makes an image of some size."""

    def kernel(x: Array, shape: Array) -> Array:
        wanted = integers(node, "shape", shape)
        axes = node.ints("axes")
        axes = list(range(x.ndim)) if axes is None else axes
        if len(axes) != len(wanted) or any(not -x.ndim <= axis < x.ndim for axis in axes):
            raise node.error(f"axes: got {axes} for shape {wanted} of x with {x.ndim} axes")
        target = list(x.shape)
        for axis, size in zip(axes, wanted, strict=True):
            target[axis] = size
        allocatable(node, tuple(target), x.itemsize)
        result = np.zeros(target, x.dtype)
        source, place = [], []
        for have, want in zip(x.shape, target, strict=True):
            common = min(have, want)
            first, start = (have - common) // 2, (want - common) // 2
            source.append(slice(first, first + common))
            place.append(slice(start, start + common))
        result[tuple(place)] = x[tuple(source)]
        return result

    return kernel
