"""An ONNX file as plain data: nodes, constants, inputs and outputs.

A file is data from a stranger. Sizes are checked before anything is allocated for them, subgraphs
nest no deeper than a limit, and weights outside the file come from its folder alone.
"""

import math
import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .wire import cut

Array = NDArray[Any]

DEEPEST = 16  # subgraphs within subgraphs
MOST_AXES = 32
PIECE = 64 << 20  # bytes of a weight that are copied at once
NATIVE = ("", "ai.onnx")
# TensorProto's data types that are NumPy's.
PLAIN = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 10: "f2", 11: "f8",
         12: "u4", 13: "u8"}  # fmt: skip


@dataclass
class Value:
    """What a model says of an input or output; None where it leaves a size open."""

    name: str
    dtype: np.dtype[Any] | None
    shape: tuple[int | str | None, ...] | None


@dataclass
class Graph:
    """Nodes in an order in which each finds its inputs made."""

    nodes: list["Node"]
    constants: dict[str, Array]
    inputs: list[Value]
    outputs: list[Value]
    mapped: mmap.mmap | None = None  # the file that constants are views of

    def let_go(self, name: str) -> None:
        """Forget a constant."""
        self.release(self.constants.pop(name))

    def align(self, name: str, node: "Node") -> None:
        """Make a constant one that a node's kernel can read: files put numbers anywhere.

        A large matrix stays as it is where it is copied in pieces as it is packed.
        """
        value = self.constants[name]
        pieces = node.operator in ("Gemm", "MatMul") and value.ndim == 2 and value.nbytes > PIECE
        if not value.flags.aligned and not pieces:
            self.constants[name] = value.copy()
            self.release(value)

    def release(self, value: Array) -> None:
        """Pages of a mapped file under a constant, or part of one, need not stay in memory."""
        if self.mapped is None or value.nbytes < 2**20 or not hasattr(self.mapped, "madvise"):
            return
        begin = np.frombuffer(self.mapped, np.uint8).ctypes.data
        offset = value.ctypes.data - begin
        first = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
        length = offset + value.nbytes - first
        if offset >= 0 and offset + value.nbytes <= len(self.mapped) and length > 0:
            self.mapped.madvise(mmap.MADV_DONTNEED, first, length)


