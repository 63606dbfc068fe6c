"""Gradients of convolutions are what differences say, and what plain loops sum."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import convpool
import reference
from convpool import grad
from reference import (
    MEMORY,
    WRITEABLE_MEMORY,
    assert_close,
    assert_same_bits,
    resolve_padding,
    sum_error,
)
from test_properties import (
    FLOATS,
    arrays,
    draw_destination,
    draw_padding,
    draw_shape,
    per_axis,
    upto,
)

RNG = np.random.default_rng
SOME = settings(max_examples=settings().max_examples // 4)
SPATIAL = pytest.mark.parametrize("spatial", [1, 2, 3], ids=["1d", "2d", "3d"])
BLOCK = 1024  # terms that are one chain, as the documentation says


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def functions(spatial):
    names = (f"conv{spatial}d_input", f"conv{spatial}d_weight")
    return getattr(convpool, f"conv{spatial}d"), *(getattr(grad, name) for name in names)


def weight_gradient(x, weight_size, dy, *, stride, padding, dilation, groups, layout):
    """For each tap, the sum over all outputs of what it met times what came of it."""
    outputs, inputs, *kernel = weight_size
    spatial = len(kernel)
    x, _ = reference.channels_first(x, spatial, layout)
    dy, _ = reference.channels_first(dy, spatial, layout)
    stride, dilation = (reference.per_axis(value, spatial) for value in (stride, dilation))
    x = reference.pad(x, resolve_padding(padding, x.shape[2:], kernel, stride, dilation))
    sizes, pixels = dy.shape[2:], math.prod(dy.shape[2:])
    dy = dy.reshape(len(dy), groups, outputs // groups, pixels)
    result = np.empty((groups, outputs // groups, inputs, *kernel))
    for tap in itertools.product(*map(range, kernel)):
        met = tuple(
            slice(u * d, u * d + (n - 1) * s + 1, s)
            for u, d, n, s in zip(tap, dilation, sizes, stride, strict=True)
        )
        seen = x[(..., *met)].reshape(len(x), groups, inputs, pixels)
        result[(..., *tap)] = (dy @ seen.swapaxes(2, 3)).sum(0)
    return result.reshape(weight_size)


def weight_error(x, weight_size, dy, **arguments):
    """Chains of at most BLOCK terms, which may be a sixteenth full, each added to those before."""
    magnitude = weight_gradient(
        abs(np.asarray(x, "f8")), weight_size, abs(np.asarray(dy, "f8")), **arguments
    )
    terms = np.asarray(dy).size
    chain = min(terms, BLOCK + 2 + terms // (BLOCK // 16))
    return sum_error(chain, magnitude, np.asarray(x).dtype)


def as_transposed(shape, weight, **arguments):
    """The arguments of the transposed convolution, which cuts what padding added."""
    spatial, stride = len(weight.shape) - 2, arguments["stride"]
    last = arguments["layout"].endswith("C")
    sizes = shape[-1 - spatial : -1] if last else shape[-spatial:]
    steps, gaps = (reference.per_axis(v, spatial) for v in (stride, arguments["dilation"]))
    pads = resolve_padding(arguments["padding"], sizes, weight.shape[2:], steps, gaps)
    return {**arguments, "padding": pads, "output_size": sizes}


@st.composite
def gradients(draw, spatial, dtypes=FLOATS):
    dtype, whole = draw(st.sampled_from(dtypes)), draw(st.booleans())
    small = spatial == 3
    sizes = [draw(upto(5 if small else 12)) for _ in range(spatial)]
    kernel = [draw(upto(3)) for _ in range(spatial)]
    groups, inputs, outputs = draw(upto(3)), draw(upto(6)), draw(upto(3))
    axes = "DHW"[3 - spatial :]
    layout = draw(st.sampled_from([f"NC{axes}", f"N{axes}C"]))
    arguments = {
        "stride": per_axis(draw, spatial, upto(3)),
        "padding": draw_padding(draw, spatial, 4),
        "dilation": per_axis(draw, spatial, upto(3)),
        "groups": groups,
        "layout": layout,
    }
    shape = draw_shape(draw, groups * inputs, sizes, layout.endswith("C"))
    weight_size = (groups * outputs, inputs, *kernel)
    try:
        dy_shape = convpool.conv_output_shape(shape, weight_size, **arguments)
    except ValueError:
        event("refused")
        return None
    x, weight, dy = (draw(arrays(s, dtype, whole)) for s in (shape, weight_size, dy_shape))
    return x, weight, dy, arguments, dtype, whole


@SPATIAL
@SOME
@given(data=st.data())
def test_all_arguments(spatial, data):
    drawn = data.draw(gradients(spatial))
    if drawn is None:
        return
    x, weight, dy, arguments, dtype, whole = drawn
    _, of_input, of_weight = functions(spatial)
    threads = data.draw(st.sampled_from([None, 1, 2, 3]))

    out = draw_destination(data.draw, weight.shape, dtype)
    dw = of_weight(x, weight.shape, dy, out=out, num_threads=threads, **arguments)
    assert out is None or dw is out
    expected = weight_gradient(x, weight.shape, dy, **arguments)
    assert_close(dw, expected, weight_error(x, weight.shape, dy, **arguments), dtype)
    if whole and abs(expected).max() < 2000:
        np.testing.assert_array_equal(dw, expected.astype(dtype))

    out = draw_destination(data.draw, x.shape, dtype)
    dx = of_input(x.shape, weight, dy, out=out, num_threads=threads, **arguments)
    assert out is None or dx is out
    reference.assert_transposes(dx, dy, weight, **as_transposed(x.shape, weight, **arguments))


@SPATIAL
@SOME
@given(data=st.data())
def test_differences(spatial, data):
    """A convolution is linear in each argument: differences of any size are exact."""
    drawn = data.draw(gradients(spatial, [np.dtype(np.float64)]))
    if drawn is None or 0 in drawn[2].shape:
        return
    x, weight, dy, arguments, _, _ = drawn
    convolve, of_input, of_weight = functions(spatial)
    dx, dw = of_input(x.shape, weight, dy, **arguments), of_weight(
        x, weight.shape, dy, **arguments
    )  # fmt: skip
    rng = RNG(data.draw(upto(10**6)))
    for array, derivative, loss in (
        (x, dx, lambda a: (convolve(a, weight, **arguments) * dy).sum()),
        (weight, dw, lambda a: (convolve(x, a, **arguments) * dy).sum()),
    ):
        at = tuple(int(rng.integers(n)) for n in array.shape)
        bump = np.zeros(array.shape)
        bump[at] = 1.0
        difference = (loss(array + bump) - loss(array - bump)) / 2
        assert abs(difference - derivative[at]) < 1e-9


# Long sums


@pytest.mark.parametrize(
    ("shape", "weight_size", "arguments"),
    [
        ((2, 3, 90, 70), (2, 3, 3, 3), {"padding": 1}),
        ((1, 20, 60, 50), (3, 20, 3, 3), {}),
        ((300, 2, 5, 5), (3, 2, 2, 2), {}),
        ((70, 6, 9, 9), (4, 6, 3, 3), {"stride": 2}),
        ((3, 8, 50, 40), (8, 1, 3, 3), {"groups": 8, "padding": 1}),
        ((2, 8, 50, 40), (8, 4, 3, 3), {"groups": 2, "dilation": 3}),
        ((1, 2, 5000), (2, 2, 3), {"padding": 40}),
        ((2, 2, 14, 15, 16), (2, 2, 3, 3, 3), {}),
    ],
)
def test_sums_of_many_blocks(shape, weight_size, arguments):
    spatial = len(shape) - 2
    _, _, of_weight = functions(spatial)
    dy_shape = convpool.conv_output_shape(shape, weight_size, **arguments)
    layout = "NC" + "DHW"[3 - spatial :]
    spelled = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "layout": layout, **arguments}
    x, dy = abs(normal(1, *shape)), abs(normal(2, *dy_shape))  # the worst case for rounding
    dw = of_weight(x, weight_size, dy, **arguments)
    expected = weight_gradient(x, weight_size, dy, **spelled)
    assert_close(dw, expected, weight_error(x, weight_size, dy, **spelled), np.float32)
    assert (abs(dw - expected) < 1e-5 * expected).all()  # one chain: some 1e-4

    for threads in (1, 2, 5):
        assert_same_bits(of_weight(x, weight_size, dy, num_threads=threads, **arguments), dw)
    last = "N" + "DHW"[3 - spatial :] + "C"
    channels_last = [np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in (x, dy)]
    for form in (np.ascontiguousarray, MEMORY["backwards"]):
        y = of_weight(
            form(channels_last[0]), weight_size, form(channels_last[1]), layout=last, **arguments
        )
        assert_same_bits(np.ascontiguousarray(y), np.ascontiguousarray(dw))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("memory", MEMORY)
def test_anywhere_in_memory(memory, dtype):
    form = MEMORY[memory]
    x, weight, dy = (
        normal(1, 2, 6, 9, 8, dtype=dtype),
        normal(2, 4, 3, 3, 3, dtype=dtype),
        normal(3, 2, 4, 4, 3, dtype=dtype),
    )
    arguments = {"stride": 2, "groups": 2}
    dx = grad.conv2d_input(x.shape, weight, dy, **arguments)
    dw = grad.conv2d_weight(x, weight.shape, dy, **arguments)
    assert_same_bits(grad.conv2d_input(x.shape, form(weight), form(dy), **arguments), dx)
    assert_same_bits(
        np.ascontiguousarray(grad.conv2d_weight(form(x), weight.shape, form(dy), **arguments)),
        np.ascontiguousarray(dw),
    )
    if memory in WRITEABLE_MEMORY:
        out = form(np.full(weight.shape, 55, dtype))
        assert grad.conv2d_weight(x, weight.shape, dy, out=out, **arguments) is out
        np.testing.assert_array_equal(out, dw)


def test_out_may_overlap_the_inputs():
    x, dy = normal(1, 1, 4, 6, 6), normal(2, 1, 4, 6, 6)
    weight = normal(3, 4, 4, 1, 1)
    dx, dw = grad.conv2d_input(x.shape, weight, dy), grad.conv2d_weight(x, weight.shape, dy)
    assert_same_bits(grad.conv2d_input(x.shape, weight, dy.copy(), out=dy.copy()), dx)
    memory = dy.copy()
    grad.conv2d_input(x.shape, weight, memory, out=memory)
    assert_same_bits(memory, dx)
    memory = x.copy()
    out = memory.reshape(-1)[3:19].reshape(weight.shape)
    grad.conv2d_weight(memory, weight.shape, dy, out=out)
    np.testing.assert_array_equal(out, dw)


@SPATIAL
def test_no_example(spatial):
    _, of_input, of_weight = functions(spatial)
    for groups in (1, 2):
        x, dy = np.ones((0, 4, *[5] * spatial)), np.ones((0, 6, *[3] * spatial))
        weight = np.ones((6, 4 // groups, *[3] * spatial))
        assert of_input(x.shape, weight, dy, groups=groups).shape == x.shape
        np.testing.assert_array_equal(
            of_weight(x, weight.shape, dy, groups=groups), np.zeros(weight.shape)
        )


def test_an_infinity_reaches_only_the_taps_that_met_it():
    x, dy = np.zeros((1, 1, 5, 5)), np.ones((1, 1, 2, 2))
    x[0, 0, 1, 1] = np.inf
    dw = grad.conv2d_weight(x, (1, 1, 2, 2), dy, stride=3)
    np.testing.assert_array_equal(dw[0, 0], [[0, 0], [0, np.inf]])


# Errors


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


X, WEIGHT, DY = ones(2, 4, 6, 6), ones(8, 4, 3, 3), ones(2, 8, 4, 4)
BOTH = [
    (ValueError, "grad_output", {"grad_output": ones(2, 8, 4, 5)}),
    (ValueError, "grad_output", {"grad_output": ones(1, 8, 4, 4)}),
    (ValueError, "stride", {"stride": 0}),
    (ValueError, "padding", {"padding": -1}),
    (ValueError, "padding", {"padding": "full"}),
    (ValueError, "dilation", {"dilation": (1, 1, 1)}),
    (TypeError, "groups", {"groups": 1.0}),
    (ValueError, "layout", {"layout": "NCW"}),
    (ValueError, "num_threads", {"num_threads": 0}),
]
OF_INPUT = [
    *BOTH,
    (ValueError, "grad_output", {"grad_output": ones(4, 4)}),
    (TypeError, "grad_output", {"grad_output": ones(2, 8, 4, 4, dtype=np.int64)}),
    (TypeError, "weight", {"weight": ones(8, 4, 3, 3, dtype=np.float64)}),
    (ValueError, "weight", {"weight": ones(8, 4, 3)}),
    (ValueError, "weight", {"weight": ones(8, 4, 7, 3)}),
    (ValueError, "input_size", {"input_size": (4, 6, 6)}),
    (ValueError, "input_size", {"input_size": (2, 3, 6, 6)}),
    (ValueError, "input_size", {"input_size": (2, 4, 0, 6)}),
    (TypeError, "input_size", {"input_size": (2, 4, 6, "6")}),
    (TypeError, "input_size", {"input_size": 6}),
    (ValueError, "groups", {"groups": 3, "input_size": (2, 12, 6, 6)}),
    (ValueError, "out", {"out": ones(2, 4, 6, 5)}),
]
OF_WEIGHT = [
    *BOTH,
    (TypeError, "x", {"x": ones(2, 4, 6, 6, dtype=np.int64)}),
    (ValueError, "x", {"x": ones(6, 6)}),
    (TypeError, "grad_output", {"grad_output": ones(2, 8, 4, 4, dtype=np.float64)}),
    (ValueError, "weight_size", {"weight_size": (8, 4, 3)}),
    (ValueError, "weight_size", {"weight_size": (8, 3, 3, 3)}),
    (ValueError, "weight_size", {"weight_size": (8, 4, 7, 3)}),
    (ValueError, "weight_size", {"weight_size": (0, 4, 3, 3)}),
    (TypeError, "weight_size", {"weight_size": (8, 4, 3, 3.0)}),
    (ValueError, "weight_size", {"groups": 2}),
    (ValueError, "out", {"out": ones(8, 4, 3, 2)}),
]


def refused(function, arguments, error, argument, changes, shape):
    out = np.full(shape, 55, np.float32)
    with pytest.raises(error, match=rf"^{argument}: got .*, expected ") as raised:
        function(**{**arguments, "out": out, **changes})
    assert type(raised.value) is error
    assert (out == 55).all()


@pytest.mark.parametrize(("error", "argument", "changes"), OF_INPUT)
def test_what_does_not_fit_the_input(error, argument, changes):
    arguments = {"input_size": X.shape, "weight": WEIGHT, "grad_output": DY}
    refused(grad.conv2d_input, arguments, error, argument, changes, X.shape)


@pytest.mark.parametrize(("error", "argument", "changes"), OF_WEIGHT)
def test_what_does_not_fit_the_weight(error, argument, changes):
    arguments = {"x": X, "weight_size": WEIGHT.shape, "grad_output": DY}
    refused(grad.conv2d_weight, arguments, error, argument, changes, WEIGHT.shape)
