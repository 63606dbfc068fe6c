"""The kernels: what their numbers are, and what they do to a picture."""

import inspect
import math

import numpy as np
import pytest
from scipy import ndimage

import convpool
from convpool import filters

U = 2.0**-53
RNG = np.random.default_rng
# Whole numbers: no sum of the 3x3 kernels' products rounds.
PICTURE = RNG(1).integers(0, 256, (9, 11)).astype(np.float64)
EVEN = np.full((6, 7), 100.0)
# Dark left of a vertical edge, bright right of it.
STEP = np.repeat([[10.0, 10, 10, 90, 90, 90]], 6, axis=0)

MATRICES = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
}
SUMS = {
    "identity": 1,
    "box_blur": 1,
    "gaussian": 1,
    "sharpen": 1,
    "emboss": 1,
    "outline": 0,
    "sobel_x": 0,
    "sobel_y": 0,
    "laplacian": 0,
}
SIZED = ["identity", "box_blur", "gaussian"]
# Alike when mirrored in either axis and when transposed.
EVERY_WAY_ALIKE = ["identity", "box_blur", "gaussian", "sharpen", "outline", "laplacian"]


def looped(picture, kernel):
    """The definition of filter2d with the border mirrored without its edge."""

    def mirrored(position, size):
        position = abs(position)
        return 2 * (size - 1) - position if position >= size else position

    height, width = picture.shape
    result = np.zeros(picture.shape)
    for y, x in np.ndindex(height, width):
        for (v, u), tap in np.ndenumerate(kernel):
            row = mirrored(y + v - kernel.shape[0] // 2, height)
            column = mirrored(x + u - kernel.shape[1] // 2, width)
            result[y, x] += tap * picture[row, column]
    return result


def gamma(terms):
    """The relative error of so many roundings in float64."""
    return terms * U / (1 - terms * U)


def gaussian_error(sigma, size):
    """The relative error of a tap: exponents (four roundings each), exp, the sums, two divisions
    and the product; half for the kernel and half for what it is compared with."""
    largest = ((size - 1) / 2 / sigma) ** 2 / 2
    return 2 * gamma(2 * (4 * largest + 2 + size + 1) + 1)


# Numbers


def test_bank_is_what_the_module_defines():
    functions = {
        name: function
        for name, function in inspect.getmembers(filters, inspect.isfunction)
        if function.__module__ == filters.__name__ and name != "get"
    }
    assert functions == filters.BANK
    assert sorted(filters.BANK) == sorted(SUMS)


@pytest.mark.parametrize("name", SUMS)
def test_type_and_memory(name):
    kernel = filters.get(name)
    assert type(kernel) is np.ndarray
    assert kernel.dtype == np.float64
    assert kernel.ndim == 2
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.flags.c_contiguous and kernel.flags.writeable


@pytest.mark.parametrize("name", SUMS)
def test_each_call_makes_an_array_of_its_own(name):
    first = filters.get(name)
    expected = first.copy()
    first += 1
    np.testing.assert_array_equal(filters.get(name), expected)


@pytest.mark.parametrize("name", MATRICES)
def test_numbers(name):
    np.testing.assert_array_equal(getattr(filters, name)(), np.array(MATRICES[name], float))


@pytest.mark.parametrize("name", SUMS)
def test_sum(name):
    kernel = filters.get(name)
    # A number of the kernel is off by a few roundings, and so is each partial sum, of at most 1.
    assert abs(math.fsum(kernel.flat) - SUMS[name]) <= (
        0 if name in MATRICES else gamma(2 * kernel.size)
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 21])
@pytest.mark.parametrize("name", SIZED)
def test_sum_of_any_size(name, size):
    kernel = filters.get(name, size=size)
    assert kernel.shape == (size, size)
    assert abs(math.fsum(kernel.flat) - 1) <= gamma(2 * size * size)


@pytest.mark.parametrize("size", [3, 4, 7])
@pytest.mark.parametrize("name", EVERY_WAY_ALIKE)
def test_symmetric(name, size):
    if name == "identity" and size % 2 == 0:
        size += 1  # an even size has no middle tap
    kernel = filters.get(name, size=size) if name in SIZED else filters.get(name)
    np.testing.assert_array_equal(kernel, kernel[::-1])
    np.testing.assert_array_equal(kernel, kernel[:, ::-1])
    np.testing.assert_array_equal(kernel, kernel.T)


def test_antisymmetric():
    x, y = filters.sobel_x(), filters.sobel_y()
    np.testing.assert_array_equal(x, -x[:, ::-1])
    np.testing.assert_array_equal(x, x[::-1])
    np.testing.assert_array_equal(y, x.T)
    slope = filters.emboss() - filters.identity()
    np.testing.assert_array_equal(slope, -slope[::-1, ::-1])
    np.testing.assert_array_equal(slope, slope.T)


def test_sharpen_takes_the_laplacian_away():
    np.testing.assert_array_equal(filters.sharpen(), filters.identity() - filters.laplacian())


@pytest.mark.parametrize("size", [1, 2, 3, 6, 9])
def test_box_blur_is_even(size):
    assert np.unique(filters.box_blur(size)).tolist() == [1 / size**2]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_identity_is_one_tap(size):
    kernel = filters.identity(size)
    assert np.argwhere(kernel).tolist() == [[size // 2, size // 2]]
    assert kernel.max() == 1


@pytest.mark.parametrize("size", [np.int64(5), np.uint8(5), np.array(5)[()]])
def test_integers_of_numpy(size):
    for name in SIZED:
        np.testing.assert_array_equal(filters.get(name, size=size), filters.get(name, size=5))


# The Gaussian


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("sigma", [0.5, 1, 1.7, 20.0])
def test_gaussian_is_its_formula(sigma, size):
    middle = (size - 1) / 2
    taps = np.array(
        [
            [
                math.exp(-((i - middle) ** 2 + (j - middle) ** 2) / (2 * sigma * sigma))
                for j in range(size)
            ]
            for i in range(size)
        ]
    )
    taps /= math.fsum(taps.flat)
    error = gaussian_error(sigma, size)
    np.testing.assert_allclose(filters.gaussian(sigma, size), taps, rtol=error, atol=0)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0, 2.5])
def test_gaussian_is_scipys(sigma):
    kernel = filters.gaussian(sigma)
    radius = math.ceil(3 * sigma)
    assert kernel.shape == (2 * radius + 1, 2 * radius + 1)
    dot = np.zeros((2 * radius + 1,) * 2)
    dot[radius, radius] = 1
    expected = ndimage.gaussian_filter(dot, sigma, radius=radius, mode="constant")
    error = gaussian_error(sigma, kernel.shape[0])
    np.testing.assert_allclose(kernel, expected, rtol=error, atol=0)


def test_gaussian_defaults_to_sigma_1():
    np.testing.assert_array_equal(filters.gaussian(), filters.gaussian(sigma=1.0, size=7))


def test_wider_gaussian_is_flatter():
    peaks = [filters.gaussian(sigma, 9)[4, 4] for sigma in (0.3, 1, 3, 1e6)]
    assert peaks == sorted(peaks, reverse=True)
    # So wide that the taps differ by (4 / 1e6)^2 at most.
    np.testing.assert_allclose(filters.gaussian(1e6, 9), 1 / 81, rtol=1.6e-11 + gamma(30))


@pytest.mark.parametrize("sigma", [1e-2, 1e-100, 1e-200, 5e-324])
def test_narrow_gaussian_is_the_identity(sigma):
    np.testing.assert_array_equal(filters.gaussian(sigma), filters.identity())
    np.testing.assert_array_equal(filters.gaussian(sigma, 5), filters.identity(5))
    expected = np.zeros((4, 4))
    expected[1:3, 1:3] = 0.25  # the middle lies between four taps
    np.testing.assert_array_equal(filters.gaussian(sigma, 4), expected)


# What they do to a picture


@pytest.mark.parametrize("name", SUMS)
def test_filters_a_picture_as_the_definition_says(name):
    kernel = filters.get(name)
    y = convpool.filter2d(PICTURE, kernel)
    bound = gamma(2 * kernel.size) * looped(PICTURE, abs(kernel))
    if name in MATRICES:
        np.testing.assert_array_equal(y, looped(PICTURE, np.array(MATRICES[name])))
        np.testing.assert_array_equal(y, ndimage.correlate(PICTURE, kernel, mode="mirror"))
    assert (abs(y - looped(PICTURE, kernel)) <= bound).all()
    assert (abs(y - ndimage.correlate(PICTURE, kernel, mode="mirror")) <= bound).all()


@pytest.mark.parametrize("name", SUMS)
def test_even_area(name):
    y = convpool.filter2d(EVEN, filters.get(name))
    if name in MATRICES:
        np.testing.assert_array_equal(y, SUMS[name] * EVEN)
    else:
        np.testing.assert_allclose(y, EVEN, rtol=gamma(4 * filters.get(name).size), atol=0)
    as_bytes = convpool.filter2d(EVEN.astype(np.uint8), filters.get(name))
    np.testing.assert_array_equal(as_bytes, SUMS[name] * EVEN.astype(np.uint8))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_identity_leaves_the_picture(size):
    for picture in (PICTURE, PICTURE.astype(np.uint8), RNG(2).random((5, 6, 3), np.float32)):
        y = convpool.filter2d(picture, filters.identity(size))
        assert y.dtype == picture.dtype
        np.testing.assert_array_equal(y, picture)


@pytest.mark.parametrize("size", [2, 4])
def test_identity_of_even_size_leaves_the_picture(size):
    np.testing.assert_array_equal(convpool.filter2d(PICTURE, filters.identity(size)), PICTURE)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_box_blur_is_the_mean(size):
    y = convpool.filter2d(PICTURE, filters.box_blur(size))
    before = size // 2
    for row in range(before, PICTURE.shape[0] - size + before + 1):
        for column in range(before, PICTURE.shape[1] - size + before + 1):
            top, left = row - before, column - before
            mean = PICTURE[top : top + size, left : left + size].sum() / size**2
            assert abs(y[row, column] - mean) <= gamma(2 * size**2) * mean


@pytest.mark.parametrize(
    "kernel",
    [filters.box_blur(3), filters.box_blur(9), filters.gaussian(2)],
    ids=["box", "large box", "gaussian"],
)
def test_blur_evens_out(kernel):
    noise = RNG(3).random((40, 40))
    y = convpool.filter2d(noise, kernel, padding_mode="circular")
    # White noise keeps the sum of the squared taps of its variance: 1/9 for the smallest here.
    assert y.std() < noise.std() / 2
    # What is circular loses no brightness.
    assert abs(y.mean() - noise.mean()) <= gamma(2 * kernel.size + 2 * noise.size)


def test_sharpen_overshoots_on_both_sides_of_an_edge():
    y = convpool.filter2d(STEP, filters.sharpen())
    assert y[2].tolist() == [10, 10, -70, 170, 90, 90]


def test_emboss_lights_what_gets_brighter_to_the_lower_right():
    rows, columns = np.indices((7, 8), dtype=float)
    y = convpool.filter2d(3 * columns + 5 * rows, filters.emboss())
    # A slope of a along rows and b along columns adds 6 a + 6 b.
    inner = np.s_[1:-1, 1:-1]
    np.testing.assert_array_equal(y[inner], (3 * columns + 5 * rows)[inner] + 6 * 3 + 6 * 5)
    assert convpool.filter2d(STEP, filters.emboss())[2].tolist() == [10, 10, 250, 330, 90, 90]


def test_outline_marks_a_dot():
    dot = np.zeros((5, 5))
    dot[2, 2] = 10
    y = convpool.filter2d(dot, filters.outline())
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = -10
    expected[2, 2] = 80
    np.testing.assert_array_equal(y, expected)


def test_sobel_x_finds_vertical_edges_only():
    along = convpool.filter2d(STEP, filters.sobel_x())
    assert along[3].tolist() == [0, 0, 320, 320, 0, 0]  # 80 a row, weighted 1 + 2 + 1
    assert (along == along[0]).all()
    assert not convpool.filter2d(STEP.T, filters.sobel_x()).any()
    assert (convpool.filter2d(-STEP, filters.sobel_x()) == -along).all()


def test_sobel_y_finds_horizontal_edges_only():
    along = convpool.filter2d(STEP.T, filters.sobel_y())
    assert along[:, 3].tolist() == [0, 0, 320, 320, 0, 0]
    assert (along == along[:, :1]).all()
    assert not convpool.filter2d(STEP, filters.sobel_y()).any()


def test_sobel_is_scipys():
    inner = np.s_[1:-1, 1:-1]
    for axis, kernel in ((1, filters.sobel_x()), (0, filters.sobel_y())):
        y = convpool.filter2d(PICTURE, kernel)
        np.testing.assert_array_equal(y[inner], ndimage.sobel(PICTURE, axis)[inner])


def test_laplacian_is_the_sum_of_second_derivatives():
    rows, columns = np.indices((7, 8), dtype=float)
    y = convpool.filter2d(3 * columns**2 + 5 * rows**2 + rows * columns, filters.laplacian())
    np.testing.assert_array_equal(y[1:-1, 1:-1], np.full((5, 6), 2.0 * 3 + 2 * 5))
    expected = ndimage.laplace(PICTURE, mode="mirror")
    np.testing.assert_array_equal(convpool.filter2d(PICTURE, filters.laplacian()), expected)


# By name


@pytest.mark.parametrize("name", SUMS)
def test_get(name):
    np.testing.assert_array_equal(filters.get(name), getattr(filters, name)())


def test_get_passes_arguments_on():
    np.testing.assert_array_equal(filters.get("box_blur", size=5), np.full((5, 5), 1 / 25))
    np.testing.assert_array_equal(
        filters.get("gaussian", sigma=0.5, size=3), filters.gaussian(0.5, 3)
    )


@pytest.mark.parametrize("name", ["swirl", "", "Sobel_x", "get", "sobel", None, 3])
def test_get_lists_the_names_there_are(name):
    with pytest.raises(ValueError) as caught:
        filters.get(name)
    message = str(caught.value)
    assert message.startswith(f"kernel: got {name!r}, expected one of ")
    assert message.partition("one of ")[2].split(", ") == list(SUMS)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sharpen", {"size": 3}),
        ("box_blur", {"sigma": 1.0}),
        ("identity", {"sigma": 1.0}),
        ("gaussian", {"radius": 3}),
    ],
)
def test_get_refuses_arguments_that_the_kernel_has_not(name, arguments):
    with pytest.raises(TypeError, match=next(iter(arguments))):
        filters.get(name, **arguments)


