"""Convolutions whose outputs see one input channel each, against the oracle: every way that sums
can take from the input, by a patch or in place, in blocks or with a remainder, to `out`."""

import tracemalloc

import numpy as np
import pytest

import convpool
from reference import assert_convolves, assert_same_bits

RNG = np.random.default_rng
SHAPES = [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2), (2, 1), (4, 3), (1, 2), (9, 1)]
SIZES = [(4, 4), (7, 7), (8, 16), (14, 14), (17, 9), (28, 31), (3, 70), (61, 5)]


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def operands(channels, image, kernel, multiplier=1, layout="NCHW", batch=2, dtype=np.float32):
    x = normal(1, batch, channels, *image, dtype=dtype)
    if layout == "NHWC":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    weight = normal(2, channels * multiplier, 1, *kernel, dtype=dtype)
    return x, weight, normal(3, channels * multiplier, dtype=dtype)


def assert_right(x, weight, bias=None, **arguments):
    convolve = getattr(convpool, f"conv{weight.ndim - 2}d")
    assert_convolves(convolve(x, weight, bias, **arguments), x, weight, bias, **arguments)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("size", "stride"), SHAPES)
@pytest.mark.parametrize("image", SIZES)
def test_kernels_and_sizes(image, size, stride, layout):
    x, weight, bias = operands(19, image, (size, size), layout=layout)
    assert_right(x, weight, bias, stride=stride, padding=size // 2, groups=19, layout=layout)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [16, 70])
@pytest.mark.parametrize(
    ("image", "window"),
    [
        ((4, 4), {"size": 7, "stride": 2}),
        ((13, 14), {"size": 7, "stride": 2}),
        ((7, 7), {"size": 5, "stride": 2}),
        ((2, 3), {"size": 3}),
        ((7, 8), {"size": 2}),
        ((9, 3), {"size": 3, "dilation": 2}),
    ],
    ids=str,
)
def test_small_planes(image, window, channels, dtype):
    """In memory with gaps, and into such; one image and several, more than are turned at once."""
    said = {"padding": window["size"] // 2, "groups": channels, **window}
    size = said.pop("size")
    batch = 1 + (3 << 20) // (channels * image[0] * image[1] * np.dtype(dtype).itemsize)
    x = normal(1, batch, channels, image[0] + 1, image[1], dtype=dtype)[:, :, 1:]
    weight = normal(2, channels, 1, size, size, dtype=dtype)
    bias = normal(3, channels, dtype=dtype)
    assert_right(x[:2], weight, bias, activation="relu6", **said)
    assert_right(x[:1], weight, activation="silu", **said)
    expected = convpool.conv2d(x.transpose(0, 2, 3, 1), weight, bias, layout="NHWC", **said)
    expected = expected.transpose(0, 3, 1, 2)
    whole = np.full((batch, channels + 1, *expected.shape[2:]), 7, dtype)
    for threads in (1, 2):
        convpool.conv2d(x, weight, bias, out=whole[:, :-1], num_threads=threads, **said)
        assert_same_bits(whole[:, :-1], expected)
        assert (whole[:, -1] == 7).all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "window",
    [
        {"stride": 100, "padding": 350},
        {"stride": 10_000, "padding": 35_000},
        {"stride": 10**9, "padding": 2**31 - 1},
        {"dilation": 240, "padding": 240, "padding_mode": "replicate"},
    ],
    ids=str,
)
def test_windows_far_apart_take_little_memory(window, layout):
    x, weight = normal(1, 1, 64, 8, 8), normal(2, 64, 1, 3, 3)
    apart = np.zeros((1, 64, 8, 9), np.float32)  # the same with a gap behind each row
    apart[..., :8] = x
    expected = convpool.conv2d(apart[..., :8], weight, groups=64, **window)
    if layout == "NHWC":
        x, expected = x.transpose(0, 2, 3, 1).copy(), expected.transpose(0, 2, 3, 1)
    tracemalloc.start()
    try:
        y = convpool.conv2d(x, weight, groups=64, layout=layout, num_threads=1, **window)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert_same_bits(y, expected)


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1)])
@pytest.mark.parametrize("image", [(1, 1), (1, 9), (2, 3), (9, 1), (3, 17), (6, 40), (33, 70)])
def test_nothing_counts_that_lies_beside_a_row(image, size, stride, multiplier):
    """Rows may be read beyond their ends, and those of few channels beyond the array's."""
    height, width = image
    around = np.full((2, 5, height + 2, width + 5), np.nan, np.float32)
    x, weight, bias = operands(5, image, (size, size), multiplier)
    arguments = {"stride": stride, "padding": size // 2 + 1, "groups": 5}
    around[:, :, 1:-1, 2:-3] = x
    assert_right(x, weight, bias, **arguments)
    expected = convpool.conv2d(x, weight, bias, **arguments)
    window = around[:, :, 1:-1, 2:-3]
    assert_same_bits(convpool.conv2d(window, weight, bias, **arguments), expected)
    for threads in (2, 5):
        result = convpool.conv2d(window, weight, bias, num_threads=threads, **arguments)
        assert_same_bits(result, expected)


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 2), (7, 1)])
@pytest.mark.parametrize("padding_value", [0, 1.5])
@pytest.mark.parametrize("image", [(1, 1), (2, 3), (7, 7), (33, 70), (700, 70)])
def test_half_precision_sums_are_those_of_single(image, size, stride, padding_value):
    x, weight, bias = operands(5, image, (size, size), dtype=np.float16)
    arguments = {"stride": stride, "padding": size + 1, "groups": 5}
    arguments |= {"padding_mode": "constant", "padding_value": padding_value}
    single = [array.astype(np.float32) for array in (x, weight, bias)]
    expected = convpool.conv2d(*single, **arguments).astype(np.float16)
    for threads in (1, 2, 5):
        result = convpool.conv2d(x, weight, bias, num_threads=threads, **arguments)
        assert_same_bits(result, expected)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("multiplier", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3, 16, 40, 130])
