"""conv2d, conv1d, conv3d and linear: what each argument does, and sizes across every block edge."""

import itertools

import numpy as np
import pytest

import convpool
from reference import (
    ACTIVATIONS,
    activate,
    activation_error,
    assert_close,
    assert_convolves,
    assert_same_bits,
    convolve,
)

FLOATS = [np.float16, np.float32, np.float64]
TINY = {dtype: float(np.finfo(dtype).tiny) for dtype in FLOATS}


def normal(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


X = normal(0, 2, 4, 9, 8)
WEIGHT = normal(1, 6, 4, 3, 3)
BIAS = normal(2, 6)


def check(x=X, weight=WEIGHT, bias=None, **arguments):
    y = convpool.conv2d(x, weight, bias, **arguments)
    assert_convolves(y, x, weight, bias, **arguments)
    return y


# The worked examples of the introduction


def test_nine_ninths_blur():
    image = np.zeros((1, 1, 5, 5))
    image[..., 2, 2] = 9
    blurred = convpool.conv2d(image, np.full((1, 1, 3, 3), 1 / 9), padding=1)
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = 9 * (1 / 9)
    np.testing.assert_array_equal(blurred[0, 0], expected)


def test_four_5x5x3_kernels_over_32x32x3_give_28x28x4():
    assert check(normal(3, 1, 3, 32, 32), normal(4, 4, 3, 5, 5)).shape == (1, 4, 28, 28)
    image = normal(3, 32, 32, 3)
    assert check(image, normal(4, 4, 3, 5, 5), layout="NHWC").shape == (28, 28, 4)


def test_5x5_by_3x3_at_stride_2_gives_2x2():
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    y = check(x, np.ones((1, 1, 3, 3)), stride=2)
    np.testing.assert_array_equal(y[0, 0], [[54, 72], [144, 162]])  # nine times the centres


@pytest.mark.parametrize(("padding", "size"), [(1, 3), (2, 5), (3, 7)])
def test_padding_that_keeps_the_size(padding, size):
    assert check(weight=normal(1, 6, 4, size, size), padding=padding).shape == (2, 6, 9, 8)


@pytest.mark.parametrize("channels", [1, 2, 64])
def test_1x1_keeps_height_and_width_and_changes_channels(channels):
    assert check(weight=normal(1, channels, 4, 1, 1)).shape == (2, channels, 9, 8)


# Every argument


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_types_and_layouts(dtype, layout):
    x = normal(0, 2, 5, 6, 4, dtype=dtype) if layout == "NHWC" else X.astype(dtype)
    check(x, WEIGHT.astype(dtype), BIAS.astype(dtype), layout=layout, padding=1)


def test_float16_is_summed_in_float32_and_rounded_once():
    """1 + 2048 times 2^-11 is 2; in float16 the sum would stay at 1."""
    x = np.full((1, 2049, 1, 1), 2.0**-11, np.float16)
    x[0, 0] = 1
    assert convpool.conv2d(x, np.ones((1, 2049, 1, 1), np.float16)).item() == 2


def test_float16_overflows_to_infinity_only_when_stored():
    x = np.array([60000, 60000, -60000], np.float16).reshape(1, 3, 1, 1)
    assert convpool.conv2d(x, np.ones((1, 3, 1, 1), np.float16)).item() == 60000
    assert convpool.conv2d(x[:, :2], np.ones((1, 2, 1, 1), np.float16)).item() == np.inf


@pytest.mark.parametrize("dtype", FLOATS)
def test_float16_rounds_half_to_even_and_keeps_subnormals(dtype):
    """Storing a sum in the result's type is NumPy's own rounding, over all of float16."""
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    x = x[np.isfinite(x)]
    y = convpool.conv2d(
        np.ascontiguousarray(x.astype(dtype))[None, None, None], np.full((1, 1, 1, 1), 0.75, dtype)
    )
    exact = x.astype(np.float64) * 0.75
    np.testing.assert_array_equal(y.ravel(), exact.astype(dtype))


@pytest.mark.parametrize("stride", [1, 2, 3, 20, (1, 2), (3, 1), [2, 2], np.array([2, 3])], ids=str)
def test_stride(stride):
    y = convpool.conv2d(X, WEIGHT, stride=stride, padding=1)
    steps = stride if isinstance(stride, int) else tuple(int(s) for s in stride)
    assert_convolves(y, X, WEIGHT, stride=steps, padding=1)


@pytest.mark.parametrize("dilation", [1, 2, 3, (1, 3), (4, 1)], ids=str)
def test_dilation(dilation):
    check(dilation=dilation)


PADDINGS = [0, 2, (1, 2), ((1, 0), (0, 3)), ((4, 5), (6, 7)), (3, (0, 1)), "valid", "same",
            "same_lower"]  # fmt: skip


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("stride", [1, 2, (3, 4)], ids=str)
def test_padding(padding, stride):
    """An int, one int an axis, one pair an axis, mixed; "same" with any stride, as TensorFlow."""
    y = check(padding=padding, stride=stride, weight=normal(1, 6, 4, 3, 4))
    if padding in ("same", "same_lower"):
        rows, columns = (stride, stride) if isinstance(stride, int) else stride
        assert y.shape[2:] == (-(-9 // rows), -(-8 // columns))


def test_same_puts_the_extra_pixel_after_and_same_lower_before():
    x = np.array([1.0, 2, 4]).reshape(1, 1, 1, 3)
    weight = np.array([1.0, 10]).reshape(1, 1, 1, 2)
    assert convpool.conv2d(x, weight, padding="same").ravel().tolist() == [21, 42, 4]
    assert convpool.conv2d(x, weight, padding="same_lower").ravel().tolist() == [10, 21, 42]


MODES = {
    "zeros": [0, 0, 1, 2, 3, 0, 0],
    "constant": [9, 9, 1, 2, 3, 9, 9],
    "reflect": [3, 2, 1, 2, 3, 2, 1],
    "replicate": [1, 1, 1, 2, 3, 3, 3],
    "circular": [2, 3, 1, 2, 3, 1, 2],
}


@pytest.mark.parametrize("mode", MODES)
def test_what_each_padding_mode_puts_beyond_the_edge(mode):
    """A 1x1 kernel shows the padded image itself, along rows and along columns."""
    arguments = {"padding_mode": mode, "padding_value": 9 if mode == "constant" else 0}
    row, one = np.array([1.0, 2, 3]).reshape(1, 1, 1, 3), np.ones((1, 1, 1, 1))
    y = convpool.conv2d(row, one, padding=(0, 2), **arguments)
    assert y.ravel().tolist() == MODES[mode]
    y = convpool.conv2d(row.reshape(1, 1, 3, 1), one, padding=(2, 0), **arguments)
    assert y.ravel().tolist() == MODES[mode]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("padding", [1, (3, 2), ((0, 4), (2, 1)), "same"], ids=str)
def test_padding_modes(mode, layout, padding):
    x = np.moveaxis(X, 1, -1) if layout == "NHWC" else X
    arguments = {"padding_mode": mode, "padding": padding, "layout": layout, "stride": (1, 2)}
    check(x, padding_value=-1.5 if mode == "constant" else 0.0, **arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0, -3, 0.1, np.float32(0.25), np.inf, np.nan, 2**70])
def test_padding_value_is_taken_in_the_type_of_the_sums(value, dtype):
    one = np.ones((1, 1, 1, 1), dtype)
    y = convpool.conv2d(one, one, padding=1, padding_mode="constant", padding_value=value)
    assert y[0, 0, 1, 1] == 1
    np.testing.assert_array_equal(y[0, 0, 0], np.full(3, value, dtype))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("channels", "groups", "outputs"),
    [(4, 2, 6), (6, 3, 3), (5, 5, 5), (5, 5, 10), (3, 3, 21), (8, 8, 8), (16, 16, 32), (70, 70, 70),
     (40, 2, 38)],
)  # fmt: skip
def test_groups_depthwise_and_multipliers(channels, groups, outputs, layout):
    x = normal(5, 2, channels, 7, 6)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight, bias = normal(6, outputs, channels // groups, 3, 2), normal(7, outputs)
    check(x, weight, bias, groups=groups, padding=1, layout=layout)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (1, {}),
        (3, {"padding": 1}),
        (3, {"stride": (1, 3), "padding": 2, "padding_mode": "reflect"}),
        (4, {"stride": 2, "dilation": (1, 3), "padding": ((0, 4), (5, 2))}),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("groups", "channels", "outputs"),
    [(1, 40, 7), (1, 3, 2), (2, 64, 3), (3, 5, 12), (7, 1, 5), (9, 2, 1), (33, 4, 4)],
)
def test_few_outputs_of_neighbouring_channels(groups, channels, outputs, kernel, arguments, dtype):
    """Bits of the other layout, from pixels with a gap between them and into such."""
    x = normal(1, 2, 13, 37, groups * channels + 3, dtype=dtype)[..., : groups * channels]
    weight = normal(2, groups * outputs, channels, kernel, kernel, dtype=dtype)
    bias = normal(3, groups * outputs, dtype=dtype)
    said = {"groups": groups, "algorithm": "direct", **arguments}
    expected = convpool.conv2d(np.moveaxis(x, -1, 1), weight, bias, **said)
    assert_convolves(expected, np.moveaxis(x, -1, 1), weight, bias, groups=groups, **arguments)
    residual = normal(4, *np.moveaxis(expected, 1, -1).shape, dtype=dtype)
    packed = convpool.pack_weight(weight, bias, layout="NHWC", **said)
    whole = np.full((*residual.shape[:-1], groups * outputs + 2), 7, dtype)
    out = whole[..., 1:-1]
    for threads in (1, 2):
        convpool.conv2d(x, packed, out=out, num_threads=threads)
        assert_same_bits(out, np.moveaxis(expected, 1, -1))
        assert (whole[..., [0, -1]] == 7).all()
    also = {"residual": residual, "activation": "relu"}
    expected = convpool.conv2d(
        np.moveaxis(x, -1, 1), weight, bias, **said,
        **{**also, "residual": np.moveaxis(residual, -1, 1)},
    )  # fmt: skip
    y = convpool.conv2d(x, weight, bias, layout="NHWC", **said, **also)
    assert_same_bits(y, np.moveaxis(expected, 1, -1))


@pytest.mark.parametrize("outputs", [5, 7, 9, 12])
def test_groups_of_one_line_in_place_on_two_threads(outputs):
    """Enough work for both, which each output may be stored by once alone."""
    x, weight = normal(1, 1, 60, 2 * 256), normal(2, 2 * outputs, 256, 1, 3)
    said = {"groups": 2, "padding": (0, 1), "layout": "NHWC", "algorithm": "direct"}
    out = normal(3, 1, 60, 2 * outputs)
    expected = convpool.conv2d(x, weight, residual=out, num_threads=1, **said)
    convpool.conv2d(x, weight, residual=out, out=out, num_threads=2, **said)
    assert_same_bits(out, expected)


def test_a_group_sees_no_nan_of_its_neighbours():
    x, weight = normal(1, 1, 9, 20, 12), normal(2, 12, 3, 3, 3)
    x[..., 3:6] = np.nan
    y = convpool.conv2d(x, weight, groups=4, layout="NHWC")
    assert np.isnan(y[..., 3:6]).all()
    assert np.isfinite(np.delete(y, [3, 4, 5], -1)).all()


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("arguments", [{}, {"stride": 2, "padding": ((1, 2), (0, 1))}], ids=str)
def test_flip_is_the_kernel_reversed_in_every_spatial_axis(groups, arguments):
    weight = WEIGHT[:4, : 4 // groups, :, :2]
    flipped = convpool.conv2d(X, weight, flip=True, groups=groups, **arguments)
    reversed_ = convpool.conv2d(X, weight[:, :, ::-1, ::-1], groups=groups, **arguments)
    assert_same_bits(flipped, reversed_)
    assert_convolves(flipped, X, weight, flip=True, groups=groups, **arguments)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("groups", [1, 2])
def test_bias_residual_and_activation_in_that_order(layout, groups):
    x = np.moveaxis(X, 1, -1) if layout == "NHWC" else X
    weight = WEIGHT[:, : 4 // groups]
    shape = convolve(x, weight, groups=groups, layout=layout).shape
    arguments = {"groups": groups, "layout": layout, "residual": normal(8, *shape)}
    check(x, weight, **arguments)
    check(x, weight, BIAS, **arguments)
    check(x, weight, BIAS, activation="relu", **arguments)
    check(x, weight, activation=("hardtanh", (-0.5, 0.25)), **arguments)


PARAMETRIC = [("leaky_relu", 0.2), ("leaky_relu", -1.5), ("elu", 0.5), ("hardtanh", (0.25, 2)),
              ("softplus", 2.5), ("hardtanh", [-3, 3])]  # fmt: skip


def activated(x, activation):
    """The activation alone: the sum is x itself, without an error."""
    return convpool.conv2d(x, np.ones((1, 1, 1, 1), x.dtype), activation=activation)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *PARAMETRIC], ids=str)
def test_activations(activation, dtype):
    """On a grid through 0, and over the whole range of the type (but what overflows)."""
    info = np.finfo(dtype)
    far = np.geomspace(float(info.tiny), float(info.max) / 64, 999)
    x = np.concatenate([np.linspace(-30, 30, 12001), far, -far, [0.0]]).astype(dtype)
    x = x.reshape(1, 1, 1, -1)
    exact = x.astype(np.float64)
    error = activation_error(exact, 0.0, activation, x.dtype)
    assert_close(activated(x, activation), activate(exact, activation), error, dtype)


LIMITS = {
    "relu": (0, np.inf),
    "relu6": (0, 6),
    "leaky_relu": (-np.inf, np.inf),
    "elu": (-1, np.inf),
    "sigmoid": (0, 1),
    "hardsigmoid": (0, 1),
    "tanh": (-1, 1),
    "hardtanh": (-1, 1),
    "softplus": (0, np.inf),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_of_nan_and_infinity(activation, dtype):
    """NaN stays; at infinity an activation has its limit (where PyTorch's has)."""
    x = np.array([np.nan, -np.inf, np.inf], dtype).reshape(1, 1, 1, 3)
    nan, low, high = activated(x, activation).ravel()
    assert np.isnan(nan)
    if activation in LIMITS:
        assert low == LIMITS[activation][0] or 0 < low - LIMITS[activation][0] <= 2 * TINY[dtype]
        assert high == LIMITS[activation][1]


@pytest.mark.parametrize("algorithm", ["auto", "direct"])
def test_algorithm(algorithm):
    y = convpool.conv2d(X, WEIGHT, BIAS, padding=1, algorithm=algorithm)
    assert_convolves(y, X, WEIGHT, BIAS, padding=1)


def test_nan_and_infinity_reach_exactly_the_outputs_that_see_them():
    x = np.ones((1, 2, 7, 7), np.float32)
    x[0, 1, 3, 3] = np.nan
    y = convpool.conv2d(x, np.ones((3, 2, 3, 3), np.float32), padding=1)
    expected = np.zeros((7, 7), bool)
    expected[2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(y), np.broadcast_to(expected, y.shape))
    x[0, 1, 3, 3] = np.inf
    y = convpool.conv2d(x, np.ones((3, 2, 3, 3), np.float32), padding=1)
    np.testing.assert_array_equal(np.isposinf(y), np.broadcast_to(expected, y.shape))


def test_a_weight_of_nan_reaches_only_its_channel():
    weight = WEIGHT.copy()
    weight[2, 0, 0, 0] = np.nan
    y = convpool.conv2d(X, weight)
    assert np.isnan(y).all((0, 2, 3)).tolist() == [False, False, True, False, False, False]
    assert np.isnan(y).sum() == y[:, 2].size


# Sizes across the edges of tiles and blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("outputs", [*range(1, 18), 23, 24, 25, 47, 48, 96, 97, 193])
def test_numbers_of_output_channels(outputs, layout, dtype):
    for pixels in (1, 7, 50):
        shape = (1, 1, pixels, 3) if layout == "NHWC" else (1, 3, 1, pixels)
        x, weight = normal(1, *shape, dtype=dtype), normal(2, outputs, 3, 1, 1, dtype=dtype)
        check(x, weight, normal(3, outputs, dtype=dtype), layout=layout)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_numbers_of_pixels(layout, dtype):
    """1 to 50 in one row and in several, so that tiles end within rows and at their ends."""
    weight = normal(2, 7, 3, 2, 2, dtype=dtype)
    for pixels, rows in itertools.product(range(1, 51), (1, 3)):
        shape = (1, 3, rows + 1, pixels + 1)
        x = normal(pixels, *shape, dtype=dtype)
        check(np.moveaxis(x, 1, -1) if layout == "NHWC" else x, weight, layout=layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("width", [238, 239, 240, 241, 480, 481, 1000])
def test_rows_longer_than_a_block_of_pixels(width, layout):
    x = normal(1, 1, 2, 3, width)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    check(x, normal(2, 5, 2, 3, 3), padding=1, layout=layout)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 4)])
