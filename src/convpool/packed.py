"""Weights prepared once for many calls."""

from typing import SupportsIndex

from numpy.typing import ArrayLike

from ._arguments import Activation, IntPerAxis, Padding, layout_of, shown, written_alike
from ._call import Packed

# What a call says of its weight's use, in the order of `_call`, and what that is if not mentioned.
_DEFAULTS: dict[str, object] = {
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "padding_mode": "zeros",
    "padding_value": 0.0,
    "flip": False,
    "activation": None,
    "layout": None,
    "algorithm": "auto",
}


def _said_nothing(name: str, value: object, spatial: int) -> bool:
    """Whether a call that does not mention an argument passes this value."""
    default = layout_of(spatial) if name == "layout" else _DEFAULTS[name]
    return written_alike(value, default)


class PackedWeight(Packed):
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

    __slots__ = ()

    def __repr__(self) -> str:
        """Shape, type and what was said of its use."""
        spatial = len(self.shape) - 2
        said = "".join(
            f", {name}={value!r}"
            for name, value in zip(_DEFAULTS, self.said, strict=True)
            if not _said_nothing(name, value, spatial)
        )
        return f"<PackedWeight {self.shape} {self.dtype}{' with bias' * self.biased}{said}>"

    def check_call(self, spatial: int, bias: object, call: tuple[object, ...]) -> None:
        """Raise unless a call only repeats what was packed."""
        if len(self.shape) != spatial + 2:
            raise ValueError(
                f"weight: got one packed for {len(self.shape) - 2} spatial axes, expected {spatial}"
            )
        if bias is not None:
            raise ValueError("bias: got one beside a packed weight, expected it in pack_weight")
        for name, value, packed in zip(_DEFAULTS, call, self.said, strict=True):
            if not (_said_nothing(name, value, spatial) or written_alike(value, packed)):
                raise ValueError(f"{name}: got {shown(value)}, expected {shown(packed)} as packed")


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
    return PackedWeight(
        weight, bias, stride, padding, dilation, groups, padding_mode,
        padding_value, flip, activation, layout, algorithm, num_threads,
    )  # fmt: skip