@dataclass
class Node:
    """One operation. An input that is left out is ""."""

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    version: int  # of the operator set
    domain: str = ""
    # Inputs whose values are known before the network runs.
    known: dict[int, Array] = field(default_factory=dict)
    # Known inputs that the kernel has taken in, and is not given again.
    taken: set[int] = field(default_factory=set)
    # Called with each part of a known input that is taken in piece by piece.
    release: Callable[[Array], None] = lambda part: None

    @property
    def label(self) -> str:
        """For messages: the node and its operator."""
        own = self.name or ", ".join(filter(None, self.outputs))
        full = self.operator if self.domain in NATIVE else f"{self.domain}.{self.operator}"
        return f"node {own!r} ({full})"

    def error(self, text: str) -> ValueError:
        """An error that names this node."""
        return ValueError(f"{self.label}: {text}")

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or what it is where the model does not say it."""
        value = self.attributes.get(name, default)
        if default is not None and type(value) is not type(default):
            raise self.error(f"{name}: got {value!r}, expected {type(default).__name__}")
        return value

    def ints(self, name: str, default: list[int] | None = None) -> list[int] | None:
        """An attribute that lists whole numbers."""
        value = self.attributes.get(name, default)
        if value is not None and not (
            isinstance(value, list) and all(type(item) is int for item in value)
        ):
            raise self.error(f"{name}: got {value!r}, expected ints")
        return value

    def has(self, position: int) -> bool:
        """Whether an input is given."""
        return position < len(self.inputs) and self.inputs[position] != ""

    def take(self, position: int) -> Array | None:
        """A known input, for the kernel to keep in a form of its own."""
        value = self.known.get(position)
        if value is not None:
            self.taken.add(position)
        return value


def read(source: Any) -> Graph:
    """Read a file or its contents."""
    try:
        import onnx
    except ImportError:
        raise ImportError("onnx is not installed: pip install 'convpool[onnx]'") from None
    from google.protobuf import message as protobuf

    folder = mapped = None
    if isinstance(source, bytes | bytearray | memoryview):
        content, title = memoryview(bytes(source)), "model"
    else:
        path = Path(source)
        title, folder = str(path), path.parent
        mapped = _mapped(path)
        content = memoryview(b"" if mapped is None else mapped)
    model = onnx.ModelProto()
    rest, weights = cut(content)
    try:
        model.ParseFromString(rest)
    except protobuf.DecodeError:
        raise ValueError(f"{title}: not a model in the ONNX format, or cut short") from None
    del rest
    if not model.HasField("graph") or not model.graph.output:
        raise ValueError(f"{title}: holds no network in the ONNX format")
    if model.functions:
        from onnx.inliner import inline_local_functions

        model = inline_local_functions(model)
    versions: dict[str, int] = {}
    for entry in model.opset_import:
        if not 0 < entry.version < 2**31:
            raise ValueError(f"{title}: got operator set {entry.version}, expected one above 0")
        versions["" if entry.domain in NATIVE else entry.domain] = entry.version
    reader = _Reader(versions, folder)
    graph = reader.graph(model.graph, 0, weights)
    graph.mapped = mapped
    _check_order(graph, set())
    return graph


class _Reader:
    """From protobuf's messages to ours."""

    def __init__(self, versions: dict[str, int], folder: Path | None) -> None:
        self.versions = versions
        self.folder = folder

    def graph(self, message: Any, depth: int, weights: Sequence[memoryview | None] = ()) -> Graph:
        if depth > DEEPEST:
            raise ValueError(f"model: subgraphs nest deeper than {DEEPEST}")
        if message.sparse_initializer:
            raise ValueError("model: has sparse constants, which are not supported")
        constants = {
            _text(tensor.name): self.tensor(tensor, weight)
            for tensor, weight in zip_longest(message.initializer, weights)
        }
        inputs = [entry for entry in map(_value, message.input) if entry.name not in constants]
        outputs = list(map(_value, message.output))
        nodes = [self.node(entry, depth) for entry in message.node]
        return Graph(nodes, constants, inputs, outputs)

    def node(self, message: Any, depth: int) -> Node:
        domain = "" if message.domain in NATIVE else _text(message.domain)
        node = Node(
            _text(message.op_type),
            _text(message.name),
            list(map(_text, message.input)),
            list(map(_text, message.output)),
            {},
            self.versions.get(domain, 1),
            domain,
        )
        _check_counts(node)
        for attribute in message.attribute:
            node.attributes[_text(attribute.name)] = self.attribute(node, attribute, depth)
        inner = [value for value in node.attributes.values() if isinstance(value, Graph)]
        # What a subgraph sees of the outside is an input like others.
        node.attributes["captured"] = captured = sorted({n for g in inner for n in free_names(g)})
        node.attributes["given"] = len(node.inputs)
        node.inputs += captured
        return node

    def attribute(self, node: Node, message: Any, depth: int) -> Any:
        kinds = type(message)
        if message.type == kinds.FLOAT:
            return float(message.f)
        if message.type == kinds.INT:
            return int(message.i)
        if message.type == kinds.STRING:
            return message.s.decode("utf-8", "replace")
        if message.type == kinds.FLOATS:
            return [float(value) for value in message.floats]
        if message.type == kinds.INTS:
            return [int(value) for value in message.ints]
        if message.type == kinds.STRINGS:
            return [value.decode("utf-8", "replace") for value in message.strings]
        if message.type == kinds.TENSOR:
            return self.tensor(message.t)
        if message.type == kinds.GRAPH:
            return self.graph(message.g, depth + 1)
        raise node.error(f"attribute {message.name!r} is of a kind that is not supported")

    def tensor(self, message: Any, weight: memoryview | None = None) -> Array:
        """A constant, once its bytes are found to be as many as its shape says.

        They are in the message, or cut out of it.
        """
        from onnx import TensorProto, helper, numpy_helper

        shape = tuple(message.dims)
        title = f"constant {message.name!r}"
        if len(shape) > MOST_AXES or any(size < 0 for size in shape):
            raise ValueError(f"{title}: got shape {shape}, expected up to {MOST_AXES} sizes from 0")
        if message.data_type not in TensorProto.DataType.values() or message.data_type == 0:
            raise ValueError(f"{title}: got data type {message.data_type}, which ONNX has not")
        count = math.prod(shape)
        if message.data_location == TensorProto.EXTERNAL:
            return self.outside(message, title, shape)
        if weight is not None and not message.HasField("raw_data"):
            if message.data_type in PLAIN:
                return _in_place(weight, np.dtype(PLAIN[message.data_type]), shape, title)
            message.raw_data = bytes(weight)
        if message.data_type == TensorProto.STRING:
            held, needed = len(message.string_data), count
        elif message.HasField("raw_data"):
            held = len(message.raw_data)
            needed = _bytes(message.data_type, count)
        else:
            field_name = helper.tensor_dtype_to_field(message.data_type)
            held = len(getattr(message, field_name))
            needed = _stored(message.data_type, count)
        _check_count(title, held, needed, shape)
        try:
            array: Array = numpy_helper.to_array(message)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{title}: {error}") from error
        return array

    def outside(self, message: Any, title: str, shape: tuple[int, ...]) -> Array:
        """A constant that another file of the model's folder holds, read as it is needed."""
        from onnx import helper

        said = {entry.key: entry.value for entry in message.external_data}
        location = said.get("location", "")
        if self.folder is None:
            raise ValueError(f"{title}: is kept in {location!r}, beside a file that was not given")
        root = self.folder.resolve()
        path = (root / location).resolve()
        if not location or not path.is_relative_to(root) or not path.is_file():
            raise ValueError(f"{title}: got location {location!r}, expected a file in {root}")
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(message.data_type)).newbyteorder("<")
        if dtype.kind not in "fiub" or _bytes(message.data_type, 8) != 8 * dtype.itemsize:
            raise ValueError(f"{title}: {dtype} in a file of its own is not supported")
        try:
            offset = int(said.get("offset", "0"))
        except ValueError:
            offset = -1
        length = math.prod(shape) * dtype.itemsize
        if offset < 0 or offset + length > path.stat().st_size:
            raise ValueError(
                f"{title}: got {path.stat().st_size} bytes in {location!r}, "
                f"expected {length} from {offset} on for shape {shape}"
            )
        if length == 0:
            return np.empty(shape, dtype)
        mapped: Array = np.memmap(path, dtype, "r", offset, shape)
        return np.asarray(mapped)


