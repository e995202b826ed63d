"""How much of the machine one file may take.

What is checked before a byte of the file is parsed: ending, magic bytes, sizes, archive members.

Runs in the main process, so it only ever looks at fixed places of the file and at the directory of
an archive whose length was checked first.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.drivers.encodings import wide_without_mark
from riskmap.io.files.formats import FileFormat, endings, file_formats

_MIB = 1024 * 1024


_LEAST_MEMORY = 1024 * _MIB


_LEAST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds for one file. `file_bytes` as stored, `unpacked_bytes` of all archive members.

    `ratio` (unpacked ÷ stored) is judged only above `ratio_free_bytes`: small sheets of repeated
    words pack very well. `memory_bytes` and `seconds` bind the parsing subprocess, `columns`
    and `sheets` what it may hand back.
    """

    file_bytes: int = 512 * _MIB
    unpacked_bytes: int = 2048 * _MIB
    ratio: float = 120.0
    ratio_free_bytes: int = 64 * _MIB
    members: int = 5000
    memory_bytes: int = 3072 * _MIB
    seconds: float = 240.0
    columns: int = 2000
    sheets: int = 300

    def for_size(self, size: int) -> FileLimits:
        """Return the limits for a file of `size` bytes: a small one is given little memory and time.

        Honest files need some ten times their (compressed) size; a hostile one then ends in seconds.
        """
        return replace(
            self,
            memory_bytes=min(self.memory_bytes, _LEAST_MEMORY + 64 * size),
            seconds=min(self.seconds, _LEAST_SECONDS + size / _MIB * 4),
        )


_OLE = bytes.fromhex("d0cf11e0a1b11ae1")


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (_OLE, "ole"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"PAR1", "parquet"),
    (b"%PDF", "PDF"),
    (b"\x00\x00\x27\x0a", "shp"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
)


_TITLES = {
    "zip": ("ZIP 压缩包（xlsx、kmz 等）", "a ZIP archive (xlsx, kmz …)"),
    "ole": ("旧版 Office 文件（xls）或加密的 Office 文件", "an old Office file (xls) or an encrypted one"),
    "sqlite": ("SQLite 数据库（gpkg）", "a SQLite database (gpkg)"),
    "parquet": ("Parquet 文件", "a Parquet file"),
    "shp": ("Shapefile", "a Shapefile"),
    "text": ("文本文件", "a text file"),
    "html": ("网页（HTML）", "a web page (HTML)"),
    "xml": ("XML 文件", "an XML file"),
    "unknown": ("无法识别的二进制文件", "an unknown binary file"),
}


def refuse(name: str, zh: str, en: str) -> UnreadableFileError:
    """Return the error for a file: place, find and remedy in both languages."""
    return UnreadableFileError(f"{name}：{zh}", f"{name}: {en}")


def check(path: Path, name: str, limits: FileLimits) -> str:
    """Return the format of a file that may be handed to the worker.

    Raises UnreadableFileError for a missing, empty or oversized file, an unknown ending, content
    that is of another kind than the ending says, and archives that are bombs or leave their folder.
    """
    if not path.is_file():
        raise refuse(name, "文件不存在或不是文件；请核对路径", "no such file; check the path")
    known = endings()
    one = known.get(Path(name).suffix.lower()) or known.get(path.suffix.lower())
    if one is None:
        listed = " ".join(sorted(known))
        raise refuse(
            name,
            f"不支持这种文件；请另存为以下格式之一：{listed}",
            f"this kind of file is not supported; save it as one of {listed}",
        )
    size = sum(part.stat().st_size for part in parts(path, one.kind).values())
    if path.stat().st_size == 0:
        raise refuse(
            name, "文件是空的（0 字节）；请重新导出或传送", "the file is empty (0 bytes); send it again"
        )
    if size > limits.file_bytes:
        raise refuse(
            name,
            f"文件有 {size >> 20} MB，超过上限 {limits.file_bytes >> 20} MB；请分成几个文件",
            f"the file has {size >> 20} MB, more than the limit of {limits.file_bytes >> 20} MB; split it",
        )
    one = _check_content(path, name, one)
    if one.content == "zip":
        check_archive(path, name, limits, one.member)
    return one.kind


def parts(path: Path, kind: str) -> dict[str, Path]:
    """Return ending → file for everything that belongs to the file (a shapefile has several)."""
    companions = file_formats()[kind].companions
    if not companions:
        return {path.suffix.lower(): path}
    found = {path.suffix.lower(): path}
    for other in path.parent.iterdir():
        ending = other.suffix.lower()
        if ending in companions and other.stem == path.stem and other.is_file():
            found.setdefault(ending, other)
    return found


