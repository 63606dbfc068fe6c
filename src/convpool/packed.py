"""Weights prepared once for many calls."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from . import _conv
from ._arguments import (
    DTYPES,
    Activation,
    Array,
    Axis,
    IntPerAxis,
    Padding,
    activation_code,
    algorithm_code,
    bias_array,
    border_code,
    channels_last,
    float_array,
    integer,
    packable,
    per_axis,
    shown,
)


def _said_nothing(name: str, value: object, spatial: int) -> bool:
    """Whether a call that does not mention an argument passes this value."""
    defaults: dict[str, Any] = {
        "stride": 1,
        "padding": 0,
        "dilation": 1,
        "groups": 1,
        "padding_mode": "zeros",
        "padding_value": 0.0,
        "flip": False,
        "activation": None,
        "layout": "NC" + "DHW"[3 - spatial :],
        "algorithm": "auto",
    }
    return _same(value, defaults[name])


def _same(a: object, b: object) -> bool:
    """Whether two arguments are written alike; arrays as the lists they stand for."""
    a, b = (value.tolist() if isinstance(value, np.ndarray) else value for value in (a, b))
    return a is b or (type(a) is type(b) and bool(a == b))


def _large_axes(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Axis, ...]:
    """Make up the geometry that a weight is prepared for, its input unknown: 64 outputs."""
    return tuple(
        (63 * step + (taps - 1) * gap + 1, taps, step, gap, 0, 0, 64)
        for taps, step, gap in zip(kernel, stride, dilation, strict=True)
    )


class PackedWeight:
    """A weight with its bias and arguments, laid out as the kernels read it.

    Made by `pack_weight`, taken by `conv1d`, `conv2d` and `conv3d` in place of a weight. It holds
    copies: what happens to the arrays it was made from does not concern it.

    Attributes
    ----------
    shape : tuple of int
        (out_channels, in_channels // groups, *kernel)
    dtype : numpy.dtype
        What x has to have, too.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> convpool.pack_weight(np.ones((4, 3, 5, 5), np.float32), groups=2).shape
    (4, 3, 5, 5)
    """

    __slots__ = ("arguments", "bias", "strips", "weight")

    def __init__(
        self, weight: Array, bias: Array | None, arguments: Mapping[str, Any], strips: _conv.Strips
    ) -> None:
        self.weight = weight
        self.bias = bias
        self.arguments = arguments
        self.strips = strips

    @property
    def shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels // groups, *kernel)."""
        return self.weight.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """What x has to have, too."""
        return self.weight.dtype

    def __repr__(self) -> str:
        """Shape, type and what was said of its use."""
        said = "".join(
            f", {name}={value!r}"
            for name, value in self.arguments.items()
            if not _said_nothing(name, value, self.weight.ndim - 2)
        )
        bias = "" if self.bias is None else " with bias"
        return f"<PackedWeight {self.shape} {self.dtype}{bias}{said}>"

    def settle(self, spatial: int, bias: object, **call: Any) -> tuple[Any, ...]:
        """Return the bias and arguments of a call: those packed, which it may only repeat."""
        if self.weight.ndim != spatial + 2:
            raise ValueError(
                f"weight: got one packed for {self.weight.ndim - 2} spatial axes, "
                f"expected {spatial}"
            )
        if bias is not None:
            raise ValueError("bias: got one beside a packed weight, expected it in pack_weight")
        for name, value in call.items():
            packed = self.arguments[name]
            if not (_said_nothing(name, value, spatial) or _same(value, packed)):
                raise ValueError(f"{name}: got {shown(value)}, expected {shown(packed)} as packed")
        return (self.bias, *(self.arguments[name] for name in call))


def pack_weight(
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    padding_mode: str = "zeros",
    padding_value: float = 0.0,
    flip: bool = False,
    activation: Activation = None,
    layout: str | None = None,
    algorithm: str = "auto",
    num_threads: SupportsIndex | None = None,
) -> PackedWeight:
    """Prepare a weight once for many convolutions.

    Parameters
    ----------
    weight : array_like, (out_channels, in_channels // groups, *kernel)
        With one to three kernel axes, as `conv1d`, `conv2d` or `conv3d` take it.
    bias : array_like, (out_channels,), optional
        Of weight's type.
    stride, padding, dilation, groups, padding_mode, padding_value, flip, activation
        As in `conv2d`. A call with the result uses these; it may repeat them, but not say others.
    layout : str, optional
        "NCHW" or "NHWC" for images, likewise for signals and volumes; channels first if not given.
    algorithm : {"auto", "direct", "winograd"}
        As in `conv2d`.
    num_threads : int, optional
        For packing.

    Returns
    -------
    PackedWeight

    Raises
    ------
    TypeError, ValueError
        As in `conv2d`.
    MemoryError
        If the packed weight does not fit.

    Examples
    --------
    >>> import numpy as np, convpool
    >>> weight = np.ones((4, 3, 5, 5), np.float32)
    >>> packed = convpool.pack_weight(weight, stride=2, padding="same", activation="relu")
    >>> packed
    <PackedWeight (4, 3, 5, 5) float32, stride=2, padding='same', activation='relu'>
    >>> convpool.conv2d(np.ones((1, 3, 32, 32), np.float32), packed).shape
    (1, 4, 16, 16)
    """
    kernels = float_array("weight", weight)
    if kernels.ndim not in (3, 4, 5) or 0 in kernels.shape:
        raise ValueError(
            f"weight: got shape {kernels.shape}, expected 3 to 5 axes of at least 1: "
            "(out_channels, in_channels // groups, *kernel)"
        )
    spatial = kernels.ndim - 2
    if layout is None:
        layout = "NC" + "DHW"[3 - spatial :]
    last = channels_last(layout, spatial)
    group_count = integer("groups", groups, 1)
    if kernels.shape[0] % group_count:
        raise ValueError(
            f"groups: got {group_count}, expected a divisor of weight's {kernels.shape[0]} channels"
        )
    steps = per_axis("stride", stride, spatial, 1)
    gaps = per_axis("dilation", dilation, spatial, 1)
    border_code(padding_mode, padding_value)
    activation_code(activation)
    way = algorithm_code(algorithm, kernels.shape[2:], steps, gaps)
    biases = None if bias is None else bias_array(bias, kernels).copy()
    packable(kernels, group_count)
    kernels = kernels.copy()
    as_summed = np.flip(kernels, tuple(range(2, kernels.ndim))) if flip else kernels
    strips = _conv.pack_weight(
        as_summed,
        dtype=DTYPES[kernels.dtype.char],
        axes=_large_axes(kernels.shape[2:], steps, gaps),
        groups=group_count,
        channels_last=last,
        algorithm=way,
        num_threads=num_threads,
    )
    arguments = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": group_count,
        "padding_mode": padding_mode,
        "padding_value": padding_value,
        "flip": bool(flip),
        "activation": activation,
        "layout": layout,
        "algorithm": algorithm,
    }
    return PackedWeight(kernels, biases, arguments, strips)
