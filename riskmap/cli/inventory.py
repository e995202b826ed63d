"""Commands that list and export: select, export.

Commands about scores: assess, explain, summary.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    ContactsOption,
    EngineOption,
    JsonOption,
    LayersArgument,
    SchedulerOption,
    StateOption,
    StoreOption,
    SubdistrictOption,
    TierOption,
    WhereOption,
    WhyOption,
    WithinOption,
    WorkbookOption,
    WorkspaceOption,
    app,
    echo,
    past,
    person,
    print_json,
    reason,
    selected,
    split,
    tell_outdated,
    tell_past,
    watched,
)

if TYPE_CHECKING:
    from riskmap.actions.workspace import Workspace
    from riskmap.selection import Selection
    from riskmap.vocabulary import Tier


def _tell_state(ws: Workspace, as_of: date | None, layers: Iterable[str] = ()) -> None:
    """Say on stderr where tiers are outdated by now, or whose ledger of the past was read."""
    if as_of is None:
        tell_outdated(ws, layers)
    else:
        tell_past(ws, as_of)


@app.command()
def select(
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    retired: Annotated[bool, typer.Option("--retired")] = False,
    with_children: Annotated[list[str] | None, typer.Option("--with-children", metavar="LAYER")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """List the records that a filter selects."""
    from riskmap.actions.inventory.listing import select_json
    from riskmap.actions.inventory.retired import retired_json
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    at = past(as_of)
    selection = selected(ws, layers, tier, state, subdistrict, where, within, at)
    if retired:
        document = retired_json(ws, selection, as_of=at, with_children=with_children or ())
    else:
        document = select_json(ws, selection, as_of=at, with_children=with_children or ())
    if not retired or at is not None:
        _tell_state(ws, at, selection.layers)
    if any(one.get("readings", {}) is None for one in document["features"]):
        echo(
            "注意：读数文件读不出来，传感器的状态不明；见 riskmap check",
            "note: the readings cannot be read, how the sensors stand is not known; see riskmap check",
            err=True,
        )
    if as_json:
        print_json(document)
        return
    n = document["count"]
    if retired:
        echo(f"已注销 {n} 条（不计入任何合计）", f"{n} retired records (in no total)")
    else:
        echo(f"共 {n} 条", f"{n} records")
    for feature in document["features"][:100]:
        names = ("layer", "code", "name", "subdistrict", *_standing(feature), "score")
        cells = [feature.get(name) for name in names]
        if retired:
            how = feature["retired"]
            cells += [how["at"], how["who"], how["why"]]
        typer.echo("\t".join("" if cell is None else str(cell) for cell in cells))
        for child in (one for some in feature.get("with", {}).values() for one in some):
            typer.echo("  + " + "\t".join(child[name] or "" for name in ("layer", "code", "name")))


def _standing(feature: dict[str, Any]) -> tuple[str, ...]:
    return ("grade",) if feature["state"] is None else ("tier",)


@app.command("list")
def list_command(
    name: Annotated[str | None, typer.Argument(metavar="LIST")] = None,
    to: WorkbookOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """The lists that are files, or what one of them holds."""
    from riskmap.actions.inventory import record_lists
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if name is None:
        _tell_lists(record_lists.lists_json(ws, LANG), as_json=as_json)
        return
    at = past(as_of)
    found = record_lists.listed(ws, record_lists.list_named(ws, name), as_of=at)
    document = record_lists.listed_json(ws, found, LANG)
    if to is not None:
        record_lists.write_listed(ws, found, to, LANG)
        document["file"] = str(to)
    _tell_state(ws, at, found.list.layers)
    if as_json:
        print_json(document)
        return
    n = document["count"]
    echo(f"{document['list']['title']}：{n} 条", f"{document['list']['title']}: {n} records")
    for group in document["groups"] or ():
        typer.echo(f"  {group['title']}\t{group['count']}")
    if to is not None:
        typer.echo(str(to))
        return
    typer.echo("\t".join(one["title"] for one in document["columns"]))
    for row in found.rows[:100]:
        typer.echo("\t".join(record_lists.cell_words(ws, row, one, LANG) for one in found.columns))


def _tell_lists(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for one in document["lists"]:
        count = "—" if one["count"] is None else one["count"]
        typer.echo(f"{one['id']}\t{one['title']}\t{count}")
        for problem in one["problems"]:
            typer.echo(f"  ✗ {problem}", err=True)


@app.command()
def export(
    to: Annotated[list[Path], typer.Option("--to", metavar="FILE")],
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    contacts: ContactsOption = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Export a classified inventory."""
    from riskmap.actions.inventory.exporting import export_selection
    from riskmap.actions.inventory.listing import summarise
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    at = past(as_of)
    selection = selected(ws, layers, tier, state, subdistrict, where, within, at)
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        document = export_selection(
            ws,
            selection,
            to,
            as_of=at,
            unmasked=contacts,
            by=who,
            why=because,
            lang=LANG,
            progress=progress,
        )
    _tell_state(ws, at, selection.layers)
    if as_json:
        print_json(document)
    else:
        for file in document["files"]:
            echo(f"{file['path']}：{file['rows']} 条", f"{file['path']}: {file['rows']} records")
        if not document["adds_up"]:
            _say_sums(ws, at, summarise(ws, as_of=at), selection)
    raise typer.Exit(0 if document["adds_up"] else 1)


