"""CNN convolution and pooling for NumPy arrays."""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import filters, grad
from ._config import get_config, get_include
from ._onnx import load_onnx
from ._threads import __version__, get_num_threads, num_threads, set_num_threads
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
from .shapes import conv_output_shape
from .transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "PackedWeight",
    "__version__",
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
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "filter2d",
    "filters",
    "get_config",
    "get_include",
    "get_num_threads",
    "global_avg_pool",
    "global_max_pool",
    "grad",
    "linear",
    "load_onnx",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "models",
    "nn",
    "num_threads",
    "pack_weight",
    "pool_output_shape",
    "quantized",
    "set_num_threads",
]


def __getattr__(name: str) -> _ModuleType:
    """Import what few programs need when it is first asked for."""
    if name in ("dask", "models", "nn", "plot", "quantized"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
