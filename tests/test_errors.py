"""What does not fit is a TypeError or ValueError that names the argument, before anything happens.

Each case runs with an `out` full of a sentinel, which must still be there afterwards.
"""

import numpy as np
import pytest

import convpool

NAN = float("nan")


class Raising:
    """Claims to be a whole number, and is none."""

    def __init__(self, error):
        self.error = error

    def __index__(self):
        raise self.error

    def __repr__(self):
        return f"Raising({self.error!r})"


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


CALLS = {
    "conv1d": (convpool.conv1d, {"x": ones(1, 4, 6), "weight": ones(8, 4, 3)}, (1, 8, 4)),
    "conv2d": (convpool.conv2d, {"x": ones(1, 4, 6, 6), "weight": ones(8, 4, 3, 3)}, (1, 8, 4, 4)),
    "conv3d": (
        convpool.conv3d,
        {"x": ones(1, 4, 6, 6, 6), "weight": ones(8, 4, 3, 3, 3)},
        (1, 8, 4, 4, 4),
    ),
    "linear": (convpool.linear, {"x": ones(3, 4), "weight": ones(8, 4)}, None),
    "max_pool2d": (
        convpool.max_pool2d,
        {"x": ones(1, 4, 6, 6), "kernel_size": 3, "stride": 1},
        (1, 4, 4, 4),
    ),
    "avg_pool2d": (
        convpool.avg_pool2d,
        {"x": ones(1, 4, 6, 6), "kernel_size": 3, "stride": 1},
        (1, 4, 4, 4),
    ),
    "filter2d": (convpool.filter2d, {"image": ones(6, 6), "kernel": ones(3, 3)}, (6, 6)),
}
CONVS = ["conv1d", "conv2d", "conv3d"]
POOLS = ["max_pool2d", "avg_pool2d"]
SPATIAL = {"conv1d": 1, "conv2d": 2, "conv3d": 3, "max_pool2d": 2, "avg_pool2d": 2}


def refused(call, error, argument, /, **changes):
    """The call with `changes` raises `error`, names `argument` and leaves `out` alone."""
    function, arguments, shape = CALLS[call]
    out = None if shape is None else np.full(shape, 55, np.float32)
    arguments = {**arguments, **({} if out is None else {"out": out}), **changes}
    with pytest.raises(error, match=rf"\b{argument}\b") as raised:
        function(**arguments)
    assert type(raised.value) in (TypeError, ValueError)
    assert out is None or (out == 55).all()
    return str(raised.value)


def test_the_unchanged_calls_are_right():
    for function, arguments, shape in CALLS.values():
        out = {} if shape is None else {"out": np.empty(shape, np.float32)}
        function(**arguments, **out)


# Numbers

NOT_INTEGERS = [1.5, 1.0, True, np.True_, NAN, "x", b"1", None, {}, ..., 1j, [[1]],
                np.float32(1), Raising(TypeError("none"))]  # fmt: skip
OUT_OF_RANGE = [-1, -(2**62), 2**62, 2**63, 2**64, 2**80, -(2**80)]


@pytest.mark.parametrize("value", NOT_INTEGERS, ids=repr)
@pytest.mark.parametrize(
    ("call", "argument"),
    [(c, a) for c in CONVS for a in ("stride", "padding", "dilation", "groups")]
    + [(c, a) for c in POOLS for a in ("kernel_size", "padding")]
    + [("max_pool2d", "dilation")],
)
def test_what_is_no_whole_number(call, argument, value):
    refused(call, (TypeError, ValueError), argument, **{argument: value})
    if argument != "groups":  # and as one of several
        several = (*[1] * (SPATIAL[call] - 1), value)
        refused(call, (TypeError, ValueError), argument, **{argument: several})


@pytest.mark.parametrize("value", [1.5, True, NAN, None, {}, Raising(TypeError("none"))], ids=repr)
def test_what_is_no_whole_number_is_a_type_error(value):
    for argument in ("stride", "padding", "dilation", "groups"):
        refused("conv2d", TypeError, argument, **{argument: value})
    refused("max_pool2d", TypeError, "kernel_size", kernel_size=value)


@pytest.mark.parametrize("error", [TypeError("none"), ValueError("none"), RuntimeError("none")])
def test_an_index_that_fails_writes_nothing(error):
    for argument in ("stride", "padding", "dilation", "groups"):
        out = np.full((1, 8, 4, 4), 55, np.float32)
        with pytest.raises((TypeError, ValueError, type(error))):
            convpool.conv2d(
                ones(1, 4, 6, 6), ones(8, 4, 3, 3), out=out, **{argument: Raising(error)}
            )
        assert (out == 55).all()


