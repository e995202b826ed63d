"""Papers as PDF: the letters go into the file, so that every reader and printer shows the same."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Final

import orjson
import typst

from riskmap.errors import ExportError, Text
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.paper import Paper, PaperHeading, Paragraph, Table

_KINDS: Final = {PaperHeading: "heading", Paragraph: "paragraph", Table: "table"}

_LOOK: Final = Path(__file__).with_name("paper.typ")


_LATIN: Final = ("Times New Roman", "Liberation Serif", "Tinos")


# What Windows, macOS and Linux have for body and headings, the printed form's own letters first.
_SONG: Final = ("SimSun", "FangSong", "Songti SC", "STSong", "Noto Serif CJK SC", "Source Han Serif SC")


_HEI: Final = (
    "SimHei",
    "Microsoft YaHei",
    "Heiti SC",
    "PingFang SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
)


_NAMES: Final = {
    "宋体": "SimSun",
    "新宋体": "NSimSun",
    "仿宋": "FangSong",
    "仿宋_GB2312": "FangSong_GB2312",
    "黑体": "SimHei",
    "楷体": "KaiTi",
    "楷体_GB2312": "KaiTi_GB2312",
    "微软雅黑": "Microsoft YaHei",
    "等线": "DengXian",
    "方正小标宋简体": "FZXiaoBiaoSong-B05S",
    "华文中宋": "STZhongsong",
}
"""What Word calls letters in Chinese, and what the files of those letters are called."""


_BLACK: Final = ("黑", "Hei", "等线", "DengXian", "Gothic", "Sans")  # in the names of letters without serifs


_ANY: Final = ("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "AR PL UMing CN", "Droid Sans Fallback")


_BODY: Final = (*_LATIN, *_SONG, *_HEI, *_ANY)


_HEAD: Final = (*_LATIN, *_HEI, *_SONG, *_ANY)


def write_pdf(paper: Paper, path: Path) -> None:
    """Write a paper as .pdf, whole or not at all.

    ExportError where this machine has no Chinese letters: a paper of empty boxes helps nobody.
    """
    if (missing := pdf_needs()) is not None:
        raise ExportError(f"{path}：{missing.zh}", f"{path}: {missing.en}")
    (fonts, body), (_, head) = faces(), faces(east="黑体")
    content = {
        "title": paper.title,
        "author": paper.author,
        "marks": paper.marks,
        "lang": paper.lang,
        "body": body,
        "head": head,
        "parts": [{"kind": _KINDS[type(part)]} | asdict(part) for part in paper.parts],
    }
    # Texts go in as data and are never read as markup.
    made = typst.compile(
        _LOOK.read_bytes(), sys_inputs={"paper": orjson.dumps(content).decode()}, font_paths=fonts
    )
    assert isinstance(made, bytes)
    with replacing(path) as (room,):
        room.write_bytes(made)


def faces(latin: str = "", east: str = "") -> tuple[typst.Fonts, list[str]]:
    """Return the fonts of this machine, and what stands in for two that a document names, best first.

    The named ones where they are installed, then those of their kind: 仿宋 is set in 宋体 before 黑体. Those of body text
    where none is named.
    """
    fonts, names = _installed()
    kind = _HEAD if any(part in east for part in _BLACK) else _BODY
    wanted = (latin, *kind[: len(_LATIN)], _NAMES.get(east, east), *kind[len(_LATIN) :])
    return fonts, [name for name in dict.fromkeys(wanted) if name in names]


def pdf_needs() -> Text | None:
    """Return what this machine lacks for a PDF in Chinese, None where nothing is missing."""
    if not _installed()[1].isdisjoint((*_SONG, *_HEI, *_ANY)):
        return None
    return Text(
        "这台电脑没有中文字体，无法写 PDF；请安装宋体或 Noto CJK 字体，或改存 .docx",
        "this computer has no Chinese fonts for a PDF; install SimSun or Noto CJK, or write .docx",
    )


@lru_cache(maxsize=1)
def _installed() -> tuple[typst.Fonts, frozenset[str]]:
    """Return the fonts of this machine and their names; looking for them takes longer than a page."""
    fonts = typst.Fonts()
    return fonts, frozenset(fonts.families())
