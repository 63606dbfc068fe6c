"""convpool beside the libraries that people use for the same job, on the layers of shapes.toml.

    python benchmarks/peers.py [--smoke] [--only REGEX] [--threads N] [--rounds N] [--seconds S]
                               [--output DIR]

All run in one process, on the same operands and as many threads, each in slices of its own (see
_timing.py); every result is compared with ours before it is timed. Run nothing else meanwhile.
Writes results.json, results.md, speedup.png and roofline.png.
"""

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import _console
import _machine
import _report
import numpy as np
from _contenders import Contender, Convpool, Library, libraries, versions
from _layers import Array, Layer, load
from _timing import Plan, measure, wait_alike

PLAN = Plan(rounds=5, seconds=0.1, pause=0.03)
SMOKE = Plan(rounds=1, seconds=0.002, pause=0.001)

# Largest deviation, as a share of the largest result. Images of integers: two levels, since some
# libraries cut off what others round, and some filter with weights of eight bits.
FLOAT_TOLERANCE = 2e-5
LEVELS = 2

BUSY = 0.3  # load at the start from which a warning says so


def main(words: list[str] | None = None) -> int:
    """Measure, write, and return 1 where a result was wrong."""
    arguments = parse(words)
    layers = [
        layer
        for layer in load()
        if (layer.smoke or not arguments.smoke) and arguments.only.search(layer.name)
    ]
    if not layers:
        _console.say("No layer has such a name.")
        return 2
    machine = _machine.describe()
    arguments.threads = arguments.threads or default_threads()
    found, left_out = libraries(arguments.threads)
    for name in left_out:
        _console.say(f"Left out, not installed: {name}")

    # Without optimisation it is compiled in a second, and its figure means as little as the rest.
    peak = _machine.Peak(["-O0"] if arguments.smoke else ["-O3"], 1 if arguments.smoke else 20)
    peak.measure()
    bandwidth = _machine.copy_bandwidth(arguments.threads, 2 if arguments.smoke else 20)
    wrong: list[str] = []
    failed: list[str] = []
    measured = []
    for layer in _console.track(layers, [layer.name for layer in layers]):
        measured.append((layer, *one_layer(layer, found, arguments.plan, wrong, failed)))
    peak.measure()
    peak.close()

    limit = peak.best(arguments.threads)
    figures = [_report.layer_figures(*one, limit) for one in measured]
    results = {
        "warnings": warnings(arguments.smoke, machine),
        "machine": machine,
        "versions": versions(found),
        "config": next(library.config for library in found if isinstance(library, Convpool)),
        "command": command(arguments),
        "settings": {
            "threads": arguments.threads,
            "rounds": arguments.plan.rounds,
            "seconds": arguments.plan.seconds,
            "pause": arguments.plan.pause,
        },
        "limits": {
            "peak_gflops": limit,
            "peak_gflops_of_one_core": peak.gflops,
            "peak_missing": peak.missing,
            "copy_gbytes": bandwidth,
        },
        "left_out": left_out,
        "problems": wrong + failed,
        "geometric_means": _report.summary(figures),
        "layers": figures,
    }
    write(results, arguments.output)
    show(results)
    return 1 if wrong else 0


def parse(words: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--smoke", action="store_true", help="a few tiny layers, once: does it all still run?"
    )
    parser.add_argument(
        "--only",
        type=pattern,
        default=re.compile(""),
        metavar="REGEX",
        help='layers in whose "network: layer" it is found, e.g. "GoogLeNet.*3x3|depthwise"',
    )
    parser.add_argument("--threads", type=positive(int), help="default: as many as convpool takes")
    parser.add_argument("--rounds", type=positive(int), help="slices for each contender")
    parser.add_argument("--seconds", type=positive(float), help="length of a slice")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results", metavar="DIR"
    )
    arguments = parser.parse_args(words)
    plan = SMOKE if arguments.smoke else PLAN
    arguments.plan = Plan(
        arguments.rounds or plan.rounds, arguments.seconds or plan.seconds, plan.pause
    )
    return arguments


