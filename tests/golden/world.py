"""A folder with a workspace in which commands run one after another, each a minute later on a fixed clock."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.cli import Ran, riskmap
from tests.golden.freezing import settled
from tests.golden.reading import read_back

WHO = ("--by", "测试员", "--why", "测试")
_START = dt.datetime.fromisoformat("2026-03-02T10:00:00+08:00")
_ZONE = {"TZ": "Asia/Shanghai"}  # local days and hours stand in documents


class World:
    """Runs commands in `folder` / ws and keeps what they said under a name: `documents`, name → document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = _START
        self.documents: dict[str, Any] = {}

    @property
    def ws(self) -> Path:
        return self.folder / "ws"

    def sleep(self, days: int) -> None:
        """Let days pass."""
        self.now += dt.timedelta(days=days)

    def run(self, *words: object, alone: bool = False) -> Ran:
        """Run a command in the workspace, or `alone` where it takes none."""
        self.now += dt.timedelta(minutes=1)
        where = () if alone else ("--workspace", self.ws)
        with mock.patch.dict(os.environ, {"RISKMAP_CLOCK": self.now.isoformat(), "LOGNAME": "登录名"}):
            return riskmap(*words, *where)

    def done(self, *words: object, alone: bool = False, status: int = 0) -> Ran:
        """Run a command that must leave with `status`."""
        ran = self.run(*words, alone=alone)
        assert ran.status == status, (words, ran.status, ran.err, ran.out[-2000:])
        return ran

    def keep(self, name: str, *words: object, alone: bool = False) -> Any:
        """Run a command with --json and keep its status, its document and what it said beside."""
        ran = self.run(*words, "--json", alone=alone)
        document = ran.json if ran.out else None
        self.hold(name, {"status": ran.status, "said": ran.err.splitlines(), "document": document})
        return document

    def keep_files(self, name: str, *words: object, alone: bool = False) -> None:
        """Run a command that writes files; keep what it said, and what the files hold when they are read back."""
        said = self.keep(f"{name}-command", *words, alone=alone)
        files = [Path(f["path"] if isinstance(f, dict) else f) for f in said["files"]]
        self.hold(name, {file.name: read_back(file) for file in files})

    def keep_picture(self, name: str, *words: object) -> None:
        """Run a command whose last option names a picture; keep what it said and the picture's lines."""
        picture = self.folder / f"{name}.svg"
        self.keep(f"{name}-command", *words, picture)
        self.hold_file(name, picture)

    def hold_file(self, name: str, path: Path) -> None:
        """Keep what a file holds when it is read back."""
        self.hold(name, {path.name: read_back(path)})

    def refuse(self, name: str, *words: object, alone: bool = False) -> None:
        """Run a command that must be refused, and keep what it said."""
        ran = self.done(*words, alone=alone, status=2)
        self.hold(name, {"status": 2, "said": ran.err.splitlines()})

    def hold(self, name: str, document: Any) -> None:
        """Keep a document under a new name."""
        assert name not in self.documents, name
        self.documents[name] = settled(document, self.folder)

    def file(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        """Write a file beside the workspace."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path


@contextlib.contextmanager
def in_china() -> Iterator[None]:
    """Let this process keep the local time of the district."""
    try:
        with mock.patch.dict(os.environ, _ZONE):
            time.tzset()
            yield
    finally:
        time.tzset()
