"""Convolutions, with everything that was folded into them.

Beside ONNX's attributes a node may have `activation`, and `padding_mode` with `padding_value`; a
fourth input is the residual.
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import convpool

from ..packed import PackedWeight, pack_weight
from .model import Array, Node
from .operators import Kernel, operator

AUTO_PAD = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


def function(
    node: Node, stem: str, spatial: int, module: ModuleType = convpool
) -> Callable[..., Any]:
    """One of convpool's functions, by name and number of spatial axes."""
    found = getattr(module, f"{stem}{spatial}d", None)
    if found is None:
        raise node.error(f"{module.__name__} has no {stem} for {spatial} spatial axes")
    chosen: Callable[..., Any] = found
    return chosen


def padding(node: Node, spatial: int) -> Any:
    """Pads: ONNX lists all begins, then all ends."""
    rule = node.get("auto_pad", "NOTSET")
    if rule in AUTO_PAD:
        return AUTO_PAD[rule]
    if rule != "NOTSET":
        raise node.error(f"auto_pad: got {rule!r}")
    pads = node.ints("pads") or [0] * 2 * spatial
    if len(pads) != 2 * spatial:
        raise node.error(f"pads: got {pads}, expected {2 * spatial}")
    return tuple(zip(pads[:spatial], pads[spatial:], strict=True))


def per_axis(node: Node, name: str, spatial: int, default: int = 1) -> tuple[int, ...]:
    """Strides and the like."""
    values = node.ints(name) or [default] * spatial
    if len(values) != spatial:
        raise node.error(f"{name}: got {values}, expected {spatial}, one an axis")
    return tuple(values)


def terms(node: Node, spatial: int) -> dict[str, Any]:
    """What convpool's convolutions are told beside their arrays."""
    said: dict[str, Any] = {
        "stride": per_axis(node, "strides", spatial),
        "padding": padding(node, spatial),
        "dilation": per_axis(node, "dilations", spatial),
        "groups": node.get("group", 1),
    }
    for name in ("activation", "padding_mode", "padding_value"):
        if name in node.attributes:
            said[name] = node.attributes[name]
    return said


def check_kernel(node: Node, kernel: Sequence[int]) -> None:
    """Raise where the attribute and the weight differ."""
    said = node.ints("kernel_shape")
    if said is not None and list(kernel) != said:
        raise node.error(f"kernel_shape: got {said}, but the weight has {list(kernel)}")


@operator("Conv", writes=True)
def convolution(node: Node) -> Kernel:
    """Convpool's conv1d, conv2d or conv3d."""
    weight, bias = node.known.get(1), node.known.get(2)
    if weight is not None and (bias is not None or not node.has(2)):
        return _packed(node, weight, bias)

    def kernel(
        x: Array,
        weight: Array,
        bias: Array | None = None,
        residual: Array | None = None,
        out: Array | None = None,
    ) -> Any:
        spatial = weight.ndim - 2
        check_kernel(node, weight.shape[2:])
        run = function(node, "conv", spatial)
        return run(x, weight, bias, out=out, residual=residual, **terms(node, spatial))

    return kernel


def _packed(node: Node, weight: Array, bias: Array | None) -> Kernel:
    spatial = weight.ndim - 2
    if not 1 <= spatial <= 3:
        raise node.error(f"weight: got shape {weight.shape}, expected 3 to 5 axes")
    check_kernel(node, weight.shape[2:])
    said = terms(node, spatial)
    packed = pack_weight(weight, bias, **said)
    run = function(node, "conv", spatial)
    node.take(1)
    node.take(2)
    return PackedCall(node, run, packed, said)


class PackedCall:
    """A convolution by a packed weight, with or without a residual as its fourth input."""

    def __init__(
        self, node: Node, run: Callable[..., Any], packed: PackedWeight, said: dict[str, Any]
    ) -> None:
        self.node, self.run, self.packed, self.said = node, run, packed, said

    def __call__(
        self, x: Array, w: None, b: None = None, r: Array | None = None, out: Array | None = None
    ) -> Any:
        """For arrays of any shape."""
        if r is not None:
            shape = result_shape(x, self.packed.shape, self.said)
            if shape is not None and r.shape != shape:
                x, r = _stretched(self.node, x, r, shape, self.packed.shape)
        return self.run(x, self.packed, residual=r, out=out)

    def bound(self, args: Sequence[Any], out: Array) -> Callable[[], Any]:
        """A call for these arrays alone, straight to convpool's function."""
        x, residual = args[0], args[3] if len(args) > 3 else None
        if residual is None:
            return partial(self.run, x, self.packed, out=out)
        if residual.shape == out.shape == result_shape(x, self.packed.shape, self.said):
            return partial(self.run, x, self.packed, residual=residual, out=out)
        call: Callable[..., Any] = self
        return partial(call, *args, out=out)


def _stretched(
    node: Node, x: Array, residual: Array, shape: Sequence[int], weight: Sequence[int]
) -> tuple[Array, Array]:
    """Views that repeat what a sum of two shapes repeats by NumPy's rules."""
    whole = np.broadcast_shapes(shape, residual.shape)
    if whole != shape:
        # The sums themselves are repeated: so may be what they are made of, pixel by pixel.
        by_pixels = all(size == 1 for size in weight[2:]) and x.shape[2:] == shape[2:]
        if whole[1] != shape[1] or not (by_pixels or whole[2:] == shape[2:]):
            raise node.error(f"adds shapes {shape} and {residual.shape}, which is not supported")
        pixels = whole[2:] if by_pixels else x.shape[2:]
        x = np.broadcast_to(x, (whole[0], x.shape[1], *pixels))
    return x, np.broadcast_to(residual, whole)


