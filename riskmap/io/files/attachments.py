"""Files that hang on records: judged by their bytes, kept unaltered under their digest, looked at as renditions.

`data/files/ab/ab12….jpg` is evidence: what it is was proven by opening it once in the reader's process, and its
name is the SHA-256 of its bytes. Renditions are derived and lie in the cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from riskmap.catalog.layer import MediaKind
from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.atomic import private_folder, refusals, sync_folder
from riskmap.io.files.file_checks import FileLimits, check_archive, refuse
from riskmap.io.files.leftovers import mark
from riskmap.io.files.sandbox import Opened, look_into
from riskmap.io.files.stripping import stripped
from riskmap.values.attachments import RENDITIONS, Attachment, rendition_name

_MIB: Final = 1 << 20


MOST_BYTES: Final = 20 * _MIB


_LIMITS: Final = FileLimits(
    file_bytes=MOST_BYTES, unpacked_bytes=256 * _MIB, seconds=30.0, ratio_free_bytes=32 * _MIB
)


_PICTURE: Final = "riskmap.io.files.drivers.picture"
_DOCUMENT: Final = "riskmap.io.files.drivers.documents"


UPRIGHT: Final = "upright"  # what the reader of that name writes


_OFFICE: Final = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that may be attached: `id` is its ending, `media` the word for it in layer files."""

    id: str
    media: MediaKind
    mime: str
    reader: str


KINDS: Final = {
    one.id: one
    for one in (
        Kind("jpg", "image", "image/jpeg", _PICTURE),
        Kind("png", "image", "image/png", _PICTURE),
        Kind("webp", "image", "image/webp", _PICTURE),
        Kind("pdf", "pdf", "application/pdf", _DOCUMENT),
        Kind("docx", "docx", f"{_OFFICE}wordprocessingml.document", _DOCUMENT),
        Kind("xlsx", "xlsx", f"{_OFFICE}spreadsheetml.sheet", _DOCUMENT),
    )
}


MEDIA: Final[Mapping[MediaKind, Text]] = {
    "image": Text("图片（jpg、png、webp）", "pictures (jpg, png, webp)"),
    "pdf": Text("PDF", "PDF"),
    "docx": Text("Word 文档（docx）", "Word documents (docx)"),
    "xlsx": Text("Excel 工作簿（xlsx）", "workbooks (xlsx)"),
}


_ENDINGS: Final = {"jpg": (".jpg", ".jpeg")}  # that a name may keep


_MAIN_PART: Final = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx"}


_APPLE: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


# Names


_LONGEST: Final = 100


_NO_NAME: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


_FORBIDDEN: Final = re.compile(r'[<>:"|?*/\\]')


