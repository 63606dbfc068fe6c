"""From what callers may pass to what the drivers take; every error of an argument is raised here.

Each message reads "argument: got ..., expected ...".
"""

import itertools
import math
import operator
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
IntPerAxis = SupportsIndex | Sequence[SupportsIndex]
Padding = str | SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]]
Activation = str | tuple[str, Any] | None

# Codes of the C side's enums: convpool_dtype (by dtype.char), convpool_border, convpool_activation;
# and of the drivers' algorithms.
DTYPES = {"f": 0, "d": 1, "e": 2, "B": 3, "H": 4}
BORDERS = {"zeros": 0, "constant": 0, "reflect": 1, "replicate": 2, "circular": 3}
# Name: code, parameters, how many of them a caller may set.
ACTIVATIONS: dict[str, tuple[int, tuple[float, ...], int]] = {
    "relu": (1, (), 0),
    "relu6": (9, (0.0, 6.0), 0),
    "leaky_relu": (2, (0.01,), 1),
    "elu": (3, (1.0,), 1),
    "sigmoid": (4, (), 0),
    "hardsigmoid": (5, (1 / 6, 0.5), 2),
    "tanh": (6, (), 0),
    "silu": (7, (), 0),
    "hardswish": (8, (), 0),
    "hardtanh": (9, (-1.0, 1.0), 2),
    "softplus": (10, (1.0,), 1),
}
ALGORITHMS = {"auto": 0, "direct": 1, "winograd": 2}

# No argument that counts pixels may be larger; sums of a few of them then fit 64 bits.
LARGEST = 2**31 - 1

# No argument has more items: a shape is the longest.
MOST_ITEMS = 8


# What a message shows of a value: one short line, even if the value's own repr fails.
_short = reprlib.Repr()
_short.maxother = _short.maxstring = 80
shown = _short.repr


def written(value: Any, depth: int = 3) -> Any:
    """An argument as it is written now: lists copied, arrays as the lists they stand for.

    Lists within lists to a depth that none of ours has, as one may hold itself.
    """
    if isinstance(value, np.ndarray):
        return value.tolist()
    if depth and (type(value) is list or type(value) is tuple):
        return type(value)(written(item, depth - 1) for item in value)
    return value


def written_alike(a: object, b: object) -> bool:
    """Whether two arguments are written alike."""
    a, b = written(a), written(b)
    return a is b or (type(a) is type(b) and bool(a == b))


def array_of(name: str, value: ArrayLike) -> Array:
    """What `value` holds as an array, whichever protocol it speaks; any type."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        exporter: Any = value
        return np.from_dlpack(exporter)
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: got no array that NumPy can make: {error}") from error


def arrays_of(**given: ArrayLike) -> list[Array]:
    """All arrays of a call, before anything of one of them is looked at.

    To make one may run code of the caller's, which may change the shape or type of another.
    """
    return [array_of(name, value) for name, value in given.items()]


def readable(array: Array) -> Array:
    """`array` as the C side reads it: native byte order, aligned, strides of whole elements."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.aligned:
        return array.copy()
    for step in array.strides:
        if step % array.itemsize:
            return array.copy()
    return array


def float_array(name: str, value: ArrayLike) -> Array:
    """An array of float16, float32 or float64, as the C side reads it."""
    array = array_of(name, value)
    if array.dtype.char not in "fde":
        raise TypeError(
            f"{name}: got dtype {array.dtype}, expected float32, float64 or float16; "
            f"convert it, e.g. {name}.astype(numpy.float32)"
        )
    return readable(array)


def alike(name: str, value: ArrayLike, dtype: np.dtype[Any], of: str = "x") -> Array:
    """An array of the type that another argument has, x if no name is given."""
    array = array_of(name, value)
    if array.dtype.char != dtype.char:
        raise TypeError(
            f"{name}: got dtype {array.dtype}, expected {dtype} as {of} has; "
            f"convert one of them, e.g. {name}.astype(numpy.{dtype})"
        )
    return readable(array)


def is_index(value: object) -> bool:
    """Whether a value stands for one whole number; arrays have __index__ too, bools are ints."""
    return type(value) is int or (
        hasattr(value, "__index__") and not isinstance(value, bool | np.bool_ | np.ndarray)
    )


def integer(name: str, value: Any, low: int, high: int = LARGEST) -> int:
    """A whole number in [low, high]; a bool is none."""
    if not is_index(value):
        raise TypeError(f"{name}: got {shown(value)}, expected an int")
    try:
        number = operator.index(value)
    except Exception as error:
        raise TypeError(f"{name}: got {shown(value)}, expected an int") from error
    if not low <= number <= high:
        raise ValueError(f"{name}: got {number}, expected an int from {low} to {high}")
    return number


