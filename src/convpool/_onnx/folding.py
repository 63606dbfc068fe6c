"""Passes over a graph before its kernels are made: fewer nodes, which compute the same.

    identities     are left out
    constants      are computed once
    patterns       of several nodes that are one activation become it
    batch norms    become a scale and a shift for each channel
    scale, shift   go into the weights of the convolution before them
    padding        goes into the convolution after it
    residual       goes into the later of the two convolutions it joins
    activation     goes into the convolution before it

What moves into another node must be read by nobody else.
"""

import math
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from .model import Array, Graph, Node
from .normalization import batch_scale
from .operators import find
from .program import make_step

CHANNEL_AXIS = {"Conv": 0, "ConvTranspose": 1, "Affine": 0}
LARGEST_CONSTANT = 2**30  # bytes; what is larger is computed when it is needed


def fold(graph: Graph) -> None:
    """Run all passes."""
    drop_identities(graph)
    fold_constants(graph)
    join_patterns(graph)
    normalize_batches(graph)
    fold_scales(graph)
    fold_padding(graph)
    fold_bias(graph)
    fold_residuals(graph)
    fold_activations(graph)


class Wiring:
    """Who makes and who reads each name of a graph, as it was when this was made."""

    def __init__(self, graph: Graph) -> None:
        self.maker = {name: node for node in graph.nodes for name in node.outputs if name}
        self.reads = Counter(name for node in graph.nodes for name in node.inputs if name)
        self.reads.update(entry.name for entry in graph.outputs)
        self.readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in dict.fromkeys(filter(None, node.inputs)):
                self.readers.setdefault(name, []).append(node)
        self.outputs = {entry.name for entry in graph.outputs}

    def only_reader(self, name: str) -> Node | None:
        """The one node that reads a name, once, if nobody else does."""
        if self.reads[name] != 1 or name in self.outputs:
            return None
        return self.readers[name][0]

    def made_for(self, name: str, *operators: str) -> Node | None:
        """The node of such an operator that made a name for one reader."""
        node = self.maker.get(name)
        if node is None or node.operator not in operators or self.reads[name] != 1:
            return None
        return node if name not in self.outputs and len(node.outputs) == 1 else None


_numbers = count()


def new_constant(graph: Graph, value: Array) -> str:
    """A name for a constant that the model has not."""
    name = f"folded {next(_numbers)}"
    graph.constants[name] = value
    return name


def _scalar(graph: Graph, name: str) -> float | None:
    """A constant of one element."""
    value = graph.constants.get(name)
    return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


def _near(value: float | None, wanted: float) -> bool:
    return value is not None and math.isclose(value, wanted, rel_tol=1e-5)


def drop_identities(graph: Graph) -> None:
    """Readers of what an identity makes read what it reads."""
    outputs = {entry.name for entry in graph.outputs}
    read = {name for node in graph.nodes for name in node.inputs} | outputs
    renamed: dict[str, str] = {}
    kept = []
    for node in graph.nodes:
        node.inputs = [renamed.get(name, name) for name in node.inputs]
        silent = node.operator == "Identity" or (
            node.operator == "Dropout"
            and not (node.has(2) and node.inputs[2])
            and not any(name in read for name in node.outputs[1:])
        )
        if silent and node.domain == "" and node.outputs[0] not in outputs and node.has(0):
            renamed[node.outputs[0]] = node.inputs[0]
        else:
            kept.append(node)
    graph.nodes = kept


def fold_constants(graph: Graph) -> None:
    """Compute what hangs on constants alone."""
    kept = []
    for node in graph.nodes:
        entry = find(node)
        known = all(not name or name in graph.constants for name in node.inputs)
        if not known or entry.random or node.operator in ("If", "Loop"):
            kept.append(node)
            continue
        step = make_step(node, graph.constants)
        results = step.call([graph.constants[name] if name else None for name in step.inputs])
        if any(_held(result) > LARGEST_CONSTANT for result in results):
            kept.append(node)
            continue
        graph.constants.update(
            (name, result) for name, result in zip(node.outputs, results, strict=False) if name
        )
    graph.nodes = kept


