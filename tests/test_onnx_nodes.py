"""ONNX's published cases of single nodes, each through load_onnx.

The first call learns shapes, the second runs the plan: both have to give what ONNX publishes.
"""

import numpy as np
import onnx
import pytest

import convpool
from convpool._onnx.operators import TABLE, enter_all
from onnx_cases import data_sets, published

enter_all()

NARROW = "casts to 8-bit floats saturate, which NumPy's do not"
WIDENED = "NumPy computes in float32 what mixes with bfloat16"
# Cases by the beginning of their names, and why they are not run.
EXCLUDED = {
    **{
        f"test_{cast}_{source}_to_{target}": NARROW
        for cast in ("cast", "castlike")
        for source in ("FLOAT", "FLOAT16")
        for target in ("FLOAT8E4M3FN", "FLOAT8E5M2")
    },
    "test_cast_e8m0_FLOAT_to_": NARROW,
    "test_cast_e8m0_FLOAT16_to_": NARROW,
    "test_training_dropout": "a network is run here, not trained",
    "test_attention_3d_causal_bf16_expanded": WIDENED,
    "test_attention_4d_causal_bf16_expanded": WIDENED,
    "test_attention_4d_padded_kv_bf16_expanded": WIDENED,
    "test_attention_4d_causal_padded_kv_bf16_expanded": WIDENED,
    "test_attention_4d_attn_mask_causal_bf16_expanded": WIDENED,
    "test_celu_bfloat16_expanded": WIDENED,
    "test_einsum_batch_matmul_bfloat16": "numpy.einsum takes no bfloat16",
    "test_einsum_sum_bfloat16": "numpy.einsum takes no bfloat16",
    "test_if_opt": "optional values are not supported",
}


def operators(graph):
    for node in graph.node:
        yield node.op_type if not node.domain else f"{node.domain}.{node.op_type}"
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from operators(attribute.g)


def is_known(name):
    return ("", name) in TABLE


def excluded(name):
    return next((why for start, why in EXCLUDED.items() if name.startswith(start)), None)


# Of each the operators that its model has.
CASES = [(case, model, set(operators(model.graph))) for case, model in published()]
KNOWN = [
    pytest.param(case, model, names, id=case.name)
    for case, model, names in CASES
    if all(map(is_known, names)) and not excluded(case.name)
]
UNKNOWN = sorted({name for _, _, names in CASES for name in names if not is_known(name)})


def assert_near(result, expected, case):
    expected = np.asarray(expected)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind not in "fV":  # V: the narrow floats
        np.testing.assert_array_equal(result, expected)
        return
    wide = [array.astype(np.float64) for array in (result, expected)]
    atol = max(case.atol, 4 * np.finfo(np.float32).eps * 16)
    np.testing.assert_allclose(*wide, rtol=case.rtol, atol=atol)


@pytest.mark.parametrize(("case", "model", "names"), KNOWN)
def test_case(case, model, names):
    net = convpool.load_onnx(model.SerializeToString())
    for inputs, outputs in data_sets(case):
        for _ in range(2):
            results = net(*inputs)
            results = results if isinstance(results, tuple) else (results,)
            assert len(results) == len(outputs)
            for result, expected in zip(results, outputs, strict=True):
                assert_near(result, expected, case)


@pytest.mark.parametrize("name", UNKNOWN)
def test_operator_that_is_not_known(name):
    model = next(model for _, model, names in CASES if name in names)
    with pytest.raises(ValueError, match=r"node '.*' \(.*\): .*not (known|supported)"):
        convpool.load_onnx(model.SerializeToString())


def test_the_cases_are_there():
    """ONNX 1.17 and later carry at least these."""
    names = {case.id for case in KNOWN}
    assert len(names) > 900
    assert {"test_resize_downsample_scales_cubic", "test_lstm_with_peepholes"} <= names
