"""The map of a selection as a book: overview, sub-districts, bad risks one by one, index."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.inventory.map_files import HANDING, PLAIN, SHADING, Look, relief_of, sheet_of
from riskmap.actions.inventory.nearby import Place, distance_text, nearest_records
from riskmap.actions.records.editing import may_unmask, note_unmasked
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.coordinates import metres
from riskmap.errors import ExportError, Lang, Text
from riskmap.interface import option
from riskmap.io.files.atomic import WrittenFile, together
from riskmap.moments import local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_atlas import Atlas, write_atlas_pages
from riskmap.reports.map_sheet import Facts, Key
from riskmap.rules.extras import masked
from riskmap.rules.people import by_role
from riskmap.rules.permissions import Actor
from riskmap.rules.shift import direction_of
from riskmap.selection import Selection, Snapshot
from riskmap.texts import field_title, item_past, item_text, made_text, t, value_text
from riskmap.values.inventory import Inventory, LayerInventory
from riskmap.vocabulary import RANK_OF, Tier

BAD: Final[tuple[Tier, ...]] = ("major", "large")  # tiers whose risks may have a page of their own


MOST: Final = 500  # pages of single risks


_LONGEST: Final = 84  # letters of a value: three lines beside the map


_ITEMS: Final = 6  # open items of a checklist, persons


_COMMON: Final = ("address", "managing_department")  # told of every layer that has them


_TELLING: Final = Text("整理点位资料", "collecting what is told of each point")


@dataclass(frozen=True, slots=True)
class Pages:
    """What an atlas has beside overview and index: sub-districts, and the risks of these tiers one by one."""

    streets: bool = True
    points: tuple[Tier, ...] = BAD


ALL: Final = Pages()


def write_atlas(
    ws: Workspace,
    selection: Selection,
    to: Path,
    *,
    pages: Pages = ALL,
    as_of: date | None = None,
    look: Look = PLAIN,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> WrittenFile:
    """Write the selected records as a book of maps (.pdf); return what was written.

    No contact is in it unless it is to be `unmasked`, which is recorded; free text shows numbers of persons masked.
    ExportError for another ending, for more than `MOST` pages of single risks, and where this machine has no Chinese
    letters; RiskmapError asks for the person and the reason of what is unmasked. Stopped by its `progress`, it raises
    Cancelled and nothing is written.
    """
    if unmasked:
        may_unmask(selection.to_text(), by=by, why=why)
    collecting, telling, shading, drawing, handing = progress.parts(2, 2, 1, 6, 1)
    inventory = inventory_of(ws, selection, as_of=as_of, facts=False, by=by, lang=lang, progress=collecting)
    _few_enough(to, inventory, pages)
    told = (
        _told(ws, selection, pages.points, as_of=as_of, unmasked=unmasked, by=by, lang=lang, progress=telling)
        if pages.points
        else {}
    )
    shading.step(0, 1, SHADING)
    shown = replace(inventory, unmasked=unmasked)
    sheet = sheet_of(ws, selection, shown, look, relief_of(ws))
    with together():
        done = write_atlas_pages(Atlas(sheet, pages.streets, told), to, drawing)
        handing.step(0, 1, HANDING)
        if unmasked:
            note_unmasked(ws, selection.to_text(), by=by, why=why)
    return done


def _few_enough(to: Path, inventory: Inventory, pages: Pages) -> None:
    ranks = [RANK_OF[tier] for tier in pages.points]
    n = sum(int(np.isin(part.table["rank"].to_numpy(), ranks).sum()) for part in inventory.risks)
    if n <= MOST:
        return
    raise ExportError(
        f"{to}：重大、较大共 {n} 处，一处一页超过 {MOST} 页；请只选部分街道（{option('subdistrict')}）或图层，"
        f"或用 {option('points')} major、{option('points')} none 少印点位页",
        f"{to}: {n} large and major risks, a page for each is more than {MOST}; select sub-districts "
        f"({option('subdistrict', 'en')}) or layers, or print fewer of these pages with {option('points', 'en')} major "
        f"or {option('points', 'en')} none",
    )


def _told(
    ws: Workspace,
    selection: Selection,
    tiers: Sequence[Tier],
    *,
    as_of: date | None,
    unmasked: bool,
    by: Actor | None,
    lang: Lang,
    progress: Progress,
) -> dict[Key, tuple[Facts, ...]]:
    """Return what is told of each selected risk of these tiers beside its map."""
    wanted = tuple(tier for tier in tiers if not selection.tiers or tier in selection.tiers)
    if not wanted:
        return {}
    reading, telling = progress.parts(1, 1)
    found = inventory_of(
        ws,
        replace(selection, tiers=wanted),
        as_of=as_of,
        unmasked=unmasked,
        by=by,
        lang=lang,
        progress=reading,
    )
    snapshot = current_snapshot(ws, as_of=as_of)
    told: dict[Key, tuple[Facts, ...]] = {}
    risks = [part for part in found.risks if len(part)]
    for i, part in enumerate(risks):
        for j, row in enumerate(part.table.to_pylist()):
            telling.step(i + j / len(part), len(risks), _TELLING)
            record = _Record(ws, part, j, row, unmasked, lang)
            parts = [*record.facts(), record.contacts(), _closest(ws, snapshot, record)]
            told[part.layer.id, str(row["code"])] = tuple(one for one in parts if one is not None)
    return told


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of the inventory: its place in its layer, its columns by name."""

    ws: Workspace
    part: LayerInventory
    at: int
    row: Mapping[str, Any]
    unmasked: bool
    lang: Lang

    def facts(self) -> Iterator[Facts]:
        """Yield why it has its tier, what it is and what is done, which items of its checklist are open."""
        yield Facts(t("atlas_tier", self.lang), tuple(self._reasons()))
        printed = [name for name, _ in self.part.layer.printed.columns]
        known = self.part.layer.field_ids
        names = dict.fromkeys((*_COMMON, *(name for name in printed if name in known)))
        scored = set(self._scored())
        lines = [self._pair(name) for name in names if name not in scored]
        if any(lines):
            yield Facts(t("atlas_facts", self.lang), tuple(line for line in lines if line))
        if self.part.layer.checklist is not None:
            yield self._open_items()

    def _scored(self) -> tuple[str, ...]:
        return self.ws.catalog.model_of(self.part.layer.id).fields if self.part.layer.model else ()

    def _reasons(self) -> Iterator[str]:
        """Yield the score, the inputs of the score, direct rules, what is missing, and which model it was."""
        lang, row = self.lang, self.row
        score = row["score"]
        if score is not None and not math.isnan(score):
            yield t("atlas_score", lang, score=f"{score:g}")
        inputs = [line for line in map(self._pair, self._scored()[:_ITEMS]) if line]
        if inputs:
            yield t("item_separator", lang).join(inputs)
        if rules := row["rules"]:
            titles = self.part.rules
            named = [titles[one].text(lang) if one in titles else str(one) for one in rules]
            yield t("atlas_rules", lang, rules=t("comma", lang).join(named))
        if missing := row["missing"]:
            fields = [field_title(self.part.layer, one, lang) for one in missing]
            yield t("atlas_missing", lang, fields=_cut(t("comma", lang).join(fields)))
        yield made_text(self.part.models, lang)

    def _pair(self, name: str) -> str:
        value = self.row.get(f"f:{name}")
        text = value_text(self.part.layer, name, value, self.lang)
        shown = text if self.unmasked else masked(text, personal=False)
        title = field_title(self.part.layer, name, self.lang)
        return t("atlas_pair", self.lang, title=title, value=_cut(shown)) if shown else ""

    def _open_items(self) -> Facts:
        layer, lang = self.part.layer, self.lang
        assert layer.checklist is not None
        marks, day = self.row.get("checklist") or (), self.day
        facts = {name.removeprefix("f:"): value for name, value in self.row.items() if name.startswith("f:")}
        left: list[str] = []
        for i, item in enumerate(layer.checklist.items):
            standing = marks[i] if i < len(marks) else None
            if standing is True and not item_past(item.id, standing, facts, day):
                continue
            said = item_text(layer, item.id, standing, facts, day, lang) or t("not_stated", lang)
            left.append(t("atlas_pair", lang, title=item.title.text(lang), value=_cut(said)))
        title = t("atlas_items_open", lang, title=layer.checklist.title.text(lang), n=len(left))
        return Facts(title, _first(left, lang) or (t("atlas_items_done", lang),))

    @property
    def day(self) -> date:
        """The day on which what is valid is looked at."""
        return current_snapshot(self.ws).today or local_now().date()

    def contacts(self) -> Facts | None:
        """Return its persons, where they are to be shown: on paper a masked number is of no use."""
        if not self.unmasked or self.part.contacts is None:
            return None
        people, layer, lang = self.part.contacts[self.at] or (), self.part.layer, self.lang
        titles = {role.id: role.title.text(lang) for role in layer.contacts}
        lines = [
            t(
                "atlas_pair",
                lang,
                title=titles.get(role, role),
                value=_cut("　".join(one for one in (person.name, person.phone, person.post) if one)),
            )
            for role, persons in by_role(people).items()
            for person in persons
            if person.name or person.phone
        ]
        none = (t("atlas_contacts_none", lang),)
        return Facts(t("atlas_contacts", lang), _first(lines, lang) or none)


