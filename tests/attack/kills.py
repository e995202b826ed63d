"""`kill -9` at any moment of whatever writes: afterwards it is all there, or nothing of it."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

from tests.attack.acts import Act, Place, acts, districts, first_byte, new_rows, problems, undisturbed
from tests.attack.program import Program, held, ledger_of, records
from tests.attack.rows import Row, row


def run(room: Path, *, seed: int, tries: int = 24) -> list[Row]:
    """Kill every act `tries` times; returns a row for each."""
    with Program(room / "said") as program:
        districts(program, room, seed)
        new = new_rows(room / "new.csv")
        return [_killed(program, act, room, tries, seed) for act in acts(Place(room), new)]


def _killed(program: Program, act: Act, room: Path, tries: int, seed: int) -> Row:
    place = Place(room, act.assessed)
    with row(f"kill: {act.name}") as found:
        draw = random.Random(f"{seed} {act.name}")
        place.put_back(cache=act.cache)
        program.learn(*act.words)
        seconds, writing, whole = undisturbed(program, act, place)
        ended = 0
        for number in range(tries):
            before = place.put_back(cache=act.cache)
            running = program.begin(*act.words)
            if number % 2:  # at any moment; else after the first byte was written
                time.sleep(draw.uniform(0, seconds))
            else:
                first_byte(place, before, running)
                time.sleep(draw.uniform(0, writing))
            running.kill()
            ended += running.ended().status >= 0
            found.tried(*problems(program, act, place, whole))
            found.lost += max(0, records(whole.before) - _count(place.ws))
        found.remark = f"{ended} had ended before"
    return found


def _count(ws: Path) -> int:
    try:
        return records(held(ledger_of(ws)))
    except sqlite3.Error:
        return 0
