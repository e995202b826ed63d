from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely

from riskmap.errors import LedgerError, StaleRevisionError
from riskmap.ledger import Ledger
from riskmap.values.records import CLEAR, Contact
from tests.ledger_files import LAYER, WHO, Clock, bring, intake, judged, leader, point, rejected, values_of


@pytest.fixture(params=["sqlite"])
def store_url(request, tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def ledger(store_url):
    with Ledger.create(store_url, clock=Clock(), personal={LAYER: {"owner_phone"}}) as opened:
        yield opened
        assert opened.check() == []


def test_a_file_goes_in_as_it_is_and_comes_out_the_same(ledger):
    done = bring(
        ledger, [point("B"), point("A", contacts=(leader(),), checklist=(True, None, False), depth=1.5)]
    )
    assert (done.inserted, done.updated, done.unchanged, done.held, done.rejected) == (2, 0, 0, 0, 0)
    found = ledger.features(LAYER)
    assert list(found.records.code) == ["A", "B"]
    assert values_of(found) == {"likelihood": 3, "note": "近学校", "depth": 1.5}
    assert found.records.checklist == [(True, None, False), None]
    assert found.records.lon.tolist() == [114.11, 114.11]
    assert found.records.contacts is None
    assert found.contact_count.tolist() == [1, 0]
    assert ledger.features(LAYER, contacts=True).records.contacts == [(leader(),), ()]
    assert found.updated_at[0].startswith("2024-05-01T08:0")


def test_the_same_file_again_changes_nothing_and_writes_no_revision(ledger):
    rows = [point("A", contacts=(leader(),), checklist=(True, None)), point("B")]
    bring(ledger, rows)
    plan = ledger.plan_import(intake(rows))
    assert plan.actions == ["unchanged", "unchanged"]
    assert not plan.changes
    done = ledger.commit_import(plan, **WHO)
    assert done.unchanged == 2
    assert ledger.features(LAYER).version.tolist() == [1, 1]
    assert len(ledger.history(LAYER, "A")) == 1


def test_a_column_or_a_cell_that_a_file_lacks_does_not_erase_what_is_known(ledger):
    bring(ledger, [point("A", contacts=(leader(),), checklist=(True, False), depth=2.0)])
    done = bring(
        ledger,
        [
            {
                "code": "A",
                "likelihood": None,
                "checklist": (None, True),
                "contacts": (leader(None, None, post="主任"),),
            }
        ],
    )
    assert done.updated == 1
    found = ledger.features(LAYER, contacts=True)
    assert values_of(found) == {"likelihood": 3, "note": "近学校", "depth": 2.0}
    assert found.records.name == ["加油站"]
    assert found.records.lon.tolist() == [114.11]
    assert found.records.checklist == [(True, True)]
    assert found.records.contacts == [(leader(post="主任"),)]


def test_an_explicit_clear_erases(ledger):
    bring(ledger, [point("A")])
    bring(ledger, [{"code": "A", "note": CLEAR, "name": CLEAR, "unknown": CLEAR}])
    found = ledger.features(LAYER)
    assert values_of(found) == {"likelihood": 3}
    assert found.records.name == [None]
    assert ledger.history(LAYER, "A")[-1].changes == {"name": ("加油站", None), "note": ("近学校", None)}


@pytest.mark.parametrize(
    ("known", "stated"), [(40, 40.0), (0.3, 0.1 + 0.2), (1234.5, 1234.5 * (1 + 1e-13)), (None, float("nan"))]
)
def test_a_number_that_only_went_through_a_spreadsheet_is_unchanged(ledger, known, stated):
    bring(ledger, [point("A", depth=known)])
    assert ledger.plan_import(intake([point("A", depth=stated)])).actions == ["unchanged"]


def test_a_number_that_differs_is_a_change_and_false_is_not_zero(ledger):
    bring(ledger, [point("A", depth=1.5, pumped=False)])
    plan = ledger.plan_import(intake([point("A", depth=1.5000001, pumped=True)]))
    assert plan.changes == {0: {"depth": (1.5, 1.5000001), "pumped": (False, True)}}


def test_a_position_within_a_millimetre_is_unchanged_and_beyond_it_moves(ledger):
    bring(ledger, [point("A")])
    assert ledger.plan_import(intake([point("A", lon=114.11 + 5e-9)])).actions == ["unchanged"]
    plan = ledger.plan_import(intake([point("A", lon=114.1101)]))
    assert plan.changes == {0: {"position": ((114.11, 22.55), (114.1101, 22.55))}}


def test_a_shape_within_a_millimetre_is_unchanged(ledger):
    square = shapely.box(114.0, 22.5, 114.1, 22.6)
    shaken = shapely.box(114.0 + 1e-9, 22.5, 114.1, 22.6)
    larger = shapely.box(114.0, 22.5, 114.2, 22.6)
    bring(ledger, [point("G", shape=square.wkb)])
    assert ledger.plan_import(intake([point("G", shape=shaken.wkb, lon=114.05)])).actions == ["unchanged"]
    bring(ledger, [point("G", shape=larger.wkb)])
    assert ledger.features(LAYER).records.shapes == [larger.wkb]
    before, after = ledger.history(LAYER, "G")[-1].changes["shape"]
    assert before.startswith("Polygon · 5 · ")
    assert before != after


def test_a_masked_cell_of_ours_means_unchanged(ledger):
    bring(ledger, [point("A", contacts=(leader(),), owner_phone="13911112222")])
    same = point("A", contacts=(leader("张*", "138****0000"),), owner_phone="139****2222")
    assert ledger.plan_import(intake([same])).actions == ["unchanged"]
    bring(ledger, [point("A", contacts=(leader("李四", "138****0000"),))])
    assert ledger.features(LAYER, contacts=True).records.contacts == [(leader("李四"),)]


@pytest.mark.parametrize(
    "row",
    [
        point("N", contacts=(leader("张三", "138****0000"),)),
        point("N", contacts=(leader("张＊", "13800000000"),)),
        point("N", owner_phone="138****0000"),
    ],
)
def test_a_masked_value_without_a_known_one_is_not_stated_and_never_stored(ledger, row):
    plan = ledger.plan_import(intake([row]))
    assert plan.actions == ["insert"]
    assert plan.remarks[0].rule == "masked"
    ledger.commit_import(plan, **WHO)
    found = ledger.features(LAYER, contacts=True)
    assert list(found.records.code) == ["N"]
    people = found.records.contacts[0] or ()
    assert not any("*" in (p.name or "") + (p.phone or "") or "＊" in (p.name or "") for p in people)
    assert found.records.values.get("owner_phone", [None]) == [None]
    again = ledger.plan_import(intake([row]))
    assert again.actions == ["unchanged"]
    assert again.remarks[0].rule == "masked"


def test_somebody_else_s_masked_number_changes_nothing_and_is_remarked(ledger):
    bring(ledger, [point("A", contacts=(leader("李四", "13800138000"),))])
    plan = ledger.plan_import(intake([point("A", contacts=(leader("王*", "139****9999"),))]))
    assert plan.actions == ["unchanged"]
    assert plan.remarks[0].rule == "masked"
    ours = ledger.plan_import(intake([point("A", contacts=(leader("李*", "138****8000"),))]))
    assert not ours.remarks


def test_an_older_record_version_is_held_only_where_it_would_change_something(ledger):
    bring(ledger, [point("A")])
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    equal = ledger.plan_import(intake([point("A", likelihood=6)], versions=[1]))
    assert equal.actions == ["unchanged"]
    plan = ledger.plan_import(intake([point("A", likelihood=1)], versions=[1]))
    assert plan.actions == ["held"]
    assert plan.holds[0].rule == "stale_version"
    assert "第 1 版" in plan.holds[0].message.zh
    assert "第 2 版" in plan.holds[0].message.zh
    current = ledger.plan_import(intake([point("A", likelihood=1)], versions=[2]))
    assert current.actions == ["update"]


def test_a_known_code_from_another_subdistrict_is_held_once_however_often_it_comes(ledger):
    bring(ledger, [point("A")])
    other = [point("A", subdistrict="黄贝街道", likelihood=6)]
    assert bring(ledger, other).held == 1
    assert bring(ledger, other).held == 1
    (entry,) = ledger.held()
    assert entry.rule == "other_subdistrict"
    assert "桂园街道" in entry.message.zh
    assert "黄贝街道" in entry.message.en
    assert entry.stated["likelihood"] == 6
    assert values_of(ledger.features(LAYER))["likelihood"] == 3
    ledger.accept_held([entry.id], **WHO)
    found = ledger.features(LAYER)
    assert found.records.subdistrict == ["黄贝街道"]
    assert values_of(found)["likelihood"] == 6
    assert ledger.held() == []
    with pytest.raises(LedgerError, match="已处理过"):
        ledger.accept_held([entry.id], **WHO)


def test_a_held_row_can_become_a_record_of_its_own_or_be_declined(ledger):
    bring(ledger, [point("A", contacts=(leader(),))])
    far = [point("A", name="冷库", lon=114.2, contacts=(leader("李四", "13900000000"),))]
    bring(ledger, far)
    (entry,) = ledger.held(layer=LAYER)
    assert entry.rule == "other_point"
    assert entry.stated["contacts"] == (leader("李*", "139****0000"),)
    with pytest.raises(LedgerError, match="已有这个编号"):
        ledger.accept_held([entry.id], as_code="A", **WHO)
    ledger.accept_held([entry.id], as_code="A-2", **WHO)
    found = ledger.features(LAYER, contacts=True)
    assert list(found.records.code) == ["A", "A-2"]
    assert found.records.name == ["加油站", "冷库"]
    assert found.records.contacts[1] == (leader("李四", "13900000000"),)
    bring(ledger, far)
    assert ledger.held() == []
    bring(ledger, [point("A", name="粮库", lon=114.3)])
    ledger.decline_held([ledger.held()[0].id], **WHO)
    assert [e.status for e in ledger.held(open_only=False)] == ["accepted", "declined"]


def test_another_name_close_by_or_the_same_name_far_away_is_a_correction(ledger):
    bring(ledger, [point("A")])
    assert ledger.plan_import(intake([point("A", name="加气站", lon=114.1101)])).actions == ["update"]
    assert ledger.plan_import(intake([point("A", lon=114.2)])).actions == ["update"]


def test_a_newer_statement_takes_the_place_of_an_open_held_one(ledger):
    bring(ledger, [point("A")])
    bring(ledger, [point("A", subdistrict="黄贝街道", likelihood=6)])
    bring(ledger, [point("A", subdistrict="黄贝街道", likelihood=10)])
    assert [e.stated["likelihood"] for e in ledger.held()] == [10]
    assert [e.status for e in ledger.held(open_only=False)] == ["superseded", "open"]


def test_a_retired_code_that_comes_again_is_held_with_the_day_and_the_reason(ledger):
    bring(ledger, [point("A")])
    ledger.retire(LAYER, "A", by="甲", why="已拆除")
    plan = ledger.plan_import(intake([point("A")]))
    assert plan.holds[0].rule == "retired"
    assert "2024-05-01" in plan.holds[0].message.zh
    assert "已拆除" in plan.holds[0].message.zh
    ledger.commit_import(plan, **WHO)
    ledger.accept_held([ledger.held()[0].id], **WHO)
    found = ledger.features(LAYER)
    assert found.retired == [None]
    assert found.version.tolist() == [3]


def test_a_code_twice_in_one_file_is_held_and_not_lost(ledger):
    done = bring(ledger, [point("A"), point("A", likelihood=6)])
    assert (done.inserted, done.held) == (1, 1)
    assert ledger.held()[0].rule == "duplicate_in_file"


def test_a_full_list_names_what_it_lacks_in_its_own_subdistricts_and_retires_nothing(ledger):
    bring(ledger, [point("A"), point("B"), point("C", subdistrict="黄贝街道"), point("D"), point("E")])
    ledger.retire(LAYER, "D", **WHO)
    plan = ledger.plan_import(intake([point("A")], bad=[rejected("E", "坏")]), full_list=True)
    assert plan.absent == ("B",)
    ledger.commit_import(plan, **WHO)
    assert list(ledger.features(LAYER).records.code) == ["A", "B", "C", "E"]
    assert ledger.plan_import(intake([{"code": "A"}]), full_list=True).absent == ("B", "C", "E")


def test_a_plan_that_the_ledger_has_outrun_is_refused_and_nothing_is_written(ledger):
    bring(ledger, [point("A"), point("B")])
    plan = ledger.plan_import(intake([point("A", likelihood=6), point("N")]))
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 10}), **WHO)
    before = ledger.state
    with pytest.raises(StaleRevisionError) as refused:
        ledger.commit_import(plan, **WHO)
    assert (refused.value.seen, refused.value.current) == (1, 2)
    assert refused.value.mine == {"likelihood": 6}
    assert refused.value.theirs == {"likelihood": 10}
    assert ledger.state == before
    assert list(ledger.features(LAYER).records.code) == ["A", "B"]


