"""Every pooling with one to three spatial axes against the definitions, by hypothesis."""

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import convpool
from reference import (
    UNIT_OF_SUMS,
    adaptive_pool,
    assert_averages,
    assert_same_bits,
    lp_pool,
    max_pool,
    per_axis,
    pool_windows,
    resolve_padding,
)
from test_properties import (
    FLOATS,
    arrays,
    draw_destination,
    draw_padding,
    draw_shape,
    maybe,
    upto,
)
from test_properties import per_axis as draw_per_axis


@st.composite
def problems(draw):
    """Axes, an array that lies anywhere, and its layout."""
    spatial, last = draw(st.sampled_from([1, 2, 3])), draw(st.booleans())
    sizes = [draw(upto((12, 9, 5)[spatial - 1])) for _ in range(spatial)]
    dtype = draw(st.sampled_from(FLOATS))
    x = draw(arrays(draw_shape(draw, draw(upto(9)), sizes, last), dtype, draw(st.booleans())))
    axes = "DHW"[-spatial:]
    return spatial, sizes, x, dtype, f"N{axes}C" if last else f"NC{axes}"


def draw_window(draw, spatial):
    return {
        "kernel_size": draw_per_axis(draw, spatial, upto(5 if spatial < 3 else 3)),
        "stride": maybe(draw, upto(4)) if draw(st.booleans()) else draw_per_axis(
            draw, spatial, upto(4)
        ),
        "padding": draw_padding(draw, spatial, 3),
        "dilation": draw_per_axis(draw, spatial, st.sampled_from([1, 1, 2, 3])),
        "ceil_mode": draw(st.booleans()),
    }  # fmt: skip


def counts(sizes, arguments):
    """Outputs an axis, or None where the contract refuses the arguments."""
    spatial = len(sizes)
    kernel = per_axis(arguments["kernel_size"], spatial)
    stride = kernel if arguments["stride"] is None else per_axis(arguments["stride"], spatial)
    dilation = per_axis(arguments["dilation"], spatial)
    pads = resolve_padding(arguments["padding"], sizes, kernel, stride, dilation)
    found = []
    for size, taps, step, gap, pair in zip(sizes, kernel, stride, dilation, pads, strict=True):
        found.append(pool_windows(size, taps, step, gap, *pair, arguments["ceil_mode"]))
        if max(pair) > (taps - 1) * gap or found[-1] < 1:
            return None
    return found


def with_sizes(shape, sizes, layout):
    lead = shape[: len(shape) - len(sizes) - 1]
    return (*lead, *sizes, shape[-1]) if layout.endswith("C") else (*shape[: len(lead) + 1], *sizes)


def function(name, spatial):
    return getattr(convpool, name.format(spatial))


@given(data=st.data())
def test_windows(data):
    draw = data.draw
    spatial, sizes, x, dtype, layout = draw(problems())
    arguments = {**draw_window(draw, spatial), "layout": layout}
    found = counts(sizes, arguments)
    calls = [function(name, spatial) for name in ("max_pool{}d", "avg_pool{}d")]
    if found is None:
        event("refused")
        for call in (*calls, lambda x, **a: convpool.pool_output_shape(x.shape, **a)):
            with pytest.raises(ValueError, match=r"^(padding|kernel_size): got"):
                call(x, **arguments)
        return
    shape = with_sizes(x.shape, found, layout)
    assert convpool.pool_output_shape(x.shape, **arguments) == shape
    reference = {**arguments, "spatial": spatial}
    out = draw_destination(draw, shape, dtype)
    threads = draw(st.sampled_from([None, 1, 2, 3]))
    y, where = calls[0](x, return_indices=True, out=out, num_threads=threads, **arguments)
    maxima, indices = max_pool(x, **reference)
    np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
    np.testing.assert_array_equal(where, indices)
    assert_same_bits(calls[0](x, **arguments), np.ascontiguousarray(y))
    counting = {"count_include_pad": draw(st.booleans())}
    counting["divisor_override"] = maybe(draw, st.sampled_from([1, 3, -5, 1000]))
    if (indices < 0).any():  # a dilated window may step over a narrow input: no mean of nothing
        counting["divisor_override"] = 1
    y = calls[1](x, out=out, num_threads=threads, **arguments, **counting)
    assert out is None or y is out
    assert_averages(y, x, **reference, **counting)
    p = draw(st.sampled_from([1, 2, 3, 0.5]))
    y = function("lp_pool{}d", spatial)(x, p, out=out, num_threads=threads, **arguments)
    expected = lp_pool(x, p, **reference)
    info = np.finfo(dtype)
    assert y.dtype == dtype
    np.testing.assert_allclose(
        y, expected, rtol=max(info.eps, 1e-12), atol=float(info.smallest_subnormal)
    )


@given(data=st.data())
def test_adaptive_windows(data):
    draw = data.draw
    spatial, sizes, x, dtype, layout = draw(problems())
    outputs = draw_per_axis(draw, spatial, st.one_of(upto(7), st.none()))
    if isinstance(outputs, tuple):
        found = [n if o is None else o for n, o in zip(sizes, outputs, strict=True)]
    else:
        found = sizes if outputs is None else [outputs] * spatial
    out = draw_destination(draw, with_sizes(x.shape, found, layout), dtype)
    how = {"out": out, "layout": layout, "num_threads": draw(st.sampled_from([None, 1, 2]))}
    means, maxima, indices = adaptive_pool(x, outputs, layout=layout, spatial=spatial)
    pool = function("adaptive_max_pool{}d", spatial)
    y, where = pool(x, outputs, return_indices=True, **how)
    assert out is None or y is out
    np.testing.assert_array_equal(y, maxima.astype(dtype), strict=True)
    np.testing.assert_array_equal(where, indices)
    np.testing.assert_array_equal(pool(x, outputs, layout=layout), y, strict=True)
    y = function("adaptive_avg_pool{}d", spatial)(x, outputs, **how)
    magnitude, _, _ = adaptive_pool(abs(x), outputs, layout=layout, spatial=spatial)
    unit = UNIT_OF_SUMS[dtype.name] * (np.prod(sizes) + 1)
    info = np.finfo(dtype)
    allowed = 2 * unit * magnitude + info.eps * abs(means) + float(info.smallest_subnormal)
    assert (abs(y.astype(float) - means) <= allowed).all()
