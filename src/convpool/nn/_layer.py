"""What every layer can do. A layer fills in the methods at the end; containers fill in others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import Array, channels_last, float_array, integer
from ._geometry import Shape, Signal, Windows, checked_shape
from ._parameter import Parameter

if TYPE_CHECKING:
    from ._steps import Step
    from .summary import Summary


@dataclass(frozen=True)
class Visit:
    """One layer met on the way through a network."""

    name: str
    layer: Layer
    entering: Signal
    leaving: Signal


class Layer:
    """The base of all layers: what is written here holds for each of them.

    A layer takes (batch, channels, height, width), or (batch, features) after `Flatten`; the batch
    axis may be missing. float32 or float64, and the answer is of the same type.
    """

    array_shapes: Mapping[str, Shape]
    _arrays: dict[str, Array]
    _seed: tuple[int, int]

    # Overridden where a summary has something to say.
    windows: Windows | None = None
    fully_connected: ClassVar[bool] = False
    copies: ClassVar[bool] = True  # whether its output takes memory of its own

    def _fix(self, arrays: Mapping[str, Shape] | None = None, /, **settings: object) -> None:
        """Settle what a layer is; from here on only its arrays may be set."""
        vars(self).update(settings, array_shapes=dict(arrays or {}), _arrays={}, _seed=(0, 0))

    def __setattr__(self, name: str, value: object) -> None:
        """Set an array; nothing else may change, since what was prepared would not be true."""
        if not isinstance(getattr(type(self), name, None), Parameter):
            raise AttributeError(
                f"{name}: got a new value for a {type(self).__name__}, expected one when it is "
                "made; later only weights may be set"
            )
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or a copy holds: not what is prepared for running."""
        passing = ("_steps", "_fitting")
        return {name: value for name, value in vars(self).items() if name not in passing}

    def __repr__(self) -> str:
        """The call that makes it, short of what is usual."""
        return f"{type(self).__name__}({self._said()})"

    # Counting

    @property
    def parameters(self) -> int:
        """How many numbers training sets: weights and biases, those of a shared layer once."""
        return sum(layer.weights + layer.biases for _, layer in self._leaves())

    @property
    def weights(self) -> int:
        """Parameters that are no biases."""
        return sum(map(math.prod, self._trained(lambda name: name != "bias")))

    @property
    def biases(self) -> int:
        """Parameters that are added."""
        return sum(map(math.prod, self._trained(lambda name: name == "bias")))

    def _trained(self, wanted: Callable[[str], bool]) -> Iterator[Shape]:
        for _, layer in self._leaves():
            for name, shape in layer.array_shapes.items():
                if getattr(type(layer), name).trained and wanted(name):
                    yield shape

    def output_shape(self, input_shape: Iterable[SupportsIndex]) -> Shape:
        """Tell the shape of the answer without computing it.

        Parameters
        ----------
        input_shape : tuple of int
            (channels, height, width) or (features,), with or without a batch before it.

        Returns
        -------
        tuple of int
            With a batch if `input_shape` has one.

        Raises
        ------
        ValueError
            If a layer cannot take what reaches it; the message names the layer.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.Conv2d(3, 4, 5).output_shape((3, 32, 32))
        (4, 28, 28)
        """
        shape = checked_shape(input_shape)
        batch, inner = _split(shape)
        return (*batch, *self._visit(Signal(inner), "", []).shape)

    def macs(self, input_shape: Iterable[SupportsIndex]) -> int:
        """Count the multiply-adds of convolutions and fully connected layers, exactly.

        Products with padding count, as in every published table. Adding biases, pooling,
        normalisation and activations do not count.

        Parameters
        ----------
        input_shape : tuple of int
            As in `output_shape`; a batch multiplies the count.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            As in `output_shape`.

        Examples
        --------
        >>> from convpool import nn
        >>> nn.Conv2d(3, 4, 5).macs((3, 32, 32)) == 28 * 28 * 4 * 5 * 5 * 3
        True
        """
        shape = checked_shape(input_shape)
        batch, inner = _split(shape)
        visits: list[Visit] = []
        self._visit(Signal(inner), "", visits)
        return math.prod(batch) * sum(visit.layer._macs(visit.leaving.shape) for visit in visits)

    def summary(
        self,
        input_shape: Iterable[SupportsIndex] | None = None,
        *,
        depth: int | None = None,
        columns: Iterable[str] = (),
    ) -> Summary:
        """Make a table of the layers.

        Parameters
        ----------
        input_shape : tuple of int, optional
            As in `output_shape`. A network of `convpool.models` knows what it was made for.
        depth : int, optional
            Add up the layers whose names agree in so many parts: 1 gives a row for each layer or
            block of the outermost `Sequential`.
        columns : iterable of str
            What to show besides name, kernel, output shape, parameters and multiply-adds:
            "input_shape", "weights", "receptive_field", "memory", "share".

        Returns
        -------
        Summary
            `print` it, read its `rows`, or leave it at the end of a notebook's cell.

        Raises
        ------
        TypeError, ValueError
            As in `output_shape`, or if a column is unknown.

        Examples
        --------
        >>> from convpool import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.MaxPool2d(2))
        >>> print(net.summary((3, 32, 32)))
        layer        kernel  output       parameters  multiply-adds
        0 Conv2d     5x5     4 x 28 x 28         304        235,200
        1 ReLU               4 x 28 x 28           0              0
        2 MaxPool2d  2x2/2   4 x 14 x 14           0              0
        total                                    304        235,200
        """
        from .summary import Summary

        if input_shape is None:
            input_shape = self._made_for()
        shape = checked_shape(input_shape)
        batch, inner = _split(shape)
        visits: list[Visit] = []
        self._visit(Signal(inner), "", visits)
        return Summary.of(visits, batch, depth, columns)

    def _made_for(self) -> Shape:
        raise TypeError("input_shape: got None, expected one, as in (3, 224, 224)")

    # Weights

    def state(self) -> dict[str, Array]:
        """Return all arrays by name, read-only.

        Returns
        -------
        dict
            "features.0.weight" and the like: the names of layers, joined, then the array's.

        Examples
        --------
        >>> from convpool import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU())
        >>> {name: array.shape for name, array in net.state().items()}
        {'0.weight': (4, 3, 5, 5), '0.bias': (4,)}
        """
        return {
            _joined(path, name): getattr(layer, name)
            for path, layer in self._leaves(repeated=True)
            for name in layer.array_shapes
        }

    def load_state(self, state: Mapping[str, ArrayLike]) -> None:
        """Set all arrays by name: copies, kept read-only.

        Parameters
        ----------
        state : mapping of str to array_like
            What `state` returns, or what PyTorch's `state_dict` holds as NumPy arrays;
            "num_batches_tracked" is ignored.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape wrong. Nothing has been set then.
        TypeError
            If an array holds no floating-point numbers.

        Examples
        --------
        >>> from convpool import nn
        >>> net, other = (nn.Sequential(nn.Conv2d(3, 4, 5)) for _ in range(2))
        >>> net.load_state(other.state())
        """
        given = {name: state[name] for name in state if not name.endswith("num_batches_tracked")}
        wanted = {
            _joined(path, name): (layer, name)
            for path, layer in self._leaves(repeated=True)
            for name in layer.array_shapes
        }
        if missing := [name for name in wanted if name not in given]:
            raise ValueError(f"state: got no {_listed(missing)}, expected all arrays")
        if unknown := [name for name in given if name not in wanted]:
            raise ValueError(f"state: got {_listed(unknown)}, expected names as state() has them")
        arrays = {}
        for name, (layer, own) in wanted.items():
            arrays[name] = float_array(f"state[{name!r}]", given[name])
            if arrays[name].shape != layer.array_shapes[own]:
                raise ValueError(
                    f"state[{name!r}]: got shape {arrays[name].shape}, "
                    f"expected {layer.array_shapes[own]}"
                )
        for name, (layer, own) in wanted.items():
            setattr(layer, own, arrays[name])

    def initialise(self, seed: SupportsIndex = 0) -> None:
        """Forget all arrays that were set; the weights are then drawn from a seed.

        Weights are uniform in ±sqrt(6 / fan_in) (He et al., Delving Deep into Rectifiers, 2015),
        biases 0. They depend on the seed and on a layer's place in its network, and are drawn when
        they are needed.

        Parameters
        ----------
        seed : int
            From 0; that of a new network is 0.

        Raises
        ------
        TypeError, ValueError
            If it is no such number.

        Examples
        --------
        >>> from convpool import nn
        >>> layer = nn.Conv2d(3, 4, 5)
        >>> layer.initialise(7)
        """
        number = integer("seed", seed, 0)
        for _, layer in self._leaves():
            layer._arrays.clear()
        self._place(number)

    def _place(self, seed: int) -> None:
        """Tell each layer what its weights are drawn from."""
        for place, (_, layer) in enumerate(self._leaves()):
            vars(layer)["_seed"] = (seed, place)

    # Running

    def __call__(
        self,
        x: ArrayLike,
        *,
        layout: Literal["NCHW", "NHWC"] = "NCHW",
        num_threads: SupportsIndex | None = None,
    ) -> Array:
        """Compute.

        A `Conv2d` takes along what follows it: `BatchNorm2d`, an activation, the sum of a
        `Residual`. The answer is that of one layer after the other up to rounding.

        Parameters
        ----------
        x : array_like, (batch, channels, height, width) or (batch, features)
            The batch axis may be missing, and the answer then has none. float32 or float64.
        layout : {"NCHW", "NHWC"}
            The order of axes of images, in `x` and in the answer.
        num_threads : int, optional
            For this call; otherwise as `convpool.set_num_threads` or the environment say.

        Returns
        -------
        numpy.ndarray
            Of x's type.

        Raises
        ------
        TypeError
            If x is of another type.
        ValueError
            If a layer cannot take what reaches it; the message names the layer.

        Examples
        --------
        >>> import numpy as np
        >>> from convpool import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.MaxPool2d(2))
        >>> net(np.ones((1, 3, 32, 32), np.float32)).shape
        (1, 4, 14, 14)
        """
        from ._steps import run, steps_of

        images, single, last = _entering(x, layout)
        self._fits(images.shape[1:])
        steps: list[Step] | None = vars(self).get("_steps")
        if steps is None:
            steps = vars(self)["_steps"] = steps_of([self])
        return _leaving(run(steps, images, None, num_threads), single, last)

    def activations(
        self, x: ArrayLike, *, layout: Literal["NCHW", "NHWC"] = "NCHW"
    ) -> dict[str, Array]:
        """Compute layer by layer and keep what each of them makes.

        Parameters
        ----------
        x, layout
            As in a call.

        Returns
        -------
        dict
            Layers' names, as in the rows of a summary, and their outputs.

        Raises
        ------
        TypeError, ValueError
            As in a call.

        Examples
        --------
        >>> import numpy as np
        >>> from convpool import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU())
        >>> list(net.activations(np.ones((3, 32, 32), np.float32)))
        ['0', '1']
        """
        images, single, last = _entering(x, layout)
        self._fits(images.shape[1:])
        kept: dict[str, Array] = {}
        self._keep(images, "", kept)
        return {name: _leaving(array, single, last) for name, array in kept.items()}

    def _fits(self, shape: Shape) -> None:
        """Raise unless every layer can take what reaches it."""
        if vars(self).get("_fitting") != shape:
            self._visit(Signal(shape), "", [])
            vars(self)["_fitting"] = shape

    # What containers do otherwise

    def _leaves(self, repeated: bool = False) -> list[tuple[str, Layer]]:
        """The layers that compute, with their names; one that occurs again only if `repeated`."""
        return [("", self)]

    def _visit(self, entering: Signal, name: str, visits: list[Visit]) -> Signal:
        """Note each layer that is passed; what leaves."""
        try:
            leaving = self._pass(entering)
        except ValueError as error:
            own = type(self).__name__
            raise ValueError(f"{f'{name} ({own})' if name else own}: got {error}") from None
        visits.append(Visit(name, self, entering, leaving))
        return leaving

    def _keep(self, x: Array, name: str, kept: dict[str, Array]) -> Array:
        """Compute layer by layer."""
        kept[name] = self._compute(x, None, None)
        return kept[name]

    # What a layer fills in

    def _said(self) -> str:
        """What its repr shows."""
        return ""

    def _initial(self, name: str) -> Array:
        """An array that was never set, new."""
        raise NotImplementedError

    def _pass(self, entering: Signal) -> Signal:
        """What leaves where this enters; a ValueError says "what, expected what"."""
        return entering

    def _macs(self, leaving: Shape) -> int:
        """Multiply-adds of one example, by the shape of its output."""
        return 0

    def _compute(self, x: Array, out: Array | None, num_threads: SupportsIndex | None) -> Array:
        """The answer, in `out` if there is one."""
        raise NotImplementedError


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _split(shape: Shape) -> tuple[Shape, Shape]:
    """The batch, if there is one, and the rest."""
    return (shape[:1], shape[1:]) if len(shape) in (2, 4) else ((), shape)


def _entering(x: ArrayLike, layout: str) -> tuple[Array, bool, bool]:
    """A batch with channels first; whether x had no batch, and channels last."""
    last = channels_last(layout, 2)
    images = float_array("x", x)
    if images.dtype == np.float16:
        raise TypeError("x: got dtype float16, expected float32 or float64")
    if not 1 <= images.ndim <= 4:
        raise ValueError(
            f"x: got shape {images.shape}, expected (batch, channels, height, width) or "
            "(batch, features), the batch may be missing"
        )
    single = images.ndim in (1, 3)
    if single:
        images = images[None]
    return (np.moveaxis(images, -1, 1) if last and images.ndim == 4 else images), single, last


def _leaving(result: Array, single: bool, last: bool) -> Array:
    """What the caller gets of a batch."""
    if last and result.ndim == 4:
        result = np.moveaxis(result, 1, -1)
    return result[0] if single else result
