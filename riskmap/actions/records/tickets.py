"""Moves that a person makes in a register of tickets: judged, written and scored as one commit."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from riskmap.actions.records.attaching import taken_in
from riskmap.actions.records.bulk_editing import bulk_target
from riskmap.actions.records.recording import made_by_move
from riskmap.actions.records.scoring import one_commit
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.flow import STATE
from riskmap.catalog.layer import Field
from riskmap.errors import Lang, RiskmapError
from riskmap.io.files.attachments import Incoming
from riskmap.json_documents import Document
from riskmap.ledger import FilesChange, HeldEntry, Moved, Moves, RecordMove, TierChange
from riskmap.rules.judge import rules_of
from riskmap.rules.moves import Objection, flow_of, role_lacking
from riskmap.rules.permissions import Actor, may


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What became of moves of one layer's records; `tiers` changed with them.

    `named`: code → layer and code of the records that a moved one names.
    """

    layer: str
    moves: Moves
    tiers: tuple[TierChange, ...] = ()
    named: Mapping[str, Sequence[tuple[str, str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, str]]]
    )

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
        changed = {(tier.layer, tier.code): [tier.before, tier.after] for tier in self.tiers}
        parents = [
            {"layer": layer, "code": code, "tier": changed[layer, code]}
            for layer, code in self.named.get(one.code, ())
            if (layer, code) in changed
        ]
        made = [{"layer": new.layer, "code": new.code} for new in one.made]
        more = {"made": made} if made else {}
        return {"layer": self.layer, "code": one.code, **states, "parents": parents, **more}


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


def lacking(ws: Workspace, row: HeldEntry) -> list[Field]:
    """Return the fields that a held row would have to state so that the moves it means may be made."""
    layer = ws.catalog.layer(row.layer)
    to = row.stated.get(STATE)
    if layer.flow is None or not isinstance(to, str) or row.rule not in {"asks", "needs", "arrives_closed"}:
        return []
    held = ws.ledger.features(row.layer, codes=[row.code]).records
    states = held.values.get(STATE, (None,))
    now = str(states[0] or layer.flow.start) if len(held) else None
    last = [move for move in layer.flow.moves if move.to == to]
    chain = last if now is None else next(layer.flow.chains(now, to), ())
    named = [name for move in chain for name in ((*move.asks, *move.needs) if now else move.needs)]
    stated = {key for key, value in row.stated.items() if value is not None}
    return [layer.field(one) for one in dict.fromkeys(named) if one in layer.field_ids and one not in stated]


def evidence_field(layer: Layer, word: str) -> Field:
    """Return the field of files that takes what is handed over with a move: the one that it asks or needs.

    Else the only one of the layer. RiskmapError where there is none, or none that is meant.
    """
    moves = [m for m in flow_of(layer).moves if word in (m.id, m.title.zh, m.title.en, m.to)]
    asked = [name for move in moves for name in (*move.asks, *move.needs)]
    found = next((one for name in asked if (one := layer.file_field(name)) is not None), None)
    own = [one for one in layer.files if not one.item]
    if found is None and len(own) == 1:
        (found,) = own
    if found is None:
        raise RiskmapError(
            f"{layer.title.zh}：这一步不收附件；请用 riskmap attach 附在记录上",
            f"{layer.title.en}: this move takes no files; attach them to the record with riskmap attach",
        )
    return found


def evidence_taken(
    ws: Workspace, layer: Layer, word: str, files: Sequence[Incoming]
) -> tuple[FilesChange, ...]:
    """Keep the files that are handed over with a move, or with a state; UnreadableFileError for one that is refused."""
    if not files:
        return ()
    return (taken_in(ws, evidence_field(layer, word), files, place=layer.id),)


def move_points(
    ws: Workspace,
    layer: str,
    codes: Sequence[str],
    word: str,
    *,
    stated: Mapping[str, object] | None = None,
    on: str | None = None,
    seen: Mapping[str, int] | None = None,
    evidence: Sequence[Incoming] = (),
    partial: bool = False,
    by: Actor,
    why: str,
    given_why: str | None = None,
) -> MoveResult:
    """Move records of a register by a move or to a state, as one changeset, and score them: all or none.

    `stated`: field id → what is stated in the move, `on`: the day of it (ISO), `evidence`: pictures and documents
    that are attached with it (`file_field_of_move`); the same for all. `seen`: code → version that was read.
    `given_why`: the reason that
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
    files = evidence_taken(ws, definition, word, evidence)
    makes = functools.partial(made_by_move, ws, definition, by)
    moves = [RecordMove(one, (seen or {}).get(one), word, judged, on, reason, files) for one in codes]
    with one_commit(ws, [layer], by=by, why=why) as action:
        done = ws.ledger.move(
            layer,
            moves,
            by=by.name,
            why=why,
            partial=partial,
            makes=makes,
            forbids=functools.partial(role_lacking, by),
        )
    named = ws.ledger.linked(layer, [one.code for one in done.moved]) if action.tiers else {}
    return MoveResult(layer, done, action.tiers, named)
