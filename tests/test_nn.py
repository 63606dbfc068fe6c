"""Layers: what they compute, alone and joined, and what they know of themselves.

Where inputs and weights are small integers, every sum is exact in float32: results are compared for
equality, whatever the order of sums.
"""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convpool
import reference
from convpool import nn

RNG = np.random.default_rng


def integers(rng, shape, dtype=np.float32):
    return rng.integers(-3, 4, shape).astype(dtype)


def with_integers(net, seed=0):
    """A network whose weights are small integers."""
    rng = RNG(seed)
    net.load_state({name: integers(rng, array.shape) for name, array in net.state().items()})
    return net


def trained(net, seed=0):
    """A network whose norms are not those of a new one."""
    rng = RNG(seed)
    net.load_state(
        {
            name: 0.5 + rng.random(array.shape) if array.ndim == 1 else array
            for name, array in net.state().items()
        }
    )
    return net


def layer_by_layer(net, x):
    return list(net.activations(x).values())[-1]


# One layer


def test_conv2d():
    layer = with_integers(
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=((1, 0), (0, 2)), dilation=(2, 1), groups=2)
    )
    x = integers(RNG(1), (2, 4, 9, 8))
    expected = reference.convolve(
        x, layer.weight, layer.bias, stride=(1, 2), padding=((1, 0), (0, 2)), dilation=(2, 1),
        groups=2,
    )  # fmt: skip
    np.testing.assert_array_equal(layer(x), expected.astype(np.float32), strict=True)
    assert layer.output_shape(x.shape) == expected.shape
    # Each output is a sum over 2 channels a group and 3 x 2 taps.
    assert layer.macs(x.shape) == expected.size * 2 * 3 * 2
    assert layer.parameters == 6 * 2 * 3 * 2 + 6
    assert layer.weights == 6 * 2 * 3 * 2


def test_conv2d_without_bias():
    layer = with_integers(nn.Conv2d(3, 2, 3, bias=False))
    x = integers(RNG(1), (1, 3, 5, 5))
    np.testing.assert_array_equal(layer(x), reference.convolve(x, layer.weight))
    assert layer.parameters == 54
    assert list(layer.state()) == ["weight"]
    with pytest.raises(AttributeError, match="Conv2d was made without bias"):
        layer.bias  # noqa: B018
    with pytest.raises(AttributeError, match="Conv2d was made without bias"):
        layer.bias = np.zeros(2, np.float32)


def test_linear():
    layer = with_integers(nn.Linear(7, 5))
    x = integers(RNG(1), (3, 7))
    expected = (x @ layer.weight.T + layer.bias).astype(np.float32)
    np.testing.assert_array_equal(layer(x), expected)
    np.testing.assert_array_equal(layer_by_layer(layer, x), expected)
    assert layer.output_shape((7,)) == (5,)
    assert layer.output_shape((3, 7)) == (3, 5)
    assert (layer.parameters, layer.macs((7,)), layer.macs((3, 7))) == (40, 35, 105)


def test_pooling():
    x = integers(RNG(1), (2, 3, 8, 7))
    y = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)(x)
    reference.assert_maxima(y, x, 3, stride=2, padding=1, ceil_mode=True)
    y = nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)(x)
    reference.assert_averages(y, x, 3, stride=2, padding=1, count_include_pad=False)
    y = nn.AvgPool2d(2, divisor_override=3)(x)
    reference.assert_averages(y, x, 2, divisor_override=3)
    y = nn.GlobalAvgPool2d()(x)
    reference.assert_averages(y, x, (8, 7))


def test_activations():
    x = np.float32([[-2, -0.5, 0, 3, 7, np.nan]])
    np.testing.assert_array_equal(nn.ReLU()(x), np.float32([[0, 0, 0, 3, 7, np.nan]]))
    np.testing.assert_array_equal(nn.ReLU6()(x), np.float32([[0, 0, 0, 3, 6, np.nan]]))
    np.testing.assert_array_equal(nn.Tanh()(x), np.tanh(x))


