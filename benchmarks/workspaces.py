"""Demo workspaces of the sizes that the benchmarks need, made by the command line, each step measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Line, say
from riskmap.actions.workspace import Workspace, open_workspace

DISTRICT = 42_336
_STEPS = {
    "init": ("init", "{folder}", "--demo", "--points", "{points}", "--by", "benchmark"),
    "assess": ("assess", "--workspace", "{folder}"),
    "summary, snapshot built": ("summary", "--workspace", "{folder}"),
    "summary, snapshot there": ("summary", "--workspace", "{folder}"),
}
_LIMITS = {"init": 150, "assess": 30, "summary, snapshot there": 5}  # wall seconds, of a million
_MOST_MB = 3000


def workspace(home: Path, points: int) -> Workspace:
    """Return the assessed demo workspace with so many risk points, making it when it is not there."""
    _made(home, points)
    return open_workspace(home / f"demo-{points}")


def making(home: Path, large: int) -> list[Line]:
    """What the commands that make the workspaces take, from start to exit."""
    lines = []
    for points in (DISTRICT, large):
        for step, (wall, cpu, peak) in _made(home, points).items():
            limit = _LIMITS.get(step) if points >= 1_000_000 else None
            lines.append(
                Line(
                    f"riskmap {step}, {points:,} points",
                    wall,
                    "s",
                    limit,
                    f"wall; CPU {cpu:.3g} s, {peak:.0f} MB",
                )
            )
        peak = max(peak for _, _, peak in _made(home, points).values())
        lines.append(Line(f"most memory of any of these, {points:,}", peak, "MB", _MOST_MB))
    return lines


def _made(home: Path, points: int) -> dict[str, tuple[float, float, float]]:
    """Return step → wall seconds, CPU seconds, peak MB, from when the workspace was made."""
    folder = home / f"demo-{points}"
    note = home / f"demo-{points}.json"
    if not note.exists():
        say(f"  making a demo district of {points:,} points")
        found = {
            step: _run([w.format(folder=folder, points=points) for w in words])
            for step, words in _STEPS.items()
        }
        note.write_text(json.dumps(found))
    return {step: tuple(figures) for step, figures in json.loads(note.read_text()).items()}


def _run(words: list[str]) -> tuple[float, float, float]:
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "riskmap.cli", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)  # of this process and the ones it waited for
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: the sums of the demo do not agree, as they should not
        raise RuntimeError(" ".join(words))
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
