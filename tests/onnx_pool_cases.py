"""ONNX's pooling operators in convpool's words, and the published cases of them.

`OPERATORS` maps an operator to function(attributes, inputs) -> outputs. Where ONNX differs: pads
are all begins, then all ends; an average without padding by default; the places of maxima in the
whole array, by columns if storage_order is 1; and MaxUnpool takes places in the whole array, too.
"""

import functools
import math

import numpy as np
import onnx

import convpool
from onnx_cases import data_sets, published

AUTO_PAD = {b"SAME_UPPER": "same", b"SAME_LOWER": "same_lower", b"VALID": "valid"}


def window(attributes):
    """The arguments that say where windows lie."""
    attributes = dict(attributes)
    auto_pad = attributes.pop("auto_pad", b"NOTSET")
    pads = attributes.pop("pads", None)
    arguments = {
        "kernel_size": attributes.pop("kernel_shape"),
        "stride": attributes.pop("strides", 1),
        "dilation": attributes.pop("dilations", 1),
        "ceil_mode": bool(attributes.pop("ceil_mode", 0)),
    }
    if auto_pad != b"NOTSET":
        arguments["padding"] = AUTO_PAD[auto_pad]
    elif pads is not None:
        half = len(pads) // 2
        arguments["padding"] = tuple(zip(pads[:half], pads[half:], strict=True))
    return arguments, attributes


def function(name, x):
    return getattr(convpool, name.format(x.ndim - 2))


def layout_of(x):
    return ("NCW", "NCHW", "NCDHW")[x.ndim - 3]


def offsets(shape):
    """Where each plane of an array of a shape begins."""
    planes = np.arange(math.prod(shape[:2])).reshape(*shape[:2], *[1] * (len(shape) - 2))
    return planes * math.prod(shape[2:])


def max_pool(attributes, inputs):
    (x,) = inputs
    arguments, rest = window(attributes)
    by_columns = rest.pop("storage_order", 0)
    assert not rest
    if x.dtype.kind in "iu":  # exact in float64; convpool leaves the types of images to the caller
        y, places = function("max_pool{}d", x)(
            x.astype(np.float64), return_indices=True, **arguments
        )
        y = y.astype(x.dtype)
    else:
        y, places = function("max_pool{}d", x)(x, return_indices=True, **arguments)
    if by_columns:
        at = np.unravel_index(places, x.shape[2:])
        places = np.ravel_multi_index(at, x.shape[2:], order="F")
    return y, places + offsets(x.shape)


def average_pool(attributes, inputs):
    (x,) = inputs
    arguments, rest = window(attributes)
    counted = bool(rest.pop("count_include_pad", 0))
    assert not rest
    return (function("avg_pool{}d", x)(x, count_include_pad=counted, **arguments),)


def lp_pool(attributes, inputs):
    (x,) = inputs
    arguments, rest = window(attributes)
    p = rest.pop("p", 2)
    assert not rest
    return (function("lp_pool{}d", x)(x, p, **arguments),)


def max_unpool(attributes, inputs):
    """Where output_shape is given, the plane that the window alone implies is its first corner."""
    x, places, *shape = inputs
    arguments, rest = window(attributes)
    del arguments["dilation"], arguments["ceil_mode"]
    assert not rest
    unpool = function("max_unpool{}d", x)
    whole = unpool(x, np.zeros_like(places), **arguments).shape
    y = unpool(x, places - offsets(whole), **arguments)
    if not shape:
        return (y,)
    larger = np.zeros(shape[0], x.dtype)
    corner = tuple(map(slice, np.minimum(y.shape, larger.shape)))
    larger[corner] = y[corner]
    return (larger,)


def global_pool(name):
    def pool(attributes, inputs):
        (x,) = inputs
        assert not attributes
        return (getattr(convpool, name)(x, layout=layout_of(x)),)

    return pool


def squeeze(attributes, inputs):
    return (np.squeeze(inputs[0], tuple(attributes["axes"])),)


def unsqueeze(attributes, inputs):
    return (np.expand_dims(inputs[0], attributes["axes"]),)


OPERATORS = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "LpPool": lp_pool,
    "MaxUnpool": max_unpool,
    "GlobalAveragePool": global_pool("global_avg_pool"),
    "GlobalMaxPool": global_pool("global_max_pool"),
}


# What PyTorch's exporter put around a one-dimensional average.
AROUND = {"Squeeze": squeeze, "Unsqueeze": unsqueeze}


def run(graph, inputs):
    """The outputs of a graph's last node."""
    values = dict(zip((value.name for value in graph.input), inputs, strict=True))
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        outputs = (OPERATORS | AROUND)[node.op_type](
            attributes, [values[name] for name in node.input]
        )
        values.update(zip(node.output, outputs, strict=False))
    return [values[value.name] for value in graph.output]


@functools.cache
def published_cases():
    """Each case of a pooling node: name, graph, operator and data sets."""
    found = []
    for case, model in published():
        kinds = {node.op_type for node in model.graph.node} - set(AROUND)
        if len(kinds) == 1 and kinds <= set(OPERATORS):
            found.append((case.name, model.graph, kinds.pop(), data_sets(case)))
    return found
