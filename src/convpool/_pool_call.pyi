from typing import Any, SupportsIndex

from numpy.typing import ArrayLike, NDArray

def pool(
    spatial: int,
    x: ArrayLike,
    kernel_size: object,
    stride: object,
    padding: object,
    dilation: object,
    ceil_mode: object,
    layout: object,
    out: NDArray[Any] | None,
    num_threads: SupportsIndex | None,
    average: bool,
    include_padding: object,
    divisor_override: object,
    return_indices: object,
) -> Any: ...
def adaptive_pool(
    spatial: int,
    x: ArrayLike,
    output_size: object,
    layout: object,
    out: NDArray[Any] | None,
    num_threads: SupportsIndex | None,
    average: bool,
    return_indices: object,
) -> Any: ...
def pool_axes(
    spatial: int,
    shape: tuple[int, ...],
    kernel_size: object,
    stride: object,
    padding: object,
    dilation: object,
    ceil_mode: object,
    layout: object,
) -> tuple[tuple[int, ...], list[dict[str, int]]]: ...
