"""Pooling by p-norms: powers, a sum by the driver of averages, and a root."""

import math
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _pool_call
from ._arguments import (
    Array,
    channels_last,
    float_array,
    layout_of,
    output_array,
    padding_form,
    per_axis,
    real,
    shown,
    truth,
)
from ._threads import asked_threads

# kernel_size, stride, padding, dilation, ceil_mode, layout
WindowArguments = tuple[Any, Any, Any, Any, Any, Any]


def settled_windows(spatial: int, windows: WindowArguments) -> WindowArguments:
    """The same in exact ints and names, which say the same whenever they are asked."""
    kernel_size, stride, padding, dilation, ceil_mode, layout = windows
    return (
        per_axis("kernel_size", kernel_size, spatial, 1),
        None if stride is None else per_axis("stride", stride, spatial, 1),
        padding_form(padding, spatial),
        per_axis("dilation", dilation, spatial, 1),
        truth("ceil_mode", ceil_mode),
        layout_of(spatial, channels_last(layout, spatial)),
    )


def positive_norm(norm_type: object) -> float:
    """The p of a norm."""
    p = real("norm_type", norm_type)
    if not p > 0:
        raise ValueError(f"norm_type: got {shown(norm_type)}, expected a number above 0")
    return p


def power(base: Array, p: float) -> Array:
    """base^p; by a few multiplications where that is exact enough, and many times faster."""
    if p not in (1, 2, 3, 4):
        return np.power(base, p)
    square = base * base if p > 1 else base
    return square * base if p == 3 else square * square if p == 4 else square


def root(power: Array, p: float) -> Array:
    """power^(1/p)."""
    if p == 1:
        return power
    return np.sqrt(power) if p == 2 else np.cbrt(power) if p == 3 else np.power(power, 1 / p)


def norms(
    spatial: int, x: Array, p: float, windows: WindowArguments, num_threads: SupportsIndex | None
) -> Array:
    """The norm of each window in float64."""
    with np.errstate(all="ignore"):
        magnitude = np.abs(x).astype(np.float64, copy=False)
        if p == math.inf:
            largest: Array = _pool_call.pool(
                spatial, magnitude, *windows, None, num_threads, False, False, None, False
            )
            return np.maximum(largest, 0)  # where a dilated window meets nothing
        powers = power(magnitude, p)
        sums: Array = _pool_call.pool(
            spatial, powers, *windows, None, num_threads, True, False, 1, False
        )
        return root(sums, p)


def lp_pool(
    spatial: int,
    x: ArrayLike,
    norm_type: object,
    kernel_size: object,
    stride: object,
    padding: object,
    dilation: object,
    ceil_mode: object,
    layout: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """lp_pool1d, lp_pool2d and lp_pool3d."""
    p = positive_norm(norm_type)
    windows = settled_windows(spatial, (kernel_size, stride, padding, dilation, ceil_mode, layout))
    num_threads = asked_threads(num_threads)
    given = float_array("x", x)
    y = norms(spatial, given, p, windows, num_threads)
    if out is not None:
        output_array(out, y.shape, given.dtype, ())
    with np.errstate(all="ignore"):
        if out is None:
            return y.astype(given.dtype, copy=False)
        np.copyto(np.asarray(out), y, casting="same_kind")
    return out
