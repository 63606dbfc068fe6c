"""ONNX's published cases for convolution and pooling, as the onnx package carries them.

ONNX gives pads as all begins, then all ends; an average without padding by default; the positions
of maxima in the whole array, by columns if storage_order is 1.
"""

import math
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import convpool
from reference import assert_close, avg_pool_error, convolution_error

FUNCTIONS = {"Conv": "conv{}d", "MaxPool": "max_pool{}d", "AveragePool": "avg_pool{}d"}
# ONNX and PyTorch agree but for these.
EXCLUDED = {
    "test_maxpool_2d_uint8": "pooling of integers is outside the contract",
    "test_averagepool_2d_dilations": "avg_pool has no dilation, as in PyTorch",
    "test_averagepool_3d_dilations_small": "the same",
    **{
        "test_averagepool_3d_dilations_large_count_include_pad_is_"
        f"{count}_ceil_mode_is_{ceil}": "the same"
        for count in (0, 1)
        for ceil in (True, False)
    },
}
# Inputs and results were printed with so many decimals: half a unit of the last one each, and a
# mean is no further off than its inputs are.
DECIMALS = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 4}


def from_file(path):
    return numpy_helper.to_array(onnx.load_tensor(path))


def data_sets(case, model):
    """(inputs, outputs) of each set, from the case or its folder; weights may be the model's."""
    if case.data_sets is not None:
        return [tuple(tuple(map(np.asarray, arrays)) for arrays in s) for s in case.data_sets]
    weights = tuple(numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    sets = []
    for folder in sorted(Path(case.model_dir).glob("test_data_set_*")):
        inputs, outputs = (
            tuple(from_file(path) for path in sorted(folder.glob(f"{kind}_*.pb")))
            for kind in ("input", "output")
        )
        sets.append((inputs + weights, outputs))
    return sets


def load_cases():
    """Each case of one node for which convpool has, or has to have, a function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # building all of ONNX's cases overflows here and there
        cases = [
            case
            for kind in ("node", "pytorch-operator", "pytorch-converted")
            for case in load_model_tests(kind=kind)
        ]
    for case in cases:
        model = case.model or onnx.load(Path(case.model_dir) / "model.onnx")
        nodes = model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in FUNCTIONS and case.name not in EXCLUDED:
            spatial = len(model.graph.input[0].type.tensor_type.shape.dim) - 2
            name = FUNCTIONS[nodes[0].op_type].format(spatial)
            if spatial == 2 or hasattr(convpool, name):
                printed = 10.0 ** -DECIMALS.get(case.name, math.inf)
                yield pytest.param(nodes[0], name, data_sets(case, model), printed, id=case.name)


CASES = list(load_cases())


def arguments_of(node):
    """What the node's attributes are in convpool's words; the window apart."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    auto_pad = attributes.pop("auto_pad", b"NOTSET")
    pads = attributes.pop("pads", None)
    arguments = {"kernel_size": attributes.pop("kernel_shape", None)}
    arguments["stride"] = attributes.pop("strides", 1)
    if auto_pad != b"NOTSET":
        names = {b"SAME_UPPER": "same", b"SAME_LOWER": "same_lower", b"VALID": "valid"}
        arguments["padding"] = names[auto_pad]
    elif pads is not None:
        half = len(pads) // 2
        arguments["padding"] = tuple(zip(pads[:half], pads[half:], strict=True))
    if "dilations" in attributes:
        arguments["dilation"] = attributes.pop("dilations")
    if "group" in attributes:
        arguments["groups"] = attributes.pop("group")
    for flag in ("ceil_mode", "count_include_pad"):
        if flag in attributes or (flag == "count_include_pad" and node.op_type == "AveragePool"):
            arguments[flag] = bool(attributes.pop(flag, 0))
    by_columns = bool(attributes.pop("storage_order", 0))
    assert not attributes, f"nothing was made of {attributes}"
    return arguments, by_columns


def in_whole_array(indices, shape, by_columns):
    """Positions in each plane -> positions in the array."""
    if by_columns:
        indices = np.ravel_multi_index(np.unravel_index(indices, shape[2:]), shape[2:], order="F")
    planes = np.arange(shape[0] * shape[1]).reshape(*shape[:2], *[1] * (len(shape) - 2))
    return indices + planes * math.prod(shape[2:])


@pytest.mark.parametrize(("node", "name", "sets", "printed"), CASES)
def test_case(node, name, sets, printed):
    function = getattr(convpool, name)
    arguments, by_columns = arguments_of(node)
    if node.op_type == "Conv":
        del arguments["kernel_size"]
    assert sets
    for inputs, outputs in sets:
        if node.op_type == "Conv":
            # Theirs was computed in float32 as well: each side is within the bound.
            error = 2 * convolution_error(*inputs, **plain(arguments)) + printed
            assert_close(function(*inputs, **arguments), outputs[0], error, outputs[0].dtype)
        elif node.op_type == "AveragePool":
            spatial = inputs[0].ndim - 2
            error = 2 * avg_pool_error(*inputs, spatial=spatial, **plain(arguments)) + printed
            assert_close(function(*inputs, **arguments), outputs[0], error, outputs[0].dtype)
        else:
            y, where = function(*inputs, return_indices=True, **arguments)
            np.testing.assert_array_equal(y, outputs[0], strict=True)
            if len(outputs) == 2:
                expected = in_whole_array(where, inputs[0].shape, by_columns)
                np.testing.assert_array_equal(expected, outputs[1], strict=True)


def plain(arguments):
    """Tuples where the reference wants them."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}


def test_the_cases_are_there():
    """ONNX 1.17 and later carry at least these, and each exclusion still names a case."""
    names = {case.id for case in CASES}
    assert {"test_basic_conv_with_padding", "test_conv_with_autopad_same", "test_maxpool_2d_ceil",
            "test_maxpool_with_argmax_2d_precomputed_strides", "test_averagepool_2d_pads",
            "test_Conv2d_depthwise_with_multiplier", "test_operator_conv"} <= names  # fmt: skip
    assert not names & set(EXCLUDED)
