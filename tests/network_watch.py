"""Run a program that ends at once, by a signal, where it or a child of it asks for a connection or a name.

`python -m tests.network_watch riskmap WORDS…` runs a command, `python -m tests.network_watch CODE` a program text.
Below Python the kernel watches: a socket to a network kills the process (SIGSYS). It does so without strace, for
libraries written in C, and for the processes that read files.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from riskmap.io.files.worker import ALLOWED, MACHINES, filter_calls

ROOT = Path(__file__).resolve().parents[1]
CAN_WATCH = sys.platform == "linux" and platform.machine() in MACHINES
_KILLED = 0x80000000
_NETWORKS = (2, 10, 16, 17)  # internet 4 and 6, netlink (which look-ups use), packets


def watch() -> None:
    """Kill this process and its children from now on where they make a socket to a network."""
    machine, socket = MACHINES[platform.machine()]
    end = 5 + len(_NETWORKS)
    filter_calls(
        (0x20, 0, 0, 4),
        (0x15, 0, end - 2, machine),
        (0x20, 0, 0, 0),
        (0x15, 0, end - 4, socket),
        (0x20, 0, 0, 16),  # the family, its first argument
        *[(0x15, end - 5 - i, 0, family) for i, family in enumerate(_NETWORKS)],
        (0x06, 0, 0, ALLOWED),
        (0x06, 0, 0, _KILLED),
    )
    sys.addaudithook(_heard)


def _heard(event: str, _: object) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        os.abort()


def watched(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `riskmap WORDS…`, or a program text, under watch; its status is negative where it asked the network."""
    return subprocess.run(
        [sys.executable, "-m", "tests.network_watch", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


if __name__ == "__main__":
    watch()
    if sys.argv[1] == "riskmap":
        from riskmap.cli import main

        main(sys.argv[2:])
    exec(sys.argv[1], {})