@pytest.mark.parametrize("value", OUT_OF_RANGE)
@pytest.mark.parametrize(
    ("call", "argument"),
    [(c, a) for c in CONVS for a in ("stride", "padding", "dilation", "groups")]
    + [(c, a) for c in POOLS for a in ("kernel_size", "stride", "padding")]
    + [("max_pool2d", "dilation")],
)
def test_numbers_out_of_range(call, argument, value):
    refused(call, ValueError, argument, **{argument: value})
    if argument != "groups":
        refused(call, ValueError, argument, **{argument: (*[1] * (SPATIAL[call] - 1), value)})
    if argument == "padding":
        pairs = [(1, 1)] * (SPATIAL[call] - 1)
        refused(call, ValueError, argument, padding=[*pairs, (0, value)])
        refused(call, ValueError, argument, padding=[*pairs, (value, 0)])


@pytest.mark.parametrize(
    ("call", "argument"),
    [(c, a) for c in CONVS for a in ("stride", "dilation", "groups")]
    + [(c, a) for c in POOLS for a in ("kernel_size", "stride")]
    + [("max_pool2d", "dilation")],
)
def test_zero_where_one_is_the_least(call, argument):
    refused(call, ValueError, argument, **{argument: 0})


@pytest.mark.parametrize(
    ("call", "argument"),
    [(c, a) for c in CONVS for a in ("stride", "padding", "dilation")]
    + [(c, a) for c in POOLS for a in ("kernel_size", "stride", "padding")],
)
def test_too_few_and_too_many_numbers(call, argument):
    for count in {0, 1, 2, 3, 4} - {SPATIAL[call]}:
        refused(call, ValueError, argument, **{argument: (1,) * count})
    refused(call, (TypeError, ValueError), argument, **{argument: {1, 2}})


