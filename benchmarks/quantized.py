"""Convolution of bytes beside our own float32 and beside ONNX Runtime's QLinearConv.

    python benchmarks/quantized.py [--smoke] [--only NETWORK ...] [--threads N] [--rounds N]
                                   [--output DIR]

The convolutions of networks in shapes.toml, with uint8 inputs and int8 weights that are prepared
on each side; float32 by algorithm="direct" and by the default one. Run nothing else meanwhile.
Writes quantized.json and quantized.md.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import _console
import _machine
import _timing
import numpy as np
from _contenders import Contender
from _layers import Layer, load
from _report import duration, geometric_mean, ratio, write_results

FLOAT, DIRECT, BYTES, BYTES_LAST = "float32", "float32 direct", "uint8", "uint8 NHWC"
PEER = "ONNX Runtime"
NETWORKS = ["ResNet-50", "MobileNetV2"]
SCALES = {"x_scale": 0.02, "x_zero_point": 128, "out_scale": 0.5}
WEIGHT_SCALE = 0.01
# Of seven bits: without VNNI the peer adds pairs of products in 16 bits, which more overflow.
WEIGHTS = (-64, 65)
HEADINGS = ["layer", "uint8", "Gop/s", "NHWC", "float32", "direct", PEER,
            "over float32", "over direct", f"over {PEER}"]  # fmt: skip


def main() -> int:
    """Measure and write; 1 where an answer is further from ONNX Runtime's than its rounding."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="two layers, once")
    parser.add_argument("--only", nargs="+", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()

    import convpool

    layers = [layer for layer in load() if layer.op == "conv2d" and layer.network in options.only]
    if options.smoke:
        layers = layers[:1] + layers[-1:]
    plan = _timing.Plan(options.rounds or (1 if options.smoke else 3), 0.05, 0.05)
    convpool.set_num_threads(options.threads)
    machine = _machine.describe()
    try:
        import onnxruntime
    except ImportError:
        onnxruntime = None
    rows = [
        figures(layer, plan, options.threads, onnxruntime)
        for layer in _console.track(layers, [layer.name for layer in layers])
    ]
    results = {
        "machine": machine,
        "versions": {"convpool": str(convpool.get_config()["version"]), "NumPy": np.__version__}
        | ({PEER: onnxruntime.__version__} if onnxruntime else {}),
        "isa": convpool.get_config()["isa"],
        "threads": options.threads,
        "rounds": plan.rounds,
        "rows": rows,
    }
    write(results, options.output)
    return int(any(row["difference"] > 1 for row in rows))


def figures(layer: Layer, plan: _timing.Plan, threads: int, runtime: Any) -> dict[str, Any]:
    """Seconds of each way to compute one layer."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, layer.x).astype(np.uint8)
    weight = random.integers(*WEIGHTS, layer.weight).astype(np.int8)
    contenders = [*_ours(layer, x, weight)]
    if runtime is not None:
        contenders.append(_peer(layer, x, weight, threads, runtime))
    results = {each.name: each.result() for each in contenders}
    exact = results[BYTES].astype(np.int16)
    return {
        "layer": layer.name,
        "gop": 1e-9 * layer.flop,
        "difference": max(
            int(abs(exact - results[name]).max()) for name in (BYTES_LAST, PEER) if name in results
        ),
        "seconds": {
            each.name: timing.as_dict()
            for each, timing in zip(contenders, _timing.measure(contenders, plan), strict=True)
        },
    }


def _ours(layer: Layer, x: np.ndarray, weight: np.ndarray) -> list[Contender]:
    import convpool
    from convpool import quantized

    terms: dict[str, Any] = {
        "stride": layer.stride,
        "padding": layer.padding,
        "groups": layer.groups,
    }
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    reals = x.astype(np.float32), weight.astype(np.float32)
    best = convpool.pack_weight(reals[1], **terms)
    direct = convpool.pack_weight(reals[1], algorithm="direct", **terms)
    packed = quantized.pack_weight(weight, weight_scale=WEIGHT_SCALE, **terms)
    packed_last = quantized.pack_weight(weight, weight_scale=WEIGHT_SCALE, layout="NHWC", **terms)
    zero = np.uint8(128)
    return [
        Contender(FLOAT, lambda: convpool.conv2d(reals[0], best), np.asarray),
        Contender(DIRECT, lambda: convpool.conv2d(reals[0], direct), np.asarray),
        Contender(
            BYTES, lambda: quantized.conv2d(x, packed, out_zero_point=zero, **SCALES), np.asarray
        ),
        Contender(
            BYTES_LAST,
            lambda: quantized.conv2d(last, packed_last, out_zero_point=zero, **SCALES),
            lambda y: np.asarray(y).transpose(0, 3, 1, 2),
        ),
    ]


def _peer(layer: Layer, x: np.ndarray, weight: np.ndarray, threads: int, runtime: Any) -> Contender:
    import onnx
    from onnx import helper, numpy_helper

    values = {
        "x_scale": np.float32(SCALES["x_scale"]),
        "x_zero": np.uint8(128),
        "w": weight,
        "w_scale": np.float32(WEIGHT_SCALE),
        "w_zero": np.int8(0),
        "y_scale": np.float32(SCALES["out_scale"]),
        "y_zero": np.uint8(128),
    }
    node = helper.make_node(
        "QLinearConv", ["x", *values], ["y"], kernel_shape=layer.kernel, strides=layer.stride,
        pads=layer.padding * 2, group=layer.groups,
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, layer.x)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.UINT8, layer.output)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return Contender(PEER, lambda: session.run(None, {"x": x})[0], np.asarray)


def _speedups(row: dict[str, Any]) -> list[float | None]:
    """Of bytes in the layout NCHW over each of the others."""
    best = {name: timing["minimum"] for name, timing in row["seconds"].items()}
    return [best[other] / best[BYTES] if other in best else None for other in (FLOAT, DIRECT, PEER)]


def table(results: dict[str, Any]) -> list[list[str]]:
    """A line a layer, and their geometric mean."""
    lines = []
    for row in results["rows"]:
        best = {name: timing["minimum"] for name, timing in row["seconds"].items()}
        shown = {name: duration(seconds) for name, seconds in best.items()}
        lines.append(
            [
                row["layer"],
                shown[BYTES],
                f"{row['gop'] / best[BYTES]:.0f}",
                shown[BYTES_LAST],
                shown[FLOAT],
                shown[DIRECT],
                shown.get(PEER, ""),
                *map(ratio, _speedups(row)),
            ]
        )
    means = map(geometric_mean, zip(*map(_speedups, results["rows"]), strict=True))
    return [*lines, ["geometric mean", *[""] * 6, *map(ratio, means)]]


def write(results: dict[str, Any], folder: Path) -> None:
    """The JSON file, the page, and the table on the terminal."""
    title, lines = "Convolution of bytes", table(results)
    setting = f", {results['isa']}; {results['threads']} threads"
    notes = [
        f"- uint8 by int8, batch 1, minimum of {results['rounds']} rounds of slices taken in turn"
    ]
    write_results(results, folder / "quantized", title, setting, notes, HEADINGS, lines)
    _console.table(title, HEADINGS, lines, left=1)


if __name__ == "__main__":
    _timing.wait_alike()
    sys.exit(main())
