"""Operators that treat each element by itself: arithmetic, comparisons, activations."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from .model import Array, Node
from .operators import Kernel, operator, type_of

UNARY: dict[str, Callable[..., Any]] = {
    "Abs": np.absolute, "Neg": np.negative, "Exp": np.exp, "Log": np.log, "Sqrt": np.sqrt,
    "Floor": np.floor, "Ceil": np.ceil, "Round": np.rint, "Sign": np.sign, "Not": np.logical_not,
    "Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Asin": np.arcsin, "Acos": np.arccos,
    "Atan": np.arctan, "Sinh": np.sinh, "Cosh": np.cosh, "Tanh": np.tanh, "Asinh": np.arcsinh,
    "Acosh": np.arccosh, "Atanh": np.arctanh, "IsNaN": np.isnan, "BitwiseNot": np.invert,
}  # fmt: skip
BINARY: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "And": np.logical_and,
    "Or": np.logical_or, "Xor": np.logical_xor, "Equal": np.equal, "Greater": np.greater,
    "Less": np.less, "GreaterOrEqual": np.greater_equal, "LessOrEqual": np.less_equal,
    "BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
}  # fmt: skip
VARIADIC: dict[str, Callable[..., Any]] = {
    "Sum": np.add, "Mean": np.add, "Max": np.maximum, "Min": np.minimum,
}  # fmt: skip


@operator(*UNARY, in_place=True)
def unary(node: Node) -> Kernel:
    """One of NumPy's functions."""
    function = UNARY[node.operator]
    return lambda x, out=None: function(x, out=out)


def _stretched(node: Node, function: Callable[..., Any]) -> Kernel:
    """Before version 7 the second operand says at which axis of the first it stands."""
    if node.version >= 7 or not node.get("broadcast", 0) or "axis" not in node.attributes:
        return lambda a, b, out=None: function(a, b, out=out)

    def kernel(a: Array, b: Array, out: Array | None = None) -> Any:
        after = a.ndim - (node.get("axis", -1) % a.ndim) - b.ndim
        return function(a, b.reshape(b.shape + (1,) * max(after, 0)), out=out)

    return kernel


@operator(*BINARY, in_place=True)
def binary(node: Node) -> Kernel:
    """One of NumPy's functions of two arrays."""
    return _stretched(node, BINARY[node.operator])


@operator("Div", in_place=True)
def divide(node: Node) -> Kernel:
    """Integers are cut off towards zero, and a divisor of 0 gives 0."""

    def divided(a: Array, b: Array, out: Array | None = None) -> Any:
        if a.dtype.kind == "f":
            return np.true_divide(a, b, out=out)
        whole = np.floor_divide(a, b)
        if a.dtype.kind == "i":
            whole += (a % np.where(b == 0, 1, b) != 0) & ((a < 0) != (b < 0))
        whole = whole.astype(a.dtype)
        return whole if out is None else _into(out, whole)

    return _stretched(node, divided)


@operator("Pow")
def power(node: Node) -> Kernel:
    """Of the base's type."""

    def powered(a: Array, b: Array, out: Array | None = None) -> Any:
        if a.dtype.kind == "f" and b.ndim == 0:  # squares and roots need no logarithm
            exponent = float(b)
            if exponent == 2:
                return np.multiply(a, a)
            if exponent == 0.5:
                return np.sqrt(a)
        return np.power(a, b.astype(np.float64 if b.dtype.kind == "f" else b.dtype)).astype(a.dtype)

    return _stretched(node, powered)


@operator("Mod", in_place=True)
def remainder(node: Node) -> Kernel:
    """With the divisor's sign, or the dividend's with fmod."""
    function = np.fmod if node.get("fmod", 0) else np.mod
    return lambda a, b, out=None: function(a, b, out=out)


@operator("BitShift")
def shift(node: Node) -> Kernel:
    """Of unsigned numbers."""
    function = np.left_shift if node.get("direction", "") == "LEFT" else np.right_shift
    return lambda a, b: function(a, b)


@operator(*VARIADIC)
def variadic(node: Node) -> Kernel:
    """Any number of operands."""
    function, count = VARIADIC[node.operator], len(node.inputs)

    def kernel(*arrays: Array) -> Any:
        result = reduce(function, arrays)
        return result / result.dtype.type(count) if node.operator == "Mean" else result

    return kernel


