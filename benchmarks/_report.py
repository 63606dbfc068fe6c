"""From timings to figures, and figures to JSON and to a page that a person reads."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from _contenders import OURS
from _layers import Layer
from _timing import Timing

Figures = dict[str, Any]


def layer_figures(
    layer: Layer, timings: dict[str, Timing], differences: dict[str, float], peak: float | None
) -> Figures:
    """Gather everything known of one layer.

    Three comparisons, each of like with like where the contenders are there:
    `speedup`       our call with packed weights, else the plain one, over the fastest peer of all;
    `plain_speedup` our plain call over PyTorch's, which packs on the fly too;
    `nhwc_speedup`  our channels-last call over PyTorch's.
    """
    best = {name: timing.minimum for name, timing in timings.items()}
    ours = f"{OURS} packed" if f"{OURS} packed" in best else OURS
    peers = [name for name in best if not name.startswith(OURS)]
    fastest = min(peers, key=best.__getitem__, default=None)

    def over(peer: str | None, own: str) -> float | None:
        return best[peer] / best[own] if peer in best and own in best else None

    rates = {
        name: {"gflops": layer.flop / seconds * 1e-9, "gbytes": layer.traffic / seconds * 1e-9}
        for name, seconds in best.items()
    }
    gflops = rates[ours]["gflops"]
    share = gflops / peak if peak and layer.flop and layer.dtype == "float32" else None
    return {
        "network": layer.network,
        "layer": layer.layer,
        "op": layer.op,
        "x": layer.x,
        "weight": layer.weight,
        "stride": layer.stride,
        "padding": layer.padding,
        "groups": layer.groups,
        "dtype": layer.dtype,
        "flop": layer.flop,
        "traffic_bytes": layer.traffic,
        "ours": ours,
        "fastest_peer": fastest,
        "percent_of_peak": None if share is None else 100 * share,
        "speedup": over(fastest, ours),
        "plain_speedup": over("PyTorch", OURS),
        "nhwc_speedup": over("PyTorch channels_last", f"{OURS} NHWC"),
        "contenders": {
            name: timing.as_dict() | rates[name] | {"difference": differences[name]}
            for name, timing in timings.items()
        },
    }


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """Average ratios; None where there are none."""
    logs = [math.log(value) for value in values if value]
    return math.exp(sum(logs) / len(logs)) if logs else None


def summary(layers: Sequence[Figures]) -> dict[str, Figures]:
    """Average each comparison and find the worst layer: per network, then overall."""
    networks = {layer["network"]: None for layer in layers}
    groups = {name: [layer for layer in layers if layer["network"] == name] for name in networks}
    return {
        name: {
            "layers": len(group),
            "lowest": min((layer["speedup"] for layer in group if layer["speedup"]), default=None),
            **{
                key: geometric_mean(layer[key] for layer in group)
                for key in ("speedup", "plain_speedup", "nhwc_speedup")
            },
        }
        for name, group in (groups | {"Overall": list(layers)}).items()
    }


def write_json(results: Figures, path: Path) -> None:
    """Write all figures, for programs."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def write_results(
    results: Figures,
    path: Path,
    title: str,
    setting: str,
    notes: Sequence[str],
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
) -> None:
    """Write all figures to `path` with .json, and a page with one table to it with .md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(results, path.with_suffix(".json"))
    machine = results["machine"]
    page = [
        f"# {title}",
        "",
        f"- {machine['processor']}, {machine['cores']} cores{setting}",
        f"- {machine['date']}, commit {machine['commit'] or 'unknown'}, load {machine['load']}",
        "- " + ", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        *notes,
        "",
        *markdown_table(headings, rows, left=1),
        "",
    ]
    path.with_suffix(".md").write_text("\n".join(page), encoding="utf-8")


def duration(seconds: float) -> str:
    """Write a time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}x"


def shape(figures: Figures) -> str:
    """Write input and weight as one short text."""
    text = "x".join(map(str, figures["x"])) + ", " + "x".join(map(str, figures["weight"]))
    if figures["stride"] != (1, 1):
        text += " /" + "x".join(map(str, sorted(set(figures["stride"]))))
    return text


def rate(figures: Figures, name: str) -> str:
    """Write GFLOP/s, or GB/s where nothing is multiplied."""
    one = figures["contenders"][name]
    if figures["flop"]:
        return f"{one['gflops']:.3g} GFLOP/s"
    return f"{one['gbytes']:.3g} GB/s"


