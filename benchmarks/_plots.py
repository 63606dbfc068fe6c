"""The pictures: how near each layer is to what the machine can do, and to the others."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
from _report import Figures

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

MOST_BARS = 95  # in one column
GREY = "0.45"
Colour = tuple[float, float, float, float]


def _colours(layers: Sequence[Figures]) -> dict[str, Colour]:
    """Choose one a network: all dark ones of the palette first, then the light ones."""
    networks = list(dict.fromkeys(layer["network"] for layer in layers))
    palette = [mpl.colormaps["tab20"](i) for i in range(20)]
    return dict(zip(networks, cycle(palette[::2] + palette[1::2]), strict=False))


def roofline(results: Figures, path: Path) -> None:
    """Draw rates over arithmetic intensity under the two limits, ours joined to the peer's."""
    layers = [layer for layer in results["layers"] if layer["flop"]]
    colours = _colours(results["layers"])
    figure, axes = plt.subplots(figsize=(10, 6.5), layout="constrained")
    for layer in layers:
        intensity = layer["flop"] / layer["traffic_bytes"]
        colour = colours[layer["network"]]
        ours = layer["contenders"][layer["ours"]]["gflops"]
        if peer := layer["fastest_peer"]:
            theirs = layer["contenders"][peer]["gflops"]
            axes.plot([intensity] * 2, [theirs, ours], color=colour, linewidth=0.8, alpha=0.6)
            axes.plot(intensity, theirs, "o", color=colour, markerfacecolor="white", markersize=4)
        axes.plot(intensity, ours, "o", color=colour, markersize=5)
    intensities = [layer["flop"] / layer["traffic_bytes"] for layer in layers] or [1.0, 100.0]
    _limits(axes, results["limits"], min(intensities) / 1.5, max(intensities) * 1.5)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="FLOP per byte of input, weight and output",
        ylabel="GFLOP/s",
        title=f"Roofline, {results['settings']['threads']} threads: "
        "filled convpool, hollow the fastest peer",
    )
    axes.grid(alpha=0.3)
    networks = dict.fromkeys(layer["network"] for layer in layers)
    for network in networks:
        axes.plot([], [], "o", color=colours[network], label=network)
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _limits(axes: Axes, limits: Figures, low: float, high: float) -> None:
    """Draw the roof from one intensity to another."""
    bandwidth, peak = limits["copy_gbytes"], limits["peak_gflops"]
    ridge = min(peak / bandwidth, high) if peak else high
    if low < ridge:
        axes.plot(
            [low, ridge],
            [low * bandwidth, ridge * bandwidth],
            "--",
            color=GREY,
            zorder=0,
            label=f"copy, {bandwidth:.1f} GB/s",
        )
    if peak:
        axes.plot(
            [max(low, ridge), high],
            [peak, peak],
            color=GREY,
            zorder=0,
            label=f"multiply-add, {peak:.0f} GFLOP/s",
        )
    axes.set_xlim(low, high)


def speedup(results: Figures, path: Path) -> None:
    """Draw a bar a layer: the fastest peer's time over ours."""
    layers = [layer for layer in results["layers"] if layer["speedup"]]
    colours = _colours(results["layers"])
    columns = max(1, -(-len(layers) // MOST_BARS))
    rows = max(1, -(-len(layers) // columns))
    figure, grid = plt.subplots(
        1,
        columns,
        figsize=(max(7.5, 5.5 * columns), 1.6 + 0.17 * rows),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for i, axes in enumerate(grid[0]):
        part = layers[i * rows : (i + 1) * rows]
        places = range(len(part))
        values = [layer["speedup"] for layer in part]
        # Bars begin at 1, so that their direction says who is faster.
        axes.barh(
            places,
            [value - 1 for value in values],
            left=1,
            color=[colours[layer["network"]] for layer in part],
        )
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                f"{value:.2f}",
                (value, place),
                xytext=(3 if value >= 1 else -3, 0),
                textcoords="offset points",
                ha="left" if value >= 1 else "right",
                va="center",
                fontsize=6,
            )
        axes.axvline(1, color=GREY, linewidth=1)
        axes.set_yticks(places, [layer["layer"] for layer in part], fontsize=7)
        axes.set(xscale="log", ylim=(rows - 0.4, -0.6))
        ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
        axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
        axes.minorticks_off()
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    if layers:
        all_values = [layer["speedup"] for layer in layers]
        grid[0][0].set_xlim(min(0.8, *all_values) / 1.5, max(1.25, *all_values) * 1.25)
    used = dict.fromkeys(layer["network"] for layer in layers)
    handles = [Patch(color=colours[network]) for network in used]
    figure.legend(handles, used, loc="outside lower center", ncols=6, fontsize="small")
    figure.suptitle("Speed-up of convpool over the fastest peer")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw(results: Figures, folder: Path) -> list[str]:
    """Write all pictures and return their names."""
    pictures = {"speedup.png": speedup, "roofline.png": roofline}
    for name, picture in pictures.items():
        picture(results, folder / name)
    return list(pictures)
