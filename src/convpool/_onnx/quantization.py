"""Operators of quantized numbers: `convpool.quantized`, and NumPy for types that it does not have.

Those are of four bits or fewer, and floats of eight. Products of more than two axes, or with a
scale for each row, are NumPy's too.
"""

from typing import Any

import numpy as np

from .. import quantized
from ..quantized import along
from .convolution import check_kernel, function, terms
from .model import Array, Node
from .operators import Kernel, operator, type_of

WHOLE = "BbHh"  # what quantized.quantize makes


def _limits(node: Node, kind: np.dtype[Any]) -> tuple[float, float, bool]:
    """The least and the largest number of a type, and whether it has whole ones alone."""
    try:
        import ml_dtypes
    except ImportError:
        raise node.error(f"{kind} is not supported without ml_dtypes") from None
    info: Any = ml_dtypes.iinfo if "int" in kind.name else ml_dtypes.finfo
    return float(info(kind).min), float(info(kind).max), "int" in kind.name


def _type(node: Node, default: np.dtype[Any]) -> np.dtype[Any]:
    """What attribute output_dtype says, else a default."""
    said = node.get("output_dtype", 0)
    return type_of(node, "output_dtype", said) if said else default


def _place(node: Node, rank: int) -> tuple[int, int | None]:
    """Along which axis scales differ, and how many numbers share one."""
    axis, block = node.get("axis", 1), node.get("block_size", 0)
    if block < 0:
        raise node.error(f"block_size: got {block}, expected an int from 0")
    return (axis % rank if -rank <= axis < rank else 0), block or None


@operator("QuantizeLinear")
def quantize(node: Node) -> Kernel:
    """Numbers over a scale, rounded or narrowed, and saturated."""

    def kernel(x: Array, scale: Array, zero_point: Array | None = None) -> Array:
        kind = _type(node, np.dtype(np.uint8)) if zero_point is None else zero_point.dtype
        axis, block = _place(node, x.ndim)
        x = x if x.dtype.char in "fd" else x.astype(np.float32)
        if kind.char in WHOLE:
            zero = kind.type(0) if zero_point is None else zero_point
            return quantized.quantize(x, scale, zero, axis=axis, block_size=block)
        least, largest, whole = _limits(node, kind)
        steps = x / along("scale", scale.astype(np.float32), x.shape, axis, block)
        if whole:
            steps = np.rint(steps)
        if zero_point is not None:
            zeros = zero_point.astype(np.float32)
            steps = steps + along("zero_point", zeros, x.shape, axis, block)
        if whole or node.get("saturate", 1):
            steps = np.clip(steps, least, largest)
        return np.asarray(steps).astype(np.int8 if whole else np.float32).astype(kind)

    return kernel


@operator("DequantizeLinear")
def dequantize(node: Node) -> Kernel:
    """Differences from a zero point, times a scale; of the scale's type."""

    def kernel(x: Array, scale: Array, zero_point: Array | None = None) -> Array:
        axis, block = _place(node, x.ndim)
        kind = _type(node, scale.dtype)
        if x.dtype.char in WHOLE + "i":
            zero = 0 if zero_point is None else zero_point
            result = quantized.dequantize(x, scale, zero, axis=axis, block_size=block)
            return result.astype(kind, copy=False)
        steps = x.astype(np.float32)
        if zero_point is not None:
            zeros = zero_point.astype(np.float32)
            steps = steps - along("zero_point", zeros, x.shape, axis, block)
        scales = along("scale", scale.astype(np.float32), x.shape, axis, block)
        return np.asarray(steps * scales).astype(kind)

    return kernel


@operator("DynamicQuantizeLinear")
def quantize_dynamically(node: Node) -> Kernel:
    """To bytes, by the scale and the zero point that x's range takes."""

    def kernel(x: Array) -> tuple[Array, Array, Array]:
        low, high = (float(end(x, initial=0)) for end in (np.min, np.max))
        scale = np.float32((high - low) / 255) or np.float32(1)
        zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
        return quantized.quantize(x, scale, zero), np.array(scale), np.array(zero)

    return kernel


def _or_zero(zero_point: Array | None) -> Any:
    return 0 if zero_point is None else zero_point


