"""Make the shipped templates of documents again: `python docs/tools/report_templates.py` writes riskmap/reports/templates/*.docx.

The look is that of an official paper (A4, title centred, body 16 pt on exact lines, tables small); what a document says stands
below, in Chinese and English. Same script, same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Mm, Pt, RGBColor

FOLDER = Path(__file__).resolve().parents[2] / "riskmap" / "reports" / "templates"
BODY, HEAD, TITLE, LATIN = "仿宋", "黑体", "宋体", "Times New Roman"

SMALL = 12  # points
HEADLINE = (
    "截至{{ as_of }}，全区登记安全风险{{ fig('points.total') }}个，其中重大风险{{ fig('points.tiers.major') }}个、"
    "较大风险{{ fig('points.tiers.large') }}个、一般风险{{ fig('points.tiers.general') }}个、低风险{{ fig('points.tiers.low') }}个、"
    "未评{{ fig('points.tiers.unrated') }}个；重大和较大风险点{{ fig('points.high') }}个，挂点率{{ fig('points.leaders') }}。",
    "As of {{ as_of }} the district lists {{ fig('points.total') }} risk points: {{ fig('points.tiers.major') }} major, "
    "{{ fig('points.tiers.large') }} large, {{ fig('points.tiers.general') }} general, {{ fig('points.tiers.low') }} low and "
    "{{ fig('points.tiers.unrated') }} unrated. High-risk points: {{ fig('points.high') }}, with a leader {{ fig('points.leaders') }}.",
)
LEDGER = (
    "台账待处理：待办{{ fig('ledger.open') }}件，其中超期{{ fig('ledger.overdue') }}件；七天内到期{{ fig('ledger.due') }}件；"
    "待第二人确认{{ fig('ledger.to_accept') }}件；退回未改{{ fig('ledger.rejected') }}行。",
    "To be dealt with: items open {{ fig('ledger.open') }}, of them overdue {{ fig('ledger.overdue') }}; due within seven days "
    "{{ fig('ledger.due') }}; awaiting a second person {{ fig('ledger.to_accept') }}; rejected rows outstanding {{ fig('ledger.rejected') }}.",
)
CHANGED = (
    "本期等级变化{{ fig('ledger.tiers') }}处，其中变重{{ fig('ledger.worse') }}处。",
    "Tiers changed in this period: {{ fig('ledger.tiers') }}, for the worse: {{ fig('ledger.worse') }}.",
)
STREETS = "{{ table('points.street', 'points.street_tier', total=('points.total', 'points.tiers')) }}"
LAYERS = "{{ table('points.layer', 'points.layer_tier', total=('points.total', 'points.tiers')) }}"


def condition(*figures: str) -> str:
    """Return what a part is left out by where the workspace lacks its registers."""
    return f"{{%p if has({', '.join(map(repr, figures))}) %}}"


def hazards(*, year: bool) -> list[tuple[str, Any]]:
    """Return what a period's report says of hazards; `year`: with those of the year so far."""
    so_far = (
        "今年以来排查{{ fig('hazards.found', period='year') }}处、整改{{ fig('hazards.closed', period='year') }}处，"
        "整改率{{ fig('hazards.rate', period='year') }}；",
        " This year so far: found {{ fig('hazards.found', period='year') }}, closed {{ fig('hazards.closed', period='year') }} "
        "({{ fig('hazards.rate', period='year') }}).",
    )
    return [
        ("if", condition("hazards.found", "hazards.listed")),
        ("head", ("隐患排查治理", "Hazards")),
        (
            "text",
            (
                "本期排查重大隐患{{ fig('hazards.found') }}处，已销号{{ fig('hazards.closed') }}处，未销号{{ fig('hazards.open') }}处；"
                "本期销号{{ fig('hazards.closing') }}处。"
                + (so_far[0] if year else "")
                + "目前超期未销号{{ fig('hazards.overdue') }}处。",
                "Major hazards found in this period: {{ fig('hazards.found') }}, of them closed {{ fig('hazards.closed') }} and open "
                "{{ fig('hazards.open') }}; closed in this period: {{ fig('hazards.closing') }}."
                + (so_far[1] if year else "")
                + " Overdue now: {{ fig('hazards.overdue') }}.",
            ),
        ),
        (
            "text",
            (
                "本期登记隐患{{ fig('hazards.listed') }}处，其中已销号{{ fig('hazards.listed_closed') }}处、未销号{{ fig('hazards.listed_open') }}处；"
                "督办（超期七天以上）{{ fig('hazards.supervised') }}处。",
                "Hazards listed: {{ fig('hazards.listed') }}, of them closed {{ fig('hazards.listed_closed') }} and open "
                "{{ fig('hazards.listed_open') }}; supervised (overdue by more than seven days): {{ fig('hazards.supervised') }}.",
            ),
        ),
        ("end", ""),
    ]