@pytest.mark.parametrize("padding", [
    "full", "SAME", "", ((1, 1),), ((1,), (1,)), ((1, 1, 1), (1, 1, 1)), ((1, 1), (1, 1), (1, 1)),
    (((1, 1), 1), 1), ("same", "same"), ((1, 1), "ab"), 3 * ((1, 1),), [[1.0, 1], [1, 1]],
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("call", ["conv2d", *POOLS])
def test_paddings_of_no_known_form(call, padding):
    refused(call, (TypeError, ValueError), "padding", padding=padding)


@pytest.mark.parametrize("value", [0, -1, 2**80, 1.5, True, "x", NAN, Raising(TypeError("none"))],
                         ids=repr)  # fmt: skip
@pytest.mark.parametrize("call", CALLS)
def test_num_threads(call, value):
    refused(call, (TypeError, ValueError), "num_threads", num_threads=value)


@pytest.mark.parametrize("value", [0, 1.5, True, "x", NAN, (2,), 2**80], ids=repr)
def test_divisor_override(value):
    refused("avg_pool2d", (TypeError, ValueError), "divisor_override", divisor_override=value)


@pytest.mark.parametrize("value", ["1", None, 1j, [1], ...], ids=repr)
@pytest.mark.parametrize("call", ["conv2d", "filter2d"])
def test_padding_value_that_is_no_number(call, value):
    refused(call, TypeError, "padding_value", padding_mode="constant", padding_value=value)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("value", [1, -0.5, NAN])
@pytest.mark.parametrize("call", ["conv2d", "filter2d"])
def test_padding_value_with_another_mode(call, value, mode):
    refused(call, ValueError, "padding_value", padding_mode=mode, padding_value=value)


# Names


@pytest.mark.parametrize("value", ["mirror", "Zeros", "", None, 0, b"zeros", ["zeros"]], ids=repr)
@pytest.mark.parametrize("call", [*CONVS, "filter2d"])
def test_padding_mode(call, value):
    message = refused(call, (TypeError, ValueError), "padding_mode", padding_mode=value)
    assert "reflect" in message  # those there are


@pytest.mark.parametrize("value", ["fastest", "Direct", "", None, 0], ids=repr)
@pytest.mark.parametrize("call", CONVS)
def test_algorithm(call, value):
    assert "direct" in refused(call, (TypeError, ValueError), "algorithm", algorithm=value)


@pytest.mark.parametrize("value", ["NHCW", "nchw", "CHW", "", None, 0, "NCDHWX"], ids=repr)
@pytest.mark.parametrize("call", [*CONVS, *POOLS])
def test_layout(call, value):
    refused(call, (TypeError, ValueError), "layout", layout=value)


def test_layouts_of_other_dimensions():
    refused("conv1d", ValueError, "layout", layout="NCHW")
    refused("conv2d", ValueError, "layout", layout="NWC")
    refused("conv3d", ValueError, "layout", layout="NHWC")
    refused("max_pool2d", ValueError, "layout", layout="NCW")


@pytest.mark.parametrize("value", [
    "ReLU", "", 0, True, np.tanh, ("relu", 1), ("tanh", 0.5), ("leaky_relu",), ("leaky_relu", 1, 2),
    ("leaky_relu", "x"), ("leaky_relu", None), ("leaky_relu", NAN), ("leaky_relu", (1, 2)),
    ("hardtanh", 1), ("hardtanh", (1,)), ("hardtanh", (2, 1)), ("hardtanh", (0, NAN)),
    ("hardtanh", "ab"), ("nosuch", 1), (None, 1), (), ["relu"], {"relu": 1},
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("call", ["conv2d", "linear"])
def test_activation(call, value):
    refused(call, (TypeError, ValueError), "activation", activation=value)


# Types

OTHER_TYPES = [np.int8, np.uint8, np.int32, np.int64, np.bool_, np.complex64, np.complex128,
               np.longdouble, object, "S1", "U1", "M8[s]", "m8[s]", [("a", "f4")]]  # fmt: skip
TAKES_FLOATS = {call: "x" for call in [*CONVS, "linear", *POOLS]}


@pytest.mark.parametrize("dtype", OTHER_TYPES, ids=str)
@pytest.mark.parametrize("call", TAKES_FLOATS)
def test_types_other_than_float(call, dtype):
    x = np.zeros(CALLS[call][1]["x"].shape, dtype)
    assert "astype" in refused(call, TypeError, "x", x=x)


@pytest.mark.parametrize("dtype", [t for t in OTHER_TYPES if t is not np.uint8] + [np.float16],
                         ids=str)  # fmt: skip
def test_types_that_no_image_has(dtype):
    assert "astype" in refused("filter2d", TypeError, "image", image=np.zeros((6, 6), dtype))


@pytest.mark.parametrize("dtype", [np.complex64, object, "U1", "M8[s]"], ids=str)
def test_types_that_no_kernel_has(dtype):
    refused("filter2d", TypeError, "kernel", kernel=np.zeros((3, 3), dtype))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.bool_, np.complex64, object,
                                   np.longdouble], ids=str)  # fmt: skip
def test_mixed_types(dtype):
    for call in CONVS:
        weight = CALLS[call][1]["weight"].astype(dtype)
        assert "float32" in refused(call, TypeError, "weight", weight=weight)
        refused(call, TypeError, "bias", bias=np.zeros(8, dtype))
        refused(call, TypeError, "residual", residual=np.zeros(CALLS[call][2], dtype))
    refused("linear", TypeError, "weight", weight=np.zeros((8, 4), dtype))
    refused("linear", TypeError, "bias", bias=np.zeros(8, dtype))


@pytest.mark.parametrize("value", [None, "x", ..., {}, 1, [[1], [1, 2]], [], [[[["a"]]]]],
                         ids=repr)  # fmt: skip
def test_what_is_no_such_array(value):
    for call in CALLS:
        first, second = list(CALLS[call][1])[:2]
        refused(call, (TypeError, ValueError), first, **{first: value})
        if call not in POOLS:
            refused(call, (TypeError, ValueError), second, **{second: value})


# Shapes


@pytest.mark.parametrize("call", [*CONVS, *POOLS])
def test_numbers_of_axes(call):
    shape = CALLS[call][1]["x"].shape
    for wrong in ((), shape[2:], (1, *shape)):
        refused(call, ValueError, "x", x=ones(*wrong))


@pytest.mark.parametrize("call", [*CONVS, *POOLS])
def test_no_channels_and_empty_axes(call):
    shape = CALLS[call][1]["x"].shape
    for axis in range(1, len(shape)):
        refused(call, ValueError, "x", x=ones(*shape[:axis], 0, *shape[axis + 1 :]))


@pytest.mark.parametrize("call", CONVS)
def test_shapes_of_weights(call):
    shape = CALLS[call][1]["weight"].shape
    for wrong in ((), shape[1:], (*shape, 1), (8, 3, *shape[2:]), (8, 5, *shape[2:])):
        refused(call, ValueError, "weight", weight=ones(*wrong))
    for axis in range(len(shape)):
        refused(call, ValueError, "weight", weight=ones(*shape[:axis], 0, *shape[axis + 1 :]))


@pytest.mark.parametrize("call", CONVS)
def test_kernels_larger_than_the_padded_input(call):
    shape = CALLS[call][1]["weight"].shape
    refused(call, ValueError, "weight", weight=ones(8, 4, *shape[2:-1], 7))
    refused(call, ValueError, "weight", weight=ones(8, 4, *shape[2:-1], 9), padding=1)
    refused(call, ValueError, "(weight|dilation)", dilation=3)
    refused(call, ValueError, "(weight|dilation)", dilation=2**31 - 1)


@pytest.mark.parametrize(
    ("groups", "weight", "argument"),
    [(3, (8, 4, 3, 3), "groups"), (2, (7, 2, 3, 3), "groups"), (2, (8, 4, 3, 3), "weight"),
     (4, (8, 2, 3, 3), "weight"), (8, (8, 1, 3, 3), "groups")],
)  # fmt: skip
def test_groups_that_do_not_divide(groups, weight, argument):
    refused("conv2d", ValueError, argument, groups=groups, weight=ones(*weight))


def test_shapes_of_bias():
    for call in (*CONVS, "linear"):
        for wrong in ((), (7,), (9,), (1, 8), (8, 1), (0,), (1,)):
            refused(call, ValueError, "bias", bias=ones(*wrong))


def test_shapes_of_residual():
    for call in CONVS:
        shape = CALLS[call][2]
        for wrong in ((), shape[1:], (1, *shape), (1, 4, *shape[2:]), (*shape[:-1], 1), (1, 1)):
            refused(call, ValueError, "residual", residual=ones(*wrong))


def test_shapes_for_linear():
    for wrong in ((), (5,), (3, 5), (2, 3, 3), (4, 0)):
        refused("linear", ValueError, "(x|weight)", x=ones(*wrong))
    for wrong in ((), (4,), (8, 5), (8, 4, 1), (0, 4), (8, 0)):
        refused("linear", ValueError, "(x|weight)", weight=ones(*wrong))


def test_shapes_for_filter2d():
    for wrong in ((), (6,), (0, 6), (6, 0), (6, 6, 0), (1, 6, 6, 3)):
        refused("filter2d", ValueError, "image", image=ones(*wrong))
    for wrong in ((), (3,), (0, 3), (3, 0), (3, 3, 1)):
        refused("filter2d", ValueError, "kernel", kernel=ones(*wrong))


@pytest.mark.parametrize("call", POOLS)
def test_windows_larger_than_the_padded_input(call):
    refused(call, ValueError, "kernel_size", kernel_size=7)
    refused(call, ValueError, "kernel_size", kernel_size=(3, 9), padding=1)
    if call == "max_pool2d":
        refused(call, ValueError, "(kernel_size|dilation)", dilation=3)


@pytest.mark.parametrize("call", POOLS)
@pytest.mark.parametrize("padding", [3, (3, 0), ((0, 0), (0, 3)), 2**31 - 1], ids=str)
def test_pools_whose_padding_is_as_large_as_their_window(call, padding):
    refused(call, ValueError, "padding", padding=padding)


@pytest.mark.parametrize(("mode", "largest"), [("reflect", 5), ("circular", 6)])
def test_padding_that_a_mode_cannot_fill(mode, largest):
    """PyTorch's rule: a reflection or a copy of the other side happens once at most."""
    x, weight = ones(1, 4, 6, 6), ones(8, 4, 3, 3)
    assert convpool.conv2d(x, weight, padding=largest, padding_mode=mode).shape[-1] > 6
    for padding in (largest + 1, (largest + 1, 0), ((0, 0), (0, largest + 1))):
        refused("conv2d", ValueError, "padding", padding=padding, padding_mode=mode)


# Sizes beyond any machine. The arrays are broadcast: a few bytes that claim to be very large.


def claimed(*shape, dtype=np.float32):
    return np.broadcast_to(dtype(1), shape)


BEYOND = {
    "output of conv2d, in elements": lambda: convpool.conv2d(
        claimed(2**30, 1, 2**15, 2**15), claimed(64, 1, 1, 1)
    ),
    "output of conv2d, in bytes": lambda: convpool.conv2d(
        claimed(2**30, 1, 2**15, 2**15), claimed(4, 1, 1, 1)
    ),
    "output of conv2d, in memory": lambda: convpool.conv2d(
        claimed(2**20, 1, 2**15, 2**15), claimed(1, 1, 1, 1)
    ),
    "padding": lambda: convpool.conv2d(ones(1, 1, 1, 1), ones(1, 1, 1, 1), padding=2**31 - 1),
    "padding, with a batch": lambda: convpool.conv2d(
        claimed(2**20, 1, 1, 1), ones(1, 1, 1, 1), padding=2**31 - 1
    ),
    "padding in 3-D": lambda: convpool.conv3d(
        ones(1, 1, 1, 1, 1), ones(1, 1, 1, 1, 1), padding=2**31 - 1
    ),
    "weight": lambda: convpool.conv2d(
        claimed(1, 2**20, 2**10, 2**10), claimed(2**20, 2**20, 2**10, 2**10)
    ),
    "weight in float16": lambda: convpool.conv2d(
        claimed(1, 2**20, 2**10, 2**10, dtype=np.float16),
        claimed(2**21, 2**20, 2**10, 2**10, dtype=np.float16),
    ),
    "rows of linear": lambda: convpool.linear(claimed(2**40, 2**10), claimed(2**10, 2**10)),
    "weight of linear": lambda: convpool.linear(claimed(1, 2**40), claimed(2**20, 2**40)),
    "max_pool2d": lambda: convpool.max_pool2d(claimed(2**30, 1, 2**15, 2**15), 1),
    "indices of max_pool2d": lambda: convpool.max_pool2d(
        claimed(2**30, 1, 2**15, 2**15, dtype=np.float16), 1, return_indices=True
    ),
    "avg_pool2d": lambda: convpool.avg_pool2d(
        ones(1, 1, 1, 1), 2**31 - 1, stride=1, padding=2**31 - 2
    ),
    "image": lambda: convpool.filter2d(claimed(2**30, 2**30, dtype=np.uint8), ones(3, 3)),
    "kernel": lambda: convpool.filter2d(np.ones((3, 3), np.uint8), claimed(2**30, 2**29)),
    "kernel along one axis": lambda: convpool.filter2d(ones(3, 3), claimed(1, 2**50)),
}


@pytest.mark.parametrize("case", BEYOND)
def test_sizes_beyond_any_machine(case):
    """Products that overflow 64 bits, and what merely no memory holds."""
    with pytest.raises((ValueError, MemoryError)):
        BEYOND[case]()


FAR = "padding=(P - 1, P - 1), dilation=P - 1, stride=P"


@pytest.mark.parametrize("case", [
    "conv2d(ones(1, 1, 16), ones(16, 1, 2, 2), groups=16, layout='NHWC', FAR)",
    "conv2d(ones(1, 1, 17), ones(17, 1, 2, 2), groups=17, layout='NHWC', FAR)",
    "conv2d(ones(16, 1, 1), ones(16, 1, 2, 2), groups=16, FAR)",
    "conv2d(ones(16, 1, 1), ones(2, 16, 2, 2), FAR)",
    "max_pool2d(ones(16, 1, 1), 2, FAR)",
    "max_pool2d(ones(1, 1, 16), 2, layout='NHWC', FAR)",
])  # fmt: skip
@pytest.mark.parametrize("reach", [2**30, 2**31 - 1])
def test_taps_so_far_apart_that_products_of_distances_overflow(python, case, reach):
    """One output of which one tap meets the only pixel: right, or refused, but never a crash."""
    result = python(f"""
        import numpy as np
        from convpool import *
        P = {reach}
        ones = lambda *shape: np.ones(shape, np.float32)
        try:
            y = {case.replace("FAR", FAR)}
        except ValueError:
            pass
        else:
            assert y.ravel()[0] in (1, 16)
        """)
    assert result.returncode == 0, result.stderr


def test_sizes_that_fit_although_they_sound_large():
    """Huge axes of stride 0 of which little is used."""
    y = convpool.conv2d(claimed(1, 1, 2**31 - 1, 3), ones(2, 1, 3, 3), stride=(2**30, 1))
    assert y.ravel().tolist() == [9.0] * 4
    y = convpool.max_pool2d(claimed(1, 2, 2**31 - 1, 3), (1, 3), stride=(2**30, 1))
    assert y.ravel().tolist() == [1.0] * 4


def test_an_array_whose_making_fails_is_named():
    class Failing:
        def __array__(self, dtype=None, copy=None):
            return b"\xff".decode()

    refused("conv2d", ValueError, "weight", weight=Failing())
