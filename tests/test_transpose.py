"""Transposed convolution is what the scatter loops say, and the adjoint of convolution."""

import time

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import convpool
import reference
from reference import MEMORY, WRITEABLE_MEMORY, assert_same_bits, assert_transposes
from test_properties import (
    FLOATS,
    arrays,
    draw_destination,
    draw_padding,
    draw_shape,
    maybe,
    per_axis,
    upto,
)

RNG = np.random.default_rng
SOME = settings(max_examples=settings().max_examples // 4)  # a draw here costs many elsewhere
SPATIAL = pytest.mark.parametrize("spatial", [1, 2, 3], ids=["1d", "2d", "3d"])


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


def layouts(spatial):
    axes = "DHW"[3 - spatial :]
    return f"NC{axes}", f"N{axes}C"


# The whole space of arguments


@st.composite
def transposed(draw, spatial, dtypes=FLOATS):
    dtype, whole = draw(st.sampled_from(dtypes)), draw(st.booleans())
    small = spatial == 3
    sizes = [draw(upto(4 if small else 6)) for _ in range(spatial)]
    kernel = [draw(upto(3 if small else 5)) for _ in range(spatial)]
    groups, inputs, outputs = draw(upto(3)), draw(upto(3)), draw(upto(3))
    layout = draw(st.sampled_from(layouts(spatial)))
    x = draw(arrays(draw_shape(draw, groups * inputs, sizes, layout.endswith("C")), dtype, whole))
    weight = draw(arrays((groups * inputs, outputs, *kernel), dtype, whole))
    bias = maybe(draw, arrays((groups * outputs,), dtype, whole))
    padding = draw_padding(draw, spatial, 4)
    arguments = {
        "stride": per_axis(draw, spatial, upto(4)),
        "padding": 1 if isinstance(padding, str) else padding,
        "output_padding": per_axis(draw, spatial, st.sampled_from([0, 0, 1, 2])),
        "dilation": per_axis(draw, spatial, upto(4)),
        "groups": groups,
        "layout": layout,
    }
    return x, weight, bias, arguments, sizes, kernel, dtype, whole


def naturals(sizes, kernel, arguments):
    """What the output measures without output_padding."""
    spatial = len(sizes)
    stride, dilation = (reference.per_axis(arguments[n], spatial) for n in ("stride", "dilation"))
    pads = reference.resolve_padding(arguments["padding"], sizes, kernel, stride, dilation)
    return [
        (n - 1) * s + (k - 1) * d + 1 - sum(pair)
        for n, k, s, d, pair in zip(sizes, kernel, stride, dilation, pads, strict=True)
    ]


def is_allowed(sizes, kernel, arguments):
    spatial = len(sizes)
    stride, dilation, extra = (
        reference.per_axis(arguments[n], spatial) for n in ("stride", "dilation", "output_padding")
    )
    least = naturals(sizes, kernel, arguments)
    return all(
        e < max(s, d) and n + e > 0
        for e, s, d, n in zip(extra, stride, dilation, least, strict=True)
    )


@SPATIAL
@SOME
@given(data=st.data())
def test_all_arguments(spatial, data):
    draw = data.draw
    x, weight, bias, arguments, sizes, kernel, dtype, whole = draw(transposed(spatial))
    function = getattr(convpool, f"conv_transpose{spatial}d")
    shape_of = {**arguments, "transposed": True}
    if not is_allowed(sizes, kernel, arguments):
        event("refused")
        for refused in (
            lambda: function(x, weight, bias, **arguments),
            lambda: convpool.conv_output_shape(x.shape, weight.shape, **shape_of),
        ):
            with pytest.raises(ValueError, match=r"^(output_)?padding: got .*, expected"):
                refused()
        return
    expected = reference.conv_transpose(x, weight, bias, **arguments)
    assert convpool.conv_output_shape(x.shape, weight.shape, **shape_of) == expected.shape
    out = draw_destination(draw, expected.shape, dtype)
    threads = draw(st.sampled_from([None, 1, 2, 3]))
    y = function(x, weight, bias, out=out, num_threads=threads, **arguments)
    assert out is None or y is out
    assert_transposes(y, x, weight, bias, **arguments)
    if whole:
        np.testing.assert_array_equal(y, expected.astype(dtype))


@SPATIAL
@SOME
@given(data=st.data())
def test_is_the_adjoint_of_convolution(spatial, data):
    """<conv(x), y> = <x, conv_transpose(y)>, exactly, on whole numbers."""
    draw = data.draw
    y, weight, _, arguments, _, _, _, _ = draw(transposed(spatial, [np.dtype(np.float64)]))
    y, weight = np.rint(y), np.rint(weight)
    extra = arguments.pop("output_padding")
    try:
        back = getattr(convpool, f"conv_transpose{spatial}d")(
            y, weight, output_padding=extra, **arguments
        )
        x = np.rint(RNG(1).standard_normal(back.shape))
        there = getattr(convpool, f"conv{spatial}d")(x, weight, **arguments)
    except ValueError:
        event("refused")
        return
    if there.shape != y.shape:  # output_padding may exceed the stride if the dilation does
        event("another size")
        return
    assert (there * y).sum() == (x * back).sum()


@SOME
@given(data=st.data())
def test_results_do_not_depend_on_how_a_call_is_written(data):
    x, weight, bias, arguments, sizes, kernel, _, _ = data.draw(transposed(2))
    if not is_allowed(sizes, kernel, arguments):
        return
    y = convpool.conv_transpose2d(x, weight, bias, **arguments)
    stride, dilation, extra = (
        reference.per_axis(arguments[n], 2) for n in ("stride", "dilation", "output_padding")
    )
    spelled = {
        **arguments,
        "stride": list(stride),
        "dilation": np.array(dilation),
        "padding": reference.resolve_padding(arguments["padding"], sizes, kernel, stride, dilation),
        "groups": np.int8(arguments["groups"]),
    }
    assert_same_bits(convpool.conv_transpose2d(x, weight, bias, **spelled), y)
    if all(e < s for e, s in zip(extra, stride, strict=True)):
        del spelled["output_padding"]
        least = naturals(sizes, kernel, arguments)
        size = [n + e for n, e in zip(least, extra, strict=True)]
        if min(least) >= 0:
            for given_size in (tuple(size), np.array(size), y.shape):
                spelled["output_size"] = given_size
                assert_same_bits(convpool.conv_transpose2d(x, weight, bias, **spelled), y)


# Bits


WORK = {
    "stride 1": (12, 20, (3, 3), {"padding": 1}),
    "stride 2": (12, 20, (4, 4), {"stride": 2, "padding": 1}),
    "stride 2, channels last": (12, 20, (3, 3), {"stride": 2, "layout": "NHWC"}),
    "stride 3, dilation 2": (8, 9, (3, 2), {"stride": 3, "dilation": 2}),
    "stride 4, dilation 2": (8, 9, (5, 3), {"stride": 4, "dilation": 2, "output_padding": 3}),
    "groups": (12, 4, (3, 3), {"stride": 2, "groups": 3}),
    "depthwise": (24, 1, (3, 3), {"stride": 2, "groups": 24}),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", WORK)
def test_any_threads_any_batch_any_memory(name, dtype):
    channels, outputs, kernel, arguments = WORK[name]
    last = arguments.get("layout") == "NHWC"
    x = normal(1, *((5, 23, 19, channels) if last else (5, channels, 23, 19)), dtype=dtype)
    weight = normal(2, channels, outputs, *kernel, dtype=dtype)
    bias = normal(3, outputs * arguments.get("groups", 1), dtype=dtype)
    expected = convpool.conv_transpose2d(x, weight, bias, num_threads=1, **arguments)
    for threads in (2, 3, 16):
        y = convpool.conv_transpose2d(x, weight, bias, num_threads=threads, **arguments)
        assert_same_bits(y, expected)
    for part in (slice(0, 1), slice(1, 3), slice(None, None, -2)):
        y = convpool.conv_transpose2d(x[part], weight, bias, **arguments)
        assert_same_bits(y, np.ascontiguousarray(expected[part]))
    assert_same_bits(convpool.conv_transpose2d(x[3], weight, bias, **arguments), expected[3])
    if dtype == np.float32:
        for form in MEMORY.values():
            y = convpool.conv_transpose2d(form(x), form(weight), form(bias), **arguments)
            assert_same_bits(y, expected)
        for form in WRITEABLE_MEMORY.values():
            out = form(np.full(expected.shape, 55, dtype))
            assert convpool.conv_transpose2d(x, weight, bias, out=out, **arguments) is out
            np.testing.assert_array_equal(out, expected)


def test_out_may_overlap_the_inputs():
    store = normal(1, 2000)
    for offset in (0, 40, 300, 490):
        memory = store.copy()
        x, weight = memory[:128].reshape(1, 8, 4, 4), memory[200:488].reshape(8, 4, 3, 3)
        bias, out = memory[496:500], memory[offset : offset + 324].reshape(1, 4, 9, 9)
        expected = convpool.conv_transpose2d(x.copy(), weight.copy(), bias.copy(), stride=2)
        convpool.conv_transpose2d(x, weight, bias, stride=2, out=out)
        assert_same_bits(np.ascontiguousarray(out), expected)


# Edges of the space


@SPATIAL
def test_outputs_that_no_tap_meets_are_the_bias(spatial):
    x, bias = normal(1, 1, 2, *[3] * spatial), np.float32([1, -2, 3])
    weight = normal(2, 2, 3, *[2] * spatial)
    function = getattr(convpool, f"conv_transpose{spatial}d")
    for layout in layouts(spatial):
        given_x = np.moveaxis(x, 1, -1) if layout.endswith("C") else x
        y = function(given_x, weight, bias, stride=5, output_padding=2, layout=layout)
        y = np.moveaxis(y, -1, 1) if layout.endswith("C") else y
        met = np.arange(y.shape[-1]) % 5 < 2
        met[15:] = False
        for axis in range(2, 2 + spatial):
            rest = y.compress(~met, axis)
            np.testing.assert_array_equal(
                rest, np.broadcast_to(bias.reshape(-1, *[1] * spatial), rest.shape)
            )


def test_a_stride_that_leaves_nearly_all_outputs_to_the_bias_is_quick():
    x = np.ones((1, 1, 2, 2), np.float32)
    begin = time.perf_counter()
    y = convpool.conv_transpose2d(x, x, stride=1000)
    assert time.perf_counter() - begin < 1  # a loop over all phases would take seconds
    assert y.shape == (1, 1, 1002, 1002)
    assert y.sum() == 16


def test_only_outputs_that_see_an_infinity_or_nan_have_one():
    """Inserted zeros would turn an infinity into NaN all around."""
    x = np.ones((1, 1, 5, 5), np.float32)
    x[0, 0, 2, 2] = np.inf
    y = convpool.conv_transpose2d(x, np.ones((1, 1, 2, 2), np.float32), stride=3)
    assert np.isposinf(y[0, 0, 6:8, 6:8]).all()
    assert np.isinf(y).sum() == 4
    assert not np.isnan(y).any()


def test_cut_pixels_and_far_padding():
    """Padding beyond the kernel cuts pixels of x; padding of all but one leaves that one."""
    x, weight = normal(1, 1, 3, 9, 9, dtype=np.float64), normal(2, 3, 2, 3, 3, dtype=np.float64)
    for padding in (3, 4, 5, ((0, 10), (10, 0)), ((5, 5), (2, 8))):
        y = convpool.conv_transpose2d(x, weight, padding=padding)
        assert_transposes(y, x, weight, padding=padding)


@pytest.mark.parametrize("arguments", [{"dilation": 2**31 - 1}, {"stride": 2**31 - 1}])
def test_results_that_no_memory_holds(arguments):
    x = np.ones((1, 1, 3, 3), np.float32)
    with pytest.raises((MemoryError, ValueError)):
        convpool.conv_transpose2d(x, np.ones((1, 1, 3, 3), np.float32), **arguments)


def test_large_dilation_with_as_large_padding():
    x, weight = np.ones((1, 1, 1, 1), np.float32), normal(1, 1, 1, 3, 3)
    gap = 2**31 - 1
    y = convpool.conv_transpose2d(x, weight, dilation=gap, padding=gap)
    np.testing.assert_array_equal(y[0, 0], weight[0, 0, 1:2, 1:2])


@SPATIAL
def test_no_example(spatial):
    for layout in layouts(spatial):
        shape = (0, *[3] * spatial, 2) if layout.endswith("C") else (0, 2, *[3] * spatial)
        function = getattr(convpool, f"conv_transpose{spatial}d")
        y = function(np.ones(shape), np.ones((2, 4, *[2] * spatial)), stride=2, layout=layout)
        assert y.shape[0] == 0
        assert sorted(y.shape[1:]) == sorted([4, *[6] * spatial])


# Errors


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


BASE = {"x": ones(1, 4, 6, 6), "weight": ones(4, 8, 3, 3), "stride": 2}
REFUSED = [
    (TypeError, "x", {"x": ones(1, 4, 6, 6, dtype=np.int32)}),
    (ValueError, "x", {"x": ones(6, 6)}),
    (ValueError, "x", {"x": ones(1, 4, 0, 6)}),
    (TypeError, "weight", {"weight": ones(4, 8, 3, 3, dtype=np.float64)}),
    (ValueError, "weight", {"weight": ones(8, 4, 3, 3)}),
    (ValueError, "weight", {"weight": ones(4, 8, 3)}),
    (ValueError, "weight", {"weight": ones(4, 8, 0, 3)}),
    (ValueError, "bias", {"bias": ones(4)}),
    (TypeError, "bias", {"bias": ones(8, dtype=np.float64)}),
    (ValueError, "stride", {"stride": 0}),
    (ValueError, "stride", {"stride": (1, 1, 1)}),
    (TypeError, "stride", {"stride": 1.5}),
    (ValueError, "padding", {"padding": -1}),
    (ValueError, "padding", {"padding": "same"}),
    (ValueError, "padding", {"padding": 7}),
    (ValueError, "padding", {"padding": ((0, 13), (0, 0))}),
    (ValueError, "output_padding", {"output_padding": 2}),
    (ValueError, "output_padding", {"output_padding": -1}),
    (TypeError, "output_padding", {"output_padding": None}),
    (ValueError, "output_size", {"output_size": 12}),
    (ValueError, "output_size", {"output_size": 15}),
    (ValueError, "output_size", {"output_size": (13, 13, 13)}),
    (ValueError, "output_size", {"output_size": (13,) * 6}),
    (TypeError, "output_size", {"output_size": 13.0}),
    (TypeError, "output_size", {"output_size": (13, "x")}),
    (ValueError, "output_padding", {"output_size": 13, "output_padding": 1}),
    (ValueError, "dilation", {"dilation": 0}),
    (ValueError, "groups", {"groups": 3}),
    (ValueError, "groups", {"groups": 0}),
    (TypeError, "groups", {"groups": True}),
    (ValueError, "layout", {"layout": "NCW"}),
    (TypeError, "num_threads", {"num_threads": "2"}),
    (ValueError, "num_threads", {"num_threads": 0}),
    (ValueError, "out", {"out": ones(1, 8, 13, 12)}),
    (TypeError, "out", {"out": ones(1, 8, 13, 13, dtype=np.float64)}),
]


@pytest.mark.parametrize(("error", "argument", "changes"), REFUSED)
def test_what_does_not_fit_names_its_argument(error, argument, changes):
    out = np.full((1, 8, 13, 13), 55, np.float32)
    with pytest.raises(error, match=rf"^{argument}: got .*, expected ") as raised:
        convpool.conv_transpose2d(**{**BASE, "out": out, **changes})
    assert type(raised.value) is error
    assert (out == 55).all()


# Shapes


@SPATIAL
@SOME
@given(data=st.data())
def test_output_shape_of_convolutions(spatial, data):
    draw = data.draw
    layout = draw(st.sampled_from(layouts(spatial)))
    sizes = [draw(upto(9)) for _ in range(spatial)]
    groups = draw(upto(2))
    x = ones(*draw_shape(draw, 2 * groups, sizes, layout.endswith("C")))
    weight = ones(3 * groups, 2, *[draw(upto(4)) for _ in range(spatial)])
    arguments = {
        "stride": per_axis(draw, spatial, upto(3)),
        "padding": draw_padding(draw, spatial, 3),
        "dilation": per_axis(draw, spatial, upto(2)),
        "groups": groups,
        "layout": layout,
    }
    try:
        expected = getattr(convpool, f"conv{spatial}d")(x, weight, **arguments).shape
    except ValueError as error:
        with pytest.raises(ValueError, match=r"\b(weight_shape|input_shape|padding)\b") as raised:
            convpool.conv_output_shape(x.shape, weight.shape, **arguments)
        assert str(raised.value).split(":", 1)[1] == str(error).split(":", 1)[1]
        return
    shape = convpool.conv_output_shape(list(x.shape), np.array(weight.shape), **arguments)
    assert shape == expected
    assert all(type(n) is int for n in shape)


def test_output_shape_of_what_no_memory_holds():
    shape = convpool.conv_output_shape((2**20, 3, 2**16, 2**16), (64, 3, 3, 3), padding=1)
    assert shape == (2**20, 64, 2**16, 2**16)


@pytest.mark.parametrize(
    ("error", "argument", "changes"),
    [
        (ValueError, "input_shape", {"input_shape": (4, 4)}),
        (TypeError, "input_shape", {"input_shape": 4}),
        (TypeError, "input_shape", {"input_shape": (1, 2, 4, 4.0)}),
        (ValueError, "input_shape", {"input_shape": (1, 2, 0, 4)}),
        (ValueError, "input_shape", {"input_shape": (2**40, 2, 2**40, 4)}),
        (ValueError, "weight_shape", {"weight_shape": (3, 2)}),
        (ValueError, "weight_shape", {"weight_shape": (3, 0, 3, 3)}),
        (ValueError, "weight_shape", {"weight_shape": (3, 3, 3, 3)}),
        (ValueError, "weight_shape", {"weight_shape": (3, 2, 5, 3)}),
        (ValueError, "groups", {"groups": 2}),
        (ValueError, "stride", {"stride": 0}),
        (ValueError, "output_padding", {"output_padding": 1}),
        (ValueError, "output_size", {"output_size": 1}),
        (ValueError, "layout", {"layout": "NCW"}),
        (ValueError, "weight_shape", {"transposed": True}),
    ],
)
def test_shapes_that_do_not_fit(error, argument, changes):
    arguments = {"input_shape": (1, 2, 4, 4), "weight_shape": (3, 2, 3, 3), **changes}
    with pytest.raises(error, match=rf"^{argument}: got .*, expected |^{argument}: needs"):
        convpool.conv_output_shape(**arguments)
