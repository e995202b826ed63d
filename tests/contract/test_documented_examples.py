"""What the documents show runs as written: docstrings, docs/api.md, the notebook, the block of the design."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import shutil
from pathlib import Path

import pytest

import riskmap
import riskmap.district
from tests.analyst_desk import analyst_desk

DOCS = Path(__file__).parents[2] / "docs"
DESIGN = """
import riskmap
d = riskmap.open("data/demo")
d.layers
gdf = d["slopes"].frame(tier=["major", "large"], subdistrict=None, where="坡高 >= 12", as_of=None)
plan = d["slopes"].read("边坡.xls", crs=4547)
plan.accepted, plan.rejected, plan.held, plan.changes
plan.commit(by="…", why="…")
frame = gdf
d["slopes"].edit(frame, by="…", why="…")
d["slopes"].explain("YS-BP-01-00001"); d["slopes"].history("YS-BP-01-00001")
d.assess(by="…", why="…"); d.summary(); d.export("清单.xlsx", layers=["slopes"], tier=["major"])
riskmap.score(gdf, model="models/slopes_matrix.toml")
s = d.scenario(track="路径.csv", rain="雨量.csv", warnings=["台风:橙色"]); s.raised
s.callout, s.evacuation(people="data/demo/data/people.csv").assignments; s.save(by="…", why="…")
looked = d.check()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return analyst_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


def test_the_design_runs_as_written(desk):
    names = {}
    exec(DESIGN, names)
    assert len(names["gdf"])
    assert len(names["plan"].accepted)
    assert len(names["s"].raised)
    assert (desk / "清单.xlsx").is_file()
    assert {"severity", "where", "message", "remedy"} <= set(names["looked"].columns)


def test_every_example_of_the_public_face_runs(desk):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    told = []
    with riskmap.open("data/demo") as d:
        names = {"riskmap": riskmap, "d": d, "formulas": riskmap.formulas}
        for module in (riskmap.district, riskmap.formulas):
            for test in doctest.DocTestFinder().find(module, globs=dict(names)):
                runner.run(test, out=told.append)
    assert runner.tries > 20
    assert not runner.failures, "".join(told)


PUBLIC = [
    riskmap.open, riskmap.create, riskmap.demo, riskmap.score,
    *(
        method
        for each in (riskmap.District, riskmap.LayerView, riskmap.Scenario)
        for name, method in inspect.getmembers(each, inspect.isfunction)
        if not name.startswith("_")
    ),
]  # fmt: skip


@pytest.mark.parametrize("called", PUBLIC, ids=lambda called: called.__qualname__)
def test_a_docstring_of_the_public_face_names_every_parameter(called):
    text = inspect.getdoc(called) or ""
    names = [name for name in inspect.signature(called).parameters if name != "self"]
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert not missing


@pytest.mark.parametrize("name", ["api.md"])
def test_the_blocks_of_a_document_run_one_after_the_other(desk, name):
    blocks = re.findall(
        r"^```python\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) > 5
    names = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


def test_the_notebook_runs_from_its_first_cell_to_its_last(desk, capsys):
    notebook = json.loads((DOCS / "analyst.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    names = {}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"cell {number}", "exec"), names)