def test_a_plan_still_holds_when_only_other_records_have_changed(ledger):
    bring(ledger, [point("A"), point("B")])
    plan = ledger.plan_import(intake([point("A", likelihood=6), point("N")]))
    ledger.edit(LAYER, "B", seen=1, changes=judged({"likelihood": 10}), **WHO)
    done = ledger.commit_import(plan, **WHO)
    assert (done.inserted, done.updated) == (1, 1)


def test_a_code_that_somebody_else_brought_in_meanwhile_is_not_brought_in_twice(ledger):
    plan = ledger.plan_import(intake([point("A")]))
    ledger.create_record(LAYER, "A", values=judged({"name": "另一个"}), **WHO)
    with pytest.raises(StaleRevisionError):
        ledger.commit_import(plan, **WHO)


def test_a_file_whose_rows_do_not_add_up_is_refused(ledger):
    short = dataclasses.replace(intake([point("A")]), rows=3)
    with pytest.raises(LedgerError, match="对不上"):
        ledger.plan_import(short)


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "{{7*7}}{% raw %}",
        "'; DROP TABLE feature;--",
        "=cmd|' /C calc'!A0",
        "+86",
        "a\x00b",
        "𠮷",
        "\u202e",
    ],
)
def test_hostile_names_are_kept_to_the_letter(ledger, name):
    bring(
        ledger,
        [point("A", name=name, note=name, subdistrict=name, contacts=(Contact("leader", name, "1", name),))],
    )
    found = ledger.features(LAYER, contacts=True)
    assert (found.records.name[0], found.records.subdistrict[0], values_of(found)["note"]) == (
        name,
        name,
        name,
    )
    assert found.records.contacts[0][0].post == name
    ledger.retire(LAYER, "A", by=name, why=name)
    assert ledger.history(LAYER, "A")[-1].why == name.strip()


