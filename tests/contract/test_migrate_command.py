"""Tiers before and after: two days, two versions, a file; as JSON and as a picture."""

from __future__ import annotations

import datetime as dt
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.records.changes import migrate
from riskmap.actions.records.editing import create_point, edit_point, retire_point
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.errors import CatalogError, ExportError, Text
from riskmap.reports.plots import migration, svg, write_picture
from riskmap.rules.permissions import local_actor
from riskmap.scoring.comparison import ORDER, Side, compared
from riskmap.vocabulary import RANK_OF
from tests.cli import riskmap

WHO = {"by": "测试员", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}
LAYER = "risk_points"
DAY = dt.timedelta(days=1)


def side(ranks, *, codes=None, versions=None, model="m", fit=None):
    n = len(ranks)
    return Side(
        codes or [f"P{i}" for i in range(n)],
        np.array([RANK_OF[r] for r in ranks], dtype=np.uint8),
        np.array(versions or [1] * n),
        model,
        fit,
    )


def test_only_records_on_both_sides_are_compared():
    found = compared(
        side(["low", "low", "major"], codes=["A", "B", "C"]),
        side(["major", "large", "low"], codes=["D", "C", "A"]),
    )
    assert (found.new, found.retired) == (("D",), ("B",))
    assert [(p.code, p.before, p.after) for p in found.points] == [("C", "major", "large")]
    assert found.migration.counts.sum() == 2


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        ({"versions": [2]}, "data"),
        ({"model": "n"}, "model"),
        ({"model": "n", "fit": "f"}, "model"),
        ({"versions": [2], "model": "n"}, "both"),
        ({"fit": "f"}, "fit"),
        ({}, "model"),  # nothing else changed: the program scores otherwise
    ],
)
def test_a_move_names_its_cause(other, cause):
    assert compared(side(["low"]), side(["large"], **other)).points[0].cause == cause


tier_lists = st.lists(st.tuples(st.sampled_from(ORDER), st.sampled_from(ORDER)), max_size=30)


@given(tier_lists)
@settings(max_examples=50)
def test_every_record_is_counted_once_and_back_is_the_mirror(pairs):
    one, other = side([a for a, _ in pairs]), side([b for _, b in pairs])
    there, back = compared(one, other), compared(other, one)
    table, mirror = there.migration.table(), back.migration.table()
    assert sum(sum(row.values()) for row in table.values()) == len(pairs)
    assert all(table[a][b] == mirror[b][a] for a in ORDER for b in ORDER)
    assert there.migration.moved == len(there.points) == sum(a != b for a, b in pairs)


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    for code, consequence in (("A", 1.0), ("B", 15.0), ("C", 40.0)):
        values = {"name": code, "likelihood": 3.0, "exposure": 6.0, "consequence": consequence}
        create_point(made, LAYER, code, values=values, **ACTS)
    assess_layers(made, [LAYER], **ACTS)
    return made


def stricter(root, version="2.0"):
    path = root / "models" / "risk_points_lec.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("major = 320", "major = 200").replace('version = "1.0"', f'version = "{version}"'),
        encoding="utf-8",
    )
    return open_workspace(root)


def run(ws, *words):
    return riskmap("migrate", LAYER, *words, "--json", "--workspace", ws.root)


def test_two_versions_of_a_model_are_compared_on_the_same_records(ws):
    ws = stricter(ws.root)
    document = run(ws, "--from", "1.0", "--to", "2.0").json
    assert document["layer"] == LAYER
    assert document["from"]["version"] == "1.0"
    assert document["to"] == {
        "kind": "model", "model": "risk_points_lec", "version": "2.0",
        "digest": ws.catalog.model_of(LAYER).digest, "records": "now",
    }  # fmt: skip
    assert document["points"] == [{"code": "B", "from": "large", "to": "major", "cause": "model"}]
    assert (document["records"], document["moved"], document["new"], document["retired"]) == (3, 1, 0, 0)
    assert document["counts"]["large"] == {"major": 1, "large": 0, "general": 0, "low": 0, "unrated": 0}
    by_digest = run(ws, "--from", document["from"]["digest"][:8], "--to", document["to"]["digest"]).json
    assert by_digest["points"] == document["points"]
    assert run(ws, "--from", "now", "--to", "2.0").json["points"] == document["points"]


def test_days_are_compared_as_the_ledger_held_them(ws):
    today = dt.datetime.now().astimezone().date()
    edit_point(ws, LAYER, "A", seen=1, changes={"consequence": 100.0}, **ACTS)
    retire_point(ws, LAYER, "C", **ACTS)
    document = run(ws, "--from", str(today - DAY), "--to", "now").json
    assert (document["records"], document["new"], document["retired"]) == (0, 2, 0)
    assert document["from"] == {"kind": "date", "at": str(today - DAY), "digest": None}
    assert run(ws, "--from", str(today)).json["moved"] == 0
    past = run(ws, "--from", "1.0", "--to", "now", "--as-of", str(today - DAY)).json
    assert past["from"]["records"] == str(today - DAY)
    assert past["records"] == 0


