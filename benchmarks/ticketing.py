"""A hundred thousand tickets on the demo district: taken in, and what pages and lists take more than without any."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import riskmap.web
from benchmarks.measure import Line, Spent, say, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.figures import state_of
from riskmap.actions.inventory.listing import list_records, make_selection
from riskmap.actions.shipped_layers import take_layers
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.moments import CLOCK
from riskmap.reports.figures import Engine, bind_figures
from riskmap.selection import counts
from riskmap.values.import_plan import Intake
from riskmap.values.records import Records
from riskmap.web.frame import state

TICKETS = 100_000
REGISTER = "hazards"
PAGE_S, LIST_MS = 1.0, 100.0
TODAY = dt.date(2026, 11, 29)
FIGURES, FIGURES_MS = 60, 50.0
_COUNTED = ('count = "records"', 'count = "records"\nby = "subdistrict"')
_ASKED = (
    (
        REGISTER,
        ("state == found", "state == closed", "due < today", "found_on >= 2025-01-01", "kind == slope"),
        (
            *_COUNTED,
            'distinct = "department"',
            'count = "records"\nby = "state"',
            'count = "records"\nby = "month"\ndate = "found_on"',
        ),
    ),
    (
        "risk_points",
        ("likelihood >= 3", "tier >= general", "state == rated", "consequence > 7", "kind present"),
        (
            *_COUNTED,
            'sum = "people_500m"',
            'mean = "exposure"',
            'max = "likelihood"',
            'count = "records"\nby = "tier"',
            'distinct = "kind"',
        ),
    ),
)
_STATES = ("found", "rectifying", "closed")
_SHARES = (0.1, 0.3, 0.6)


def ticketing(home: Path, _: int) -> list[Line]:
    """Take the tickets in, then open pages and ask lists with and without them."""
    os.environ[CLOCK] = f"{TODAY}T02:00:00Z"
    without = workspace(home, DISTRICT)
    lines: list[Line] = []
    what = f"{TICKETS:,} tickets, {DISTRICT:,} points"
    made = home / "ticketing"
    if not made.exists():
        say(f"  {what}")
        shutil.copytree(without.root, made)
        lines += _take_in(made, what)
    with_them = open_workspace(made)
    for page in ("overview", "work"):
        bare, full = (_opened(ws, page) for ws in (without, with_them))
        more = min(full.cpus) - min(bare.cpus)
        note = f"CPU at best, {min(bare.cpus):.3g} → {min(full.cpus):.3g} s; wall {bare.wall:.3g} → {full.wall:.3g}"
        lines.append(Line(f"page {page}, more than without them, {what}", more, "s", PAGE_S, note))
    for name, ask in _lists(with_them).items():
        took = spent(ask, runs=7)
        note = f"CPU at best; wall {1000 * took.wall:.3g}"
        lines.append(Line(f"{name}, {what}", 1000 * min(took.cpus), "ms", LIST_MS, note))
    return [*lines, _figures(with_them, what)]


def _figures(ws: Workspace, what: str) -> Line:
    """Return what sixty figures take: counts, groups, sums, means, kinds, by month; nothing kept from one run to the next."""
    tables = "".join(
        f'[n{i}]\nover = "{over}"\n{where}{measure}\n'
        for i, (over, where, measure) in enumerate(
            [
                (over, f"where = ['{condition}']\n", measure)
                for over, conditions, measures in _ASKED
                for condition in conditions
                for measure in measures
            ]
        )
    )
    figures = bind_figures([("reports/figures/own.toml", tables, True)], ws.catalog.layers, {})
    assert len(figures.usable) == FIGURES, figures.failed

    def told() -> None:
        engine = Engine(figures, state_of(ws))
        for one in figures.usable:
            engine.value(one)

    took = spent(told, runs=7)
    note = f"CPU at best; wall {1000 * took.wall:.3g}, {1000 * took.walls[0]:.3g} the first time"
    return Line(f"{FIGURES} figures, {what}", 1000 * min(took.cpus), "ms", FIGURES_MS, note)


def _take_in(root: Path, what: str) -> list[Line]:
    take_layers(open_workspace(root), [REGISTER])
    with (root / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[registers]\ntakeover = "{TODAY}"\n')  # the closed ones come in
    ws = open_workspace(root)
    intake = _intake(ws)
    plans: list[object] = []
    planned = spent(lambda: plans.append(ws.ledger.plan_import(intake)), runs=1)
    written = spent(lambda: ws.ledger.commit_import(plans[0], by="benchmark", why="made up"), runs=1)
    return [
        Line(f"{name}, {what}", took.wall, "s", None, str(took))
        for name, took in (("planning their import", planned), ("its commit", written))
    ]


def _intake(ws: Workspace) -> Intake:
    draw = np.random.default_rng(0)
    codes = ws.ledger.features("slopes").records.code
    slopes = [f"slopes:{codes[at]}" for at in draw.integers(0, len(codes), TICKETS)]
    states = draw.choice(_STATES, TICKETS, p=_SHARES).tolist()
    ago = draw.integers(30, 900, TICKETS).tolist()
    found = [(TODAY - dt.timedelta(days=one)).isoformat() for one in ago]
    due = [(TODAY + dt.timedelta(days=int(one))).isoformat() for one in draw.integers(-25, 60, TICKETS)]
    closed = [day if one == "closed" else None for one, day in zip(states, found, strict=True)]
    kinds = draw.choice(("wall", "slope", "pipe", "tree"), TICKETS).tolist()
    nowhere = np.full(TICKETS, np.nan)
    records = Records(
        REGISTER,
        [f"YH-{n:06}" for n in range(TICKETS)],
        [f"隐患 {n}" for n in range(TICKETS)],
        [None] * TICKETS,
        nowhere,
        nowhere,
        None,
        {
            "point": slopes,
            "state": states,
            "found_on": found,
            "due": due,
            "closed_on": closed,
            "kind": kinds,
            "department": [f"单位 {n % 37}" for n in range(TICKETS)],
        },
    )
    return Intake(
        file="made up",
        digest=hashlib.sha256(b"tickets").hexdigest(),
        layer=REGISTER,
        datum="cgcs2000",
        sheets=(),
        rows=TICKETS,
        skipped_non_data=0,
        records=records,
        sheet=["made up"] * TICKETS,
        row=range(1, TICKETS + 1),
        stated_version=None,
        rejected=(),
        issues=(),
    )


def _opened(ws: Workspace, page: str) -> Spent:
    """Return what a page takes as it is opened, its snapshot there."""
    os.environ["RISKMAP_WORKSPACE"] = str(ws.root)
    state.workspace.cache_clear()
    state.signer.cache_clear()

    def opened() -> None:
        at = AppTest.from_file(str(Path(riskmap.web.__file__).parent / "main.py"), default_timeout=300)
        at._page_hash = calc_hash(page)  # noqa: SLF001 - the test driver has no other way to a page by its address
        at.run()
        assert not at.exception, at.exception

    opened()
    return spent(opened, runs=5)


def _lists(ws: Workspace) -> dict[str, Callable[[], object]]:
    now = current_snapshot(ws)
    layers = ws.catalog.layers

    fresh = itertools.count(1)  # a condition that nobody asked for yet: nothing of its answer is kept

    def listed(*where: str, sort: str = "overdue") -> Callable[[], object]:
        def ask() -> object:
            long_ago = dt.date(1900, 1, 1) + dt.timedelta(days=next(fresh))
            asked = [*where, f"due > {long_ago}"] if where else [f"overdue > {next(fresh)}"]
            selection = make_selection(ws, layers=[REGISTER], where=asked)
            return counts(now, selection), list_records(
                now, selection, layers=layers, sort=sort, descending=True
            )

        return ask

    return {
        "list filter, the overdue ones by deadline": listed(),
        "list filter, the open ones by deadline": listed("closed = false"),
        "list filter, a word of several by deadline": listed("kind = slope"),
    }
