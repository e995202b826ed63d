"""Which tiers changed since a day, and why.

Comparing the tiers of two days, of two versions of a model, or of a day and a version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import tomli

from riskmap.actions.records.scoring import load_artefacts
from riskmap.actions.workspace import Workspace
from riskmap.catalog.loader import model_for
from riskmap.catalog.problems import closest, read_text
from riskmap.errors import Lang, RiskmapError, Text, UnknownNameError, meant
from riskmap.ledger import TierChange
from riskmap.moments import as_of_json, last_moment
from riskmap.scoring import assess_table, fit_model
from riskmap.scoring.comparison import Comparison, Side, compared
from riskmap.vocabulary import is_worse

_STEP = 200


@dataclass(frozen=True, slots=True)
class TierChanges:
    """Changes of tier since the beginning of a day, newest last; grades of what is no risk are none.

    `moved` had a tier (or were unrated) before; `first` counts first assessments by the tier they gave.
    """

    since: date
    moved: tuple[TierChange, ...]
    first: Counter[str]

    @property
    def worse(self) -> tuple[TierChange, ...]:
        """Those that stand higher than before; unrated stands where every list has it, above low."""
        return tuple(c for c in self.moved if is_worse(str(c.before), c.after))

    def tally(self, what: str) -> Mapping[str, int]:
        """Return how many there are: "tiers_moved" by before and after, "tiers_worse" and "tiers_caused" by cause,
        "tiers_first" by tier.
        """
        if what == "tiers_moved":
            return Counter(f"{c.before}.{c.after}" for c in self.moved)
        if what == "tiers_first":
            return self.first
        return Counter(c.cause for c in (self.worse if what == "tiers_worse" else self.moved))


def tier_changes_since(ws: Workspace, day: date, *, as_of: date | None = None) -> TierChanges:
    """Return what changed since the beginning of a local day, until now or a past day or moment."""
    layers = ws.catalog.layers
    others = {one for one, layer in layers.items() if layer.counts != "risk"}
    until = None if as_of is None else ws.ledger.state_at(last_moment(as_of))
    since = _last_before(ws, day)
    found = ws.ledger.tier_changes(since=since, until=until, first=False)
    first = ws.ledger.first_tiers(since=since, until=until)
    return TierChanges(
        day,
        tuple(change for change in found if change.layer not in others),
        sum((n for layer, n in first.items() if layer not in others), Counter[str]()),
    )


def _last_before(ws: Workspace, day: date) -> int:
    """Return the last changeset before a local day, 0 where there is none."""
    start = datetime.combine(day, time.min).astimezone()
    limit = _STEP
    while True:
        found = ws.ledger.changesets(limit=limit)
        for change in found:
            if datetime.fromisoformat(change.at) < start:
                return change.id
        if len(found) < limit:
            return 0
        limit *= 4


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


_DIGEST = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Migrated:
    """One comparison of a layer: what each side is (as JSON, and in words), and what moved."""

    layer: str
    before: dict[str, Any]
    after: dict[str, Any]
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        """Return the document of `riskmap migrate --json`."""
        c = self.comparison
        return {
            "layer": self.layer,
            "from": self.before,
            "to": self.after,
            "records": int(c.migration.counts.sum()),
            "counts": c.migration.table(),
            "moved": c.migration.moved,
            "new": len(c.new),
            "retired": len(c.retired),
            "points": [{"code": p.code, "from": p.before, "to": p.after, "cause": p.cause} for p in c.points],
        }


def migrate(ws: Workspace, layer: str, *, before: str, after: str, as_of: date | None = None) -> Migrated:
    """Compare the tiers of a layer's records on two sides; writes nothing.

    A side is "now" or an ISO date (the tiers as the ledger holds or held them), or a model: a
    version or digest that has assessed the layer before, or a model file. A model scores the
    records of today, or those of `as_of`; one that compares with the whole layer is fitted to
    them. Only records that both sides have are compared. UnknownNameError names the versions
    there are; CatalogError says what a model file gets wrong.
    """
    ws.catalog.layer(layer)
    first, told = _side(ws, layer, before, as_of)
    second, then = _side(ws, layer, after, as_of)
    return Migrated(layer, told, then, compared(first, second))


def draw_migration(ws: Workspace, migrated: Migrated, path: Path, *, lang: Lang = "zh") -> None:
    """Write a comparison as a picture, .svg, .html or .png. ExportError without the extra `report`."""
    from riskmap.reports.plots import migration, write_picture  # noqa: PLC0415 - loads Altair, for those who draw

    title = ws.catalog.layer(migrated.layer).title
    full = Text(f"{title.zh}等级变化", f"{title.en}: change of tiers")
    c = migrated.comparison
    demo = Text("；演示数据", "; made-up data") if ws.demo else Text("", "")
    note = Text(
        f"新增 {len(c.new)} 条、注销 {len(c.retired)} 条不计在内{demo.zh}",
        f"{len(c.new)} new and {len(c.retired)} retired records are not counted{demo.en}",
    )
    plot = migration(
        c.migration.table(),
        title=full,
        before=side_text(migrated.before, lang),
        after=side_text(migrated.after, lang),
        note=note,
        lang=lang,
    )
    write_picture(path, plot, title=full.text(lang), lang=lang)


def side_text(side: dict[str, Any], lang: Lang) -> str:
    """Return what a side is, in words."""
    if side["kind"] == "now":
        return "当前" if lang == "zh" else "now"
    if side["kind"] == "date":
        return str(side["at"])
    records = side["records"]
    name = f"{side['model']} {side['version']} ({str(side['digest'])[:8]})"
    when = (
        ("" if records == "now" else f"，{records} 的记录")
        if lang == "zh"
        else ("" if records == "now" else f", records of {records}")
    )
    return name + when


def _side(ws: Workspace, layer: str, given: str, as_of: date | None) -> tuple[Side, dict[str, Any]]:
    if given == "now":
        return _held(ws, layer, None), {"kind": "now", "digest": ws.ledger.assessed_digest(layer)}
    if _DATE.fullmatch(given):
        try:
            day = date.fromisoformat(given)
        except ValueError as problem:
            raise RiskmapError(
                f"日期 {given!r} 不对；请写成 2024-12-31", f"not a date: {given!r}; write it like 2024-12-31"
            ) from problem
        digest = ws.ledger.assessed_digest(layer, as_of=last_moment(day))
        return _held(ws, layer, day), {"kind": "date", "at": given, "digest": digest}
    text, file, folder = _model_text(ws, layer, given)
    definition = ws.catalog.layer(layer)
    model = model_for(definition, text, file)
    moment = None if as_of is None else last_moment(as_of)
    table = ws.ledger.layer_columns(definition, as_of=moment).whole()
    learned = load_artefacts(folder, model)
    fit = fit_model(model, definition, table, learned=learned)
    rank = assess_table(model, definition, table, fit=fit, learned=learned).rank
    told = {
        "kind": "model",
        "model": model.id,
        "version": model.version,
        "digest": model.digest,
        "records": as_of_json(as_of) or "now",
    }
    codes = table["code"].to_pylist()
    version = table["version"].to_numpy()
    return Side(codes, rank, version, model.digest, None if fit is None else fit.digest), told


def _held(ws: Workspace, layer: str, day: date | None) -> Side:
    """Return the tiers that the ledger holds, or held at the end of a day."""
    moment = None if day is None else last_moment(day)
    features = ws.ledger.features(layer, as_of=moment)
    digest = ws.ledger.assessed_digest(layer, as_of=moment)
    fit = ws.ledger.assessed_fit(layer, as_of=moment)
    return Side(list(features.records.code), features.rank, features.version, digest, fit)


def _model_text(ws: Workspace, layer: str, given: str) -> tuple[str, str, Path]:
    """Return the text of a model, the name for messages, and the folder of its artefacts."""
    if given.endswith(".toml"):
        path = Path(given)
        return read_text(path, given), given, path.parent
    current = ws.catalog.model_of(layer)
    known = {current.digest: current.text} | dict(ws.ledger.models_used(layer))
    versions = {digest: _version(text) for digest, text in known.items()}
    found = [d for d, version in versions.items() if version == given]
    if not found and _DIGEST.fullmatch(given):
        found = [d for d in known if d.startswith(given)]
    if len(found) == 1:
        return known[found[0]], f"{versions[found[0]]} ({found[0][:8]})", ws.root / "models"
    listed = "、".join(f"{version} ({digest[:8]})" for digest, version in versions.items())
    if found:
        raise UnknownNameError(
            f"模型版本 {given}：有 {len(found)} 个文件都这样写；请改用摘要：{listed}",
            f"model version {given}: {len(found)} files say so; use a digest: {listed}",
        )
    end = meant(closest(given, [*versions.values(), "now"]))
    raise UnknownNameError(
        f"{given}：不是日期、now、模型文件（.toml），也不是评估过 {layer} 的模型版本；现有：{listed}{end.zh}",
        f"{given}: not a date, now, a model file (.toml), nor a model version that has assessed {layer}; "
        f"there are: {listed}{end.en}",
    )


def _version(text: str) -> str:
    """Return the version that a model file states, "?" for one that this program cannot read."""
    try:
        return str(tomli.loads(text).get("version", "?"))
    except tomli.TOMLDecodeError:
        return "?"


def matrix_lines(migrated: Migrated, titles: Sequence[str]) -> list[str]:
    """Return the matrix as lines of a terminal; `titles` of the tiers in the order of the table."""
    table = migrated.comparison.migration.table()
    width = max(9, *(len(t) + 2 for t in titles))
    lines = ["".ljust(width) + "".join(t.rjust(width) for t in titles)]
    for title, row in zip(titles, table.values(), strict=True):
        lines.append(title.ljust(width) + "".join(f"{n:,}".rjust(width) for n in row.values()))
    return lines