def _held(array: Array) -> int:
    """Bytes that an array keeps in memory: a repeated element counts once."""
    sizes = [n for n, step in zip(array.shape, array.strides, strict=True) if step]
    return int(math.prod(sizes)) * array.itemsize


# Patterns that are one activation


def join_patterns(graph: Graph) -> None:
    """X sigmoid(x), and what exporters make of hard sigmoid and hard swish."""
    _clipped_shifts(graph)
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if node.operator != "Mul" or len(node.inputs) != 2:
            continue
        for x, gate in (node.inputs, node.inputs[::-1]):
            maker = wiring.made_for(gate, "Sigmoid", "HardSigmoid")
            if maker is None or maker.inputs[0] != x:
                continue
            if maker.operator == "HardSigmoid":
                if not (_near(maker.get("alpha", 0.2), 1 / 6) and maker.get("beta", 0.5) == 0.5):
                    continue
                _become(node, "HardSwish", [x], "")
            else:
                _become(node, "Silu", [x], "convpool")
            gone.add(id(maker))
            break
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _become(node: Node, operator: str, inputs: list[str], domain: str) -> None:
    node.operator, node.inputs, node.domain = operator, inputs, domain
    node.attributes = {}


def _clipped_shifts(graph: Graph) -> None:
    """clip(x + 3, 0, 6) / 6 is a hard sigmoid; x clip(x + 3, 0, 6) / 6 a hard swish."""
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if not _sixth(graph, node):
            continue
        inner = wiring.made_for(_operand(graph, node), "Clip", "Mul")
        product = None
        if inner is not None and inner.operator == "Mul":
            product, inner = inner, None
            for name in product.inputs:
                inner = inner or wiring.made_for(name, "Clip")
        if inner is None or clip_bounds(graph, inner) != (0.0, 6.0):
            continue
        shift = wiring.made_for(inner.inputs[0], "Add")
        if shift is None or not _near(_other(graph, shift), 3):
            continue
        x = _operand(graph, shift)
        if product is not None and x not in product.inputs:
            continue
        gone |= {id(inner), id(shift), id(product)}
        _become(node, "HardSwish" if product else "HardSigmoid", [x], "")
        if product is None:
            node.attributes = {"alpha": 1 / 6, "beta": 0.5}
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _operand(graph: Graph, node: Node) -> str:
    """The input that is no constant."""
    return next((name for name in node.inputs if name not in graph.constants), "")


def _other(graph: Graph, node: Node) -> float | None:
    """The one constant of a node of two inputs."""
    found = [name for name in node.inputs if name in graph.constants]
    return _scalar(graph, found[0]) if len(found) == 1 and len(node.inputs) == 2 else None


def _sixth(graph: Graph, node: Node) -> bool:
    value = _other(graph, node)
    if node.operator == "Div" and node.inputs[1] in graph.constants:
        return _near(value, 6)
    return node.operator == "Mul" and _near(value, 1 / 6)


def clip_bounds(graph: Graph, node: Node) -> tuple[float, float] | None:
    """What a Clip cuts off at, where that is known."""
    if node.version < 11:
        low = node.attributes.get("min", -math.inf)
        return low, node.attributes.get("max", math.inf)
    bounds: list[float] = []
    for i, nothing in ((1, -math.inf), (2, math.inf)):
        value = _scalar(graph, node.inputs[i]) if node.has(i) else nothing
        if value is None:
            return None
        bounds.append(value)
    return bounds[0], bounds[1]


# Scales and shifts


