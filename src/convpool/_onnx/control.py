"""Operators that run other graphs: If and Loop."""

from typing import Any

import numpy as np

from .model import Array, Graph, Node
from .operators import EVERY, Kernel, operator
from .program import Program

MOST_ROUNDS = 2**24


def _body(node: Node, name: str, captured: list[str]) -> Program:
    graph = node.attributes.get(name)
    if not isinstance(graph, Graph):
        raise node.error(f"{name}: got none, expected a graph")
    return Program(graph, captured)


@operator("If", shaped_by=EVERY)
def branch(node: Node) -> Kernel:
    """One of two graphs, which see what is outside."""
    captured = list(node.attributes["captured"])
    then, other = (_body(node, name, captured) for name in ("then_branch", "else_branch"))

    def kernel(condition: Array, *seen: Array) -> Any:
        if condition.size != 1:
            raise node.error(f"cond: got shape {condition.shape}, expected one value")
        body = then if condition.reshape(-1)[0] else other
        results = body.run(dict(zip(captured, seen, strict=True)))
        return results[0] if len(node.outputs) == 1 else tuple(results)

    return kernel


@operator("Loop", shaped_by=EVERY)
def loop(node: Node) -> Kernel:
    """A graph again and again, with values handed from round to round."""
    captured = list(node.attributes["captured"])
    body = _body(node, "body", captured)
    names = [entry.name for entry in body.inputs]
    carried = node.attributes["given"] - 2
    if carried < 0 or len(names) != carried + 2:
        raise node.error(f"body: got {len(names)} inputs for {carried} carried values")

    def kernel(most: Array | None, condition: Array | None, *rest: Array) -> Any:
        state, seen = list(rest[:carried]), dict(zip(captured, rest[carried:], strict=True))
        rounds = MOST_ROUNDS if most is None else int(most.reshape(-1)[0])
        going = condition is None or bool(condition.reshape(-1)[0])
        scans: list[list[Array]] = [[] for _ in range(len(node.outputs) - carried)]
        for i in range(rounds):
            if not going:
                break
            given = dict(zip(names, [np.array(i), np.array(going), *state], strict=True))
            going_now, *results = body.run(seen | given)
            going = bool(going_now.reshape(-1)[0])
            state = list(results[:carried])
            for scan, value in zip(scans, results[carried:], strict=False):
                scan.append(value)
        stacked = [np.stack(scan) if scan else np.empty(0, np.float32) for scan in scans]
        results = [*state, *stacked]
        return results[0] if len(node.outputs) == 1 else tuple(results)

    return kernel
