"""Nodes that are broken, in each way that one can be, and inputs that do not fit: promised errors.

Each of ONNX's published single nodes is broken: inputs and outputs left out, attributes
of wrong types and sizes; and then called with arrays of other shapes and types.
"""

import copy

import numpy as np
import pytest
from onnx import AttributeProto, helper

import convpool
from convpool._onnx.operators import TABLE, enter_all
from onnx_cases import data_sets, published

enter_all()
EACH = 2  # cases of an operator
VALUES = (
    -1,
    0,
    2**40,
    -(2**63),
    "x",
    1.5,
    float("nan"),
    [1],
    [],
    [-3] * 9,
    [2**40] * 2,
    [0.5, 1.5],
)


def cases():
    """Operators of the table, each with some models of that node alone."""
    found = {}
    for case, model in published():
        (name, *others) = (node.op_type for node in model.graph.node)
        if not others and ("", name) in TABLE and len(found.setdefault(name, [])) < EACH:
            found[name].append((case, model))
    return found


CASES = cases()


def broken(model):
    """What was done to the node, and the model with that."""

    def with_change(change):
        changed = copy.deepcopy(model)
        change(changed.graph.node[0])
        return changed

    node = model.graph.node[0]
    yield "no outputs", with_change(lambda node: node.ClearField("output"))
    yield "no inputs", with_change(lambda node: node.ClearField("input"))
    for i in range(len(node.output)):
        yield f"output {i} unnamed", with_change(lambda node, i=i: node.output.__setitem__(i, ""))
    for i in range(len(node.input)):
        if (node.op_type, i) == ("Loop", 0):
            continue  # without a count it may go on forever, as ONNX has it
        yield f"input {i} missing", with_change(lambda node, i=i: node.input.__setitem__(i, ""))
        yield (
            f"input {i} is the first",
            with_change(lambda node, i=i: node.input.__setitem__(i, node.input[0])),
        )
    for i, attribute in enumerate(node.attribute):
        for value in VALUES:
            kind = AttributeProto.INTS if value == [] else None
            other = helper.make_attribute(attribute.name, value, attr_type=kind)
            yield (
                f"{attribute.name} = {value!r}",
                with_change(lambda node, i=i, other=other: node.attribute[i].CopyFrom(other)),
            )


def unfit(array):
    """Other arrays in the place of one."""
    yield np.float32(1).reshape(())
    yield array[..., None]
    yield array.reshape(-1)
    if array.ndim:
        yield array[:0]
    if array.dtype.kind in "fiu":
        yield array.astype(np.float64)
        yield array.astype(np.int32)
    if array.dtype.kind in "fi":
        yield -array
    if array.dtype.kind in "iu":
        yield np.full_like(array, min(10**6, np.iinfo(array.dtype).max))


def attempt(model, inputs, what):
    try:
        net = convpool.load_onnx(model.SerializeToString())
        for _ in range(2):  # to learn shapes, then by the plan
            net(*inputs)
    except (ValueError, TypeError, MemoryError):
        pass
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error


@pytest.mark.filterwarnings("ignore")  # NumPy's, of numbers that make no sense
@pytest.mark.parametrize("name", CASES)
def test_broken(name):
    for case, model in CASES[name]:
        inputs = next(iter(data_sets(case)))[0]
        for what, changed in broken(model):
            attempt(changed, inputs, f"{case.name}, {what}")
        for i, array in enumerate(inputs):
            if isinstance(array, np.ndarray) and array.dtype.kind in "fiub":
                for other in unfit(array):
                    given = [*inputs[:i], other, *inputs[i + 1 :]]
                    attempt(model, given, f"{case.name}, input {i}: {other.dtype}{other.shape}")


@pytest.mark.parametrize("name", ["Expand", "Reshape", "Tile", "ConstantOfShape"])
def test_more_axes_than_arrays_have(name):
    (case, model), *_ = CASES[name]
    model, inputs = copy.deepcopy(model), list(next(iter(data_sets(case)))[0])
    del model.graph.input[-1].type.tensor_type.shape.dim[:]
    model.graph.input[-1].type.tensor_type.shape.dim.add().dim_value = 44
    inputs[-1] = np.ones(44, np.int64)
    with pytest.raises(ValueError, match=rf"node .* \({name}\)"):
        convpool.load_onnx(model.SerializeToString())(*inputs)


def test_an_operator_without_outputs_is_refused():
    """What it would make, nothing could read."""
    assert len(CASES) > 140
    for models in CASES.values():
        model = copy.deepcopy(models[0][1])
        model.graph.node[0].ClearField("output")
        with pytest.raises(ValueError, match=r"outputs|is made by no node"):
            convpool.load_onnx(model.SerializeToString())
