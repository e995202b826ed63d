"""No file makes riskmap ask the network: what GDAL and PROJ may not do, said before either is loaded.

Both read the environment whenever they open something, GDAL its lists of drivers when it starts. `import riskmap`
comes first in every process of ours, so this is the one place; the process that reads files from outside adds its
own (`riskmap/io/files/worker.py`). Why at import: docs/decisions/0024-offline-at-import.md.
"""

from __future__ import annotations

import os
from typing import Final

NOBODY: Final = "http://127.0.0.1:9"  # the port of "discard": nothing answers there


# Drivers that ask a server or open what a file names. Those of rasterio's GDAL: it opens rasters in our own processes,
# where a tag of the file may name its overviews. GDAL complains of a name that it does not know.
_ROUNDABOUT: Final = {
    "GDAL_SKIP": "VRT DERIVED GTI HTTP WMS WMTS WCS STACIT STACTA EEDA EEDAI PLMOSAIC DAAS ESRIC Zarr",
    "OGR_SKIP": "OGR_VRT",
}


_CLOSED: Final = {
    # One name and no other goes before the endings, one of which could be given to any address.
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_PROXY": NOBODY,
    "GDAL_HTTPS_PROXY": NOBODY,
    "AWS_EC2_METADATA_DISABLED": "true",
    "CPL_MACHINE_IS_GCE": "NO",
    "ALLOW_OGR_SQL_FUNCTIONS_FROM_TRIGGER_AND_VIEW": "NO",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "PROJ_NETWORK": "OFF",
}


def close_off() -> None:
    """Set it for this process and its children; drivers that a person has switched off stay so."""
    os.environ.update(_CLOSED)
    for variable, drivers in _ROUNDABOUT.items():
        kept = os.environ.get(variable, "").replace(",", " ").split()
        os.environ[variable] = ",".join(dict.fromkeys([*kept, *drivers.split()]))
