"""The program under attack: its commands, each in a process of its own, and what its ledger holds."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
LAYER = "risk_points"
PATIENCE_S = 120  # a command that takes longer hangs; the longest takes a few seconds
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\"' ]*")


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit status (negative: the signal that ended it), and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program:
    """Starts commands in a room of its own; ends every process that it started."""

    def __init__(self, room: Path) -> None:
        self.room = room
        room.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.mother"],
            cwd=ROOT,
            env={**os.environ, "RISKMAP_WORKSPACE": "", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._mother.stdin.close()
        try:
            self._mother.wait(20)
        except subprocess.TimeoutExpired:
            self._mother.kill()
            self._mother.wait()

    def _order(self, patience: float = PATIENCE_S, **order: Any) -> Any:
        self._mother.stdin.write(json.dumps(order) + "\n")
        self._mother.stdin.flush()
        if not select.select([self._mother.stdout], [], [], patience)[0]:
            return None
        return json.loads(self._mother.stdout.readline())

    def begin(self, *words: object, **more: Any) -> Running:
        """Start a command and return at once."""
        self._number += 1
        out = self.room / f"out-{self._number}"
        return Running(self, self._order(words=[str(w) for w in words], out=str(out), **more), out)

    def run(self, *words: object, **more: Any) -> Ran:
        """Run a command to its end; a command that hangs is killed and comes back as killed."""
        return self.begin(*words, **more).ended()

    def learn(self, *words: object, but: tuple[str, ...] = ()) -> Ran:
        """Run a command and import beforehand, for all later ones, what it imported, `but` these packages."""
        modules = self.room / "modules.json"
        ran = self.run(*words, modules=str(modules))
        if modules.exists():
            names = json.loads(modules.read_text(encoding="utf-8"))
            self._order(**{"import": [name for name in names if name.partition(".")[0] not in but]})
        return ran


@dataclass
class Running:
    """A command on its way."""

    program: Program
    pid: int
    out: Path

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it had come to its end
            os.kill(self.pid, signal.SIGKILL)

    def alive(self) -> bool:
        """Say whether it still runs (an ended one that nobody has waited for does not)."""
        try:
            return (
                Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                != "Z"
            )
        except OSError:
            return False

    def ended(self, patience: float = PATIENCE_S) -> Ran:
        """Wait for its end; kills what does not come to it."""
        status = self.program._order(patience, wait=self.pid)
        if status is None:
            self.kill()
            status = json.loads(self.program._mother.stdout.readline())
        texts = [_text(self.out), _text(self.out.with_name(self.out.name + ".err"))]
        return Ran(os.waitstatus_to_exitcode(status), *texts)


def _text(path: Path) -> str:
    if not path.exists():  # killed before it could say anything
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    finally:
        path.unlink(missing_ok=True)


def workspace(program: Program, root: Path, points: int, *, seed: int) -> Path:
    """Make an assessed demo district; raises where the program cannot."""
    steps = (("init", root, "--demo", "--points", points, "--seed", seed), ("assess", "--workspace", root))
    for words in steps:
        ran = program.learn(*words)
        if ran.status:
            raise RuntimeError(f"riskmap {words[0]} ended with {ran.status}: {ran.err}")
    return root


def ledger_of(ws: Path) -> Path:
    return ws / "data" / "ledger.sqlite"


def ledger_in(backup: Path, to: Path) -> Path:
    """Unpack the ledger of a backup; raises zipfile.BadZipFile or KeyError for a broken one."""
    with zipfile.ZipFile(backup) as archive:
        to.write_bytes(archive.read("data/ledger.sqlite"))
    return to


# The chain's digests cover the moments, which differ from try to try; `!check` follows the chain itself.
_CHAIN = "SELECT id, changeset_id, event_id, version FROM chain_link"


def held(ledger: Path) -> dict[str, list[str]]:
    """Return every row of every table as text, moments left out; raises sqlite3.Error for a broken file."""
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        said = [line for (line,) in database.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            raise sqlite3.DatabaseError("; ".join(said[:3]))
        if database.execute("PRAGMA foreign_key_check").fetchone():
            raise sqlite3.DatabaseError("a row points to one that is not there")
        tables = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("sqlite_", "feature_box"))
        ]
        return {
            name: sorted(
                _MOMENT.sub("T", repr(line))
                for line in database.execute(_CHAIN if name == "chain_link" else f'SELECT * FROM "{name}"')
            )
            for name in tables
        }


def records(content: Mapping[str, Sequence[str]]) -> int:
    return len(content.get("feature", ()))


def differing(content: Mapping[str, Sequence[str]], others: Iterable[Mapping[str, Sequence[str]]]) -> str:
    """Say in which tables a ledger is like none of the others."""
    unlike = [
        f"{{{', '.join(name for name in content if content[name] != other.get(name))}}}" for other in others
    ]
    return "neither before nor after: differs in " + " and in ".join(unlike)


def wrong_message(ran: Ran, *, status: Iterable[int] = (0, 1, 2)) -> list[str]:
    """Say what is wrong with how a command ended: a traceback, a signal, no word about a refusal."""
    last = (ran.err.strip().splitlines() or [""])[-1][:200]
    if ran.status == -signal.SIGKILL:
        return ["hung and was killed"]
    if "Traceback (most recent call last)" in ran.err + ran.out:
        return [f"a traceback: {last}"]
    if ran.status not in status:
        return [f"ended with {ran.status}: {last}"]
    if ran.status == 2 and not last:
        return ["refused without a word"]
    return []


def fresh_copy(source: Path, target: Path) -> Path:
    """Put a copy of a workspace where another was."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))
