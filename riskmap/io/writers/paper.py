"""A paper as a bureau prints it, in parts: how they look is up to the writer of the format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from riskmap.errors import ExportError, Lang

FORMATS: Final = (".docx", ".pdf")


_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class PaperHeading:
    """A heading."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `listed` as an item of a list."""

    text: str
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header comes again on every page; a row stays on one page.

    `shares` divide the width of the page among the columns.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]


@dataclass(slots=True)
class Paper:
    """One paper while it is made. `marks` stand on every page: nothing of a drill goes without its mark.

    Texts are kept as `plain` gives them.
    """

    title: str
    author: str
    marks: Sequence[str] = ()
    lang: Lang = "zh"
    parts: list[PaperHeading | Paragraph | Table] = field(
        default_factory=list[PaperHeading | Paragraph | Table]
    )

    def __post_init__(self) -> None:
        self.title, self.author = plain(self.title), plain(self.author)
        self.marks = tuple(map(plain, self.marks))

    def heading(self, text: str) -> None:
        """Add a heading."""
        self.parts.append(PaperHeading(plain(text)))

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(Paragraph(plain(text)))

    def bullets(self, lines: Sequence[str]) -> None:
        """Add a list."""
        self.parts += [Paragraph(plain(line), listed=True) for line in lines]

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], *, shares: Sequence[float] = ()
    ) -> None:
        """Add a table; without `shares` all columns are as wide."""
        self.parts.append(
            Table(
                header=tuple(map(plain, header)),
                rows=tuple(tuple(map(plain, row)) for row in rows),
                shares=tuple(shares) or (1.0,) * len(header),
            )
        )


def check_ending(path: Path, endings: Sequence[str]) -> None:
    """Raise ExportError where a file's ending is none of these; "" stands for a name without one."""
    if path.suffix.lower() not in endings:
        listed = "、".join(e for e in endings if e)
        raise ExportError(f"{path}：文件结尾应为 {listed}", f"{path}: the file must end in {listed}")


def plain(text: str) -> str:
    """Return a text without the characters that no XML document can hold."""
    return _NOT_XML.sub("\ufffd", text)
