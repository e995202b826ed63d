"""Rasters of terrain: the shaded relief that lies under the map."""

from __future__ import annotations

from riskmap.terrain.derivatives import hillshade, hillshade_png

__all__ = [
    "hillshade",
    "hillshade_png",
]
