"""Rasters of terrain: the shaded relief that lies under the map."""

from __future__ import annotations

import os

# GDAL reads these when it starts: no driver that could follow a file to another one or to the network.
os.environ.setdefault("GDAL_SKIP", "VRT,WMS,WCS,HTTP,DERIVED")


os.environ.setdefault("OGR_SKIP", "OGR_VRT")


os.environ.setdefault("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".none")
