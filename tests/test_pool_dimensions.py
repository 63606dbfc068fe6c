"""Pooling with one and three spatial axes, adaptive, global and by norms: case by case."""

import itertools

import numpy as np
import pytest

import convpool
from reference import (
    UNIT_OF_SUMS,
    adaptive_pool,
    assert_averages,
    assert_close,
    assert_maxima,
    assert_same_bits,
    lp_pool,
    max_pool,
    sum_error,
)

FLOATS = [np.float16, np.float32, np.float64]
SIZES = {1: (11,), 2: (6, 9), 3: (4, 6, 7)}
LAYOUTS = [(n, layout) for n in SIZES for layout in ("NC" + "DHW"[-n:], "N" + "DHW"[-n:] + "C")]


def normal(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def laid_out(x, layout):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if layout.endswith("C") else x


def function(name, spatial):
    return getattr(convpool, name.format(spatial))


GEOMETRY = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
    {"kernel_size": 2, "stride": 3, "padding": "same_lower"},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1, "dilation": 2},
    {"kernel_size": 2, "stride": 2, "dilation": 3, "padding": 2, "ceil_mode": True},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
def test_windows_of_every_dimension(geometry, spatial, layout, dtype):
    for channels in (3, 17):
        x = laid_out(normal(0, 2, channels, *SIZES[spatial], dtype=dtype), layout)
        arguments = {**geometry, "layout": layout}
        reference = {**arguments, "spatial": spatial}
        pool = function("max_pool{}d", spatial)
        assert_maxima(pool(x, **arguments), x, **reference)
        y, where = pool(x, return_indices=True, **arguments)
        maxima, indices = max_pool(x, **reference)
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        np.testing.assert_array_equal(where, indices)
        pool = function("avg_pool{}d", spatial)
        for counting in ({}, {"count_include_pad": False}, {"divisor_override": 3}):
            assert_averages(pool(x, **arguments, **counting), x, **reference, **counting)


