"""Convolution of uint8 and int8: equal to its definition, to the last bit, whatever the arguments.

Sums are those of reference.py, whose float64 holds them exactly; what follows them is ONNX's
definition, here in numbers as exact as NumPy has them.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import reference
from convpool import quantized
from test_properties import (
    draw_destination,
    draw_padding,
    draw_shape,
    is_allowed,
    per_axis,
    placed,
    upto,
)

# Each example runs twice or more.
FEWER = settings(max_examples=settings().max_examples // 4)
BYTES = [np.dtype(np.uint8), np.dtype(np.int8)]
MIDDLE = {np.dtype(np.uint8): 128, np.dtype(np.int8): 0}
FUNCTIONS = {
    1: (quantized.conv_integer1d, quantized.conv1d),
    2: (quantized.conv_integer2d, quantized.conv2d),
    3: (quantized.conv_integer3d, quantized.conv3d),
}


def random_bytes(rng, shape, dtype):
    """Of the whole range of the type, its ends often."""
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max + 1, shape)
    return np.where(
        rng.random(shape) < 0.2, rng.choice([limits.min, limits.max], shape), values
    ).astype(dtype)


def exact_sums(x, weight, x_zero, weight_zero, bias=None, **arguments):
    weight_zero = np.reshape(weight_zero, (-1, *[1] * (weight.ndim - 1)))
    shifted = x.astype(np.float64) - x_zero, weight.astype(np.float64) - weight_zero
    sums = reference.convolve(*shifted, bias, **arguments).astype(np.int64)
    return sums.astype(np.int32)  # modulo 2^32


def requantized(sums, channel_axis, x_scale, weight_scale, out_scale, zero, dtype, activation):
    scale = np.float32(x_scale) * np.float32(weight_scale) / np.float32(out_scale)
    shape = [1] * sums.ndim
    shape[channel_axis] = -1
    steps = sums.astype(np.float64) * scale.astype(np.float64).reshape(shape) + zero
    if activation is not None:
        steps = np.maximum(steps, zero)
    if activation == "relu6":
        steps = np.minimum(steps, 6 / np.float64(np.float32(out_scale)) + zero)
    limits = np.iinfo(dtype)
    return np.rint(steps.clip(limits.min, limits.max)).astype(dtype)


def channel_axis(layout, rank):
    return rank - 1 if layout.endswith("C") else rank - len(layout) + 1


@st.composite
def problems(draw, spatial):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = [draw(upto(9 if spatial < 3 else 5)) for _ in range(spatial)]
    kernel = [draw(upto(4 if spatial < 3 else 3)) for _ in range(spatial)]
    groups, inputs, multiplier = draw(upto(3)), draw(upto(4)), draw(upto(9))
    axes = "DHW"[3 - spatial :]
    arguments = {
        "stride": per_axis(draw, spatial, upto(3)),
        "padding": draw_padding(draw, spatial, 4),
        "dilation": per_axis(draw, spatial, st.sampled_from([1, 1, 2, 3])),
        "groups": groups,
        "layout": draw(st.sampled_from([f"NC{axes}", f"N{axes}C"])),
    }
    assume(is_allowed(sizes, kernel, {**arguments, "padding_mode": "zeros"}))
    x_type, weight_type = draw(st.sampled_from(BYTES)), draw(st.sampled_from(BYTES))
    last = arguments["layout"].endswith("C")
    x = random_bytes(rng, draw_shape(draw, groups * inputs, sizes, last), x_type)
    weight = random_bytes(rng, (groups * multiplier, inputs, *kernel), weight_type)
    x_zero = int(random_bytes(rng, (), x_type))
    each = draw(st.booleans())
    weight_zero = random_bytes(rng, (groups * multiplier,) if each else (), weight_type)
    if draw(st.booleans()):  # weights then fit int8
        weight_zero = np.full_like(weight_zero, MIDDLE[weight_type])
    return (rng, draw(placed(x)), draw(placed(weight)), x_zero, weight_zero, arguments)


@pytest.mark.parametrize("spatial", [1, 2, 3])
@FEWER
@given(data=st.data())
def test_sums(spatial, data):
    _, x, weight, x_zero, weight_zero, arguments = data.draw(problems(spatial))
    expected = exact_sums(x, weight, x_zero, weight_zero, **arguments)
    out = draw_destination(data.draw, expected.shape, np.int32)
    function = FUNCTIONS[spatial][0]
    y = function(x, weight, x_zero, weight_zero, out=out, **arguments)
    assert out is None or y is out
    np.testing.assert_array_equal(y, expected, strict=True)
    packed = quantized.pack_weight(weight, weight_zero_point=weight_zero, **arguments)
    np.testing.assert_array_equal(function(x, packed, x_zero), expected, strict=True)


@pytest.mark.parametrize("spatial", [1, 2, 3])
@FEWER
@given(data=st.data())
def test_requantization(spatial, data):
    rng, x, weight, x_zero, weight_zero, arguments = data.draw(problems(spatial))
    draw, channels = data.draw, len(weight)
    bias = draw(st.sampled_from([None, 10, 2**20]))
    if bias is not None:
        bias = rng.integers(-bias, bias, channels).astype(np.int32)
    dtype = draw(st.sampled_from(BYTES))
    zero = int(random_bytes(rng, (), dtype))
    # Powers of two make ties common.
    scales = draw(st.sampled_from([2.0 ** -np.arange(4, 12), rng.random(8) / 200 + 1e-6]))
    weight_scale = rng.choice(scales, channels if draw(st.booleans()) else ())
    activation = draw(st.sampled_from([None, "relu", "relu6"]))
    x_scale, out_scale = draw(st.sampled_from([(1.0, 1.0), (0.5, 0.25), (0.013, 0.37)]))
    sums = exact_sums(x, weight, x_zero, weight_zero, bias, **arguments)
    axis = channel_axis(arguments["layout"], sums.ndim)
    expected = requantized(sums, axis, x_scale, weight_scale, out_scale, zero, dtype, activation)
    out = draw_destination(draw, expected.shape, dtype)
    quantization = {
        "x_scale": x_scale,
        "x_zero_point": x_zero,
        "out_scale": out_scale,
        "out_zero_point": dtype.type(zero),
        "activation": activation,
    }
    weights = {"weight_scale": weight_scale, "weight_zero_point": weight_zero}
    function = FUNCTIONS[spatial][1]
    y = function(x, weight, bias, out=out, **quantization, **weights, **arguments)
    assert out is None or y is out
    np.testing.assert_array_equal(y, expected, strict=True)
    packed = quantized.pack_weight(weight, bias, **weights, **arguments)
    np.testing.assert_array_equal(function(x, packed, **quantization), expected, strict=True)


LARGE = [
    ("NCHW", (2, 30, 17, 40), (50, 30, 3, 3), {"padding": 1}),
    ("NHWC", (2, 17, 40, 30), (50, 30, 3, 3), {"padding": 1}),
    ("NCHW", (1, 600, 20, 13), (70, 600, 1, 1), {}),
    ("NHWC", (1, 20, 13, 600), (70, 600, 1, 1), {}),
    ("NCHW", (3, 24, 31, 33), (48, 6, 5, 3), {"groups": 4, "stride": 2, "padding": (2, 1)}),
    ("NCHW", (1, 40, 30, 30), (40, 1, 3, 3), {"groups": 40, "padding": 1}),
    ("NHWC", (2, 30, 30, 40), (80, 1, 5, 3), {"groups": 40, "padding": 1, "stride": 2}),
    ("NHWC", (2, 12, 13, 130), (130, 1, 3, 3), {"groups": 130, "padding": 1}),
    ("NCHW", (1, 3, 1, 600), (3, 1, 1, 255), {"groups": 3}),
    ("NCHW", (1, 3, 1, 600), (3, 1, 1, 257), {"groups": 3}),
    ("NCHW", (2, 9, 40, 41), (30, 9, 3, 5), {"dilation": (2, 3)}),
]


@pytest.mark.parametrize(("layout", "shape", "kernel", "arguments"), LARGE)
@pytest.mark.parametrize("types", list(itertools.product(BYTES, BYTES)))
@pytest.mark.parametrize("fits", [True, False])
def test_large(layout, shape, kernel, arguments, types, fits):
    """Several blocks of depth, pixels and channels; any number of threads, any batch; weights that
    fit int8, less their zero point, and others."""
    rng = np.random.default_rng(1)
    x, weight = random_bytes(rng, shape, types[0]), random_bytes(rng, kernel, types[1])
    zeros = 3, MIDDLE[types[1]] if fits else -2 if types[1] == np.int8 else 200
    expected = exact_sums(x, weight, *zeros, layout=layout, **arguments)
    for threads in (1, 2, 3):
        y = quantized.conv_integer2d(
            x, weight, *zeros, layout=layout, num_threads=threads, **arguments
        )
        np.testing.assert_array_equal(y, expected, strict=True)
    one = quantized.conv_integer2d(x[-1], weight, *zeros, layout=layout, **arguments)
    np.testing.assert_array_equal(one, expected[-1], strict=True)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (2, 1)])
@pytest.mark.parametrize("image", [(1, 1), (1, 3, 17), (7, 7), (3, 33, 70), (700, 70)])
@pytest.mark.parametrize("dtype", BYTES)
def test_channels_by_themselves(dtype, image, size, stride, multiplier):
    """Planes one after the other, in blocks of rows, and windows of larger arrays; borders wider
    than the kernel; a zero point or none."""
    rng = np.random.default_rng(2)
    spatial, channels = len(image), 17 if image[-1] < 70 else 3
    stride, padding = [(1,) * (spatial - 2) + (n, n) for n in (stride, size + 1)]
    padding = (0,) * (spatial - 2) + padding[-2:]
    x = random_bytes(rng, (2, channels, *image), dtype)
    kernel = (*[1] * (spatial - 2), size, size)
    weight = random_bytes(rng, (channels * multiplier, 1, *kernel), np.int8)
    around = random_bytes(rng, (2, channels, *[n + 3 for n in image]), dtype)
    window = around[(..., *[slice(1, -2)] * spatial)]
    window[...] = x
    convolve = FUNCTIONS[spatial][0]
    arguments = {"stride": stride, "padding": padding, "groups": channels}
    for zero in (0, 100):
        expected = exact_sums(x, weight, zero, 0, **arguments)
        for images, kernels in [(x, weight), (window, weight), (x, np.asfortranarray(weight))]:
            y = convolve(images, kernels, zero, num_threads=2, **arguments)
            np.testing.assert_array_equal(y, expected, strict=True)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_sums_wrap(layout):
    """Beyond int32 they are right modulo 2^32."""
    x = np.full((1, 40_000, 1, 1) if layout == "NCHW" else (1, 1, 1, 40_000), 255, np.uint8)
    weight = np.full((2, 40_000, 1, 1), 255, np.uint8)
    sums = quantized.conv_integer2d(x, weight, layout=layout)
    assert set(sums.ravel()) == {40_000 * 255 * 255 - 2**32}


def test_the_whole_range_of_sums_is_scaled_exactly():
    """A sum has more digits than float32."""
    x, weight = np.full((1, 1, 1), 1, np.uint8), np.ones((1, 1, 1), np.int8)
    for bias, scale, expected in [
        (2**24 + 1, 2.0**-17, 128),  # 128 + 2^-17 + ...
        (2**30 - 1, 2.0**-23, 128),
        (127 * 2**20 + 2**19, 2.0**-20, 128),  # above the tie by 1
        (127 * 2**20 + 2**19 - 1, 2.0**-20, 128),  # the tie: to even
        (127 * 2**20 + 2**19 - 2, 2.0**-20, 127),
        (2**31 - 2, 1.0, 255),
        (-(2**31), 1.0, 0),
    ]:
        y = quantized.conv1d(
            x, weight, np.int32([bias]), x_scale=scale, weight_scale=1, out_scale=1
        )
        assert y.item() == expected, (bias, scale)


@pytest.mark.parametrize("layout", ["NCW", "NWC"])
def test_values_next_to_the_middle_between_two_integers_are_rounded_as_in_double(layout):
    """Where float32 could round either way; lines of pixels, or of channels, in whole vectors."""
    rng = np.random.default_rng(0)
    pixels, channels = 100, 40
    x = rng.integers(0, 4, (1, 1, pixels)).astype(np.uint8)
    weight, told = np.ones((channels, 1, 1), np.int8), 0
    for zero in (0, 7, 200):
        bias = (2 ** rng.uniform(8, 30.9, channels)).astype(np.int32)
        middles = rng.integers(1, 250, channels) + 0.5 - zero
        scale = np.float32(abs(middles) / bias)
        bias *= np.sign(middles).astype(np.int32)
        sums = x.astype(np.int64) + bias[:, None]
        expected = requantized(sums, 1, 1.0, scale, 1.0, zero, np.uint8, None)
        images = x if layout == "NCW" else x.transpose(0, 2, 1)
        y = quantized.conv1d(
            images, weight, bias, x_scale=1, weight_scale=scale, out_scale=1, out_zero_point=zero,
            layout=layout,
        )  # fmt: skip
        np.testing.assert_array_equal(y if layout == "NCW" else y.transpose(0, 2, 1), expected)
        single = np.rint(np.float32(sums) * scale[:, None] + np.float32(zero)).clip(0, 255)
        told += np.count_nonzero(single != expected)
    assert told > 100


def test_scales_are_combined_in_float32_and_in_order():
    """Sums between two half-ways tell x_scale * weight_scale / out_scale from its neighbours."""
    rng = np.random.default_rng(0)
    x, weight = np.zeros((1, 1, 1), np.uint8), np.ones((1, 1, 1), np.int8)
    told = 0
    for _ in range(200):
        x_scale, weight_scale, out_scale = (rng.random(3) * [0.01, 0.01, 1]).astype(np.float32)
        scale = x_scale * weight_scale / out_scale
        others = {x_scale * (weight_scale / out_scale), x_scale / out_scale * weight_scale} - {
            scale
        }
        for other in others:
            halves = sorted(127.5 / np.float64(each) for each in (scale, other))
            if halves[1] < 2**31 and np.ceil(halves[0]) < halves[1]:
                bias = int(np.ceil(halves[0]))
                expected = int(np.rint(bias * np.float64(scale)))
                y = quantized.conv1d(
                    x, weight, np.int32([bias]), x_scale=x_scale, weight_scale=weight_scale,
                    out_scale=out_scale,
                )  # fmt: skip
                assert y.item() == expected
                told += expected != int(np.rint(bias * np.float64(other)))
    assert told > 20


def test_padding_stands_for_zero():
    x = np.full((1, 1, 3, 3), 77, np.uint8)
    sums = quantized.conv_integer2d(x, np.ones((1, 1, 3, 3), np.int8), 77, padding=2)
    assert not sums.any()


def test_relu6():
    """Bounds are of the number that a result stands for."""
    x = np.uint8([[[0, 10, 20, 100]]])
    y = quantized.conv1d(
        x, np.int8([[[1]]]), x_scale=0.5, x_zero_point=10, weight_scale=1, out_scale=0.25,
        out_zero_point=3, activation="relu6",
    )  # fmt: skip
    np.testing.assert_array_equal(quantized.dequantize(y, 0.25, 3), [[[0, 0, 5, 6]]])


def test_out_may_overlap():
    rng = np.random.default_rng(0)
    x = random_bytes(rng, (1, 4, 9, 9), np.uint8)
    weight = random_bytes(rng, (4, 4, 3, 3), np.int8)
    scales = {"x_scale": 0.1, "weight_scale": 0.01, "out_scale": 0.3, "padding": 1}
    expected = quantized.conv2d(x, weight, **scales)
    quantized.conv2d(x, weight, out=x, **scales)
    np.testing.assert_array_equal(x, expected)


@FEWER
@given(data=st.data())
def test_linear(data):
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lead = draw(st.sampled_from([(), (0,), (1,), (5,), (2, 3), (2, 0, 3)]))
    features, outputs = draw(upto(20)), draw(upto(20))
    x_type, weight_type = draw(st.sampled_from(BYTES)), draw(st.sampled_from(BYTES))
    x = random_bytes(rng, (*lead, features), x_type)
    weight = random_bytes(rng, (outputs, features), weight_type)
    x_zero = int(random_bytes(rng, (), x_type))
    weight_zero = random_bytes(rng, (outputs,), weight_type)
    shifted = weight.astype(np.int64) - weight_zero.astype(np.int64)[:, None]
    sums = (x.astype(np.int64) - x_zero) @ shifted.T
    y = quantized.linear_integer(draw(placed(x)), draw(placed(weight)), x_zero, weight_zero)
    np.testing.assert_array_equal(y, sums.astype(np.int32), strict=True)
    bias = rng.integers(-1000, 1000, outputs).astype(np.int32)
    y = quantized.linear(
        x, weight, bias, x_scale=0.5, weight_scale=0.01, out_scale=0.7, x_zero_point=x_zero,
        weight_zero_point=weight_zero, out_zero_point=np.int8(-3), activation="relu",
    )  # fmt: skip
    scales = 0.5, np.full(outputs, 0.01), 0.7
    expected = requantized(sums + bias, sums.ndim - 1, *scales, -3, np.int8, "relu")
    np.testing.assert_array_equal(y, expected, strict=True)


# Quantization itself


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_quantize(dtype):
    limits = np.iinfo(dtype)
    zero = dtype((limits.max + limits.min + 1) // 2)
    x = np.float32([0, 0.5, 1.5, 2.5, -0.5, -1.5, 3.2, 1e9, -1e9, np.inf, -np.inf, np.nan])
    steps = [0, 0, 2, 2, 0, -2, 3, 1e9, -1e9, 1e9, -1e9, -1e9]
    expected = (np.array(steps) + zero).clip(limits.min, limits.max).astype(dtype)
    np.testing.assert_array_equal(quantized.quantize(x, 1.0, zero), expected, strict=True)
    np.testing.assert_array_equal(
        quantized.quantize(x.astype(np.float64) / 4, 0.25, int(zero), dtype=dtype), expected
    )


def test_scales_along_an_axis():
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    scale, zero = np.float32([1, 2, 4]), np.uint8([0, 1, 2])
    y = quantized.quantize(x, scale, zero)
    for i in range(3):
        np.testing.assert_array_equal(y[:, i], quantized.quantize(x[:, i], scale[i], zero[i]))
    back = quantized.dequantize(y, scale, zero)
    assert (abs(back - x) <= scale[:, None] / 2).all()
    np.testing.assert_array_equal(
        quantized.quantize(x.transpose(0, 2, 1), scale, zero, axis=-1), y.transpose(0, 2, 1)
    )


def test_scales_of_blocks():
    x = np.arange(14, dtype=np.float32).reshape(2, 7)
    scale = np.float32([[1, 2, 3], [4, 5, 6]])
    each = np.repeat(scale, 3, 1)[:, :7]
    expected = np.rint(x / each)
    np.testing.assert_array_equal(quantized.quantize(x, scale), expected)
    np.testing.assert_array_equal(quantized.quantize(x, scale, block_size=3), expected)
    np.testing.assert_array_equal(
        quantized.dequantize(expected.astype(np.int16), scale), expected.astype(np.float32) * each
    )
    with pytest.raises(ValueError, match=r"^scale: got shape"):
        quantized.quantize(x, scale, block_size=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_every_integer_comes_back(dtype):
    limits = np.iinfo(dtype)
    q = np.arange(limits.min, limits.max + 1).astype(dtype)
    real = quantized.dequantize(q, 0.037, dtype(5))
    assert real.dtype == np.float32
    np.testing.assert_array_equal(quantized.quantize(real, 0.037, dtype(5)), q, strict=True)


# Errors

X, W = np.zeros((1, 4, 5, 5), np.uint8), np.zeros((6, 4, 3, 3), np.int8)
SCALES = {"x_scale": 1.0, "weight_scale": 1.0, "out_scale": 1.0}
PACKED = quantized.pack_weight(W, padding=1)
WRONG = [
    (TypeError, "x", {"x": X.astype(np.float32)}),
    (TypeError, "weight", {"weight": W.astype(np.int16)}),
    (TypeError, "bias", {"bias": np.zeros(6)}),
    (ValueError, "bias", {"bias": np.zeros(5, np.int32)}),
    (ValueError, "bias", {"bias": np.int32(1)}),
    (ValueError, "weight", {"weight": W[0]}),
    (ValueError, "weight", {"weight": W[:, :3]}),
    (ValueError, "weight", {"weight": W[:0]}),
    (ValueError, "weight", {"weight": np.zeros((6, 4, 9, 9), np.int8)}),
    (ValueError, "x", {"x": X[0, 0]}),
    (ValueError, "x_zero_point", {"x_zero_point": 256}),
    (ValueError, "x_zero_point", {"x_zero_point": -1}),
    (ValueError, "x_zero_point", {"x_zero_point": [1, 2]}),
    (TypeError, "x_zero_point", {"x_zero_point": 1.0}),
    (TypeError, "x_zero_point", {"x_zero_point": True}),
    (ValueError, "weight_zero_point", {"weight_zero_point": 128}),
    (ValueError, "weight_zero_point", {"weight_zero_point": [1, 2]}),
    (TypeError, "weight_zero_point", {"weight_zero_point": "1"}),
    (ValueError, "out_zero_point", {"out_zero_point": 300}),
    (TypeError, "weight_scale", {"weight_scale": None}),
    (ValueError, "weight_scale", {"weight_scale": [1.0, 2.0]}),
    (ValueError, "weight_scale", {"weight_scale": 0.0}),
    (ValueError, "x_scale", {"x_scale": -1.0}),
    (ValueError, "x_scale", {"x_scale": float("nan")}),
    (ValueError, "x_scale", {"x_scale": 1e300}),
    (ValueError, "x_scale", {"x_scale": [1.0, 2.0]}),
    (TypeError, "x_scale", {"x_scale": "1"}),
    (ValueError, "out_scale", {"out_scale": 1e-60}),
    (ValueError, "out_scale", {"out_scale": 1e-30, "x_scale": 1e30}),
    (ValueError, "groups", {"groups": 4}),
    (ValueError, "groups", {"groups": 0}),
    (ValueError, "stride", {"stride": 0}),
    (ValueError, "padding", {"padding": -1}),
    (ValueError, "activation", {"activation": "tanh"}),
    (TypeError, "activation", {"activation": 3}),
    (ValueError, "layout", {"layout": "NCW"}),
    (ValueError, "num_threads", {"num_threads": 0}),
    (TypeError, "out", {"out": np.zeros((1, 6, 3, 3), np.int8)}),
    (ValueError, "out", {"out": np.zeros((1, 6, 3, 4), np.uint8)}),
    (ValueError, "weight_scale", {"weight": PACKED}),
    (ValueError, "bias", {"weight": PACKED, "weight_scale": None, "bias": np.zeros(6, np.int32)}),
    (TypeError, "weight_scale", {"weight": PACKED, "weight_scale": None}),
    (ValueError, "stride", {"weight": PACKED, "weight_scale": None, "stride": 2}),
    (ValueError, "layout", {"weight": PACKED, "weight_scale": None, "layout": "NHWC"}),
]


@pytest.mark.parametrize(("error", "name", "changed"), WRONG)
def test_wrong_arguments(error, name, changed):
    arguments = {"x": X, "weight": W, **SCALES, **changed}
    with pytest.raises(error, match=f"^{name}: "):
        quantized.conv2d(**arguments)


def test_packed_for_other_axes():
    with pytest.raises(ValueError, match=r"^weight: got one packed for 2 spatial axes, expected 1"):
        quantized.conv_integer1d(X[0], PACKED)
    biased = quantized.pack_weight(W, np.zeros(6, np.int32))
    with pytest.raises(ValueError, match=r"^weight: got one packed with a bias"):
        quantized.conv_integer2d(X, biased)


def test_a_packed_weight_keeps_what_it_was_made_from():
    rng = np.random.default_rng(0)
    x, weight = random_bytes(rng, (1, 3, 8, 8), np.int8), random_bytes(rng, (5, 3, 3, 3), np.int8)
    bias, zero, scale = np.arange(5, dtype=np.int32), np.arange(5), np.arange(1.0, 6)
    scales = {"x_scale": 0.5, "out_scale": 100.0}
    weights = {"weight_scale": scale, "weight_zero_point": zero}
    expected = quantized.conv2d(x, weight, bias, **scales, **weights)
    packed = quantized.pack_weight(weight, bias, **weights)
    for array in (weight, bias, zero, scale):
        array[...] = 1
    np.testing.assert_array_equal(quantized.conv2d(x, packed, **scales), expected)
    assert repr(packed) == "<quantized.PackedWeight (5, 3, 3, 3) with bias>"


@pytest.mark.parametrize(
    ("error", "name", "call"),
    [
        (TypeError, "x", lambda: quantized.quantize([1, 2], 1.0)),
        (ValueError, "scale", lambda: quantized.quantize([1.0, 2.0], 0.0)),
        (ValueError, "scale", lambda: quantized.quantize([1.0, 2.0], [1.0, 2.0, 3.0])),
        (ValueError, "zero_point", lambda: quantized.quantize([1.0, 2.0], 1.0, 256)),
        (TypeError, "dtype", lambda: quantized.quantize([1.0, 2.0], 1.0, dtype=np.int32)),
        (TypeError, "dtype", lambda: quantized.quantize([1.0, 2.0], 1.0, dtype="no")),
        (ValueError, "axis", lambda: quantized.quantize([1.0, 2.0], 1.0, axis=2)),
        (ValueError, "block_size", lambda: quantized.quantize([[1.0]], [[1.0]], block_size=0)),
        (TypeError, "x", lambda: quantized.dequantize([1.0, 2.0], 1.0)),
        (ValueError, "weight", lambda: quantized.linear_integer(X, W)),
        (ValueError, "x", lambda: quantized.linear_integer(X, W[:, :, 0, 0])),
    ],
)
def test_wrong_arguments_of_the_others(error, name, call):
    with pytest.raises(error, match=f"^{name}: "):
        call()


def test_same_on_every_instruction_set(python):
    code = """
    import hashlib, numpy as np
    from convpool import quantized
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2, 37, 19, 23)).astype(np.uint8)
    w = rng.integers(-128, 128, (29, 37, 3, 3)).astype(np.int8)
    for last in (False, True):
        layout = "NHWC" if last else "NCHW"
        image = x.transpose(0, 2, 3, 1) if last else x
        y = quantized.conv2d(image, w, x_scale=0.02, x_zero_point=99, weight_zero_point=-3,
                             weight_scale=rng.random(29) / 30, out_scale=0.3, layout=layout)
        z = quantized.conv_integer2d(image, w, 99, layout=layout)
        print(hashlib.sha256(y.tobytes() + z.tobytes()).hexdigest())
    """
    import convpool

    printed = set()
    for isa in convpool.get_config()["isas"]:
        result = python(code, CONVPOOL_ISA=isa)
        assert result.returncode == 0, result.stderr
        printed.add(result.stdout)
    assert len(printed) == 1


@pytest.mark.parametrize("number", [[0.1], 0.1, np.float32(0.1)], ids=repr)
def test_an_array_without_axes_takes_one_scale(number):
    assert quantized.quantize(np.float32(0.35), number, 3) == 7  # 3.5 is rounded to 4
    with pytest.raises(ValueError, match=r"^scale: got shape \(2,\)"):
        quantized.quantize(np.float32(1), [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^zero_point: got shape \(2,\)"):
        quantized.dequantize(np.uint8(1), number, [1, 2])


@pytest.mark.parametrize(
    "terms",
    [
        {"stride": [2, 2]},
        {"padding": (1, 1)},
        {"padding": ((1, 1), (0, 1)), "dilation": np.array([1, 2])},
        {"stride": np.int64(2), "layout": "NHWC"},
    ],
    ids=repr,
)
def test_a_call_may_repeat_the_terms_of_a_packed_weight(terms):
    x, weight = np.ones((1, 6, 6, 6), np.uint8), np.ones((2, 6, 3, 3), np.int8)
    packed = quantized.pack_weight(weight, weight_scale=1, **terms)
    expected = quantized.conv_integer2d(x, weight, **terms)
    np.testing.assert_array_equal(quantized.conv_integer2d(x, packed, **terms), expected)
    scales = {"x_scale": 1, "out_scale": 1}
    np.testing.assert_array_equal(
        quantized.conv2d(x, packed, **scales, **terms), np.minimum(expected, 255)
    )
    with pytest.raises(ValueError, match=r"^stride: got \[3, 3\]"):
        quantized.conv_integer2d(x, packed, **{**terms, "stride": [3, 3]})
