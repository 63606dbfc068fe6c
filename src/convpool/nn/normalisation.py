"""Layers that normalise."""

from typing import Any, SupportsIndex

import numpy as np

from .._arguments import Array, integer, real
from ..pooling import avg_pool2d
from ._geometry import Signal
from ._layer import Layer
from ._parameter import Parameter


class BatchNorm2d(Layer):
    """Normalise each channel by the mean and variance that training found.

    ``(x - running_mean) / sqrt(running_var + eps) * weight + bias`` (Ioffe & Szegedy, Batch
    Normalization, 2015). After a `Conv2d` it costs nothing: it goes into the weights.

    Parameters
    ----------
    num_features : int
        Channels.
    eps : float
        Above 0; added to the variance.

    Attributes
    ----------
    weight, bias : numpy.ndarray, (num_features,)
        Trained: 1 and 0 until they are set.
    running_mean, running_var : numpy.ndarray, (num_features,)
        0 and 1 until they are set. They are no parameters.

    Raises
    ------
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.BatchNorm2d(64).parameters
    128
    """

    weight = Parameter()
    bias = Parameter()
    running_mean = Parameter(trained=False)
    running_var = Parameter(trained=False)
    num_features: int
    eps: float

    def __init__(self, num_features: SupportsIndex, eps: float = 1e-5) -> None:
        channels, small = integer("num_features", num_features, 1), real("eps", eps)
        if not 0 < small < float("inf"):
            raise ValueError(f"eps: got {small:g}, expected a number above 0")
        names = ("weight", "bias", "running_mean", "running_var")
        self._fix(dict.fromkeys(names, (channels,)), num_features=channels, eps=small)

    def _said(self) -> str:
        return str(self.num_features) + (f", eps={self.eps:g}" if self.eps != 1e-5 else "")

    def _initial(self, name: str) -> Array:
        filled = name in ("weight", "running_var")
        return np.full(self.array_shapes[name], filled, np.float32)

    def _pass(self, entering: Signal) -> Signal:
        if len(entering.shape) != 3 or entering.shape[0] != self.num_features:
            raise ValueError(
                f"input of {entering.shape}, expected ({self.num_features}, height, width)"
            )
        return entering

    def scale_and_shift(self) -> tuple[Array, Array]:
        """Return what it multiplies each channel by and what it then adds, in float64.

        Examples
        --------
        >>> from convpool import nn
        >>> [array.shape for array in nn.BatchNorm2d(64).scale_and_shift()]
        [(64,), (64,)]
        """
        scale = self.weight / np.sqrt(self.running_var.astype(np.float64) + self.eps)
        return scale, self.bias - self.running_mean * scale

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        scale, shift = (array.astype(x.dtype)[:, None, None] for array in self.scale_and_shift())
        result: Array = np.multiply(x, scale, out=out)
        result += shift
        return result


class LocalResponseNorm(Layer):
    """Divide each number by what its neighbours in other channels add up to.

    ``x / (k + alpha * mean of squares over size channels) ** beta``, where channels that are not
    there count as 0 (Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural
    Networks, 2012, whose alpha multiplies the sum: here it is size times theirs).

    Parameters
    ----------
    size : int
        Channels from size // 2 before to (size - 1) // 2 after.
    alpha, beta, k : float
        As in the formula.

    Raises
    ------
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.LocalResponseNorm(5).output_shape((64, 56, 56))
    (64, 56, 56)
    """

    size: int
    alpha: float
    beta: float
    k: float

    def __init__(
        self, size: SupportsIndex, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        self._fix(
            size=integer("size", size, 1),
            alpha=real("alpha", alpha),
            beta=real("beta", beta),
            k=real("k", k),
        )

    def _said(self) -> str:
        return f"{self.size}, alpha={self.alpha:g}, beta={self.beta:g}, k={self.k:g}"

    def _pass(self, entering: Signal) -> Signal:
        if len(entering.shape) != 3:
            raise ValueError(f"input of {entering.shape}, expected (channels, height, width)")
        return entering

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        result: Array = np.empty(x.shape, x.dtype) if out is None else out
        batch, channels, height, width = x.shape
        # Channels as rows and pixels as columns: the mean over channels is then a pooling. In
        # blocks of rows of the image, whose squares stay in the cache.
        step = max(1, BLOCK // (channels * width))
        padding = ((self.size // 2, (self.size - 1) // 2), (0, 0))
        for first in range(0, height, step):
            rows = slice(first, first + step)
            part = x[:, :, rows]
            means: Array = np.square(part).reshape(batch, 1, channels, part.shape[2] * width)
            means = avg_pool2d(
                means, (self.size, 1), stride=1, padding=padding, num_threads=num_threads
            ).reshape(part.shape)
            means *= x.dtype.type(self.alpha)
            means += x.dtype.type(self.k)
            np.divide(part, _power(means, self.beta), out=result[:, :, rows])
        return result


BLOCK = 1 << 15  # numbers


def _power(base: Array, exponent: float) -> Any:
    """A power; of quarters by square roots, which are a tenth of the work."""
    if exponent == 0.75:
        root = np.sqrt(base)
        root *= np.sqrt(root)
        return root
    if exponent == 0.5:
        return np.sqrt(base)
    return base ** base.dtype.type(exponent)