def real(name: str, value: Any) -> float:
    """A real number, NaN and infinities among them."""
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise TypeError(f"{name}: got {shown(value)}, expected a real number")
    try:
        return float(value)
    except Exception as error:
        raise TypeError(f"{name}: got {shown(value)}, expected a real number") from error


def truth(name: str, value: object) -> bool:
    """Whether a value counts as true; an array of several is neither."""
    try:
        return bool(value)
    except Exception as error:
        raise TypeError(f"{name}: got {shown(value)}, expected True or False") from error


def sequence(name: str, value: object, length: int | None, expected: str) -> list[Any]:
    """The items of a list, tuple or array; as many as `length` says, and at most MOST_ITEMS."""
    if isinstance(value, str | bytes | Mapping | set) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: got {shown(value)}, expected {expected}")
    most = MOST_ITEMS if length is None else length
    try:
        items = list(itertools.islice(value, most + 1))  # it may be endless
    except Exception as error:
        raise TypeError(f"{name}: got {shown(value)}, expected {expected}") from error
    if len(items) > most or (length is not None and len(items) != length):
        raise ValueError(f"{name}: got {shown(value)}, expected {expected}")
    return items


def per_axis(name: str, value: object, spatial: int, low: int) -> tuple[int, ...]:
    """One int for all axes, or one an axis."""
    if is_index(value):
        return (integer(name, value, low),) * spatial
    items = sequence(name, value, spatial, f"an int or {spatial}, one an axis")
    return tuple(integer(name, item, low) for item in items)


def choice(name: str, value: object, known: Iterable[str]) -> str:
    """One of the known names."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {shown(value)}, expected one of {', '.join(known)}")
    for item in known:
        if item == value:
            return item
    raise ValueError(f"{name}: got {shown(value)}, expected one of {', '.join(known)}")


def settled_shape(name: str, value: object) -> tuple[int, ...]:
    """Exact ints of what is to be a shape, which run no code of the caller's; none is checked."""
    items = sequence(name, value, None, "a shape, a sequence of ints")
    return tuple(integer(name, item, -(2**62), 2**62) for item in items)


def whole_shape(name: str, value: object, rank: int, batch: bool) -> tuple[int, ...]:
    """A shape of so many axes, each at least 1 but for a batch, which comes first."""
    items = sequence(name, value, rank, f"a shape of {rank} ints")
    lows = (0 if batch else 1, *[1] * (rank - 1))
    shape = tuple(integer(name, n, low, 2**62) for n, low in zip(items, lows, strict=True))
    addressable(name, shape, 1)
    return shape


def shaped(shape: tuple[int, ...]) -> Array:
    """An array of a shape, for what only looks at that, without the memory."""
    return np.broadcast_to(np.int8(0), shape)


@contextmanager
def called(**names: str) -> Iterator[None]:
    """Lets errors name the arguments of this call instead of those that are checked here."""
    try:
        yield
    except ValueError as error:
        name, _, rest = str(error).partition(":")
        raise ValueError(f"{names.get(name, name)}:{rest}") from None


def channels_last(layout: object, spatial: int) -> bool:
    """Whether the layout of arrays with so many spatial axes has channels last."""
    names = layout_of(spatial), layout_of(spatial, last=True)
    return choice("layout", layout, names).endswith("C")


def layout_of(spatial: int, last: bool = False) -> str:
    """The name of a layout of so many spatial axes."""
    axes = "DHW"[3 - spatial :]
    return f"N{axes}C" if last else f"NC{axes}"


def spatial_axes(layout: object) -> int:
    """How many spatial axes arrays of a layout have."""
    known = ("NCHW", "NHWC", "NCW", "NWC", "NCDHW", "NDHWC")
    return len(choice("layout", layout, known)) - 2


def shape_of_input(name: str, value: object, spatial: int) -> tuple[int, ...]:
    """The shape of an array with so many spatial axes, with or without a batch."""
    expected = f"{spatial + 2} ints, or {spatial + 1} without the batch axis"
    items = sequence(name, value, None, expected)
    shape = tuple(integer(name, size, 0) for size in items)
    if len(shape) not in (spatial + 1, spatial + 2):
        raise ValueError(f"{name}: got {shape}, expected {expected}")
    addressable(name, shape, 8)
    return shape


def padding_form(padding: object, spatial: int) -> str | tuple[tuple[int, int], ...]:
    """A rule by its name, or (before, after) for each axis."""
    if isinstance(padding, str):
        return choice("padding", padding, ("valid", "same", "same_lower"))
    if is_index(padding):
        same = integer("padding", padding, 0)
        return ((same, same),) * spatial
    expected = (
        f"an int, {spatial} ints or {spatial} (before, after) pairs, one an axis, "
        "or 'valid', 'same', 'same_lower'"
    )
    pairs = []
    for item in sequence("padding", padding, spatial, expected):
        if is_index(item):
            item = (item, item)
        before, after = sequence("padding", item, 2, expected)
        pairs.append((integer("padding", before, 0), integer("padding", after, 0)))
    return tuple(pairs)


