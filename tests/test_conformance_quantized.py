"""ONNX's published cases of quantized operators, and the two programs that define or run them.

ONNX's reference evaluator is what `convpool.quantized` promises to equal. ONNX Runtime multiplies
in float32 and rounds before it adds the zero point: it may differ by one step, and only where the
exact result is next to half-way between two.
"""

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from convpool import quantized
from onnx_cases import data_sets, published

OPERATORS = {"QLinearConv", "ConvInteger", "QuantizeLinear", "DequantizeLinear", "MatMulInteger",
             "QLinearMatMul"}  # fmt: skip
# NumPy has no such types.
FOREIGN = {
    getattr(onnx.TensorProto, name)
    for name in ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT4E2M1",
                 "UINT4", "INT4", "UINT2", "INT2")
    if hasattr(onnx.TensorProto, name)
}  # fmt: skip
PAIRS = {"strides": "stride", "dilations": "dilation", "group": "groups"}


def load_cases():
    for case, model in published():
        if len(model.graph.node) != 1:
            continue
        node = model.graph.node[0]
        types = {
            value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
        }
        if node.op_type in OPERATORS and not types & FOREIGN:
            yield pytest.param(node, data_sets(case), id=case.name)


CASES = list(load_cases())


def conv_arguments(attributes):
    arguments = {PAIRS[name]: value for name, value in attributes.items() if name in PAIRS}
    if "pads" in attributes:
        pads = attributes["pads"]
        half = len(pads) // 2
        arguments["padding"] = tuple(zip(pads[:half], pads[half:], strict=True))
    names = {b"SAME_UPPER": "same", b"SAME_LOWER": "same_lower", b"VALID": "valid"}
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        arguments["padding"] = names[attributes["auto_pad"]]
    return arguments


def named(names, inputs):
    """The inputs that are there, by name."""
    return {name: a for name, a in zip(names, inputs, strict=False) if a is not None}


