"""The oracle of these tests, and the library, against PyTorch (where it is installed)."""

import itertools

import numpy as np
import pytest

import convpool
import reference
from reference import assert_averages, assert_convolves, assert_maxima

torch = pytest.importorskip("torch")
F = torch.nn.functional

CONVOLUTIONS = [
    dict(zip(("stride", "padding", "dilation", "groups"), case, strict=True))
    for case in itertools.product((1, 2, 3), (0, 1, 3), (1, 2), (1, 2))
]


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def close(actual, expected):
    """Two float64 answers to the same small sums, each off by some 100 u at most."""
    np.testing.assert_allclose(actual, np.asarray(expected), rtol=0, atol=1e-13, strict=True)


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("arguments", CONVOLUTIONS, ids=str)
def test_oracle_of_convolution(spatial, arguments):
    x, bias = normal(1, 2, 4, *(8, 9, 7)[:spatial]), normal(2, 6)
    weight = normal(3, 6, 4 // arguments["groups"], *(2, 3, 2)[:spatial])
    torch_convolve = getattr(F, f"conv{spatial}d")
    expected = torch_convolve(*map(torch.tensor, (x, weight, bias)), **arguments)
    close(reference.convolve(x, weight, bias, **arguments), expected)
    convolve = getattr(convpool, f"conv{spatial}d")
    assert_convolves(convolve(x, weight, bias, **arguments), x, weight, bias, **arguments)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_oracle_of_padding_modes(mode):
    layer = torch.nn.Conv2d(3, 4, (3, 2), padding=(3, 2), padding_mode=mode, dtype=torch.float64)
    x = normal(1, 2, 3, 5, 6)
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    arguments = {"padding": (3, 2), "padding_mode": mode}
    close(reference.convolve(x, weight, bias, **arguments), layer(torch.tensor(x)).detach())
    assert_convolves(convpool.conv2d(x, weight, bias, **arguments), x, weight, bias, **arguments)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("relu", F.relu),
        ("relu6", F.relu6),
        ("leaky_relu", F.leaky_relu),
        (("leaky_relu", 0.2), lambda x: F.leaky_relu(x, 0.2)),
        ("elu", F.elu),
        (("elu", 0.5), lambda x: F.elu(x, 0.5)),
        ("sigmoid", F.sigmoid),
        ("hardsigmoid", F.hardsigmoid),
        ("tanh", F.tanh),
        ("silu", F.silu),
        ("hardswish", F.hardswish),
        ("hardtanh", F.hardtanh),
        (("hardtanh", (-0.5, 2.0)), lambda x: F.hardtanh(x, -0.5, 2.0)),
        ("softplus", lambda x: F.softplus(x, threshold=1e9)),
        (("softplus", 3.0), lambda x: F.softplus(x, 3.0, threshold=1e9)),
    ],
    ids=str,
)
def test_oracle_of_activations(ours, theirs):
    x = np.linspace(-30, 30, 1001)
    close(reference.activate(x, ours), theirs(torch.tensor(x)))
    got = convpool.conv2d(x.reshape(1, 1, 1, -1), np.ones((1, 1, 1, 1)), activation=ours)
    close(got.ravel(), theirs(torch.tensor(x)))


POOLS = [
    dict(zip(("kernel_size", "stride", "padding", "ceil_mode"), case, strict=True))
    for case in itertools.product((2, 3, (3, 2)), (None, 1, 2, 3), (0, 1), (False, True))
]


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("arguments", POOLS, ids=str)
def test_oracle_of_max_pool(arguments, dilation):
    arguments = {**arguments, "dilation": dilation}
    x = np.random.default_rng(5).integers(-3, 4, (2, 3, 7, 8)).astype(np.float64)  # many equals
    x[np.random.default_rng(6).random(x.shape) < 0.1] = np.nan
    expected, where = F.max_pool2d(torch.tensor(x), return_indices=True, **arguments)
    values, indices = reference.max_pool(x, **arguments)
    np.testing.assert_array_equal(values, expected.numpy(), strict=True)
    np.testing.assert_array_equal(indices, where.numpy(), strict=True)
    got, got_where = convpool.max_pool2d(x, return_indices=True, **arguments)
    assert_maxima(got, x, **arguments)
    np.testing.assert_array_equal(got_where, where.numpy(), strict=True)


@pytest.mark.parametrize("counting", [{}, {"count_include_pad": False}, {"divisor_override": 5}])
@pytest.mark.parametrize("arguments", POOLS, ids=str)
def test_oracle_of_avg_pool(arguments, counting):
    arguments = {**arguments, **counting}
    x = normal(7, 2, 3, 7, 8)
    close(reference.avg_pool(x, **arguments), F.avg_pool2d(torch.tensor(x), **arguments))
    assert_averages(convpool.avg_pool2d(x, **arguments), x, **arguments)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_same_padding_is_what_pytorch_pads(spatial):
    """PyTorch has "same" for a stride of 1 only, with the extra pixel after."""
    x, weight = normal(1, 1, 2, *(6, 7, 5)[:spatial]), normal(2, 3, 2, *(4, 3, 2)[:spatial])
    torch_convolve = getattr(F, f"conv{spatial}d")
    expected = torch_convolve(torch.tensor(x), torch.tensor(weight), padding="same", dilation=2)
    close(reference.convolve(x, weight, padding="same", dilation=2), expected)


def refuses(call):
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        call()


@pytest.mark.parametrize(
    ("shape", "weight_shape", "arguments"),
    [
        ((1, 3, 5, 5), (4, 2, 3, 3), {}),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"groups": 2}),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}),
        ((1, 4, 5, 5), (4, 4, 3, 3), {"stride": 0}),
        ((1, 4, 5, 5), (4, 4, 3, 3), {"dilation": 0}),
        ((1, 4, 5, 5), (4, 4, 3, 3), {"padding": -1}),
        ((1, 4, 5, 5), (4, 4, 6, 3), {}),
        ((1, 4, 5, 5), (4, 4, 3, 3), {"dilation": 3}),
        ((1, 4, 0, 5), (4, 4, 1, 1), {}),
    ],
)
def test_what_pytorch_refuses_is_refused(shape, weight_shape, arguments):
    x, weight = np.ones(shape), np.ones(weight_shape)
    refuses(lambda: F.conv2d(torch.tensor(x), torch.tensor(weight), **arguments))
    refuses(lambda: convpool.conv2d(x, weight, **arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 0},
        {"kernel_size": 6},
        {"kernel_size": 2, "stride": 0},
        {"kernel_size": 2, "padding": 2},
        {"kernel_size": 2, "padding": -1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pools_that_pytorch_refuses_are_refused(name, arguments):
    x = np.ones((1, 1, 5, 5))
    refuses(lambda: getattr(F, name)(torch.tensor(x), **arguments))
    refuses(lambda: getattr(convpool, name)(x, **arguments))