@pytest.mark.parametrize("width", [32, 48, 64, 96, 112, 240, 256, 300])
def test_short_sums_over_long_rows(width, stride, dtype):
    """Columns of tiles lie in one row, a stride apart; rows end within a tile and at its end."""
    down, right = (stride, stride) if isinstance(stride, int) else stride
    x = normal(1, 2, 3, 4 * down, width * right, dtype=dtype)
    weight, bias = normal(2, 9, 3, 3, 3, dtype=dtype), normal(3, 9, dtype=dtype)
    for arguments in (
        {"padding": 1, "activation": "relu"},
        {"padding": ((1, 0), (2, 3)), "padding_mode": "reflect", "num_threads": 3},
        {"padding": "same", "dilation": (1, 2), "padding_mode": "constant", "padding_value": 2.0},
    ):
        threads = arguments.pop("num_threads", 1)
        arguments |= {"stride": stride, "algorithm": "direct"}
        y = convpool.conv2d(x, weight, bias, num_threads=threads, **arguments)
        del arguments["algorithm"]
        assert_convolves(y, x, weight, bias, **arguments)


def test_a_stride_far_beyond_the_kernel():
    x = normal(1, 1, 1, 8, 33 * 600)
    check(x, normal(2, 3, 1, 3, 3), stride=(1, 600), padding=1)


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("channels", "size"), [(300, 1), (2051, 1), (70, 3)])
@pytest.mark.parametrize("outputs", [20, 63, 64, 391, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_pixels_by_many_channels(dtype, outputs, channels, size, groups, prepared):
    """Weights as they lie or several strips of them at a time: as with more pixels beside those."""
    x = normal(1, 5, groups * channels, size, size, dtype=dtype)
    residual = normal(2, 5, groups * outputs, 1, 1, dtype=dtype)
    weight = normal(3, groups * outputs, channels, size, size, dtype=dtype)
    bias = normal(4, groups * outputs, dtype=dtype)
    arguments = {"groups": groups, "activation": "silu", "algorithm": "direct"}
    weights = (weight, bias)
    if prepared:
        weights = (convpool.pack_weight(*weights, **arguments),)
        arguments = {}
    expected = convpool.conv2d(x, *weights, residual=residual, **arguments)
    assert_convolves(expected, x, weight, bias, residual=residual, groups=groups, activation="silu")
    for images, threads in ((1, 1), (1, 3), (2, 2), (3, 1), (4, 2)):
        y = convpool.conv2d(
            x[:images], *weights, residual=residual[:images], num_threads=threads, **arguments
        )
        assert_same_bits(y, expected[:images])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("outputs", [1, 5, 17, 97])
@pytest.mark.parametrize("channels", [255, 256, 257, 511, 513, 1025])
def test_sums_longer_than_a_block_1x1(channels, outputs, layout):
    x = normal(1, 1, channels, 5, 6)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight = normal(2, outputs, channels, 1, 1)
    check(x, weight, normal(3, outputs), layout=layout)


VIEWS = {
    "whole": lambda x: x,
    "backwards": lambda x: x[:, ::-1],
    "every second": lambda x: x[:, ::2],
    "one again and again": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "parts of rows": lambda x: x[..., 1:],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 7), (10, 13), (16, 24), (32, 32)])
