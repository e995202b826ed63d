"""A file appears whole or not at all: written beside its target, fsynced, then moved over it.

What an export wrote. What a derived file says of its own content: an altered or cut-off one is never used.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from riskmap.errors import ExportError
from riskmap.io.files.leftovers import mark, sweep
from riskmap.values.inventory import PrintedFigure

_PREFIX: Final = ".riskmap-export-"


@contextmanager
def replacing(*targets: Path, private: bool = False) -> Iterator[tuple[Path, ...]]:
    """Yield one path to write for each target; when the block ends well, they take the targets' places.

    The paths lie in a hidden folder beside the targets (which share one parent) under the same
    names, so that whatever else a driver puts beside its file goes away with the folder. When the
    block raises, the targets are as they were and the folder is gone. ExportError where the place
    cannot be written. `private`: for their owner alone; else as the umask of the process says.
    Inside `together` the files wait for the others.
    """
    parent = targets[0].parent
    with refusals(targets[0]):
        if not parent.is_dir():
            raise ExportError(
                f"{targets[0]}：文件夹 {parent} 不存在；请先建立该文件夹或换一个位置",
                f"{targets[0]}: the folder {parent} does not exist; create it or choose another place",
            )
        for target in targets:
            if target.is_dir():
                raise ExportError(
                    f"{target}：这是一个文件夹；请给出文件名", f"{target}: this is a folder; name a file"
                )
        sweep([parent])
        waiting = _together.get()
        made = _Made(Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{mark()}", dir=parent)), targets)
        if waiting is not None:
            waiting.append(made)
        try:
            for path in made.written if private else ():
                path.touch(mode=0o600)
            yield made.written
            for path in made.written:
                _sync(path)
            if waiting is None:
                made.move()
        finally:
            if waiting is None:
                made.drop()


def private_folder(path: Path) -> Path:
    """Make a folder and whatever is missing above it for their owner alone; what is there stays as it is."""
    for folder in (*reversed(path.parents), path):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


@dataclass(frozen=True, slots=True)
class _Made:
    """What lies in a hidden folder for its targets."""

    room: Path
    targets: Sequence[Path]

    @property
    def written(self) -> tuple[Path, ...]:
        return tuple(self.room / target.name for target in self.targets)

    def move(self) -> None:
        for path, target in zip(self.written, self.targets, strict=True):
            path.replace(target)
        sync_folder(self.targets[0].parent)

    def drop(self) -> None:
        shutil.rmtree(self.room, ignore_errors=True)


_together: ContextVar[list[_Made] | None] = ContextVar("together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Let the files that `replacing` writes in this block take their places at its end: all of them, or none."""
    waiting: list[_Made] = []
    before = _together.set(waiting)
    try:
        yield
        for made in waiting:
            with refusals(made.targets[0]):
                made.move()
    finally:
        _together.reset(before)
        for made in waiting:
            made.drop()


@contextmanager
def refusals(target: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an ExportError that names the file and the remedy."""
    try:
        yield
    except OSError as problem:
        raise refusal(target, problem) from problem


def refusal(target: Path | str, problem: OSError) -> ExportError:
    """Return what the operating system refused as an error that names the file, the cause and the remedy."""
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ExportError(
            f"{target}：磁盘空间不足，未写入；请清理磁盘或换一个位置",
            f"{target}: the disk is full, nothing was written; free some space or choose another place",
        )
    if isinstance(problem, PermissionError):
        return ExportError(
            f"{target}：没有写入权限，或文件正被 Excel/WPS 打开；请关闭该文件或换一个位置",
            f"{target}: not allowed to write, or the file is open in another program; "
            "close it or choose another place",
        )
    text = problem.strerror or str(problem)
    return ExportError(
        f"{target}：无法写入（{text}）；请换一个位置再试",
        f"{target}: cannot be written ({text}); try another place",
    )


def _sync(path: Path) -> None:
    # Opened for writing because Windows fsyncs no read-only handle.
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Make sure that a new name survives a power cut; Windows cannot open a folder and does without."""
    if os.name != "posix":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file: where it is, its format, and how many records it holds.

    `unlocated`: how many more it does not, because they have no position and its format holds nothing else.
    `pages`: how many a book has. `figures`: the numbers that stand on it.
    """

    path: Path
    format: str
    rows: int
    unlocated: int = 0
    pages: int = 0
    figures: tuple[PrintedFigure, ...] = ()


@dataclass(slots=True)
class Digest:
    """Length and CRC-32 of a content: enough against bad disks and stray writers, and 3 GB/s cheap."""

    size: int = 0
    crc: int = 0

    def add(self, block: bytes) -> None:
        """Take in what comes next."""
        self.size += len(block)
        self.crc = zlib.crc32(block, self.crc)

    def __str__(self) -> str:
        return f"{self.size:x}-{self.crc:08x}"


def digest_of_content(content: bytes) -> str:
    """Return the digest of a whole content."""
    digest = Digest()
    digest.add(content)
    return str(digest)


def sealed(document: Any) -> bytes:
    """Return a JSON document with the digest of its text on a second line."""
    text = json.dumps(document, ensure_ascii=False).encode()
    return b"%b\n%b\n" % (text, digest_of_content(text).encode())


def unsealed(content: bytes) -> Any:
    """Return the document in what `sealed` made. ValueError where it is no longer that."""
    text, _, digest = content.removesuffix(b"\n").rpartition(b"\n")
    if digest != digest_of_content(text).encode():
        raise ValueError("altered")
    return json.loads(text)
