"""The subprocess that parses one untrusted file: `python -m riskmap.io.files.worker FOLDER`.

Reads `request.json` in FOLDER, writes one Arrow file per sheet and `result.json` there. It imports
only what the format needs, and GDAL is told what it may not do before it is imported. It has no network: a
namespace without one and a filter of system calls where Linux allows them, a proxy where nobody listens everywhere.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from itertools import product
from pathlib import Path
from typing import Any, Final

from riskmap.errors import RiskmapError
from riskmap.io.files import REQUEST, RESULT, UnexpectedDriversError
from riskmap.io.files.formats import file_formats
from riskmap.offline import NOBODY

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
    """Set GDAL's environment so that only one driver exists; the network is closed by `riskmap.offline`.

    `extra` are drivers of another GDAL build that were found to be still there.
    """
    off = [d for d in (*_GDAL_DRIVERS, *extra) if d != wanted]
    os.environ.update(
        OGR_SKIP=",".join(off),
        GDAL_DRIVER_PATH="disable",
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR" if wanted != "ESRI Shapefile" else "FALSE",
        OGR_SQLITE_LOAD_EXTENSIONS="",
        CPL_DEBUG="OFF",
        CPL_LOG=os.devnull,
    )


def use_dead_proxy() -> None:
    """Send whatever asks the network to a proxy where nobody listens, without exemptions."""
    for which, case in product(("http", "https", "ftp", "all", "no"), (str.lower, str.upper)):
        os.environ.pop(case(f"{which}_proxy"), None)
        if which != "no":
            os.environ[case(f"{which}_proxy")] = NOBODY


_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def leave_network() -> None:
    """Move to a network namespace of our own, where there is no way out, if the system lets us.

    Must come while the process has one thread. Root does without a user namespace: it would no longer be root
    there and could not read other people's files.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - used nowhere else

    root = os.geteuid() == 0
    ctypes.CDLL(None).unshare(_CLONE_NEWNET | (0 if root else _CLONE_NEWUSER))


# Machine → its number in the kernel's audit records, and its number of the call `socket`.
MACHINES: Final = {
    "x86_64": (0xC000003E, 41),
    "aarch64": (0xC00000B7, 198),
    "loongarch64": (0xC0000102, 198),
    "riscv64": (0xC00000F3, 198),
}


_IO_URING_SETUP = 425  # makes sockets without the call `socket`


REFUSED, ALLOWED = 0x00050000 | 13, 0x7FFF0000  # how a filter answers: EACCES; go on


def forbid_sockets() -> None:
    """Have the kernel refuse every socket to this process from now on, where it can filter system calls."""
    machine, socket = MACHINES.get(platform.machine(), (0, 0))
    if sys.platform == "linux" and sys.maxsize > 1 << 32 and machine:
        filter_calls(
            (0x20, 0, 0, 4),  # load the architecture
            (0x15, 0, 4, machine),  # another one numbers its calls otherwise
            (0x20, 0, 0, 0),  # load the number of the call
            (0x35, 2, 0, 0x40000000),  # x32 on x86_64 does so too
            (0x15, 1, 0, socket),
            (0x15, 0, 1, _IO_URING_SETUP),
            (0x06, 0, 0, REFUSED),
            (0x06, 0, 0, ALLOWED),
        )


def filter_calls(*steps: tuple[int, int, int, int]) -> None:
    """Put a filter before every system call of this process and its children, for good.

    `steps`: classic BPF over `struct seccomp_data`, each (code, jump if true, jump if false, operand).
    """
    import ctypes  # noqa: PLC0415 - used nowhere else
    import struct  # noqa: PLC0415 - used nowhere else

    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) == 0:  # PR_SET_NO_NEW_PRIVS
        libc.prctl(22, 2, program)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


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
    try:
        return _read(request, folder)
    except RiskmapError as problem:
        return {"error": {"zh": problem.say.zh, "en": problem.say.en}}
    except UnexpectedDriversError as problem:
        return {"unexpected_drivers": problem.names}
    except MemoryError:
        return {"exceeded": "memory"}
    except Exception as problem:  # noqa: BLE001 - whatever a parser throws is this one finding
        return {"failed": type(problem).__name__}


def _read(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the sheets of a table or map, or the facts of a file that is attached."""
    if "reader" in request:
        return {"facts": importlib.import_module(request["reader"]).read(request, folder)}
    one = file_formats()[request["kind"]]
    if one.gdal is not None:
        request["driver"] = one.gdal
        limit_gdal(one.gdal, tuple(request.get("extra_drivers", ())))
    sys.meta_path.insert(0, _Without(*one.without))
    return {"sheets": importlib.import_module(one.reader).read(request, folder)}


def main() -> None:
    """Run as a subprocess."""
    leave_network()
    forbid_sockets()
    use_dead_proxy()
    folder = Path(sys.argv[1])
    result = run(folder)
    half = folder / (RESULT + ".part")
    half.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    half.replace(folder / RESULT)


if __name__ == "__main__":
    main()