def _text(value: str | bytes) -> str:
    """A name; protobuf returns bytes where they are no UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


@cache
def _counts(operator: str, version: int) -> tuple[int, int, int, int] | None:
    """How many inputs and outputs one of ONNX's operators has: least and most of each."""
    from onnx import defs

    try:
        schema = defs.get_schema(operator, version, "")
    except defs.SchemaError:
        return None
    return schema.min_input, schema.max_input, schema.min_output, schema.max_output


def _check_counts(node: Node) -> None:
    counts = _counts(node.operator, node.version) if node.domain == "" else None
    if counts is None:
        return
    kinds = (("inputs", node.inputs, *counts[:2]), ("outputs", node.outputs, *counts[2:]))
    for kind, names, least, most in kinds:
        if not least <= len(names) <= most:
            raise node.error(f"got {len(names)} {kind}, expected {least} to {most}")


def _mapped(path: Path) -> mmap.mmap | None:
    """A file's contents, read as they are needed; None if there are none."""
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            return None


def _check_count(title: str, held: int, needed: int, shape: tuple[int, ...]) -> None:
    if held != needed:
        raise ValueError(
            f"{title}: got {held} values or bytes, expected {needed} for shape {shape}; "
            "the file may have been cut short"
        )


def _in_place(
    weight: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], title: str
) -> Array:
    """A view of bytes as numbers, which files keep the little end first."""
    _check_count(title, len(weight), math.prod(shape) * dtype.itemsize, shape)
    array: Array = np.frombuffer(weight, dtype.newbyteorder("<")).reshape(shape)
    return array if array.dtype.isnative else array.astype(dtype)


def _bits(kind: int) -> int:
    """How many bits an element takes where several share a byte; else 0."""
    from onnx import TensorProto

    small = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
    return small.get(TensorProto.DataType.Name(kind), 0)


def _bytes(kind: int, count: int) -> int:
    """How many bytes so many elements take."""
    from onnx import helper

    if bits := _bits(kind):
        return -(-count * bits // 8)
    return count * int(np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize)


def _stored(kind: int, count: int) -> int:
    """How many items of a typed field so many elements take."""
    from onnx import TensorProto

    if kind in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        return 2 * count
    return _bytes(kind, count) if _bits(kind) else count


def _value(message: Any) -> Value:
    """What is said of an input or output."""
    from onnx import helper

    name = _text(message.name)
    if not message.type.HasField("tensor_type"):
        return Value(name, None, None)
    said = message.type.tensor_type
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(said.elem_type))
    except (KeyError, TypeError, ValueError):
        dtype = None
    if not said.HasField("shape"):
        return Value(name, dtype, None)
    shape = tuple(
        size.dim_value
        if size.HasField("dim_value") and size.dim_value > 0
        else (_text(size.dim_param) or None)
        for size in said.shape.dim
    )
    return Value(name, dtype, shape)


def subgraphs(node: Node) -> Iterator[Graph]:
    """The graphs that a node of control flow runs."""
    return (value for value in node.attributes.values() if isinstance(value, Graph))


def free_names(graph: Graph) -> Iterable[str]:
    """Names that a graph reads and does not make."""
    made = {*graph.constants, *(entry.name for entry in graph.inputs)}
    for node in graph.nodes:
        yield from (name for name in node.inputs if name and name not in made)
        made.update(node.outputs)
    yield from (entry.name for entry in graph.outputs if entry.name not in made)


def _check_order(graph: Graph, outer: set[str]) -> None:
    """Raise unless every name is made once, and before it is read."""
    made = {*outer, *graph.constants, *(entry.name for entry in graph.inputs)}
    for node in graph.nodes:
        for name in node.inputs:
            if name and name not in made:
                raise node.error(f"reads {name!r}, which nothing has made before it")
        for inner in subgraphs(node):
            _check_order(inner, made)
        for name in filter(None, node.outputs):
            if name in made:
                raise node.error(f"makes {name!r}, which there is already")
            made.add(name)
    for entry in graph.outputs:
        if entry.name not in made:
            raise ValueError(f"model: output {entry.name!r} is made by no node")
