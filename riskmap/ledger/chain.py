"""A chain of digests over what was written: who alters, adds or takes away a past row breaks it from there on.

A link covers the changesets, and the lines of the event log, that came after the link before it. Its digest is
SHA-256 over a canonical text (UTF-8, lines end with LF): `riskmap ledger chain VERSION`; a line for each table of
that version with its columns, the changeset or event first; `previous` and the digest before (`none` for the
first); then for each table that has rows, in the order of the version, `= TABLE` and its rows, each a JSON array
as orjson writes it: a line for each row in versions 1 and 2, from 3 on one line with an array of them all (written
in pieces of some thousand rows, in a third of the time). Bytes (shapes, and long texts, which are read as bytes: a
sixth cheaper) stand as their SHA-256 in hex. What may still change stands elsewhere: rejected and held rows may be
opened again, and the state of a record follows from its revisions (`upkeep` checks that). The log of exports and the
reminders that went out change no record.

A later schema adds its tables under a new version; links of earlier versions are checked by theirs, for ever.
"""

from __future__ import annotations

import hashlib
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import orjson
import sqlalchemy as sa

from riskmap.ledger import schema as s

_FETCHED: Final = 2_000


_TELLING: Final = 8  # hex digits: with fewer, a link may be met by chance


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one table: those whose `key` (a changeset, or the number of an event) a link covers."""

    table: str
    columns: str
    key: str
    order: str
    source: str = ""

    @property
    def line(self) -> str:
        """How the canonical text names table and columns."""
        return f"{self.table}: {self.key}, {self.columns}\n"

    @property
    def query(self) -> str:
        """The rows after one key, up to another, in their order; the key comes first."""
        return (
            f"SELECT {self.key}, {self.columns} FROM {self.source or self.table} "  # noqa: S608 (names of ours)
            f"WHERE {self.key} > ? AND {self.key} <= ? ORDER BY {self.key}, {self.order}"
        )


# CROSS JOIN keeps SQLite at the order of writing: the revisions by changeset first, then what belongs to them.
_FIRST: Final[tuple[_Part, ...]] = (
    _Part("changeset", "at, who, why, kind, counts, undoes", "id", "id"),
    _Part(
        "revision",
        "r.id, f.layer, f.code, r.version, r.op, r.retired, r.name, r.subdistrict, r.lon, r.lat, CAST(r.body AS BLOB), "
        "r.checklist, r.shape_at, r.contacts_at, r.contact_count, g.wkb, CAST(p.people AS BLOB)",
        "r.valid_from",
        "r.id",
        "revision r CROSS JOIN feature f ON f.id = r.feature_id "
        "LEFT JOIN shape g ON r.shape_at = r.version AND g.feature_id = r.feature_id AND g.version = r.version "
        "LEFT JOIN contact_set p ON r.contacts_at = r.version AND p.feature_id = r.feature_id "
        "AND p.version = r.version",
    ),
    _Part(
        "import_batch",
        "id, layer, file, digest, datum, rows, inserted, updated, unchanged, held, rejected, "
        "skipped_non_data, from_batch",
        "changeset_id",
        "id",
    ),
    _Part(
        "rejected_row",
        "j.id, j.batch_id, j.layer, j.file, j.sheet, j.row, j.code, j.cells, j.bad, j.issues, j.digest",
        "b.changeset_id",
        "j.id",
        "import_batch b CROSS JOIN rejected_row j ON j.batch_id = b.id",
    ),
    _Part(
        "held_row",
        "h.id, h.batch_id, h.layer, h.code, h.file, h.sheet, h.row, h.rule, h.zh, h.en, h.content, h.people, "
        "h.shape, h.digest",
        "b.changeset_id",
        "h.id",
        "import_batch b CROSS JOIN held_row h ON h.batch_id = b.id",
    ),
    _Part(
        "model_version",
        "v.model, v.version, v.digest, t.text, v.base, o.text",
        "v.changeset_id",
        "v.model",
        "model_version v CROSS JOIN model_text t ON t.digest = v.digest "
        "CROSS JOIN model_text o ON o.digest = v.base",
    ),
    _Part(
        "run_layer",
        "u.run_id, u.layer, u.model, u.digest, t.text, u.base, u.whole, u.assessed, u.unrated, u.changed, "
        "u.fit, m.body",
        "u.changeset_id",
        "u.layer",
        "run_layer u CROSS JOIN model_text t ON t.digest = u.digest LEFT JOIN model_fit m ON m.digest = u.fit",
    ),
    _Part(
        "assessment",
        "feature_id, run_id, version, rank, score, missing, rules, cause",
        "valid_from",
        "feature_id",
    ),
    _Part("scenario", "id, at, title, drill, body", "changeset_id", "id"),
    _Part(
        "escalation",
        "e.scenario_id, e.number, e.feature_id, e.version, e.rank_from, e.rank_to, e.trigger_id, e.cause_zh, "
        "e.cause_en, e.start, e.expiry, e.value, e.low, e.high, e.details",
        "c.changeset_id",
        "e.scenario_id, e.number",
        "scenario c CROSS JOIN escalation e ON e.scenario_id = c.id",
    ),
)


# 2: what a record of a flow says of it, the links between records, what is attached to them, the streets of a file.
_REVISION_2: Final = replace(_FIRST[1], columns=_FIRST[1].columns + ", r.state, r.due, r.happened")


_LINK: Final = _Part("link", "from_id, field, ordinal, to_id", "valid_from", "from_id, field, ordinal")


_ATTACHED: Final = _Part(
    "attached",
    "p.feature_id, p.field, p.digest, p.name, a.media, a.bytes, a.width, a.height, a.taken, a.lon, a.lat",
    "p.valid_from",
    "p.feature_id, p.field, p.digest",
    "attached p CROSS JOIN attachment a ON a.digest = p.digest",
)


_BATCH_2: Final = replace(_FIRST[2], columns=_FIRST[2].columns + ", streets")


_CHANGESETS: Final[Mapping[int, tuple[_Part, ...]]] = {
    1: _FIRST,
    2: (_WITH_FLOWS := (_FIRST[0], _REVISION_2, _BATCH_2, *_FIRST[3:], _LINK, _ATTACHED)),
    3: _WITH_FLOWS,
}


_EVENT: Final = _Part(
    "event",
    "scenario_id, at, recorded, who, why, kind, feature_id, subdistrict, corrects, body",
    "id",
    "id",
)


_EVENTS: Final[Mapping[int, tuple[_Part, ...]]] = dict.fromkeys(_CHANGESETS, (_EVENT,))


_ROW_BY_ROW: Final = 2  # up to this version each row is a line


VERSION: Final = max(_CHANGESETS)  # of new links


_Until = tuple[int, int]  # the last changeset and the last event that a link covers


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A link of the chain: the changeset that it closes, the version of its canonical text, its digest in hex."""

    changeset: int
    version: int
    digest: str


