"""What depends on shapes: where results are kept, and the calls that put them there.

    trace:   run all steps once; note shapes, what hangs on shapes alone, and who sees whose memory
    arrange: one place in a buffer for each result that a kernel can write to: inside that of a
             Concat where there is one, that of a residual it is added to; used again once
             nobody reads it
    bind:    views of one buffer, and calls with their arrays fixed

A result that hangs on the shapes of the inputs alone is computed in the trace, never again. What
callers get is never in the buffer.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .convolution import PackedCall
from .model import Array
from .program import MISFITS, Program, Step, misfit

ALIGNMENT = 64
IDLE_BUFFERS = 2  # kept for callers that run a network in several threads
# Kernels that may return a view of what they read.
VIEWS = {
    "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Expand",
    "Identity", "Dropout", "Cast", "CastLike", "Clip", "Gather", "If", "Loop", "Trilu", "Resize",
    "Upsample", "Einsum", "DepthToSpace", "SpaceToDepth", "Pad", "Tile", "Sum", "Mean", "Max",
    "Min", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
}  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """How long one step took."""

    step: str
    output: str
    shape: tuple[int, ...]
    seconds: float


@dataclass
class Fact:
    """What the trace has seen of a name."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fixed: bool  # the shape hangs on the inputs' shapes alone
    value: Array | None = None  # so does the value
    # Names whose memory it may see, itself among them if it has its own.
    roots: frozenset[str] = frozenset()


def trace(program: Program, given: Mapping[str, Array]) -> tuple[list[Array], "Arrangement"]:
    """Run a program; its outputs, and what there is to know for the next run."""
    facts = {
        name: Fact(value.shape, value.dtype, True, value)
        for name, value in program.constants.items()
    }
    facts |= {
        name: Fact(value.shape, value.dtype, True, None, frozenset([name]))
        for name, value in given.items()
    }
    values: dict[str | None, Array | None] = {None: None}
    values.update(program.constants)
    values.update(given)
    for step, gone in zip(program.steps, program.last_reads, strict=True):
        args = [values[name] for name in step.inputs]
        results = step.call(args)
        known = [facts[name] for name in step.inputs if name]
        fixed = all(fact.fixed for fact in known) and all(
            step.inputs[i] is None or facts[step.inputs[i] or ""].value is not None
            for i in step.entry.shaped_by
            if i < len(step.inputs)
        )
        told = not step.entry.random and all(fact.value is not None for fact in known)
        if step.node.operator in ("Shape", "Size") and step.node.domain == "":
            told = fixed
        for name, result in zip(step.outputs, results, strict=False):
            roots = frozenset([name])
            if step.node.operator in VIEWS or any(
                arg is not None and np.may_share_memory(result, arg) for arg in args
            ):
                roots = roots.union(*(fact.roots for fact in known))
            facts[name] = Fact(result.shape, result.dtype, fixed, result if told else None, roots)
            values[name] = result
        for name in gone:
            values.pop(name, None)
    outputs = [values[entry.name] for entry in program.outputs]
    safe = [
        np.array(output)
        if facts[entry.name].value is not None
        or any(np.may_share_memory(output, array) for array in given.values())
        else output
        for entry, output in zip(program.outputs, outputs, strict=True)
        if output is not None
    ]
    return safe, Arrangement(program, facts, list(given))


