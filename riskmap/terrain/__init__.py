"""Rasters of terrain: the shaded relief that lies under the map."""

from __future__ import annotations

