#!/usr/bin/env python3
"""Random calls by the million: no crash, hang or wrong write, and no errors but those promised.

    python scripts/fuzz.py arguments [--cases N] [--seed S]    # all operators on arrays
    python scripts/fuzz.py arguments --seed S --case K         # one of them again, shown
    python scripts/fuzz.py models [--seconds N] [--corpus DIR] # load_onnx, guided by coverage

arguments: a case is made from seed and number alone, and run by a worker

    a call that is right: an operator, its sizes, type and layout
    some arguments exchanged for strange ones
    arrays laid out anew: strides, order of axes, alignment, byte order, as lists, as protocols
    `out` with strides of its own in a guarded buffer, or over an input

    expected = the same call with plain arrays and without `out`
    an error has to be the expected one, and every buffer as it was
    a result has to have the expected bits, and nothing beside it may have changed

Where the worker is, shared memory tells: a case that crashes or hangs is named, and the rest run.

models: atheris changes small ONNX files; loading and running one may raise ValueError, TypeError or
MemoryError. It needs atheris, and what it finds it writes where it is run.
"""

import argparse
import itertools
import mmap
import multiprocessing
import os
import resource
import struct
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from operators import operators, takes

HANGS = 60  # seconds that no case needs
LONGEST = 4096  # bytes of a model
MEMORY = 3 << 30  # addresses of a worker, so that what asks for too much fails at once
GUARD = 64  # bytes on either side of `out`

TYPES = (np.float32, np.float32, np.float64, np.float16)
IMAGES = {"x", "residual", "grad_output", "indices"}  # arrays in the order that `layout` says
SHAPES = {"input_size", "output_size"}
ARRAYS = IMAGES | {"weight", "bias", "image", "kernel"}


class Strange:
    """Fails in every way an argument can be asked for something."""

    def __init__(self, error):
        self.error = error

    def fail(self, *_, **__):
        """Raise, whatever is asked."""
        raise self.error

    __index__ = __float__ = __bool__ = __iter__ = __len__ = __array__ = __eq__ = __repr__ = fail
    __hash__ = None


