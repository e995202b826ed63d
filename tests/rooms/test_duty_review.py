"""The figures of the after-action report, each from the log, with totals that agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.response.review import nearest_rank, review, ties
from riskmap.values.duty import Callout
from riskmap.values.scenario import Event, RecordedScenario
from tests.duty_workspace import AT, hours, minutes
from tests.rooms.test_duty_callout import TWO, happened, made, raised

SCENARIO = RecordedScenario(1, "x", False, AT, {}, 1, AT, "甲", "x")


def entry(number, kind, at=0.0, place=None, **body):
    return Event(number, 1, minutes(at), minutes(at), "甲", "x", kind, subdistrict=place, body=body)


EMPTY = Callout(AT, ())


def reviewed(*events, out=EMPTY, until=600):
    return review(SCENARIO, events, out, until=minutes(until), minutes=15)


def paired(*events):
    found = ties([e for e in events if e.kind == "warning"], [e for e in events if e.kind == "response"])
    return [(t.warning and t.warning.id, t.response and t.response.id, t.stated) for t in found]


def test_each_warning_is_tied_to_the_response_after_it():
    log = [entry(1, "warning", 0), entry(2, "response", 5), entry(3, "warning", 60), entry(4, "response", 60)]
    assert paired(*log) == [(1, 2, False), (3, 4, False)]


def test_a_warning_or_a_response_that_stands_alone_is_named():
    assert paired(entry(1, "response", 0), entry(2, "warning", 5)) == [(2, None, False), (None, 1, False)]


def test_a_person_who_names_the_warnings_is_believed_before_any_rule():
    log = [entry(1, "warning", 0), entry(2, "warning", 1), entry(3, "response", 9, warnings=[1, 2])]
    assert paired(*log) == [(1, 3, True), (2, 3, True)]
    found = reviewed(*log)
    assert (found.warnings, found.responses, found.tied, found.adds_up) == (2, 1, 2, True)


def test_a_response_of_one_sub_district_does_not_answer_the_warning_of_another():
    log = [entry(1, "warning", 0, subdistricts=["桂园街道"]), entry(2, "response", 1, "黄贝街道")]
    assert paired(*log) == [(1, None, False), (None, 2, False)]
    assert paired(entry(1, "warning", 0), entry(2, "response", 1, "黄贝街道")) == [(1, 2, False)]


def test_a_corrected_warning_is_not_counted():
    found = reviewed(
        entry(1, "warning"),
        entry(2, "warning"),
        entry(3, "response", 1),
        entry(4, "correction", 2, corrects=2),
    )
    assert (found.warnings, found.responses, found.tied, found.corrections) == (1, 1, 1, 1)


def test_people_moved_are_summed_by_sub_district_and_a_missing_number_is_named():
    found = reviewed(
        entry(1, "moved", place="桂园街道", people=120),
        entry(2, "moved", place="黄贝街道", people=30),
        entry(3, "moved", people=5),
        entry(4, "moved", place="黄贝街道"),
    )
    assert (found.moved.total, found.moved.by_subdistrict) == (155, {"": 5, "桂园街道": 120, "黄贝街道": 30})
    assert [e.id for e in found.unclear] == [4]


def test_a_shelter_opened_twice_is_one_shelter():
    found = reviewed(
        entry(1, "opening", 0, name="体育馆"),
        entry(2, "closure", 5, name="体育馆"),
        entry(3, "opening", 9, name="体育馆"),
        entry(4, "opening", 9, name="小学"),
        entry(5, "closure", 90, name="小学"),
        entry(6, "closure", 90, name="从未开放"),
        entry(7, "opening", 90),
    )
    assert [(s.name, s.opened, s.closed) for s in found.shelters] == [
        ("体育馆", minutes(0), None),
        ("小学", minutes(9), minutes(90)),
    ]
    assert {e.id for e in found.unclear} == {6, 7}


def test_times_to_answer_are_those_with_a_logged_call_and_who_never_answered_is_named():
    out = made([raised(n) for n in range(1, 5)], dict.fromkeys(range(1, 5), TWO))
    found = reviewed(
        happened("call", 0, 1, 1, record=1),
        happened("acknowledgement", 4, 2, 1, record=1),
        happened("call", 0, 3, 1, record=2),
        happened("acknowledgement", 10, 4, 1, record=2),
        happened("acknowledgement", 10, 5, 1, record=3),
        happened("call", 10, 6, 1, record=4),
        out=out,
    )
    assert (found.median, found.p90, found.uncounted, found.calls) == (7.0, 10.0, 1, 3)
    assert [a.code for a in found.unanswered] == ["S4"]
    assert found.adds_up


def test_nothing_logged_has_no_median():
    found = reviewed()
    assert (found.median, found.p90, found.moved.total, found.adds_up) == (None, None, 0, True)


def test_a_message_counts_by_its_last_status():
    log = [
        entry(1, "message", 0, message=1, status="queued"),
        entry(2, "message", 1, message=1, status="failed"),
        entry(3, "message", 2, message=1, status="sent"),
        entry(4, "message", 2, message=4, status="queued"),
    ]
    assert reviewed(*log).messages == {"queued": 1, "sent": 1}


def test_what_happened_later_is_not_in_the_report():
    assert reviewed(entry(1, "new_spot", 30), until=29).new_spots == ()
    assert review(SCENARIO, [entry(1, "new_spot")], Callout(AT, ()), until=hours(1), minutes=1).events == 1


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (10, 9), (11, 10), (20, 18)])
def test_the_ninetieth_percentile_is_the_nearest_rank(count, expected):
    assert nearest_rank(range(1, count + 1), 0.9) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["warning", "response"]), st.integers(0, 9), st.sampled_from(["A", "B", None])
        ),
        max_size=12,
    )
)
def test_every_warning_and_every_response_is_listed_exactly_once_or_tied(drawn):
    log = [entry(i, kind, at, place) for i, (kind, at, place) in enumerate(drawn, 1)]
    found = reviewed(*log)
    assert found.adds_up
    assert found.warnings == sum(kind == "warning" for kind, *_ in drawn)
    assert found.responses == sum(kind == "response" for kind, *_ in drawn)
    seen = [t.response.id for t in found.ties if t.response]
    assert len(seen) == len(set(seen))  # without a person's word a response answers one warning
