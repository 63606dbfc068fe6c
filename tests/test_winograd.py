"""Winograd's way gives convolutions within its bound, wherever tiles and borders fall."""

import numpy as np
import pytest

import convpool
from reference import assert_close, assert_same_bits, convolve, gamma

RNG = np.random.default_rng
UNIT = {"float16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}  # of the sums
POINTS = {6: (0, 0.75, -0.75, 1.5, -1.5), 4: (0, 1, -1)}  # by the side of a tile


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def matrices(kernel, side):
    """A^T, G and B^T of F(side + 1 - kernel, kernel) from the points, as polynomials tell."""
    points = POINTS[side]
    whole = np.poly1d(np.poly(points))
    powers = np.vander(points, side, increasing=True)
    outputs = side + 1 - kernel
    at = np.vstack([powers[:, :outputs], np.eye(outputs)[-1:]]).T
    derivatives = np.polyder(whole)(np.array(points))
    g = np.vstack([powers[:, :kernel] / derivatives[:, None], np.eye(kernel)[-1:]])
    bt = np.zeros((side, side))
    for row, point in enumerate(points):
        bt[row, :-1] = np.polydiv(whole, np.poly1d([1, -point]))[0].coeffs[::-1]
    bt[-1] = whole.coeffs[::-1]
    return at, g, bt


def bound(x, weight, padding, groups=1, side=6):
    """Of each output's error: the transforms' magnitudes, times a unit for each rounding on the
    way: 3 for B^T d and 3 for its columns, 4 and 4 for G g (a factor, a product and sums; of 5x5
    kernels 5 and 5), the sum's, 4 and 4 for A^T; of tiles of side 4, whose factors are exact, one
    for each of the first and two for each of the others."""
    kernel = weight.shape[-1]
    at, g, bt = (abs(matrix) for matrix in matrices(kernel, side))
    m = side + 1 - kernel
    x = np.pad(abs(x.astype(np.float64)), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    height, width = (size - kernel + 1 for size in x.shape[2:])
    down, across = -(-height // m), -(-width // m)
    x = np.pad(x, ((0, 0), (0, 0), (0, 7), (0, 7)))
    u = g @ abs(weight.astype(np.float64)) @ g.T
    channels, outputs = weight.shape[1], len(weight) // groups
    y = np.zeros((len(x), len(weight), down * m, across * m))
    for i in range(down):
        for j in range(across):
            v = bt @ x[:, :, i * m : i * m + side, j * m : j * m + side] @ bt.T
            for group in range(groups):
                o = slice(group * outputs, (group + 1) * outputs)
                c = slice(group * channels, (group + 1) * channels)
                sums = np.einsum("ocuv,ncuv->nouv", u[o], v[:, c])
                y[:, o, i * m : i * m + m, j * m : j * m + m] = at @ sums @ at.T
    of_weights = kernel // 2 + 3
    roundings = 2 * (3 + of_weights + 4) if side == 6 else 2 * (1 + 2 + 2)
    roundings += channels + 1
    return gamma(roundings, UNIT[weight.dtype.name]) * y[:, :, :height, :width]


CASES = {
    "one tile": ((1, 3, 4, 4), (5, 3, 3, 3), 1, 1),
    "one output": ((1, 3, 3, 3), (5, 3, 3, 3), 0, 1),
    "part of a tile": ((2, 3, 5, 3), (5, 3, 3, 3), 1, 1),
    "several strips": ((1, 5, 30, 41), (13, 5, 3, 3), 1, 1),
    "wide": ((1, 2, 9, 150), (7, 2, 3, 3), 1, 1),
    "tall": ((1, 2, 150, 3), (7, 2, 3, 3), 1, 1),
    "much padding": ((1, 2, 7, 8), (3, 2, 3, 3), 5, 1),
    "no padding": ((2, 7, 14, 15), (6, 7, 3, 3), 0, 1),
    "blocks of channels": ((1, 200, 7, 9), (8, 200, 3, 3), 1, 1),
    "many outputs": ((1, 4, 14, 14), (190, 4, 3, 3), 1, 1),
    "groups": ((2, 12, 13, 9), (18, 4, 3, 3), 1, 3),
    "5x5": ((1, 6, 28, 27), (9, 6, 5, 5), 2, 1),
    "5x5, part of a tile": ((2, 3, 5, 5), (4, 3, 5, 5), 0, 1),
    "5x5, groups": ((1, 6, 11, 80), (4, 3, 5, 5), 2, 2),
    "batch over strips": ((7, 3, 9, 10), (6, 3, 3, 3), 1, 1),
}
SMALL = {  # images of few tiles, which then are smaller ones
    "7x7": ((1, 40, 7, 7), (33, 40, 3, 3), 1, 1),
    "batch of images": ((5, 40, 9, 10), (13, 40, 3, 3), 0, 1),
    "groups of images": ((3, 36, 8, 6), (24, 12, 3, 3), 1, 3),
    "channels in blocks": ((1, 200, 6, 7), (9, 200, 3, 3), 1, 1),
    "one row": ((1, 20, 1, 40), (33, 20, 3, 3), 1, 1),
    "two long rows": ((1, 40, 2, 70), (40, 40, 3, 3), 1, 1),
    "one small output": ((1, 20, 3, 3), (9, 20, 3, 3), 0, 1),
}
CASES |= SMALL


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("case", CASES)
def test_within_the_bound(case, layout, dtype):
    shape, weight_shape, padding, groups = CASES[case]
    x, weight = normal(1, *shape, dtype=dtype), normal(2, *weight_shape, dtype=dtype)
    expected = convolve(x, weight, padding=padding, groups=groups)
    error = bound(x, weight, padding, groups, 4 if case in SMALL else 6)
    given = x if layout == "NCHW" else x.transpose(0, 2, 3, 1)
    y = convpool.conv2d(
        given, weight, padding=padding, groups=groups, layout=layout, algorithm="winograd"
    )
    assert_close(y if layout == "NCHW" else y.transpose(0, 3, 1, 2), expected, error, dtype)


def test_the_transforms_are_a_convolution():
    """The matrices by which the bound is computed."""
    for kernel, side in ((3, 6), (5, 6), (3, 4)):
        at, g, bt = matrices(kernel, side)
        d, w = RNG(1).standard_normal(side), RNG(2).standard_normal(kernel)
        np.testing.assert_allclose(at @ ((g @ w) * (bt @ d)), np.correlate(d, w, "valid"))


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(
    ("channels", "kernel", "size"),
    [(64, 3, 14), (512, 3, 14), (2048, 3, 14), (64, 5, 12), (512, 5, 12), (64, 3, 9), (2048, 3, 9)],
)
def test_error_against_the_largest_output(channels, kernel, size, positive):
    """Below 1e-5 of it, in float32."""
    x, weight = normal(1, 1, channels, size, size), normal(2, 24, channels, kernel, kernel)
    x = abs(x) if positive else x
    expected = convolve(x, weight)
    y = convpool.conv2d(x, weight, algorithm="winograd")
    assert abs(y - expected).max() < 1e-5 * abs(expected).max()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("padding_mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("kernel", "side", "shape"),
    [
        (3, 6, (2, 4, 13, 70)),
        (3, 6, (2, 35, 13, 29)),
        (5, 6, (2, 18, 13, 30)),
        (3, 4, (2, 40, 7, 6)),
    ],
)
def test_borders(kernel, side, shape, padding_mode, layout):
    """Against the same image, padded beforehand."""
    x, weight = normal(1, *shape), normal(2, shape[1] + 2, shape[1], kernel, kernel)
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    more = {"constant_values": 3} if padding_mode == "constant" else {}
    padded = np.pad(x, ((0, 0), (0, 0), (3, 1), (2, 4)), modes[padding_mode], **more)
    y = convpool.conv2d(
        x if layout == "NCHW" else x.transpose(0, 2, 3, 1).copy(), weight,
        padding=((3, 1), (2, 4)), padding_mode=padding_mode, algorithm="winograd",
        padding_value=3.0 if more else 0.0, layout=layout,
    )  # fmt: skip
    y = y if layout == "NCHW" else y.transpose(0, 3, 1, 2)
    assert_close(y, convolve(padded, weight), bound(padded, weight, 0, side=side), np.float32)


def test_bias_residual_activation_and_strides():
    x, weight, bias = normal(1, 2, 5, 11, 21), normal(2, 7, 5, 3, 3), normal(3, 7)
    residual = normal(4, 2, 7, 11, 21)
    expected = convolve(x, weight, bias, padding=1, residual=residual, activation="relu")
    backwards = x[..., ::-1].copy()[..., ::-1]
    out = np.full((2, 7, 11, 43), np.nan, np.float32)
    for given in (x, np.asfortranarray(x), backwards):
        y = convpool.conv2d(
            given, weight, bias, padding=1, residual=residual, activation="relu",
            algorithm="winograd", out=out[..., :42:2],
        )  # fmt: skip
        assert_close(y, expected, bound(x, weight, 1), np.float32)
    assert np.isnan(out[..., 1::2]).all()


@pytest.mark.parametrize(("channels", "size"), [(37, (11, 21)), (33, (8, 7))])
def test_channels_last_with_residual_and_gaps(channels, size):
    """To the bits of channels first."""
    x, weight, bias = normal(1, 2, channels, *size), normal(2, 39, channels, 3, 3), normal(3, 39)
    residual = normal(4, 2, 39, *size)
    arguments = {"padding": 1, "activation": ("leaky_relu", 0.3), "algorithm": "winograd"}
    expected = convpool.conv2d(x, weight, bias, residual=residual, **arguments)
    out = np.full((2, *size, 41), np.nan, np.float32)
    wide = np.full((2, size[0], size[1] + 3, channels + 5), np.nan, np.float32)
    wide[:, :, 1:-2, 2:-3] = x.transpose(0, 2, 3, 1)
    for threads in (1, 3):
        y = convpool.conv2d(
            wide[:, :, 1:-2, 2:-3], weight, bias, residual=residual.transpose(0, 2, 3, 1),
            layout="NHWC", out=out[..., 1:-1], num_threads=threads, **arguments,
        )  # fmt: skip
        assert_same_bits(np.ascontiguousarray(y.transpose(0, 3, 1, 2)), expected)
    assert np.isnan(out[..., [0, -1]]).all()


@pytest.mark.parametrize("case", CASES)
def test_same_bits_for_any_threads_and_batch_and_packed(case):
    shape, weight_shape, padding, groups = CASES[case]
    x, weight = normal(1, *shape), normal(2, *weight_shape)
    arguments = {"padding": padding, "groups": groups, "algorithm": "winograd"}
    expected = convpool.conv2d(x, weight, num_threads=1, **arguments)
    packed = convpool.pack_weight(weight, **arguments)
    for threads in (1, 2, 5):
        assert_same_bits(convpool.conv2d(x, packed, num_threads=threads), expected)
    many = np.concatenate([normal(3, *shape), x, x])
    n = len(x)
    assert_same_bits(convpool.conv2d(many, packed, num_threads=2)[n : 2 * n], expected)


@pytest.mark.parametrize(
    ("shape", "weight_shape", "groups", "dtype"),
    [
        ((1, 160, 14, 14), (205, 160, 3, 3), 1, np.float32),
        ((1, 160, 14, 14), (205, 160, 3, 3), 1, np.float16),
        ((2, 120, 26, 25), (140, 120, 3, 3), 1, np.float64),
        ((5, 96, 28, 28), (200, 96, 3, 3), 1, np.float32),
        ((1, 200, 12, 13), (260, 100, 3, 3), 2, np.float32),
        ((1, 180, 7, 7), (203, 180, 3, 3), 1, np.float32),
        ((1, 96, 13, 9), (190, 96, 5, 5), 1, np.float32),
    ],
)
def test_large_weights_give_the_same_bits_prepared_or_not(shape, weight_shape, groups, dtype):
    """Those that are transformed block by block, and wherever the taps are."""
    x, weight = normal(1, *shape, dtype=dtype), normal(2, *weight_shape, dtype=dtype)
    arguments = {"padding": 1, "groups": groups, "algorithm": "winograd"}
    packed = convpool.pack_weight(weight, **arguments)
    turned = np.asfortranarray(weight)
    for threads in (1, 2, 3):
        expected = convpool.conv2d(x, packed, num_threads=threads)
        for given in (weight, turned):
            assert_same_bits(convpool.conv2d(x, given, num_threads=threads, **arguments), expected)


def test_auto_takes_it_by_shape_alone():
    """Where it pays, for any batch; one weight may serve both ways."""
    weight = normal(1, 64, 64, 3, 3)
    packed = convpool.pack_weight(weight, padding=1)
    for size, way in ((56, "winograd"), (3, "direct"), (8, "winograd")):
        x = normal(2, 3, 64, size, size)
        expected = convpool.conv2d(x, weight, padding=1, algorithm=way)
        other = convpool.conv2d(
            x, weight, padding=1, algorithm="direct" if way == "winograd" else "winograd"
        )
        assert not np.array_equal(expected, other)
        for _ in range(2):
            assert_same_bits(convpool.conv2d(x, packed), expected)
            assert_same_bits(convpool.conv2d(x[:1], packed), expected[:1])
        assert_same_bits(convpool.conv2d(x, weight, padding=1), expected)


@pytest.mark.parametrize(
    ("weight", "arguments"),
    [
        ((4, 3, 1, 1), {}),
        ((4, 3, 3, 5), {}),
        ((4, 3, 7, 7), {}),
        ((4, 3, 3, 3), {"stride": 2}),
        ((4, 3, 3, 3), {"dilation": (1, 2)}),
    ],
)
def test_refused_where_there_is_none(weight, arguments):
    weight = np.ones(weight, np.float32)
    for call in (
        lambda: convpool.conv2d(
            np.ones((1, 3, 20, 20), np.float32), weight, algorithm="winograd", **arguments
        ),
        lambda: convpool.pack_weight(weight, algorithm="winograd", **arguments),
    ):
        with pytest.raises(ValueError, match=r"^algorithm: got 'winograd'"):
            call()


@pytest.mark.parametrize(
    ("channels", "size", "at", "rows", "columns"),
    [
        # The tile of 4x4 whose six rows and columns of input hold (13, 9).
        (3, 24, (13, 9), slice(12, 16), slice(8, 12)),
        # Of four tiles of 2x2 the outputs that see (4, 3).
        (40, 7, (4, 3), slice(3, 6), slice(2, 5)),
    ],
)
def test_values_that_are_not_finite_stay_in_their_tiles(channels, size, at, rows, columns):
    x, weight = normal(1, 1, channels, size, size), normal(2, 24, channels, 3, 3)
    expected = convpool.conv2d(x, weight, padding=1, algorithm="winograd")
    x[(0, 1, *at)] = np.inf
    y = convpool.conv2d(x, weight, padding=1, algorithm="winograd")
    touched = np.zeros((size, size), bool)
    touched[rows, columns] = True
    assert_same_bits(y[..., ~touched], expected[..., ~touched])
    assert not np.isfinite(y[..., touched]).any()
