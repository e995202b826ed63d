"""Readings of sensors: one table in a file of its own beside the ledger, with a lock and a schema of its own.

A batch is one transaction and on the disk before it is acknowledged. What is in stays as it came: the same reading
again is a duplicate, another value at the same moment is listed as a conflict and the first stays. Nothing here moves
the ledger's state.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from riskmap.array_types import Floats, Ints
from riskmap.errors import LedgerError, Text
from riskmap.io.files.leftovers import mark
from riskmap.ledger.store import chunks, make_engine, plain_errors, timestamp
from riskmap.values.readings import Ingested, IngestIssue, ReadFile, Reading, SeriesKey

APPLICATION_ID: Final = 0x524D5352  # "RMSR"


SCHEMA: Final = 1


_TABLES: Final = (
    (
        "CREATE TABLE series (id INTEGER PRIMARY KEY, layer VARCHAR NOT NULL, code TEXT NOT NULL, "
        "indicator VARCHAR NOT NULL, UNIQUE (layer, code, indicator))"
    ),
    (
        "CREATE TABLE reading (series INTEGER NOT NULL, ts BIGINT NOT NULL, value FLOAT NOT NULL, "
        "batch INTEGER NOT NULL, PRIMARY KEY (series, ts)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE batch (id INTEGER PRIMARY KEY, received VARCHAR NOT NULL, source TEXT NOT NULL, "
        "digest VARCHAR NOT NULL UNIQUE, rows INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicate INTEGER NOT NULL, "
        "conflict INTEGER NOT NULL, refused INTEGER NOT NULL, late INTEGER NOT NULL, "
        "CHECK (rows = accepted + duplicate + conflict + refused))"
    ),
    (
        "CREATE TABLE conflict (series INTEGER NOT NULL, ts BIGINT NOT NULL, value FLOAT NOT NULL, "
        "batch INTEGER NOT NULL, settled VARCHAR, PRIMARY KEY (series, ts, value))"
    ),
    "CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)",
)


_FIXED: Final = "RAISE(ABORT, 'readings are never changed')"


_TRIGGERS: Final = tuple(
    f"CREATE TRIGGER {table}_{word} BEFORE {word.upper()} ON {table} BEGIN SELECT {_FIXED}; END"
    for table in ("series", "reading", "batch")
    for word in ("update", "delete")
)


_EVER: Final = 1 << 62


# One seek a series: to group would read every reading.
_LATEST: Final = """
SELECT layer, code, indicator, ts, (SELECT value FROM reading r WHERE r.series = newest.id AND r.ts = newest.ts)
FROM (SELECT s.*, (SELECT max(ts) FROM reading r WHERE r.series = s.id AND r.ts <= ?) AS ts FROM series s
      WHERE ? IS NULL OR s.layer = ?) AS newest
"""


_RECENT: Final = """
SELECT newest.layer, newest.code, newest.indicator, r.ts, r.value
FROM (SELECT s.*, (SELECT max(ts) FROM reading r WHERE r.series = s.id AND r.ts <= ?) AS ts FROM series s
      WHERE (? IS NULL OR s.layer = ?) AND (? IS NULL OR s.code = ?)) AS newest
