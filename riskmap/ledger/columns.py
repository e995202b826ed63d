"""What the ledger holds of one layer, read column by column and fast."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, Text
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.store import json_list, no_cycles, read_chunks
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.people import people_of
from riskmap.values.records import CLEAR, Clear, Contact, Value

if TYPE_CHECKING:
    from riskmap.io.tables import kept_columns
else:
    kept_columns = later("riskmap.io.tables.kept_columns")

Checklist = tuple[bool | Clear | None, ...]


# A record whose import was taken back: unknown again, but its past stays.
WITHDRAWN = "withdraw"


_READING: Final = Text("读取记录和联系人", "reading records and contacts")


_FEW = 4096  # distinct texts of a column that are kept once


@dataclass(slots=True)
class Known:
    """Revisions of one layer as parallel columns; `values` maps field → column, None is unknown.

    `op` is what made the revision (insert, takeover, update, move, retire, reinstate, withdraw), `retired` the
    reason while it is retired, `happened` the day of the last move of a record of a flow, `changed` the
    changeset. `shape_at` and `contacts_at` name the version that last set them. `contacts` is None unless it was
    asked for. `damaged`: rows whose stored fields cannot be read.
    """

    feature_id: list[int] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    op: list[str] = field(default_factory=list)
    retired: list[str | None] = field(default_factory=list)
    name: list[str | None] = field(default_factory=list)
    subdistrict: list[str | None] = field(default_factory=list)
    lon: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    lat: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    values: dict[str, list[Value]] = field(default_factory=dict)
    checklist: list[Checklist | None] = field(default_factory=list)
    shape: list[bytes | None] = field(default_factory=list)
    shape_at: list[int | None] = field(default_factory=list)
    contacts_at: list[int | None] = field(default_factory=list)
    contact_count: list[int] = field(default_factory=list)
    happened: list[str | None] = field(default_factory=list)
    contacts: list[tuple[Contact, ...]] | None = None
    damaged: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.code)

    def erase(self, at: int) -> None:
        """Forget what one row says, so that a statement is compared with nothing."""
        self.name[at] = self.subdistrict[at] = self.checklist[at] = self.shape[at] = None
        self.lon[at] = self.lat[at] = np.nan
        for column in self.values.values():
            column[at] = None
        if self.contacts is not None:
            self.contacts[at] = ()

    def body(self, at: int) -> dict[str, Value]:
        """Return the known fields of one row."""
        return {k: column[at] for k, column in self.values.items() if column[at] is not None}

    def position(self, at: int) -> tuple[float, float] | None:
        """Return (lon, lat) of one row, None where unlocated."""
        lon, lat = float(self.lon[at]), float(self.lat[at])
        return None if lon != lon or lat != lat else (lon, lat)  # noqa: PLR0124 (NaN)


@lru_cache(maxsize=8192)
def read_checklist(text: str | None) -> Checklist | None:
    """Return the checklist that a stored text means."""
    return None if text is None else tuple(orjson.loads(text))


@lru_cache(maxsize=8192)
def write_checklist(items: Checklist | None) -> str | None:
    """Return the stored text of a checklist; one with nothing known is no checklist."""
    known = [] if items is None else [None if item is CLEAR else item for item in items]
    return None if all(item is None for item in known) else orjson.dumps(known).decode()


@lru_cache(maxsize=65536)
def read_contacts(text: str | None) -> tuple[Contact, ...]:
    """Return the contacts that a stored text means; several persons that an older ledger has as one stand apart."""
    stored = () if text is None else orjson.loads(text)
    return tuple(one for person in stored for one in people_of(Contact(**person))[0])


def write_contacts(contacts: Sequence[Contact]) -> str | None:
    """Return the stored text of contacts, unknown parts left out."""
    if not contacts:
        return None
    people: list[dict[str, str]] = []
    for contact in contacts:
        person = {"role": contact.role}
        if contact.name is not None:
            person["name"] = contact.name
        if contact.phone is not None:
            person["phone"] = contact.phone
        if contact.post is not None:
            person["post"] = contact.post
        if contact.verified_on is not None:
            person["verified_on"] = contact.verified_on
        people.append(person)
    return orjson.dumps(people).decode()


def count_contacts(contacts: Sequence[Contact] | None) -> int:
    """Return how many contacts have a name or a phone."""
    return sum(1 for c in contacts if c.name or c.phone) if contacts else 0


_COLUMNS = (
    s.revision.c.feature_id,
    s.feature.c.code,
    s.revision.c.version,
    s.revision.c.valid_from,
    s.revision.c.op,
    s.revision.c.retired,
    s.revision.c.name,
    s.revision.c.subdistrict,
    s.revision.c.lon,
    s.revision.c.lat,
    s.revision.c.checklist,
    s.revision.c.shape_at,
    s.revision.c.contacts_at,
    s.revision.c.contact_count,
    s.revision.c.happened,
    s.shape.c.wkb,
    s.revision.c.body,
)


SHAPE_OF_REVISION = sa.and_(
    s.shape.c.feature_id == s.revision.c.feature_id, s.shape.c.version == s.revision.c.shape_at
)


CONTACTS_OF_REVISION = sa.and_(
    s.contact_set.c.feature_id == s.revision.c.feature_id,
    s.contact_set.c.version == s.revision.c.contacts_at,
)


def held_at(table: sa.Table, at: int | None) -> sa.ColumnElement[bool]:
    """Return the condition for what holds in a table of revisions or results: now, or after changeset `at`."""
    until = table.c.valid_to
    return (
        until.is_(None)
        if at is None
        else sa.and_(table.c.valid_from <= at, sa.or_(until.is_(None), until > at))
    )


def _query(*, contacts: bool, joined_by: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns: tuple[sa.ColumnElement[Any], ...] = _COLUMNS
    source = s.feature.join(s.revision, joined_by).outerjoin(s.shape, SHAPE_OF_REVISION)
    if contacts:
        columns = (*columns, s.contact_set.c.people)
        source = source.outerjoin(s.contact_set, CONTACTS_OF_REVISION)
    return sa.select(*columns).select_from(source)


def read_known(
    connection: sa.Connection,
    layer: str,
    *,
    at: int | None = None,
    codes: Collection[str] | None = None,
    retired: bool = True,
    contacts: bool = False,
    damaged: bool = False,
    definition: Layer | None = None,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> Known:
    """Read one layer in code order: as it is, or as it was after changeset `at`.

    By its `definition` kept columns that a field names by now are read as that field.

    `codes` narrow it; `retired` keeps retired records. LedgerError where the content of a record cannot
    be read, unless `damaged` ones are wanted too: who writes must know what is there.
    """
    if at is None:
        query = _query(contacts=contacts, joined_by=s.revision.c.id == s.feature.c.revision_id)
    else:
        query = _query(contacts=contacts, joined_by=s.revision.c.feature_id == s.feature.c.id)
        query = query.where(held_at(s.revision, at))
    query = query.where(s.feature.c.layer == layer)
    if codes is not None:
        query = query.where(s.feature.c.code.in_(json_list(codes)))
    if not retired:
        query = query.where(s.revision.c.retired.is_(None))
    query = query.order_by(s.feature.c.code)
    known = _collect(connection, query, contacts=contacts, progress=progress, expected=expected)
    if definition is not None:
        kept_columns.take_up(known.values, definition)
    if known.damaged and not damaged:
        code = known.code[known.damaged[0]]
        raise LedgerError(
            f"{layer} › {code}：台账中的内容读不了，未写入；请用 riskmap restore 从备份恢复",
            f"{layer} › {code}: what the ledger holds cannot be read, nothing was written; "
            "bring a backup back with riskmap restore",
        )
    return known


def read_people(
    connection: sa.Connection,
    layer: str,
    *,
    at: int | None = None,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> dict[str, tuple[Contact, ...]]:
    """Return the contacts of a layer's active records, by code: as they are, or as they were after changeset `at`."""
    joined_by = s.revision.c.id == s.feature.c.revision_id
    if at is not None:
        joined_by = sa.and_(s.revision.c.feature_id == s.feature.c.id, held_at(s.revision, at))
    query = (
        sa.select(s.feature.c.code, s.contact_set.c.people)
        .select_from(s.feature.join(s.revision, joined_by).outerjoin(s.contact_set, CONTACTS_OF_REVISION))
        .where(s.feature.c.layer == layer, s.revision.c.retired.is_(None))
    )
    found: dict[str, tuple[Contact, ...]] = {}
    for rows in read_chunks(connection, query):
        progress.step(len(found), max(expected, len(found)), _READING)
        found.update((code, read_contacts(people)) for code, people in rows)
    return found