@dataclass
class Place:
    """Where a result is kept: part of a buffer, or of another result's place."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    first: int  # the step that first writes to it
    last: int  # the step that last reads it
    offset: int = 0
    parent: str | None = None
    axis: int = 0
    start: int = 0  # along the parent's axis

    @property
    def nbytes(self) -> int:
        """Up to the next place that may begin."""
        size = math.prod(self.shape) * self.dtype.itemsize
        return -(-size // ALIGNMENT) * ALIGNMENT


# A call, the slots it reads (None: its arrays are fixed), the slots it fills, and slots to clear.
Call = tuple[Callable[..., Any], tuple[int, ...] | None, tuple[int, ...], tuple[int, ...], Step]


@dataclass
class Bound:
    """One buffer and the calls that work in it."""

    buffer: Array
    calls: list[Call]
    slots: list[Array | None]


@dataclass
class Arrangement:
    """The plan for inputs of one set of shapes."""

    program: Program
    facts: dict[str, Fact]
    inputs: list[str]
    places: dict[str, Place] = field(default_factory=dict)
    size: int = -1  # of the buffer; not arranged yet
    copied: list[bool] = field(default_factory=list)
    idle: list[Bound] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, arrays: Sequence[Array], timings: list[Timing] | None = None) -> list[Array]:
        """The outputs; a buffer of its own for each thread that runs at once."""
        try:
            bound = self.idle.pop()
        except IndexError:
            bound = self._bind()
        slots = bound.slots.copy()
        slots[: len(arrays)] = arrays
        try:
            if timings is None:
                _run(bound.calls, slots)
            else:
                self._run_timed(bound.calls, slots, timings)
            results = [
                np.array(slots[i]) if copied else slots[i]
                for i, copied in zip(self._output_slots, self.copied, strict=True)
            ]
        finally:
            if len(self.idle) < IDLE_BUFFERS:
                self.idle.append(bound)
        return results  # type: ignore[return-value]

    def _run_timed(
        self, calls: list[Call], slots: list[Array | None], timings: list[Timing]
    ) -> None:
        for call in calls:
            start = time.perf_counter()
            _run([call], slots)
            seconds = time.perf_counter() - start
            step = call[-1]
            fact = self.facts[step.outputs[0]]
            timings.append(Timing(title(step), step.outputs[0], fact.shape, seconds))

    def _bind(self) -> Bound:
        with self.lock:
            if self.size < 0:
                self._arrange()
        return _Binder(self).bound()

    def _arrange(self) -> None:
        """Choose the places."""
        steps, facts = self.program.steps, self.facts
        outputs = {entry.name for entry in self.program.outputs}
        self.copied = [
            facts[entry.name].value is not None
            or not facts[entry.name].roots.isdisjoint(self.inputs)
            for entry in self.program.outputs
        ]
        escaping = outputs.union(*(facts[name].roots for name in outputs))
        places: dict[str, Place] = {}
        for i, step in enumerate(steps):
            name = step.outputs[0]
            fact = facts[name]
            if (
                step.entry.writes
                and len(step.outputs) == 1
                and fact.fixed
                and fact.value is None
                and fact.roots == {name}
                and name not in escaping
                and 0 not in fact.shape
                and fact.dtype.kind in "fiub"  # a buffer of bytes holds no objects
            ):
                places[name] = Place(fact.shape, fact.dtype, i, i)
        for i, step in enumerate(steps):
            for read in step.inputs:
                for root in facts[read].roots if read else ():
                    if root in places:
                        places[root].last = i
        for step in steps:
            if step.node.operator == "Concat" and step.outputs[0] in places:
                self._nest(step, places)
        # From the outermost Concat inwards: it has to last as long as its parts.
        for name in reversed(places):
            place = places[name]
            while place.parent is not None:
                parent = places[place.parent]
                parent.first = min(parent.first, place.first)
                parent.last = max(parent.last, place.last)
                place = parent
        for i, step in enumerate(steps):
            if step.node.operator == "Conv" and len(step.inputs) > 3:
                self._add_in_place(i, step, places)
        self.size = _pack([place for place in places.values() if place.parent is None])
        self.places = places

    def _nest(self, step: Step, places: dict[str, Place]) -> None:
        """Make what a Concat joins parts of its place."""
        whole = step.outputs[0]
        axis = step.node.get("axis", 1) % len(places[whole].shape)
        start = 0
        for name in step.inputs:
            fact = self.facts[name or ""]
            place = places.get(name or "")
            if (
                place is not None
                and place.parent is None
                and step.inputs.count(name) == 1
                and place.dtype == places[whole].dtype
            ):
                place.parent, place.axis, place.start = whole, axis, start
            start += fact.shape[axis]

    def _add_in_place(self, i: int, step: Step, places: dict[str, Place]) -> None:
        """Let a convolution's result take the place of a residual that is not read again."""
        x, residual = (step.inputs[j] or "" for j in (0, 3))
        place, old = places.get(step.outputs[0]), places.get(residual)
        if place is None or old is None or place.parent is not None:
            return
        whole = _outermost(residual, places)
        read = {_outermost(root, places) for root in self.facts[x].roots if root in places}
        alike = (place.shape, place.dtype) == (old.shape, old.dtype)
        if alike and places[whole].last == i and whole not in read:
            place.parent, place.axis, place.start = residual, 0, 0
            places[whole].last = place.last

    @property
    def _output_slots(self) -> list[int]:
        return self._slot_numbers

    _slot_numbers: list[int] = field(default_factory=list)


