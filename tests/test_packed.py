"""A packed weight gives the bits of the plain call, whatever happens to what it was made from."""

import tracemalloc

import numpy as np
import pytest

import convpool

CASES = {
    "plain": ((1, 19, 9, 8), (13, 19, 3, 3), {"padding": 1}),
    "long sums": ((2, 200, 7, 7), (40, 200, 3, 3), {"stride": 2, "activation": "relu"}),
    "winograd": ((1, 32, 17, 20), (24, 32, 3, 3), {"padding": 1, "flip": True}),
    "winograd 5x5": ((1, 32, 17, 20), (24, 32, 5, 5), {"padding": 2}),
    "1x1": ((1, 64, 14, 14), (96, 64, 1, 1), {}),
    "few pixels": ((1, 300, 5, 3), (101, 300, 3, 3), {"stride": 2, "padding": 1}),
    "one pixel": ((3, 700, 1, 1), (119, 700, 1, 1), {}),
    "one pixel of groups": ((1, 1100, 1, 1), (130, 550, 1, 1), {"groups": 2}),
    "groups": ((1, 12, 9, 8), (8, 3, 3, 2), {"groups": 4, "padding": ((0, 1), (2, 0))}),
    "depthwise": ((1, 12, 9, 8), (12, 1, 3, 3), {"groups": 12, "dilation": 2}),
    "depthwise, flipped": ((1, 12, 9, 8), (12, 1, 3, 2), {"groups": 12, "flip": True}),
    "flipped": ((1, 5, 9, 8), (7, 5, 3, 2), {"flip": True, "padding": "same"}),
}