def settled_terms(
    spatial: int, stride: object, padding: object, dilation: object, groups: object, layout: object
) -> tuple[tuple[int, ...], str | tuple[tuple[int, int], ...], tuple[int, ...], int, str]:
    """A convolution's arguments in exact ints and names, which run no code of the caller's."""
    return (
        per_axis("stride", stride, spatial, 1),
        padding_form(padding, spatial),
        per_axis("dilation", dilation, spatial, 1),
        integer("groups", groups, 1),
        layout_of(spatial, channels_last(layout, spatial)),
    )


def activation_code(activation: object) -> tuple[int, float, float]:
    """The C side's code of an activation and its two parameters."""
    if activation is None:
        return 0, 0.0, 0.0
    if not isinstance(activation, tuple | list):
        code, parameters, _ = ACTIVATIONS[choice("activation", activation, ACTIVATIONS)]
    else:
        name, given = sequence("activation", activation, 2, "a name or (name, parameter)")
        code, _, settable = ACTIVATIONS[choice("activation", name, ACTIVATIONS)]
        if settable == 0:
            raise ValueError(f"activation: got {shown(activation)}, but {name} takes no parameter")
        values = [given] if settable == 1 else sequence("activation", given, settable, "a pair")
        parameters = tuple(real("activation", value) for value in values)
        if not all(map(math.isfinite, parameters)):
            raise ValueError(f"activation: got {shown(activation)}, expected finite parameters")
        if name == "hardtanh" and parameters[0] > parameters[1]:
            raise ValueError(
                f"activation: got {shown(activation)}, expected (low, high), low <= high"
            )
        if name == "softplus" and parameters[0] <= 0:
            raise ValueError(f"activation: got {shown(activation)}, expected a parameter above 0")
    p0, p1 = (*parameters, 0.0, 0.0)[:2]
    return code, p0, p1


def border_code(padding_mode: object, padding_value: object) -> tuple[int, float]:
    """The C side's code of a padding mode, and the constant."""
    mode = choice("padding_mode", padding_mode, BORDERS)
    value = real("padding_value", padding_value)
    if value != 0 and mode != "constant":
        raise ValueError(
            f"padding_value: got {value:g} with padding_mode {mode!r}, "
            "expected 0 or padding_mode 'constant'"
        )
    return BORDERS[mode], value


def addressable(name: str, shape: Sequence[int], itemsize: int) -> None:
    """Raises where what is to be allocated for an argument is larger than any address."""
    size = itemsize
    for extent in shape:
        size *= extent or 1
    if size > 2**62:
        raise ValueError(f"{name}: needs {tuple(shape)} elements, too large to address")


def bias_array(value: ArrayLike, kernels: Array) -> Array:
    """One number for each output channel of `kernels`, of their type."""
    biases = alike("bias", value, kernels.dtype)
    if biases.shape != kernels.shape[:1]:
        raise ValueError(f"bias: got shape {biases.shape}, expected {kernels.shape[:1]}")
    return biases


def packable(kernels: Array, groups: int) -> None:
    """Raises where strips of a weight, each group's rounded up to whole ones, are too large."""
    addressable("weight", (kernels.shape[0] + 64 * groups, *kernels.shape[1:]), 8)


def output_array(
    out: object, shape: tuple[int, ...], dtype: np.dtype[Any], inputs: Iterable[Array | None]
) -> tuple[Array, bool]:
    """The array to compute into, and whether it must then be copied into `out`."""
    addressable("x", shape, dtype.itemsize)
    if out is None:
        return np.empty(shape, dtype), False
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: got {type(out).__name__}, expected a numpy.ndarray")
    out = np.asarray(out)  # a subclass may say what it likes of itself
    if out.dtype != dtype:
        raise TypeError(f"out: got dtype {out.dtype}, expected {dtype}")
    if out.shape != shape:
        raise ValueError(f"out: got shape {out.shape}, expected {shape}")
    if not out.flags.writeable:
        raise ValueError("out: got a read-only array, expected a writeable one")
    if out.size and any(
        step == 0 < size - 1 for step, size in zip(out.strides, shape, strict=True)
    ):
        raise ValueError("out: got an array whose elements overlap, expected separate ones")
    overlaps = any(array is not None and np.may_share_memory(out, array) for array in inputs)
    if overlaps or readable(out) is not out:
        return np.empty(shape, dtype), True
    return out, False
