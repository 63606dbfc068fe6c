"""ONNX's published cases, as the onnx package carries them, and those of one table of operators.

    for case, model in published(): ...     # all, and data_sets(case)

    OPERATORS = {"Conv": function(attributes, inputs) -> outputs, ...}
    CASES = load(OPERATORS)

    @pytest.mark.parametrize("case", CASES)
    def test_case(case):
        check(case, OPERATORS)

`attributes` is a dict of Python values (strings, not bytes) with what the node says and no
defaults; `inputs` has None where the node leaves one out; `outputs` is a sequence, of which the
node may ask for fewer. A function pops the attributes that it understands: what is left over fails.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from reference import assert_close

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")


@dataclass(frozen=True)
class Case:
    name: str
    node: onnx.NodeProto
    sets: list  # of (inputs, outputs)
    rtol: float
    atol: float

    @property
    def attributes(self):
        values = {a.name: onnx.helper.get_attribute_value(a) for a in self.node.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def array_of(value):
    """An array of a tensor or a number; sequences of them stay as they are."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value if isinstance(value, list) else np.asarray(value)


def data_sets(case):
    """(inputs, outputs) of each set, from the case or its folder."""
    if case.data_sets is not None:
        return [tuple(tuple(map(array_of, part)) for part in s) for s in case.data_sets]
    return [
        tuple(
            tuple(array_of(onnx.load_tensor(path)) for path in sorted(folder.glob(f"{kind}_*.pb")))
            for kind in ("input", "output")
        )
        for folder in sorted(Path(case.model_dir).glob("test_data_set_*"))
    ]


def by_node(node, model, inputs):
    """The node's inputs in its own order: those given, those the model holds, None for none."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in held]
    values = {**held, **dict(zip(names, inputs, strict=True))}
    return [values[name] if name else None for name in node.input]


@cache
def published():
    """(case, model) of all cases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # building all of ONNX's cases overflows here and there
        cases = [case for kind in KINDS for case in load_model_tests(kind=kind)]
    return [(case, case.model or onnx.load(Path(case.model_dir) / "model.onnx")) for case in cases]


def load(operators, excluded=()):
    """All cases of one node of these operators, as parameters of a test, but for those excluded
    by name."""
    return [
        pytest.param(
            Case(
                case.name,
                model.graph.node[0],
                [
                    (by_node(model.graph.node[0], model, inputs), outputs)
                    for inputs, outputs in data_sets(case)
                ],
                case.rtol,
                case.atol,
            ),
            id=case.name,
        )
        for case, model in published()
        if len(model.graph.node) == 1
        and model.graph.node[0].op_type in operators
        and case.name not in excluded
    ]


def check(case, operators, errors=None):
    """Run a case: floats within `errors[op_type](attributes, inputs)`, an error bound of each of
    the two sides, or else within what ONNX allows."""
    assert case.sets
    for inputs, expected in case.sets:
        attributes = case.attributes
        actual = operators[case.node.op_type](attributes, inputs)
        assert not attributes, f"nothing was made of {attributes}"
        for got, wanted in zip(actual, expected, strict=False):
            if wanted.dtype.kind != "f":
                np.testing.assert_array_equal(got, wanted, strict=True)
            elif errors is not None:
                error = errors[case.node.op_type](case.attributes, inputs)
                assert_close(got, wanted, 2 * error, wanted.dtype)
            else:
                np.testing.assert_allclose(got, wanted, case.rtol, case.atol, strict=True)


# Attributes that several operators share, in convpool's words


def take_window(attributes):
    """Stride, dilation and padding of a node, out of its attributes."""
    arguments = {}
    for theirs, ours in {"strides": "stride", "dilations": "dilation", "group": "groups"}.items():
        if theirs in attributes:
            value = attributes.pop(theirs)
            arguments[ours] = value if isinstance(value, int) else tuple(value)
    rule = attributes.pop("auto_pad", "NOTSET")
    pads = attributes.pop("pads", None)
    if rule != "NOTSET":
        names = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}
        arguments["padding"] = names[rule]
    elif pads is not None:
        half = len(pads) // 2
        arguments["padding"] = tuple(zip(pads[:half], pads[half:], strict=True))
    return arguments