def result_shape(x: Array, weight: Sequence[int], said: dict[str, Any]) -> tuple[int, ...] | None:
    """The shape of a convolution; None where a call will raise."""
    if x.ndim != len(weight):
        return None
    window = {name: said[name] for name in ("stride", "padding", "dilation", "groups")}
    try:
        return convpool.conv_output_shape(x.shape, weight, **window)
    except (TypeError, ValueError):
        return None


def activate(x: Array, activation: Any, out: Array | None = None) -> Array:
    """One of convpool's activations, as the store of a convolution by 1."""
    if activation is None or x.size == 0:
        return x
    one = np.ones((1, 1, 1), x.dtype)
    flat = x.reshape(1, 1, -1)
    result = convpool.conv1d(flat, one, activation=activation)
    return result.reshape(x.shape)


@operator("Affine", domain="convpool", writes=True)
def affine(node: Node) -> Kernel:
    """X scale + shift, a pair for each channel: a depthwise convolution of one tap."""
    scale, shift = node.take(1), node.take(2)
    assert scale is not None and shift is not None
    activation = node.attributes.get("activation")
    packed = {
        spatial: pack_weight(
            scale.reshape(-1, 1, *[1] * spatial), shift, groups=scale.size, activation=activation
        )
        for spatial in (2,)
    }

    def kernel(x: Array, *rest: Any, out: Array | None = None) -> Any:
        if x.ndim == 4:
            return convpool.conv2d(x, packed[2], out=out)
        if x.ndim < 2 or x.shape[1] != scale.size:
            raise ValueError(f"x: got shape {x.shape}, expected {scale.size} channels")
        spread = (-1, *[1] * (x.ndim - 2))
        result = activate(x * scale.reshape(spread) + shift.reshape(spread), activation)
        if out is None:
            return result
        out[...] = result
        return out

    return kernel


@operator("ConvTranspose", writes=True)
def transposed(node: Node) -> Kernel:
    """Blocks side by side where they do not overlap, else convpool's conv_transpose functions."""
    weight, bias = node.known.get(1), node.known.get(2)
    if weight is not None and (bias is not None or not node.has(2)) and _is_blocks(node, weight):
        node.take(1)
        node.take(2)
        return _blocks(node, weight, bias)

    def kernel(x: Array, weight: Array, bias: Array | None = None, out: Array | None = None) -> Any:
        spatial = weight.ndim - 2
        check_kernel(node, weight.shape[2:])
        said = _transposed_terms(node, x.shape[2:], weight.shape[2:])
        run = function(node, "conv_transpose", spatial)
        return run(x, weight, bias, out=out, **said)

    return kernel


def _is_blocks(node: Node, weight: Array) -> bool:
    """Whether each input pixel makes a block of outputs of its own."""
    plain = not any(node.ints("pads") or ()) and not any(node.ints("output_padding") or ())
    return (
        weight.ndim == 4
        and weight.dtype.char in "fde"
        and plain
        and node.ints("output_shape") is None
        and node.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
        and node.get("group", 1) == 1
        and list(weight.shape[2:]) == node.ints("strides")
        and set(node.ints("dilations") or [1]) == {1}
    )


def _blocks(node: Node, weight: Array, bias: Array | None) -> Kernel:
    """A convolution by 1 makes the pixels of each block as channels."""
    check_kernel(node, weight.shape[2:])
    channels, outputs, height, width = weight.shape
    area = height * width
    packed = pack_weight(
        np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(area * outputs, channels, 1, 1),
        None if bias is None else np.tile(bias, area),
        activation=node.attributes.get("activation"),
    )

    def kernel(x: Array, *rest: Any, out: Array | None = None) -> Any:
        n, _, h, w = x.shape
        parts = convpool.conv2d(x, packed).reshape(n, height, width, outputs, h, w)
        if out is None:
            out = np.empty((n, outputs, h * height, w * width), x.dtype)
        for i in range(height):
            for j in range(width):
                out[:, :, i::height, j::width] = parts[:, i, j]
        return out

    return kernel


def _transposed_terms(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> dict[str, Any]:
    """Pads follow from a result's size where the model says that instead."""
    spatial = len(sizes)
    stride = per_axis(node, "strides", spatial)
    dilation = per_axis(node, "dilations", spatial)
    extra = per_axis(node, "output_padding", spatial, 0)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    full = [s * (n - 1) + e + r for s, n, e, r in zip(stride, sizes, extra, reach, strict=True)]
    rule, wanted = node.get("auto_pad", "NOTSET"), node.ints("output_shape")
    if wanted is not None:
        wanted = wanted[-spatial:]
    elif rule in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(sizes, stride, strict=True)]
    if wanted is None:
        pads = padding(node, spatial)
        pads = ((0, 0),) * spatial if isinstance(pads, str) else pads
    else:
        cut = [max(have - want, 0) for have, want in zip(full, wanted, strict=True)]
        first = [t // 2 if rule == "SAME_UPPER" else t - t // 2 for t in cut]
        pads = tuple((a, t - a) for a, t in zip(first, cut, strict=True))
        extra = tuple(
            e + max(want - have, 0) for e, want, have in zip(extra, wanted, full, strict=True)
        )
    return {
        "stride": stride,
        "padding": pads,
        "output_padding": extra,
        "dilation": dilation,
        "groups": node.get("group", 1),
    }
