"""One class a library: how it is set up, and the calls with which it computes a layer.

Each call takes operands that are ready in the library's own form and returns a new result in that
form, as it would inside a program built on that library. Nothing that can be prepared once is
timed, for nobody.
"""

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from _layers import Array, Layer, Operands, gaussian

OURS = "convpool"
# Work above which a direct method on one thread would only keep the others waiting.
SMALL_FLOP = 1_000_000
LARGEST_SCIPY_FILTER = 7


@dataclass(frozen=True)
class Contender:
    """One way to compute a layer."""

    name: str
    call: Callable[[], Any]
    to_numpy: Callable[[Any], Array]  # in the layer's layout: NCHW, or an image's
    context: Callable[[], AbstractContextManager[Any]] = nullcontext

    @property
    def is_ours(self) -> bool:
        return self.name.startswith(OURS)

    def result(self) -> Array:
        with self.context():
            return self.to_numpy(self.call())


class Library(Protocol):
    """A library at hand: made once with the number of threads, then asked for each layer."""

    name: str
    version: str

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]: ...


class Convpool:
    """Our side: the plain call, the packed one, and channels last."""

    name = OURS

    def __init__(self, threads: int) -> None:
        import convpool

        convpool.set_num_threads(threads)
        self.library = convpool
        self.config = convpool.get_config()
        self.version = str(self.config["version"])

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]:
        x, weight, bias = data
        function = getattr(self.library, layer.op)
        if layer.op == "filter2d":
            yield Contender(OURS, lambda: function(x, weight), np.asarray)
            return
        last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        arguments: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding}
        if layer.is_pool:
            arguments |= {"ceil_mode": layer.ceil_mode}
            yield Contender(OURS, lambda: function(x, layer.kernel, **arguments), np.asarray)
            yield Contender(
                f"{OURS} NHWC",
                lambda: function(last, layer.kernel, layout="NHWC", **arguments),
                _channels_first,
            )
            return
        arguments |= {"groups": layer.groups}
        yield Contender(OURS, lambda: function(x, weight, bias, **arguments), np.asarray)
        if hasattr(self.library, "pack_weight"):
            packed = self.library.pack_weight(weight, bias, **arguments)
            yield Contender(f"{OURS} packed", lambda: function(x, packed, **arguments), np.asarray)
        yield Contender(
            f"{OURS} NHWC",
            lambda: function(last, weight, bias, layout="NHWC", **arguments),
            _channels_first,
        )


def _channels_first(result: Array) -> Array:
    return result.transpose(0, 3, 1, 2)


class OnnxRuntime:
    """A model of one node, whose weights the session packs when it is made.

    Once as most programs call it, from NumPy to NumPy, and once with input and output bound, which
    saves the copy of the result.
    """

    name = "ONNX Runtime"

    def __init__(self, threads: int) -> None:
        import onnx
        import onnxruntime

        self.onnx, self.library = onnx, onnxruntime
        self.version = f"{onnxruntime.__version__}, onnx {onnx.__version__}"
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]:
        if layer.op == "filter2d":
            return
        session = self.library.InferenceSession(
            self._model(layer, data), self.options, providers=["CPUExecutionProvider"]
        )
        x = data.x
        yield Contender(self.name, lambda: session.run(None, {"x": x})[0], np.asarray)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", self.library.OrtValue.ortvalue_from_numpy(x))
        binding.bind_output("y")
        yield Contender(
            f"{self.name} bound",
            lambda: session.run_with_iobinding(binding),
            lambda _: binding.copy_outputs_to_cpu()[0],
        )

    def _model(self, layer: Layer, data: Operands) -> bytes:
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        attributes: dict[str, Any] = {
            "kernel_shape": layer.kernel,
            "strides": layer.stride,
            "pads": layer.padding * 2,
        }
        weights = {} if layer.is_pool else {"w": data.weight, "b": data.bias}
        if layer.op == "conv2d":
            operator = "Conv"
            attributes["group"] = layer.groups
        else:
            operator = "MaxPool" if layer.op == "max_pool2d" else "AveragePool"
            attributes["ceil_mode"] = int(layer.ceil_mode)
            if operator == "AveragePool":
                attributes["count_include_pad"] = 1
        graph = helper.make_graph(
            [helper.make_node(operator, ["x", *weights], ["y"], **attributes)],
            "layer",
            [helper.make_tensor_value_info("x", kind, layer.x)],
            [helper.make_tensor_value_info("y", kind, layer.output)],
            [self.onnx.numpy_helper.from_array(array, key) for key, array in weights.items()],
        )
        # Old enough for every release of ONNX Runtime of the last years.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        self.onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