def test_points_that_few_channels_see(height, width, view, threads, dtype):
    """Read where they lie: pixels that fill vectors and that do not, and run on between images."""
    for channels, outputs in ((3, 5), (270, 33)):
        x = VIEWS[view](normal(1, 3, channels, height, width, dtype=dtype))
        weight = normal(2, outputs, x.shape[1], 1, 1, dtype=dtype)
        bias = normal(3, outputs, dtype=dtype)
        y = convpool.conv2d(x, weight, bias, num_threads=threads)
        assert_convolves(y, x, weight, bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize(("channels", "outputs"), [(40, 20), (200, 20), (400, 20), (768, 100)])
@pytest.mark.parametrize("pixels", [196, 1225, 1537, 3137])
def test_points_of_large_images_that_end_within_a_vector(
    pixels, channels, outputs, activation, dtype
):
    """Tiles of one image that wait for more of the sum lie beside those of the next."""
    x, bias = normal(1, 3, channels, 1, pixels, dtype=dtype), normal(3, outputs, dtype=dtype)
    weight = normal(2, outputs, channels, 1, 1, dtype=dtype)
    residual = normal(4, 3, outputs, 1, pixels, dtype=dtype)
    y = convpool.conv2d(x, weight, bias, residual=residual, activation=activation, num_threads=1)
    assert_convolves(y, x, weight, bias, residual=residual, activation=activation)
    for threads, images in ((3, slice(None)), (1, slice(2, 3)), (2, slice(0, 2))):
        more = {"residual": residual[images], "activation": activation, "num_threads": threads}
        assert_same_bits(convpool.conv2d(x[images], weight, bias, **more), y[images])


@pytest.mark.parametrize(
    ("height", "width", "stride"), [(2, 96, (1, 2)), (4, 64, 2), (3, 144, (1, 3))]
)
def test_strided_points_as_many_as_a_row_of_the_input(height, width, stride):
    check(normal(1, 2, 9, height, width), normal(2, 33, 9, 1, 1), stride=stride)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("channels", "size"), [(29, 3), (64, 3), (11, 5), (100, 3), (7, 11)])
