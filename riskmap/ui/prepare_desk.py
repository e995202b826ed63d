"""Who sits at the desk on the page 临灾: asked for once, kept with every line of the log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from riskmap.duty import EVENT_KINDS
from riskmap.errors import RiskmapError
from riskmap.ui import signing
from riskmap.ui.notices import keep_notice
from riskmap.ui.signing import person
from riskmap.ui.state import lang, say, workspace
from riskmap.usecases.event_entry import Entry, log_event

__all__ = ["ask_person", "log_entry", "paper", "person"]

_LONGEST: Final = 80


def ask_person(key: str = "prepare-person") -> None:
    """Draw the input for who sits at the desk."""
    signing.ask_person(key, longest=_LONGEST)


def paper(name: str, write: Callable[[Path], object]) -> bytes:
    """Return what `write` puts into a file of this name, for a download."""
    with tempfile.TemporaryDirectory(prefix="riskmap-") as folder:
        file = Path(folder) / name
        write(file)
        return file.read_bytes()


def log_entry(scenario: int, entry: Entry) -> None:
    """Write a line of the log, for a button; what is wrong is said after the rerun."""
    by = person()
    if by is None:
        keep_notice("warning", say("sign_missing_person"))
        return
    try:
        log_event(workspace(), scenario, entry, by=by, why=EVENT_KINDS[entry.kind].zh)
    except RiskmapError as problem:
        keep_notice("error", problem.text(lang()))
