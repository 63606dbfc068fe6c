from typing import Any, SupportsIndex

from numpy.typing import NDArray

def pool(
    x: NDArray[Any],
    out: NDArray[Any],
    indices: NDArray[Any] | None,
    *,
    dtype: int,
    axes: tuple[tuple[int, int, int, int, int, int, int], ...],
    channels_last: bool,
    average: bool,
    include_padding: bool,
    divisor: int,
    num_threads: SupportsIndex | None,
) -> None: ...
