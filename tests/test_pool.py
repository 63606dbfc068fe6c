"""max_pool2d and avg_pool2d: PyTorch's window rules, case by case."""

import itertools

import numpy as np
import pytest

import convpool
from reference import assert_averages, assert_maxima, assert_same_bits, max_pool

FLOATS = [np.float16, np.float32, np.float64]
RNG = np.random.default_rng


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def row(*values, dtype=np.float64):
    return np.array(values, dtype).reshape(1, 1, 1, -1)


def along(y):
    return y.ravel().tolist()


X = normal(0, 2, 3, 9, 8)
GEOMETRY = [
    {"kernel_size": 2},
    {"kernel_size": 3},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": (3, 2), "stride": 1},
    {"kernel_size": [2, 3], "stride": (2, 1), "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 2},
    {"kernel_size": 3, "stride": 5, "padding": ((0, 2), (1, 0))},
    {"kernel_size": (4, 3), "stride": (3, 2), "padding": (3, (0, 1))},
    {"kernel_size": 3, "stride": 1, "padding": "same"},
    {"kernel_size": (2, 4), "stride": 3, "padding": "same"},
    {"kernel_size": (2, 4), "stride": 3, "padding": "same_lower"},
    {"kernel_size": 3, "stride": 2, "padding": "valid"},
    {"kernel_size": (9, 8)},
    {"kernel_size": (10, 9), "padding": 1},
    {"kernel_size": 2, "stride": 100},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
def test_geometry(geometry, ceil_mode, layout, dtype):
    x = (np.moveaxis(X, 1, -1) if layout == "NHWC" else X).astype(dtype)
    arguments = {**geometry, "ceil_mode": ceil_mode, "layout": layout}
    assert_maxima(convpool.max_pool2d(x, **arguments), x, **arguments)
    for included in (True, False):
        counting = {**arguments, "count_include_pad": included}
        assert_averages(convpool.avg_pool2d(x, **counting), x, **counting)
    counting = {**arguments, "divisor_override": 7}
    assert_averages(convpool.avg_pool2d(x, **counting), x, **counting)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("dilation", "padding"), [(2, 0), ((1, 3), 1), ((3, 2), ((4, 0), (1, 2)))])
def test_dilation_of_max_pool(dilation, padding, layout):
    x = np.moveaxis(X, 1, -1) if layout == "NHWC" else X
    for ceil_mode, stride in itertools.product((False, True), (1, 2)):
        arguments = {"dilation": dilation, "padding": padding, "stride": stride}
        arguments |= {"ceil_mode": ceil_mode, "layout": layout}
        assert_maxima(convpool.max_pool2d(x, (3, 2), **arguments), x, (3, 2), **arguments)


def test_stride_is_the_window_unless_given():
    assert along(convpool.max_pool2d(row(1, 5, 2, 3, 9), (1, 2))) == [5, 3]
    assert along(convpool.avg_pool2d(row(1, 5, 2, 4, 9), (1, 2))) == [3, 3]


def test_last_window_of_ceil_mode():
    """It may reach beyond the end, but must begin before the padding that follows the input."""
    x = row(1, 2, 3, 4, 5)
    assert along(convpool.max_pool2d(x, (1, 2), ceil_mode=True)) == [2, 4, 5]
    assert along(convpool.max_pool2d(x, (1, 2), stride=(1, 3), ceil_mode=True)) == [2, 5]
    # The third window would begin at index 5, which is padding: dropped.
    assert along(
        convpool.max_pool2d(x, (1, 2), stride=(1, 3), padding=((0, 0), (1, 1)), ceil_mode=True)
    ) == [1, 4]
    assert along(convpool.max_pool2d(row(1, 2), (1, 1), stride=(1, 2), ceil_mode=True)) == [1]


def test_ceil_mode_takes_a_window_larger_than_the_input():
    assert along(convpool.max_pool2d(row(1, 2), (1, 3), ceil_mode=True)) == [2]
    assert along(convpool.avg_pool2d(row(1, 2), (1, 3), ceil_mode=True)) == [1.5]


def test_what_an_average_counts():
    """Padding if asked for; never what ceil_mode lets a window reach beyond the padding."""
    x = row(6, 6, 6, 6, 6)
    arguments = {"stride": (1, 2), "padding": ((0, 0), (1, 1))}
    assert along(convpool.avg_pool2d(x, (1, 3), **arguments)) == [4, 6, 4]
    assert along(convpool.avg_pool2d(x, (1, 3), count_include_pad=False, **arguments)) == [6, 6, 6]
    assert along(convpool.avg_pool2d(x, (1, 3), divisor_override=2, **arguments)) == [6, 9, 6]
    # Windows at -1, 2 and 5, the last dropped; with a pixel more it stays, cut at the padding.
    arguments = {"stride": (1, 3), "padding": ((0, 0), (1, 1)), "ceil_mode": True}
    assert along(convpool.avg_pool2d(x, (1, 3), **arguments)) == [4, 6]
    assert along(convpool.avg_pool2d(row(*[6] * 6), (1, 3), **arguments)) == [4, 6, 3]


@pytest.mark.parametrize("divisor", [1, 3, -2, 2**31 - 1])
def test_divisor_override(divisor):
    assert along(convpool.avg_pool2d(row(6, 12), (1, 2), divisor_override=divisor)) == [
        18 / divisor
    ]


def test_max_pool_pads_with_minus_infinity():
    x = np.full((1, 1, 3, 3), -5.0)
    np.testing.assert_array_equal(
        convpool.max_pool2d(x, 3, stride=1, padding=1), np.full((1, 1, 3, 3), -5.0)
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("arguments", [
    {}, {"padding": 1}, {"stride": 1}, {"stride": 1, "dilation": 2, "padding": ((1, 0), (2, 1))},
    {"ceil_mode": True, "stride": 3},
], ids=str)  # fmt: skip
def test_indices(arguments, dtype, layout):
    """Flattened inside the plane; the first of equals; the maximum stands there."""
    x = RNG(1).integers(-2, 3, (2, 3, 9, 8)).astype(dtype)
    given = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    arguments = {"layout": layout, **arguments}
    y, where = convpool.max_pool2d(given, (2, 3), return_indices=True, **arguments)
    _, expected = max_pool(given, (2, 3), **arguments)
    assert where.dtype == np.int64
    np.testing.assert_array_equal(where, expected, strict=True)
    assert_same_bits(y, convpool.max_pool2d(given, (2, 3), **arguments))
    planes = x.reshape(2, 3, 72)
    first = np.moveaxis(where, -1, 1) if layout == "NHWC" else where
    maxima = np.take_along_axis(planes, first.reshape(2, 3, -1), 2).reshape(first.shape)
    np.testing.assert_array_equal(maxima, np.moveaxis(y, -1, 1) if layout == "NHWC" else y)


def test_indices_of_equal_infinite_and_missing_values():
    nan, inf = np.nan, np.inf
    for values, value, index in [
        ((3, 3, 3), 3, 0),
        ((-0.0, 0.0), 0, 0),
        ((0.0, -0.0), 0, 0),
        ((-inf, -inf), -inf, 0),
        ((-inf, -1e300), -1e300, 1),
        ((1, inf, inf), inf, 1),
        ((1, nan, 5), nan, 1),
        ((nan, 5, nan, inf), nan, 2),  # the last NaN, as in PyTorch
    ]:
        y, where = convpool.max_pool2d(row(*values), (1, len(values)), return_indices=True)
        np.testing.assert_array_equal(along(y), [value])
        assert along(where) == [index]


def test_indices_of_one_example():
    y, where = convpool.max_pool2d(X[0], 2, return_indices=True)
    both, where_both = convpool.max_pool2d(X, 2, return_indices=True)
    assert_same_bits(y, both[0])
    assert_same_bits(where, where_both[0])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_goes_through_exactly_where_it_is_seen(dtype, layout):
    x = normal(1, 1, 4, 8, 8, dtype=dtype)
    x[0, 2, 3, 4] = np.nan
    given = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    for pool in (convpool.max_pool2d, convpool.avg_pool2d):
        y = pool(given, 3, stride=1, padding=1, layout=layout)
        y = np.moveaxis(y, -1, 1) if layout == "NHWC" else y
        expected = np.zeros((1, 4, 8, 8), bool)
        expected[0, 2, 2:5, 3:6] = True
        np.testing.assert_array_equal(np.isnan(y), expected)


def test_infinities():
    inf = np.inf
    assert along(convpool.max_pool2d(row(-inf, -inf, 1, inf), (1, 2))) == [-inf, inf]
    assert along(convpool.avg_pool2d(row(1, inf, -inf, 0), (1, 2))) == [inf, -inf]
    assert np.isnan(convpool.avg_pool2d(row(inf, -inf), (1, 2))).all()


def test_float16_averages_are_summed_in_float32():
    """The sum, 4 * 60000, is beyond float16, the mean is not."""
    x = np.full((1, 1, 2, 2), 60000, np.float16)
    assert convpool.avg_pool2d(x, 2).item() == 60000
    x = np.full((1, 1, 64, 64), 1, np.float16)
    assert convpool.avg_pool2d(x, 64).item() == 1


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [
    (1, 1, 1), (3, 1, 1), (3, 2, 1), (7, 5, 1), (2, 600, 1), (600, 50, 1), (513, 61, 1), (9, 3, 80),
    (300, 200, 2),
])  # fmt: skip
def test_long_rows(kernel, stride, dilation, layout):
    x = normal(1, 1, 2, 3, 1290)
    x[0, 1, 1, 700] = np.nan
    x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
    arguments = {"stride": (1, stride), "layout": layout}
    for padding in (0, ((0, 1), (0, kernel - 1)), ((1, 0), (kernel // 2, 0))):
        y = convpool.max_pool2d(
            x, (2, kernel), dilation=(1, dilation), padding=padding, **arguments
        )
        assert_maxima(y, x, (2, kernel), dilation=(1, dilation), padding=padding, **arguments)
        finite = np.nan_to_num(x)
        y = convpool.avg_pool2d(finite, (2, kernel), padding=padding, **arguments)
        assert_averages(y, finite, (2, kernel), padding=padding, **arguments)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("call", [
    "avg_pool2d(x, 2**31 - 1, ceil_mode=True, layout=layout)",
    "avg_pool2d(x, 2**31 - 1, padding=2**30, stride=2**31 - 1, divisor_override=9, layout=layout)",
    "max_pool2d(x, 2**31 - 1, ceil_mode=True, layout=layout)",
    "max_pool2d(x, 2**31 - 1, ceil_mode=True, layout=layout, return_indices=True)[0]",
])  # fmt: skip
def test_windows_far_larger_than_the_input_end(python, call, layout):
    """Only their part of the input counts: a call that visits the rest would run for years."""
    result = python(
        f"""
        import numpy as np, convpool
        x, layout = np.ones((1, 3, 3, 3), np.float32), {layout!r}
        assert (convpool.{call} == 1).all()
        """,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_many_widths_and_channels(layout, dtype):
    """Every remainder of a vector, along the axis that lies closest in memory."""
    for lanes in (*range(1, 36), 63, 64, 65, 127, 128, 129, 257):
        shape = (1, 4, 5, lanes) if layout == "NHWC" else (1, 2, 4, lanes + 1)
        x = normal(lanes, *shape, dtype=dtype)
        arguments = {"stride": 1, "layout": layout}
        assert_maxima(convpool.max_pool2d(x, 2, **arguments), x, 2, **arguments)
        assert_averages(convpool.avg_pool2d(x, 2, **arguments), x, 2, **arguments)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 9])
def test_windows_of_many_rows(kernel, stride, layout):
    """Several rows of windows, whose widths are no whole number of vectors."""
    for size in (9, 17, 31):
        x = normal(size, 1, 3, size, size)
        x = np.moveaxis(x, 1, -1) if layout == "NHWC" else x
        for padding in (0, (kernel - 1) // 2):
            arguments = {"stride": stride, "padding": padding, "layout": layout}
            y = convpool.max_pool2d(x, kernel, **arguments)
            assert_maxima(y, x, kernel, **arguments)
            y, where = convpool.max_pool2d(x, kernel, return_indices=True, **arguments)
            expected, expected_where = max_pool(x, kernel, **arguments)
            np.testing.assert_array_equal(y, expected)
            np.testing.assert_array_equal(where, expected_where)
            y = convpool.avg_pool2d(x, kernel, **arguments)
            assert_averages(y, x, kernel, **arguments)


VIEWS = [
    lambda big: big[1::2, 1::2, 1::2, 1::2],
    lambda big: big[3:5, 2:11, 4:15, 5:16],
    lambda big: big[:2, 8::-1, :11, :11],
    lambda big: big[:2, :9, 10::-1, :11],
    lambda big: big[:2, :9, :11, 10::-1],
    lambda big: big[:2, :9, :11, ::-1],
    lambda big: big[:2, 8::-1, 10::-1, 10::-1],
    lambda big: big.transpose(0, 3, 1, 2)[:2, :9, :11, :11],
    lambda big: big.transpose(0, 2, 3, 1)[:2, :9, :11, :11],
    lambda big: big[-2:, -3:, -3:, -3:],
    lambda big: big[-1:, -9:, -11:, -11:],
]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("view", VIEWS)
def test_views_are_read_where_they_lie(view, layout):
    """Among cells that would show in any result, and backwards; so is `out` written."""
    big = np.full((5, 19, 23, 23), np.inf, np.float32)
    x = view(big)
    x[...] = normal(3, *x.shape)
    for arguments in (
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        {"kernel_size": 2, "ceil_mode": True},
        {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True},
        {"kernel_size": x.shape[2:] if layout == "NCHW" else x.shape[1:3]},
    ):
        arguments = {**arguments, "layout": layout}
        y = convpool.max_pool2d(x, **arguments)
        assert_maxima(y, x, **arguments)
        assert_averages(convpool.avg_pool2d(x, **arguments), x, **arguments)
        both = convpool.max_pool2d(x, return_indices=True, **arguments)
        np.testing.assert_array_equal(both[0], y)
        np.testing.assert_array_equal(both[1], max_pool(x, **arguments)[1])
        room = np.full(tuple(2 * size + 1 for size in y.shape), 77, np.float32)
        out = room[1::2, 1::2, 1::2, 1::2]
        convpool.max_pool2d(x, out=out, **arguments)
        assert_same_bits(out, y)
        out[...] = 77
        assert (room == 77).all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_single_pixel(dtype, layout):
    for channels in (1, 2, 8, 17):
        x = normal(channels, 1, channels, 1, 1, dtype=dtype)
        x = x.reshape(1, 1, 1, channels) if layout == "NHWC" else x
        for kernel, padding in ((1, 0), (3, 1), (5, ((4, 2), (3, 4)))):
            arguments = {"stride": 1, "padding": padding, "layout": layout}
            y = convpool.max_pool2d(x, kernel, **arguments)
            assert_maxima(y, x, kernel, **arguments)
            y = convpool.avg_pool2d(x, kernel, **arguments)
            assert_averages(y, x, kernel, **arguments)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("arguments", [
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2},
    {"kernel_size": 5, "stride": 3, "padding": 2},
    {"kernel_size": 3, "stride": 1, "padding": 2, "dilation": 2},
    {"kernel_size": 13},
], ids=str)  # fmt: skip
def test_any_cell_may_be_nan_or_infinite(arguments, layout, dtype):
    """One at a time, and both infinities, whose sum is no number either."""
    for seed, values in enumerate([(np.nan, 0), (np.nan, 0), (np.nan, np.inf), (np.inf, -np.inf)]):
        x = normal(seed, 1, 9, 13, 13, dtype=dtype)
        x.flat[RNG(seed).integers(0, x.size, 2)] = values
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1)) if layout == "NHWC" else x
        y = convpool.max_pool2d(x, layout=layout, **arguments)
        assert_maxima(y, x, layout=layout, **arguments)


@pytest.mark.parametrize("cells", [1, 2, 7, 8, 15, 16, 31, 32, 33, 49, 63, 64, 65, 100, 2049, 4100])
@pytest.mark.parametrize("dtype", FLOATS)
def test_planes_of_any_size_become_one_number(cells, dtype):
    """Wherever the largest stands, or a NaN; and with gaps between cells."""
    x = normal(cells, 1, 70, 1, cells, dtype=dtype)
    x[0, 0, 0, -1], x[0, 1, 0, 0], x[0, 2, 0, cells // 2], x[0, 3, 0, -1] = 9, 9, np.nan, np.nan
    apart = np.zeros((1, 70, 1, 2 * cells), dtype)
    apart[..., ::2] = x
    for given in (x, apart[..., ::2]):
        y = convpool.max_pool2d(given, (1, cells))
        assert_maxima(y, x, (1, cells))
        given = given[:, 4:]
        assert_averages(convpool.avg_pool2d(given, (1, cells)), x[:, 4:], (1, cells))
    assert_same_bits(
        convpool.avg_pool2d(apart[..., ::2], (1, cells)), convpool.avg_pool2d(x, (1, cells))
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("threads", [1, 4])
def test_work_for_several_threads(threads, layout):
    x = normal(1, 2, 40, 41, 64)
    arguments = {"stride": 2, "padding": 1, "layout": layout}
    y = convpool.max_pool2d(x, 3, num_threads=threads, **arguments)
    assert_maxima(y, x, 3, **arguments)
    y = convpool.avg_pool2d(x, 3, num_threads=threads, **arguments)
    assert_averages(y, x, 3, **arguments)


@pytest.mark.parametrize("pool", [convpool.max_pool2d, convpool.avg_pool2d])
def test_padding_must_be_smaller_than_the_window(pool):
    """One that lies wholly in the padding has no maximum and no mean."""
    assert pool(X, 3, padding=2).shape == (2, 3, 4, 4)
    for padding in (3, (3, 0), ((0, 3), (0, 0)), ((0, 0), (4, 0))):
        with pytest.raises(ValueError, match=r"\bpadding\b"):
            pool(X, 3, padding=padding)


def test_dilated_windows_span_more_padding():
    arguments = {"padding": 4, "dilation": 2, "stride": 1}
    assert_maxima(convpool.max_pool2d(X, 3, **arguments), X, 3, **arguments)
    with pytest.raises(ValueError, match=r"\bpadding\b"):
        convpool.max_pool2d(X, 3, padding=5, dilation=2)


@pytest.mark.parametrize("pool", [convpool.max_pool2d, convpool.avg_pool2d])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.complex64])
def test_integers_are_refused_with_the_fix(pool, dtype):
    with pytest.raises(TypeError, match=r"\bx\b.*astype"):
        pool(np.ones((1, 1, 4, 4), dtype), 2)


@pytest.mark.parametrize("pool", [convpool.max_pool2d, convpool.avg_pool2d])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3)])
@pytest.mark.parametrize("flip", [(1, 1, -1, 1), (1, -1, 1, 1), (-1, -1, -1, 1), (1, 1, 1, -1)])
def test_nothing_is_written_beside_out_in_whatever_order_its_rows_lie(pool, order, flip):
    x = np.random.default_rng(5).random((2, 3, 14, 14), np.float32)
    expected = pool(x, 3, stride=2)
    room = np.full([expected.shape[axis] + 6 for axis in order], 77, np.float32)
    inner = room[(slice(3, -3),) * 4].transpose(np.argsort(order))
    out = inner[tuple(slice(None, None, step) for step in flip)]
    pool(x, 3, stride=2, out=out)
    np.testing.assert_array_equal(out, expected)
    inner[...] = 77
    assert (room == 77).all()
