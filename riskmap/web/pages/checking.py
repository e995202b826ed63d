"""核对文稿: the text of a report with marks where its numbers do not agree, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby, pairwise
from typing import Final

import streamlit as st

from riskmap.actions.report_checking import Confirmed, check_report, check_text, confirm, confirmed
from riskmap.errors import RiskmapError
from riskmap.values.report_check import KINDS, VERDICTS, CheckedReport, Passage, Statement, Verdict
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages import Page
from riskmap.web.widgets.panels import Html, field_box, said_html
from riskmap.web.widgets.signing import ask_signature, keep_notice, notice, show_kept_notice
from riskmap.web.widgets.uploads import as_uploaded, keep_as_they_are, private_folder, shown_name

PAGE: Final = Page(id="checking", zh="核对文稿", en="Check", order=65)


_FOUND, _TEXT, _FILE = "checking-found", "checking-text", "checking-file"


_LONGEST: Final = 400_000  # letters of a pasted text


_SHOWN: Final = 60  # letters of a statement in a list of choices


_LISTED: Final = 500


_COMPUTED: Final = frozenset(
    {"rate", "share", "change", "times", "figure"}
)  # of the others the reason says it


_SIGNS: Final[Mapping[Verdict, str]] = {"wrong": "✗", "suspicious": "?", "agrees": "✓", "unjudged": "·"}


_WORST: Final[tuple[Verdict, ...]] = ("wrong", "suspicious", "agrees")


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    page_title(say("checking_title"), say("checking_lead"))
    _ask()
    if (found := st.session_state.get(_FOUND)) is not None:
        name, report = found
        _show(name, report)


def _ask() -> None:
    with st.form("checking-form", enter_to_submit=False, border=False):
        text = st.text_area(
            say("checking_text"),
            key=_TEXT,
            height=160,
            max_chars=_LONGEST,
            placeholder=say("checking_text_hint"),
        )
        file = st.file_uploader(say("checking_file"), key=_FILE)
        go = st.form_submit_button(say("checking_go"), type="primary")
    if not go:
        return
    st.session_state.pop(_FOUND, None)
    if file is None and not (text or "").strip():
        notice("warning", say("checking_nothing"))
        return
    if file is None:
        st.session_state[_FOUND] = (say("checking_pasted"), check_text(text, ws=workspace()))
        return
    with private_folder() as folder, st.spinner(say("working")):
        kept = keep_as_they_are([file], folder)
        try:
            report = check_report(kept[0].path, ws=workspace(), name=kept[0].name)
        except RiskmapError as problem:
            notice("error", as_uploaded(problem, kept).text(lang()))
            return
    st.session_state[_FOUND] = (shown_name(file.name), report)


def _show(name: str, report: CheckedReport) -> None:
    right = confirmed(workspace())
    counts = {one: len(report.of(one)) for one in VERDICTS}
    section(name)
    with field_box("text"):
        notice(
            "warning" if counts["wrong"] else "info", say("checking_found", numbers=report.numbers, **counts)
        )
    numbered = {one: i for i, one in enumerate([*report.of("wrong"), *report.of("suspicious")], 1)}
    text, found = st.columns([3, 2], gap="medium")
    with text:
        st.html(_legend() + _marked(report, numbered, right))
    with found:
        _list(report, numbered, right)


def _legend() -> str:
    marks = "".join(
        f'<mark class="rm-said-{verdict}">{escape(say(f"checking_legend_{verdict}"))}</mark>'
        for verdict in _WORST
    )
    return f'<p class="rm-said-legend">{marks}</p>'


def _marked(report: CheckedReport, numbered: Mapping[Statement, int], right: Mapping[str, Confirmed]) -> str:
    """Return the text as HTML; nothing of it is markup but our marks."""
    by_paragraph: dict[int, list[Statement]] = {}
    for one in report.statements:
        by_paragraph.setdefault(one.place.paragraph, []).append(one)

    def words(passage: Passage) -> str:
        return _paragraph(passage, by_paragraph.get(passage.paragraph, ()), numbered, right)

    blocks: list[str] = []
    for table, some in groupby(report.passages, key=lambda passage: passage.table):
        passages = list(some)
        if table is None:
            blocks += (f"<p>{words(passage)}</p>" for passage in passages if passage.text.strip())
        else:
            blocks.append(_table(passages, words))
    return f'<div class="rm-said" data-field="text">{"".join(blocks)}</div>'


def _table(passages: Sequence[Passage], words: Callable[[Passage], str]) -> str:
    """Return a table of the report as HTML; a cell is as wide as it is to the next one."""
    rows: dict[int, dict[int, list[str]]] = {}
    for passage in passages:
        cells = rows.setdefault(passage.row or 0, {})
        cells.setdefault(passage.column or 1, []).append(words(passage))
    wide = max(column for cells in rows.values() for column in cells) + 1
    lines = []
    for cells in rows.values():
        columns = [1, *sorted(cells), wide] if min(cells) > 1 else [*sorted(cells), wide]
        drawn = (
            f'<td colspan="{after - column}">{"<br>".join(cells.get(column, ()))}</td>'
            for column, after in pairwise(columns)
        )
        lines.append(f"<tr>{''.join(drawn)}</tr>")
    return f'<table class="rm-said-table">{"".join(lines)}</table>'


def _paragraph(
    passage: Passage,
    statements: Sequence[Statement],
    numbered: Mapping[Statement, int],
    right: Mapping[str, Confirmed],
) -> str:
    shown = [one for one in statements if one.verdict != "unjudged"]
    cuts = sorted({0, len(passage.text), *(at for one in shown for at in (one.place.start, one.place.end))})
    pieces: list[str] = []
    for start, end in pairwise(cuts):
        signs = [
            f"<sup>{_SIGNS[one.verdict]}{numbered[one]}</sup>"
            for one in shown
            if one.place.start == start and one in numbered
        ]
        over = {_as(one, right) for one in shown if one.place.start <= start and end <= one.place.end}
        worst = next((verdict for verdict in _WORST if verdict in over), None)
        words = escape(passage.text[start:end])
        pieces += signs
        pieces.append(words if worst is None else f'<mark class="rm-said-{worst}">{words}</mark>')
    return "".join(pieces)


def _as(statement: Statement, right: Mapping[str, Confirmed]) -> Verdict:
    """Return how a statement is marked: as one that agrees where a person found it right."""
    return "agrees" if statement.digest in right else statement.verdict


def _list(report: CheckedReport, numbered: Mapping[Statement, int], right: Mapping[str, Confirmed]) -> None:
    items = [_item(one, right, number) for one, number in numbered.items()]
    none = f"<p>{escape(say('checking_none'))}</p>"
    folded = "".join(_folded(verdict, report.of(verdict), right) for verdict in ("agrees", "unjudged"))
    st.html(f'<div class="rm-said-list">{"".join(items[:_LISTED]) or none}{folded}</div>')
    if numbered:
        _confirm(numbered, right)


def _folded(verdict: Verdict, some: Sequence[Statement], right: Mapping[str, Confirmed]) -> str:
    if not some:
        return ""
    key = "checking_agree" if verdict == "agrees" else "checking_unjudged"
    items = "".join(_item(one, right, None) for one in some[:_LISTED])
    return f'<details><summary data-field="text">{escape(say(key, n=len(some)))}</summary>{items}</details>'


def _item(statement: Statement, right: Mapping[str, Confirmed], number: int | None) -> str:
    place = statement.place
    where = (
        say("checking_place", paragraph=place.paragraph)
        if place.table is None
        else say("checking_place_row", paragraph=place.paragraph, table=place.table, row=place.row)
    )
    verdict, kind = VERDICTS[statement.verdict].text(lang()), KINDS[statement.kind].text(lang())
    head = f"{_SIGNS[statement.verdict]}{number or ''} {verdict} · {kind} · {where}"
    of_figure = statement.figure is not None and statement.verdict != "agrees"
    why = escape(statement.why.text(lang()))
    told = [f"<b>{escape(head)}</b>", f"<q>{escape(statement.text)}</q>", *([] if of_figure else [why])]
    lines = [f'<span data-field="text">{"<br>".join(told)}</span>']
    if of_figure:  # what the ledger says
        lines.append(f'<span data-figure="{escape(str(statement.figure))}">{why}</span>')
    if statement.verdict in {"wrong", "suspicious"} and statement.kind in _COMPUTED:
        expected = escape(statement.expected)
        if statement.figure is not None:
            expected = f'<b data-figure="{escape(statement.figure)}">{expected}</b>'
        values: dict[str, object] = {"stated": statement.stated, "expected": Html(expected)}
        lines.append(f'<span data-field="text">{said_html("checking_stated", values)}</span>')
    if (known := right.get(statement.digest)) is not None:
        said = say("checking_confirmed", why=known.why, by=known.by, at=known.at[: len("2026-01-01")])
        lines.append(f'<span data-field="text">{escape(said)}</span>')
    return f'<div class="rm-said-{_as(statement, right)}">{"<br>".join(lines)}</div>'


def _confirm(numbered: Mapping[Statement, int], right: Mapping[str, Confirmed]) -> None:
    """Ask which statement a person found right, and why."""
    section(say("checking_confirm_title"))
    titles = {
        number: f"{'✓ ' if one.digest in right else ''}{_SIGNS[one.verdict]}{number} {one.text[:_SHOWN]}"
        for one, number in numbered.items()
    }
    with st.form("checking-confirm", enter_to_submit=False, border=False):
        which = st.selectbox(
            say("checking_confirm_which"),
            list(titles),
            format_func=lambda one: titles[one],
            key="checking-which",
        )
        signature = ask_signature(
            "checking-sign", reason_hint=say("checking_confirm_hint"), side_by_side=False
        )
        with st.container(horizontal=True):
            good = st.form_submit_button(say("checking_confirm"), type="primary")
            back = st.form_submit_button(say("checking_take_back"))
    if not (good or back):
        return
    if signature.missing:
        notice("warning", signature.missing)
        return
    statement = next(one for one, number in numbered.items() if number == which)
    try:
        confirm(workspace(), statement, by=signature.by, why=signature.why, right=good)
    except RiskmapError as problem:
        notice("error", problem.text(lang()))
        return
    keep_notice("success", say("checking_kept"))
    st.rerun()


if __name__ == "__main__":
    render()
