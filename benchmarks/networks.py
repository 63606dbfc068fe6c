"""Whole networks by load_onnx and by ONNX Runtime: speed, memory, and how soon they answer.

    python benchmarks/networks.py [--only NAME] [--threads N] [--rounds N] [--seconds S]
                                  [--profile] [--output DIR]

Batch 1, random weights, the same model file for both, ONNX Runtime with all optimisations. Speed:
in one process, in slices of their own (see _timing.py). Peak memory and the time from the start of
Python to the first answer: in fresh processes, the file in the system's cache, best of a few. Run
nothing else meanwhile. Writes networks.json and networks.md.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _console
import _machine
import numpy as np
from _networks import NETWORKS
from _report import duration, ratio, write_results
from _timing import Plan, measure, wait_alike

CHILDREN = 3  # fresh processes each
TOLERANCE = 1e-4  # of the largest output

# What a fresh process runs; it prints its seconds and its peak of memory in bytes.
FIRST_ANSWER = {
    "convpool": """
import convpool
convpool.set_num_threads(threads)
net = convpool.load_onnx(path)
net(x)
""",
    "ONNX Runtime": """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
net = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
net.run(None, {"x": x})
""",
}
CHILD = """
import sys, time
start = time.perf_counter()
import numpy
path, threads = sys.argv[1], int(sys.argv[2])
x = numpy.ones((1, 3, 224, 224), numpy.float32)
{body}
seconds = time.perf_counter() - start
# Not ru_maxrss, which begins with the peak of whoever started this process.
with open("/proc/self/status") as status:
    peak = next(line for line in status if line.startswith("VmHWM"))
print(seconds, 1024 * int(peak.split()[1]))
"""


@dataclass(frozen=True)
class Call:
    """What _timing measures."""

    call: Callable[[], Any]
    context: Callable[[], AbstractContextManager[Any]] = nullcontext


def main() -> int:
    """Measure and write; 1 where results differ."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=[*NETWORKS], action="append")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--profile", action="store_true", help="print our time of each step")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()

    import convpool

    convpool.set_num_threads(options.threads or convpool.get_num_threads())
    threads = convpool.get_num_threads()
    plan = Plan(options.rounds, options.seconds, 0.03)
    names = options.only or [*NETWORKS]
    machine = _machine.describe()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in _console.track(names, names):
            build, goal = NETWORKS[name]
            path = Path(folder, f"{name}.onnx")
            path.write_bytes(build())
            rows.append({"network": name, "goal": goal, **compare(path, threads, plan, options)})
            path.unlink()
    import onnxruntime

    results = {
        "machine": machine,
        "versions": {
            "convpool": str(convpool.get_config()["version"]),
            "ONNX Runtime": onnxruntime.__version__,
            "NumPy": np.__version__,
        },
        "threads": threads,
        "settings": {"rounds": plan.rounds, "seconds": plan.seconds, "pause": plan.pause},
        "networks": rows,
    }
    write(results, options.output)
    return int(any(row["difference"] > TOLERANCE for row in rows))


def compare(path: Path, threads: int, plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one network."""
    import onnxruntime

    import convpool

    x = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    net = convpool.load_onnx(path)
    (expected,) = session.run(None, {"x": x})
    contenders = {
        "convpool": Call(lambda: net(x)),
        "ONNX Runtime": Call(lambda: session.run(None, {"x": x})),
    }
    net(x)
    difference = float(np.abs(net(x) - expected).max() / np.abs(expected).max())
    timings = dict(zip(contenders, measure(list(contenders.values()), plan), strict=True))
    if options.profile:
        _console.say(f"{path.stem}\n{net.profile(x)}")
    first = {name: first_answer(name, path, threads) for name in contenders}
    figures = {name: timing.as_dict() | first[name] for name, timing in timings.items()}
    ours, theirs = (figures[name] for name in contenders)
    return {
        "difference": difference,
        "speedup": theirs["minimum"] / ours["minimum"],
        "median_speedup": theirs["median"] / ours["median"],
        "memory_ratio": ours["peak_bytes"] / theirs["peak_bytes"],
        "first_answer_ratio": ours["first_answer"] / theirs["first_answer"],
        "contenders": figures,
    }


def first_answer(name: str, path: Path, threads: int) -> dict[str, float]:
    """Best of a few fresh processes."""
    code = CHILD.format(body=FIRST_ANSWER[name])
    seconds, peaks = [], []
    for _ in range(CHILDREN):
        command = [sys.executable, "-c", code, str(path), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        taken, peak = done.stdout.split()
        seconds.append(float(taken))
        peaks.append(float(peak))
    return {"first_answer": min(seconds), "peak_bytes": min(peaks)}


HEADINGS = [
    "network", "ours", "median", "ONNX Runtime", "median", "speed-up", "goal",
    "our memory", "theirs", "first answer", "theirs", "difference",
]  # fmt: skip


def table(results: dict[str, Any]) -> list[list[str]]:
    """A line a network."""
    lines = []
    for row in results["networks"]:
        ours, theirs = row["contenders"].values()
        lines.append(
            [
                row["network"],
                duration(ours["minimum"]),
                duration(ours["median"]),
                duration(theirs["minimum"]),
                duration(theirs["median"]),
                ratio(row["speedup"]),
                ratio(row["goal"]),
                f"{ours['peak_bytes'] / 2**20:.0f} MiB",
                f"{theirs['peak_bytes'] / 2**20:.0f} MiB",
                duration(ours["first_answer"]),
                duration(theirs["first_answer"]),
                f"{row['difference']:.1e}",
            ]
        )
    return lines


def write(results: dict[str, Any], folder: Path) -> None:
    """The JSON file, the page, and the table on the terminal."""
    lines, machine = table(results), results["machine"]
    notes = [
        "- speed-up: ONNX Runtime's best over ours; memory: the peak of a process that loads and",
        "  answers once; first answer: from the start of such a process's imports",
    ]
    write_results(
        results, folder / "networks", "Whole networks, batch 1",
        f"; {results['threads']} threads each", notes, HEADINGS, lines,
    )  # fmt: skip
    _console.table("Whole networks", HEADINGS, lines, 1)
    _console.say(f"Written to {folder}: networks.json, networks.md")
    if machine["load"] and machine["load"] > 0.3:
        _console.say(f"Do not quote: the load was {machine['load']:.1f} at the start")


if __name__ == "__main__":
    wait_alike()
    sys.exit(main())