def events() -> list[tuple[str, Any]]:
    """Return what a period's report says of incidents, alerts, patrols, drills, with the year before."""
    against = (
        "同比{{ fig('events.accidents_yoy') }}，",
        " ({{ fig('events.accidents_yoy') }} on the year before)",
    )
    return [
        ("if", condition("events.alerts", "events.accidents", "events.patrols", "events.drills")),
        ("head", ("监测预警和应急", "Alerts and response")),
        (
            "text",
            (
                "本期收到监测预警{{ fig('events.alerts') }}条，已处置{{ fig('events.handled') }}条，待处置{{ fig('events.waiting') }}条；"
                "发布预警{{ fig('events.warned') }}次，启动应急响应{{ fig('events.responded') }}次，转移{{ fig('events.moved') }}人。",
                "Alerts: {{ fig('events.alerts') }}, of them settled {{ fig('events.handled') }} and waiting {{ fig('events.waiting') }}; "
                "warnings issued {{ fig('events.warned') }}, responses started {{ fig('events.responded') }}, "
                "people moved {{ fig('events.moved') }}.",
            ),
        ),
        (
            "text",
            (
                "本期发生生产安全事故{{ fig('events.accidents') }}起，"
                + against[0]
                + "各类事故灾情死亡{{ fig('events.deaths') }}人；"
                "火警{{ fig('events.alarms') }}起，成灾{{ fig('events.fires') }}起。",
                "Work accidents: {{ fig('events.accidents') }}"
                + against[1]
                + "; deaths in all incidents {{ fig('events.deaths') }}; "
                "fire alarms {{ fig('events.alarms') }}, of them fires {{ fig('events.fires') }}.",
            ),
        ),
        (
            "text",
            (
                "森林防火巡查{{ fig('events.patrols') }}次，出动{{ fig('events.trips') }}人次；应急演练{{ fig('events.drills') }}场；"
                "培训{{ fig('events.trainings') }}场，参训{{ fig('events.trained') }}人。",
                "Forest patrols: {{ fig('events.patrols') }}, people on them {{ fig('events.trips') }}; drills {{ fig('events.drills') }}; "
                "trainings {{ fig('events.trainings') }}, people trained {{ fig('events.trained') }}.",
            ),
        ),
        ("end", ""),
    ]


SOURCES = [("annex", ("附：数字出处", "Annex: where the numbers come from")), ("table", "{{ sources() }}")]


def period_report(*, year: bool, streets: bool, top: bool) -> list[tuple[str, Any]]:
    """Return the parts of a weekly, monthly, quarterly or yearly report."""
    parts: list[tuple[str, Any]] = [
        ("head", ("风险底数", "Risk points")),
        ("text", HEADLINE),
        ("text", CHANGED),
    ]
    if streets:
        parts += [("caption", ("各街道风险底数", "Risk points by sub-district")), ("table", STREETS)]
    parts += hazards(year=year) + events()
    if top:
        parts += [
            ("if", condition("firms.found", "people.teams", "stores.sites")),
            ("head", ("企业和应急力量", "Firms and forces")),
            (
                "text",
                (
                    "检查重点企业{{ fig('firms.checked') }}家，查出隐患{{ fig('firms.found') }}处，完成整改{{ fig('firms.done') }}处，"
                    "整改率{{ fig('firms.rate') }}。应急救援队伍{{ fig('people.teams') }}支、{{ fig('people.members') }}人；"
                    "应急预案{{ fig('people.plans') }}个；避难场所{{ fig('people.shelters') }}处；物资仓库{{ fig('stores.sites') }}个。",
                    "Firms inspected: {{ fig('firms.checked') }}; hazards found in them {{ fig('firms.found') }}, rectified "
                    "{{ fig('firms.done') }} ({{ fig('firms.rate') }}). Rescue teams {{ fig('people.teams') }}, members {{ fig('people.members') }}; "
                    "plans {{ fig('people.plans') }}; shelters {{ fig('people.shelters') }}; warehouses {{ fig('stores.sites') }}.",
                ),
            ),
            ("end", ""),
        ]
    return [*parts, ("head", ("待办", "Open items")), ("text", LEDGER), *SOURCES]


