"""Classified inventories as files, and rejected rows as a workbook to correct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa

from riskmap.actions.figures import address_of, figures_of, shipped_figures, state_of
from riskmap.actions.inventory.unrated import newly_unrated, unrated_text
from riskmap.actions.records.editing import may_unmask, note_unmasked
from riskmap.actions.tier_models import adopted_stamp, makers, stamps
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.array_types import Bools
from riskmap.catalog import Condition, Layer
from riskmap.errors import Lang, Text
from riskmap.io.files.atomic import WrittenFile, together
from riskmap.io.writers import export, format_of
from riskmap.io.writers.rejects import RejectedFile
from riskmap.io.writers.rejects import write_rejects as write_rejects_workbook
from riskmap.moments import as_of_text, last_moment, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.figures import Address, Engine, Figures, FigureValue, Group, State
from riskmap.rules.arrays import is_part
from riskmap.rules.extras import header_of
from riskmap.rules.masks import mask_contacts, mask_value
from riskmap.rules.permissions import Actor
from riskmap.selection import Selected, Selection, Snapshot, reconcile, select
from riskmap.selection.records import masked_extras
from riskmap.selection.table import CLASS
from riskmap.selection.where import CORE, asked_field
from riskmap.units import unit_title
from riskmap.values.assessment import Makers, ModelStamp
from riskmap.values.attachments import Attached
from riskmap.values.import_plan import RejectedRow
from riskmap.values.inventory import (
    CoverFigures,
    Inventory,
    LayerInventory,
    PrintedFigure,
    add_counts,
    tier_counts,
)
from riskmap.values.records import Contact
from riskmap.vocabulary import FLAGS, GRADES, RANK_OF, TIER_TITLES, UNRATED

_CHUNK: Final = 20_000


_MASKING: Final = Text("整理联系人", "preparing the contacts")


_STATE_TITLES = {"rated": Text("已评", "rated"), "unrated": Text("未评", "unrated")}


def export_selection(
    ws: Workspace,
    selection: Selection,
    to: Path | Sequence[Path],
    *,
    as_of: date | None = None,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Write the selected records to every file of `to`, each in the format its ending names: all files, or none.

    Returns the document of `riskmap export --json`. Sums that do not agree are named on the cover and
    in `adds_up`; they never block. Contacts are masked unless `unmasked`, which is recorded.
    RiskmapError asks for the person and the reason of that. Stopped by its `progress`, it raises Cancelled and
    neither a file nor a record of it is there.
    """
    paths = [to] if isinstance(to, Path) else list(to)
    for path in paths:
        format_of(path)  # every ending is known before the first file is written
    if unmasked:
        may_unmask(selection.to_text(), by=by, why=why)
    collecting, *parts = progress.parts(2, *(1 for _ in paths))
    inventory = inventory_of(
        ws, selection, as_of=as_of, unmasked=unmasked, by=by, lang=lang, progress=collecting
    )
    written: list[WrittenFile] = []
    with together():
        for path, part in zip(paths, parts, strict=True):
            written += export(replace(inventory, progress=part), path)
        progress.step(1, 1, _HANDING)
        if unmasked:
            note_unmasked(ws, selection.to_text(), by=by, why=why)
    files = [{"path": str(one.path), "format": one.format, "rows": one.rows} for one in written]
    figures = [one.as_json(lang) for one in inventory.printed]
    return {"files": files, "count": len(inventory), "adds_up": inventory.adds_up, "figures": figures}


_SELECTING = Text("挑选记录", "selecting the records")


# What a map draws of a record (docs/architecture.md).
_DRAWN: Final = frozenset(
    ("feature_id", "code", "name", "subdistrict", "lon", "lat", "rank", "flags", "shape", CLASS)
)


_HANDING = Text("放到指定位置", "putting the files in their place")