def test_text_that_cannot_be_stored_is_refused_in_one_message_and_nothing_is_written(ledger):
    with pytest.raises(LedgerError, match="未写入"):
        bring(ledger, [point("A"), point("B", name="\ud800")])
    with pytest.raises(LedgerError, match="未写入"):
        bring(ledger, [point("A", note="\ud800")])
    assert ledger.state == 0


def test_unlocated_and_nameless_rows_are_kept(ledger):
    bring(ledger, [{"code": "A"}])
    found = ledger.features(LAYER)
    assert np.isnan(found.records.lon).all()
    assert (found.records.name, found.records.subdistrict) == ([None], [None])
    bring(ledger, [{"code": "A", "lon": 114.1, "lat": 22.5}])
    assert (ledger.features(LAYER).records.lon[0], ledger.features(LAYER).records.lat[0]) == (114.1, 22.5)


def test_a_write_without_a_person_or_a_reason_is_refused(ledger):
    plan = ledger.plan_import(intake([point("A")]))
    for who in ({"by": " ", "why": "x"}, {"by": "x", "why": ""}):
        with pytest.raises(LedgerError, match="经办人或原因"):
            ledger.commit_import(plan, **who)
    assert ledger.state == 0


def test_layers_do_not_see_each_other(ledger):
    bring(ledger, [point("A")])
    done = bring(ledger, [point("A")], layer="slopes")
    assert done.inserted == 1
    assert len(ledger.features("slopes")) == 1
    assert len(ledger.features("shelters")) == 0