def _run(calls: list[Call], slots: list[Array | None]) -> None:
    """The loop that a call of the network is."""
    for call, reads, fills, frees, step in calls:
        try:
            result = call() if reads is None else call(*[slots[i] for i in reads])
        except MISFITS as error:
            raise misfit(step.node, error) from error
        if fills:
            if len(fills) == 1:
                slots[fills[0]] = result[0] if type(result) is tuple else result
            else:
                for i, part in zip(fills, result, strict=False):
                    slots[i] = part
        for i in frees:
            slots[i] = None


def _outermost(name: str, places: Mapping[str, Place]) -> str:
    """The place that a place is part of, or itself."""
    parent = places[name].parent
    return name if parent is None else _outermost(parent, places)


def _pack(places: list[Place]) -> int:
    """Offsets by size, the largest first: the lowest gap among those alive at the same time."""
    done: list[Place] = []
    total = 0
    for place in sorted(places, key=lambda one: (-one.nbytes, one.first)):
        offset = 0
        for other in done:  # by offset
            if other.first > place.last or place.first > other.last:
                continue
            if offset + place.nbytes <= other.offset:
                break
            offset = max(offset, other.offset + other.nbytes)
        place.offset = offset
        total = max(total, offset + place.nbytes)
        done.append(place)
        done.sort(key=lambda one: one.offset)
    return total


