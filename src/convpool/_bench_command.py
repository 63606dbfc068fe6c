"""`convpool bench`: a trained model by convpool, and by ONNX Runtime where it is installed.

Each has slices of its own, which alternate: a pause in which all workers go to sleep, two calls
that warm the caches, then the calls that count. Both have the same inputs and as many threads.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import UsageError
from ._onnx import load_onnx
from ._threads import get_num_threads

Array = NDArray[Any]
Feeds = dict[str, Array]

WARM_CALLS = 2
LEAST_SAMPLES = 3
PAUSE = 0.03


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if options.rounds < 1 or not 0 < options.seconds < 3600:
        raise UsageError("--rounds, --seconds: expected numbers above 0")
    threads = get_num_threads()
    net = load_onnx(options.model)
    feeds = inputs(net.inputs, shapes(options.shape, [entry.name for entry in net.inputs]))
    ours = net.run(feeds)
    contenders: list[tuple[str, Callable[[], Any]]] = [("convpool", lambda: net.run(feeds))]
    try:
        import onnxruntime
    except ImportError:
        print("ONNX Runtime is not installed: convpool alone")
    else:
        session = _session(onnxruntime, str(options.model), threads)
        theirs = session.run(None, feeds)
        for (name, result), other in zip(ours.items(), theirs, strict=True):
            print(f"{name}: {result.shape}, differs by {difference(result, other):.1e}")
        contenders.append(("ONNX Runtime", lambda: session.run(None, feeds)))
    timings = measured([call for _, call in contenders], options.rounds, options.seconds)
    print(f"{threads} threads, batch and sizes " + ", ".join(str(x.shape) for x in feeds.values()))
    for (name, _), samples in zip(contenders, timings, strict=True):
        best, usual = 1e3 * min(samples), 1e3 * median(samples)
        print(f"{name:>12}: {best:9.3f} ms at best, {usual:9.3f} ms median, {len(samples)} calls")
    if len(timings) == 2:
        ratio = min(timings[1]) / min(timings[0])
        print(f"convpool is {ratio:.2f} times as fast")
    if options.profile:
        print(net.profile(*feeds.values()))


def _session(library: Any, path: str, threads: int) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return library.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def shapes(words: list[str], names: list[str]) -> dict[str, tuple[int, ...]]:
    """What --shape said, for each input's name."""
    found = {}
    for word in words:
        name, _, sizes = word.rpartition("=")
        if not name:
            if len(names) != 1:
                raise UsageError(f"--shape: got {word!r}, expected NAME=SIZES: {', '.join(names)}")
            name = names[0]
        if name not in names:
            raise UsageError(f"--shape: got {name!r}, expected one of {', '.join(names)}")
        parts = sizes.lower().split("x") if sizes else []
        if not all(part.isdecimal() and int(part) < 2**31 for part in parts):
            raise UsageError(f"--shape: got {sizes!r}, expected sizes as in 1x3x224x224")
        found[name] = tuple(map(int, parts))
    return found


def inputs(entries: list[Any], asked: dict[str, tuple[int, ...]]) -> Feeds:
    """Random inputs; a batch that the model leaves open is 1."""
    random = np.random.default_rng(0)
    feeds = {}
    for entry in entries:
        shape = asked.get(entry.name)
        if shape is None:
            shape = entry.shape
            if shape is not None and shape and not isinstance(shape[0], int):
                shape = (1, *shape[1:])
            if shape is None or not all(isinstance(size, int) for size in shape):
                raise UsageError(
                    f"{entry.name}: the model takes several shapes, {entry.shape}; "
                    f"say one: --shape {entry.name}=1x3x224x224"
                )
        dtype = np.dtype(np.float32 if entry.dtype is None else entry.dtype)
        values = random.random(shape)
        feeds[entry.name] = np.asarray(values if dtype.kind == "f" else 2 * values, dtype)
    return feeds


def difference(result: Array, other: Array) -> float:
    """The largest deviation as a share of the largest value."""
    if result.shape != other.shape:
        return float("inf")
    if result.dtype.kind not in "fiu" or result.size == 0:
        return float(not np.array_equal(result, other))
    scale = float(np.abs(other).max()) or 1.0
    return float(np.abs(result.astype(np.float64) - other).max()) / scale


def measured(calls: list[Callable[[], Any]], rounds: int, seconds: float) -> list[list[float]]:
    """Seconds of each call, in slices that alternate."""
    samples: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        order = range(len(calls)) if turn % 2 == 0 else reversed(range(len(calls)))
        for i in order:
            time.sleep(PAUSE)
            for _ in range(WARM_CALLS):
                calls[i]()
            end, count = time.perf_counter() + seconds, 0
            while count < LEAST_SAMPLES or time.perf_counter() < end:
                start = time.perf_counter()
                calls[i]()
                samples[i].append(time.perf_counter() - start)
                count += 1
    return samples
