"""Convolution of quantized arrays: uint8 and int8 with scales and zero points.

An integer q stands for the real number scale * (q - zero_point). Sums of products of integers are
exact; what a result is and how it is rounded follows ONNX (ConvInteger, QLinearConv, MatMulInteger,
QuantizeLinear, DequantizeLinear).
"""

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._arguments import (
    Array,
    IntPerAxis,
    Padding,
    array_of,
    choice,
    integer,
    layout_of,
    readable,
    settled_terms,
    shown,
    written,
    written_alike,
)
from ._quantized import Weight, convolve, multipliers
from ._threads import asked_threads

__all__ = [
    "PackedWeight",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_integer1d",
    "conv_integer2d",
    "conv_integer3d",
    "dequantize",
    "linear",
    "linear_integer",
    "pack_weight",
    "quantize",
]

_BYTES = "Bb"
_QUANTIZED = "BbHh"
_INT32 = np.dtype(np.int32)
_PLAIN = (int, float, np.uint8, np.int8)
_LIMITS = {kind: (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) for kind in _BYTES}


def _held(**given: Any) -> list[Any]:
    """Return what a call is made with as arrays, but for plain numbers and packed weights.

    All of them before anything of one is looked at: `_arguments.arrays_of` says why.
    """
    return [
        value
        if value is None or type(value) in _PLAIN or isinstance(value, Weight)
        else array_of(name, value)
        for name, value in given.items()
    ]


def _integers(name: str, value: ArrayLike, kinds: str, hint: str = "") -> Array:
    """Return an array of one of these types, as the C side reads it."""
    array = array_of(name, value)
    if array.dtype.char not in kinds:
        names = [np.dtype(kind).name for kind in kinds]
        expected = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        raise TypeError(f"{name}: got dtype {array.dtype}, expected {expected}{hint}")
    return readable(array)


def _bytes(name: str, value: ArrayLike) -> Array:
    return _integers(
        name, value, _BYTES, "; convpool.quantized.quantize makes them of real numbers"
    )


