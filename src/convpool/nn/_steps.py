"""How a network runs: layers joined into fewer steps, with weights prepared once.

    Conv2d  [BatchNorm2d]  [activation]   one convolution; the norm goes into weight and bias
    Linear  [activation]                  one convolution of 1 x 1
    Residual  [activation]                the sum and the activation go into its last convolution
    Concat  [activation]                  the activation goes into the branches, and these write
                                          where the result wants them
    Sequential                            its layers in place of it
    Dropout                               nothing

A step prepares its weights when it first meets a type, and again once they have been set. Arrays of
layers are never written to, so that they are read where they are.
"""

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from .._arguments import Array
from ..functional import conv1d, conv2d
from ..packed import PackedWeight
from ._geometry import Shape, Signal
from ._layer import Layer
from .containers import Concat, Residual, Sequential
from .convolution import Conv2d, Linear
from .normalisation import BatchNorm2d
from .pointwise import Activation, Dropout

Threads = SupportsIndex | None


class Step:
    """Part of a network that runs as one."""

    def __call__(self, x: Array, out: Array | None, num_threads: Threads) -> Array:
        """The answer, in `out` if there is one."""
        raise NotImplementedError


def run(steps: Sequence[Step], x: Array, out: Array | None, num_threads: Threads) -> Array:
    """One step after the other; the last one writes to `out`."""
    if not steps:
        if out is None:
            return x.copy()
        out[...] = x
        return out
    for step in steps[:-1]:
        x = step(x, None, num_threads)
    return steps[-1](x, out, num_threads)


def steps_of(layers: Sequence[Layer]) -> list[Step]:
    """The fewest steps for layers that follow one another."""
    ahead = _opened(layers)[::-1]  # what comes next stands last
    steps: list[Step] = []
    while ahead:
        layer = ahead.pop()
        if isinstance(layer, Conv2d):
            norm = ahead.pop() if ahead and isinstance(ahead[-1], BatchNorm2d) else None
            steps.append(Convolution(layer, norm, _activation(ahead)))
        elif isinstance(layer, Linear):
            steps.append(Product(layer, _activation(ahead)))
        elif isinstance(layer, Concat):
            steps.append(Fork(layer, _activation(ahead)))
        elif isinstance(layer, Residual):
            after = layer.activation or _activation(ahead)
            steps.append(Sum(layer, after))
        else:
            steps.append(Plain(layer))
    return steps


def _opened(layers: Sequence[Layer]) -> list[Layer]:
    """Without what only groups others, or does nothing."""
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Sequential):
            found += _opened([child for _, child in layer.children])
        elif not isinstance(layer, Dropout):
            found.append(layer)
    return found


def _activation(ahead: list[Layer]) -> Activation | None:
    """The activation that comes next, taken."""
    if ahead and isinstance(ahead[-1], Activation):
        taken = ahead.pop()
        assert isinstance(taken, Activation)
        return taken
    return None


def _function(activation: Activation | None) -> str | None:
    """What `convpool.conv2d` calls it."""
    return None if activation is None else activation.function


class Plain(Step):
    """A layer as it is."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(self, x: Array, out: Array | None, num_threads: Threads) -> Array:
        """Compute it."""
        return self.layer._compute(x, out, num_threads)


class Prepared(Step):
    """A step with weights."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        # What was prepared for each type, and from what: replaced together, for other threads.
        self.ready: tuple[list[Any], dict[str, PackedWeight]] = [], {}

    def weight(self, dtype: "np.dtype[Any]") -> PackedWeight:
        """What was prepared, as long as its arrays are those that are set now."""
        sources = [
            source
            for layer in self.layers
            for source in (layer._seed, *map(layer._arrays.get, layer.array_shapes))
        ]
        ready = self.ready
        if not ready[0] or any(map(_differ, sources, ready[0])):
            ready = self.ready = sources, {}
        packed = ready[1].get(dtype.char)
        if packed is None:
            packed = ready[1][dtype.char] = self.prepare(dtype)
        return packed

    def prepare(self, dtype: "np.dtype[Any]") -> PackedWeight:
        """The weights for inputs of one type."""
        raise NotImplementedError


def _differ(now: object, then: object) -> bool:
    return now is not then