class _Rows:
    """The rows of one part from a key on, read once, given out link by link."""

    def __init__(
        self, driver: sqlite3.Connection, part: _Part, after: int, until: int, *, version: int
    ) -> None:
        self.part = part
        self._line_each = version <= _ROW_BY_ROW
        self._cursor = driver.execute(part.query, (after, until))
        self._waiting: list[tuple[Any, ...]] = []
        self._at = 0

    def until(self, key: int) -> Iterator[bytes]:
        """Yield the canonical text of the rows up to a key, in pieces."""
        pieces = self._pieces(key)
        if (rows := next(pieces, None)) is None:
            return
        yield f"= {self.part.table}\n".encode()
        if self._line_each:
            for piece in chain([rows], pieces):
                yield b"".join([orjson.dumps(row, _digest_of, orjson.OPT_APPEND_NEWLINE) for row in piece])
            return
        yield orjson.dumps(rows, _digest_of)[:-1]
        for piece in pieces:
            yield b"," + orjson.dumps(piece, _digest_of)[1:-1]
        yield b"]\n"

    def _pieces(self, key: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows up to a key, as they are fetched."""
        while self._fill() and self._waiting[self._at][0] <= key:
            start, rows = self._at, self._waiting
            self._at = len(rows) if rows[-1][0] <= key else bisect_right(rows, key, start, key=itemgetter(0))
            yield rows[start : self._at]

    def _fill(self) -> bool:
        if self._at == len(self._waiting):
            self._waiting, self._at = self._cursor.fetchmany(_FETCHED), 0
        return bool(self._waiting)


def _digest_of(value: object) -> str:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(type(value).__name__)


def _digests(
    driver: sqlite3.Connection, start: _Until, links: Sequence[tuple[_Until, str | None]], version: int
) -> Iterator[str]:
    """Yield the digest of each link that follows `start`: (what it covers until, the digest before it)."""
    if not links:
        return
    (changeset, event), (last, said) = start, links[-1][0]
    by_changeset = [_Rows(driver, part, changeset, last, version=version) for part in _CHANGESETS[version]]
    by_event = [_Rows(driver, part, event, said, version=version) for part in _EVENTS[version]]
    head = f"riskmap ledger chain {version}\n" + "".join(
        rows.part.line for rows in (*by_changeset, *by_event)
    )
    for until, previous in links:
        text = hashlib.sha256(f"{head}previous {previous or 'none'}\n".encode())
        for rows, key in chain(((r, until[0]) for r in by_changeset), ((r, until[1]) for r in by_event)):
            for lines in rows.until(key):
                text.update(lines)
        yield text.hexdigest()


def extend(connection: sa.Connection) -> None:
    """Write the links of what this transaction has written: one for each changeset, the last with the new events."""
    driver = _driver(connection)
    number, start, previous = _last(driver)
    new = [row[0] for row in driver.execute("SELECT id FROM changeset WHERE id > ? ORDER BY id", start[:1])]
    (event,) = driver.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()
    if not new and event == start[1]:
        return
    ends = [(changeset, start[1]) for changeset in new[:-1]] + [(new[-1] if new else start[0], event)]
    for end in ends:
        number += 1
        (digest,) = _digests(driver, start, [(end, previous)], VERSION)
        driver.execute(_WRITE, (number, *end, VERSION, digest))
        start, previous = end, digest


_WRITE: Final = "INSERT INTO chain_link (id, changeset_id, event_id, version, digest) VALUES (?, ?, ?, ?, ?)"


def _last(driver: sqlite3.Connection) -> tuple[int, _Until, str | None]:
    found = driver.execute(
        "SELECT id, changeset_id, event_id, digest FROM chain_link ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return (0, (0, 0), None) if found is None else (found[0], (found[1], found[2]), found[3])


def head(connection: sa.Connection, *, state: int | None = None) -> ChainHead | None:
    """Return the last link, or the one that closed a state; None where nothing was written yet."""
    t = s.chain_link
    query = sa.select(t.c.changeset_id, t.c.version, t.c.digest)
    if state is None:
        query = query.order_by(t.c.id.desc())
    else:
        query = query.where(t.c.changeset_id <= state).order_by(t.c.changeset_id.desc(), t.c.id)
    found = connection.execute(query.limit(1)).first()
    return None if found is None else ChainHead(*found)


def link(connection: sa.Connection, digest: str) -> ChainHead | None:
    """Return the link whose digest begins so, None where there is none or digits are too few to tell."""
    t = s.chain_link
    if len(digest) < _TELLING or not set(digest.lower()) <= set("0123456789abcdef"):
        return None
    query = sa.select(t.c.changeset_id, t.c.version, t.c.digest)
    found = connection.execute(query.where(t.c.digest.startswith(digest.lower())).limit(2)).all()
    return ChainHead(*found[0]) if len(found) == 1 else None


def broken(connection: sa.Connection) -> Iterator[str]:
    """Yield what the chain says was altered, added or taken away; nothing where it is whole."""
    driver = _driver(connection)
    links: list[tuple[int, int, int, int, str]] = driver.execute(
        "SELECT id, changeset_id, event_id, version, digest FROM chain_link ORDER BY id"
    ).fetchall()
    start: _Until = (0, 0)
    previous: str | None = None
    for version, some in _by_version(links):
        if version not in _CHANGESETS:
            yield f"chain: link {some[0][0]} is of version {version}, which this program does not know"
            return
        before = [previous, *(digest for *_, digest in some[:-1])]
        asked = [((c, e), p) for (_, c, e, *_), p in zip(some, before, strict=True)]
        for link, digest in zip(some, _digests(driver, start, asked, version), strict=True):
            if digest != link[4]:
                yield f"chain: what changeset {link[1]} wrote is not what stands there now (link {link[0]})"
        start, previous = (some[-1][1], some[-1][2]), some[-1][4]
    yield from _uncovered(driver, start, [link[0] for link in links])


def _by_version(links: Iterable[tuple[int, int, int, int, str]]) -> Iterator[tuple[int, list[Any]]]:
    some: list[Any] = []
    for link in links:
        if some and link[3] != some[-1][3]:
            yield some[-1][3], some
            some = []
        some.append(link)
    if some:
        yield some[-1][3], some


def _uncovered(driver: sqlite3.Connection, end: _Until, numbers: Sequence[int]) -> Iterator[str]:
    if list(numbers) != list(range(1, len(numbers) + 1)):
        yield "chain: links are missing"
    for table, last in zip(("changeset", "event"), end, strict=True):
        (found,) = driver.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # noqa: S608 (ours)
        if found != last:
            yield f"chain: it ends at {table} {last}, the ledger at {found}"


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
