"""Builds the extensions. All that is not compiled stands in pyproject.toml.

Switches, by environment variable:
    CONVPOOL_NO_OPENMP=1        build without threads, even where OpenMP is there
    CONVPOOL_REQUIRE_OPENMP=1   fail where OpenMP is missing, instead of building without threads
    SANITIZE=address,undefined  compile and link with these sanitizers
    COVERAGE=1                  record which lines of C run (gcov)
"""

import os
import re
import shlex
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int sum = 0;
    #pragma omp parallel reduction(+:sum)
    sum += omp_get_num_threads();
    return sum < 1;
}
"""

PLAIN_PROBE = "int main(void) { return 0; }"

# Without contraction every fused multiply-add is one the kernels ask for by name, and results have
# the same bits whatever the compiler. GCC forms vectors of conditional arithmetic, as activations
# have it, only where exceptions do not count. Debugging symbols would triple the wheel.
UNIX_FLAGS = ["-O3", "-ffp-contract=off", "-fno-trapping-math", "-g0"]

# Of what GCC adds at -O3 that makes more code and not faster kernels: a fifth of the wheel.
LEAN_FLAGS = [
    "-fno-unswitch-loops", "-fno-split-loops", "-fno-split-paths", "-fno-ipa-cp-clone",
    "-fno-tree-partial-pre", "-fno-gcse-after-reload", "-fno-version-loops-for-strides",
    "-fno-loop-interchange", "-fno-loop-unroll-and-jam",
    "--param", "max-completely-peeled-insns=100",
]  # fmt: skip

# Nothing throws through kernels: tables to unwind the stack serve debuggers and profilers alone
# there, and are 80 kB.
KERNEL_FLAGS = ["-fno-asynchronous-unwind-tables"]

# Modules but those that hold the kernels: as fast at -O2, and a tenth smaller; and those that the
# smallest calls of float do not go through, or not for long: a fifth smaller at -Os.
DRIVER_FLAGS = ["-O2"]
SMALL_FLAGS = ["-Os"]
SMALL = ("_memory", "_winograd", "_filter", "_phases", "_quantized")

MODULES = (
    "_threads", "_memory", "_stencil", "_winograd", "_conv", "_pool", "_plain", "_call",
    "_filter", "_phases", "_pool_call", "_scatter", "_quantized",
)  # fmt: skip


class BuildExt(build_ext):
    """Adds the flags of the compiler at hand, and OpenMP's where a program with it links."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        compile_args = ["/O2", "/fp:precise"] if msvc else list(UNIX_FLAGS)
        link_args = []
        if not msvc and self.links([*LEAN_FLAGS, "-Werror"], [], PLAIN_PROBE):
            compile_args += LEAN_FLAGS
        openmp_compile, openmp_link = self.openmp_flags(msvc)
        compile_args += openmp_compile
        link_args += openmp_link
        kernel_args = []
        if sanitizers := os.environ.get("SANITIZE"):
            # -fwrapv, which Python may pass, would hide signed overflow from UBSan.
            flags = [
                f"-fsanitize={sanitizers}",
                "-fno-wrapv",
                "-fno-omit-frame-pointer",
                "-g1",
                "-O1",
            ]
            compile_args += flags
            link_args += flags[:1]
        elif sys.platform == "linux":
            link_args.append("-s")  # without names that only debuggers read
            kernel_args = KERNEL_FLAGS
            if self.links([], ["-Wl,-z,noseparate-code"], PLAIN_PROBE):  # nor gaps between pages
                link_args.append("-Wl,-z,noseparate-code")
        if os.environ.get("COVERAGE"):
            compile_args += ["--coverage", "-O0"]
            link_args += ["--coverage"]
        for extension in self.extensions:
            name = extension.name.removeprefix("convpool.")
            own = SMALL_FLAGS if name in SMALL else DRIVER_FLAGS
            if name == "_threads":
                own = kernel_args
            elif msvc:
                own = []
            extension.extra_compile_args = compile_args[:1] + own + compile_args[1:]
            extension.extra_link_args = link_args
        super().build_extensions()

    def openmp_flags(self, msvc):
        if os.environ.get("CONVPOOL_NO_OPENMP"):
            return [], []
        if msvc:
            candidates = [(["/openmp"], [])]
        elif sys.platform == "darwin":
            candidates = [(["-Xpreprocessor", "-fopenmp"], ["-lomp"]), (["-fopenmp"],) * 2]
        else:
            candidates = [(["-fopenmp"],) * 2]
        for compile_args, link_args in candidates:
            if self.links(compile_args, link_args):
                return compile_args, link_args
        message = "convpool: no OpenMP found, building without threads"
        if os.environ.get("CONVPOOL_REQUIRE_OPENMP"):
            raise SystemExit(message + ", which CONVPOOL_REQUIRE_OPENMP forbids")
        warnings.warn(message, stacklevel=2)
        return [], []

    def links(self, compile_args, link_args, program=OPENMP_PROBE):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(program)
            try:
                objects = self.compiler.compile(
                    [str(source)], output_dir=folder, extra_postargs=compile_args
                )
                self.compiler.link_executable(
                    objects,
                    str(Path(folder, "probe")),
                    extra_preargs=shlex.split(os.environ.get("LDFLAGS", "")),  # as for modules
                    extra_postargs=link_args,
                )
            except Exception:  # each compiler class of setuptools raises its own
                return False
        return True


def version():
    """Read the version of the headers, which the compiled modules report, too."""
    text = Path("include/convpool/convpool.h").read_text(encoding="utf-8")
    return ".".join(re.findall(r"#define CONVPOOL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text))


def extensions():
    headers = sorted(str(path) for path in Path("include/convpool").glob("*.h"))
    return [
        Extension(
            f"convpool.{name}",
            [f"src/convpool/{name}.pyx"],
            include_dirs=["include", numpy.get_include()],
            define_macros=[
                ("NPY_NO_DEPRECATED_API", "NPY_1_25_API_VERSION"),
                ("CONVPOOL_SMALL_BASELINE", None),
            ],
            depends=headers,
        )
        for name in MODULES
    ]


setup(
    version=version(),
    ext_modules=cythonize(
        extensions(), include_path=["src"], compiler_directives={"freethreading_compatible": True}
    ),
    cmdclass={"build_ext": BuildExt},
)