def test_sums_longer_than_a_block_within_a_channel(channels, size, layout):
    """Blocks of the sum end inside a kernel's rows; with every epilogue at the last block only."""
    x = normal(1, 1, channels, 13, 14)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight, bias = normal(2, 19, channels, size, size), normal(3, 19)
    arguments = {"padding": size // 2, "layout": layout}
    shape = convolve(x, weight, **arguments).shape
    check(x, weight, bias, residual=normal(4, *shape), activation="relu", **arguments)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("threads", [1, 4])
def test_work_for_several_threads(threads, layout, dtype):
    x = normal(1, 3, 24, 30, 31, dtype=dtype)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight, bias = normal(2, 50, 24, 3, 3, dtype=dtype), normal(3, 50, dtype=dtype)
    y = convpool.conv2d(x, weight, bias, padding=1, layout=layout, num_threads=threads)
    assert_convolves(y, x, weight, bias, padding=1, layout=layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_large_depthwise(layout):
    x = normal(1, 1, 130, 40, 60)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    check(x, normal(2, 130, 1, 5, 3), normal(3, 130), padding=(2, 1), groups=130, layout=layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("multiplier", [1, 2, 4, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_strided_and_dilated_depthwise(stride, size, multiplier, layout):
    x = normal(1, 2, 5, 17, 19)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight = normal(2, 5 * multiplier, 1, size, size)
    for dilation in (1, 2, 3):
        check(x, weight, stride=stride, dilation=dilation, padding=size, groups=5, layout=layout)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "channels", [*range(1, 18), 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 193]
)
def test_numbers_of_depthwise_channels(channels, layout, dtype):
    x = normal(1, 1, channels, 4, 5, dtype=dtype)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight, bias = normal(2, channels, 1, 3, 2, dtype=dtype), normal(3, channels, dtype=dtype)
    check(x, weight, bias, padding=1, groups=channels, layout=layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("channels", "width"), [(2, 2047), (2, 2049), (1, 4300), (65, 70)])
def test_long_rows_of_depthwise(channels, width, layout):
    x = normal(1, 1, channels, 4, width)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    weight, bias = normal(2, channels, 1, 3, 3), normal(3, channels)
    check(x, weight, bias, padding=1, groups=channels, layout=layout)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_kernels_that_reach_over_a_whole_image(mode, layout):
    """Between taps lies more than any cache holds."""
    x = normal(1, 1, 2, 600, 610)
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    arguments = {"dilation": (280, 290), "stride": 9, "padding": (20, 30), "padding_mode": mode}
    for groups in (1, 2):
        weight = normal(2, 4, 2 // groups, 3, 3)
        check(x, weight, groups=groups, layout=layout, **arguments)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [15, 31])
def test_large_kernels(size, stride):
    x = normal(1, 1, 3, 40, 37)
    check(x, normal(2, 4, 3, size, size), padding="same", stride=stride)
    check(x, normal(2, 3, 1, size, size), padding="same", stride=stride, groups=3)


def test_a_kernel_as_large_as_the_padded_input_gives_one_pixel():
    assert check(weight=normal(1, 6, 4, 11, 12), padding=(1, 2)).shape == (2, 6, 1, 1)


def test_windows_that_lie_wholly_in_the_padding():
    check(weight=normal(1, 6, 4, 2, 2), padding=5)


SMALL_MAPS = [
    # size, kernel, stride, padding, dilation: few of the taps meet the input, or only the last
    # ones, or none; a wide step skips what lies between
    ((1, 1), (3, 3), 1, 1, 1),
    ((2, 1), (5, 3), 1, (2, 1), 1),
    ((3, 4), (3, 3), 1, 18, 18),
    ((3, 2), (7, 7), 2, 3, 1),
    ((2, 2), (4, 1), 1, ((6, 2), 0), (3, 1)),
    ((1, 3), (2, 2), 1, 1, 2),
    ((1, 1), (2, 2), 1, 1, 2),
    ((4, 4), (5, 5), 3, ((0, 9), (9, 0)), 2),
]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), SMALL_MAPS)
def test_small_maps(size, kernel, stride, padding, dilation, groups, layout):
    shape = (2, 4, *size) if layout == "NCHW" else (2, *size, 4)
    x, weight, bias = normal(1, *shape), normal(2, 36, 4 // groups, *kernel), normal(3, 36)
    said = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    y = check(x, weight, bias, layout=layout, **said)
    packed = convpool.pack_weight(weight, bias, layout=layout, **said)
    for _ in range(2):
        assert_same_bits(convpool.conv2d(x, packed), y)
    check(x, weight, bias, layout=layout, residual=normal(4, *y.shape), **said)
    check(x, weight, layout=layout, padding_mode="constant", padding_value=2.0, **said)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("prepared", [False, True])
def test_outer_taps_that_meet_padding_alone_take_no_part(prepared, groups):
    x, weight = normal(1, 1, 4, 2, 3), normal(2, 8, 4 // groups, 7, 9)
    said = {"padding": (3, 4), "groups": groups}
    expected = convpool.conv2d(x, weight, **said)
    weight[:, :, [0, 1, 5, 6]] = np.nan
    weight[:, :, :, [0, 1, 7, 8]] = np.inf
    if prepared:
        weight = convpool.pack_weight(weight, **said)
    assert_same_bits(convpool.conv2d(x, weight, **said), expected)


def test_a_stride_beyond_the_input_gives_one_pixel():
    assert check(stride=2**31 - 1).shape == (2, 6, 1, 1)


# One and three spatial axes


@pytest.mark.parametrize("layout", ["NCW", "NWC"])
@pytest.mark.parametrize("arguments", [
    {}, {"stride": 2, "padding": 3}, {"padding": ((2, 5),)}, {"padding": "same", "stride": 3},
    {"dilation": 3, "groups": 2}, {"padding": (4,), "padding_mode": "reflect"},
    {"padding": 6, "padding_mode": "circular", "flip": True},
    {"padding": 9, "padding_mode": "replicate", "activation": "tanh"},
], ids=str)  # fmt: skip
def test_conv1d(arguments, layout):
    x = normal(1, 2, 4, 30)
    x = np.moveaxis(x, 1, -1) if layout == "NWC" else x
    weight, bias = normal(2, 6, 4 // arguments.get("groups", 1), 5), normal(3, 6)
    y = convpool.conv1d(x, weight, bias, layout=layout, **arguments)
    assert_convolves(y, x, weight, bias, layout=layout, **arguments)


@pytest.mark.parametrize("layout", ["NCDHW", "NDHWC"])
@pytest.mark.parametrize("arguments", [
    {}, {"stride": (1, 2, 3), "padding": (2, 0, 1)}, {"padding": ((2, 1), (0, 3), (1, 1))},
    {"padding": "same", "stride": 2}, {"dilation": (2, 1, 2), "groups": 2},
    {"padding": 2, "padding_mode": "reflect"},
    {"padding": 3, "padding_mode": "circular", "flip": True},
    {"padding": 4, "padding_mode": "replicate", "activation": "silu"}, {"groups": 4},
], ids=str)  # fmt: skip
def test_conv3d(arguments, layout):
    x = normal(1, 2, 4, 5, 6, 7)
    x = np.moveaxis(x, 1, -1) if layout == "NDHWC" else x
    weight, bias = normal(2, 8, 4 // arguments.get("groups", 1), 3, 2, 3), normal(3, 8)
    y = convpool.conv3d(x, weight, bias, layout=layout, **arguments)
    assert_convolves(y, x, weight, bias, layout=layout, **arguments)


# Fully connected


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [(), (1,), (7,), (300,), (2, 3), (2, 0, 3), (0,)], ids=str)
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (5, 3), (300, 17), (17, 300)])
def test_linear(rows, inputs, outputs, dtype):
    x, weight = normal(1, *rows, inputs, dtype=dtype), normal(2, outputs, inputs, dtype=dtype)
    bias = normal(3, outputs, dtype=dtype)
    y = convpool.linear(x, weight, bias, activation="relu")
    assert y.shape == (*rows, outputs)
    assert y.dtype == dtype
    assert_convolves(
        y.reshape(-1, outputs, 1), x.reshape(-1, inputs, 1), weight[:, :, None], bias,
        activation="relu",
    )  # fmt: skip


@pytest.mark.parametrize("size", [256, 5, 13])
@pytest.mark.parametrize("scale", [1.0, 1 + 2**-10, 0.75, 2**-13, 48.0])
def test_every_number_of_half_precision(scale, size):
    """Rounded half to even, as NumPy does it: to subnormal numbers and infinity, too; in rows of
    all lengths."""
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    x = every[: 2**16 // size**2 * size**2].reshape(-1, 1, size, size)
    weight, bias = np.float16([[[[scale]]]]), np.float16([0.125])
    with np.errstate(over="ignore", invalid="ignore"):
        products = x.astype(np.float32) * np.float32(weight.item())
        expected = products.astype(np.float16)
        biased = np.maximum(products + np.float32(0.125), 0).astype(np.float16)
    y = convpool.conv2d(x, weight)
    z = convpool.conv2d(x, weight, bias, activation="relu")
    for result, right in ((y, expected), (z, biased)):
        np.testing.assert_array_equal(result, right, strict=True)
        told = result.view(np.uint16)[np.isnan(result)]
        assert set(told & 0x7FFF) == {0x7E00}  # one NaN on every machine
    np.testing.assert_array_equal(convpool.max_pool2d(x, 1), x, strict=True)
