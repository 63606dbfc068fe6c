"""Quantized networks give what ONNX's reference evaluator gives, bit for bit."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import convpool

RNG = np.random.default_rng
KINDS = {np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8}


def net(nodes, constants, x, kind):
    """A model of some nodes, from x to y."""
    graph = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model


def assert_as_reference(model, x):
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    run = convpool.load_onnx(model.SerializeToString())
    for _ in range(2):  # the first call learns shapes, the second runs the plan
        result = run(x)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)
    return run


def integers(seed, kind, *shape):
    limits = np.iinfo(kind)
    return RNG(seed).integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("weight_kind", [np.uint8, np.int8])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_convolution_by_a_known_weight(kind, weight_kind, biased, per_channel):
    x = integers(1, kind, 2, 4, 9, 11)
    count = 6 if per_channel else 1
    scales = RNG(2).uniform(0.001, 0.01, count).astype(np.float32)
    zeros = np.zeros(6, np.int8) if per_channel else integers(3, weight_kind, 1)
    if per_channel and weight_kind == np.uint8:
        zeros = np.full(6, 128, np.uint8)
    constants = {
        "x_scale": np.float32(0.03),
        "x_zero": integers(4, kind)[()],
        "w": integers(5, weight_kind, 6, 2, 3, 2),
        "w_scale": scales if per_channel else scales[0],
        "w_zero": zeros if per_channel else zeros[0],
        "y_scale": np.float32(0.07),
        "y_zero": integers(6, kind)[()],
    }
    if biased:
        constants["b"] = RNG(7).integers(-5000, 5000, 6).astype(np.int32)
    node = helper.make_node(
        "QLinearConv", ["x", *constants], ["y"],
        group=2, pads=[1, 0, 2, 1], strides=[2, 1],
    )  # fmt: skip
    assert_as_reference(net([node], constants, x, KINDS[np.dtype(kind)]), x)


@pytest.mark.parametrize("shapes", [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5))])
@pytest.mark.parametrize("rows", [False, True])
def test_products(shapes, rows):
    a, b = integers(1, np.uint8, *shapes[0]), integers(2, np.int8, *shapes[1])
    rows = rows and a.ndim == 2
    constants = {
        "a_scale": np.float32([0.02, 0.03, 0.04] if rows else 0.02),
        "a_zero": np.uint8([7, 120, 3] if rows else 7),
        "b": b,
        "b_scale": np.float32(0.01),
        "b_zero": np.int8(-3),
        "y_scale": np.float32(0.11),
        "y_zero": np.uint8(99),
    }
    if not rows:
        node = helper.make_node("QLinearMatMul", ["x", *constants], ["y"])
        assert_as_reference(net([node], constants, a, TensorProto.UINT8), a)
    node = helper.make_node("MatMulInteger", ["x", "b", "a_zero", "b_zero"], ["y"])
    integer = {name: constants[name] for name in ("b", "a_zero", "b_zero")}
    run = convpool.load_onnx(net([node], integer, a, TensorProto.INT32).SerializeToString())
    zero = constants["a_zero"][..., None] if rows else constants["a_zero"]
    expected = (a.astype(int) - zero.astype(int)) @ (b.astype(int) + 3)
    np.testing.assert_array_equal(run(a), expected)
    if rows:
        node = helper.make_node("QLinearMatMul", ["x", *constants], ["y"])
        run = convpool.load_onnx(net([node], constants, a, TensorProto.UINT8).SerializeToString())
        real = expected * (constants["a_scale"][:, None] * np.float32(0.01) / np.float32(0.11))
        np.testing.assert_array_equal(run(a), np.clip(np.rint(real + 99), 0, 255).astype(np.uint8))


def test_a_network_whose_weights_alone_are_bytes():
    """From real numbers to bytes and back around a convolution, as tools quantize networks."""
    x = RNG(0).standard_normal((1, 3, 12, 12)).astype(np.float32)
    constants = {
        "x_scale": np.float32(1 / 32), "x_zero": np.uint8(128),
        "w": integers(1, np.int8, 4, 3, 3, 3), "w_scale": np.float32(0.01), "w_zero": np.int8(0),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "x_scale", "x_zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["f"]),
        helper.make_node("Conv", ["d", "f"], ["c"]),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    model = net(nodes, constants, x, TensorProto.FLOAT)
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    run = convpool.load_onnx(model.SerializeToString())
    # Sums of 27 products, each below 4 * 1.28: a few units in the last place of their sum.
    np.testing.assert_allclose(run(x), expected, rtol=0, atol=27 * 4 * 1.28 * 2.0**-22)
    # The weight is real when the network runs, and packed: no step makes it so.
    assert str(run.plan()).count("DequantizeLinear") == 1


def test_dynamic_range_of_zeros_alone():
    x = np.zeros((2, 3), np.float32)
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])
    run = convpool.load_onnx(net([node], {}, x, TensorProto.UINT8).SerializeToString())
    np.testing.assert_array_equal(run(x), np.zeros((2, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x_scale", np.float32(0), "x_scale"),
        ("w", np.zeros((6, 2, 3), np.int8), "x|axes"),
        ("w_zero", np.zeros(5, np.int8), "weight_zero_point"),
        ("y_scale", np.float32([1, 2]), "out_scale"),
    ],
)
def test_wrong_constants_name_the_node(name, value, message):
    x = integers(1, np.uint8, 1, 4, 9, 9)
    constants = {
        "x_scale": np.float32(0.03), "x_zero": np.uint8(3), "w": integers(5, np.int8, 6, 4, 3, 3),
        "w_scale": np.float32(0.02), "w_zero": np.int8(0), "y_scale": np.float32(0.07),
        "y_zero": np.uint8(9), name: value,
    }  # fmt: skip
    node = helper.make_node("QLinearConv", ["x", *constants], ["y"], name="first")
    model = net([node], constants, x, TensorProto.UINT8)
    with pytest.raises((TypeError, ValueError), match=rf"node 'first' \(QLinearConv\).*{message}"):
        convpool.load_onnx(model.SerializeToString())(x)