def test_a_change_of_data_and_of_model_between_two_states_is_told_apart(ws, tmp_path):
    ws = stricter(ws.root)
    edit_point(ws, LAYER, "A", seen=1, changes={"consequence": 100.0}, **ACTS)
    draft = tmp_path / "draft.toml"
    draft.write_text(
        (ws.root / "models" / "risk_points_lec.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    document = run(ws, "--from", "1.0", "--to", str(draft)).json
    assert {p["code"]: p["cause"] for p in document["points"]} == {"B": "model"}


def test_what_cannot_be_compared_is_refused_with_what_there_is(ws, tmp_path):
    ran = run(ws, "--from", "1.00")
    assert ran.status == 2
    assert "1.0 (" in ran.err
    stricter(ws.root, "1.0")
    ran = run(ws, "--from", "1.0")
    assert ran.status == 2
    assert "2 个文件" in ran.err or "2 files" in ran.err
    assert run(ws, "--from", "2024-13-01").status == 2
    assert run(ws, "--from", str(tmp_path / "none.toml")).status == 2
    alien = tmp_path / "alien.toml"
    text = (ws.root / "models" / "slopes_matrix.toml").read_text(encoding="utf-8")
    alien.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match="a field of layer risk_points"):
        migrate(ws, LAYER, before=str(alien), after="now")


def test_it_writes_nothing_to_the_ledger_and_prints_a_matrix_for_people(ws):
    before = ws.ledger.state
    ran = riskmap("migrate", LAYER, "--from", "1.0", "--workspace", ws.root)
    assert ran.status == 0
    assert ws.ledger.state == before
    assert "未评" in ran.out or "Unrated" in ran.out


# ------------------------------------------------------------------ the picture

# Ten cells of 7 below the diagonal of 300.
COUNTS = {a: {b: 300 if a == b else 7 * (ORDER.index(a) > ORDER.index(b)) for b in ORDER} for a in ORDER}


def drawn(**more):
    given = {
        "title": Text("边坡", "Slopes"),
        "before": "2026-11-01",
        "after": "now",
        "note": Text("注", "note"),
    }
    return migration(COUNTS, **(given | more))


def test_the_picture_holds_every_count_both_titles_and_nothing_from_outside():
    for lang in ("zh", "en"):
        picture = svg(drawn(lang=lang))
        texts = [node.text for node in ET.fromstring(picture).iter() if node.tag.endswith(("text", "tspan"))]
        assert {"边坡", "Slopes"} <= set(texts)
        assert texts.count("300") >= 5
        assert texts.count("7") == 10
        assert f"{sum(sum(r.values()) for r in COUNTS.values()):,}" in texts
        assert not re.search(r"href=|url\(|<script|<image|@import|https?://(?!www.w3.org)", picture)


def test_hostile_texts_are_drawn_and_not_run():
    evil = '<script>alert(1)</script>"\' onload="x" \x00\x08 {{7*7}} ' + "长" * 300
    picture = svg(drawn(title=Text(evil, evil), before=evil, after=evil, note=Text(evil, evil)))
    assert "<script" not in picture
    assert "{{7*7}}" in picture
    root = ET.fromstring(picture)
    assert {node.tag.split("}")[1] for node in root.iter()} <= {
        "svg",
        "g",
        "rect",
        "path",
        "line",
        "text",
        "tspan",
    }
    assert not any(name.startswith("on") for node in root.iter() for name in node.attrib)


def test_an_empty_matrix_can_be_drawn():
    empty = {a: dict.fromkeys(ORDER, 0) for a in ORDER}
    plot = migration(empty, title=Text("空", "empty"), before="a", after="b", note=Text("", ""))
    assert "—" in svg(plot)


def test_a_picture_is_svg_html_or_png_and_whole(ws, tmp_path):
    for ending in ("svg", "html"):
        target = tmp_path / f"m.{ending}"
        assert run(ws, "--from", "1.0", "--picture", str(target)).status == 0
        text = target.read_text(encoding="utf-8")
        assert "<svg" in text
        assert text.startswith("<svg" if ending == "svg" else "<!doctype html>")
    assert run(ws, "--from", "1.0", "--picture", str(tmp_path / "m.png")).status == 0
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ExportError, match=r"\.svg, \.html or \.png"):
        write_picture(tmp_path / "m.gif", drawn(), title="x")
    assert run(ws, "--from", "1.0", "--picture", str(tmp_path / "m.gif")).status == 2


def test_without_the_part_that_draws_a_person_is_told_what_to_install(ws, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    ran = run(ws, "--from", "1.0", "--picture", str(tmp_path / "m.svg"))
    assert ran.status == 2
    assert "riskmap[report]" in ran.err
    assert not (tmp_path / "m.svg").exists()
