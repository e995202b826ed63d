"""Rasters of terrain: derivatives, flow, depressions, and the shaded relief that lies under the map."""
