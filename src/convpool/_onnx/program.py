"""A graph as a list of steps, and the plain way to run them: one after the other, by name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .model import Array, Graph, Node
from .operators import Kernel, Operator, find

# What a kernel may raise of values that do not fit; a MemoryError is the caller's to see.
MISFITS = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, NotImplementedError,
)  # fmt: skip


@dataclass
class Step:
    """One kernel, the names it reads (None for what it is not given) and those it makes."""

    node: Node
    entry: Operator
    kernel: Kernel
    inputs: list[str | None]
    outputs: list[str]

    def call(self, args: Sequence[Array | None], **options: Any) -> tuple[Array, ...]:
        """Run the kernel; what does not fit is a ValueError that names the node."""
        try:
            results = self.kernel(*args, **options)
        except MISFITS as error:
            raise misfit(self.node, error) from error
        whole = results if isinstance(results, tuple) else (results,)
        if len(whole) < len(self.outputs):
            raise self.node.error(f"makes {len(whole)} outputs, {len(self.outputs)} are asked for")
        return tuple(map(np.asarray, whole))


def misfit(node: Node, error: Exception) -> ValueError:
    """The error of a node's kernel with the node's name before it, once."""
    text = str(error) or type(error).__name__
    if isinstance(error, AttributeError):
        text = f"an input is missing, or of a kind that does not fit ({text})"
    return ValueError(text) if text.startswith("node ") else node.error(text)


class Program:
    """A graph whose kernels are made."""

    def __init__(self, graph: Graph, captured: Sequence[str] = ()) -> None:
        from .folding import fold

        fold(graph)
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.steps: list[Step] = []
        waiting = Counter(name for node in graph.nodes for name in set(node.inputs))
        kept = {entry.name for entry in graph.outputs}
        for node in graph.nodes:
            node.release = graph.release
            for name in graph.constants.keys() & node.inputs:
                graph.align(name, node)
            step = make_step(node, graph.constants)
            self.steps.append(step)
            kept.update(filter(None, step.inputs))
            for name in set(node.inputs):
                waiting[name] -= 1
                if name in graph.constants and name not in kept and not waiting[name]:
                    graph.let_go(name)
        # Views of the file become copies: it may change while the network lives.
        self.constants = {
            name: value if value.flags.writeable or 0 in value.strides else value.copy()
            for name, value in graph.constants.items()
            if name in kept
        }
        graph.constants.clear()
        self.last_reads = self._last_reads()

    def _last_reads(self) -> list[list[str]]:
        """The names that no step after each one reads."""
        kept = {entry.name for entry in self.outputs} | set(self.constants)
        frees: list[list[str]] = []
        for step in reversed(self.steps):
            gone = {name for name in (*step.inputs, *step.outputs) if name} - kept
            frees.append(list(gone))
            kept |= gone
        return frees[::-1]

    def run(self, given: Mapping[str, Array]) -> list[Array]:
        """The outputs for these inputs and captured names."""
        values: dict[str | None, Array | None] = {None: None}
        values.update(self.constants)
        values.update(given)
        for step, gone in zip(self.steps, self.last_reads, strict=True):
            results = step.call([values[name] for name in step.inputs])
            values.update(zip(step.outputs, results, strict=False))
            for name in gone:
                values.pop(name, None)
        return [np.asarray(values[entry.name]) for entry in self.outputs]


def make_step(node: Node, constants: Mapping[str, Array]) -> Step:
    """Build a node's kernel."""
    entry = find(node)
    node.known = {i: constants[name] for i, name in enumerate(node.inputs) if name in constants}
    node.taken = set()
    try:
        kernel = entry.build(node)
    except MISFITS as error:
        raise misfit(node, error) from error
    inputs = [None if i in node.taken or not name else name for i, name in enumerate(node.inputs)]
    node.known = {}  # the kernel has its own form of what it took
    return Step(node, entry, kernel, inputs, node.outputs)