def test_a_large_file_comes_back_whole_and_in_order(ledger):
    rows = [point(f"P{i:06d}", number=i, only=i if i % 9000 == 1 else None) for i in range(25_001)]
    bring(ledger, rows)
    found = ledger.features(LAYER)
    assert list(found.records.code) == [row["code"] for row in rows]
    assert found.records.values["number"] == list(range(25_001))
    assert found.records.values["only"] == [row["only"] for row in rows]
    assert ledger.plan_import(intake(rows)).count("unchanged") == 25_001


def test_a_shape_that_moved_takes_its_position_along(ledger):
    square, moved = shapely.box(114.0, 22.5, 114.1, 22.6), shapely.box(114.2, 22.5, 114.3, 22.6)
    bring(ledger, [point("G", shape=square.wkb, lon=114.05, lat=22.55)])
    bring(ledger, [point("G", shape=moved.wkb, lon=114.25, lat=22.55)])
    records = ledger.features(LAYER).records
    assert (records.lon[0], records.lat[0]) == (114.25, 22.55)
    bring(ledger, [point("G", shape=square.wkb, lon=114.25, lat=22.55)])
    assert "position" not in ledger.history(LAYER, "G")[-1].changes


def test_a_collection_of_one_part_is_that_part(ledger):
    square = shapely.box(114.0, 22.5, 114.1, 22.6)
    bring(ledger, [point("G", shape=square.wkb)])
    once = shapely.MultiPolygon([square])
    twice = shapely.MultiPolygon([square, shapely.box(114.2, 22.5, 114.3, 22.6)])
    assert ledger.plan_import(intake([point("G", shape=once.wkb)])).actions == ["unchanged"]
    assert ledger.plan_import(intake([point("G", shape=twice.wkb)])).actions == ["update"]


def test_the_ledger_notes_the_box_of_each_shape_or_position(ledger):
    bring(
        ledger, [point("A", lon=114.1, lat=22.5), point("G", shape=shapely.box(114.0, 22.5, 114.2, 22.6).wkb)]
    )
    with ledger._store.reading() as connection:
        boxes = connection.exec_driver_sql("SELECT minx, miny, maxx, maxy FROM feature ORDER BY code").all()
    assert [tuple(box) for box in boxes] == [(114.1, 22.5, 114.1, 22.5), (114.0, 22.5, 114.2, 22.6)]
