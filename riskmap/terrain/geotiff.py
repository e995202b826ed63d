"""GeoTIFF files: opened safely, read in blocks, and asked whether their cells are metres.

What a file does not know is NaN here: nodata, masked cells, cells outside. A stated scale and offset are applied.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj
import rasterio
from pyproj.exceptions import CRSError, ProjError
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from riskmap.array_types import Floats
from riskmap.errors import DatumError, UnknownNameError, UnreadableFileError
from riskmap.interface import option
from riskmap.reprojection import Reprojection, reprojection

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

# First bytes of a TIFF and of a BigTIFF, in either byte order.
_MAGIC: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


_ENDINGS: Final = (".tif", ".tiff")


CACHE_MB: Final = 64  # of GDAL's block cache, which would otherwise take a twentieth of the machine


# No ground lies outside: such a "height" is a nodata value that the file does not declare.
HEIGHTS: Final = (-500.0, 9_000.0)


TRUE_TO_SCALE: Final = 0.01  # how far a projected metre may be from one on the ground


_METRE_NAMES: Final = frozenset({"", "m", "metre", "metres", "meter", "meters", "米"})


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """Open a GeoTIFF for reading with that driver alone.

    UnreadableFileError where the file is absent or no GeoTIFF, DatumError where it has no coordinate system.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as problem:
        raise UnreadableFileError(
            f"{path}：栅格文件打不开；请检查路径和权限", f"{path}: cannot open the raster; check the path"
        ) from problem
    if head not in _MAGIC or path.suffix.lower() not in _ENDINGS:
        raise _not_a_geotiff(path)
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_MB), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as raster:
                if raster.crs is None:
                    raise DatumError(
                        f"{path}：没有坐标系；请用 GIS 软件指定坐标系（如 EPSG:4547）后另存",
                        f"{path}: has no coordinate system; set one (such as EPSG:4547) and save it again",
                    )
                yield raster
    except RasterioError as problem:
        raise _not_a_geotiff(path) from problem


def _not_a_geotiff(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path}：不是完好的 GeoTIFF；请用 GIS 软件另存为 GeoTIFF（.tif）",
        f"{path}: not a sound GeoTIFF; save it as GeoTIFF (.tif)",
    )


def need_band(raster: DatasetReader, band: int) -> None:
    """Raise UnknownNameError where the raster has no such band (1-based)."""
    if not 1 <= band <= raster.count:
        raise UnknownNameError(
            f"{raster.name}：没有第 {band} 波段，共 {raster.count} 个；请改 {option('band')}",
            f"{raster.name}: has no band {band} of {raster.count}; change {option('band', 'en')}",
        )


def read_raw(raster: DatasetReader, rows: slice, cols: slice, *, band: int = 1) -> np.ma.MaskedArray:
    """Return a window as it is stored, masked where unknown."""
    window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)  # type: ignore[call-arg]
    return raster.read(band, window=window, masked=True)


def as_floats(raster: DatasetReader, values: np.ma.MaskedArray, *, band: int = 1) -> Floats:
    """Return stored values as float64 in the band's unit, NaN where unknown."""
    floats = np.ma.filled(values.astype(np.float64), np.nan)
    scale, offset = raster.scales[band - 1], raster.offsets[band - 1]
    if scale != 1.0 or offset != 0.0:
        floats = floats * scale + offset
    floats[~np.isfinite(floats)] = np.nan
    return floats


def read_heights(raster: DatasetReader, rows: slice, cols: slice) -> Floats:
    """Return heights of a window in metres, float64, NaN where unknown or not of this Earth."""
    heights = as_floats(raster, read_raw(raster, rows, cols))
    with np.errstate(invalid="ignore"):
        heights[(heights < HEIGHTS[0]) | (heights > HEIGHTS[1])] = np.nan
    return heights


