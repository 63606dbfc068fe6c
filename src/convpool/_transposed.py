"""What a transposed convolution is given, settled, fitted together, and handed to `_phases`."""

from collections.abc import Sequence
from typing import NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _arguments, _call, _phases
from ._arguments import Array, shown
from ._threads import asked_threads

Pads = tuple[tuple[int, int], ...]


def transposed_pads(padding: object, spatial: int) -> Pads:
    """(before, after) for each axis; there is no rule to name."""
    if isinstance(padding, str):
        raise ValueError(
            f"padding: got {shown(padding)}, expected an int, {spatial} ints or {spatial} "
            "(before, after) pairs, one an axis"
        )
    pads = _arguments.padding_form(padding, spatial)
    assert not isinstance(pads, str)
    return pads


def output_sizes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    output_padding: Sequence[int],
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    """The result's spatial axes, within PyTorch's rules."""
    least = tuple(
        (n - 1) * s + (k - 1) * d + 1 - before - after
        for n, k, s, d, (before, after) in zip(sizes, kernel, stride, dilation, pads, strict=True)
    )
    if output_size is not None:
        if any(output_padding):
            raise ValueError(
                f"output_padding: got {tuple(output_padding)} beside output_size "
                f"{tuple(output_size)}, expected one of the two"
            )
        most = tuple(n + s - 1 for n, s in zip(least, stride, strict=True))
        if any(not a <= n <= b for a, n, b in zip(least, output_size, most, strict=True)):
            raise ValueError(
                f"output_size: got {tuple(output_size)}, expected from {least} to {most}, which "
                f"a convolution with stride {tuple(stride)} takes to {tuple(sizes)}"
            )
        return tuple(output_size)
    for extra, s, d in zip(output_padding, stride, dilation, strict=True):
        if extra >= max(s, d):
            raise ValueError(
                f"output_padding: got {tuple(output_padding)}, expected less than stride "
                f"{tuple(stride)} or dilation {tuple(dilation)}"
            )
    out = tuple(n + extra for n, extra in zip(least, output_padding, strict=True))
    if min(out) < 1:
        raise ValueError(
            f"padding: got {pads}, which leaves an output of {out}, expected at least 1 an axis"
        )
    return out


class Geometry(NamedTuple):
    """How the arrays of one call fit together."""

    shape: tuple[int, ...]
    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: Pads
    dilation: tuple[int, ...]
    groups: int
    last: bool
    lead: int  # axes of x before the spatial ones

    @property
    def out(self) -> tuple[int, ...]:
        """The result's spatial axes."""
        return self.shape[self.lead : self.lead + len(self.sizes)]


class Terms(NamedTuple):
    """What a call says beside its arrays, each value settled by itself."""

    stride: tuple[int, ...]
    pads: Pads
    output_padding: tuple[int, ...]
    output_size: tuple[int, ...] | None  # or a whole shape
    dilation: tuple[int, ...]
    groups: int
    last: bool


def settled(
    spatial: int,
    stride: object,
    padding: object,
    output_padding: object,
    output_size: object,
    dilation: object,
    groups: object,
    layout: object,
) -> Terms:
    """Each argument beside the arrays."""
    per_axis = _arguments.per_axis
    if output_size is not None and not _arguments.is_index(output_size):
        expected = f"{spatial} ints, one an axis, or the result's shape"
        items = _arguments.sequence("output_size", output_size, None, expected)
        if len(items) not in (spatial, spatial + 1, spatial + 2):
            raise ValueError(f"output_size: got {shown(output_size)}, expected {expected}")
        output_size = per_axis("output_size", items, len(items), 0)
    elif output_size is not None:
        output_size = per_axis("output_size", output_size, spatial, 1)
    return Terms(
        per_axis("stride", stride, spatial, 1),
        transposed_pads(padding, spatial),
        per_axis("output_padding", output_padding, spatial, 0),
        output_size,
        per_axis("dilation", dilation, spatial, 1),
        _arguments.integer("groups", groups, 1),
        _arguments.channels_last(layout, spatial),
    )