def normal(seed, shape, dtype):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("case", CASES)
def test_bits_of_the_plain_call(case, layout, dtype):
    shape, weight_shape, arguments = CASES[case]
    x, weight = normal(1, shape, dtype), normal(2, weight_shape, dtype)
    bias = normal(3, weight_shape[:1], dtype)
    if layout == "NHWC":
        x = x.transpose(0, 2, 3, 1)
    expected = convpool.conv2d(x, weight, bias, layout=layout, **arguments)
    packed = convpool.pack_weight(weight, bias, layout=layout, **arguments)
    for threads in (1, 2, 3):
        again = convpool.conv2d(x, weight, bias, layout=layout, num_threads=threads, **arguments)
        np.testing.assert_array_equal(again, expected)
    weight[...] = bias[...] = np.nan  # the packed one holds copies
    for _ in range(2):
        np.testing.assert_array_equal(convpool.conv2d(x, packed), expected)
    np.testing.assert_array_equal(convpool.conv2d(x, packed, layout=layout, **arguments), expected)
    assert packed.shape == weight_shape
    assert packed.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("outputs", "kernel", "algorithm"), [(16, 1, "auto"), (80, 3, "auto"), (80, 3, "direct")]
)
def test_images_that_want_the_weight_otherwise(outputs, kernel, algorithm, flip, groups, dtype):
    """Large and small images, one row, points that lie far apart, again and again."""
    weight = normal(1, (outputs, 300 // groups, kernel, kernel), dtype)
    packed = convpool.pack_weight(weight, groups=groups, flip=flip, algorithm=algorithm)
    images = [normal(2, (1, 300, *size), dtype) for size in ((3, 3), (16, 16), (9, 11))]
    images += [images[1][:, :, ::2, ::-2], images[0]]
    for x in images:
        expected = convpool.conv2d(x, weight, groups=groups, flip=flip, algorithm=algorithm)
        np.testing.assert_array_equal(convpool.conv2d(x, packed), expected)


@pytest.mark.parametrize("groups", [1, 2, 300])
def test_images_that_meet_other_parts_of_the_taps(groups):
    """The whole kernel, its middle, its centre alone, again and again."""
    weight = normal(1, (300, 300 // groups, 5, 5), np.float32)
    packed = convpool.pack_weight(weight, groups=groups, padding=2)
    for size in ((9, 9), (2, 2), (1, 1), (1, 9), (2, 2), (9, 9), (1, 1)):
        x = normal(2, (1, 300, *size), np.float32)
        expected = convpool.conv2d(x, weight, groups=groups, padding=2)
        np.testing.assert_array_equal(convpool.conv2d(x, packed), expected)


def test_a_weight_is_kept_once():
    """In strips alone, where these hold all of it."""
    weight = normal(1, (1024, 1024, 1, 1), np.float32)
    tracemalloc.start()
    try:
        packed = convpool.pack_weight(weight)
        for size in (1, 64):
            convpool.conv2d(np.ones((1, 1024, size, 1), np.float32), packed)
            assert (
                tracemalloc.get_traced_memory()[0] < (1 if size == 1 else 2) * 1.1 * weight.nbytes
            )
    finally:
        tracemalloc.stop()


def test_a_part_of_the_taps_is_kept_without_the_rest():
    weight = normal(1, (256, 256, 5, 5), np.float32)
    tracemalloc.start()
    try:
        packed = convpool.pack_weight(weight, padding=2, algorithm="direct")
        for _ in range(2):
            convpool.conv2d(np.ones((1, 256, 1, 1), np.float32), packed)
            # The one tap as it is, and in strips.
            assert tracemalloc.get_traced_memory()[0] < (1.1 + 3 / 25) * weight.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("spatial", [1, 3])
def test_other_dimensions(spatial):
    x, weight = (
        normal(1, (2, 6, *(8, 7, 5)[:spatial]), "f"),
        normal(2, (9, 6, *(3,) * spatial), "f"),
    )
    convolve = getattr(convpool, f"conv{spatial}d")
    packed = convpool.pack_weight(weight, padding=1)
    np.testing.assert_array_equal(convolve(x, packed), convolve(x, weight, padding=1))
    with pytest.raises(ValueError, match="weight"):
        convpool.conv2d(np.ones((1, 6, 5, 5), "f"), packed)


def test_a_call_may_add_what_belongs_to_it():
    x, weight = normal(1, (1, 6, 8, 7), "f"), normal(2, (9, 6, 3, 3), "f")
    residual, out = normal(3, (1, 9, 6, 5), "f"), np.empty((1, 9, 6, 5), "f")
    expected = convpool.conv2d(x, weight, residual=residual)
    packed = convpool.pack_weight(weight)
    assert convpool.conv2d(x, packed, residual=residual, out=out, num_threads=2) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stride", 3),
        ("padding", 2),
        ("padding", "valid"),
        ("dilation", 2),
        ("groups", 3),
        ("padding_mode", "reflect"),
        ("padding_value", 1.0),
        ("flip", True),
        ("activation", "tanh"),
        ("layout", "NHWC"),
        ("algorithm", "direct"),
        ("bias", np.ones(8, "f")),
    ],
)
def test_a_call_may_not_contradict(name, value):
    packed = convpool.pack_weight(np.ones((8, 2, 3, 3), "f"), stride=2, padding=1, groups=2)
    out = np.full((1, 8, 5, 5), 55, "f")
    with pytest.raises(ValueError, match=rf"^{name}: "):
        convpool.conv2d(np.ones((1, 4, 9, 9), "f"), packed, out=out, **{name: value})
    assert (out == 55).all()


@pytest.mark.parametrize(
    ("error", "name", "arguments"),
    [
        (ValueError, "weight", {"weight": np.ones((3, 3), "f")}),
        (ValueError, "weight", {"weight": np.ones((3, 0, 3, 3), "f")}),
        (TypeError, "weight", {"weight": np.ones((3, 2, 3, 3), int)}),
        (TypeError, "bias", {"bias": np.ones(8)}),
        (ValueError, "bias", {"bias": np.ones(7, "f")}),
        (ValueError, "groups", {"groups": 3}),
        (ValueError, "stride", {"stride": 0}),
        (TypeError, "dilation", {"dilation": 1.5}),
        (ValueError, "padding_mode", {"padding_mode": "mirror"}),
        (ValueError, "activation", {"activation": "swish"}),
        (ValueError, "layout", {"layout": "NWC"}),
        (ValueError, "algorithm", {"algorithm": "fast"}),
    ],
)
def test_errors(error, name, arguments):
    with pytest.raises(error, match=rf"^{name}: "):
        convpool.pack_weight(**{"weight": np.ones((8, 2, 3, 3), "f"), **arguments})


def test_types_of_input_and_weight_have_to_agree():
    with pytest.raises(TypeError, match=r"^weight: "):
        convpool.conv2d(np.ones((1, 2, 9, 9)), convpool.pack_weight(np.ones((8, 2, 3, 3), "f")))


def test_a_list_that_holds_itself_is_said_of_no_packed_weight():
    packed, circle = convpool.pack_weight(np.ones((2, 2, 3, 3), np.float32)), [1]
    circle.append(circle)
    with pytest.raises(ValueError, match=r"^stride: got "):
        convpool.conv2d(np.ones((1, 2, 5, 5), np.float32), packed, stride=circle)
