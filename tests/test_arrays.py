"""How arrays come and go: layouts, memory, other objects, `out`, one example, no example."""

import array
import itertools

import numpy as np
import pytest

import convpool
from reference import MEMORY, WRITEABLE_MEMORY, assert_convolves, assert_same_bits

RNG = np.random.default_rng
FLOATS = [np.float16, np.float32, np.float64]


def normal(seed, *shape, dtype=np.float32):
    return RNG(seed).standard_normal(shape).astype(dtype)


X, WEIGHT, BIAS, RESIDUAL = (
    normal(0, 2, 4, 7, 6), normal(1, 4, 4, 3, 3), normal(2, 4), normal(3, 2, 4, 7, 6)
)  # fmt: skip
ROWS, MATRIX = normal(4, 3, 5), normal(5, 4, 5)
IMAGE, TAPS = RNG(6).integers(0, 256, (9, 8, 3)).astype(np.uint8), normal(7, 3, 3)

# Each function as one of its arrays; all of them give an answer of x's shape.
CALLS = {
    "conv2d": lambda x, **k: convpool.conv2d(x, WEIGHT.astype(x.dtype), padding=1, **k),
    "depthwise": lambda x, **k: convpool.conv2d(
        x, WEIGHT[:, :1].astype(x.dtype), padding=1, groups=4, **k
    ),
    "1x1": lambda x, **k: convpool.conv2d(x, WEIGHT[:, :, :1, :1].astype(x.dtype), **k),
    "max_pool2d": lambda x, **k: convpool.max_pool2d(x, 3, stride=1, padding=1, **k),
    "avg_pool2d": lambda x, **k: convpool.avg_pool2d(x, 3, stride=1, padding=1, **k),
}
PICTURES = {"filter2d": lambda x, **k: convpool.filter2d(x, TAPS, **k)}


# Memory


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("call", CALLS)
def test_input_anywhere_in_memory(call, memory, dtype):
    x = X.astype(dtype)
    given = MEMORY[memory](x)
    np.testing.assert_array_equal(given, x)
    assert_same_bits(CALLS[call](given), CALLS[call](x))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("memory", MEMORY)