CROSS JOIN reading r WHERE r.series = newest.id AND r.ts BETWEEN newest.ts - ? AND newest.ts
ORDER BY newest.layer, newest.code, newest.indicator, r.ts
"""


_FIRST_AFTER: Final = """
SELECT s.layer, s.code, s.indicator, min(r.ts) FROM reading r JOIN series s ON s.id = r.series
WHERE r.batch > ? GROUP BY r.series
"""


# From the newest down: a batch on time is passed in a few steps.
_NEWEST_BEFORE: Final = """
SELECT ts FROM reading WHERE series = (SELECT id FROM series WHERE layer = ? AND code = ? AND indicator = ?)
AND batch <= ? ORDER BY ts DESC LIMIT 1
"""


class Unjudged(NamedTuple):
    """Of a series: its first reading that no threshold has judged yet, and the newest of those that were (seconds, UTC)."""

    first: int
    newest: int | None

    def late(self, start: int) -> bool:
        """Tell whether a window that starts then is known only because readings came late."""
        return self.newest is not None and self.first < self.newest and start <= self.newest


class BatchInfo(NamedTuple):
    """What stands of a batch: when it came and from where, and its counts."""

    id: int
    received: str
    source: str
    rows: int
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    late: int


class Conflict(NamedTuple):
    """Another value for a moment that has one: `kept` stands, `value` came later in `batch`."""

    key: SeriesKey
    ts: int
    kept: float
    value: float
    batch: int


@dataclass(frozen=True)
class SeriesStore:
    """The open file of readings. Safe to share between threads and processes; writers wait for one another."""

    engine: sa.Engine
    path: Path

    @classmethod
    def open(cls, path: Path) -> SeriesStore:
        """Open the file, made empty where there is none. LedgerError where it is no series file, or a newer one."""
        if not path.exists():
            _create(path)
        _check_file(path)
        return cls(make_engine(path), path)

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with plain_errors(str(self.path)), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with (
            plain_errors(str(self.path)),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def take(self, read: ReadFile, *, source: str, digest: str, now: dt.datetime) -> Ingested:
        """Write a batch in one transaction; it is on the disk once this returns.

        A file that came before (by its `digest`) and changes nothing leaves no trace.
        """
        with self._writing() as connection:
            return _Batch(connection, read, source, digest, now).taken()

    def latest(
        self, layer: str | None = None, *, until: int | None = None
    ) -> dict[SeriesKey, tuple[int, float]]:
        """Return the newest reading of every series, of one layer, up to a moment (seconds, UTC): (ts, value)."""
        with self._reading() as connection:
            rows = connection.exec_driver_sql(
                _LATEST, (_EVER if until is None else until, layer, layer)
            ).all()
        return {SeriesKey(*row[:3]): (row[3], row[4]) for row in rows if row[3] is not None}

    def recent(
        self, layer: str, *, seconds: int, until: int, code: str | None = None
    ) -> dict[SeriesKey, tuple[Ints, Floats]]:
        """Return of every series of a layer, or of one sensor, its newest reading up to `until` and the `seconds` before it.

        Moments (seconds, UTC) and values, in order of time.
        """
        given = (until, layer, layer, code, code, seconds)
        with self._reading() as connection:
            rows = connection.exec_driver_sql(_RECENT, given).all()
        found: dict[SeriesKey, tuple[Ints, Floats]] = {}
        for key, some in groupby(rows, key=itemgetter(0, 1, 2)):
            ts, value = zip(*(row[3:] for row in some), strict=True)
            found[SeriesKey(*key)] = (np.array(ts, np.int64), np.array(value, np.float64))
        return found

    def readings(
        self, key: SeriesKey, *, start: int | None = None, stop: int | None = None
    ) -> tuple[Ints, Floats]:
        """Return moments (seconds, UTC) and values of a series from `start` to `stop`, both inclusive, in order."""
        query = "SELECT ts, value FROM reading WHERE series = ? AND ts BETWEEN ? AND ? ORDER BY ts"
        with self._reading() as connection:
            number = _number_of(connection, key)
            span = (number, -_EVER if start is None else start, _EVER if stop is None else stop)
            rows = [] if number is None else connection.exec_driver_sql(query, span).all()
        ts, value = zip(*rows, strict=True) if rows else ((), ())
        return np.array(ts, np.int64), np.array(value, np.float64)

    def extremes(
        self, key: SeriesKey, *, start: int, stop: int, parts: int, within: tuple[float, float]
    ) -> tuple[Ints, Floats, Floats]:
        """Return start, lowest and highest value of up to `parts` equal spans that hold readings: for a chart.

        Only values `within` two limits, both inclusive, count.
        """
        width = max((stop - start) // parts + 1, 1)
        query = (
            "SELECT (ts - ?) / ? AS part, min(value), max(value) FROM reading WHERE series = ? "
            "AND ts BETWEEN ? AND ? AND value BETWEEN ? AND ? GROUP BY part ORDER BY part"
        )
        with self._reading() as connection:
            number = _number_of(connection, key)
            given = (start, width, number, start, stop, *within)
            rows = [] if number is None else connection.exec_driver_sql(query, given).all()
        part, low, high = zip(*rows, strict=True) if rows else ((), (), ())
        return start + width * np.array(part, np.int64), np.array(low, float), np.array(high, float)

    def unjudged(self, batch: int, first: Mapping[SeriesKey, int]) -> dict[SeriesKey, Unjudged]:
        """Return what no threshold has judged yet of a batch, whose first readings are `first`, and of those before it.

        A batch before it is among them where the program ended between readings and alerts.
        """
        with self._reading() as connection:
            judged = _judged(connection)
            if judged >= batch:
                return {}
            pending = dict(first)
            if judged < batch - 1:
                rows = connection.exec_driver_sql(_FIRST_AFTER, (judged,)).all()
                pending = {SeriesKey(*row[:3]): row[3] for row in rows}
            return {
                key: Unjudged(ts, connection.exec_driver_sql(_NEWEST_BEFORE, (*key, judged)).scalar())
                for key, ts in pending.items()
            }

    def judge(self, batch: int) -> None:
        """Keep that thresholds have judged every batch up to this one, and what they ask for is made."""
        with self._writing() as connection:
            if batch > _judged(connection):
                connection.exec_driver_sql(
                    "INSERT INTO meta VALUES ('judged', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    (str(batch),),
                )

    def waiting(self) -> int:
        """Return how many batches no threshold has judged yet."""
        with self._reading() as connection:
            newest = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM batch").scalar() or 0
            return max(int(newest) - _judged(connection), 0)

    def series(self) -> list[SeriesKey]:
        """Return every series that has ever had a reading."""
        with self._reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT layer, code, indicator FROM series ORDER BY 1, 2, 3"
            ).all()
        return [SeriesKey(*row) for row in rows]

    def batches(self, *, limit: int = 50) -> list[BatchInfo]:
        """Return the last batches, the newest first."""
        columns = ", ".join(BatchInfo._fields)
        query = f"SELECT {columns} FROM batch ORDER BY id DESC LIMIT ?"  # noqa: S608 (names of ours)
        with self._reading() as connection:
            return [BatchInfo(*row) for row in connection.exec_driver_sql(query, (limit,)).all()]

    def conflicts(self, *, limit: int = 1000) -> list[Conflict]:
        """Return the conflicts that nobody has settled, in the order in which they came."""
        query = (
            "SELECT s.layer, s.code, s.indicator, c.ts, r.value, c.value, c.batch FROM conflict c "
            "JOIN series s ON s.id = c.series JOIN reading r ON r.series = c.series AND r.ts = c.ts "
            "WHERE c.settled IS NULL ORDER BY c.batch, c.series, c.ts LIMIT ?"
        )
        with self._reading() as connection:
            rows = connection.exec_driver_sql(query, (limit,)).all()
        return [Conflict(SeriesKey(*row[:3]), *row[3:]) for row in rows]

    def newest(self) -> int | None:
        """Return the moment of the newest reading of all, None where there is none."""
        found = self.latest().values()
        return max((ts for ts, _ in found), default=None)

    def check(self) -> list[str]:
        """Return every inconsistency found, an empty list where the file is sound."""
        with self._reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
            found = [f"page: {line}" for line in pages if line != "ok"]
            if found:
                return found
            for message, query in _PROBLEMS:
                rows = connection.exec_driver_sql(f"{query} LIMIT 20").scalars().all()
                found += [message.format(row) for row in rows]
        return found

    def copy_to(self, target: Path) -> None:
        """Write a whole copy into an empty file while others go on writing. LedgerError where it cannot be written."""
        with plain_errors(str(self.path)), contextlib.closing(sqlite3.connect(self.path)) as source:
            _copied(source, target)


_PROBLEMS: Final = (
    (
        "batch {0}: its readings are not those it counted",
        (
            "SELECT b.id FROM batch b LEFT JOIN (SELECT batch, count(*) AS n FROM reading GROUP BY batch) r "
            "ON r.batch = b.id WHERE coalesce(r.n, 0) <> b.accepted"
        ),
    ),
    (
        "series {0}: readings of a series or a batch that is not there",
        (
            "SELECT DISTINCT r.series FROM reading r LEFT JOIN series s ON s.id = r.series "
            "LEFT JOIN batch b ON b.id = r.batch WHERE s.id IS NULL OR b.id IS NULL"
        ),
    ),
    (
        "series {0}: a conflict with no reading",
        (
            "SELECT c.series FROM conflict c LEFT JOIN reading r ON r.series = c.series AND r.ts = c.ts "
            "WHERE r.series IS NULL"
        ),
    ),
)


def restore_series(copy: Path, path: Path) -> None:
    """Bring a copy back, also into a file that others have open. LedgerError where the copy is no series file."""
    _check_file(copy)
    with plain_errors(str(path)), contextlib.closing(sqlite3.connect(copy)) as source:
        if not path.exists():
            path.touch(mode=0o600)
        _copied(source, path)


def _copied(source: sqlite3.Connection, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(target, timeout=30, isolation_level=None)) as out:
        source.backup(out)
        out.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _create(path: Path) -> None:
    """Make an empty file for its owner alone; beside and then moved, so that it is never half there."""
    part = path.with_name(f".{path.name}{mark()}{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch(mode=0o600)
        engine = make_engine(part, pragmas=("journal_mode=DELETE", "synchronous=FULL"))
        with plain_errors(str(path)):
            try:
                with engine.connect().execution_options(writes=True) as connection, connection.begin():
                    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
                    for statement in (*_TABLES, *_TRIGGERS):
                        connection.exec_driver_sql(statement)
                    connection.exec_driver_sql("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
            finally:
                engine.dispose()
        _put(part, path)
    except OSError as problem:
        raise LedgerError(
            f"读数 {path}：不能新建（{problem.strerror}）；请检查目录是否可写",
            f"readings {path}: cannot be made ({problem.strerror}); check that the folder is writable",
        ) from problem
    finally:
        part.unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    """Give a finished file its name unless another process was first: its file is as good."""
    with contextlib.suppress(FileExistsError):
        try:
            path.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if not path.exists():
                part.replace(path)


def _check_file(path: Path) -> None:
    """Raise LedgerError unless a file is one of readings, of a schema that this program knows."""
    found, schema = None, None
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as head,
    ):
        (found,) = head.execute("PRAGMA application_id").fetchone()
        if found == APPLICATION_ID:
            (schema,) = head.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if found != APPLICATION_ID or schema is None:
        raise LedgerError(
            f"读数 {path}：不是读数文件，或已损坏；请用 riskmap restore 从备份恢复",
            f"readings {path}: no file of readings, or damaged; bring a backup back with riskmap restore",
        )
    if int(schema) > SCHEMA:
        raise LedgerError(
            f"读数 {path}：结构版本 {schema}，本程序只认识到 {SCHEMA}；请用更新的 riskmap 打开",
            f"readings {path}: schema {schema}, this program knows up to {SCHEMA}; open it with a newer riskmap",
        )


def _judged(connection: sa.Connection) -> int:
    """Return the last batch that thresholds have judged, 0 where there is none."""
    return int(connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'judged'").scalar() or 0)


def _number_of(connection: sa.Connection, key: SeriesKey) -> int | None:
    query = "SELECT id FROM series WHERE layer = ? AND code = ? AND indicator = ?"
    return connection.exec_driver_sql(query, tuple(key)).scalar()


@dataclass
class _Batch:
    """One batch on its way in, inside the write transaction."""

    connection: sa.Connection
    read: ReadFile
    source: str
    digest: str
    now: dt.datetime

    def taken(self) -> Ingested:
        before = self._scalar("SELECT id FROM batch WHERE digest = ?", (self.digest,))
        number = self._scalar("SELECT coalesce(max(id), 0) + 1 FROM batch")
        series = {key: self._series(key) for key in dict.fromkeys(one.key for one in self.read.readings)}
        newest = {
            n: self._scalar("SELECT max(ts) FROM reading WHERE series = ?", (n,)) for n in series.values()
        }
        self._incoming(series)
        accepted = self._run(
            "INSERT INTO reading SELECT series, ts, value, ? FROM incoming WHERE true ORDER BY n "
            "ON CONFLICT DO NOTHING",
            (number,),
        )
        taken = len(self.read.readings)
        conflict = self._scalar(f"SELECT count(*) {_DIFFER}") if accepted < taken else 0
        late = sum(self._late(n, ts, number) for n, ts in newest.items() if ts is not None)
        listed = conflict and self._run(
            f"INSERT INTO conflict SELECT i.series, i.ts, i.value, ?, NULL {_DIFFER} ORDER BY i.n ON CONFLICT DO NOTHING",
            (number,),
        )
        issues = (*self.read.issues, *(self._conflicts() if conflict else ()))
        self._run("DROP TABLE incoming")
        rows, refused = taken + self.read.refused, self.read.refused
        done = Ingested(
            number, rows, accepted, taken - accepted - conflict, conflict, refused, late, issues=issues
        )
        if before is None or accepted or listed:
            self._keep(done, again=before is not None)
            return done
        return Ingested(before, rows, 0, done.duplicate, conflict, refused, 0, issues=issues)

    def _series(self, key: SeriesKey) -> int:
        number = _number_of(self.connection, key)
        if number is None:
            self._run("INSERT INTO series (layer, code, indicator) VALUES (?, ?, ?)", tuple(key))
            number = _number_of(self.connection, key)
        return number or 0

    def _incoming(self, series: dict[SeriesKey, int]) -> None:
        self._run(
            "CREATE TEMP TABLE incoming (n INTEGER PRIMARY KEY, series INTEGER, ts BIGINT, value FLOAT)"
        )
        rows = ((n, series[one.key], one.ts, one.value) for n, one in enumerate(self.read.readings))
        for some in chunks(rows):
            self.connection.exec_driver_sql("INSERT INTO incoming VALUES (?, ?, ?, ?)", some)

    def _late(self, series: int, newest: int, batch: int) -> int:
        first = self._scalar("SELECT min(ts) FROM incoming WHERE series = ?", (series,))
        query = "SELECT count(*) FROM reading WHERE series = ? AND ts >= ? AND ts < ? AND batch = ?"
        return self._scalar(query, (series, first, newest, batch))

    def _conflicts(self) -> Iterator[IngestIssue]:
        """Yield one issue for each series that has conflicts in this batch: the first of them, and how many."""
        found: dict[SeriesKey, list[tuple[Reading, float]]] = {}
        query = f"SELECT i.n, r.value {_DIFFER} ORDER BY i.n"
        for n, kept in self.connection.exec_driver_sql(query).all():
            one = self.read.readings[n]
            found.setdefault(one.key, []).append((one, kept))
        for key, some in found.items():
            (first, kept), more = some[0], len(some) - 1
            at = f"{dt.datetime.fromtimestamp(first.ts, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
            zh, en = (f"；另有 {more} 条", f"; and {more} more") if more else ("", "")
            yield IngestIssue(
                first.row or None,
                "conflict",
                Text(
                    f"{key.code} › {key.indicator} › {at}：已有 {kept:g}，来的是 {first.value:g}；保留先到的，已列入冲突{zh}",
                    f"{key.code} › {key.indicator} › {at}: {kept:g} is there, {first.value:g} came; the first stays, the "
                    f"other is listed as a conflict{en}",
                ),
            )

    def _keep(self, done: Ingested, *, again: bool) -> None:
        """Write the batch; a file that came before and brought more this time is kept under a digest of its own."""
        digest = f"{self.digest}:{done.batch}" if again else self.digest
        self._run(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(done.batch, timestamp(self.now), self.source, digest),
                *(done.rows, done.accepted, done.duplicate, done.conflict, done.refused, done.late),
            ),
        )

    def _run(self, statement: str, given: tuple[Any, ...] = ()) -> int:
        return self.connection.exec_driver_sql(statement, given).rowcount

    def _scalar(self, query: str, given: tuple[Any, ...] = ()) -> Any:
        return self.connection.exec_driver_sql(query, given).scalar()


_DIFFER: Final = (
    "FROM incoming i JOIN reading r ON r.series = i.series AND r.ts = i.ts WHERE r.value IS NOT i.value"
)
