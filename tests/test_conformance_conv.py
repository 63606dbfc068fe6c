"""ONNX's published cases of Conv and ConvTranspose: all of them, none excluded."""

import pytest

import convpool
import reference
from onnx_cases import check, load, take_window
from reference import convolution_error


def conv(attributes, inputs):
    function = getattr(convpool, f"conv{inputs[0].ndim - 2}d")
    attributes.pop("kernel_shape", None)  # the weight says it
    return [function(*inputs, **take_window(attributes))]


def conv_transpose(attributes, inputs):
    function = getattr(convpool, f"conv_transpose{inputs[0].ndim - 2}d")
    return [function(*inputs, **transposed_arguments(attributes, inputs))]


def transposed_arguments(attributes, inputs):
    """Their output_shape and auto_pad as pads, by the formulas of ONNX's specification."""
    sizes = inputs[0].shape[2:]
    kernel = inputs[1].shape[2:]
    assert tuple(attributes.pop("kernel_shape", kernel)) == kernel
    rule, shape = attributes.get("auto_pad", "NOTSET"), attributes.pop("output_shape", None)
    extra = tuple(attributes.pop("output_padding", (0,) * len(kernel)))
    arguments = take_window(attributes)
    stride, dilation = (arguments.get(n, (1,) * len(kernel)) for n in ("stride", "dilation"))
    if rule == "VALID":
        arguments["padding"] = 0
    elif rule != "NOTSET" and shape is None:
        shape = [n * s for n, s in zip(sizes, stride, strict=True)]
    if shape is not None:
        pads, more = [], []
        for n, k, s, d, e, out in zip(sizes, kernel, stride, dilation, extra, shape, strict=True):
            total = (n - 1) * s + e + (k - 1) * d + 1 - out
            small, large = max(total, 0) // 2, (max(total, 0) + 1) // 2
            pads.append((small, large) if rule == "SAME_UPPER" else (large, small))
            more.append(e + max(-total, 0))
        arguments["padding"], extra = tuple(pads), tuple(more)
    return {**arguments, "output_padding": extra}


def conv_error(attributes, inputs):
    attributes.pop("kernel_shape", None)
    return convolution_error(*inputs, **take_window(attributes))


def conv_transpose_error(attributes, inputs):
    return reference.conv_transpose_error(*inputs, **transposed_arguments(attributes, inputs))


OPERATORS = {"Conv": conv, "ConvTranspose": conv_transpose}
ERRORS = {"Conv": conv_error, "ConvTranspose": conv_transpose_error}
CASES = load(OPERATORS)


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    check(case, OPERATORS, ERRORS)


def test_the_cases_are_there():
    """ONNX 1.17 and later carry at least these."""
    assert {
        "test_basic_conv_with_padding", "test_conv_with_autopad_same", "test_convtranspose_3d",
        "test_convtranspose_output_shape", "test_convtranspose_autopad_same",
        "test_convtranspose_group_2", "test_ConvTranspose2d_no_bias",
        "test_Conv2d_depthwise_with_multiplier", "test_operator_convtranspose",
    } <= {case.id for case in CASES}  # fmt: skip
