"""What must fit before a raster's values go into a field: the field, the unit, the way they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riskmap.catalog import Field, Layer
from riskmap.catalog.problems import closest
from riskmap.errors import DatumError, RiskmapError, UnknownNameError
from riskmap.terrain.factors import FACTOR_TAG
from riskmap.terrain.geotiff import need_band, opened
from riskmap.terrain.sampling import Method
from riskmap.terrain.zonal import Statistic
from riskmap.units import convertible

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
        near = closest(field_id, layer.field_ids)
        numeric = [f.id for f in layer.fields if f.type in ("number", "integer")]
        raise UnknownNameError(
            f"{layer.id}：没有字段 {field_id}；数值字段：{'、'.join(numeric)}"
            + (f"；是否想写 {near}？" if near else ""),
            f"{layer.id}: no field {field_id}; its numeric fields: {', '.join(numeric)}"
            + (f"; did you mean {near}?" if near else ""),
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
            f"{layer.id}：--zonal 只用于面图层，这是 {layer.geometry} 图层；请去掉 --zonal",
            f"{layer.id}: --zonal is for polygon layers, this one holds {layer.geometry}s; leave it out",
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
            "坡向不能双线性内插（359° 与 1° 之间是 0°）；请用 --method nearest",
            "an angle cannot be interpolated (between 359° and 1° lies 0°); use --method nearest",
        )
    return method or ("nearest" if turning or categorical else "bilinear")
