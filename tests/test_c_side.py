"""The C side serves programs, extensions and Cython modules that see no more than an installation.

What stands in tests/c is compiled against convpool.get_include() and what `cimport convpool` finds.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import convpool

SOURCES = Path(__file__).parent / "c"
INCLUDE = Path(convpool.get_include(), "convpool")

# Nothing has to be fast here but the compiler.
BUILD = """
import sys
from setuptools import Extension, setup
import convpool
name, source, unix = sys.argv[1], sys.argv[2], sys.argv[3].split()
flags = ["/Od"] if sys.platform == "win32" else ["-O1", "-g0", "-ffp-contract=off", *unix]
module = Extension(name, [source], include_dirs=[convpool.get_include()], extra_compile_args=flags)
setup(
    name="outside",
    packages=[],
    py_modules=[],
    ext_modules=[module],
    script_args=["build_ext", "--inplace"],
)
"""


def compiler():
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return found
    pytest.skip("no C compiler here")


@pytest.fixture
def outside(python, tmp_path):
    """Builds a module of tests/c where nothing of the checkout is seen, and runs code with it."""

    def run(source, code, warnings=""):
        pytest.importorskip("setuptools")
        if sys.platform != "win32":
            compiler()
        if not Path(sysconfig.get_path("include"), "Python.h").is_file():
            pytest.skip("no Python.h here")
        shutil.copy(SOURCES / source, tmp_path)
        name = source.partition(".")[0]
        command = [sys.executable, "-c", BUILD, name, source, warnings]
        built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stdout + built.stderr
        ended = python(
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + textwrap.dedent(code)
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_program(tmp_path):
    program = tmp_path / "convolve"
    flags = ["-std=c11", "-O0", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    command = [compiler(), *flags, "-I", convpool.get_include(), SOURCES / "convolve.c"]
    subprocess.run([*command, "-o", program, "-lm"], check=True)
    ended = subprocess.run([program], capture_output=True, text=True, check=False)
    isas = convpool.get_config()["isas"]
    expected = [f"convpool {convpool.__version__}", *(f"{isa}: 0 wrong" for isa in isas)]
    assert (ended.returncode, ended.stdout.splitlines()) == (0, expected)


def test_extension(outside):
    outside(
        "extension.c",
        """
        import numpy as np
        import extension
        planes = np.arange(70 * 9 * 11, dtype=float).reshape(70, 9, 11) ** 2 % 1009
        found = np.frombuffer(extension.averages(planes, 2)).reshape(70, 4, 5)
        expected = planes[:, :8, :10].reshape(70, 4, 2, 5, 2).mean((2, 4))
        assert (found == expected).all()  # sums of whole numbers, a fourth of them: exact
        """,
        "-Wall -Wextra -Werror",
    )


def test_cython_module(outside):
    pytest.importorskip("Cython")
    major_minor_patch = outside(
        "cimported.pyx",
        """
        import cimported
        x = [i * i % 101 for i in range(200)]
        weight = [3, -1, 4, -1, 5]
        expected = [sum(w * x[i + t] for t, w in enumerate(weight)) for i in range(196)]
        assert cimported.matches(x, weight) == expected  # whole numbers: exact
        print(*cimported.version, sep=".")
        """,
    )
    assert major_minor_patch.strip() == convpool.__version__


def test_every_kernel_is_documented():
    """convpool.h says of each function in the table what it does and what it needs."""
    table = (INCLUDE / "dispatch.h").read_text() + (INCLUDE / "filter.h").read_text()
    umbrella = (INCLUDE / "convpool.h").read_text()
    kernels = re.findall(r"^    void \(\*(\w+)\)\(", table, re.MULTILINE)
    assert len(kernels) > 10
    assert [name for name in kernels if f"   {name}(" not in umbrella] == []
