"""Taking a whole changeset back: a new changeset restores what was, and both stay in the history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from riskmap.errors import LedgerError, UnknownNameError
from riskmap.ledger import schema as s
from riskmap.ledger.columns import WITHDRAWN, read_changed_by, read_replaced_by
from riskmap.ledger.links import MERGE, MERGED, Reference, hanging_on, listed
from riskmap.ledger.revisions import NextRevision, open_changeset, write_next
from riskmap.ledger.runs import TierChange
from riskmap.ledger.store import Store

UNDOABLE = (
    "import",
    "sample",
    "create",
    "edit",
    "move",
    "retire",
    "reinstate",
    "merge",
    "split",
    "streets",
    "accept",
    "decline",
    "dismiss",
    "attach",
    "detach",
    "undo",
)


# What a revision that comes back still is: gone for this reason, or what the other record of a merge is told by.
_KEPT = (WITHDRAWN, "retire", MERGED, MERGE)


_NAMED = 5


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking a changeset back did, as changeset `changeset`.

    `restored` records are what they were before, `withdrawn` ones are unknown again. Rows that the
    changeset had settled are open once more (`reopened_…`), rows that it had brought are closed
    (`closed_…`). `tiers`: the tiers that changed with it.
    """

    changeset: int
    restored: int
    withdrawn: int
    reopened_rejected: int
    reopened_held: int
    closed_rejected: int
    closed_held: int
    tiers: tuple[TierChange, ...] = ()


def undone_by(connection: sa.Connection, changeset: int) -> int | None:
    """Return the changeset that has taken this one back, None where none has (or that one was itself undone)."""
    t = s.changeset
    for later in connection.execute(
        sa.select(t.c.id).where(t.c.undoes == changeset).order_by(t.c.id)
    ).scalars():
        if undone_by(connection, later) is None:
            return later
    return None


def undo(store: Store, changeset: int, *, by: str, why: str) -> Undone:
    """Take back everything that `changeset` did; return what that did. Tiers are not its business.

    Refused where a record was changed since (it names them), where it was taken back already, and
    for assessments (assess again instead). A record that the changeset had brought in is
    withdrawn: out of the lists, its past kept, and free to be imported anew.
    """
    place = f"变更 {changeset}"
    with store.writing() as connection:
        kind = connection.execute(sa.select(s.changeset.c.kind).where(s.changeset.c.id == changeset)).scalar()
        if kind is None:
            raise UnknownNameError(
                f"{place}：没有这次变更；请查看变更列表",
                f"changeset {changeset}: there is none; see the list of changesets",
            )
        if kind == "model":
            raise LedgerError(
                f"{place}：模型版本不能撤销；请在“模型”页放回以前的版本",
                f"changeset {changeset}: a saved model cannot be undone; put an earlier version back on the page Model",
            )
        if kind not in UNDOABLE:
            raise _not_undoable(connection, changeset, kind)
        earlier = undone_by(connection, changeset)
        if earlier is not None:
            raise LedgerError(
                f"{place}：已由变更 {earlier} 撤销，未写入；要恢复请撤销变更 {earlier}",
                f"changeset {changeset}: undone already by changeset {earlier}; to bring it back undo changeset {earlier}",
            )
        _refuse_changed_since(connection, changeset)
        _refuse_named_since(connection, changeset)
        count = _revisions(connection, changeset)
        number = open_changeset(
            connection, store, by=by, why=why, kind="undo", counts={"restored": count}, undoes=changeset
        )
        write_next(connection, _drafts(connection, changeset, why.strip()), number, store.layers)
        gone = _revisions(connection, number, s.revision.c.op == WITHDRAWN)
        return Undone(number, count - gone, gone, *_settle_rows(connection, changeset, number))