class Speaking:
    """An array by protocol alone."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Exporting(Speaking):
    """Likewise, as other libraries hand over memory."""

    __array__ = property()

    def __dlpack__(self, **arguments):
        return self.array.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Ones:
    """Neither list nor tuple; says two ones as often as it is asked."""

    def __iter__(self):
        return iter((1, 1))


class Subclass(np.ndarray):
    """An array that is not quite one."""


STRANGE = [
    *(lambda n=n: n for n in (-(2**63), -(2**31), -7, -1, 0, 1, 2, 3, 5, 40, 2**31 - 1, 2**31)),
    *(lambda n=n: n for n in (2**40, 2**62, 2**63, 2**64, 2**80)),
    *(lambda x=x: x for x in (True, False, None, 0.5, 1.0, -0.0, float("nan"), float("inf"), 1j)),
    *(lambda x=x: x for x in ("", "same", "valid", "same_lower", "zeros", "reflect", "circular")),
    *(lambda x=x: x for x in ("replicate", "constant", "relu", "silu", "NHWC", "\0", b"same")),
    *(lambda x=x: x for x in ((), [], {}, (1,), (1, 2), [2, 1, 2], ((1, 0), (0, 2)), ((0, 1),))),
    *(lambda x=x: x for x in (("relu", 1), ("hardtanh", (-1, 1)), ("elu", float("nan")), (1, "2"))),
    *(lambda e=e: Strange(e("strange")) for e in (TypeError, ValueError)),
    lambda: itertools.repeat(1),
    Ones,
    lambda: np.int64(2),
    lambda: np.uint8(1),
    lambda: np.float32(2),
    lambda: np.array(2),
    lambda: np.array([1, 2]),
    lambda: np.zeros(0, np.float32),
    lambda: np.zeros((0, 3, 4, 4), np.float32),
    lambda: np.zeros((2, 4, 0, 3), np.float32),
    lambda: np.ones((2, 4, 6, 6), np.int32),
    lambda: np.ones((4, 4), "U3"),
    lambda: np.ones((2, 4, 6, 6), object),
    lambda: np.ones((2, 4, 6), np.complex64),
    lambda: np.zeros((2, 3), [("a", "f4"), ("b", "i8")]),
    lambda: [[1, 2], [3]],
    lambda: memoryview(b"bytes"),
    lambda: np.datetime64("2000-01-01"),
    object,
]


def pick(rng, choices):
    """One of them, which need not be alike."""
    return choices[rng.integers(len(choices))]


# Layouts in memory


def embedded(rng, shape, dtype, over=None):
    """A buffer and an array of a shape in it: any order of axes, steps and directions, alignment.

    Over an array's own buffer if given, should it be large enough.
    """
    rank, size = len(shape), np.dtype(dtype).itemsize
    steps = [int(rng.choice([1, 1, 1, 2, 3])) for _ in shape]
    order = rng.permutation(rank) if rng.random() < 0.5 else np.arange(rank)
    extents = [max(shape[axis], 1) * steps[axis] for axis in order]
    offset = GUARD + (int(rng.integers(1, size)) if size > 1 and rng.random() < 0.1 else 0)
    count = int(np.prod(extents))
    buffer = over
    if over is None or over.size < count * size + 2 * offset:
        buffer = rng.integers(0, 256, count * size + 2 * offset, np.uint8)
    whole = np.ndarray(extents, dtype, buffer, offset)
    whole = whole.transpose(np.argsort(order)) if rank else whole
    for axis, (size, step) in enumerate(zip(shape, steps, strict=True)):
        part = slice(0, size * step, step)
        if size and rng.random() < 0.2:
            part = slice(size * step - 1, None, -step)
        whole = whole[(*[slice(None)] * axis, part)]
    return buffer, whole


def laid_out(rng, array):
    """The buffer, if any, and what a caller might pass in place of a plain array."""
    way = rng.integers(12)
    if way < 4:
        return None, array
    if way < 8:
        buffer, view = embedded(rng, array.shape, array.dtype)
        view[...] = array
        return buffer, view
    if way == 8:
        return None, array.astype(array.dtype.newbyteorder())
    if way == 9:
        array = array.copy()
        array.flags.writeable = False
        return None, pick(rng, [array, array.view(Subclass)])
    if way == 10 and array.ndim:
        return None, np.broadcast_to(array[..., :1], array.shape)
    protocols = [Speaking, Exporting, lambda a: a.tolist() if a.size and a.dtype == float else a]
    return None, pick(rng, [*protocols, memoryview])(array)


def plain(value):
    """An array as the simplest one of its values."""
    if isinstance(value, Speaking):
        value = value.array
    if isinstance(value, np.ndarray | memoryview):
        array = np.asarray(value)
        return np.array(array, array.dtype.newbyteorder("="), order="C", copy=True)
    return value


def simple(arguments):
    """The same call with plain arrays."""
    return {name: plain(value) if name in ARRAYS else value for name, value in arguments.items()}


# Calls

TABLES = {}
NUMBERS = {"num_threads": (1, 2, 3), "algorithm": ("auto", "direct", "winograd")}


def right_call(rng):
    """A function and arguments that fit."""
    key = int(rng.integers(3, 7)), pick(rng, TYPES)
    if key not in TABLES:
        TABLES[key] = operators(*key)
    calls = TABLES[key]
    function, arguments = calls[pick(rng, list(calls))]
    arguments = dict(arguments)
    for name, given in NUMBERS.items():
        if takes(function, name) and rng.random() < 0.2:
            arguments[name] = pick(rng, given)
    if takes(function, "activation") and rng.random() < 0.3:
        arguments["activation"] = pick(rng, ("relu", "relu6", "tanh", "silu", ("leaky_relu", 0.1)))
    if takes(function, "bias") and rng.random() < 0.3:
        arguments.pop("bias", None), arguments.pop("residual", None)
    if rng.random() < 0.2:
        channels_last(function, arguments)
    return function, arguments


def channels_last(function, arguments):
    """Exchanges the order of axes, where there is one."""
    if not takes(function, "layout"):
        return
    rank = max(np.ndim(a) for a in arguments.values() if isinstance(a, np.ndarray))
    arguments["layout"] = {3: "NWC", 4: "NHWC", 5: "NDHWC"}[rank]
    for name, value in arguments.items():
        if name in IMAGES:
            arguments[name] = np.ascontiguousarray(np.moveaxis(value, 1, -1))
        if name in SHAPES and len(value) == rank:
            arguments[name] = (value[0], *value[2:], value[1])


def changed(rng, function, arguments):
    """A few arguments exchanged for others, which may fit or not."""
    names = [*arguments, *(n for n in ("layout", "padding_mode", "groups") if takes(function, n))]
    for _ in range(pick(rng, (0, 0, 0, 1, 1, 2, 4))):
        name = pick(rng, names)
        value = arguments.get(name)
        if isinstance(value, tuple) and rng.random() < 0.8:
            items = list(value)
            if items:
                items[rng.integers(len(items))] = (
                    int(rng.integers(0, 6)) if rng.random() < 0.8 else pick(rng, STRANGE)()
                )
            arguments[name] = pick(rng, (tuple, list))(items)
        elif isinstance(value, np.ndarray) and value.ndim and rng.random() < 0.7:
            axis, most = int(rng.integers(value.ndim)), 7
            kept = np.arange(rng.integers(0, most)) % max(value.shape[axis], 1)
            taken = np.take(value, kept[: most * value.shape[axis]], axis)
            arguments[name] = taken if rng.random() < 0.7 or not len(value) else value[0]
        else:
            arguments[name] = pick(rng, STRANGE)()


def outcome(function, arguments):
    """What a call returns, as arrays, or the error it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of values
            result = function(**arguments)
    except (TypeError, ValueError, MemoryError) as error:
        return type(error), str(error)
    return result if isinstance(result, tuple) else (result,)


