"""Every published case of ONNX's pooling operators."""

import numpy as np
import onnx
import pytest

from onnx_pool_cases import OPERATORS, published_cases, run, window
from reference import assert_close, avg_pool_error, sum_error

CASES = published_cases()

# Inputs and results were printed with four decimals: half a unit of the last one each, and a mean
# is no further off than its inputs are.
PRINTED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-4}


def mean_error(node, x):
    """The error of each mean, by the arguments of its node."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    arguments, rest = window(attributes)
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    counted = bool(rest.pop("count_include_pad", 0))
    return avg_pool_error(x, count_include_pad=counted, spatial=x.ndim - 2, **arguments)


def allowed(name, operator, graph, inputs):
    """Twice the error of the sums: theirs was computed in float32 as well."""
    if operator in ("MaxPool", "GlobalMaxPool", "MaxUnpool"):
        return 0
    x = inputs[0]
    if operator == "AveragePool" and len(graph.node) == 1:
        return 2 * mean_error(graph.node[0], x) + PRINTED.get(name, 0)
    terms = x[0, 0].size + 1
    error = 2 * sum_error(terms, abs(x).max(), x.dtype)
    if operator == "LpPool":  # powers, and a root of all of them, in float32 on their side
        error = 64 * np.finfo(x.dtype).eps * abs(x).max() * terms
    return error + PRINTED.get(name, 0)


@pytest.mark.parametrize(("name", "graph", "operator", "sets"), CASES, ids=[c[0] for c in CASES])
def test_case(name, graph, operator, sets):
    assert sets
    for inputs, outputs in sets:
        results = run(graph, inputs)
        assert len(results) == len(outputs)
        for result, expected in zip(results, outputs, strict=True):
            error = allowed(name, operator, graph, inputs)
            if np.any(error):
                assert_close(result, expected, error, expected.dtype)
            else:
                np.testing.assert_array_equal(result, expected, strict=True)


def test_the_cases_are_there():
    """ONNX 1.17 and later carry at least so many of each."""
    count = {operator: 0 for operator in OPERATORS}
    for _, _, operator, _ in CASES:
        count[operator] += 1
    least = {"MaxPool": 24, "AveragePool": 20, "LpPool": 8, "MaxUnpool": 2,
             "GlobalAveragePool": 2, "GlobalMaxPool": 2}  # fmt: skip
    assert all(count[operator] >= number for operator, number in least.items()), count
    assert {
        "test_maxpool_2d_ceil", "test_maxpool_with_argmax_2d_precomputed_strides",
        "test_averagepool_2d_pads", "test_maxpool_2d_uint8", "test_averagepool_2d_dilations",
    } <= {name for name, *_ in CASES}  # fmt: skip
