"""Backup, restore and the integrity check; and the way from an older schema to this one.

Bringing an older ledger to the schema of this program, in one transaction, without losing anything.
A step only adds: tables, columns that may be empty, triggers; and drops an index that nothing reads any more. What
was written stays as it was.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from riskmap.errors import LedgerError
from riskmap.io.files.leftovers import mark
from riskmap.ledger import chain
from riskmap.ledger.chain import ChainHead
from riskmap.ledger.revisions import open_changeset
from riskmap.ledger.store import (
    Clock,
    Store,
    check_schema,
    fsync_directory,
    fsync_file,
    ledger_error,
    make_engine,
    state_of,
)
from riskmap.ledger.upgrading import upgrade

_PROBLEMS: tuple[tuple[str, str], ...] = (
    (
        "feature {0}: its current revision is missing or another version",
        (
            "SELECT f.code FROM feature f LEFT JOIN revision r ON r.id = f.revision_id "
            "WHERE r.id IS NULL OR r.feature_id <> f.id OR r.version <> f.version OR r.valid_from <> f.changed "
            "OR r.valid_to IS NOT NULL OR (r.retired IS NOT NULL) <> f.retired OR r.subdistrict IS NOT f.subdistrict"
        ),
    ),
    (
        "feature {0}: versions do not run from 1 without a gap",
        (
            "SELECT f.code FROM feature f JOIN revision r ON r.feature_id = f.id GROUP BY f.id "
            "HAVING count(*) <> f.version OR min(r.version) <> 1 OR max(r.version) <> f.version"
        ),
    ),
    (
        "feature {0}: a revision does not end where the next begins",
        (
            "SELECT f.code FROM feature f JOIN revision r ON r.feature_id = f.id "
            "LEFT JOIN revision n ON n.feature_id = r.feature_id AND n.version = r.version + 1 "
            "WHERE r.valid_to IS NOT n.valid_from"
        ),
    ),
    (
        "feature {0}: its shape or its contacts are missing",
        (
            "SELECT f.code FROM feature f JOIN revision r ON r.feature_id = f.id "
            "LEFT JOIN shape g ON g.feature_id = r.feature_id AND g.version = r.shape_at "
            "LEFT JOIN contact_set p ON p.feature_id = r.feature_id AND p.version = r.contacts_at "
            "WHERE (r.shape_at IS NOT NULL AND g.version IS NULL) OR (r.contacts_at IS NOT NULL AND p.version IS NULL)"
        ),
    ),
    (
        "feature {0}: the state of its flow is not the one that its content has",
        (
            "SELECT f.code FROM feature f JOIN revision r ON r.feature_id = f.id WHERE r.state IS NOT NULL "
            "AND json_valid(r.body) AND r.state IS NOT json_extract(r.body, '$.state')"
        ),
    ),
    (
        "feature {0}: it has not exactly one valid assessment",
        (
            "SELECT f.code FROM feature f JOIN assessment a ON a.feature_id = f.id GROUP BY f.id "
            "HAVING sum(a.valid_to IS NULL) <> 1"
        ),
    ),
    (
        "feature {0}: an assessment does not end where the next begins",
        (
            "SELECT f.code FROM assessment a JOIN feature f ON f.id = a.feature_id WHERE a.valid_to IS NOT "
            "(SELECT min(n.valid_from) FROM assessment n WHERE n.feature_id = a.feature_id "
            "AND n.valid_from > a.valid_from)"
        ),
    ),
    (
        "feature {0}: a link of it is not what its record says",
        (
            "SELECT f.code FROM link k JOIN feature f ON f.id = k.from_id JOIN revision r ON r.id = f.revision_id "
            "WHERE k.valid_to IS NULL AND (f.retired = 1 OR "
            "(json_valid(r.body) AND json_extract(r.body, '$.\"' || k.field || '\"') IS NULL))"
        ),
    ),
    (
        "feature {0}: what is attached to it is not what it says",
        (
            "SELECT h.code FROM (SELECT f.id, f.code, CASE WHEN json_valid(r.body) THEN r.body ELSE '{}' END AS body "
            "FROM feature f JOIN revision r ON r.id = f.revision_id WHERE instr(r.body, '\"file:') > 0 "
            "OR f.id IN (SELECT feature_id FROM attached WHERE valid_to IS NULL)) h WHERE "
            "(SELECT coalesce(sum(length(e.value) - length(replace(e.value, char(10), '')) + 1), 0) "
            "FROM json_each(h.body) e WHERE e.key LIKE 'file:%') <> "
            "(SELECT count(*) FROM attached a JOIN json_each(h.body) e ON e.key = 'file:' || a.field "
            "WHERE a.feature_id = h.id AND a.valid_to IS NULL AND instr(e.value, a.digest || '  ' || a.name) > 0) "
            "OR EXISTS (SELECT 1 FROM attached a WHERE a.feature_id = h.id AND a.valid_to IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM json_each(h.body) e WHERE e.key = 'file:' || a.field AND instr(e.value, a.digest) > 0))"
        ),
    ),
    (
        "batch {0}: its rejected rows are not those it counted",
        (
            "SELECT b.id FROM import_batch b LEFT JOIN rejected_row j ON j.batch_id = b.id "
            "GROUP BY b.id HAVING count(j.id) <> b.rejected"
        ),
    ),
)


_SHOWN = 20


def check(store: Store) -> list[str]:
    """Return every inconsistency found, an empty list where the ledger is sound."""
    found: list[str] = []
    with store.reading() as connection:
        found += _broken_pages(store)
        keys = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found += [f"foreign key: {tuple(row)}" for row in keys[:_SHOWN]]
        if found:
            return found
        for message, query in _PROBLEMS:
            rows = connection.exec_driver_sql(f"{query} LIMIT {_SHOWN}").scalars().all()
            found += [message.format(row) for row in rows]
        found += islice(chain.broken(connection), _SHOWN)
    return found


_FIELDS_KEPT = """
WITH held AS (
    SELECT f.layer, CASE WHEN json_valid(r.body) THEN r.body ELSE '{}' END AS body
    FROM feature f JOIN revision r ON r.id = f.revision_id WHERE r.retired IS NULL
)
SELECT layer, NULL, count(*) FROM held GROUP BY layer
UNION ALL
SELECT layer, key, count(*) FROM held, json_each(body) GROUP BY layer, key
"""


def fields_kept(store: Store) -> dict[str, dict[str | None, int]]:
    """Return layer → field id → how many active records hold a value; under None, how many there are."""
    found: dict[str, dict[str | None, int]] = {}
    with store.reading() as connection:
        for layer, field, n in connection.exec_driver_sql(_FIELDS_KEPT):
            found.setdefault(layer, {})[field] = n
    return found


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a fresh file name beside `path`; whatever is left of it afterwards is removed."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}{mark()}", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _copy_database(source: sqlite3.Connection, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as out:
        source.backup(out)
        out.execute("PRAGMA journal_mode=DELETE")


def backup(store: Store, path: Path, *, place: Path) -> ChainHead | None:
    """Write a consistent, checked copy to `path`, while others read and write; return its head.

    Messages name `place`. The old file stays until the new one is whole. LedgerError where the ledger or the copy is not sound:
    a damaged ledger never takes the place of a good copy.
    """
    live = store.engine.url.database
    if live and path.exists() and path.resolve() == Path(live).resolve():
        raise LedgerError(
            f"备份 {place}：这是正在使用的台账本身，未写入；请换一个文件名",
            f"backup {place}: this is the ledger itself, nothing was written; choose another file",
        )
    try:
        with _beside(path) as part:
            _refuse_unsound(place, store)
            with store.reading() as connection:
                driver = connection.connection.driver_connection
                if driver is None:
                    raise ledger_error(store.place, "unable to open")
                _copy_database(driver, part)
            fsync_file(part)
            engine = make_engine(part, pragmas=("query_only=ON",))
            try:
                copy = Store(engine, str(part))
                _refuse_unsound(place, copy, whole=True)
                with copy.reading() as connection:
                    head = chain.head(connection)
            finally:
                engine.dispose()
            part.replace(path)
            fsync_directory(path.parent)
    except (OSError, sqlite3.Error) as problem:
        raise _not_written(place, problem) from problem
    return head


def _not_written(path: Path, problem: OSError | sqlite3.Error) -> LedgerError:
    return LedgerError(
        f"备份 {path}：写不出来（{problem}），原文件未动；请检查路径、权限和磁盘空间",
        f"backup {path}: cannot be written ({problem}), an older file is untouched; check path, rights and disk space",
    )


def _refuse_unsound(path: Path, store: Store, *, whole: bool = False) -> None:
    """Raise LedgerError where the pages of a ledger, or (`whole`) anything in it, do not fit together."""
    try:
        found = check(store) if whole else _broken_pages(store)
    except LedgerError as problem:
        raise LedgerError(
            f"备份 {path}：未备份，原有备份未动：{problem.say.zh}",
            f"backup {path}: nothing was backed up, an older backup is untouched: {problem.say.en}",
        ) from problem
    if found:
        raise LedgerError(
            f"备份 {path}：台账不完好（{found[0]}），未备份，原有备份未动；请用 riskmap restore 从原有备份恢复，"
            "并保留现在的台账文件备查",
            f"backup {path}: the ledger is not sound ({found[0]}), nothing was backed up and an older backup is "
            "untouched; bring that one back with riskmap restore, and keep the present file to be looked into",
        )


def _broken_pages(store: Store) -> list[str]:
    with store.reading() as connection:
        said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [f"integrity: {line}" for line in said if line != "ok"]


def keep_before_upgrade(store: Store, path: Path, schema: int) -> None:
    """Keep a checked copy of a ledger of an older schema beside it, before the first step is made."""
    keep = free_name(path.with_name(f"{path.name}.before-upgrade-{schema}"))
    with _beside(keep) as part, store.reading() as connection:
        _refuse_unsound(keep, store)
        driver = connection.connection.driver_connection
        if driver is None:
            raise ledger_error(store.place, "unable to open")
        try:
            _copy_database(driver, part)
            fsync_file(part)
            part.replace(keep)
            fsync_directory(keep.parent)
        except (OSError, sqlite3.Error) as problem:
            raise _not_written(keep, problem) from problem


def free_name(path: Path) -> Path:
    """Return a path that nothing stands at: the one given, or numbered from 2."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _sound_copy(path: Path, part: Path) -> None:
    """Copy a backup to `part` and make sure that it is a sound ledger."""
    if not path.is_file():
        raise LedgerError(
            f"备份 {path}：没有这个文件，台账未动；请检查路径",
            f"backup {path}: no such file, the ledger is untouched; check the path",
        )
    try:
        with contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as source:
            _copy_database(source, part)
    except sqlite3.Error as problem:
        raise LedgerError(
            f"备份 {path}：不是完好的台账备份（{problem}），台账未动；请换一个备份",
            f"backup {path}: not a sound backup ({problem}), the ledger is untouched; try another backup",
        ) from problem
    engine = make_engine(part, pragmas=("foreign_keys=ON",))
    try:
        upgrade(engine, str(path))
        check_schema(engine, str(path))
        problems = check(Store(engine, str(path)))
    finally:
        engine.dispose()
    if problems:
        raise LedgerError(
            f"备份 {path}：检查未通过（{problems[0]}），台账未动；请换一个备份",
            f"backup {path}: it did not pass the check ({problems[0]}), the ledger is untouched; try another backup",
        )


