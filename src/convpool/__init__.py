"""CNN convolution and pooling for NumPy arrays."""

from . import filters
from ._config import get_config, get_include
from ._threads import get_num_threads, num_threads, set_num_threads
from .filtering import filter2d
from .functional import conv1d, conv2d, conv3d, linear
from .packed import PackedWeight, pack_weight
from .pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    global_avg_pool,
    global_max_pool,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
    pool_output_shape,
)

__all__ = [
    "PackedWeight",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "filter2d",
    "filters",
    "get_config",
    "get_include",
    "get_num_threads",
    "global_avg_pool",
    "global_max_pool",
    "linear",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "num_threads",
    "pack_weight",
    "pool_output_shape",
    "set_num_threads",
]
