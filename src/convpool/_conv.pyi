from typing import Any, SupportsIndex

from numpy.typing import NDArray

class Strips: ...

def convolve(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    residual: NDArray[Any] | None,
    out: NDArray[Any],
    *,
    strips: Strips | None,
    dtype: int,
    weight_dtype: int,
    axes: tuple[tuple[int, int, int, int, int, int, int], ...],
    groups: int,
    channels_last: bool,
    border: int,
    border_value: float,
    activation: int,
    p0: float,
    p1: float,
    num_threads: SupportsIndex | None,
) -> None: ...
