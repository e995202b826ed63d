"""Raster → field: what a raster says at each record, written to the ledger as one change with its origin.

What must fit before a raster's values go into a field: the field, the unit, the way they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.importing import commit_plan
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats
from riskmap.catalog import Field, Layer
from riskmap.catalog.problems import closest
from riskmap.errors import DatumError, LedgerError, RiskmapError, UnknownNameError, meant
from riskmap.interface import option
from riskmap.io.files.text_files import digest_of
from riskmap.json_documents import Document
from riskmap.rules.permissions import Actor
from riskmap.terrain.factors import FACTOR_TAG
from riskmap.terrain.geotiff import need_band, opened
from riskmap.terrain.sampling import Method, Statistic, sample_points, summarise
from riskmap.units import convertible
from riskmap.values.import_plan import ImportPlan, Intake
from riskmap.values.records import Features, Records

# How rasters spell the units that layer files write.
_SPELLINGS: Final = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("degree", "degrees"), "°"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where sampled values come from: raster file, its SHA-256, band, and how they were taken."""

    raster: str
    digest: str
    band: int
    method: str

    def __str__(self) -> str:
        return f"{self.raster} sha256:{self.digest} band {self.band} {self.method}"


def numeric_field(layer: Layer, field_id: str) -> Field:
    """Return a numeric field of a layer; UnknownNameError or RiskmapError say why it is none."""
    if field_id not in layer.field_ids:
        end = meant(closest(field_id, layer.field_ids))
        numeric = [f.id for f in layer.fields if f.type in ("number", "integer")]
        raise UnknownNameError(
            f"{layer.id}：没有字段 {field_id}；数值字段：{'、'.join(numeric)}{end.zh}",
            f"{layer.id}: no field {field_id}; its numeric fields: {', '.join(numeric)}{end.en}",
        )
    target = layer.field(field_id)
    if target.type not in ("number", "integer"):
        raise RiskmapError(
            f"{layer.id} › {field_id}：是 {target.type} 字段，栅格取值只能写入数值字段；请另选字段",
            f"{layer.id} › {field_id}: a {target.type} field; a raster's values need a numeric one, choose another",
        )
    return target


def fitting_zonal(layer: Layer, zonal: Statistic | None) -> Statistic | None:
    """Return the statistic for a layer: polygons have one (mean), points and lines none. RiskmapError otherwise."""
    if layer.geometry == "polygon":
        return zonal or "mean"
    if zonal is not None:
        raise RiskmapError(
            f"{layer.id}：{option('zonal')} 只用于面图层，这是 {layer.geometry} 图层；请去掉 {option('zonal')}",
            f"{layer.id}: {option('zonal', 'en')} is for polygon layers, this one holds {layer.geometry}s; leave it out",
        )
    return None


def band_facts(path: Path, band: int, target: Field) -> tuple[str, float, bool]:
    """Return the factor that a file of ours holds, the factor to the field's unit, and whether it holds classes."""
    with opened(path) as raster:
        need_band(raster, band)
        stated = (raster.units[band - 1] or "").strip()
        unit = _SPELLINGS.get(stated.casefold(), stated)
        # A file that states no unit, or a field without one, is taken at its word.
        scale = convertible(unit, target.unit) if unit and target.unit else 1
        if scale is None:
            raise DatumError(
                f"{path}：第 {band} 波段的单位是 {stated}，字段 {target.id} 的单位是 {target.unit}，不能换算；请换字段或换栅格",
                f"{path}: band {band} is in {stated}, field {target.id} in {target.unit}; choose another field or raster",
            )
        classes = raster.colorinterp[band - 1].name == "palette"
        return raster.tags().get(FACTOR_TAG, ""), float(scale), classes