def test_softmax():
    x = np.float64([[1000, 1001, 1002]])
    powers = np.exp([-2, -1, 0])
    np.testing.assert_allclose(nn.Softmax()(x)[0], powers / powers.sum(), rtol=1e-15)
    maps = RNG(1).random((2, 5, 3, 4))
    np.testing.assert_allclose(nn.Softmax()(maps).sum(1), np.ones((2, 3, 4)), rtol=1e-15)


def test_dropout_and_flatten():
    x = integers(RNG(1), (2, 3, 4, 5))
    for layer, expected in ((nn.Dropout(0.4), x), (nn.Flatten(), x.reshape(2, -1))):
        y = layer(x)
        np.testing.assert_array_equal(y, expected)
        assert not np.may_share_memory(y, x)


def test_batch_norm():
    layer = trained(nn.BatchNorm2d(3, eps=1e-3))
    x = RNG(1).random((2, 3, 4, 5))
    arrays = {name: array[:, None, None] for name, array in layer.state().items()}
    expected = (x - arrays["running_mean"]) / np.sqrt(arrays["running_var"] + 1e-3)
    expected = expected * arrays["weight"] + arrays["bias"]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-13)
    assert layer.parameters == 6
    assert len(layer.state()) == 4


@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (4, 0.5), (1, 1.25), (9, 0.75)])
def test_local_response_norm(size, beta):
    """By its formula, channel by channel."""
    x = RNG(1).standard_normal((2, 6, 40, 41))
    expected = np.empty_like(x)
    for c in range(6):
        near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        expected[:, c] = x[:, c] / (2 + 0.3 / size * (near**2).sum(1)) ** beta
    layer = nn.LocalResponseNorm(size, alpha=0.3, beta=beta, k=2)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-14)
    y = layer(x.astype(np.float32))
    assert y.dtype == np.float32
    # Some ten roundings: of the squares, their sum, the root, the quotient.
    np.testing.assert_allclose(y, expected, rtol=20 * 2.0**-24)


# Layers joined


def small_net():
    return nn.Sequential(
        features=nn.Sequential(
            nn.Conv2d(3, 4, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Concat(nn.Conv2d(4, 3, 1), nn.Sequential(nn.Conv2d(4, 2, 3, padding=1), nn.ReLU())),
            nn.ReLU(),
        ),
        flatten=nn.Flatten(),
        classifier=nn.Sequential(nn.Dropout(), nn.Linear(45, 6)),
    )


def test_small_net_by_its_definition():
    net = with_integers(small_net())
    w = net.state()
    x = integers(RNG(1), (2, 3, 7, 6))
    y = reference.convolve(x, w["features.0.weight"], w["features.0.bias"], padding=2)
    y, _ = reference.max_pool(np.maximum(y, 0), 2)
    one = reference.convolve(y, w["features.3.0.weight"], w["features.3.0.bias"])
    three = reference.convolve(y, w["features.3.1.0.weight"], w["features.3.1.0.bias"], padding=1)
    y = np.maximum(np.concatenate([one, three], 1), 0).reshape(2, -1)
    y = y @ w["classifier.1.weight"].T + w["classifier.1.bias"]
    assert abs(y).max() < 2**24  # exact
    np.testing.assert_array_equal(net(x), y.astype(np.float32), strict=True)
    np.testing.assert_array_equal(layer_by_layer(net, x), y)
    assert net.output_shape(x.shape) == y.shape


def residual(**arguments):
    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1))
    return nn.Residual(body, **arguments)


