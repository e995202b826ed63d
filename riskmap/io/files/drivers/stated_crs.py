"""A file's CRS, in whatever spelling, by its EPSG code."""

from __future__ import annotations

import json
from typing import Any

from pyproj import CRS, Proj
from pyproj.exceptions import CRSError

_SAME = 0.01  # metres (or degrees) that two spellings of one projection may differ by


def epsg_of(stated: str) -> dict[str, Any]:
    """Return {"crs", "crs_name"} of a CRS that PROJ reads (also ESRI's names); crs is "" without a code."""
    try:
        crs = CRS.from_user_input(stated)
    except CRSError:
        return {"crs": "", "crs_name": stated[:80]}
    if crs.to_authority(min_confidence=70) == ("OGC", "CRS84"):
        return {"crs": "EPSG:4326", "crs_name": crs.name}
    code = crs.to_epsg(min_confidence=70) or _by_name(crs)
    return {"crs": f"EPSG:{code}" if code else "", "crs_name": crs.name}


def _by_name(crs: CRS) -> int | None:
    """Return the code of a CRS that PROJ knows by its name, as ESRI writes it, where the numbers are the same too."""
    code = crs.to_epsg(min_confidence=25)
    if code is None:
        return None
    known = CRS.from_epsg(code)
    area = known.area_of_use
    if area is None:
        return None
    lon, lat = (area.west + area.east) / 2, (area.south + area.north) / 2
    stated, right = (Proj(each)(lon, lat) for each in (crs, known))
    return code if max(abs(a - b) for a, b in zip(stated, right, strict=True)) < _SAME else None


def geo_of(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Return what a GeoParquet file says of its geometry, {} for a plain table."""
    try:
        found = json.loads((metadata or {}).get(b"geo", b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def crs_of(described: dict[str, Any]) -> dict[str, Any]:
    """Return {"crs", …} of a geometry column: an absent CRS means OGC:CRS84; null means that it is not known."""
    if "crs" not in described:
        return {"crs": "EPSG:4326", "crs_stated": False}
    if described["crs"] is None:
        return {"crs": None}
    return epsg_of(json.dumps(described["crs"])) | {"crs_stated": True}
