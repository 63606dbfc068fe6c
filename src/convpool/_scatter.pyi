from typing import Any, SupportsIndex

from numpy.typing import NDArray

def scatter(
    value: NDArray[Any],
    index: NDArray[Any],
    target: NDArray[Any],
    batch: int,
    channels: int,
    cells: int,
    places: int,
    last: bool,
    adds: bool,
    num_threads: SupportsIndex | None,
) -> None: ...
def gather(
    source: NDArray[Any],
    index: NDArray[Any],
    result: NDArray[Any],
    batch: int,
    channels: int,
    cells: int,
    places: int,
    last: bool,
    num_threads: SupportsIndex | None,
) -> None: ...
def spread(
    value: NDArray[Any],
    target: NDArray[Any],
    batch: int,
    channels: int,
    sizes: NDArray[Any],
    begins: NDArray[Any],
    taps: NDArray[Any],
    divisors: NDArray[Any],
    last: bool,
    num_threads: SupportsIndex | None,
) -> None: ...
