"""Before an import is written: where its points would lie, and which tiers would change."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.import_outlook import KINDS, import_effect, import_outlook, planned_places
from riskmap.actions.importing import commit_files, plan_file
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.coordinates import Datum, from_cgcs2000, parse_datum, to_cgcs2000
from riskmap.ledger.store import file_of
from riskmap.rules.shift import moves_of, shift_issue, shift_of
from riskmap.values.records import CLEAR
from riskmap.vocabulary import RANKS
from tests.cli import riskmap
from tests.index_models import head, leaf, node
from tests.ledger_files import ACTS, LAYER, bring, intake, point
from tests.map_workspace import make_workspace

RANK = 'normalise = { method = "percentile_rank" }'
RANKED = (
    head("s")
    + leaf("l", RANK, field="likelihood")
    + leaf("c", RANK, field="consequence")
    + node("s", "mean", ["l", "c"])
)
PLACES = np.column_stack((np.linspace(114.05, 114.15, 40), np.linspace(22.52, 22.58, 40)))


def row(code, likelihood=1.0, **more):
    """A row of the LEC method: 90 × likelihood, so 1 is general, 3 large and 10 major."""
    return point(code, **{"likelihood": likelihood, "exposure": 6.0, "consequence": 15.0} | more)


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(made.ledger, [row("A"), row("B"), row("C", 3.0)])
    assess_layers(made, [LAYER], **ACTS)
    return made


def foretold_and_done(ws, *rows):
    """Return what was said of a file before it was written, and what became of it."""
    file = plan_file(ws, intake(rows))
    before = ws.ledger.state, file_of(ws.store).read_bytes()
    effect = import_effect(ws, file.plan)
    assert (ws.ledger.state, file_of(ws.store).read_bytes()) == before, "looking must write nothing"
    outcome = commit_files(ws, LAYER, [file], **ACTS)
    assert outcome.refused is outcome.unrated is None
    return effect, outcome


def assert_as_foretold(ws, effect, outcome):
    changed = {(c.code, c.before, c.after, c.score_after) for c in outcome.changes if c.before is not None}
    assert {(c.code, c.before, c.after, c.score_after) for c in effect.changes} == changed
    assert effect.first == Counter(c.after for c in outcome.changes if c.before is None)
    layer, found = ws.catalog.layer(LAYER), ws.ledger.features(LAYER)
    ranks = Counter(int(rank) for rank in found.rank)
    assert effect.after == dict.fromkeys(effect.after, 0) | {
        layer.standing(RANKS[rank]): n for rank, n in ranks.items()
    }


@pytest.mark.parametrize(
    "rows",
    [
        [row("A", 10.0), row("B"), row("N", 3.0)],
        [row("A", CLEAR), row("C", 10.0)],
        [row("A"), row("B"), row("C", 3.0)],
        [row("A", 10.0, name="另一处", lon=114.2), row("A", 3.0)],  # held: neither is written
        [{"code": "A", "exposure": 10.0}],
        [],
    ],
)
def test_what_is_foretold_is_what_the_import_then_does(ws, rows):
    effect, outcome = foretold_and_done(ws, *rows)
    assert_as_foretold(ws, effect, outcome)


factor = st.sampled_from([None, CLEAR, 0.5, 1.0, 3.0, 6.0, 10.0])


@settings(max_examples=15)
@given(
    stated=st.dictionaries(
        st.sampled_from(["A", "B", "C", "N1", "N2", "N3"]), st.tuples(factor, factor, factor), max_size=6
    )
)
@pytest.mark.parametrize("assessed", [True, False])
def test_any_file_does_what_was_foretold(tmp_path_factory, assessed, stated):
    made = create_workspace(tmp_path_factory.mktemp("foretold") / "ws")
    bring(made.ledger, [row("A"), row("B"), row("C", 3.0)])
    if assessed:
        assess_layers(made, [LAYER], **ACTS)
    names = ("likelihood", "exposure", "consequence")
    rows = [point(code, **dict(zip(names, values, strict=True))) for code, values in stated.items()]
    effect, outcome = foretold_and_done(made, *rows)
    assert effect.assessed == assessed
    if rows or assessed:
        assert_as_foretold(made, effect, outcome)


@pytest.mark.parametrize("whole", [True, False], ids=["the model is new", "it was fitted before"])
def test_a_model_that_compares_with_the_whole_layer_is_foretold_too(ws, whole):
    file = ws.root / "models" / "risk_points_lec.toml"
    text = RANKED.replace('id = "index"', 'id = "risk_points_lec"')
    file.write_text(text, encoding="utf-8")
    ws = open_workspace(ws.root)
    if not whole:
        assess_layers(ws, [LAYER], **ACTS)
    effect, outcome = foretold_and_done(ws, row("A", 10.0, consequence=99.0), row("N", 2.0))
    assert effect.scored == (4 if whole else 2)
    assert_as_foretold(ws, effect, outcome)


def test_a_change_of_tier_names_what_the_model_reads_of_it_and_the_worst_comes_first(ws):
    file = plan_file(ws, intake([row("C", 10.0, note="别的"), row("A", 10.0), row("B", 3.0)]))
    changes = import_effect(ws, file.plan).changes
    assert [(c.code, c.before, c.after) for c in changes] == [
        ("A", "general", "major"),
        ("C", "large", "major"),
        ("B", "general", "large"),
    ]
    assert changes[1].inputs == {"likelihood": (3.0, 10.0)}
    assert (changes[1].name, changes[1].row) == ("加油站", 0)


def test_a_layer_that_nothing_scores_has_no_effect_and_a_broken_model_says_so(ws, monkeypatch):
    plan = plan_file(ws, intake([row("A", 10.0)])).plan
    monkeypatch.setattr(type(ws.catalog), "to_score", ())
    assert import_effect(ws, plan) is None
    monkeypatch.undo()
    (ws.root / "models" / "risk_points_lec.toml").write_text("id = 3", encoding="utf-8")
    outlook = import_outlook(open_workspace(ws.root), plan)
    assert outlook.effect is None
    assert "risk_points_lec" in str(outlook.refused)
    assert "refused" in outlook.as_json()


# Where the points lie


def planned(ws, places, *, datum="cgcs2000", codes=None):
    """Plan a file with these positions for A0, A1, …, as they were read by the datum it declares."""
    names = codes or [f"A{i}" for i in range(len(places))]
    rows = [row(code, lon=x, lat=y) for code, (x, y) in zip(names, places, strict=True)]
    return plan_file(ws, replace(intake(rows), datum=datum))


@pytest.fixture
def placed(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(made.ledger, [row(f"A{i}", lon=x, lat=y) for i, (x, y) in enumerate(PLACES)])
    return made


def read_as(declared, true, places=PLACES):
    """Return where points come to lie whose numbers are those of one datum and are read as another's."""
    written = from_cgcs2000(*places.T, parse_datum(true))
    return np.column_stack(to_cgcs2000(*written, parse_datum(declared)))


