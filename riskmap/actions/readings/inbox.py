"""A folder into which gateways put their files: each is taken in once it is whole, and moved aside.

What went in lies in `done/`, what did not in `refused/`; the reason stands in a text beside it. A file that was
taken in and not yet moved when the power failed is taken again, and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from riskmap.actions.readings.ingesting import ingest
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.errors import RiskmapError, TableFileError, Text, UnreadableFileError
from riskmap.io.files.formats import endings
from riskmap.moments import utc_now
from riskmap.rules.permissions import Actor
from riskmap.values.readings import Ingested

DONE, REFUSED = "done", "refused"


PAUSE_S: Final = 2.0


"""How long a file must have stayed as it is before it counts as whole."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file of the inbox: what it brought, or why it was refused as a whole."""

    file: Path
    result: Ingested | None = None
    problem: RiskmapError | None = None


def watch(
    ws: Workspace,
    folder: Path,
    *,
    by: Actor,
    stop: Event,
    told: Callable[[Taken], None],
    pause: float = PAUSE_S,
) -> int:
    """Take in what comes into a folder until `stop` is set; return how many files there were.

    A file is never left between: the one at work is finished first. What cannot be written now (a full disk, a
    locked file) stays where it is and is tried again. RiskmapError where the folder cannot be used.
    """
    _prepared(folder)
    before: dict[Path, tuple[int, int]] = {}
    taken = 0
    while not stop.wait(pause):
        ws = open_workspace(ws.root, ws.store) if ws.outrun else ws
        now = dict(_waiting(folder))
        for file in sorted(path for path, seen in now.items() if before.get(path) == seen):
            if stop.is_set():
                break
            taken += _take(ws, folder, file, by, stop, told)
        before = now
    return taken


def _prepared(folder: Path) -> None:
    try:
        for part in (folder, folder / DONE, folder / REFUSED):
            part.mkdir(exist_ok=True)
    except OSError as problem:
        raise RiskmapError(
            f"{folder}：不能用作收件文件夹（{problem.strerror}）；请新建该文件夹或检查权限",
            f"{folder}: cannot be used as an inbox ({problem.strerror}); create the folder or check its rights",
        ) from problem


def _waiting(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the files that could be readings, with size and time of writing."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            hidden = entry.name.startswith((".", "~"))
            if hidden or Path(entry.name).suffix.lower() not in endings():
                continue
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), (stat.st_size, stat.st_mtime_ns)


def _take(  # noqa: PLR0917 - what `watch` was given, for one file
    ws: Workspace, folder: Path, file: Path, by: Actor, stop: Event, told: Callable[[Taken], None]
) -> int:
    """Take in one file and move it; 0 where it has to wait."""
    try:
        done = ingest(ws, file, by=by)
    except (UnreadableFileError, TableFileError) as problem:
        if stop.is_set():  # Ctrl-C reaches the process that reads, too: that it died says nothing of the file
            return 0
        _moved(file, folder / REFUSED, problem.say)
        told(Taken(file, problem=problem))
        return 1
    except RiskmapError as problem:
        told(Taken(file, problem=problem))
        return 0
    nothing = done.rows == done.refused
    _moved(file, folder / (REFUSED if nothing else DONE), _reason(done) if done.issues else None)
    told(Taken(file, done))
    return 1


def _reason(done: Ingested) -> Text:
    return Text(
        "\n".join(one.message.zh for one in done.issues), "\n".join(one.message.en for one in done.issues)
    )


def _moved(file: Path, into: Path, reason: Text | None) -> None:
    """Move a file aside under a name that is free, with its reason beside it."""
    name, number = file.name, 1
    while (into / name).exists():
        number += 1
        name = f"{file.stem}-{utc_now():%Y%m%dT%H%M%SZ}-{number}{file.suffix}"
    if reason is not None:
        (into / f"{name}.reason.txt").write_text(f"{reason.zh}\n\n{reason.en}\n", encoding="utf-8")
    file.replace(into / name)