def fitted(spatial: int, x: Array, weight: Array, terms: Terms) -> Geometry:
    """The shape of x, that of weight and the terms, together."""
    single, channels, sizes = _call.image_geometry(spatial, x, terms.last)
    if weight.ndim != spatial + 2 or 0 in weight.shape:
        raise ValueError(
            f"weight: got shape {weight.shape}, expected {spatial + 2} axes of at least 1: "
            "(in_channels, out_channels // groups, *kernel)"
        )
    if len(weight) != channels:
        raise ValueError(
            f"weight: got {len(weight)} input channels (shape {weight.shape}), expected "
            f"{channels} as x has"
        )
    if channels % terms.groups:
        raise ValueError(
            f"groups: got {terms.groups}, expected a divisor of x's {channels} channels"
        )
    lead = (0 if single else 1) + (0 if terms.last else 1)
    wanted = terms.output_size
    if wanted is not None and len(wanted) != spatial:
        if len(wanted) != x.ndim:
            raise ValueError(
                f"output_size: got {wanted}, expected {spatial} ints, one an axis, or {x.ndim} "
                "as x has axes"
            )
        wanted = wanted[lead : lead + spatial]
    kernel = weight.shape[2:]
    out = output_sizes(
        sizes, kernel, terms.stride, terms.pads, terms.dilation, terms.output_padding, wanted
    )
    outputs = weight.shape[1] * terms.groups
    example = (*out, outputs) if terms.last else (outputs, *out)
    return Geometry(
        example if single else (len(x), *example),
        sizes,
        kernel,
        terms.stride,
        terms.pads,
        terms.dilation,
        terms.groups,
        terms.last,
        lead,
    )


def as_convolution(weight: Array, groups: int) -> Array:
    """(in, out // groups, *kernel) as a convolution has it, (out, in // groups, *kernel).

    A view where strides allow: with one group, or one channel of input a group.
    """
    channels, outputs, *kernel = weight.shape
    if groups == 1:
        return weight.swapaxes(0, 1)
    split = weight.reshape(groups, channels // groups, outputs, *kernel).swapaxes(1, 2)
    return split.reshape(groups * outputs, channels // groups, *kernel)


def conv_transpose(
    spatial: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: object,
    padding: object,
    output_padding: object,
    output_size: object,
    dilation: object,
    groups: object,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """The work of conv_transpose1d, conv_transpose2d and conv_transpose3d."""
    terms = settled(spatial, stride, padding, output_padding, output_size, dilation, groups, layout)
    threads = asked_threads(num_threads)
    x, weight = _arguments.arrays_of(x=x, weight=weight)
    bias = None if bias is None else _arguments.array_of("bias", bias)
    images = _arguments.float_array("x", x)
    kernels = _arguments.alike("weight", weight, images.dtype)
    biases = None if bias is None else _arguments.alike("bias", bias, images.dtype)
    geometry = fitted(spatial, images, kernels, terms)
    if biases is not None and biases.shape != (kernels.shape[1] * terms.groups,):
        expected = (kernels.shape[1] * terms.groups,)
        raise ValueError(f"bias: got shape {biases.shape}, expected {expected}")
    return transpose_into(spatial, images, kernels, biases, geometry, out, threads)


def transpose_into(
    spatial: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    geometry: Geometry,
    out: Array | None,
    num_threads: int | None,
) -> Array:
    """What remains once all arrays fit together: `out`, or a new array."""
    result, copy = _arguments.output_array(out, geometry.shape, x.dtype, (x, weight, bias))
    if result.size:
        _phases.run(
            spatial, x, as_convolution(weight, geometry.groups), bias, result, geometry.sizes,
            geometry.kernel, geometry.stride, geometry.dilation, geometry.pads, geometry.out,
            geometry.groups, geometry.last, x.ndim == spatial + 1, num_threads,
        )  # fmt: skip
    if out is None:
        return result
    if copy:
        np.copyto(np.asarray(out), result)
    return out
