"""How many windows there are along an axis, and what a chain of them sees of the input."""

from dataclasses import dataclass

Shape = tuple[int, ...]
Pads = str | tuple[tuple[int, int], ...]


def padding_of(padding: Pads, axis: int, size: int, reach: int, stride: int) -> tuple[int, int]:
    """Pixels added before and after along one axis, by the rules of `convpool.conv2d`."""
    if padding == "valid":
        return 0, 0
    if isinstance(padding, str):
        total = max(0, (-(-size // stride) - 1) * stride + reach - size)
        less = total // 2
        return (less, total - less) if padding == "same" else (total - less, less)
    return padding[axis]


@dataclass(frozen=True)
class Windows:
    """What convolution and pooling layers say of their windows, one number an axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    ceil_mode: bool = False

    def outputs(self, sizes: Shape) -> Shape:
        """Windows along each axis; raises where one does not fit."""
        counts = []
        for axis, size in enumerate(sizes):
            stride = self.stride[axis]
            reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            before, after = padding_of(self.padding, axis, size, reach, stride)
            rest = size + before + after - reach
            count = rest // stride
            if self.ceil_mode:
                count = -(-rest // stride)
                count -= count * stride >= size + before  # PyTorch: not one begun in the padding
            if count < 0 or (rest < 0 and not self.ceil_mode):
                raise ValueError(
                    f"{' x '.join(map(str, sizes))} pixels, of which a window spans {reach}, "
                    f"expected at least {reach - before - after}"
                )
            counts.append(count + 1)
        return tuple(counts)


@dataclass(frozen=True)
class Signal:
    """What passes from layer to layer: a shape, and how much of the input one of its elements sees.

    The shape has no batch. `field` counts the input pixels along each axis, `jump` those from one
    element to the next.
    """

    shape: Shape
    field: Shape = (1, 1)
    jump: Shape = (1, 1)

    def through(self, windows: Windows, shape: Shape) -> "Signal":
        """After a layer of windows."""
        field = [
            seen + (taps - 1) * gap * step
            for seen, taps, gap, step in zip(
                self.field, windows.kernel, windows.dilation, self.jump, strict=True
            )
        ]
        jump = [step * stride for step, stride in zip(self.jump, windows.stride, strict=True)]
        return Signal(shape, tuple(field), tuple(jump))

    def whole(self, shape: Shape) -> "Signal":
        """After a layer that sees every pixel."""
        sizes = self.shape[1:] if len(self.shape) == 3 else (1, 1)
        field = [
            seen + (size - 1) * step
            for seen, size, step in zip(self.field, sizes, self.jump, strict=True)
        ]
        return Signal(shape, tuple(field), self.jump)

    def reshaped(self, shape: Shape) -> "Signal":
        """After a layer that works on each pixel by itself."""
        return Signal(shape, self.field, self.jump)

    def joined(self, others: "list[Signal]", shape: Shape) -> "Signal":
        """Where branches meet: the widest of them."""
        field = tuple(map(max, self.field, *(other.field for other in others)))
        return Signal(shape, field, self.jump)


def checked_shape(shape: object) -> Shape:
    """(channels, height, width) or (features,), with or without a batch before it."""
    from .._arguments import integer, sequence, shown

    expected = "(channels, height, width) or (features,), or those after a batch"
    count = len(shape) if isinstance(shape, tuple | list) else 3
    if not 1 <= count <= 4:
        raise ValueError(f"input_shape: got {shown(shape)}, expected {expected}")
    sizes = sequence("input_shape", shape, count, expected)
    batched = count in (2, 4)
    return tuple(
        integer("input_shape", size, 0 if batched and axis == 0 else 1)
        for axis, size in enumerate(sizes)
    )
