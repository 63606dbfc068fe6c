"""A layer's arrays: made from a seed when they are asked for, or set, copied and locked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import Array, float_array

if TYPE_CHECKING:
    from ._layer import Layer


def uniform_by_he(shape: tuple[int, ...], seed: tuple[int, ...]) -> Array:
    """Draw weights whose outputs have the variance of their inputs, halved by a ReLU.

    Uniform in ±sqrt(6 / fan_in), float32 (He et al., Delving Deep into Rectifiers, 2015).
    """
    bound = math.sqrt(6 / math.prod(shape[1:]))
    drawn = np.random.default_rng(seed).random(shape, np.float32)
    drawn *= 2 * bound
    drawn -= bound
    return drawn


def locked(array: Array) -> Array:
    """A view of an array that is then written by nobody, whatever is asked of the view."""
    array.flags.writeable = False
    return array.view()


class Parameter:
    """One array of a layer, `layer.weight` for instance.

    What is set is copied and cannot be written to, so that whatever is prepared from it stays
    true. What was never set is drawn anew whenever it is asked for, and takes no memory.
    """

    def __init__(self, trained: bool = True) -> None:
        self.trained = trained

    def __set_name__(self, owner: type[Layer], name: str) -> None:
        """Learn under which name a class has it."""
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type[Layer]) -> Parameter: ...

    @overload
    def __get__(self, layer: Layer, owner: type[Layer]) -> Array: ...

    def __get__(self, layer: Layer | None, owner: type[Layer]) -> Parameter | Array:
        """Return the array, read-only."""
        if layer is None:
            return self
        if self.name not in layer.array_shapes:
            raise AttributeError(f"{type(layer).__name__} was made without {self.name}")
        held = layer._arrays.get(self.name)
        return locked(layer._initial(self.name)) if held is None else held

    def __set__(self, layer: Layer, value: ArrayLike) -> None:
        """Keep a copy."""
        if self.name not in layer.array_shapes:
            raise AttributeError(f"{type(layer).__name__} was made without {self.name}")
        array = float_array(self.name, value)
        shape = layer.array_shapes[self.name]
        if array.shape != shape:
            raise ValueError(f"{self.name}: got shape {array.shape}, expected {shape}")
        sums = np.float64 if array.dtype == np.float64 else np.float32
        layer._arrays[self.name] = locked(np.array(array, sums, order="C"))
