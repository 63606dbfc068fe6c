"""Operators that normalise: over a batch, a channel, neighbouring channels, the last axes."""

from typing import Any

import numpy as np

import convpool

from .model import Array, Node
from .operators import Kernel, axis_of, operator


def batch_scale(node: Node, scale: Array, bias: Array, mean: Array, var: Array) -> tuple[Any, Any]:
    """What a channel is multiplied by, and what is then added, both in float64."""
    epsilon = node.get("epsilon", 1e-5)
    factor = scale.astype(np.float64) / np.sqrt(var.astype(np.float64) + epsilon)
    return factor, bias.astype(np.float64) - mean.astype(np.float64) * factor


@operator("BatchNormalization")
def batch_normalization(node: Node) -> Kernel:
    """By the statistics that were learnt, or the batch's own in training mode."""
    training = node.get("training_mode", 0) or (node.version < 14 and len(node.outputs) > 1)
    epsilon, momentum = node.get("epsilon", 1e-5), node.get("momentum", 0.9)

    def kernel(x: Array, scale: Array, bias: Array, mean: Array, var: Array) -> Any:
        spread = (-1, *[1] * (x.ndim - 2))
        if not training:
            factor, shift = batch_scale(node, scale, bias, mean, var)
            wide = x * factor.reshape(spread).astype(x.dtype) + shift.reshape(spread).astype(
                x.dtype
            )
            return wide.astype(x.dtype, copy=False)
        axes = (0, *range(2, x.ndim))
        now, spread_now = x.mean(axes), x.var(axes)
        root = np.sqrt(spread_now.reshape(spread) + epsilon)
        y = scale.reshape(spread) * (x - now.reshape(spread)) / root + bias.reshape(spread)
        return (
            y.astype(x.dtype),
            (mean * momentum + now * (1 - momentum)).astype(mean.dtype),
            (var * momentum + spread_now * (1 - momentum)).astype(var.dtype),
        )

    return kernel


@operator("LRN")
def local_response(node: Node) -> Kernel:
    """X / (bias + alpha / size sum of squares of neighbouring channels) ** beta."""
    size = node.get("size", 1)
    alpha, beta, bias = node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)
    before = (size - 1) // 2
    pads = ((before, size - 1 - before), (0, 0))

    def kernel(x: Array) -> Any:
        # Channels as rows of one picture: the sum is a convolution along its columns.
        squares = np.multiply(x, x).reshape(x.shape[0], 1, x.shape[1], -1)
        column = np.full((1, 1, size, 1), alpha / size, x.dtype)
        sums = convpool.conv2d(squares, column, np.full(1, bias, x.dtype), padding=pads)
        if beta == 0.75:
            root = np.sqrt(sums, out=squares)
            np.multiply(root, np.sqrt(root, out=sums), out=sums)
        else:
            np.power(sums, x.dtype.type(beta), out=sums)
        result: Array = np.divide(x, sums.reshape(x.shape))
        return result

    return kernel


def _normalized(x: Array, axes: Any, epsilon: float) -> Array:
    """By mean and variance, in float32 at least."""
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    centred = wide - wide.mean(axes, keepdims=True)
    variance = np.mean(centred * centred, axes, keepdims=True)
    result: Array = centred / np.sqrt(variance + wide.dtype.type(epsilon))
    return result


@operator("InstanceNormalization")
def instance_normalization(node: Node) -> Kernel:
    """Each channel of each image by itself."""
    epsilon = node.get("epsilon", 1e-5)

    def kernel(x: Array, scale: Array, bias: Array) -> Any:
        spread = (-1, *[1] * (x.ndim - 2))
        normal = _normalized(x, tuple(range(2, x.ndim)), epsilon)
        return (normal * scale.reshape(spread) + bias.reshape(spread)).astype(x.dtype)

    return kernel


@operator("GroupNormalization")
def group_normalization(node: Node) -> Kernel:
    """Channels in groups."""
    epsilon, groups = node.get("epsilon", 1e-5), node.get("num_groups", 1)

    def kernel(x: Array, scale: Array, bias: Array) -> Any:
        parts = x.reshape(x.shape[0], groups, -1)
        normal = _normalized(parts, 2, epsilon)
        if node.version < 21:  # once a pair a group, later one a channel
            normal = normal * scale.reshape(1, -1, 1) + bias.reshape(1, -1, 1)
            return normal.reshape(x.shape).astype(x.dtype)
        spread = (-1, *[1] * (x.ndim - 2))
        wide = normal.reshape(x.shape) * scale.reshape(spread) + bias.reshape(spread)
        return wide.astype(x.dtype)

    return kernel


@operator("LayerNormalization")
def layer_normalization(node: Node) -> Kernel:
    """From an axis to the last."""
    epsilon, axis = node.get("epsilon", 1e-5), node.get("axis", -1)

    def kernel(x: Array, scale: Array, bias: Array | None = None) -> Any:
        axes = tuple(range(axis_of(node, axis, x.ndim), x.ndim))
        normal = (_normalized(x, axes, epsilon) * scale).astype(x.dtype)
        result = normal if bias is None else normal + bias
        if len(node.outputs) == 1:
            return result
        mean = x.mean(axes, keepdims=True)
        deviation = x.var(axes, keepdims=True)
        return result, mean, (1 / np.sqrt(deviation + epsilon)).astype(x.dtype)

    return kernel


@operator("RMSNormalization")
def root_mean_square(node: Node) -> Kernel:
    """By the root of the mean square, from an axis to the last."""
    epsilon, axis = node.get("epsilon", 1e-5), node.get("axis", -1)

    def kernel(x: Array, scale: Array) -> Any:
        axes = tuple(range(axis_of(node, axis, x.ndim), x.ndim))
        square = np.mean(np.square(x, dtype=np.float32), axes, keepdims=True)
        return (x / np.sqrt(square + epsilon)).astype(x.dtype) * scale

    return kernel


@operator("MeanVarianceNormalization")
def mean_variance(node: Node) -> Kernel:
    """By mean and standard deviation over some axes."""
    axes = tuple(node.ints("axes") or (0, 2, 3))

    def kernel(x: Array) -> Any:
        deviation = np.sqrt(np.mean(x * x, axes, keepdims=True) - x.mean(axes, keepdims=True) ** 2)
        return (x - x.mean(axes, keepdims=True)) / (deviation + x.dtype.type(1e-9))

    return kernel


@operator("LpNormalization")
def lp_normalization(node: Node) -> Kernel:
    """By the 1-norm or 2-norm along an axis."""
    axis, power = node.get("axis", -1), node.get("p", 2)

    def kernel(x: Array) -> Any:
        norm = np.linalg.norm(x, power, axis, keepdims=True)
        return np.divide(x, norm, out=np.zeros_like(x), where=norm != 0).astype(x.dtype)

    return kernel
