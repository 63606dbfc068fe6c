"""load_onnx: whole models, what is folded, where results are kept, and files that lie."""

import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import convpool

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
FLOAT = TensorProto.FLOAT
RNG = np.random.default_rng


def constant(name, *shape, seed=0):
    values = RNG(seed).standard_normal(shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def model_of(nodes, inputs, outputs, constants=(), version=17):
    """(name, shape) of inputs; names of outputs; constants as tensors."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        list(constants),
    )
    opset = [helper.make_opsetid("", version)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def load(*arguments, **options):
    return convpool.load_onnx(model_of(*arguments, **options).SerializeToString())


def unfolded(model, feeds):
    """ONNX's own evaluator, which shares no code with what is tested."""
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, feeds)


def assert_like_reference(model, feeds, tolerance=2e-5):
    """The first call and the planned ones."""
    net = convpool.load_onnx(model.SerializeToString())
    expected = unfolded(model, feeds)
    for _ in range(3):
        results = net.run(feeds)
        for result, wanted in zip(results.values(), expected, strict=True):
            assert (result.shape, result.dtype) == (wanted.shape, wanted.dtype)
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(result, wanted, rtol=0, atol=tolerance * scale)
    return net


# Whole models


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_light_model(path):
    """ONNX publishes the output for inputs of equal steps from 0 to 1."""
    net = convpool.load_onnx(path)
    feeds = {}
    for entry in net.inputs:
        size = int(np.prod(entry.shape))
        feeds[entry.name] = (np.arange(size).reshape(entry.shape) / size).astype(entry.dtype)
    expected = numpy_helper.to_array(onnx.load_tensor(f"{path.with_suffix('')}_output_0.pb"))
    for _ in range(2):
        (result,) = net.run(feeds).values()
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-7)
    plan = net.plan()
    assert "BatchNormalization" not in plan
    assert not re.search(r"^(Dropout|Identity) ", plan, re.M)


def residual_block():
    """Convolution, batch norm, ReLU, convolution, batch norm, and the input added, ReLU."""
    nodes, constants = [], []
    for i, name in ((1, "x"), (2, "r1")):
        nodes.append(helper.make_node("Conv", [name, f"w{i}"], [f"c{i}"], pads=[1] * 4))
        names = [f"{kind}{i}" for kind in ("scale", "bias", "mean", "var")]
        nodes.append(helper.make_node("BatchNormalization", [f"c{i}", *names], [f"b{i}"]))
        constants += [constant(f"w{i}", 6, 6, 3, 3, seed=i)]
        constants += [constant(n, 6, seed=7 * i + j) for j, n in enumerate(names[:3])]
        var = np.abs(RNG(i).standard_normal(6)).astype(np.float32) + 0.5
        constants.append(numpy_helper.from_array(var, f"var{i}"))
        if i == 1:
            nodes.append(helper.make_node("Relu", ["b1"], ["r1"]))
    nodes.append(helper.make_node("Add", ["b2", "x"], ["s"]))
    nodes.append(helper.make_node("Relu", ["s"], ["y"]))
    return model_of(nodes, [("x", ["n", 6, 9, 8])], ["y"], constants)


def test_residual_block_is_two_steps():
    x = RNG(0).standard_normal((2, 6, 9, 8)).astype(np.float32)
    net = assert_like_reference(residual_block(), {"x": x})
    steps = [line.split()[0] for line in net.plan().splitlines()[:-1]]
    assert steps == ["Conv+relu", "Conv+residual+relu"]


