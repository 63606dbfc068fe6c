"""What calls would return, without running them."""

from collections.abc import Sequence
from typing import SupportsIndex

from . import _arguments, _call, _transposed
from ._arguments import IntPerAxis, Padding, shown


def conv_output_shape(
    input_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    *,
    stride: IntPerAxis = 1,
    padding: Padding = 0,
    dilation: IntPerAxis = 1,
    groups: SupportsIndex = 1,
    layout: str | None = None,
    transposed: bool = False,
    output_padding: IntPerAxis = 0,
    output_size: IntPerAxis | None = None,
) -> tuple[int, ...]:
    """Return the shape that a convolution would have.

    Parameters
    ----------
    input_shape : sequence of int
        That of x, with the batch axis or without.
    weight_shape : sequence of int
        That of the weight: (out_channels, in_channels // groups, *kernel), or, transposed,
        (in_channels, out_channels // groups, *kernel), with one to three kernel axes.
    stride, padding, dilation, groups
        As in `conv2d` or `conv_transpose2d`.
    layout : str, optional
        "NCHW" or "NHWC" for images, likewise for signals and volumes; channels first if not given.
    transposed : bool
        Whether it is `conv_transpose2d` (`conv_transpose1d`, `conv_transpose3d`).
    output_padding, output_size
        As in `conv_transpose2d`; for transposed convolutions only.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError, ValueError
        Where the call would raise.

    Examples
    --------
    >>> import convpool
    >>> convpool.conv_output_shape((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3)
    (1, 64, 112, 112)
    >>> convpool.conv_output_shape((1, 28, 28, 64), (64, 8, 2, 2), stride=2, layout="NHWC",
    ...                            transposed=True)
    (1, 56, 56, 8)
    """
    kernels = _arguments.sequence("weight_shape", weight_shape, None, "a shape of 3 to 5 ints")
    if not 3 <= len(kernels) <= 5:
        raise ValueError(
            f"weight_shape: got {shown(weight_shape)}, expected a shape of 3 to 5 ints"
        )
    spatial = len(kernels) - 2
    expected = f"a shape of {spatial + 1} or {spatial + 2} ints"
    images = _arguments.sequence("input_shape", input_shape, None, expected)
    if len(images) not in (spatial + 1, spatial + 2):
        raise ValueError(f"input_shape: got {shown(input_shape)}, expected {expected}")
    batch = len(images) == spatial + 2
    x = _arguments.shaped(_arguments.whole_shape("input_shape", images, len(images), batch))
    weight = _arguments.shaped(_arguments.whole_shape("weight_shape", kernels, len(kernels), False))
    if layout is None:
        layout = _arguments.layout_of(spatial)
    with _arguments.called(x="input_shape", weight="weight_shape"):
        if transposed:
            terms = _transposed.settled(
                spatial, stride, padding, output_padding, output_size, dilation, groups, layout
            )
            return _transposed.fitted(spatial, x, weight, terms).shape
        for name, value, nothing in (
            ("output_padding", output_padding, 0),
            ("output_size", output_size, None),
        ):
            if value is not nothing:
                raise ValueError(
                    f"{name}: got {shown(value)}, expected it for transposed convolutions only"
                )
        return _call.conv_geometry(spatial, x, weight, stride, padding, dilation, groups, layout)[0]
