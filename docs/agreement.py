"""Measures what each operator agrees with, and to how many digits; writes docs/agreement.md.

    pip install '.[test]' torch && python docs/agreement.py [--draws N]

Of each operator random calls are drawn: sizes, strides, padding, dilation, groups, both layouts.
The oracle gets the same numbers in float64: PyTorch's functions and its automatic differentiation,
SciPy's ndimage, ONNX's reference evaluator. The largest difference counts, as a share of the
largest magnitude in its result.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import convpool
from convpool import grad, quantized

Array = np.ndarray[Any, Any]
REAL = (np.float32, np.float64, np.float16)


class Draw(NamedTuple):
    """One call: its arrays in float64, and what two sides make of them in other types."""

    arrays: dict[str, Array]
    ours: Callable[..., Array]
    theirs: Callable[..., Any]  # of tensors


class Row(NamedTuple):
    """Operators that are drawn alike."""

    names: list[str]
    oracle: str
    draw: Callable[[np.random.Generator, int], Draw]  # of so many spatial axes
    axes: tuple[int, ...] = (1, 2, 3)
    types: tuple[Any, ...] = REAL


def torch() -> Any:
    import torch
    import torch.nn.functional

    return torch


def functional(stem: str, spatial: int) -> Any:
    return getattr(torch().nn.functional, f"{stem}{spatial}d")


def ints(rng: np.random.Generator, spatial: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(value) for value in rng.integers(low, high, spatial, endpoint=True))


def sizes_of(rng: np.random.Generator, spatial: int) -> tuple[int, ...]:
    return ints(rng, spatial, 8, {1: 90, 2: 20, 3: 11}[spatial])


def last(array: Array) -> Array:
    """Channels last."""
    return np.moveaxis(array, 1, -1)


def in_layout(rng: np.random.Generator, spatial: int) -> tuple[str, Any, Any]:
    """A layout, and how arrays go into it and come back."""
    axes = "DHW"[3 - spatial :]
    if rng.random() < 0.5:
        return f"N{axes}C", last, lambda array: np.moveaxis(array, -1, 1)
    return f"NC{axes}", np.asarray, np.asarray


def convolution_terms(rng: np.random.Generator, spatial: int) -> dict[str, Any]:
    return {
        "stride": ints(rng, spatial, 1, 3),
        "padding": ints(rng, spatial, 0, 2),
        "dilation": ints(rng, spatial, 1, 2),
        "groups": int(rng.integers(1, 3)),
    }


def weighted(rng: np.random.Generator, spatial: int) -> tuple[Array, Array, Array, dict[str, Any]]:
    """An input, a weight, a bias and the terms of a convolution."""
    terms = convolution_terms(rng, spatial)
    groups, inputs, outputs = terms["groups"], *ints(rng, 2, 1, 12)
    x = rng.standard_normal((2, groups * inputs, *sizes_of(rng, spatial)))
    weight = rng.standard_normal((groups * outputs, inputs, *ints(rng, spatial, 1, 3)))
    return x, weight, rng.standard_normal(groups * outputs), terms


def conv(rng: np.random.Generator, spatial: int) -> Draw:
    x, weight, bias, terms = weighted(rng, spatial)
    layout, into, back = in_layout(rng, spatial)
    run, oracle = getattr(convpool, f"conv{spatial}d"), functional("conv", spatial)
    return Draw(
        {"x": x, "weight": weight, "bias": bias},
        lambda x, weight, bias: back(run(into(x), weight, bias, layout=layout, **terms)),
        lambda x, weight, bias: oracle(x, weight, bias, **terms),
    )


def conv_transpose(rng: np.random.Generator, spatial: int) -> Draw:
    x, _, _, terms = weighted(rng, spatial)
    outputs = int(rng.integers(1, 9))
    weight = rng.standard_normal((x.shape[1], outputs, *ints(rng, spatial, 3, 4)))
    bias = rng.standard_normal(outputs * terms["groups"])
    layout, into, back = in_layout(rng, spatial)
    run, oracle = (
        getattr(convpool, f"conv_transpose{spatial}d"),
        functional("conv_transpose", spatial),
    )
    return Draw(
        {"x": x, "weight": weight, "bias": bias},
        lambda x, weight, bias: back(run(into(x), weight, bias, layout=layout, **terms)),
        lambda x, weight, bias: oracle(x, weight, bias, **terms),
    )


def linear(rng: np.random.Generator, spatial: int) -> Draw:
    rows, inputs, outputs = ints(rng, 3, 1, 90)
    arrays = {
        "x": rng.standard_normal((rows, inputs)),
        "weight": rng.standard_normal((outputs, inputs)),
        "bias": rng.standard_normal(outputs),
    }
    return Draw(arrays, convpool.linear, torch().nn.functional.linear)


def derivative(of: Callable[[Any], Any], at: Any, slope: Any) -> Any:
    """The gradient at a tensor of a function, times a slope for each of its results."""
    at = at.clone().requires_grad_()
    return torch().autograd.grad(of(at), at, slope)[0]


def conv_input(rng: np.random.Generator, spatial: int) -> Draw:
    x, weight, _, terms = weighted(rng, spatial)
    shape = convpool.conv_output_shape(x.shape, weight.shape, **terms)
    run, oracle = getattr(grad, f"conv{spatial}d_input"), functional("conv", spatial)
    return Draw(
        {"x": x, "weight": weight, "slope": rng.standard_normal(shape)},
        lambda x, weight, slope: run(x.shape, weight, slope, **terms),
        lambda x, weight, slope: derivative(lambda x: oracle(x, weight, **terms), x, slope),
    )


def conv_weight(rng: np.random.Generator, spatial: int) -> Draw:
    x, weight, _, terms = weighted(rng, spatial)
    shape = convpool.conv_output_shape(x.shape, weight.shape, **terms)
    run, oracle = getattr(grad, f"conv{spatial}d_weight"), functional("conv", spatial)
    return Draw(
        {"x": x, "weight": weight, "slope": rng.standard_normal(shape)},
        lambda x, weight, slope: run(x, weight.shape, slope, **terms),
        lambda x, weight, slope: derivative(lambda w: oracle(x, w, **terms), weight, slope),
    )


def images(rng: np.random.Generator, spatial: int) -> Array:
    return rng.standard_normal((2, int(rng.integers(1, 20)), *sizes_of(rng, spatial)))


def window_terms(rng: np.random.Generator, spatial: int, kind: str) -> dict[str, Any]:
    kernel, stride = ints(rng, spatial, 2, 4), ints(rng, spatial, 1, 4)
    if kind == "lp" and spatial == 1:  # PyTorch takes no tuple there
        return {"kernel_size": kernel[0], "stride": stride[0]}
    terms: dict[str, Any] = {"kernel_size": kernel, "stride": stride}
    if kind != "lp":  # whose PyTorch counterpart has no padding, and another rule for ceil_mode
        terms["padding"] = tuple(int(rng.integers(0, size // 2 + 1)) for size in kernel)
        terms["ceil_mode"] = bool(rng.random() < 0.5)
    if kind == "max":
        terms["dilation"] = ints(rng, spatial, 1, 2)
    if kind == "avg":
        terms["count_include_pad"] = bool(rng.random() < 0.5)
    return terms


def window_calls(
    rng: np.random.Generator, spatial: int, kind: str
) -> tuple[Any, Any, dict[str, Any]]:
    """Our pooling, PyTorch's, and the terms that ours was given."""
    terms = window_terms(rng, spatial, kind)
    run, oracle = getattr(convpool, f"{kind}_pool{spatial}d"), functional(f"{kind}_pool", spatial)
    if kind == "lp":
        return (
            lambda x, **more: run(x, 3.0, **terms, **more),
            lambda x: oracle(x, 3.0, **terms),
            terms,
        )
    return lambda x, **more: run(x, **terms, **more), lambda x: oracle(x, **terms), terms