RESIDUALS = {
    "identity": lambda: residual(),
    "activation": lambda: residual(activation="relu"),
    "activation after": lambda: nn.Sequential(residual(), nn.ReLU6()),
    "shortcut": lambda: residual(shortcut=nn.Conv2d(4, 4, 1), activation="relu"),
    "no conv last": lambda: nn.Sequential(nn.Residual(nn.MaxPool2d(3, 1, 1)), nn.ReLU()),
    "activated conv last": lambda: nn.Residual(
        nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()), activation="relu"
    ),
    "nested": lambda: nn.Residual(residual(activation="relu"), activation="relu"),
    "of nothing": lambda: nn.Residual(nn.Dropout(), activation="relu"),
    "within branches": lambda: nn.Sequential(nn.Concat(residual(), nn.AvgPool2d(1)), nn.ReLU()),
    "branch of nothing": lambda: nn.Concat(nn.Dropout(), nn.ReLU()),
}


@pytest.mark.parametrize("name", RESIDUALS)
def test_joined_as_layer_by_layer(name):
    net = with_integers(RESIDUALS[name]())
    x = integers(RNG(1), (2, 4, 6, 5))
    before = x.copy()
    y = net(x)
    np.testing.assert_array_equal(y, layer_by_layer(net, x), strict=True)
    np.testing.assert_array_equal(x, before)
    assert not np.may_share_memory(y, x)
    assert y.shape == net.output_shape(x.shape)


def test_joined_features():
    """What is joined may be rows, too: fully connected layers side by side and around a sum."""
    net = with_integers(
        nn.Sequential(
            nn.Concat(nn.Linear(6, 4), nn.Dropout(), nn.Sequential(nn.Linear(6, 2), nn.ReLU())),
            nn.ReLU(), nn.Residual(nn.Linear(12, 12), activation="relu"), nn.Linear(12, 3),
        )
    )  # fmt: skip
    x = integers(RNG(1), (5, 6))
    w = net.state()
    one = x @ w["0.0.weight"].T + w["0.0.bias"]
    three = np.maximum(x @ w["0.2.0.weight"].T + w["0.2.0.bias"], 0)
    y = np.maximum(np.concatenate([one, x, three], 1), 0)
    y = np.maximum(y @ w["2.body.weight"].T + w["2.body.bias"] + y, 0)
    y = y @ w["3.weight"].T + w["3.bias"]
    np.testing.assert_array_equal(net(x), y, strict=True)
    np.testing.assert_array_equal(layer_by_layer(net, x), y, strict=True)
    np.testing.assert_array_equal(net(x[2]), y[2], strict=True)
    assert net.output_shape((6,)) == (3,)
    assert net.macs((5, 6)) == 5 * (6 * 4 + 6 * 2 + 12 * 12 + 12 * 3)


def test_residual_by_its_definition():
    net = with_integers(residual(shortcut=nn.Conv2d(4, 4, 1), activation="relu"))
    w = net.state()
    assert list(w) == [
        "0.weight", "0.bias", "2.weight", "2.bias", "downsample.weight", "downsample.bias",
    ]  # fmt: skip
    x = integers(RNG(1), (2, 4, 6, 5))
    y = np.maximum(reference.convolve(x, w["0.weight"], w["0.bias"], padding=1), 0)
    y = reference.convolve(y, w["2.weight"], w["2.bias"])
    y = y + reference.convolve(x, w["downsample.weight"], w["downsample.bias"])
    np.testing.assert_array_equal(net(x), np.maximum(y, 0))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm_goes_into_the_convolution(bias, dtype):
    net = trained(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=bias), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8),
            nn.Residual(
                nn.Sequential(nn.Conv2d(8, 8, 1, bias=bias), nn.BatchNorm2d(8)), activation="relu"
            ),
        )
    )  # fmt: skip
    x = RNG(1).standard_normal((2, 3, 9, 8))
    exact = layer_by_layer(net, x)
    y = net(x.astype(dtype))
    assert y.dtype == dtype
    # Chains of 27 and 8 terms, and a handful of roundings for each norm.
    u = 2.0**-24 if dtype == np.float32 else 2.0**-53
    assert abs(y - exact).max() <= 100 * u * abs(exact).max()