def plain_name(name: str, kind: str) -> str:
    """Return the name of a file as every system takes it, with the ending of what it is.

    No folders, nothing that turns the direction of text or cannot be seen, no device of Windows.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    seen = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    stem, _, ending = _FORBIDDEN.sub("_", seen).rpartition(".")
    known = _ENDINGS.get(kind, (f".{kind}",))
    if not stem or f".{ending.lower()}" not in {*known, *_REPLACED}:
        stem = f"{stem}.{ending}" if stem else ending
    ending = f".{ending.lower()}" if f".{ending.lower()}" in known else known[0]
    stem = " ".join(stem.split()).strip(". ")[:_LONGEST]
    if not stem or _NO_NAME.match(stem):
        stem = f"附件{stem}"
    return stem + ending


_REPLACED: Final = (".jpg", ".jpeg", ".png", ".webp", ".pdf", ".docx", ".xlsx")  # an ending that lies goes


# What a file is


def _shown(name: str) -> str:
    return (
        "".join(c for c in PurePosixPath(name.replace("\\", "/")).name if c.isprintable())[:_LONGEST] or "?"
    )


def kind_of(path: Path, name: str) -> Kind:
    """Return what a file is by its bytes, whatever its name says. UnreadableFileError for everything else."""
    with path.open("rb") as stream:
        head = stream.read(32)
    if head.startswith(b"PK\x03\x04"):
        members = check_archive(path, name, _LIMITS)
        if any(member.lower().endswith("vbaproject.bin") for member in members):
            raise refuse(
                name,
                "文档含宏，为安全起见不收；请另存为不含宏的 docx 或 xlsx",
                "the document holds macros; refused, save it as docx or xlsx without them",
            )
        found = next((kind for part, kind in _MAIN_PART.items() if part in members), "")
    else:
        found = _by_magic(head, name)
    if not found:
        raise refuse(
            name,
            "不是可以附上的文件；可用 jpg、png、webp、pdf、docx、xlsx（以内容为准，不看后缀）",
            "not a file that can be attached; use jpg, png, webp, pdf, docx, xlsx (by content, whatever the ending)",
        )
    return KINDS[found]


def _need_one_of(kind: Kind, media: Collection[MediaKind], name: str) -> None:
    if media and kind.media not in media:
        zh, en = "、".join(MEDIA[one].zh for one in media), ", ".join(MEDIA[one].en for one in media)
        raise refuse(
            name,
            f"这一项只收{zh}，这是 {kind.id}；请换一个文件",
            f"only {en} here, and this is {kind.id}; choose another file",
        )


def _by_magic(head: bytes, name: str) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _APPLE:
        raise refuse(
            name,
            "HEIC/AVIF 照片不能附上；请在手机上另存为 JPEG，或把相机格式改为“兼容性最佳”",
            "HEIC and AVIF pictures cannot be attached; save as JPEG (camera setting: most compatible)",
        )
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return "pdf" if head.startswith(b"%PDF-") else ""


def read_bounded(path: Path) -> bytes:
    """Return the bytes of a file that somebody names. UnreadableFileError where it is none, or too large."""
    name = _shown(path.name)
    try:
        with path.open("rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise refuse(name, "不是文件；请核对路径", "not a file; check the path")
            return _bounded(stream.read(MOST_BYTES + 1), name)
    except OSError as problem:
        raise refuse(
            name, f"打不开（{problem.strerror}）；请核对路径", f"cannot be opened ({problem.strerror})"
        ) from problem


def _bounded(content: bytes, name: str) -> bytes:
    if not content:
        raise refuse(name, "文件是空的（0 字节）；请重新传送", "the file is empty (0 bytes); send it again")
    if len(content) > MOST_BYTES:
        most = MOST_BYTES // _MIB
        raise refuse(
            name,
            f"超过 {most} MB；请缩小图片或压缩文档后再附上",
            f"larger than {most} MB; make the picture smaller or compress the document",
        )
    return content


# Where they are kept


Incoming = tuple[str, bytes]  # the name that a file came under, and its content


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that lies in the store, and the name that it keeps."""

    name: str
    file: Attachment