def row(figures: Figures) -> list[str]:
    """Fill one line of the main table, under HEADINGS."""
    ours, peer = figures["ours"], figures["fastest_peer"]
    best = {name: one["minimum"] for name, one in figures["contenders"].items()}
    percent = figures["percent_of_peak"]
    return [
        figures["layer"],
        shape(figures),
        duration(best[ours]),
        rate(figures, ours),
        "" if percent is None else f"{percent:.0f} %",
        f"{duration(best[peer])} {peer}" if peer else "",
        ratio(figures["speedup"]),
        ratio(figures["plain_speedup"]),
        ratio(figures["nhwc_speedup"]),
    ]


HEADINGS = [
    "layer",
    "input, weight",
    "ours",
    "rate",
    "of peak",
    "fastest peer",
    "speed-up",
    "plain",
    "NHWC",
]
MEANS = ["network", "layers", "speed-up", "lowest", "plain", "NHWC"]


def mean_rows(means: dict[str, Figures]) -> list[list[str]]:
    """Fill the lines under MEANS."""
    return [
        [name, str(mean["layers"])]
        + [ratio(mean[key]) for key in ("speedup", "lowest", "plain_speedup", "nhwc_speedup")]
        for name, mean in means.items()
    ]


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    """Lay out a table whose first columns are text and whose others are figures."""
    rule = ["---" if i < left else "---:" for i in range(len(headings))]
    return ["| " + " | ".join(line) + " |" for line in (headings, rule, *rows)]


EXPLANATION = """\
- **ours**: the best call of `conv2d` with a weight from `pack_weight` where this version has it,
  else of the plain call, from NumPy to NumPy.
- **speed-up**: the fastest peer's best call over ours, whatever its memory format, packed or not.
- **plain**: our plain call against PyTorch's in NCHW; neither has prepared weights.
- **NHWC**: our plain call with channels last against PyTorch's `channels_last`.
- Rates count the multiplications and additions of the definition, whatever algorithm ran, so
  Winograd and separable filters can pass 100 % of the peak. Pools: bytes of input and output.
- Spread: the distance of the quartiles as a share of the median. Difference: the largest deviation
  from our plain call as a share of the largest result.
- Operands stay in the caches from call to call, as far as they fit, for everybody."""


def write_markdown(results: Figures, path: Path, pictures: Sequence[str]) -> None:
    """Write the page."""
    lines = ["# convpool and its peers", ""]
    lines += [f"**{warning}**\n" for warning in results["warnings"]]
    machine, settings, limits = results["machine"], results["settings"], results["limits"]
    peak = limits["peak_gflops"]
    caches = ", ".join(machine["caches"]) or "caches unknown"
    lines += [
        f"- {machine['processor']} ({machine['architecture']}), {machine['cores']} cores; {caches}",
        f"- {machine['system']}",
        "- " + ", ".join(f"{name} {value}" for name, value in results["versions"].items()),
        f"- {machine['date']}, commit {machine['commit'] or 'unknown'}, "
        f"instruction set {results['config']['isa']}",
        f"- {settings['threads']} threads each; best of {settings['rounds']} slices of "
        f"{settings['seconds']:g} s, {settings['pause'] * 1e3:g} ms apart",
        f"- limits measured in this run: copy {limits['copy_gbytes']:.1f} GB/s, multiply-add "
        + (f"{peak:.0f} GFLOP/s" if peak else f"not measured, because {limits['peak_missing']}"),
    ]
    lines += [f"- left out, not installed: {name}" for name in results["left_out"]]
    lines += ["", "Made by:", "", "    " + results["command"], ""]
    lines += [f"![{name}]({name})" for name in pictures]
    lines += ["", "## Geometric means", ""]
    lines += markdown_table(MEANS, mean_rows(results["geometric_means"]), 1)
    lines += ["", EXPLANATION, ""]
    layers = results["layers"]
    for network in (name for name in results["geometric_means"] if name != "Overall"):
        lines += [f"## {network}", ""]
        rows = (row(layer) for layer in layers if layer["network"] == network)
        lines += [*markdown_table(HEADINGS, rows, 2), ""]
    lines += ["## Every contender", ""]
    headings = ["layer", "contender", "best", "median", "spread", "calls", "rate", "difference"]
    rows = (
        [
            f"{layer['network']}: {layer['layer']}",
            name,
            duration(one["minimum"]),
            duration(one["median"]),
            f"{100 * one['spread']:.1f} %",
            str(one["calls"]),
            rate(layer, name),
            f"{one['difference']:.1e}",
        ]
        for layer in layers
        for name, one in layer["contenders"].items()
    )
    lines += [*markdown_table(headings, rows, 2), ""]
    if results["problems"]:
        lines += ["## Problems", "", *(f"- {problem}" for problem in results["problems"]), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
