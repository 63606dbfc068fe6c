"""Whole networks as ONNX models with random weights, as exporters of trained ones write them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 1000


class Builder:
    """Adds nodes one after the other; each method returns the name of what its node makes."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: Any) -> str:
        name = f"weight_{len(self.constants)}"
        array = np.asarray(values, np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int) -> str:
        """Values that keep the size of what flows through, as in He et al. (2015)."""
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        values = self.random.standard_normal(shape, np.float32)
        return self.constant(values * np.float32(deviation))

    def conv(self, x: str, c: int, o: int, k: int, s: int = 1, p: int = 0, **more: Any) -> str:
        """A convolution with bias, or with a batch norm instead (norm=True), and an activation."""
        groups = more.get("groups", 1)
        inputs = [x, self.weight(o, c // groups, k, k)]
        if not more.get("norm"):
            inputs.append(self.constant(self.random.standard_normal(o) * 0.01))
        y = self.node(
            "Conv", inputs, kernel_shape=[k, k], strides=[s, s], pads=[p] * 4, group=groups
        )
        if more.get("norm"):
            y = self.node("BatchNormalization", [y, *self.statistics(o, more.get("scale", 1))])
        return self.activation(y, more.get("activation", "Relu"))

    def statistics(self, channels: int, scale: float) -> list[str]:
        """Scale, bias, mean and variance."""
        random = self.random
        near_one = random.uniform(0.8, 1.2, (2, channels))
        near_zero = random.uniform(-0.1, 0.1, (2, channels))
        values = (scale * near_one[0], near_zero[0], near_zero[1], near_one[1])
        return [self.constant(value) for value in values]

    def activation(self, x: str, kind: str | None) -> str:
        if kind == "Relu6":
            return self.node("Clip", [x, self.constant(0), self.constant(6)])
        return self.node(kind, [x]) if kind else x

    def pool(self, x: str, k: int, s: int, p: int = 0, ceil: int = 0) -> str:
        shape = {"kernel_shape": [k, k], "strides": [s, s], "pads": [p] * 4, "ceil_mode": ceil}
        return self.node("MaxPool", [x], **shape)

    def linear(self, x: str, c: int, o: int) -> str:
        bias = self.constant(self.random.standard_normal(o) * 0.01)
        return self.node("Gemm", [x, self.weight(o, c), bias], transB=1)

    def head(self, x: str, c: int) -> str:
        """Global average, fully connected layer, softmax."""
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        return self.node("Softmax", [self.linear(x, c, CLASSES)], axis=1)

    def model(self, output: str) -> bytes:
        size = ["batch", 3, 224, 224]
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", CLASSES])],
            self.constants,
        )
        # Old enough for every release of ONNX Runtime of the last years.
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def googlenet() -> bytes:
    """Szegedy et al., Going Deeper with Convolutions, 2015; with its two normalisations."""
    b = Builder()
    lrn = {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    x = b.pool(b.conv("x", 3, 64, 7, 2, 3), 3, 2, 0, 1)
    x = b.node("LRN", [x], **lrn)
    x = b.conv(b.conv(x, 64, 64, 1), 64, 192, 3, 1, 1)
    x = b.pool(b.node("LRN", [x], **lrn), 3, 2, 0, 1)
    c = 192
    for row in (
        (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None,
        (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None,
        (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
    ):  # fmt: skip
        if row is None:
            x = b.pool(x, 3, 2, 0, 1)
            continue
        one, reduce3, three, reduce5, five, pooled = row
        branches = [
            b.conv(x, c, one, 1),
            b.conv(b.conv(x, c, reduce3, 1), reduce3, three, 3, 1, 1),
            b.conv(b.conv(x, c, reduce5, 1), reduce5, five, 5, 1, 2),
            b.conv(b.pool(x, 3, 1, 1), c, pooled, 1),
        ]
        x, c = b.node("Concat", branches, axis=1), one + three + five + pooled
    return b.model(b.head(x, c))


def resnet50() -> bytes:
    """He et al., Deep Residual Learning, 2016; the stride in the 3x3, as PyTorch has it."""
    b = Builder()
    x = b.pool(b.conv("x", 3, 64, 7, 2, 3, norm=True), 3, 2, 1)
    c = 64
    for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for i in range(count):
            s = 2 if stage and not i else 1
            y = b.conv(x, c, width, 1, norm=True)
            y = b.conv(y, width, width, 3, s, 1, norm=True)
            y = b.conv(y, width, 4 * width, 1, norm=True, activation=None, scale=0.3)
            if not i:
                x = b.conv(x, c, 4 * width, 1, s, norm=True, activation=None)
            x, c = b.activation(b.node("Add", [y, x]), "Relu"), 4 * width
    return b.model(b.head(x, c))


def vgg16() -> bytes:
    """Simonyan & Zisserman, Very Deep Convolutional Networks, 2015."""
    b = Builder()
    x, c = "x", 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x, c = b.conv(x, c, width, 3, 1, 1), width
        x = b.pool(x, 2, 2)
    x = b.node("Flatten", [x])
    for c, o in ((512 * 49, 4096), (4096, 4096)):
        x = b.activation(b.linear(x, c, o), "Relu")
    return b.model(b.node("Softmax", [b.linear(x, 4096, CLASSES)], axis=1))


def mobilenet_v2() -> bytes:
    """Sandler et al., Inverted Residuals and Linear Bottlenecks, 2018."""
    b = Builder()
    x = b.conv("x", 3, 32, 3, 2, 1, norm=True, activation="Relu6")
    c = 32
    for t, o, count, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):  # fmt: skip
        for i in range(count):
            s, wide = (1 if i else stride), c * t
            y = x if t == 1 else b.conv(x, c, wide, 1, norm=True, activation="Relu6")
            y = b.conv(y, wide, wide, 3, s, 1, groups=wide, norm=True, activation="Relu6")
            y = b.conv(y, wide, o, 1, norm=True, activation=None)
            x, c = (b.node("Add", [x, y]) if s == 1 and c == o else y), o
    return b.model(b.head(b.conv(x, c, 1280, 1, norm=True, activation="Relu6"), 1280))


# How many times as fast as ONNX Runtime each is meant to be.
NETWORKS: dict[str, tuple[Callable[[], bytes], float]] = {
    "GoogLeNet": (googlenet, 1.4),
    "ResNet-50": (resnet50, 1.3),
    "VGG-16": (vgg16, 1.8),
    "MobileNetV2": (mobilenet_v2, 1.2),
}