@pytest.mark.parametrize(
    ("declared", "true", "fits"),
    [
        ("wgs84", "gcj02", "gcj02"),
        ("cgcs2000", "bd09", "bd09"),
        ("gcj02", "bd09", "bd09"),
        ("gcj02", "wgs84", "cgcs2000"),
        ("bd09", "gcj02", "gcj02"),
        ("bd09", "cgcs2000", "cgcs2000"),
    ],
)
def test_a_file_in_a_wrong_datum_is_told_apart_and_the_right_one_named(placed, declared, true, fits):
    file = planned(placed, np.round(read_as(declared, true), 6), datum=declared)
    shift = shift_of(file.plan)
    assert (shift.compared, shift.moved, shift.alike, shift.fits) == (40, 40, True, fits)
    assert 300 < shift.median_m < 1700
    (said,) = shift_issue(file.intake, shift)
    assert said in file.issues
    assert f"{shift.median_m:,.0f} 米" in said.message.zh
    assert f"{fits} 重新导入" in said.message.zh


def test_the_way_is_that_of_the_published_offset(placed):
    # GCJ-02 at (114.12, 22.548) is (114.125097604, 22.545309128): 524 m east and 298 m south.
    shift = shift_of(planned(placed, read_as("wgs84", "gcj02"), datum="wgs84").plan)
    assert shift.east_m == pytest.approx(524, abs=12)
    assert shift.north_m == pytest.approx(-298, abs=12)
    assert shift.bearing.zh == "东南"


def test_a_file_that_moved_alike_in_no_known_datum_says_only_that(placed):
    shift = shift_of(planned(placed, PLACES + np.array([0.002, 0.0005]), datum="wgs84").plan)
    assert (shift.alike, shift.fits, shift.bearing.en) == (True, "", "east")
    (said,) = shift_issue(intake([]), shift)
    assert "重新导入" not in said.message.zh


@pytest.mark.parametrize("name", ["surveyed anew", "a few", "one street", "rounded"])
def test_corrections_are_no_wrong_datum(placed, name):
    places, random = PLACES.copy(), np.random.default_rng(3)
    if name == "surveyed anew":
        places += random.normal(0, 0.003, places.shape)
    elif name == "a few":
        places[:2] = read_as("wgs84", "gcj02")[:2]
    elif name == "one street":
        places[:20] = read_as("wgs84", "gcj02")[:20]
    else:
        places = np.round(places, 4)
    file = planned(placed, places, datum="wgs84")
    assert not shift_of(file.plan).alike
    assert not [issue for issue in file.issues if issue.rule == "shifted_datum"]


