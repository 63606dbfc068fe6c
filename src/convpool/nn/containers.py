"""Layers made of layers: one after the other, side by side, and around a sum."""

from collections.abc import Iterable, Mapping

import numpy as np

from .._arguments import Array, choice, shown
from ._geometry import Shape, Signal
from ._layer import Layer, Visit, _joined
from .pointwise import Activation, ReLU, ReLU6, Tanh

_ACTIVATIONS: dict[str, type[Activation]] = {kind.function: kind for kind in (ReLU, ReLU6, Tanh)}


class Container(Layer):
    """A layer that has others, by name.

    A name joins those inside it, as in "features.0"; an empty one leaves theirs as they are.
    """

    children: tuple[tuple[str, Layer], ...]

    def _hold(self, children: Iterable[tuple[str, Layer]], **settings: object) -> None:
        self._fix(children=tuple(children), **settings)
        names = [name for name, _ in self._leaves(repeated=True)]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"layers: got two of the name {twice!r}, expected one")
        self._place(0)

    def _leaves(self, repeated: bool = False) -> list[tuple[str, Layer]]:
        found: list[tuple[str, Layer]] = []
        seen: set[int] = set()
        for name, child in self.children:
            for path, layer in child._leaves(repeated):
                if repeated or id(layer) not in seen:
                    seen.add(id(layer))
                    found.append((_joined(name, path), layer))
        return found

    def __getitem__(self, name: str | int) -> Layer:
        """Return a layer by name, "features.0" or part of it, or by number."""
        if isinstance(name, int):
            return self.children[name][1]
        for own, child in self.children:
            if own == name:
                return child
            inside = name.removeprefix(f"{own}." if own else "")
            if isinstance(child, Container) and (not own or inside != name):
                try:
                    return child[inside]
                except KeyError:
                    continue
        raise KeyError(name)

    def __len__(self) -> int:
        """How many layers it has itself."""
        return len(self.children)

    def _said(self) -> str:
        lines = [f"  {name}: {child!r}".replace("\n", "\n  ") for name, child in self.children]
        return "\n" + "\n".join(lines) + "\n"


def _named(
    layers: tuple[Layer | Mapping[str, Layer], ...], pairs: Mapping[str, Layer]
) -> list[tuple[str, Layer]]:
    """Layers with the names they were given, or their numbers."""
    if len(layers) == 1 and isinstance(layers[0], Mapping):
        children = [*layers[0].items()]
    else:
        children = [(str(number), layer) for number, layer in enumerate(layers)]  # type: ignore[misc]
    children += pairs.items()
    if not children:
        raise ValueError("layers: got none, expected at least one")
    for name, layer in children:
        if not isinstance(layer, Layer) or not isinstance(name, str):
            raise TypeError(f"layers: got {shown(name)}: {shown(layer)}, expected a layer")
    return children


class Sequential(Container):
    """Layers one after the other.

    Parameters
    ----------
    *layers : Layer, or one mapping of names to layers
        Without names they are numbered from 0.
    **named : Layer
        Further ones, with names.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, one is none, or two have one name.

    Examples
    --------
    >>> from convpool import nn
    >>> net = nn.Sequential(
    ...     features=nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU()), flatten=nn.Flatten()
    ... )
    >>> net.output_shape((3, 32, 32)), list(net.state())
    ((3136,), ['features.0.weight', 'features.0.bias'])
    >>> net["features.0"]
    Conv2d(3, 4, (5, 5))
    """

    _usual: Shape | None = None

    def __init__(self, *layers: Layer | Mapping[str, Layer], **named: Layer) -> None:
        self._hold(_named(layers, named))

    def _made_for(self) -> Shape:
        return self._usual or super()._made_for()

    def _visit(self, entering: Signal, name: str, visits: list[Visit]) -> Signal:
        for own, child in self.children:
            entering = child._visit(entering, _joined(name, own), visits)
        return entering

    def _keep(self, x: Array, name: str, kept: dict[str, Array]) -> Array:
        for own, child in self.children:
            x = child._keep(x, _joined(name, own), kept)
        return x


