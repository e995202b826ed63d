"""Small text files, read within bounds: size first, then the text in UTF-8 or GB18030.

Tracks, rain, warnings, weather and roads all come this way, so that each is refused in the same words.

Files by what they hold: the SHA-256 that plans, factors and samples are told apart by.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from riskmap.errors import RiskmapError, UnreadableFileError

MOST_BYTES: Final = 64 << 20


_MEBIBYTE: Final = 1 << 20


def limited_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file of at most `most`; UnreadableFileError names the file.

    No more than `most` is ever held, whatever the file says of its size (a device, a file that grows).
    """
    try:
        size = path.stat().st_size
        data = b""
        if size <= most:
            with path.open("rb") as file:
                data = file.read(most + 1)
    except OSError as problem:
        raise UnreadableFileError(
            f"{path}：打不开（{problem.strerror}）；请检查文件名",
            f"{path}: cannot be opened ({problem.strerror}); check its name",
        ) from problem
    size = max(size, len(data))
    if size > most:
        found, limit = -(-size // _MEBIBYTE), most // _MEBIBYTE
        raise UnreadableFileError(
            f"{path.name}：有 {found} MB，超过上限 {limit} MB；请分成几个文件，或只留需要的部分",
            f"{path.name}: {found} MB, more than the limit of {limit} MB; split it, or keep what is needed",
        )
    return data


def text_of(path: Path, most: int = MOST_BYTES) -> str:
    """Return the text of a file; UnreadableFileError where it is neither UTF-8 nor GB18030, or holds nothing."""
    text = decoded(limited_bytes(path, most))
    if text is None:
        raise UnreadableFileError(
            f"{path.name}：不是 UTF-8 或 GB18030 的文本；请另存为 UTF-8 文本（CSV、JSON 也是文本）",
            f"{path.name}: neither UTF-8 nor GB18030 text; save it as text in UTF-8 (CSV and JSON are text)",
        )
    if not text.strip():
        raise UnreadableFileError(
            f"{path.name}：是空文件；请重新导出", f"{path.name}: is empty; export it again"
        )
    return text


def decoded(data: bytes) -> str | None:
    """Return bytes as text, in UTF-8 (with or without BOM) or GB18030; None where they are neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    return None


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hex. OSError where it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file. RiskmapError where it cannot be read."""
    try:
        return file_digest(path)
    except OSError as problem:
        raise RiskmapError(
            f"{path}：文件打不开；请检查路径和权限",
            f"{path}: cannot be opened; check the path and its rights",
        ) from problem
