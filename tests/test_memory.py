"""Memory that is not to be had is a MemoryError, whichever request it is; and none is lost.

Requests fail one by one, the first, the second and so on, until a call succeeds (c/nomemory.c).
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

SOURCE = Path(__file__).parent / "c" / "nomemory.c"

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


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_each_request_in_turn_fails(dtype, python, tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc") or pytest.skip("no C compiler here")
    library = tmp_path / "nomemory.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    subprocess.run([compiler, *flags, SOURCE, "-o", library, "-lpthread"], check=True)
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
