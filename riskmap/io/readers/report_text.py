"""A report to be checked, from a Word document or a text file → passages.

The file is foreign: its first bytes, its size and what its archive holds are looked at here, its text is read in the process
with limits and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.file_checks import FileLimits, check_archive, refuse
from riskmap.io.files.sandbox import look_into
from riskmap.values.report_check import Passage, Tag

ENDINGS: Final = (".docx", ".txt")


_MIB: Final = 1 << 20


_LIMITS: Final = FileLimits(
    file_bytes=50 * _MIB, unpacked_bytes=256 * _MIB, seconds=60.0, ratio_free_bytes=32 * _MIB
)


_BODY: Final = Text(
    "后缀是 docx，压缩包里却没有正文；请用 Word 或 WPS 另存为 docx",
    "the ending is docx but the archive holds no document; save it as docx in Word or WPS",
)


_OTHERS: Final[tuple[tuple[bytes, Text], ...]] = (
    (
        bytes.fromhex("d0cf11e0a1b11ae1"),
        Text(
            "是旧版 Word（.doc、.wps）或设有密码的文档；请用 Word 或 WPS 打开，去掉密码，另存为 docx",
            "an old Word document (.doc, .wps) or one with a password; remove the password and save it as docx",
        ),
    ),
    (
        b"%PDF",
        Text(
            "是 PDF，读不出段落；请用原来的 Word 文件，或把文字复制到页面上核对",
            "a PDF, whose paragraphs cannot be told; use the Word file that it was made of, or paste its text on the page",
        ),
    ),
    (b"{\\rtf", Text("是 RTF；请另存为 docx", "an RTF document; save it as docx")),
)


def read_report(path: Path, name: str | None = None) -> tuple[Passage, ...]:
    """Return the paragraphs of a report. UnreadableFileError where it is none that can be read, or holds no text.

    `name`: what the person calls the file, where `path` is a temporary copy.
    """
    name = name or path.name
    kind = _kind(path, name)
    facts = look_into(path, kind, name, _LIMITS, reader="riskmap.io.files.drivers.report_text").facts
    passages = tuple(_passage(number, one) for number, one in enumerate(facts["paragraphs"], 1))
    if not any(passage.text.strip() for passage in passages):
        raise refuse(
            name,
            "没有文字；请核对文件，图片里的文字读不出",
            "it holds no text; check the file, text in pictures cannot be read",
        )
    return passages


def passages_of(text: str) -> tuple[Passage, ...]:
    """Return the paragraphs of a text that was pasted: its lines."""
    return tuple(Passage(line, number) for number, line in enumerate(text.splitlines(), 1))


def _passage(number: int, stated: Sequence[Any]) -> Passage:
    text, table, row, column, tags = stated
    return Passage(
        text, number, table, row, column, tuple(Tag(start, end, alias) for start, end, alias in tags)
    )


def _kind(path: Path, name: str) -> str:
    """Return docx or txt; UnreadableFileError for everything else, before anything of it is parsed."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise refuse(name, "不是文件；请核对路径", "not a file; check the path")
        with path.open("rb") as stream:
            head = stream.read(32)
    except OSError as problem:
        raise refuse(
            name,
            f"打不开（{problem.strerror}）；请核对路径",
            f"cannot be opened ({problem.strerror}); check the path",
        ) from problem
    if not size:
        raise refuse(name, "文件是空的（0 字节）；请重新传送", "the file is empty (0 bytes); send it again")
    if size > _LIMITS.file_bytes:
        most = _LIMITS.file_bytes // _MIB
        raise refuse(
            name, f"超过 {most} MB；请删去图片后另存", f"larger than {most} MB; save it without its pictures"
        )
    for magic, said in _OTHERS:
        if head.startswith(magic):
            raise refuse(name, said.zh, said.en)
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise UnreadableFileError(
            f"{name}：只核对 Word 文档（docx）和文本（txt）；请另存为其中一种",
            f"{name}: only Word documents (docx) and texts (txt) are checked; save it as one of them",
        )
    if head.startswith(b"PK"):
        check_archive(path, name, _LIMITS, ("word/document.xml", _BODY))
        return "docx"
    if ending == ".docx":
        raise refuse(
            name,
            "后缀是 docx，内容却不是；请用 Word 或 WPS 另存为 docx",
            "the ending is docx, the content is not; save it as docx in Word or WPS",
        )
    return "txt"
