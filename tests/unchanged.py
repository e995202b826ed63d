"""What must be as before after an action was stopped: the ledger to its last row, and a folder to its last byte."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from riskmap.actions.workspace import Workspace
from riskmap.errors import Text
from riskmap.ledger.store import file_of
from riskmap.progress import Progress


def ledger_of(ws: Workspace) -> tuple[Any, ...]:
    """Return state, head of the chain and a digest of everything that the ledger's file holds."""
    digest = hashlib.sha256()
    with closing(sqlite3.connect(f"{file_of(ws.store).as_uri()}?mode=ro", uri=True)) as file:
        for line in file.iterdump():
            digest.update(line.encode())
    head = ws.ledger.head()
    return ws.ledger.state, head and head.digest, digest.hexdigest()


def folder_of(path: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, and folders as empty ones."""
    return {str(p.relative_to(path)): p.read_bytes() if p.is_file() else b"" for p in sorted(path.rglob("*"))}


class Stopping:
    """A watcher who asks an action to stop at its n-th step; None never does. `steps` are those that were told."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.asked, self.steps = at, 0, []

    @property
    def progress(self) -> Progress:
        return Progress(self._tell, self._stop)

    def _stop(self) -> bool:
        self.asked += 1
        return self.at is not None and self.asked > self.at

    def _tell(self, share: float, what: Text) -> None:
        self.steps.append((share, what))