def windows(kind: str) -> Callable[[np.random.Generator, int], Draw]:
    def draw(rng: np.random.Generator, spatial: int) -> Draw:
        ours, theirs, _ = window_calls(rng, spatial, kind)
        layout, into, back = in_layout(rng, spatial)
        x = images(rng, spatial)
        # PyTorch sums x^p, whatever the sign.
        return Draw(
            {"x": abs(x) if kind == "lp" else x},
            lambda x: back(ours(into(x), layout=layout)),
            theirs,
        )

    return draw


def pool_input(
    back: Callable[..., Array], kind: str, pool: Callable[..., Any], x: Array, slope: Array,
    **terms: Any,
) -> Array:  # fmt: skip
    """Our gradient of a pooling, whose maxima go back to where they stood."""
    if kind == "max":
        terms["indices"] = pool(x, return_indices=True)[1]
    return back(input_size=x.shape, grad_output=slope, **terms)


def windows_input(kind: str) -> Callable[[np.random.Generator, int], Draw]:
    def draw(rng: np.random.Generator, spatial: int) -> Draw:
        ours, theirs, terms = window_calls(rng, spatial, kind)
        x = abs(images(rng, spatial)) + 0.01 if kind == "lp" else images(rng, spatial)
        slope = rng.standard_normal(ours(x).shape)
        back = getattr(grad, f"{kind}_pool{spatial}d_input")

        def own(x: Array, slope: Array) -> Array:
            if kind == "lp":
                return back(x=x, grad_output=slope, norm_type=3.0, **terms)
            return pool_input(back, kind, ours, x, slope, **({} if kind == "max" else terms))

        return Draw({"x": x, "slope": slope}, own, lambda x, slope: derivative(theirs, x, slope))

    return draw


