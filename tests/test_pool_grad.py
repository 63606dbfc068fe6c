"""The backward of pools: finite differences, adjoints, and loops in float64."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convpool
from convpool import _pool_grad as grad
from reference import adaptive_pool, assert_same_bits, avg_pool, max_pool

FLOATS = [np.float16, np.float32, np.float64]
SIZES = {1: (11,), 2: (6, 9), 3: (4, 6, 5)}
LAYOUTS = [(n, layout) for n in SIZES for layout in ("NC" + "DHW"[-n:], "N" + "DHW"[-n:] + "C")]
GEOMETRY = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 2, "dilation": 3, "padding": 2, "ceil_mode": True},
]


def normal(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def laid_out(x, layout):
    return np.moveaxis(x, 1, -1) if layout.endswith("C") else x


def pool_of(name, spatial, of=convpool):
    return getattr(of, name.format(spatial))


def difference(function, x, direction, step):
    """The derivative of a function along a direction, up to step^2."""
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


def check_slope(pool, gradient, x):
    """<gradient, direction> is the slope of <weights, pool> along the direction."""
    weights, direction = normal(8, *pool(x).shape), normal(9, *x.shape)
    slope = difference(lambda at: (pool(at) * weights).sum(), x, direction, 1e-6)
    got = gradient(weights)
    assert got.shape == x.shape
    assert got.dtype == x.dtype
    np.testing.assert_allclose((got * direction).sum(), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
def test_finite_differences(geometry, spatial, layout):
    x = laid_out(normal(1, 2, 3, *SIZES[spatial]), layout)
    arguments = {**geometry, "layout": layout}
    pool = pool_of("max_pool{}d", spatial)
    _, where = pool(x, return_indices=True, **arguments)
    check_slope(
        lambda at: np.nan_to_num(pool(at, **arguments), neginf=0),
        lambda w: pool_of("max_pool{}d_input", spatial, grad)(x.shape, where, w, layout=layout),
        x,
    )
    for counting in ({}, {"count_include_pad": False}, {"divisor_override": -3}):
        check_slope(
            lambda at, c=counting: pool_of("avg_pool{}d", spatial)(at, **arguments, **c),
            lambda w, c=counting: pool_of("avg_pool{}d_input", spatial, grad)(
                x.shape, w, **arguments, **c
            ),
            x,
        )
    for p in (1, 2, 3, 1.5, np.inf):
        check_slope(
            lambda at, p=p: pool_of("lp_pool{}d", spatial)(at, p, **arguments),
            lambda w, p=p: pool_of("lp_pool{}d_input", spatial, grad)(x, w, p, **arguments),
            x,
        )


@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
def test_finite_differences_of_adaptive_and_global_pools(spatial, layout):
    x = laid_out(normal(1, 2, 3, *SIZES[spatial]), layout)
    for size in (1, 2, (3, 4, 5)[:spatial], (13, 1, 2)[:spatial]):
        check_slope(
            lambda at, s=size: pool_of("adaptive_avg_pool{}d", spatial)(at, s, layout=layout),
            lambda w: pool_of("adaptive_avg_pool{}d_input", spatial, grad)(
                x.shape, w, layout=layout
            ),
            x,
        )
        pool = pool_of("adaptive_max_pool{}d", spatial)
        _, where = pool(x, size, return_indices=True, layout=layout)
        check_slope(
            lambda at, s=size, pool=pool: pool(at, s, layout=layout),
            lambda w, where=where: pool_of("adaptive_max_pool{}d_input", spatial, grad)(
                x.shape, where, w, layout=layout
            ),
            x,
        )
    check_slope(
        lambda at: convpool.global_avg_pool(at, layout=layout),
        lambda w: grad.global_avg_pool_input(x.shape, w, layout=layout),
        x,
    )
    _, where = convpool.global_max_pool(x, return_indices=True, layout=layout)
    check_slope(
        lambda at: convpool.global_max_pool(at, layout=layout),
        lambda w: grad.global_max_pool_input(x.shape, where, w, layout=layout),
        x,
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("spatial", "layout"), LAYOUTS)
def test_unpooling_and_its_gradient_are_adjoint(spatial, layout, dtype):
    """Whole numbers: nothing rounds."""
    rng = np.random.default_rng(1)
    small = (3, 2, 2)[:spatial]
    x = laid_out(rng.integers(-9, 10, (2, 19, *small)).astype(dtype), layout)
    places = np.stack([rng.permutation(2 ** spatial * np.prod(small))[: np.prod(small)]
                       for _ in range(2 * 19)])  # fmt: skip
    places = laid_out(places.reshape(2, 19, *small), layout)
    y = pool_of("max_unpool{}d", spatial)(x, places, 2, layout=layout)
    weights = rng.integers(-9, 10, y.shape).astype(dtype)
    back = pool_of("max_unpool{}d_input", spatial, grad)(places, weights, layout=layout)
    assert back.dtype == dtype
    total = (back.astype(float) * x).sum()
    assert total == (weights.astype(float) * y).sum()


@st.composite
def problems(draw):
    spatial = draw(st.sampled_from([1, 2, 3]))
    sizes = [draw(st.integers(1, 8 if spatial < 3 else 5)) for _ in range(spatial)]
    shape = (draw(st.integers(0, 3)), draw(st.integers(1, 20)), *sizes)
    last = draw(st.booleans())
    layout = f"N{'DHW'[3 - spatial :]}C" if last else f"NC{'DHW'[3 - spatial :]}"

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(spatial))

    arguments = {
        "kernel_size": each(1, 4), "stride": each(1, 4), "padding": each(0, 2),
        "dilation": each(1, 2), "ceil_mode": draw(st.booleans()), "layout": layout,
    }  # fmt: skip
    seed, dtype = draw(st.integers(0, 2**32 - 1)), np.dtype(draw(st.sampled_from(FLOATS)))
    values = np.random.default_rng(seed).integers(-8, 9, shape).astype(dtype)
    return spatial, laid_out(values, layout), arguments, seed, draw(st.sampled_from([1, 2, 3]))


@given(problem=problems())
def test_sums_are_adjoint_to_windows(problem):
    """<spread(g), x> = <g, sums(x)>, to the last bit where all are whole numbers."""
    spatial, x, arguments, seed, threads = problem
    try:
        y = pool_of("avg_pool{}d", spatial)(x, divisor_override=1, **arguments)
    except ValueError:
        assume(False)
    g = np.random.default_rng(seed + 1).integers(-8, 9, y.shape).astype(x.dtype)
    back = pool_of("avg_pool{}d_input", spatial, grad)(
        x.shape, g, divisor_override=1, num_threads=threads, **arguments
    )
    assert back.shape == x.shape
    assert back.dtype == x.dtype
    sums = avg_pool(x, divisor_override=1, spatial=spatial, **arguments) if len(x) else y
    assert (back.astype(float) * x).sum() == (g.astype(float) * sums).sum()
    for counted in (True, False):
        how = {**arguments, "count_include_pad": counted}
        ones = avg_pool(np.ones(x.shape), spatial=spatial, **how) if len(x) else np.ones(y.shape)
        if np.isnan(ones).any():
            continue  # a dilated window may step over a narrow input
        back = pool_of("avg_pool{}d_input", spatial, grad)(x.shape, g, **how)
        total = (g * ones).sum()
        scale = abs(g.astype(float)).sum() * np.finfo(x.dtype).eps * 64 + 1e-6
        assert abs(back.astype(float).sum() - total) <= scale


@given(problem=problems())
def test_gradients_of_maxima_are_added_where_they_stand(problem):
    spatial, x, arguments, seed, threads = problem
    try:
        y, where = pool_of("max_pool{}d", spatial)(x, return_indices=True, **arguments)
    except ValueError:
        assume(False)
    g = np.random.default_rng(seed + 1).integers(-8, 9, y.shape).astype(x.dtype)
    back = pool_of("max_pool{}d_input", spatial, grad)(
        x.shape, where, g, layout=arguments["layout"], num_threads=threads
    )
    assert back.dtype == x.dtype
    _, indices = max_pool(x, spatial=spatial, **arguments)

    def first(a):
        return np.moveaxis(a, -1, 1) if arguments["layout"].endswith("C") else a

    shape = first(x).shape
    expected = np.zeros((*shape[:2], np.prod(shape[2:])))
    for at in np.ndindex(*first(g).shape):
        if first(indices)[at] >= 0:
            expected[(*at[:2], first(indices)[at])] += first(g)[at]
    np.testing.assert_array_equal(first(back), expected.reshape(first(x).shape))


def test_float16_is_summed_in_float32():
    """A cell in 4096 windows, whose gradients of 1/4096 and 1 float16 would lose."""
    g = np.full((1, 1, 4097), 2.0**-12, np.float16)
    g[0, 0, 0] = 1
    back = grad.max_pool1d_input((1, 1, 9), np.zeros(g.shape, int), g)
    assert back[0, 0, 0] == 2
    g = np.full((1, 1, 5), 60000, np.float16)
    assert np.isposinf(grad.max_pool1d_input((1, 1, 9), np.zeros(g.shape, int), g)[0, 0, 0])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_no_bit_hangs_on_threads_or_batch(layout):
    x = laid_out(normal(1, 5, 33, 12, 13, dtype=np.float32), layout)
    arguments = {"kernel_size": 3, "stride": 1, "padding": 1, "layout": layout}
    y, where = convpool.max_pool2d(x, return_indices=True, **arguments)
    g = normal(2, *y.shape, dtype=np.float32)
    for one, all_of in [
        (grad.max_pool2d_input(x[3].shape, where[3], g[3], layout=layout), lambda n:
            grad.max_pool2d_input(x.shape, where, g, layout=layout, num_threads=n)),
        (grad.avg_pool2d_input(x[3].shape, g[3], **arguments), lambda n:
            grad.avg_pool2d_input(x.shape, g, num_threads=n, **arguments)),
    ]:  # fmt: skip
        for threads in (1, 2, 4):
            assert_same_bits(all_of(threads)[3].copy(), one)


def test_norms_have_no_slope_at_0():
    """PyTorch makes NaN of a window of zeros."""
    x = np.zeros((1, 1, 4))
    for p in (0.5, 1, 2, 3, np.inf):
        assert not grad.lp_pool1d_input(x, np.ones((1, 1, 2)), p, 2).any()


def test_means_of_adaptive_windows():
    for size, outputs in itertools.product(range(1, 8), range(1, 9)):
        g = normal(size, 1, 1, outputs)
        back = grad.adaptive_avg_pool1d_input((1, 1, size), g)
        expected = [(adaptive_pool(unit, outputs, spatial=1)[0] * g).sum()
                    for unit in np.eye(size).reshape(size, 1, 1, size)]  # fmt: skip
        np.testing.assert_allclose(back.ravel(), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("call", "argument", "error"), [
    (lambda: grad.max_pool1d_input((1, 1, 4), [[[4]]], np.ones((1, 1, 1))), "indices", ValueError),
    (lambda: grad.max_pool1d_input((1, 1, 4), [[[-2]]], np.ones((1, 1, 1))), "indices", ValueError),
    (lambda: grad.max_pool1d_input((1, 1, 4), [[[1.0]]], np.ones((1, 1, 1))), "indices", TypeError),
    (lambda: grad.max_pool1d_input((1, 1, 4), [[1]], np.ones((1, 1, 1))), "indices", ValueError),
    (lambda: grad.max_pool1d_input((1, 2, 4), [[[1]]], np.ones((1, 1, 1))), "grad_output",
     ValueError),
    (lambda: grad.max_pool1d_input((1, 1, 0), [[[1]]], np.ones((1, 1, 1))), "input_size",
     ValueError),
    (lambda: grad.max_pool1d_input((1, 1, 2.5), [[[1]]], np.ones((1, 1, 1))), "input_size",
     TypeError),
    (lambda: grad.avg_pool1d_input((1, 1, 4), np.ones((1, 1, 1)), 2), "grad_output", ValueError),
    (lambda: grad.avg_pool1d_input((1, 1, 4), np.ones((1, 1, 2), int), 2), "grad_output",
     TypeError),
    (lambda: grad.avg_pool1d_input((1, 1, 4), np.ones((1, 1, 2)), 5), "kernel_size", ValueError),
    (lambda: grad.avg_pool1d_input((1, 1, 4), np.ones((1, 1, 2)), 2, divisor_override=0),
     "divisor_override", ValueError),
    (lambda: grad.lp_pool1d_input(np.ones((1, 1, 4)), np.ones((1, 1, 2)), 0, 2), "norm_type",
     ValueError),
    (lambda: grad.lp_pool1d_input(np.ones((1, 1, 4)), np.ones((1, 1, 2), "f"), 2, 2),
     "grad_output", TypeError),
    (lambda: grad.max_unpool1d_input([[[5]]], np.ones((1, 1, 4))), "indices", ValueError),
    (lambda: grad.max_unpool1d_input([[[-1]]], np.ones((1, 1, 4))), "indices", ValueError),
    (lambda: grad.global_avg_pool_input((1, 2, 2, 2), np.ones((1, 1, 1, 1))), "grad_output",
     ValueError),
    (lambda: grad.avg_pool1d_input((1, 1, 4), np.ones((1, 1, 2)), 2, num_threads=0),
     "num_threads", ValueError),
])  # fmt: skip
def test_what_is_refused(call, argument, error):
    with pytest.raises(error, match=rf"^{argument}: "):
        call()
