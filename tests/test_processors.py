"""Older processors: nothing that one lacks is executed, at import or later, and the bits are those
that the same instruction set makes here. QEMU plays them.
"""

import os
import platform
import shutil
import subprocess
import sys

import pytest

import convpool

CODE = """
import hashlib
import numpy as np
import convpool

rng = np.random.default_rng(0)
results = []
for dtype in (np.float32, np.float64, np.float16):
    x, wide, deep = (
        rng.standard_normal(shape).astype(dtype)
        for shape in [(2, 8, 23, 21), (8, 8, 3, 3), (8, 1, 3, 3)]
    )
    for algorithm in ("direct", "winograd"):
        results.append(convpool.conv2d(x, wide, padding=1, algorithm=algorithm, activation="tanh"))
    results.append(convpool.conv2d(x, wide, stride=2, padding=1, padding_mode="reflect"))
    results.append(convpool.conv2d(x, deep, groups=8, padding="same", activation="relu6"))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    results.append(convpool.conv2d(last, deep, groups=8, layout="NHWC"))
    for layout, array in (("NCHW", x), ("NHWC", last)):
        results.append(convpool.max_pool2d(array, 3, stride=2, padding=1, layout=layout))
        results.append(convpool.avg_pool2d(array, 2, layout=layout))
    results.extend(convpool.max_pool2d(x, 2, return_indices=True))
for dtype in (np.uint8, np.uint16, np.float32, np.float64):
    image = rng.integers(0, 255, (40, 37, 3)).astype(dtype)
    results.append(convpool.filter2d(image, convpool.filters.gaussian(1.5)))
    results.append(convpool.filter2d(image, rng.standard_normal((15, 15))))
print(convpool.get_config()["isa"], *(hashlib.sha256(r.tobytes()).hexdigest() for r in results))
"""


@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="plays x86-64 under Linux"
)
@pytest.mark.parametrize(("cpu", "isa"), [("Nehalem", "baseline"), ("Haswell", "avx2")])
def test_emulated(cpu, isa, python):
    if not (qemu := shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")):
        pytest.skip("no qemu-x86_64 here")
    if isa not in convpool.get_config()["isas"]:
        pytest.skip(f"no {isa} here to compare with")
    here = python(CODE, CONVPOOL_ISA=isa)
    assert here.returncode == 0, here.stderr
    # NumPy's own libraries choose by the processor, too, unless told otherwise.
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("CONVPOOL", "OPENBLAS"))
    }
    executable = os.path.realpath(sys.executable)
    search = os.pathsep.join(filter(None, sys.path))
    there = subprocess.run(
        [qemu, "-cpu", cpu, "-E", f"PYTHONPATH={search}", executable, "-c", CODE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert there.returncode == 0, there.stderr[-2000:]
    assert there.stdout.split() == here.stdout.split()
    assert there.stdout.split()[0] == isa