def adaptive(kind: str, backward: bool) -> Callable[[np.random.Generator, int], Draw]:
    def draw(rng: np.random.Generator, spatial: int) -> Draw:
        x, size = images(rng, spatial), ints(rng, spatial, 1, 9)
        stem = f"adaptive_{kind}_pool"
        run, oracle = getattr(convpool, f"{stem}{spatial}d"), functional(stem, spatial)
        if not backward:
            layout, into, to = in_layout(rng, spatial)
            return Draw(
                {"x": x},
                lambda x: to(run(into(x), size, layout=layout)),
                lambda x: oracle(x, size),
            )
        back = getattr(grad, f"{stem}{spatial}d_input")

        def own(x: Array, slope: Array) -> Array:
            return pool_input(back, kind, partial(run, output_size=size), x, slope)

        return Draw(
            {"x": x, "slope": rng.standard_normal((*x.shape[:2], *size))},
            own,
            lambda x, slope: derivative(lambda x: oracle(x, size), x, slope),
        )

    return draw


def whole(kind: str, backward: bool) -> Callable[[np.random.Generator, int], Draw]:
    """Global pooling of images."""

    def draw(rng: np.random.Generator, spatial: int) -> Draw:
        x = images(rng, 2)
        run, oracle = (
            getattr(convpool, f"global_{kind}_pool"),
            functional(f"adaptive_{kind}_pool", 2),
        )
        if not backward:
            return Draw({"x": x}, run, lambda x: oracle(x, 1))
        back = getattr(grad, f"global_{kind}_pool_input")

        def own(x: Array, slope: Array) -> Array:
            return pool_input(back, kind, run, x, slope)

        return Draw(
            {"x": x, "slope": rng.standard_normal((*x.shape[:2], 1, 1))},
            own,
            lambda x, slope: derivative(lambda x: oracle(x, 1), x, slope),
        )

    return draw


def unpool(backward: bool) -> Callable[[np.random.Generator, int], Draw]:
    def draw(rng: np.random.Generator, spatial: int) -> Draw:
        x = images(rng, spatial)
        pooled, places = getattr(convpool, f"max_pool{spatial}d")(x, 2, return_indices=True)
        run, oracle = getattr(convpool, f"max_unpool{spatial}d"), functional("max_unpool", spatial)
        index, size = torch().from_numpy(places), x.shape[2:]

        def theirs(values: Any) -> Any:
            return oracle(values, index, 2, output_size=size)

        if not backward:
            return Draw({"x": pooled}, lambda x: run(x, places, 2, output_size=size), theirs)
        back = getattr(grad, f"max_unpool{spatial}d_input")
        return Draw(
            {"x": pooled, "slope": rng.standard_normal(x.shape)},
            lambda x, slope: back(indices=places, grad_output=slope),
            lambda values, slope: derivative(theirs, values, slope),
        )

    return draw