@operator("Where")
def where(node: Node) -> Kernel:
    """One of two values."""
    return lambda condition, a, b: np.where(condition, a, b)


@operator("IsInf")
def is_infinite(node: Node) -> Kernel:
    """Of either sign or of one."""
    above, below = node.get("detect_positive", 1), node.get("detect_negative", 1)
    return lambda x: np.isinf(x) & ((x > 0) & bool(above) | (x < 0) & bool(below))


@operator("Reciprocal", in_place=True)
def reciprocal(node: Node) -> Kernel:
    """1 / x."""
    return lambda x, out=None: np.divide(x.dtype.type(1), x, out=out)


@operator("Identity", "Dropout")
def identity(node: Node) -> Kernel:
    """What comes in; nothing is dropped outside training."""
    if node.operator == "Identity" or len(node.outputs) == 1:
        return lambda x, *rest: _untrained(node, x, rest)

    def kernel(x: Array, *rest: Array) -> Any:
        kind = bool if node.version >= 10 else x.dtype
        return _untrained(node, x, rest), np.ones(x.shape, kind)

    return kernel


def _untrained(node: Node, x: Array, rest: tuple[Array, ...]) -> Array:
    training = len(rest) > 1 and rest[1] is not None and bool(rest[1])
    if training and (rest[0] is None or float(rest[0]) != 0):
        raise node.error("training_mode: got True, but networks are not trained here")
    return x


@operator("Cast", "CastLike")
def cast(node: Node) -> Kernel:
    """To another type; what a float cannot be becomes what the processor makes of it."""
    if node.operator == "CastLike":
        return lambda x, like: x.astype(like.dtype)
    from onnx import TensorProto

    code = node.get("to", 0)
    if code == TensorProto.STRING:
        return lambda x: x.astype(str).astype(object)
    dtype = type_of(node, "to", code)

    def kernel(x: Array) -> Any:
        return x.astype(dtype, copy=False)

    return kernel


# Activations


def _into(out: Array, result: Any) -> Array:
    out[...] = result
    return out


@operator("Relu", in_place=True)
def relu(node: Node) -> Kernel:
    """max(x, 0)."""
    return lambda x, out=None: np.maximum(x, x.dtype.type(0), out=out)


@operator("Clip", in_place=True)
def clip(node: Node) -> Kernel:
    """Between two bounds: attributes once, inputs since version 11."""
    if node.version < 11:
        low = node.attributes.get("min", -math.inf)
        high = node.attributes.get("max", math.inf)
        return lambda x, out=None: np.minimum(
            np.maximum(x, x.dtype.type(low), out=out), x.dtype.type(high), out=out
        )

    def kernel(
        x: Array, low: Array | None = None, high: Array | None = None, out: Array | None = None
    ) -> Any:
        if low is not None:
            x = np.maximum(x, low, out=out)
        if high is not None:
            return np.minimum(x, high, out=out)
        return x if out is None or low is not None else _into(out, x)

    return kernel


@operator("Sigmoid", in_place=True)
def sigmoid(node: Node) -> Kernel:
    """1 / (1 + exp(-x))."""
    return sigmoid_of


def sigmoid_of(x: Array, out: Array | None = None) -> Array:
    """The logistic function."""
    one = x.dtype.type(1)
    out = np.exp(np.negative(x, out=out), out=out)
    out += one
    result: Array = np.divide(one, out, out=out)
    return result


@operator("LeakyRelu")
def leaky_relu(node: Node) -> Kernel:
    """Max of x and alpha x, if alpha < 1."""
    alpha = node.get("alpha", 0.01)
    return lambda x: np.where(x < 0, x * x.dtype.type(alpha), x)


@operator("PRelu")
def parametric_relu(node: Node) -> Kernel:
    """A slope for each channel."""

    def kernel(x: Array, slope: Array) -> Any:
        if node.version < 7 and slope.ndim == 1 and x.ndim > 2:
            slope = slope.reshape(slope.shape + (1,) * (x.ndim - 2))
        return np.where(x < 0, x * slope, x)

    return kernel