def _zero_points(name: str, value: ArrayLike, dtype: np.dtype[Any]) -> Array:
    """Return whole numbers that `dtype` has, as int64."""
    array = array_of(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got {shown(value)}, expected integers of {dtype}")
    limits = np.iinfo(dtype)
    if ((array < limits.min) | (array > limits.max)).any():
        raise ValueError(
            f"{name}: got {shown(value)}, expected {limits.min} to {limits.max}, what {dtype} has"
        )
    return array.astype(np.int64)


def _zero_point(name: str, value: ArrayLike, dtype: np.dtype[Any]) -> int:
    """Return one of them."""
    low, high = _LIMITS[dtype.char]
    if type(value) is int and low <= value <= high:
        return value
    if isinstance(value, np.integer) and value.dtype == dtype:
        return int(value)
    array = _zero_points(name, value, dtype)
    if array.size != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected one number")
    return int(array.reshape(())[()])


def _scales(name: str, value: ArrayLike, dtype: Any = np.float32) -> Array:
    """Return real numbers above 0, as float32."""
    array = array_of(name, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: got {shown(value)}, expected real numbers")
    with np.errstate(over="ignore", under="ignore"):
        scales = array.astype(dtype)
    if not ((scales > 0) & (scales < np.inf)).all():
        raise ValueError(
            f"{name}: got {shown(value)}, expected numbers above 0 that {scales.dtype} has"
        )
    return scales


def _scale(name: str, value: ArrayLike) -> np.float32:
    """Return one of them."""
    if type(value) is float and 1e-30 < value < 1e30:
        return np.float32(value)
    array = _scales(name, value)
    if array.size != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected one number")
    return np.float32(array.reshape(()))


def _type_of(zero_point: ArrayLike, default: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type that a zero point says: a NumPy one of bytes its own."""
    dtype = getattr(zero_point, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) and dtype.char in _BYTES else default


# What a call says of its weight's use, in the order of `PackedWeight.said`; what `pack_weight`
# takes for granted; and what calls of so many spatial axes do.
_TERMS = ("stride", "padding", "dilation", "groups", "layout")
_DEFAULTS = (1, 0, 1, 1, None)
_UNSAID = {1: (1, 0, 1, 1, "NCW"), 2: (1, 0, 1, 1, "NCHW"), 3: (1, 0, 1, 1, "NCDHW")}


class PackedWeight(Weight):
    """A quantized weight with its bias and arguments, laid out as the kernels read it.

    Made by `pack_weight`, taken by the functions of this module in place of a weight. It holds
    copies.

    Attributes
    ----------
    shape : tuple of int
        (out_channels, in_channels // groups, *kernel)

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> quantized.pack_weight(np.ones((4, 3, 5, 5), np.int8)).shape
    (4, 3, 5, 5)
    """

    __slots__ = ("said",)
    said: tuple[object, ...]

    def __repr__(self) -> str:
        """Shape, and what was said of its use."""
        default = layout_of(len(self.shape) - 2)
        said = "".join(
            f", {name}={value!r}"
            for name, value, nothing in zip(_TERMS, self.said, _DEFAULTS, strict=True)
            if not (written_alike(value, nothing) or (name == "layout" and value == default))
        )
        return (
            f"<quantized.PackedWeight {self.shape}{' with bias' * (self.bias is not None)}{said}>"
        )


def _settled(
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None,
    scale: ArrayLike | None,
    zero_point: ArrayLike | None,
    terms: tuple[object, ...],
    spatial: int,
) -> tuple[object, ...]:
    """Return the terms of a call, which run no more code of the caller's.

    Beside a packed weight they may only repeat its own.
    """
    if isinstance(weight, PackedWeight):
        _check_repeated(weight, bias, scale, zero_point, terms, spatial)
        return terms
    if all(type(term) in (int, str, type(None)) for term in terms):
        return terms
    stride, padding, dilation, groups, layout = terms
    layout = layout_of(spatial) if layout is None else layout
    return settled_terms(spatial, stride, padding, dilation, groups, layout)


def _check_repeated(
    weight: PackedWeight,
    bias: ArrayLike | None,
    scale: ArrayLike | None,
    zero_point: ArrayLike | None,
    terms: tuple[object, ...],
    spatial: int,
) -> None:
    """Raise unless a call only repeats what its weight was packed with."""
    if len(weight.shape) != spatial + 2:
        raise ValueError(
            f"weight: got one packed for {len(weight.shape) - 2} spatial axes, expected {spatial}"
        )
    own = {"bias": bias, "weight_scale": scale, "weight_zero_point": zero_point}
    for name, given in own.items():
        if given is not None:
            raise ValueError(f"{name}: got one beside a packed weight, expected it in pack_weight")
    for name, value, packed, default in zip(
        _TERMS, terms, weight.said, _UNSAID[spatial], strict=True
    ):
        if value is default or value is packed or (name == "layout" and value is None):
            continue
        if not (written_alike(value, default) or written_alike(value, packed)):
            raise ValueError(f"{name}: got {shown(value)}, expected {shown(packed)} as packed")


def _prepared(
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None,
    scale: ArrayLike | None,
    zero_point: ArrayLike | None,
    terms: tuple[object, ...],
    spatial: int,
) -> Weight:
    """Return the weight of one call: packed already, or of this call alone."""
    if isinstance(weight, PackedWeight):
        return weight
    kernels = _bytes("weight", weight)
    if kernels.ndim != spatial + 2:
        raise ValueError(
            f"weight: got shape {kernels.shape}, expected {spatial + 2} axes: "
            "(out_channels, in_channels // groups, *kernel)"
        )
    made: Weight = _weight(Weight, kernels, bias, scale, zero_point, terms, False, None)
    return made


def _weight(
    kind: type[Any],
    kernels: Array,
    bias: ArrayLike | None,
    scale: ArrayLike | None,
    zero_point: ArrayLike | None,
    terms: tuple[object, ...],
    prepare: bool,
    num_threads: SupportsIndex | None,
) -> Any:
    biases = None if bias is None else _integers(
        "bias", bias, "i", ": the real bias / (x_scale * weight_scale), rounded"
    )  # fmt: skip
    scales = None if scale is None else _scales("weight_scale", scale)
    zeros = _zero_points(
        "weight_zero_point", 0 if zero_point is None else zero_point, kernels.dtype
    )
    stride, padding, dilation, groups, layout = terms
    return kind(
        kernels, biases, zeros.astype(np.int16), scales, stride, padding, dilation, groups, layout,
        prepare, num_threads,
    )  # fmt: skip


def pack_weight(
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    weight_scale: ArrayLike | None = None,
    weight_zero_point: ArrayLike = 0,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: str | None = None,
    num_threads: SupportsIndex | None = None,
) -> PackedWeight:
    """Prepare a quantized weight once for many convolutions.

    Parameters
    ----------
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, *kernel)
        With one to three kernel axes.
    bias : array_like of int32, (out_channels,), optional
        As in `conv2d`.
    weight_scale : float or array_like, (out_channels,), optional
        As in `conv2d`; sums of `conv_integer2d` need none.
    weight_zero_point : int or array_like, (out_channels,)
        As in `conv2d`.
    stride, padding, dilation, groups
        As in `convpool.conv2d`. A call with the result uses these; it may repeat them, but not say
        others.
    layout : str, optional
        "NCHW" or "NHWC" for images, likewise for signals and volumes; channels first if not given.
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
    >>> import numpy as np
    >>> from convpool import quantized
    >>> packed = quantized.pack_weight(np.ones((4, 3, 5, 5), np.int8), weight_scale=0.1, padding=2)
    >>> packed
    <quantized.PackedWeight (4, 3, 5, 5), padding=2>
    >>> quantized.conv2d(np.ones((1, 3, 9, 9), np.uint8), packed, x_scale=1, out_scale=1).shape
    (1, 4, 9, 9)
    """
    terms = (stride, padding, dilation, groups, layout)
    said, threads = written(terms), asked_threads(num_threads)
    weight, bias, weight_scale, weight_zero_point = _held(
        weight=weight, bias=bias, weight_scale=weight_scale, weight_zero_point=weight_zero_point
    )
    packed: PackedWeight = _weight(
        PackedWeight, _bytes("weight", weight), bias, weight_scale, weight_zero_point, said, True,
        threads,
    )  # fmt: skip
    packed.said = said
    return packed


# What a fully connected layer says of itself as a convolution: rows are the pixels of a signal.
_ROWS = (1, 0, 1, 1, "NWC")


def _conv_integer(
    spatial: int,
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    x_zero_point: ArrayLike,
    weight_zero_point: ArrayLike | None,
    terms: tuple[object, ...],
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """Work of conv_integer1d, 2d and 3d, and with no spatial axes that of linear_integer."""
    if spatial:
        terms = _settled(weight, None, None, weight_zero_point, terms, spatial)
    threads, shape = asked_threads(num_threads), None
    x, weight, x_zero_point, weight_zero_point = _held(
        x=x, weight=weight, x_zero_point=x_zero_point, weight_zero_point=weight_zero_point
    )
    if not spatial:
        spatial, x, weight, shape = _as_signal(x, weight)
    images = _bytes("x", x)
    zero_point = _zero_point("x_zero_point", x_zero_point, images.dtype)
    prepared = _prepared(weight, None, None, weight_zero_point, terms, spatial)
    if prepared.bias is not None:
        raise ValueError("weight: got one packed with a bias, expected none: sums have none")
    sums = convolve(prepared, images, zero_point, None, _INT32, 0.0, (0.0, 0.0), out, threads)
    return sums if shape is None else sums.reshape(shape)


def _conv(
    spatial: int,
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None,
    x_scale: ArrayLike,
    x_zero_point: ArrayLike,
    weight_scale: ArrayLike | None,
    weight_zero_point: ArrayLike | None,
    out_scale: ArrayLike,
    out_zero_point: ArrayLike,
    terms: tuple[object, ...],
    activation: object,
    out: Array | None,
    num_threads: SupportsIndex | None,
) -> Array:
    """Work of conv1d, conv2d and conv3d, and with no spatial axes that of linear."""
    if activation is not None:
        activation = choice("activation", activation, ("relu", "relu6"))
    if spatial:
        terms = _settled(weight, bias, weight_scale, weight_zero_point, terms, spatial)
    threads, shape = asked_threads(num_threads), None
    x, weight, bias, weight_scale, weight_zero_point = _held(
        x=x, weight=weight, bias=bias, weight_scale=weight_scale,
        weight_zero_point=weight_zero_point,
    )  # fmt: skip
    x_scale, x_zero_point, out_scale, out_zero_point = _held(
        x_scale=x_scale, x_zero_point=x_zero_point, out_scale=out_scale,
        out_zero_point=out_zero_point,
    )  # fmt: skip
    if not spatial:
        spatial, x, weight, shape = _as_signal(x, weight)
    images = _bytes("x", x)
    dtype = _type_of(out_zero_point, images.dtype)
    zero_point = _zero_point("x_zero_point", x_zero_point, images.dtype)
    out_zero = _zero_point("out_zero_point", out_zero_point, dtype)
    step, out_step = _scale("x_scale", x_scale), _scale("out_scale", out_scale)
    prepared = _prepared(weight, bias, weight_scale, weight_zero_point, terms, spatial)
    if prepared.scales is None:
        where = "in pack_weight" if isinstance(weight, PackedWeight) else "numbers above 0"
        raise TypeError(f"weight_scale: got None, expected {where}")
    factors = multipliers(prepared, step, out_step)
    if factors is None:
        raise ValueError(
            f"out_scale: got {shown(out_scale)}, expected one by which "
            "x_scale * weight_scale can be divided in float32"
        )
    low, high = map(float, _LIMITS[dtype.char])
    if activation is not None:
        low = float(out_zero)
    if activation == "relu6":
        high = min(high, float(np.rint(6 / float(out_step) + out_zero)))
    result = convolve(
        prepared, images, zero_point, factors, dtype, float(out_zero), (low, high), out,
        threads,
    )  # fmt: skip
    return result if shape is None else result.reshape(shape)


def conv_integer1d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve signals of uint8 or int8 into sums of int32 (ONNX's ConvInteger).

    `conv_integer2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, width)
        Or (batch, width, in_channels) with layout "NWC"; the batch axis may be missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, kernel)
        The kernels, or what `pack_weight` made of them.
    x_zero_point, weight_zero_point, stride, padding, dilation, groups, layout, out, num_threads
        As in `conv_integer2d`.

    Returns
    -------
    numpy.ndarray of int32, (batch, out_channels, out_width)

    Raises
    ------
    TypeError, ValueError
        As in `conv_integer2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> quantized.conv_integer1d(np.uint8([[[1, 2, 4]]]), np.int8([[[-1, 1]]]))
    array([[[1, 2]]], dtype=int32)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv_integer(1, x, weight, x_zero_point, weight_zero_point, terms, out, num_threads)


def conv_integer2d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Convolve images of uint8 or int8 into sums of int32 (ONNX's ConvInteger).

    .. math::

        out(n, o, i, j) = \sum_{c, u, v} (w(o, c, u, v) - z_w(o))\,
        (x(n, c, i s_0 + u d_0 - p_0, j s_1 + v d_1 - p_1) - z_x)

    with stride s, dilation d and padding p, whose pixels are z_x and so count as 0.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, height, width)
        Or (batch, height, width, in_channels) with layout "NHWC". The batch axis may be missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, *kernel)
        The kernels, of x's type or the other; or what `pack_weight` made of them.
    x_zero_point : int
        The integer of x that stands for 0.
    weight_zero_point : int or array_like, (out_channels,), optional
        Likewise of weight, for all kernels or for each; 0 if not given.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `convpool.conv2d`; `out` is of int32.

    Returns
    -------
    numpy.ndarray of int32, (batch, out_channels, out_height, out_width)
        In x's layout.

    Raises
    ------
    TypeError
        If a type is not one of those above.
    ValueError
        If a shape or value does not fit the others. Nothing has been written to `out` then.
    MemoryError
        If the result or the packed weight does not fit.

    Notes
    -----
    Sums are exact as long as they fit int32, which those of up to 33,025 products always do, and
    are taken modulo 2^32 beyond, as the type says and as ONNX Runtime does.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> image = np.uint8([[[130, 131], [132, 128]]])
    >>> kernel = np.int8([[[[1, -1], [2, 0]]]])
    >>> quantized.conv_integer2d(image, kernel, 128)
    array([[[7]]], dtype=int32)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv_integer(2, x, weight, x_zero_point, weight_zero_point, terms, out, num_threads)


def conv_integer3d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve volumes of uint8 or int8 into sums of int32 (ONNX's ConvInteger).

    `conv_integer2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, depth, height, width)
        Or (batch, depth, height, width, in_channels) with layout "NDHWC"; the batch axis may be
        missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, *kernel)
        The kernels, or what `pack_weight` made of them.
    x_zero_point, weight_zero_point, stride, padding, dilation, groups, layout, out, num_threads
        As in `conv_integer2d`.

    Returns
    -------
    numpy.ndarray of int32, (batch, out_channels, out_depth, out_height, out_width)

    Raises
    ------
    TypeError, ValueError
        As in `conv_integer2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> volume = np.ones((1, 1, 4, 5, 6), np.uint8)
    >>> quantized.conv_integer3d(volume, np.ones((2, 1, 2, 2, 2), np.int8)).shape
    (1, 2, 3, 4, 5)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv_integer(3, x, weight, x_zero_point, weight_zero_point, terms, out, num_threads)


def conv1d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    x_scale: ArrayLike,
    out_scale: ArrayLike,
    weight_scale: ArrayLike | None = None,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    out_zero_point: ArrayLike = 0,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    activation: str | None = None,
    layout: Literal["NCW", "NWC"] = "NCW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve quantized signals (ONNX's QLinearConv).

    `conv2d` with one spatial axis; its page describes every parameter.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, width)
        Or (batch, width, in_channels) with layout "NWC"; the batch axis may be missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, kernel)
        The kernels, or what `pack_weight` made of them.
    bias, x_scale, out_scale, weight_scale, x_zero_point, weight_zero_point, out_zero_point
        As in `conv2d`.
    stride, padding, dilation, groups, activation, layout, out, num_threads
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_width)
        Of the type that `out_zero_point` says.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> x, weight = np.uint8([[[1, 2, 4]]]), np.int8([[[-1, 1]]])
    >>> quantized.conv1d(x, weight, x_scale=0.1, weight_scale=0.2, out_scale=0.01)
    array([[[2, 4]]], dtype=uint8)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv(
        1, x, weight, bias, x_scale, x_zero_point, weight_scale, weight_zero_point, out_scale,
        out_zero_point, terms, activation, out, num_threads,
    )  # fmt: skip


def conv2d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    x_scale: ArrayLike,
    out_scale: ArrayLike,
    weight_scale: ArrayLike | None = None,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    out_zero_point: ArrayLike = 0,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    activation: str | None = None,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    r"""Convolve quantized images (ONNX's QLinearConv).

    .. math::

        out = \mathrm{saturate}\Bigl(\mathrm{round}\Bigl((sum + bias)
        \frac{x\_scale \cdot weight\_scale}{out\_scale} + out\_zero\_point\Bigr)\Bigr)

    where `sum` is that of `conv_integer2d`.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, height, width)
        Or (batch, height, width, in_channels) with layout "NHWC". The batch axis may be missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, *kernel)
        The kernels, of x's type or the other; or what `pack_weight` made of them, which brings its
        bias, scale, zero point and other arguments with it.
    bias : array_like of int32, (out_channels,), optional
        In units of x_scale * weight_scale.
    x_scale, out_scale : float
        What a step of x and of the result stand for.
    weight_scale : float or array_like, (out_channels,)
        What a step of weight stands for, in all kernels or in each.
    x_zero_point : int
        The integer of x that stands for 0.
    weight_zero_point : int or array_like, (out_channels,), optional
        Likewise of weight, for all kernels or for each; 0 if not given.
    out_zero_point : int
        Likewise of the result. A NumPy number of uint8 or int8 also says the result's type, which
        otherwise is x's.
    stride, padding, dilation, groups, layout, out, num_threads
        As in `convpool.conv2d`; pixels of padding stand for 0.
    activation : {None, "relu", "relu6"}
        Of the number that the result stands for.

    Returns
    -------
    numpy.ndarray of uint8 or int8, (batch, out_channels, out_height, out_width)
        In x's layout.

    Raises
    ------
    TypeError
        If a type is not one of those above.
    ValueError
        If a shape or value does not fit the others. Nothing has been written to `out` then.
    MemoryError
        If the result or the packed weight does not fit.

    Notes
    -----
    The scales are combined in float32, in the order shown; their product with a sum is that of
    float64, and is rounded half to even with the zero point added. So does ONNX's reference
    evaluator, but that it first rounds to float64, which tells for numbers within 2^-44 of the
    middle between two steps alone. ONNX Runtime and PyTorch multiply in float32 and round before
    they add the zero point: near such a middle theirs may be the other step.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> x = quantized.quantize(np.ones((1, 3, 8, 8), np.float32), 1 / 128, 128)
    >>> weight = quantized.quantize(np.full((4, 3, 5, 5), 0.2, np.float32), 0.01, np.int8(0))
    >>> y = quantized.conv2d(x, weight, x_scale=1 / 128, x_zero_point=128, weight_scale=0.01,
    ...                      out_scale=0.1)
    >>> y.dtype, y.shape, int(y[0, 0, 0, 0])  # of 0.1: for 127 / 128 * 0.2 * 75
    (dtype('uint8'), (1, 4, 4, 4), 149)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv(
        2, x, weight, bias, x_scale, x_zero_point, weight_scale, weight_zero_point, out_scale,
        out_zero_point, terms, activation, out, num_threads,
    )  # fmt: skip


def conv3d(
    x: ArrayLike,
    weight: ArrayLike | PackedWeight,
    bias: ArrayLike | None = None,
    *,
    x_scale: ArrayLike,
    out_scale: ArrayLike,
    weight_scale: ArrayLike | None = None,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    out_zero_point: ArrayLike = 0,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    activation: str | None = None,
    layout: Literal["NCDHW", "NDHWC"] = "NCDHW",
    out: Array | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Convolve quantized volumes (ONNX's QLinearConv).

    `conv2d` with three spatial axes; its page describes every parameter.

    Parameters
    ----------
    x : array_like of uint8 or int8, (batch, in_channels, depth, height, width)
        Or (batch, depth, height, width, in_channels) with layout "NDHWC"; the batch axis may be
        missing.
    weight : array_like of uint8 or int8, (out_channels, in_channels // groups, *kernel)
        The kernels, or what `pack_weight` made of them.
    bias, x_scale, out_scale, weight_scale, x_zero_point, weight_zero_point, out_zero_point
        As in `conv2d`.
    stride, padding, dilation, groups, activation, layout, out, num_threads
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray, (batch, out_channels, out_depth, out_height, out_width)
        Of the type that `out_zero_point` says.

    Raises
    ------
    TypeError, ValueError
        As in `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> x, weight = np.ones((1, 1, 4, 5, 6), np.uint8), np.ones((2, 1, 2, 2, 2), np.int8)
    >>> quantized.conv3d(x, weight, x_scale=1, weight_scale=1, out_scale=1).shape
    (1, 2, 3, 4, 5)
    """
    terms = (stride, padding, dilation, groups, layout)
    return _conv(
        3, x, weight, bias, x_scale, x_zero_point, weight_scale, weight_zero_point, out_scale,
        out_zero_point, terms, activation, out, num_threads,
    )  # fmt: skip


def _as_signal(x: Any, weight: Any) -> tuple[int, Array, Array, tuple[int, ...]]:
    """Return rows as the pixels of one long signal with channels last.

    Its one spatial axis, the signal, the weight that goes with it, and the result's shape.
    """
    rows, matrix = _bytes("x", x), _bytes("weight", weight)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"weight: got shape {matrix.shape}, expected (out_features, in_features), at least 1"
        )
    outputs, features = matrix.shape
    if rows.ndim == 0 or rows.shape[-1] != features:
        raise ValueError(
            f"x: got shape {rows.shape}, expected {features} along the last axis, "
            f"as weight's shape {matrix.shape} says"
        )
    shape = (*rows.shape[:-1], outputs)
    signal = (1, -1, features) if rows.size else (0, 1, features)
    return 1, rows.reshape(signal), matrix[..., None], shape


def linear_integer(
    x: ArrayLike,
    weight: ArrayLike,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    *,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Multiply exactly: ``(x - x_zero_point) @ (weight - weight_zero_point).T``.

    The sums of a fully connected layer: ONNX's MatMulInteger with weight's transpose.

    Parameters
    ----------
    x : array_like of uint8 or int8, (..., in_features)
        The rows.
    weight : array_like of uint8 or int8, (out_features, in_features)
        Of x's type or the other.
    x_zero_point : int
        The integer of x that stands for 0.
    weight_zero_point : int or array_like, (out_features,), optional
        Likewise of weight; 0 if not given.
    num_threads : int, optional
        As in `convpool.conv2d`.

    Returns
    -------
    numpy.ndarray of int32, (..., out_features)
        Exact, modulo 2^32 as in `conv_integer2d`.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> quantized.linear_integer(np.uint8([1, 2]), np.int8([[3, 4], [5, -6]]), x_zero_point=1)
    array([ 4, -6], dtype=int32)
    """
    return _conv_integer(0, x, weight, x_zero_point, weight_zero_point, _ROWS, None, num_threads)


def linear(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    x_scale: ArrayLike,
    weight_scale: ArrayLike,
    out_scale: ArrayLike,
    x_zero_point: ArrayLike = 0,
    weight_zero_point: ArrayLike | None = None,
    out_zero_point: ArrayLike = 0,
    activation: str | None = None,
    num_threads: SupportsIndex | None = None,
) -> Array:
    """Fully connected layer of quantized arrays (ONNX's QLinearMatMul with weight's transpose).

    Parameters
    ----------
    x : array_like of uint8 or int8, (..., in_features)
        The rows.
    weight : array_like of uint8 or int8, (out_features, in_features)
        Of x's type or the other.
    bias : array_like of int32, (out_features,), optional
        In units of x_scale * weight_scale.
    x_scale, weight_scale, out_scale, x_zero_point, weight_zero_point, out_zero_point
        As in `conv2d`.
    activation, num_threads
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray of uint8 or int8, (..., out_features)

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> x, weight = np.uint8([1, 2]), np.int8([[3, 4], [5, -6]])
    >>> quantized.linear(x, weight, x_scale=1, weight_scale=0.5, out_scale=0.25,
    ...                  out_zero_point=np.int8(0))
    array([ 22, -14], dtype=int8)
    """
    return _conv(
        0, x, weight, bias, x_scale, x_zero_point, weight_scale, weight_zero_point, out_scale,
        out_zero_point, _ROWS, activation, None, num_threads,
    )  # fmt: skip


def along(name: str, value: Array, shape: Sequence[int], axis: int, block: int | None) -> Array:
    """Make numbers broadcast against `shape`: one, one for each place along an axis, or blocks."""
    if value.ndim == 0 or value.shape == (1,):
        return value.reshape(())
    if not shape:
        raise ValueError(f"{name}: got shape {value.shape}, expected one number, as x has no axes")
    if value.ndim == 1 and value.shape[0] == shape[axis]:
        return value.reshape((-1,) + (1,) * (len(shape) - axis - 1))
    if value.ndim == len(shape):
        length = block or -(-shape[axis] // max(value.shape[axis], 1))
        blocks = -(-shape[axis] // length) if length else 0
        if value.shape == (*shape[:axis], blocks, *shape[axis + 1 :]):
            return np.repeat(value, length, axis)[(slice(None),) * axis + (slice(shape[axis]),)]
    raise ValueError(
        f"{name}: got shape {value.shape}, expected one number, {shape[axis]} along axis {axis}, "
        f"or blocks along it of x's shape {tuple(shape)}"
    )


def _axis(axis: SupportsIndex, rank: int) -> int:
    """Count an axis from the front; where x has no such axis, scales can only be one number."""
    number = integer("axis", axis, -max(rank, 2), max(rank, 2) - 1)
    return number % rank if -rank <= number < rank else 0


def quantize(
    x: ArrayLike,
    scale: ArrayLike,
    zero_point: ArrayLike = 0,
    *,
    axis: SupportsIndex = 1,
    block_size: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """Integers for real numbers: ``saturate(round(x / scale) + zero_point)`` (QuantizeLinear).

    Parameters
    ----------
    x : array_like of float32, float64 or float16
        Real numbers.
    scale : float or array_like
        What a step stands for: one number, one for each place along `axis`, or an array of x's
        shape but for `axis`, along which each serves a block.
    zero_point : int or array_like
        The integer that stands for 0; one, or as many as scales.
    axis : int
        Along which scales differ.
    block_size : int, optional
        How many places along `axis` a block has; as many as make the blocks even if not given.
    dtype : uint8, int8, uint16 or int16, optional
        Of the result; zero_point's if that is a NumPy number of such a type, otherwise uint8.

    Returns
    -------
    numpy.ndarray
        Of x's shape, rounded half to even. NaN becomes the least integer.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above.

    Notes
    -----
    Computed in float32, or float64 if x is.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> quantized.quantize(np.float32([-1, 0, 0.3, 99]), 0.1, 128)
    array([118, 128, 131, 255], dtype=uint8)
    """
    block = None if block_size is None else integer("block_size", block_size, 1)
    kind = _quantized_type(dtype, zero_point)
    array, scale, zero_point = _held(x=x, scale=scale, zero_point=zero_point)
    array = np.asarray(array)
    if array.dtype.char not in "fde":
        raise TypeError(f"x: got dtype {array.dtype}, expected float32, float64 or float16")
    limits = np.iinfo(kind)
    real = np.promote_types(array.dtype.newbyteorder("="), np.float32)
    place = _axis(axis, array.ndim)
    scales = along("scale", _scales("scale", scale, real), array.shape, place, block)
    zeros = along(
        "zero_point", _zero_points("zero_point", zero_point, kind), array.shape, place, block
    )
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # In one type: where NumPy casts as it goes, it does not survive a lack of memory.
        steps = np.asarray(np.divide(array.astype(real, copy=False), scales))
        np.rint(steps, out=steps)
        np.add(steps, zeros.astype(real), out=steps)
    # These two pass NaN over.
    np.fmax(steps, real.type(limits.min), out=steps)
    np.fmin(steps, real.type(limits.max), out=steps)
    return steps.astype(kind)


def _quantized_type(dtype: DTypeLike | None, zero_point: ArrayLike) -> np.dtype[Any]:
    """Return the type of quantized numbers that a call asks for."""
    own = getattr(zero_point, "dtype", None)
    said = isinstance(own, np.dtype) and own.char in _QUANTIZED
    if dtype is None:
        return np.dtype(own if said else np.uint8)
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(
            f"dtype: got {shown(dtype)}, expected uint8, int8, uint16 or int16"
        ) from error
    if kind.char not in _QUANTIZED:
        raise TypeError(f"dtype: got {kind}, expected uint8, int8, uint16 or int16")
    return kind.newbyteorder("=")


def dequantize(
    x: ArrayLike,
    scale: ArrayLike,
    zero_point: ArrayLike = 0,
    *,
    axis: SupportsIndex = 1,
    block_size: SupportsIndex | None = None,
) -> Array:
    """Real numbers for integers: ``(x - zero_point) * scale`` (DequantizeLinear).

    Parameters
    ----------
    x : array_like of uint8, int8, uint16, int16 or int32
        Integers.
    scale, zero_point, axis, block_size
        As in `quantize`; a scale of more digits counts in float32.

    Returns
    -------
    numpy.ndarray of float32
        Of x's shape.

    Raises
    ------
    TypeError, ValueError
        If a type, shape or value is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import quantized
    >>> quantized.dequantize(np.uint8([118, 128, 131]), 0.5, 128)
    array([-5. ,  0. ,  1.5], dtype=float32)
    """
    block = None if block_size is None else integer("block_size", block_size, 1)
    x, scale, zero_point = _held(x=x, scale=scale, zero_point=zero_point)
    array = _integers("x", x, _QUANTIZED + "i")
    place = _axis(axis, array.ndim)
    scales = along("scale", _scales("scale", scale), array.shape, place, block)
    zeros = along(
        "zero_point", _zero_points("zero_point", zero_point, array.dtype), array.shape, place, block
    )
    steps = array.astype(np.float32)
    np.subtract(steps, zeros.astype(np.float32), out=steps)
    return np.multiply(steps, scales, out=steps)