def test_image_and_kernel_anywhere_in_memory(memory, dtype):
    image, form = IMAGE.astype(dtype), MEMORY[memory]
    expected = convpool.filter2d(image, TAPS)
    assert_same_bits(convpool.filter2d(form(image), form(TAPS)), expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("groups", [1, 4])
def test_weight_bias_and_residual_anywhere_in_memory(groups, memory, dtype):
    form = MEMORY[memory]
    x, weight = X.astype(dtype), WEIGHT[:, : 4 // groups].astype(dtype)
    bias, residual = BIAS.astype(dtype), RESIDUAL.astype(dtype)
    arguments = {"padding": 1, "groups": groups}
    y = convpool.conv2d(x, form(weight), form(bias), residual=form(residual), **arguments)
    assert_same_bits(y, convpool.conv2d(x, weight, bias, residual=residual, **arguments))
    assert_convolves(y, x, weight, bias, residual=residual, **arguments)


@pytest.mark.parametrize("memory", MEMORY)
def test_linear_anywhere_in_memory(memory):
    form = MEMORY[memory]
    expected = convpool.linear(ROWS, MATRIX, BIAS)
    assert_same_bits(convpool.linear(form(ROWS), form(MATRIX), form(BIAS)), expected)


@pytest.mark.parametrize("axis", range(4))
def test_broadcast_axes(axis):
    """Strides of 0, in each argument."""
    x = np.broadcast_to(X.take([0], axis), X.shape)
    weight = np.broadcast_to(WEIGHT.take([0], axis), WEIGHT.shape)
    residual = np.broadcast_to(RESIDUAL.take([0], axis), RESIDUAL.shape)
    bias = np.broadcast_to(BIAS[:1], BIAS.shape)
    for groups in (1, 4):
        w = weight[:, : 4 // groups]
        y = convpool.conv2d(x, w, bias, residual=residual, padding=1, groups=groups)
        expected = convpool.conv2d(
            x.copy(), w.copy(), bias.copy(), residual=residual.copy(), padding=1, groups=groups
        )
        assert_same_bits(y, expected)
    assert_same_bits(convpool.max_pool2d(x, 2), convpool.max_pool2d(x.copy(), 2))
    assert_same_bits(convpool.avg_pool2d(x, 2), convpool.avg_pool2d(x.copy(), 2))


def test_overlapping_windows_of_one_array():
    x = np.lib.stride_tricks.sliding_window_view(normal(1, 40), 16)[:20].reshape(1, 1, 20, 16)
    weight = normal(2, 3, 1, 3, 3)
    assert_same_bits(convpool.conv2d(x, weight), convpool.conv2d(x.copy(), weight))


@pytest.mark.parametrize("call", CALLS)
def test_inputs_are_left_alone(call):
    x = X.copy()
    CALLS[call](x)
    assert_same_bits(x, X)


# Layouts


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_channels_last_is_channels_first_moved(call, dtype):
    """On whole numbers, so that no order of sums can matter."""
    x = np.rint(2 * X).astype(dtype)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    exact = {
        "conv2d": lambda x, **k: convpool.conv2d(
            x, np.rint(WEIGHT).astype(x.dtype), padding=1, **k
        ),
        "depthwise": lambda x, **k: convpool.conv2d(
            x, np.rint(WEIGHT[:, :1]).astype(x.dtype), padding=1, groups=4, **k
        ),
        "1x1": lambda x, **k: convpool.conv2d(
            x, np.rint(WEIGHT[:, :, :1, :1]).astype(x.dtype), **k
        ),
    }
    run = exact.get(call, CALLS[call])
    y = run(last, layout="NHWC")
    np.testing.assert_array_equal(y, np.moveaxis(run(x), 1, -1), strict=True)
    assert y.flags.c_contiguous


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("call", CALLS)
def test_one_example_without_the_batch_axis(call, layout):
    x = np.moveaxis(X, 1, -1) if layout == "NHWC" else X
    alone = CALLS[call](x[1], layout=layout)
    assert_same_bits(alone, np.ascontiguousarray(CALLS[call](x, layout=layout)[1]))


def test_residual_and_out_of_one_example():
    out = np.empty((4, 7, 6), np.float32)
    y = convpool.conv2d(X[0], WEIGHT, residual=RESIDUAL[0], padding=1, out=out)
    assert y is out
    expected = convpool.conv2d(X, WEIGHT, residual=RESIDUAL, padding=1)
    assert_same_bits(y, expected[0].copy())
    with pytest.raises(ValueError, match=r"\bresidual\b"):
        convpool.conv2d(X[0], WEIGHT, residual=RESIDUAL[:1], padding=1)
    with pytest.raises(ValueError, match=r"\bout\b"):
        convpool.conv2d(X[:1], WEIGHT, padding=1, out=out)


@pytest.mark.parametrize("call", CALLS)
def test_batch_of_none(call):
    y = CALLS[call](X[:0])
    assert y.shape == (0, 4, 7, 6)
    assert y.dtype == np.float32
    out = np.empty_like(X[:0])
    assert CALLS[call](X[:0], out=out) is out


def test_batch_of_none_with_indices():
    y, where = convpool.max_pool2d(X[:0], 2, return_indices=True)
    assert y.shape == where.shape == (0, 4, 3, 3)
    assert where.dtype == np.int64


# Other objects


class Arraylike:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


class Exporter:
    """Speaks DLPack, and nothing else."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **arguments):
        return self.values.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def _array_array(values):
    return array.array(values.dtype.char, values.ravel().tolist())


OBJECTS = {
    "__array__": Arraylike,
    "__dlpack__": Exporter,
    "memoryview": memoryview,
    "lists": lambda a: a.tolist(),
    "subclass": lambda a: a.view(np.ma.MaskedArray),
    "memory map": lambda a: a.view(np.memmap),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_that_hold_arrays(kind):
    wrap = OBJECTS[kind]
    x, weight, bias, residual = (a.astype(np.float64) for a in (X, WEIGHT, BIAS, RESIDUAL))
    y = convpool.conv2d(wrap(x), wrap(weight), wrap(bias), residual=wrap(residual), padding=1)
    assert type(y) is np.ndarray
    assert_same_bits(y, convpool.conv2d(x, weight, bias, residual=residual, padding=1))
    assert_same_bits(convpool.max_pool2d(wrap(x), 2), convpool.max_pool2d(x, 2))
    assert_same_bits(convpool.avg_pool2d(wrap(x), 2), convpool.avg_pool2d(x, 2))
    rows, matrix = ROWS.astype(np.float64), MATRIX.astype(np.float64)
    assert_same_bits(convpool.linear(wrap(rows), wrap(matrix)), convpool.linear(rows, matrix))
    image = IMAGE if kind != "lists" else IMAGE.astype(np.float64)
    assert_same_bits(convpool.filter2d(wrap(image), wrap(TAPS)), convpool.filter2d(image, TAPS))


def test_array_array():
    row, matrix = array.array("f", [1, 2, 3]), np.float32([[1, 1, 1], [0, 1, 0]])
    assert convpool.linear(row, matrix, array.array("f", [10, 20])).tolist() == [16, 22]


def test_a_failing_dlpack_export_is_the_exporters_error():
    class Refusing:
        def __dlpack__(self, **arguments):
            raise BufferError("lives elsewhere")

        def __dlpack_device__(self):
            return (1, 0)

    with pytest.raises((BufferError, TypeError, ValueError)):
        convpool.conv2d(Refusing(), WEIGHT)


# out


def answer(call, x, **arguments):
    return {**CALLS, **PICTURES}[call](x, **arguments)


OUT_CASES = [
    *itertools.product(CALLS, FLOATS),
    *itertools.product(PICTURES, [np.uint8, np.uint16, np.float32, np.float64]),
]


def example(call, dtype):
    return (IMAGE if call in PICTURES else X).astype(dtype)


@pytest.mark.parametrize(("call", "dtype"), OUT_CASES)
@pytest.mark.parametrize("memory", WRITEABLE_MEMORY)
def test_out_anywhere_in_memory(memory, call, dtype):
    x = example(call, dtype)
    expected = answer(call, x)
    out = WRITEABLE_MEMORY[memory](np.full(x.shape, 55, dtype))
    assert answer(call, x, out=out) is out
    np.testing.assert_array_equal(out, expected, strict=True)


def test_what_lies_between_the_elements_of_out_stays():
    for call, dtype in OUT_CASES:
        x = example(call, dtype)
        space = np.full([2 * n for n in x.shape], 55, dtype)
        window = tuple(slice(1, None, 2) for _ in x.shape)
        answer(call, x, out=space[window])
        np.testing.assert_array_equal(space[window], answer(call, x))
        space[window] = 55
        assert (space == 55).all()


@pytest.mark.parametrize(("call", "dtype"), OUT_CASES)
def test_out_is_the_input(call, dtype):
    x = example(call, dtype)
    expected = answer(call, x)
    assert answer(call, x, out=x) is x
    assert_same_bits(x, expected)


@pytest.mark.parametrize(("call", "dtype"), OUT_CASES)
@pytest.mark.parametrize("way", ["shifted", "backwards", "transposed"])
def test_out_overlaps_the_input(way, call, dtype):
    x = example(call, dtype)
    if way == "shifted":
        store = np.zeros(x.size + 5, dtype)
        given, out = store[:-5].reshape(x.shape), store[5:].reshape(x.shape)
    elif way == "backwards":
        given = np.zeros(x.shape, dtype)
        out = given[(slice(None, None, -1),) * x.ndim]
    else:
        x = x[:2, :4, :3] if call in PICTURES else x[:, :4, :6]
        given = np.zeros(x.shape, dtype)
        out = given.T.reshape(x.shape) if given.T.shape == x.shape else given[::-1]
    given[...] = x
    expected = answer(call, x)
    assert answer(call, given, out=out) is out
    np.testing.assert_array_equal(out, expected, strict=True)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("groups", [1, 4])
def test_out_is_the_residual(groups, layout):
    x = np.moveaxis(X, 1, -1) if layout == "NHWC" else X
    residual = (np.moveaxis(RESIDUAL, 1, -1) if layout == "NHWC" else RESIDUAL).copy()
    arguments = {"padding": 1, "groups": groups, "layout": layout}
    weight = WEIGHT[:, : 4 // groups]
    expected = convpool.conv2d(x, weight, residual=residual, **arguments)
    out = convpool.conv2d(x, weight, residual=residual, out=residual, **arguments)
    assert out is residual
    assert_same_bits(out, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("outputs", "size", "more"),
    [
        (40, 1, {}),
        (100, 1, {}),
        (16, 1, {"activation": "sigmoid"}),
        (24, 3, {"algorithm": "direct", "activation": "relu"}),
        (24, 3, {"algorithm": "winograd", "activation": ("hardtanh", (-1.0, 2.0))}),
        (24, 3, {"groups": 24}),
        (24, 5, {"groups": 24, "activation": "silu"}),
    ],
)
def test_adding_in_place(outputs, size, more, layout, dtype):
    """An out that is the residual, for each way that sums take to it, by several threads."""
    generator = np.random.default_rng(3)
    draw = lambda *shape: generator.standard_normal(shape).astype(dtype)  # noqa: E731
    x, residual = draw(2, 24, 21, 22), draw(2, outputs, 21, 22)
    if layout == "NHWC":
        x, residual = (np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in (x, residual))
    weight = draw(outputs, 24 // more.get("groups", 1), size, size)
    terms = {"padding": size // 2, "layout": layout, "num_threads": 3, **more}
    expected = convpool.conv2d(x, weight, residual=residual, **terms)
    assert convpool.conv2d(x, weight, residual=residual, out=residual, **terms) is residual
    assert_same_bits(residual, expected)


def test_out_is_the_residual_backwards():
    residual = RESIDUAL.copy()
    expected = convpool.conv2d(X, WEIGHT, residual=RESIDUAL, padding=1)
    out = residual[:, :, ::-1]
    convpool.conv2d(X, WEIGHT, residual=residual, padding=1, out=out)
    np.testing.assert_array_equal(out, expected, strict=True)


def test_out_is_the_weight():
    x, weight = normal(1, 4, 4, 5, 5), WEIGHT.copy()
    expected = convpool.conv2d(x, WEIGHT)
    assert convpool.conv2d(x, weight, out=weight) is weight
    assert_same_bits(weight, expected)


def test_out_is_the_bias():
    bias = BIAS.copy()
    x = normal(1, 4, 3, 3)
    expected = convpool.conv2d(x, WEIGHT, BIAS)
    convpool.conv2d(x, WEIGHT, bias, out=bias.reshape(4, 1, 1))
    assert_same_bits(bias, expected.ravel())


def test_out_of_filter2d_is_the_kernel():
    image, taps = normal(1, 3, 3), TAPS.copy()
    expected = convpool.filter2d(image, TAPS)
    assert convpool.filter2d(image, taps, out=taps) is taps
    assert_same_bits(taps, expected)


def test_out_with_indices():
    out = np.empty((2, 4, 3, 3), np.float32)
    y, where = convpool.max_pool2d(X, 2, return_indices=True, out=out)
    expected, expected_where = convpool.max_pool2d(X, 2, return_indices=True)
    assert y is out
    assert_same_bits(out, expected)
    assert_same_bits(where, expected_where)


@pytest.mark.parametrize("call", [*CALLS, *PICTURES])
def test_outs_that_do_not_fit(call):
    """TypeError or ValueError, and not a byte of `out` is written."""
    x = example(call, np.float32)
    read_only = np.full(x.shape, 55, np.float32)
    read_only.flags.writeable = False
    shared = np.broadcast_to(np.full(1, 55, np.float32), x.shape)
    shared.flags.writeable = True
    for out, error in [
        (np.full(x.shape, 55, np.float64), TypeError),
        (np.full(x.shape, 55, np.int32), TypeError),
        (np.full((*x.shape[:-1], x.shape[-1] + 1), 55, np.float32), ValueError),
        (np.full(x.shape[1:], 55, np.float32), ValueError),
        (np.full((1, *x.shape), 55, np.float32), ValueError),
        (np.full(x.shape[::-1], 55, np.float32), ValueError),
        (read_only, ValueError),
        (shared, ValueError),
    ]:
        with pytest.raises(error, match=r"\bout\b"):
            answer(call, x, out=out)
        assert (out == 55).all()
    for other in ([], "out", x.tolist(), Arraylike(np.empty_like(x)), bytearray(x.nbytes)):
        with pytest.raises(TypeError, match=r"\bout\b"):
            answer(call, x, out=other)