def told(outcome):
    """In few words."""
    return outcome if isinstance(outcome[0], type) else [(a.dtype, a.shape) for a in outcome]


def run(seed, number, show=False):
    """One case; raises AssertionError where something is wrong."""
    rng = np.random.default_rng((seed, number))
    function, arguments = right_call(rng)
    changed(rng, function, arguments)
    expected = outcome(function, simple(arguments))
    if show:
        print(function.__module__, function.__name__, arguments, "expected:", expected, sep="\n")
    failed = isinstance(expected[0], type)
    if failed and not issubclass(expected[0], MemoryError):
        named = expected[1].partition(":")[0].partition("[")[0]
        assert takes(function, named), f"an error that names no argument: {expected}"
    buffers = []
    for name, value in arguments.items():
        if name in ARRAYS and isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            buffer, arguments[name] = laid_out(rng, value)
            if buffer is not None:
                buffers.append(buffer)
            if isinstance(arguments[name], np.ndarray) and 0 in arguments[name].strides:
                expected = outcome(function, simple(arguments))
                failed = isinstance(expected[0], type)
    out = None
    if takes(function, "out") and rng.random() < 0.6:
        like = next((a for a in arguments.values() if isinstance(a, np.ndarray)), np.zeros(3))
        like = like if failed else expected[0]
        shape, dtype = like.shape, like.dtype
        over = pick(rng, buffers) if buffers and rng.random() < 0.2 else None
        if dtype.kind in "fiu":
            buffer, out = embedded(rng, shape, dtype.newbyteorder("="), over)
            arguments["out"] = out
            buffers = [b for b in buffers if b is not buffer] + [buffer]
    if show:
        print("arguments:", {n: getattr(a, "strides", a) for n, a in arguments.items()})
    before = [buffer.copy() for buffer in buffers]
    if out is not None and not failed:
        # What the buffer is to hold: the view of the copy that `out` is of the buffer.
        offset = out.__array_interface__["data"][0] - buffer.__array_interface__["data"][0]
        np.ndarray(out.shape, out.dtype, before[-1], offset, out.strides)[...] = expected[0]
    got = outcome(function, arguments)
    if show:
        print("got:", got)
    if failed or isinstance(got[0], type):
        assert failed and isinstance(got[0], type), f"expected {told(expected)}, got {told(got)}"
        promised = got[0] is expected[0] or MemoryError in (got[0], expected[0])
        assert promised or out is not None, f"expected {expected}, got {got}"
    else:
        assert out is None or got[0] is out, "another array than out came back"
        for a, b in zip(got, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), "another shape or type"
            assert a is out or a.tobytes() == b.tobytes(), "other values"
    for after, should in zip(buffers, before, strict=True):
        assert (after == should).all(), "memory that should not have changed, or wrong values"


# Workers


