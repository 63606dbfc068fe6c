"""The network that callers hold: checks what they pass, and runs the plan for its shapes."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import array_of
from .model import Array, Value, read
from .plan import Arrangement, Timing, described, trace
from .program import Program

KEPT_PLANS = 4  # of the shapes seen last


class Network:
    """A trained model, made by `load_onnx`.

    Attributes
    ----------
    inputs, outputs : list of Value
        Name, dtype and shape of each; None or a name stands for a size that the model leaves open.

    Examples
    --------
    >>> import convpool, numpy as np, onnx
    >>> graph = onnx.parser.parse_model('''
    ...     <ir_version: 8, opset_import: ["" : 17]>
    ...     double (float[n] x) => (float[n] y) { y = Add(x, x) }''')
    >>> net = convpool.load_onnx(graph.SerializeToString())
    >>> net(np.float32([1, 2]))
    array([2., 4.], dtype=float32)
    >>> net.run({"x": np.float32([3])})
    {'y': array([6.], dtype=float32)}
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.inputs = program.inputs
        self.outputs = program.outputs
        self._names = [entry.name for entry in self.inputs]
        self._arrangements: OrderedDict[Any, Arrangement] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Inputs, outputs and how many steps."""
        ends = ", ".join(map(_written, self.inputs)), ", ".join(map(_written, self.outputs))
        return f"<Network {ends[0]} -> {ends[1]}, {len(self._program.steps)} steps>"

    def __call__(self, *inputs: ArrayLike) -> Any:
        """Run the model on its inputs, in its order.

        Parameters
        ----------
        *inputs : array_like
            Of the shapes and types that `inputs` says.

        Returns
        -------
        numpy.ndarray, or a tuple of them where the model has several outputs

        Raises
        ------
        TypeError, ValueError
            If an input's type or shape is not the model's, or a node cannot take what reaches it:
            the message names it.
        """
        if len(inputs) != len(self._names):
            raise TypeError(
                f"inputs: got {len(inputs)}, expected {len(self._names)}: "
                f"{', '.join(map(_written, self.inputs))}"
            )
        results = self._results(inputs)
        return results[0] if len(results) == 1 else tuple(results)

    def run(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Run the model on inputs by name.

        Parameters
        ----------
        inputs : mapping of str to array_like
            One array for each input's name.

        Returns
        -------
        dict of str to numpy.ndarray
            Each output by its name.

        Raises
        ------
        TypeError, ValueError
            As of a call; a name too many or too few is a ValueError.
        """
        if set(inputs) != set(self._names):
            raise ValueError(f"inputs: got {sorted(inputs)}, expected {sorted(self._names)}")
        results = self._results([inputs[name] for name in self._names])
        return {entry.name: result for entry, result in zip(self.outputs, results, strict=True)}

    def plan(self) -> str:
        """Describe what runs, a line a step, and where the results of the last shapes are kept.

        Returns
        -------
        str
        """
        with self._lock:
            last = next(reversed(self._arrangements.values()), None)
        return described(self._program, last)

    def profile(self, *inputs: ArrayLike, repeats: int = 10) -> "Profile":
        """Time each step.

        Parameters
        ----------
        *inputs : array_like
            As for a call.
        repeats : int
            So many runs, of which the shortest time of each step counts.

        Returns
        -------
        Profile
            Prints as a table; `rows` for programs.
        """
        self(*inputs)
        self(*inputs)
        best: dict[str, Timing] = {}
        for _ in range(repeats):
            timings: list[Timing] = []
            self._results(inputs, timings)
            for timing in timings:
                old = best.get(timing.output)
                if old is None or timing.seconds < old.seconds:
                    best[timing.output] = timing
        return Profile(list(best.values()))

    def _results(self, inputs: Any, timings: list[Timing] | None = None) -> list[Array]:
        arrays = [
            array_of(entry.name, value) for entry, value in zip(self.inputs, inputs, strict=True)
        ]
        key = tuple([(array.shape, array.dtype) for array in arrays])
        arrangement = self._arrangements.get(key)
        if arrangement is None:
            return self._first(key, arrays)
        with np.errstate(all="ignore"):
            return arrangement.run(arrays, timings)

    def _first(self, key: Any, arrays: list[Array]) -> list[Array]:
        """Shapes not seen before, or not lately."""
        for entry, array in zip(self.inputs, arrays, strict=True):
            check(entry, array)
        given = dict(zip(self._names, arrays, strict=True))
        with np.errstate(all="ignore"):
            results, arrangement = trace(self._program, given)
        with self._lock:
            self._arrangements[key] = arrangement
            while len(self._arrangements) > KEPT_PLANS:
                self._arrangements.popitem(last=False)
        return results


class Profile:
    """How long each step took."""

    def __init__(self, rows: list[Timing]) -> None:
        self.rows = rows

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(row.seconds for row in self.rows)

    def __str__(self) -> str:
        """A line a step, in their order."""
        total = self.seconds
        lines = [
            f"{row.seconds * 1e6:10.1f} us {100 * row.seconds / total:5.1f} %  "
            f"{row.step:<22} {'x'.join(map(str, row.shape)):<18} {row.output}"
            for row in self.rows
        ]
        return "\n".join([*lines, f"{total * 1e6:10.1f} us in {len(lines)} steps"])


def check(entry: Value, array: Array) -> None:
    """Raise unless an array is what the model says of an input."""
    if entry.dtype is not None and array.dtype != entry.dtype:
        raise TypeError(
            f"{entry.name}: got dtype {array.dtype}, expected {entry.dtype}; "
            f"convert it, e.g. {entry.name}.astype(numpy.{entry.dtype})"
        )
    if entry.shape is None:
        return
    fits = len(entry.shape) == array.ndim and all(
        not isinstance(said, int) or said == size
        for said, size in zip(entry.shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{entry.name}: got shape {array.shape}, expected {_written(entry)}")


def _written(entry: Value) -> str:
    """Name, type and shape, as in x: float32 (n, 3, 224, 224)."""
    shape = (
        "(...)"
        if entry.shape is None
        else "(" + ", ".join("?" if size is None else str(size) for size in entry.shape) + ")"
    )
    return f"{entry.name}: {entry.dtype} {shape}"


def load(source: Any) -> Network:
    """Read, fold and build."""
    graph = read(source)
    with np.errstate(all="ignore"):  # weights may hold what they like
        return Network(Program(graph))
