"""Pooling against PyTorch (where it is installed): values, places, gradients and refusals alike."""

import numpy as np
import pytest

import convpool
from convpool import _pool_grad as grad

torch = pytest.importorskip("torch")
F = torch.nn.functional

DRAWS = range(150)


class Draw:
    """A random problem: an array, and a window that PyTorch takes or refuses."""

    def __init__(self, seed, whole=False):
        self.rng = rng = np.random.default_rng(seed)
        self.spatial = int(rng.integers(1, 4))
        high = (13, 10, 7)[self.spatial - 1]
        self.sizes = tuple(map(int, rng.integers(1, high, self.spatial)))
        self.shape = (int(rng.integers(1, 3)), int(rng.integers(1, 7)), *self.sizes)
        self.x = rng.standard_normal(self.shape)
        if whole:
            self.x = rng.integers(-3, 4, self.shape).astype(np.float64)

    def each(self, low, high):
        if self.rng.random() < 0.4:
            return int(self.rng.integers(low, high))
        return tuple(map(int, self.rng.integers(low, high, self.spatial)))

    def window(self, dilated):
        """Padding of more than half a window is left out: PyTorch refuses it, ONNX does not."""
        kernel = self.each(1, 5)
        smallest = kernel if isinstance(kernel, int) else min(kernel)
        window = {"kernel_size": kernel, "padding": int(self.rng.integers(0, smallest // 2 + 1))}
        if self.rng.random() < 0.7:
            window["stride"] = self.each(1, 5)
        if dilated and self.rng.random() < 0.5:
            window["dilation"] = self.each(1, 4)
        window["ceil_mode"] = bool(self.rng.random() < 0.5)
        return window

    def both(self, name):
        return (getattr(m, name.format(self.spatial)) for m in (F, convpool))

    def gradient(self, name):
        return getattr(grad, name.format(self.spatial))

    def layouts(self):
        axes = "DHW"[-self.spatial :]
        return [(f"NC{axes}", lambda a: a), (f"N{axes}C", lambda a: np.moveaxis(a, 1, -1))]

    def check(self, actual, expected, layout, exact=False):
        actual = np.moveaxis(actual, -1, 1) if layout.endswith("C") else actual
        if exact:
            np.testing.assert_array_equal(actual, expected, strict=True)
        else:
            np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12, strict=True)


def refused(call):
    try:
        call()
    except (RuntimeError, TypeError, ValueError):
        return True
    return False


@pytest.mark.parametrize("seed", DRAWS)
def test_maxima(seed):
    draw = Draw(seed, whole=True)
    draw.x[draw.rng.random(draw.shape) < 0.05] = np.nan
    theirs, ours = draw.both("max_pool{}d")
    window = draw.window(dilated=True)
    tensor = torch.tensor(draw.x, requires_grad=True)
    if refused(lambda: theirs(tensor, **window)):
        assert refused(lambda: ours(draw.x, **window))
        return
    expected, places = theirs(tensor, return_indices=True, **window)
    weights = draw.rng.integers(-3, 4, expected.shape).astype(np.float64)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        y, where = ours(view(draw.x), return_indices=True, layout=layout, **window)
        draw.check(y, expected.detach().numpy(), layout, exact=True)
        # A dilated window may step over all of a narrow input: here it is then -1 and -infinity.
        met = ~np.isneginf(y)
        np.testing.assert_array_equal(where[met], view(places.numpy())[met])
        if met.all():
            back = draw.gradient("max_pool{}d_input")(
                view(draw.x).shape, where, view(weights), layout=layout
            )
            draw.check(back, tensor.grad.numpy(), layout, exact=True)


@pytest.mark.parametrize("seed", DRAWS)
def test_means(seed):
    draw = Draw(1000 + seed)
    theirs, ours = draw.both("avg_pool{}d")
    window = draw.window(dilated=False)
    window["count_include_pad"] = bool(draw.rng.random() < 0.5)
    if draw.spatial > 1 and draw.rng.random() < 0.3:
        window["divisor_override"] = int(draw.rng.choice([-3, 0, 1, 5]))
    tensor = torch.tensor(draw.x, requires_grad=True)
    if refused(lambda: theirs(tensor, **window)):
        # Its avg_pool3d alone compares windows with the input before it is padded.
        kernel = window["kernel_size"]
        kernel = (kernel,) * 3 if isinstance(kernel, int) else kernel
        larger = any(k > n for k, n in zip(kernel, draw.sizes, strict=False))
        assert (draw.spatial == 3 and larger) or refused(lambda: ours(draw.x, **window))
        return
    expected = theirs(tensor, **window)
    weights = draw.rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        y = ours(view(draw.x), layout=layout, **window)
        draw.check(y, expected.detach().numpy(), layout)
        back = draw.gradient("avg_pool{}d_input")(
            view(draw.x).shape, view(weights), layout=layout, **window
        )
        draw.check(back, tensor.grad.numpy(), layout)


@pytest.mark.parametrize("seed", DRAWS)
def test_adaptive_windows(seed):
    draw = Draw(2000 + seed, whole=True)
    if draw.rng.random() < 0.3:
        draw.x[draw.rng.random(draw.shape) < 0.05] = np.nan
    outputs = draw.each(1, 12)
    if not isinstance(outputs, int) and draw.spatial > 1 and draw.rng.random() < 0.3:
        outputs = (None, *outputs[1:])
    tensor = torch.tensor(draw.x, requires_grad=True)
    theirs, ours = draw.both("adaptive_max_pool{}d")
    expected, places = theirs(tensor, outputs, return_indices=True)
    weights = draw.rng.integers(-3, 4, expected.shape).astype(np.float64)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        y, where = ours(view(draw.x), outputs, return_indices=True, layout=layout)
        draw.check(y, expected.detach().numpy(), layout, exact=True)
        draw.check(where, places.numpy(), layout, exact=True)
        back = draw.gradient("adaptive_max_pool{}d_input")(
            view(draw.x).shape, where, view(weights), layout=layout
        )
        draw.check(back, tensor.grad.numpy(), layout, exact=True)
    theirs, ours = draw.both("adaptive_avg_pool{}d")
    tensor.grad = None
    expected = theirs(tensor, outputs)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        y = ours(view(draw.x), outputs, layout=layout)
        draw.check(y, expected.detach().numpy(), layout)
        back = draw.gradient("adaptive_avg_pool{}d_input")(
            view(draw.x).shape, view(weights), layout=layout
        )
        draw.check(back, tensor.grad.numpy(), layout)


@pytest.mark.parametrize("seed", DRAWS)
def test_norms(seed):
    """Of magnitudes, and without ceil_mode: there PyTorch scales up a window cut by the edge."""
    draw = Draw(3000 + seed)
    x = abs(draw.x) + 0.1
    p = float(draw.rng.choice([1, 2, 3, 4, 0.5, 1.5]))
    window = draw.window(dilated=False)
    del window["padding"], window["ceil_mode"]
    if draw.spatial == 1:  # its lp_pool1d takes ints alone
        window = {k: v if isinstance(v, int) else v[0] for k, v in window.items()}
    tensor = torch.tensor(x, requires_grad=True)
    theirs, ours = draw.both("lp_pool{}d")
    if refused(lambda: theirs(tensor, p, **window)):
        assert refused(lambda: ours(x, p, **window))
        return
    expected = theirs(tensor, p, **window)
    weights = draw.rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        draw.check(ours(view(x), p, layout=layout, **window), expected.detach().numpy(), layout)
        back = draw.gradient("lp_pool{}d_input")(view(x), view(weights), p, layout=layout, **window)
        draw.check(back, tensor.grad.numpy(), layout)


@pytest.mark.parametrize("seed", DRAWS)
def test_unpooling(seed):
    """Of each place once: PyTorch leaves open which of several values stays."""
    draw = Draw(4000 + seed)
    kernel, stride = draw.each(1, 4), draw.each(1, 4)
    padding = int(draw.rng.integers(0, 2))
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding}
    if draw.rng.random() < 0.5:
        arguments["output_size"] = tuple(int(draw.rng.integers(1, 4)) * n for n in draw.sizes)
    planes = 4**draw.spatial * int(np.prod(draw.sizes))
    if draw.rng.random() < 0.8:
        planes = max(planes // 4**draw.spatial, int(np.prod(draw.sizes)))
    count = draw.shape[0] * draw.shape[1]
    places = np.stack([draw.rng.permutation(planes)[: np.prod(draw.sizes)] for _ in range(count)])
    places = places.reshape(draw.shape)
    theirs, ours = draw.both("max_unpool{}d")
    tensor = torch.tensor(draw.x, requires_grad=True)
    if refused(lambda: theirs(tensor, torch.tensor(places), **arguments)):
        assert refused(lambda: ours(draw.x, places, **arguments))
        return
    expected = theirs(tensor, torch.tensor(places), **arguments)
    if expected.numel() == 0:  # its own backward fails there
        assert refused(lambda: ours(draw.x, places, **arguments))
        return
    weights = draw.rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(weights))
    for layout, view in draw.layouts():
        y = ours(view(draw.x), view(places), layout=layout, **arguments)
        draw.check(y, expected.detach().numpy(), layout, exact=True)
        back = draw.gradient("max_unpool{}d_input")(view(places), view(weights), layout=layout)
        draw.check(back, tensor.grad.numpy(), layout, exact=True)


@pytest.mark.parametrize("name", ["max_pool{}d", "avg_pool{}d"])
@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("arguments", [
    {"kernel_size": 0}, {"kernel_size": -1}, {"kernel_size": 6}, {"kernel_size": 2, "stride": 0},
    {"kernel_size": 2, "padding": 2}, {"kernel_size": 2, "padding": -1},
], ids=str)  # fmt: skip
def test_what_pytorch_refuses_is_refused(arguments, spatial, name):
    x = np.ones((1, 1, *[5] * spatial))
    assert refused(lambda: getattr(F, name.format(spatial))(torch.tensor(x), **arguments))
    assert refused(lambda: getattr(convpool, name.format(spatial))(x, **arguments))
