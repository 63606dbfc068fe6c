"""CNN convolution and pooling for NumPy arrays."""

from . import filters, quantized
from ._config import get_config, get_include
from ._threads import get_num_threads, num_threads, set_num_threads
from .filtering import filter2d
from .functional import avg_pool2d, conv1d, conv2d, conv3d, linear, max_pool2d
from .packed import PackedWeight, pack_weight

__all__ = [
    "PackedWeight",
    "avg_pool2d",
    "conv1d",
    "conv2d",
    "conv3d",
    "filter2d",
    "filters",
    "get_config",
    "get_include",
    "get_num_threads",
    "linear",
    "max_pool2d",
    "num_threads",
    "pack_weight",
    "quantized",
    "set_num_threads",
]
