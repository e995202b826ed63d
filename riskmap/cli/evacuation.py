"""Evacuation: who moves where, who is left, what the shelters lack.

Shelters: who reaches how many places.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkbookOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    some_of,
    split,
)
from riskmap.errors import RiskmapError
from riskmap.json_documents import plain

if TYPE_CHECKING:
    from riskmap.actions.records.editing import Recorded
    from riskmap.actions.workspace import Workspace
    from riskmap.values.evacuation import EvacuationPlan, ShelterLoad

_LISTED = 20


@app.command()
def evacuate(
    people: Annotated[Path, typer.Option("--people", metavar="FILE")],
    danger: Annotated[str, typer.Option("--danger", metavar="CODES|FILE")],
    radius: Annotated[float | None, typer.Option("--radius", min=1)] = None,
    whole: Annotated[bool, typer.Option("--whole")] = False,
    roads: Annotated[Path | None, typer.Option("--roads", metavar="FILE")] = None,
    detour: Annotated[float, typer.Option("--detour", min=1)] = 1.3,
    typhoon: Annotated[bool, typer.Option("--typhoon")] = False,
    close: Annotated[str | None, typer.Option("--close", metavar="CODE,..")] = None,
    endangered: Annotated[str | None, typer.Option("--endangered", metavar="CODE,..")] = None,
    replan: Annotated[Path | None, typer.Option("--replan", metavar="PLAN.json")] = None,
    to: WorkbookOption = None,
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    request: Annotated[bool, typer.Option("--request")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Who moves to which shelter, and who is left."""
    from riskmap.actions.episode.evacuation import evacuation, write_lists
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    plan = evacuation(
        ws,
        people,
        danger=_danger(danger),
        crs=crs,
        radius=radius,
        closed=split(close),
        endangered=split(endangered),
        typhoon=typhoon,
        roads=roads,
        whole=whole,
        detour=detour,
        before=replan,
    )
    if to is not None:
        write_lists(ws, plan, to, lang=LANG)
    done = _requested(ws, plan, by, why) if request else None
    if as_json:
        print_json({**plain(plan), "changeset": done.changeset} if done else plan)
    else:
        _show(plan, to)
        _show_beds(plan, done)
    raise typer.Exit(0 if plan.complete else 1)


def _requested(ws: Workspace, plan: EvacuationPlan, by: str | None, why: str | None) -> Recorded:
    """Make the movements of the beds that are offered. RiskmapError where there is nothing to ask."""
    from riskmap.actions.episode.relief_stock import request_beds

    if plan.stock is None:
        raise RiskmapError(
            "没有库存登记册（stock_lines、stock_moves），不能调拨；请先 riskmap layer add stock_lines stock_moves",
            "there is no register of stock (stock_lines, stock_moves) to request of; first riskmap layer add stock_lines "
            "stock_moves",
        )
    return request_beds(ws, plan.stock, by=person(by), why=why or "")


def _show_beds(plan: EvacuationPlan, done: Recorded | None) -> None:
    """Say what the warehouses offer, and what was requested of it."""
    stock = plan.stock
    if stock is None:
        return
    if stock.beds_short:
        echo(
            f"缺床位 {stock.beds_short} 张，仓库可调 {stock.beds_offered} 张，仍缺 {stock.beds_short - stock.beds_offered} 张"
            f"（距离：{'直线' if stock.beds_by == 'straight line' else '沿道路'}）",
            f"{stock.beds_short} beds short; warehouses offer {stock.beds_offered}, "
            f"{stock.beds_short - stock.beds_offered} are still lacking (distance: {stock.beds_by})",
        )
    for one in stock.bed_offers[:_LISTED]:
        typer.echo(
            f"  {one.shelter}\t← {one.warehouse or ''} {one.line}\t{one.beds}/{one.there}\t{one.metres} m"
        )
    if len(stock.bed_offers) > _LISTED:
        echo(f"  …共 {len(stock.bed_offers)} 笔", f"  … {len(stock.bed_offers)} in all")
    for zh, en, codes in (
        (
            "未写床位数、不知缺多少的场所",
            "shelters that state no beds: what they lack is not known",
            stock.beds_not_stated,
        ),
        ("结存或位置不清的库存", "stock of which balance or position is not known", stock.beds_unknown),
    ):
        if codes:
            some = some_of(codes, _LISTED)
            echo(f"  {zh}：{some}", f"  {en}: {some}", err=True)
    if done is not None:
        echo(
            f"已登记 {len(done.records)} 笔出库（变更 {done.changeset}）；撤销：riskmap undo {done.changeset} --why 原因",
            f"{len(done.records)} movements recorded (changeset {done.changeset}); to take them back: riskmap undo "
            f"{done.changeset} --why REASON",
        )
    elif stock.bed_offers:
        echo("  加 --request 登记调拨", "  with --request the movements are recorded", err=True)


