"""The public face: frames with real types, plans, edits, scenarios, and scores without a ledger."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import riskmap
from riskmap.errors import DatumError, RiskmapError, SelectionError, UnknownNameError
from tests.analyst_desk import SLOPES, analyst_desk
from tests.prepare_workspace import bulletin, people, prepare_workspace, rain, written

WHO = {"by": "王五", "why": "测试"}
MODELS = {
    "risk_points": "risk_points_lec", "slopes": "slopes_matrix", "underground_spaces": "underground_margin",
    "waterlogging": "waterlogging_depth", "forest_fire_grids": "forest_fire_grid", "shelters": "shelter_fitness",
}  # fmt: skip
CODE, OTHER = "YS-BP-01-00001", "YS-BP-01-00002"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return analyst_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def d(made, tmp_path):
    with riskmap.open(shutil.copytree(made / "data" / "demo", tmp_path / "demo")) as district:
        yield district


@pytest.fixture(scope="module")
def seen(made):
    with riskmap.open(made / "data" / "demo") as district:
        yield district


def row(values, code=CODE):
    return pd.DataFrame({key: [value] for key, value in values.items()}, index=[code], dtype=object)


# Names


def test_every_promised_name_is_there_and_no_other(seen):
    assert set(riskmap.__all__) <= set(dir(riskmap))
    assert all(getattr(riskmap, name) is not None for name in riskmap.__all__)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        riskmap.nothing_like_it  # noqa: B018
    assert isinstance(seen, riskmap.District)
    assert isinstance(seen["slopes"], riskmap.LayerView)
    assert issubclass(riskmap.StaleRevisionError, riskmap.RiskmapError)
    assert (Path(riskmap.__file__).parent / "py.typed").is_file()


def test_an_unknown_layer_names_the_known_ones(seen):
    with pytest.raises(UnknownNameError, match="slopes"):
        seen["slope"]


# Frames


def test_a_frame_has_real_types(seen):
    frame = seen["slopes"].frame()
    kinds = {
        "tier": "category", "subdistrict": "category", "stability": "category", "height_m": "float64",
        "score": "float64", "deformation": "boolean", "threatened_people": "Int64", "version": "int64",
        "surveyed_on": "datetime64[s]", "updated_at": "datetime64[s, UTC]",
    }  # fmt: skip
    assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert frame.index.name == "code"
    assert frame.index.is_unique
    assert frame.crs.to_epsg() == 4490
    assert list(frame["tier"].cat.categories) == ["low", "unrated", "general", "large", "major"]
    assert frame["tier"].cat.ordered
    assert frame.attrs["units"]["height_m"] == "m"


def test_titles_of_choices_are_reachable(seen):
    slopes = seen["slopes"]
    titles = slopes.choices("stability")
    shown = slopes.frame()["stability"].cat.rename_categories(titles)
    assert set(shown.dropna()) <= set(titles.values())
    assert slopes.choices("stability", lang="en")["unstable"] == "Unstable"
    with pytest.raises(UnknownNameError, match="height_m"):
        slopes.choices("stabilty")


@pytest.mark.parametrize("layer", MODELS)
def test_a_frame_says_what_select_says(seen, layer):
    from riskmap.actions.inventory.listing import make_selection, select_json

    document = select_json(seen._ws, make_selection(seen._ws, layers=[layer]))
    frame = seen[layer].frame()
    assert list(frame.index) == [one["code"] for one in document["features"]]
    for (code, cells), one in zip(frame.iterrows(), document["features"], strict=True):
        if one["state"] is None:  # no risk: a grade instead
            assert cells["grade"] == (one["grade"] or "ungraded")
        else:
            assert cells["tier"] == (one["tier"] or "unrated")
        assert cells["version"] == one["version"]
        for field, value in one["fields"].items():
            cell = cells[field]
            if value is None:
                assert pd.isna(cell), (code, field)
            elif isinstance(cell, dt.date):
                assert cell.date().isoformat() == value
            else:
                assert cell == value, (code, field)
        items = [name for name in frame.columns if name.startswith("checklist.")]
        marks = [None if pd.isna(cells[name]) else bool(cells[name]) for name in items]
        assert marks == list(one.get("checklist") or [None] * len(items))


def test_a_frame_is_what_was_asked_for(seen):
    slopes, every = seen["slopes"], seen["slopes"].frame()
    street = every["subdistrict"].iloc[0]
    chosen = slopes.frame(tier=["major", "large"], subdistrict=street, where="坡高 >= 12")
    assert list(chosen.index) == list(
        every[
            every["tier"].isin(["major", "large"])
            & (every["subdistrict"] == street)
            & (every["height_m"] >= 12)
        ].index
    )
    west, south, east, north = every.total_bounds
    half = shapely.box(west, south, (west + east) / 2, north)
    assert list(slopes.frame(within=half).index) == list(every[every.intersects(half)].index)
    assert len(slopes.frame(as_of="2001-01-01")) == 0
    # A condition's today is the day that is asked for.
    assert len(slopes.frame(as_of="2999-01-01", where="updated_at < today")) == len(every)
    with pytest.raises(RiskmapError, match="2024-12-31"):
        slopes.frame(as_of="yesterday")
    with pytest.raises(SelectionError, match="major"):
        slopes.frame(tier="majr")


def test_an_unlocated_record_has_no_geometry(d):
    d["slopes"].edit(row({"geometry": riskmap.CLEAR}), **WHO)
    frame = d["slopes"].frame()
    assert frame.loc[CODE, "geometry"] is None
    assert frame["geometry"].isna().sum() == 1
    assert frame.loc[CODE, "flags"] == ("unlocated",)


# Edits


def test_a_frame_edited_as_it_came_writes_nothing(d):
    state = d._ws.ledger.state
    for layer in d.layers:
        assert d[layer].edit(d[layer].frame(), **WHO).empty
    assert d._ws.ledger.state == state


def test_an_edit_is_one_changeset_with_its_tiers(d):
    slopes = d["slopes"]
    frame = slopes.frame().iloc[:5].copy()
    frame["height_m"] = 39.0
    frame["surveyed_on"] = pd.Timestamp("2026-10-01")
    frame["threatened_people"] = pd.array([7] * 5, "Int64")
    before = d._ws.ledger.state
    done = slopes.edit(frame.drop(columns=["tier", "score"]), **WHO)
    assert list(done.index) == list(frame.index)
    told = slopes.history(CODE)
    assert told["changeset"].max() == before + 1
    after = slopes.frame().loc[frame.index]
    assert (after["height_m"] == 39).all()
    assert (after["surveyed_on"] == pd.Timestamp("2026-10-01")).all()
    assert (after["threatened_people"] == 7).all()
    assert after["score"].tolist() == [slopes.explain(code).score for code in after.index]


def test_nothing_stated_erases_nothing_and_clear_erases(d):
    slopes = d["slopes"]
    held = slopes.frame().loc[CODE, "height_m"]
    for nothing in (None, np.nan, pd.NA, pd.NaT):
        assert slopes.edit(row({"height_m": nothing}), **WHO).empty
    assert slopes.frame().loc[CODE, "height_m"] == held
    assert slopes.edit(row({"height_m": riskmap.CLEAR}), **WHO).tolist() == [2]
    assert np.isnan(slopes.frame().loc[CODE, "height_m"])


def test_a_stale_row_is_refused_with_both_sides_and_nothing_is_written(d):
    slopes = d["slopes"]
    mine = slopes.frame().loc[[CODE, OTHER], ["height_m", "version"]].copy()
    slopes.edit(row({"height_m": 31.0}), by="赵六", why="先改")
    mine["height_m"] = [32.0, 33.0]
    state = d._ws.ledger.state
    with pytest.raises(riskmap.StaleRevisionError) as refused:
        slopes.edit(mine, **WHO)
    (stale,) = refused.value.rows
    assert (stale.code, stale.seen, stale.current) == (CODE, 1, 2)
    assert (stale.mine["height_m"], stale.theirs["height_m"]) == (32.0, 31.0)
    assert d._ws.ledger.state == state


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"height": 12}, "height_m"),
        ({"tier": "major"}, "major"),
        ({"score": 99.0}, "99"),
        ({"version": 1.5}, "1.5"),
    ],
)
def test_what_cannot_be_edited_is_refused(d, values, named):
    with pytest.raises(RiskmapError, match=named):
        d["slopes"].edit(row(values), **WHO)


def test_a_code_that_is_not_there_is_named(d):
    with pytest.raises(UnknownNameError, match="NOWHERE"):
        d["slopes"].edit(row({"height_m": 3}, "NOWHERE"), **WHO)


def test_a_geometry_is_transformed_or_refused(d):
    slopes = d["slopes"]
    moved = slopes.frame().loc[[CODE], ["geometry"]]
    moved["geometry"] = moved.translate(0.001, 0)
    want = moved.geometry.iloc[0]
    assert slopes.edit(moved.to_crs(4547), **WHO).tolist() == [2]
    assert slopes.frame().loc[CODE, "geometry"].distance(want) < 1e-7
    with pytest.raises(DatumError, match="set_crs"):
        slopes.edit(pd.DataFrame({"geometry": [want]}, index=[CODE]), **WHO)


STATED = st.fixed_dictionaries(
    {
        "height_m": st.floats(0, 60).map(lambda x: round(x, 2)),
        "threatened_people": st.integers(0, 300),
        "deformation": st.booleans(),
        "surveyed_on": st.dates(dt.date(2020, 1, 1), dt.date(2026, 11, 1)).map(pd.Timestamp),
        "stability": st.sampled_from(["unstable", "less_stable", "stable"]),
    }
)


@given(stated=STATED)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_is_edited_is_read_back(d, stated):
    slopes = d["slopes"]
    frame = slopes.frame().loc[[OTHER]].drop(columns=["tier", "score"])
    for name, value in stated.items():
        frame[name] = pd.array([value], dtype=frame[name].dtype)
    slopes.edit(frame, **WHO)
    after = slopes.frame().loc[OTHER]
    assert {name: after[name] for name in stated} == stated


def test_a_polygon_is_edited_and_read_back(d):
    grids = d["forest_fire_grids"]
    assert grids.geometry == "polygon"
    mine = grids.frame()[["geometry"]].iloc[:1]
    mine["geometry"] = [mine.geometry.iloc[0].convex_hull.simplify(0.0001).buffer(-0.0002)]
    assert len(grids.edit(mine, **WHO)) == 1
    assert grids.frame().geometry.iloc[0].equals(mine.geometry.iloc[0])


def test_personal_fields_are_masked_and_a_mask_erases_nothing(tmp_path):
    root = riskmap.create(tmp_path / "ws").root
    with (root / "layers" / "slopes.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[fields]]\nid = "owner"\ntitle = { zh = "业主姓名", en = "Owner" }\ntype = "text"\npersonal = true\n'
        )
    d = riskmap.open(root)
    d["slopes"].read(
        written(tmp_path, "a.csv", "编号,经度,纬度,业主姓名\nA,114.1,22.5,张三丰\n"), crs="cgcs2000"
    ).commit(**WHO)
    frame = d["slopes"].frame()
    assert frame.loc["A", "owner"] == "张*"
    assert d["slopes"].edit(frame, **WHO).empty
    held = d._ws.ledger.features("slopes").records
    assert held.values["owner"] == ["张三丰"]  # noqa: PD011 - records, not a frame


# Plans


def test_a_plan_writes_nothing_and_commits_one_changeset(tmp_path):
    d = riskmap.create(tmp_path / "ws")
    state = d._ws.ledger.state
    plan = d["slopes"].read(SLOPES, crs=4547)
    counts = plan.to_dict()
    assert d._ws.ledger.state == state
    assert len(plan.accepted) == counts["accepted"]
    assert len(plan.rejected) == counts["rejected"]
    assert len(plan.held) == counts["held"]
    assert len(plan.issues) == len(counts["issues"])
    assert isinstance(plan.accepted, gpd.GeoDataFrame)
    changeset = plan.commit(**WHO)
    assert changeset == d._ws.ledger.state
    assert len(d["slopes"].frame()) == counts["inserted"]
    again = d["slopes"].read(SLOPES, crs=4547)
    assert again.counts["unchanged"] == counts["inserted"]
    assert again.changes.empty


def test_a_plan_shows_what_would_change(d, tmp_path):
    file = tmp_path / "s.csv"
    d.export(file, layers="slopes")
    d["slopes"].edit(row({"height_m": 33.0}, OTHER), **WHO)
    plan = d["slopes"].read(file)
    assert plan.held.index.tolist() == [OTHER]
    assert plan.held.loc[OTHER, "rule"] == "stale_version"


def test_a_plan_that_the_ledger_has_overtaken_is_refused(d, tmp_path):
    file = tmp_path / "s.csv"
    d.export(file, layers="slopes")
    d["slopes"].edit(row({"height_m": 20.0}), **WHO)
    plan = d["slopes"].read(file)
    d["slopes"].edit(row({"height_m": 22.0}), **WHO)
    with pytest.raises(riskmap.StaleRevisionError):
        plan.commit(**WHO)


def test_a_datum_that_is_not_declared_is_refused(tmp_path):
    d = riskmap.create(tmp_path / "ws")
    with pytest.raises(DatumError):
        d["slopes"].read(written(tmp_path, "x.csv", "编号,经度,纬度\nA,114.1,22.5\n"))


# Summary, export, assessment


def test_the_summary_is_the_documents(seen):
    found = seen.summary()
    assert found.adds_up
    assert found.differences.empty
    assert found.to_dict()["total"] == found.total == found.layers["total"].sum()
    others = found.to_dict()["others"]
    frames = pd.concat([seen[layer].frame()["tier"] for layer in seen.layers if layer not in others])
    assert {layer: len(seen[layer].frame()) for layer in others} == {k: v["count"] for k, v in others.items()}
    assert frames.value_counts()[list(found.tiers)].to_dict() == found.tiers


def test_an_unmasked_export_needs_a_person_and_a_reason(d, tmp_path):
    with pytest.raises(RiskmapError, match="原因|reason"):
        d.export(tmp_path / "x.csv", layers="slopes", unmasked=True)
    done = d.export([tmp_path / "a.csv", tmp_path / "a.gpkg"], layers="slopes", unmasked=True, **WHO)
    assert done.rows == 123
    assert all(file.is_file() for file in done.files)


# Scores without a ledger


@pytest.mark.parametrize("layer", MODELS)
def test_a_score_without_a_ledger_is_the_ledgers(made, seen, layer):
    frame = seen[layer].frame()
    scored = riskmap.score(frame, model=made / "models" / f"{MODELS[layer]}.toml")
    assert isinstance(scored, gpd.GeoDataFrame)
    for name in ("score", "missing", "rules"):
        pd.testing.assert_series_equal(scored[name], frame[name])
    if "tier" in frame:
        pd.testing.assert_series_equal(scored["tier"], frame["tier"])
    else:  # no risk: the ledger calls what the model says a grade
        assert list(scored["tier"].cat.codes) == list(frame["grade"].cat.codes)


def test_a_score_of_titles_is_that_of_ids(made, seen):
    slopes = seen["slopes"]
    frame = slopes.frame()
    titled = frame.assign(stability=frame["stability"].cat.rename_categories(slopes.choices("stability")))
    model = made / "models" / "slopes_matrix.toml"
    assert riskmap.score(titled, model=model)["score"].equals(riskmap.score(frame, model=model)["score"])


def test_an_impossible_value_counts_as_missing_and_is_said(made):
    model = made / "models" / "risk_points_lec.toml"
    frame = pd.DataFrame({"likelihood": [-5.0], "exposure": [6.0], "consequence": [15.0]}, index=["A"])
    with pytest.warns(UserWarning, match="风险点 › A › .*-5 小于下限"):
        scored = riskmap.score(frame, model=model)
    assert scored.loc["A", "tier"] == "unrated"
    assert scored.loc["A", "missing"] == ("likelihood",)
    with pytest.warns(UserWarning, match="高 不是数值"):
        assert riskmap.score(frame.assign(likelihood=["高"]), model=model).loc["A", "tier"] == "unrated"
    with pytest.raises(RiskmapError, match="exposure"):
        riskmap.score(pd.DataFrame({"a": [1]}), model=model)


def test_a_model_that_no_layer_names_asks_for_its_layer(made, tmp_path):
    model = tmp_path / "models" / "mine.toml"
    model.parent.mkdir()
    text = (made / "models" / "risk_points_lec.toml").read_text(encoding="utf-8")
    model.write_text(text.replace('id = "risk_points_lec"', 'id = "mine"'), encoding="utf-8")
    frame = pd.DataFrame({"likelihood": [10.0], "exposure": [10.0], "consequence": [100.0]})
    with pytest.raises(UnknownNameError, match="layer="):
        riskmap.score(frame, model=model)
    scored = riskmap.score(frame, model=model, layer=made / "layers" / "risk_points.toml")
    assert scored["tier"].tolist() == ["major"]


# Scenarios


@pytest.fixture
def storm(tmp_path):
    d = riskmap.District(prepare_workspace(tmp_path / "ws"))
    files = {
        "track": written(tmp_path, "t.csv", bulletin()),
        "rain": written(tmp_path, "r.csv", rain()),
        "warnings": ["台风:橙色"],
    }
    return d, files, written(tmp_path, "p.csv", people(("H1", 3), ("H2", 2)))


def test_a_scenario_says_what_the_kept_one_says(storm):
    from riskmap.actions.episode.duty import callout_view
    from riskmap.actions.episode.playback import evacuation_of
    from riskmap.actions.episode.playback import storm as kept
    from riskmap.json_documents import plain

    d, files, table = storm
    s = d.scenario(**files)
    state = len(d._ws.ledger.scenarios())
    raised, callout, evacuation = s.raised, s.callout, s.evacuation(people=table, crs="cgcs2000")
    assert len(d._ws.ledger.scenarios()) == state == 0
    number = s.save(**WHO)
    held = kept(d._ws, number)
    assert [(one.escalation.layer, one.escalation.code) for one in held.worst] == list(
        zip(raised["layer"], raised["code"], strict=True)
    )
    assert [one.escalation.rank_to for one in held.worst] == raised["to"].cat.codes.tolist()
    lines = callout_view(d._ws, number, now=held.scenario.at).callout.lines
    assert [line.code for line in lines] == callout["code"].tolist()
    assert [len(line.gaps) for line in lines] == [len(gaps) for gaps in callout["gaps"]]
    assert evacuation.to_dict() == plain(evacuation_of(d._ws, held, table, crs="cgcs2000"))
    assert evacuation.people == evacuation.placed + evacuation.unplaced == 5
    assert evacuation.assignments["people"].sum() == evacuation.placed


def test_a_scenario_shows_places_and_hides_phones(storm):
    d, files, _ = storm
    s = d.scenario(**files)
    assert s.raised.crs.to_epsg() == 4490
    slopes = s.raised[s.raised["layer"] == "slopes"].set_index("code")
    assert slopes.loc["BP1", "geometry"].equals(d["slopes"].frame().loc["BP1", "geometry"])
    assert (s.raised["expiry"] > s.raised["start"]).all()
    phones = [phone for people_ in s.callout["contacts"] for _, _, phone in people_]
    assert phones
    assert all("*" in phone for phone in phones)
    assert len(s.unknown)
    assert not set(s.unknown["code"]) & set(s.raised["code"])
    assert len(s.escalations) >= len(s.raised)


def test_people_who_are_not_given_are_not_nobody(storm):
    d, files, _ = storm
    with pytest.raises(RiskmapError, match="people="):
        d.scenario(**files).evacuation()


# Formulas


def test_every_formula_states_units_and_source():
    for name in riskmap.formulas.NAMES:
        told = getattr(riskmap.formulas, name)
        assert name == "FORMULAS" or (callable(told) and told.__doc__.strip())
    for formula in riskmap.formulas.FORMULAS.values():
        assert formula.source
        assert all(parameter.title.zh for parameter in formula.parameters.values())
    runoff = riskmap.formulas.FORMULAS["scs_runoff"]
    assert (runoff.unit, runoff.parameters["rain"].unit) == ("mm", "mm")
    assert runoff({"rain": 100.0, "curve_number": 75.0}) == riskmap.formulas.scs_runoff(100.0, 75.0)
    with pytest.raises(AttributeError, match="phrenology"):
        riskmap.formulas.phrenology  # noqa: B018