class Concat(Container):
    """Branches that see the same input, joined over channels.

    Each branch writes where the result wants it: joining takes no memory and no time.

    Parameters
    ----------
    *branches : Layer, or one mapping of names to layers
        As in `Sequential`.
    **named : Layer
        Further ones, with names.

    Raises
    ------
    TypeError, ValueError
        As in `Sequential`.

    Examples
    --------
    >>> from convpool import nn
    >>> fork = nn.Concat(nn.Conv2d(64, 32, 1), nn.Conv2d(64, 96, 3, padding=1))
    >>> fork.output_shape((64, 28, 28))
    (128, 28, 28)
    """

    copies = False

    def __init__(self, *branches: Layer | Mapping[str, Layer], **named: Layer) -> None:
        self._hold(_named(branches, named))

    def _visit(self, entering: Signal, name: str, visits: list[Visit]) -> Signal:
        ends = [child._visit(entering, _joined(name, own), visits) for own, child in self.children]
        first, *others = ends
        for (own, _), end in zip(self.children, ends, strict=True):
            if end.shape[1:] != first.shape[1:]:
                raise ValueError(
                    f"{_joined(name, own)} (of Concat): got output of {end.shape}, expected "
                    f"{first.shape[1:]} after the channels, as the first branch has"
                )
        leaving = first.joined(others, (sum(end.shape[0] for end in ends), *first.shape[1:]))
        visits.append(Visit(_joined(name, "concat"), self, entering, leaving))
        return leaving

    def _keep(self, x: Array, name: str, kept: dict[str, Array]) -> Array:
        ends = [child._keep(x, _joined(name, own), kept) for own, child in self.children]
        kept[_joined(name, "concat")] = np.concatenate(ends, 1)
        return kept[_joined(name, "concat")]


class Residual(Container):
    """The sum of what a layer makes and of its input: ``activation(body(x) + shortcut(x))``.

    Parameters
    ----------
    body : Layer
        The names of its layers are not lengthened.
    shortcut : Layer, optional
        What the input passes before it is added, named "downsample" as in PyTorch's ResNet.
    activation : {"relu", "relu6", "tanh"}, optional
        Applied to the sum.

    Raises
    ------
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> from convpool import nn
    >>> block = nn.Residual(nn.Conv2d(64, 64, 3, padding=1), activation="relu")
    >>> block.output_shape((64, 56, 56))
    (64, 56, 56)
    """

    body: Layer
    shortcut: Layer | None
    activation: Activation | None

    def __init__(
        self, body: Layer, shortcut: Layer | None = None, activation: str | None = None
    ) -> None:
        for name, layer in (("body", body), ("shortcut", shortcut)):
            if not isinstance(layer, Layer) and (layer is not None or name == "body"):
                raise TypeError(f"{name}: got {shown(layer)}, expected a layer")
        after = None
        if activation is not None:
            after = _ACTIVATIONS[choice("activation", activation, _ACTIVATIONS)]()
        children: list[tuple[str, Layer]]
        children = [("", body)] if isinstance(body, Container) else [("body", body)]
        if shortcut is not None:
            children.append(("downsample", shortcut))
        self._hold(children, body=body, shortcut=shortcut, activation=after)

    def _said(self) -> str:
        after = "" if self.activation is None else f"  activation={self.activation.function!r}\n"
        return super()._said() + after

    def _visit(self, entering: Signal, name: str, visits: list[Visit]) -> Signal:
        ends = [child._visit(entering, _joined(name, own), visits) for own, child in self.children]
        end, beside = ends[0], ends[1] if len(ends) > 1 else entering
        if end.shape != beside.shape:
            raise ValueError(
                f"{name or 'Residual'}{' (Residual)' if name else ''}: got {end.shape} to add to "
                f"{beside.shape}, expected the same shape"
            )
        leaving = end.joined([beside], end.shape)
        visits.append(Visit(_joined(name, "sum"), self, entering, leaving))
        return leaving

    def _keep(self, x: Array, name: str, kept: dict[str, Array]) -> Array:
        ends = [child._keep(x, _joined(name, own), kept) for own, child in self.children]
        total: Array = ends[0] + (ends[1] if len(ends) > 1 else x)
        if self.activation is not None:
            total = self.activation._compute(total, total, None)
        kept[_joined(name, "sum")] = total
        return total
