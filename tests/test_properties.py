"""The whole space of arguments against the definitions, by hypothesis.

Arrays lie anywhere in memory: any order of axes, steps of either sign and of 0, any alignment and
byte order, read-only or not. Half of the examples hold small whole numbers, where nothing rounds
and results have to be equal.
"""

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

import convpool
import reference
from reference import (
    assert_averages,
    assert_convolves,
    assert_filters,
    assert_same_bits,
    max_pool,
    pool_windows,
    resolve_padding,
)

FLOATS = [np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)]
EXACT_ACTIVATIONS = [None, "relu", "relu6", ("hardtanh", (-2, 3))]
ACTIVATIONS = [*EXACT_ACTIVATIONS, *reference.ACTIVATIONS, ("leaky_relu", 0.2), ("elu", 0.5),
               ("softplus", 2.0)]  # fmt: skip
MODES = ["zeros", "constant", "reflect", "replicate", "circular"]


def upto(largest, least=1):
    return st.integers(least, largest)


@st.composite
def placed(draw, values, writeable=False):
    """An array equal to `values`, lying anywhere."""
    dtype = values.dtype
    if not writeable and draw(st.booleans()):
        dtype = dtype.newbyteorder()
    order = draw(st.permutations(range(values.ndim)))
    steps = [draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])) for _ in order]
    offset = draw(st.sampled_from([0, 0, 1, dtype.itemsize // 2, dtype.itemsize]))
    spread = [n * abs(step) for n, step in zip(values.shape, steps, strict=True)]
    store = np.zeros(offset + dtype.itemsize * int(np.prod(spread)), np.uint8)
    space = store[offset:].view(dtype).reshape([spread[axis] for axis in order])
    view = space.transpose(np.argsort(order))[tuple(slice(None, None, step) for step in steps)]
    view[...] = values
    view.flags.writeable = writeable or draw(st.booleans())
    return view


@st.composite
def arrays(draw, shape, dtype, whole):
    """Values of a type, in memory that anything may have laid out."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(-3, 4, shape) if whole else rng.standard_normal(shape)
    for axis, size in enumerate(shape):
        if size > 1 and draw(st.integers(0, 9)) == 0:
            values = values.take([0], axis)
    if values.shape != tuple(shape):
        return np.broadcast_to(values.astype(dtype), shape)
    return draw(placed(values.astype(dtype)))


def maybe(draw, strategy):
    return draw(strategy) if draw(st.booleans()) else None


def per_axis(draw, spatial, strategy):
    """One number for all axes, or one an axis."""
    if draw(st.booleans()):
        return draw(strategy)
    return tuple(draw(strategy) for _ in range(spatial))


def draw_padding(draw, spatial, largest):
    form = draw(st.sampled_from(["one", "each", "pairs", "pairs", "valid", "same", "same_lower"]))
    number = upto(largest, 0)
    if form == "one":
        return draw(number)
    if form == "each":
        return tuple(draw(number) for _ in range(spatial))
    if form == "pairs":
        return tuple((draw(number), draw(number)) for _ in range(spatial))
    return form


def draw_shape(draw, channels, sizes, last):
    """(batch, channels, *sizes) or (batch, *sizes, channels), with a batch of any size or none."""
    example = (*sizes, channels) if last else (channels, *sizes)
    batch = draw(st.sampled_from([None, 1, 1, 2, 3, 0]))
    return example if batch is None else (batch, *example)


def draw_destination(draw, shape, dtype):
    """None, or an array for `out` that lies anywhere."""
    return maybe(draw, placed(np.full(shape, 55, dtype), writeable=True))


@st.composite
def convolutions(draw, spatial):
    dtype, whole = draw(st.sampled_from(FLOATS)), draw(st.booleans())
    mode = draw(st.sampled_from(MODES))
    sizes = [draw(upto(9 if spatial < 3 else 5)) for _ in range(spatial)]
    kernel = [draw(upto(4 if spatial < 3 else 3)) for _ in range(spatial)]
    groups, inputs, multiplier = draw(upto(4)), draw(upto(4)), draw(upto(5))
    if draw(st.booleans()):
        inputs = 1  # depthwise
    axes = "DHW"[3 - spatial :]
    layout = draw(st.sampled_from([f"NC{axes}", f"N{axes}C"]))
    x = draw(
        arrays(
            draw_shape(draw, groups * inputs, sizes, layout.endswith("C")), dtype, whole
        )
    )  # fmt: skip
    weight = draw(arrays((groups * multiplier, inputs, *kernel), dtype, whole))
    arguments = {
        "stride": per_axis(draw, spatial, upto(4)),
        "padding": draw_padding(draw, spatial, 5),
        "dilation": per_axis(draw, spatial, st.sampled_from([1, 1, 2, 3])),
        "groups": groups,
        "padding_mode": mode,
        "padding_value": draw(st.sampled_from([0.0, 2.0, -1.0])) if mode == "constant" else 0.0,
        "flip": draw(st.booleans()),
        "layout": layout,
    }
    bias = maybe(draw, arrays((groups * multiplier,), dtype, whole))
    return x, weight, bias, arguments, sizes, kernel, dtype, whole


def is_allowed(sizes, kernel, arguments):
    """The kernel fits the padded input, and the mode can fill the padding."""
    spatial, mode = len(sizes), arguments["padding_mode"]
    stride = reference.per_axis(arguments["stride"], spatial)
    dilation = reference.per_axis(arguments["dilation"], spatial)
    pads = resolve_padding(arguments["padding"], sizes, kernel, stride, dilation)
    return all(
        (taps - 1) * gap + 1 <= size + sum(pair)
        and not (mode == "reflect" and max(pair) >= size)
        and not (mode == "circular" and max(pair) > size)
        for size, taps, gap, pair in zip(sizes, kernel, dilation, pads, strict=True)
    )


@pytest.mark.parametrize("spatial", [1, 2, 2, 3], ids=["1d", "2d", "2d again", "3d"])
@given(data=st.data())
def test_convolution(spatial, data):
    draw = data.draw
    x, weight, bias, arguments, sizes, kernel, dtype, whole = draw(convolutions(spatial))
    convolve = getattr(convpool, f"conv{spatial}d")
    if not is_allowed(sizes, kernel, arguments):
        event("refused")
        with pytest.raises(ValueError, match=r"\b(padding|weight)\b"):
            convolve(x, weight, bias, **arguments)
        return
    shape = reference.convolve(x, weight, **arguments).shape
    arguments["residual"] = maybe(draw, arrays(shape, dtype, whole))
    arguments["activation"] = draw(st.sampled_from(ACTIVATIONS))
    out = draw_destination(draw, shape, dtype)
    how = {
        "out": out,
        "num_threads": draw(st.sampled_from([None, 1, 2, 3])),
        "algorithm": draw(st.sampled_from(["auto", "direct"])),
    }
    y = convolve(x, weight, bias, **arguments, **how)
    assert out is None or y is out
    assert_convolves(y, x, weight, bias, **arguments)
    if whole and arguments["activation"] in EXACT_ACTIVATIONS:
        expected = reference.convolve(x, weight, bias, **arguments)
        np.testing.assert_array_equal(y, expected.astype(dtype))


@given(data=st.data())
def test_linear(data):
    draw = data.draw
    dtype, whole = draw(st.sampled_from(FLOATS)), draw(st.booleans())
    rows = draw(st.lists(st.integers(0, 4), max_size=3))
    inputs, outputs = draw(upto(20)), draw(upto(20))
    x, weight = draw(arrays((*rows, inputs), dtype, whole)), draw(
        arrays((outputs, inputs), dtype, whole)
    )  # fmt: skip
    bias = maybe(draw, arrays((outputs,), dtype, whole))
    activation = draw(st.sampled_from(ACTIVATIONS))
    y = convpool.linear(x, weight, bias, activation=activation)
    assert y.shape == (*rows, outputs)
    pixels = np.asarray(x).reshape(int(np.prod(rows)), inputs, 1)
    assert_convolves(
        y.reshape(-1, outputs, 1) if y.size else y.reshape(0, outputs, 1),
        pixels, weight[..., None], bias, activation=activation,
    )  # fmt: skip


@st.composite
def pools(draw, dilated):
    dtype, last = draw(st.sampled_from(FLOATS)), draw(st.booleans())
    sizes = [draw(upto(9)) for _ in range(2)]
    x = draw(arrays(draw_shape(draw, draw(upto(5)), sizes, last), dtype, draw(st.booleans())))
    arguments = {
        "kernel_size": per_axis(draw, 2, upto(5)),
        "stride": maybe(draw, upto(5)) if draw(st.booleans()) else (draw(upto(5)), draw(upto(5))),
        "padding": draw_padding(draw, 2, 4),
        "ceil_mode": draw(st.booleans()),
        "layout": "NHWC" if last else "NCHW",
    }
    if dilated:
        arguments["dilation"] = per_axis(draw, 2, upto(3))
    return x, arguments, sizes, dtype


def windows(sizes, arguments):
    """Outputs an axis, or None where the contract refuses the arguments."""
    kernel = reference.per_axis(arguments["kernel_size"], 2)
    stride = arguments["stride"]
    stride = kernel if stride is None else reference.per_axis(stride, 2)
    dilation = reference.per_axis(arguments.get("dilation", 1), 2)
    pads = resolve_padding(arguments["padding"], sizes, kernel, stride, dilation)
    counts = []
    for size, taps, step, gap, pair in zip(sizes, kernel, stride, dilation, pads, strict=True):
        reach = (taps - 1) * gap + 1
        count = pool_windows(size, taps, step, gap, *pair, arguments["ceil_mode"])
        if max(pair) >= reach or count < 1:
            return None
        counts.append(count)
    return counts


def refuses(pool, x, arguments):
    event("refused")
    with pytest.raises(ValueError, match=r"\b(padding|kernel_size)\b"):
        pool(x, **arguments)


def result_shape(x, arguments, counts):
    if arguments["layout"] == "NHWC":
        return (*x.shape[:-3], *counts, x.shape[-1])
    return (*x.shape[:-2], *counts)


@given(data=st.data())
def test_max_pool(data):
    draw = data.draw
    x, arguments, sizes, dtype = draw(pools(dilated=True))
    specials = draw(st.sampled_from([[], [np.nan], [np.inf, -np.inf], [np.nan, np.inf, -np.inf]]))
    if specials and x.flags.writeable:
        chosen = np.random.default_rng(draw(upto(10**6))).integers(0, 8, x.shape)
        for i, value in enumerate(specials):
            x[chosen == i] = value
    counts = windows(sizes, arguments)
    if counts is None:
        refuses(convpool.max_pool2d, x, arguments)
        return
    out = draw_destination(draw, result_shape(x, arguments, counts), dtype)
    y, where = convpool.max_pool2d(x, return_indices=True, out=out, **arguments)
    assert out is None or y is out
    maxima, indices = max_pool(x, **arguments)
    np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
    met = indices >= 0  # a dilated window may step over a narrow input
    np.testing.assert_array_equal(where[met], indices[met])
    assert where.shape == y.shape
    assert_same_bits(convpool.max_pool2d(x, **arguments), np.ascontiguousarray(y))


@given(data=st.data())
def test_avg_pool(data):
    draw = data.draw
    x, arguments, sizes, dtype = draw(pools(dilated=False))
    arguments["count_include_pad"] = draw(st.booleans())
    arguments["divisor_override"] = maybe(draw, st.sampled_from([1, 2, 3, -5, 1000]))
    counts = windows(sizes, arguments)
    if counts is None:
        refuses(convpool.avg_pool2d, x, arguments)
        return
    out = draw_destination(draw, result_shape(x, arguments, counts), dtype)
    y = convpool.avg_pool2d(x, out=out, num_threads=draw(st.sampled_from([None, 2])), **arguments)
    assert out is None or y is out
    assert_averages(y, x, **arguments)


@given(data=st.data())
def test_filter2d(data):
    draw = data.draw
    dtype = draw(st.sampled_from([np.uint8, np.uint16, np.float32, np.float64]))
    shape = [draw(upto(12)) for _ in range(2)] + draw(st.lists(upto(5), max_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = draw(placed((rng.random(shape) * 255).astype(dtype)))
    taps = draw(arrays([draw(upto(7)), draw(upto(7))], np.dtype(np.float64), draw(st.booleans())))
    mode = draw(st.sampled_from(MODES))
    arguments = {
        "padding_mode": mode,
        "padding_value": draw(st.sampled_from([0, 100, -3.5])) if mode == "constant" else 0,
        "flip": draw(st.booleans()),
    }
    out = draw_destination(draw, shape, dtype)
    y = convpool.filter2d(image, taps, out=out, **arguments)
    assert out is None or y is out
    assert_filters(y, image, taps, **arguments)


@given(data=st.data())
def test_results_do_not_depend_on_how_a_call_is_written(data):
    """One number or one an axis, an int or a pair, "same" or its pixels: same bits."""
    draw = data.draw
    x, weight, bias, arguments, sizes, kernel, _, _ = draw(convolutions(2))
    assume(is_allowed(sizes, kernel, arguments))
    y = convpool.conv2d(x, weight, bias, **arguments)
    stride = reference.per_axis(arguments["stride"], 2)
    dilation = reference.per_axis(arguments["dilation"], 2)
    spelled = {
        **arguments,
        "stride": list(stride),
        "dilation": np.array(dilation),
        "padding": np.array(resolve_padding(arguments["padding"], sizes, kernel, stride, dilation)),
        "groups": np.int8(arguments["groups"]),
    }
    assert_same_bits(convpool.conv2d(x, weight, bias, **spelled), y)
