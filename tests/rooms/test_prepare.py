"""What a track, rain and warnings mean for the records of a small workspace, and the kept scenario."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from riskmap.actions.episode import inputs
from riskmap.actions.episode import scenario as raised_of
from riskmap.actions.episode.hazards_at import _spread
from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.playback import difference, evacuation_of, storm
from riskmap.actions.episode.scenario import body_of, keep, prepare
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RiskmapError
from riskmap.moments import moment_of
from riskmap.values.hazards import IssuedWarning, Series
from riskmap.vocabulary import RANKS
from riskmap.web.frame import state
from riskmap.web.frame.routes import STORM, routes
from riskmap.web.frame.security import Sessions, Signer
from tests.asgi import SESSION, get
from tests.duty_workspace import copied
from tests.ledger_files import ACTS
from tests.prepare_workspace import A, B, bulletin, moment, people, prepare_workspace, rain, written

AT = moment("2024-09-05T02:00")
FOREVER = moment("2024-09-06T02:00")


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """The workspace; tests that write take `own`."""
    return prepare_workspace(tmp_path_factory.mktemp("prepare") / "ws")


@pytest.fixture
def own(ws, tmp_path):
    return copied(ws, tmp_path / "ws")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issued")
    return {
        "track": written(folder, "苏拉.csv", bulletin()),
        "far": written(folder, "偏南.csv", bulletin(shift=-1.5)),
        "rain": written(folder, "雨量.csv", rain()),
        "people": written(folder, "人口.csv", people(("H1", 40), ("H2", 50))),
    }


def dated(kind, colour, *places, expires: np.datetime64 | None = FOREVER):
    return IssuedWarning(kind, colour, AT, places, expires, source="预警.csv")


def raised(found) -> set[str]:
    return {one.code for one in found.escalations}


def seen(found):
    """What an escalation says, without the object around it."""
    return sorted(
        (e.layer, e.code, e.rank_from, e.rank_to, e.trigger, e.cause.zh, str(e.start), str(e.expiry), str(e.value))
        for e in found.escalations
    )  # fmt: skip


def test_a_warning_for_a_subdistrict_raises_its_records_and_those_whose_subdistrict_is_not_known(ws):
    red = partial(Given, at=AT)
    assert raised(prepare(ws, red(warnings=(dated("rainstorm", "red", A),)))) == {"BP1", "NL1", "BP3"}
    assert raised(prepare(ws, red(warnings=(dated("rainstorm", "red", B),)))) == {"BP2", "DX1", "BP3"}
    both = prepare(ws, red(warnings=(dated("rainstorm", "red", A, B),)))
    assert raised(both) == {"BP1", "BP2", "BP3", "NL1", "DX1"}
    said = {one.code: one.cause.zh for one in both.escalations}
    assert "街道未填" in said["BP3"]
    assert not any("街道未填" in said[code] for code in ("BP1", "BP2", "NL1", "DX1"))


def test_a_tier_is_only_ever_raised_and_begins_before_it_ends(ws, files):
    given = Given(tracks=(files["track"],), rain=files["rain"], warnings=(dated("typhoon", "red"),))
    found = prepare(ws, given)
    assert found.escalations
    assert all(one.rank_to > one.rank_from and one.expiry > one.start for one in found.escalations)
    assert "RP5" not in raised(found)  # it is as high as can be: reached, and not raised
    assert "RP5" in {one.code for outcome in found.outcomes.values() for one in outcome.reached}


@pytest.mark.parametrize(
    "at", ["2024-09-02T00:00", "2024-09-05T03:00", "2024-09-05T12:30", "2024-09-12T00:00"]
)
def test_the_moment_looked_at_changes_nothing_of_what_the_data_mean(ws, files, at):
    given = Given(
        tracks=(files["track"],), rain=files["rain"],
        warnings=(dated("typhoon", "orange", B), dated("rainstorm", "red", expires=None)),
    )  # fmt: skip
    plain, moved = prepare(ws, given), prepare(ws, replace(given, at=moment(at)))
    assert seen(moved) == seen(plain)
    assert [one["code"] for one in moved.unknown] == [one["code"] for one in plain.unknown]
    assert [(c.code, c.start, c.expiry) for c in moved.closed] == [
        (c.code, c.start, c.expiry) for c in plain.closed
    ]
    assert moved.at == moment(at)


def test_a_typed_warning_counts_from_the_moment_stated_even_after_the_storm(ws, files):
    typed = IssuedWarning("rainstorm", "red", AT)
    late = moment("2024-09-07T05:00")
    found = prepare(ws, Given(tracks=(files["track"],), warnings=(typed,), at=late))
    assert {e.start for e in found.escalations if e.trigger == "rain_warning"} == {moment_of(late)}
    without = prepare(ws, Given(tracks=(files["track"],), warnings=(typed,)))
    assert {e.start for e in without.escalations if e.trigger == "rain_warning"} == {
        moment_of(without.times[0])
    }


def test_a_typed_warning_before_a_storm_that_is_still_to_come_counts_from_now(ws, files, monkeypatch):
    now = moment("2024-09-03T07:20")
    monkeypatch.setattr(inputs, "now", lambda: now)
    given = Given(tracks=(files["track"],), warnings=(IssuedWarning("typhoon", "orange", AT),), response="IV")
    found = prepare(ws, given)
    assert {one.issued for one in found.warnings} == {now}
    assert now < found.times[0]


def test_a_long_list_of_subdistricts_is_a_warning_and_not_a_file(ws):
    (one,) = Given.stated(ws, warnings=["台风:橙@" + ",".join([A, B] * 60)]).warnings
    assert (one.kind, set(one.subdistricts)) == ("typhoon", {A, B})


def test_what_is_logged_has_happened_except_in_a_drill(own, files, monkeypatch):
    now = moment("2024-09-03T07:20")
    monkeypatch.setattr(inputs, "now", lambda: now)
    for drill, at in ((False, "2024-09-03T07:20"), (True, "2024-09-05T00:00")):
        given = Given(tracks=(files["track"],), response="IV", drill=drill)
        number = keep(own, prepare(own, given), **ACTS)
        (event,) = own.ledger.events(number)
        assert f"{event.at:%Y-%m-%dT%H:%M}" == at


def test_rain_of_stations_raises_slopes(ws, files):
    found = prepare(ws, Given(rain=files["rain"]))
    worst = defaultdict(int)
    for one in found.escalations:
        worst[one.code] = max(worst[one.code], one.rank_to)
    assert (RANKS[worst["BP1"]], RANKS[worst["BP2"]], RANKS[worst["DX1"]]) == ("major", "general", "major")
    by_hand = 30 + 40 + 40  # the most of three hours running, mm
    assert max(one.value for one in found.escalations if one.trigger == "rain_3h") == pytest.approx(by_hand)


def test_missing_rain_is_named_as_unknown_and_never_safe(ws, tmp_path):
    gaps = written(tmp_path, "缺测.csv", rain((0, "缺测", "缺测", "缺测", "缺测", 0, 0, 0)))
    found = prepare(ws, Given(rain=gaps))
    assert not found.escalations
    named = {one["code"]: one["zh"] for one in found.unknown}
    assert {"BP1", "BP2", "BP3", "NL1", "DX1"} <= named.keys()
    assert "雨量" in named["BP1"]


def test_a_station_too_far_away_says_nothing(ws, tmp_path):
    far = written(tmp_path, "远.csv", rain().replace("114.11,22.55", "116.50,23.50"))
    found = prepare(ws, Given(rain=far))
    assert not found.escalations
    assert {"BP1", "BP2", "BP3"} <= {one["code"] for one in found.unknown}


def test_triggers_without_any_data_are_named_and_not_passed_over(ws):
    found = prepare(ws, Given(warnings=(dated("typhoon", "orange"),)))
    assert "rain_3h" in found.outcomes["slopes"].skipped
    assert "wind" in found.outcomes["risk_points"].skipped


def test_a_record_without_a_position_is_unknown_and_still_stands_under_a_warning(ws, files):
    alone = prepare(ws, Given(tracks=(files["track"],)))
    assert "RP4" not in raised(alone)
    assert "风" in next(one["zh"] for one in alone.unknown if one["code"] == "RP4")
    assert "RP4" in raised(
        prepare(ws, Given(tracks=(files["track"],), warnings=(dated("typhoon", "red", B),)))
    )


def test_an_ensemble_lies_between_its_members_in_wind_and_in_rain(ws, files):
    near, far, both = (
        prepare(ws, Given(tracks=tuple(files[name] for name in names)))
        for names in (("track",), ("far",), ("track", "far"))
    )

    def strongest(found, trigger):
        values = [e for e in found.escalations if e.code in {"RP1", "BP1"} and e.trigger == trigger]
        return max((e.value for e in values), default=0.0), max((e.high for e in values), default=0.0)

    assert strongest(far, "wind")[0] < strongest(both, "wind")[0] < strongest(near, "wind")[0]
    assert strongest(both, "wind")[1] == pytest.approx(strongest(near, "wind")[1])
    assert {note.zh for note in near.notes} | {note.zh for note in far.notes} <= {
        note.zh for note in both.notes
    }


def test_a_member_that_ends_early_does_not_hide_what_the_others_say():
    def series(*values):
        one = np.array([values], np.float32).T
        return Series(one, one - 1, one + 1)

    nan = np.nan
    found = _spread([series(20, 20, nan, 8), series(30, nan, nan, 9), series(10, nan, nan, 1)])
    assert found.best[:, 0].tolist()[:2] == [20, 20]
    assert np.isnan(found.best[2, 0])
    assert (found.best[3, 0], found.low[0, 0], found.high[0, 0], found.high[1, 0]) == (8, 9, 31, 21)
    assert _spread([series(20, 5), series(30, 6)]).best[:, 0].tolist() == [25, 5.5]


def test_a_made_up_storm_is_for_drills_alone_and_leaves_no_rain_unknown(ws, files):
    with pytest.raises(RiskmapError, match="drill"):
        prepare(ws, Given(made=True))
    with pytest.raises(RiskmapError, match="自带"):
        prepare(ws, Given(made=True, drill=True, rain=files["rain"]))
    found = prepare(ws, Given(made=True, drill=True, at=moment("2024-09-05T02:20")))
    assert {"RP1", "BP1"} <= raised(found)
    assert not [one for one in found.unknown if "雨" in one["zh"]]
    again = prepare(ws, Given(made=True, drill=True, at=moment("2024-09-05T02:20")))
    assert seen(again) == seen(found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(response="V"), "应急响应 V"),
        (Given(), "至少给一项"),
        (Given(warnings=(dated("typhoon", "red"),), at=moment("2031-09-05T02:00")), "at"),
        (Given(warnings=(dated("typhoon", "red"),), model="holland1979"), "holland1979"),
    ],
)
def test_what_cannot_be_used_is_named(ws, given, words):
    with pytest.raises(RiskmapError, match=words):
        prepare(ws, given)


def test_a_folder_of_rain_rasters_is_taken_and_every_file_of_it_goes_on_record(own, tmp_path):
    folder = tmp_path / "栅格"
    folder.mkdir()
    for hour, mm in ((14, 10.0), (15, 60.0), (16, 60.0), (17, 0.0)):
        _raster(folder / f"rain_20240905{hour}.tif", mm)
    found = prepare(own, Given(rain=folder))
    assert "NL1" in raised(found)
    scenario = own.ledger.scenario(keep(own, found, **ACTS))
    assert next(one["name"] for one in scenario.body["files"]) == "栅格/rain_2024090514.tif"
    assert len({one["digest"] for one in scenario.body["files"]}) == 3  # two hours are alike but for the name


def _raster(path, mm):
    import rasterio
    from rasterio import Affine

    with rasterio.open(
        path, "w", driver="GTiff", width=8, height=8, count=1, dtype="float32", crs="EPSG:4326",
        transform=Affine(0.1, 0, 113.8, 0, -0.1, 22.9),
    ) as out:  # fmt: skip
        out.write(np.full((1, 8, 8), mm, np.float32))
        out.set_band_unit(1, "mm")
        out.update_tags(timezone="+08:00")


@pytest.fixture(scope="module")
def kept(ws, files, tmp_path_factory):
    """A copy with two scenarios: a weak rain first, then the storm with a warning."""
    copy = copied(ws, tmp_path_factory.mktemp("kept") / "ws")
    first = keep(copy, prepare(copy, Given(title="第一次", rain=files["rain"])), **ACTS)
    given = Given(
        title="第二次", tracks=(files["track"],), rain=files["rain"], response="II",
        warnings=(dated("typhoon", "orange", B), dated("rainstorm", "red", A, B)),
    )  # fmt: skip
    return copy, first, keep(copy, prepare(copy, given), **ACTS)


def test_a_kept_scenario_leaves_lists_and_maps_alone_and_reads_back_as_it_was_kept(own, files):
    before = current_snapshot(own)
    number = keep(own, prepare(own, Given(tracks=(files["track"],))), **ACTS)
    assert current_snapshot(own) is before
    elsewhere = open_workspace(own.root)
    assert storm(elsewhere, number).raised == storm(own, number).raised
    raised_of._kept.clear()
    assert storm(open_workspace(own.root), number).raised == storm(own, number).raised
    assert storm(own, number).raised


def test_warnings_and_response_open_the_log_as_a_person_would_write_them(kept):
    ws, first, second = kept
    assert ws.ledger.events(first) == []
    events = ws.ledger.events(second)
    assert {e.subdistrict for e in events if e.kind == "warning"} == {None, B}
    bodies = [dict(e.body) for e in events]
    assert {"hazard": "typhoon", "colour": "orange", "subdistricts": [B]} in bodies
    assert {"hazard": "rainstorm", "colour": "red", "subdistricts": [A, B]} in bodies
    assert {"level": "II"} in bodies


def test_the_difference_between_two_bulletins_counts_every_record_once(kept):
    ws, first, second = kept
    before, now = storm(ws, first), storm(ws, second)
    found = difference(now, before)
    new, old = ({one.escalation.code: one.escalation.rank_to for one in s.worst} for s in (now, before))
    assert (found.added, found.gone) == (len(new.keys() - old.keys()), 0)
    assert found.worse == sum(new[code] > old[code] for code in new.keys() & old.keys())
    assert found.added > 0
    back = difference(before, now)
    assert (back.gone, back.better, back.added, back.worse) == (found.added, found.worse, 0, 0)
    same = difference(now, now)
    assert (same.added, same.worse, same.better, same.gone) == (0, 0, 0, 0)


def test_the_hours_and_counts_of_the_map_are_those_of_the_escalations(kept):
    ws, _, second = kept
    found = storm(ws, second)
    document = found.document
    hours = document["times"]
    assert set(np.diff(hours)) == {3600}
    for i, hour in enumerate(hours):
        standing = defaultdict(int)
        for one in found.raised:
            for span in one.escalation.spans:
                if span.start.timestamp() // 3600 * 3600 <= hour < span.expiry.timestamp():
                    standing[one.feature_id] = max(standing[one.feature_id], span.rank)
        by_hand = [sum(rank == r for rank in standing.values()) for r in range(len(RANKS))]
        assert document["counts"][i] == by_hand
    assert max(map(sum, document["counts"])) > 0
    assert sum(found.tiers().values()) == len({e.feature_id for e in found.raised})
    assert hours[document["now"]] <= found.scenario.at.timestamp() < hours[document["now"]] + 3600


def test_shelters_that_the_storm_closes_take_nobody(kept, files):
    ws, _, second = kept
    moves = evacuation_of(ws, storm(ws, second), files["people"], crs="cgcs2000")
    assert moves.people == moves.placed + moves.unplaced == 90
    assert {one.shelter for one in moves.assignments} == {"BN1"}
    assert "BN2" in {one.code for one in moves.closed_shelters}
    nobody = evacuation_of(ws, storm(ws, second), files["people"], crs="cgcs2000", layers=("waterlogging",))
    assert nobody.people == 0


@pytest.fixture
def client(kept, monkeypatch):
    ws, _, _ = kept
    monkeypatch.setitem(os.environ, "RISKMAP_WORKSPACE", str(ws.root))
    state.workspace.cache_clear()
    state.signer.cache_clear()
    yield partial(get, Starlette(routes=routes(), middleware=[Middleware(Sessions, secure=False)]))
    state.workspace.cache_clear()
    state.signer.cache_clear()


def test_the_routes_of_a_storm_answer_signed_tokens_only(client, kept):
    ws, _, second = kept
    token = state.signer().sign(STORM, [second, state.snapshot().state], SESSION)
    answer = client(f"/storm/{token}.json")
    assert answer.status == 200
    assert answer.json()["counts"] == storm(ws, second).document["counts"]
    assert "RP1" not in answer.text
    assert client(f"/storm/{token}.bin").body == storm(ws, second).points
    forged = Signer("another secret of thirty-two bytes").sign(
        STORM, [second, state.snapshot().state], SESSION
    )
    other = state.signer().sign("map", [second, state.snapshot().state], SESSION)
    for bad in (forged, other, "x", f"{token}0"):
        for path in (f"/storm/{bad}.json", f"/storm/{bad}.bin", f"/storm/{bad}/1"):
            assert client(path).status == 403, path
    missing = state.signer().sign(STORM, [99, state.snapshot().state], SESSION)
    assert client(f"/storm/{missing}.json").status == 404


def test_causes_are_told_in_the_language_that_is_asked_for(client, kept):
    ws, _, second = kept
    one = next(one for one in storm(ws, second).raised if one.escalation.code == "BP1")
    token = state.signer().sign(STORM, [second, state.snapshot().state], SESSION)
    for lang in ("zh", "en"):
        told = client(f"/storm/{token}/{one.feature_id}?lang={lang}").json()["raised"]
        causes = [why.escalation for why in storm(ws, second).why(one.feature_id)]
        assert [(t["rank"], t["cause"]) for t in told] == [(c.rank_to, c.cause.text(lang)) for c in causes]
        assert [t["rank"] for t in told] == sorted((t["rank"] for t in told), reverse=True)
    assert client(f"/storm/{token}/999999").json() == {"raised": []}
    assert client(f"/storm/{token}/x").status == 400


def test_stations_show_the_rain_of_the_hour(ws, files):
    found = storm_rain(prepare(ws, Given(rain=files["rain"])), ws)
    assert [mm for mm in found["mm"] if mm is not None] == [0, 5, 30, 40, 40, 25, 0, 0]


def storm_rain(found, ws):
    (station,) = body_of(ws, found)["rain"]
    return station


def test_a_trigger_on_runoff_compares_what_the_curve_number_of_each_record_lets_run_off(tmp_path):
    from tests.cli import riskmap
    from tests.golden.small import SPOTS

    who = ("--by", "值班员", "--why", "测试")
    ws, spots, rains = tmp_path / "ws", tmp_path / "spots.csv", tmp_path / "rain.csv"
    spots.write_text(SPOTS, "utf-8")
    rains.write_text(rain(), "utf-8")
    assert riskmap("init", ws, "--name", "测试区", *who).status == 0
    layer = ws / "layers/waterlogging.toml"
    trigger = """
[[triggers]]
id = "runs_off"
title = { zh = "产流", en = "Runoff" }
driver = "runoff_mm"
hold_hours = 1
status = "draft"
source = "测试"
levels = [{ from = 0.1, tier = "major" }]
"""
    layer.write_text(layer.read_text("utf-8") + trigger, "utf-8")
    here = ("--workspace", ws)
    assert riskmap("import", "waterlogging", spots, "--crs", "cgcs2000", *who, *here).status in (0, 1)
    assert riskmap("assess", *who, *here).status == 0
    told = riskmap("prepare", "--rain", rains, "--at", "2024-09-05 10:00", "--dry-run", *who, "--json", *here)
    found = [one for one in told.json["escalations"] if one["trigger"] == "runs_off"]
    assert {one["code"] for one in found} == {
        "NL2"
    }  # NL1 is major already; nobody knows the curve number of NL3