class _Binder:
    """Makes the calls of one buffer."""

    def __init__(self, arrangement: Arrangement) -> None:
        self.arrangement = arrangement
        self.facts = arrangement.facts
        raw = np.empty(arrangement.size + ALIGNMENT, np.uint8)
        skip = -raw.ctypes.data % ALIGNMENT
        self.buffer = raw[skip : skip + arrangement.size]
        self.fixed: dict[str, Array] = {
            name: fact.value for name, fact in self.facts.items() if fact.value is not None
        }
        for name in arrangement.places:
            self.fixed[name] = self.view(name)
        self.numbers: dict[str | None, int] = {}
        self.slots: list[Array | None] = []
        for name in arrangement.inputs:
            self.slot(name)

    def view(self, name: str) -> Array:
        """The array of a place."""
        place = self.arrangement.places[name]
        if place.parent is None:
            size = math.prod(place.shape) * place.dtype.itemsize
            part = self.buffer[place.offset : place.offset + size]
            return part.view(place.dtype).reshape(place.shape)
        whole = self.view(place.parent)
        end = place.start + place.shape[place.axis]
        return whole[(slice(None),) * place.axis + (slice(place.start, end),)]

    def slot(self, name: str | None) -> int:
        """The number of a name's slot, which holds it already if it is fixed."""
        if name not in self.numbers:
            self.numbers[name] = len(self.slots)
            self.slots.append(None if name is None else self.fixed.get(name))
        return self.numbers[name]

    def bound(self) -> Bound:
        """All calls, in order."""
        calls: list[Call] = []
        for step in self.arrangement.program.steps:
            if all(self.facts[name].value is not None for name in step.outputs):
                continue
            calls += self.calls(step)
        self.arrangement._slot_numbers = [
            self.slot(entry.name) for entry in self.arrangement.program.outputs
        ]
        self._free(calls)
        return Bound(self.buffer, calls, self.slots)

    def calls(self, step: Step) -> list[Call]:
        """What is left to do of a step."""
        name = step.outputs[0]
        place = self.arrangement.places.get(name)
        if place is not None and step.node.operator == "Concat":
            return self._copies(step)
        ready = all(read is None or read in self.fixed for read in step.inputs)
        args = [None if read is None else self.fixed.get(read) for read in step.inputs]
        if ready and place is None and step.node.operator in VIEWS:
            results = step.call(args)
            if all(self._within(result) for result in results):
                self.fixed.update(zip(step.outputs, results, strict=False))
                return []
        options = {} if place is None else {"out": self.fixed[name]}
        fills = () if place is not None else tuple(self.slot(output) for output in step.outputs)
        if ready:
            if place is not None and isinstance(step.kernel, PackedCall):
                return [(step.kernel.bound(args, self.fixed[name]), None, fills, (), step)]
            return [(partial(step.kernel, *args, **options), None, fills, (), step)]
        reads = tuple(self.slot(read) for read in step.inputs)
        call = partial(step.kernel, **options) if options else step.kernel
        return [(call, reads, fills, (), step)]

    def _within(self, result: Array) -> bool:
        """Whether an array is a view of what is fixed, and not a copy of what is not there yet."""
        return np.may_share_memory(result, self.buffer)

    def _copies(self, step: Step) -> list[Call]:
        """A Concat's parts that are not in their place yet."""
        whole = self.fixed[step.outputs[0]]
        axis = step.node.get("axis", 1) % whole.ndim
        calls: list[Call] = []
        start = 0
        for name in step.inputs:
            assert name is not None
            end = start + self.facts[name].shape[axis]
            place = self.arrangement.places.get(name)
            if place is None or (place.parent, place.start) != (step.outputs[0], start):
                part = whole[(slice(None),) * axis + (slice(start, end),)]
                if name in self.fixed:
                    calls.append((partial(np.copyto, part, self.fixed[name]), None, (), (), step))
                else:
                    reads = (self.slot(name),)
                    calls.append((partial(np.copyto, part), reads, (), (), step))
            start = end
        return calls

    def _free(self, calls: list[Call]) -> None:
        """Clear slots after their last reader."""
        kept = {self.slot(entry.name) for entry in self.arrangement.program.outputs}
        kept |= {i for i, array in enumerate(self.slots) if array is not None}
        for at in range(len(calls) - 1, -1, -1):
            call, reads, fills, _, step = calls[at]
            gone = tuple({*(reads or ()), *fills} - kept)
            kept.update(gone)
            calls[at] = (call, reads, fills, gone, step)


def title(step: Step) -> str:
    """An operator and what was folded into it."""
    node = step.node
    parts = [node.operator]
    if node.operator == "Conv" and node.has(3):
        parts.append("residual")
    if activation := node.attributes.get("activation"):
        parts.append(activation if isinstance(activation, str) else activation[0])
    return "+".join(parts)


def described(program: Program, arrangement: Arrangement | None) -> str:
    """A line a step; with shapes and places if an arrangement is given."""
    lines = []
    if arrangement is not None and arrangement.size < 0:
        with arrangement.lock:
            arrangement._arrange()
    total = 0
    for step in program.steps:
        reads = ", ".join(filter(None, step.inputs))
        line = f"{title(step)}  {reads} -> {', '.join(step.outputs)}"
        if arrangement is not None:
            fact = arrangement.facts[step.outputs[0]]
            place = arrangement.places.get(step.outputs[0])
            line += f"  {'x'.join(map(str, fact.shape))}"
            if fact.value is not None:
                line += "  known from shapes"
            elif place is None:
                line += "  view" if len(fact.roots) > 1 else "  new"
            elif place.parent is not None:
                line += f"  in {place.parent} from {place.start} of axis {place.axis}"
            else:
                line += f"  at {place.offset}"
            total += math.prod(fact.shape) * fact.dtype.itemsize
        lines.append(line)
    if arrangement is not None:
        lines.append(f"buffer: {arrangement.size} bytes for results of {total}")
    return "\n".join(lines)