def filtered(rng: np.random.Generator, spatial: int) -> Draw:
    from scipy import ndimage

    mode, scipy_mode = [("reflect", "mirror"), ("replicate", "nearest"), ("circular", "wrap")][
        rng.integers(3)
    ]
    flip = bool(rng.random() < 0.5)
    run = ndimage.convolve if flip else ndimage.correlate

    def theirs(image: Any, kernel: Any) -> Any:
        return torch().from_numpy(run(image.numpy(), kernel.numpy(), mode=scipy_mode))

    return Draw(
        {"image": rng.uniform(0, 255, ints(rng, 2, 8, 90)), "kernel": kernel_of(rng)},
        lambda image, kernel: convpool.filter2d(image, kernel, padding_mode=mode, flip=flip),
        theirs,
    )


def kernel_of(rng: np.random.Generator) -> Array:
    kernel = rng.standard_normal(ints(rng, 2, 1, 7))
    return kernel / abs(kernel).sum()


def filtered_pixels(rng: np.random.Generator, spatial: int) -> Draw:
    """Of bytes and the like: sums in float64, rounded half to even and saturated."""
    from scipy import ndimage

    kernel = kernel_of(rng)

    def theirs(image: Any) -> Any:
        sums = ndimage.correlate(image.numpy(), kernel, mode="mirror")
        return torch().from_numpy(np.maximum(np.rint(sums), 0))

    return Draw(
        {"image": rng.integers(0, 256, ints(rng, 2, 8, 90)).astype(np.float64)},
        lambda image: convpool.filter2d(image, kernel),
        theirs,
    )


