"""Uploaded files on their way to intake: in a private folder, under names of ours.

The name that came with a file is shown, never used: it could be a path, a device or a script.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from riskmap.errors import RiskmapError, Text, UnreadableFileError
from riskmap.io.files.formats import endings, file_formats
from riskmap.io.files.leftovers import mark

_LONGEST: Final = 120


_TAIL: Final = 30


class Uploaded(Protocol):
    """What Streamlit hands over."""

    @property
    def name(self) -> str:
        """Return the name that came with the file."""
        ...

    def getbuffer(self) -> memoryview:
        """Return the content."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to read: where it lies, and its name as the person knows it."""

    path: Path
    name: str


def shown_name(name: str) -> str:
    """Return a file's name without folders and control characters, of bounded length."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    if len(plain) > _LONGEST:
        plain = f"{plain[: _LONGEST - _TAIL - 1]}…{plain[-_TAIL:]}"  # its ending stays
    return plain or "file"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user may read, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"riskmap-upload{mark()}"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_uploads(files: Sequence[Uploaded], folder: Path) -> list[Upload]:
    """Write uploads into a folder; the parts of a shapefile stand together under one name.

    Raises UnreadableFileError for an ending that no reader has, and for parts without their .shp.
    """
    kept: list[Upload] = []
    parts: dict[str, list[Uploaded]] = {}
    known, together = endings(), {part for one in file_formats().values() for part in one.companions}
    for number, file in enumerate(files):
        name = shown_name(file.name)
        suffix = Path(name).suffix.lower()
        if suffix in together:
            parts.setdefault(Path(name).stem.casefold(), []).append(file)
        elif suffix in known:
            kept.append(Upload(_write(folder / f"{number:04d}{suffix}", file), name))
        else:
            usable = [ending.lstrip(".") for ending in dict.fromkeys((*known, *sorted(together)))]
            raise UnreadableFileError(
                f"{name}：不支持这种文件；可用 {'、'.join(usable)}",
                f"{name}: this kind of file cannot be read; use one of {', '.join(usable)}",
            )
    for number, group in enumerate(parts.values(), start=len(files)):
        kept.append(_shapefile(group, folder, number))
    return kept


def keep_as_they_are(files: Sequence[Uploaded], folder: Path) -> list[Upload]:
    """Write uploads into a folder, each with the ending of its name; what reads them refuses the rest."""
    kept = []
    for number, file in enumerate(files):
        name = shown_name(file.name)
        kept.append(Upload(_write(folder / f"{number:04d}{_ending(name)}", file), name))
    return kept


def as_uploaded(problem: RiskmapError, files: Iterable[Upload]) -> Text:
    """Return what was refused, with the files under the names by which the person knows them."""
    zh, en = problem.say.zh, problem.say.en
    for file in files:
        for ours in (str(file.path), file.path.name):
            zh, en = zh.replace(ours, file.name), en.replace(ours, file.name)
    return Text(zh, en)


@dataclass(frozen=True, slots=True)
class Held:
    """An upload that outlives its widget: the name as the person knows it, and the content."""

    name: str
    data: bytes

    @classmethod
    def of(cls, file: Uploaded | None) -> Held | None:
        """Return an upload to be kept, None where there is none."""
        return None if file is None else cls(shown_name(file.name), bytes(file.getbuffer()))

    def written(self, folder: Path, stem: str) -> Path:
        """Write it into a folder under a name of ours that says what it is, with the ending of its own."""
        return _write(folder / f"{stem}{_ending(self.name)}", self)

    def getbuffer(self) -> memoryview:
        """Return the content."""
        return memoryview(self.data)


def _ending(name: str) -> str:
    return "".join(c for c in Path(name).suffix.lower() if c.isascii() and (c.isalnum() or c == "."))


def _shapefile(group: Sequence[Uploaded], folder: Path, number: int) -> Upload:
    main: Upload | None = None
    for file in group:
        name = shown_name(file.name)
        path = folder / f"{number:04d}{Path(name).suffix.lower()}"
        if path.exists():
            raise UnreadableFileError(
                f"{name}：同名文件上传了两次；请只保留一个", f"{name}: uploaded twice; keep one of them"
            )
        _write(path, file)
        if path.suffix == ".shp":
            main = Upload(path, name)
    if main is None:
        name = shown_name(group[0].name)
        raise UnreadableFileError(
            f"{name}：缺少同名的 .shp；请把 .shp、.dbf、.shx、.prj 一起选中上传，或打成 zip",
            f"{name}: its .shp is missing; choose .shp, .dbf, .shx and .prj together, or zip them",
        )
    return main


def _write(path: Path, file: Uploaded) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(file.getbuffer())
    return path