def horizontal(raster: DatasetReader) -> pyproj.CRS:
    """Return the raster's horizontal coordinate system; DatumError where PROJ cannot use it."""
    try:
        crs = pyproj.CRS.from_wkt(raster.crs.to_wkt())
        if crs.is_compound:
            crs = crs.sub_crs_list[0]
        if crs.is_geographic or crs.is_projected:
            return crs
    except (CRSError, ProjError) as problem:
        raise _strange(raster) from problem
    raise _strange(raster)


def degrees_of(raster: DatasetReader) -> Reprojection:
    """Return the way between a raster's coordinates and the ledger's degrees; DatumError where there is none."""
    crs = horizontal(raster)
    try:
        return reprojection(f"EPSG:{code}" if (code := crs.to_epsg()) else crs.to_wkt())
    except DatumError as problem:
        raise DatumError(f"{raster.name}：{problem.say.zh}", f"{raster.name}: {problem.say.en}") from problem


def _strange(raster: DatasetReader) -> DatumError:
    return DatumError(
        f"{raster.name}：坐标系无法换算到 CGCS2000；请用 GIS 软件转换到 EPSG:4547 这样的坐标系后另存",
        f"{raster.name}: its coordinate system cannot be related to CGCS2000; reproject it to one like EPSG:4547",
    )


@dataclass(frozen=True, slots=True)
class RasterGrid:
    """A north-up grid in metres. `cell`: its sides (east–west, north–south) in metres."""

    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    cell: tuple[float, float]

    @property
    def cell_area(self) -> float:
        """Square metres of one cell."""
        return self.cell[0] * self.cell[1]


def metric_grid(raster: DatasetReader) -> RasterGrid:
    """Return the grid of a terrain file; DatumError unless it is north-up and in true metres.

    Degrees, feet, Web Mercator (8 % too long at 22.5° N) and turned grids are refused: every slope would be wrong.
    """
    need_metre_heights(raster)
    crs, t = horizontal(raster), raster.transform
    if crs.is_geographic:
        raise _not_metric(raster, "经纬度（度）", "in degrees")
    if any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info):
        raise _not_metric(raster, "不以米为单位", "not in metres")
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise _not_metric(raster, "不是正北朝上的格网", "not north-up")
    x, y = t.c + t.a * raster.width / 2, t.f + t.e * raster.height / 2
    proj = pyproj.Proj(crs)
    factors = proj.get_factors(*proj(x, y, inverse=True), errcheck=False)
    scales = (factors.meridional_scale, factors.parallel_scale)
    if not all(abs(s - 1.0) <= TRUE_TO_SCALE for s in scales):
        raise _not_metric(raster, f"投影长度变形 {max(scales):.3f} 倍", f"stretched {max(scales):.3f} times")
    return RasterGrid(raster.crs, t, (raster.height, raster.width), (t.a, -t.e))


def need_metre_heights(raster: DatasetReader) -> None:
    """Raise DatumError where heights are stated in anything but metres upwards."""
    unit = (raster.units[0] or "").strip().casefold()
    crs = pyproj.CRS.from_wkt(raster.crs.to_wkt())
    vertical = [a for a in crs.axis_info if a.direction in {"up", "down"}]
    if unit not in _METRE_NAMES or any(
        a.unit_conversion_factor != 1.0 or a.direction == "down" for a in vertical
    ):
        found = unit or "，".join(f"{a.unit_name} {a.direction}" for a in vertical)
        raise DatumError(
            f"{raster.name}：高程单位是 {found}，只接受米（向上为正）；请换算成米后另存",
            f"{raster.name}: heights are in {found}; only metres upwards are accepted, convert them and save again",
        )


def _not_metric(raster: DatasetReader, zh: str, en: str) -> DatumError:
    return DatumError(
        f"{raster.name}：格网{zh}，坡度会算错；请转换到 EPSG:4547 这样的米制坐标系，或用 "
        f"{option('resolution')} 30 指明重采样的格距（米）",
        f"{raster.name}: its grid is {en}, slopes would be wrong; reproject it to a metric system such as EPSG:4547, "
        f"or state the cell to resample to in metres with {option('resolution', 'en')} 30",
    )
