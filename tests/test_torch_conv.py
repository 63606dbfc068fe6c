"""Transposed convolutions and gradients against PyTorch (where it is installed)."""

import random

import numpy as np
import pytest

import convpool
import reference
from convpool import grad

torch = pytest.importorskip("torch")
DRAWS = 150
SPATIAL = pytest.mark.parametrize("spatial", [1, 2, 3], ids=["1d", "2d", "3d"])


def normal(draw, *shape):
    return np.random.default_rng(draw.getrandbits(32)).standard_normal(shape)


def close(actual, expected):
    """Two float64 answers to the same small sums, each off by some 100 u at most."""
    np.testing.assert_allclose(actual, expected.numpy(), rtol=0, atol=1e-12, strict=True)


def outcome(call):
    """The result, or None if it was refused."""
    try:
        return call()
    except (RuntimeError, TypeError, ValueError):
        return None


def draws(spatial, seed):
    draw = random.Random(100 * spatial + seed)
    for _ in range(DRAWS):

        def each(low, high, draw=draw):
            return tuple(draw.randint(low, high) for _ in range(spatial))

        yield draw, each


@SPATIAL
def test_transposed_convolution(spatial):
    """Values, shapes and refusals, and those of the oracle."""
    ours = getattr(convpool, f"conv_transpose{spatial}d")
    theirs = getattr(torch.nn.functional, f"conv_transpose{spatial}d")
    refused = 0
    for draw, each in draws(spatial, 1):
        groups = draw.choice([1, 1, 2, 3])
        x = normal(draw, draw.randint(1, 2), groups * draw.randint(1, 3), *each(1, 5))
        weight = normal(draw, x.shape[1], draw.randint(1, 3), *each(1, 4))
        bias = normal(draw, weight.shape[1] * groups) if draw.random() < 0.5 else None
        arguments = {
            "stride": each(1, 4),
            "padding": each(0, 3),
            "output_padding": each(0, draw.choice([0, 1, 2, 3])),
            "dilation": each(1, 4),
            "groups": groups,
        }
        given = [None if a is None else torch.tensor(a) for a in (x, weight, bias)]
        expected = outcome(lambda given=given, arguments=arguments: theirs(*given, **arguments))
        actual = outcome(
            lambda x=x, weight=weight, bias=bias, arguments=arguments: ours(
                x, weight, bias, **arguments
            )
        )
        assert (actual is None) == (expected is None), arguments
        if actual is None:
            refused += 1
            continue
        close(actual, expected)
        close(reference.conv_transpose(x, weight, bias, **arguments), expected)
    assert 0 < refused < 0.9 * DRAWS


@SPATIAL
def test_output_size(spatial):
    """Of the module's forward, which takes sizes or a whole shape."""
    ours = getattr(convpool, f"conv_transpose{spatial}d")
    refused = 0
    for draw, each in draws(spatial, 2):
        arguments = {"stride": each(1, 4), "padding": each(0, 1), "dilation": each(1, 2)}
        module = getattr(torch.nn, f"ConvTranspose{spatial}d")(
            2, 3, each(2, 4), dtype=torch.float64, **arguments
        )
        x = normal(draw, 2, 2, *each(2, 4))
        least = module(torch.tensor(x)).shape[2:]
        size = tuple(n + draw.choice([-1, 0, 0, 1, 2]) for n in least)
        if draw.random() < 0.5:
            size = (2, 3, *size)
        weight, bias = (p.detach().numpy() for p in (module.weight, module.bias))
        expected = outcome(lambda x=x, m=module, size=size: m(torch.tensor(x), list(size)))
        actual = outcome(
            lambda x=x, w=weight, b=bias, size=size, arguments=arguments: ours(
                x, w, b, output_size=size, **arguments
            )
        )
        assert (actual is None) == (expected is None), (arguments, size, least)
        if actual is None:
            refused += 1
            continue
        close(actual, expected.detach())
    assert 0 < refused < DRAWS


@SPATIAL
def test_gradients(spatial):
    convolve = getattr(convpool, f"conv{spatial}d")
    ours = [getattr(grad, f"conv{spatial}d_{name}") for name in ("input", "weight")]
    theirs = [getattr(torch.nn.grad, f"conv{spatial}d_{name}") for name in ("input", "weight")]
    compared = 0
    for draw, each in draws(spatial, 3):
        groups = draw.choice([1, 1, 2, 3])
        x = normal(draw, draw.randint(1, 3), groups * draw.randint(1, 5), *each(1, 8))
        weight = normal(
            draw, groups * draw.randint(1, 3), x.shape[1] // groups, *each(1, 4)
        )  # fmt: skip
        arguments = {
            "stride": each(1, 3),
            "padding": each(0, 3),
            "dilation": each(1, 3),
            "groups": groups,
        }
        y = outcome(lambda x=x, w=weight, arguments=arguments: convolve(x, w, **arguments))
        if y is None:
            continue
        compared += 1
        dy = normal(draw, *y.shape)
        tensors = {"x": torch.tensor(x), "w": torch.tensor(weight), "dy": torch.tensor(dy)}
        close(
            ours[0](x.shape, weight, dy, **arguments),
            theirs[0](x.shape, tensors["w"], tensors["dy"], **arguments),
        )
        close(
            ours[1](x, weight.shape, dy, **arguments),
            theirs[1](tensors["x"], weight.shape, tensors["dy"], **arguments),
        )
    assert compared > DRAWS // 2


@SPATIAL
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # for even kernels, of a copy
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_gradients_with_padding_by_name(spatial, padding):
    for draw, each in list(draws(spatial, 4))[:50]:
        dilation = each(1, 2)
        x, weight = normal(draw, 2, 3, *each(4, 7)), normal(draw, 4, 3, *each(1, 3))
        if padding == "valid":
            x = normal(draw, 2, 3, *each(6, 8))
        tensors = [torch.tensor(a, requires_grad=True) for a in (x, weight)]
        convolve = getattr(torch.nn.functional, f"conv{spatial}d")
        y = convolve(*tensors, padding=padding, dilation=dilation)
        dy = normal(draw, *y.shape)
        dx, dw = torch.autograd.grad(y, tensors, torch.tensor(dy))
        arguments = {"padding": padding, "dilation": dilation}
        of_input, of_weight = (
            getattr(grad, f"conv{spatial}d_{name}") for name in ("input", "weight")
        )
        close(of_input(x.shape, weight, dy, **arguments), dx)
        close(of_weight(x, weight.shape, dy, **arguments), dw)
