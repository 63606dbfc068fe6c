from typing import Any

from numpy.typing import NDArray

def run(
    spatial: int,
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    result: NDArray[Any],
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    out: tuple[int, ...],
    groups: int,
    last: bool,
    single: bool,
    num_threads: int | None,
) -> None: ...
