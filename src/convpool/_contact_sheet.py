"""The demonstration's contact sheet: filtered pictures, feature maps, a network in numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._demo import Step
from .nn import Summary

WIDTH, MARGIN, GAP = 1280, 40, 16
COLUMNS = 3
SWATCH = 78  # pixels of a kernel's drawing
BAR = 20  # pixels from one bar to the next
INK, PALE, PAPER = (32, 34, 40), (120, 124, 134), (250, 250, 247)
WARM, COOL = np.array((214, 96, 38)), np.array((46, 104, 176))


def _swatch(kernel: NDArray[Any], side: int) -> Any:
    """A kernel as a square of cells: positive ones warm, negative cool; of 3 channels in colour."""
    from PIL import Image

    top = max(float(np.abs(kernel).max()), 1e-12)
    if kernel.ndim == 3:
        colours = 127.5 + 127.5 * kernel.transpose(1, 2, 0) / top
    else:
        strength = np.abs(kernel)[..., None] / top
        colours = np.array(PAPER) * (1 - strength) + strength * np.where(
            kernel[..., None] < 0, COOL, WARM
        )
    cells = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST)


def _numbers(kernel: NDArray[Any]) -> list[str]:
    """A small kernel's numbers, a line a row; of a larger one what it is."""
    if kernel.shape[0] > 3:
        return [f"{kernel.shape[0]} x {kernel.shape[1]}", f"centre {kernel.max():.3g}"]
    return ["  ".join(f"{value:2.3g}" for value in row) for row in kernel]


def _fitted(pixels: NDArray[np.uint8], width: int, height: int) -> Any:
    """A picture in its own proportions, as large as fits."""
    from PIL import Image

    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    size = [max(1, round(scale * side)) for side in pixels.shape[1::-1]]
    picture = Image.fromarray(pixels).convert("RGB")
    return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def _bars(pen: Any, network: Summary, top: int, font: Any) -> None:
    """A network's parameters and multiply-adds, a pair of bars for each row."""
    rows = [row for row in network.rows if row.parameters]
    names, half = 130, (WIDTH - 2 * MARGIN - 130) // 2
    for place, (colour, values) in enumerate(
        ((WARM, [row.parameters for row in rows]), (COOL, [row.macs for row in rows]))
    ):
        x = MARGIN + names + place * half
        for number, value in enumerate(values):
            y = top + number * BAR
            length = round((half - 120) * value / max(values))
            pen.rectangle((x, y, x + length, y + BAR - 6), fill=tuple(map(int, colour)))
            pen.text((x + length + 8, y - 2), f"{value:,}", PALE, font)
    for number, row in enumerate(rows):
        pen.text((MARGIN, top + number * BAR - 2), row.name, INK, font)


def draw(
    filtered: Sequence[Step], layers: Sequence[Step], network: Summary, title: str
) -> NDArray[np.uint8]:
    """Draw the sheet: `filtered` in a grid, `layers` as one row for each name, then bars."""
    from PIL import Image, ImageDraw, ImageFont

    large, medium, small = (ImageFont.load_default(size) for size in (30, 19, 14))
    column = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
    height, width = filtered[0].picture.shape[:2]
    picture_height = max(1, min(round(column * height / width), 2 * column))
    names = list(dict.fromkeys(step.name for step in layers))
    per_row = max(1, len(layers) // len(names))
    map_width = (WIDTH - 2 * MARGIN - (per_row - 1) * GAP) // per_row
    map_height = max(1, min(round(map_width * height / width), 2 * map_width))
    cell = picture_height + SWATCH + 2 * GAP + GAP // 2
    rows = -(-len(filtered) // COLUMNS)
    map_cell = map_height + 44 + GAP
    bars = 110 + BAR * sum(row.parameters > 0 for row in network.rows)
    total = 120 + rows * cell + 90 + len(names) * map_cell + bars + MARGIN
    sheet = Image.new("RGB", (WIDTH, total), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN - 6), title, INK, large)
    pen.text(
        (MARGIN, MARGIN + 34),
        "One kernel over every pixel. Beside each picture its kernel: warm adds, cool takes away; "
        "signed results are drawn around middle grey.",
        PALE,
        small,
    )
    for number, step in enumerate(filtered):
        x = MARGIN + number % COLUMNS * (column + GAP)
        y = 120 + number // COLUMNS * cell
        sheet.paste(_fitted(step.picture, column, picture_height), (x, y))
        y += picture_height + GAP // 2
        if step.kernel is not None:
            sheet.paste(_swatch(step.kernel, SWATCH), (x, y))
            pen.rectangle((x, y, x + SWATCH - 1, y + SWATCH - 1), outline=PALE)
            for line, text in enumerate(_numbers(step.kernel)):
                pen.text((x + SWATCH + 12, y + 26 + 17 * line), text, PALE, small)
        pen.text((x + SWATCH + 12, y - 2), step.name.replace("_", " "), INK, medium)
    y = 120 + rows * cell + 24
    pen.text((MARGIN, y), "A small stack: convolution, ReLU, max pooling", INK, large)
    pen.text(
        (MARGIN, y + 40),
        "Eight kernels of 3 x 3 x 3 over red, green and blue; one feature map each.",
        PALE,
        small,
    )
    y += 72
    for row, name in enumerate(names):
        steps = [step for step in layers if step.name == name]
        shape = " x ".join(map(str, steps[0].output_shape[1:]))
        pen.text((MARGIN, y + row * map_cell), f"{name}: {shape}", INK, medium)
        for number, step in enumerate(steps):
            x = MARGIN + number * (map_width + GAP)
            top = y + row * map_cell + 28
            sheet.paste(_fitted(step.picture, map_width, map_height), (x, top))
            if step.kernel is not None and row == 0:
                side = 36
                sheet.paste(_swatch(step.kernel, side), (x + 4, top + 4))
                pen.rectangle((x + 4, top + 4, x + 3 + side, top + 3 + side), outline=PAPER)
    y += len(names) * map_cell + 24
    pen.text((MARGIN, y), "GoogLeNet, layer by layer", INK, large)
    pen.text(
        (MARGIN, y + 40),
        f"Its {network.parameters:,} parameters, which training sets, and {network.macs:,} "
        "multiply-adds, which one image of 224 x 224 takes.",
        PALE,
        small,
    )
    _bars(pen, network, y + 76, small)
    return np.asarray(sheet)
