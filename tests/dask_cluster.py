"""A Dask cluster on this machine for the tests that need one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, until


@pytest.fixture(name="cluster")
def dask_cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers on this machine, ended by their process ids."""
    pytest.importorskip("distributed")
    where, running = tmp_path / "scheduler.json", []

    def start(*words: str) -> subprocess.Popen[bytes]:
        # The package under test first, wherever the tests run.
        env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "DASK_LOGGING__DISTRIBUTED": "error",
        }
        made = subprocess.Popen(
            [sys.executable, "-m", "dask", *words, "--no-dashboard"],
            env=env,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.append(made)
        return made

    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where))
    assert until(lambda: _told(where)), "the scheduler did not start"
    address = _told(where)
    workers = [
        start("worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny") for _ in range(2)
    ]
    yield address, workers
    for process in running:
        process.kill()
        process.wait(PATIENCE_S)


def _told(where: Path) -> str:
    """Return the address that the scheduler has written down; empty until the whole of it stands there."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(where.read_text())["address"]
    return ""
