"""Grids, regions and moved taps against ONNX's reference evaluator, on random arguments."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import convpool

RNG = np.random.default_rng


def assert_as_reference(operator, arrays, atol=2e-5, opset=22, **attributes):
    names = [f"i{i}" for i in range(len(arrays))]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in zip(names, arrays, strict=True)
    ]
    node = helper.make_node(operator, names, ["y"], **attributes)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "one", inputs, [result]),
        opset_imports=[helper.make_opsetid("", opset)], ir_version=10,
    )  # fmt: skip
    given = dict(zip(names, arrays, strict=True))
    (expected,) = ReferenceEvaluator(model).run(None, given)
    net = convpool.load_onnx(model.SerializeToString())
    for _ in range(2):
        y = net.run(given)["y"]
        assert (y.shape, y.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("border", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_grids(mode, corners, border):
    rng = RNG(0)
    for sizes in [(5, 7), (1, 6), (4, 3, 5)]:
        if mode == "cubic" and (len(sizes) == 3 or 1 in sizes):
            continue
        if corners and border == "reflection" and 1 in sizes:
            continue  # mirrored between 0 and 0: the evaluator divides by that
        x = rng.standard_normal((2, 3, *sizes)).astype(np.float32)
        # Odd multiples of 1/64: no place is half-way between two pixels.
        grid = (2 * rng.integers(-52, 52, (2, *sizes[::-1], len(sizes))) + 1) / 64
        assert_as_reference("GridSample", [x, grid.astype(np.float32)], mode=mode,
                            align_corners=corners, padding_mode=border)  # fmt: skip


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("rule", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 1, 3])
def test_regions(ratio, rule, mode):
    rng = RNG(1)
    x = rng.standard_normal((2, 3, 12, 17)).astype(np.float32)
    corner = rng.uniform(-4, 20, (6, 2))
    regions = np.concatenate([corner, corner + rng.uniform(0.5, 12, (6, 2))], 1)
    batches = rng.integers(0, 2, 6)
    assert_as_reference(
        "RoiAlign", [x, regions.astype(np.float32), batches], mode=mode, sampling_ratio=ratio,
        output_height=3, output_width=2, spatial_scale=0.75, coordinate_transformation_mode=rule,
    )  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("offset_group", [1, 2])
def test_moved_taps(offset_group, masked):
    rng = RNG(2)
    x = rng.standard_normal((2, 4, 8, 9)).astype(np.float32)
    weight = rng.standard_normal((6, 2, 3, 2)).astype(np.float32)
    terms = {"strides": [2, 1], "pads": [1, 0, 1, 2], "dilations": [1, 2], "group": 2}
    rows, columns = 4, 9
    moves = rng.uniform(-3, 3, (2, offset_group * 12, rows, columns)).astype(np.float32)
    arrays = [x, weight, moves, rng.standard_normal(6).astype(np.float32)]
    if masked:
        arrays.append(rng.random((2, offset_group * 6, rows, columns)).astype(np.float32))
    assert_as_reference("DeformConv", arrays, offset_group=offset_group, **terms)


def test_places_that_are_nowhere():
    """Neither a crash nor a read outside: they lie beyond the border."""
    x = np.ones((1, 1, 4, 4), np.float32)
    grid = np.float32([[[[np.nan, 0], [np.inf, 0], [0, -np.inf], [1e30, 0], [0, 0]]]])
    node = helper.make_node("GridSample", ["x", "g"], ["y"])
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xg"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    y = convpool.load_onnx(model.SerializeToString()).run({"x": x, "g": grid})["y"]
    np.testing.assert_array_equal(y[0, 0, 0], [0, 0, 0, 0, 1])