@settings(max_examples=20)
@given(
    pair=st.sampled_from([("wgs84", "gcj02"), ("gcj02", "bd09"), ("bd09", "wgs84")]),
    noise=st.floats(0, 2e-5),
    share=st.floats(0.85, 1.0),
)
def test_rounding_and_a_few_true_moves_hide_no_wrong_datum(tmp_path_factory, pair, noise, share):
    made = create_workspace(tmp_path_factory.mktemp("shift") / "ws")
    bring(made.ledger, [row(f"A{i}", lon=x, lat=y) for i, (x, y) in enumerate(PLACES)])
    random = np.random.default_rng(11)
    places = read_as(*pair) + random.uniform(-noise, noise, PLACES.shape)
    astray = int(len(places) * (1 - share))
    places[:astray] += random.uniform(-0.02, 0.02, (astray, 2))
    shift = shift_of(planned(made, places, datum=pair[0]).plan)
    assert shift.alike
    assert Datum(shift.fits, "geographic") == parse_datum({"wgs84": "cgcs2000"}.get(pair[1], pair[1]))


def test_nothing_is_compared_where_ledger_and_file_share_no_place(placed):
    assert shift_of(planned(placed, PLACES[:3], codes=["X", "Y", "Z"]).plan) is None
    same = shift_of(planned(placed, PLACES).plan)
    assert (same.compared, same.moved, same.alike) == (40, 0, False)


def test_every_located_row_has_one_kind_and_what_lies_outside_is_drawn_last(tmp_path):
    ws = make_workspace(tmp_path / "ws")
    base = {"name": "孤点major", "subdistrict": "桂园街道"}
    rows = [
        row("NEW", lon=114.12, lat=22.55),
        row("RP-LONE-major", lon=114.112, lat=22.571, **base),
        row("RP-LONE-large", name="孤点large", subdistrict="桂园街道", lon=114.121, lat=22.571),
        row("RP-LONE-low", name="别处", subdistrict="黄贝街道", lon=114.155, lat=22.54),
        row("FAR", lon=113.0, lat=22.55),
        row("NOWHERE", lon=np.nan, lat=np.nan),
    ]
    plan = plan_file(ws, intake(rows)).plan
    places = planned_places(plan, ws.places)
    assert places.counts == {"unchanged": 1, "new": 1, "held": 1, "moved": 1, "outside": 1}
    assert [KINDS[k] for k in places.kind] == list(KINDS)
    packed = places.packed()
    n, m = struct.unpack_from("<II", packed)
    assert (n, m) == (5, len(moves_of(plan).row)) == (5, 2)
    assert len(packed) == 8 + 4 * (2 * n + 4 * m) + n
    lon = np.frombuffer(packed, "<i4", n, 8) / 1e7
    assert lon.tolist() == pytest.approx(places.lon.tolist(), abs=1e-7)
    assert packed[-1] == KINDS.index("outside")


def test_a_dry_run_says_points_and_tiers_and_its_document_keeps_its_names(tmp_path):
    ws = make_workspace(tmp_path / "ws")
    file = tmp_path / "表.csv"
    head_line = "编号,名称,所属街道,经度,纬度,可能性,暴露频率,后果"
    lines = [
        head_line,
        "RP-LONE-general,孤点general,黄贝街道,114.1315,22.571,10,6,15",
        "NEW,新,桂园街道,114.12,22.55,3,6,15",
    ]
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    words = ("import", LAYER, file, "--crs", "cgcs2000", "--dry-run", "--workspace", ws.root)
    told = riskmap(*words)
    assert "重大 1 → 2" in told.out
    assert "可能性L：1 → 10" in told.out
    assert "移动 1" in told.out
    (document,) = riskmap(*words, "--json").json["files"]
    outlook = document["outlook"]
    assert outlook["positions"]["displaced"] == 1
    assert outlook["positions"]["median_m"] == pytest.approx(51.4, abs=0.5)
    assert outlook["effect"]["before"]["major"] + 1 == outlook["effect"]["after"]["major"]
    assert outlook["effect"]["first"] == {"large": 1}
    (change,) = outlook["effect"]["changes"]
    assert change["inputs"] == {"likelihood": [1.0, 10.0]}
    written = riskmap(*(word for word in words if word != "--dry-run"), "--json").json["files"][0]
    assert document.keys() - written.keys() == {"outlook"}


def test_the_terminal_says_first_what_speaks_of_the_whole_file(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    many = np.column_stack((np.linspace(114.05, 114.15, 60), np.linspace(22.52, 22.58, 60)))
    bring(ws.ledger, [row(f"A{i}", lon=x, lat=y) for i, (x, y) in enumerate(many)])
    there = read_as("wgs84", "gcj02", many)
    lines = [f"A{i},{x:.6f},{y:.6f}" for i, (x, y) in enumerate(there)]  # each with a remark of its own
    file = tmp_path / "表.csv"
    file.write_text("\n".join(["编号,经度,纬度", *lines]), encoding="utf-8-sig")
    told = riskmap("import", LAYER, file, "--crs", "wgs84", "--dry-run", "--workspace", ws.root)
    assert "--crs gcj02 重新导入" in told.err.splitlines()[0]
    assert "60 处移动，中位" in told.out
