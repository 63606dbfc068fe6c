"""Memory that is not to be had is a MemoryError, whichever request it is; none is lost; and what it
held before is not computed with.

Requests fail one by one, the first, the second and so on, until a call succeeds (c/nomemory.c); or
what they get is full of signalling NaNs (c/spoil.c).
"""

import json
import platform
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import convpool
from convpool import _memory

SOURCES = Path(__file__).parent / "c"

FAILING = """
    import ctypes, gc, json, sys
    import numpy as np
    from convpool import _memory
    from operators import bits, operators, takes

    nomemory = ctypes.CDLL(LIBRARY)
    nomemory.nomemory_begin.argtypes = ctypes.c_long, ctypes.c_size_t
    # Smaller ones are objects of Python's, which tells itself when it has no memory.
    LEAST = 4096

    def arrays(result):
        return result if isinstance(result, tuple) else (result,)

    def attempt(number, call):
        nomemory.nomemory_begin(number, LEAST)
        try:
            return call()
        finally:
            nomemory.nomemory_end()

    report = {}
    for name, (function, arguments) in operators(12, np.DTYPE).items():
        more = {"num_threads": 2} if takes(function, "num_threads") else {}
        expected = function(**arguments, **more)
        outs = [None]
        if takes(function, "out"):
            outs.append(np.empty_like(arrays(expected)[0]))
        failed, wrong = 0, []
        for out in outs:
            if out is not None:
                more["out"] = out
            number = -1
            while True:
                number += 1
                if out is not None:
                    out.view(np.uint8)[...] = 0xA5
                _memory.release()  # working space, which calls leave to the next one
                before = nomemory.nomemory_held()
                try:
                    result = attempt(number, lambda: function(**arguments, **more))
                except MemoryError:
                    failed += 1
                    if out is not None and (out.view(np.uint8) != 0xA5).any():
                        wrong.append("out is written")
                except BaseException as error:
                    wrong.append(repr(error))
                    break
                else:
                    if bits(result) != bits(expected):
                        wrong.append("result")
                    break
                finally:
                    result = None
                    gc.collect()
                    _memory.release()
                    if nomemory.nomemory_held() != before:
                        wrong.append(f"{nomemory.nomemory_held() - before} blocks lost")
        report[name] = failed, sorted(set(wrong))
    print(json.dumps(report))
"""

# These compute phase by phase, straight into `out` (docs/trust.md).
IN_PARTS = {
    f"{name}{spatial}d{end}"
    for name, end in [("conv_transpose", ""), ("grad.conv", "_input")]
    for spatial in (1, 2, 3)
}


def allocator(name, folder):
    """Compiles an allocator that takes the place of the C library's."""
    compiler = shutil.which("gcc") or shutil.which("cc") or pytest.skip("no C compiler here")
    library = folder / f"{name}.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    source = SOURCES / f"{name}.c"
    subprocess.run([compiler, *flags, source, "-o", library, "-lpthread"], check=True)
    return library


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_each_request_in_turn_fails(dtype, python, tmp_path):
    library = allocator("nomemory", tmp_path)
    code = FAILING.replace("LIBRARY", repr(str(library))).replace("DTYPE", dtype)
    ended = python(code, timeout=300, LD_PRELOAD=str(library))
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert len(report) > 60
    assert sum(failed for failed, _ in report.values()) > 2 * len(report)
    wrong = {name: how for name, (_, how) in report.items() if how}
    assert {name: how for name, how in wrong.items() if name not in IN_PARTS} == {}
    assert all(how == ["out is written"] for how in wrong.values())


LEAKING = """
    import gc, json, tracemalloc
    import numpy as np
    from operators import operators, takes

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    CALLS = 400
    tracemalloc.start()
    operators, grown = operators(4), {}
    for turn in range(2):  # the first fills all caches
        before = resident()
        for name, (function, arguments) in operators.items():
            if takes(function, "num_threads"):
                arguments["num_threads"] = 2
            gc.collect()
            traced = tracemalloc.get_traced_memory()[0]
            for _ in range(CALLS):
                function(**arguments)
            gc.collect()
            grown[name] = (tracemalloc.get_traced_memory()[0] - traced) / CALLS
    print(json.dumps([CALLS * len(operators), resident() - before, grown]))
"""


def test_nothing_leaks_in_ten_thousand_calls(python):
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    ended = python(LEAKING, timeout=300)
    assert ended.returncode == 0, ended.stderr
    calls, resident, grown = json.loads(ended.stdout)
    assert calls > 10_000
    # No object of Python's has fewer bytes; what caches keep is less, shared out over the calls.
    assert {name: size for name, size in grown.items() if size >= 16} == {}
    # Scratch memory would be kilobytes a call; the allocator's own pages come and go.
    assert resident < 16 * calls + 2**19