@operator("Elu", "Selu", "Celu")
def exponential(node: Node) -> Kernel:
    """Exponential below 0."""
    scaled = node.operator == "Selu"
    alpha = node.get("alpha", 1.67326319217681884765625 if scaled else 1.0)
    gamma = node.get("gamma", 1.05070102214813232421875) if scaled else 1.0
    inner = alpha if node.operator == "Celu" else 1.0

    def kernel(x: Array) -> Any:
        below = alpha * np.expm1(np.minimum(x, 0) / inner)
        return (gamma * np.where(x > 0, x, below)).astype(x.dtype, copy=False)

    return kernel


@operator("HardSigmoid")
def hard_sigmoid(node: Node) -> Kernel:
    """clip(alpha x + beta, 0, 1)."""
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    return lambda x: np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), 0, 1)


@operator("HardSwish")
def hard_swish(node: Node) -> Kernel:
    """X clip(x / 6 + 1/2, 0, 1)."""
    return lambda x: x * np.clip(x * x.dtype.type(1 / 6) + x.dtype.type(0.5), 0, 1)


@operator("Silu", domain="convpool")
@operator("Swish")
def swish(node: Node) -> Kernel:
    """X sigmoid(alpha x)."""
    alpha = node.get("alpha", 1.0)
    return lambda x: x * sigmoid_of(x * x.dtype.type(alpha))


@operator("Softplus")
def softplus(node: Node) -> Kernel:
    """log(1 + exp(x))."""
    return lambda x: np.logaddexp(x, x.dtype.type(0))


@operator("Mish")
def mish(node: Node) -> Kernel:
    """X tanh(softplus(x))."""
    return lambda x: x * np.tanh(np.logaddexp(x, x.dtype.type(0)))


@operator("Softsign")
def softsign(node: Node) -> Kernel:
    """X / (1 + abs(x))."""
    return lambda x: x / (1 + np.absolute(x))


@operator("ThresholdedRelu")
def thresholded_relu(node: Node) -> Kernel:
    """X above alpha, else 0."""
    alpha = node.get("alpha", 1.0)
    return lambda x: np.where(x > alpha, x, x.dtype.type(0))


@operator("Shrink")
def shrink(node: Node) -> Kernel:
    """Towards 0 by bias, 0 within lambd."""
    bias, lambd = node.get("bias", 0.0), node.get("lambd", 0.5)

    def kernel(x: Array) -> Any:
        outside = np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))
        return outside.astype(x.dtype)

    return kernel


@operator("Gelu")
def gelu(node: Node) -> Kernel:
    """X times the normal distribution's function, or its approximation by tanh."""
    if node.get("approximate", "none") == "tanh":
        root = math.sqrt(2 / math.pi)
        return lambda x: (0.5 * x * (1 + np.tanh(root * (x + 0.044715 * x**3)))).astype(x.dtype)
    return lambda x: (0.5 * x * (1 + erf_of(x * x.dtype.type(math.sqrt(0.5))))).astype(x.dtype)


@operator("Erf")
def erf(node: Node) -> Kernel:
    """The error function."""
    return erf_of


# 2 / sqrt(pi) (-1)^n / (n! (2 n + 1)), the series about 0; and Abramowitz & Stegun, 7.1.26.
_SERIES = [
    2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(14)
]
_TAIL = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def erf_of(x: Array) -> Array:
    """The error function: to the last bits in float64, to 2e-7 of the result otherwise."""
    if x.dtype == np.float64:
        each: Array = np.array([math.erf(value) for value in x.ravel().tolist()])
        return each.reshape(x.shape)
    wide = np.absolute(x, dtype=np.float32)
    near = np.minimum(wide, 1)
    square = near * near
    series = np.full_like(square, _SERIES[-1])
    for term in reversed(_SERIES[:-1]):
        series = series * square + np.float32(term)
    t = 1 / (1 + np.float32(0.3275911) * wide)
    tail = np.full_like(t, _TAIL[-1])
    for term in reversed(_TAIL[:-1]):
        tail = tail * t + np.float32(term)
    far = 1 - tail * t * np.exp(-wide * wide)
    result: Array = np.copysign(np.where(wide < 1, near * series, far), x)
    return result.astype(x.dtype, copy=False)
