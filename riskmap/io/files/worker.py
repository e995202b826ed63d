"""The subprocess that parses one untrusted file: `python -m riskmap.io.files.worker FOLDER`.

Reads `request.json` in FOLDER, writes one Arrow file per sheet and `result.json` there. It imports
only what the format needs, and GDAL is told what it may not do before it is imported.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from riskmap.errors import RiskmapError
from riskmap.io.files import REQUEST, RESULT, UnexpectedDriversError
from riskmap.io.files.formats import file_formats

# Every vector driver of GDAL other than the one of a format is switched off.
# fmt: off
_GDAL_DRIVERS = (
    "MEM", "PCIDSK", "PDS4", "VICAR", "PDF", "MBTiles", "EEDA", "OGCAPI", "GDALG", "ESRI Shapefile", "MapInfo File", "LVBAG",
    "S57", "DGN", "OGR_VRT", "CSV", "GML", "GPX", "LIBKML", "KML", "GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON", "OGR_GMT",
    "GPKG", "SQLite", "WAsP", "OpenFileGDB", "DXF", "FlatGeobuf", "GeoRSS", "VFK", "PGDUMP", "OSM", "GPSBabel", "OGR_PDS",
    "WFS", "OAPIF", "EDIGEO", "Idrisi", "ODS", "XLSX", "Elasticsearch", "Carto", "AmigoCloud", "SXF", "Selafin", "JML",
    "PLSCENES", "CSW", "VDV", "MVT", "NGW", "MapML", "GTFS", "PMTiles", "JSONFG", "MiraMonVector", "ADBC", "AVCBin",
    "AVCE00", "AIVector", "HTTP",
)


# fmt: on
def limit_gdal(wanted: str, extra: tuple[str, ...] = ()) -> None:
    """Set GDAL's environment so that only one driver exists and no network.

    `extra` are drivers of another GDAL build that were found to be still there.
    """
    off = [d for d in (*_GDAL_DRIVERS, *extra) if d != wanted]
    for exempt in ("no_proxy", "NO_PROXY"):
        os.environ.pop(exempt, None)
    os.environ.update(
        OGR_SKIP=",".join(off),
        GDAL_SKIP="VRT,WMS,WCS,HTTP,DERIVED",
        GDAL_DRIVER_PATH="disable",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".none",
        GDAL_HTTP_PROXY="socks5://127.0.0.1:1",  # nobody: a GeoJSON may name an address as its CRS
        GDAL_HTTPS_PROXY="socks5://127.0.0.1:1",
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR" if wanted != "ESRI Shapefile" else "FALSE",
        OGR_SQLITE_LOAD_EXTENSIONS="",
        CPL_DEBUG="OFF",
        CPL_LOG=os.devnull,
    )


def _limit_process(request: dict[str, Any]) -> None:
    """Ask the system for limits where it has them; the watchdog outside holds them everywhere."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    memory, seconds = int(request["memory_bytes"]), int(request["seconds"])
    # Arrow reserves address space that it never touches, hence the slack.
    for what, bound in (
        (resource.RLIMIT_AS, memory + (4 << 30)),
        (resource.RLIMIT_CPU, seconds * 2 + 5),
        (resource.RLIMIT_FSIZE, int(request["unpacked_bytes"]) * 2),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (value, hard))


class _Without:
    """A finder that says of some packages that they are not installed."""

    def __init__(self, *packages: str) -> None:
        self.packages = packages

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Refuse the packages; leave every other module to the finders that follow."""
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(name=name)


def run(folder: Path) -> dict[str, Any]:
    """Parse what the request names; return the result as it is written."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    _limit_process(request)
    one = file_formats()[request["kind"]]
    if one.gdal is not None:
        request["driver"] = one.gdal
        limit_gdal(one.gdal, tuple(request.get("extra_drivers", ())))
    sys.meta_path.insert(0, _Without(*one.without))
    try:
        return {"sheets": importlib.import_module(one.reader).read(request, folder)}
    except RiskmapError as problem:
        return {"error": {"zh": problem.say.zh, "en": problem.say.en}}
    except UnexpectedDriversError as problem:
        return {"unexpected_drivers": problem.names}
    except MemoryError:
        return {"exceeded": "memory"}
    except Exception as problem:  # noqa: BLE001 - whatever a parser throws is this one finding
        return {"failed": type(problem).__name__}


def main() -> None:
    """Run as a subprocess."""
    folder = Path(sys.argv[1])
    result = run(folder)
    half = folder / (RESULT + ".part")
    half.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    half.replace(folder / RESULT)


if __name__ == "__main__":
    main()
