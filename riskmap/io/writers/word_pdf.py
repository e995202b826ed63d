"""A Word document as PDF, laid out by Typst: what a template looks like in Word is what it looks like here.

Of a document are read: pages (size, margins, headers, footers, page numbers), paragraphs with their styles, lists, tables with
merged cells, pictures, content controls. What cannot be drawn is refused by name: nothing of a document is left out in silence.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Final

import orjson
import typst
from docx import Document
from docx.oxml import ns
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - made of C

from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.leftovers import mark
from riskmap.io.writers.paper_pdf import faces, pdf_needs

qn = lru_cache(maxsize=None)(ns.qn)


_RUN_LOOK: Final = qn("w:rPr")


_TEMPLATE: Final = Path(__file__).with_suffix(".typ")


_STANDARD: Final = "a-2b"  # for archives: letters and all else in the file


_SINGLE: Final = 1.3  # of its letters' size: a line of Chinese that Word sets with single spacing


_EMU: Final = 12700  # to a point


Data = dict[str, Any]
"""What the page description reads as JSON: it is made here and nowhere kept."""


_SPACE: Final = 0x20


_PRIVATE: Final = (0xE000, 0xF8FF)  # letters that mean what a font says


# What fonts of signs draw at a place, as the letter that any font has. Microsoft's tables of these fonts.
_SIGNS: Final[dict[str, dict[int, str]]] = {
    "Wingdings": {
        **dict(zip(b"()*EFGHJ", "☎✆✉☜☞☝☟☺", strict=True)),
        **dict(zip(b"lmnopqrtuvwx", "●❍■□□❑❒◆◆❖◆⌧", strict=True)),
        **dict(zip(range(0x80, 0x96), "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿", strict=True)),
        **dict(zip((0x9F, 0xA1, 0xA4, 0xA7, 0xA8, 0xAB), "•○◉▪□★", strict=True)),
        **dict(zip((0xD8, 0xDC, 0xDF, 0xE0, 0xE1, 0xE2, 0xE8, 0xF0), "➢➲←→↑↓➔⇨", strict=True)),
        **dict(zip((0xFB, 0xFC, 0xFD, 0xFE), "✗✓☒☑", strict=True)),
    },
    "Wingdings 2": dict(zip((0x4F, 0x50, 0x51, 0x52, 0x53, 0x54, 0xA3), "✗✓☒☑☒☒□", strict=True)),
    "Symbol": {
        **{code: chr(code) for code in b"0123456789()[]{}+,./:;<=>|%!?&_"},
        **dict(zip(b"abgdelmpqswDSWF", "αβγδελμπθσωΔΣΩΦ", strict=True)),
        **dict(zip((0xA3, 0xA5, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF), "≤∞↔←↑→↓", strict=True)),
        **dict(zip((0xB0, 0xB1, 0xB3, 0xB4, 0xB7, 0xB8, 0xB9, 0xBB), "°±≥×•÷≠≈", strict=True)),
        **dict(zip((0xD6, 0xDE, 0xE5), "√⇒∑", strict=True)),
    },
}


_NOT_DRAWN: Final = {
    "txbxContent": Text("文本框", "a text box"),
    "footnoteReference": Text("脚注", "a footnote"),
    "endnoteReference": Text("尾注", "an endnote"),
    "oMath": Text("公式", "a formula"),
    "chart": Text("图表", "a chart"),
    "relIds": Text("SmartArt 图形", "a SmartArt drawing"),
    "OLEObject": Text("嵌入的文件", "an embedded file"),
    "altChunk": Text("嵌入的文档", "an embedded document"),
}
"""Elements that hold something to see and that are not laid out here, by local name."""


_LEFT_OUT: Final = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "pPr", "rPr", "sectPr"})


_NUMBERS: Final = {
    "decimal": "1",
    "chineseCounting": "一",
    "chineseCountingThousand": "一",
    "ideographDigital": "一",
    "taiwaneseCounting": "一",
    "decimalEnclosedCircle": "①",
    "decimalEnclosedCircleChinese": "①",
    "lowerLetter": "a",
    "upperLetter": "A",
    "lowerRoman": "i",
    "upperRoman": "I",
}


_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/svg+xml", "image/webp"})


_CELL: Final = frozenset({"parts", "height", "valign", "top", "bottom"})  # what every cell says


_ALIGNED: Final = {"center": "center", "right": "right", "end": "right", "both": "both", "distribute": "both"}


_SIDES: Final = ("top", "left", "bottom", "right", "insideH", "insideV")


def word_pdf(document: bytes, file: str, *, lang: Lang, day: date) -> bytes:
    """Return a finished Word document as PDF (A-2b). `day` is what the PDF says it was made on: same document, same bytes.

    ExportError names what of it cannot be drawn, or what this computer lacks.
    """
    if (missing := pdf_needs()) is not None:
        raise ExportError(f"{file}：{missing.zh}", f"{file}: {missing.en}")
    made = _Reading(Document(io.BytesIO(document)), file)
    sections = made.sections()
    properties = made.document.core_properties
    fonts, _ = faces()
    book = {
        "title": properties.title,
        "author": properties.author,
        "day": [day.year, day.month, day.day],
        "lang": lang,
        "even": bool(made.document.settings.odd_and_even_pages_header_footer),
        "sections": sections,
        "looks": made.styles.letters.known,
        "paragraphs": made.styles.paragraphs.known,
    }
    # A folder, not a mapping as for maps: the compiler takes only texts in one, and a letterhead is a picture.
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        given = {"main.typ": _TEMPLATE.read_bytes(), "book.json": orjson.dumps(book), **made.pictures}
        for name, content in given.items():
            (Path(folder) / name).write_bytes(content)
        try:
            drawn = typst.compile(Path(folder) / "main.typ", font_paths=fonts, pdf_standards=_STANDARD)
        except typst.TypstError as problem:  # a picture that is no picture, letters that no font has
            raise ExportError(
                f"{file}：排不成 PDF（{problem}）；请换掉模板里的图片或字符，或改存 .docx",
                f"{file}: it cannot be laid out as PDF ({problem}); replace the picture or letters in the template, or "
                "write .docx",
            ) from problem
    assert isinstance(drawn, bytes)
    return drawn


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _number(text: str | None, otherwise: float = 0.0) -> float:
    try:
        return float(text) if text is not None else otherwise
    except ValueError:
        return otherwise


def _points(element: Any, attribute: str, otherwise: float | None = None) -> float | None:
    """Return an attribute in twentieths of a point as points."""
    text = None if element is None else element.get(qn(f"w:{attribute}"))
    return otherwise if text is None else _number(text) / 20


@dataclass(slots=True)
class _Looks:
    """Every look once: a paragraph and a run say theirs by number."""

    known: list[Data] = field(default_factory=list[Data])
    _at: dict[bytes, int] = field(default_factory=dict[bytes, int])

    def of(self, look: Data) -> int:
        key = orjson.dumps(look)
        if key not in self._at:
            self._at[key] = len(self.known)
            self.known.append(look)
        return self._at[key]


@dataclass(frozen=True, slots=True)
class _About:
    """How a paragraph looks, and what of it is not the page description's: measures in points."""

    style: str | None
    look: int
    letters: int
    gap: float
    before: float
    after: float
    broken: bool
    wide: bool
    close: bool