# Errors

SIZES = [
    (0, ValueError),
    (-1, ValueError),
    (2**31, ValueError),
    (10**30, ValueError),
    (True, TypeError),
    (np.True_, TypeError),
    (1.5, TypeError),
    (3.0, TypeError),
    ("3", TypeError),
    ((3, 3), TypeError),
]
SIGMAS = [
    (0, ValueError),
    (-1, ValueError),
    (-0.0, ValueError),
    (math.nan, ValueError),
    (math.inf, ValueError),
    (-math.inf, ValueError),
    (2e6, ValueError),
    ("x", TypeError),
    ("1", TypeError),
    (None, TypeError),
    (1j, TypeError),
    ([1.0], TypeError),
]


@pytest.mark.parametrize(("size", "error"), SIZES, ids=repr)
@pytest.mark.parametrize("name", SIZED)
def test_sizes_that_are_none(name, size, error):
    with pytest.raises(error, match=r"^size: got .*, expected an int"):
        filters.get(name, size=size)


@pytest.mark.parametrize("name", ["identity", "box_blur"])
def test_no_size(name):
    with pytest.raises(TypeError, match=r"^size: got None, expected an int"):
        filters.get(name, size=None)


@pytest.mark.parametrize(("sigma", "error"), SIGMAS, ids=repr)
@pytest.mark.parametrize("size", [None, 3])
def test_sigmas_that_are_none(size, sigma, error):
    with pytest.raises(error, match=r"^sigma: got .*, expected a"):
        filters.gaussian(sigma, size)
