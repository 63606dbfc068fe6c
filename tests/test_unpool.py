"""max_unpool: values go back to where they were found, or the call is refused."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convpool
from reference import WRITEABLE_MEMORY, assert_same_bits, max_unpool

FLOATS = [np.float16, np.float32, np.float64]
SIZES = {1: (12,), 2: (7, 10), 3: (4, 7, 6)}
LAYOUTS = [(n, layout) for n in SIZES for layout in ("NC" + "DHW"[-n:], "N" + "DHW"[-n:] + "C")]


def normal(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def functions(spatial):
    return getattr(convpool, f"max_pool{spatial}d"), getattr(convpool, f"max_unpool{spatial}d")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
@pytest.mark.parametrize(
    "geometry",
    [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2}, {"kernel_size": 3, "padding": 1}],
    ids=str,
)
def test_maxima_stand_where_they_were_found(geometry, spatial, layout, dtype):
    pool, unpool = functions(spatial)
    x = normal(1, 2, 19, *SIZES[spatial], dtype=dtype)
    given_x = np.moveaxis(x, 1, -1) if layout.endswith("C") else x
    y, where = pool(given_x, return_indices=True, layout=layout, **geometry)
    back = unpool(y, where, output_size=SIZES[spatial], layout=layout, **geometry)
    assert_same_bits(back, unpool(y, where, output_size=x.shape if not layout.endswith("C")
                                  else given_x.shape, layout=layout, **geometry))  # fmt: skip
    np.testing.assert_array_equal(
        back, max_unpool(y, where, SIZES[spatial], layout=layout, spatial=spatial).astype(dtype),
        strict=True,
    )  # fmt: skip
    # Pooled once more, where windows do not overlap, what is above 0 is found again.
    if "stride" not in geometry:
        again = pool(back, layout=layout, **geometry)
        np.testing.assert_array_equal(again[y > 0], y[y > 0])
    one = unpool(y[1], where[1], output_size=SIZES[spatial], layout=layout, **geometry)
    assert_same_bits(one, back[1].copy())
    assert unpool(y[:0], where[:0], 2, layout=layout).shape[0] == 0


def test_the_size_unless_given():
    x = np.zeros((1, 1, 3, 4), np.float32)
    places = np.arange(12).reshape(x.shape)
    assert convpool.max_unpool2d(x, places, 2).shape == (1, 1, 6, 8)
    assert convpool.max_unpool2d(x, places, 3, stride=2).shape == (1, 1, 7, 9)
    assert convpool.max_unpool2d(x, places, (3, 2), padding=1).shape == (1, 1, 7, 6)
    pads = ((1, 0), (0, 1))
    assert convpool.max_unpool2d(x, places, 3, padding=pads).shape == (1, 1, 8, 11)
    for size in (6, 7, 8):
        y = convpool.max_unpool2d(x, places, 3, stride=2, output_size=(size, 9))
        assert y.shape == (1, 1, size, 9)
    for wrong in ((5, 9), (9, 9), (7, 11), (0, 9), (7,), (1, 1, 1, 7, 9), "79"):
        with pytest.raises((TypeError, ValueError), match=r"^output_size: got"):
            convpool.max_unpool2d(x, places, 3, stride=2, output_size=wrong)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_last_of_several_values_stays(layout, threads):
    """PyTorch leaves it open; here it is the last one in the order of (depth, row, column)."""
    x, places = normal(1, 3, 40, 6, 6), np.random.default_rng(2).integers(0, 9, (3, 40, 6, 6))
    if layout == "NHWC":
        x, places = np.moveaxis(x, 1, -1), np.moveaxis(places, 1, -1)
    y = convpool.max_unpool2d(x, places, 2, layout=layout, num_threads=threads)
    np.testing.assert_array_equal(y, max_unpool(x, places, (12, 12), layout=layout))


@pytest.mark.parametrize("wrong", [-1, 48, 10**12, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_places_outside_the_plane_are_refused_before_anything_is_written(layout, wrong):
    x = np.ones((2, 3, 4, 2) if layout == "NHWC" else (2, 2, 3, 4), np.float32)
    places = np.zeros(x.shape, np.int64)
    places.flat[-1] = wrong
    out = np.full((2, 6, 8, 2) if layout == "NHWC" else (2, 2, 6, 8), 55, np.float32)
    with pytest.raises(ValueError, match=rf"^indices: got {wrong}, expected 0 to 47"):
        convpool.max_unpool2d(x, places, 2, layout=layout, out=out)
    assert (out == 55).all()


def test_indices_of_any_integer_type_and_memory():
    x, places = normal(1, 1, 2, 2, 2), np.array([0, 5, 10, 15, 1, 4, 11, 14]).reshape(1, 2, 2, 2)
    expected = convpool.max_unpool2d(x, places, 2)
    for dtype in "bBhHiIqQ":
        assert_same_bits(convpool.max_unpool2d(x, places.astype(dtype), 2), expected)
    assert_same_bits(convpool.max_unpool2d(x, places.tolist(), 2), expected)
    for form in WRITEABLE_MEMORY.values():
        assert_same_bits(convpool.max_unpool2d(form(x), form(places), 2), expected)
    assert_same_bits(convpool.max_unpool2d(x.astype(">f4"), places.astype(">i8"), 2), expected)
    with pytest.raises(ValueError, match=r"^indices: got"):
        convpool.max_unpool2d(x, places.astype(np.uint64) + np.uint64(2**63), 2)


def test_indices_that_change_meanwhile():
    """Another thread writes what is no place: the check holds for what is followed."""
    x, places = normal(1, 8, 8, 64, 64), np.zeros((8, 8, 64, 64), np.int64)
    ended = threading.Event()

    def change():
        while not ended.is_set():
            places[...] = 2**40
            places[...] = 0

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(200):
            try:
                convpool.max_unpool2d(x, places, 2)
            except ValueError as error:
                assert str(error).startswith("indices: got 1099511627776")
    finally:
        ended.set()
        changer.join()


@pytest.mark.parametrize(("argument", "value", "error"), [
    ("x", np.ones((1, 1, 2, 2), int), TypeError),
    ("x", np.ones((2, 2), np.float32), ValueError),
    ("x", np.ones((1, 0, 2, 2), np.float32), ValueError),
    ("indices", np.zeros((1, 1, 2, 2)), TypeError),
    ("indices", np.zeros((1, 1, 2, 2), bool), TypeError),
    ("indices", np.zeros((1, 1, 2, 3), int), ValueError),
    ("kernel_size", 0, ValueError),
    ("stride", 0, ValueError),
    ("padding", "same", ValueError),
    ("padding", -1, ValueError),
    ("padding", 2, ValueError),
    ("layout", "NCW", ValueError),
    ("num_threads", 0, ValueError),
    ("out", np.ones((1, 1, 4, 4)), TypeError),
    ("out", np.ones((1, 1, 4, 5), np.float32), ValueError),
])  # fmt: skip
def test_what_is_refused(argument, value, error):
    arguments = {
        "x": np.ones((1, 1, 2, 2), np.float32),
        "indices": np.zeros((1, 1, 2, 2), int),
        "kernel_size": 2,
        argument: value,
    }
    with pytest.raises(error, match=rf"^{argument}: "):
        convpool.max_unpool2d(**arguments)


@given(data=st.data())
def test_any_places(data):
    spatial = data.draw(st.sampled_from([1, 2, 3]))
    last, dtype = data.draw(st.booleans()), np.dtype(data.draw(st.sampled_from(FLOATS)))
    channels, batch = data.draw(st.integers(1, 20)), data.draw(st.integers(0, 3))
    small = [data.draw(st.integers(1, 4)) for _ in range(spatial)]
    kernel = [data.draw(st.integers(1, 4)) for _ in range(spatial)]
    sizes = [n * k for n, k in zip(small, kernel, strict=True)]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((batch, channels, *small)).astype(dtype)
    places = rng.integers(0, np.prod(sizes), x.shape)
    if last:
        x, places = np.moveaxis(x, 1, -1), np.moveaxis(places, 1, -1)
    layout = f"N{'DHW'[3 - spatial :]}C" if last else f"NC{'DHW'[3 - spatial :]}"
    y = functions(spatial)[1](x, places, tuple(kernel), layout=layout)
    expected = max_unpool(x, places, sizes, layout=layout, spatial=spatial)
    np.testing.assert_array_equal(y, expected.astype(dtype), strict=True)
