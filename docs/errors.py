"""Measures the rounding errors of each algorithm over sizes; writes docs/errors.md and errors.png.

    pip install '.[plot]' && python docs/errors.py

Images and weights are drawn from the normal distribution, which lets terms cancel, and the exact
sums are formed in a wider type (long double where float64 is looked at). An error is the largest in
a result, as a share of the largest magnitude in it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import convpool

Array = np.ndarray[Any, Any]
FOLDER = Path(__file__).parent
CHANNELS = [2**n for n in range(11)]
SIDES = [3, 5, 9, 15, 21, 31, 45, 63]
PIXELS = 20  # height and width of images for convolutions
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53, "float16": 2.0**-11}


class Line(NamedTuple):
    """What is drawn, and said, of one way to compute: an error and a bound for each size."""

    name: str
    dtype: str
    sizes: list[int]
    errors: list[float]
    bounds: list[float]


def windows(x: Array, rows: int, columns: int) -> Array:
    """(out_height, out_width, ..., rows, columns) views of the last two axes."""
    found = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(-2, -1))
    return np.moveaxis(found, (-4, -3), (0, 1))


def sums(x: Array, weight: Array, wide: Any) -> Array:
    """(outputs, height, width): a convolution without padding, in a wide type."""
    patches = windows(x.astype(wide), *weight.shape[-2:])
    height, width = patches.shape[:2]
    flat = weight.astype(wide).reshape(len(weight), -1)
    return (patches.reshape(height * width, -1) @ flat.T).T.reshape(-1, height, width)


def convolution(algorithm: str, side: int, dtype: str) -> Line:
    """Over channels, and the bound that conv2d's page states for "direct"."""
    errors, bounds = [], []
    wide = np.longdouble if dtype == "float64" else np.float64
    for channels in CHANNELS:
        rng = np.random.default_rng(channels)
        x = rng.standard_normal((channels, PIXELS, PIXELS)).astype(dtype)
        weight = rng.standard_normal((4, channels, side, side)).astype(dtype)
        if dtype == "float16":  # whose largest number is 65504
            weight = (weight / 8).astype(dtype)
        exact = sums(x, weight, wide)
        result = convpool.conv2d(x, weight, algorithm=algorithm)
        largest = float(np.abs(exact).max())
        errors.append(float(np.abs(result - exact).max()) / largest)
        magnitudes = float(sums(abs(x), abs(weight), np.float64).max())
        terms = channels * side * side
        unit = UNIT["float32" if dtype == "float16" else dtype]
        stored = UNIT[dtype] if dtype == "float16" else 0.0
        bounds.append(terms * unit * magnitudes / largest + stored)
    return Line(f"{algorithm}, {side}x{side}", dtype, CHANNELS, errors, bounds)


def filtering(name: str, kernel_of: Callable[[np.random.Generator, int], Array]) -> Line:
    """Over sides of the kernel, and the bound that filter2d's page states."""
    errors, bounds = [], []
    for side in SIDES:
        rng = np.random.default_rng(side)
        image = rng.standard_normal((side + 40, side + 40)).astype(np.float32)
        kernel = kernel_of(rng, side)
        exact = sums(image[None], kernel[None, None], np.float64)[0]
        inside = slice(side // 2, side // 2 + exact.shape[0])
        result = convpool.filter2d(image, kernel)[inside, inside]
        largest = float(np.abs(exact).max())
        errors.append(float(np.abs(result - exact).max()) / largest)
        folded = name == "any kernel" and side >= 15
        terms = 3 * (side * side + 2 * side) if folded else side * side + 1
        peak = np.abs(image).max() * np.abs(kernel).sum()
        magnitudes = sums(abs(image)[None], abs(kernel)[None, None], np.float64).max()
        bounds.append(float(terms * UNIT["float32"] * (peak if folded else magnitudes)) / largest)
    return Line(name, "float32", SIDES, errors, bounds)


def bounded(line: Line) -> bool:
    """Whether its bound is the one that is reckoned here."""
    return not line.name.startswith("winograd")


def drawn(convolutions: list[Line], filters: list[Line]) -> Figure:
    """Errors as lines, bounds dashed."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    for ax, lines, label in zip(
        figure.subplots(1, 2), (convolutions, filters), ("channels", "side of the kernel"),
        strict=True,
    ):  # fmt: skip
        for number, line in enumerate(lines):
            colour = f"C{number}"
            ax.plot(line.sizes, line.errors, "o-", color=colour, ms=3,
                    label=f"{line.name}, {line.dtype}")  # fmt: skip
            if bounded(line):
                ax.plot(line.sizes, line.bounds, "--", color=colour, lw=0.8)
        ax.set(xscale="log", yscale="log", xlabel=label, ylabel="error / largest output")
        ax.set_xscale("log", base=2)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7, loc="center left" if lines is convolutions else "upper left")
    return figure


def table(lines: list[Line], heading: str) -> list[str]:
    """A row a size, a column a line: the error, and its bound."""
    names = [f"{line.name}, {line.dtype}" for line in lines]
    rows = [f"| {heading} | " + " | ".join(names) + " |", "|---" * (len(lines) + 1) + "|"]
    for i, size in enumerate(lines[0].sizes):
        cells = [
            f"{line.errors[i]:.0e}" + (f" of {line.bounds[i]:.0e}" if bounded(line) else "")
            for line in lines
        ]
        rows.append(f"| {size} | " + " | ".join(cells) + " |")
    return rows


PAGE = """\
# Rounding errors

Made by `python docs/errors.py`. Images and weights are drawn from the normal distribution; an error
is the largest in a result, as a share of the largest magnitude in it. "a of b": b is the bound that
the pages of `conv2d` and `filter2d` state, which holds for any numbers (dashed in the picture).
Winograd's bound, with all magnitudes in its transforms, is tested in `tests/test_winograd.py`.

![Errors over sizes](errors.png)

## Convolution of {pixels}x{pixels} images

{convolutions}

## filter2d of float32 images

{filters}
"""


def main() -> None:
    """Measure, draw and write."""
    convolutions = [
        convolution("direct", 3, "float32"),
        convolution("direct", 5, "float32"),
        convolution("winograd", 3, "float32"),
        convolution("winograd", 5, "float32"),
        convolution("direct", 3, "float64"),
        convolution("winograd", 3, "float64"),
        convolution("direct", 3, "float16"),
    ]
    filters = [
        filtering("any kernel", lambda rng, side: rng.standard_normal((side, side))),
        filtering("separable", lambda rng, side: np.outer(*rng.standard_normal((2, side)))),
    ]
    for line in (*convolutions, *filters):
        if bounded(line):
            assert all(e <= b for e, b in zip(line.errors, line.bounds, strict=True)), line
    drawn(convolutions, filters).savefig(FOLDER / "errors.png", dpi=110)
    page = PAGE.format(
        pixels=PIXELS,
        convolutions="\n".join(table(convolutions, "channels")),
        filters="\n".join(table(filters, "side")),
    )
    (FOLDER / "errors.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