def test_same_layer_twice():
    conv = with_integers(nn.Conv2d(2, 2, 3, padding=1))
    net = nn.Sequential(conv, nn.ReLU(), conv)
    x = integers(RNG(1), (1, 2, 5, 5))
    y = np.maximum(reference.convolve(x, conv.weight, conv.bias, padding=1), 0)
    y = reference.convolve(y, conv.weight, conv.bias, padding=1)
    np.testing.assert_array_equal(net(x), y)
    assert net.parameters == conv.parameters == 38
    assert net.macs((2, 5, 5)) == 2 * conv.macs((2, 5, 5))
    assert [row.parameters for row in net.summary((2, 5, 5)).rows] == [38, 0, 0]
    net.load_state(net.state())


def test_names():
    net = small_net()
    assert net["features.0"] is net[0][0]
    assert isinstance(net["features.3.1.1"], nn.ReLU)
    assert len(net) == 3
    for name in ("feature", "features.9", "features.0.1", ""):
        with pytest.raises(KeyError):
            net[name]
    plain = nn.Sequential({"a": nn.ReLU(), "": nn.Concat(b=nn.ReLU(), c=nn.ReLU())})
    assert plain["c"] is plain[""][1]
    with pytest.raises(ValueError, match="two of the name 'b'"):
        nn.Sequential({"b": nn.ReLU(), "": nn.Concat(b=nn.ReLU())})


# What a network takes


def test_batches_and_layouts():
    net = with_integers(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)))
    x = integers(RNG(1), (3, 3, 9, 8))
    y = net(x)
    for number in range(3):
        np.testing.assert_array_equal(net(x[number]), y[number], strict=True)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(net(last, layout="NHWC"), np.moveaxis(y, 1, -1), strict=True)
    np.testing.assert_array_equal(
        net(last[0], layout="NHWC"), np.moveaxis(y[0], 0, -1), strict=True
    )
    assert net(x[:0]).shape == (0, *y.shape[1:])
    assert net(x.astype(">f4")).dtype == np.float32
    for name, form in reference.MEMORY.items():
        np.testing.assert_array_equal(net(form(x)), y, name, strict=True)


def test_empty_batch_through_every_layer():
    net = trained(
        nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LocalResponseNorm(5), nn.AvgPool2d(2),
            residual(), nn.Concat(nn.Conv2d(4, 4, 1), nn.ReLU()), nn.GlobalAvgPool2d(),
            nn.Flatten(), nn.Linear(8, 3), nn.Softmax(),
        )
    )  # fmt: skip
    assert net(np.empty((0, 3, 12, 12), np.float32)).shape == (0, 3)
    assert net(RNG(1).random((3, 12, 12))).shape == (3,)


def test_same_bits_for_any_threads_and_batch():
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.LocalResponseNorm(5),
        nn.Concat(nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(16, 8, 1)),
        nn.Flatten(), nn.Linear(16 * 20 * 20, 10), nn.Softmax(),
    )  # fmt: skip
    x = RNG(1).random((5, 3, 20, 20)).astype(np.float32)
    y = net(x, num_threads=1)
    reference.assert_same_bits(net(x, num_threads=3), y)
    with convpool.num_threads(2):
        reference.assert_same_bits(np.stack([net(one) for one in x]), y)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((1, 3, 9, 9), int), TypeError, "x: got dtype int64, expected float32"),
        (np.zeros((1, 3, 9, 9), np.float16), TypeError, "x: got dtype float16, expected float32"),
        (np.float32(1), ValueError, r"x: got shape \(\), expected \(batch, channels"),
        (np.zeros((1, 1, 3, 9, 9), np.float32), ValueError, r"x: got shape \(1, 1, 3"),
        (
            np.zeros((1, 4, 9, 9), np.float32),
            ValueError,
            r"features.0 \(Conv2d\): got input of \(4, 9, 9\), expected \(3, height, width\)",
        ),
        (
            np.zeros((1, 3, 9, 9), np.float32),
            ValueError,
            r"classifier.1 \(Linear\): got input of \(80,\), expected \(45,\)",
        ),
        (
            np.zeros((1, 3, 1, 9), np.float32),
            ValueError,
            r"features.2 \(MaxPool2d\): got 1 x 9 pixels, of which a window spans 2, expected",
        ),
    ],
)
def test_wrong_inputs(x, error, message):
    with pytest.raises(error, match=message):
        small_net()(x)