def how_to_take(factor: str, method: Method | None, zonal: Statistic | None, *, categorical: bool) -> str:
    """Return how values are taken: bilinear, nearest, zonal mean, zonal max. RiskmapError where that makes no sense."""
    turning = factor == "aspect"
    if zonal is not None:
        if turning or categorical:
            what = ("坡向", "an angle") if turning else ("类别", "a class")
            raise RiskmapError(
                f"{what[0]}不能取平均或最大；请用坡度等连续量",
                f"{what[1]} has no {zonal}; summarise a quantity such as slope",
            )
        return f"zonal {zonal}"
    if turning and method == "bilinear":
        raise RiskmapError(
            f"坡向不能双线性内插（359° 与 1° 之间是 0°）；请用 {option('method')} nearest",
            f"an angle cannot be interpolated (between 359° and 1° lies 0°); use {option('method', 'en')} nearest",
        )
    return method or ("nearest" if turning or categorical else "bilinear")


KIND: Final = "sample"


DIGITS: Final = 6  # significant ones; a raster of 32-bit numbers holds seven


_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What sampling a layer did, or would do. Every active record is in one of the counts or lists.

    `replaced`: of the updated records, those that held another value; `kept`: those that had a value and were to
    keep it. `partial`: code → share of a polygon that the raster knows, where that is not all of it. `changeset` is
    None where nothing was written.
    """

    layer: str
    field: str
    origin: Origin
    unchanged: int
    updated: int
    replaced: int
    kept: int
    unlocated: tuple[str, ...]
    not_covered: tuple[str, ...]
    out_of_limits: tuple[str, ...]
    partial: Mapping[str, float]
    changeset: int | None = None

    @property
    def missing(self) -> int:
        """How many records got no value."""
        return len(self.unlocated) + len(self.not_covered) + len(self.out_of_limits)

    def as_json(self) -> Document:
        """Return the document of `riskmap sample --json`."""
        return {
            "layer": self.layer,
            "field": self.field,
            "raster": self.origin.raster,
            "digest": self.origin.digest,
            "band": self.origin.band,
            "method": self.origin.method,
            "sampled": self.unchanged + self.updated,
            "unchanged": self.unchanged,
            "updated": self.updated,
            "replaced": self.replaced,
            "kept": self.kept,
            "missing": {
                "unlocated": list(self.unlocated),
                "not_covered": list(self.not_covered),
                "out_of_limits": list(self.out_of_limits),
            },
            "partial": dict(self.partial),
            "changeset": self.changeset,
        }


def sample_layer(
    ws: Workspace,
    layer_id: str,
    raster: Path,
    *,
    field_id: str,
    by: Actor,
    why: str,
    band: int = 1,
    method: Method | None = None,
    zonal: Statistic | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> SampleReport:
    """Write the raster's value at every active record of a layer into a field, as one changeset of kind `sample`.

    Points (and lines, at their point) are sampled: `method` bilinear, or nearest for classes and angles (chosen by
    itself for a band with a colour table and for our own aspect). Polygons are summarised (`zonal`, mean by default).
    Values keep DIGITS significant digits; an integer field takes the nearest whole number. Records that are
    unlocated, not covered, or would fall outside the field's limits stay as they are and are named. A value that a
    record holds, surveyed most likely, stays too, unless `overwrite`. Raises UnknownNameError, DatumError, UnreadableFileError,
    RiskmapError, and StaleRevisionError where the ledger keeps moving.
    """
    layer = ws.catalog.layer(layer_id)
    target = numeric_field(layer, field_id)
    zonal = fitting_zonal(layer, zonal)
    factor, to_unit, categorical = band_facts(raster, band, target)
    how = how_to_take(factor, method, zonal, categorical=categorical)
    origin = Origin(raster.name, digest_of(raster), band, how + ("" if to_unit == 1.0 else f" ×{to_unit:g}"))
    for _ in range(_TRIES):
        features = ws.ledger.features(layer.id)
        values, share = _values(features, raster, band=band, how=how, zonal=zonal)
        report, plan = _planned(
            ws, target, features, values * to_unit, origin, share=share, overwrite=overwrite
        )
        if not (plan.count("held") or plan.count("insert")):
            return report if dry_run else _written(ws, report, plan, by=by, why=why)
    # Each time a record changed between reading its place and comparing its values.
    raise LedgerError(
        f"{layer.id}：台账正在被他人改动，未写入；请稍后再试",
        f"{layer.id}: others keep changing these records, nothing was written; try again later",
    )


def _written(ws: Workspace, report: SampleReport, plan: ImportPlan, *, by: Actor, why: str) -> SampleReport:
    if not report.updated:
        return report
    done, _ = commit_plan(ws, plan, by=by, why=f"{why}（{report.origin}）", kind=KIND)
    return replace(report, changeset=done.changeset)


def _values(
    features: Features, raster: Path, *, band: int, how: str, zonal: Statistic | None
) -> tuple[Floats, Floats | None]:
    """Return the raster's value per record and, for polygons, the share that is known."""
    records = features.records
    if zonal is None:
        method: Method = "nearest" if how == "nearest" else "bilinear"
        return sample_points(raster, records.lon, records.lat, band=band, method=method), None
    found = summarise(raster, records.shapes or [None] * len(records), statistic=zonal, band=band)
    return found.values, found.share


