"""filter2d: the ways in which it may sum, each against sums in float64.

Which way is taken depends on the kernel, the size and the type; none may show in integers, and
in real numbers none may show beyond its bound.
"""

import math

import numpy as np
import pytest

import convpool
from convpool import filtering
from reference import (
    MEMORY,
    WRITEABLE_MEMORY,
    assert_close,
    assert_filters,
    assert_same_bits,
    filter2d,
    gamma,
    to_image,
)

MODES = ["reflect", "constant", "replicate", "circular"]
INTEGERS = [np.uint8, np.uint16]
REALS = [np.float32, np.float64]
SHAPES = [(3, 3), (4, 2), (5, 5), (6, 9), (12, 7), (13, 13), (1, 31), (31, 1), (24, 3), (31, 31)]


def rng(seed):
    return np.random.default_rng(seed)


def pixels(seed, shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng(seed).standard_normal(shape).astype(dtype)
    return rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def hill(size):
    """Taps of one row of a separable kernel, with no power of two about them."""
    taps = np.exp(-((np.arange(size) - size // 2) ** 2) / (0.3 * size**1.5))
    return taps / taps.sum()


KERNELS = {
    # Multiples of 1/64: exact in float32, or at least in float64.
    "dyadic": lambda shape: rng(3).integers(-9, 10, shape) / 64,
    "any": lambda shape: rng(4).standard_normal(shape) / math.sqrt(math.prod(shape)),
    "mean": lambda shape: np.full(shape, 1 / math.prod(shape)),
    "separable": lambda shape: np.outer(hill(shape[0]), hill(shape[1])),
    "dyadic separable": lambda shape: (
        np.outer(rng(5).integers(-3, 4, shape[0]), rng(6).integers(-3, 4, shape[1])) / 32
    ),
    "single precision": lambda shape: np.outer(hill(shape[0]), hill(shape[1])).astype(np.float32),
    "large": lambda shape: rng(7).standard_normal(shape) * 1e6,
    "small": lambda shape: rng(8).standard_normal(shape) * 1e-6,
    "uneven": lambda shape: rng(9).standard_normal(shape) * 10.0 ** rng(10).integers(-9, 1, shape),
}


def assert_real(actual, image, kernel, **arguments):
    """Within the bound that filter2d states, relative to the largest pixel."""
    expected = filter2d(image, kernel, **arguments)
    largest = max(abs(image).max(), abs(arguments.get("padding_value", 0)))
    unit = 2.0**-24 if image.dtype == np.float32 else 2.0**-53
    terms = kernel.size + sum(kernel.shape) + 8
    error = 3 * gamma(terms, unit) * np.abs(np.asarray(kernel, np.float64)).sum() * largest
    assert_close(actual, expected, np.full(expected.shape, error), image.dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype, name, shape):
    image, kernel = pixels(1, (37, 45), dtype), KERNELS[name](shape)
    y = convpool.filter2d(image, kernel)
    assert_filters(y, image, kernel)
    if name.startswith("dyadic"):
        np.testing.assert_array_equal(y, to_image(filter2d(image, kernel), dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [name for name in KERNELS if name != "large"])
@pytest.mark.parametrize("dtype", REALS)
def test_real_numbers(dtype, name, shape):
    image, kernel = pixels(1, (37, 45), dtype), KERNELS[name](shape)
    assert_real(convpool.filter2d(image, kernel), image, kernel)


@pytest.mark.parametrize("shape", [(3, 3), (5, 5), (9, 2)], ids=str)
@pytest.mark.parametrize("name", KERNELS)
def test_small_kernels_err_by_a_bound_of_each_sum(name, shape):
    """Not only relative to the largest pixel."""
    image = (pixels(1, (20, 30), np.float32) * 10.0 ** rng(2).integers(-9, 9, (20, 30))).astype("f")
    kernel = KERNELS[name](shape)
    assert_filters(convpool.filter2d(image, kernel), image, kernel)


# Sums about halfway between two integers


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("size", [1, 3, 5, 13, 24])
@pytest.mark.parametrize("off", [1e-9, -1e-9])
def test_sums_a_little_off_half(off, size, dtype):
    """No float32 tells these from half; float64 does."""
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 0.5
    kernel[0, size - 1] += off
    image = np.full((30, 70), 101, dtype)
    y = convpool.filter2d(image, kernel)
    np.testing.assert_array_equal(y, np.full_like(image, 51 if off > 0 else 50))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("shape", [(3, 3), (5, 5), (20, 5)], ids=str)
def test_halves_made_of_tenths(shape, dtype):
    """0.1 is a little more than a tenth, so that the float64 sums decide."""
    image = pixels(1, (20, 25), dtype) // 4
    kernel = rng(2).integers(-4, 6, shape) * 0.1
    y = convpool.filter2d(image, kernel)
    assert_filters(y, image, kernel)
    sums = filter2d(image, kernel)
    assert (abs(sums % 1 - 0.5) < 1e-9).mean() > 0.02


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("factors", [([1, 3, 1, 3, 1], [3, 1, 1, 3, 5]), ([3, 5, 7, 5, 3],) * 2])
def test_halves_of_separable_kernels(factors, dtype):
    """Exact in float64, though the factors need not be."""
    kernel = np.outer(*factors) / 256
    image = pixels(1, (40, 33), dtype)
    y = convpool.filter2d(image, kernel)
    exact = filter2d(image, kernel)
    np.testing.assert_array_equal(y, to_image(exact, dtype))
    assert (exact % 1 == 0.5).any()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4, 5])
def test_bytes_in_integers(channels, shape, monkeypatch):
    """Whatever the size, and where more digits decide and where they do not."""
    image = pixels(1, (40, 90, channels), np.uint8)
    image[:, 30:60] //= 128
    image[:, 30:60] *= 255
    for name in KERNELS:
        kernel = KERNELS[name](shape)
        whole = filtering._whole_taps(kernel)
        if whole is None or whole.doubt >= 0.5:
            continue
        sums = filtering._paired_sums(whole)
        monkeypatch.setattr(filtering, "_sums", lambda *_, sums=sums: sums)
        for mode in ("reflect", "constant"):
            arguments = {"padding_mode": mode, "padding_value": 7 * (mode == "constant")}
            assert_filters(
                convpool.filter2d(image, kernel, **arguments), image, kernel, **arguments
            )


# Kernels that are almost separable are not


@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
@pytest.mark.parametrize("change", [1e-3, 1e-9, 1e-13])
def test_one_tap_breaks_a_separable_kernel(change, dtype):
    kernel = np.outer(hill(7), hill(7)) * 64
    kernel[2, 5] *= 1 + change
    image = pixels(1, (21, 22), dtype)
    assert_filters(convpool.filter2d(image, kernel), image, kernel)


@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
def test_rows_and_columns_of_zeros(dtype):
    for zero in (np.s_[2], np.s_[:, 3], np.s_[:], np.s_[1:, 1:], np.s_[0:6, 0]):
        kernel = np.outer(hill(7), hill(6))
        kernel[zero] = 0
        image = pixels(1, (21, 22), dtype)
        assert_filters(convpool.filter2d(image, kernel), image, kernel)


def test_sums_along_rows_overflow_no_sooner():
    image = np.full((9, 30), 3e38, np.float32)
    y = convpool.filter2d(image, np.full((5, 5), 1 / 25))
    np.testing.assert_allclose(y, image, rtol=1e-5)


def test_taps_far_apart_in_size():
    """As factors the smallest would underflow in float32; as taps they do not."""
    kernel = np.outer(hill(7), [1e-50, 1e-21, 1, 1, 1, 1e-21, 1e-50]) * 1e30
    image = np.zeros((15, 15), np.float32)
    image[:, 7] = 1
    assert_filters(convpool.filter2d(image, kernel), image, kernel)


# Borders, sizes and memory


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(3, 3), (4, 6), (9, 8), (22, 3)], ids=str)
@pytest.mark.parametrize("size", [(1, 1), (5, 150), (18, 160, 1), (17, 60, 3), (6, 5, 67)], ids=str)
def test_borders(size, shape, dtype, flip, mode):
    """Wide images are read where they lie, except at the edges; 65 channels are cut."""
    image = pixels(1, size, dtype)
    value = 7 if mode == "constant" else 0
    for name in ("any", "separable"):
        kernel = KERNELS[name](shape)
        arguments = {"padding_mode": mode, "flip": flip, "padding_value": value}
        y = convpool.filter2d(image, kernel, **arguments)
        if dtype == np.uint8:
            assert_filters(y, image, kernel, **arguments)
        else:
            assert_real(y, image, kernel, **arguments)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("value", [0.3, -5, 1e9, 255, 65535.5])
def test_constants_that_are_no_pixels(value, dtype):
    image, kernel = pixels(1, (9, 11), dtype), KERNELS["any"]((5, 5))
    y = convpool.filter2d(image, kernel, padding_mode="constant", padding_value=value)
    assert_filters(y, image, kernel, padding_mode="constant", padding_value=value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_the_outputs_it_touches(value):
    image = np.ones((12, 140), np.float32)
    y = convpool.filter2d(image, np.ones((3, 3)), padding_mode="constant", padding_value=value)
    touched = np.ones(image.shape, bool)
    touched[1:-1, 1:-1] = False
    np.testing.assert_array_equal(y, np.where(touched, np.float32(value), np.float32(9)))
    for dtype in INTEGERS:
        y = convpool.filter2d(
            image.astype(dtype), np.ones((3, 3)), padding_mode="constant", padding_value=value
        )
        top = np.iinfo(dtype).max if value == np.inf else 0
        np.testing.assert_array_equal(y, np.where(touched, top, 9))
        kernel = np.zeros((3, 3))
        kernel[1, 1] = value
        y = convpool.filter2d(image.astype(dtype), kernel)
        np.testing.assert_array_equal(y, np.full_like(y, top))


@pytest.mark.parametrize("form", MEMORY)
@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
def test_memory_of_the_image(dtype, form):
    image = pixels(1, (23, 70, 3), dtype)
    for shape in ((3, 3), (21, 4)):
        for name in ("any", "separable"):
            kernel = KERNELS[name](shape)
            expected = convpool.filter2d(image, kernel)
            assert_same_bits(convpool.filter2d(MEMORY[form](image), kernel), expected)


@pytest.mark.parametrize("form", WRITEABLE_MEMORY)
@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
def test_memory_of_out(dtype, form):
    image = pixels(1, (23, 70, 3), dtype)
    for shape in ((3, 3), (21, 4)):
        out = WRITEABLE_MEMORY[form](np.zeros_like(image))
        kernel = KERNELS["any"](shape)
        assert convpool.filter2d(image, kernel, out=out) is out
        np.testing.assert_array_equal(out, convpool.filter2d(image, kernel))


def test_nothing_is_written_around_out():
    for dtype in (*INTEGERS, *REALS):
        for shape in ((3, 3), (5, 5), (21, 4)):
            space = np.full((25, 100, 3), 77, dtype)
            image = pixels(1, (21, 61, 3), dtype)
            convpool.filter2d(image, KERNELS["any"](shape), out=space[2:23, 5:66])
            space[2:23, 5:66] = 77
            assert (space == 77).all()


@pytest.mark.parametrize("dtype", [*INTEGERS, *REALS])
@pytest.mark.parametrize("shape", [(3, 3), (5, 5), (13, 13), (31, 5)], ids=str)
def test_threads_and_surroundings_leave_the_bits(shape, dtype):
    image = pixels(1, (301, 150), dtype)
    for name in ("any", "separable"):
        kernel = KERNELS[name](shape)
        expected = convpool.filter2d(image, kernel, num_threads=1)
        for threads in (2, 3, 7):
            assert_same_bits(convpool.filter2d(image, kernel, num_threads=threads), expected)


@pytest.mark.parametrize("channels", [1, 2, 4, 64, 65, 130])
def test_any_number_of_channels(channels):
    image = pixels(1, (20, 9, channels), np.float32)
    for shape in ((3, 3), (20, 4)):
        kernel = KERNELS["any"](shape)
        y = convpool.filter2d(image, kernel)
        for channel in (0, channels // 2, channels - 1):
            alone = convpool.filter2d(image[..., channel], kernel)
            assert_same_bits(np.ascontiguousarray(y[..., channel]), alone)