def test_wrong_shapes_of_branches():
    fork = nn.Sequential(fork=nn.Concat(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3)))
    with pytest.raises(
        ValueError, match=r"fork.1 \(of Concat\): got output of \(3, 7, 7\), expect"
    ):
        fork.output_shape((3, 9, 9))
    block = nn.Sequential(block=nn.Residual(nn.Conv2d(3, 4, 1)))
    with pytest.raises(
        ValueError, match=r"block \(Residual\): got \(4, 9, 9\) to add to \(3, 9, 9"
    ):
        block(np.zeros((3, 9, 9), np.float32))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 1), ValueError, "in_channels: got 0, expected an int from 1"),
        (lambda: nn.Conv2d(3, 4, 1, groups=2), ValueError, "groups: got 2, expected a divisor"),
        (lambda: nn.Conv2d(3, 4, 1.5), TypeError, "kernel_size: got 1.5, expected"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "padding: got 'full', expected"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode: got"),
        (lambda: nn.Conv2d(3, 4, 3, algorithm="fast"), ValueError, "algorithm: got 'fast'"),
        (lambda: nn.Linear(3, "4"), TypeError, "out_features: got '4', expected an int"),
        (lambda: nn.MaxPool2d(2, padding=2), ValueError, "padding: got .2, 2., expected less"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "divisor_override: got 0"),
        (lambda: nn.Dropout(2), ValueError, "p: got 2, expected a number from 0 to 1"),
        (lambda: nn.BatchNorm2d(3, eps=0), ValueError, "eps: got 0, expected a number above 0"),
        (lambda: nn.LocalResponseNorm(0), ValueError, "size: got 0, expected an int from 1"),
        (lambda: nn.Sequential(), ValueError, "layers: got none, expected at least one"),
        (lambda: nn.Sequential("relu"), TypeError, "layers: got '0': 'relu', expected a layer"),
        (lambda: nn.Concat(nn.ReLU(), nn.ReLU), TypeError, "layers: got '1': <class"),
        (lambda: nn.Residual(None), TypeError, "body: got None, expected a layer"),
        (lambda: nn.Residual(nn.ReLU(), activation="gelu"), ValueError, "activation: got 'gelu'"),
        (lambda: nn.ReLU().output_shape(3), TypeError, "input_shape: got 3, expected"),
        (lambda: nn.ReLU().output_shape((1, 2, 3, 4, 5)), ValueError, "input_shape: got"),
        (lambda: nn.ReLU().macs((3, 0, 1)), ValueError, "input_shape: got 0, expected an int"),
        (lambda: nn.ReLU().initialise(-1), ValueError, "seed: got -1, expected an int from 0"),
        (lambda: nn.ReLU().summary(), TypeError, "input_shape: got None, expected one"),
        (lambda: nn.ReLU().summary((1,), columns="macs"), ValueError, "columns: got 'macs'"),
        (lambda: nn.ReLU().summary((1,), depth=0), ValueError, "depth: got 0, expected"),
    ],
)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Weights


def test_weights_are_copied_and_locked():
    layer = nn.Conv2d(2, 2, 1, bias=False)
    mine = np.ones((2, 2, 1, 1), np.float32)
    layer.weight = mine
    x = np.ones((1, 2, 3, 3), np.float32)
    assert (layer(x) == 2).all()
    mine[:] = 5
    assert (layer(x) == 2).all()
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[:] = 5
    with pytest.raises(ValueError, match="WRITEABLE"):
        layer.weight.flags.writeable = True
    layer.weight = mine
    assert (layer(x) == 10).all()
    assert (layer(x.astype(np.float64)) == 10).all()
    assert layer(x.astype(np.float64)).dtype == np.float64


