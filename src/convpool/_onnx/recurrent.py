"""LSTM, GRU and RNN: one step of time after the other, both directions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise import sigmoid_of
from .model import Array, Node
from .operators import Kernel, operator

Function = Callable[[Array], Array]

FUNCTIONS: dict[str, Function] = {
    "sigmoid": sigmoid_of,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
DEFAULTS = {"RNN": ["tanh"], "GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}


def _functions(node: Node, directions: int) -> list[list[Function]]:
    """The activations of each direction."""
    usual = DEFAULTS[node.operator]
    names = [str(name).lower() for name in node.get("activations", usual * directions)]
    if len(names) != len(usual) * directions or not set(names) <= set(FUNCTIONS):
        raise node.error(f"activations: got {names}, expected some of {', '.join(FUNCTIONS)}")
    found = [FUNCTIONS[name] for name in names]
    return [found[i * len(usual) : (i + 1) * len(usual)] for i in range(directions)]


@operator("RNN", "GRU", "LSTM")
def recurrent(node: Node) -> Kernel:
    """X is (time, batch, features), or (batch, time, features) with layout 1."""
    kind, direction = node.operator, node.get("direction", "forward")
    directions = 2 if direction == "bidirectional" else 1
    if direction not in ("forward", "reverse", "bidirectional"):
        raise node.error(f"direction: got {direction!r}")
    functions = _functions(node, directions)
    clip = node.attributes.get("clip")
    batch_first = bool(node.get("layout", 0))
    step = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}[kind]
    options = {
        "linear_first": bool(node.get("linear_before_reset", 0)),
        "coupled": bool(node.get("input_forget", 0)),
    }

    def kernel(
        x: Array,
        weight: Array,
        recurrence: Array,
        bias: Array | None = None,
        lengths: Array | None = None,
        hidden: Array | None = None,
        cell: Array | None = None,
        peephole: Array | None = None,
    ) -> Any:
        if batch_first:
            x = x.swapaxes(0, 1)
        time, batch, _ = x.shape
        size = recurrence.shape[-1]
        if weight.shape != (directions, GATES[kind] * size, x.shape[2]):
            raise node.error(f"W: got shape {weight.shape} for x of {x.shape}")
        y = np.zeros((time, directions, batch, size), x.dtype)
        ends = [np.zeros((directions, batch, size), x.dtype) for _ in range(2)]
        for d in range(directions):
            backwards = direction == "reverse" or d == 1
            state = [
                np.zeros((batch, size), x.dtype)
                if start is None
                else (start.swapaxes(0, 1) if batch_first else start)[d]
                for start in (hidden, cell)
            ]
            w_bias, r_bias = (None, None) if bias is None else np.split(bias[d], 2)
            drive = x @ weight[d].T
            if w_bias is not None:
                drive = drive + w_bias
            r = np.ascontiguousarray(recurrence[d].T)
            holes = None if peephole is None else np.split(peephole[d], 3)
            for i in range(time):
                live, at = None, np.full(batch, time - 1 - i if backwards else i)
                if lengths is not None:
                    live = i < lengths
                    at = np.where(live & backwards, lengths - 1 - i, at)
                    at = np.clip(at, 0, time - 1)
                one = drive[at, np.arange(batch)] if live is not None else drive[at[0]]
                new = step(one, state, r, r_bias, functions[d], clip, holes, options)
                if live is None:
                    state = new
                    y[at[0], d] = new[0]
                else:
                    state = [np.where(live[:, None], a, b) for a, b in zip(new, state, strict=True)]
                    y[at[live], d, np.flatnonzero(live)] = new[0][live]
            for end, last in zip(ends, state, strict=True):
                end[d] = last
        outputs = [y, *ends]
        if batch_first:
            outputs = [y.transpose(2, 0, 1, 3), *(end.swapaxes(0, 1) for end in ends)]
        count = len(node.outputs)
        return outputs[0] if count == 1 else tuple(outputs[:count])

    return kernel


def _clipped(x: Array, clip: float | None) -> Array:
    return x if clip is None else np.clip(x, -clip, clip)


def _rnn(
    drive: Array, state: Any, r: Array, bias: Any, f: Any, clip: Any, holes: Any, o: Any
) -> Any:
    total = drive + state[0] @ r
    return [f[0](_clipped(total if bias is None else total + bias, clip)), state[1]]


def _gru(
    drive: Array, state: Any, r: Array, bias: Any, f: Any, clip: Any, holes: Any, o: Any
) -> Any:
    """Gates z, r, h."""
    hidden, size = state[0], r.shape[0]
    bias = np.zeros(3 * size, drive.dtype) if bias is None else bias
    gates = drive[:, : 2 * size] + hidden @ r[:, : 2 * size] + bias[: 2 * size]
    update, reset = np.split(f[0](_clipped(gates, clip)), 2, axis=1)
    last = drive[:, 2 * size :]
    if o["linear_first"]:
        last = last + reset * (hidden @ r[:, 2 * size :] + bias[2 * size :])
    else:
        last = last + (reset * hidden) @ r[:, 2 * size :] + bias[2 * size :]
    return [(1 - update) * f[1](_clipped(last, clip)) + update * hidden, state[1]]


def _lstm(
    drive: Array, state: Any, r: Array, bias: Any, f: Any, clip: Any, holes: Any, o: Any
) -> Any:
    """Gates i, o, f, c."""
    hidden, cell = state
    total = drive + hidden @ r
    if bias is not None:
        total = total + bias
    i, out, forget, new = np.split(total, 4, axis=1)
    if holes is not None:
        i = i + holes[0] * cell
        forget = forget + holes[2] * cell
    i = f[0](_clipped(i, clip))
    forget = 1 - i if o["coupled"] else f[0](_clipped(forget, clip))
    cell = forget * cell + i * f[1](_clipped(new, clip))
    if holes is not None:
        out = out + holes[1] * cell
    return [f[0](_clipped(out, clip)) * f[2](cell), cell]