def test_channel_multiplier(channels, multiplier, layout):
    x, weight, bias = operands(channels, (11, 13), (3, 3), multiplier, layout)
    assert_right(x, weight, bias, padding=1, groups=channels, layout=layout)


@pytest.mark.parametrize("channels", [1, 2, 5, 7, 8, 9, 15, 16, 17, 31, 64, 65, 127, 200])
def test_lanes_that_fill_no_vector(channels):
    x, weight, bias = operands(channels, (9, 10), (3, 3), layout="NHWC")
    assert_right(x, weight, bias, padding=1, groups=channels, layout="NHWC")


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mode", ["zeros", "constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
def test_borders(stride, mode, layout):
    x, weight, bias = operands(24, (21, 23), (5, 5), layout=layout)
    value = {"padding_value": 2.5} if mode == "constant" else {}
    assert_right(
        x, weight, bias, stride=stride, padding=[(2, 3), (4, 1)], padding_mode=mode, groups=24,
        layout=layout, **value,
    )  # fmt: skip


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dilation", [2, 3, (1, 4)])
@pytest.mark.parametrize("stride", [1, 2])
def test_dilation(stride, dilation, layout):
    x, weight, bias = operands(20, (25, 26), (3, 3), layout=layout)
    assert_right(
        x, weight, bias, stride=stride, dilation=dilation, padding=3, groups=20, layout=layout
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("activation", [None, "relu", "relu6", ("hardtanh", (-0.5, 0.25)), "silu"])
def test_activation_and_type(activation, dtype, layout):
    x, weight, bias = operands(33, (10, 15), (3, 3), layout=layout, dtype=dtype)
    arguments = {"padding": 1, "groups": 33, "layout": layout, "activation": activation}
    assert_right(x, weight, bias, **arguments)
    assert_right(x, weight, **arguments)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_residual(activation, layout):
    x, weight, bias = operands(20, (12, 13), (3, 3), layout=layout)
    arguments = {"padding": 1, "groups": 20, "layout": layout, "activation": activation}
    assert_right(x, weight, bias, residual=normal(4, *x.shape), **arguments)
    # In place: each element of out is read before it is written, and once.
    residual = normal(4, *x.shape)
    expected = convpool.conv2d(x, weight, bias, residual=residual, **arguments)
    convpool.conv2d(x, weight, bias, residual=residual, out=residual, num_threads=3, **arguments)
    assert_same_bits(residual, expected)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("activation", [None, "relu6", "silu"])
@pytest.mark.parametrize("window", [np.s_[:, :, :, ::2], np.s_[:, 1:-1, 1:-1, 1:-1]])
def test_out_with_gaps(window, activation, layout):
    """Nothing is written beside `out`, not even for a moment."""
    x, weight, bias = operands(10, (10, 10), (3, 3), layout=layout)
    arguments = {"padding": 1, "groups": 10, "layout": layout, "activation": activation}
    expected = convpool.conv2d(x, weight, bias, **arguments)
    shape = (2, 10, 10, 20) if window[3] == np.s_[::2] else (2, 12, 12, 12)
    around = np.full(shape, 7, np.float32)
    convpool.conv2d(x, weight, bias, out=around[window], **arguments)
    assert_same_bits(np.ascontiguousarray(around[window]), expected)
    beside = np.ones(shape, bool)
    beside[window] = False
    assert (around[beside] == 7).all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("size", "stride"), SHAPES)
