"""Altered caches: what was made from the ledger is made again, and the same counts come out."""

from __future__ import annotations

import random
from pathlib import Path

from tests.attack.program import LAYER, Program, Ran, fresh_copy, workspace, wrong_message
from tests.attack.requests import served
from tests.attack.rows import Row, row

POINTS = 300
BYTES = 40


def _altered(file: Path, draw: random.Random) -> None:
    """40 bytes altered."""
    data = bytearray(file.read_bytes())
    for _ in range(BYTES):
        data[draw.randrange(len(data))] ^= draw.randint(1, 255)
    file.write_bytes(data)


def _truncated(file: Path, draw: random.Random) -> None:
    """Cut off anywhere."""
    data = file.read_bytes()
    file.write_bytes(data[: draw.randrange(len(data))])


def _emptied(file: Path, _draw: random.Random) -> None:
    """Emptied."""
    file.write_bytes(b"")


def _removed(file: Path, _draw: random.Random) -> None:
    """Removed."""
    file.unlink()


def run(room: Path, *, seed: int) -> list[Row]:
    """Spoil each file of the caches in each way; returns a row for each way, and one for the server."""
    with Program(room / "said") as program:
        made = workspace(program, room / "made", POINTS, seed=seed)
        asked = (("summary", "--json"), ("select", LAYER, "--json"))
        where = ("--workspace", room / "ws")
        for words in asked:
            program.learn(*words, "--workspace", made)
        fresh_copy(made, room / "ws")
        right = [program.run(*words, *where) for words in asked]
        files = sorted(p.relative_to(made) for p in (made / "data" / "cache").rglob("*") if p.is_file())
        if not files:
            raise RuntimeError("the program keeps no cache where this attack looks for it")
        draw = random.Random(seed)
        rows = []
        for spoil, times in ((_altered, 4), (_truncated, 2), (_emptied, 1), (_removed, 1)):
            with row(f"caches: {spoil.__doc__.rstrip('.').lower()}") as found:
                for file in files:
                    for _ in range(times):
                        spoil(fresh_copy(made, room / "ws") / file, draw)
                        said = [program.run(*words, *where) for words in asked]
                        found.tried(*_problems(file, said, right))
            rows.append(found)
    rows.append(_served(made, room, files, draw))
    return rows


def _problems(file: Path, said: list[Ran], right: list[Ran]) -> list[str]:
    for ran, wanted in zip(said, right, strict=True):
        if wrong := wrong_message(ran):
            return [f"{file.name}: {wrong[0]}"]
        if (ran.status, ran.out) != (wanted.status, wanted.out):
            return [f"{file.name}: another answer, and no word about it"]
    return []


def _served(made: Path, room: Path, files: list[Path], draw: random.Random) -> Row:
    """Start the server on caches of which every file is cut off."""
    with row("caches: the server starts on caches that are cut off") as found:
        for _ in range(2):
            ws = fresh_copy(made, room / "ws")
            for file in files:
                _truncated(ws / file, draw)
            try:
                with served(ws, room / "server.log") as server:
                    found.tried(*server.well())
            except RuntimeError as problem:
                found.tried(str(problem))
    return found
