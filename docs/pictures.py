"""Draws the pictures of the tutorial: ``python docs/pictures.py`` writes docs/pictures/*.png.

Needs the extras `demo` (for the photograph) and `plot`.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from skimage import data

import convpool
from convpool import filters, models, nn, plot

FOLDER = Path(__file__).parent / "pictures"


def window():
    """Draw the sum that makes one pixel of a convolution."""
    image = np.array([[3, 0, 1, 2], [1, 5, 8, 9], [2, 7, 2, 5], [0, 1, 3, 1]])
    kernel = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]])
    result = convpool.conv2d(np.float32(image)[None], np.float32(kernel)[None, None])[0]
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    for ax, array, title, lit in zip(
        figure.subplots(1, 3),
        (image, kernel, result.astype(int)),
        ("I", "K", "I * K"),
        ((3, 3), (3, 3), (1, 1)),
        strict=True,
    ):
        shade = np.zeros(array.shape)
        shade[: lit[0], : lit[1]] = 0.35
        ax.pcolormesh(shade, cmap="Oranges", vmin=0, vmax=1, edgecolors="0.6")
        for (i, j), value in np.ndenumerate(array):
            ax.text(j + 0.5, i + 0.5, str(value), ha="center", va="center", fontsize=13)
        ax.set(title=title, xlim=(0, 4), ylim=(4, 0), aspect="equal")
        ax.set_axis_off()
    return figure


def filtered(photo):
    """Draw a photograph, blurred, embossed and outlined."""
    kernels = {
        "I": filters.identity(),
        "blur": filters.gaussian(3.0),
        "emboss": filters.emboss(),
        "outline": filters.outline(),
    }
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for ax, (name, kernel) in zip(figure.subplots(1, 4), kernels.items(), strict=True):
        ax.imshow(convpool.filter2d(photo, kernel))
        ax.set_title(name)
        ax.set_axis_off()
    return figure


def hand_made():
    """Make eight kernels over three colours: edges, a spot, and each colour against the others."""
    x, y = filters.sobel_x() / 4, filters.sobel_y() / 4
    edges = [x, y, (x + y) / 2, (x - y) / 2, filters.outline() / 8]
    weights = [np.ones((3, 1, 1)) / 3 * edge for edge in edges]
    for colour in range(3):
        against = np.full((3, 1, 1), -0.5)
        against[colour] = 1
        weights.append(against * filters.gaussian(0.8, 3))
    return np.array(weights, np.float32)


def main():
    """Write every picture."""
    photo = data.astronaut()[:256, 100:356]
    x = photo.transpose(2, 0, 1).astype(np.float32) / 255
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding="same", bias=False), nn.ReLU(), nn.MaxPool2d(2))
    net["0"].weight = hand_made()
    maps = net.activations(x)
    for name, figure in {
        "window": window(),
        "filters": filtered(photo),
        "kernels": plot.kernels(hand_made(), columns=8),
        "maps": plot.feature_maps(np.concatenate([maps["0"], maps["1"]]), columns=8),
        "pooled": plot.feature_maps(maps["2"], columns=8),
        "vgg16": plot.summary(models.vgg16().summary(), title="VGG-16"),
        "googlenet": plot.summary(models.googlenet(), title="GoogLeNet"),
    }.items():
        figure.savefig(FOLDER / f"{name}.png", dpi=60 if name == "filters" else 80)


if __name__ == "__main__":
    main()
