"""The layers to measure: read from shapes.toml, counted, and filled with numbers."""

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Array = NDArray[Any]
SHAPES = Path(__file__).with_name("shapes.toml")


class Operands(NamedTuple):
    """What one layer is computed from; a pool and a filter have no bias, a pool no weight."""

    x: Array
    weight: Array
    bias: Array


@dataclass(frozen=True)
class Layer:
    """One entry of shapes.toml, whose head explains the fields."""

    network: str
    layer: str
    op: str
    x: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    ceil_mode: bool = False
    dtype: str = "float32"
    values: str = "random"
    smoke: bool = False

    @property
    def name(self) -> str:
        return f"{self.network}: {self.layer}"

    @property
    def is_pool(self) -> bool:
        return self.op.endswith("_pool2d")

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weight[-2], self.weight[-1]

    @property
    def output(self) -> tuple[int, ...]:
        if self.op == "filter2d":
            return self.x
        sizes = []
        for size, kernel, stride, padding in zip(
            self.x[2:], self.kernel, self.stride, self.padding, strict=True
        ):
            span = size + 2 * padding - kernel
            steps = -(-span // stride) if self.ceil_mode else span // stride
            # A window that would begin in the padding after the image is left out.
            sizes.append(steps + 1 - (self.ceil_mode and steps * stride >= size + padding))
        channels = self.x[1] if self.is_pool else self.weight[0]
        return (self.x[0], channels, *sizes)

    @property
    def flop(self) -> int:
        """Multiplications and additions of the definition; 0 for pools, which are bound by memory.

        Whatever algorithm a library uses, it is credited with these, so that rates compare.
        """
        if self.is_pool:
            return 0
        terms = math.prod(self.weight if self.op == "filter2d" else self.weight[1:])
        return 2 * math.prod(self.output) * terms

    @property
    def traffic(self) -> int:
        """Bytes of input, weight and output, each touched once."""
        size = np.dtype(self.dtype).itemsize
        weight = 0 if self.is_pool else math.prod(self.weight)
        return size * (math.prod(self.x) + math.prod(self.output) + weight)

    def operands(self) -> Operands:
        """Random operands, the same ones in every run."""
        random = np.random.default_rng(0)
        if self.op == "filter2d":
            return Operands(self._image(random), self._filter(random), np.zeros(0, np.float32))
        x = random.standard_normal(self.x, np.float32)
        if self.is_pool:
            return Operands(x, np.zeros(0, np.float32), np.zeros(0, np.float32))
        scale = np.float32(math.prod(self.weight[1:]) ** -0.5)
        weight = random.standard_normal(self.weight, np.float32) * scale
        return Operands(x, weight, random.standard_normal(self.weight[0], np.float32))

    def _image(self, random: np.random.Generator) -> Array:
        if self.dtype == "uint8":
            return random.integers(0, 256, self.x, np.uint8)
        return random.random(self.x, np.float32)

    def _filter(self, random: np.random.Generator) -> Array:
        """Weights that sum to 1, so that no result leaves the range of uint8."""
        if self.values == "gaussian":
            height, width = map(gaussian, self.kernel)
            return height[:, np.newaxis] * width
        weight: Array = random.random(self.weight, np.float32)
        weight /= weight.sum()
        return weight


def gaussian(length: int) -> Array:
    """One factor of a Gaussian kernel, three standard deviations to either side."""
    weights: Array = np.exp(-0.5 * np.linspace(-3, 3, length) ** 2)
    weights /= weights.sum()
    return weights.astype(np.float32)


def load(path: Path = SHAPES) -> list[Layer]:
    """All layers of a file, in its order."""
    with path.open("rb") as file:
        tables = tomllib.load(file)["layers"]
    layers = [Layer(**{key: _frozen(value) for key, value in table.items()}) for table in tables]
    return [
        replace(layer, stride=_pair(layer.stride), padding=_pair(layer.padding)) for layer in layers
    ]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