def _planned(
    ws: Workspace,
    target: Field,
    features: Features,
    values: Floats,
    origin: Origin,
    *,
    share: Floats | None,
    overwrite: bool,
) -> tuple[SampleReport, ImportPlan]:
    records = features.records
    if share is None:
        located = np.isfinite(records.lon) & np.isfinite(records.lat)
    else:
        located = np.array([s is not None for s in records.shapes or [None] * len(records)], dtype=bool)
    held = records.values.get(target.id, [None] * len(records))
    kept = np.array([v is not None and not overwrite for v in held], dtype=bool)
    values = _rounded(values, whole=target.type == "integer")
    covered = np.isfinite(values)
    low = -np.inf if target.minimum is None else target.minimum
    high = np.inf if target.maximum is None else target.maximum
    with np.errstate(invalid="ignore"):
        within = (values >= low) & (values <= high)
    wanted = located & ~kept
    plan = ws.ledger.plan_import(
        _intake(target, features, values, np.flatnonzero(wanted & covered & within), origin)
    )

    def codes(mask: NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(records.code[i] for i in np.flatnonzero(mask).tolist())

    report = SampleReport(
        layer=records.layer,
        field=target.id,
        origin=origin,
        unchanged=plan.count("unchanged"),
        updated=plan.count("update"),
        replaced=sum(1 for change in plan.changes.values() if change[target.id][0] is not None),
        kept=int(kept.sum()),
        unlocated=codes(~located & ~kept),
        not_covered=codes(wanted & ~covered),
        out_of_limits=codes(wanted & covered & ~within),
        partial=_partial(records.code, wanted, share),
    )
    return report, plan


def _partial(codes: Sequence[str], wanted: NDArray[np.bool_], share: Floats | None) -> dict[str, float]:
    if share is None:
        return {}
    some = wanted & (share > 0.0) & (share < 1.0 - 1e-6)
    return {codes[i]: round(float(share[i]), 4) for i in np.flatnonzero(some).tolist()}


def _rounded(values: Floats, *, whole: bool) -> Floats:
    """Return values to DIGITS significant digits, or to whole numbers."""
    if whole:
        return np.rint(values)
    return np.array([float(f"{v:.{DIGITS}g}") for v in values.tolist()], dtype=np.float64)


def _intake(
    target: Field, features: Features, values: Floats, rows: NDArray[np.intp], origin: Origin
) -> Intake:
    """Wrap the values as a file of two columns, code and field, so that they take the ordinary way in.

    Each row names the version of the record whose place was sampled: one that has moved on is not written.
    """
    codes = [features.records.code[int(i)] for i in rows]
    numbers: Sequence[float] = values[rows].tolist()
    nothing = [None] * len(codes)
    nowhere = np.full(len(codes), np.nan)
    return Intake(
        file=f"{origin.raster} · band {origin.band} · {origin.method}",
        digest=origin.digest,
        layer=features.records.layer,
        datum="cgcs2000",
        sheets=(),
        rows=len(codes),
        skipped_non_data=0,
        records=Records(
            layer=features.records.layer,
            code=codes,
            name=nothing,
            subdistrict=nothing,
            lon=nowhere,
            lat=nowhere.copy(),
            shapes=None,
            values={target.id: [int(v) for v in numbers] if target.type == "integer" else numbers},
        ),
        sheet=[origin.raster] * len(codes),
        row=range(1, len(codes) + 1),
        stated_version=features.version[rows].tolist(),
        rejected=(),
        issues=(),
    )