def sums_of_convolutions(last):
    """Twice a convolution is added to what came before; of it all, `last` is left as the output."""
    nodes = [helper.make_node("Conv", ["x", "w0"], ["a"])]
    for i, (name, result) in enumerate((("a", "b"), ("b", "c")), 1):
        nodes.append(helper.make_node("Conv", [name, f"w{i}"], [f"p{i}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"p{i}"], [f"q{i}"]))
        nodes.append(helper.make_node("Conv", [f"q{i}", "w3"], [f"r{i}"]))
        nodes.append(helper.make_node("Add", [f"r{i}", name], [result]))
    nodes += last
    constants = [constant("w0", 6, 4, 1, 1), constant("w3", 6, 6, 1, 1, seed=3)]
    constants += [constant(f"w{i}", 6, 6, 3, 3, seed=i) for i in (1, 2)]
    return model_of(nodes, [("x", ["n", 4, 9, 8])], ["y"], constants)


@pytest.mark.parametrize(
    ("again", "places"),
    [([], ["a", "b"]), (["b"], ["a"]), (["a"], ["b"]), (["a", "b"], [])],
    ids=["none", "the second", "the first", "both"],
)
def test_sums_take_the_place_of_what_is_not_read_again(again, places):
    nodes, last = [], "c"
    for name in again:
        nodes.append(helper.make_node("Mul", [last, name], [last + name]))
        last += name
    nodes.append(helper.make_node("MaxPool", [last], ["y"], kernel_shape=[2, 2]))
    x = RNG(4).standard_normal((2, 4, 9, 8)).astype(np.float32)
    net = assert_like_reference(sums_of_convolutions(nodes), {"x": x})
    plan = net.plan()
    found = re.findall(r"^Conv\+residual.* in (\w+) from 0 of axis 0$", plan, re.M)
    assert found == places, plan


ACTIVATIONS = [
    ("Relu", {}, "relu"),
    ("LeakyRelu", {"alpha": 0.3}, "leaky_relu"),
    ("Elu", {"alpha": 0.7}, "elu"),
    ("Sigmoid", {}, "sigmoid"),
    ("Tanh", {}, "tanh"),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, "hardsigmoid"),
    ("HardSwish", {}, "hardswish"),
    ("Softplus", {}, "softplus"),
]


@pytest.mark.parametrize(("operator", "attributes", "name"), ACTIVATIONS)
@pytest.mark.parametrize("before", ["Conv", "Gemm", "MatMul"])
def test_activation_is_folded(operator, attributes, name, before):
    shape = [2, 3, 5, 5] if before == "Conv" else [4, 3]
    weight = constant("w", 4, 3, 2, 2) if before == "Conv" else constant("w", 3, 7)
    nodes = [
        helper.make_node(before, ["x", "w"], ["c"]),
        helper.make_node(operator, ["c"], ["y"], **attributes),
    ]
    model = model_of(nodes, [("x", shape)], ["y"], [weight])
    net = assert_like_reference(model, {"x": RNG(1).standard_normal(shape).astype(np.float32)})
    assert net.plan().startswith(f"{before}+{name} ")


def scalar(name, value):
    return numpy_helper.from_array(np.float32(value), name)


PATTERNS = {
    "silu": ([("Sigmoid", ["c"], "s"), ("Mul", ["c", "s"], "y")], "silu"),
    "hard sigmoid": (
        [("Add", ["c", "3"], "a"), ("Clip", ["a", "0", "6"], "b"), ("Div", ["b", "6"], "y")],
        "hardsigmoid",
    ),
    "hard swish, divided last": (
        [
            ("Add", ["c", "3"], "a"),
            ("Clip", ["a", "0", "6"], "b"),
            ("Mul", ["c", "b"], "m"),
            ("Div", ["m", "6"], "y"),
        ],
        "hardswish",
    ),
    "hard swish, divided first": (
        [
            ("Add", ["3", "c"], "a"),
            ("Clip", ["a", "0", "6"], "b"),
            ("Div", ["b", "6"], "d"),
            ("Mul", ["d", "c"], "y"),
        ],
        "hardswish",
    ),
    "relu6": ([("Clip", ["c", "0", "6"], "y")], "relu6"),
    "clip": ([("Clip", ["c", "-2", "6"], "y")], "hardtanh"),
    "clip below": ([("Clip", ["c", "0"], "y")], "relu"),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern_is_one_activation(name):
    steps, activation = PATTERNS[name]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"])]
    nodes += [helper.make_node(kind, reads, [made]) for kind, reads, made in steps]
    constants = [constant("w", 4, 3, 2, 2), *(scalar(str(v), v) for v in (0, 3, 6, -2))]
    model = model_of(nodes, [("x", [1, 3, 6, 6])], ["y"], constants)
    x = 3 * RNG(2).standard_normal((1, 3, 6, 6)).astype(np.float32)
    net = assert_like_reference(model, {"x": x})
    steps = net.plan().splitlines()[:-1]
    assert len(steps) == 1 and steps[0].startswith(f"Conv+{activation} ")


@pytest.mark.parametrize("operator", ["Mul", "Div", "Add", "Sub"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1), (4, 1), (1, 1, 5, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_scale_and_shift(operator, shape, first):
    """What is one number for each channel is folded, anything else is not, and both are right."""
    values = RNG(3).uniform(0.5, 2, shape).astype(np.float32)
    reads = ["c", "k"] if first else ["k", "c"]
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node(operator, reads, ["y"]),
    ]
    constants = [constant("w", 4, 3, 2, 2), constant("b", 4)]
    constants.append(numpy_helper.from_array(values, "k"))
    height = {(4, 1): 5, (1, 1, 5, 1): 6}.get(shape, 5)  # k's 4 or 5 are then rows of c
    model = model_of(nodes, [("x", [1, 3, height, 5])], ["y"], constants)
    x = 1 + RNG(4).random((1, 3, height, 5)).astype(np.float32)
    net = convpool.load_onnx(model.SerializeToString())
    if operator == "Div" and not first:
        expected = values / convolved(x, constants)
    else:
        expected = unfolded(model, {"x": x})[0]
    for _ in range(2):
        np.testing.assert_allclose(net(x), expected, rtol=2e-4, atol=1e-5)
    folded = values.size == 1 or shape in ((4, 1, 1), (1, 4, 1, 1))
    folded = folded and not (operator == "Div" and not first)
    assert (len(net.plan().splitlines()) == 2) == folded


def convolved(x, constants):
    weight, bias = map(numpy_helper.to_array, constants[:2])
    return convpool.conv2d(x, weight, bias)


def test_batch_norm_by_itself():
    """What stands before an activation and a convolution, as in DenseNet."""
    names = ["scale", "bias", "mean", "var"]
    nodes = [
        helper.make_node("BatchNormalization", ["x", *names], ["b"]),
        helper.make_node("Relu", ["b"], ["r"]),
        helper.make_node("Conv", ["r", "w"], ["y"]),
    ]
    constants = [constant(n, 3, seed=i) for i, n in enumerate(names[:3])]
    constants.append(numpy_helper.from_array(np.float32([0.5, 1, 2]), "var"))
    constants.append(constant("w", 4, 3, 1, 1))
    model = model_of(nodes, [("x", [2, 3, 6, 5])], ["y"], constants)
    x = RNG(5).standard_normal((2, 3, 6, 5)).astype(np.float32)
    net = assert_like_reference(model, {"x": x})
    assert [line.split()[0] for line in net.plan().splitlines()[:-1]] == ["Affine+relu", "Conv"]


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize("own", [0, 1])
def test_padding(mode, own):
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["p"], mode=mode),
        helper.make_node("Conv", ["p", "w"], ["y"], pads=[own] * 4),
    ]
    pads = numpy_helper.from_array(np.int64([0, 0, 1, 2, 0, 0, 2, 0]), "pads")
    model = model_of(nodes, [("x", [1, 3, 6, 5])], ["y"], [constant("w", 4, 3, 3, 3), pads])
    x = RNG(6).standard_normal((1, 3, 6, 5)).astype(np.float32)
    net = assert_like_reference(model, {"x": x})
    assert ("Pad" in net.plan()) == (own == 1 and mode != "constant")


def test_what_others_read_is_not_folded():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Add", ["c", "r"], ["y"]),
    ]
    model = model_of(nodes, [("x", [1, 3, 6, 5])], ["y", "c"], [constant("w", 4, 3, 3, 3)])
    x = RNG(7).standard_normal((1, 3, 6, 5)).astype(np.float32)
    net = assert_like_reference(model, {"x": x})
    assert len(net.plan().splitlines()) == 4


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (4, 1, 1), (1, 4, 4, 3), (2, 4, 4, 3), (3,)])
def test_residual_of_another_shape(shape):
    """Stretched by NumPy's rules."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Add", ["c", "r"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    inputs = [("x", [2, 3, 4, 3]), ("r", list(shape))]
    model = model_of(nodes, inputs, ["y"], [constant("w", 4, 3, 1, 1)])
    feeds = {name: RNG(8).standard_normal(size).astype(np.float32) for name, size in inputs}
    assert_like_reference(model, feeds)


def test_sums_that_a_residual_stretches():
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["g"]),
        helper.make_node("Conv", ["g", "w"], ["c"]),
        helper.make_node("Add", ["x", "c"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    model = model_of(nodes, [("x", [2, 3, 4, 5])], ["y"], [constant("w", 3, 3, 1, 1)])
    x = RNG(9).standard_normal((2, 3, 4, 5)).astype(np.float32)
    assert_like_reference(model, {"x": x})


# Where results are kept


def branches():
    """Two branches and a pool, joined; joined again with what was joined."""
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["ra"]),
        helper.make_node("Conv", ["x", "w2"], ["b"]),
        helper.make_node(
            "MaxPool", ["x"], ["m"], kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]
        ),
        helper.make_node("Concat", ["ra", "b", "m"], ["j"], axis=1),
        helper.make_node("Conv", ["j", "w3"], ["k"]),
        helper.make_node("Concat", ["j", "k", "j"], ["l"], axis=1),
        helper.make_node("Conv", ["l", "w4"], ["y"]),
    ]
    constants = [constant("w1", 4, 3, 3, 3), constant("w2", 5, 3, 1, 1)]
    constants += [constant("w3", 6, 12, 1, 1), constant("w4", 2, 30, 1, 1)]
    return model_of(nodes, [("x", ["n", 3, "h", "w"])], ["y"], constants)


def test_branches_need_no_copy():
    x = RNG(10).standard_normal((2, 3, 7, 6)).astype(np.float32)
    net = assert_like_reference(branches(), {"x": x})
    plan = net.plan().splitlines()
    assert sum(" in j " in line for line in plan) == 3
    (profile,) = [net.profile(x, repeats=1)]
    assert [row.output for row in profile.rows].count("j") == 0
    assert re.search(r"\d us in \d+ steps", str(profile))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("transposed", [0, 1])
def test_large_matrices_that_a_file_has_askew(transposed, batch, tmp_path, monkeypatch):
    """Packed in pieces, of which each alone is copied; the file may go once it is read."""
    from convpool._onnx import model as files
    from convpool._onnx import products

    for module in (files, products):
        monkeypatch.setattr(module, "PIECE", 1000)
    pieces = []
    pack = products.pack_weight
    monkeypatch.setattr(
        products,
        "pack_weight",
        lambda w, *rest, **more: pieces.append(len(w)) or pack(w, *rest, **more),
    )
    shape = (40, 31) if transposed else (31, 40)
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"], transB=transposed),
        helper.make_node("Relu", ["g"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["y"]),
    ]
    constants = [constant("w", *shape), constant("b", 40, seed=1), constant("v", 40, 9, seed=2)]
    model = model_of(nodes, [("x", [batch, 31])], ["y"], constants)
    x = RNG(5).standard_normal((batch, 31)).astype(np.float32)
    (expected,) = unfolded(model, {"x": x})
    found = []
    for length in range(1, 5):  # one of which puts the weight where it is aligned
        pieces.clear()
        model.doc_string = "-" * length
        path = tmp_path / f"{length}.onnx"
        path.write_bytes(model.SerializeToString())
        net = convpool.load_onnx(path)
        path.write_bytes(b"\0" * path.stat().st_size)
        for _ in range(2):
            np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-5)
        found.append(pieces.copy())
    askew = [8, 8, 8, 8, 8, 9] if transposed else [40, 9]
    assert sorted(found) == [askew, askew, askew, [40, 9]]


def test_shapes_may_change():
    net = convpool.load_onnx(branches().SerializeToString())
    for _ in range(2):
        for shape in ((1, 3, 7, 6), (2, 3, 5, 5), (1, 3, 3, 9), (3, 3, 4, 4), (1, 3, 8, 8)):
            x = RNG(11).standard_normal(shape).astype(np.float32)
            (expected,) = unfolded(branches(), {"x": x})
            np.testing.assert_allclose(net(x), expected, rtol=1e-4, atol=1e-4)


def test_results_stay_when_the_network_runs_again():
    net = convpool.load_onnx(branches().SerializeToString())
    inputs = [RNG(i).standard_normal((1, 3, 7, 6)).astype(np.float32) for i in range(4)]
    results = [net(x) for x in inputs]
    kept = [result.copy() for result in results]
    for x in inputs:
        net(x)
    for result, copy, x in zip(results, kept, inputs, strict=True):
        np.testing.assert_array_equal(result, copy)
        np.testing.assert_array_equal(net(x), copy)


@pytest.mark.parametrize("operator", ["Identity", "Reshape", "Flatten", "Transpose"])
def test_results_are_nobody_elses_memory(operator):
    """Outputs that are views of inputs, of constants and of what is inside."""
    shape = numpy_helper.from_array(np.int64([-1]), "shape")
    rest = ["shape"] if operator == "Reshape" else []
    nodes = [
        helper.make_node("Neg", ["x"], ["inner"]),
        *(
            helper.make_node(operator, [name, *rest], [f"y{i}"])
            for i, name in enumerate(("x", "k", "inner"))
        ),
    ]
    model = model_of(nodes, [("x", [2, 3])], ["y0", "y1", "y2"], [constant("k", 2, 3), shape])
    net = convpool.load_onnx(model.SerializeToString())
    x = np.ones((2, 3), np.float32)
    expected = [result.copy() for result in net(x)]
    for _ in range(3):
        results = net(x)
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result, wanted)
            result[...] = 99
    np.testing.assert_array_equal(x, 1)


def test_text_is_kept_apart():
    """Strings are objects, which no buffer of bytes holds."""
    text = [helper.make_tensor_value_info(n, TensorProto.STRING, [2]) for n in ("x", "y")]
    nodes = [
        helper.make_node("Concat", ["x", "x"], ["twice"], axis=0),
        helper.make_node("Identity", ["twice"], ["same"]),
        helper.make_node("Gather", ["same", "index"], ["y"]),
    ]
    index = numpy_helper.from_array(np.int64([3, 0]), "index")
    graph = helper.make_graph(nodes, "text", text[:1], text[1:], [index])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    net = convpool.load_onnx(model.SerializeToString())
    for _ in range(2):
        assert net(np.array(["a", "b"], object)).tolist() == ["b", "a"]


def test_threads_at_once():
    net = convpool.load_onnx(residual_block().SerializeToString())
    inputs = [RNG(i).standard_normal((1, 6, 9, 8)).astype(np.float32) for i in range(8)]
    expected = [net(x) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.array_equal(net(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_bits_do_not_hang_on_threads_or_batch():
    net = convpool.load_onnx(residual_block().SerializeToString())
    x = RNG(12).standard_normal((3, 6, 9, 8)).astype(np.float32)
    whole = net(x)
    for count in (1, 2, 3):
        with convpool.num_threads(count):
            np.testing.assert_array_equal(net(x), whole)
    for i in range(3):
        np.testing.assert_array_equal(net(x[i : i + 1])[0], whole[i])


def test_input_is_left_alone_and_may_have_any_strides():
    net = convpool.load_onnx(residual_block().SerializeToString())
    base = RNG(13).standard_normal((2, 9, 8, 6)).astype(np.float32)
    x = base.transpose(0, 3, 1, 2)[::-1]
    before = x.copy()
    np.testing.assert_array_equal(net(x), net(before))
    np.testing.assert_array_equal(net(x), net(before))
    np.testing.assert_array_equal(x, before)


# Wrong inputs


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((1, 6, 9, 8)), TypeError, "x: got dtype float64, expected float32"),
        (np.ones((6, 9, 8), np.float32), ValueError, r"x: got shape \(6, 9, 8\), expected x: "),
        (np.ones((1, 5, 9, 8), np.float32), ValueError, r"x: got shape \(1, 5, 9, 8\)"),
        (np.ones((1, 6, 9, 7), np.float32), ValueError, r"\(n, 6, 9, 8\)"),
    ],
)
def test_wrong_input(x, error, message):
    net = convpool.load_onnx(residual_block().SerializeToString())
    with pytest.raises(error, match=message):
        net(x)
    with pytest.raises(error, match=message):
        net.run({"x": x})


def test_wrong_names_and_counts():
    net = convpool.load_onnx(residual_block().SerializeToString())
    x = np.ones((1, 6, 9, 8), np.float32)
    with pytest.raises(ValueError, match=r"inputs: got \['z'\], expected \['x'\]"):
        net.run({"z": x})
    with pytest.raises(TypeError, match="inputs: got 2, expected 1: x: float32"):
        net(x, x)


def test_shapes_that_meet_badly_name_the_node():
    nodes = [helper.make_node("Add", ["x", "z"], ["y"], name="join")]
    net = load(nodes, [("x", ["a"]), ("z", ["b"])], ["y"])
    assert net(np.ones(2, np.float32), np.ones(1, np.float32)).shape == (2,)
    with pytest.raises(ValueError, match=r"node 'join' \(Add\): "):
        net(np.ones(2, np.float32), np.ones(3, np.float32))


# Files that lie


def test_unknown_operator():
    nodes = [helper.make_node("Frobnicate", ["x"], ["y"], name="here", domain="some.where")]
    with pytest.raises(ValueError, match=r"node 'here' \(some.where.Frobnicate\): this operator"):
        load(nodes, [("x", [1])], ["y"])


@pytest.mark.parametrize("content", [b"", b"no model", b"\x00" * 40, b"\x08\x08"])
def test_no_model(content, tmp_path):
    with pytest.raises(ValueError, match="ONNX format"):
        convpool.load_onnx(content)
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.onnx: .*ONNX format"):
        convpool.load_onnx(tmp_path / "m.onnx")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        convpool.load_onnx(tmp_path / "missing.onnx")


def test_every_way_to_cut_a_file_short():
    content = residual_block().SerializeToString()
    for end in range(0, len(content), 37):
        with pytest.raises(ValueError, match=r"ONNX format|got|reads|expected|made by no node"):
            convpool.load_onnx(content[:end])


def test_bytes_changed_at_random():
    """Whatever it is then, it is a model or a clear error; and it runs or is a clear error."""
    content = residual_block().SerializeToString()
    x = np.ones((1, 6, 9, 8), np.float32)
    random = RNG(14)
    for _ in range(300):
        damaged = bytearray(content)
        for at in random.integers(0, len(content), 3):
            damaged[at] = random.integers(0, 256)
        try:
            convpool.load_onnx(bytes(damaged))(x)
        except (ValueError, TypeError) as error:
            assert str(error)


def lying(**fields):
    """A model whose one weight is not what it says."""
    model = residual_block()
    for name, value in fields.items():
        tensor = model.graph.initializer[0]
        if name == "dims":
            tensor.dims[:] = value
        else:
            setattr(tensor, name, value)
    return model.SerializeToString()


@pytest.mark.parametrize(
    "dims",
    [[6, 6, 3, 4], [2**40, 2**40, 1, 1], [2**62, 4, 1, 1], [-6, -6, 3, 3], [6, 6, 3], [1] * 40],
)
def test_shape_that_lies(dims):
    with pytest.raises(ValueError, match=r"constant 'w1': got|node '.*' \(Conv\): |node"):
        convpool.load_onnx(lying(dims=dims))(np.ones((1, 6, 9, 8), np.float32))


def test_truncated_weight():
    short = residual_block().graph.initializer[0].raw_data[:-4]
    with pytest.raises(ValueError, match=r"constant 'w1': got 1292 .* expected 1296 for shape"):
        convpool.load_onnx(lying(raw_data=short))


@pytest.mark.parametrize("kind", [0, 99, TensorProto.STRING, TensorProto.DOUBLE])
def test_type_that_lies(kind):
    with pytest.raises(ValueError, match="constant 'w1': got"):
        convpool.load_onnx(lying(data_type=kind))


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Tile", "Range", "OneHot"])
def test_huge_results_are_refused(operator):
    """2^40 elements that a few bytes ask for."""
    size = numpy_helper.from_array(np.int64([2**40]), "size")
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    zero = numpy_helper.from_array(np.int64(0), "zero")
    pair = numpy_helper.from_array(np.ones(2, np.float32), "pair")
    limit = numpy_helper.from_array(np.int64(2**40), "limit")
    step = numpy_helper.from_array(np.int64(1), "step")
    index = numpy_helper.from_array(np.int64([1]), "index")
    reads = {
        "ConstantOfShape": ["size"],
        "Expand": ["one", "size"],
        "Tile": ["one", "size"],
        "Range": ["zero", "limit", "step"],
        "OneHot": ["index", "size", "pair"],
    }[operator]
    nodes = [helper.make_node(operator, reads, ["big"]), helper.make_node("Exp", ["big"], ["y"])]
    if operator == "Range":
        nodes[1] = helper.make_node("Identity", ["big"], ["y"])
    constants = [size, one, zero, pair, limit, step, index]
    with pytest.raises((ValueError, MemoryError)):
        load(nodes, [], ["y"], constants)()


def nested(depth):
    """An If in an If, so many times."""

    def graph_of(node, output):
        value = helper.make_tensor_value_info(output, FLOAT, None)
        return helper.make_graph([node], "inner", [], [value])

    graph = graph_of(helper.make_node("Constant", [], ["v"], value=constant("", 1)), "v")
    for i in range(depth):
        other = graph_of(helper.make_node("Constant", [], ["o"], value=constant("", 1)), "o")
        branches = {"then_branch": graph, "else_branch": other}
        graph = graph_of(helper.make_node("If", ["c"], [f"v{i}"], **branches), f"v{i}")
    graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


@pytest.mark.parametrize("depth", [1, 16, 17, 25])
def test_subgraphs_nest_no_deeper_than_a_limit(depth):
    if depth <= 16:
        result = convpool.load_onnx(nested(depth))()
        np.testing.assert_array_equal(result, RNG(0).standard_normal(1).astype(np.float32))
        return
    with pytest.raises(ValueError, match=r"nest deeper|ONNX format"):
        convpool.load_onnx(nested(depth))


def test_a_chain_of_nodes_may_be_long():
    nodes = [helper.make_node("Neg", [f"x{i}"], [f"x{i + 1}"]) for i in range(3000)]
    net = load(nodes, [("x0", [2])], ["x3000"])
    np.testing.assert_array_equal(net(np.float32([1, 2])), [1, 2])
    np.testing.assert_array_equal(net(np.float32([1, 2])), [1, 2])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("Neg", ["z"], ["y"])], "reads 'z', which nothing has made"),
        ([("Neg", ["y"], ["y"])], "reads 'y', which nothing has made"),
        ([("Neg", ["b"], ["y"]), ("Neg", ["x"], ["b"])], "reads 'b', which nothing has made"),
        ([("Neg", ["x"], ["y"]), ("Neg", ["x"], ["y"])], "makes 'y', which there is already"),
        ([("Neg", ["x"], ["x"])], "makes 'x', which there is already"),
        ([("Neg", ["x"], ["z"])], "output 'y' is made by no node"),
        ([("Conv", ["x"], ["y"])], "got 1 inputs, expected 2 to 3"),
        ([("Neg", ["x", "x"], ["y"])], "got 2 inputs, expected 1 to 1"),
        ([("Neg", ["x"], [])], "got 0 outputs, expected 1 to 1"),
    ],
)
def test_graph_that_is_none(nodes, message):
    with pytest.raises(ValueError, match=message):
        load([helper.make_node(*node) for node in nodes], [("x", [1])], ["y"])


def with_outside_weight(location, **more):
    model = residual_block()
    tensor = model.graph.initializer[0]
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model.SerializeToString(), raw


def test_weights_in_a_file_of_their_own(tmp_path):
    content, raw = with_outside_weight("weights.bin", offset=8, length=1296)
    (tmp_path / "weights.bin").write_bytes(b"\0" * 8 + raw)
    (tmp_path / "m.onnx").write_bytes(content)
    x = RNG(15).standard_normal((1, 6, 9, 8)).astype(np.float32)
    expected = convpool.load_onnx(residual_block().SerializeToString())(x)
    np.testing.assert_array_equal(convpool.load_onnx(tmp_path / "m.onnx")(x), expected)
    with pytest.raises(ValueError, match=r"constant 'w1': is kept in 'weights\.bin'"):
        convpool.load_onnx(content)
    (tmp_path / "weights.bin").write_bytes(raw)
    with pytest.raises(ValueError, match=r"constant 'w1': got 1296 bytes .* expected 1296 from 8"):
        convpool.load_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "", ".", "missing.bin", "link"])
def test_weights_from_outside_the_folder(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    content, raw = with_outside_weight(location)
    (tmp_path / "w.bin").write_bytes(raw)
    if os.name != "nt":
        (folder / "link").symlink_to(tmp_path / "w.bin")
    (folder / "m.onnx").write_bytes(content)
    with pytest.raises(ValueError, match="constant 'w1': got location"):
        convpool.load_onnx(folder / "m.onnx")


def test_weights_stay_when_the_file_changes(tmp_path):
    content = residual_block().SerializeToString()
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    x = RNG(16).standard_normal((1, 6, 9, 8)).astype(np.float32)
    net = convpool.load_onnx(path)
    expected = net(x)
    np.testing.assert_array_equal(convpool.load_onnx(content)(x), expected)
    path.write_bytes(b"\0" * len(content))
    for _ in range(2):
        np.testing.assert_array_equal(net(x), expected)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "i4", "u1", "b1"])
def test_large_constants_of_every_kind(dtype):
    """Those that are read where they stand in the file, and those that are not."""
    values = (3 * RNG(17).standard_normal((40, 80))).astype(dtype)
    nodes = [helper.make_node("Identity", ["k"], ["y"])]
    model = model_of(nodes, [], ["y"], [numpy_helper.from_array(values, "k")])
    result = convpool.load_onnx(model.SerializeToString())()
    np.testing.assert_array_equal(result, values, strict=True)


# The package


def test_importing_convpool_does_not_import_onnx(python):
    done = python("import sys, convpool; print(any('onnx' == name for name in sys.modules))")
    assert done.stdout.strip() == "False"


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'convpool\[onnx\]'"):
        convpool.load_onnx(b"")
