"""Commands about what stands beside a tier: its probability, what it hangs on, residual risk.

The command that compares the tiers of two days or of two versions of a model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    JsonOption,
    LayersArgument,
    StoreOption,
    WorkspaceOption,
    app,
    day,
    echo,
    past,
    print_json,
)
from riskmap.percentages import percentage, percentages

_SHOWN = 20  # lines for a person; --json gives all


SeedOption = Annotated[int | None, typer.Option("--seed", min=0)]


@app.command()
def uncertainty(
    layers: LayersArgument = None,
    draws: Annotated[int | None, typer.Option("--draws")] = None,
    weights: Annotated[float | None, typer.Option("--weights")] = None,
    seed: SeedOption = None,
    least: Annotated[float, typer.Option("--least")] = 0.05,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """How sure the tiers are."""
    from riskmap.actions.records.certainty import uncertainty_json
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    document = uncertainty_json(ws, layers or (), draws=draws, weights=weights, seed=seed, least=least)
    if as_json:
        print_json(document)
        return
    for item in document["layers"]:
        title = ws.catalog.layer(item["layer"]).title.text(LANG)
        if item["problem"] is not None:
            echo(item["problem"]["zh"], item["problem"]["en"], err=True)
            continue
        if item["method"] is None:
            echo(f"{title}：模型没有写明把握程度", f"{title}: the model states no uncertainty")
            continue
        expected = _tiers({tier: f"{count:.1f}" for tier, count in item["expected"].items()})
        zh = "精确计算" if item["method"] == "exact" else f"抽样 {item['draws']} 次"
        en = "exact" if item["method"] == "exact" else f"{item['draws']} draws"
        echo(
            f"{title}：{item['points']} 个点（{zh}），期望数 {expected}；可能变级 {len(item['flips'])}",
            f"{title}: {item['points']} points ({en}), expected {expected}; {len(item['flips'])} may be of another tier",
        )
        for flip in item["flips"][:_SHOWN]:
            shares = _shares(flip["probabilities"])
            typer.echo(f"  {flip['code']}\t{flip['name'] or ''}\t{_tier(flip['tier'])}\t{shares}")


@app.command()
def sensitivity(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    method: Annotated[str, typer.Option("--method")] = "sobol",
    seed: SeedOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Which factors the score hangs on."""
    from riskmap.actions.records.certainty import sensitivity_json
    from riskmap.cli.common import open_workspace
    from riskmap.texts import field_title

    ws = open_workspace(workspace, store)
    document = sensitivity_json(ws, layer, method=method, seed=1 if seed is None else seed)
    if as_json:
        print_json(document)
        return
    definition = ws.catalog.layer(layer)
    names = ("first", "total") if method == "sobol" else ("mu_star", "sigma")
    for one in document["factors"]:
        numbers = "\t".join(f"{name} {one[name]:.4g}" for name in names)
        typer.echo(f"  {field_title(definition, one['field'], LANG)}\t{numbers}")
    if document["fixed"]:
        fixed = [field_title(definition, field, LANG) for field in document["fixed"]]
        echo(f"取值相同或未填，没有分析：{'、'.join(fixed)}", f"all alike or not stated: {', '.join(fixed)}")


