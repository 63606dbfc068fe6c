"""Dask arrays in chunks of any size give the bits that one array gives, wherever they are computed.

The oracle is the same call of convpool on one array, which other tests compare with others.
"""

import itertools
import json

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convpool
import convpool.dask
from reference import assert_same_bits

RNG = np.random.default_rng
MODES = ["zeros", "constant", "reflect", "replicate", "circular"]
# A case takes as long as ten of other tests.
FEWER = settings(max_examples=settings().max_examples // 5)
LAYOUTS = {1: ["NCW", "NWC"], 2: ["NCHW", "NHWC"], 3: ["NCDHW", "NDHWC"]}


def computed(lazy):
    """The answer, which is what the lazy array said it would be."""
    answer = lazy.compute(scheduler="synchronous")
    assert (answer.shape, answer.dtype) == (lazy.shape, lazy.dtype)
    return answer


@st.composite
def chunks(draw, size):
    """Some way to cut an axis."""
    cuts = draw(st.lists(st.integers(1, max(1, size - 1)), max_size=6))
    edges = [0, *sorted({cut for cut in cuts if cut < size}), size]
    return tuple(b - a for a, b in itertools.pairwise(edges))


@st.composite
def arrays(draw, sizes, channels, last, types="fde"):
    """The same values in one array, and in chunks."""
    spatial = list(sizes)
    shape = [*spatial, channels] if last else [channels, *spatial]
    if draw(st.booleans()):
        shape = [draw(st.integers(0, 3)), *shape]
    dtype = np.dtype(draw(st.sampled_from(types)))
    x = RNG(draw(st.integers(0, 99))).standard_normal(shape).astype(dtype)
    return x, da.from_array(x, chunks=tuple(draw(chunks(size)) for size in shape))


def per_axis(draw, spatial, low, high):
    return tuple(draw(st.integers(low, high)) for _ in range(spatial))


def both(name, x, lazy, *arguments, direct=(), **terms):
    """What two functions of one name give, or None where both raise the same."""
    try:
        expected = getattr(convpool, name)(x, *arguments, **terms, **dict(direct))
    except ValueError as error:
        with pytest.raises(ValueError, match="^" + str(error).partition(":")[0] + ":"):
            getattr(convpool.dask, name)(lazy, *arguments, **terms)
        return None
    return expected, computed(getattr(convpool.dask, name)(lazy, *arguments, **terms))


@FEWER
@given(st.data())
def test_convolutions(data):
    draw = data.draw
    spatial = draw(st.integers(1, 3))
    layout = draw(st.sampled_from(LAYOUTS[spatial]))
    groups, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    sizes = per_axis(draw, spatial, 1, {1: 40, 2: 20, 3: 8}[spatial])
    x, lazy = draw(arrays(sizes, groups * inputs, layout.endswith("C")))
    rng = RNG(draw(st.integers(0, 99)))
    kernel = per_axis(draw, spatial, 1, 3)
    weight = rng.standard_normal((groups * outputs, inputs, *kernel)).astype(x.dtype)
    bias = rng.standard_normal(groups * outputs).astype(x.dtype) if draw(st.booleans()) else None
    mode = draw(st.sampled_from(MODES))
    pairs = st.tuples(st.integers(0, 4), st.integers(0, 4))
    terms = {
        "stride": per_axis(draw, spatial, 1, 4),
        "padding": draw(
            st.sampled_from(["valid", "same", "same_lower"])
            | st.lists(pairs, min_size=spatial, max_size=spatial)
        ),
        "dilation": per_axis(draw, spatial, 1, 2),
        "groups": groups,
        "padding_mode": mode,
        "padding_value": 1.5 if mode == "constant" else 0.0,
        "flip": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "relu", ("leaky_relu", 0.2)])),
        "layout": layout,
    }
    results = both(
        f"conv{spatial}d", x, lazy, weight, bias, direct={"algorithm": "direct"}, **terms
    )
    if results is not None:
        assert_same_bits(*results)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_residual(layout):
    x, beside = (RNG(i).standard_normal((2, 9, 12, 12), np.float32) for i in range(2))
    shape = (12, 9) if layout == "NCHW" else (12, 12)
    weight = RNG(2).standard_normal((shape[0], shape[1], 3, 3), np.float32)
    if layout == "NCHW":
        beside = RNG(1).standard_normal((2, 12, 12, 12), np.float32)
    terms = {"padding": "same", "layout": layout, "activation": "relu"}
    expected = convpool.conv2d(x, weight, residual=beside, algorithm="direct", **terms)
    lazy = convpool.dask.conv2d(
        da.from_array(x, chunks=(1, 5, 5, 7)),
        weight,
        residual=da.from_array(beside, chunks=4),
        **terms,
    )
    assert_same_bits(computed(lazy), expected)
    with pytest.raises(ValueError, match=r"^residual: got shape"):
        convpool.dask.conv2d(x, weight, residual=beside[:1], **terms)


