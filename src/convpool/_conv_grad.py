"""Gradients of convolutions, as convolutions.

    input:  transposed convolution of the result's gradient
    weight: dW[o, c, u] = sum over images n and outputs i of dy[n, o, i] x[n, c, i stride + u
            dilation - before], which is a convolution with images as channels and the other way
            round, of kernels dy, stride and dilation exchanged:

    for each block of images and outputs, at most BLOCK terms of each sum:
        dW += convolution(x, dy of the block)

Blocks depend on shapes alone and are added one after the other, so the sums have one order. A
float32 sum over blocks of BLOCK terms errs far less than one chain over all outputs would.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _arguments, _call, _transposed
from ._arguments import Array
from ._threads import asked_threads

BLOCK = 1024  # terms of a sum that are one chain


def check_grad_output(grad_output: Array, shape: tuple[int, ...]) -> None:
    """Raises unless the gradient has the shape of what it is the gradient of."""
    if grad_output.shape != shape:
        raise ValueError(
            f"grad_output: got shape {grad_output.shape}, expected the convolution's {shape}"
        )


def is_single(grad_output: Array, spatial: int) -> bool:
    """Whether the gradient is that of one example."""
    if grad_output.ndim not in (spatial + 1, spatial + 2):
        raise ValueError(
            f"grad_output: got shape {grad_output.shape}, expected {spatial + 2} axes, or "
            f"{spatial + 1} for one example without the batch axis"
        )
    return grad_output.ndim == spatial + 1


def conv_input(
    spatial: int,
    input_size: object,
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """The gradient of a convolution with respect to its input."""
    steps, padding, gaps, count, layout = _arguments.settled_terms(
        spatial, stride, padding, dilation, groups, layout
    )
    last = _arguments.channels_last(layout, spatial)
    threads = asked_threads(num_threads)
    input_size = _arguments.settled_shape("input_size", input_size)
    weight, grad_output = _arguments.arrays_of(weight=weight, grad_output=grad_output)
    gradient = _arguments.float_array("grad_output", grad_output)
    kernels = _arguments.alike("weight", weight, gradient.dtype, "grad_output")
    single = is_single(gradient, spatial)
    shape = _arguments.whole_shape(
        "input_size", input_size, spatial + (1 if single else 2), not single
    )
    channels = shape[-1 if last else -1 - spatial]
    if kernels.ndim == spatial + 2 and channels != kernels.shape[1] * count:
        raise ValueError(
            f"input_size: got {shape}, expected {kernels.shape[1] * count} channels as weight's "
            f"shape {kernels.shape} in {count} groups says"
        )
    with _arguments.called(x="input_size"):
        expected, pads = _call.conv_geometry(
            spatial, _arguments.shaped(shape), kernels, steps, padding, gaps, count, layout
        )
    check_grad_output(gradient, expected)
    lead = len(shape) - spatial - (1 if last else 0)
    geometry = _transposed.Geometry(
        shape,
        gradient.shape[lead : lead + spatial],
        kernels.shape[2:],
        steps,
        pads,
        gaps,
        count,
        last,
        lead,
    )
    return _transposed.transpose_into(spatial, gradient, kernels, None, geometry, out, threads)


def blocks_of(batch: int, outputs: Sequence[int], groups: int) -> Iterator[tuple[slice, ...]]:
    """Cuts (images, outputs of each axis) into even blocks of at most BLOCK outputs.

    With several groups a block is of one image.
    """
    room, cuts = BLOCK, []
    for axis, size in reversed([*enumerate((batch, *outputs))]):
        most = 1 if axis == 0 and groups > 1 else max(1, min(size, room))
        room //= most
        parts = -(-size // most)
        edges = [size * part // parts for part in range(parts)] + [size]
        cuts.append([slice(begin, end) for begin, end in itertools.pairwise(edges)])
    return itertools.product(*reversed(cuts))


def met(
    size: int, outputs: slice, kernel: int, stride: int, dilation: int, before: int
) -> tuple[slice, tuple[int, int]]:
    """The inputs of an axis that some outputs' windows meet, and the padding around those."""
    begin = outputs.start * stride - before
    end = (outputs.stop - 1) * stride + (kernel - 1) * dilation + 1 - before
    first, last = min(max(begin, 0), size), max(min(end, size), 0)
    return slice(first, last), (max(-begin, 0), max(end - size, 0))


