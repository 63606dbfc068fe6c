"""Timing beside other thread pools.

Every library keeps workers that spin for a while after a call, in case another follows. Where
calls of two libraries alternate, each is therefore measured against the other's idle workers. Here
each gets slices of its own: a pause in which all workers go to sleep, two calls that wake its own
and warm the caches, then the calls that count. The slices of all contenders of a layer are
interleaved over the rounds, and the order turns, so that a change of the machine's speed meets all.
"""

import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any, Protocol

import numpy as np

WARM_CALLS = 2
LEAST_SAMPLES = 3
# Settings that change how the idle workers of some of the libraries wait, but not of all. Without
# them every pool does what its users meet: its workers spin for a while, then sleep.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_PROC_BIND", "OMP_DYNAMIC")
# Calls shorter than this are timed several at once, or the clock itself would count.
SHORTEST_SAMPLE = 50e-6


class Runnable(Protocol):
    """What can be timed: a call, and a context that it needs around it."""

    @property
    def call(self) -> Callable[[], Any]: ...

    @property
    def context(self) -> Callable[[], AbstractContextManager[Any]]: ...


@dataclass(frozen=True)
class Plan:
    """How long to measure each contender."""

    rounds: int
    seconds: float
    pause: float


@dataclass(frozen=True)
class Timing:
    """Seconds a call, over the samples of all slices."""

    minimum: float
    median: float
    spread: float  # distance of the quartiles, as a share of the median
    samples: int
    calls: int

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def wait_alike() -> None:
    """Start anew without WAITING: libraries read the environment when they are loaded."""
    if any(name in os.environ for name in WAITING):
        for name in WAITING:
            os.environ.pop(name, None)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def measure(contenders: Sequence[Runnable], plan: Plan) -> list[Timing]:
    """Time the contenders of one layer, in fair slices."""
    samples: list[list[float]] = [[] for _ in contenders]
    calls = [0] * len(contenders)
    for turn in range(plan.rounds):
        order = [(turn + i) % len(contenders) for i in range(len(contenders))]
        for i in reversed(order) if turn % 2 else order:
            time.sleep(plan.pause)
            taken, at_once = _slice(contenders[i], plan.seconds)
            samples[i] += taken
            calls[i] += len(taken) * at_once
    return [_summary(*pair) for pair in zip(samples, calls, strict=True)]


def _slice(contender: Runnable, seconds: float) -> tuple[list[float], int]:
    """Seconds a call of each sample, and how many calls made one."""
    call, clock = contender.call, time.perf_counter
    samples: list[float] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        with contender.context():
            for _ in range(WARM_CALLS):
                start = clock()
                call()
                warm = clock() - start
            at_once = max(1, round(SHORTEST_SAMPLE / warm))
            end = clock() + seconds
            while True:
                start = clock()
                for _ in repeat(None, at_once):
                    call()
                stop = clock()
                samples.append((stop - start) / at_once)
                if stop >= end and len(samples) >= LEAST_SAMPLES:
                    return samples, at_once
    finally:
        if collecting:
            gc.enable()


def _summary(samples: Sequence[float], calls: int) -> Timing:
    low, median, high = np.percentile(samples, (25, 50, 75))
    return Timing(min(samples), float(median), float((high - low) / median), len(samples), calls)
