"""ONNX's published cases of single nodes, each through load_onnx.

The first call learns shapes, the second runs the plan: both have to give what ONNX publishes.
"""

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import convpool
from convpool._onnx.operators import TABLE, enter_all

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
# Functions of convpool that an installation may not have yet.
NEEDED = {"ConvTranspose": "conv_transpose{}d"}


def array_of(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def data_sets(case):
    """(inputs, outputs) of each set, from the case or its folder."""
    if case.data_sets is not None:
        return [tuple([array_of(value) for value in part] for part in s) for s in case.data_sets]
    sets = []
    for folder in sorted(Path(case.model_dir).glob("test_data_set_*")):
        parts = []
        for kind in ("input", "output"):
            paths = sorted(folder.glob(f"{kind}_*.pb"))
            parts.append([numpy_helper.to_array(onnx.load_tensor(path)) for path in paths])
        sets.append(tuple(parts))
    return sets


def operators(graph):
    for node in graph.node:
        yield node.op_type if not node.domain else f"{node.domain}.{node.op_type}"
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from operators(attribute.g)


def load_cases():
    """All cases, and for each the operators that its model has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # building all of ONNX's cases overflows here and there
        for kind in ("node", "simple", "pytorch-operator", "pytorch-converted"):
            for case in load_model_tests(kind=kind):
                model = case.model or onnx.load(Path(case.model_dir) / "model.onnx")
                yield case, model, set(operators(model.graph))


def is_known(name):
    return ("", name) in TABLE


def excluded(name):
    return next((why for start, why in EXCLUDED.items() if name.startswith(start)), None)


CASES = list(load_cases())
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
    for name, stem in NEEDED.items():
        if name in names and not hasattr(convpool, stem.format(2)):
            pytest.skip(f"this version has no {stem.format(2)}")
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