STREET_LINE = (
    "截至{{ as_of }}，{{ street }}登记安全风险{{ fig('points.street.' ~ street) }}个，其中重大风险{{ fig('points.street_tier.' ~ street ~ '.major') }}个、"
    "较大风险{{ fig('points.street_tier.' ~ street ~ '.large') }}个、一般风险{{ fig('points.street_tier.' ~ street ~ '.general') }}个、"
    "低风险{{ fig('points.street_tier.' ~ street ~ '.low') }}个、未评{{ fig('points.street_tier.' ~ street ~ '.unrated') }}个。",
    "As of {{ as_of }} {{ street }} lists {{ fig('points.street.' ~ street) }} risk points: {{ fig('points.street_tier.' ~ street ~ '.major') }} major, "
    "{{ fig('points.street_tier.' ~ street ~ '.large') }} large, {{ fig('points.street_tier.' ~ street ~ '.general') }} general, "
    "{{ fig('points.street_tier.' ~ street ~ '.low') }} low and {{ fig('points.street_tier.' ~ street ~ '.unrated') }} unrated.",
)

DOCUMENTS: dict[str, list[tuple[str, Any]]] = {
    "inventory": [
        ("text", HEADLINE),
        ("caption", ("各类风险分级", "By layer and tier")),
        ("table", LAYERS),
        ("caption", ("各街道风险分级", "By sub-district and tier")),
        ("table", STREETS),
        ("caption", ("重大和较大风险点", "Major and large")),
        ("table", "{{ table('high_risk_list') }}"),
        *SOURCES,
    ],
    "brief": [("text", HEADLINE), ("table", STREETS), ("text", LEDGER)],
    "weekly": period_report(year=True, streets=True, top=False),
    "monthly": period_report(year=True, streets=True, top=False),
    "quarterly": period_report(year=True, streets=True, top=True),
    "yearly": period_report(year=False, streets=True, top=True),
    "closing": [
        *hazards(year=False)[2:-1],
        ("caption", ("整改清单（未销号）", "To be rectified")),
        ("table", "{{ table('rectification_list', layers=('hazards', 'major_hazards')) }}"),
        ("caption", ("销号清单（已销号）", "Closed")),
        ("table", "{{ table('closing_list', layers=('hazards', 'major_hazards')) }}"),
        *SOURCES,
    ],
    "summary": [
        ("text", HEADLINE),
        ("if", condition("hazards.found", "hazards.listed", "events.drills")),
        (
            "text",
            (
                "{{ period or '累计' }}排查重大隐患{{ fig('hazards.found') }}处，完成整改{{ fig('hazards.closed') }}处，整改率{{ fig('hazards.rate') }}；"
                "登记隐患{{ fig('hazards.listed') }}处，销号{{ fig('hazards.listed_closed') }}处；开展应急演练{{ fig('events.drills') }}场、"
                "森林防火巡查{{ fig('events.patrols') }}次，处置监测预警{{ fig('events.handled') }}条。",
                "{{ 'In ' ~ period if period else 'To date' }}: major hazards found {{ fig('hazards.found') }}, closed {{ fig('hazards.closed') }} "
                "({{ fig('hazards.rate') }}); hazards listed {{ fig('hazards.listed') }}, closed {{ fig('hazards.listed_closed') }}; drills "
                "{{ fig('events.drills') }}, forest patrols {{ fig('events.patrols') }}, alerts settled {{ fig('events.handled') }}.",
            ),
        ),
        ("end", ""),
        *SOURCES,
    ],
    "lists": [
        ("head", ("隐患清单", "All")),
        ("table", "{{ table('hazard_list', layers=('hazards', 'major_hazards')) }}"),
        ("head", ("整改清单", "To be rectified")),
        ("table", "{{ table('rectification_list', layers=('hazards', 'major_hazards')) }}"),
        ("head", ("销号清单", "Closed")),
        ("table", "{{ table('closing_list', layers=('hazards', 'major_hazards')) }}"),
    ],
    "street": [
        ("text", STREET_LINE),
        ("caption", ("重大和较大风险点", "Major and large")),
        ("table", "{{ table('high_risk_list') }}"),
        ("if", condition("hazards.found")),
        ("caption", ("整改清单（未销号）", "To be rectified")),
        ("table", "{{ table('rectification_list', layers=('hazards', 'major_hazards')) }}"),
        ("end", ""),
        *SOURCES,
    ],
}
LANDSCAPE = {"lists", "closing"}