@app.command("map")
def map_file(
    to: Annotated[Path, typer.Option("--to", metavar="FILE")],
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    paper: Annotated[Literal["A4", "A3"] | None, typer.Option("--paper")] = None,
    scale: Annotated[int | None, typer.Option("--scale", min=100, max=10_000_000)] = None,
    grey: Annotated[bool, typer.Option("--grey")] = False,
    contacts: ContactsOption = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Write the map: one sheet to print, or one file for a browser."""
    from riskmap.actions.inventory.map_files import Look, write_map
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    at = past(as_of)
    selection = selected(ws, layers, tier, state, subdistrict, where, within, at)
    look = Look(paper, scale, grey)
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        done = write_map(
            ws,
            selection,
            to,
            as_of=at,
            look=look,
            unmasked=contacts,
            by=who,
            why=because,
            lang=LANG,
            progress=progress,
        )
    _tell_state(ws, at, selection.layers)
    if as_json:
        without = {"unlocated": done.unlocated} if done.unlocated else {}
        file = {"path": str(done.path), "format": done.format, "rows": done.rows, **without}
        print_json({"files": [file], "figures": [one.as_json(LANG) for one in done.figures]})
    else:
        echo(f"{done.path}：共 {done.rows} 条", f"{done.path}: {done.rows} records")
        if done.unlocated:
            echo(
                f"另有 {done.unlocated} 条无坐标，这种文件放不下",
                f"{done.unlocated} more have no position, which such a file cannot hold",
            )


def _tiers_of_pages(text: str | None) -> tuple[Tier, ...]:
    """Return the tiers whose risks have a page each: of major,large; none for no such page."""
    from riskmap.actions.inventory.atlas import ALL, BAD
    from riskmap.errors import RiskmapError
    from riskmap.interface import option

    words = tuple(split(text))
    if not words:
        return ALL.points
    if words == ("none",):
        return ()
    if unknown := [word for word in words if word not in BAD]:
        raise RiskmapError(
            f"{option('points')} {'、'.join(unknown)}：应为 {','.join(BAD)} 中的几个，或 none",
            f"{option('points', 'en')} {', '.join(unknown)}: expected some of {','.join(BAD)}, or none",
        )
    return tuple(tier for tier in BAD if tier in words)


@app.command()
def atlas(
    to: Annotated[Path, typer.Option("--to", metavar="FILE.pdf")],
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    paper: Annotated[Literal["A4", "A3"] | None, typer.Option("--paper")] = None,
    grey: Annotated[bool, typer.Option("--grey")] = False,
    streets: Annotated[bool, typer.Option("--streets/--no-streets")] = True,
    points: Annotated[str | None, typer.Option("--points", metavar="TIER,…|none")] = None,
    contacts: ContactsOption = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Print the map as a book: overview, sub-districts, bad risks one by one, index."""
    from riskmap.actions.inventory.atlas import Pages, write_atlas
    from riskmap.actions.inventory.map_files import Look
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    at = past(as_of)
    selection = selected(ws, layers, tier, state, subdistrict, where, within, at)
    pages = Pages(streets, _tiers_of_pages(points))
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        done = write_atlas(
            ws,
            selection,
            to,
            pages=pages,
            as_of=at,
            look=Look(paper, grey=grey),
            unmasked=contacts,
            by=who,
            why=because,
            lang=LANG,
            progress=progress,
        )
    _tell_state(ws, at, selection.layers)
    if as_json:
        file = {"path": str(done.path), "format": done.format, "rows": done.rows, "pages": done.pages}
        print_json({"files": [file], "figures": [one.as_json(LANG) for one in done.figures]})
    else:
        echo(
            f"{done.path}：共 {done.rows} 条，{done.pages} 页",
            f"{done.path}: {done.rows} records on {done.pages} pages",
        )


@app.command()
def assess(
    layers: LayersArgument = None,
    engine: EngineOption = "numpy",
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Score every point into a tier."""
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    who, because = person(by), reason(why)
    from riskmap.actions.records.scoring import assess_layers_on

    with watched(as_json=as_json) as progress:
        document = assess_layers_on(
            ws,
            layers or (),
            engine=engine,
            scheduler=scheduler,
            by=who,
            why=because,
            lang=LANG,
            progress=progress,
        )
    if as_json:
        print_json(document)
    for item in [] if as_json else document["layers"]:
        title = ws.catalog.layer(item["layer"]).title.text(LANG)
        t = item["tiers"]
        if ws.catalog.layer(item["layer"]).counts != "risk":
            _say_grades(ws, title, item)
            continue
        echo(
            f"{title}：重大 {t['major']}、较大 {t['large']}、一般 {t['general']}、低 {t['low']}、未评 {item['unrated']}"
            f"（等级或得分有变化 {item['changed']}）",
            f"{title}: major {t['major']}, large {t['large']}, general {t['general']}, low {t['low']}, "
            f"unrated {item['unrated']} (changed {item['changed']})",
        )
    for item in document.get("refused", ()):
        title = ws.catalog.title(item["layer"]).text(LANG)
        echo(
            f"{title}：没有评估，等级未变：{item['message']}",
            f"{title}: not assessed, tiers unchanged: {item['message']}",
            err=True,
        )
    raise typer.Exit(1 if "refused" in document else 0)


def _say_grades(ws: Workspace, title: str, item: dict[str, Any]) -> None:
    from riskmap.actions.workspace.snapshots import current_snapshot
    from riskmap.selection import Selection, counts
    from riskmap.vocabulary import GRADES, STANDINGS, TIER_TITLES

    found = counts(current_snapshot(ws), Selection(layers=(item["layer"],))).array.sum(axis=(0, 2))
    grades = [(grade, int(found[STANDINGS.index(grade)])) for grade in GRADES.values()]
    zh = "、".join(f"{TIER_TITLES[grade].zh} {n}" for grade, n in grades)
    en = ", ".join(f"{TIER_TITLES[grade].en.lower()} {n}" for grade, n in grades)
    echo(
        f"{title}（不计入等级）：{zh}（有变化 {item['changed']}）",
        f"{title} (no risk): {en} (changed {item['changed']})",
    )


@app.command()
def explain(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Why this point has this tier."""
    from riskmap.actions.records.certainty import certainty_json, point_certainty
    from riskmap.actions.records.scoring import explain_point, explanation_json, one_feature, tier_basis
    from riskmap.cli.certainty import beside_the_tier
    from riskmap.cli.common import open_workspace
    from riskmap.moments import local_now

    ws = open_workspace(workspace, store)
    basis = tier_basis(ws, layer, one_feature(ws, layer, code))
    document = explanation_json(explain_point(ws, layer, code, basis=basis))
    document |= certainty_json(point_certainty(ws, layer, code, on=local_now().date(), basis=basis))
    if as_json:
        print_json(document)
        return
    from riskmap.texts import field_title, limit_text, value_text
    from riskmap.vocabulary import TIER_TITLES

    definition, model = ws.catalog.layer(layer), basis.model
    titles = {key: title.text(LANG) for key, title in model.titles.items()}

    def title(field: str) -> str:
        return field_title(definition, field, LANG)

    def value(field: str, of: object) -> str:
        return value_text(definition, field, of, LANG) or "—"

    standing = document["tier"] or document.get("grade") or definition.standing(None)
    tier = TIER_TITLES[standing].text(LANG)
    name, score = model.title.text(LANG), "—" if document["score"] is None else f"{document['score']:g}"
    echo(
        f"{code}：{tier}，得分 {score}（{name}，版本 {model.version}）",
        f"{code}: {tier}, score {score} ({name}, version {model.version})",
    )
    made, adopted = document["made_by"], document["adopted"]
    if None not in (made, adopted) and made != adopted:
        echo(
            f"等级由版本 {made['version']} 评出；现用版本为 {adopted['version']}，可用 riskmap assess {layer} 重新评估",
            f"version {made['version']} made the tier; {adopted['version']} is in use now: riskmap assess {layer}",
        )
    for part in document["contributions"]:
        typer.echo(
            f"  {title(part['field'])}：{value(part['field'], part['value'])}\t{part['contribution']:+.4g}"
        )
    for part in document["parts"]:
        number = "—" if part["value"] is None else f"{part['value']:g}"
        echo(f"  分项 {part['zh']}：{number}", f"  part {part['en']}: {number}")
    missing = [title(field) for field in document["missing"]]
    rules = [titles.get(str(rule), str(rule)) for rule in document["rules"]]
    gates = [titles.get(str(gate), str(gate)) for gate in document["gates"]]
    fit = document["reference"].get("fit")
    if fit:
        rows, at, digest = fit["rows"], str(fit["at"])[:10], str(fit["digest"])[:12]
        echo(
            f"得分是与本图层 {rows} 条记录比较得出的相对位置（{at} 的评估，{digest}）",
            f"the score is a place among the {rows} records of this layer (assessed {at}, {digest})",
        )
    if missing:
        echo(f"缺少：{'、'.join(missing)}", f"missing: {', '.join(missing)}")
    if gates:
        echo(f"限级条件：{'、'.join(gates)}", f"gates: {', '.join(gates)}")
    if rules:
        echo(f"直接判定：{'、'.join(rules)}", f"direct rules: {', '.join(rules)}")
    for step in document["nearest"]:
        field, now, then = (
            step["field"],
            value(step["field"], step["value"]),
            limit_text(definition, step["field"], step["to"], LANG),
        )
        tier = TIER_TITLES[step["tier"]].text(LANG)
        echo(
            f"  若{title(field)}由 {now} 变为 {then}，等级变为{tier}",
            f"  if {title(field)} went from {now} to {then}, the tier would be {tier}",
        )
    beside_the_tier(document, {measure.id: measure.title.text(LANG) for measure in model.measures})


@app.command()
def summary(
    as_of: AsOfOption = None,
    compare: Annotated[str | None, typer.Option("--compare", metavar="DATE|PUBLICATION")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Counts, and whether they add up."""
    from riskmap.actions.inventory.listing import summarise
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    at, published = past(as_of), None
    if compare is not None:
        from riskmap.io.files.publications import Publications

        published = compare if compare in Publications(ws.root).names() else None
    document = summarise(ws, as_of=at, compare=None if published else past(compare))
    if published is not None:
        from riskmap.actions.publishing import summary_compared

        document["compared"] = summary_compared(ws, document, published)
    _tell_state(ws, at)
    if as_json:
        print_json(document)
    else:
        t = document["tiers"]
        echo(
            f"{ws.config.district}：共 {document['total']}；重大 {t['major']}、较大 {t['large']}、一般 {t['general']}、"
            f"低 {t['low']}、未评 {document['unrated']}；退回未改 {document['rejected_rows']} 行",
            f"{ws.config.district}: {document['total']}; major {t['major']}, large {t['large']}, general {t['general']}, "
            f"low {t['low']}, unrated {document['unrated']}; rejected rows open {document['rejected_rows']}",
        )
        for layer_id, layer in document["layers"].items():
            t = layer["tiers"]
            typer.echo(
                f"  {ws.catalog.layer(layer_id).title.text(LANG)}\t{layer['total']}\t"
                + "\t".join(str(t[k]) for k in t)
                + f"\t{layer['unrated']}"
            )
        for layer_id, other in document["others"].items():
            name = ws.catalog.layer(layer_id).title.text(LANG)
            echo(
                f"  {name}\t{other['count']}\t不计入等级与合计",
                f"  {name}\t{other['count']}\tin no tier and no total",
            )
        _say_sums(ws, at, document)
    raise typer.Exit(0 if document["adds_up"] else 1)


@app.command()
def checklist(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    by: Annotated[bool, typer.Option("--by-subdistrict")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Count the items of a checklist: met, expired, lacking, not known."""
    from riskmap.actions.inventory.item_counts import item_counts_json
    from riskmap.cli.common import open_workspace
    from riskmap.selection.checklists import ITEM_STATES

    ws = open_workspace(workspace, store)
    at = past(as_of)
    selection = selected(ws, [layer], None, None, subdistrict, where, None, at)
    document = item_counts_json(ws, layer, selection, as_of=at, lang=LANG)
    _tell_state(ws, at)
    if as_json:
        print_json(document)
        return
    echo(f"共 {document['count']} 条，{document['on']}", f"{document['count']} records, {document['on']}")
    typer.echo("\t".join(("", *(words.text(LANG) for words in ITEM_STATES.values()))))
    for item in document["items"]:
        typer.echo("\t".join((item["title"], *(str(item[state]) for state in ITEM_STATES))))
        for name, found in item["subdistricts"].items() if by else ():
            typer.echo("\t".join(("  " + (name or "—"), *(str(found[state]) for state in ITEM_STATES))))


def _say_sums(
    ws: Workspace, as_of: date | None, summary: dict[str, Any], selection: Selection | None = None
) -> None:
    """Say how the sums stand: the usual unrated calmly, new ones and sums that disagree as what they are."""
    from riskmap.actions.inventory.unrated import disagreeing, newly_unrated, unrated_text
    from riskmap.actions.workspace.snapshots import current_snapshot
    from riskmap.selection import Selection, counts

    for difference in disagreeing(summary):
        echo(
            f"合计不一致：{difference['what']}，应为 {difference['expected']}，实为 {difference['found']}",
            f"does not add up: {difference['what']}, expected {difference['expected']}, found {difference['found']}",
            err=True,
        )
    snapshot, chosen = current_snapshot(ws, as_of=as_of), selection or Selection()
    found = counts(snapshot, chosen)
    if found.unrated:
        new = newly_unrated(ws, snapshot, chosen)
        text = unrated_text(new, total=found.total, unrated=found.unrated, lang=LANG)
        list_them = "riskmap select --state unrated"
        mark = ("注意：", "note: ") if new else ("", "")
        echo(f"{mark[0]}{text}（{list_them}）", f"{mark[1]}{text} ({list_them})", err=bool(new))