def test_setting_an_array_of_any_layer_counts():
    """In the middle of a network that has run: each array, and only what it concerns."""
    net = trained(
        nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Concat(nn.Conv2d(8, 2, 1), nn.Conv2d(8, 2, 1)), nn.Residual(nn.Conv2d(4, 4, 1)),
            nn.Flatten(), nn.Linear(4, 2),
        )
    )  # fmt: skip
    x = RNG(1).random((1, 3, 3, 3))
    before = net(x)
    for name, array in net.state().items():
        layer = net[name.rpartition(".")[0]]
        setattr(layer, name.rpartition(".")[2], array * 1.5 + 0.25)
        after = net(x)
        assert not np.array_equal(after, before), name
        np.testing.assert_allclose(after, layer_by_layer(net, x), rtol=1e-13)
        before = after


def test_weights_set_while_others_compute():
    """Each answer is that of one weight or the other, and the last one that of the last."""
    net = nn.Sequential(
        nn.Concat(nn.Conv2d(2, 2, 1, bias=False), nn.ReLU()), nn.Conv2d(4, 1, 1, bias=False)
    )
    net["1"].weight = np.ones((1, 4, 1, 1))
    conv = net["0.0"]
    conv.weight = np.ones((2, 2, 1, 1))
    shapes = [(1, 2, 3, 3), (1, 2, 4, 5)]
    stop = threading.Event()

    def compute(shape):
        seen = set()
        while not stop.is_set():
            seen |= set(net(np.ones(shape)).ravel().tolist())
        return seen

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(compute, shape) for shape in 2 * shapes]
        for number in range(300):
            conv.weight = np.full((2, 2, 1, 1), 1 + number % 2, np.float64)
        stop.set()
        seen = set().union(*(job.result() for job in jobs))
    assert seen <= {6.0, 10.0}
    assert (net(np.ones(shapes[0])) == 10).all()


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            np.ones((2, 2), np.float32),
            ValueError,
            r"weight: got shape \(2, 2\), expected \(2, 2, 1",
        ),
        (np.ones((2, 2, 1, 1), int), TypeError, "weight: got dtype int64, expected float32"),
    ],
)
def test_wrong_weights(value, error, message):
    layer = nn.Conv2d(2, 2, 1)
    before = layer.weight
    with pytest.raises(error, match=message):
        layer.weight = value
    np.testing.assert_array_equal(layer.weight, before)


def test_nothing_but_weights_may_be_set():
    layer = nn.Conv2d(2, 2, 1)
    for name in ("windows", "groups", "parameters", "anything"):
        with pytest.raises(AttributeError, match=f"{name}: got a new value for a Conv2d"):
            setattr(layer, name, 3)


def test_weights_are_those_of_the_seed():
    def net():
        convs = nn.Conv2d(50, 50, 5), nn.Conv2d(50, 50, 5)
        return nn.Sequential(nn.Conv2d(3, 50, 5), nn.ReLU(), *convs)

    first, second = net(), net()
    for name, array in first.state().items():
        np.testing.assert_array_equal(second.state()[name], array)
        assert array.dtype == np.float32
    second.initialise(1)
    assert not np.array_equal(second["0"].weight, first["0"].weight)
    second.initialise(0)
    np.testing.assert_array_equal(second["0"].weight, first["0"].weight)
    assert not np.array_equal(first["2"].weight, first["3"].weight)
    # He's: the variance is 2 / fan_in; of 62500 draws its estimate errs by some 0.4 %.
    assert first["2"].weight.var() * 50 * 25 == pytest.approx(2, rel=0.02)
    assert abs(first["2"].weight).max() <= np.sqrt(6 / (50 * 25))
    assert (first["2"].bias == 0).all()