def ranks(graph: Graph) -> dict[str, int]:
    """How many axes arrays have, where that is plain."""
    found = {name: value.ndim for name, value in graph.constants.items()}
    found |= {entry.name: len(entry.shape) for entry in graph.inputs if entry.shape is not None}
    alike = {
        "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Silu", "Elu",
        "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "LRN",
        "Concat", "Affine", "Dropout", "Identity", "PRelu", "Pad", "Resize", "Upsample",
        "InstanceNormalization",
    }  # fmt: skip
    for node in graph.nodes:
        rank = None
        if node.operator in ("Conv", "ConvTranspose") and len(node.inputs) > 1:
            rank = found.get(node.inputs[1])
        elif node.operator in alike and node.inputs:
            rank = found.get(node.inputs[0])
        elif node.operator in ("Add", "Sub", "Mul", "Div", "Sum"):
            each = [found.get(name) for name in node.inputs]
            rank = None if None in each else max(filter(None, each), default=None)
        if rank is not None:
            found[node.outputs[0]] = rank
    return found


def normalize_batches(graph: Graph) -> None:
    """A batch norm of images by learnt statistics is a scale and a shift."""
    rank = ranks(graph)
    for node in graph.nodes:
        if (
            node.operator != "BatchNormalization"
            or node.get("training_mode", 0)
            or len([name for name in node.outputs if name]) != 1
            or len(node.inputs) != 5
            or rank.get(node.inputs[0]) != 4
        ):
            continue
        known = [graph.constants.get(name) for name in node.inputs[1:]]
        if any(v is None or v.ndim != 1 or v.dtype.char not in "fd" for v in known):
            continue
        scale, bias, mean, var = known
        assert scale is not None and bias is not None and mean is not None and var is not None
        if not scale.shape == bias.shape == mean.shape == var.shape:
            raise node.error(
                f"scale: got shape {scale.shape}, bias {bias.shape}, mean "
                f"{mean.shape} and var {var.shape}, expected the same"
            )
        factor, shift = batch_scale(node, scale, bias, mean, var)
        names = [new_constant(graph, array.astype(scale.dtype)) for array in (factor, shift)]
        _become(node, "Affine", [node.inputs[0], *names], "convpool")
        node.outputs = node.outputs[:1]


def fold_scales(graph: Graph) -> None:
    """Scales and shifts go into the weights before them."""
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if node.operator not in ("Affine", "Mul", "Div", "Add", "Sub") or not node.inputs:
            continue
        x = node.inputs[0] if node.operator == "Affine" else _operand(graph, node)
        maker = wiring.made_for(x, *CHANNEL_AXIS)
        if maker is None or id(maker) in gone or maker.domain not in ("", "convpool"):
            continue
        pair = _scale_and_shift(graph, node, x, maker)
        if pair is None or not _scaled(graph, wiring, maker, *pair):
            continue
        # The maker stands where it stood: nobody else reads what it made.
        maker.outputs = list(node.outputs)
        wiring.maker[node.outputs[0]] = maker
        gone.add(id(node))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _scale_and_shift(
    graph: Graph, node: Node, x: str, maker: Node
) -> tuple[Array | None, Array | None] | None:
    """What a node multiplies each channel by, and what it adds; None if it does not do that."""
    if node.operator == "Affine":
        return graph.constants[node.inputs[1]], graph.constants[node.inputs[2]]
    weight = graph.constants.get(maker.inputs[1])
    if weight is None or len(node.inputs) != 2 or node.version < 7:
        return None
    channels = weight.shape[CHANNEL_AXIS[maker.operator]]
    rank = 4 if maker.operator == "Affine" else weight.ndim
    name = node.inputs[1] if node.inputs[0] == x else node.inputs[0]
    value = graph.constants.get(name)
    if value is None or value.dtype != weight.dtype or value.ndim > rank or x == name:
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    if value.size != 1 and shape != (1, channels, *[1] * (rank - 2)):
        return None
    each = np.broadcast_to(value.reshape(-1), (channels,))
    first = node.inputs[0] == x
    if node.operator == "Mul":
        return each, None
    if node.operator == "Div":
        return (1 / each.astype(np.float64), None) if first else None
    if node.operator == "Add":
        return None, each
    return (None, -each) if first else (-np.ones(channels, weight.dtype), each)


