import numpy as np
from numpy.typing import NDArray

from ._arguments import Array

class Weight:
    bias: NDArray[np.int32] | None
    scales: NDArray[np.float32] | None
    shape: tuple[int, ...]
    def __new__(
        cls,
        weight: Array,
        bias: Array | None,
        zero_points: Array,
        scales: Array | None,
        stride: object,
        padding: object,
        dilation: object,
        groups: object,
        layout: object,
        prepare: bool,
        num_threads: object,
    ) -> Weight: ...

def convolve(
    weight: Weight,
    x: Array,
    zero_point: int,
    factors: Array | None,
    dtype: np.dtype[np.int32] | np.dtype[np.uint8] | np.dtype[np.int8],
    out_zero_point: float,
    bounds: tuple[float, float],
    out: object,
    num_threads: object,
) -> Array: ...
def multipliers(
    weight: Weight, x_scale: np.float32, out_scale: np.float32
) -> NDArray[np.float32] | None: ...
