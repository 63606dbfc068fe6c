"""Pictures: what is drawn is what was given, and nothing else is touched."""

import io
import subprocess
import sys

import numpy as np
import pytest

import convpool
from convpool import models, nn

matplotlib = pytest.importorskip("matplotlib")
from convpool import plot  # noqa: E402


def drawn(figure):
    """The arrays of the figure's images."""
    figure.savefig(io.BytesIO())
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]


def test_kernels():
    emboss = convpool.filters.emboss()
    (shown,) = drawn(plot.kernels(emboss))
    np.testing.assert_array_equal(shown, emboss)
    weight = models.resnet18()["conv1"].weight.astype(float)
    shown = drawn(plot.kernels(weight, most=6, columns=3, title="conv1"))
    assert len(shown) == 6
    top = abs(weight[:6]).max()
    np.testing.assert_allclose(shown[5], 0.5 + weight[5].transpose(1, 2, 0) / (2 * top), rtol=1e-15)
    deep = np.random.default_rng(1).standard_normal((4, 5, 3, 3))
    figure = plot.kernels(deep)
    for ax, kernel in zip(figure.axes, deep, strict=False):
        np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()), kernel[0])
        # 0 is white: one scale for all, even around it.
        assert ax.images[0].get_clim() == (-abs(deep[:, 0]).max(), abs(deep[:, 0]).max())


def test_feature_maps():
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    maps = net.activations(np.random.default_rng(1).random((1, 3, 9, 8)))["1"]
    for given in (maps, maps[0]):
        shown = drawn(plot.feature_maps(given, most=4))
        assert len(shown) == 4
        for array, channel in zip(shown, maps[0], strict=False):
            np.testing.assert_array_equal(array, channel)
    assert len(drawn(plot.feature_maps(maps[0, 0]))) == 1


def test_summary():
    net = models.googlenet()
    table = net.summary(depth=1)
    rows = [row for row in table.rows if row.parameters]
    for given in (net, table):
        left, right = plot.summary(given, title="GoogLeNet").axes
        assert [bar.get_width() for bar in left.patches] == [row.parameters for row in rows]
        assert [bar.get_width() for bar in right.patches] == [row.macs for row in rows]
        assert [tick.get_text() for tick in left.get_yticklabels()] == [row.name for row in rows]
    assert left.get_title() == "parameters: 7 M"
    assert right.get_title() == "multiply-adds: 1.58 G"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.kernels(np.zeros((3, 3, 3))), r"weight: got shape \(3, 3, 3\), expected"),
        (lambda: plot.kernels(np.zeros((0, 3, 3, 3))), r"weight: got shape \(0, 3, 3, 3\)"),
        (lambda: plot.kernels(np.zeros((3, 3)), most=0), "most: got 0, expected an int from 1"),
        (lambda: plot.kernels(np.zeros((3, 3)), columns=0), "columns: got 0, expected an int"),
        (lambda: plot.feature_maps(np.zeros((2, 3, 4, 5))), r"maps: got shape \(2, 3, 4, 5\)"),
        (lambda: plot.summary(nn.ReLU().summary((1,))), "table: got no row with parameters"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'convpool\[plot\]'"):
        plot.kernels(np.zeros((3, 3)))


def test_matplotlib_is_imported_by_pictures_alone():
    code = (
        "import sys, convpool, convpool.nn, convpool.models, convpool.plot\n"
        "print([name for name in ('matplotlib', 'rich', 'PIL', 'onnx') if name in sys.modules])\n"
        "convpool.plot.kernels([[1.0]])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n")[:2] == ["[]", "False"]