@operator("ConvInteger")
def convolution_sums(node: Node) -> Kernel:
    """Exact sums of products of bytes."""

    def kernel(
        x: Array, weight: Array, x_zero: Array | None = None, weight_zero: Array | None = None
    ) -> Any:
        spatial = weight.ndim - 2
        check_kernel(node, weight.shape[2:])
        run = function(node, "conv_integer", spatial, quantized)
        return run(x, weight, _or_zero(x_zero), weight_zero, **terms(node, spatial))

    return kernel


@operator("QLinearConv")
def convolution(node: Node) -> Kernel:
    """From bytes to bytes; the weight is packed where it is known."""
    weight = node.known.get(3)
    known = all(i in node.known for i in (4, 5)) and (8 in node.known or not node.has(8))
    if weight is not None and known:
        spatial = weight.ndim - 2
        run = function(node, "conv", spatial, quantized)
        check_kernel(node, weight.shape[2:])
        packed = quantized.pack_weight(
            weight,
            node.known.get(8),
            weight_scale=node.known[4],
            weight_zero_point=node.known[5],
            **terms(node, spatial),
        )
        for position in (3, 4, 5, 8):
            node.take(position)

        def by_packed(
            x: Array, x_scale: Array, x_zero: Array, w: None, w_scale: None, w_zero: None,
            scale: Array, zero: Array, bias: None = None,
        ) -> Any:  # fmt: skip
            return run(x, packed, x_scale=x_scale, x_zero_point=x_zero, out_scale=scale,
                       out_zero_point=zero)  # fmt: skip

        return by_packed

    def kernel(
        x: Array, x_scale: Array, x_zero: Array, w: Array, w_scale: Array, w_zero: Array,
        scale: Array, zero: Array, bias: Array | None = None,
    ) -> Any:  # fmt: skip
        spatial = w.ndim - 2
        check_kernel(node, w.shape[2:])
        return function(node, "conv", spatial, quantized)(
            x, w, bias, x_scale=x_scale, x_zero_point=x_zero, weight_scale=w_scale,
            weight_zero_point=w_zero, out_scale=scale, out_zero_point=zero, **terms(node, spatial),
        )  # fmt: skip

    return kernel


def _is_layer(a: Array, b: Array, *of_rows: Array | None) -> bool:
    """Whether a product is a fully connected layer, with one number of each kind for all rows."""
    plain = all(value is None or value.size == 1 for value in of_rows)
    return plain and b.ndim == 2 and a.ndim > 0 and b.size > 0


def _along_rows(value: Array | None) -> Any:
    """One number a row, as they stand beside a matrix."""
    return 0 if value is None else value[..., None] if value.ndim == 1 else value


@operator("MatMulInteger")
def product_sums(node: Node) -> Kernel:
    """Exact sums of products of bytes."""

    def kernel(a: Array, b: Array, a_zero: Array | None = None, b_zero: Array | None = None) -> Any:
        if _is_layer(a, b, a_zero):
            return quantized.linear_integer(a, b.T, _or_zero(a_zero), b_zero)
        return _exact(a, _along_rows(a_zero), b, _or_zero(b_zero)).astype(np.int32)

    return kernel


def _exact(a: Array, a_zero: Any, b: Array, b_zero: Any) -> Array:
    a, a_zero, b, b_zero = (np.asarray(n).astype(np.int64) for n in (a, a_zero, b, b_zero))
    return np.asarray((a - a_zero) @ (b - b_zero))


@operator("QLinearMatMul")
def product(node: Node) -> Kernel:
    """From bytes to bytes, by `quantized.linear` or as it rounds."""

    def kernel(
        a: Array, a_scale: Array, a_zero: Array, b: Array, b_scale: Array, b_zero: Array,
        scale: Array, zero: Array,
    ) -> Any:  # fmt: skip
        if _is_layer(a, b, a_scale, a_zero, scale, zero):
            return quantized.linear(
                a, b.T, x_scale=a_scale, x_zero_point=a_zero, weight_scale=b_scale,
                weight_zero_point=b_zero, out_scale=scale, out_zero_point=zero,
            )  # fmt: skip
        sums = _exact(a, _along_rows(a_zero), b, b_zero)
        a_scale, b_scale, scale = (s.astype(np.float32) for s in (a_scale, b_scale, scale))
        factor = _along_rows(a_scale) * b_scale / _along_rows(scale)
        steps = np.rint(sums * factor.astype(np.float64) + _along_rows(zero))
        limits = np.iinfo(zero.dtype)
        return np.clip(steps, limits.min, limits.max).astype(zero.dtype)

    return kernel