class Convolution(Prepared):
    """A convolution with the norm and the activation that follow it, and perhaps a sum between."""

    def __init__(self, layer: Conv2d, norm: Layer | None, activation: Activation | None) -> None:
        super().__init__([layer] if norm is None else [layer, norm])
        self.layer, self.norm, self.activation = layer, norm, activation

    def prepare(self, dtype: "np.dtype[Any]") -> PackedWeight:
        """The norm's scale times the weight, and what that makes of the biases."""
        layer = self.layer
        weight = layer.weight
        bias = layer.bias if "bias" in layer.array_shapes else None
        if isinstance(self.norm, BatchNorm2d):
            scale, shift = self.norm.scale_and_shift()
            weight = weight * scale[:, None, None, None]
            bias = shift if bias is None else bias * scale + shift
        windows = layer.windows
        return PackedWeight(
            weight.astype(dtype, copy=False),
            None if bias is None else bias.astype(dtype, copy=False),
            windows.stride, windows.padding, windows.dilation, layer.groups, layer.padding_mode,
            0.0, False, _function(self.activation), "NCHW", layer.algorithm, None, True,
        )  # fmt: skip

    def __call__(
        self, x: Array, out: Array | None, num_threads: Threads, residual: Array | None = None
    ) -> Array:
        """Convolve."""
        packed = self.weight(x.dtype)
        return conv2d(x, packed, residual=residual, out=out, num_threads=num_threads)


class Product(Prepared):
    """A fully connected layer: each row of inputs is a pixel of a long signal."""

    def __init__(self, layer: Linear, activation: Activation | None) -> None:
        super().__init__([layer])
        self.layer, self.activation = layer, activation

    def prepare(self, dtype: "np.dtype[Any]") -> PackedWeight:
        """The matrix as kernels of one pixel."""
        bias = self.layer.bias if "bias" in self.layer.array_shapes else None
        return PackedWeight(
            self.layer.weight.astype(dtype, copy=False)[:, :, None],
            None if bias is None else bias.astype(dtype, copy=False),
            1, 0, 1, 1, "zeros", 0.0, False, _function(self.activation), "NWC", "auto", None, True,
        )  # fmt: skip

    def __call__(self, x: Array, out: Array | None, num_threads: Threads) -> Array:
        """Multiply."""
        packed = self.weight(x.dtype)
        if not len(x):
            return np.empty((0, self.layer.out_features), x.dtype) if out is None else out
        into = None if out is None else out[None]
        result: Array = conv1d(x[None], packed, layout="NWC", out=into, num_threads=num_threads)[0]
        return result


class Fork(Step):
    """Branches that write side by side into one array."""

    def __init__(self, layer: Concat, activation: Activation | None) -> None:
        self.layers = [child for _, child in layer.children]
        after = [] if activation is None else [activation]
        self.branches = [steps_of([child, *after]) for child in self.layers]
        self.fitted: tuple[Shape, list[Shape]] = ((), [])

    def shapes(self, shape: Shape) -> list[Shape]:
        """What the branches make of one example."""
        fitted = self.fitted
        if fitted[0] != shape:
            ends = [layer._visit(Signal(shape), "", []).shape for layer in self.layers]
            fitted = self.fitted = shape, ends
        return fitted[1]

    def __call__(self, x: Array, out: Array | None, num_threads: Threads) -> Array:
        """Run the branches."""
        shapes = self.shapes(x.shape[1:])
        if out is None:
            channels = sum(shape[0] for shape in shapes)
            out = np.empty((len(x), channels, *shapes[0][1:]), x.dtype)
        first = 0
        for branch, shape in zip(self.branches, shapes, strict=True):
            run(branch, x, out[:, first : first + shape[0]], num_threads)
            first += shape[0]
        return out


class Sum(Step):
    """A body, and its input added by its last convolution if it ends in one."""

    def __init__(self, layer: Residual, activation: Activation | None) -> None:
        self.body = steps_of([layer.body])
        self.shortcut = None if layer.shortcut is None else steps_of([layer.shortcut])
        self.activation = activation
        self.last: Convolution | None = None
        last = self.body[-1] if self.body else None
        if isinstance(last, Convolution) and last.activation is None:
            self.body.pop()
            self.last = Convolution(last.layer, last.norm, activation)

    def __call__(self, x: Array, out: Array | None, num_threads: Threads) -> Array:
        """Run the body, then the sum."""
        beside = x if self.shortcut is None else run(self.shortcut, x, None, num_threads)
        if self.last is not None:
            inside = x
            for step in self.body:
                inside = step(inside, None, num_threads)
            return self.last(inside, out, num_threads, beside)
        total: Array = run(self.body, x, None, num_threads)
        total = np.add(total, beside, out=out)
        return total if self.activation is None else self.activation._compute(total, total, None)
