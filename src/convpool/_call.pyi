from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Packed:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    said: tuple[object, ...]
    biased: bool
    def __new__(
        cls,
        weight: ArrayLike,
        bias: ArrayLike | None,
        stride: object,
        padding: object,
        dilation: object,
        groups: object,
        padding_mode: object,
        padding_value: object,
        flip: object,
        activation: object,
        layout: object,
        algorithm: object,
        num_threads: SupportsIndex | None,
        shared: bool = ...,
    ) -> Packed: ...

def convolve(
    spatial: int,
    x: ArrayLike,
    weight: ArrayLike | Packed,
    bias: ArrayLike | None,
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
    padding_mode: object,
    padding_value: object,
    flip: object,
    activation: object,
    residual: ArrayLike | None,
    layout: object,
    algorithm: object,
    out: NDArray[Any] | None,
    num_threads: SupportsIndex | None,
) -> NDArray[Any]: ...
def conv_geometry(
    spatial: int,
    x: NDArray[Any],
    weight: NDArray[Any],
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
    layout: object,
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]: ...
def image_geometry(
    spatial: int, x: NDArray[Any], last: bool
) -> tuple[bool, int, tuple[int, ...]]: ...
def linear(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    activation: object,
    num_threads: SupportsIndex | None,
) -> NDArray[Any]: ...