def as_channels(
    x: Array, kernels: Array, groups: int, wide: bool, lanes: bool
) -> tuple[Array, Array]:
    """A block of x and of the gradient, channels first, as the convolution sees them.

    Images, or groups of one image, are its channels. Its pixels run along channels if `wide`, and
    groups lie side by side in `lanes`.
    """
    images, channels, *sizes = x.shape
    pixels = x.reshape(images * groups, channels // groups, *sizes).swapaxes(0, 1)
    kernels = kernels.swapaxes(0, 1)
    if wide:
        return np.moveaxis(pixels, 0, -1)[None], kernels[..., None]
    return np.moveaxis(pixels, 1, -1) if lanes else pixels, kernels


def sum_blocks(
    x: Array,
    gradient: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
    num_threads: int | None,
) -> Array:
    """(out_channels, channels // groups, *kernel) from arrays with channels first."""
    spatial, channels = len(kernel), x.shape[1] // groups
    # The packer reads runs of neighbouring pixels: of a row of taps, or across channels.
    wide = channels > 2 * kernel[-1] and spatial < 3
    lanes = channels == 1 and groups > 1
    if not wide and not lanes:
        x, gradient = np.ascontiguousarray(x), np.ascontiguousarray(gradient)
    steps, gaps = (dilation, stride) if not wide else ((*dilation, 1), (*stride, 1))
    layout = _arguments.layout_of(len(steps), lanes)
    total = None
    for images, *outputs in blocks_of(len(x), gradient.shape[2:], groups):
        inputs, padding = zip(
            *map(met, x.shape[2:], outputs, kernel, stride, dilation, (p for p, _ in pads)),
            strict=True,
        )
        if any(part.start >= part.stop for part in inputs):
            continue  # these windows see nothing but padding
        pixels, kernels = as_channels(
            x[(images, slice(None), *inputs)],
            gradient[(images, slice(None), *outputs)],
            groups,
            wide,
            lanes,
        )
        total = _call.convolve(
            len(steps), pixels, kernels, None, steps, (*padding, (0, 0)) if wide else padding,
            gaps, groups, "zeros", 0.0, False, None, total, layout, "direct", None, num_threads,
        )  # fmt: skip
    if total is None:
        return np.zeros((gradient.shape[1], channels, *kernel), x.dtype)
    if wide:
        return np.moveaxis(total[0], -1, 1)
    return (np.moveaxis(total, -1, 1) if lanes else total).swapaxes(0, 1)


def channels_first(array: Array, single: bool, last: bool) -> Array:
    """As (batch, channels, *sizes), of the type that sums have."""
    array = array[None] if single else array
    array = np.moveaxis(array, -1, 1) if last else array
    return array.astype(np.float32) if array.dtype == np.float16 else array


def conv_weight(
    spatial: int,
    x: ArrayLike,
    weight_size: object,
    grad_output: ArrayLike,
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """The gradient of a convolution with respect to its weight."""
    steps, padding, gaps, count, layout = _arguments.settled_terms(
        spatial, stride, padding, dilation, groups, layout
    )
    last = _arguments.channels_last(layout, spatial)
    threads = asked_threads(num_threads)
    weight_size = _arguments.settled_shape("weight_size", weight_size)
    x, grad_output = _arguments.arrays_of(x=x, grad_output=grad_output)
    images = _arguments.float_array("x", x)
    gradient = _arguments.alike("grad_output", grad_output, images.dtype)
    single, channels, _ = _call.image_geometry(spatial, images, last)
    shape = _arguments.whole_shape("weight_size", weight_size, spatial + 2, False)
    if shape[1] * count != channels or shape[0] % count:
        raise ValueError(
            f"weight_size: got {shape}, expected (out_channels, in_channels // groups, *kernel) "
            f"with {channels} input channels as x has in {count} groups"
        )
    with _arguments.called(weight="weight_size"):
        expected, pads = _call.conv_geometry(
            spatial, images, _arguments.shaped(shape), steps, padding, gaps, count, layout
        )
    check_grad_output(gradient, expected)
    result, _ = _arguments.output_array(out, shape, images.dtype, ())
    images, gradient = (channels_first(a, single, last) for a in (images, gradient))
    total = sum_blocks(images, gradient, shape[2:], steps, pads, gaps, count, threads)
    target = result if out is None else np.asarray(out)
    np.copyto(target, total, casting="same_kind")
    return result if out is None else out
