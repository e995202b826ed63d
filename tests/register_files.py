"""A workspace with the register of major hazards, and the files of that register as a district keeps them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.catalog.layer_file import read_layer
from tests.cli import riskmap

FILE = Path(__file__).parent / "cases" / "registers" / "major_hazards.toml"
TEXT = FILE.read_text(encoding="utf-8")
LAYER = "major_hazards"


def register():
    """Return the layer of major hazards."""
    return read_layer(TEXT, FILE.name)


def table(name: str) -> Path:
    """Return a file of the register; the test is left out where the test data are not there."""
    folder = os.environ.get("RISKMAP_TEST_DATA")
    path = Path(folder or "") / "registers" / f"{name}.xlsx"
    if not folder or not path.is_file():
        pytest.skip("the test data are not here (RISKMAP_TEST_DATA)")
    return path


def workspace(folder: Path):
    """Make a workspace with the register; return it opened."""
    assert riskmap("init", folder, "--name", "测试区").status == 0
    (folder / "layers" / "major_hazards.toml").write_text(TEXT, encoding="utf-8")
    return open_workspace(folder)


def hazard(code: str = "H1", *, found_on: str = "2026-09-08", **more: object) -> dict[str, object]:
    """Return what somebody states of a new hazard."""
    return {"name": f"隐患{code}", "position": (114.1, 22.6), "found_on": found_on, **more}
