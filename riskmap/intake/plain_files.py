"""Small text files of weather services: size first, then the text in UTF-8 or GB18030."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.errors import UnreadableFileError

MOST_BYTES: Final = 64 << 20


def limited_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file of at most `most`; UnreadableFileError names the file."""
    try:
        size = path.stat().st_size
        if size > most:
            raise UnreadableFileError(
                f"{path.name}：有 {size >> 20} MB，超过上限 {most >> 20} MB；请分成几个文件",
                f"{path.name}: {size >> 20} MB, more than the limit of {most >> 20} MB; split it",
            )
        return path.read_bytes()
    except OSError as problem:
        raise UnreadableFileError(
            f"{path}：打不开（{problem.strerror}）；请检查文件名",
            f"{path}: cannot be opened ({problem.strerror}); check its name",
        ) from problem


def text_of(path: Path, most: int = MOST_BYTES) -> str:
    """Return the text of a file; UnreadableFileError where it is neither UTF-8 nor GB18030."""
    data = limited_bytes(path, most)
    text = decoded(data)
    if text is not None:
        return text
    raise UnreadableFileError(
        f"{path.name}：不是 UTF-8 或 GB18030 的文本；请另存为 UTF-8",
        f"{path.name}: neither UTF-8 nor GB18030 text; save it as UTF-8",
    )


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
