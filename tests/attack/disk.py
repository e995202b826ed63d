"""A disk that is full: a clear sentence, nothing half written, and the same command succeeds once there is room."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.attack.acts import Act, Place, acts, districts, new_rows, problems, undisturbed
from tests.attack.program import Program, Ran, held, ledger_of, records, wrong_message
from tests.attack.rows import Row, row

LEFT = (0, 24, 160)  # kB that are left on the disk
DISK_MB = 64
SAID = ("磁盘", "disk")


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a small disk in memory where that is allowed; says whether it was."""
    folder.mkdir(parents=True)
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    words = [*sudo, "mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run([*sudo, "umount", "-l", str(folder)], check=True)


def run(room: Path, *, seed: int) -> list[Row]:
    """Fill the disk under every command that writes; where none can be mounted, files may not grow instead."""
    with small_disk(room / "disk", DISK_MB) as mounted, Program(room / "said") as program:
        districts(program, room, seed)
        new = new_rows(room / "new.csv")
        return [
            _full(program, act, Place(room, act.assessed, room / "disk"), mounted=mounted)
            for act in acts(Place(room, disk=room / "disk"), new)
        ]


def _full(program: Program, act: Act, place: Place, *, mounted: bool) -> Row:
    with row(f"full disk: {act.name}") as found:
        place.put_back(cache=act.cache)
        program.learn(*act.words)
        _, _, whole = undisturbed(program, act, place)
        for left in LEFT:
            place.put_back(cache=act.cache)
            names = _names(place.out)
            ran = _on_a_full_disk(program, act, place, left, mounted=mounted)
            found.tried(
                *_said(ran),
                *problems(program, act, place, whole),
                *([] if ran.status == 0 or _names(place.out) == names else ["something is left behind"]),
            )
            found.lost += max(0, records(whole.before) - records(held(ledger_of(place.ws))))
            if ran.status == 2 and not left:
                found.tried(*wrong_message(program.run(*act.words), status=(0, 1)))  # now that there is room
        found.remark = "" if mounted else "by a limit on file sizes: no small disk may be mounted here"
    return found


def _on_a_full_disk(program: Program, act: Act, place: Place, left: int, *, mounted: bool) -> Ran:
    if not mounted:
        return program.run(*act.words, file_bytes=ledger_of(place.ws).stat().st_size + left * 1024)
    stuffing = place.disk / "stuffing"
    try:
        free = shutil.disk_usage(place.disk).free
        with stuffing.open("wb") as out:
            os.posix_fallocate(out.fileno(), 0, max(1, free - left * 1024))
        return program.run(*act.words)
    finally:
        stuffing.unlink(missing_ok=True)


def _said(ran: Ran) -> list[str]:
    """Say what is wrong with the answer; what needs no room to succeed may succeed."""
    wrong = wrong_message(ran)
    if not wrong and ran.status == 2 and not any(word in ran.err for word in SAID):
        return [f"does not say that the disk is full: {ran.err.strip()[-200:]}"]
    return wrong


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
