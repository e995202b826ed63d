"""Everything that writes to a ledger or beside it, and how to tell that what it wrote is whole."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.attack.program import (
    LAYER,
    Program,
    Running,
    differing,
    fresh_copy,
    held,
    ledger_in,
    ledger_of,
    wrong_message,
)
from tests.waiting import until

POINTS = 1500
NEW = 3000  # rows of the killed import
CODE = "YS-01-00001"

Content = dict[str, list[str]]


@dataclass(frozen=True)
class Place:
    """Where one act is tried: a workspace that is put back before each try, and a folder for what goes out."""

    room: Path
    assessed: bool = True
    disk: Path | None = None  # where the workspace lies, if not in the room

    @property
    def base(self) -> Path:
        return self.room / ("assessed" if self.assessed else "unassessed")

    @property
    def ws(self) -> Path:
        return (self.disk or self.room) / "ws"

    @property
    def out(self) -> Path:
        return (self.disk or self.room) / "target"

    def put_back(self, *, cache: bool) -> set[tuple[str, int]]:
        """Have everything as before the act; returns what `written` says then."""
        fresh_copy(self.base, self.ws)
        if not cache:
            shutil.rmtree(self.ws / "data" / "cache", ignore_errors=True)
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        shutil.copy(self.room / "old.zip", self.out / "backup.zip")
        (self.out / "inventory.xlsx").write_bytes(b"old")
        return self.written()

    def written(self) -> set[tuple[str, int]]:
        """Return names and sizes of what lies where the act writes; an empty write-ahead file is nothing yet."""
        found = set()
        for folder in (self.ws / "data", self.ws / "data" / "cache", self.out):
            for path in folder.iterdir() if folder.is_dir() else ():
                try:
                    size = 0 if path.is_dir() else path.stat().st_size
                except FileNotFoundError:
                    continue
                if not path.name.endswith("-shm") and (size or path.is_dir()):
                    found.add((path.name, size))
        return found


@dataclass(frozen=True)
class Whole:
    """What the ledger holds before the act and after it, and what `summary` says after it."""

    before: Content
    after: Content
    summary: str


Sound = Callable[[Program, Place, Whole], list[str]]


def _ledger_is_whole(_program: Program, place: Place, whole: Whole) -> list[str]:
    found = held(ledger_of(place.ws))
    return [] if found in (whole.before, whole.after) else [differing(found, (whole.before, whole.after))]


def _backup_is_whole(_program: Program, place: Place, whole: Whole) -> list[str]:
    found, old = (
        held(ledger_in(file, place.room / "unpacked.sqlite"))
        for file in (place.out / "backup.zip", place.room / "old.zip")
    )
    return [] if found in (old, whole.before) else ["the backup is neither the old nor the new one"]


def _export_is_whole(_program: Program, place: Place, _whole: Whole) -> list[str]:
    file = place.out / "inventory.xlsx"
    if file.read_bytes() == b"old":
        return []
    with zipfile.ZipFile(file) as book:
        broken = book.testzip()
    return [f"the workbook is broken at {broken}"] if broken else []


def _next_start_counts_the_same(program: Program, place: Place, whole: Whole) -> list[str]:
    ran = program.run("summary", "--json", "--workspace", place.ws)
    return wrong_message(ran) or ([] if ran.out == whole.summary else ["the next start counts otherwise"])


@dataclass(frozen=True)
class Act:
    """Something that writes, and how to tell that what it wrote is whole."""

    name: str
    words: tuple[object, ...]
    sound: Sound = _ledger_is_whole
    assessed: bool = True
    cache: bool = True  # the snapshot of the district lies in the cache


def acts(place: Place, new: Path) -> list[Act]:
    """Return everything that writes to a ledger or beside it."""
    where = ("--workspace", place.ws)
    warning = ("--warning", "typhoon:red", "--at", "2026-08-01T08:00", "--title", "attack")
    return [
        Act("import", ("import", LAYER, new, "--crs", "cgcs2000", *where)),
        Act("assess", ("assess", *where), assessed=False),
        Act("edit", ("!edit", place.ws, LAYER, CODE, 1, "likelihood", 10)),
        Act("undo", ("undo", 1, "--why", "attack", *where)),
        Act("backup", ("backup", place.out / "backup.zip", *where), _backup_is_whole),
        Act("export", ("export", LAYER, "--to", place.out / "inventory.xlsx", *where), _export_is_whole),
        Act("snapshot", ("summary", "--json", *where), _next_start_counts_the_same, cache=False),
        Act("scenario", ("prepare", *warning, *where)),
    ]


def districts(program: Program, room: Path, seed: int) -> None:
    """Make a district without tiers, the same one assessed and seen once, and a backup of the first."""
    made = room / "assessed"
    steps = (
        ("init", made, "--demo", "--points", POINTS, "--seed", seed),
        ("backup", room / "old.zip", "--workspace", made),
        ("assess", "--workspace", made),
        ("summary", "--workspace", made),
    )
    for words in steps:
        ran = program.learn(*words)
        if ran.status not in {0, 1}:
            raise RuntimeError(f"riskmap {words[0]} ended with {ran.status}: {ran.err}")
    fresh_copy(made, room / "unassessed")
    shutil.rmtree(room / "unassessed" / "data" / "cache")
    ledger_in(room / "old.zip", ledger_of(room / "unassessed"))


def new_rows(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["编号", "名称", "经度(CGCS2000)", "纬度(CGCS2000)", "L", "E", "C"])
        lines.writerows([f"N{i:05}", f"新点{i}", 114.1 + i / 1e5, 22.55, 3, 6, 7] for i in range(NEW))
    return path


def undisturbed(program: Program, act: Act, place: Place) -> tuple[float, float, Whole]:
    """Return how long the act takes, how long from its first byte to its end, and what it makes."""
    before = place.put_back(cache=act.cache)
    started = time.monotonic()
    running = program.begin(*act.words)
    first_byte(place, before, running)
    first = time.monotonic()
    ran = running.ended()
    end = time.monotonic()
    if wrong := wrong_message(ran, status=(0, 1)):
        raise RuntimeError(f"not even killed: {wrong[0]}")
    summary = ran.out if act.name == "snapshot" else ""
    whole = Whole(held(ledger_of(place.base)), held(ledger_of(place.ws)), summary)
    return end - started, end - first, whole


def first_byte(place: Place, before: set[tuple[str, int]], running: Running) -> None:
    until(lambda: place.written() != before or not running.alive(), step=0.002)


def problems(program: Program, act: Act, place: Place, whole: Whole) -> list[str]:
    checked = program.run("!check", place.ws)
    if checked.status:
        return [f"the ledger does not open or contradicts itself: {(checked.out + checked.err)[-300:]}"]
    try:
        return act.sound(program, place, whole)
    except (sqlite3.Error, OSError, zipfile.BadZipFile) as problem:
        return [f"{type(problem).__name__}: {problem}"]
