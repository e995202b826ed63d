"""What a command loads before it answers, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

import riskmap
from riskmap.actions.records.editing import create_point
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor

WHO = {"by": local_actor("测试员"), "why": "测试"}
LAYER = "risk_points"
_TOLD = """
import sys
from riskmap.cli import main
try:
    main(sys.argv[1:])
except SystemExit as leave:
    assert leave.code in (0, 1), leave.code
print(*sys.modules, file=sys.stderr)
"""
_TILE = """
import sys
from pathlib import Path
from riskmap.selection import Selection, tile
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.actions.workspace import open_workspace
snapshot = current_snapshot(open_workspace(Path(sys.argv[1])))
assert len(tile(snapshot, Selection(tiers=("major",)), 0, 0, 0)) > 4
assert len(tile(snapshot, Selection(), 15, 26769, 14276)) > 4
print(*sys.modules, file=sys.stderr)
"""


def loaded(code, *words):
    """Return the modules that a program has loaded by its end."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True
    )
    return set(ran.stderr.split("\n")[-2].split())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    ws = create_workspace(tmp_path_factory.mktemp("start") / "ws")
    values = {"name": "甲", "position": (114.1, 22.55), "likelihood": 10, "exposure": 10, "consequence": 100}
    create_point(ws, LAYER, "A", values=values, **WHO)
    create_point(ws, LAYER, "B", values={"name": "乙"}, **WHO)  # unrated: the sums name it
    assess_layers(ws, **WHO)
    current_snapshot(ws)
    return ws.root


@pytest.mark.parametrize("module", ["riskmap", "riskmap.cli"])
def test_the_version_is_told_at_once(module):
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, "--version"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == f"riskmap {riskmap.__version__}\n"
    assert not any(f" {name}\n" in ran.stderr for name in ("typer", "numpy", "orjson", "sqlalchemy"))


_LIBRARY = """
import sys, time
start = time.process_time()
import riskmap
assert time.process_time() - start < 0.15
dir(riskmap), riskmap.__version__, riskmap.RiskmapError
print(*sys.modules, file=sys.stderr)
"""


def test_the_library_brings_its_parts_when_they_are_used():
    found = loaded(_LIBRARY)
    assert not found & {"numpy", "pyarrow", "pandas", "geopandas", "sqlalchemy", "pydantic"}


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("summary", "-h"), ("--version", "summary")])
def test_help_needs_neither_numbers_nor_the_ledger(words):
    found = loaded(_TOLD, *words)
    assert "typer" in found
    assert not found & {"numpy", "pyarrow", "pandas", "sqlalchemy"}


_WORD = {"jinja2", "lxml", "docx", "docxtpl"}


def test_only_who_writes_a_document_loads_what_word_files_are_made_with(root):
    library = "import sys, riskmap\nriskmap.District\nprint(*sys.modules, file=sys.stderr)"
    assert not loaded(library) & _WORD
    for words in (
        ("summary", "--workspace", root),
        ("report", "-h"),
        ("report", "--list", "--workspace", root),
    ):
        assert not loaded(_TOLD, *words) & _WORD


@pytest.mark.parametrize(
    "words",
    [
        ("summary",),
        ("select",),
        ("select", LAYER, "--tier", "major", "--json"),
        ("select", "--state", "unrated"),
    ],
)
def test_counts_and_lists_of_a_snapshot_do_without_pandas(root, words):
    found = loaded(_TOLD, *words, "--workspace", root)
    assert "pyarrow" in found
    assert "pandas" not in found


def test_what_only_counts_loads_nothing_that_writes_scores_or_reads_files(root):
    found = loaded(_TOLD, "summary", "--workspace", root)
    assert "riskmap.selection" in found
    rooms = ("riskmap.scoring", "riskmap.io.tables", "riskmap.ledger.editing", "riskmap.ledger.importing")
    assert not found & {*rooms, "riskmap.rules.judge", "scipy", "sqlalchemy.dialects.postgresql"}


def test_covers_and_figures_of_records_load_nothing_of_storms_and_terrain(root, tmp_path):
    storms = {"rasterio", "riskmap.terrain", "riskmap.actions.episode.scenario", "riskmap.demo_district"}
    for words in (("export", "--to", tmp_path / "all.csv"), ("figures", "points.total")):
        found = loaded(_TOLD, *words, "--workspace", root)
        assert "riskmap.reports.figures.engine" in found
        assert not found & storms


def test_a_command_is_made_without_the_others_and_what_is_no_command_finds_its_like(root):
    said = subprocess.run(
        [sys.executable, "-m", "riskmap", "summarise"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 2
    assert "summary" in said.stderr


def test_tiles_of_a_snapshot_do_without_pandas(root):
    found = loaded(_TILE, root)
    assert "pyarrow" in found
    assert "pandas" not in found
