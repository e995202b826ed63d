"""What earlier imports left behind: rows that wait, rows to correct, and what can be taken back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import streamlit as st

from riskmap.actions.importing import dismiss_rejected, settle_held
from riskmap.actions.inventory.exporting import write_rejected
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.records.tickets import lacking
from riskmap.actions.rejected_mending import can_be_emptied, mend_rejected
from riskmap.actions.suggestions import FILLABLE, RecordOffer, accept_offers, record_offers
from riskmap.errors import RiskmapError, UnknownNameError
from riskmap.interface import option
from riskmap.io.files.leftovers import mark
from riskmap.ledger import ChangesetInfo, HeldEntry, RejectedEntry
from riskmap.ledger.undoing import UNDOABLE
from riskmap.values.import_plan import RejectedRow
from riskmap.values.records import Features
from riskmap.web.frame import downloads
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages.importing.review import layer_title
from riskmap.web.pages.point.form import Filled, FormStart, draw_fields, open_record
from riskmap.web.widgets.panels import (
    Cell,
    Pager,
    Row,
    TableColumn,
    field_box,
    figure_box,
    pager_of,
    point_address,
    show_offer,
    show_table,
)
from riskmap.web.widgets.signing import Signature, ask_signature, keep_notice, notice, refuse, undo_box
from riskmap.web.widgets.wording import key_title, moment, value_text, word

_PARTS: Final = ("held", "rejected", "offers", "batches", "changes")


_PART: Final = "backlog-part"


_HELD: Final = "backlog-held-chosen"


_UNDO: Final = "backlog-undo-chosen"


_MEND: Final = "backlog-mend-chosen"


_ROWS: Final = 20


_LAST: Final = 200


def backlog() -> None:
    """Draw the part that was chosen; only that one is read."""
    ledger = workspace().ledger
    held, rejected = ledger.held(), ledger.rejected()
    counts = {"held": len(held), "rejected": len(rejected)}
    if st.session_state.get(_PART) not in _PARTS:
        st.session_state[_PART] = next((p for p in ("held", "rejected") if counts[p]), "batches")
    with figure_box("ledger.held", "backlog"), figure_box("ledger.rejected", "backlog"):
        chosen = st.segmented_control(
            say("backlog_title"),
            _PARTS,
            key=_PART,
            format_func=lambda p: say(f"backlog_{p}") + (f" {counts[p]:,}" if counts.get(p) else ""),
            label_visibility="collapsed",
        )
    if chosen == "held":
        with field_box("row", "held"):
            _held(held)
    elif chosen == "rejected":
        with field_box("row", "rejected"):
            _rejected(rejected)
    elif chosen == "offers":
        _offers()
    elif chosen == "changes":
        _changes()
    else:
        _batches()


# Rows that wait
def _held(entries: Sequence[HeldEntry]) -> None:
    if not entries:
        st.caption(say("held_none"))
        return
    st.caption(say("held_lead"))
    pager = pager_of("backlog-held", len(entries), _ROWS)
    columns = [
        TableColumn("act", "", "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("rule", say("issue_rule"), "short"),
        TableColumn("file", say("import_file")),
        TableColumn("why", say("import_why")),
    ]
    rows = [
        Row(
            [
                Cell(say("held_open"), act=f"held:{entry.id}"),
                Cell(entry.code, href=point_address(entry.layer, entry.code)),
                Cell(layer_title(entry.layer)),
                Cell(word("rule", entry.rule)),
                Cell(f"{entry.file} › {entry.sheet}!{entry.row}"),
                Cell(entry.message.text(lang())),
            ]
        )
        for entry in entries[pager.start : pager.stop]
    ]
    act = show_table("backlog-held", columns, rows, pager=_or_none(pager), dense=True)
    if act:
        st.session_state[_HELD] = int(act.partition(":")[2])
    entry = next((e for e in entries if e.id == st.session_state.get(_HELD)), None)
    if entry is not None:
        _settle(entry, entries)


def _settle(entry: HeldEntry, entries: Sequence[HeldEntry]) -> None:
    alike = [e for e in entries if (e.batch, e.rule) == (entry.batch, entry.rule)]
    with st.container(border=True, key="backlog-held-box"):
        notice("info", entry.message.text(lang()))
        _compare(entry)
        how = st.radio(
            say("held_how"),
            ("accept", "decline", "as_code"),
            format_func=lambda h: say(f"held_{h}"),
            key=f"held-how-{entry.id}",
            horizontal=True,
        )
        code = ""
        if how == "as_code":
            code = st.text_input(say("held_new_code"), key=f"held-code-{entry.id}", max_chars=80).strip()
        everything, more = False, _beside(entry) if how == "accept" else None
        if how != "as_code" and len(alike) > 1 and more is None:
            everything = st.checkbox(say("held_alike", n=len(alike)), key=f"held-alike-{entry.id}")
        signature = ask_signature(f"held-{entry.id}")
        if not st.button(say("held_go"), key=f"held-go-{entry.id}", type="primary"):
            return
        if more is not None and more.judged.errors:
            notice("error", say("form_refused", count=len(more.judged.errors)))
            return
        if signature.missing or (how == "as_code" and not code):
            notice("warning", signature.missing or say("held_no_code"))
            return
        try:
            with st.spinner(say("working")):
                chosen = [e.id for e in (alike if everything else [entry])]
                settle_held(
                    workspace(),
                    chosen,
                    accept=how != "decline",
                    by=signature.by,
                    why=signature.why,
                    as_code=code or None,
                    more=None if more is None else {entry.layer: more.changes},
                )
        except RiskmapError as problem:
            refuse(problem)
            return
    st.session_state.pop(_HELD, None)
    keep_notice("success", say("held_done", n=len(chosen)))
    st.rerun()


def _beside(entry: HeldEntry) -> Filled | None:
    """Ask for what the row lacks for the moves that it means; None where it lacks nothing that is stated beside it."""
    fields = lacking(workspace(), entry)
    if not fields:
        return None
    st.caption(say("held_lacking"))
    layer = workspace().catalog.layer(entry.layer)
    return draw_fields(FormStart(layer, f"held-{entry.id}", 0, {}), fields)


def _compare(entry: HeldEntry) -> None:
    layer = workspace().catalog.layer(entry.layer)
    try:
        known: Features | None = one_feature(workspace(), entry.layer, entry.code, contacts=True)
    except UnknownNameError:
        known = None
    stated = {k: v for k, v in entry.stated.items() if v is not None and v != ()}
    now: dict[str, Any] = dict(open_record(layer, known).stated) if known is not None else {}
    columns = [
        TableColumn("key", say("stale_field"), "short"),
        TableColumn("stated", say("held_stated")),
        TableColumn("now", say("held_now")),
    ]
    rows = []
    for key, value in stated.items():
        text, present = value_text(layer, key, value), value_text(layer, key, now.get(key))
        if text != present:
            rows.append(Row([Cell(key_title(layer, key), head=True), Cell(text), Cell(present)]))
    show_table("backlog-compare", columns, rows, dense=True, empty=say("held_same"))


# Rows to correct
def _rejected(entries: Sequence[RejectedEntry]) -> None:
    if not entries:
        st.caption(say("rejected_none"))
        return
    st.caption(say("rejected_lead"))
    batches: dict[tuple[str, int], list[RejectedEntry]] = {}
    for entry in entries:
        batches.setdefault((entry.file, entry.batch), []).append(entry)
    files = [(file, batch, tuple(e.row for e in group)) for (file, batch), group in batches.items()]
    rejected_download("backlog-rejects", files)
    pager = pager_of("backlog-rejected", len(entries), _ROWS)
    columns = [
        TableColumn("file", say("import_file")),
        TableColumn("place", say("import_place"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("at", say("history_at"), "short"),
        TableColumn("why", say("import_why")),
        TableColumn("act", "", "short"),
    ]
    rows = [
        Row(
            [
                Cell(entry.file),
                Cell(f"{entry.row.sheet}!{entry.row.row}"),
                Cell(entry.row.code or "—"),
                Cell(layer_title(entry.layer)),
                Cell(moment(entry.at)),
                Cell(
                    "\n".join(
                        _as_here(i.message.text(lang())) for i in entry.row.issues if i.severity == "error"
                    )
                ),
                Cell(say("rejected_mend"), act=f"mend:{entry.id}"),
            ]
        )
        for entry in entries[pager.start : pager.stop]
    ]
    act = show_table("backlog-rejected", columns, rows, pager=_or_none(pager), dense=True)
    if act:
        st.session_state[_MEND] = int(act.partition(":")[2])
    chosen = next((entry for entry in entries if entry.id == st.session_state.get(_MEND)), None)
    if chosen is not None:
        _mend(chosen)
    _empty(entries)
    _dismiss(entries)


def _mend(entry: RejectedEntry) -> None:
    """One row in the browser: what is to stand in its bad cells; nothing leaves a cell empty."""
    row = entry.row
    at = [i for i in (row.bad or range(len(row.cells))) if i < len(row.cells)]
    with st.container(border=True, key="backlog-mend-box"):
        notice("info", "\n".join(i.message.text(lang()) for i in row.issues if i.severity == "error"))
        texts: dict[str, str | None] = {}
        for i in at:
            header, text = row.cells[i]
            key = f"mend-{entry.id}-{i}"
            texts[header] = st.text_input(
                header or "—", value=text or "", key=key, help=say("rejected_mend_empty"), max_chars=2000
            )
        signature = ask_signature(f"mend-{entry.id}", reason_hint=say("rejected_mend_why"))
        if not st.button(say("rejected_mend_go"), key=f"mend-go-{entry.id}", type="primary"):
            return
        if signature.missing:
            notice("warning", signature.missing)
            return
        _let_in([entry.id], texts, signature)


def _empty(entries: Sequence[RejectedEntry]) -> None:
    """Every row that only optional cells keep out, at one click: these cells are left empty."""
    layers = workspace().catalog.layers
    free = [e.id for e in entries if e.layer in layers and can_be_emptied(layers[e.layer], e.row)]
    if not free:
        return
    with st.container(border=True, key="backlog-empty-box"):
        st.markdown(say("rejected_empty_lead", n=len(free)))
        signature = ask_signature("rejected-empty", reason_hint=say("rejected_mend_why"))
        if not st.button(say("rejected_empty_go", n=len(free)), key="rejected-empty-go"):
            return
        if not signature.name:
            notice("warning", signature.missing)
            return
        _let_in(free, None, replace(signature, why=signature.why or say("rejected_empty_why")))


def _let_in(rows: Sequence[int], cells: dict[str, str | None] | None, signature: Signature) -> None:
    try:
        with st.spinner(say("working")):
            done = mend_rejected(workspace(), rows, cells=cells, by=signature.by, why=signature.why)
    except RiskmapError as problem:
        refuse(problem)
        return
    st.session_state.pop(_MEND, None)
    tone = "warning" if done.rejected else "success"
    keep_notice(tone, say("rejected_mended", accepted=done.accepted, rejected=done.rejected))
    st.rerun()


def _dismiss(entries: Sequence[RejectedEntry]) -> None:
    with st.expander(say("rejected_dismiss")):
        st.caption(say("rejected_dismiss_lead"))
        titles = {e.id: f"{e.file} › {e.row.sheet}!{e.row.row} {e.row.code or ''}" for e in entries}
        chosen = st.multiselect(
            say("rejected_which"),
            list(titles),
            format_func=titles.__getitem__,
            placeholder=say("rejected_which_hint"),
            key="rejected-which",
        )
        signature = ask_signature("rejected-dismiss")
        if not st.button(say("rejected_dismiss_go"), key="rejected-dismiss-go", disabled=not chosen):
            return
        if signature.missing:
            notice("warning", signature.missing)
            return
        try:
            dismiss_rejected(workspace(), chosen, by=signature.by, why=signature.why)
        except RiskmapError as problem:
            refuse(problem)
            return
    keep_notice("success", say("rejected_dismissed", n=len(chosen)))
    st.rerun()


def rejected_download(key: str, files: Sequence[tuple[str, int | None, tuple[RejectedRow, ...]]]) -> None:
    """Offer rejected rows as a workbook: the sheets as they came, bad cells marked."""
    count = sum(len(rows) for _, _, rows in files)
    mark = (key, count, tuple(batch for _, batch, _ in files))
    kept = st.session_state.get(f"{key}-file")
    if kept is None or kept[0] != mark:
        with st.spinner(say("working")):
            name = downloads.file_name(say("rejected_file"), "xlsx")
            kept = st.session_state[f"{key}-file"] = (mark, name, _workbook(files))
    _, name, content = kept
    show_offer(key, say("rejected_download", n=count), name, lambda: content)


def _workbook(files: Sequence[tuple[str, int | None, tuple[RejectedRow, ...]]]) -> bytes:
    folder = Path(tempfile.mkdtemp(prefix=f"riskmap{mark()}"))
    try:
        write_rejected(folder / "rejected.xlsx", files)
        return (folder / "rejected.xlsx").read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# What records lack and the ledger could add
def _offers() -> None:
    ws = workspace()
    st.caption(say("offers_lead"))
    layer = st.columns([1, 2])[0].selectbox(
        say("list_layer"), list(ws.catalog.layers), format_func=layer_title, key="offers-layer"
    )
    with st.spinner(say("working")):
        offered = record_offers(ws, layer)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("offer", say("import_offer")),
    ]
    key = f"backlog-offers-{layer}"
    pager = pager_of(key, len(offered), _ROWS)
    rows = [
        Row([Cell(one.code, href=point_address(layer, one.code)), Cell(one.say.text(lang()))])
        for one in offered[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=_or_none(pager), dense=True, empty=say("offers_none"))
    if offered:
        _accept(layer, offered)


def _accept(layer: str, offered: Sequence[RecordOffer]) -> None:
    """Write all offers of one field but those that are left out, as one changeset."""
    left = st.multiselect(
        say("offers_leave"),
        [one.code for one in offered],
        placeholder=say("rejected_which_hint"),
        key=f"offers-leave-{layer}",
    )
    signature = ask_signature(f"offers-{layer}", reason_hint=say("offers_why"))
    counts = {f: [o for o in offered if o.field == f and o.code not in left] for f in FILLABLE}
    with st.container(horizontal=True):
        asked = [
            field
            for field, some in counts.items()
            if some and st.button(say(f"import_fill_{field}", n=len(some)), key=f"offers-{layer}-{field}")
        ]
    if not asked:
        return
    if signature.missing:
        notice("warning", signature.missing)
        return
    taken = counts[asked[0]]
    try:
        with st.spinner(say("working")):
            done = accept_offers(workspace(), layer, taken, by=signature.by, why=signature.why)
    except RiskmapError as problem:
        refuse(problem)
        return
    said = "".join(f"\n{one.text(lang())}" for one in done.warnings[:_ROWS])
    keep_notice("success", say("offers_done", n=len(taken)) + said)
    st.rerun()


# What was done
def _batches() -> None:
    batches = workspace().ledger.batches(limit=_LAST)
    pager = pager_of("backlog-batches", len(batches), _ROWS)
    names = ("rows", "inserted", "updated", "unchanged", "held", "rejected", "skipped_non_data")
    columns = [
        TableColumn("at", say("history_at"), "short"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("file", say("import_file")),
        TableColumn("who", say("history_who"), "short"),
        *(TableColumn(name, say(f"batch_{name}"), "number", values=True) for name in names),
    ]
    rows = [
        Row(
            [
                Cell(moment(b.at)),
                Cell(layer_title(b.layer)),
                Cell(b.file),
                Cell(b.who),
                *(Cell(f"{getattr(b, name):,}", quiet=not getattr(b, name)) for name in names),
            ]
        )
        for b in batches[pager.start : pager.stop]
    ]
    show_table("backlog-batches", columns, rows, pager=_or_none(pager), dense=True, empty=say("batches_none"))


def _changes() -> None:
    changes = workspace().ledger.changesets(limit=_LAST)
    pager = pager_of("backlog-changes", len(changes), _ROWS)
    columns = [
        TableColumn("at", say("history_at"), "short"),
        TableColumn("kind", say("history_kind"), "short"),
        TableColumn("who", say("history_who"), "short"),
        TableColumn("why", say("history_why")),
        TableColumn("what", say("changes_what")),
        TableColumn("act", "", "short"),
    ]
    rows = [
        Row(
            [
                Cell(moment(c.at)),
                Cell(word("kind", c.kind)),
                Cell(c.who),
                Cell(c.why),
                Cell(_what(c)),
                _undo_cell(c),
            ]
        )
        for c in changes[pager.start : pager.stop]
    ]
    act = show_table("backlog-changes", columns, rows, pager=_or_none(pager), dense=True)
    if act:
        st.session_state[_UNDO] = int(act.partition(":")[2])
    chosen = next((c for c in changes if c.id == st.session_state.get(_UNDO)), None)
    if chosen is not None:
        with st.container(border=True, key="backlog-undo-box"):
            notice(
                "info",
                say("undo_lead", what=f"{moment(chosen.at)} {word('kind', chosen.kind)} {_what(chosen)}"),
            )
            undo_box(f"undo-{chosen.id}", chosen.id, forget=_UNDO)


def _what(change: ChangesetInfo) -> str:
    numbers = [f"{word('count', key)} {n:,}" for key, n in change.counts.items() if n]
    return say("list_separator").join([*change.files, *numbers])


def _undo_cell(change: ChangesetInfo) -> Cell:
    if change.undone_by is not None:
        return Cell(say("changes_undone"), quiet=True)
    return Cell(say("changes_undo"), act=f"undo:{change.id}") if change.kind in UNDOABLE else Cell()


def _or_none(pager: Pager) -> Pager | None:
    return pager if pager.pages > 1 else None


def _as_here(message: str) -> str:
    """Return a message that the ledger keeps, which the command line may have written, as it reads on a page."""
    return message.replace("--crs", option("crs", lang()))
