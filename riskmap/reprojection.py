"""The real way between a coordinate system and CGCS2000 degrees, or the refusal that says what is missing.

PROJ answers every question: where it knows no operation between two datums it takes the degrees of one
for those of the other, in silence (Hong Kong 1980 as CGCS2000: 304 m). Here only published operations
count, through EPSG:4326 where there is none to EPSG:4490, each inside its own area.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.array_types import Floats
from riskmap.errors import DatumError

if TYPE_CHECKING:
    import pyproj

CGCS2000: Final = "EPSG:4490"


# WGS84 and CGCS2000 agree to a decimetre; EPSG has no operation between them, and none is needed here.
WGS84: Final = "EPSG:4326"


_BEYOND = 0.5  # degrees around an operation's area: the shift of a city holds for its outskirts


# How far a position lies off, in metres, when its datum is taken for CGCS2000 (China: shifts of 1:50,000 sheets
# published with the change to CGCS2000; Hong Kong: Lands Department, Explanatory Notes on Geodetic Datums, 1995;
# Taiwan: TWD67 → TWD97 is +828 m, −207 m).
_ASTRAY: Final = {
    "Xian 1980": ("约 80–130 米", "some 80–130 m"),
    "Beijing 1954": ("约 60–110 米", "some 60–110 m"),
    "New Beijing": ("约 60–130 米", "some 60–130 m"),
    "Hong Kong 1963": ("约 300 米", "some 300 m"),
    "Hong Kong 1963(67)": ("约 300 米", "some 300 m"),
    "TWD67": ("约 850 米", "some 850 m"),
}


_ASTRAY_ELSEWHERE: Final = ("几十米到一公里", "tens of metres to a kilometre")


@dataclass(frozen=True, slots=True)
class _Operation:
    """One published operation to degrees, where it holds (west, south, east, north), and to how many metres.

    `inverse` where PROJ has its own way back, to the last bit.
    """

    transformer: pyproj.Transformer
    inverse: pyproj.Transformer | None
    area: tuple[float, float, float, float]
    accuracy: float

    def back(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        if self.inverse is not None:
            return _arrays(*self.inverse.transform(lon, lat))
        return _arrays(*self.transformer.transform(lon, lat, direction="INVERSE"))

    def covers(self, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        west, south, east, north = self.area
        with np.errstate(invalid="ignore"):
            return (
                (lon >= west - _BEYOND)
                & (lon <= east + _BEYOND)
                & (lat >= south - _BEYOND)
                & (lat <= north + _BEYOND)
            )


@dataclass(frozen=True, slots=True)
class Reprojection:
    """The operations between one coordinate system and CGCS2000 degrees, the one to be preferred first.

    `accuracy`: metres to which the least exact of them is known, 0 where nothing is lost or PROJ does not say.
    """

    operations: tuple[_Operation, ...]

    @property
    def accuracy(self) -> float:
        """Metres to which the least exact operation is known."""
        return max(0.0, *(operation.accuracy for operation in self.operations), 0.0)

    @property
    def shifts(self) -> bool:
        """True where the datum is another one, so that taking its degrees for CGCS2000 would be wrong."""
        return any(operation.accuracy != 0.0 for operation in self.operations)

    @property
    def local(self) -> bool:
        """True where every operation serves a part of the world only."""
        return all(operation.area[0] > -180.0 for operation in self.operations)  # noqa: PLR2004 - the whole world

    def to_cgcs2000(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return degrees of x (easting, longitude) and y; NaN where no operation reaches or nothing was given."""
        px, py = _arrays(x, y)
        lon, lat = np.full(px.shape, np.nan), np.full(px.shape, np.nan)
        for operation in self.operations:
            found = _arrays(*operation.transformer.transform(px, py))
            good = np.isnan(lon) & np.isfinite(found[0]) & np.isfinite(found[1]) & operation.covers(*found)
            lon, lat = np.where(good, found[0], lon), np.where(good, found[1], lat)
        return lon, lat

    def from_cgcs2000(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Return x and y of degrees, the inverse of `to_cgcs2000`; NaN where no operation reaches."""
        px, py = _arrays(lon, lat)
        x, y = np.full(px.shape, np.nan), np.full(px.shape, np.nan)
        for operation in self.operations:
            good = np.isnan(x) & operation.covers(px, py)
            found = operation.back(px, py)
            x, y = np.where(good, found[0], x), np.where(good, found[1], y)
        bad = ~(np.isfinite(x) & np.isfinite(y))
        return np.where(bad, np.nan, x), np.where(bad, np.nan, y)


def _arrays(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


@lru_cache(maxsize=64)
def reprojection(crs: str) -> Reprojection:
    """Return the real way between a coordinate system (a code, or WKT) and CGCS2000 degrees.

    Raises DatumError where PROJ knows no operation: how large the error would be, what is needed, what to do.
    """
    import pyproj  # noqa: PLC0415 (its database opens; most commands transform nothing)

    source = pyproj.CRS.from_user_input(crs)
    source = source.sub_crs_list[0] if source.is_compound else source
    found = tuple(_operations(source, CGCS2000)) or tuple(_operations(source, WGS84))
    if not found:
        raise _no_operation(source, crs)
    return Reprojection(found)


def _operations(source: pyproj.CRS, degrees: str) -> Iterator[_Operation]:
    """Yield the published operations to degrees that can be used on land with what is installed."""
    import pyproj  # noqa: PLC0415

    found = _published(source, degrees)
    for operation in found:
        area = operation.area_of_use
        if area is not None and "offshore" in area.name and "onshore" not in area.name:
            continue
        bounds = (-180.0, -90.0, 180.0, 90.0)
        if area is not None and area.west <= area.east:
            bounds = (area.west, area.south, area.east, area.north)
        # What a group holds belongs to one thread; these have a copy in each.
        if len(found) == 1:
            way, back = (
                pyproj.Transformer.from_crs(*ends, always_xy=True, allow_ballpark=False)
                for ends in ((source, degrees), (degrees, source))
            )
        else:
            way, back = pyproj.Transformer.from_pipeline(operation.definition), None
        yield _Operation(way, back, bounds, operation.accuracy)


def _published(source: pyproj.CRS, degrees: str) -> list[pyproj.Transformer]:
    import warnings  # noqa: PLC0415

    from pyproj.exceptions import ProjError  # noqa: PLC0415
    from pyproj.transformer import TransformerGroup  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # a grid that is not installed leaves its operation out
            return TransformerGroup(source, degrees, always_xy=True, allow_ballpark=False).transformers
    except ProjError:
        return []


def _no_operation(source: pyproj.CRS, crs: str) -> DatumError:
    datum = source.geodetic_crs.name if source.geodetic_crs else source.name
    named = f"{crs}（{datum}）" if crs.startswith("EPSG:") else datum
    named_en = f"{crs} ({datum})" if crs.startswith("EPSG:") else datum
    zh, en = _ASTRAY.get(datum, _ASTRAY_ELSEWHERE)
    return DatumError(
        f"坐标系 {named}：没有公开的换算参数，直接当作 CGCS2000 会偏{zh}，未采用；需要本地的七参数或格网改正文件，"
        f"请由测绘部门换算成 CGCS2000（如 EPSG:4547）后再用",
        f"coordinate system {named_en}: no published operation leads to CGCS2000, and taking it for CGCS2000 would be "
        f"off by {en}; it needs local 7 parameters or a grid file: have the data converted to CGCS2000 (EPSG:4547 …) first",
    )
