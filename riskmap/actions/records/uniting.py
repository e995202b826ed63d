"""Two records of one place made one, and one record made two: each one changeset, one undo, with the tiers that follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmap.actions.records.bulk_editing import bulk_target
from riskmap.actions.records.editing import NewPoint, judged_again, judged_new
from riskmap.actions.records.recording import stated_of
from riskmap.actions.records.scoring import one_commit, one_feature
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError, UnknownNameError
from riskmap.interface import option
from riskmap.json_documents import Document
from riskmap.ledger import MergePlan, Reference, Reunited, Side, TierChange, key_title
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import Actor, may
from riskmap.values.records import CLEAR

_REST = "*"  # every conflict that is not named


@dataclass(frozen=True, slots=True)
class United:
    """What a merge or a split did, and the tiers that changed with it."""

    layer: str
    done: Reunited
    tiers: tuple[TierChange, ...]

    def as_json(self) -> Document:
        """Return the document of `riskmap merge --json` and `riskmap split --json`."""
        return {
            "layer": self.layer,
            "codes": list(self.done.codes),
            "changeset": self.done.changeset,
            "relinked": [{"layer": one.layer, "code": one.code} for one in self.done.relinked],
            "tiers": [
                {"layer": one.layer, "code": one.code, "from": one.before, "to": one.after}
                for one in self.tiers
            ],
        }


def plan_merge(ws: Workspace, layer: str, keep: str, drop: str) -> MergePlan:
    """Return what merging `drop` into `keep` would do; nothing is written."""
    ws.catalog.layer(layer)
    return ws.ledger.plan_merge(layer, keep, drop)


def plan_json(layer: Layer, plan: MergePlan) -> Document:
    """Return the document of `riskmap merge --dry-run --json`."""
    return {
        "layer": plan.layer,
        "keep": plan.keep,
        "drop": plan.drop,
        "taken": list(plan.taken),
        "conflicts": [
            {"key": one.key, "title": key_title(layer, one.key).zh, plan.keep: one.keep, plan.drop: one.drop}
            for one in plan.conflicts
        ],
        "naming": [{"layer": one.layer, "code": one.code} for one in plan.naming],
    }


def merge_points(
    ws: Workspace,
    layer_id: str,
    keep: str,
    drop: str,
    *,
    choices: Mapping[str, object],
    by: Actor,
    why: str,
    seen: Mapping[str, int] | None = None,
) -> United:
    """Merge two records of one place: `keep` gains what only `drop` states, and all that names `drop` names `keep`.

    `choices`: what settles a conflict: its key, or its title, → `@CODE` for that record's value, or a value; `*` →
    `@CODE` for all that are not named. RefusedError lists what nobody settled; StaleRevisionError shows both sides where
    a record has moved on since `seen`.
    """
    may(by, "edit", layer_id, keep)
    may(by, "retire", layer_id, drop)
    _need_reason(why)
    layer = ws.catalog.layer(layer_id)
    plan = ws.ledger.plan_merge(layer_id, keep, drop)
    sides, told = _settled(layer, plan, choices)
    stated = rules_of(layer, ws.subdistricts, ws.region).record(told, places=ws.places)
    with one_commit(ws, [layer_id], by=by, why=why, rated=True) as action:
        done = ws.ledger.merge(
            layer_id,
            keep,
            drop,
            sides=sides,
            stated=stated,
            seen=dict(seen or plan.versions),
            by=by.name,
            why=why,
        )
    return United(layer_id, done, action.tiers)


def _settled(
    layer: Layer, plan: MergePlan, choices: Mapping[str, object]
) -> tuple[dict[str, Side], dict[str, object]]:
    """Return which side holds, conflict by conflict, and what is stated instead."""
    names: dict[str, Side] = {f"@{plan.keep}": "keep", f"@{plan.drop}": "drop"}
    sides: dict[str, Side] = {}
    told: dict[str, object] = {}
    for word, value in choices.items():
        side = names.get(value) if isinstance(value, str) else None
        if word == _REST and side is not None:
            sides = {**{one.key: side for one in plan.conflicts}, **sides}
        elif word == _REST:
            raise RiskmapError(
                f"* 只能写 @{plan.keep} 或 @{plan.drop}", f"* takes @{plan.keep} or @{plan.drop} only"
            )
        elif side is not None:
            sides[_conflict(layer, plan, word)] = side
        else:
            told[bulk_target(layer, word)] = value
    return {key: side for key, side in sides.items() if key not in told}, told


def _conflict(layer: Layer, plan: MergePlan, word: str) -> str:
    keys = {one.key: key_title(layer, one.key) for one in plan.conflicts}
    found = [key for key, title in keys.items() if word in {key, title.zh, title.en}]
    if len(found) == 1:
        return found[0]
    listed = "、".join(keys) or "—"
    raise UnknownNameError(
        f"{layer.title.zh} › {word}：两条记录在这一项上没有不一致；不一致的有：{listed}",
        f"{layer.title.en} › {word}: the two records do not differ in it; they do in: {listed}",
    )


def split_point(
    ws: Workspace,
    layer_id: str,
    code: str,
    *,
    new_code: str | None = None,
    move: Collection[str] = (),
    copy: Collection[str] = (),
    stated: Mapping[str, object] | None = None,
    crs: str = "",
    naming: Sequence[Reference] = (),
    by: Actor,
    why: str,
    seen: int | None = None,
) -> United:
    """Make a new record of one: fields `move` to it or are on both (`copy`), and records that named it name the new one.

    The new one lies in the same sub-district, and belongs to the same record, unless something else is stated of it.
    `new_code`: None where the layer makes codes. RefusedError names what rules and laws refuse of either.
    """
    may(by, "edit", layer_id, code)
    _need_reason(why)
    layer = ws.catalog.layer(layer_id)
    before = one_feature(ws, layer_id, code, contacts=True)
    going, staying = ([_movable(layer, word) for word in words] for words in (move, copy))
    files = [key for key in going if layer.file_field(key) is not None]
    going = [key for key in going if key not in files]
    own = stated_of(layer, dict(stated or {}), crs=crs)
    values = _taken(ws, layer, before.records.code[0], [*going, *staying, *_usual(layer)])
    new = NewPoint(layer_id, new_code or own.code, {**values, **own.values})
    judged = judged_new(ws, new, by=by)
    moved = [*going, *(["position"] if "shape" in going else [])]
    with one_commit(ws, [layer_id], by=by, why=why, rated=True) as action:
        done = ws.ledger.split(
            judged,
            code,
            moved=moved,
            files=files,
            naming=naming,
            seen=int(before.version[0]) if seen is None else seen,
            by=by.name,
            why=why,
        )
    return United(layer_id, done, action.tiers)


def _usual(layer: Layer) -> list[str]:
    """Return what both records have without a word: their street, and the record that they belong to."""
    return ["subdistrict", *([layer.belongs_to.field] if layer.belongs_to else [])]


def _movable(layer: Layer, word: str) -> str:
    """Return the key that a word names: name, position, shape, checklist, contacts or a field, one of files too."""
    if word in {"position", "shape", "checklist", "contacts"} or layer.file_field(word) is not None:
        return word
    target = bulk_target(layer, word)
    if ":" not in target and target != "subdistrict":
        return target
    raise UnknownNameError(
        f"{layer.title.zh} › {word}：不能单独移过去；检查项整体写 checklist，联系人整体写 contacts",
        f"{layer.title.en} › {word}: does not go over by itself; a checklist goes as checklist, people as contacts",
    )


def _taken(ws: Workspace, layer: Layer, code: str, keys: Collection[str]) -> dict[str, Any]:
    """Return what a record holds of some keys, as it would be stated; what it does not know is not there."""
    held = judged_again(ws, layer.id, [code])[code].values
    return {key: value for key in keys if (value := held.get(key)) is not None and value is not CLEAR}


def reference(text: str) -> Reference:
    """Return the record that LAYER:CODE names. RiskmapError where it is not written so."""
    layer, colon, code = text.partition(":")
    if not colon or not layer or not code:
        raise RiskmapError(
            f"{option('with')} {text}：请写成 图层:编号", f"{option('with', 'en')} {text}: write LAYER:CODE"
        )
    return Reference(layer, code)


def _need_reason(why: str) -> None:
    if not why.strip():
        raise RiskmapError(
            "请写明原因：每次改动都要留下是谁、为什么", "state the reason: every change keeps who and why"
        )
