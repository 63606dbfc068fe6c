"""Operators that multiply matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..functional import conv1d
from ..packed import PackedWeight, pack_weight
from .model import PIECE, Array, Node
from .operators import Kernel, operator


def packed_rows(
    node: Node, weight: Array, bias: Array | None, activation: Any
) -> list[PackedWeight]:
    """A layer of (out_features, in_features), packed for rows as pixels with channels last.

    In pieces where each would be copied on the way.
    """
    count = len(weight)
    if not weight.flags.aligned and weight.flags.c_contiguous:
        count = max(1, PIECE * count // weight.nbytes)
    pieces = []
    for first in range(0, len(weight), count):
        part = weight[first : first + count]
        own = None if bias is None else bias[first : first + count]
        pieces.append(pack_weight(part[:, :, None], own, layout="NWC", activation=activation))
        node.release(part)
    return pieces


def fits_rows(weight: Array | None) -> bool:
    """Whether there is a fully connected layer in a weight."""
    return (
        weight is not None and weight.ndim == 2 and weight.size > 0 and weight.dtype.char in "fde"
    )


def rows_kernel(pieces: Sequence[PackedWeight]) -> Kernel:
    """A product with a packed weight, for the last axis of x."""
    outputs, features = sum(piece.shape[0] for piece in pieces), pieces[0].shape[1]

    def product(x: Array, out: Array | None = None) -> Array:
        if len(pieces) == 1:
            return conv1d(x, pieces[0], layout="NWC", out=out)
        if out is None:
            out = np.empty((len(x), outputs), x.dtype)
        end = 0
        for piece in pieces:
            first, end = end, end + piece.shape[0]
            conv1d(x, piece, layout="NWC", out=out[:, first:end])
        return out

    def kernel(x: Array, *rest: Any, out: Array | None = None) -> Any:
        if x.ndim == 2 and x.shape[0]:
            return product(x, out)
        if x.ndim == 0 or x.shape[-1] != features:
            raise ValueError(f"x: got shape {x.shape}, expected rows of {features}")
        if x.size == 0:
            result = np.zeros((*x.shape[:-1], outputs), x.dtype)
        elif out is not None and out.flags.c_contiguous:
            product(x.reshape(-1, features), out.reshape(-1, outputs))
            return out
        else:
            result = product(x.reshape(-1, features))
            result = result.reshape(*x.shape[:-1], outputs)
        if out is None:
            return result
        out[...] = result
        return out

    return kernel


@operator("MatMul", writes=True)
def matrix_product(node: Node) -> Kernel:
    """As NumPy's; by a packed weight where the second factor is known."""
    weight, bias = node.known.get(1), node.known.get(2)
    activation = node.attributes.get("activation")
    if fits_rows(weight) and weight is not None:
        packed = packed_rows(node, weight.T, bias, activation)
        node.take(1)
        node.take(2)
        rows = rows_kernel(packed)
        return lambda x, *rest, out=None: rows(x, out=out)
    return lambda a, b, out=None: plain_product(a, b, out)


def plain_product(a: Array, b: Array, out: Array | None = None) -> Any:
    """NumPy's, which takes an out that is contiguous alone."""
    if out is None or a.dtype.kind != "f" or a.ndim < 2 or b.ndim < 2:
        result = np.asarray(np.matmul(a, b))
        if out is None:
            return result
        out[...] = result
        return out
    return np.matmul(a, b, out=out)


@operator("Gemm", writes=True)
def general_product(node: Node) -> Kernel:
    """Alpha A B + beta C, either of A and B transposed."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    left, right = node.get("transA", 0), node.get("transB", 0)
    weight, offset = node.known.get(1), node.known.get(2)
    activation = node.attributes.get("activation")
    if fits_rows(weight) and weight is not None:
        wide = weight if right else weight.T
        row = offset is not None and offset.shape in (wide.shape[:1], (1, wide.shape[0]))
        if row or not node.has(2):
            scaled = wide if alpha == 1 else wide * wide.dtype.type(alpha)
            bias = None
            if offset is not None:
                bias = offset.reshape(-1) * offset.dtype.type(beta)
            rows = rows_kernel(packed_rows(node, scaled, bias, activation))
            node.take(1)
            node.take(2)
            return lambda x, *rest, out=None: rows(x.T if left else x, out=out)

    def kernel(a: Array, b: Array, c: Array | None = None, out: Array | None = None) -> Any:
        result = np.matmul(a.T if left else a, b.T if right else b)
        if alpha != 1:
            result = (result * alpha).astype(a.dtype)
        if c is not None:
            result = result + (c if beta == 1 else (c * beta).astype(a.dtype))
        if out is None:
            return result
        out[...] = result
        return out

    return kernel


@operator("Einsum")
def einsum(node: Node) -> Kernel:
    """Einstein's sums."""
    equation = node.get("equation", "").replace(" ", "")
    return lambda *arrays: np.einsum(equation, *arrays, optimize=len(arrays) > 2)
