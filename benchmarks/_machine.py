"""What the figures were measured on, and how fast it can compute and copy at most."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
KERNELS = ROOT / "benchmarks" / "c" / "kernels.c"
PEAK_LINE = re.compile(r"peak of multiply-adds on one core: float32 ([\d.]+) GFLOP/s")
COPIED_BYTES = 2**27  # more than any cache holds


def describe() -> dict[str, Any]:
    """Processor, system, and how busy both were already."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "caches": _caches(),
        "system": f"{_distribution()}, {platform.system()} {platform.release()}",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "commit": _commit(),
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _output(command: Sequence[str]) -> str | None:
    """Return what a program prints; None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _processor() -> str:
    model = re.search(r"model name\s*:\s*(.+)", _read(Path("/proc/cpuinfo")))
    if model:
        return model[1]
    brand = _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    return (brand or platform.processor() or platform.machine()).strip()


def _caches() -> list[str]:
    """List the caches that the first core sees, as in "L1 Data 32K"."""
    folders = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    return [
        f"L{_read(folder / 'level')} {_read(folder / 'type')} {_read(folder / 'size')}"
        for folder in folders
    ]


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _commit() -> str | None:
    """Name the checkout's commit, marked where files differ from it."""
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]
    commit = _output([*git, "rev-parse", "--short=12", "HEAD"])
    if commit is None:
        return None
    return commit.strip() + (" with changes" if _output([*git, "status", "--porcelain"]) else "")


class Peak:
    """The multiply-add peak of one core, by the C benchmark; measured before and after the rest.

    A machine slows down when it is warm or shared, so the better of both counts, and the best of
    its instruction sets.
    """

    def __init__(self, flags: Sequence[str], repeats: int) -> None:
        self.gflops: list[float] = []
        self.missing: str | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._command = [str(Path(self._folder.name, "kernels")), str(repeats)]
        compiler = shlex.split(os.environ.get("CC", "cc"))
        build = [*compiler, *flags, "-I", str(ROOT / "include"), str(KERNELS)]
        if shutil.which(compiler[0]) is None:
            self.missing = f"there is no C compiler {compiler[0]!r}"
        elif _output([*build, "-o", self._command[0], "-lm"]) is None:
            self.missing = f"{compiler[0]!r} does not compile {KERNELS.name}"

    def measure(self) -> None:
        """Take one more figure, if there is something to take it with."""
        if self.missing:
            return
        printed = PEAK_LINE.findall(_output(self._command) or "")
        if not printed:
            self.missing = f"{KERNELS.name} printed no peak"
        else:
            self.gflops.append(max(map(float, printed)))

    def best(self, threads: int) -> float | None:
        """GFLOP/s of so many cores."""
        return None if self.missing else max(self.gflops) * threads

    def close(self) -> None:
        self._folder.cleanup()


def copy_bandwidth(threads: int, repeats: int) -> float:
    """GB/s that NumPy reads and writes, both counted, when so many threads copy large arrays."""
    sources = [np.ones(COPIED_BYTES // threads, np.uint8) for _ in range(threads)]
    targets = [np.zeros_like(source) for source in sources]
    best = np.inf
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats + 1):
            start = time.perf_counter()
            list(pool.map(np.copyto, targets, sources))
            best = min(best, time.perf_counter() - start)
    return 2 * sum(source.nbytes for source in sources) / best * 1e-9
