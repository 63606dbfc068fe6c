"""Objects that answer while a call reads them, and change what it has read already.

A call is then as if it had been made with the changed array from the start: the same error, or the
same bits. Memory that an array no longer has would show here, and under a sanitizer.
"""

import itertools
import warnings

import numpy as np
import pytest

from operators import operators, takes

CALLS = operators()


class Endless:
    """Numbers that do not end; whoever takes too many of them would have hung."""

    class Taken(BaseException):
        """Beyond what any error may swallow."""

    def __iter__(self):
        yield from itertools.repeat(1, 10_000)
        raise self.Taken


def holding_itself():
    items = [1]
    items.append(items)
    return items


NO_SEQUENCES = {
    "endless": Endless,
    "an endless one within": lambda: (1, Endless()),
    "holds itself": holding_itself,
    "long": lambda: [1] * 100_000,
    "no axes": lambda: np.array(1),
    "none of the types": lambda: {1: 2},
}


def shrink(array):
    array.resize((1,) * array.ndim, refcheck=False)


def grow(array):
    array.resize(tuple(2 * size for size in array.shape), refcheck=False)


def flatten(array):
    array.shape = (array.size,)


def retype(array):
    array.dtype = {1: np.bool_, 4: np.float16, 8: np.float32}[array.itemsize]


def renumber(array):
    array.dtype = array.dtype.newbyteorder() if array.itemsize > 1 else np.bool_


def apply(change, array):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer NumPy's, of such changes
        change(array)


class Agent:
    """Stands for a value, and does something once when it is asked for that."""

    def __init__(self, value, act):
        self.value, self.act = value, act

    def told(self, *_, **__):
        act, self.act = self.act, lambda: None
        act()
        return self.value


class Array(Agent):
    __array__ = Agent.told


class Index(Agent):
    __index__ = Agent.told


class Real(Agent):
    __float__ = Agent.told


class Truth(Agent):
    __bool__ = Agent.told


class Text(str):
    """A name that acts when it is compared."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        self.agent.told()
        return str.__eq__(self, other)


def agent_for(name, value, act):
    """One that stands for an argument, if there is any."""
    if isinstance(value, np.ndarray) or name.endswith(("scale", "zero_point")):
        return Array(np.asarray(value), act)
    if isinstance(value, bool):
        return Truth(value, act)
    if isinstance(value, int):
        return Index(value, act)
    if isinstance(value, float):
        return Real(value, act)
    if isinstance(value, tuple):
        return (*value[:-1], Index(value[-1], act))
    text = Text(value)
    text.agent = Agent(value, act)
    return text


def outcome(function, arguments):
    """What a call returns, as bytes, or its error and what `out` then holds."""
    out = arguments.get("out")
    try:
        result = function(**arguments)
    except (TypeError, ValueError) as error:
        return type(error), None if out is None else out.tobytes()
    results = result if isinstance(result, tuple) else (result,)
    return [(array.dtype, array.shape, array.tobytes()) for array in results]


def prepared(name, victim):
    """A call's arguments with `out`, where there is one, and an array of its own to be changed."""
    function, arguments = CALLS[name]
    arguments = dict(arguments, **({"num_threads": 2} if takes(function, "num_threads") else {}))
    if takes(function, "out"):
        result = function(**arguments)
        result = result[0] if isinstance(result, tuple) else result
        arguments["out"] = np.full_like(result, 55)
    if victim in arguments:
        arguments[victim] = arguments[victim].copy()
    return function, arguments


ARRAYS = [
    (name, argument)
    for name, (function, arguments) in CALLS.items()
    for argument in [*arguments, *(["out"] if takes(function, "out") else [])]
    if argument == "out" or isinstance(arguments[argument], np.ndarray)
]


@pytest.mark.parametrize("change", [shrink, grow, flatten, retype, renumber])
@pytest.mark.parametrize(("name", "victim"), ARRAYS)
def test_arrays_that_change_while_others_are_read(name, victim, change):
    function, arguments = prepared(name, victim)
    for argument in arguments:
        if argument in (victim, "out"):
            continue
        _, arguments = prepared(name, victim)
        changed, value = arguments[victim].copy(), arguments[argument]
        apply(change, changed)
        expected = outcome(function, {**arguments, victim: changed})
        _, arguments = prepared(name, victim)
        array = arguments[victim]
        arguments[argument] = agent_for(argument, value, lambda array=array: apply(change, array))
        assert outcome(function, arguments) == expected, argument


@pytest.mark.parametrize("value", NO_SEQUENCES)
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, argument)
        for name, (_, arguments) in CALLS.items()
        for argument, value in arguments.items()
        if isinstance(value, tuple)
    ],
)
def test_what_is_no_sequence_of_a_few_numbers(name, argument, value):
    function, arguments = prepared(name, "out")
    with pytest.raises((TypeError, ValueError), match=f"^{argument}: got "):
        function(**{**arguments, argument: NO_SEQUENCES[value]()})
    if "out" in arguments:
        assert (arguments["out"] == 55).all()