def fonts(style: Any, size: float, east: str, *, bold: bool = False) -> None:
    """Name a font for Latin and one for Chinese letters; a theme's choice would win over them."""
    style.font.name, style.font.size, style.font.bold = LATIN, Pt(size), bold
    style.font.color.rgb = RGBColor(0, 0, 0)
    found = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        found.attrib.pop(qn(f"w:{attribute}"), None)
    for attribute, name in (("hAnsi", LATIN), ("cs", LATIN), ("eastAsia", east)):
        found.set(qn(f"w:{attribute}"), name)


def spaced(
    style: Any, *, exactly: float | None = None, before: float = 0, after: float = 0, indent: float = 0
) -> None:
    """Set the lines of a style: exact for running text, single where a table or picture may stand."""
    look = style.paragraph_format
    look.space_before, look.space_after, look.first_line_indent = Pt(before), Pt(after), Pt(indent)
    look.widow_control = True
    if exactly is None:
        look.line_spacing_rule = WD_LINE_SPACING.SINGLE
    else:
        look.line_spacing = Pt(exactly)


def heading_numbers(document: Any, lang: int) -> int:
    """Return the list that numbers headings: 一、二、 or 1. 2., whichever of them a district has."""
    numbering = document.part.numbering_part.element
    form, text = (("chineseCounting", "%1、"), ("decimal", "%1. "))[lang]
    about = parse_xml(
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90"><w:multiLevelType w:val="singleLevel"/><w:lvl w:ilvl="0">'
        f'<w:start w:val="1"/><w:numFmt w:val="{form}"/><w:suff w:val="nothing"/><w:lvlText w:val="{text}"/>'
        f'<w:lvlJc w:val="left"/></w:lvl></w:abstractNum>'
    )
    numbering.insert(0, about)
    return numbering.add_num(90).numId


def numbered(paragraph: Any, number: int) -> None:
    """Number a heading by the list."""
    about = paragraph._p.get_or_add_pPr().get_or_add_numPr()  # noqa: SLF001 - python-docx has no name for it
    about.get_or_add_ilvl().val, about.get_or_add_numId().val = 0, number


def field(paragraph: Any, code: str) -> None:
    """Add a field such as PAGE to a paragraph."""
    for kind, text in (("begin", ""), ("", code), ("end", "")):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)  # noqa: SLF001 - python-docx has no name for it


