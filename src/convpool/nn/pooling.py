"""Layers that pool."""

from typing import SupportsIndex

from .._arguments import Array, IntPerAxis, Padding, integer, padding_form, per_axis
from ..pooling import avg_pool2d, max_pool2d
from ._geometry import Pads, Signal, Windows
from ._layer import Layer


class _Pooling(Layer):
    """Windows over each channel by itself."""

    windows: Windows

    def _pass(self, entering: Signal) -> Signal:
        shape = entering.shape
        if len(shape) != 3:
            raise ValueError(f"input of {shape}, expected (channels, height, width)")
        return entering.through(self.windows, (shape[0], *self.windows.outputs(shape[1:])))

    def _said(self) -> str:
        windows, words = self.windows, [str(self.windows.kernel)]
        for name, value, usual in (
            ("stride", windows.stride, windows.kernel),
            ("padding", windows.padding, ((0, 0), (0, 0))),
            ("dilation", windows.dilation, (1, 1)),
            ("ceil_mode", windows.ceil_mode, False),
        ):
            if value != usual:
                words.append(f"{name}={value!r}")
        return ", ".join(words)


def _windows(
    kernel_size: IntPerAxis,
    stride: IntPerAxis | None,
    padding: Padding,
    dilation: IntPerAxis,
    ceil_mode: bool,
) -> Windows:
    kernel = per_axis("kernel_size", kernel_size, 2, 1)
    gaps = per_axis("dilation", dilation, 2, 1)
    pads: Pads = padding_form(padding, 2)
    if not isinstance(pads, str):
        for taps, gap, pair in zip(kernel, gaps, pads, strict=True):
            reach = (taps - 1) * gap + 1
            if max(pair) >= reach:
                raise ValueError(
                    f"padding: got {pair}, expected less than the {reach} that a window spans"
                )
    return Windows(
        kernel,
        kernel if stride is None else per_axis("stride", stride, 2, 1),
        pads,
        gaps,
        bool(ceil_mode),
    )


class MaxPool2d(_Pooling):
    """Take the largest value under each window; see `convpool.max_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, dilation, ceil_mode
        As in `convpool.max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a value is not as there.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.MaxPool2d(3, 2, ceil_mode=True).output_shape((64, 112, 112))
    (64, 56, 56)
    """

    def __init__(
        self,
        kernel_size: IntPerAxis,
        stride: IntPerAxis | None = None,
        padding: Padding = 0,
        dilation: IntPerAxis = 1,
        ceil_mode: bool = False,
    ) -> None:
        self._fix(windows=_windows(kernel_size, stride, padding, dilation, ceil_mode))

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        return max_pool2d(
            x,
            self.windows.kernel,
            stride=self.windows.stride,
            padding=self.windows.padding,
            dilation=self.windows.dilation,
            ceil_mode=self.windows.ceil_mode,
            out=out,
            num_threads=num_threads,
        )


class AvgPool2d(_Pooling):
    """Take the mean of each window; see `convpool.avg_pool2d`.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `convpool.avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        If a value is not as there.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.AvgPool2d(2).output_shape((6, 28, 28))
    (6, 14, 14)
    """

    count_include_pad: bool
    divisor_override: int | None

    def __init__(
        self,
        kernel_size: IntPerAxis,
        stride: IntPerAxis | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: SupportsIndex | None = None,
    ) -> None:
        divisor = None
        if divisor_override is not None:
            divisor = integer("divisor_override", divisor_override, -(2**31))
            if divisor == 0:
                raise ValueError("divisor_override: got 0, expected an int other than 0")
        self._fix(
            windows=_windows(kernel_size, stride, padding, 1, ceil_mode),
            count_include_pad=bool(count_include_pad),
            divisor_override=divisor,
        )

    def _said(self) -> str:
        said = super()._said()
        if not self.count_include_pad:
            said += ", count_include_pad=False"
        if self.divisor_override is not None:
            said += f", divisor_override={self.divisor_override}"
        return said

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        return avg_pool2d(
            x,
            self.windows.kernel,
            stride=self.windows.stride,
            padding=self.windows.padding,
            ceil_mode=self.windows.ceil_mode,
            count_include_pad=self.count_include_pad,
            divisor_override=self.divisor_override,
            out=out,
            num_threads=num_threads,
        )


class GlobalAvgPool2d(Layer):
    """Take the mean of each channel: maps of 1x1, whatever the size of the image.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.GlobalAvgPool2d().output_shape((1024, 7, 7))
    (1024, 1, 1)
    """

    def __init__(self) -> None:
        self._fix()

    def _pass(self, entering: Signal) -> Signal:
        if len(entering.shape) != 3:
            raise ValueError(f"input of {entering.shape}, expected (channels, height, width)")
        return entering.whole((entering.shape[0], 1, 1))

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        return avg_pool2d(x, (x.shape[2], x.shape[3]), out=out, num_threads=num_threads)