def command(arguments: argparse.Namespace) -> str:
    """Write the command line that measures the same again."""
    words = ["python", "benchmarks/peers.py"]
    if arguments.smoke:
        words.append("--smoke")
    if arguments.only.pattern:
        words += ["--only", arguments.only.pattern]
    words += ["--threads", str(arguments.threads)]
    words += ["--rounds", str(arguments.plan.rounds), "--seconds", f"{arguments.plan.seconds:g}"]
    return shlex.join(words)


def pattern(text: str) -> re.Pattern[str]:
    """Read a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def positive(kind: type) -> Any:
    """Make a reader of numbers above 0."""

    def read(text: str) -> Any:
        number = kind(text)
        if not number > 0:
            raise ValueError
        return number

    read.__name__ = f"positive {kind.__name__}"
    return read


def default_threads() -> int:
    """Ask convpool, which knows of affinity and of the quotas of containers."""
    import convpool

    return int(convpool.get_num_threads())


def one_layer(
    layer: Layer, found: list[Library], plan: Plan, wrong: list[str], failed: list[str]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Compare and time all contenders of a layer: their timings and differences from ours."""
    data = layer.operands()
    contenders: list[Contender] = []
    differences: dict[str, float] = {}
    expected: Array | None = None
    for library in found:
        try:
            for contender in library.contenders(layer, data):
                result = contender.result()
                expected = result if expected is None else expected
                differences[contender.name] = difference(result, expected)
                if differences[contender.name] <= tolerance(expected):
                    contenders.append(contender)
                else:
                    wrong.append(
                        f"{layer.name}: {contender.name} differs by "
                        f"{differences[contender.name]:.1e} of the largest result; not timed"
                    )
        except Exception as error:  # a peer's limits are its own affair, and differ with versions
            if isinstance(library, Convpool):
                raise
            failed.append(f"{layer.name}: {library.name}: {type(error).__name__}: {error}")
    timings = measure(contenders, plan)
    return {one.name: timing for one, timing in zip(contenders, timings, strict=True)}, differences


def difference(result: Array, expected: Array) -> float:
    """Find the largest deviation as a share of the largest result; infinite if shapes differ."""
    if result.shape != expected.shape:
        return float("inf")
    deviation = np.abs(result.astype(np.float64) - expected).max()
    return float(deviation / np.abs(expected).max())


def tolerance(expected: Array) -> float:
    """Say how large a `difference` may be."""
    if expected.dtype.kind == "f":
        return FLOAT_TOLERANCE
    return LEVELS / float(np.abs(expected).max())


def warnings(smoke: bool, machine: dict[str, Any]) -> list[str]:
    """Say why the figures should not be quoted."""
    found = []
    if smoke:
        found.append("A smoke run: it shows that all runs, and its figures mean nothing.")
    if (machine["load"] or 0) > BUSY:
        found.append(
            f"Do not quote: the load was {machine['load']:.1f} at the start, so other programs "
            "ran too."
        )
    return found


def write(results: dict[str, Any], folder: Path) -> None:
    """Write all files into the folder; without Matplotlib, all but the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    _report.write_json(results, folder / "results.json")
    pictures = []
    try:
        import _plots
    except ImportError as error:
        _console.say(f"No pictures: {error}")
    else:
        pictures = _plots.draw(results, folder)
    _report.write_markdown(results, folder / "results.md", pictures)
    names = ", ".join(["results.json", "results.md", *pictures])
    _console.say(f"Written to {folder}: {names}")


def show(results: dict[str, Any]) -> None:
    """Print the layers, the means and whatever went wrong."""
    layers = results["layers"]
    rows = [[layer["network"], *_report.row(layer)] for layer in layers]
    headings = ["network", *_report.HEADINGS]
    # Shapes are left to the page: a terminal is narrow.
    place = headings.index("input, weight")
    narrow = ([cell for i, cell in enumerate(line) if i != place] for line in (headings, *rows))
    _console.table("Layers", next(narrow), narrow, 2)
    means = _report.mean_rows(results["geometric_means"])
    _console.table("Geometric means", _report.MEANS, means, 1)
    for text in (*results["warnings"], *results["problems"]):
        _console.say(text)


if __name__ == "__main__":
    wait_alike()
    sys.exit(main())