@app.command()
def residual(
    layers: LayersArgument = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE")] = None,
    within: Annotated[int, typer.Option("--within", metavar="DAYS")] = 30,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Residual risk, and measures about to expire."""
    from riskmap.actions.records.certainty import residual_json
    from riskmap.cli.common import open_workspace
    from riskmap.moments import local_now

    ws = open_workspace(workspace, store)
    document = residual_json(ws, layers or (), on=day(on) or local_now().date(), within=within)
    if as_json:
        print_json(document)
        return
    for item in document["layers"]:
        title = ws.catalog.layer(item["layer"]).title.text(LANG)
        if item["problem"] is not None:
            echo(item["problem"]["zh"], item["problem"]["en"], err=True)
            continue
        before, after = _tiers(item["inherent"]), _tiers(item["residual"])
        echo(
            f"{title}：固有 {before}；剩余 {after}；降级 {item['lowered']}",
            f"{title}: inherent {before}; residual {after}; {item['lowered']} lowered",
        )
        titles = {m.id: m.title.text(LANG) for m in ws.catalog.model_of(item["layer"]).measures}
        for one in item["expiring"]:
            back = f"{_tier(one['residual'])} → {_tier(one['then'])}"
            typer.echo(
                f"  {one['expires_on']}\t{one['code']}\t{one['name'] or ''}\t{titles[one['measure']]}\t{back}"
            )


def beside_the_tier(point: dict[str, Any], titles: dict[str, str]) -> None:
    """Print what `explain` says beside the explanation: `point` as in its JSON, `titles` of the measures."""
    from riskmap.scoring.residual import WHY_NOT

    if point["probabilities"] is not None:
        shares = _shares(point["probabilities"])
        how = {"exact": ("精确", "exact"), "sampled": ("抽样", "sampled")}[point["probability_method"]]
        echo(f"各等级概率（{how[0]}）：{shares}", f"probabilities ({how[1]}): {shares}")
    age = "—" if point["age_days"] is None else str(point["age_days"])
    known = percentage(point["completeness"])
    echo(
        f"资料完整度 {known}，距上次更新 {age} 天{'' if point['fresh'] else '（超期）'}",
        f"complete {known}, {age} days old{'' if point['fresh'] else ' (too old)'}",
    )
    left = point["residual"]
    if not left["measures"]:
        return
    echo(f"剩余风险：{_tier(left['tier'])}", f"residual: {_tier(left['tier'])}")
    for one in left["measures"]:
        why = WHY_NOT[one["why_not"]].text(LANG) if one["why_not"] else ""
        state = why or ("有效，至 " if LANG == "zh" else "in force until ") + (one["expires_on"] or "—")
        typer.echo(f"  {titles.get(one['id'], one['id'])}：{state}")


def _tier(tier: str | None) -> str:
    from riskmap.vocabulary import TIER_TITLES

    return TIER_TITLES[tier or "unrated"].text(LANG)


def _tiers(counts: dict[str, Any]) -> str:
    separator = "、" if LANG == "zh" else ", "
    return separator.join(f"{_tier(tier)} {count}" for tier, count in counts.items())


def _shares(shares: dict[str, float]) -> str:
    return _tiers(dict(zip(shares, percentages([*shares.values()]), strict=True)))


_MOVES_SHOWN = 50


@app.command()
def migrate(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    before: Annotated[str, typer.Option("--from", metavar="V")],
    after: Annotated[str, typer.Option("--to", metavar="V")] = "now",
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE")] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Tiers before and after, between days or model versions."""
    from riskmap.actions.records.changes import draw_migration, matrix_lines, migrate, side_text
    from riskmap.cli.common import open_workspace
    from riskmap.scoring.comparison import ORDER
    from riskmap.vocabulary import TIER_TITLES

    ws = open_workspace(workspace, store)
    migrated = migrate(ws, layer, before=before, after=after, as_of=past(as_of))
    if picture is not None:
        draw_migration(ws, migrated, picture, lang=LANG)
    document = migrated.as_json()
    if as_json:
        print_json(document)
        return
    title = ws.catalog.layer(layer).title.text(LANG)
    one, other = side_text(migrated.before, LANG), side_text(migrated.after, LANG)
    echo(
        f"{title}：{one} → {other}；同一批记录 {document['records']} 条，等级变化 {document['moved']} 条，"
        f"新增 {document['new']} 条，注销 {document['retired']} 条",
        f"{title}: {one} → {other}; {document['records']} records on both sides, {document['moved']} moved, "
        f"{document['new']} new, {document['retired']} retired",
    )
    standing = ws.catalog.layer(layer).standing
    for line in matrix_lines(migrated, [TIER_TITLES[standing(tier)].text(LANG) for tier in ORDER]):
        typer.echo(line)
    for point in document["points"][:_MOVES_SHOWN]:
        start, end = (TIER_TITLES[standing(point[side])].text(LANG) for side in ("from", "to"))
        typer.echo(f"  {point['code']}\t{start} → {end}\t{point['cause']}")
    if len(document["points"]) > _MOVES_SHOWN:
        more = len(document["points"]) - _MOVES_SHOWN
        echo(f"  另有 {more} 条，见 --json", f"  {more} more, see --json")