def test_same_bits_as_a_packed_product(size, stride, layout):
    """A channel more that is all zero takes a convolution out of the stencils, not out of its
    order of sums."""
    x, weight, bias = operands(6, (19, 21), (size, size), layout=layout)
    axis = 3 if layout == "NHWC" else 1
    wider = np.stack([x, np.zeros_like(x)], axis + 1)
    wider = wider.reshape(*x.shape[:axis], 12, *x.shape[axis + 1 :])
    arguments = {"stride": stride, "padding": 1, "groups": 6, "layout": layout}
    expected = convpool.conv2d(
        wider, np.concatenate([weight, np.zeros_like(weight)], 1), bias, algorithm="direct",
        **arguments,
    )  # fmt: skip
    assert_same_bits(convpool.conv2d(x, weight, bias, **arguments), expected)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_any_number_of_threads(layout):
    """Blocks that end in a remainder, taken in any order, on patches used before."""
    for image, channels, stride in (((50, 53), 37, 1), ((9, 64), 71, 2), ((131, 40), 16, 1)):
        x, weight, bias = operands(channels, image, (5, 4), layout=layout, batch=3)
        arguments = {
            "stride": stride, "padding": [(4, 1), (1, 2)], "groups": channels, "layout": layout
        }  # fmt: skip
        expected = convpool.conv2d(x, weight, bias, num_threads=1, **arguments)
        for threads in (2, 3, 8):
            for _ in range(5):
                result = convpool.conv2d(x, weight, bias, num_threads=threads, **arguments)
                assert_same_bits(result, expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("padding_mode", "padding"), [("zeros", 1), ("reflect", (2, 1))])
@pytest.mark.parametrize(
    ("channels", "image", "multiplier", "dtype"),
    [
        (150, (43, 45), 1, np.float32),
        (70, (64, 61), 2, np.float32),
        (97, (52, 53), 1, np.float64),
        (130, (9, 10), 1, np.float16),
        (70, (7, 30), 3, np.float16),
        (1030, (6, 7), 1, np.float16),
    ],
)
def test_channels_all_at_once(channels, image, multiplier, dtype, padding_mode, padding, stride):
    """Large images with channels last, and those that are staged in another type."""
    x, weight, bias = operands(
        channels, image, (3, 3), multiplier, layout="NHWC", batch=1, dtype=dtype
    )
    arguments = {
        "stride": stride, "padding": padding, "padding_mode": padding_mode, "groups": channels,
        "layout": "NHWC",
    }  # fmt: skip
    assert_right(x, weight, bias, **arguments)
    expected = convpool.conv2d(x, weight, bias, num_threads=1, **arguments)
    for threads in (2, 5):
        result = convpool.conv2d(x, weight, bias, num_threads=threads, **arguments)
        assert_same_bits(result, expected)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_border_meets_infinite_weights(layout):
    """0 times infinity is NaN, at the border as elsewhere."""
    x, weight, _ = operands(17, (8, 9), (3, 3), layout=layout)
    weight[:, :, 0, 0] = np.inf
    result = convpool.conv2d(x, weight, padding=1, groups=17, layout=layout)
    first = result[:, 0] if layout == "NHWC" else result[:, :, 0]
    assert np.isnan(first).all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_one_kernel_for_all_channels(layout):
    x, weight, bias = operands(12, (10, 11), (3, 3), layout=layout)
    weight = np.broadcast_to(weight[:1], weight.shape)
    for stride in (1, 2):
        for added in (None, bias):
            assert_right(x, weight, added, stride=stride, padding=1, groups=12, layout=layout)


@pytest.mark.parametrize("spatial", [1, 3])
@pytest.mark.parametrize("last", [False, True])
def test_signals_and_volumes(spatial, last):
    image, kernel = (9, 10, 11)[-spatial:], (3, 3, 5)[-spatial:]
    x = normal(1, 2, *image, 18) if last else normal(1, 2, 18, *image)
    layout = "N" + "DHW"[3 - spatial :] + "C" if last else "NC" + "DHW"[3 - spatial :]
    weight, bias = normal(2, 18, 1, *kernel), normal(3, 18)
    assert_right(x, weight, bias, padding=1, groups=18, layout=layout)