def run(node, inputs):
    """What the node is in convpool's words."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "ConvInteger":
        function = getattr(quantized, f"conv_integer{inputs[0].ndim - 2}d")
        names = ("x", "weight", "x_zero_point", "weight_zero_point")
        return function(**named(names, inputs), **conv_arguments(attributes))
    if node.op_type == "QLinearConv":
        function = getattr(quantized, f"conv{inputs[0].ndim - 2}d")
        names = ("x", "x_scale", "x_zero_point", "weight", "weight_scale", "weight_zero_point",
                 "out_scale", "out_zero_point", "bias")  # fmt: skip
        return function(**named(names, inputs), **conv_arguments(attributes))
    if node.op_type == "MatMulInteger":
        a, b, *zeros = inputs
        return quantized.linear_integer(a, b.T, *zeros)
    if node.op_type == "QLinearMatMul":
        a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
        scales = {"x_scale": a_scale, "x_zero_point": a_zero, "weight_scale": b_scale,
                  "weight_zero_point": b_zero, "out_scale": y_scale,
                  "out_zero_point": y_zero}  # fmt: skip
        matrices = zip(a, b, strict=True) if a.ndim == 3 else [(a, b)]
        result = np.stack([quantized.linear(rows, other.T, **scales) for rows, other in matrices])
        return result if a.ndim == 3 else result[0]
    x, scale, *zero = inputs
    arguments = {name: attributes[name] for name in ("axis", "block_size") if name in attributes}
    if node.op_type == "DequantizeLinear":
        return quantized.dequantize(x, scale, *zero, **arguments)
    if "output_dtype" in attributes:
        arguments["dtype"] = helper.tensor_dtype_to_np_dtype(attributes["output_dtype"])
    return quantized.quantize(x, scale, *zero, **arguments)


@pytest.mark.parametrize(("node", "sets"), CASES)
def test_case(node, sets):
    assert sets
    for inputs, outputs in sets:
        np.testing.assert_array_equal(run(node, inputs), outputs[0], strict=True)


def test_the_cases_are_there():
    names = {case.id for case in CASES}
    assert {"test_qlinearconv", "test_convinteger_with_padding", "test_quantizelinear_axis",
            "test_convinteger_without_padding", "test_quantizelinear_blocked_asymmetric",
            "test_dequantizelinear_blocked", "test_dequantizelinear", "test_matmulinteger",
            "test_qlinearmatmul_2D_int8_float32"} <= names  # fmt: skip


def tensor(name, array):
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
    )


def model_of(operator, inputs, out_type, **attributes):
    names = [f"i{i}" for i in range(len(inputs))]
    node = helper.make_node(operator, names, ["y"], **attributes)
    output = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(out_type), None)
    graph = helper.make_graph([node], "g", list(map(tensor, names, inputs)), [output])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ), dict(zip(names, inputs, strict=True))


LAYERS = [
    ((1, 3, 9, 9), (8, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((2, 8, 11, 7), (6, 8, 1, 1), {}),
    ((1, 6, 12, 12), (6, 1, 3, 3), {"group": 6, "strides": [2, 2], "pads": [0, 1, 1, 0]}),
    ((1, 40, 8, 8), (16, 20, 5, 5), {"group": 2, "dilations": [1, 2], "pads": [2, 4, 2, 4]}),
]


def layer(shape, kernel, types, seed, each, halves=False):
    """Inputs of QLinearConv. With `halves`, results often lie half-way between two steps."""
    rng = np.random.default_rng(seed)

    def integers(shape, dtype):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)

    x_type, weight_type, out_type = types
    count = kernel[:1] if each else ()
    weight_zero = integers((), weight_type) if weight_type == np.uint8 else weight_type(0)
    weight_scale = 2.0 ** -rng.integers(10, 13, count) if halves else 1e-3 + rng.random(count) / 99
    inputs = [
        integers(shape, x_type), np.float32(1.0 if halves else 0.05), integers((), x_type),
        integers(kernel, weight_type), np.float32(weight_scale),
        np.broadcast_to(weight_zero, count).copy(), np.float32(0.5 if halves else 0.9),
        integers((), out_type), rng.integers(-500, 500, kernel[0]).astype(np.int32),
    ]  # fmt: skip
    return list(map(np.asarray, inputs))


TYPES = [
    (np.uint8, np.uint8, np.uint8),
    (np.uint8, np.int8, np.uint8),
    (np.int8, np.int8, np.int8),
]


@pytest.mark.parametrize("shape_kernel_attributes", LAYERS)
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("halves", [False, True])
def test_equals_the_reference_evaluator(shape_kernel_attributes, types, halves):
    shape, kernel, attributes = shape_kernel_attributes
    inputs = layer(shape, kernel, types, 0, True, halves)
    model, feed = model_of("QLinearConv", inputs, np.dtype(types[2]), **attributes)
    (expected,) = ReferenceEvaluator(model).run(None, feed)
    actual = run(model.graph.node[0], inputs)
    np.testing.assert_array_equal(actual, expected, strict=True)


def doubt(inputs, attributes):
    """How far each exact result is from half-way between two steps."""
    x, x_scale, x_zero, weight, weight_scale, weight_zero, out_scale, zero, bias = inputs
    sums = quantized.conv_integer2d(x, weight, x_zero, weight_zero, **conv_arguments(attributes))
    sums = sums + bias.reshape(-1, 1, 1).astype(np.float64)
    scale = (x_scale * weight_scale / out_scale).astype(np.float64)
    steps = sums * np.reshape(scale, (-1, 1, 1)) + zero
    return abs(abs(steps - np.floor(steps)) - 0.5), abs(sums * np.reshape(scale, (-1, 1, 1)))


@pytest.mark.parametrize("shape_kernel_attributes", LAYERS)
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("halves", [False, True])
def test_onnxruntime(shape_kernel_attributes, types, halves):
    runtime = pytest.importorskip("onnxruntime")
    shape, kernel, attributes = shape_kernel_attributes
    for seed in range(5):
        inputs = layer(shape, kernel, types, seed, seed % 2 == 1, halves)
        if types[:2] == (np.uint8, np.int8):
            inputs[3] //= 2  # with 8 bits its sums of two products saturate, on AVX2
        model, feed = model_of("QLinearConv", inputs, np.dtype(types[2]), **attributes)
        session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        (expected,) = session.run(None, feed)
        actual = run(model.graph.node[0], inputs)
        near, magnitude = doubt(inputs, attributes)
        apart = abs(actual.astype(int) - expected)
        assert apart.max() <= 1
        assert (near[apart != 0] <= 2.0**-22 * magnitude[apart != 0]).all()
        sums_model, sums_feed = model_of(
            "ConvInteger", [inputs[0], inputs[3], inputs[2], inputs[5]], np.dtype(np.int32),
            **attributes,
        )  # fmt: skip
        if types[0] == np.uint8 and inputs[5].ndim == 0:  # it has no other
            session = runtime.InferenceSession(
                sums_model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            np.testing.assert_array_equal(
                run(sums_model.graph.node[0], list(sums_feed.values())),
                session.run(None, sums_feed)[0],
            )
