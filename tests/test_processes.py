"""Other processes, other threads, signals: a call gives the same bits, and ends, among them all."""

import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import convpool
from operators import bits, operators, takes
from reference import assert_same_bits


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(python, method):
    """After use on several threads, whose workers no child has."""
    ended = python(
        """
        import multiprocessing, os, warnings
        from functools import partial
        import numpy as np, convpool

        method = os.environ["METHOD"]
        if method not in multiprocessing.get_all_start_methods():
            raise SystemExit
        rng = np.random.default_rng(0)
        weight = rng.standard_normal((32, 16, 3, 3)).astype(np.float32)
        images = rng.standard_normal((12, 1, 16, 60, 60)).astype(np.float32)
        call = partial(convpool.conv2d, weight=weight, padding=1, num_threads=4)
        expected = list(map(call, images))
        warnings.simplefilter("ignore")  # newer Pythons warn of fork beside threads
        with multiprocessing.get_context(method).Pool(3) as pool:
            for _ in range(3):
                answers = pool.map(call, images, chunksize=2)
                for answer, wanted in zip(answers, expected, strict=True):
                    assert answer.tobytes() == wanted.tobytes()
                assert call(images[0]).tobytes() == expected[0].tobytes()
        """,
        METHOD=method,
    )
    assert ended.returncode == 0, ended.stderr


def test_sixty_four_threads_call_every_operator():
    calls = list(operators(9).values())
    for i, (function, arguments) in enumerate(calls):
        if takes(function, "num_threads"):
            arguments["num_threads"] = 1 + i % 4
    expected = [bits(function(**arguments)) for function, arguments in calls]
    start = threading.Barrier(64)

    def work(number):
        start.wait()
        for i in range(len(calls)):
            at = (i + number) % len(calls)
            function, arguments = calls[at]
            assert bits(function(**arguments)) == expected[at]
        return True

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(work, range(64)))


def test_the_number_of_threads_changes_meanwhile():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 16, 60, 60)).astype(np.float32)
    weight = rng.standard_normal((32, 16, 3, 3)).astype(np.float32)
    before = convpool.get_num_threads()
    expected = convpool.conv2d(x, weight, num_threads=1)
    ended = threading.Event()

    def change():
        count = 0
        while not ended.is_set():
            count = count % 8 + 1
            convpool.set_num_threads(count)

    def work(_):
        for _ in range(60):
            assert_same_bits(convpool.conv2d(x, weight), expected)
        return True

    changer = threading.Thread(target=change)
    changer.start()
    try:
        with ThreadPoolExecutor(3) as pool:
            assert all(pool.map(work, range(3)))
    finally:
        ended.set()
        changer.join()
        convpool.set_num_threads(before)


NESTED = """
#include <omp.h>

/* Calls back from each of so many threads of a team. */
void each(int threads, void (*call)(int))
{
    #pragma omp parallel num_threads(threads)
    call(omp_get_thread_num());
}
"""


def test_inside_a_parallel_region_of_others(python, tmp_path):
    compiler = shutil.which("gcc") or pytest.skip("no gcc here")
    source, library = tmp_path / "nested.c", tmp_path / "nested.so"
    source.write_text(NESTED)
    command = [compiler, "-shared", "-fPIC", "-fopenmp", source, "-o", library]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this compiler has no OpenMP")
    ended = python(
        f"""
        import ctypes, json
        import numpy as np, convpool
        nested = ctypes.CDLL({str(library)!r})
        rng = np.random.default_rng(0)
        weight = rng.standard_normal((32, 16, 3, 3)).astype(np.float32)
        x = rng.standard_normal((1, 16, 60, 60)).astype(np.float32)
        expected = convpool.conv2d(x, weight, num_threads=1).tobytes()
        same = {{}}

        @ctypes.CFUNCTYPE(None, ctypes.c_int)
        def call(number):
            own = [convpool.conv2d(x, weight, num_threads=4).tobytes() for _ in range(5)]
            same[number] = all(bits == expected for bits in own)

        for _ in range(3):
            nested.each(3, call)
        print(json.dumps(sorted(same.items())))
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [[0, True], [1, True], [2, True]]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals between processes there")
def test_an_interrupt_is_handled_when_the_call_returns(python):
    ended = python(
        """
        import os, signal, threading, time
        import numpy as np, convpool
        signal.signal(signal.SIGINT, signal.default_int_handler)  # may have come ignored
        weight = np.ones((64, 64, 5, 5), np.float32)
        x = np.ones((1, 64, 400, 400), np.float32)  # 32 G multiply-adds
        out = np.zeros((1, 64, 396, 396), np.float32)

        def interrupt():
            while out[0, 0, 0, 0] == 0:
                time.sleep(0.001)
            print("midway", out[0, -1, -1, -1] == 0)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            convpool.conv2d(x, weight, algorithm="direct", num_threads=2, out=out)
            for _ in range(1000):
                time.sleep(0.01)
        except KeyboardInterrupt:
            print("interrupted", (out == 64 * 25).all())
        convpool.conv2d(x[..., :40, :40], weight, num_threads=2)
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "midway True\ninterrupted True\n"


@pytest.mark.parametrize(
    ("file", "text", "cpus"),
    [("cpu.max", "100000 100000", 1), ("cpu.max", "max 100000", None),
     ("cpu.max", "120000 100000", 2), ("cpu.cfs_quota_us", "50000", 1),
     ("cpu.cfs_quota_us", "-1", None)],
)  # fmt: skip
def test_a_quota_of_the_cgroup(tmp_path, python, file, text, cpus):
    """A folder of ours in the place of the kernel's, for one process."""
    unshare = shutil.which("unshare") or pytest.skip("no unshare here")
    inside = [unshare, "--mount", "--map-root-user", "sh", "-c"]
    mount = f"mount --bind {tmp_path} /sys/fs/cgroup"
    if subprocess.run([*inside, mount], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    (tmp_path / file).write_text(text + "\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    ended = python(
        f"""
        import os, subprocess, sys
        import convpool
        print(convpool.get_num_threads())
        code = "import convpool; print(convpool.get_num_threads())"
        inside = {inside!r}
        command = {mount!r} + f" && {{sys.executable}} -c '{{code}}'"
        print(subprocess.run([*inside, command], check=True, capture_output=True, text=True).stdout)
        """
    )
    assert ended.returncode == 0, ended.stderr
    everywhere, here = map(int, ended.stdout.split())
    assert here == (everywhere if cpus is None else min(cpus, everywhere))
