"""The database behind the ledger: connections, transactions, bulk statements, plain errors.

SQLite is opened as a ledger of record must be: write-ahead log, every commit on disk before it is
acknowledged, writers one after the other (`BEGIN IMMEDIATE`), readers on a snapshot of their own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import QueuePool

from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError
from riskmap.interface import option
from riskmap.ledger import chain
from riskmap.ledger import schema as s
from riskmap.moments import CLOCK_IS_RIGHT, clock_vouched_for, program_date, utc_now

_T = TypeVar("_T")


Clock = Callable[[], dt.datetime]


CHUNK = 20_000


READ_CHUNK = 8_000


_BUSY_MS = 30_000


# Of each connection's cache. A whole district's import: what is spilled is written twice. Who reads through a million
# records meets each page once, and would keep what the cache holds for good, in each of the threads.
_WRITER_KB, _READER_KB = 131_072, 4_096


_PRAGMAS = (
    f"busy_timeout={_BUSY_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # or INSERT OR REPLACE would pass the triggers that forbid deleting
    "temp_store=MEMORY",
    "journal_size_limit=67108864",
)


def timestamp(moment: dt.datetime) -> str:
    """Return a moment as the ledger writes it: ISO, UTC, microseconds, so that text sorts as time."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


_SQLITE: Final = "sqlite:///"


def file_of(url: str) -> Path:
    """Return the file that a SQLite URL names: all that follows `sqlite:///`, as it stands.

    A folder may be called `a?b`, `50%20` or `#1`: nothing is a query, nothing is decoded. LedgerError for a
    URL that names no file, which it does not repeat.
    """
    path = url.removeprefix(_SQLITE)
    if path == url or path in {"", ":memory:"}:
        raise LedgerError(
            f"台账地址 {_shown(url)}：目前只支持 SQLite 文件；请写 sqlite:///路径/ledger.sqlite",
            f"ledger address {_shown(url)}: only SQLite files are supported; write sqlite:///path/ledger.sqlite",
        )
    return Path(path)


def _shown(url: str) -> str:
    """Return of an address its scheme alone: where it cannot be read, a password may be any part of the rest."""
    scheme = url.partition("://")[0]
    if scheme.startswith("sqlite") and not {"@", "?"} & set(url):
        return url
    return f"{scheme}://…" if re.fullmatch(r"[A-Za-z][\w+.-]*", scheme) and scheme != url else "…"