def _keep_before(target: Path) -> None:
    """Keep the ledger that is to be replaced; numbered, so that none is overwritten."""
    keep = free_name(target.with_name(f"{target.name}.before-restore"))
    try:
        with _beside(target) as part:
            with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as source:
                _copy_database(source, part)
            fsync_file(part)
            part.replace(keep)
    except sqlite3.Error:
        # It cannot be read as a database: keep the bytes, and what belongs to them.
        for suffix in ("-wal", "-shm", ""):
            old = target.with_name(target.name + suffix)
            if old.exists():
                keep.with_name(keep.name + suffix).touch(mode=0o600)
                shutil.copyfile(old, keep.with_name(keep.name + suffix))
        for suffix in ("", "-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
    fsync_directory(target.parent)


def _last_state(target: Path) -> int:
    if not target.exists():
        return 0
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(target)) as connection:
        row = connection.execute("SELECT max(id) FROM changeset").fetchone()
        return row[0] or 0
    return 0


def restore(path: Path, target: Path, *, by: str, why: str, clock: Clock) -> None:
    """Put a backup in the place of a ledger, after checking it; the replaced one is kept beside.

    The content is copied in one transaction, so programs that have the ledger open go on with the
    restored one. Its state number goes on from the higher of both: what was cached stays apart.
    """
    try:
        with _beside(target) as part:
            _sound_copy(path, part)
            last = _last_state(target)
            engine = make_engine(part, pragmas=("foreign_keys=ON",))
            try:
                inner = Store(engine, str(path), clock)
                with inner.writing() as connection:
                    counts = {"state": state_of(connection)}
                    open_changeset(
                        connection, inner, by=by, why=why, kind="restore", counts=counts, at_least=last
                    )
            finally:
                engine.dispose()
            if target.exists():
                _keep_before(target)
            if target.exists():
                with (
                    contextlib.closing(sqlite3.connect(part)) as source,
                    contextlib.closing(sqlite3.connect(target, isolation_level=None, timeout=30)) as out,
                ):
                    source.backup(out)
            else:
                fsync_file(part)
                part.replace(target)
            fsync_directory(target.parent)
    except (OSError, sqlite3.Error) as problem:
        raise LedgerError(
            f"恢复 {target}：没有完成（{problem}）；请检查权限和磁盘空间后重试",
            f"restoring {target}: not completed ({problem}); check rights and disk space and try again",
        ) from problem
