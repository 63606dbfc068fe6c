"""The demonstration: filters on a photograph, then a small stack of layers, timed and drawn.

for each kernel of the bank:  picture = filter2d(photo, kernel)
maps = conv2d(photo, eight kernels of 3x3x3) -> ReLU -> max_pool2d
all of it on one contact sheet
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import filters
from .filtering import filter2d
from .functional import conv2d
from .pooling import max_pool2d

Array = NDArray[Any]

# Kernels whose results lie around 0, and how strongly those are drawn around middle grey.
SIGNED = {"sobel_x": 0.5, "sobel_y": 0.5, "laplacian": 2.0}
SETTINGS: dict[str, dict[str, Any]] = {"box_blur": {"size": 9}, "gaussian": {"sigma": 3.0}}


@dataclass
class Step:
    """One step of the demonstration, and what there is to show of it."""

    name: str
    kernel: Array | None
    picture: Array  # uint8, (height, width) or (height, width, 3)
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    seconds: float  # the best of a few calls


def _timed(call: Callable[[], Array], repeats: int = 5) -> tuple[Array, float]:
    best = float("inf")
    result = call()
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return result, best


def filter_steps(photo: Array) -> list[Step]:
    """Run every kernel of the bank over the photograph."""
    steps = []
    for name in filters.BANK:
        kernel = filters.get(name, **SETTINGS.get(name, {}))
        source = photo.astype(np.float32) if name in SIGNED else photo

        def call(source: Array = source, kernel: Array = kernel) -> Array:
            return filter2d(source, kernel)

        result, seconds = _timed(call)
        if name in SIGNED:
            result = np.clip(np.rint(128 + SIGNED[name] * result), 0, 255).astype(np.uint8)
        steps.append(Step(name, kernel, result, photo.shape, result.shape, kernel.size, seconds))
    return steps


def layer_weights() -> Array:
    """Eight kernels of 3x3 over red, green and blue, made by hand.

    Edges in four directions, spots, and red, green and blue against the other two: what the first
    layer of a trained network tends to learn.
    """
    x, y = filters.sobel_x() / 4, filters.sobel_y() / 4
    grey = np.ones(3) / 3
    edges = [x, y, (x + y) / 2, (x - y) / 2, filters.outline() / 8]
    weights = [grey[:, None, None] * edge for edge in edges]
    for colour in range(3):
        against = np.full(3, -0.5)
        against[colour] = 1
        weights.append(against[:, None, None] * filters.gaussian(0.8, 3))
    return np.array(weights, np.float32)


def stack_steps(photo: Array) -> list[Step]:
    """Run convolution -> ReLU -> max pooling on the photograph as a tensor of batch 1."""
    x = np.ascontiguousarray(photo.transpose(2, 0, 1)[None], np.float32) / 255
    weights = layer_weights()
    convolved, conv_seconds = _timed(
        lambda: conv2d(x, weights, padding="same", padding_mode="replicate")
    )
    maps, relu_seconds = _timed(
        lambda: conv2d(x, weights, padding="same", padding_mode="replicate", activation="relu")
    )
    pooled, pool_seconds = _timed(lambda: np.asarray(max_pool2d(maps, 2)))

    def drawn(array: Array, number: int) -> Array:
        plane: Array = array[0, number]
        # The few largest values would leave the rest in the dark.
        shown = plane / max(float(np.quantile(np.abs(plane), 0.995)), 1e-6)
        bright = 128 + 127 * shown if array is convolved else 255 * shown
        picture: Array = np.clip(bright, 0, 255).astype(np.uint8)
        return picture

    steps = []
    for name, before, after, seconds in (
        ("convolution", x, convolved, conv_seconds),
        ("convolution + ReLU", x, maps, relu_seconds),
        ("max pool 2x2", maps, pooled, pool_seconds),
    ):
        parameters = 0 if after is pooled else weights.size
        for number in range(len(weights)):
            kernel = None if after is pooled else weights[number]
            picture = drawn(after, number)
            steps.append(
                Step(name, kernel, picture, before.shape, after.shape, parameters, seconds)
            )
    return steps
