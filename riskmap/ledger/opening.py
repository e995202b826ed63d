"""Opening a ledger: to work in it, or, where its folder is read-only, to look at it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from riskmap.errors import LedgerError
from riskmap.io.files.leftovers import mark
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.store import LOOKING, NotWritableError, Store, check_schema, ledger_error, make_engine
from riskmap.ledger.upgrading import older_schema, upgrade

if TYPE_CHECKING:
    from riskmap.ledger import upkeep
else:
    upkeep = later("riskmap.ledger.upkeep")

_WITH_IT = ("", "-wal", "-journal")  # what is not yet in the file itself belongs to it


def opened(path: Path) -> Store:
    """Open a ledger to read and write; one of an older schema is copied beside itself, then brought up to date.

    NotWritableError where the folder or the file cannot be written to, LedgerError where it is no ledger.
    """
    check_application(path)
    engine = make_engine(path)
    try:
        schema = older_schema(engine, str(path))
        if schema is not None:
            upkeep.keep_before_upgrade(Store(engine, str(path)), path, schema)
            upgrade(engine, str(path))
        check_schema(engine, str(path))
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, str(path))


def looked_at(path: Path) -> tuple[Store, tempfile.TemporaryDirectory[str] | None]:
    """Open a ledger in a read-only folder to look at it: where it lies, else a copy in a folder that goes with it.

    A copy is needed where the last writes still stand in the log beside the file, which nobody can finish
    there, and where the schema is an older one. LedgerError where it cannot be read or is no ledger.
    """
    engine = make_engine(path, pragmas=LOOKING)
    try:
        check_application(path)
        if older_schema(engine, str(path)) is None:
            check_schema(engine, str(path))
            return Store(engine, str(path), looking=True), None
    except NotWritableError:
        pass
    except BaseException:
        engine.dispose()
        raise
    engine.dispose()
    return _copied(path)


def _copied(path: Path) -> tuple[Store, tempfile.TemporaryDirectory[str]]:
    room = tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True)
    try:
        copy = Path(room.name) / "ledger.sqlite"
        for end in _WITH_IT:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + end), copy.with_name(copy.name + end))
        check_application(copy, place=path)
        engine = make_engine(copy)
        try:
            upgrade(engine, str(path))
            check_schema(engine, str(path))
        except BaseException:
            engine.dispose()
            raise
    except OSError as problem:
        room.cleanup()
        raise LedgerError(
            f"台账 {path}：读不了（{problem.strerror}）；请检查权限和临时文件夹的磁盘空间",
            f"ledger {path}: cannot be read ({problem.strerror}); check its rights, and free space for temporary files",
        ) from problem
    except BaseException:
        room.cleanup()
        raise
    return Store(engine, str(path), looking=True), room


def check_application(path: Path, *, place: Path | None = None) -> None:
    """Raise LedgerError where a file exists that is not one of our ledgers.

    The database itself is asked, read-only. A file of ours must never be opened past it: closing any
    handle of a file drops every lock that this process holds on it, and the next program to leave
    would then throw away the log that our open connections still write to.
    """
    try:
        with contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as head:
            (found,) = head.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as problem:
        if not isinstance(problem, sqlite3.OperationalError) and "not a database" in str(problem):
            found = None
        else:
            raise ledger_error(str(place or path), str(problem)) from problem
    if found != s.APPLICATION_ID:
        raise LedgerError(
            f"台账 {place or path}：不是台账文件；请检查路径，或用 riskmap restore 从备份恢复",
            f"ledger {place or path}: not a ledger; check the path, or bring a backup back with riskmap restore",
        )
