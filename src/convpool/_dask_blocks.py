"""A Dask array whose blocks a function makes from the pixels that each of them needs.

    for each axis: cut the result where windows begin to start in another of x's chunks
    for each block of the result:
        pixels = x[from its first window's first pixel : to its last window's last pixel]
        block = function(pixels, padding = as much of x's as these windows see)

So a block reads, beside its own chunk, some rows and columns of the next. All blocks are one layer
of Dask's graph, whose tasks name chunks of x: it grows with their number alone.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._arguments import Array, array_of

if TYPE_CHECKING:
    from dask.array import Array as DaskArray

# NumPy's names of padding that repeats pixels.
REPEATED = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Windows(NamedTuple):
    """The windows of one axis; of an axis that has none, every pixel is one."""

    size: int
    outputs: int
    before: int = 0
    after: int = 0
    stride: int = 1
    reach: int = 1  # pixels from a window's first to its last


class Part(NamedTuple):
    """What a block makes of an axis, and from which pixels, with how much padding around them."""

    outputs: slice
    pixels: slice
    padding: tuple[int, int] = (0, 0)

    def moved(self, before: int) -> Part:
        """A part of an axis that has so many pixels more before it, and holds the padding."""
        low, high = self.padding
        pixels = slice(self.pixels.start - low + before, self.pixels.stop + high + before)
        return Part(self.outputs, pixels)


def lazy(name: str, value: Any) -> Any:
    """`value` as a Dask array whose shape is known."""
    try:
        import dask.array as dask_array
    except ImportError as error:
        raise ImportError("dask is not installed: pip install 'convpool[dask]'") from error
    da: Any = dask_array
    if not isinstance(value, da.Array):
        value = da.from_array(array_of(name, value))
    if any(math.isnan(size) for size in value.shape):
        raise ValueError(
            f"{name}: got chunks of unknown sizes, expected known ones: "
            f"call {name}.compute_chunk_sizes() first"
        )
    return value


def extended(x: Any, axes: Sequence[int], widths: Sequence[tuple[int, int]], mode: str) -> Any:
    """`x` with so many pixels more at both ends of some axes, which repeat others."""
    import dask.array as dask_array

    da: Any = dask_array
    for axis, (before, after) in zip(axes, widths, strict=True):
        index = np.pad(np.arange(x.shape[axis]), (before, after), mode=REPEATED[mode])  # type: ignore[call-overload]
        ends = index[:before], index[before + x.shape[axis] :]
        first, last = (da.take(x, end, axis=axis) for end in ends)
        x = da.concatenate([first, x, last], axis=axis)
    return x


def chunks_of(x: Any) -> list[list[Part]]:
    """Parts that are x's chunks, of each axis."""
    return [
        parts_of(Windows(size, size), chunks)
        for size, chunks in zip(x.shape, x.chunks, strict=True)
    ]


def parts_of(windows: Windows, chunks: Sequence[int], least: int = 1) -> list[Part]:
    """The parts of one axis, as large as `least` if the axis is."""
    if max(windows.before, windows.after) >= windows.reach:
        # One for all, as there may be windows that lie wholly in the padding.
        padding = windows.before, windows.after
        return [Part(slice(0, windows.outputs), slice(0, windows.size), padding)]
    parts = []
    for first, end in itertools.pairwise(_cuts(windows, chunks, least)):
        start = first * windows.stride - windows.before
        stop = max((end - 1) * windows.stride + windows.reach - windows.before, start)
        # With ceil_mode a last window may reach beyond the padding.
        padding = max(-start, 0), min(max(stop - windows.size, 0), windows.after)
        pixels = slice(max(start, 0), min(stop, windows.size))
        parts.append(Part(slice(first, end), pixels, padding))
    return parts


def _cuts(windows: Windows, chunks: Sequence[int], least: int) -> list[int]:
    """Where outputs of an axis are cut: between windows that begin in different chunks."""
    cuts = [0]
    for edge in itertools.accumulate(chunks[:-1]):
        start = -(-(edge + windows.before) // windows.stride)
        if cuts[-1] + least <= start <= windows.outputs - least:
            cuts.append(start)
    return [*cuts, windows.outputs]


def assembled(
    name: str,
    parts: Sequence[Sequence[Part]],
    function: Callable[[tuple[Part, ...]], Callable[..., Array]],
    x: Any,
    values: Sequence[Array | None],
    beside: Any,
    dtype: np.dtype[Any],
) -> DaskArray:
    """The array of a block for each combination of parts, one an axis.

    A block is ``function(combination)(pixels of x, *values, outputs of beside)``, the last only if
    there is such an array. To name results by what they are made of, `name` ends with a token of
    all else.
    """
    import dask.array
    from dask.highlevelgraph import HighLevelGraph

    array: Any = dask.array.Array
    graph: dict[Any, Any] = {}
    keys = []
    for i, value in enumerate(values):
        keys.append(None if value is None else f"{name}-value-{i}")
        if value is not None:
            graph[keys[-1]] = value
    for index in itertools.product(*(range(len(axis)) for axis in parts)):
        chosen = tuple(axis[i] for axis, i in zip(parts, index, strict=True))
        task = [function(chosen), _pieces(x, [part.pixels for part in chosen]), *keys]
        if beside is not None:
            task.append(_pieces(beside, [part.outputs for part in chosen]))
        graph[(name, *index)] = (_run, *task)
    chunks = tuple(tuple(p.outputs.stop - p.outputs.start for p in axis) for axis in parts)
    sources = [x] if beside is None else [x, beside]
    result: DaskArray = array(
        HighLevelGraph.from_collections(name, graph, dependencies=sources),
        name,
        chunks,
        meta=np.empty((0,) * len(chunks), dtype),
    )
    return result


def _pieces(array: Any, wanted: Sequence[slice]) -> Any:
    """What of each chunk is wanted: tasks, in lists of lists, one level an axis."""
    found = [list(_overlaps(*axis)) for axis in zip(array.chunks, wanted, strict=True)]

    def nested(chosen: tuple[tuple[int, slice], ...]) -> Any:
        if len(chosen) == len(found):
            key = (array.name, *(i for i, _ in chosen))
            return (operator.getitem, key, tuple(piece for _, piece in chosen))
        return [nested((*chosen, one)) for one in found[len(chosen)]]

    return nested(())


def _overlaps(chunks: Sequence[int], wanted: slice) -> Iterator[tuple[int, slice]]:
    """Which chunks of an axis meet a slice of it, and where in each; of no pixels the first."""
    if wanted.start == wanted.stop:
        yield 0, slice(0, 0)
    low = 0
    for i, size in enumerate(chunks):
        start, stop = max(wanted.start - low, 0), min(wanted.stop - low, size)
        if start < stop:
            yield i, slice(start, stop)
        low += size


def _joined(pieces: Any, axis: int = 0) -> Array:
    """One array of lists of lists of them."""
    if not isinstance(pieces, list):
        return np.asarray(pieces)
    arrays = [_joined(piece, axis + 1) for piece in pieces]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis)


def _run(function: Callable[..., Array], pixels: Any, *others: Any) -> Array:
    """One block."""
    return function(_joined(pixels), *(_joined(o) if isinstance(o, list) else o for o in others))
