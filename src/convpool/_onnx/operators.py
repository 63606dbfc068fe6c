"""The table of operators: how a node becomes a kernel, a function from arrays to arrays.

A builder reads the node's attributes once, by the rules of its version of the operator set. The
kernel is called with an array for each input, None for one that is left out or was taken by the
builder, and returns an array, or a tuple of them where the node has several outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from .model import MOST_AXES, NATIVE, Array, Node

Kernel = Callable[..., Any]
Builder = Callable[[Node], Kernel]

EVERY = tuple(range(16))
FAMILIES = (
    "elementwise", "shaping", "indexing", "reductions", "products", "convolution", "pooling",
    "normalization", "resizing", "recurrent", "quantization", "vision", "control",
)  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One entry of the table."""

    build: Builder
    # Inputs whose values, not shapes alone, decide the shape of what comes out.
    shaped_by: tuple[int, ...]
    # Whether the kernel takes out=, for its only output.
    writes: bool
    # Whether out may be an input of the same shape.
    in_place: bool
    # Whether two calls may differ.
    random: bool


TABLE: dict[tuple[str, str], Operator] = {}


def operator(
    *names: str,
    shaped_by: tuple[int, ...] = (),
    writes: bool = False,
    in_place: bool = False,
    random: bool = False,
    domain: str = "",
) -> Callable[[Builder], Builder]:
    """Enter a builder under the names of its operators."""

    def enter(build: Builder) -> Builder:
        for name in names:
            TABLE[domain, name] = Operator(build, shaped_by, writes or in_place, in_place, random)
        return build

    return enter


@cache
def enter_all() -> None:
    """Fill the table."""
    for family in FAMILIES:
        import_module(f".{family}", __package__)


def find(node: Node) -> Operator:
    """The entry of a node's operator."""
    enter_all()
    domain = "" if node.domain in NATIVE else node.domain
    try:
        return TABLE[domain, node.operator]
    except KeyError:
        raise node.error("this operator is not known to convpool") from None


def axis_of(node: Node, axis: int, rank: int) -> int:
    """An axis counted from the first one."""
    if not -rank <= axis < max(rank, 1):
        raise node.error(f"axis: got {axis}, expected one of an array of {rank} axes")
    return axis % rank if rank else 0


def integers(node: Node, name: str, values: Array | None) -> list[int]:
    """A small input that lists whole numbers."""
    if values is None or values.ndim > 1 or values.dtype.kind not in "iu":
        got = "nothing" if values is None else f"{values.dtype} of shape {values.shape}"
        raise node.error(f"{name}: got {got}, expected a list of integers")
    return [int(value) for value in np.atleast_1d(values)]


def axes_of(node: Node, values: Array | None, since: int) -> list[int] | None:
    """Axes: an attribute once, an input since some version."""
    if node.version < since:
        return node.ints("axes")
    return None if values is None else integers(node, "axes", values)


def type_of(node: Node, name: str, code: int) -> np.dtype[Any]:
    """The NumPy type that an attribute names by ONNX's number."""
    from onnx import helper

    try:
        return np.dtype(helper.tensor_dtype_to_np_dtype(code))
    except (KeyError, TypeError, ValueError):
        raise node.error(f"{name}: got {code}, which is no type of ONNX") from None


def allocatable(node: Node, shape: tuple[int, ...], itemsize: int) -> None:
    """Raise where a shape that a model asks for is none, or larger than is reasonable."""
    if len(shape) > MOST_AXES:
        raise node.error(f"shape: got {len(shape)} axes, expected at most {MOST_AXES}")
    size = itemsize
    for extent in shape:
        if extent < 0:
            raise node.error(f"shape: got {shape}, expected sizes from 0")
        size *= extent
    if size > LARGEST_ARRAY:
        raise node.error(f"shape: got {shape}, {size} bytes, expected at most {LARGEST_ARRAY}")


LARGEST_ARRAY = 2**31  # bytes that a model's numbers, not a caller's arrays, may ask for
