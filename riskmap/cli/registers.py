"""Commands on registers: record, move, work, person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    ContactsOption,
    EvidenceOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    day,
    echo,
    past,
    person,
    print_json,
    read_evidence,
    reason,
    stated_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.actions.records.persons import PersonFound
    from riskmap.actions.workspace import Workspace


@app.command()
def move(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    words: Annotated[list[str], typer.Argument(metavar="CODE... MOVE|STATE")],
    on: Annotated[str | None, typer.Option("--on", metavar="DAY")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    evidence: EvidenceOption = None,
    partial: Annotated[bool, typer.Option("--partial")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Move records of a register to their next state, as one changeset."""
    from riskmap.actions.records.tickets import move_points, stated_in_move
    from riskmap.cli.common import open_workspace
    from riskmap.errors import RiskmapError

    if len(words) < 2:  # noqa: PLR2004 - a code and a move
        raise RiskmapError(
            "请写编号和步骤（或状态），例如 riskmap move major_hazards ZD199 accept",
            "name codes and the move (or state), such as riskmap move major_hazards ZD199 accept",
        )
    ws = open_workspace(workspace, store)
    stated = stated_in_move(ws.catalog.layer(layer), stated_pairs(set_ or ()))
    told = day(on)
    done = move_points(
        ws,
        layer,
        words[:-1],
        words[-1],
        stated=stated,
        on=None if told is None else told.isoformat(),
        evidence=read_evidence(evidence),
        partial=partial,
        by=person(by),
        why=reason(why),
        given_why=why or "",
    )
    if as_json:
        print_json(done.as_json(LANG))
        raise typer.Exit(done.status)
    for code, said in done.moves.refused.items():
        for one in said:
            typer.echo(f"  ✗ {code}：{one.message.text(LANG)}", err=True)
    for code, said in done.moves.warnings.items():
        for one in said:
            typer.echo(f"  ! {code}：{one.message.text(LANG)}", err=True)
    for one in done.moves.moved:
        typer.echo(f"{one.code}\t{one.before} → {one.after}\t{one.on}")
        for new in one.made:
            typer.echo(f"  + {new.layer}\t{new.code}")
    if done.moves.changeset is None:
        echo("没有办理，未写入", "nothing was moved, nothing was written", err=True)
    else:
        n, number = len(done.moves.moved), done.moves.changeset
        echo(
            f"已办理 {n} 件（变更 {number}）；撤销：riskmap undo {number} --why 原因",
            f"moved {n} (changeset {number}); to take it back: riskmap undo {number} --why REASON",
        )
    raise typer.Exit(done.status)


