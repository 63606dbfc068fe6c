"""The layers with kernels: convolutional and fully connected."""

import math
from typing import SupportsIndex

import numpy as np

from .._arguments import ALGORITHMS as _ALGORITHMS
from .._arguments import (
    Array,
    IntPerAxis,
    Padding,
    border_code,
    choice,
    integer,
    padding_form,
    per_axis,
)
from ..functional import conv2d, linear
from ._geometry import Shape, Signal, Windows
from ._layer import Layer
from ._parameter import Parameter, uniform_by_he


class _Weighted(Layer):
    """A weight for each pair of an input and an output, and a bias for each output."""

    weight = Parameter()
    bias = Parameter()

    def _initial(self, name: str) -> Array:
        shape = self.array_shapes[name]
        return uniform_by_he(shape, self._seed) if name == "weight" else np.zeros(shape, np.float32)

    def _array(self, name: str, dtype: "np.dtype[np.generic]") -> Array | None:
        """An array as the layer computes with it."""
        if name not in self.array_shapes:
            return None
        array: Array = getattr(self, name)
        return array.astype(dtype, copy=False)


class Conv2d(_Weighted):
    """Convolve images with kernels that are learnt; see `convpool.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        Multiples of groups.
    kernel_size : int or (int, int)
        Rows and columns.
    stride, padding, dilation, groups, padding_mode, algorithm
        As in `convpool.conv2d`.
    bias : bool
        Whether a number is added to each output channel.

    Attributes
    ----------
    weight : numpy.ndarray, (out_channels, in_channels // groups, *kernel_size)
        Set it to an array of this shape; it is copied.
    bias : numpy.ndarray, (out_channels,)
        Likewise.

    Raises
    ------
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> from convpool import nn
    >>> layer = nn.Conv2d(64, 192, 3, padding=1)
    >>> layer.weights, layer.parameters, layer.macs((64, 56, 56))
    (110592, 110784, 346816512)
    """

    in_channels: int
    out_channels: int
    windows: Windows
    groups: int
    padding_mode: str
    algorithm: str

    def __init__(
        self,
        in_channels: SupportsIndex,
        out_channels: SupportsIndex,
        kernel_size: IntPerAxis,
        stride: IntPerAxis = 1,
        padding: Padding = 0,
        dilation: IntPerAxis = 1,
        groups: SupportsIndex = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        algorithm: str = "auto",
    ) -> None:
        inputs = integer("in_channels", in_channels, 1)
        outputs = integer("out_channels", out_channels, 1)
        number = integer("groups", groups, 1)
        if inputs % number or outputs % number:
            raise ValueError(
                f"groups: got {number}, expected a divisor of {inputs} input channels "
                f"and {outputs} output channels"
            )
        border_code(padding_mode, 0)
        windows = Windows(
            per_axis("kernel_size", kernel_size, 2, 1),
            per_axis("stride", stride, 2, 1),
            padding_form(padding, 2),
            per_axis("dilation", dilation, 2, 1),
        )
        shape = (outputs, inputs // number, *windows.kernel)
        self._fix(
            {"weight": shape, "bias": (outputs,)} if bias else {"weight": shape},
            in_channels=inputs,
            out_channels=outputs,
            windows=windows,
            groups=number,
            padding_mode=padding_mode,
            algorithm=choice("algorithm", algorithm, _ALGORITHMS),
        )

    def _said(self) -> str:
        windows, words = self.windows, [f"{self.in_channels}, {self.out_channels}"]
        words.append(str(windows.kernel))
        for name, value, usual in (
            ("stride", windows.stride, (1, 1)),
            ("padding", windows.padding, ((0, 0), (0, 0))),
            ("dilation", windows.dilation, (1, 1)),
            ("groups", self.groups, 1),
            ("bias", "bias" in self.array_shapes, True),
            ("padding_mode", self.padding_mode, "zeros"),
            ("algorithm", self.algorithm, "auto"),
        ):
            if value != usual:
                words.append(f"{name}={value!r}")
        return ", ".join(words)

    def _pass(self, entering: Signal) -> Signal:
        shape = entering.shape
        if len(shape) != 3 or shape[0] != self.in_channels:
            raise ValueError(f"input of {shape}, expected ({self.in_channels}, height, width)")
        padding = self.windows.padding
        if self.padding_mode in ("reflect", "circular") and not isinstance(padding, str):
            for size, pads in zip(shape[1:], padding, strict=True):
                most = size - (self.padding_mode == "reflect")
                if max(pads) > most:
                    raise ValueError(
                        f"padding of {pads} for {size} pixels, expected at most {most} "
                        f"with padding_mode {self.padding_mode!r}"
                    )
        return entering.through(self.windows, (self.out_channels, *self.windows.outputs(shape[1:])))

    def _macs(self, leaving: Shape) -> int:
        return math.prod(self.array_shapes["weight"]) * math.prod(leaving[1:])

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        weight = self._array("weight", x.dtype)
        assert weight is not None
        return conv2d(
            x,
            weight,
            self._array("bias", x.dtype),
            stride=self.windows.stride,
            padding=self.windows.padding,
            dilation=self.windows.dilation,
            groups=self.groups,
            padding_mode=self.padding_mode,
            algorithm=self.algorithm,
            out=out,
            num_threads=num_threads,
        )


class Linear(_Weighted):
    """Connect every input with every output: ``x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        Numbers of inputs and outputs.
    bias : bool
        Whether a number is added to each output.

    Attributes
    ----------
    weight : numpy.ndarray, (out_features, in_features)
        Set it to an array of this shape; it is copied.
    bias : numpy.ndarray, (out_features,)
        Likewise.

    Raises
    ------
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.Linear(1024, 1000).parameters
    1025000
    """

    in_features: int
    out_features: int
    fully_connected = True

    def __init__(
        self, in_features: SupportsIndex, out_features: SupportsIndex, bias: bool = True
    ) -> None:
        inputs = integer("in_features", in_features, 1)
        outputs = integer("out_features", out_features, 1)
        shape = (outputs, inputs)
        self._fix(
            {"weight": shape, "bias": (outputs,)} if bias else {"weight": shape},
            in_features=inputs,
            out_features=outputs,
        )

    def _said(self) -> str:
        plain = "" if "bias" in self.array_shapes else ", bias=False"
        return f"{self.in_features}, {self.out_features}{plain}"

    def _pass(self, entering: Signal) -> Signal:
        if entering.shape != (self.in_features,):
            raise ValueError(f"input of {entering.shape}, expected ({self.in_features},)")
        return entering.reshaped((self.out_features,))

    def _macs(self, leaving: Shape) -> int:
        return self.in_features * self.out_features

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        weight = self._array("weight", x.dtype)
        assert weight is not None
        result = linear(x, weight, self._array("bias", x.dtype), num_threads=num_threads)
        if out is None:
            return result
        out[...] = result
        return out
