"""Counts by layer, tier and sub-district, and whether they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.errors import Lang, Text
from riskmap.rules.arrays import array_of, codes_of, numbers_of
from riskmap.selection.filters import Selection
from riskmap.selection.table import FLAG_BIT
from riskmap.selection.views import view_of
from riskmap.vocabulary import FLAGS, NOT_STATED, RANK_OF, RANKS, TIERS, UNRATED

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Counts:
    """How many records: `array` int64[layer, rank, sub-district]. Ranks by `vocabulary.STANDINGS`; the
    last sub-district (`NOT_STATED`) holds the records that state none.

    Only risks are counted by tier and sum to the total; `others` says how many of each layer are none.
    """

    array: NDArray[np.int64]
    layers: tuple[str, ...]
    subdistricts: tuple[str, ...]

    @property
    def risks(self) -> NDArray[np.int64]:
        """What enters tiers and sums: int64[layer, rank (`vocabulary.RANKS`), sub-district]."""
        return self.array[:, : len(RANKS)]

    @property
    def total(self) -> int:
        """All risks."""
        return int(self.risks.sum())

    @property
    def everything(self) -> int:
        """All records, whatever they are."""
        return int(self.array.sum())

    @property
    def others(self) -> dict[str, int]:
        """Layer → records that are no risks, where it has any."""
        found = self.array[:, len(RANKS) :].sum(axis=(1, 2)).tolist()
        return {layer: n for layer, n in zip(self.layers, found, strict=True) if n}

    @property
    def unrated(self) -> int:
        """Records without a tier."""
        return int(self.array[:, UNRATED].sum())

    def tiers(self, *, layer: str | None = None, subdistrict: str | None = None) -> dict[str, int]:
        """Return tier id → count, worst first, without the unrated."""
        ranks = self._part(layer, subdistrict)
        return {tier: int(ranks[RANK_OF[tier]]) for tier in TIERS}

    def summary(self, *, layer: str | None = None, subdistrict: str | None = None) -> dict[str, Any]:
        """Return total, tiers and unrated of everything, a layer, a sub-district or both."""
        ranks = self._part(layer, subdistrict)
        return {
            "total": int(ranks.sum()),
            "tiers": {tier: int(ranks[RANK_OF[tier]]) for tier in TIERS},
            "unrated": int(ranks[UNRATED]),
        }

    def _part(self, layer: str | None, subdistrict: str | None) -> NDArray[np.int64]:
        part = self.risks
        if layer is not None:
            part = part[[self.layers.index(layer)]]
        if subdistrict is not None:
            part = part[:, :, [self.subdistricts.index(subdistrict)]]
        return part.sum(axis=(0, 2))


def counts(snapshot: Snapshot, selection: Selection) -> Counts:
    """Return how many records a selection has, by layer, rank and sub-district.

    Raises SelectionError for a layer, sub-district or field that does not exist.
    """
    view = view_of(snapshot, selection)
    if view.rows is None:
        found = snapshot.histogram * view.groups
    else:
        found = np.bincount(snapshot.group[view.rows], minlength=len(view.groups))
    names = (*snapshot.subdistricts, NOT_STATED)
    return Counts(found.reshape(snapshot.shape), snapshot.layers, names)


def flag_counts(snapshot: Snapshot, layer: str) -> dict[str, int]:
    """Return flag id → how many records of a layer carry it; `unreadable`, a fault, only where some do."""
    bits = numbers_of(snapshot.table(layer)["flags"])
    found = {flag: int(np.count_nonzero(bits & FLAG_BIT[flag])) for flag in FLAGS}
    return {flag: n for flag, n in found.items() if n or flag != "unreadable"}


def reconcile(
    snapshot: Snapshot,
    *,
    rejected_rows: int,
    as_of: str | None = None,
    catalog_layers: Mapping[str, Layer],
    lang: Lang = "zh",
) -> dict[str, Any]:
    """Return the document of `riskmap summary --json`: every total, and the sums that do not agree.

    Totals of layers and sub-districts are counted from the tables, the tiers from the groups that
    map and lists count by, so the two cannot agree by construction. Records without a tier make a
    layer's tiers sum to less than its total: that is a difference and names them. Layers that are no
    risks enter nothing; `others` says what each holds.
    """
    scored = tuple(layer for layer in snapshot.layers if catalog_layers[layer].counts == "risk")
    # An empty choice of layers would be all of them; what is no risk enters no sum either way.
    found = counts(snapshot, Selection(layers=scored))
    sizes = {layer: len(snapshot.table(layer)) for layer in scored}
    total = sum(sizes.values())
    layers = {
        layer: {
            "title": catalog_layers[layer].title.text(lang),
            **found.summary(layer=layer),
            "total": sizes[layer],
            "unlocated": int(np.isnan(numbers_of(snapshot.table(layer)["lon"])).sum()),
            "flags": flag_counts(snapshot, layer),
        }
        for layer in scored
    }
    stated = _stated(snapshot, scored)
    subdistricts = {
        name: {**found.summary(subdistrict=name), "total": stated.get(name, 0)}
        for name in found.subdistricts
        if name != NOT_STATED or stated.get(name)
    }
    differences = [
        *(_tier_gap(snapshot, layer, layers[layer], lang) for layer in scored),
        _sum_gap(Text("各图层之和", "sum of the layers"), total, found.total, lang),
        _sum_gap(Text("各街道之和", "sum of the sub-districts"), total, sum(stated.values()), lang),
    ]
    differences = [d for d in differences if d is not None]
    return {
        "as_of": as_of,
        "total": total,
        "tiers": found.tiers(),
        "unrated": found.unrated,
        "rejected_rows": rejected_rows,
        "adds_up": not differences,
        "differences": differences,
        "layers": layers,
        "subdistricts": subdistricts,
        "others": {
            layer: {"count": len(snapshot.table(layer)), "counts": catalog_layers[layer].counts}
            for layer in snapshot.layers
            if layer not in scored
        },
    }


def _stated(snapshot: Snapshot, layers: Sequence[str]) -> dict[str, int]:
    """Count records by the sub-district that their row states, from the tables themselves."""
    found: dict[str, int] = {}
    for layer in layers:
        indices, words = codes_of(snapshot.table(layer)["subdistrict"])
        sizes = np.bincount(indices + 1, minlength=len(words) + 1)
        for name, n in zip((None, *words), sizes.tolist(), strict=True):
            if n:
                found[name or NOT_STATED] = found.get(name or NOT_STATED, 0) + n
    return found


def _tier_gap(snapshot: Snapshot, layer: str, entry: Mapping[str, Any], lang: Lang) -> dict[str, Any] | None:
    rated = sum(entry["tiers"].values())
    if rated == entry["total"]:
        return None
    table = snapshot.table(layer)
    unrated = array_of(np.flatnonzero(numbers_of(table["rank"]) == UNRATED))
    codes = table["code"].take(unrated).to_pylist()
    title = entry["title"]
    what = Text(f"{title}：四级之和与总数不符", f"{title}: the four tiers do not sum to the total")
    return {
        "what": what.text(lang),
        "layer": layer,
        "expected": entry["total"],
        "found": rated,
        "codes": codes,
    }


def _sum_gap(what: Text, expected: int, found: int, lang: Lang) -> dict[str, Any] | None:
    if expected == found:
        return None
    said = Text(f"{what.zh}与总数不符", f"the {what.en} is not the total")
    return {"what": said.text(lang), "expected": expected, "found": found, "codes": []}