class PyTorch:
    """The functional calls in both memory formats, and the convolution of compiled models.

    The last one, by weights packed once in oneDNN's own format, is what torch.compile puts in the
    place of a frozen model's Conv2d.
    """

    name = "PyTorch"

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.library = torch
        self.version = str(torch.__version__)

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]:
        if layer.op == "filter2d":
            return
        torch, last = self.library, self.library.channels_last
        x, weight, bias = map(torch.from_numpy, data)
        if layer.is_pool:
            call = self._pool(layer)
            for suffix, image in (("", x), (" channels_last", x.contiguous(memory_format=last))):
                yield self._contender(suffix, call, image)
            return

        conv2d = torch.nn.functional.conv2d
        rest = (bias, layer.stride, layer.padding, 1, layer.groups)
        yield self._contender("", conv2d, x, weight, *rest)
        x, weight = (tensor.contiguous(memory_format=last) for tensor in (x, weight))
        yield self._contender(" channels_last", conv2d, x, weight, *rest)
        operators = torch.ops.mkldnn
        if torch.backends.mkldnn.is_available() and hasattr(operators, "_convolution_pointwise"):
            shape = (layer.padding, layer.stride, (1, 1), layer.groups)
            packed = operators._reorder_convolution_weight(weight, *shape, layer.x)
            yield self._contender(
                " packed",
                operators._convolution_pointwise,
                *(x, packed, bias, *shape, "none", [], ""),
            )

    def _pool(self, layer: Layer) -> Callable[..., Any]:
        function = getattr(self.library.nn.functional, layer.op)
        arguments = {"stride": layer.stride, "padding": layer.padding}
        return lambda x: function(x, layer.kernel, ceil_mode=layer.ceil_mode, **arguments)

    def _contender(self, suffix: str, function: Callable[..., Any], *operands: Any) -> Contender:
        return Contender(
            self.name + suffix,
            lambda: function(*operands),
            lambda result: np.asarray(result.numpy()),
            self.library.inference_mode,
        )


class OpenCV:
    """filter2D; for a separable kernel also sepFilter2D, which is given the factors."""

    name = "OpenCV"

    def __init__(self, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.library = cv2
        self.version = cv2.__version__

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]:
        if layer.op != "filter2d":
            return
        cv2, (x, weight, _) = self.library, data
        border = cv2.BORDER_REFLECT_101
        yield Contender(
            f"{self.name} filter2D",
            lambda: cv2.filter2D(x, -1, weight, borderType=border),
            np.asarray,
        )
        if layer.values == "gaussian":
            height, width = map(gaussian, layer.kernel)
            yield Contender(
                f"{self.name} sepFilter2D",
                lambda: cv2.sepFilter2D(x, -1, width, height, borderType=border),
                np.asarray,
            )


class SciPy:
    """scipy.ndimage for images and scipy.signal for small layers; it has one thread."""

    name = "SciPy"

    def __init__(self, threads: int) -> None:
        import scipy
        import scipy.ndimage
        import scipy.signal

        self.library = scipy
        self.version = scipy.__version__

    def contenders(self, layer: Layer, data: Operands) -> Iterator[Contender]:
        x, weight, bias = data
        if layer.op == "filter2d":
            if max(layer.kernel) <= LARGEST_SCIPY_FILTER:
                correlate, taps = self.library.ndimage.correlate, weight[:, :, np.newaxis]
                yield Contender(
                    f"{self.name} ndimage", lambda: correlate(x, taps, mode="mirror"), np.asarray
                )
            return
        plain = (layer.stride, layer.padding, layer.groups, layer.x[0]) == ((1, 1), (0, 0), 1, 1)
        if layer.op == "conv2d" and plain and layer.flop < SMALL_FLOP:
            correlate = self.library.signal.correlate
            yield Contender(
                f"{self.name} signal",
                lambda: np.concatenate(
                    [
                        correlate(x[0], taps, mode="valid", method="direct") + value
                        for taps, value in zip(weight, bias, strict=True)
                    ]
                )[np.newaxis],
                np.asarray,
            )


def libraries(threads: int) -> tuple[list[Library], list[str]]:
    """All libraries that import, ours first, and the names of those that do not."""
    found: list[Library] = [Convpool(threads)]
    missing = []
    for peer in (OnnxRuntime, PyTorch, OpenCV, SciPy):
        try:
            found.append(peer(threads))
        except ImportError as error:
            missing.append(f"{peer.name} ({error})")
    return found, missing


def versions(found: Sequence[Library]) -> dict[str, str]:
    """Say what each figure was measured with."""
    own = {"Python": platform.python_version(), "NumPy": np.__version__}
    return own | {library.name: library.version for library in found}
