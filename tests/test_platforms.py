"""The headers are read without a warning by compilers for systems that are not this one.

Clang can play Microsoft's compiler: it knows its target and, once it denies its own name, takes the
branches meant for it. Headers of those systems are played by tests/c/stand-ins.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

import convpool

STAND_INS = Path(__file__).parent / "c" / "stand-ins"
CODE = """
#include "convpool/convpool.h"
const convpool_kernels *find(int isa) { return convpool_find_kernels(CONVPOOL_F32, isa); }
const convpool_kernels *quads(int isa) { return convpool_find_quad_kernels(CONVPOOL_U8, isa); }
unsigned can(void) { return convpool_cpu_capabilities(); }
"""
MICROSOFT = ["-U__clang__", "-U__GNUC__", "-Wno-builtin-macro-redefined"]
# It takes intrinsics of any instruction set anywhere; clang's headers have to be told.
X86 = ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"]
# From this version on it knows the products of quads of bytes.
NEW = "-fms-compatibility-version=19.30"
X86_QUADS = [NEW, "-mavx512vnni", "-mavxvnni"]


def read(compiler, *flags):
    if (program := shutil.which(compiler)) is None:
        pytest.skip(f"no {compiler} here")
    common = ["-O1", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", convpool.get_include()]
    ended = subprocess.run(
        [program, *flags, *common, "-"], input=CODE, text=True, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.mark.parametrize("language", ["c", "c++"])
def test_mingw(language):
    name, standard = ("gcc", "c11") if language == "c" else ("g++", "c++17")
    read(f"x86_64-w64-mingw32-{name}", "-x", language, f"-std={standard}", "-ffp-contract=off")


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ("x86_64-pc-windows-msvc", [*X86, *MICROSOFT, "-xc", "-std=c11"]),
        ("x86_64-pc-windows-msvc", [*X86, *MICROSOFT, "-xc++", "-std=c++17"]),
        ("x86_64-pc-windows-msvc", [*X86, *X86_QUADS, *MICROSOFT, "-xc", "-std=c11"]),
        ("x86_64-pc-windows-msvc", [NEW, "-xc", "-std=c11"]),
        ("aarch64-pc-windows-msvc", [*MICROSOFT, "-xc", "-std=c11"]),
        (
            "aarch64-pc-windows-msvc",
            [NEW, "-march=armv8.2-a+dotprod", *MICROSOFT, "-xc", "-std=c11"],
        ),
        ("arm64-apple-macos11", ["-xc", "-std=c11"]),
        ("x86_64-apple-macos11", ["-xc", "-std=c11"]),
    ],
    ids=[
        "msvc",
        "msvc-c++",
        "msvc-quads",
        "clang-cl",
        "msvc-arm64",
        "msvc-arm64-quads",
        "macos-arm64",
        "macos-x86_64",
    ],
)
def test_clang_as(target, flags):
    read("clang", f"--target={target}", "-ffreestanding", "-isystem", STAND_INS, *flags)