def read_versions(
    connection: sa.Connection, layer: str, code: str, *, definition: Layer | None = None
) -> Known:
    """Read every revision of one record, oldest first, contacts included; `definition` as in `read_known`."""
    query = _query(contacts=True, joined_by=s.revision.c.feature_id == s.feature.c.id)
    query = query.where(s.feature.c.layer == layer, s.feature.c.code == code)
    known = _collect(connection, query.order_by(s.revision.c.version), contacts=True)
    if definition is not None:
        kept_columns.take_up(known.values, definition)
    return known


def read_changed_by(
    connection: sa.Connection, changeset: int, layer: str, *, first_only: bool = False
) -> Known:
    """Read the revisions that one changeset wrote in a layer; with `first_only` only those of new records."""
    query = _query(contacts=False, joined_by=s.revision.c.feature_id == s.feature.c.id)
    query = query.where(s.feature.c.layer == layer, s.revision.c.valid_from == changeset)
    if first_only:
        query = query.where(s.revision.c.version == 1)
    return _collect(connection, query.order_by(s.feature.c.code), contacts=False)


def read_replaced_by(connection: sa.Connection, changeset: int, layer: str) -> Known:
    """Read the revisions of a layer that one changeset closed."""
    query = _query(contacts=False, joined_by=s.revision.c.feature_id == s.feature.c.id)
    touched = sa.select(s.revision.c.feature_id).where(s.revision.c.valid_from == changeset)
    query = query.where(
        s.feature.c.layer == layer, s.feature.c.id.in_(touched), s.revision.c.valid_to == changeset
    )
    return _collect(connection, query.order_by(s.feature.c.code), contacts=False)