def inventory_of(
    ws: Workspace,
    selection: Selection,
    *,
    as_of: date | None = None,
    facts: bool = True,
    unmasked: bool = False,
    by: Actor | None = None,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> Inventory:
    """Return the selected records and everything that a reader of them must know.

    Contacts and personal fields are masked unless `unmasked`. Without `facts` a record is what a map draws: code,
    name, sub-district, place and standing, and no field, contact or file.
    """
    reading, collecting = progress.parts(2, 1)
    snapshot = current_snapshot(ws, as_of=as_of, progress=reading)
    collecting.step(0, 1, _SELECTING)
    selected = select(snapshot, selection)
    parts = []
    found = makers(ws, selected.rows, as_of=as_of)
    told = stamps(ws, found)
    filled = [layer_id for layer_id, rows in selected.rows.items() if len(rows)]
    named = filled or list(selected.rows)  # nothing selected is still a file that says so
    sizes = [len(snapshot.table(layer_id)) for layer_id in named]
    for layer_id, size, part in zip(named, sizes, collecting.parts(*sizes), strict=True):
        layer = ws.catalog.layer(layer_id)
        table = selected.table(snapshot, layer_id)
        part.step(0, 1, _SELECTING)
        if not facts:
            table = table.select([name for name in table.column_names if name in _DRAWN])
        contacts = (
            _contacts(ws, layer, table, as_of=as_of, unmasked=unmasked, progress=part, expected=size)
            if facts
            else None
        )
        made = _models(table, found[layer_id], told)
        adopted = adopted_stamp(ws, layer_id)
        newer = adopted if any(adopted and one.digest != adopted.digest for one in made) else None
        shown = table if unmasked else masked_columns(layer, table, snapshot.table(layer_id))
        titles, files = ws.catalog.part_titles([layer_id]), _files(ws, layer, table, as_of) if facts else ()
        parts.append(LayerInventory(layer, shown, made, contacts, newer, parts=titles, files=files))
    differences = _differences(ws, snapshot, selected, lang)
    unrated, new = _unrated(ws, snapshot, selection, parts, lang)
    now = local_now()
    head = ws.ledger.head(state=snapshot.state)
    cover = _Cover.of(ws, snapshot, selected, selection, as_of)
    return Inventory(
        district=ws.config.district,
        layers=tuple(parts),
        filter=describe(ws, selection),
        as_of=as_of_text(as_of or now),
        made_at=f"{now:%Y-%m-%d %H:%M}",
        made_by=by.name if by else "",
        adds_up=not differences,
        differences=tuple(differences),
        unrated=unrated,
        newly_unrated=new,
        demo=ws.demo,
        approval=ws.config.approval_number,
        unmasked=unmasked,
        lang=lang,
        head=head.digest if head else "",
        changeset=head.changeset if head else 0,
        handed_over=ws.files.handed_over,
        figures=cover.whole(),
        counted=partial(cover.page, named),
    )


COVER_FIGURES: Final = (
    *(
        "records.layer",
        "records.standing",
        "points.total",
        "points.tiers",
        "points.layer",
        "points.layer_tier",
    ),
    *("points.street", "points.street_tier"),
)
"""Every figure that covers, legends and headings print; the last two also of each layer alone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cover:
    """What tells the figures of a selection: its rows by layer, its address where it has one."""

    figures: Figures
    state: State
    parts: Mapping[str, pa.Table]
    address: Address | None

    @classmethod
    def of(
        cls, ws: Workspace, snapshot: Snapshot, selected: Selected, selection: Selection, as_of: date | None
    ) -> Self:
        """Return the figures of the workspace, where they count these very rows, else those that are shipped.

        A bureau may have files of its own in the place of the shipped ones; a cover never says less than is in the file.
        """
        parts = {one: selected.table(snapshot, one) for one in selected.rows}
        risks = sum(len(parts[one]) for one in parts if ws.catalog.layer(one).counts == "risk")
        made = cls(figures_of(ws), state_of(ws, as_of), parts, address_of(ws, selection, as_of=as_of))
        total = {"records.layer": len(selected), "points.total": risks}
        told = made.told(tuple(total))
        if all(n == (told[one, ""].value if (one, "") in told else 0) for one, n in total.items()):
            return made
        return replace(made, figures=shipped_figures(ws))

    def whole(self) -> CoverFigures:
        """Return every figure of a cover, those by sub-district also of each risk layer alone where there are several."""
        layers = self.state.layers
        risks = [one for one in self.parts if layers[one].counts == "risk"]
        alone = [self.told(COVER_FIGURES[-2:], layer=one) for one in risks] if len(risks) > 1 else []
        return {key: one for told in (self.told(COVER_FIGURES), *alone) for key, one in told.items()}

    def page(self, layers: Sequence[str], rows: Sequence[Bools], street: str) -> CoverFigures:
        """Return the figures of some rows of some layers: those of a sub-district's page, or of another's."""
        parts = {one: self.parts[one].filter(keep) for one, keep in zip(layers, rows, strict=True)}
        whole = self.address if street else None
        address = None if whole is None else replace(whole, subdistricts=(street,))
        told = replace(self, parts=parts, address=address).told(COVER_FIGURES[:-2])
        return {key: replace(one, street=street) for key, one in told.items()}

    def told(self, ids: Sequence[str], layer: str = "") -> dict[tuple[str, str], PrintedFigure]:
        """Return figures of these rows, or of those of a layer alone."""
        parts = {layer: self.parts[layer]} if layer else self.parts
        snapshot = self.state.snapshot
        tables = {one: parts.get(one, snapshot.table(one).slice(0, 0)) for one in snapshot.layers}
        engine = Engine(self.figures, replace(self.state, snapshot=replace(snapshot, tables=tables)))
        found: dict[tuple[str, str], PrintedFigure] = {}

        def keep(figure_id: str, title: Text, value: FigureValue | Group) -> None:
            query = self._address(value, parts)
            found[figure_id, layer] = PrintedFigure(
                figure_id, title, int(value.value or 0), value.text, layer, str(query or "")
            )

        for figure_id in ids:
            if figure_id not in self.figures.usable:
                continue
            value = engine.value(figure_id)
            keep(figure_id, value.title, value)
            for group in value.groups or ():
                title = Text(f"{value.title.zh}：{group.title.zh}", f"{value.title.en}: {group.title.en}")
                if group.value:
                    keep(f"{figure_id}.{group.member}", title, group)
        return found

    def _address(self, told: FigureValue | Group, parts: Mapping[str, pa.Table]) -> Address | None:
        """Return the address of the records of a figure among those that are selected, None where there is none."""
        if told.query is None or self.address is None:
            return None
        if not told.value and self.address.where:
            return None  # a condition may be one of fields that none of these layers has
        query = told.query.among(self.address)
        return replace(query, layers=tuple(one for one in query.layers if one in parts) or query.layers)


def _unrated(
    ws: Workspace, snapshot: Snapshot, selection: Selection, parts: Sequence[LayerInventory], lang: Lang
) -> tuple[str, int]:
    """Return the sentence about the records without a tier, "" where there is none, and how many are new."""
    risks = [part for part in parts if part.layer.counts == "risk"]
    counts = add_counts([tier_counts(part.table) for part in risks])
    if not counts["unrated"]:
        return "", 0
    new = newly_unrated(ws, snapshot, selection)
    return unrated_text(new, total=sum(counts.values()), unrated=counts["unrated"], lang=lang), len(new)


def _files(
    ws: Workspace, layer: Layer, table: pa.Table, as_of: date | None
) -> tuple[tuple[Attached, ...], ...]:
    if not layer.files:
        return ()
    held = ws.ledger.attached(layer.id, as_of=last_moment(as_of) if as_of else None)
    return tuple(tuple(held.get(code, ())) for code in table["code"].to_pylist())


def _differences(ws: Workspace, snapshot: Snapshot, selected: Selected, lang: Lang) -> list[dict[str, Any]]:
    """Return what does not add up among the selected records: those without a tier, by layer.

    Sums of the ledger as a whole are reconciled too, so that a fault there cannot hide in a filter.
    """
    found = []
    for layer_id in selected.rows:
        if ws.catalog.layer(layer_id).counts != "risk":
            continue
        table = selected.table(snapshot, layer_id)
        missing = table.filter(table["rank"].to_numpy() == UNRATED)
        if not len(missing):
            continue
        title = ws.catalog.layer(layer_id).title
        found.append(
            {
                "what": Text(
                    f"{title.zh}：四级之和与总数不符", f"{title.en}: the four tiers do not sum to the total"
                ),
                "expected": len(table),
                "found": len(table) - len(missing),
                "codes": missing["code"].to_pylist(),
            }
        )
    whole = reconcile(snapshot, rejected_rows=0, catalog_layers=ws.catalog.layers, lang=lang)
    return found + [d for d in whole["differences"] if "layer" not in d]


def _models(table: pa.Table, made: Makers, told: Mapping[str, ModelStamp]) -> tuple[ModelStamp, ...]:
    """Return the models that made the tiers of the rows, of most rows first."""
    counted = Counter(map(made.of, table["feature_id"].to_pylist()))
    return tuple(told[digest] for digest, _ in counted.most_common() if digest is not None)


def _contacts(
    ws: Workspace,
    layer: Layer,
    table: pa.Table,
    *,
    as_of: date | None,
    unmasked: bool,
    progress: Progress,
    expected: int,
) -> list[tuple[Contact, ...] | None] | None:
    if not layer.contacts:
        return None
    codes = table["code"].to_pylist()
    moment = last_moment(as_of) if as_of else None
    reading, masking = progress.parts(4, 1)
    known = ws.ledger.contacts(layer.id, as_of=moment, progress=reading, expected=expected)
    found = [known.get(code) for code in codes]
    return found if unmasked else list(_masked(found, masking))


def _masked(
    found: Sequence[tuple[Contact, ...] | None], progress: Progress
) -> Iterator[tuple[Contact, ...] | None]:
    """Yield the persons of each record as they may be shown, each group of persons masked once."""
    masked: dict[int, tuple[Contact, ...] | None] = {}
    for i, people in enumerate(found):
        if i % _CHUNK == 0:
            progress.step(i, len(found), _MASKING)
        if id(people) not in masked:
            masked[id(people)] = mask_contacts(people)
        yield masked[id(people)]


def masked_columns(layer: Layer, table: pa.Table, whole: pa.Table) -> pa.Table:
    """Return rows of a `whole` layer table with personal fields, and people in what no field reads, masked."""
    table = masked_extras(table, whole)
    for field in layer.fields:
        name = f"f:{field.id}"
        if field.personal and name in table.column_names:
            at = table.column_names.index(name)
            values = [None if v is None else str(mask_value(v)) for v in table[name].to_pylist()]
            table = table.set_column(at, name, pa.array(values, pa.string()))
    return table


def describe(ws: Workspace, selection: Selection) -> Text:
    """Return a selection in words, for covers and headings."""
    zh, en = [], []

    def add(title: Text, values: Sequence[Text]) -> None:
        if values:
            zh.append(f"{title.zh}：{'、'.join(v.zh for v in values)}")
            en.append(f"{title.en}: {', '.join(v.en for v in values)}")

    def plain(values: Sequence[object]) -> list[Text]:
        return [Text(str(v), str(v)) for v in values]

    add(Text("图层", "layers"), [ws.catalog.layer(layer).title for layer in selection.layers])
    tiers = [tier for tier in selection.tiers if tier in RANK_OF]
    grades = [tier for tier in selection.tiers if tier not in RANK_OF]
    add(Text("等级", "tiers"), [TIER_TITLES[tier] for tier in tiers])
    if len(grades) < len(GRADES):  # a filter by tier that leaves out nothing else need not say so
        add(Text("评档", "grades"), [TIER_TITLES[grade] for grade in grades])
    add(Text("状态", "state"), [_STATE_TITLES[state] for state in selection.states])
    add(Text("街道", "sub-districts"), plain(selection.subdistricts))
    add(Text("条件", "conditions"), [condition_text(ws, where) for where in selection.where])
    add(Text("标记", "flags"), [FLAGS[flag] for flag in selection.flags])
    add(Text("编号", "codes"), plain(selection.codes[:20]))
    if selection.text:
        add(Text("文字", "text"), plain([selection.text]))
    if selection.within is not None:
        add(Text("范围", "area"), [Text("地图上圈选的多边形", "a polygon drawn on the map")])
    return Text("；".join(zh), "; ".join(en)) if zh else Text("全部", "everything")


_OPERATORS = {
    "==": Text("=", "="),
    "!=": Text("≠", "≠"),
    "<=": Text("≤", "≤"),
    ">=": Text("≥", "≥"),
    "~": Text("包含", "contains"),
    "in": Text("为", "one of"),
    "missing": Text("未填", "is not stated"),
    "present": Text("已填", "is stated"),
}


def _titled(ws: Workspace, column: str) -> Text:
    """Return how people call a column: the title of its field, else the name itself."""
    name = header_of(column.removeprefix("f:"))
    if is_part(name):
        key = name.removeprefix("p:")
        return ws.catalog.part_titles(ws.catalog.layers).get(key, Text(key, key))
    if column in CORE:
        return CORE[column][1]
    field = asked_field(name, ws.catalog.layers) if column != name else None
    return Text(name, name) if field is None else field.title


def condition_text(ws: Workspace, where: Condition) -> Text:
    """Return a condition by the titles of its field and choices, for pages and covers."""
    title = _titled(ws, where.field)
    field = asked_field(where.field.removeprefix("f:"), ws.catalog.layers)
    if where.than:
        values, unit = [_titled(ws, where.than)], Text("", "")
    else:
        values = [_value_text(ws, where.field, value) for value in where.values]
        unit = unit_title(field.unit if field is not None and values else "")
    operator = _OPERATORS.get(where.op, Text(where.op, where.op))
    return Text(
        f"{title.zh} {operator.zh} {'、'.join(v.zh for v in values)} {unit.zh}".strip(),
        f"{title.en} {operator.en} {', '.join(v.en for v in values)} {unit.en}".strip(),
    )


_CORE_VALUES: Final[Mapping[str, Mapping[str, Text]]] = {
    "tier": TIER_TITLES,
    "state": _STATE_TITLES,
    "flags": FLAGS,
}


def _value_text(ws: Workspace, column: str, value: object) -> Text:
    """Return a value of a condition as people read it."""
    if isinstance(value, bool):
        return Text("是", "yes") if value else Text("否", "no")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if column in _CORE_VALUES:
        return _CORE_VALUES[column].get(text, Text(text, text))
    name = column.removeprefix("f:")
    own = [f for layer in ws.catalog.layers.values() for f in layer.fields if f.id == name]
    fields = own or [f for f in (asked_field(name, ws.catalog.layers),) if f is not None]
    return {c.id: c.title for f in fields for c in f.choices}.get(text, Text(text, text))


def write_rejected(path: Path, files: Sequence[tuple[str, int | None, tuple[RejectedRow, ...]]]) -> None:
    """Write rejected rows as a workbook with the same sheets and columns, bad cells marked."""
    write_rejects_workbook(path, [RejectedFile(file, batch, rows) for file, batch, rows in files])
