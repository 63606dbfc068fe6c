"""Where pooling said that maxima stood: there they go back to, or are fetched from."""

import math
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _call, _scatter
from ._arguments import (
    Array,
    addressable,
    array_of,
    arrays_of,
    called,
    channels_last,
    float_array,
    output_array,
    padding_form,
    per_axis,
    settled_shape,
    shaped,
)
from ._threads import asked_threads


def places_of(indices: ArrayLike) -> Array:
    """Indices as contiguous int64, in memory of their own: they are checked, and then followed."""
    array = array_of("indices", indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices: got dtype {array.dtype}, expected whole numbers")
    places = np.array(array, np.int64, order="C")
    if array.dtype.kind == "u" and places.size and places.min() < 0:
        raise ValueError("indices: got numbers of 2**63 or more, expected places in a plane")
    return places


def check_places(places: Array, shape: tuple[int, ...], least: int, plane: int) -> None:
    """Raises unless there is a place for each element, from `least` to the end of a plane."""
    if places.shape != shape:
        raise ValueError(f"indices: got shape {places.shape}, expected {shape}, one a value")
    if places.size and not (places.min() >= least and places.max() < plane):
        wrong = places[(places < least) | (places >= plane)].flat[0]
        raise ValueError(f"indices: got {wrong}, expected {least} to {plane - 1}, within a plane")


def planes(
    name: str, shape: tuple[int, ...], spatial: int, last: bool
) -> tuple[int, int, tuple[int, ...]]:
    """Batch, channels and spatial sizes of a shape."""
    with called(x=name):
        single, channels, sizes = _call.image_geometry(spatial, shaped(shape), last)
    return 1 if single else shape[0], channels, sizes


def with_sizes(shape: tuple[int, ...], sizes: tuple[int, ...], last: bool) -> tuple[int, ...]:
    """A shape whose spatial sizes are others."""
    lead = len(shape) - len(sizes) - 1
    if last:
        return (*shape[:lead], *sizes, shape[-1])
    return (*shape[: lead + 1], *sizes)


def sizes_wanted(
    output_size: tuple[int, ...],
    default: tuple[int, ...],
    stride: tuple[int, ...],
    rank: int,
    last: bool,
) -> tuple[int, ...]:
    """Spatial sizes of an unpooled array, by PyTorch's rule less than a stride from `default`."""
    spatial = len(default)
    sizes = output_size
    if len(sizes) == rank:
        sizes = sizes[-spatial - 1 : -1] if last else sizes[-spatial:]
    if len(sizes) != spatial or min(sizes) < 1:
        raise ValueError(
            f"output_size: got {output_size}, expected {spatial} ints of at least 1, one an axis, "
            "or the whole shape"
        )
    for size, usual, step in zip(sizes, default, stride, strict=True):
        if not usual - step < size < usual + step:
            raise ValueError(
                f"output_size: got {size} along an axis, expected from "
                f"{max(usual - step + 1, 1)} to {usual + step - 1}"
            )
    return sizes


def max_unpool(
    spatial: int,
    x: ArrayLike,
    indices: ArrayLike,
    kernel_size: object,
    stride: object,
    padding: object,
    output_size: object,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """max_unpool1d, max_unpool2d and max_unpool3d."""
    last = channels_last(layout, spatial)
    kernel = per_axis("kernel_size", kernel_size, spatial, 1)
    step = kernel if stride is None else per_axis("stride", stride, spatial, 1)
    pads = padding_form("valid" if padding is None else padding, spatial)
    if pads == "valid":
        pads = ((0, 0),) * spatial
    if isinstance(pads, str):
        raise ValueError(f"padding: got {padding!r}, expected numbers: many sizes pool to x's")
    num_threads = asked_threads(num_threads)
    asked = None if output_size is None else settled_shape("output_size", output_size)
    given, places = arrays_of(x=x, indices=indices)
    given, places = float_array("x", given), places_of(places)
    batch, channels, sizes = planes("x", given.shape, spatial, last)
    default = tuple(
        (n - 1) * s - before - after + k
        for n, s, k, (before, after) in zip(sizes, step, kernel, pads, strict=True)
    )
    if asked is not None:
        wanted = sizes_wanted(asked, default, step, given.ndim, last)
    elif min(default) < 1:
        raise ValueError(f"padding: got {padding!r}, which leaves planes of {default}")
    else:
        wanted = default
    plane = math.prod(wanted)
    check_places(places, given.shape, 0, plane)
    shape = with_sizes(given.shape, wanted, last)
    addressable("x", shape, given.itemsize)
    if out is not None:
        output_array(out, shape, given.dtype, ())
    result = np.zeros(shape, given.dtype)
    values, target = np.ascontiguousarray(given).reshape(-1), result.reshape(-1)
    _scatter.scatter(
        values, places.reshape(-1), target, batch, channels, math.prod(sizes), plane, last, False,
        num_threads,
    )  # fmt: skip
    if out is None:
        return result
    np.copyto(np.asarray(out), result)
    return out
