"""A file's CRS, in whatever spelling, by its EPSG code."""

from __future__ import annotations

from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError


def epsg_of(stated: str) -> dict[str, Any]:
    """Return {"crs", "crs_name"} of a CRS that PROJ reads (also ESRI's names); crs is "" without a code."""
    try:
        crs = CRS.from_user_input(stated)
    except CRSError:
        return {"crs": "", "crs_name": stated[:80]}
    if crs.to_authority(min_confidence=70) == ("OGC", "CRS84"):
        return {"crs": "EPSG:4326", "crs_name": crs.name}
    code = crs.to_epsg(min_confidence=70) or crs.to_epsg(min_confidence=25)
    return {"crs": f"EPSG:{code}" if code else "", "crs_name": crs.name}
