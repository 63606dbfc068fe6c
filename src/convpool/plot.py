"""Pictures of kernels, feature maps and summaries, by Matplotlib (the extra `plot`).

Each function returns a `matplotlib.figure.Figure` of its own: show it in a notebook, or save it
with ``figure.savefig("picture.png")``. No window is opened and no global state is touched.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ._arguments import array_of, integer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .nn import Layer, Summary

__all__ = ["feature_maps", "kernels", "summary"]

CELL = 1.1  # inches of one drawing


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("matplotlib is not installed: pip install 'convpool[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def _grid(count: int, columns: int | None, title: str | None) -> tuple[Figure, list[Any]]:
    """Make a figure and an empty drawing for each of so many pictures."""
    across = min(count, math.ceil(math.sqrt(2 * count)) if columns is None else columns)
    rows = -(-count // across)
    figure = _figure(max(CELL * across, 2.5), CELL * rows + (0.4 if title else 0))
    if title:
        figure.suptitle(title)
    axes = list(np.ravel(np.asarray(figure.subplots(rows, across, squeeze=False))))
    for ax in axes:
        ax.set_axis_off()
    return figure, axes[:count]


def kernels(
    weight: ArrayLike, *, most: int = 64, columns: int | None = None, title: str | None = None
) -> Figure:
    """Draw kernels: those of three channels in colour, of others the first channel.

    Colours of one channel run from blue, which takes away, by white to red, which adds, alike for
    all kernels. Three channels are red, green and blue around middle grey.

    Parameters
    ----------
    weight : array_like, (height, width) or (kernels, channels, height, width)
        A kernel of `convpool.filters`, or a layer's weight.
    most : int
        Draw so many of them, the first.
    columns : int, optional
        Drawings in a row; otherwise twice as many as rows.
    title : str, optional
        Above them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If Matplotlib is missing.
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> import convpool.plot
    >>> convpool.plot.kernels(convpool.filters.emboss()).savefig("emboss.png")
    """
    array = array_of("weight", weight).astype(np.float64)
    if array.ndim == 2:
        array = array[None, None]
    if array.ndim != 4 or not array.size:
        raise ValueError(
            f"weight: got shape {array.shape}, expected (height, width) or "
            "(kernels, channels, height, width)"
        )
    array = array[: integer("most", most, 1)]
    coloured = array.shape[1] == 3
    top = max(float(abs(array if coloured else array[:, 0]).max()), 1e-12)
    across = None if columns is None else integer("columns", columns, 1)
    figure, axes = _grid(len(array), across, title)
    for ax, kernel in zip(axes, array, strict=True):
        if coloured:
            ax.imshow(0.5 + kernel.transpose(1, 2, 0) / (2 * top))
        else:
            ax.imshow(kernel[0], cmap="RdBu_r", vmin=-top, vmax=top)
    return figure


def feature_maps(
    maps: ArrayLike, *, most: int = 32, columns: int | None = None, title: str | None = None
) -> Figure:
    """Draw the channels that a layer made of one image.

    Parameters
    ----------
    maps : array_like, (channels, height, width), (1, channels, height, width) or (height, width)
        One of what ``net.activations(x)`` holds, for instance.
    most, columns, title
        As in `kernels`.

    Returns
    -------
    matplotlib.figure.Figure
        Each map from its least value, black, to its largest, white.

    Raises
    ------
    ImportError
        If Matplotlib is missing.
    TypeError, ValueError
        If a value is not as above.

    Examples
    --------
    >>> import numpy as np, convpool.plot
    >>> maps = np.random.default_rng(0).random((8, 24, 32))
    >>> convpool.plot.feature_maps(maps, title="noise").savefig("maps.png")
    """
    array = array_of("maps", maps)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or not array.size:
        raise ValueError(
            f"maps: got shape {array.shape}, expected (channels, height, width) of one image"
        )
    array = array[: integer("most", most, 1)]
    across = None if columns is None else integer("columns", columns, 1)
    figure, axes = _grid(len(array), across, title)
    for ax, channel in zip(axes, array, strict=True):
        ax.imshow(channel, cmap="gray")
    return figure


def summary(table: Summary | Layer, *, title: str | None = None) -> Figure:
    """Draw a network's parameters and multiply-adds as bars, a pair for each row.

    Parameters
    ----------
    table : Summary, or a network of `convpool.models`
        With ``depth=1`` the bars are those of blocks; a network is drawn so. Rows that have
        neither parameters nor multiply-adds are left out.
    title : str, optional
        Above them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If Matplotlib is missing.
    ValueError
        If no row has parameters or multiply-adds.

    Examples
    --------
    >>> from convpool import models, plot
    >>> plot.summary(models.googlenet(), title="GoogLeNet").savefig("googlenet.png")
    """
    from .nn import Layer

    if isinstance(table, Layer):
        table = table.summary(depth=1)
    rows = [row for row in table.rows if row.parameters or row.macs]
    if not rows:
        raise ValueError("table: got no row with parameters or multiply-adds, expected some")
    figure = _figure(8, 0.9 + 0.26 * len(rows))
    if title:
        figure.suptitle(title)
    left, right = figure.subplots(1, 2, sharey=True)
    names = [row.name or row.kind for row in rows]
    places = list(range(len(rows)))
    for ax, heading, values, total, colour in (
        (left, "parameters", [row.parameters for row in rows], table.parameters, "#d66026"),
        (right, "multiply-adds", [row.macs for row in rows], table.macs, "#2e68b0"),
    ):
        bars = ax.barh(places, values, color=colour)
        ax.bar_label(bars, [_short(value) for value in values], padding=3, fontsize=8)
        ax.set_title(f"{heading}: {_short(total)}", fontsize=10)
        ax.set_xlim(0, 1.18 * max(max(values), 1))
        ax.xaxis.set_visible(False)
        ax.spines[["top", "right", "bottom"]].set_visible(False)
    left.set_yticks(places, names, fontsize=8)
    left.invert_yaxis()
    return figure


def _short(count: int) -> str:
    """Three digits and a unit."""
    for unit, name in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if count >= unit:
            return f"{count / unit:.3g}{name}"
    return str(count)
