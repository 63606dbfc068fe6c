"""Layers that work on each number, or each pixel, by itself."""

from typing import ClassVar, SupportsIndex

import numpy as np

from .._arguments import Array, real
from ._geometry import Signal
from ._layer import Layer


class Activation(Layer):
    """A function of one number, which a convolution before it applies as it stores."""

    function: ClassVar[str]  # the name that `convpool.conv2d` knows it by

    def __init__(self) -> None:
        self._fix()


class ReLU(Activation):
    """max(x, 0); NaN stays.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import nn
    >>> nn.ReLU()(np.float32([[-1, 0, 2]]))
    array([[0., 0., 2.]], dtype=float32)
    """

    function = "relu"

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        result: Array = np.maximum(x, x.dtype.type(0), out=out)
        return result


class ReLU6(Activation):
    """min(max(x, 0), 6); NaN stays.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import nn
    >>> nn.ReLU6()(np.float32([[-1, 2, 9]]))
    array([[0., 2., 6.]], dtype=float32)
    """

    function = "relu6"

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        result: Array = np.clip(x, x.dtype.type(0), x.dtype.type(6), out=out)
        return result


class Tanh(Activation):
    """The hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import nn
    >>> nn.Tanh()(np.float32([[0]]))
    array([[0.]], dtype=float32)
    """

    function = "tanh"

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        result: Array = np.tanh(x, out=out)
        return result


class Dropout(Layer):
    """Nothing: what drops out while training is all there afterwards.

    Parameters
    ----------
    p : float
        The share that would be dropped.

    Raises
    ------
    TypeError, ValueError
        If p is no number from 0 to 1.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.Dropout(0.4).output_shape((1024,))
    (1024,)
    """

    p: float
    copies = False

    def __init__(self, p: float = 0.5) -> None:
        share = real("p", p)
        if not 0 <= share <= 1:
            raise ValueError(f"p: got {share:g}, expected a number from 0 to 1")
        self._fix(p=share)

    def _said(self) -> str:
        return f"{self.p:g}"

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        if out is None:
            return x.copy()
        out[...] = x
        return out


class Flatten(Layer):
    """Make one long row of each example: (channels, height, width) in this order.

    Examples
    --------
    >>> from convpool import nn
    >>> nn.Flatten().output_shape((256, 6, 6))
    (9216,)
    """

    copies = False

    def __init__(self) -> None:
        self._fix()

    def _pass(self, entering: Signal) -> Signal:
        return entering.whole((int(np.prod(entering.shape)),))

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        # A row's length by name: with a batch of 0 NumPy could not tell it.
        rows = x.reshape(x.shape[0], int(np.prod(x.shape[1:])))
        if out is None:
            return rows.copy() if np.may_share_memory(rows, x) else rows
        out[...] = rows
        return out


class Softmax(Layer):
    """Turn channels, or features, into probabilities: exp(x) / sum of exp(x).

    Examples
    --------
    >>> import numpy as np
    >>> from convpool import nn
    >>> nn.Softmax()(np.float64([[0, 0, 0, 0]]))
    array([[0.25, 0.25, 0.25, 0.25]])
    """

    def __init__(self) -> None:
        self._fix()

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        # Less the largest, lest exp overflow.
        result: Array = np.subtract(x, x.max(1, keepdims=True), out=out)
        np.exp(result, out=result)
        result /= result.sum(1, keepdims=True)
        return result
