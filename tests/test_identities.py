"""Identities that hold to the last bit on small integers, and SciPy where it does the same."""

import numpy as np
import pytest
from scipy import ndimage, signal

import convpool
from reference import (
    assert_close,
    assert_convolves,
    assert_filters,
    assert_same_bits,
    sum_error,
    to_image,
)

FLOATS = [np.float16, np.float32, np.float64]
RNG = np.random.default_rng


def integers(seed, *shape, dtype=np.float32, largest=4):
    """Whole numbers so small that every sum of their products is exact, in any order."""
    return RNG(seed).integers(-largest, largest + 1, shape).astype(dtype)


KERNELS = [(1, 1), (3, 3), (2, 2), (4, 3), (1, 5), (5, 5)]


# Convolution


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_linear_in_the_input_and_in_the_weight(layout):
    x, y = integers(1, 2, 6, 8, 6), integers(2, 2, 6, 8, 6)
    v, w = integers(3, 5, 6, 3, 3), integers(4, 5, 6, 3, 3)

    def convolve(x, w):
        return convpool.conv2d(x, w, padding=1, layout=layout)

    assert_same_bits(convolve(2 * x - 3 * y, w), 2 * convolve(x, w) - 3 * convolve(y, w))
    assert_same_bits(convolve(x, 2 * v - 3 * w), 2 * convolve(x, v) - 3 * convolve(x, w))


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (3, 5), (-2, 4)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_shift_equivariant(shift, depthwise):
    """With circular padding, convolving a shifted image is shifting the convolved one."""
    x, groups = integers(1, 2, 3, 11, 9), 3 if depthwise else 1
    w = integers(2, 6, 3 // groups, 3, 4)

    def convolve(x):
        return convpool.conv2d(x, w, padding="same", padding_mode="circular", groups=groups)

    rolled = np.roll(convolve(x), shift, (2, 3))
    assert_same_bits(convolve(np.roll(x, shift, (2, 3))), rolled)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_impulse_response_is_the_kernel(kernel, dtype):
    """flip=True writes the kernel where the impulse is; without, mirrored. No rounding at all."""
    weight = RNG(1).standard_normal((1, 1, *kernel)).astype(dtype)
    impulse = np.zeros((1, 1, 9, 9), dtype)
    impulse[..., 4, 4] = 1
    full = tuple((k - 1, k - 1) for k in kernel)
    expected = np.zeros((9 + kernel[0] - 1, 9 + kernel[1] - 1), dtype)
    expected[4 : 4 + kernel[0], 4 : 4 + kernel[1]] = weight[0, 0]
    assert_same_bits(convpool.conv2d(impulse, weight, padding=full, flip=True)[0, 0], expected)
    expected[4 : 4 + kernel[0], 4 : 4 + kernel[1]] = weight[0, 0, ::-1, ::-1]
    assert_same_bits(convpool.conv2d(impulse, weight, padding=full)[0, 0], expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_of_one_pixel_copies(dtype):
    x = RNG(1).standard_normal((2, 3, 9, 10)).astype(dtype)
    weight = np.eye(3, dtype=dtype)[:, :, None, None]
    np.testing.assert_array_equal(convpool.conv2d(x, weight), x, strict=True)
    offset = np.zeros((3, 1, 3, 3), dtype)
    offset[:, :, 0, 2] = 1
    y = convpool.conv2d(x, offset, groups=3)
    np.testing.assert_array_equal(y, x[:, :, :7, 2:], strict=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (3, 7), (300, 40), (64, 97)])
def test_1x1_is_a_matrix_product(channels, outputs, dtype):
    x = integers(1, 2, channels, 5, 6, dtype=dtype, largest=1)
    weight = integers(2, outputs, channels, dtype=dtype, largest=1)
    expected = (weight @ x.reshape(2, channels, 30)).reshape(2, outputs, 5, 6)
    np.testing.assert_array_equal(convpool.conv2d(x, weight[:, :, None, None]), expected)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(convpool.linear(last, weight), np.moveaxis(expected, 1, -1))


def test_groups_are_convolutions_side_by_side():
    x, weight = integers(1, 2, 6, 7, 7), integers(2, 9, 2, 3, 3)
    parts = [convpool.conv2d(x[:, 2 * g : 2 * g + 2], weight[3 * g : 3 * g + 3]) for g in range(3)]
    assert_same_bits(convpool.conv2d(x, weight, groups=3), np.concatenate(parts, 1))


def test_a_stride_takes_every_other_output():
    x, weight = integers(1, 2, 3, 12, 13), integers(2, 4, 3, 3, 3)
    assert_same_bits(
        convpool.conv2d(x, weight, stride=(2, 3)),
        np.ascontiguousarray(convpool.conv2d(x, weight)[:, :, ::2, ::3]),
    )


def test_a_dilated_kernel_is_one_with_zeros_between():
    x, weight = integers(1, 2, 3, 12, 13), integers(2, 4, 3, 3, 2)
    spread = np.zeros((4, 3, 5, 4), np.float32)
    spread[:, :, ::2, ::3] = weight
    assert_same_bits(convpool.conv2d(x, weight, dilation=(2, 3)), convpool.conv2d(x, spread))


def test_conv2d_is_conv1d_over_rows_and_conv3d_of_one_plane():
    x, weight = integers(1, 2, 3, 1, 20), integers(2, 4, 3, 1, 5)
    y = convpool.conv2d(x, weight, stride=(1, 2), padding=(0, 3))
    rows = convpool.conv1d(x[:, :, 0], weight[:, :, 0], stride=2, padding=3)
    assert_same_bits(rows, np.ascontiguousarray(y[:, :, 0]))
    x, weight = integers(1, 2, 3, 8, 9), integers(2, 4, 3, 3, 3)
    planes = convpool.conv3d(x[:, :, None], weight[:, :, None], padding=(0, 1, 1))
    assert_same_bits(planes[:, :, 0].copy(), convpool.conv2d(x, weight, padding=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("mode", ["valid", "full", "same"])
def test_scipy_signal(mode, kernel, dtype):
    """flip=True is signal.convolve2d, flip=False signal.correlate2d."""
    x, w = integers(1, 9, 10, dtype=dtype), integers(2, *kernel, dtype=dtype)
    full = tuple(k - 1 for k in kernel)
    # The odd pixel of padding for an even kernel is before with convolve2d, after with correlate2d.
    for flip, theirs, same in (
        (True, signal.convolve2d, "same_lower"),
        (False, signal.correlate2d, "same"),
    ):
        padding = {"valid": "valid", "same": same, "full": full}[mode]
        y = convpool.conv2d(x[None], w[None, None], flip=flip, padding=padding)
        np.testing.assert_array_equal(y[0], theirs(x, w, mode), strict=True)


@pytest.mark.parametrize("kernel", [(3, 3), (4, 5)], ids=str)
def test_scipy_signal_on_real_numbers(kernel):
    """Both are direct sums, so each is within the bound of the definition."""
    x, w = RNG(1).standard_normal((1, 1, 20, 21)), RNG(2).standard_normal((1, 1, *kernel))
    for flip, theirs in (True, signal.convolve2d), (False, signal.correlate2d):
        assert_convolves(convpool.conv2d(x, w, flip=flip), x, w, flip=flip)
        assert_convolves(theirs(x[0, 0], w[0, 0], "valid")[None, None], x, w, flip=flip)


# filter2d

SCIPY_MODES = {
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
    "constant": "constant",
    "zeros": "constant",
}
FILTERS = [*KERNELS, (2, 7), (6, 6), (9, 9), (1, 31), (20, 3)]


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("kernel", FILTERS, ids=str)
@pytest.mark.parametrize("mode", SCIPY_MODES)
def test_scipy_ndimage(mode, kernel, flip):
    """Output pixel i uses input i + k - size // 2; borders go on however large the kernel is."""
    image, taps = integers(1, 8, 6, dtype=np.float64), integers(2, *kernel, dtype=np.float64)
    theirs = ndimage.convolve if flip else ndimage.correlate
    value = 3 if mode == "constant" else 0
    expected = theirs(image, taps, mode=SCIPY_MODES[mode], cval=value)
    for dtype in (np.float32, np.float64):
        y = convpool.filter2d(
            image.astype(dtype), taps, padding_mode=mode, padding_value=value, flip=flip
        )
        np.testing.assert_array_equal(y, expected.astype(dtype), strict=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", SCIPY_MODES)
def test_integer_images_are_rounded_half_to_even_and_saturated(mode, dtype):
    """Quarters are exact in float64, and halves among the sums are frequent."""
    largest = np.iinfo(dtype).max
    image = RNG(1).integers(0, largest, (30, 20), dtype, endpoint=True)
    taps = RNG(2).integers(-3, 4, (3, 4)) / 4
    exact = ndimage.correlate(image.astype(np.float64), taps, mode=SCIPY_MODES[mode])
    y = convpool.filter2d(image, taps, padding_mode=mode)
    np.testing.assert_array_equal(y, to_image(exact, dtype), strict=True)
    assert {0, largest} <= set(y.ravel().tolist())  # both ends were reached
    assert (exact % 1 == 0.5).any()


def test_halves_go_to_the_even_number():
    image = np.arange(8, dtype=np.uint8)[None]
    y = convpool.filter2d(image, [[0.5]])
    assert y.ravel().tolist() == [0, 0, 1, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_each_channel_is_filtered_alike(dtype):
    image = RNG(1).integers(0, 200, (12, 13, 3)).astype(dtype)
    taps = RNG(2).standard_normal((3, 3))
    y = convpool.filter2d(image, taps)
    assert_filters(y, image, taps)
    for channel in range(3):
        alone = convpool.filter2d(image[..., channel], taps)
        assert_same_bits(np.ascontiguousarray(y[..., channel]), alone)


@pytest.mark.parametrize("taps_type", [np.int64, np.uint8, np.bool_, np.float16, np.float32, list])
def test_kernels_of_any_real_type(taps_type):
    taps = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    image = RNG(1).integers(0, 255, (7, 8), np.uint8)
    given = taps if taps_type is list else np.array(taps, taps_type)
    expected = ndimage.correlate(image.astype(np.float64), np.array(taps), mode="mirror")
    np.testing.assert_array_equal(convpool.filter2d(image, given), to_image(expected, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (1, 1, 4)], ids=str)
@pytest.mark.parametrize("mode", SCIPY_MODES)
def test_images_smaller_than_the_kernel(shape, mode):
    image = RNG(1).integers(0, 255, shape, np.uint8)
    taps = RNG(2).integers(-3, 4, (5, 6)) / 8
    assert_filters(convpool.filter2d(image, taps, padding_mode=mode), image, taps,
                   padding_mode=mode)  # fmt: skip


@pytest.mark.parametrize("shape", [(300, 70), (3, 4500), (64, 65, 3), (33, 20, 70)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_photograph_sizes(shape, dtype):
    image = RNG(1).integers(0, 255, shape).astype(dtype)
    taps = RNG(2).standard_normal((5, 5))

    def correlate(taps):
        taps = taps.reshape(5, 5, *[1] * (image.ndim - 2))
        return ndimage.correlate(image.astype(np.float64), taps, mode="mirror")

    y, expected, magnitude = convpool.filter2d(image, taps), correlate(taps), correlate(abs(taps))
    if dtype == np.uint8:
        error = sum_error(26, magnitude, np.dtype(np.float64))
        assert (y >= to_image(expected - error, dtype)).all()
        assert (y <= to_image(expected + error, dtype)).all()
    else:
        assert_close(y, expected, sum_error(26, magnitude, image.dtype), dtype)