@dataclass(frozen=True, slots=True)
class _Numbered:
    """The number or mark before a paragraph of a list, and what its list says of paragraph and letters."""

    key: str
    run: Data
    paragraph: list[Any]
    text: list[Any]


@dataclass
class _Styles:
    """How paragraphs and letters of a document look: its styles, its lists, and what is said beside them.

    A look is kept once, and said by its number: a list of a hundred thousand cells has five.
    """

    document: Any
    letters: _Looks = field(default_factory=_Looks)
    paragraphs: _Looks = field(default_factory=_Looks)
    _styled: dict[str | None, tuple[list[Any], list[Any]]] = field(default_factory=dict[Any, Any])
    _known: dict[tuple[Any, ...], _About] = field(default_factory=dict[tuple[Any, ...], Any])
    _lettered: dict[tuple[Any, ...], int] = field(default_factory=dict[tuple[Any, ...], int])
    _counts: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def paragraph(self, own: Any, numbered: _Numbered | None, table: Sequence[Any]) -> _About:
        """Return how a paragraph looks; most in a document look like one before. `table`: what its table's style says."""
        style = _said(own, "pStyle") or self.default
        listed = "" if numbered is None else numbered.key
        key = style, b"" if own is None else etree.tostring(own), listed, *map(id, table)
        if key not in self._known:
            defaults, said = self._defaults[0], self._chain(style)[0]
            from_list = () if numbered is None else numbered.paragraph
            look = self._paragraph_look(
                [*defaults, *table, *said, *from_list, *(() if own is None else (own,))]
            )
            letters = self.look((style, "", ""), ())
            size, line, rule = self.letters.known[letters]["size"], look.pop("line"), look.pop("rule")
            tall = {"exact": line, "atLeast": max(line, size * _SINGLE)}.get(rule, line * size * _SINGLE)
            look["gap"], look["letters"] = round(tall - size, 2), letters
            if (chars := look.pop("chars")) is not None:  # in letters, which is what Word in Chinese writes
                look["first"] = chars / 5 * size
            rest = {name: look.pop(name) for name in ("before", "after", "broken", "wide", "close")}
            self._known[key] = _About(style, self.paragraphs.of(look), letters, look["gap"], **rest)
        return self._known[key]

    def _paragraph_look(self, properties: Sequence[Any]) -> Data:
        last = partial(_last, properties)

        def measure(name: str, attribute: str, otherwise: float | None = 0.0) -> Any:
            for one in reversed(properties):
                if (found := _points(one.find(qn(f"w:{name}")), attribute)) is not None:
                    return found
            return otherwise

        rule = "auto"
        line = 1.0
        for one in properties:
            spacing = one.find(qn("w:spacing"))
            if spacing is not None and spacing.get(qn("w:line")) is not None:
                rule = spacing.get(qn("w:lineRule")) or "auto"
                line = _number(spacing.get(qn("w:line"))) / (240 if rule == "auto" else 20)
        aligned, level = last("jc"), last("outlineLvl")
        align = "left" if aligned is None else aligned.get(qn("w:val")) or "left"
        rules = {
            side: _rule(one)
            for side in ("top", "bottom", "left", "right")
            if (border := last("pBdr")) is not None
            and (one := border.find(qn(f"w:{side}"))) is not None
            and _rule(one)
        }
        tabs = last("tabs")
        wide = tabs is not None and any(tab.get(qn("w:val")) in {"right", "end"} for tab in tabs)
        rank = 0 if level is None else int(_number(level.get(qn("w:val")), 9)) + 1
        return {
            "align": _ALIGNED.get(align, "left"),
            "first": measure("ind", "firstLine"),
            "chars": measure("ind", "firstLineChars", None),
            "hanging": measure("ind", "hanging"),
            "left": measure("ind", "left", measure("ind", "start")) - measure("ind", "hanging"),
            "right": measure("ind", "right", measure("ind", "end")),
            "before": measure("spacing", "before"),
            "after": measure("spacing", "after"),
            "line": line,
            "rule": rule,
            "sticky": _on(last("keepNext")),
            "broken": _on(last("pageBreakBefore")),
            "close": _on(last("contextualSpacing")),
            "level": rank if rank <= 6 else 0,
            "wide": wide,
            **({"rules": rules} if rules else {}),
        }

    @cached_property
    def _named(self) -> Mapping[str, Any]:
        return {one.get(qn("w:styleId")): one for one in self.document.styles.element.iter(qn("w:style"))}

    @cached_property
    def default(self) -> str | None:
        for name, one in self._named.items():
            if one.get(qn("w:type")) == "paragraph" and one.get(qn("w:default")) in {"1", "true"}:
                return name
        return None

    @cached_property
    def _theme(self) -> Mapping[str, str]:
        """Return the fonts of the document's theme by the names that styles have for them."""
        found: dict[str, str] = {}
        for part in self.document.part.related_parts.values():
            if "theme" in part.content_type:
                scheme = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
                for kind, name in (("major", "majorFont"), ("minor", "minorFont")):
                    for which, tag in (("HAnsi", "latin"), ("EastAsia", "ea")):
                        one = scheme.find(f".//{{*}}{name}/{{*}}{tag}")
                        found[f"{kind}{which}"] = "" if one is None else one.get("typeface") or ""
        return found

    @cached_property
    def _defaults(self) -> tuple[list[Any], list[Any]]:
        """Return what the document says of all paragraphs and letters."""
        whole = self.document.styles.element.find(qn("w:docDefaults"))
        found = [
            None if whole is None else whole.find(f"{qn(f'w:{kind}Default')}/{qn(f'w:{kind}')}")
            for kind in ("pPr", "rPr")
        ]
        paragraph, text = ([] if one is None else [one] for one in found)
        return paragraph, text

    def _chain(self, style: str | None) -> tuple[list[Any], list[Any]]:
        """Return what a style says of paragraphs and of letters, what it is based on first."""
        if style not in self._styled:
            paragraph, text = [], []
            for one in self.bases(style):
                paragraph.insert(0, one.find(qn("w:pPr")))
                text.insert(0, one.find(qn("w:rPr")))
            said = [[one for one in found if one is not None] for found in (paragraph, text)]
            self._styled[style] = said[0], said[1]
        return self._styled[style]

    def bases(self, style: str | None) -> Iterator[Any]:
        """Yield a style and what it is based on, the nearest first."""
        seen: set[str] = set()
        while style is not None and style not in seen and (one := self._named.get(style)) is not None:
            seen.add(style)
            yield one
            style = _said(one, "basedOn")

    def look(self, key: tuple[str | None, str, str | bytes], own: Sequence[Any]) -> int:
        """Return the look of letters: of a paragraph's style, a style of letters, and what is said beside them.

        `key` names the styles and tells what is said beside them apart.
        """
        if key in self._lettered:
            return self._lettered[key]
        style, named, _ = key
        properties = [*self._defaults[1], *self._chain(style)[1], *self._chain(named or None)[1], *own]

        last = partial(_last, properties)

        def value(name: str, otherwise: str) -> str:
            found = last(name)
            return otherwise if found is None else found.get(qn("w:val")) or otherwise

        east = latin = ""
        for one in properties:
            if (fonts := one.find(qn("w:rFonts"))) is not None:
                east = self._face(fonts, "eastAsia") or east
                latin = self._face(fonts, "ascii") or latin
        colour, under = value("color", "000000"), value("u", "none")
        self._lettered[key] = self.letters.of(
            {
                "fonts": faces(latin, east)[1],
                "size": _number(value("sz", "21")) / 2,
                "bold": _on(last("b")),
                "italic": _on(last("i")),
                "underline": under != "none",
                "strike": _on(last("strike")),
                "colour": f"#{colour}" if re.fullmatch("[0-9A-Fa-f]{6}", colour) else "#000000",
                "tracking": _number(value("spacing", "0")) / 20,
                "raised": value("vertAlign", ""),
            }
        )
        return self._lettered[key]

    def _face(self, fonts: Any, which: str) -> str:
        theme = fonts.get(qn(f"w:{which}Theme"))
        return self._theme.get(theme or "", "") or fonts.get(qn(f"w:{which}")) or ""

    @cached_property
    def _lists(self) -> Mapping[str, tuple[str, Mapping[int, Any]]]:
        """Return list number → the list it is of, and its levels."""
        try:
            element = self.document.part.numbering_part.element
        except (KeyError, NotImplementedError):
            return {}
        known = {
            one.get(qn("w:abstractNumId")): {
                int(_number(level.get(qn("w:ilvl")))): level for level in one.findall(qn("w:lvl"))
            }
            for one in element.findall(qn("w:abstractNum"))
        }
        found: dict[str, tuple[str, Mapping[int, Any]]] = {}
        for one in element.findall(qn("w:num")):
            of = _said(one, "abstractNumId") or ""
            number = one.get(qn("w:numId"))
            restarts = any(True for _ in one.iter(qn("w:startOverride")))
            found[number] = (f"{of}-{number}" if restarts else of, known.get(of, {}))
        return found

    def numbered(self, own: Any) -> _Numbered | None:
        """Return the number of a paragraph of a list, counted; None of any other."""
        said = self._chain(_said(own, "pStyle") or self.default)[0]
        stated = [one.find(qn("w:numPr")) for one in (*said, *(() if own is None else (own,)))]
        number, level = "0", 0
        for one in (one for one in stated if one is not None):
            number = _said(one, "numId") or number
            level = int(_number(_said(one, "ilvl"), level))
        if number == "0" or number not in self._lists:
            return None
        name, levels = self._lists[number]
        if (about := levels.get(level)) is None:
            return None
        self._counts[name, level] = (
            self._counts.get((name, level), int(_number(_said(about, "start"), 1)) - 1) + 1
        )
        for deeper in [key for key in self._counts if key[0] == name and key[1] > level]:
            del self._counts[deeper]
        legal = _on(about.find(qn("w:isLgl")))  # 1.1 below 一、
        parts: list[Any] = []
        for piece in re.split("(%[1-9])", _said(about, "lvlText") or ""):
            if not re.fullmatch("%[1-9]", piece):
                parts += [piece] if piece else []
                continue
            at = int(piece[1]) - 1
            kind = "decimal" if legal else _said(levels.get(at), "numFmt") or "decimal"
            parts.append({"as": _NUMBERS.get(kind, "1"), "n": self._counts.get((name, at), 1)})
        bullet = _said(about, "numFmt") == "bullet"  # letters of a font of signs, which few computers have
        parts = ["•"] if bullet else parts
        parts += {"tab": ["\u2002"], "space": [" "]}.get(_said(about, "suff") or "tab", [])
        paragraph, text = (about.find(qn(f"w:{kind}")) for kind in ("pPr", "rPr"))
        return _Numbered(
            f"{number}.{level}",
            {"kind": "numbered", "parts": parts},
            [] if paragraph is None else [paragraph],
            [] if text is None or bullet else [text],
        )


