"""What every wheel has to be before it is published: small, complete, and with its own OpenMP.

    python scripts/check_wheels.py [--complete] WHEEL...

With --complete the wheels must be all those of a release, too: for each Python that pyproject.toml
has cibuildwheel build for, on each platform.
"""

import argparse
import re
import sys
import zipfile
from pathlib import Path

MEGABYTE = 10**6
PACKED, INSTALLED = 1.5 * MEGABYTE, 5 * MEGABYTE
FILES = (
    "convpool/__init__.pxd",
    "convpool/_kernels.pxd",
    "convpool/py.typed",
    "convpool/_include/convpool/convpool.h",
)
PLATFORMS = (
    "manylinux_x86_64",
    "manylinux_aarch64",
    "musllinux_x86_64",
    "musllinux_aarch64",
    "macosx_x86_64",
    "macosx_arm64",
    "win_amd64",
    "win_arm64",
)
OPENMP = {"linux": "libgomp", "macosx": "libomp", "win": "vcomp"}


def tags(wheel):
    """The ABI, which tells the free-threaded Python from the other, and platforms less version."""
    _, _, _, abi, platforms = wheel.stem.split("-")
    return abi, [re.sub(r"(_\d+)+_", "_", platform) for platform in platforms.split(".")]


def faults(wheel):
    """Say what is wrong with a wheel."""
    _, platforms = tags(wheel)
    openmp = next(library for system, library in OPENMP.items() if system in platforms[0])
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        installed = sum(entry.file_size for entry in archive.infolist())
    if wheel.stat().st_size > PACKED:
        yield f"{wheel.stat().st_size / MEGABYTE:.2f} MB, more than {PACKED / MEGABYTE}"
    if installed > INSTALLED:
        yield f"{installed / MEGABYTE:.2f} MB installed, more than {INSTALLED / MEGABYTE}"
    for name in FILES:
        if name not in names:
            yield f"without {name}"
    if not any(name.endswith("licenses/LICENSE") for name in names):
        yield "without its licence"
    if not any(openmp in name for name in names):
        yield f"without {openmp}: built without threads, or with a library of the build machine's"
    for name in names:
        if name.endswith((".pyx", ".c", ".cpp")):
            yield f"with {name}"


def missing(wheels):
    """Say which wheels of a release are not there."""
    import tomllib  # from Python 3.11 on

    there = {(abi, platform) for abi, platforms in map(tags, wheels) for platform in platforms}
    project = Path(__file__).parent.parent / "pyproject.toml"
    settings = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["cibuildwheel"]
    for python in (build.removesuffix("-*") for build in settings["build"]):
        for platform in PLATFORMS:
            if (python, platform) not in there and f"{python}-{platform}" not in settings["skip"]:
                yield f"no wheel for {python} on {platform}"


def main():
    """Check the wheels that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--complete", action="store_true")
    options = parser.parse_args()
    found = [f"{wheel.name}: {fault}" for wheel in options.wheels for fault in faults(wheel)]
    if options.complete:
        found.extend(missing(options.wheels))
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"{len(options.wheels)} wheels, all as they should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
