"""The calls of `convpool.dask`: what each block is to make of its pixels.

    geometry = that of the call for the whole of x
    function(no pixels), which raises what the whole would raise
    parts of each axis (_dask_blocks)
    each block = function(its pixels, its share of the padding, all else as it came)

Padding that repeats pixels (reflect, replicate, circular) is laid around x first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _call, _pool_call, filtering, functional, pooling
from ._arguments import (
    Activation,
    Array,
    alike,
    array_of,
    channels_last,
    padding_form,
    per_axis,
    settled_terms,
    shaped,
    truth,
)
from ._call import Packed
from ._dask_blocks import REPEATED, Part, Windows, assembled, chunks_of, extended, lazy, parts_of

if TYPE_CHECKING:
    from dask.array import Array as DaskArray

# filter2d sums tall kernels over so many rows together at most.
FOLDED = 4


def _empty_batch(array: Any, spatial: int) -> Array:
    """An array like another, without any example: a call on it checks all that a call checks."""
    if array.ndim not in (spatial + 1, spatial + 2):
        return np.broadcast_to(np.zeros((), array.dtype), array.shape)
    return np.empty((0, *array.shape[array.ndim - spatial - 1 :]), array.dtype)


def _image_axes(x: Any, spatial: int, layout: str) -> tuple[int, range]:
    """Which axis holds channels, and which are spatial."""
    first = x.ndim - spatial
    if channels_last(layout, spatial):
        return x.ndim - 1, range(first - 1, x.ndim - 1)
    return first - 1, range(first, x.ndim)


def _named(function: Callable[..., Any], *made_of: Any) -> str:
    """A name for what a function makes of such arguments."""
    from dask.base import tokenize

    return f"{function.__name__}-{tokenize(*made_of)}"


def convolved(
    spatial: int,
    x: Any,
    weight: Any,
    bias: Any,
    terms: tuple[Any, ...],
    padding_mode: str,
    padding_value: float,
    flip: bool,
    activation: Activation,
    residual: Any,
    num_threads: SupportsIndex,
) -> DaskArray:
    """A convolution, `terms` as `settled_terms` takes them."""
    function = (functional.conv1d, functional.conv2d, functional.conv3d)[spatial - 1]
    stride, padding, dilation, groups, layout = settled_terms(spatial, *terms)
    if isinstance(weight, Packed):
        raise TypeError("weight: got a PackedWeight, expected an array")
    x = lazy("x", x)
    residual = None if residual is None else lazy("residual", residual)
    kernels = array_of("weight", weight)
    biases = None if bias is None else array_of("bias", bias)
    given: dict[str, Any] = {
        "stride": stride,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "padding_value": padding_value,
        "flip": truth("flip", flip),
        "activation": activation,
        "layout": layout,
        "algorithm": "direct",
        "num_threads": num_threads,
    }
    checked = function(_empty_batch(x, spatial), kernels, biases, padding=padding, **given)
    shape, widths = _call.conv_geometry(
        spatial, shaped(x.shape), kernels, stride, padding, dilation, groups, layout
    )
    if residual is not None:
        alike("residual", np.empty(0, residual.dtype), checked.dtype)
        if residual.shape != shape:
            raise ValueError(f"residual: got shape {residual.shape}, expected {shape}")
    name = _named(
        function, x.name, kernels, biases, getattr(residual, "name", None), padding, given
    )

    channel, axes = _image_axes(x, spatial, layout)
    parts = chunks_of(x)
    parts[channel] = [Part(slice(0, shape[channel]), slice(0, x.shape[channel]))]
    for i, axis in enumerate(axes):
        reach = (kernels.shape[2 + i] - 1) * dilation[i] + 1
        windows = Windows(x.shape[axis], shape[axis], *widths[i], stride[i], reach)
        parts[axis] = parts_of(windows, x.chunks[axis])
    if padding_mode in REPEATED:
        x = extended(x, axes, widths, padding_mode)
        for axis, (before, _) in zip(axes, widths, strict=True):
            parts[axis] = [part.moved(before) for part in parts[axis]]
        given["padding_mode"] = "zeros"

    def block(chosen: tuple[Part, ...]) -> Callable[..., Array]:
        around = tuple(chosen[axis].padding for axis in axes)
        return partial(_convolve, partial(function, padding=around, **given))

    return assembled(name, parts, block, x, [kernels, biases], residual, checked.dtype)


def _convolve(
    function: Callable[..., Array],
    pixels: Array,
    kernels: Array,
    biases: Array | None,
    residual: Array | None = None,
) -> Array:
    return function(pixels, kernels, biases, residual=residual)


def max_pooled(
    spatial: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, layout: str, num_threads: SupportsIndex,
) -> DaskArray:  # fmt: skip
    """Max pooling."""
    function = (pooling.max_pool1d, pooling.max_pool2d, pooling.max_pool3d)[spatial - 1]
    given = {
        "dilation": per_axis("dilation", dilation, spatial, 1),
        "ceil_mode": truth("ceil_mode", ceil_mode),
        "num_threads": num_threads,
    }
    return _pooled(spatial, function, x, kernel_size, stride, padding, layout, given)


def avg_pooled(
    spatial: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: SupportsIndex | None, layout: str,
    num_threads: SupportsIndex,
) -> DaskArray:  # fmt: skip
    """Average pooling."""
    function = (pooling.avg_pool1d, pooling.avg_pool2d, pooling.avg_pool3d)[spatial - 1]
    given = {
        "ceil_mode": truth("ceil_mode", ceil_mode),
        "count_include_pad": truth("count_include_pad", count_include_pad),
        "divisor_override": divisor_override,
        "num_threads": num_threads,
    }
    return _pooled(spatial, function, x, kernel_size, stride, padding, layout, given)


def _pooled(
    spatial: int,
    function: Callable[..., Any],
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    layout: Any,
    given: dict[str, Any],
) -> DaskArray:
    """Pooling by a function; `given` holds what blocks are given as it is."""
    kernel_size = per_axis("kernel_size", kernel_size, spatial, 1)
    stride = kernel_size if stride is None else per_axis("stride", stride, spatial, 1)
    padding = padding_form(padding, spatial)
    x = lazy("x", x)
    given = {**given, "kernel_size": kernel_size, "stride": stride, "layout": layout}
    checked = function(_empty_batch(x, spatial), padding=padding, **given)
    dilation, ceiling = given.get("dilation", 1), given["ceil_mode"]
    _, geometry = _pool_call.pool_axes(
        spatial, x.shape, kernel_size, stride, padding, dilation, ceiling, layout
    )
    name = _named(function, x.name, padding, given)

    _, axes = _image_axes(x, spatial, layout)
    parts = chunks_of(x)
    for axis, a in zip(axes, geometry[-spatial:], strict=True):
        reach = (a["kernel"] - 1) * a["dilation"] + 1
        windows = Windows(a["size"], a["out"], a["before"], a["after"], a["stride"], reach)
        # The average of a plane's only window is summed in another order than those of several.
        parts[axis] = parts_of(windows, x.chunks[axis], least=2)

    def block(chosen: tuple[Part, ...]) -> Callable[..., Array]:
        return partial(function, padding=tuple(chosen[axis].padding for axis in axes), **given)

    return assembled(name, parts, block, x, [], None, checked.dtype)


def filtered(
    image: Any,
    kernel: ArrayLike,
    padding_mode: str,
    padding_value: float,
    flip: bool,
    num_threads: SupportsIndex,
) -> DaskArray:
    """filter2d, with enough pixels around each block."""
    image = lazy("image", image)
    taps = array_of("kernel", kernel)
    terms: dict[str, Any] = {
        "padding_mode": padding_mode,
        "padding_value": padding_value,
        "flip": truth("flip", flip),
        "num_threads": num_threads,
    }
    probe = np.broadcast_to(np.zeros((), image.dtype), image.shape)
    if image.ndim in (2, 3):
        probe = probe[:1, :1]
    checked = filtering.filter2d(probe, taps, **terms)
    name = _named(filtering.filter2d, image.name, taps, terms)

    # Rows that are summed together are in one block, and all that they see.
    rows, columns = filtering.centre(taps.shape, terms["flip"])
    margins = [
        (-(-rows // FOLDED) * FOLDED, taps.shape[0] - 1 - rows + 2 * FOLDED),
        (columns, taps.shape[1] - 1 - columns),
    ]
    parts, shift = chunks_of(image), [0, 0]
    if padding_mode in REPEATED:
        image = extended(image, (0, 1), margins, padding_mode)
        terms["padding_mode"] = "zeros"
        shift = [before for before, _ in margins]
    for axis, step in enumerate((FOLDED, 1)):
        size, (before, after) = image.shape[axis], margins[axis]
        for i, (outputs, _, _) in enumerate(parts[axis]):
            first = (outputs.start + shift[axis]) // step * step - before
            end = outputs.stop + shift[axis] + after
            parts[axis][i] = Part(outputs, slice(max(first, 0), min(end, size)))

    def block(chosen: tuple[Part, ...]) -> Callable[..., Array]:
        crop = []
        for part, moved in zip(chosen, shift, strict=False):
            first = part.outputs.start + moved - part.pixels.start
            crop.append(slice(first, first + part.outputs.stop - part.outputs.start))
        return partial(_filter, tuple(crop), terms)

    return assembled(name, parts, block, image, [taps], None, checked.dtype)


def _filter(crop: tuple[slice, ...], terms: dict[str, Any], pixels: Array, kernel: Array) -> Array:
    """Some pixels filtered, without those that are there for others."""
    return filtering.filter2d(pixels, kernel, **terms)[crop]