@dataclass
class _Reading:
    """A document while it is read into what the page description lays out."""

    document: Any
    file: str
    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _after: float = 0.0
    _before: _About | None = None
    _table_says: tuple[Any, ...] = ()
    _part: Any = None

    def __post_init__(self) -> None:
        self._part = self.document.part
        self.styles = _Styles(self.document)
        aliases = Counter(one.get(qn("w:val")) for one in self.document.element.body.iter(qn("w:alias")))
        self._repeated: dict[str, list[Data]] = {alias: [] for alias, n in aliases.items() if alias and n > 1}

    # -- pages --------------------------------------------------------------------------------------------------

    def sections(self) -> list[Data]:
        """Return the parts of a document that share size of page, header and footer."""
        parts: list[list[Any]] = [[]]
        body = self.document.element.body
        for element in body:
            parts[-1].append(element)
            if element.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") is not None:
                parts.append([])
        found = list(self.document.sections)
        made = [self._section(one, elements) for one, elements in zip(found, parts, strict=False)]
        for alias, numbers in self._repeated.items():
            for i, number in enumerate(
                numbers, 1
            ):  # the table of sources stands last: those before lead there
                number["anchor" if i == len(numbers) else "to"] = alias
        return made

    def _section(self, section: Any, elements: list[Any]) -> Data:
        def points(length: Any, otherwise: float) -> float:
            return otherwise if length is None else length / _EMU

        headers, footers = self._strips(section, "header"), self._strips(section, "footer")
        self._begin()
        return {
            "width": points(section.page_width, 595.3),
            "height": points(section.page_height, 841.9),
            "top": points(section.top_margin, 72.0),
            "bottom": points(section.bottom_margin, 72.0),
            "left": points(section.left_margin, 72.0),
            "right": points(section.right_margin, 72.0),
            "first": bool(section.different_first_page_header_footer),
            "headers": headers,
            "footers": footers,
            "parts": self._blocks(elements),
        }

    def _strips(self, section: Any, kind: str) -> Data:
        found: Data = {}
        for name, before in (("default", ""), ("first", "first_page_"), ("even", "even_page_")):
            strip = getattr(section, f"{before}{kind}")
            while (
                strip.is_linked_to_previous and (earlier := self._earlier(section, before, kind)) is not None
            ):
                strip = earlier
            if strip.is_linked_to_previous:
                found[name] = []
                continue
            self._part = strip.part
            self._begin()
            found[name] = self._blocks(list(strip._element))  # noqa: SLF001 - python-docx has no name for it
            self._part = self.document.part
        return found

    def _earlier(self, section: Any, before: str, kind: str) -> Any:
        """Return the nearest header or footer of a section before, that this one takes over."""
        own = section._sectPr  # noqa: SLF001 - python-docx has no name for it
        found = None
        for one in self.document.sections:
            if one._sectPr is own:  # noqa: SLF001
                return found
            strip = getattr(one, f"{before}{kind}")
            found = found if strip.is_linked_to_previous else strip
        return found

    def _begin(self) -> None:
        """Begin where nothing stands above: a page, a cell, a strip of a page."""
        self._after, self._before = 0.0, None

    # -- blocks -------------------------------------------------------------------------------------------------

    def _blocks(self, elements: Sequence[Any]) -> list[Data]:
        found: list[Data] = []
        for element in elements:
            match _local(element):
                case "p":
                    found += self._paragraph(element)
                case "tbl":
                    found.append(self._table(element))
                case "sdt":
                    content = element.find(qn("w:sdtContent"))
                    found += [] if content is None else self._blocks(list(content))
                case "ins" | "moveTo" | "customXml":
                    found += self._blocks(list(element))
                case name if name in _NOT_DRAWN:
                    raise self._refused(name)
                case _:
                    pass
        return found

    def _refused(self, name: str) -> ExportError:
        what = _NOT_DRAWN[name]
        return ExportError(
            f"{self.file}：里面有{what.zh}，PDF 里画不出；请改存 .docx，或在模板里换成文字、表格或图片",
            f"{self.file}: it holds {what.en}, which is not drawn in a PDF; write .docx, or use text, a table or a picture",
        )

    def _paragraph(self, element: Any) -> list[Data]:
        own = element.pPr
        numbered = self.styles.numbered(own)
        about = self.styles.paragraph(own, numbered, self._table_says)
        runs: list[Any] = []
        if numbered is not None:
            look = self.styles.look((about.style, "", numbered.key), numbered.text)
            runs.append(numbered.run | {"look": look})
        runs += self._runs(element, about)
        found: list[Data] = [{"kind": "break", "weak": True}] if about.broken else []
        pages = [i for i, one in enumerate(runs) if one == _BREAK]
        half = about.gap / 2  # of what stands between lines as much is above the first and below the last
        last, before = self._before, about.before
        if last is not None and last.close and about.close and last.style == about.style:  # items of a list
            self._after, before = last.gap / 2, 0.0
        above = round(self._after + before + half, 2)
        for start, end in zip([0, *(i + 1 for i in pages)], [*pages, len(runs)], strict=True):
            if start:
                found.append({"kind": "break", "weak": False})
            if runs[start:end] or not pages:
                found.append(
                    {"kind": "paragraph", "look": about.look, "above": above, "runs": runs[start:end]}
                )
        self._after, self._before = about.after + half, about
        return found

    # -- runs ---------------------------------------------------------------------------------------------------

    def _runs(self, element: Any, about: _About) -> list[Any]:
        """Return what stands in a paragraph: texts that look as it does are plain, all else says how."""
        found: list[Any] = []
        fields: list[str] = []  # those that are open: "code", "result", or "known" where its result is ours

        letters = about.letters

        def put(run: Data, look: int, alias: str) -> None:
            # What stands in headers stands on every page: nothing can lead to it.
            numbers = self._repeated.get(alias) if self._part is self.document.part else None
            if numbers is None and run.keys() == {"text"} and look == letters:
                if found and isinstance(found[-1], str):
                    found[-1] += run["text"]
                else:
                    found.append(run["text"])
                return
            made = run if look == letters else run | {"look": look}
            found.append(made)
            if numbers is not None:
                numbers.append(made)

        for run, alias in self._runs_of(element, ""):
            own = run.find(_RUN_LOOK)
            named = _said(own, "rStyle") or ""
            look = (
                letters
                if own is None
                else self.styles.look((about.style, named, etree.tostring(own)), (own,))
            )
            if own is not None and _on(own.find(qn("w:vanish"))):
                continue
            fonts = None if own is None else own.find(qn("w:rFonts"))
            signs = "" if fonts is None else fonts.get(qn("w:ascii")) or ""
            for child in self._children(run):
                for one in self._piece(child, fields, wide=about.wide, signs=signs):
                    if one == _BREAK:
                        found.append(one)
                    else:
                        put(one, look, alias)
                        alias = ""  # noqa: PLW2901 - one place of a control is enough to lead there
        return found

    def _runs_of(self, element: Any, alias: str) -> Iterator[tuple[Any, str]]:
        """Yield the runs of a paragraph, the first of a content control with its alias."""
        for child in element:
            name = _local(child)
            if name == "r":
                yield child, alias
                alias = ""
            elif name == "sdt":
                content = child.find(qn("w:sdtContent"))
                if content is not None:
                    yield from self._runs_of(content, _said(child.find(qn("w:sdtPr")), "alias") or "")
            elif name in _NOT_DRAWN:
                raise self._refused(name)
            elif name == "fldSimple" and (field_ := _field(child.get(qn("w:instr")))) is not None:
                yield from ((one, "") for one in _field_runs(child, field_))
            elif name not in _LEFT_OUT and len(child):
                yield from self._runs_of(child, alias)

    def _children(self, run: Any) -> Iterator[Any]:
        for child in run:
            if _local(child) == "AlternateContent":
                choice = child.find("{*}Choice")
                yield from () if choice is None else choice
            elif _local(child) not in {"rPr", "del", "delText"}:
                yield child

    def _piece(self, child: Any, fields: list[str], *, wide: bool, signs: str) -> Iterator[Data]:
        name = _local(child)
        if name == "fldChar":
            match child.get(qn("w:fldCharType")):
                case "begin":
                    fields.append("code")
                case "separate" if fields and fields[-1] == "code":
                    fields[-1] = "result"
                case "end" if fields:
                    fields.pop()
                case _:
                    pass
        elif name == "instrText":
            if (kind := _field(child.text)) is not None:
                yield {"kind": kind}
                if fields:
                    fields[-1] = "known"
        elif any(one != "result" for one in fields):
            return
        elif name == "t":
            if child.text:
                text = child.text
                if signs in _SIGNS:  # letters that were typed in a font of signs
                    text = "".join(self._sign(signs, ord(letter)) for letter in text)
                yield {"text": _LONG_WORD.sub(_breakable, text)}
        elif name == "tab":
            yield {"kind": "tab", "wide": wide}
        elif name == "br" and child.get(qn("w:type")) in {"page", "column"}:
            yield _BREAK
        elif name in {"br", "cr"}:
            yield {"text": "\n"}
        elif name == "noBreakHyphen":
            yield {"text": "\u2011"}
        elif name == "sym":
            code = int(child.get(qn("w:char")) or "2022", 16)
            yield {"text": self._sign(child.get(qn("w:font")) or "", code)}
        elif name in {"drawing", "pict", "object"}:
            yield self._picture(child)
        elif name in _NOT_DRAWN:
            raise self._refused(name)

    def _sign(self, font: str, code: int) -> str:
        """Return the letter that a font of signs draws at a place; letters of other fonts are themselves."""
        at = code & 0xFF if font in _SIGNS else code
        if (known := _SIGNS.get(font, {}).get(at)) is not None or at == _SPACE:
            return known or " "
        if font not in _SIGNS and not _PRIVATE[0] <= code <= _PRIVATE[1]:
            return chr(code)
        raise ExportError(
            f"{self.file}：里面有字体 {font or '（未写）'} 的符号 {code:04X}，PDF 里画不出；请换成普通字符（如 ☑、●），"
            "或改存 .docx",
            f"{self.file}: it holds the sign {code:04X} of the font {font or '(none)'}, which is not drawn in a PDF; use a "
            "plain character (such as ☑, □, ●), or write .docx",
        )

    def _picture(self, drawing: Any) -> Data:
        for element in drawing.iter():
            if (name := _local(element)) in _NOT_DRAWN:
                raise self._refused(name)
        blip = drawing.find(".//{*}blip")
        extent = drawing.find(".//{*}extent")
        anchor = drawing.find("{*}anchor")
        linked = None if blip is None else blip.get(qn("r:embed"))
        if linked is None or extent is None:
            raise ExportError(
                f"{self.file}：里面有画出来的图形（线、形状），PDF 里画不出；线请用段落边框，图请插入为图片，或改存 .docx",
                f"{self.file}: it holds a drawn shape, which is not drawn in a PDF; use a border for a line, insert a "
                "picture, or write .docx",
            )
        part = self._part.related_parts[linked]
        if part.content_type not in _PICTURES:
            raise ExportError(
                f"{self.file}：图片是 {part.content_type}，PDF 里画不出；请换成 PNG 或 JPEG，或改存 .docx",
                f"{self.file}: a picture is {part.content_type}, which is not drawn in a PDF; use PNG or JPEG, or write .docx",
            )
        name = f"{len(self.pictures)}{Path(str(part.partname)).suffix.lower()}"
        self.pictures[name] = part.blob
        about = drawing.find(".//{*}docPr")

        def offset(axis: str) -> float:
            found = None if anchor is None else anchor.find(f"{{*}}position{axis}/{{*}}posOffset")
            return 0.0 if found is None else _number(found.text) / _EMU

        return {
            "kind": "picture",
            "file": name,
            "width": _number(extent.get("cx")) / _EMU,
            "height": _number(extent.get("cy")) / _EMU,
            "alt": ("" if about is None else about.get("descr")) or "",
            "floats": anchor is not None,
            "dx": offset("H"),
            "dy": offset("V"),
        }

    # -- tables -------------------------------------------------------------------------------------------------

    def _table(self, element: Any) -> Data:
        about = element.find(qn("w:tblPr"))
        styled, says = self._table_styles(about)
        grid = [_points(one, "w", 0.0) for one in element.findall(f"{qn('w:tblGrid')}/{qn('w:gridCol')}")]
        margin = next(
            (
                found
                for one in styled
                if (found := one.find(f"{qn('w:tblCellMar')}/{qn('w:left')}")) is not None
            ),
            None,
        )
        aligned = None if about is None else about.find(qn("w:jc"))
        rules = {side: self._side(styled, "tblBorders", side) for side in _SIDES}
        above, rows, heads = self._after, list[list[Any]](), 0
        outer, self._table_says = self._table_says, says
        open_cells: dict[int, Data] = {}
        trs = [one for one in element.iter(qn("w:tr")) if next(one.iterancestors(qn("w:tbl"))) is element]
        for number, row in enumerate(trs):
            properties = row.find(qn("w:trPr"))
            if heads == number and properties is not None and _on(properties.find(qn("w:tblHeader"))):
                heads += 1
            rows.append(self._row(row, properties, open_cells, len(grid)))
        self._table_says = outer
        self._begin()
        return {
            "kind": "table",
            "plain": self._plain(rows[heads:], len(grid)),
            "widths": grid,
            "align": "center" if aligned is not None and aligned.get(qn("w:val")) == "center" else "left",
            "rules": rules,
            "inset": _points(margin, "w", 5.4),
            "header": heads,
            "above": above,
            "rows": rows,
        }

    def _plain(self, rows: list[list[Any]], width: int) -> Data | None:
        """Write cells of one text that look as most of the table do as that text alone: a list has a hundred thousand.

        Return how they look: `look`, `top`, `bottom`, `valign`, and how each column is aligned.
        """

        def look_of(cell: Data) -> tuple[Any, ...] | None:
            parts = cell["parts"]
            if cell.keys() != _CELL or cell["height"] or len(parts) != 1 or parts[0]["kind"] != "paragraph":
                return None
            runs = parts[0]["runs"]
            if len(runs) > 1 or not all(isinstance(one, str) for one in runs):
                return None
            look = self.styles.paragraphs.known[parts[0]["look"]]
            rest = orjson.dumps({key: value for key, value in look.items() if key != "align"})
            return (rest, cell["top"], cell["bottom"], cell["valign"]), look["align"], parts[0]["look"]

        seen: Counter[Any] = Counter()
        sides: dict[int, Counter[str]] = {}
        looked = [[look_of(cell) for cell in row] for row in rows]
        for row in looked:
            for i, one in enumerate(row):
                if one is not None:
                    seen[one[0]] += 1
                    sides.setdefault(i, Counter())[one[1]] += 1
        if not seen:
            return None
        base = seen.most_common(1)[0][0]
        align = {i: count.most_common(1)[0][0] for i, count in sides.items()}
        number = 0
        for row, looks in zip(rows, looked, strict=True):
            # A row with a merged cell is shifted: its cells say themselves where they stand.
            for i, one in enumerate(looks):
                if one is not None and one[0] == base and one[1] == align[i] and len(row) == width:
                    number = one[2]
                    row[i] = "".join(row[i]["parts"][0]["runs"])
        columns = [align.get(i, "left") for i in range(width)]
        return {"look": number, "top": base[1], "bottom": base[2], "valign": base[3], "columns": columns}

    def _row(self, row: Any, properties: Any, open_cells: dict[int, Data], width: int) -> list[Data]:
        """Return the cells of a row; where it begins late or ends early, cells without text hold its place."""
        height = None if properties is None else properties.find(qn("w:trHeight"))
        tall = _points(height, "val", 0.0)
        before = int(_number(_said(properties, "gridBefore")))
        cells: list[Data] = [_EMPTY | {"across": before}] if before else []
        column = before
        for cell in (one for one in row.iter(qn("w:tc")) if next(one.iterancestors(qn("w:tr"))) is row):
            about = cell.find(qn("w:tcPr"))
            span, merged, shade, stands = (
                None if about is None else about.find(qn(f"w:{name}"))
                for name in ("gridSpan", "vMerge", "shd", "vAlign")
            )
            across = 1 if span is None else max(int(_number(span.get(qn("w:val")), 1)), 1)
            if merged is not None and merged.get(qn("w:val")) != "restart" and column in open_cells:
                open_cells[column]["down"] = open_cells[column].get("down", 1) + 1
                column += across
                continue
            self._begin()
            parts = self._blocks(list(cell))
            made: Data = {
                "parts": parts,
                "height": 0.0 if merged is not None else tall,
                "valign": "" if stands is None else stands.get(qn("w:val")) or "",
                "top": parts[0].get("above", 0.0) if parts else 0.0,
                "bottom": round(self._after, 2),
            }
            if across > 1:
                made["across"] = across
            fill = "" if shade is None else shade.get(qn("w:fill")) or ""
            if re.fullmatch("[0-9A-Fa-f]{6}", fill):
                made["fill"] = f"#{fill}"
            borders = None if about is None else about.find(qn("w:tcBorders"))
            if borders is not None:
                made["rules"] = {
                    side: _rule(one)
                    for side in _SIDES[:4]
                    if (one := borders.find(qn(f"w:{side}"))) is not None
                }
            if merged is not None:
                open_cells[column] = made
            else:
                open_cells.pop(column, None)
            tall = tall if merged is not None else 0.0  # one cell holds its row open
            cells.append(made)
            column += across
        return [*cells, _EMPTY | {"across": width - column}] if column < width else cells

    def _table_styles(self, about: Any) -> tuple[list[Any], tuple[Any, ...]]:
        """Return what says how a table looks, the nearest first, and what of its styles is about its paragraphs."""
        chain = list(self.styles.bases(_said(about, "tblStyle")))
        own = [one for style in chain if (one := style.find(qn("w:tblPr"))) is not None]
        paragraphs = (one for style in reversed(chain) if (one := style.find(qn("w:pPr"))) is not None)
        return [*(() if about is None else (about,)), *own], tuple(paragraphs)

    def _side(self, styled: Sequence[Any], name: str, side: str) -> Data | None:
        for one in styled:
            if (found := one.find(f"{qn(f'w:{name}')}/{qn(f'w:{side}')}")) is not None:
                return _rule(found)
        return None