def test_state_that_does_not_fit():
    net = with_integers(small_net())
    state = net.state()
    x = integers(RNG(1), (3, 7, 6))
    before = net(x)
    wrong = dict(state)
    del wrong["features.3.0.bias"]
    with pytest.raises(ValueError, match=r"state: got no features.3.0.bias, expected all arrays"):
        net.load_state(wrong)
    with pytest.raises(ValueError, match=r"state: got fc.weight, expected names"):
        net.load_state({**state, "fc.weight": np.zeros(3)})
    wrong = {name: array + 1 for name, array in state.items()}
    wrong["classifier.1.weight"] = np.zeros((6, 44), np.float32)
    with pytest.raises(ValueError, match=r"state\['classifier.1.weight'\]: got shape \(6, 44\)"):
        net.load_state(wrong)
    with pytest.raises(TypeError, match=r"state\['features.0.bias'\]: got dtype int64"):
        net.load_state({**state, "features.0.bias": np.zeros(4, int)})
    np.testing.assert_array_equal(net(x), before)
    net.load_state({**state, "features.1.num_batches_tracked": np.array(3)})


@pytest.mark.parametrize("form", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies(form):
    net = with_integers(small_net())
    x = integers(RNG(1), (3, 7, 6))
    y = net(x)
    other = form(net)
    np.testing.assert_array_equal(other(x), y)
    other["features.0"].weight = 2 * other["features.0"].weight
    np.testing.assert_array_equal(net(x), y)
    assert not np.array_equal(other(x), y)


def test_repr():
    assert repr(nn.Conv2d(4, 8, 3, 2, padding=1, groups=2, bias=False)) == (
        "Conv2d(4, 8, (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), groups=2, bias=False)"
    )
    assert repr(nn.Sequential(nn.Residual(nn.Linear(2, 2), activation="relu"))) == (
        "Sequential(\n  0: Residual(\n    body: Linear(2, 2)\n    activation='relu'\n  )\n)"
    )


# Shapes and fields


@st.composite
def windowed(draw):
    """A layer with windows, and a size it may or may not fit."""

    def axis(low, high):
        return draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    kernel, stride, sizes = axis(1, 5), axis(1, 4), axis(1, 14)
    if draw(st.booleans()):
        rules = st.sampled_from(["same", "same_lower", "valid", axis(0, 4), (axis(0, 3),) * 2])
        return nn.Conv2d(1, 1, kernel, stride, draw(rules), axis(1, 3)), sizes
    padding = tuple(draw(st.integers(0, taps - 1)) for taps in kernel)
    kind = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
    return kind(kernel, stride, padding, ceil_mode=draw(st.booleans())), sizes


@given(windowed())
def test_output_shape_is_what_comes_out(case):
    layer, sizes = case
    x = np.zeros((1, 1, *sizes), np.float32)
    try:
        expected = layer._compute(x, None, 1).shape
    except ValueError:
        with pytest.raises(ValueError, match=type(layer).__name__):
            layer.output_shape(x.shape)
        with pytest.raises(ValueError, match=type(layer).__name__):
            layer(x)
    else:
        assert layer.output_shape(x.shape) == expected
        assert layer(x).shape == expected


def test_receptive_field_is_what_an_output_sees():
    """Where the input's pixels change the output in the middle."""
    net = nn.Sequential(
        nn.Conv2d(1, 1, (3, 2), dilation=(2, 1)), nn.MaxPool2d(3, 2), nn.AvgPool2d((2, 3), 1),
        nn.Concat(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1)), nn.Conv2d(2, 1, 1),
    )  # fmt: skip
    net.load_state({name: np.ones(array.shape) for name, array in net.state().items()})
    plain = np.zeros((1, 40, 40))
    middle = net(plain)[0, 7, 7]
    seen = np.zeros((40, 40), bool)
    for i, j in np.ndindex(40, 40):
        lit = plain.copy()
        lit[0, i, j] = 1
        seen[i, j] = net(lit)[0, 7, 7] != middle
    field = tuple(int(n) for n in np.ptp(np.argwhere(seen), axis=0) + 1)
    assert net.summary((1, 40, 40)).rows[-1].receptive_field == field
