"""Moves that a person makes in a register of tickets: judged, written and scored as one commit."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from riskmap.actions.records.bulk_editing import bulk_target
from riskmap.actions.records.recording import made_by_move
from riskmap.actions.records.scoring import one_commit
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import Lang, RiskmapError
from riskmap.json_documents import Document
from riskmap.ledger import Moved, Moves, RecordMove, TierChange
from riskmap.rules.judge import rules_of
from riskmap.rules.moves import Objection, flow_of
from riskmap.rules.permissions import Actor, may


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What became of moves of one layer's records; `tiers` changed with them."""

    layer: str
    moves: Moves
    tiers: tuple[TierChange, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 0 all moved, 1 some, 2 none."""
        if self.moves.changeset is None:
            return 2
        return 1 if self.moves.refused else 0

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap move --json`; `warnings` only where laws warn."""
        warnings = _told(self.moves.warnings, lang)
        return {
            "changeset": self.moves.changeset,
            "moved": [self._moved(one) for one in self.moves.moved],
            "refused": _told(self.moves.refused, lang),
            **({"warnings": warnings} if warnings else {}),
        }

    def _moved(self, one: Moved) -> Document:
        states = {"from": one.before, "to": one.after, "on": one.on, "version": one.version}
        made = [{"layer": new.layer, "code": new.code} for new in one.made]
        more = {"made": made} if made else {}
        return {"layer": self.layer, "code": one.code, **states, "parents": [], **more}


def _told(said: Mapping[str, Sequence[Objection]], lang: Lang) -> list[Document]:
    return [{"code": code, "issues": [_issue(one, lang) for one in each]} for code, each in said.items()]


def _issue(one: Objection, lang: Lang) -> Document:
    return {"rule": one.rule, "field": one.field, "message": one.message.text(lang)}


def stated_in_move(layer: Layer, pairs: Mapping[str, object]) -> dict[str, object]:
    """Return field id → what is stated, from fields as people call them. RiskmapError for what is no field."""
    found: dict[str, object] = {}
    for word, value in pairs.items():
        target = bulk_target(layer, word)
        if target not in layer.field_ids:
            raise RiskmapError(
                f"{word}：办理时只填字段；其余请用编辑",
                f"{word}: only fields are stated in a move; edit the record for anything else",
            )
        found[target] = value
    return found


def move_points(
    ws: Workspace,
    layer: str,
    codes: Sequence[str],
    word: str,
    *,
    stated: Mapping[str, object] | None = None,
    on: str | None = None,
    seen: Mapping[str, int] | None = None,
    files: Mapping[str, Sequence[str]] | None = None,
    partial: bool = False,
    by: Actor,
    why: str,
    given_why: str | None = None,
) -> MoveResult:
    """Move records of a register by a move or to a state, as one changeset, and score them: all or none.

    `stated`: field id → what is stated in the move, `on`: the day of it (ISO), `files`: field → digests of files
    that are handed over; the same for all. `seen`: code → version that was read. `given_why`: the reason that
    counts where a move asks for one, `why` unless it was made up. `partial`: those move that may. What is
    refused is named in the result; RefusedError names values that the rules of the layer refuse.
    """
    for code in codes:
        may(by, "move", layer, code)
    if not why.strip():
        raise RiskmapError("请写明原因", "state the reason")
    definition = ws.catalog.layer(layer)
    flow_of(definition)
    judged = rules_of(definition, ws.subdistricts, ws.region).record(dict(stated or {}), at=None)
    reason = why if given_why is None else given_why
    makes = functools.partial(made_by_move, ws, definition, by)
    moves = [RecordMove(one, (seen or {}).get(one), word, judged, on, reason, files or {}) for one in codes]
    with one_commit(ws, [layer], by=by, why=why) as action:
        done = ws.ledger.move(layer, moves, by=by.name, why=why, partial=partial, makes=makes)
    return MoveResult(layer, done, action.tiers)