def digest(path: Path, kind: str) -> str:
    """Return the SHA-256 of the file (of all its parts in a fixed order, for a shapefile)."""
    total = hashlib.sha256()
    for _, part in sorted(parts(path, kind).items()):
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _sniff(head: bytes) -> str:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "html"
    if b"\x00" in head and wide_without_mark(head) is None:
        return "unknown"
    return "xml" if text.startswith(b"<") else "text"


def _check_content(path: Path, name: str, one: FileFormat) -> FileFormat:
    """Return the format of the content: that of the ending, or one that programs save under the same ending."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    found = "own" if one.magic and head.startswith(one.magic) else _sniff(head)
    if one.faults is not None and (fault := one.faults(path, head, found)) is not None:
        raise refuse(name, fault.zh, fault.en)
    if one.instead is not None and (kind := one.instead(head, found)) is not None:
        return file_formats()[kind]
    if found == one.content:
        return one
    ending = Path(name).suffix.lower()
    title = _TITLES.get(found, (found, found))
    raise refuse(
        name,
        f"后缀是 {ending}，内容却是{title[0]}；请用原来的软件另存为 {ending}，不要只改后缀",
        f"the ending is {ending} but the content is {title[1]}; save it as {ending} in the program it came from",
    )


def _entries(path: Path) -> int:
    """Return how many members the archive's end record announces, -1 where there is none."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 66_000))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return -1
    return struct.unpack_from("<H", tail, at + 10)[0]


def check_archive(
    path: Path, name: str, limits: FileLimits, member: tuple[str | tuple[str, ...], Text] | None = None
) -> list[str]:
    """Return the names of an archive's members; UnreadableFileError for a bomb, and for one that leaves its folder.

    `member`: the end of a name that must be there, and what to say where it is not.
    """
    broken = refuse(
        name, "压缩结构损坏或文件不完整；请重新传送", "the archive is damaged or cut off; send it again"
    )
    count = _entries(path)
    if count < 0:
        raise broken
    if count > limits.members:
        raise refuse(
            name,
            f"压缩包里有 {count} 个文件，超过上限 {limits.members}；为安全起见不读取",
            f"the archive holds {count} files, more than {limits.members}; refused as unsafe",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as problem:
        raise broken from problem
    unpacked = sum(m.file_size for m in members)
    stored = max(path.stat().st_size, 1)
    if unpacked > limits.unpacked_bytes or (
        unpacked > limits.ratio_free_bytes and unpacked / stored > limits.ratio
    ):
        raise refuse(
            name,
            f"{stored / 1e6:.1f} MB 的文件解开有 {unpacked / 1e6:.0f} MB，像是压缩炸弹，为安全起见不读取；"
            "若是正常表格，请删去多余的空行空列后另存",
            f"{stored / 1e6:.1f} MB would unpack to {unpacked / 1e6:.0f} MB, like an archive bomb; refused. If it is "
            "an honest table, delete its empty rows and columns and save it again",
        )
    for one in members:
        if _escapes(one.filename):
            raise refuse(
                name,
                f"压缩包里有越出目录的路径 {one.filename[:60]!r}，为安全起见不读取；请重新压缩",
                f"the archive holds a path that leaves its folder, {one.filename[:60]!r}; refused, pack it again",
            )
        if one.flag_bits & 0x1:
            raise refuse(
                name, "压缩包设有密码；请去掉密码", "the archive is protected by a password; remove it"
            )
    wanted, missing = member or ("", None)
    if missing and not any(each.filename.lower().endswith(wanted) for each in members):
        raise _other_content(name, members) or refuse(name, missing.zh, missing.en)
    return [each.filename for each in members]


def _other_content(name: str, members: Sequence[zipfile.ZipInfo]) -> UnreadableFileError | None:
    """Return the error for an archive of files that are read once they are taken out of it; None for any other."""
    known = [Path(m.filename).name for m in members if Path(m.filename).suffix.lower() in endings()]
    if not known or Path(name).suffix.lower() != ".zip":
        return None
    listed = ", ".join(each if each.isprintable() else "?" for each in known[:3])[:80]
    return refuse(
        name,
        f"压缩包里是 {listed} 等 {len(known)} 个文件，没有 .shp；请解压后导入其中的文件",
        f"the archive holds {listed} ({len(known)} in all) and no .shp; unpack it and import what is in it",
    )


def _escapes(member: str) -> bool:
    plain = member.replace("\\", "/")
    return plain.startswith("/") or ".." in plain.split("/") or bool(re.match(r"[A-Za-z]:", plain))