def _collect(
    connection: sa.Connection,
    query: sa.Select[Any],
    *,
    contacts: bool,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> Known:
    with no_cycles():
        return _columns(connection, query, contacts=contacts, progress=progress, expected=expected)


def _columns(
    connection: sa.Connection,
    query: sa.Select[Any],
    *,
    contacts: bool,
    progress: Progress,
    expected: int,
) -> Known:
    known = Known(contacts=[] if contacts else None)
    lon: list[NDArray[np.float64]] = []
    lat: list[NDArray[np.float64]] = []
    few: dict[str, dict[Any, Any]] = {}
    for rows in read_chunks(connection, query):
        progress.step(len(known), max(expected, len(known)), _READING)
        columns = list(zip(*rows, strict=True))
        known.feature_id += columns[0]
        known.code += columns[1]
        known.version += columns[2]
        known.changed += columns[3]
        known.op += _kept_once(columns[4], few.setdefault("", {}))
        known.retired += columns[5]
        known.name += columns[6]
        known.subdistrict += _kept_once(columns[7], few.setdefault("", {}))
        lon.append(np.array(columns[8], dtype=np.float64))
        lat.append(np.array(columns[9], dtype=np.float64))
        known.checklist += map(read_checklist, columns[10])
        known.shape_at += columns[11]
        known.contacts_at += columns[12]
        known.contact_count += columns[13]
        known.happened += columns[14]
        known.shape += columns[15]
        known.damaged += _add_values(known.values, columns[16], few, len(known) - len(rows))
        if known.contacts is not None:
            known.contacts += map(read_contacts, columns[17])
    if lon:
        known.lon, known.lat = np.concatenate(lon), np.concatenate(lat)
    return known


def _add_values(
    values: dict[str, list[Value]], bodies: Sequence[str], few: dict[str, dict[Any, Any]], before: int
) -> list[int]:
    """Add the fields of a chunk; return the rows whose body cannot be read."""
    damaged: list[int] = []
    read: list[dict[str, Value]] = []
    try:  # one parse for the chunk instead of one per row
        read = orjson.loads(f"[{','.join(bodies)}]")
        sound = len(read) == len(bodies) and all(type(body) is dict for body in read)
    except orjson.JSONDecodeError:
        sound = False
    if not sound:
        each = [read_body(body) for body in bodies]
        damaged = [before + at for at, body in enumerate(each) if body is None]
        read = [body or {} for body in each]
    keys: set[str] = set().union(*read)
    for key in sorted(keys - values.keys()):  # a set's own order changes from run to run
        values[key] = [None] * before
    for key, column in values.items():
        new = [body.get(key) for body in read] if key in keys else [None] * len(read)
        if isinstance(next((v for v in new if v is not None), None), str):
            new = _kept_once(new, few.setdefault(key, {}))
        column.extend(new)
    return damaged


def read_body(text: str | bytes) -> dict[str, Value] | None:
    """Return the fields that a stored body means; None where it is damaged."""
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


def _kept_once(column: Sequence[Any], few: dict[Any, Any]) -> Sequence[Any]:
    """Return the column with equal texts as one object, while there are few of them."""
    if len(few) > _FEW:
        return column
    keep = few.setdefault
    # Only texts: 1, 1.0 and True are equal and must stay what they are.
    return [keep(v, v) if type(v) is str else v for v in column]