def _scaled(
    graph: Graph, wiring: Wiring, maker: Node, scale: Array | None, shift: Array | None
) -> bool:
    """Put scale and shift into a maker's weight and bias; whether that could be done."""
    if len(maker.inputs) > 3 or len(maker.inputs) < 2 or "activation" in maker.attributes:
        return False
    weight = graph.constants.get(maker.inputs[1])
    if weight is None or weight.dtype.char not in "fd":
        return False
    if maker.operator == "ConvTranspose" and maker.get("group", 1) != 1:
        return False
    axis = CHANNEL_AXIS[maker.operator]
    if weight.ndim <= axis:
        return False
    channels = weight.shape[axis]
    bias = np.zeros(channels, weight.dtype)
    if maker.has(2):
        given = graph.constants.get(maker.inputs[2])
        if given is None:
            return False
        bias = given
    if bias.shape != (channels,) or any(
        a is not None and a.shape != (channels,) for a in (scale, shift)
    ):
        return False
    wide = bias.astype(np.float64)
    if scale is not None:
        spread = [1] * weight.ndim
        spread[axis] = channels
        # One rounding more for each weight, as in every framework that folds them.
        factor = scale.reshape(spread).astype(weight.dtype)
        old = maker.inputs[1]
        maker.inputs[1] = new_constant(graph, weight * factor)
        if wiring.reads[old] <= 1:
            graph.let_go(old)
        wide = wide * scale
    if shift is not None:
        wide = wide + shift
    name = new_constant(graph, wide.astype(weight.dtype))
    maker.inputs[2:] = [name]
    return True


def fold_bias(graph: Graph) -> None:
    """MatMul and Add of a row."""
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if node.operator != "Add" or len(node.inputs) != 2:
            continue
        maker = wiring.made_for(_operand(graph, node), "MatMul")
        if maker is None or len(maker.inputs) != 2:
            continue
        weight = graph.constants.get(maker.inputs[1])
        name = next((name for name in node.inputs if name in graph.constants), "")
        bias = graph.constants.get(name)
        if weight is None or bias is None or weight.ndim != 2:
            continue
        if bias.shape == weight.shape[1:] and bias.dtype == weight.dtype:
            maker.inputs.append(name)
            maker.outputs = list(node.outputs)
            gone.add(id(node))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def fold_padding(graph: Graph) -> None:
    """A convolution pads by itself."""
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if node.operator != "Conv" or node.get("auto_pad", "NOTSET") != "NOTSET":
            continue
        weight = graph.constants.get(node.inputs[1])
        maker = wiring.made_for(node.inputs[0], "Pad")
        if weight is None or maker is None or not 3 <= weight.ndim <= 5:
            continue
        pads = _pads(graph, maker)
        spatial = weight.ndim - 2
        if pads is None or len(pads) != 2 * weight.ndim or min(pads) < 0:
            continue
        before, after = pads[: weight.ndim], pads[weight.ndim :]
        if any((*before[:2], *after[:2])):
            continue
        own = node.ints("pads") or [0] * 2 * spatial
        mode = maker.get("mode", "constant")
        fill = maker.get("value", 0.0)
        if maker.version >= 11 and maker.has(2):
            fill = _scalar(graph, maker.inputs[2])
        plain = mode == "constant" and fill == 0
        if fill is None or len(own) != 2 * spatial or (any(own) and not plain):
            continue
        new = [*before[2:], *after[2:]]
        node.attributes["pads"] = [a + b for a, b in zip(own, new, strict=True)]
        if not plain:
            names = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
            if mode not in names or not math.isfinite(fill):
                node.attributes["pads"] = own
                continue
            node.attributes["padding_mode"] = names[mode]
            if mode == "constant":
                node.attributes["padding_value"] = fill
        node.inputs[0] = maker.inputs[0]
        gone.add(id(maker))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _pads(graph: Graph, node: Node) -> list[int] | None:
    if node.version < 11:
        return node.ints("pads")
    if node.has(3) or not node.has(1):
        return None
    value = graph.constants.get(node.inputs[1])
    return None if value is None else [int(size) for size in value.reshape(-1)]


# Residuals and activations


