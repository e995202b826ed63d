"""The same change to every record of a selection: what it would do, then all of it as one changeset.

Nothing is written before the preview was made: it names the records that would change as they were
seen, those that are so already, those that the judge refuses, and the tiers that follow. Committing
goes through the same edit as a single record; `undo_changeset` takes all of it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.actions.records.editing import Edited, PointEdit, edit_points, judged_edits
from riskmap.actions.records.scoring import would_score
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.errors import Lang, RefusedError, RiskmapError, Text, UnknownNameError
from riskmap.ledger import LayerColumns, RecordEdit
from riskmap.ledger.merging import Changes, shown
from riskmap.rules.arrays import array_of, column_of, field_array, filled_marks, numbers_of
from riskmap.rules.judge import PIECES, LayerRules, placed, rules_of
from riskmap.rules.permissions import Actor
from riskmap.scoring.comparison import Comparison, Side, compared
from riskmap.selection import Selection, Snapshot, select
from riskmap.selection.where import plain
from riskmap.values.records import CLEAR
from riskmap.vocabulary import RANK_OF, RANKS, weight

_FEW: Final = 10  # refusals that a message names


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that the judge would not let change, and why: each reason names its value."""

    code: str
    name: str | None
    reasons: tuple[Text, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BulkEdit:
    """What a change of a selection would do. `selected` = `rows` + `already` + `refused`.

    `rows`: the records that would change, each as of the version that was seen. `already`: how many
    are so. `values`: (key, before, after) → how many records, personal data masked. `warnings`: what
    the judge says of a value that is kept → how many records. `tiers`: the records that would be
    scored anew, None where nothing scores the layer. `model`: the digest of what would score them.
    """

    layer: Layer
    stated: Mapping[str, object]
    selected: int
    rows: tuple[PointEdit, ...]
    already: int
    refused: tuple[Refusal, ...]
    values: Mapping[tuple[str, Any, Any], int]
    warnings: Mapping[Text, int]
    names: Mapping[str, str | None]
    tiers: Comparison | None
    model: str | None

    @property
    def worst(self) -> list[tuple[str, str, str]]:
        """(code, before, after) of the tiers that would change, those that end worst and rise most first."""
        points = () if self.tiers is None else self.tiers.points
        heavy = weight(np.arange(len(RANKS))).tolist()
        order = sorted(points, key=lambda p: (-heavy[RANK_OF[p.after]], heavy[RANK_OF[p.before]]))
        return [(point.code, point.before, point.after) for point in order]


def bulk_targets(layer: Layer) -> dict[str, Text]:
    """Return what may be changed in many records at once, target → title: no code, position, shape, nothing of moves."""
    rules, kept = rules_of(layer), () if layer.flow is None else layer.flow.kept
    items = [item.id for item in layer.checklist.items] if layer.checklist else []
    targets = [
        *("name", "subdistrict"),
        *(field for field in layer.field_ids if field not in kept),
        *(f"checklist:{item}" for item in items),
        *(f"contact:{role.id}:{piece}" for role in layer.contacts for piece in PIECES),
    ]
    return {target: rules.title(target) for target in targets}


def bulk_target(layer: Layer, word: str) -> str:
    """Return the target that a word names: its id (`checklist.ITEM`, `contact.ROLE.name`) or its title.

    UnknownNameError where it is none of the layer's, or nothing that many records could share.
    """
    titles, key = bulk_targets(layer), plain(word)
    named = {plain(target.replace(":", ".")): target for target in titles}
    named = {plain(text): one for one, title in titles.items() for text in (title.zh, title.en)} | named
    kept = () if layer.flow is None else layer.flow.kept
    aliases = {plain(alias): field.id for field in layer.fields for alias in field.aliases}
    found = named.get(key.replace(":", ".")) or aliases.get(key)
    if found in kept:
        raise UnknownNameError(
            f"{layer.title.zh} › {word}：只能由办理（riskmap move）改变",
            f"{layer.title.en} › {word}: only riskmap move changes it",
        )
    if found is not None:
        return found
    if key in {"code", "position", "shape", "编号", "位置", "范围"}:
        raise UnknownNameError(
            f"{layer.title.zh} › {word}：每条记录各有各的，不能批量修改；请逐条修改，或导入文件",
            f"{layer.title.en} › {word}: each record has its own, it cannot be changed for many; "
            "edit the records one by one, or import a file",
        )
    rules_of(layer).title(word)  # says what comes nearest
    raise AssertionError(f"{word} is a target after all")


def plan_bulk_edit(
    ws: Workspace, layer_id: str, selection: Selection, stated: Mapping[str, object]
) -> BulkEdit:
    """Return what stating the same of every record of a selection in a layer would do; nothing is written.

    `stated`: targets of `bulk_targets` → what is stated of them, texts or values; CLEAR empties.
    RiskmapError where nothing is stated; SelectionError for a selection that cannot be resolved.
    """
    layer = ws.catalog.layer(layer_id)
    rules = rules_of(layer, ws.subdistricts, ws.region)
    _need_statement(rules, stated)
    chosen = _chosen(current_snapshot(ws), layer_id, selection)
    changes = dict(stated)  # one object: all rows share its verdict
    seen = [PointEdit(code, version, changes) for code, version in chosen.versions.items()]
    edits = judged_edits(ws, rules, seen)
    refused = {one.code: tuple(one.changes.said(one.code, "error")) for one in edits if one.changes.errors}
    fine = [one for one in edits if one.code not in refused]
    differ = ws.ledger.changes_of(layer_id, fine) if fine else {}
    tiers, broken = _tiers(ws, layer, chosen, differ)
    refused |= {code: (why,) for code, why in broken.items()}
    rows = tuple(one for one in seen if one.code in differ and one.code not in broken)
    personal = frozenset(field.id for field in layer.fields if field.personal)
    return BulkEdit(
        layer=layer,
        stated=changes,
        selected=len(seen),
        rows=rows,
        already=len(fine) - len(differ),
        refused=tuple(Refusal(c, name, refused[c]) for c, name in chosen.names.items() if c in refused),
        values=_values(shown(differ[row.code], personal) for row in rows),
        warnings=_warnings([one for one in fine if one.code in differ], rules),
        names=chosen.names,
        tiers=tiers,
        model=_model_digest(ws, layer_id),
    )


def commit_bulk_edit(
    ws: Workspace, plan: BulkEdit, *, by: Actor, why: str, leave_out_refused: bool = False
) -> Edited:
    """Write what a preview showed, as one changeset, and score it: all of it or nothing.

    Exactly the records of the preview are written. RefusedError where some are refused and are not
    left out; StaleRevisionError with both sides of every record that has changed since; RiskmapError
    where another model would make the tiers by now. Nothing to change is nothing written: no changeset.
    """
    if plan.refused and not leave_out_refused:
        said = [reason for one in plan.refused[:_FEW] for reason in one.reasons]
        listed, n = Text.listed(said), len(plan.refused)
        raise RefusedError(
            tuple(reason for one in plan.refused for reason in one.reasons),
            f"{listed.zh}；共 {n} 条不合规则，整批未写入；可选择略过它们，只改其余",
            f"{listed.en}; {n} records are refused, nothing was written; they can be left out",
        )
    if not plan.rows:
        return Edited({})
    if plan.model != _model_digest(ws, plan.layer.id):
        raise RiskmapError(
            f"{plan.layer.title.zh}：预览之后换了评分模型，等级会与预览不同，未写入；请重新预览",
            f"{plan.layer.title.en}: another scoring model is in use since the preview and its tiers would differ; "
            "nothing was written, make the preview again",
        )
    return edit_points(ws, plan.layer.id, plan.rows, by=by, why=why)


def bulk_edit_json(plan: BulkEdit, edited: Edited | None, lang: Lang = "zh") -> dict[str, Any]:
    """Return the document of `riskmap edit-all --json`; `edited` is None for a preview."""
    tiers, standing = plan.tiers, plan.layer.standing
    return {
        "layer": plan.layer.id,
        "dry_run": edited is None,
        "selected": plan.selected,
        "changed": len(plan.rows),
        "unchanged": plan.already,
        "refused": [
            {"code": one.code, "name": one.name, "reasons": [reason.text(lang) for reason in one.reasons]}
            for one in plan.refused
        ],
        "warnings": [{"message": say.text(lang), "count": n} for say, n in plan.warnings.items()],
        "tiers": None
        if tiers is None
        else {
            "moved": tiers.migration.moved,
            "counts": {
                standing(before): {standing(after): n for after, n in row.items()}
                for before, row in tiers.migration.table().items()
            },
            "points": [
                {"code": code, "name": plan.names.get(code), "from": standing(before), "to": standing(after)}
                for code, before, after in plan.worst
            ],
        },
        "changeset": None if edited is None else edited.changeset,
    }


def _need_statement(rules: LayerRules, stated: Mapping[str, object]) -> None:
    """Refuse a change that states nothing: blank is not empty, and nobody erases by leaving a field out."""
    silent = [
        rules.title(target)
        for target, value in stated.items()
        if value is not CLEAR and rules.of(target).value(value) == (None, None)
    ]
    if not stated or silent:
        title = rules.layer.title
        zh = "、".join(one.zh for one in silent) or "改动"
        en = ", ".join(one.en for one in silent) or "the change"
        raise RiskmapError(
            f"{title.zh} › {zh}：没有写明内容；请填写，要清空请写“清空”",
            f"{title.en} › {en}: nothing is stated; fill it in, or write 清空 to empty it",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The records of a selection in one layer: code → version, code → name; `table` has the whole layer."""

    versions: Mapping[str, int]
    names: Mapping[str, str | None]
    table: pa.Table
    rows: NDArray[np.int64]

    def known(self, *, whole: bool) -> dict[int, tuple[str, int]]:
        """Return feature id → code and rank, of the selection or of the whole layer.

        A grade stands for the tier that the model gave.
        """
        table = self.table if whole else self.table.take(array_of(self.rows))
        ids, ranks = (numbers_of(table[name]) for name in ("feature_id", "rank"))
        pairs = zip(table["code"].to_pylist(), (ranks % len(RANKS)).tolist(), strict=True)
        return dict(zip(ids.tolist(), pairs, strict=True))


def _chosen(now: Snapshot, layer: str, selection: Selection) -> _Chosen:
    rows = select(now, replace(selection, layers=(layer,))).rows[layer]
    table = now.table(layer).select(["feature_id", "code", "rank", "version", "name"])
    part = table.take(array_of(rows))
    codes, versions, names = (part[name].to_pylist() for name in ("code", "version", "name"))
    return _Chosen(dict(zip(codes, versions, strict=True)), dict(zip(codes, names, strict=True)), table, rows)


def _values(changes: Iterable[Changes]) -> dict[tuple[str, Any, Any], int]:
    """Return (key, before, after) → how many records, the most frequent first."""
    found = Counter((key, *pair) for one in changes for key, pair in one.items())
    return dict(found.most_common())


def _warnings(edits: Sequence[RecordEdit], rules: LayerRules) -> dict[Text, int]:
    """Return what is said of values that are kept, without the record → how many records."""
    found = Counter(
        placed(rules.layer, "", rules.title(target), finding)
        for one in edits
        for target, finding in one.changes.findings
        if finding.severity == "warning"
    )
    return dict(found.most_common())


def _model_digest(ws: Workspace, layer: str) -> str | None:
    return ws.catalog.model_of(layer).digest if layer in ws.catalog.scored else None


def _tiers(
    ws: Workspace, layer: Layer, chosen: _Chosen, differ: Mapping[str, Changes]
) -> tuple[Comparison | None, dict[str, Text]]:
    """Return the tiers now and as the commit will score them, and which records cannot be scored: code → why.

    A record with a value that cannot be read, and that the change leaves, has no tier to come.
    """
    if layer.id not in ws.catalog.scored or not differ:
        return None, {}
    broken: dict[str, Text] = {}
    rows: list[tuple[str, int]] = []  # code and rank now

    def held(read: LayerColumns) -> pa.Table:
        for one in read.broken:
            if one.code not in differ:
                raise one.error()
            if one.field is None or one.field.id not in differ[one.code]:
                broken[one.code] = one.error().say
        known = chosen.known(whole=read.table.num_rows > len(differ))
        found = [known.get(one) for one in numbers_of(read.table["feature_id"]).tolist()]
        kept = [i for i, one in enumerate(found) if one is not None and one[0] not in broken]
        rows.extend(one for i in kept if (one := found[i]) is not None)
        table = read.table.take(array_of(np.array(kept, np.int64)))
        return _changed(table, [code for code, _ in rows], layer, differ)

    scored = would_score(ws, layer.id, list(differ), held)
    made, fit = ws.ledger.assessed_digest(layer.id), ws.ledger.assessed_fit(layer.id)
    codes, written = [code for code, _ in rows], np.array([code in differ for code, _ in rows], np.int64)
    now = Side(codes, np.array([rank for _, rank in rows], np.uint8), scored.version, made, fit)
    rank, digest = scored.assessment.rank, scored.assessment.digest
    return compared(now, Side(codes, rank, scored.version + written, digest, scored.fit_digest)), broken


def _changed(table: pa.Table, codes: Sequence[str], layer: Layer, differ: Mapping[str, Changes]) -> pa.Table:
    """Return columns that scoring reads as they would be; row i is the record `codes[i]`."""

    def after(key: str, column: str) -> list[Any]:
        held = table[column].to_pylist()
        return [
            differ[c][key][1] if key in differ.get(c, ()) else v for c, v in zip(codes, held, strict=True)
        ]

    keys = set().union(*differ.values())
    columns = {name: table[name] for name in table.column_names}
    for field in layer.fields:
        name = column_of(field.id)
        if field.id in keys and name in columns:
            array, _ = field_array(after(field.id, name), field)
            columns[name] = array.dictionary_encode() if field.type == "choice" else array
    if "checklist" in keys and "checklist" in columns and layer.checklist is not None:
        items = len(layer.checklist.items)
        marks = [filled_marks(one, items) for one in after("checklist", "checklist")]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return pa.table(columns)
