"""The call-out: ranked, deterministic, with what is missing before it is needed; and the clock over it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog import ContactRole, Layer, RecordPlan
from riskmap.catalog.plan import ActionText
from riskmap.errors import Text
from riskmap.response.callout import callout, clock, is_due, phase_at
from riskmap.values.hazards import Escalation
from riskmap.values.records import Contact
from riskmap.values.scenario import Event, Recorded, standing
from riskmap.vocabulary import RANK_OF
from tests.duty_workspace import AT, hours, minutes

DAY = dt.date(2023, 9, 7)
ROLES = (
    ContactRole(id="first", title=Text("责任人", "First")),
    ContactRole(id="second", title=Text("挂点领导", "Second")),
)
PLAN = RecordPlan(
    before_24=(ActionText(zh="巡查", en="Patrol"),),
    during=(ActionText(zh="撤离", en="Leave", tiers=("major",)),),
    source="a test",
    status="draft",
    field="plan",
    verified_days=100,
)
LAYER = Layer(
    id="slopes",
    title=Text("边坡", "Slopes"),
    geometry="point",
    model="m",
    fields=(),
    aliases={},
    contacts=ROLES,
    plan=PLAN,
)
LAYERS = {"slopes": LAYER}
FRESH = "2023-08-01"
TWO = (
    Contact("second", "乙", "13800000002", None, FRESH),
    Contact("first", "甲", "13800000001", None, FRESH),
)


def raised(number, to="large", *, start=6.0, place="桂园街道", **more):
    escalation = Escalation(
        "slopes",
        f"S{number}",
        RANK_OF["low"],
        RANK_OF[to],
        more.pop("trigger", "rain"),
        Text(more.pop("cause", "雨"), "rain"),
        hours(start),
        hours(start + more.pop("lasts", 12)),
    )
    return Recorded(escalation, number, subdistrict=place, **more)


def made(escalated, contacts=None, **more):
    return callout(escalated, contacts or {}, layers=more.pop("layers", LAYERS), since=AT, today=DAY, **more)


def test_the_worst_and_soonest_stand_first_within_and_across_sub_districts():
    found = made(
        [
            raised(1, "general", start=1),
            raised(2, "major", start=9),
            raised(3, "major", start=2, place="黄贝街道"),
            raised(4, "large", place=None),
            raised(5, "large", start=7),
        ]
    )
    assert [(g.subdistrict, [x.code for x in g.lines]) for g in found.groups] == [
        ("黄贝街道", ["S3"]),
        ("桂园街道", ["S2", "S5", "S1"]),
        (None, ["S4"]),
    ]


def test_several_triggers_of_one_record_are_one_line_with_every_cause():
    (line,) = made(
        [
            raised(1, "large", start=3, lasts=2, cause="雨"),
            raised(1, "major", start=8, lasts=30, trigger="wind", cause="风"),
        ]
    ).lines
    assert (line.rank_to, line.start, line.expiry) == (RANK_OF["major"], hours(3), hours(38))
    assert [cause.zh for cause in line.causes] == ["风", "雨"]


@given(st.permutations([raised(n, "major", start=5) for n in range(6)] + [raised(2, "general", trigger="x")]))
@settings(max_examples=25)
def test_the_order_in_which_escalations_come_makes_no_difference(escalated):
    assert made(escalated, {1: TWO}) == made(sorted(escalated, key=repr), {1: TWO})


def test_people_are_called_in_the_order_of_the_layers_roles():
    others = (*TWO, Contact("zz", "丙", "13800000003", None, FRESH), Contact("first"))
    (line,) = made([raised(1)], {1: others}).lines
    assert [(c.number, c.contact.name, c.title.zh) for c in line.callees] == [
        (1, "甲", "责任人"),
        (2, "乙", "挂点领导"),
        (3, "丙", "zz"),
    ]
    assert line.gaps == ()


def test_what_is_missing_is_named_before_it_is_needed():
    def kinds(*people):
        (line,) = made([raised(1)], {1: people}).lines
        return [(gap.kind, gap.role) for gap in line.gaps]

    assert kinds() == [("no_contacts", "")]
    assert kinds(TWO[1]) == [("role_vacant", "second")]
    assert kinds(TWO[0], Contact("first", "甲", None, None, FRESH)) == [("no_phone", "first")]
    assert kinds(TWO[0], Contact("first", "甲", "12345", None, FRESH)) == [("no_phone", "first")]
    for never in (None, "昨天", "2024-01-01"):
        assert kinds(TWO[0], Contact("first", "甲", "13800000001", None, never)) == [("unverified", "first")]


def test_a_check_is_good_to_the_day_and_not_a_day_longer():
    def expired(checked, **more):
        people = {1: (TWO[0], Contact("first", "甲", "13800000001", None, checked))}
        (line,) = made([raised(1)], people, **more).lines
        return [gap.kind for gap in line.gaps]

    assert expired("2023-05-30") == []  # 100 days before
    assert expired("2023-05-29") == ["verification_expired"]
    assert expired("2023-05-29", verified_days=101) == []
    plain = {"slopes": LAYER.model_copy(update={"plan": None, "stale_after_days": 37})}
    assert expired("2023-07-31", layers=plain) == ["verification_expired"]


def test_actions_are_those_of_the_raised_tier_and_a_records_own_plan_adds_or_replaces():
    def line(*, own="adds", to="major", plan=""):
        layers = {"slopes": LAYER.model_copy(update={"plan": PLAN.model_copy(update={"own": own})})}
        return made([raised(1, to, plan=plan)], layers=layers).lines[0]

    assert [a.text.zh for a in line().actions] == ["巡查", "撤离"]
    assert [a.text.zh for a in line(to="large").actions] == ["巡查"]
    assert (line(plan="先断电").own_plan, len(line(plan="先断电").actions)) == ("先断电", 2)
    assert line(own="replaces", plan="先断电").actions == ()
    assert len(line(own="replaces", plan=" ").actions) == 2


@pytest.mark.parametrize(
    ("before", "phase"),
    [
        (80, "before_48"),
        (24.1, "before_48"),
        (24, "before_24"),
        (12.1, "before_24"),
        (12, "before_12"),
        (6, "before_6"),
        (0.1, "before_6"),
        (0, "during"),
        (-11, "during"),
        (-12, "after"),
    ],
)
def test_a_phase_begins_with_its_hour(before, phase):
    assert phase_at(hours(100 - before), hours(100), hours(112)) == phase


def test_a_late_warning_skips_nothing():
    assert [is_due(p, "before_6") for p in ("before_48", "before_6", "during")] == [True, True, False]


# The clock

OUT = made(
    [raised(1), raised(2)], {1: (*TWO, Contact("third", "丙", "13800000003")), 2: (Contact("first", "丁"),)}
)


def happened(kind, at, number=0, contact=None, record=1, **body):
    body |= {} if contact is None else {"contact": contact}
    when = minutes(at)
    return Event(number or int(at * 10) + 1, 1, when, when, "甲", "x", kind, record, body=body)


def state(*events, now, limit=15.0):
    found = clock(events, OUT, minutes(now), limit)
    return {s.feature_id: s for s in found}[1]


def test_nobody_called_waits_and_is_overdue_after_the_same_minutes():
    assert (state(now=3).status, state(now=3).next, state(now=3).overdue) == ("waiting", 1, False)
    assert (state(now=15).status, state(now=15).overdue) == ("waiting", True)


def test_an_unanswered_call_goes_to_the_next_contact_by_itself():
    call = happened("call", 2, contact=1)
    assert (state(call, now=16.9).status, state(call, now=16.9).callee) == ("called", 1)
    late = state(call, now=17)
    assert (late.status, late.callee, late.next, late.due) == ("overdue", 1, 2, minutes(17))
    second = happened("call", 18, contact=2)
    assert (state(call, second, now=20).status, state(call, second, now=20).callee) == ("called", 2)


def test_no_answer_does_not_wait_for_the_minutes():
    found = state(happened("call", 2, contact=1), happened("no_answer", 3), now=4)
    assert (found.status, found.next, found.overdue) == ("overdue", 2, True)


def test_the_first_answer_counts_with_the_minutes_since_the_first_call():
    found = state(
        happened("call", 2, contact=1),
        happened("call", 18, contact=2),
        happened("acknowledgement", 20.5),
        happened("acknowledgement", 40, contact=1),
        now=60,
    )
    assert (found.status, found.callee, found.role, found.after) == ("answered", 2, "second", 18.5)


def test_who_reports_without_being_called_has_answered_after_an_unknown_time():
    found = state(happened("acknowledgement", 3, contact=1), now=4)
    assert (found.status, found.callee, found.after) == ("answered", 1, None)


def test_when_nobody_is_left_the_calling_is_exhausted_and_a_new_call_waits_anew():
    calls = [happened("call", 1 + k, contact=k) for k in (1, 2, 3)]
    gone = [happened("no_answer", 5, contact=3)]
    assert state(*calls, *gone, now=6).status == "exhausted"
    assert state(*calls, *gone, happened("call", 7, contact=1), now=8).status == "called"


def test_a_record_whose_people_have_no_phone_is_exhausted_from_the_start():
    other = {s.feature_id: s for s in clock((), OUT, minutes(0), 15)}[2]
    assert (other.status, other.overdue, other.next) == ("exhausted", True, None)


def test_a_call_by_role_survives_an_edit_of_the_list():
    found = state(happened("call", 2, contact=3, role="first"), now=3)
    assert (found.callee, found.role) == (1, "first")


def test_what_has_not_happened_yet_is_not_counted_and_a_correction_undoes():
    call, wrong = happened("call", 2, contact=1), happened("acknowledgement", 3, number=50)
    fix = happened("correction", 9, number=60, corrects=50)
    assert state(call, wrong, fix, now=8).status == "answered"
    assert state(call, wrong, fix, now=9) == state(call, now=9)
    assert state(call, now=1).status == "waiting"


KINDS = ("call", "no_answer", "acknowledgement", "correction", "note")


@st.composite
def logs(draw):
    count = draw(st.integers(0, 9))
    events = []
    for number in range(1, count + 1):
        kind = draw(st.sampled_from(KINDS))
        body = {"corrects": draw(st.integers(1, 12))} if kind == "correction" else {}
        contact = draw(st.sampled_from([None, 1, 2, 3, 9]))
        events.append(
            happened(
                kind, draw(st.integers(0, 6)) * 5, number, contact, draw(st.sampled_from([1, 2])), **body
            )
        )
    return events


@given(logs(), st.integers(0, 60), st.randoms())
def test_the_same_log_and_moment_give_the_same_state_in_whatever_order_it_is_read(log, now, random):
    shuffled = log[:]
    random.shuffle(shuffled)
    assert clock(shuffled, OUT, minutes(now), 10) == clock(log, OUT, minutes(now), 10)


@given(logs(), st.integers(0, 60))
def test_a_correction_of_every_event_leaves_the_clock_as_if_nothing_had_happened(log, now):
    left = standing(e for e in log if e.at <= minutes(now))
    fixes = [happened("correction", 0, 100 + e.id, corrects=e.id) for e in left]
    assert clock([*log, *fixes], OUT, minutes(now), 10) == clock((), OUT, minutes(now), 10)


@given(logs(), st.integers(0, 60), st.integers(1, 60))
def test_time_alone_never_answers_and_never_takes_an_answer_back(log, now, later):
    fixed = [e for e in log if e.at <= minutes(now)]
    before = clock(fixed, OUT, minutes(now), 10)
    after = clock(fixed, OUT, minutes(now + later), 10)
    assert [s.status == "answered" for s in before] == [s.status == "answered" for s in after]
    assert all(late.overdue for early, late in zip(before, after, strict=True) if early.overdue)


@given(logs(), st.integers(0, 60))
def test_every_state_says_what_is_to_be_done_next(log, now):
    for one in clock(log, OUT, minutes(now), 10):
        assert (one.next is not None) == (one.status in {"waiting", "overdue"}) or one.status == "called"
        assert (one.answered_at is not None) == (one.status == "answered")
        assert one.after is None or one.after >= 0