@app.command()
def record(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="MOMENT")] = None,
    crs: Annotated[str | None, typer.Option("--crs", metavar="CRS")] = None,
    make: Annotated[str | None, typer.Option("--make", metavar="ID")] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="LAYER:CODE")] = None,
    file: Annotated[list[Path] | None, typer.Option("--file", metavar="FILE")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Add one record of a register, and the one that is made of it."""
    from riskmap.actions.records.recording import record_one, recorded_json
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    done = record_one(
        ws,
        layer,
        stated_pairs(set_ or ()),
        on=on,
        crs=crs or "",
        make=make or "",
        source=source or "",
        files=read_evidence(file),
        by=person(by),
        why=reason(why),
    )
    if as_json:
        print_json(recorded_json(ws, done, LANG))
        return
    for said in done.warnings:
        typer.echo(f"  ! {said.text(LANG)}", err=True)
    for one in done.records:
        typer.echo(f"{one.layer}\t{one.code}")
    n, number = len(done.records), done.changeset
    echo(
        f"已登记 {n} 条（变更 {number}）；撤销：riskmap undo {number} --why 原因",
        f"recorded {n} (changeset {number}); to take it back: riskmap undo {number} --why REASON",
    )


@app.command()
def work(
    who: Annotated[str | None, typer.Option("--who", metavar="NAME")] = None,
    due: Annotated[int | None, typer.Option("--due", metavar="DAYS", min=0)] = None,
    overdue: Annotated[bool, typer.Option("--overdue")] = False,
    alerts: Annotated[bool, typer.Option("--alerts")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """What is open in the registers: overdue, due soon, to accept, alerts."""
    from riskmap.actions.records.work import overdue_text, work_list
    from riskmap.cli.common import open_workspace, tell_past

    ws = open_workspace(workspace, store)
    then = past(as_of)
    found = work_list(ws, who=who, due=due, overdue=overdue, alerts=alerts, as_of=then)
    if then is not None:
        tell_past(ws, then)
    if as_json:
        print_json(found.as_json())
        return
    for one in found.items:
        record, state = one.record, ws.catalog.layer(one.record.layer).flow
        title = None if state is None else state.state(record.state)
        late = f"+{one.days}" if one.overdue else ""
        name = record.state if title is None else title.title.text(LANG)
        mark = "" if one.mark is None else one.mark.text(LANG)
        cells = (record.layer, record.code, record.name or "", name, record.due or "", late, mark)
        typer.echo("\t".join(cells))
    typer.echo(overdue_text(found).text(LANG), err=True)


@app.command("person")
def one_person(
    who: Annotated[str, typer.Argument(metavar="NAME|CODE|PHONE")],
    phone: Annotated[str | None, typer.Option("--phone", metavar="NEW")] = None,
    old: Annotated[str | None, typer.Option("--old", metavar="PHONE")] = None,
    verified: Annotated[str | None, typer.Option("--verified", metavar="DAY")] = None,
    contacts: ContactsOption = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Who somebody is and what they answer for; a new number, once for all their records."""
    from riskmap.actions.records.persons import (
        change_number,
        find_persons,
        person_json,
        renumbered_text,
    )
    from riskmap.cli.common import open_workspace, tell_past

    ws = open_workspace(workspace, store)
    reason_given = why or "riskmap person"  # the words of the command would write the name down
    if phone is not None:
        told = day(verified)
        done = change_number(
            ws,
            who,
            phone,
            old=old,
            verified_on=None if told is None else told.isoformat(),
            by=person(by),
            why=reason_given,
        )
        if as_json:
            print_json({"changeset": done.changeset, "by_layer": dict(done.by_layer)})
            return
        for said in done.warnings:
            typer.echo(f"  ! {said.text(LANG)}", err=True)
        typer.echo(renumbered_text(ws, done).text(LANG))
        return
    then = past(as_of)
    found = find_persons(ws, who, by=person(by), why=reason_given, unmasked=contacts, as_of=then)
    if then is not None:
        tell_past(ws, then)
    if as_json:
        print_json(person_json(ws, found, masked=not contacts))
        return
    _print_persons(ws, found)


def _print_persons(ws: Workspace, found: Sequence[PersonFound]) -> None:
    from riskmap.actions.records.persons import role_title, standing_of
    from riskmap.texts import value_text
    from riskmap.vocabulary import TIER_TITLES

    register = ws.catalog.by_role("persons")
    for one in found:
        told = {} if register is None or one.code is None else one.stated
        stated = [value_text(register, key, value, LANG) for key, value in told.items() if register]
        n = len({(held.layer, held.code) for held in one.held})
        line = (one.code, one.person.name, one.person.phone, one.subdistrict, "、".join(stated), f"{n}")
        typer.echo("\t".join(cell or "—" for cell in line))
        if one.several:
            echo("  ! 没有号码，可能不止一人", "  ! without a number this may be several persons", err=True)
        for held in one.held:
            standing = standing_of(ws, held)
            tier = "" if standing is None else TIER_TITLES[standing].text(LANG)
            cells = (f"  {held.layer}:{held.code}", held.name or "", role_title(ws, held, LANG), tier)
            typer.echo("\t".join(cells))