@pytest.mark.parametrize("name", ["max_pool{}d", "avg_pool{}d"])
def test_an_axis_of_one_changes_no_bit(name):
    x = normal(1, 2, 5, 9, 14)
    arguments = {"stride": 2, "padding": 1}
    y = function(name, 2)(x, 3, **arguments)
    planes = function(name, 3)(x[:, :, None], (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    assert_same_bits(planes[:, :, 0].copy(), y)
    rows = function(name, 2)(x[:, :, :1], (1, 3), stride=(1, 2), padding=(0, 1))
    assert_same_bits(function(name, 1)(x[:, :, 0], 3, **arguments), rows[:, :, 0].copy())


@pytest.mark.parametrize("name", ["max_pool{}d", "avg_pool{}d"])
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
def test_one_example_and_none(name, spatial, layout):
    x, pool = laid_out(normal(2, 2, 3, *SIZES[spatial]), layout), function(name, spatial)
    assert_same_bits(pool(x[1], 2, layout=layout), pool(x, 2, layout=layout)[1].copy())
    assert pool(x[:0], 2, layout=layout).shape == (0, *pool(x, 2, layout=layout).shape[1:])


# The rules that trip everybody, and whose they are.


def line(*values):
    return np.array(values, np.float64).reshape(1, 1, -1)


def along(y):
    return y.ravel().tolist()


def test_ceil_mode_drops_a_window_that_begins_in_the_padding_after():
    """PyTorch's rule (and ONNX's since version 19): such a window would see nothing."""
    x = line(1, 2, 3, 4, 5)
    assert along(convpool.max_pool1d(x, 2, ceil_mode=True)) == [2, 4, 5]
    assert along(convpool.max_pool1d(x, 2, stride=3, padding=1, ceil_mode=True)) == [1, 4]
    assert along(convpool.max_pool1d(x, 1, stride=2, ceil_mode=True)) == [1, 3, 5]


def test_what_ceil_mode_reaches_beyond_the_padding_is_not_counted():
    """PyTorch's rule: count_include_pad counts padding that was asked for, and no more."""
    x = line(6, 6, 6, 6, 6, 6)
    arguments = {"stride": 3, "padding": 1, "ceil_mode": True}
    assert along(convpool.avg_pool1d(x, 3, **arguments)) == [4, 6, 3]
    assert along(convpool.avg_pool1d(x, 3, count_include_pad=False, **arguments)) == [6, 6, 6]
    assert along(convpool.avg_pool1d(x, 3, divisor_override=2, **arguments)) == [6, 9, 3]


def test_same_with_a_stride_gives_the_size_over_the_stride_rounded_up():
    """TensorFlow's rule, which PyTorch does not have: an odd pixel of padding goes after."""
    x = line(1, 2, 3, 4, 5, 6)
    assert along(convpool.max_pool1d(x, 3, stride=2, padding="same")) == [3, 5, 6]
    assert along(convpool.max_pool1d(x, 3, stride=2, padding="same_lower")) == [2, 4, 6]
    for size, stride in itertools.product(range(1, 9), range(1, 5)):
        y = convpool.avg_pool1d(normal(1, 1, 1, size), 3, stride=stride, padding="same")
        assert y.shape[-1] == -(-size // stride)


@pytest.mark.parametrize("spatial", SIZES)
def test_nan_goes_through_maxima(spatial):
    """PyTorch's rule; a comparison alone would lose it."""
    x = normal(1, 1, 2, *SIZES[spatial])
    x[(0, 1, *[1] * spatial)] = np.nan
    y = function("max_pool{}d", spatial)(x, 2)
    assert np.isnan(y).sum() == 1
    assert np.isnan(y[(0, 1, *[0] * spatial)])
    assert np.isnan(function("adaptive_max_pool{}d", spatial)(x, 3)).sum() >= 1
    global_max = convpool.global_max_pool(x, layout="NC" + "DHW"[-spatial:])
    assert np.isnan(global_max).ravel().tolist() == [False, True]


@pytest.mark.parametrize("name", ["max_pool{}d", "avg_pool{}d"])
@pytest.mark.parametrize("spatial", SIZES)
def test_padding_as_large_as_the_window_is_refused(name, spatial):
    """A window of padding alone has no value. (PyTorch refuses more than half a window.)"""
    x, pool = normal(1, 1, 2, *SIZES[spatial]), function(name, spatial)
    assert pool(x, 2, padding=1).ndim == spatial + 2
    with pytest.raises(ValueError, match=r"^padding: got"):
        pool(x, 2, padding=2)


# Adaptive and global


OUTPUTS = [1, 2, 3, 4, 5, 6, 7, 9, 11, 13]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
def test_adaptive_windows(spatial, layout, dtype):
    rng = np.random.default_rng(3)
    x = rng.integers(-4, 5, (2, 9, *SIZES[spatial])).astype(dtype)
    x[rng.random(x.shape) < 0.01] = np.nan
    x = laid_out(x, layout)
    sizes = [OUTPUTS[: 13 - 3 * spatial]] * spatial if spatial < 3 else [[1, 2, 4], [3, 4], [5, 7]]
    for outputs in itertools.chain([2, None, (None,) * spatial], itertools.product(*sizes)):
        given = outputs[0] if spatial == 1 and isinstance(outputs, tuple) else outputs
        means, maxima, indices = adaptive_pool(x, outputs, layout=layout, spatial=spatial)
        y, where = function("adaptive_max_pool{}d", spatial)(
            x, given, return_indices=True, layout=layout
        )
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        np.testing.assert_array_equal(where, indices, strict=True)
        y = function("adaptive_max_pool{}d", spatial)(x, given, layout=layout)
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        y = function("adaptive_avg_pool{}d", spatial)(x, given, layout=layout)
        unit = 2 * UNIT_OF_SUMS[np.dtype(dtype).name] + np.finfo(dtype).eps
        np.testing.assert_allclose(y, means, rtol=unit, atol=0)  # the sums are exact


@pytest.mark.parametrize("layout", ["NCW", "NWC"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_windows_longer_than_what_is_held_at_once(dtype, layout):
    rng = np.random.default_rng(7)
    for size, channels, outputs in [(5000, 2, 3), (5000, 2, 7), (2049, 3, 2), (4099, 70, 64),
                                    (3001, 2, 2998)]:  # fmt: skip
        x = laid_out(rng.integers(-9, 10, (1, channels, size)).astype(dtype), layout)
        means, maxima, indices = adaptive_pool(x, outputs, layout=layout, spatial=1)
        y, where = convpool.adaptive_max_pool1d(x, outputs, return_indices=True, layout=layout)
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        np.testing.assert_array_equal(where, indices)
        y = convpool.adaptive_max_pool1d(x, outputs, layout=layout)
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        y = convpool.adaptive_avg_pool1d(x, outputs, layout=layout)
        np.testing.assert_allclose(y, means, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [
    (3, 2, 1), (3, 3, 1), (2, 600, 1), (600, 50, 1), (9, 3, 80), (300, 200, 2), (5, 1, 7),
])  # fmt: skip
def test_places_in_long_rows(kernel, stride, dilation, dtype, layout):
    x = np.random.default_rng(8).integers(-3, 4, (1, 2, 5, 1290)).astype(dtype)
    x[0, 1, 1, 700], x[0, 0, :, :900] = np.nan, -np.inf
    x = laid_out(x, layout)
    arguments = {"stride": (2, stride), "dilation": (1, dilation), "layout": layout}
    for padding in (0, ((1, 0), (kernel // 2, kernel - 1))):
        y, where = convpool.max_pool2d(
            x, (3, kernel), padding=padding, return_indices=True, **arguments
        )
        maxima, indices = max_pool(x, (3, kernel), padding=padding, **arguments)
        np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
        np.testing.assert_array_equal(where, indices)


def test_adaptive_pooling_that_divides_is_pooling():
    x = normal(1, 2, 5, 12, 9)
    assert_same_bits(convpool.adaptive_max_pool2d(x, (4, 3)), convpool.max_pool2d(x, 3))
    assert_same_bits(convpool.adaptive_avg_pool2d(x, (4, 3)), convpool.avg_pool2d(x, 3))


def test_adaptive_pooling_writes_where_out_says():
    x, room = normal(1, 2, 3, 7, 8), np.full((2, 3, 10, 12), 7, np.float32)
    out = room[:, ::-1, ::2, 1::3]
    assert convpool.adaptive_avg_pool2d(x, (5, 4), out=out) is out
    np.testing.assert_array_equal(out, convpool.adaptive_avg_pool2d(x, (5, 4)))
    out[...] = 7
    assert (room == 7).all()
    padded = normal(1, 2, 3, 7, 8)
    convpool.adaptive_max_pool2d(padded, (7, 3), out=padded[..., 1:4])
    np.testing.assert_array_equal(padded[..., 1:4], convpool.adaptive_max_pool2d(x, (7, 3)))


@pytest.mark.parametrize(("value", "error"), [
    (0, ValueError), (-1, ValueError), ((2, 0), ValueError), ((2,), ValueError),
    ((1, 2, 3), ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError),
    ((2, 2.5), TypeError), (2**40, ValueError), ({2, 3}, TypeError),
])  # fmt: skip
def test_output_sizes_that_are_none(value, error):
    for pool in (convpool.adaptive_avg_pool2d, convpool.adaptive_max_pool2d):
        with pytest.raises(error, match=r"^output_size: got"):
            pool(normal(1, 1, 2, 5, 5), value)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
def test_global_pooling(spatial, layout, dtype):
    x = laid_out(normal(4, 3, 19, *SIZES[spatial], dtype=dtype), layout)
    axes = tuple(range(1, spatial + 1)) if layout.endswith("C") else tuple(range(2, spatial + 2))
    wide = x.astype(np.float64)
    y = convpool.global_avg_pool(x, layout=layout)
    error = sum_error(x[0].size, abs(wide).mean(axes, keepdims=True), np.dtype(dtype))
    assert_close(y, wide.mean(axes, keepdims=True), error, dtype)
    y, where = convpool.global_max_pool(x, layout=layout, return_indices=True)
    np.testing.assert_array_equal(y, x.max(axes, keepdims=True), strict=True)
    assert_same_bits(convpool.global_max_pool(x, layout=layout), y)
    planes = np.moveaxis(x, -1, 1) if layout.endswith("C") else x
    argmax = planes.reshape(3, 19, -1).argmax(-1)
    np.testing.assert_array_equal(where.reshape(3, 19), argmax)
    assert_same_bits(convpool.global_max_pool(x[0], layout=layout), y[0].copy())


def test_global_pooling_takes_its_axes_from_the_layout():
    with pytest.raises(ValueError, match=r"^x: got shape"):
        convpool.global_avg_pool(normal(1, 1, 2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"^layout: got"):
        convpool.global_max_pool(normal(1, 1, 2, 3, 4), layout="NHCW")


# Norms


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
@pytest.mark.parametrize("p", [1, 2, 3, 0.5, 2.5])
def test_norms(p, spatial, layout, dtype):
    x = laid_out(normal(5, 2, 5, *SIZES[spatial], dtype=dtype), layout)
    for geometry in GEOMETRY:
        arguments = {**geometry, "layout": layout}
        y = function("lp_pool{}d", spatial)(x, p, **arguments)
        expected = lp_pool(x, p, spatial=spatial, **arguments)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected, rtol=max(np.finfo(dtype).eps, 1e-13), atol=1e-7
                                   if dtype == np.float16 else 0)  # fmt: skip


def test_the_largest_magnitude_is_a_norm():
    x = normal(6, 2, 3, 8, 9)
    np.testing.assert_array_equal(
        convpool.lp_pool2d(x, np.inf, 3, stride=2), convpool.max_pool2d(abs(x), 3, stride=2)
    )
    assert along(convpool.lp_pool1d(line(-3), np.inf, 2, dilation=2, padding=1)) == [0]


def test_norms_neither_overflow_nor_vanish():
    """float32 is raised in float64: squares of 1e30 and 1e-30 are beyond float32."""
    for scale in (1e30, 1e-30):
        y = convpool.lp_pool1d(line(3, 4).astype(np.float32) * np.float32(scale), 2, 2)
        np.testing.assert_allclose(y, 5 * scale, rtol=1e-6)
    y = convpool.lp_pool1d(line(6e4, 6e4).astype(np.float16), 1, 2)
    assert np.isposinf(y).all()  # the norm itself is beyond float16


def test_norms_of_negative_numbers():
    """Magnitudes, as in ONNX: PyTorch lets -3 and 3 cancel for p = 3, and makes NaN for p = 1.5."""
    assert along(convpool.lp_pool1d(line(-3, 3), 1, 2)) == [6]
    np.testing.assert_allclose(convpool.lp_pool1d(line(-1, -1), 1.5, 2), 2 ** (2 / 3))


def test_norm_of_a_window_cut_by_the_edge():
    """It is what it covers; PyTorch scales it up to a whole window."""
    assert along(convpool.lp_pool1d(line(3, 4, 5), 2, 2, ceil_mode=True)) == [5, 5]


@pytest.mark.parametrize("p", [0, -1, float("nan")])
def test_norms_that_are_none(p):
    with pytest.raises(ValueError, match=r"^norm_type: got"):
        convpool.lp_pool2d(normal(1, 1, 1, 4, 4), p, 2)


def test_norms_that_are_no_numbers():
    with pytest.raises(TypeError, match=r"^norm_type: got"):
        convpool.lp_pool2d(normal(1, 1, 1, 4, 4), "2", 2)
    with pytest.raises(TypeError, match=r"^x: got"):
        convpool.lp_pool2d(np.ones((1, 1, 4, 4), int), 2, 2)


def test_norms_into_out():
    x, out = normal(1, 1, 2, 4, 4), np.zeros((1, 2, 2, 2), np.float32).T
    assert convpool.lp_pool2d(x[:, :, :, :2], 2, 2, out=out[:1]) is not None
    np.testing.assert_array_equal(out[:1], convpool.lp_pool2d(x[:, :, :, :2], 2, 2))
    with pytest.raises(TypeError, match=r"^out: got"):
        convpool.lp_pool2d(x, 2, 2, out=np.zeros((1, 2, 2, 2)))


# Shapes


@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
def test_the_shape_is_known_before(geometry, spatial, layout):
    x = laid_out(normal(0, 2, 3, *SIZES[spatial]), layout)
    y = function("max_pool{}d", spatial)(x, layout=layout, **geometry)
    assert convpool.pool_output_shape(x.shape, layout=layout, **geometry) == y.shape
    assert convpool.pool_output_shape(list(x.shape[1:]), layout=layout, **geometry) == y.shape[1:]


def test_shapes_that_are_none():
    known = convpool.pool_output_shape
    assert known((2**25, 1, 2**31 - 1, 3), (1, 3)) == (2**25, 1, 2**31 - 1, 1)
    for shape, error in [
        ((3, 3), ValueError), ((1, 1, 1, 3, 3), ValueError), (5, TypeError),
        ("1234", TypeError), ((1, 1, 2.0, 2), TypeError), ((1, 1, -2, 2), ValueError),
        ((2**31 - 1, 1, 2**31 - 1, 3), ValueError),
    ]:  # fmt: skip
        with pytest.raises(error, match=r"^shape: (got|needs)"):
            known(shape, 1)
    with pytest.raises(ValueError, match=r"^kernel_size: got"):
        known((1, 1, 2, 2), 3)
    with pytest.raises(ValueError, match=r"^padding: got"):
        known((1, 1, 2, 2), 1, padding=1)