def made(name: str, lang: int) -> bytes:
    """Return one template in a language (0 Chinese, 1 English)."""
    document: Any = Document()
    one_page = name == "brief"
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = (Cm(2.2), Cm(2.0)) if one_page else (Cm(3.0), Cm(2.6))
    section.left_margin, section.right_margin = Cm(2.6), Cm(2.4)
    if name in LANDSCAPE:
        section.page_width, section.page_height = section.page_height, section.page_width
        section.top_margin = section.bottom_margin = Cm(2.2)
    size = SMALL if one_page or name in LANDSCAPE or lang else 16
    styles = document.styles
    fonts(styles["Normal"], size, BODY)
    spaced(styles["Normal"], exactly=size * 1.75, indent=0 if lang else 2 * size, after=6 if lang else 0)
    for style, points, east in (("Heading 1", size, HEAD), ("Title", 22, TITLE)):
        fonts(styles[style], points, east, bold=True)
    spaced(styles["Heading 1"], before=8, after=4)
    spaced(styles["Title"], before=0, after=8)
    for border in styles["Title"].element.iter(qn("w:pBdr")):
        border.getparent().remove(border)
        break
    styles["Title"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for new, points, east, align in (
        ("Table Head", 9.5, HEAD, WD_ALIGN_PARAGRAPH.CENTER),
        ("Table Text", 9.5, TITLE, WD_ALIGN_PARAGRAPH.LEFT),
        ("Table Note", 7.5, TITLE, WD_ALIGN_PARAGRAPH.LEFT),
        ("Document Line", 12, BODY, WD_ALIGN_PARAGRAPH.CENTER),
        ("Caption Line", 11, HEAD, WD_ALIGN_PARAGRAPH.LEFT),
        ("Signature", 14 if size > SMALL else 12, BODY, WD_ALIGN_PARAGRAPH.RIGHT),
    ):
        style = (
            styles[new]
            if new in [one.name for one in styles]
            else styles.add_style(new, WD_STYLE_TYPE.PARAGRAPH)
        )
        style.base_style = None
        fonts(style, points, east)
        spaced(style, before=8 if new == "Caption Line" else 1, after=4 if new == "Caption Line" else 1)
        style.paragraph_format.alignment = align
    styles["Caption Line"].paragraph_format.keep_with_next = True
    header = section.header.paragraphs[0]
    header.text, header.style = "{{ demo }}", styles["Document Line"]
    header.runs[0].font.bold = True
    footer = section.footer.paragraphs[0]
    footer.style = styles["Document Line"]
    before, between, after = ("— ", " / ", " —")
    for text, code in ((before, "PAGE"), (between, "NUMPAGES")):
        footer.add_run(text)
        field(footer, code)
    footer.add_run(after)
    headings = heading_numbers(document, lang)
    document.add_paragraph("{{ title }}", style="Title")
    if not one_page:
        document.add_paragraph("{%p if period %}")
        document.add_paragraph("{{ period }}", style="Document Line")
        document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p if number %}")
    document.add_paragraph("{{ number }}", style="Document Line")
    document.add_paragraph("{%p endif %}")
    for kind, said in DOCUMENTS[name]:
        text = said if isinstance(said, str) else said[lang]
        match kind:
            case "head" | "annex":
                head = document.add_paragraph(text, style="Heading 1")
                head.paragraph_format.first_line_indent = Pt(0)
                if kind == "head":
                    numbered(head, headings)
            case "caption":
                document.add_paragraph(text, style="Caption Line")
            case "table":
                document.add_paragraph(text, style="Table Text")
                document.add_paragraph("", style="Table Text")
            case "end":
                document.add_paragraph("{%p endif %}")
            case _:
                document.add_paragraph(text)
        if kind == "text" and said is DOCUMENTS[name][-1][1]:
            sign(document)
        if kind == "annex":
            document.paragraphs[-1].paragraph_format.page_break_before = True  # an annex begins a page
            move_before(document.paragraphs[-1], sign(document))
    if name == "lists":
        sign(document)
    return saved(document)


def sign(document: Any) -> list[Any]:
    """Add who issues a document, and when."""
    lines = [
        document.add_paragraph("{{ issuer }}", style="Signature"),
        document.add_paragraph("{{ date }}", style="Signature"),
    ]
    lines[0].paragraph_format.space_before = Pt(14)
    lines[0].paragraph_format.keep_with_next = True
    return lines


def move_before(paragraph: Any, lines: list[Any]) -> None:
    """Put lines before a paragraph that stands already."""
    for line in lines:
        paragraph._p.addprevious(line._p)  # noqa: SLF001


def saved(document: Any) -> bytes:
    """Return the document with no clock in it."""
    properties = document.core_properties
    properties.author = properties.last_modified_by = properties.title = properties.comments = ""
    properties.created = properties.modified = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - Word keeps no zone
    raw, packed = io.BytesIO(), io.BytesIO()
    document.save(raw)
    with zipfile.ZipFile(raw) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in archive.namelist():
            out.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), archive.read(name), zipfile.ZIP_DEFLATED
            )
    return packed.getvalue()


def templates() -> dict[str, bytes]:
    """Return every template that is shipped, file name → bytes."""
    return {
        f"{name}{ending}": made(name, lang)
        for name in DOCUMENTS
        for lang, ending in ((0, ".docx"), (1, ".en.docx"))
    }


def main() -> int:
    """Write the templates."""
    for name, content in templates().items():
        (FOLDER / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
