"""Temporary files carry the machine and the process that made them, so that the next start can clear what a kill left."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_MARK: Final = re.compile(r"~(?P<machine>[0-9a-f]{6})-(?P<process>\d+)~")


_UNMARKED: Final = re.compile(r"\..+\.part(-wal|-shm|-journal)?|\.riskmap-(export|restore)-.+")


_ABANDONED_S: Final = 24 * 3600.0  # what another machine, or an earlier version, has left in a folder


def mark() -> str:
    """Return what the name of a temporary file of this process has in it."""
    return f"~{_machine()}-{os.getpid()}~"


@cache
def _machine() -> str:
    return hashlib.blake2b(platform.node().encode(), digest_size=3).hexdigest()


def sweep(folders: Iterable[Path]) -> None:
    """Remove from folders what processes have left that no longer run; what cannot be removed stays.

    A folder may be shared: of another machine nobody knows which of its processes run, so its files go after a day.
    """
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _is_abandoned(entry):
                    _remove(entry)


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    found = _MARK.search(entry.name)
    if found is None and _UNMARKED.fullmatch(entry.name) is None:
        return False
    with suppress(OSError):
        written = entry.stat(follow_symlinks=False).st_mtime
        if found is None or found["machine"] != _machine():
            return time.time() - written > _ABANDONED_S
        return not _runs(int(found["process"]), written)
    return False


def _runs(process: int, since: float) -> bool:
    """Return whether a process runs that already ran at a time: numbers are given out again."""
    if process == os.getpid():
        return True
    import psutil  # noqa: PLC0415 - only where something was left

    try:
        return psutil.Process(process).create_time() <= since + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        with suppress(OSError):
            Path(entry.path).unlink()
