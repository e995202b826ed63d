"""The demo district of seed 1 with 600 points: every command that reads it, one drill, every export."""

from __future__ import annotations

from riskmap.io.writers import export_formats
from tests.golden.world import WHO, World

LAYERS = ("risk_points", "slopes", "underground_spaces", "waterlogging", "forest_fire_grids", "shelters")


def demo(world: World) -> None:
    """Make the district and keep what its commands say."""
    words = ("--demo", "--points", 600, "--seed", 1, *WHO)
    world.keep("init", "init", world.ws, *words, alone=True)
    world.keep("summary-unrated", "summary")
    world.keep("assess", "assess", *WHO)
    world.keep("summary", "summary")
    world.keep("changes", "changes")
    world.keep("tier-changes", "tier-changes")
    world.keep("held", "held")
    world.keep("rejected", "rejected")
    world.keep("uncertainty", "uncertainty")
    world.keep("uncertainty-weights", "uncertainty", "slopes", "--weights", 0.1, "--draws", 50, "--seed", 3)
    world.keep("residual", "residual")
    world.keep("coverage", "coverage")
    world.keep("sensitivity", "sensitivity", "slopes", "--seed", 1)
    for layer in LAYERS:
        _one_layer(world, layer)
    _drill(world)
    for ending in export_formats():
        _exported(world, ending)
    world.keep("report-list", "report", "--list")
    for template in ("weekly", "inventory"):
        _written(world, template)


def _one_layer(world: World, layer: str) -> None:
    found = world.keep(f"select-{layer}", "select", layer)
    tiers = {f["tier"] or f.get("grade") or "unrated": f["code"] for f in found["features"]}
    for tier, code in sorted(tiers.items()):  # the last record of each tier or grade
        world.keep(f"explain-{layer}-{tier}", "explain", layer, code)
    world.keep(f"history-{layer}", "history", layer, next(iter(tiers.values())))


def _drill(world: World) -> None:
    world.keep("prepare-drill", "prepare", "--made-storm", "--drill", "--title", "演习", *WHO)
    world.keep("scenarios", "scenarios")
    world.keep("callout", "callout", 1)
    world.keep("after", "after", 1)


def _exported(world: World, ending: str) -> None:
    world.keep_files(f"export-{ending}", "export", "--to", world.folder / f"demo.{ending}")


def _written(world: World, template: str) -> None:
    file = world.folder / f"{template}.docx"
    world.keep(
        f"report-{template}-command", "report", template, "--number", "演应急〔2026〕1号", "--to", file
    )
    world.hold_file(f"report-{template}", file)