def evaluated(operator: str, arrays: list[Array], **attributes: Any) -> Array:
    """What ONNX's reference evaluator makes of a node."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names = [f"i{number}" for number in range(len(arrays))]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in zip(names, arrays, strict=True)
    ]
    node = helper.make_node(operator, names, ["y"], **attributes)
    result = helper.make_tensor_value_info("y", TensorProto.UNDEFINED, None)
    graph = helper.make_graph([node], "one", inputs, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    return ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))[0]


class Bytes(NamedTuple):
    """What a quantized call is made with."""

    x: Array
    weight: Array
    terms: dict[str, Any]
    x_zero: Array
    weight_zero: Array
    scales: list[Array]  # of x, weight and result
    bias: Array


def bytes_of(rng: np.random.Generator, spatial: int, x: Array, weight: Array, terms: Any) -> Bytes:
    kinds = [np.dtype(kind) for kind in rng.choice(["u1", "i1"], 2)]

    def whole(kind: Any, *shape: int) -> Array:
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)

    return Bytes(
        whole(kinds[0], *x.shape),
        whole(kinds[1], *weight.shape),
        terms,
        whole(kinds[0]),
        whole(kinds[1]),
        [np.float32(scale) for scale in rng.uniform(0.01, 0.1, 2)] + [np.float32(3)],
        rng.integers(-999, 999, len(weight)).astype(np.int32),
    )


def attributes(terms: dict[str, Any], spatial: int) -> dict[str, Any]:
    return {
        "strides": terms["stride"],
        "pads": terms["padding"] * 2,
        "dilations": terms["dilation"],
        "group": terms["groups"],
    }


def quantized_conv(whole_sums: bool) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
    def pair(rng: np.random.Generator, spatial: int) -> tuple[Array, Array]:
        x, weight, _, terms = weighted(rng, spatial)
        b = bytes_of(rng, spatial, x, weight, terms)
        said = attributes(terms, spatial)
        if whole_sums:
            run = getattr(quantized, f"conv_integer{spatial}d")
            ours = run(b.x, b.weight, b.x_zero, b.weight_zero, **terms)
            theirs = evaluated("ConvInteger", [b.x, b.weight, b.x_zero, b.weight_zero], **said)
            return ours, theirs
        run = getattr(quantized, f"conv{spatial}d")
        ours = run(
            b.x, b.weight, b.bias, x_scale=b.scales[0], x_zero_point=b.x_zero,
            weight_scale=b.scales[1], weight_zero_point=b.weight_zero, out_scale=b.scales[2],
            out_zero_point=b.x_zero, **terms,
        )  # fmt: skip
        arrays = [b.x, b.scales[0], b.x_zero, b.weight, b.scales[1], b.weight_zero, b.scales[2],
                  b.x_zero, b.bias]  # fmt: skip
        return ours, evaluated("QLinearConv", list(map(np.asarray, arrays)), **said)

    return pair


def quantized_linear(whole_sums: bool) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
    def pair(rng: np.random.Generator, spatial: int) -> tuple[Array, Array]:
        rows, inputs, outputs = ints(rng, 3, 1, 60)
        b = bytes_of(rng, 0, np.empty((rows, inputs)), np.empty((outputs, inputs)), {})
        if whole_sums:
            ours = quantized.linear_integer(b.x, b.weight, b.x_zero, b.weight_zero)
            arrays = [b.x, b.weight.T, b.x_zero, b.weight_zero]
            return ours, evaluated("MatMulInteger", arrays)
        ours = quantized.linear(
            b.x, b.weight, x_scale=b.scales[0], x_zero_point=b.x_zero, weight_scale=b.scales[1],
            weight_zero_point=b.weight_zero, out_scale=b.scales[2], out_zero_point=b.x_zero,
        )  # fmt: skip
        arrays = [b.x, b.scales[0], b.x_zero, b.weight.T, b.scales[1], b.weight_zero, b.scales[2],
                  b.x_zero]  # fmt: skip
        return ours, evaluated("QLinearMatMul", list(map(np.asarray, arrays)))

    return pair


def steps(back: bool) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
    def pair(rng: np.random.Generator, spatial: int) -> tuple[Array, Array]:
        kind = np.dtype(str(rng.choice(["u1", "i1", "u2", "i2"])))
        count = int(rng.integers(1, 9))
        scales = rng.uniform(0.01, 0.1, count).astype(np.float32)
        limits = np.iinfo(kind)
        zeros = rng.integers(limits.min, limits.max, count, endpoint=True).astype(kind)
        if back:
            x = rng.integers(limits.min, limits.max, (5, count, 7), endpoint=True).astype(kind)
            ours = quantized.dequantize(x, scales, zeros)
            return ours, evaluated("DequantizeLinear", [x, scales, zeros], axis=1)
        x = (9 * rng.standard_normal((5, count, 7))).astype(np.float32)
        return quantized.quantize(x, scales, zeros), evaluated(
            "QuantizeLinear", [x, scales, zeros], axis=1
        )

    return pair


def each(stem: str, module: str = "") -> list[str]:
    return [f"{module}{stem.format(spatial)}" for spatial in (1, 2, 3)]


TORCH, AUTOGRAD = "PyTorch `{}`", "PyTorch's differentiation of `{}`"
ROWS = [
    Row(each("conv{}d"), TORCH.format("conv1d`, `2d`, `3d"), conv),
    Row(each("conv_transpose{}d"), TORCH.format("conv_transpose1d`, `2d`, `3d"), conv_transpose),
    Row(["linear"], TORCH.format("linear"), linear, (0,)),
    *(
        Row(each(f"{kind}_pool{{}}d"), TORCH.format(f"{kind}_pool1d`, `2d`, `3d"), windows(kind))
        for kind in ("max", "avg", "lp")
    ),
    *(
        Row(each(f"adaptive_{kind}_pool{{}}d"), TORCH.format(f"adaptive_{kind}_pool1d`, `2d`, `3d"),
            adaptive(kind, False))
        for kind in ("avg", "max")
    ),
    *(
        Row([f"global_{kind}_pool"], TORCH.format(f"adaptive_{kind}_pool2d"), whole(kind, False),
            (2,))
        for kind in ("avg", "max")
    ),
    Row(each("max_unpool{}d"), TORCH.format("max_unpool1d`, `2d`, `3d"), unpool(False)),
    Row(each("conv{}d_input", "grad."), AUTOGRAD.format("conv1d`, `2d`, `3d"), conv_input),
    Row(each("conv{}d_weight", "grad."), AUTOGRAD.format("conv1d`, `2d`, `3d"), conv_weight),
    *(
        Row(each(f"{kind}_pool{{}}d_input", "grad."),
            AUTOGRAD.format(f"{kind}_pool1d`, `2d`, `3d"), windows_input(kind))
        for kind in ("max", "avg", "lp")
    ),
    *(
        Row(each(f"adaptive_{kind}_pool{{}}d_input", "grad."),
            AUTOGRAD.format(f"adaptive_{kind}_pool1d`, `2d`, `3d"), adaptive(kind, True))
        for kind in ("avg", "max")
    ),
    *(
        Row([f"grad.global_{kind}_pool_input"], AUTOGRAD.format(f"adaptive_{kind}_pool2d"),
            whole(kind, True), (2,))
        for kind in ("avg", "max")
    ),
    Row(each("max_unpool{}d_input", "grad."), AUTOGRAD.format("max_unpool1d`, `2d`, `3d"),
        unpool(True)),
    Row(["filter2d"], "SciPy `ndimage.correlate`, `convolve`", filtered, (2,),
        (np.float32, np.float64)),
]  # fmt: skip
EXACT: list[tuple[list[str], str, Any, tuple[int, ...]]] = [
    (each("conv{}d", "quantized."), "ONNX `QLinearConv`", quantized_conv(False), (1, 2, 3)),
    (each("conv_integer{}d", "quantized."), "ONNX `ConvInteger`", quantized_conv(True), (1, 2, 3)),
    (["quantized.linear"], "ONNX `QLinearMatMul`", quantized_linear(False), (0,)),
    (["quantized.linear_integer"], "ONNX `MatMulInteger`", quantized_linear(True), (0,)),
    (["quantized.quantize"], "ONNX `QuantizeLinear`", steps(False), (0,)),
    (["quantized.dequantize"], "ONNX `DequantizeLinear`", steps(True), (0,)),
]


def apart(ours: Array, theirs: Array) -> float:
    """The largest difference, as a share of the largest magnitude."""
    if ours.shape != theirs.shape:
        raise ValueError(f"shapes {ours.shape} and {theirs.shape}")
    difference = np.abs(ours.astype(np.float64) - theirs).max(initial=0)
    return float(difference / max(np.abs(theirs).max(initial=0), 1e-300))


def differences(row: Row, draws: int) -> list[float]:
    """The largest over all draws, for each type."""
    found = []
    for dtype in row.types:
        worst = 0.0
        for spatial in row.axes:
            for seed in range(draws):
                draw = row.draw(np.random.default_rng([seed, spatial]), spatial)
                arrays = {name: array.astype(dtype) for name, array in draw.arrays.items()}
                wide = [torch().from_numpy(a.astype(np.float64)) for a in arrays.values()]
                worst = max(worst, apart(draw.ours(*arrays.values()), draw.theirs(*wide).numpy()))
        found.append(worst)
    return found


def lines(draws: int) -> Iterator[tuple[list[str], str, str, list[float]]]:
    """Names, oracle, types and differences of each line of the table."""
    for row in ROWS:
        kinds = ", ".join(np.dtype(kind).name for kind in row.types)
        yield row.names, row.oracle, kinds, differences(row, draws)
    pixels = Row(["filter2d"], "", filtered_pixels, (2,), (np.uint8, np.uint16))
    yield (
        ["filter2d"],
        "SciPy `ndimage.correlate`, rounded",
        "uint8, uint16",
        differences(pixels, draws),
    )
    for names, oracle, pair, axes in EXACT:
        worst = max(
            apart(*pair(np.random.default_rng([seed, spatial]), spatial))
            for spatial in axes
            for seed in range(draws)
        )
        yield names, oracle, "uint8, int8", [worst]


def written(difference: float) -> str:
    if difference == 0:
        return "exact"
    return f"{difference:.0e} ({-math.log10(difference):.1f} digits)"


def page(draws: int) -> str:
    """All of it."""
    import onnx
    import scipy

    versions = f"PyTorch {torch().__version__.partition('+')[0]}, SciPy {scipy.__version__}"
    rows = [
        f"| {', '.join(f'`{name}`' for name in names)} | {oracle} | {kinds} | "
        f"{', '.join(map(written, found))} |"
        for names, oracle, kinds, found in lines(draws)
    ]
    return "\n".join(
        [
            "# What each operator agrees with",
            "",
            f"Made by `python docs/agreement.py --draws {draws}`, which draws so many calls",
            "for each number of axes and each type, and asks others for the same in float64:",
            f"{versions}, and the reference evaluator of ONNX {onnx.__version__}.",
            "",
            "The largest difference is given as a share of the largest magnitude in its result. It",
            "is the rounding of the type itself (6e-8 of float32, 1e-16 of float64, 5e-4 of",
            "float16), a few times over where sums are long.",
            "",
            "| operators | agree with | types | largest difference |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    path = Path(__file__).with_name("agreement.md")
    path.write_text(page(options.draws), encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
