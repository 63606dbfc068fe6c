"""`convpool run`: photographs through a trained model.

for each photo:  pixels of the model's size and kind -> network -> top answers, or outputs as .npy
"""

import argparse
import contextlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _pictures
from ._errors import UsageError
from ._onnx import load_onnx

Array = NDArray[Any]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
# Models for crops are trained on photographs a little larger than the crop.
MARGIN = 256 / 224


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if options.top < 1:
        raise UsageError(f"--top: got {options.top}, expected at least 1")
    labels = None if options.labels is None else _labels(options.labels)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
    net = load_onnx(options.model)
    if len(net.inputs) != 1:
        names = ", ".join(entry.name for entry in net.inputs)
        raise UsageError(f"{options.model}: has inputs {names}, expected one that is a picture")
    (entry,) = net.inputs
    for photo in _tracked(options.photos):
        x = prepared(_pictures.load(photo), entry, options)
        results = net.run({entry.name: x})
        if options.output is not None:
            for path in _save(options.output, photo, results):
                print(f"{photo}: {path}")
        else:
            _print(photo, results, labels, options.top)


def _labels(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]


def _tracked(photos: list[Path]) -> Iterable[Path]:
    """With a progress bar where there are several photos and rich to draw it."""
    if len(photos) == 1:
        return photos
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        return photos
    return track(photos, "photos", console=Console(stderr=True), transient=True)


def _channels(entry: Any) -> tuple[bool, int, tuple[int | None, int | None]]:
    """Whether channels come last, how many there are, and the sizes that the model fixes."""
    if entry.shape is None or len(entry.shape) != 4:
        raise UsageError(f"{entry.name}: the model takes shape {entry.shape}, which is no picture")
    _, *axes = entry.shape
    last = axes[0] not in (1, 3) and axes[2] in (1, 3)
    count = axes[2] if last else axes[0]
    if count not in (1, 3):
        count = 3 if isinstance(count, str) or count is None else count
    if count not in (1, 3):
        raise UsageError(f"{entry.name}: the model takes {count} channels, expected 1 or 3")
    height, width = (
        size if isinstance(size, int) else None for size in (axes[:2] if last else axes[1:])
    )
    return last, count, (height, width)


def _asked_size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) < 2**15 for part in parts):
        raise UsageError(f"--size: got {text!r}, expected HEIGHTxWIDTH, as in 224x224")
    return int(parts[0]), int(parts[1])


def prepared(pixels: Array, entry: Any, options: argparse.Namespace) -> Array:
    """A photograph as the model's input."""
    last, channels, fixed = _channels(entry)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    pixels = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels[..., :3]
    asked = pixels.shape[:2] if options.size is None else _asked_size(options.size)
    height, width = (size or other for size, other in zip(fixed, asked, strict=True))
    colours = _sized(pixels, height, width, options.fit)
    if entry.dtype == np.uint8:
        x = colours
    else:
        x = colours.astype(np.float32)
        if options.pixels == "imagenet":
            x = (x / 255 - MEAN) / DEVIATION
        elif options.pixels == "unit":
            x /= 255
        elif options.pixels == "signed":
            x = x / 127.5 - 1
    if channels == 1:
        x = (x @ LUMINANCE)[..., None]
    x = x if last else x.transpose(2, 0, 1)
    return np.ascontiguousarray(x[None]).astype(entry.dtype or np.float32)


def _sized(pixels: Array, height: int, width: int, fit: str) -> Array:
    """Scaled to cover the size and cut in the middle, or stretched to it."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    if (picture.height, picture.width) == (height, width):
        return pixels
    if fit == "stretch":
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    scale = MARGIN * max(height / picture.height, width / picture.width)
    wide = max(round(picture.width * scale), width), max(round(picture.height * scale), height)
    larger = picture.resize(wide, Image.Resampling.BILINEAR)
    left, top = (larger.width - width) // 2, (larger.height - height) // 2
    return np.asarray(larger.crop((left, top, left + width, top + height)))


def _save(folder: Path, photo: Path, results: dict[str, Array]) -> Iterator[Path]:
    """An array a file, named by the photo and, where there are several, the output."""
    for name, result in results.items():
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        path = folder / (f"{photo.stem}.npy" if len(results) == 1 else f"{photo.stem}.{safe}.npy")
        np.save(path, result, allow_pickle=False)
        yield path


def scores_of(results: dict[str, Array]) -> Array | None:
    """One row of scores for classes as probabilities; None if the outputs are something else."""
    if len(results) != 1:
        return None
    (result,) = results.values()
    if result.size < 2 or result.dtype.kind != "f" or max(result.shape) != result.size:
        return None
    row: Array = result.reshape(-1).astype(np.float64)
    if row.min() >= 0 and math.isclose(row.sum(), 1, rel_tol=1e-2):
        return row
    row = np.exp(row - row.max())
    shares: Array = row / row.sum()
    return shares


def _print(photo: Path, results: dict[str, Array], labels: list[str] | None, top: int) -> None:
    """The best answers, or what the outputs are."""
    scores = scores_of(results)
    if scores is None:
        for name, result in results.items():
            span = ""
            if result.size and result.dtype.kind in "fiu":
                with contextlib.suppress(ValueError):
                    span = f", {result.min():.6g} to {result.max():.6g}"
            print(f"{photo}: {name}: {result.dtype} {result.shape}{span} (-o writes it)")
        return
    print(f"{photo}:")
    for place in np.argsort(-scores, kind="stable")[:top]:
        label = labels[place] if labels is not None and place < len(labels) else f"class {place}"
        print(f"  {100 * scores[place]:6.2f} %  {label}")