def _revisions(connection: sa.Connection, changeset: int, *where: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(s.revision)
    return connection.execute(query.where(s.revision.c.valid_from == changeset, *where)).scalar_one()


def _not_undoable(connection: sa.Connection, changeset: int, kind: str) -> LedgerError:
    zh, en = "评估请在改正后重新评估", "correct the data and assess again"
    if led := _led_to(connection, changeset):
        zh = f"要收回它所依据的改动，请撤销变更 {led}"
        en = f"to take back the change that it followed, undo changeset {led}"
    return LedgerError(
        f"变更 {changeset}：{kind} 类变更不能撤销；{zh}",
        f"changeset {changeset}: one of kind {kind} cannot be undone; {en}",
    )


def _led_to(connection: sa.Connection, changeset: int) -> int | None:
    """Return the change that an assessment followed: the one before it, by the same person for the same reason."""
    t = s.changeset
    rows = connection.execute(
        sa.select(t.c.kind, t.c.who, t.c.why).where(t.c.id.in_((changeset - 1, changeset))).order_by(t.c.id)
    ).all()
    if len(rows) == 2 and rows[0].kind in UNDOABLE and rows[0][1:] == rows[1][1:]:  # noqa: PLR2004 - both
        return changeset - 1
    return None


def _refuse_changed_since(connection: sa.Connection, changeset: int) -> None:
    since = (
        connection.execute(
            sa.select(s.feature.c.code)
            .join(s.revision, s.revision.c.feature_id == s.feature.c.id)
            .where(s.revision.c.valid_from == changeset, s.feature.c.changed != changeset)
            .order_by(s.feature.c.code)
        )
        .scalars()
        .all()
    )
    if since:
        some = "、".join(since[:_NAMED]) + ("…" if len(since) > _NAMED else "")
        raise LedgerError(
            f"变更 {changeset}：其中 {len(since)} 条记录后来又改过（{some}），未撤销；请先撤销后来的变更，或逐条修改",
            f"changeset {changeset}: {len(since)} of its records were changed since ({some}), nothing was undone; "
            "undo the later changes first, or edit those records",
        )


def _refuse_named_since(connection: sa.Connection, changeset: int) -> None:
    """Refuse to withdraw records that others name by now: a link never points to nothing."""
    first = sa.select(s.revision.c.feature_id).where(
        s.revision.c.valid_from == changeset, s.revision.c.version == 1
    )
    ours = set(connection.scalars(first))
    since = [one for one in hanging_on(connection, ours) if not _written_by(connection, one.by, changeset)]
    if since:
        raise LedgerError(
            f"变更 {changeset}：它新增的 {since[0].code} 已被 {len(since)} 条记录指向（{listed(since)}），"
            "未撤销；请先处理这些记录",
            f"changeset {changeset}: {len(since)} records name {since[0].code}, which it brought in ({listed(since)}), "
            "nothing was undone; settle those records first",
        )


def _written_by(connection: sa.Connection, one: Reference, changeset: int) -> bool:
    query = sa.select(s.feature.c.changed).where(s.feature.c.layer == one.layer, s.feature.c.code == one.code)
    return connection.execute(query).scalar() == changeset


def _drafts(connection: sa.Connection, changeset: int, why: str) -> Iterator[NextRevision]:
    """Yield the next revision of every record that the changeset wrote."""
    layers = connection.scalars(
        sa.select(s.feature.c.layer)
        .distinct()
        .join(s.revision, s.revision.c.feature_id == s.feature.c.id)
        .where(s.revision.c.valid_from == changeset)
    ).all()
    for layer in layers:
        new = read_changed_by(connection, changeset, layer, first_only=True)
        for at in range(len(new)):
            draft = NextRevision.after(new, at, layer=layer, op=WITHDRAWN)
            draft.retired = why
            yield draft
        before = read_replaced_by(connection, changeset, layer)
        for at, was in enumerate(before.op):
            op = was if was in _KEPT else "restore"
            draft = NextRevision.after(before, at, layer=layer, op=op)
            draft.version += 1  # it follows the revision that is taken back
            yield draft


def _settle_rows(connection: sa.Connection, changeset: int, number: int) -> tuple[int, int, int, int]:
    """Open again what the changeset had closed, and close the rows that its batch had brought.

    Returns how many: rejected and held rows opened, rejected and held rows closed.
    """
    rejected, held = s.rejected_row, s.held_row
    batches = sa.select(s.import_batch.c.id).where(s.import_batch.c.changeset_id == changeset)
    closed_rejected = connection.execute(
        rejected.update()
        .where(rejected.c.batch_id.in_(batches), rejected.c.closed_by.is_(None))
        .values(closed_by=number, closed_how="undone")
    ).rowcount
    closed_held = connection.execute(
        held.update()
        .where(held.c.batch_id.in_(batches), held.c.status == "open")
        .values(closed_by=number, status="undone")
    ).rowcount
    reopened_rejected = connection.execute(
        rejected.update().where(rejected.c.closed_by == changeset).values(closed_by=None, closed_how=None)
    ).rowcount
    reopened_held = connection.execute(
        held.update().where(held.c.closed_by == changeset).values(closed_by=None, status="open", as_code=None)
    ).rowcount
    return reopened_rejected, reopened_held, closed_rejected, closed_held
