"""What every benchmark shares: CPU clocks that see child processes, and one table."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil


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


@dataclass(frozen=True)
class Spent:
    """What some runs of a piece of work took, in seconds: CPU (with child processes) and wall."""

    cpus: tuple[float, ...]
    walls: tuple[float, ...]

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus)

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)

    def __str__(self) -> str:
        return f"CPU, {min(self.cpus):.3g} at best; wall {self.wall:.3g} s"


def cpu() -> float:
    """Return CPU seconds of this process and its ended children."""
    own, times = time.process_time(), psutil.Process().cpu_times()
    return own + times.children_user + times.children_system


def spent(work: Callable[[], object], *, runs: int = 3) -> Spent:
    """Return what `runs` runs took."""
    cpus, walls = [], []
    for _ in range(runs):
        start, clock = cpu(), time.perf_counter()
        work()
        cpus.append(cpu() - start)
        walls.append(time.perf_counter() - clock)
    return Spent(tuple(cpus), tuple(walls))


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