def work(seed, begin, end, place, found):
    """Runs cases in order; `place` holds the number of the one that runs."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(begin, end):
        place[:8] = struct.pack("q", number)
        try:
            run(seed, number)
        except Exception as error:
            found.put((number, f"{type(error).__name__}: {error}"))


class Worker:
    """A process that runs the cases from `begin` on; `number` is where it is."""

    def __init__(self, context, seed, begin, end, found):
        self.place, self.end = mmap.mmap(-1, 8), end
        self.seen = -1, time.monotonic()  # the last case looked at, and since when
        self.process = context.Process(target=work, args=(seed, begin, end, self.place, found))
        self.process.start()

    @property
    def number(self):
        """The case that runs, or ran last."""
        return struct.unpack("q", self.place[:8])[0]

    def fault(self):
        """What ended it, "" if it came to its end, None while it runs; one that hangs is killed."""
        if self.number != self.seen[0]:
            self.seen = self.number, time.monotonic()
        if not self.process.is_alive():
            self.process.join()
            return f"exit code {self.process.exitcode}" if self.process.exitcode else ""
        if time.monotonic() - self.seen[1] <= HANGS:
            return None
        self.process.kill()
        self.process.join()
        return "hangs"


def arguments_main(options):
    """All cases, shared out over workers; 1 if any was bad."""
    if options.case is not None:
        run(options.seed, options.case, show=True)
        return 0
    context, started = multiprocessing.get_context("fork"), time.monotonic()
    edges = [options.cases * i // options.workers for i in range(options.workers + 1)]
    spans, running, found, bad = list(itertools.pairwise(edges)), [], context.Queue(), 0
    while spans or running:
        while spans and len(running) < options.workers:
            running.append(Worker(context, options.seed, *spans.pop(), found))
        time.sleep(0.2)
        for worker in list(running):
            fault = worker.fault()
            if fault is None:
                continue
            running.remove(worker)
            if fault:
                found.put((worker.number, fault))
                if worker.number + 1 < worker.end:
                    spans.append((worker.number + 1, worker.end))
        bad += printed(found)
    time.sleep(0.2)  # what was put last is on its way
    bad += printed(found)
    spent = time.monotonic() - started
    print(f"{options.cases} cases of seed {options.seed}, {bad} bad, {spent:.0f} s")
    return min(bad, 1)


def printed(found):
    """Prints what was found so far; how much that is."""
    count = 0
    while not found.empty():
        print(*found.get(), flush=True)
        count += 1
    return count


def seeds(folder):
    """Fills an empty folder with ONNX's published cases that are short."""
    from onnx_cases import published

    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return
    for case, model in published():
        content = model.SerializeToString()
        if len(content) <= LONGEST:
            (folder / case.name).write_bytes(content)


def fitting(value):
    """An array of the type and shape that a model asks for, if it says so."""
    sizes = (2, 3) if value.shape is None else value.shape
    shape = [size if isinstance(size, int) and size <= 64 else 2 for size in sizes[:6]]
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape) % 5
    return numbers.astype(np.float32 if value.dtype is None else value.dtype)


def models_main(options):
    """load_onnx on changed files, guided by the lines of convpool that they reach."""
    import atheris

    # What reads and runs models is imported when the first is read: here.
    with atheris.instrument_imports(include=["convpool"]):
        import convpool._onnx.network
        from convpool._onnx.operators import enter_all

        enter_all()

    def test_one_input(data):
        if b"Loop" in data:
            return  # which may go on forever, as ONNX has it
        try:
            network = convpool.load_onnx(data)
            network(*map(fitting, network.inputs))
        except (TypeError, ValueError, MemoryError):
            pass

    flags = [sys.argv[0], f"-max_total_time={options.seconds}", "-rss_limit_mb=3000"]
    flags += [f"-timeout={HANGS}", f"-max_len={LONGEST}"]
    if options.corpus:
        seeds(Path(options.corpus))
        flags.append(options.corpus)
    atheris.Setup(flags, test_one_input)
    atheris.Fuzz()


def main():
    """What the module's head says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("arguments")
    command.add_argument("--cases", type=int, default=10_000)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--case", type=int)
    command.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    command.set_defaults(main=arguments_main)
    command = commands.add_parser("models")
    command.add_argument("--seconds", type=int, default=60)
    command.add_argument("--corpus")
    command.set_defaults(main=models_main)
    options = parser.parse_args()
    return options.main(options)


if __name__ == "__main__":
    sys.exit(main())