def test_working_space_is_kept_from_call_to_call():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, 64, 40, 40), dtype=np.float32)
    weight = rng.standard_normal((64, 64, 3, 3), dtype=np.float32)
    packed = {way: convpool.pack_weight(weight, algorithm=way) for way in ("direct", "winograd")}
    out = np.empty((1, 64, 38, 38), np.float32)
    for one in packed.values():
        convpool.conv2d(x, one, out=out)
    tracemalloc.start()
    try:
        for one in packed.values():
            convpool.conv2d(x, one, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8192  # of a panel of some 100 kB nothing


@pytest.mark.parametrize("pixels", [1, 4, 5])
def test_working_space_of_few_pixels_by_many_channels_is_bounded(pixels):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((pixels, 4, 1, 1), dtype=np.float32)
    weight = rng.standard_normal((400_000, 4, 1, 1), dtype=np.float32)
    out = np.empty((pixels, 400_000, 1, 1), np.float32)
    _memory.release()
    tracemalloc.start()
    try:
        convpool.conv2d(x, weight, out=out, num_threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 2**21 + (0 if pixels < 5 else 2 * weight.nbytes)  # which is packed


SPOILED = """
    import ctypes, itertools, json
    import numpy as np
    import convpool
    from convpool import _memory
    from operators import operators, takes

    INVALID = 1  # FE_INVALID, of x86-64 and aarch64
    # Signalling NaNs of the type of sums. An operation that has one for an operand says so.
    SIGNALLING = {"float32": 0x7FA000007FA00000, "float64": 0x7FF4000000000000}
    flags = ctypes.CDLL("libm.so.6")
    spoil = ctypes.CDLL(LIBRARY)
    spoil.spoil_with.argtypes = [ctypes.c_uint64]

    def computes_with_it(call, sums):
        _memory.release()
        spoil.spoil_with(SIGNALLING[sums])
        flags.feclearexcept(INVALID)
        call()
        found = flags.fetestexcept(INVALID)
        spoil.spoil_with(0)
        return bool(found)

    def cases(dtype):  # pools do not multiply
        for side in (5, 8, 12):
            for name, (function, arguments) in operators(side, np.dtype(dtype)).items():
                if takes(function, "num_threads") and "pool" not in name:
                    yield f"{name} {side}", function, {**arguments, "num_threads": 1}
        rng = np.random.default_rng(0)

        def normal(*shape):
            return rng.standard_normal(shape).astype(dtype)

        # Images that end within a vector, of points, windows, Winograd's tiles, single channels.
        shapes = [(40, 20, 1, 1), (300, 96, 1, 1), (6, 20, 3, 1), (8, 8, 3, 1), (64, 40, 5, 1),
                  (3, 12, 7, 1), (3, 3, 3, 3), (16, 16, 5, 16), (33, 33, 7, 33), (20, 20, 1, 20)]
        for (channels, outputs, side, groups), last, packed, stride in itertools.product(
            shapes, (False, True), (False, True), (1, 2)
        ):
            x, weight = normal(2, channels, 14, 14), normal(outputs, channels // groups, side, side)
            bias = normal(outputs)
            more = dict(stride=stride, groups=groups, layout="NHWC" if last else "NCHW")
            name = f"{x.shape} {weight.shape} {more} {packed}"
            x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if last else x
            arguments = {"x": x, "weight": weight, "bias": bias, "num_threads": 1, **more}
            if packed:
                weight = convpool.pack_weight(weight, bias, **more)
                arguments = {"x": x, "weight": weight, "num_threads": 1}
            yield name, convpool.conv2d, arguments
        if dtype != "float16":
            for height, width, channels in [(5, 3, 1), (3, 9, 3), (21, 9, 1), (31, 31, 3)]:
                image, kernel = normal(40, 50, channels), normal(height, width)
                arguments = {"image": image, "kernel": kernel, "num_threads": 1}
                yield f"filter2d {image.shape} {kernel.shape}", convpool.filter2d, arguments

    x = np.frombuffer(np.uint32([0x7FA00000]).tobytes() * 400, np.float32).reshape(1, 1, 20, 20)
    weight = np.ones((1, 1, 3, 3), np.float32)
    report = {"seen": computes_with_it(lambda: convpool.conv2d(x, weight), "float32")}
    for dtype in ("float16", "float32", "float64"):
        sums = "float64" if dtype == "float64" else "float32"
        found = {name: computes_with_it(lambda: function(**arguments), sums)
                 for name, function, arguments in cases(dtype)}
        report[dtype] = [len(found), [name for name, wrong in found.items() if wrong]]

    # Threads whose first block is the last one, of fewer lanes than a vector has. Since they have
    # flags of their own, an operation on such a number ends the process here.
    x, weight = np.ones((1, 9, 9, 211), np.float32), np.ones((844, 1, 3, 3), np.float32)
    _memory.release()
    spoil.spoil_with(SIGNALLING["float32"])
    flags.feclearexcept(INVALID)
    flags.feenableexcept(INVALID)
    convpool.conv2d(x, weight, groups=211, layout="NHWC", padding=1, num_threads=14)
    flags.fedisableexcept(INVALID)
    print(json.dumps(report))
"""


# Lanes of vectors beyond an array's end take part in no result. But if what memory held there
# before is subnormal, as are small integers read as floats, each product takes a hundred times as
# long: a layer would be several times slower after one of another kind.
@pytest.mark.parametrize("isa", convpool.get_config()["isas"])
def test_what_memory_held_is_not_computed_with(isa, python, tmp_path):
    library = allocator("spoil", tmp_path)
    code = SPOILED.replace("LIBRARY", repr(str(library)))
    ended = python(code, timeout=300, LD_PRELOAD=str(library), CONVPOOL_ISA=isa)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report.pop("seen")
    assert all(number > 100 for number, _ in report.values())
    assert {dtype: names for dtype, (_, names) in report.items() if names} == {}