def _closest(ws: Workspace, snapshot: Snapshot, record: _Record) -> Facts | None:
    """Return the closest shelter, how far and in which direction; None without a layer of shelters or a position."""
    lon, lat, lang = record.row["lon"], record.row["lat"], record.lang
    layers = [
        layer.id
        for layer in ws.catalog.layers.values()
        if layer.role == "shelter" and layer.id in snapshot.layers
    ]
    if not layers or not (math.isfinite(lon) and math.isfinite(lat)):
        return None
    place = Place(lon, lat, record.part.layer.id, str(record.row["code"]))
    near = [one for each in layers for one in nearest_records(ws, each, place, snapshot=snapshot).records]
    title = t("atlas_shelter", lang)
    if not near:
        return Facts(title, (t("atlas_shelter_none", lang),))
    best = min(near, key=lambda one: one.metres)
    x, y = metres([lon, best.lon], [lat, best.lat], around=lon)
    east, north = float(x[1] - x[0]), float(y[1] - y[0])
    line = t(
        "atlas_shelter_line",
        lang,
        name=best.name or "",
        code=best.code,
        distance=distance_text(best.metres),
        direction=direction_of(east, north).text(lang),
        bearing=round(math.degrees(math.atan2(east, north))) % 360,
    )
    return Facts(title, (line,))


def _cut(text: str | None) -> str:
    """Return a text of three lines at most."""
    whole = " ".join((text or "").split())
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"


def _first(lines: Sequence[str], lang: Lang) -> tuple[str, ...]:
    """Return as many lines as find room, and how many more there are."""
    if len(lines) <= _ITEMS:
        return tuple(lines)
    return (*lines[: _ITEMS - 1], t("atlas_rest", lang, n=len(lines) - _ITEMS + 1))
