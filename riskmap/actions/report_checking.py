"""Check the numbers of a report, and keep what a person says of a statement that the checker doubts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from riskmap.actions.figures import engine_of, period_of, told_figures
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.io.files.atomic import private_folder, refusals
from riskmap.io.readers.report_text import passages_of, read_report
from riskmap.moments import beijing_text, utc_now
from riskmap.reports.checking import check
from riskmap.reports.figures import FigureValue, stands_on_stock
from riskmap.reports.periods import Period
from riskmap.rules.permissions import Actor, may
from riskmap.values.report_check import CheckedReport, KnownFigure, Passage, Statement

_FILE: Final = "checked_statements.jsonl"


_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Confirmed:
    """That somebody found a statement right, and why; `at` is UTC as documents write it."""

    digest: str
    text: str
    by: str
    why: str
    at: str


def check_report(
    path: Path,
    *,
    ws: Workspace | None = None,
    name: str | None = None,
    period: Period | None = None,
    as_of: date | None = None,
) -> CheckedReport:
    """Return what the numbers of a report's file say. UnreadableFileError where it cannot be read.

    `ws`: the district whose sub-districts and figures the numbers are held against; of what happens in a time only
    the figures of `period`, where one is given. `as_of`: the day of its ledger.
    """
    return _checked(read_report(path, name), ws, period, as_of)


def check_text(
    text: str, *, ws: Workspace | None = None, period: Period | None = None, as_of: date | None = None
) -> CheckedReport:
    """Return what the numbers of a pasted text say; its lines are its paragraphs."""
    return _checked(passages_of(text), ws, period, as_of)


def _checked(
    passages: Iterable[Passage], ws: Workspace | None, period: Period | None, as_of: date | None
) -> CheckedReport:
    if ws is None:
        return check(passages)
    read = tuple(passages)
    figures = (*_by_name(ws, period, as_of), *_tagged(ws, read, as_of))
    return check(read, figures=figures, places=tuple(ws.subdistricts))


def _by_name(ws: Workspace, period: Period | None, as_of: date | None) -> Iterator[KnownFigure]:
    """Yield the figures that a report may call by name: what stands at a day, and what happened in its period.

    Without a period the ledger tells of all years, a report of one: those agree with nothing.
    """
    engine = engine_of(ws, period=period, as_of=as_of)
    defined = engine.figures.usable
    for one in told_figures(ws, engine=engine).figures:
        timeless = one.period is None and stands_on_stock(defined[one.id], engine.figures)
        if one.value is not None and (timeless or period is not None):
            yield _known(one, (*one.names, one.title.zh))


def _tagged(ws: Workspace, passages: Iterable[Passage], as_of: date | None) -> Iterator[KnownFigure]:
    """Yield the figures that content controls name, each in the period of its own; what names none is left out."""
    aliases = {tag.alias.strip() for passage in passages for tag in passage.tags}
    for alias in sorted(aliases):
        figure, _, period = alias.partition("@")
        try:
            value = engine_of(ws, period=period_of(ws, period), as_of=as_of).value(figure)
        except RiskmapError:
            continue
        yield _known(replace(value, period=period or None))


def _known(value: FigureValue, names: Sequence[str] = ()) -> KnownFigure:
    told = value.value
    if (
        told is not None and value.said is not None
    ):  # 下降30.8%: the word says the direction, the number the size
        told = abs(told)
    return KnownFigure(
        id=value.id,
        title=value.title.zh,
        value=told,
        unit=value.unit,
        names=tuple(dict.fromkeys(names)),
        period=value.period or "",
        as_of=beijing_text(value.as_of),
        query=None if value.query is None else str(value.query),
    )


def confirmed(ws: Workspace) -> dict[str, Confirmed]:
    """Return the statements that persons found right, by their digest; one that was taken back is not among them.

    A line that cannot be read is passed over: the others still hold.
    """
    found: dict[str, Confirmed] = {}
    try:
        lines = (ws.root / "data" / _FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        try:
            told = json.loads(line)
            one = Confirmed(*(str(told[key]) for key in ("digest", "text", "by", "why", "at")))
            right = bool(told["right"])
        except (ValueError, KeyError, TypeError):
            continue
        if right:
            found[one.digest] = one
        else:
            found.pop(one.digest, None)
    return found


def confirm(ws: Workspace, statement: Statement, *, by: Actor, why: str, right: bool = True) -> None:
    """Keep that somebody found a statement right, or takes that back; the line is added, none is ever changed.

    RiskmapError without a reason, NotAllowedError, ExportError where the disk refuses.
    """
    may(by, "keep_log")
    if not why.strip():
        raise RiskmapError("没有写理由；请写明为什么无误", "no reason; say why it is right")
    line = {
        "digest": statement.digest,
        "text": statement.text[:_LONGEST],
        "by": by.name,
        "why": why.strip()[:_LONGEST],
        "at": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
        "right": right,
    }
    folder = ws.root / "data"
    with refusals(folder):
        private_folder(folder)
        handle = os.open(folder / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as out:
            out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