@dataclass(frozen=True, slots=True)
class FileStore:
    """The files of a workspace: originals in `folder`, their renditions in `thumbs`; for their owner alone."""

    folder: Path
    thumbs: Path

    def place(self, digest: str, kind: str) -> Path:
        """Return where an original lies. UnreadableFileError for what is no digest or kind of ours."""
        return self.folder / _sharded(f"{digest}.{kind}", digest, kind)

    def take(self, files: Iterable[Incoming], *, media: Collection[MediaKind] = ()) -> list[Taken]:
        """Keep files: all judged and opened first, then each in its place whole or not at all.

        `media`: what they may be, anything that can be attached where none is named. UnreadableFileError where one
        is refused, ExportError where the disk is: then none is kept. The same bytes are kept once.
        """
        with refusals(self.folder), ExitStack() as parts:
            private_folder(self.folder)
            judged = [self._judged(content, name, media, parts) for name, content in files]
            for part, taken, made in judged:
                self._keep_renditions(taken.file.digest, made)
                place = self.place(taken.file.digest, taken.file.kind)
                private_folder(place.parent)
                _no_link(place.parent)
                part.replace(place)
                sync_folder(place.parent)
        return [taken for _, taken, _ in judged]

    def _judged(
        self, content: bytes, name: str, media: Collection[MediaKind], parts: ExitStack
    ) -> tuple[Path, Taken, dict[str, bytes]]:
        """Return where a file waits for its place, what it is, and its renditions."""
        shown = _shown(name)
        digest = hashlib.sha256(_bounded(content, shown)).hexdigest()
        part = _beside(self.folder, content)
        parts.callback(part.unlink, missing_ok=True)
        kind = kind_of(part, shown)
        _need_one_of(kind, media, shown)
        opened = look_into(part, kind.id, shown, _LIMITS, reader=kind.reader)
        facts = {key: opened.facts.get(key) for key in ("width", "height", "taken", "lon", "lat")}
        file = Attachment(digest, kind.id, len(content), **facts)
        return part, Taken(plain_name(name, kind.id), file), opened.made

    def original(self, digest: str, kind: str) -> bytes:
        """Return the bytes of an original. UnreadableFileError where they are gone, or are no longer those."""
        place = self.place(digest, kind)
        name = f"{digest[:12]}.{kind}"
        try:
            handle = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(handle, "rb") as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as problem:
            raise refuse(
                name,
                "附件的原件不在 data/files；请用 riskmap restore 从备份恢复",
                "the original is not in data/files; bring it back with riskmap restore",
            ) from problem
        if hashlib.sha256(content).hexdigest() != digest:
            raise refuse(
                name,
                "附件的原件被改动过，与入库时的摘要不符；请用 riskmap restore 从备份恢复",
                "the original was altered and is not what was taken in; bring it back with riskmap restore",
            )
        return content

    def handed_over(self, file: Attachment) -> bytes:
        """Return a file as it leaves the house: documents as they are, pictures with their pixels and nothing else.

        UnreadableFileError as of `original`.
        """
        content = self.original(file.digest, file.kind)
        if not file.is_picture:
            return content
        try:
            plain = stripped(content, file.kind)
        except ValueError:  # laid out oddly, and opened all the same when it was taken in
            plain = None
        if plain is not None:
            return plain
        return self._opened(file, content, "riskmap.io.files.drivers.upright").made[UPRIGHT]

    def _opened(self, file: Attachment, content: bytes, reader: str) -> Opened:
        # Not in the workspace: one that may only be looked at shows its pictures, too.
        with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True) as folder:
            part = _beside(Path(folder), content)
            return look_into(part, file.kind, f"{file.digest[:12]}.{file.kind}", _LIMITS, reader=reader)

    def rendition(self, file: Attachment, size: int) -> bytes:
        """Return a picture to look at: upright JPEG, at most `size` pixels wide and high, made anew where it is gone.

        UnreadableFileError where the original cannot be read.
        """
        place = self._rendition(file.digest, size)
        with suppress(OSError):
            return place.read_bytes()
        if not file.is_picture:
            raise refuse(file.digest[:12], "不是图片", "no picture")
        opened = self._opened(file, self.original(file.digest, file.kind), _PICTURE)
        with suppress(OSError):
            self._keep_renditions(file.digest, opened.made)
        return opened.made[rendition_name(size)]

    def faults(self, known: Iterable[Attachment]) -> Iterator[tuple[str, str]]:
        """Yield (fault, file) where folder and ledger differ: `missing` and `altered` files, and `orphan` ones.

        Every byte is read: two names prove nothing.
        """
        wanted = {f"{file.digest}.{file.kind}": file for file in known}
        for name, file in wanted.items():
            place = self.place(file.digest, file.kind)
            if place.is_symlink() or not place.is_file():
                yield "missing", name
            elif _digest(place) != file.digest:
                yield "altered", name
        for place in sorted(self.folder.glob("*/*")):
            if place.name not in wanted:
                yield "orphan", place.relative_to(self.folder).as_posix()

    def _rendition(self, digest: str, size: int) -> Path:
        return self.thumbs / _sharded(f"{digest}-{size}.jpg", digest, "jpg")

    def _keep_renditions(self, digest: str, made: dict[str, bytes]) -> None:
        for size in RENDITIONS if made else ():
            place = self._rendition(digest, size)
            private_folder(place.parent)
            _beside(self.thumbs, made[rendition_name(size)]).replace(place)


def _sharded(name: str, digest: str, kind: str) -> str:
    """Return folder and name of a file; what a damaged ledger says is never used as a path."""
    if not _DIGEST.fullmatch(digest) or kind not in KINDS:
        raise refuse(
            "附件", "摘要或种类不对，台账可能已损坏", "no digest or kind of ours; the ledger may be damaged"
        )
    return f"{digest[:2]}/{name}"


def _no_link(folder: Path) -> None:
    if folder.is_symlink():
        raise UnreadableFileError(
            f"{folder}：是符号链接，为安全起见不写入；请改为真正的文件夹",
            f"{folder}: a symbolic link, nothing was written; make it a real folder",
        )


def _beside(folder: Path, content: bytes) -> Path:
    """Write a content to the disk under a passing name, for this account alone; the next start clears what a kill leaves."""
    handle, name = tempfile.mkstemp(prefix=f".{mark()}", suffix=".part", dir=folder)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return Path(name)


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_MIB):
            total.update(block)
    return total.hexdigest()