def _danger(text: str) -> Path | Sequence[str]:
    path = Path(text)
    try:
        there = path.is_file()
    except OSError:  # a long list of codes is no name that a file can have
        there = False
    from riskmap.io.files.formats import endings

    if there:
        return path
    if path.suffix.lower() in endings():
        raise RiskmapError(f"{text}：没有这个文件；请核对路径", f"{text}: no such file; check the path")
    codes = split(text)
    if not codes:
        raise RiskmapError(
            "--danger 是空的；请写危险区编号或文件", "--danger is empty; name zones by code, or a file"
        )
    return codes


def _show(plan: EvacuationPlan, to: Path | None) -> None:
    used = [s for s in plan.shelters if s.used]
    zh, en = plan.distance_zh, plan.distance
    echo(
        f"应转移 {plan.people} 人，已安排 {plan.placed} 人到 {len(used)} 处场所，"
        f"没有去处 {plan.unplaced} 人（距离：{zh}）",
        f"{plan.people} people must move; {plan.placed} have a place in {len(used)} shelters, "
        f"{plan.unplaced} have none (distance: {en})",
    )
    if (differences := plan.differences) is not None:
        echo(
            f"  与原方案相比：{differences.moved} 人改变去处，{differences.stayed} 人不变",
            f"  against the earlier plan: {differences.moved} people change, {differences.stayed} stay",
        )
    if not plan.optimal:
        least = plan.at_least
        echo(
            f"  整户安排未证明最优：没有去处的不会少于 {least.unplaced} 人，总步行不会少于 {least.person_metres} 人·米"
            f"（现为 {plan.person_metres}）",
            f"  not proven to be the best: no plan leaves fewer than {least.unplaced} people or walks less than "
            f"{least.person_metres} person-metres (this one {plan.person_metres})",
        )
    for one in used[:_LISTED]:
        lack = _lack(one)
        typer.echo(f"  {one.code}\t{one.name or ''}\t{one.used}/{one.capacity}{lack}")
    if len(used) > _LISTED:
        echo(f"  …共 {len(used)} 处", f"  … {len(used)} in all")
    if plan.unplaced_groups:
        codes = some_of([one.group for one in plan.unplaced_groups], _LISTED)
        echo(f"  没有去处：{codes}", f"  without a place: {codes}", err=True)
    for one in plan.incomplete[:_LISTED]:
        typer.echo(f"  ? {one.code}\t{one.why.text(LANG)}", err=True)
    for one in plan.closed_shelters[:_LISTED]:
        typer.echo(f"  ! {one.code}\t{one.why.text(LANG)}", err=True)
    if to is not None:
        echo(f"已写入 {to}", f"wrote {to}")


def _lack(shelter: ShelterLoad) -> str:
    words = [
        text
        for value, text in (
            (
                shelter.beds_gap,
                f"缺床位 {shelter.beds_gap}" if LANG == "zh" else f"beds short {shelter.beds_gap}",
            ),
            (
                shelter.water_gap_l_per_day,
                f"缺水 {shelter.water_gap_l_per_day} L/日"
                if LANG == "zh"
                else f"water short {shelter.water_gap_l_per_day} L/day",
            ),
        )
        if value
    ]
    return "\t" + "，".join(words) if words else ""


@app.command()
def reach(
    people: Annotated[Path, typer.Option("--people", metavar="FILE")],
    crs: Annotated[str | None, typer.Option("--crs")] = None,
    radius: Annotated[float | None, typer.Option("--radius", min=1)] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Shelter places in reach, and who reaches none."""
    from riskmap.actions.terrain.reach import shelter_reach
    from riskmap.cli.common import open_workspace

    found = shelter_reach(open_workspace(workspace, store), people, crs=crs, radius=radius)
    if as_json:
        print_json(found)
        raise typer.Exit(0 if found.complete else 1)
    echo(
        f"人口 {found.people}，可用场所 {len(found.shelters)} 处、容量 {found.places}；"
        f"服务半径内没有场所的 {found.people_unserved} 人（直线距离）",
        f"{found.people} people, {len(found.shelters)} usable shelters with {found.places} places; "
        f"{found.people_unserved} people have none in reach (straight lines)",
    )
    for zh, en, codes in (
        ("够不着场所的人口单元", "groups without a shelter in reach", found.unserved),
        ("没有坐标或人口、未计入", "without a position or a number, not counted", found.incomplete),
    ):
        if codes:
            some = some_of(codes, _LISTED)
            echo(f"  {zh}：{some}", f"  {en}: {some}", err=True)
    for one in found.left_out[:_LISTED]:
        typer.echo(f"  ! {one.code}\t{one.why.text(LANG)}", err=True)
    raise typer.Exit(0 if found.complete else 1)
