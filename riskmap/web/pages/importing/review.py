"""What a file would do, or did: sums, headers, issues, differences, rows that wait, codes that lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from riskmap.actions.importing import FileImport, difference
from riskmap.actions.layer_files import name_column
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError
from riskmap.io.tables.kept_columns import taker
from riskmap.rules.extras import extra_keys, header_of, holds_people, masked
from riskmap.rules.permissions import local_actor
from riskmap.values.import_plan import Intake, Issue
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages.importing.outlook import draw_outlook
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import Cell, Row, TableColumn, field_box, pager_of, point_address, show_table
from riskmap.web.widgets.signing import ask_person, keep_notice, notice, refuse
from riskmap.web.widgets.wording import changes_text, key_title, word

_ACTIONS: Final = ("insert", "update", "held")


_SHOWN_ROWS: Final = 12


_SHOWN_CODES: Final = 200


_DIFFERENCES: Final = 25


_SAMPLES: Final = 3


def files_table(key: str, files: Sequence[FileImport]) -> None:
    """One line per file with its counts, and whether they add up."""
    names = ("file", "rows", "insert", "update", "unchanged", "held", "rejected", "skipped", "sum")
    columns = [
        TableColumn(n, say(f"import_{n}"), "text" if n in {"file", "sum"} else "number", values=True)
        for n in names
    ]
    rows = []
    for file in files:
        intake, plan = file.intake, file.plan
        counts = [plan.count(action) for action in ("insert", "update", "unchanged", "held")]
        numbers = [intake.rows, *counts, len(intake.rejected), intake.skipped_non_data]
        cells = [Cell(intake.file), *(Cell(f"{n:,}", quiet=not n) for n in numbers), Cell(_sum(intake))]
        rows.append(Row(cells))
    show_table(key, columns, rows, dense=True)
    moved = sum(len(file.plan.moved) for file in files)
    taken = sum(len(file.plan.taken_over) for file in files)
    if moved or taken:
        with field_box("file", f"{key}-flows"):
            st.caption(say("import_flows", moved=f"{moved:,}", taken=f"{taken:,}"))


def _sum(intake: Intake) -> str:
    parts = (len(intake.records), len(intake.rejected), intake.skipped_non_data)
    key = "import_sum_right" if sum(parts) == intake.rows else "import_sum_wrong"
    return say(key, rows=intake.rows, accepted=parts[0], rejected=parts[1], skipped=parts[2])


def review(layer: Layer, file: FileImport, key: str) -> None:
    """Everything that is to be read about one file before it is written."""
    intake = file.intake
    facts = [say("import_datum_of", datum=datum_title(intake.datum))]
    lacking = intake.unlocated
    if lacking:
        facts.append(say("import_unlocated", n=lacking))
    with field_box("file", f"{key}-read"):
        st.text(say("list_separator").join(facts))
        _unread(layer, intake, f"{key}-unread")
    draw_outlook(layer, file, key)
    with field_box("file", f"{key}-rows"):
        _issues(file, f"{key}-issues")
        _differences(layer, file, f"{key}-difference")
        _rejected(intake, f"{key}-rejected")
        _headers(layer, intake, f"{key}-headers")


def _unread(layer: Layer, intake: Intake, key: str) -> None:
    """The columns that no field reads, first: what they hold, and the field that one of them is, if a person knows."""
    values = intake.records.values
    kept = extra_keys(values)
    if not kept:
        return
    section(say("unread_title", n=len(kept)))
    st.caption(say("unread_lead"))
    rows = []
    for one in kept:
        stated = [text for text in values[one] if isinstance(text, str)]
        personal = holds_people(header_of(one), stated)
        some = dict.fromkeys(str(masked(text, personal=personal)) for text in stated)
        example = say("comma").join(list(some)[:_SAMPLES])
        now = taker(layer, one)
        reads = say("unread_read_as", title=now[0].title.text(lang())) if now else say("unread_kept")
        rows.append(
            Row([Cell(header_of(one), head=True), Cell(f"{len(stated):,}"), Cell(example), Cell(reads)])
        )
    columns = [
        TableColumn("header", say("header_text"), "short"),
        TableColumn("count", say("unread_count"), "number", values=True),
        TableColumn("example", say("issue_example")),
        TableColumn("reads", say("header_target"), "short"),
    ]
    show_table(key, columns, rows, dense=True)
    free = [one for one in kept if taker(layer, one) is None]
    if free:
        with st.expander(say("unread_name")):
            _name_column(layer, free, key)


def _name_column(layer: Layer, kept: Sequence[str], key: str) -> None:
    left, right = st.columns(2)
    header = header_of(left.selectbox(say("header_text"), kept, format_func=header_of, key=f"{key}-header"))
    field = right.selectbox(
        say("header_target"),
        layer.field_ids,
        format_func=lambda one: layer.field(one).title.text(lang()),
        index=None,
        placeholder=say("conditions_field_hint"),
        key=f"{key}-field",
    )
    by = ask_person(f"{key}-by")
    if not st.button(say("unread_remember"), key=f"{key}-remember", disabled=field is None):
        return
    if not by:
        notice("warning", say("sign_missing_person"))
        return
    try:
        path = name_column(workspace(), layer.id, header, str(field), by=local_actor(by))
    except RiskmapError as problem:
        refuse(problem)
        return
    title = layer.field(str(field)).title.text(lang())
    keep_notice("success", say("unread_remembered", header=header, title=title, file=path.name))
    st.rerun()


def datum_title(datum: str) -> str:
    """Return the words for a datum id."""
    plain = datum.lower().replace(":", "")
    return say(f"datum_{plain}") if plain in {"cgcs2000", "wgs84", "gcj02", "bd09", "epsg4547"} else datum


def _place(sheet: str | None, row: int | None, *, many: bool) -> str:
    if row is None:
        return sheet or ""
    return f"{sheet}!{row}" if many and sheet else str(row)


def _issues(file: FileImport, key: str) -> None:
    groups: dict[tuple[str, str], list[Issue]] = {}
    for issue in file.issues:
        groups.setdefault((issue.severity, issue.rule), []).append(issue)
    if not groups:
        st.markdown(f":green[✓] {say('import_no_issues')}")
        return
    many = len(file.intake.sheets) > 1
    section(say("import_issues"))
    columns = [
        TableColumn("severity", say("issue_severity"), "short"),
        TableColumn("rule", say("issue_rule"), "short"),
        TableColumn("count", say("issue_count"), "number", values=True),
        TableColumn("rows", say("issue_rows")),
        TableColumn("example", say("issue_example")),
    ]
    rows = []
    for (severity, rule), issues in sorted(groups.items(), key=lambda g: (g[0][0], -len(g[1]))):
        places = list(dict.fromkeys(p for i in issues if (p := _place(i.sheet, i.row, many=many))))
        listed = say("comma").join(places[:_SHOWN_ROWS]) + ("…" if len(places) > _SHOWN_ROWS else "")
        cells = [
            Cell(say(f"severity_{severity}")),
            Cell(word("rule", rule)),
            Cell(f"{len(issues):,}"),
            Cell(listed),
            Cell(issues[0].message.text(lang())),
        ]
        rows.append(Row(cells))
    show_table(key, columns, rows, dense=True)


def _differences(layer: Layer, file: FileImport, key: str) -> None:
    counts = {action: file.plan.count(action) for action in _ACTIONS}
    _absent(file)
    if not any(counts.values()):
        st.markdown(f":green[✓] {say('import_no_difference')}")
        return
    section(say("import_difference"))
    options = [action for action in _ACTIONS if counts[action]]
    first = "update" if "update" in options else options[0]
    chosen = st.segmented_control(
        say("import_difference"),
        options,
        default=first,
        format_func=lambda a: f"{say(f'import_{a}')} {counts[a]:,}",
        key=f"{key}-action",
        label_visibility="collapsed",
    )
    rows = [row for row in difference(file.plan) if row["action"] == (chosen or first)]
    pager = pager_of(f"{key}-{chosen}", len(rows), _DIFFERENCES)
    columns = [
        TableColumn("place", say("import_place"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
        TableColumn("what", say("history_changes")),
    ]
    listed = []
    for row in rows[pager.start : pager.stop]:
        hold = row["hold"]
        said = [hold.message.text(lang())] if hold else []
        changed = changes_text(layer, row["changes"])
        listed.append(
            Row(
                [
                    Cell(_place(row["sheet"], row["row"], many=True)),
                    Cell(
                        row["code"], href=point_address(layer.id, row["code"]) if chosen == "update" else ""
                    ),
                    Cell(str(row["name"]) if isinstance(row["name"], str) else ""),
                    Cell("\n".join([*said, *([changed] if changed else [])]) or say("import_new_record")),
                ]
            )
        )
    show_table(f"{key}-{chosen}", columns, listed, pager=pager if pager.pages > 1 else None, dense=True)


def _absent(file: FileImport) -> None:
    codes = file.plan.absent
    if not codes:
        return
    notice("warning", say("import_absent", n=len(codes)))
    with st.expander(say("import_absent_list", n=len(codes))):
        more = "…" if len(codes) > _SHOWN_CODES else ""
        st.text(say("comma").join(codes[:_SHOWN_CODES]) + more)


def _rejected(intake: Intake, key: str) -> None:
    if not intake.rejected:
        return
    section(say("import_rejected_title", n=len(intake.rejected)))
    pager = pager_of(key, len(intake.rejected), _DIFFERENCES)
    columns = [
        TableColumn("place", say("import_place"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("why", say("import_why")),
    ]
    rows = [
        Row(
            [
                Cell(_place(row.sheet, row.row, many=True)),
                Cell(row.code or "—"),
                Cell("\n".join(i.message.text(lang()) for i in row.issues if i.severity == "error")),
            ]
        )
        for row in intake.rejected[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


def _headers(layer: Layer, intake: Intake, key: str) -> None:
    left = sum(1 for sheet in intake.sheets for h in sheet.headers if h.how == "left" and h.header)
    guessed = sum(1 for sheet in intake.sheets for h in sheet.headers if h.how == "guessed")
    columns = [
        TableColumn("header", say("header_text")),
        TableColumn("target", say("header_target")),
        TableColumn("how", say("header_how"), "short"),
    ]
    with st.expander(say("import_headers", left=left, guessed=guessed), expanded=bool(guessed)):
        for number, sheet in enumerate(intake.sheets):
            where = sheet.header_row or 0
            st.markdown(
                say(
                    "import_sheet",
                    sheet=escape_markdown(sheet.sheet),
                    row=where,
                    rows=sheet.rows,
                    skipped=sheet.skipped_non_data,
                )
            )
            rows = [
                Row(
                    [
                        Cell(h.header or "—"),
                        Cell(
                            target_title(layer, h.target) if h.target else say("header_ignored"),
                            quiet=not h.target,
                        ),
                        Cell(say(f"how_{h.how}")),
                    ]
                )
                for h in sorted(
                    sheet.headers, key=lambda h: ("guessed", "left", "normalised", "alias").index(h.how)
                )
            ]
            show_table(f"{key}-{number}", columns, rows, dense=True, height=320)


def target_title(layer: Layer, target: str) -> str:
    """Return what a column was understood as, in words."""
    kind, _, rest = target.partition(":")
    if kind == "checklist" and layer.checklist is not None:
        return next(
            (i.title.text(lang()) for i in layer.checklist.items if i.id == rest),
            layer.checklist.title.text(lang()),
        )
    if kind == "contact":
        role, _, part = rest.partition(":")
        title = next((r.title.text(lang()) for r in layer.contacts if r.id == role), role)
        return f"{title} · {say('contact_verified_on' if part == 'verified' else f'contact_{part}')}"
    if target in {"longitude", "latitude", "easting", "northing", "version", "position"}:
        return say(f"target_{target}")
    if kind == "file":
        return say("target_file", title=key_title(layer, rest))
    return key_title(layer, target)


def layer_title(layer_id: str) -> str:
    """Return a layer's title; what the catalogue no longer has keeps its id."""
    layer = workspace().catalog.layers.get(layer_id)
    return layer.title.text(lang()) if layer else layer_id
