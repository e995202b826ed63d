"""The kinds of files that can be read: a module here that states `FORMATS` adds some, for every command and page.

These modules say what a file of the kind looks like and run in the main process, so they read fixed places of
it only. What parses one is named by `reader` and imported in the sandboxed worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from riskmap.errors import Text
from riskmap.registries import members

# What the first bytes of a file can show: see `file_checks`; "own" where `FileFormat.magic` is the sign.
Content = Literal["zip", "ole", "sqlite", "parquet", "shp", "text", "xml", "html", "own"]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One kind of file: the `endings` of its names and the `content` that its first bytes must show.

    `reader`: a module with `read(request, folder)`, which writes sheets and says so (`drivers/`). `gdal`: the
    only driver that GDAL may have meanwhile. `without`: packages that the reader does better without; they
    take longer to import than a small file to read. `faults` takes path, first bytes and what they
    show, and says what is wrong beyond `content`. `instead` takes the first bytes and what they show, and names the kind
    that they are and that programs save under this ending too, None where it is none. `member`: (ends of a name, what to
    say) of what an archive must hold. `companions`: endings of the files beside it that belong to it.
    """

    kind: str
    endings: tuple[str, ...]
    content: Content
    reader: str
    gdal: str | None = None
    without: tuple[str, ...] = ()
    magic: bytes = b""
    faults: Callable[[Path, bytes, str], Text | None] | None = None
    instead: Callable[[bytes, str], str | None] | None = None
    member: tuple[str | tuple[str, ...], Text] | None = None
    companions: tuple[str, ...] = ()


@cache
def file_formats() -> dict[str, FileFormat]:
    """Return every format by its kind."""
    return {one.kind: one for _, some in members(__name__, "FORMATS") for one in some}


@cache
def endings() -> dict[str, FileFormat]:
    """Return the format that each ending of a file name, in lower case with its dot, stands for."""
    return {ending: one for one in file_formats().values() for ending in one.endings}
