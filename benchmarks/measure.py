"""What every benchmark shares: CPU clocks that see child processes, and one table."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """One row of the table. `limit` is the most that the figure may be; None where there is no limit."""

    what: str
    figure: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.limit is None or self.figure <= self.limit


def cpu() -> float:
    """Return CPU seconds of this process and its ended children."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def seconds(work: Callable[[], object], *, runs: int = 3, clock: Callable[[], float] = cpu) -> float:
    """Return the median seconds of `runs` runs."""
    found = []
    for _ in range(runs):
        start = clock()
        work()
        found.append(clock() - start)
    return statistics.median(found)


def wall(work: Callable[[], object], *, runs: int = 3) -> float:
    """Return the median wall seconds of `runs` runs."""
    return seconds(work, runs=runs, clock=time.perf_counter)


def numpy_workload(n: int) -> Callable[[], object]:
    """Return a fixed numpy workload over n rows, to compare machines: sort, log, and a gather."""
    data = np.random.default_rng(0).random(n)

    def work() -> object:
        order = np.argsort(data)
        return np.log1p(data)[order].sum()

    return work


def say(text: str) -> None:
    """Report progress on stderr, so that stdout holds the table alone."""
    print(text, file=sys.stderr, flush=True)


def table(lines: list[Line]) -> str:
    """Return the table as Markdown."""
    out = ["| what | figure | at most | | note |", "|---|---:|---:|---|---|"]
    for line in lines:
        limit = "" if line.limit is None else f"{line.limit:g} {line.unit}"
        mark = "" if line.limit is None else ("ok" if line.holds else "**over**")
        out.append(f"| {line.what} | {line.figure:.3g} {line.unit} | {limit} | {mark} | {line.note} |")
    return "\n".join(out)
