"""Several processes edit at once: no edit that was acknowledged is lost, no stale one is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.attack.program import LAYER, Program, Ran, held, ledger_of, records, workspace, wrong_message
from tests.attack.rows import Row, row

POINTS = 300
EDITORS = 4
FIELD = "remarks"
SHARED = tuple(f"YS-01-{i:05}" for i in (1, 2, 3))

Said = tuple[str, int, int, str]  # code, version seen, version made (0: refused), text


def run(room: Path, *, seed: int, edits: int = 40) -> list[Row]:
    """Let four processes edit the same records, then records of their own while the district is assessed."""
    with Program(room / "said") as program:
        ws = workspace(program, room / "ws", POINTS, seed=seed)
        program.learn("!edit", ws, LAYER, "YS-02-00001", 1, FIELD, "warm")
        before = records(held(ledger_of(ws)))
        own = [tuple(f"YS-0{e + 3}-{i:05}" for i in range(1, 6)) for e in range(EDITORS)]
        rows = []
        for of_what, codes, assess in (
            ("the same 3 records", [SHARED] * EDITORS, 0),
            ("their own, and assess", own, 3),
        ):
            with row(f"{EDITORS} processes × {edits} edits: {of_what}") as found:
                begun = [
                    program.begin("!edits", ws, LAYER, FIELD, f"{seed}/{assess}/{n}", edits, *some)
                    for n, some in enumerate(codes)
                ]
                for _ in range(assess):
                    found.tried(*wrong_message(program.run("assess", "--workspace", ws), status=(0, 1)))
                _judge(program, ws, found, [editor.ended() for editor in begun])
                found.lost += max(0, before - records(held(ledger_of(ws))))
            rows.append(found)
    return rows


def _judge(program: Program, ws: Path, found: Row, editors: list[Ran]) -> None:
    """Hold what each process was told against the history."""
    said: list[Said] = []
    for ran in editors:
        found.tried(*wrong_message(ran, status=(0,)))
        said += [tuple(json.loads(line)) for line in ran.out.splitlines()]
    history = {code: _history(program, ws, code) for code in sorted({one[0] for one in said})}
    for code, revisions in history.items():
        versions = [r["version"] for r in revisions]
        whole = versions == list(range(1, len(versions) + 1))
        found.tried(*([] if whole else [f"{code}: versions {versions}"]))
    for one in said:
        problem = _wrong(one, history[one[0]])
        found.lost += problem == LOST
        found.tried(*([f"{one}: {problem}"] if problem else []))
    made = sum(1 for one in said if one[2])
    found.remark = f"{made} taken, {len(said) - made} refused as stale"
    found.tried(*([] if made and len(said) > made else ["nobody was refused, or nobody was taken"]))
    checked = program.run("!check", ws)
    found.tried(*([checked.out[-300:]] if checked.status else []))


LOST = "acknowledged, but not in the history"


def _wrong(one: Said, revisions: list[dict[str, Any]]) -> str:
    """Say what is wrong with one edit, if anything."""
    _code, seen, made, text = one
    written = [r["version"] for r in revisions if r["changes"].get(FIELD, [None, None])[1] == text]
    if made and made not in written:
        return LOST
    if made and made != seen + 1:
        return f"seen {seen}, but written as {made}: it went over another's edit"
    if written != ([made] if made else []):
        return f"written as {written}, said as {made}"
    return "a version that was over was taken" if made and text.endswith("-late") else ""


def _history(program: Program, ws: Path, code: str) -> list[dict[str, Any]]:
    return program.run("history", LAYER, code, "--json", "--workspace", ws).json["revisions"]