@FEWER
@given(st.data())
def test_pools(data):
    draw = data.draw
    spatial = draw(st.integers(1, 3))
    layout = draw(st.sampled_from(LAYOUTS[spatial]))
    sizes = per_axis(draw, spatial, 1, {1: 40, 2: 20, 3: 8}[spatial])
    x, lazy = draw(arrays(sizes, draw(st.integers(1, 5)), layout.endswith("C")))
    kernel = per_axis(draw, spatial, 1, 5)
    terms = {
        "stride": draw(st.none() | st.just(per_axis(draw, spatial, 1, 5))),
        "padding": [(draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))) for n in kernel],
        "ceil_mode": draw(st.booleans()),
        "layout": layout,
    }
    if draw(st.booleans()):
        name = "max"
        terms["dilation"] = per_axis(draw, spatial, 1, 2)
    else:
        name = "avg"
        terms["count_include_pad"] = draw(st.booleans())
        terms["divisor_override"] = draw(st.sampled_from([None, None, 3, -2]))
    results = both(f"{name}_pool{spatial}d", x, lazy, kernel, **terms)
    if results is not None:
        assert_same_bits(*results)


@FEWER
@given(st.data())
def test_filter2d(data):
    draw = data.draw
    dtype = np.dtype(draw(st.sampled_from(["u1", "u2", "f4", "f8"])))
    shape = [draw(st.integers(1, 60)), draw(st.integers(1, 20))]
    if draw(st.booleans()):
        shape.append(draw(st.integers(1, 4)))
    rng = RNG(draw(st.integers(0, 99)))
    image = (rng.random(shape) * 255).astype(dtype)
    lazy = da.from_array(image, chunks=tuple(draw(chunks(size)) for size in shape))
    # Tall ones are folded.
    size = draw(st.integers(1, 6) | st.sampled_from([15, 17, 33])), draw(st.integers(1, 6))
    kernel = rng.standard_normal(size)
    if draw(st.booleans()):
        kernel = np.outer(kernel[:, 0], kernel[0])
    mode = draw(st.sampled_from(MODES))
    terms = {
        "padding_mode": mode,
        "padding_value": 2.5 if mode == "constant" else 0,
        "flip": draw(st.booleans()),
    }
    assert_same_bits(*both("filter2d", image, lazy, kernel, **terms))


def test_nothing_is_computed_before_it_is_asked_for():
    def never(block):
        raise AssertionError("computed")

    x = da.zeros((1, 3, 40, 40), chunks=10, dtype=np.float32).map_blocks(never, dtype=np.float32)
    y = convpool.dask.conv2d(x, np.ones((2, 3, 3, 3), np.float32), padding_mode="circular")
    y = convpool.dask.avg_pool2d(convpool.dask.max_pool2d(y, 2), 2)
    assert y.shape == (1, 2, 9, 9)
    # Blocks need their own chunk and the edge of the next alone.
    needed = y[:, :, :1, :1].__dask_graph__().cull(y[:, :, :1, :1].__dask_keys__())
    assert len(needed) < len(y.__dask_graph__())


