"""What is settled at once in C is what the thorough way makes of it, and never more."""

import sys

import numpy as np
import pytest

import convpool


def normal(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


X, WEIGHT, BIAS = normal(0, 2, 4, 9, 8), normal(1, 8, 4, 3, 3), normal(2, 8)
ROWS, MATRIX = normal(3, 5, 6), normal(4, 8, 6)


class Whole:
    """A whole number by __index__ alone, and one that says how often it was asked."""

    def __init__(self, value):
        self.value, self.asked = value, 0

    def __repr__(self):
        return f"Whole({self.value})"

    def __index__(self):
        self.asked += 1
        return self.value


class Name(str):
    """Not exactly a str."""


class Number(float):
    """Not exactly a float."""


# Spellings: the first of each is settled in C, the others are not.


@pytest.mark.parametrize(
    ("argument", "spellings"),
    [
        ("stride", [2, (2, 2), [2, 2], np.int8(2), Whole(2), (np.uint64(2), Whole(2))]),
        ("stride", [(2, 1), [2, 1], np.array([2, 1]), (Whole(2), 1)]),
        ("dilation", [2, (2, 2), [2, 2], np.int64(2), Whole(2)]),
        ("padding", [1, (1, 1), ((1, 1), 1), [[1, 1], [1, 1]], np.ones((2, 2), int), Whole(1)]),
        ("padding", [(1, (0, 2)), [1, [0, 2]], ((1, 1), (0, 2)), np.array([[1, 1], [0, 2]])]),
        ("padding", ["same", Name("same"), np.str_("same"), 1]),
        ("padding", ["same_lower", Name("same_lower"), ((1, 1), (1, 1))]),
        ("padding", ["valid", Name("valid"), 0, ((0, 0), (0, 0))]),
        ("groups", [2, np.int16(2), Whole(2)]),
        ("activation", ["relu", Name("relu"), np.str_("relu")]),
        ("activation", ["elu", ("elu", 1.0), ["elu", 1], (Name("elu"), Number(1))]),
        ("layout", ["NCHW", Name("NCHW"), np.str_("NCHW")]),
        ("algorithm", ["direct", Name("direct")]),
        ("num_threads", [1, np.int64(1), Whole(1)]),
        ("flip", [True, 1, "yes", np.True_]),
    ],
)  # fmt: skip
def test_spellings_of_one_argument(argument, spellings):
    weight = WEIGHT[:, :2].copy() if argument == "groups" else WEIGHT
    expected = convpool.conv2d(X, weight, BIAS, **{argument: spellings[0]})
    for spelling in spellings[1:]:
        y = convpool.conv2d(X, weight, BIAS, **{argument: spelling})
        np.testing.assert_array_equal(y, expected, strict=True)
        packed = convpool.pack_weight(weight, BIAS, **{argument: spelling})
        np.testing.assert_array_equal(convpool.conv2d(X, packed), expected, strict=True)


@pytest.mark.parametrize("spelling", [(3, 2), [3, 2], np.array([3, 2]), (Whole(3), 2)], ids=repr)
def test_spellings_of_a_window(spelling):
    for pool in (convpool.max_pool2d, convpool.avg_pool2d):
        np.testing.assert_array_equal(pool(X, spelling), pool(X, (3, 2)))
        np.testing.assert_array_equal(pool(X, 2, stride=spelling), pool(X, 2, stride=(3, 2)))


@pytest.mark.parametrize("value", [2, 2.0, Number(2), np.float32(2), np.array(2.0), True])
def test_spellings_of_the_constant(value):
    y = convpool.conv2d(X, WEIGHT, padding=1, padding_mode="constant", padding_value=value)
    padded = np.pad(X, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=float(value))
    np.testing.assert_array_equal(y, convpool.conv2d(padded, WEIGHT))


def test_what_compares_equal_is_not_the_same():
    """True == 1 == 1.0: after calls with 1, the others still are no whole numbers."""
    for _ in range(3):
        convpool.conv2d(X, WEIGHT, stride=1, padding=(1, 1), dilation=1, groups=1)
        convpool.max_pool2d(X, 1, stride=(1, 1))
        for wrong in (True, 1.0, np.True_, (1, True), (1.0, 1)):
            for argument in ("stride", "padding", "dilation"):
                with pytest.raises(TypeError, match=rf"^{argument}: "):
                    convpool.conv2d(X, WEIGHT, **{argument: wrong})
            with pytest.raises(TypeError, match=r"^kernel_size: "):
                convpool.max_pool2d(X, wrong)


def test_each_number_is_asked_once():
    for argument in ("stride", "padding", "dilation", "groups"):
        number = Whole(1)
        convpool.conv2d(X, WEIGHT, **{argument: number})
        assert number.asked == 1
    number = Whole(2)
    convpool.max_pool2d(X, number)
    assert number.asked == 1


# Cost


@pytest.mark.parametrize(
    "call",
    [
        lambda: convpool.conv2d(X, WEIGHT),
        lambda: convpool.conv2d(X, WEIGHT, BIAS, stride=(2, 1), padding=1, activation="relu"),
        lambda: convpool.conv2d(X, WEIGHT, padding="same", padding_mode="reflect", flip=True),
        lambda: convpool.conv2d(X, WEIGHT, padding=((1, 0), (0, 1)), out=OUT),
        lambda: convpool.conv2d(X[0], WEIGHT, residual=RESIDUAL, algorithm="direct"),
        lambda: convpool.conv2d(X, PACKED),
        lambda: convpool.conv2d(X, PACKED, padding=1, activation="relu", layout="NCHW"),
        lambda: convpool.max_pool2d(X, 2),
        lambda: convpool.avg_pool2d(X, (3, 3), stride=2, padding=1, ceil_mode=True),
        lambda: convpool.linear(ROWS, MATRIX),
        lambda: convpool.linear(ROWS, MATRIX, BIAS, activation="tanh"),
    ],
)
def test_a_plain_call_runs_no_python_of_its_own(call):
    """One public function, one step into C: what small calls cost follows from it."""
    entered = []

    def count(frame, event, argument):
        if event == "call":
            entered.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    assert len(entered) == 2, entered  # the lambda and the function


PACKED = convpool.pack_weight(WEIGHT, BIAS, padding=1, activation="relu")
OUT = np.empty((2, 8, 8, 7), np.float32)
RESIDUAL = np.zeros((8, 7, 6), np.float32)


# Packed weights


def test_a_packed_weight_keeps_arguments_as_they_were():
    stride, padding = [2, 2], [[1, 1], [0, 1]]
    packed = convpool.pack_weight(WEIGHT, stride=stride, padding=padding)
    expected = convpool.conv2d(X, packed)
    said = repr(packed)
    stride[0] = padding[0][0] = 3
    np.testing.assert_array_equal(convpool.conv2d(X, packed), expected)
    assert repr(packed) == said
    with pytest.raises(ValueError, match=r"^stride: "):
        convpool.conv2d(X, packed, stride=stride)
    with pytest.raises(ValueError, match=r"^padding: "):
        convpool.conv2d(X, packed, padding=padding)
    convpool.conv2d(X, packed, stride=[2, 2], padding=[[1, 1], [0, 1]])


@pytest.mark.parametrize("padding", [-1, 1.5, "full", (1, 2, 3), ((1, -1), (0, 0))])
def test_packing_checks_the_padding(padding):
    with pytest.raises((TypeError, ValueError), match=r"^padding: "):
        convpool.pack_weight(WEIGHT, padding=padding)


def test_a_packed_weight_is_made_whole_or_not_at_all():
    with pytest.raises(TypeError):
        convpool.PackedWeight.__new__(convpool.PackedWeight)
    for wrong in (np.float32(1), normal(1, 3), normal(1, 2, 2), normal(1, *[1] * 6), BIAS[:0]):
        with pytest.raises(ValueError, match=r"^weight: "):
            convpool.pack_weight(wrong)


# linear


@pytest.mark.parametrize("form", [
    lambda x: x, lambda x: x[0], lambda x: x[:0], lambda x: x[::-1, ::-1], lambda x: x[None],
    lambda x: np.asfortranarray(x), lambda x: np.broadcast_to(x[0], x.shape),
    lambda x: x[:4].reshape(2, 2, 6).swapaxes(0, 1), lambda x: x.reshape(5, 1, 1, 6)[:, :0],
    lambda x: np.repeat(x, 2, 1)[:, ::2], lambda x: x[:, :, None].transpose(0, 2, 1),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_linear_takes_rows_in_any_form(form, dtype):
    x, matrix, bias = form(np.rint(4 * ROWS)), np.rint(4 * MATRIX), np.rint(4 * BIAS)
    y = convpool.linear(x.astype(dtype, order="K"), matrix.astype(dtype), bias.astype(dtype))
    np.testing.assert_array_equal(y, (x @ matrix.T + bias).astype(dtype), strict=True)


def test_linear_checks_the_bias_of_no_rows():
    with pytest.raises(ValueError, match=r"^bias: "):
        convpool.linear(ROWS[:0], MATRIX, BIAS[:3])


# Objects that do what they should not


def test_arrays_that_shrink_while_the_others_are_read(python):
    """Shapes are read after the last line of foreign code has run."""
    result = python("""
        import numpy as np, convpool

        class Shrinking:
            def __init__(self, target, value):
                self.target, self.value = target, value
            def shrink(self):
                self.target.resize((1,) * self.target.ndim, refcheck=False)
            def __index__(self):
                self.shrink()
                return self.value
            def __array__(self, dtype=None, copy=None):
                self.shrink()
                return self.value

        def arrays():
            return np.ones((1, 64, 200, 200), "f"), np.ones((64, 64, 3, 3), "f"), np.ones(64, "f")

        for argument in ("stride", "padding", "dilation", "groups", "num_threads"):
            for which in range(2):
                given = arrays()
                try:
                    convpool.conv2d(*given, **{argument: Shrinking(given[which], 1)})
                except ValueError:
                    pass
        for which, last in ((0, 1), (0, 2), (1, 2)):
            given = list(arrays())
            given[last] = Shrinking(given[which], given[last])
            try:
                convpool.conv2d(*given)
            except ValueError:
                pass
        x, weight, bias = arrays()
        try:
            convpool.conv2d(x, weight, residual=Shrinking(x, np.ones((1, 64, 198, 198), "f")))
        except ValueError:
            pass
        for call in (convpool.max_pool2d, convpool.avg_pool2d):
            for argument in ("kernel_size", "stride", "padding", "num_threads"):
                x = arrays()[0]
                try:
                    call(x, **{"kernel_size": 3, argument: Shrinking(x, 1)})
                except ValueError:
                    pass
        """)
    assert result.returncode == 0, result.stderr


def test_an_out_that_lies_about_its_shape(python):
    result = python("""
        import numpy as np, convpool

        class Lying(np.ndarray):
            shape = (1, 1, 1000, 1000)
            size = 1_000_000
            strides = (4_000_000, 4_000_000, 4000, 4)

        out = np.full((1, 1, 2, 2), 55, "f").view(Lying)
        x, weight = np.ones((1, 1, 1002, 1002), "f"), np.ones((1, 1, 3, 3), "f")
        for call in (lambda: convpool.conv2d(x, weight, out=out),
                     lambda: convpool.max_pool2d(x, 3, stride=1, out=out)):
            try:
                call()
            except ValueError as error:
                assert str(error).startswith("out: ")
            else:
                raise SystemExit("written")
        assert (np.asarray(out) == 55).all()
        """)
    assert result.returncode == 0, result.stderr
