from typing import Any, SupportsIndex

from numpy.typing import NDArray

def filter_image(
    x: NDArray[Any],
    out: NDArray[Any],
    *,
    dtype: int,
    arithmetic: int,
    taps: NDArray[Any],
    weight: NDArray[Any],
    along: NDArray[Any] | None,
    before: tuple[int, int],
    border: int,
    border_value: float,
    doubt: float,
    levels: int,
    whole: Any,
    num_threads: SupportsIndex | None,
) -> None: ...
