"""Streets and communities that were renamed or merged: all records at once, and what a name of before means today.

No table keeps the names of before: the changeset that renamed them says so in its counts, one entry for each name, and
one that was undone says nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
import sqlalchemy as sa

from riskmap.errors import LedgerError
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.columns import read_known
from riskmap.ledger.store import Store
from riskmap.values.records import Records

if TYPE_CHECKING:
    from riskmap.ledger import revisions, undoing
else:
    revisions, undoing = later("riskmap.ledger.revisions"), later("riskmap.ledger.undoing")

Level = Literal["subdistrict", "community"]

KIND: Final = "streets"
"""Kind of the changesets that rename streets and communities."""


_ARROW: Final = " → "


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a renaming wrote, or would write: old name → layer → how many records; `changeset` None where nothing was."""

    level: Level
    names: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]
    changeset: int | None = None

    @property
    def records(self) -> int:
        """How many records it is about."""
        return sum(n for layers in self.counts.values() for n in layers.values())


def names_held(store: Store, level: Level) -> dict[str, dict[str, int]]:
    """Return name → layer → how many active records state it."""
    f, r = s.feature, s.revision
    name = f.c.subdistrict if level == "subdistrict" else sa.func.json_extract(r.c.body, "$.community")
    query = sa.select(name, f.c.layer, sa.func.count()).where(f.c.retired == 0, name.is_not(None))
    if level == "community":
        query = query.join_from(f, r, r.c.id == f.c.revision_id)
    found: dict[str, dict[str, int]] = {}
    with store.reading() as connection:
        for one, layer, count in connection.execute(query.group_by(name, f.c.layer).order_by(f.c.layer)):
            found.setdefault(str(one), {})[str(layer)] = int(count)
    return found


def rename(store: Store, names: Mapping[str, str], level: Level, *, by: str, why: str) -> Renamed:
    """Rename streets or communities (old → new) in every record on the lists, as one changeset.

    The name is kept of which they are known from then on (`former_names`), also where no record states the old one.
    LedgerError where an old name is a new one, too, or where nothing would change.
    """
    _refuse_circles(names)
    with store.writing() as connection:
        held = names_held(store, level)
        counts = {old: held.get(old, {}) for old in names}
        told = {_entry(level, old, new): sum(counts[old].values()) for old, new in names.items()}
        changeset = revisions.open_changeset(connection, store, by=by, why=why, kind=KIND, counts=told)
        for layer in dict.fromkeys(layer for layers in counts.values() for layer in layers):
            revisions.write_next(
                connection, _drafts(connection, store, layer, names, level), changeset, store.layers
            )
    return Renamed(level, names, counts, changeset)


def _refuse_circles(names: Mapping[str, str]) -> None:
    for old, new in names.items():
        if old == new or new in names:
            raise LedgerError(
                f"{old} → {new}：新名称又是要改的名称，未写入；请分两次改",
                f"{old} → {new}: the new name is one of those to be renamed, nothing was written; do it in two steps",
            )


def _drafts(
    connection: sa.Connection, store: Store, layer: str, names: Mapping[str, str], level: Level
) -> Iterator[revisions.NextRevision]:
    known = read_known(connection, layer, retired=False, definition=store.layers.get(layer))
    column = known.subdistrict if level == "subdistrict" else known.values.get("community", [])
    for at, old in enumerate(column):
        if isinstance(old, str) and old in names:
            draft = revisions.NextRevision.after(known, at, layer=layer, op="update")
            yield draft.apply({level: (old, names[old])})


def _entry(level: Level, old: str, new: str) -> str:
    return f"{level}:{old}{_ARROW}{new}"


def former_names(connection: sa.Connection, level: Level, *, at: int | None = None) -> dict[str, str]:
    """Return old name → the one of today, or of the state after changeset `at`; a name that is in use again is none."""
    t = s.changeset
    query = sa.select(t.c.id, t.c.counts).where(t.c.kind == KIND).order_by(t.c.id)
    if at is not None:
        query = query.where(t.c.id <= at)
    names: dict[str, str] = {}
    for number, counts in connection.execute(query).all():
        undone = undoing.undone_by(connection, number)
        if undone is not None and (at is None or undone <= at):
            continue
        for old, new in _pairs(counts, level):
            names = {key: new if value == old else value for key, value in names.items()}
            names[old] = new
            names.pop(new, None)
    return names


def _pairs(counts: str, level: Level) -> Iterator[tuple[str, str]]:
    for entry in orjson.loads(counts):
        head, _, both = str(entry).partition(":")
        old, arrow, new = both.partition(_ARROW)
        if head == level and arrow:
            yield old, new


def under_names_of_today(connection: sa.Connection, records: Records) -> Records:
    """Return records that may have waited while a street or community was renamed, under the names of today."""
    streets, communities = (former_names(connection, level) for level in ("subdistrict", "community"))
    values = dict(records.values)
    if "community" in values:
        values["community"] = [_today(one, communities) for one in values["community"]]
    subdistrict = [_today(one, streets) for one in records.subdistrict]
    return replace(records, subdistrict=subdistrict, values=values)


def _today(name: object, former: Mapping[str, str]) -> Any:
    return former.get(name, name) if isinstance(name, str) else name