@contextlib.contextmanager
def plain_errors(place: str) -> Iterator[None]:
    """Turn what the database says into one LedgerError that names the place and the remedy."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error) as problem:
        raise ledger_error(place, str(getattr(problem, "orig", problem))) from problem
    except (UnicodeEncodeError, OverflowError) as problem:
        raise LedgerError(
            f"台账 {place}：有不能保存的文字或数字（{problem}），未写入；请检查该值",
            f"ledger {place}: a text or number cannot be stored ({problem}); nothing was written, check the value",
        ) from problem


_SAYINGS: tuple[tuple[str, str, str], ...] = (
    (
        "is full",
        "磁盘已满，未写入任何内容；请腾出空间后重试",
        "the disk is full, nothing was written; free some space and try again",
    ),
    (
        "locked",
        "另一个程序正在写入，等待超时，未写入任何内容；请稍后重试",
        "another program is writing and did not finish in time, nothing was written; try again later",
    ),
    (
        "readonly",
        "文件或所在文件夹只读，只能查看，未写入；要修改，请检查权限，或把整个工作区复制到可写的文件夹",
        "the file or its folder is read-only: looking only, nothing was written; check its rights, or copy the workspace",
    ),
    (
        "unable to open",
        "打不开；请检查路径和权限",
        "cannot be opened; check the path and its rights",
    ),
    (
        "not a database",
        "不是台账文件；请检查路径，或用 riskmap restore 从备份恢复",
        "not a ledger; check the path, or bring a backup back with riskmap restore",
    ),
    (
        "malformed",
        "文件已损坏；请用 riskmap restore 从备份恢复",
        "the file is damaged; bring a backup back with riskmap restore",
    ),
    (
        "decode to UTF-8",
        "文件已损坏（有文字读不出来）；请用 riskmap restore 从备份恢复",
        "the file is damaged (a text in it cannot be read); bring a backup back with riskmap restore",
    ),
    (
        "disk I/O error",
        "磁盘读写出错，未写入任何内容；请检查磁盘",
        "reading or writing the disk failed, nothing was written; check the disk",
    ),
)


class NotWritableError(LedgerError):
    """The file or its folder cannot be written to, or not be opened at all."""


_NOT_WRITABLE: Final = frozenset({"readonly", "unable to open"})


def ledger_error(place: str, said: str) -> LedgerError:
    """Return the LedgerError for a message of the database."""
    for sign, zh, en in _SAYINGS:
        if sign in said:
            kind = NotWritableError if sign in _NOT_WRITABLE else LedgerError
            return kind(f"台账 {place}：{zh}", f"ledger {place}: {en}")
    return LedgerError(
        f"台账 {place}：数据库拒绝了这一步（{said}），未写入任何内容",
        f"ledger {place}: the database refused this step ({said}); nothing was written",
    )


LOOKING: Final = (f"busy_timeout={_BUSY_MS}", "query_only=ON", "temp_store=MEMORY")


"""Pragmas of a ledger that is only looked at: nothing of its file is touched."""


def make_engine(path: Path, *, pragmas: Sequence[str] = _PRAGMAS) -> sa.Engine:
    """Return an engine over one SQLite file; each thread takes a connection of its own."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        pool_timeout=_BUSY_MS / 1000,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are ours: BEGIN IMMEDIATE or BEGIN
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql(f"PRAGMA cache_size=-{_WRITER_KB if writes else _READER_KB}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@dataclass(slots=True)
class _Transaction:
    """A write transaction that is open, and what went wrong in one of its steps."""

    connection: sa.Connection
    failed: BaseException | None = None

    @contextlib.contextmanager
    def step(self, place: str) -> Iterator[sa.Connection]:
        """Let a nested write take part; where it fails, nothing of the transaction may be committed."""
        self.refuse_half(place)
        try:
            with plain_errors(place):
                yield self.connection
        except BaseException as problem:
            self.failed = problem
            raise

    def refuse_half(self, place: str) -> None:
        """Raise LedgerError where a step has failed: a caller that went on would commit half."""
        if self.failed is not None:
            raise LedgerError(
                f"台账 {place}：其中一步没有完成（{self.failed}），未写入任何内容；请解决后重试",
                f"ledger {place}: one of the steps failed ({self.failed}), nothing was written; mend it and try again",
            ) from self.failed


# The write transactions that are open, by thread and place: a context may be copied into another
# thread, a connection may not.
_open: ContextVar[Mapping[tuple[int, str], _Transaction] | None] = ContextVar("open", default=None)


@dataclass(frozen=True)
class Store:
    """An open database with the clock and the personal fields (layer → field ids) to mask.

    By `layers` kept columns that a field names by now are read as that field. `closing`: what a write transaction is
    judged by once everything in it is written; it is told the last changeset before it, and raises.
    """

    engine: sa.Engine
    place: str
    clock: Clock = utc_now
    personal: Mapping[str, Collection[str]] = field(default_factory=dict)
    layers: Mapping[str, Layer] = field(default_factory=dict)
    looking: bool = False  # its folder cannot be written to
    closing: Callable[[sa.Connection, Store, int], None] | None = None

    @property
    def today(self) -> dt.date:
        """The day of its clock, in the zone of this machine: what laws and deadlines are compared with."""
        return self.clock().astimezone().date()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a read transaction: one unchanging snapshot. Within `writing` read what it has written."""
        joined = self._joined()
        if joined is not None:
            yield joined.connection
            return
        with plain_errors(self.place), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open the one write transaction, or join the one that this thread has open; all of it lands or none."""
        joined = self._joined()
        if joined is not None:
            with joined.step(self.place) as connection:
                yield connection
            return
        if self.looking:
            raise ledger_error(self.place, "readonly")
        with (
            plain_errors(self.place),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            mine = _Transaction(connection)
            base = last_changeset(connection)
            token = _open.set({**(_open.get() or {}), self._key(): mine})
            try:
                yield connection
                mine.refuse_half(self.place)
                if self.closing is not None:
                    self.closing(connection, self, base)
                chain.extend(connection)
            finally:
                _open.reset(token)

    def written_now(self, connection: sa.Connection) -> str:
        """Return the moment of a write. LedgerError where the clock is far ahead and nobody vouches for it.

        One write in a wrong year would stamp every later one: times in a ledger never go back.
        """
        now, newest = self.clock(), _newest(connection)
        evidence = [moment for moment in (newest, program_date()) if moment is not None]
        if evidence and now > max(evidence) + _AHEAD and not clock_vouched_for():
            known = f"{max(evidence):%Y-%m-%d}"
            raise LedgerError(
                f"台账 {self.place}：本机时钟是 {now:%Y-%m-%d}，而台账最后一次写入和程序安装都不晚于 {known}，未写入；"
                f"请校准时钟；时钟无误时，用 {option('clock-is-right')}（或设环境变量 {CLOCK_IS_RIGHT}=1）再写",
                f"ledger {self.place}: this machine's clock says {now:%Y-%m-%d}, but neither was the ledger written "
                f"to nor the program installed after {known}; nothing was written: set the clock right, or, where "
                f"it is right, write with {option('clock-is-right', 'en')} (or with {CLOCK_IS_RIGHT}=1 in the environment)",
            )
        return timestamp(now)

    def _key(self) -> tuple[int, str]:
        return threading.get_ident(), self.place

    def _joined(self) -> _Transaction | None:
        return (_open.get() or {}).get(self._key())

    def personal_fields(self, layer: str) -> frozenset[str]:
        """Return the field ids of a layer that hold personal data."""
        return frozenset(self.personal.get(layer, ()))


# A mistyped year is caught. A ledger and a program that both rest longer are asked about once.
_AHEAD: Final = dt.timedelta(days=300)


_NEWEST: Final = (
    "SELECT max((SELECT coalesce(max(at), '') FROM (SELECT at FROM changeset ORDER BY id DESC LIMIT 1)), "
    "(SELECT coalesce(max(at), '') FROM (SELECT at FROM export_log ORDER BY id DESC LIMIT 1)), "
    "(SELECT coalesce(max(recorded), '') FROM (SELECT recorded FROM event ORDER BY id DESC LIMIT 1)))"
)


def _newest(connection: sa.Connection) -> dt.datetime | None:
    """Return when the ledger was last written to, None where it never was."""
    found = connection.exec_driver_sql(_NEWEST).scalar()
    return stored_moment(found) if found else None


def stored_moment(text: str) -> dt.datetime:
    """Return a moment as `timestamp` wrote it. LedgerError where the text is none any more."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as problem:
        raise LedgerError(
            f"台账：时间 {text!r} 读不出来，文件已损坏；请用 riskmap restore 从备份恢复",
            f"ledger: the time {text!r} cannot be read, the file is damaged; bring a backup back with riskmap restore",
        ) from problem


def next_id(connection: sa.Connection, table: sa.Table) -> int:
    """Return the first free id of a table. Safe only inside the write transaction."""
    return (connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0) + 1


BESIDE: Final = "scenario"


"""Kind of the changesets that write beside the records: no list and no map changes with them."""


def last_changeset(connection: sa.Connection) -> int:
    """Return the number of the last changeset."""
    return connection.execute(sa.select(sa.func.max(s.changeset.c.id))).scalar() or 0


def state_of(connection: sa.Connection) -> int:
    """Return the state: the number of the last changeset that may have touched records or their tiers."""
    t = s.changeset
    last = sa.select(t.c.id).where(t.c.kind != BESIDE).order_by(t.c.id.desc()).limit(1)
    return connection.execute(last).scalar() or 0


def chunks(rows: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """Yield lists of at most `size` rows."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _mark(connection: sa.Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


_gc_lock = threading.Lock()


_gc_pauses = 0


@contextlib.contextmanager
def no_cycles() -> Iterator[None]:
    """Pause the search for reference cycles while a million values are made that have none.

    It would walk through everything read so far again and again: a tenth of a large read (docs/hacks.md).
    Counted, because several threads may read at once.
    """
    global _gc_pauses  # noqa: PLW0603 (the collector is one per process, so is the count)
    with _gc_lock:
        if _gc_pauses == 0 and not gc.isenabled():
            yielded_to = False  # somebody else has paused it: leave it alone
        else:
            yielded_to = True
            _gc_pauses += 1
            gc.disable()
    try:
        yield
    finally:
        if yielded_to:
            with _gc_lock:
                _gc_pauses -= 1
                if _gc_pauses == 0:
                    gc.enable()


def json_list(values: Collection[Any]) -> sa.Select[Any]:
    """Return a subquery of the values: one bound JSON list, however many they are."""
    listed = sa.func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
    return sa.select(listed.c.value)


def moments(connection: sa.Connection, numbers: Collection[int]) -> dict[int, str]:
    """Return when changesets were written: id → timestamp."""
    query = sa.select(s.changeset.c.id, s.changeset.c.at).where(s.changeset.c.id.in_(json_list(numbers)))
    return dict(connection.execute(query).all())


def read_chunks(
    connection: sa.Connection, query: sa.Select[*tuple[Any, ...]]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the plain tuples of the driver in chunks; SQLAlchemy's rows would double the time."""
    result = connection.execute(query)  # not stream_results: that would fetch rows ahead of us
    cursor = result.cursor
    while cursor is not None and (rows := cursor.fetchmany(READ_CHUNK)):
        yield rows  # pyright: ignore[reportReturnType]
    result.close()


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    *,
    same: Mapping[str, int | str | None] | None = None,
) -> None:
    """Insert tuples in chunks, straight through the driver: a fifth of the cost of dictionaries.

    `same` are columns with one value in all rows: written into the statement, they are bound once
    and not a million times.
    """
    fixed = dict(same or {})
    marks = ", ".join([*[_mark(connection)] * len(columns), *map(_literal, fixed.values())])
    statement = f"INSERT INTO {table.name} ({', '.join([*columns, *fixed])}) VALUES ({marks})"  # noqa: S608 (names of ours)
    for chunk in chunks(rows):
        connection.exec_driver_sql(statement, chunk)


def _literal(value: int | str | None) -> str:
    if value is None:
        return "NULL"
    return str(int(value)) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def update_rows(connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Run one UPDATE, written with `?`, for every tuple; return how many rows it touched."""
    statement = statement.replace("?", _mark(connection))
    return sum(connection.exec_driver_sql(statement, chunk).rowcount for chunk in chunks(rows))


def build(path: Path) -> None:
    """Write an empty ledger to `path`, a file without content; its log will have the rights of the file."""
    # Pages of 8 kB halve the writes of a large import and hardly add to those of an edit. SQLite copies no backup into
    # a ledger whose pages have another size: so they stay.
    engine = make_engine(path, pragmas=("page_size=8192", "journal_mode=DELETE", "synchronous=FULL"))
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.exec_driver_sql(f"PRAGMA application_id={s.APPLICATION_ID}")
            s.metadata.create_all(connection)
            for statement in s.sqlite_statements():
                connection.exec_driver_sql(statement)
            connection.execute(s.meta.insert().values(key="schema", value=str(s.SCHEMA_VERSION)))
    finally:
        engine.dispose()


def fsync_file(path: Path) -> None:
    """Make sure that a finished file is on the disk."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def fsync_directory(directory: Path) -> None:
    """Make sure that a rename is on the disk; Windows cannot and need not."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_schema(engine: sa.Engine, place: str) -> None:
    """Raise LedgerError unless the database is a ledger of this schema."""
    with plain_errors(place), engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        if s.meta.name not in tables or s.changeset.name not in tables:
            raise LedgerError(
                f"台账 {place}：不是台账文件；请检查路径，或用 riskmap init 新建",
                f"ledger {place}: not a ledger; check the path, or make one with riskmap init",
            )
        found = connection.execute(sa.select(s.meta.c.value).where(s.meta.c.key == "schema")).scalar()
        missing = sorted(set(s.metadata.tables) - tables)
    if found is None or not found.isdigit() or int(found) > s.SCHEMA_VERSION:
        raise LedgerError(
            f"台账 {place}：台账结构版本 {found}，本程序只认识到 {s.SCHEMA_VERSION}；请用更新的 riskmap 打开",
            f"ledger {place}: ledger schema {found}, this program knows up to {s.SCHEMA_VERSION}; open it with a newer riskmap",
        )
    if missing:
        raise LedgerError(
            f"台账 {place}：台账缺少表 {'、'.join(missing)}；请用 riskmap restore 从备份恢复",
            f"ledger {place}: the ledger lacks tables {', '.join(missing)}; bring a backup back with riskmap restore",
        )
