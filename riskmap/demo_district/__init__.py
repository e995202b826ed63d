"""A made-up district (演示区) to try riskmap on: boundaries, terrain and the records of six layers.

Everything in it is fictional and marked 演示数据 demo data.
"""

from __future__ import annotations

import os

from riskmap.demo_district.district import make_demo
from riskmap.demo_district.files import write_boundaries

__all__ = [
    "make_demo",
    "write_boundaries",
]

# GDAL reads these when it starts: no driver that could follow a file to another one or to the network.
os.environ.setdefault("GDAL_SKIP", "VRT,WMS,WCS,HTTP,DERIVED")


os.environ.setdefault("OGR_SKIP", "OGR_VRT")


os.environ.setdefault("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".none")