def fold_residuals(graph: Graph) -> None:
    """The sum of a convolution and something else is the convolution's to make.

    The convolution then stands where the sum stood, since that is where the other is there.
    """
    wiring = Wiring(graph)
    place = {id(node): i for i, node in enumerate(graph.nodes)}
    gone = set()
    for i, node in enumerate(graph.nodes):
        if node.operator not in ("Add", "Sum") or len(node.inputs) != 2 or node.version < 7:
            continue
        if any(name in graph.constants for name in node.inputs) or len(set(node.inputs)) == 1:
            continue
        makers = []
        for name in node.inputs:
            maker = wiring.made_for(name, "Conv")
            if maker is not None and _open(graph, maker):
                makers.append((place[id(maker)], name, maker))
        if not makers:
            continue
        _, name, maker = max(makers, key=lambda entry: entry[0])
        other = node.inputs[1] if node.inputs[0] == name else node.inputs[0]
        maker.inputs = [*maker.inputs[:2], maker.inputs[2] if maker.has(2) else "", other]
        maker.outputs = list(node.outputs)
        gone.add(place[id(maker)])
        place[id(maker)] = i
        graph.nodes[i] = maker
        wiring.maker[node.outputs[0]] = maker
    graph.nodes = [node for i, node in enumerate(graph.nodes) if i not in gone]


def _open(graph: Graph, node: Node) -> bool:
    """Whether a convolution's weight is known and nothing follows its sums yet."""
    known = node.inputs[1] in graph.constants and (
        not node.has(2) or node.inputs[2] in graph.constants
    )
    return known and len(node.inputs) < 4 and "activation" not in node.attributes


def activation_of(graph: Graph, node: Node) -> Any:
    """An activation in convpool's words; None if a node is none."""
    makers: dict[str, Callable[[], Any]] = {
        "Relu": lambda: "relu",
        "Sigmoid": lambda: "sigmoid",
        "Tanh": lambda: "tanh",
        "HardSwish": lambda: "hardswish",
        "LeakyRelu": lambda: ("leaky_relu", node.get("alpha", 0.01)),
        "Elu": lambda: ("elu", node.get("alpha", 1.0)),
        "HardSigmoid": lambda: (
            "hardsigmoid",
            (node.get("alpha", 0.2), node.get("beta", 0.5)),
        ),
        "Softplus": lambda: "softplus",
        "Silu": lambda: "silu",
    }
    if node.operator in makers:
        return makers[node.operator]()
    if node.operator != "Clip":
        return None
    bounds = clip_bounds(graph, node)
    if bounds == (0.0, 6.0):
        return "relu6"
    if bounds == (0.0, math.inf):
        return "relu"
    if bounds is not None and all(map(math.isfinite, bounds)) and bounds[0] <= bounds[1]:
        return "hardtanh", bounds
    return None


def fold_activations(graph: Graph) -> None:
    """Activations are for what stores the sums."""
    wiring = Wiring(graph)
    gone = set()
    for node in graph.nodes:
        if node.domain not in ("", "convpool") or not node.inputs:
            continue
        maker = wiring.made_for(node.inputs[0], "Conv", "Affine", "Gemm", "MatMul")
        if maker is None or "activation" in maker.attributes or not _weighted(graph, maker):
            continue
        activation = activation_of(graph, node)
        if activation is None:
            continue
        maker.attributes["activation"] = activation
        maker.outputs = list(node.outputs)
        gone.add(id(node))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _weighted(graph: Graph, node: Node) -> bool:
    """Whether the kernel of a node will be one that takes an activation."""
    weight = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if weight is None or weight.dtype.char not in "fde":
        return False
    bias = graph.constants.get(node.inputs[2]) if node.has(2) else None
    if node.operator == "Conv" or node.operator == "Affine":
        return True
    if weight.ndim != 2 or weight.size == 0:
        return False
    if node.operator == "MatMul":
        return True
    outputs = weight.shape[0 if node.get("transB", 0) else 1]
    return not node.has(2) or (bias is not None and bias.shape in ((outputs,), (1, outputs)))