def test_errors_are_those_of_one_array():
    x = da.zeros((1, 3, 8, 8), chunks=4, dtype=np.float32)
    weight = np.zeros((2, 3, 3, 3), np.float32)
    for function, arguments, terms, error, message in [
        (convpool.dask.conv2d, (x, weight[:, :2]), {}, ValueError, "weight: got"),
        (convpool.dask.conv2d, (x.astype(int), weight), {}, TypeError, "x: got dtype int64"),
        (convpool.dask.conv2d, (x, weight), {"stride": 0}, ValueError, "stride: got 0"),
        (convpool.dask.conv2d, (x[0, 0], weight), {}, ValueError, r"x: got shape \(8, 8\)"),
        (convpool.dask.conv2d, (x, convpool.pack_weight(weight)), {}, TypeError, "weight: got a P"),
        (convpool.dask.conv2d, (x[x > 0], weight), {}, ValueError, "x: got chunks of unknown"),
        (convpool.dask.max_pool2d, (x, 9), {}, ValueError, "kernel_size: got 9"),
        (convpool.dask.max_pool2d, (x, 2), {"padding": 2}, ValueError, "padding: got"),
        (convpool.dask.avg_pool2d, (x, 2), {"divisor_override": 0}, ValueError, "divisor_over"),
        (convpool.dask.filter2d, (x, weight[0, 0]), {}, ValueError, "image: got shape"),
        (convpool.dask.filter2d, (x[0, 0], weight[0]), {}, ValueError, "kernel: got shape"),
        (convpool.dask.filter2d, (x[0, 0, :0], weight[0, 0]), {}, ValueError, "image: got shape"),
    ]:
        with pytest.raises(error, match="^" + message):
            function(*arguments, **terms)


def test_without_dask(python):
    ended = python(
        """
        import sys
        sys.modules["dask"] = None
        import numpy as np, convpool.dask
        try:
            convpool.dask.max_pool2d(np.ones((1, 4, 4), np.float32), 2)
        except ImportError as error:
            print(error)
        """
    )
    assert ended.stdout == "dask is not installed: pip install 'convpool[dask]'\n", ended.stderr


# Rows take a while to come, so that the worker is killed between the first and the last.
CLUSTER = """
    import json, os, signal, time
    import numpy as np, dask, dask.array as da
    from dask.distributed import Client, LocalCluster
    import convpool, convpool.dask

    ROWS, COUNT = 16, 40

    def rows(i):
        time.sleep(0.1)
        return np.random.default_rng(i).standard_normal((1, 3, ROWS, 64), np.float32)

    def network(of, x, **more):
        weight = np.random.default_rng(99).standard_normal((8, 3, 5, 5), np.float32)
        y = of.conv2d(x, weight, padding=1, activation="relu", **more)
        return of.avg_pool2d(of.max_pool2d(y, 3, stride=2), 2)

    dask.config.set({"distributed.logging.distributed": "critical"})
    blocks = [da.from_delayed(dask.delayed(rows)(i), (1, 3, ROWS, 64), np.float32)
              for i in range(COUNT)]
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            before = set(client.run(os.getpid).values())
            future = client.compute(network(convpool.dask, da.concatenate(blocks, axis=2)))
            time.sleep(1)
            running = not future.done()
            os.kill(min(before), signal.SIGKILL)
            answer = future.result(timeout=90)
    x = np.concatenate([rows(i) for i in range(COUNT)], axis=2)
    expected = network(convpool, x, algorithm="direct")
    print(json.dumps({
        "workers": len(before), "running": running,
        "same": answer.tobytes() == expected.tobytes(), "shape": answer.shape,
    }))
"""


def test_a_worker_is_killed_midway(python):
    ended = python(CLUSTER)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told == {"workers": 2, "running": True, "same": True, "shape": [1, 8, 159, 15]}