_LONG_WORD: Final = re.compile(r"[!-~]{21,}")


def _breakable(word: re.Match[str]) -> str:
    """Let a long address end its line after a sign, as Word does; what goes between is seen by nobody."""
    return re.sub(r"(?<=[^A-Za-z0-9])(?=[A-Za-z0-9])", "\u200b", word[0])


_EMPTY: Final[Data] = {
    "parts": [],
    "height": 0.0,
    "valign": "",
    "top": 0.0,
    "bottom": 0.0,
    "rules": dict.fromkeys(_SIDES[:4]),
}
"""A cell that Word does not draw."""


_BREAK: Final[Data] = {"kind": "break"}


def _said(element: Any, name: str) -> str | None:
    """Return the value of an element within another, None where there is none."""
    one = None if element is None else element.find(qn(f"w:{name}"))
    return None if one is None else one.get(qn("w:val"))


def _last(properties: Sequence[Any], name: str) -> Any:
    """Return what the nearest says of a name."""
    tag = qn(f"w:{name}")
    return next((one for p in reversed(properties) if (one := p.find(tag)) is not None), None)


def _on(element: Any) -> bool:
    return element is not None and element.get(qn("w:val")) not in {"0", "false", "off", "none"}


def _rule(element: Any) -> Data | None:
    """Return a line's width (points) and colour; None of none."""
    if (element.get(qn("w:val")) or "nil") in {"nil", "none"}:
        return None
    colour = element.get(qn("w:color")) or ""
    return {
        "width": max(_number(element.get(qn("w:sz")), 4.0) / 8, 0.25),
        "colour": f"#{colour}" if re.fullmatch("[0-9A-Fa-f]{6}", colour) else "#000000",
    }


def _field(code: str | None) -> str | None:
    """Return which number of pages a field of Word asks for; what others say stands in the document already."""
    return {"PAGE": "page", "NUMPAGES": "pages", "SECTIONPAGES": "pages"}.get(
        ((code or "").split() or [""])[0].upper()
    )


def _field_runs(element: Any, kind: str) -> Iterator[Any]:
    """Return a run that asks for a number of pages in place of the one that Word kept."""
    run = etree.SubElement(etree.Element(element.tag), qn("w:r"))
    etree.SubElement(run, qn("w:instrText")).text = {"page": "PAGE", "pages": "NUMPAGES"}[kind]
    yield run
