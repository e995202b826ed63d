"""Scenarios, escalations and the event log in the ledger: append-only, beside the tiers, nothing lost."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from riskmap.errors import LedgerError, UnknownNameError
from riskmap.ledger import Ledger
from riskmap.ledger import schema as s
from riskmap.ledger.upgrading import _STEPS
from riskmap.values.hazards import TierSpan
from riskmap.values.scenario import NewEvent, standing
from riskmap.vocabulary import RANK_OF
from tests.duty_workspace import AT, ESCALATIONS, SLOPES, SPOTS, WHO, escalation, hours, minutes
from tests.ledger_files import Clock, intake
from tests.rooms.test_ledger_schema import old  # noqa: F401


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path}/l.sqlite", clock=Clock()) as made:
        for layer, rows in (("slopes", SLOPES), ("waterlogging", SPOTS)):
            whole = [{"contacts": ()} | row for row in rows]
            made.commit_import(made.plan_import(intake(whole, layer=layer)), **WHO)
        yield made


def opened(ledger, escalations=ESCALATIONS, **more):
    given = {"title": "苏拉", "drill": False, "body": {"track": "x.csv"}, "at": AT} | more
    return ledger.open_scenario(escalations=escalations, **given, **WHO).scenario.id


def test_a_scenario_keeps_what_it_was_made_from_and_what_it_raises(ledger):
    state = ledger.state
    number = opened(ledger)
    found = ledger.scenario(number)
    assert (found.title, found.drill, found.at, dict(found.body)) == ("苏拉", False, AT, {"track": "x.csv"})
    assert found.who == "值班员"
    assert ledger.state == state  # nothing of the lists and the map has changed
    assert ledger.changesets(limit=1)[0].counts == {"escalations": 5, "records": 4}
    raised = ledger.escalations(scenario=number)
    first = raised[0].escalation
    assert [(one.escalation.code, one.escalation.trigger, one.escalation.rank_to) for one in raised][:2] == [
        ("BP1", "rain", RANK_OF["large"]),
        ("BP1", "intensity", RANK_OF["major"]),
    ]
    assert (raised[0].name, raised[0].subdistrict, raised[0].version) == ("一号边坡", "桂园街道", 1)
    assert (first.start, first.expiry) == (hours(6), hours(18))
    assert first.value == 120
    assert first.low != first.low  # not known stays not known
    assert ledger.check() == []


def test_what_opening_returns_is_what_is_read_back(ledger):
    made = ledger.open_scenario(
        title="苏拉", drill=True, body={"times": (1, 2)}, at=AT, escalations=ESCALATIONS, **WHO
    )
    assert made.scenario == ledger.scenario(made.scenario.id)
    assert list(made.raised) == ledger.escalations(scenario=made.scenario.id)


def test_a_scenario_and_the_beginning_of_its_log_are_written_together_or_not_at_all(ledger):
    warning, wrong = NewEvent(AT, "warning", body={"hazard": "typhoon"}), NewEvent(AT, "nothing-known")
    with pytest.raises(UnknownNameError, match="nothing-known"):
        opened(ledger, events=[warning, wrong])
    assert ledger.scenarios() == []
    number = opened(ledger, events=[warning])
    assert [(e.kind, e.who) for e in ledger.events(number)] == [("warning", "值班员")]


def test_an_escalation_is_in_force_from_its_start_until_its_expiry(ledger):
    opened(ledger, [escalation("slopes", "BP1", start=6)])
    assert [len(ledger.escalations(at=hours(h))) for h in (5.9, 6, 17.9, 18)] == [0, 1, 1, 0]


def test_a_tier_that_rises_and_falls_is_read_back_with_its_steps_and_has_the_rank_of_the_moment(ledger):
    one = replace(
        escalation("slopes", "BP1", "major"),
        start=hours(0), expiry=hours(9), details={"assumed_worst": True},
        spans=(TierSpan(RANK_OF["general"], hours(0), hours(9)), TierSpan(RANK_OF["major"], hours(3), hours(5))),
    )  # fmt: skip
    made = ledger.open_scenario(title="苏拉", drill=True, body={}, at=AT, escalations=[one], **WHO)
    (found,) = ledger.escalations(scenario=made.scenario.id)
    assert (found,) == made.raised
    assert found.escalation == one
    assert found.escalation.peak.start == hours(3)
    then = [[raised.escalation.rank_to for raised in ledger.escalations(at=hours(h))] for h in (0, 3, 5, 9)]
    assert then == [[RANK_OF["general"]], [RANK_OF["major"]], [RANK_OF["general"]], []]


def test_an_escalation_never_touches_the_static_tier(ledger):
    before = ledger.features("slopes").rank.tolist()
    opened(ledger)
    assert ledger.features("slopes").rank.tolist() == before


def test_what_does_not_raise_or_is_not_known_is_refused_and_nothing_is_written(ledger):
    state = ledger.state
    with pytest.raises(LedgerError, match="BP1"):
        opened(ledger, [escalation("slopes", "BP1", "low")])
    with pytest.raises(UnknownNameError, match="NOPE"):
        opened(ledger, [ESCALATIONS[0], escalation("slopes", "NOPE")])
    with pytest.raises(LedgerError):
        opened(ledger, title=" ")
    assert ledger.state == state
    assert ledger.scenarios() == []


def test_an_event_is_written_with_person_and_reason_and_leaves_the_state_alone(ledger):
    number = opened(ledger)
    state = ledger.state
    call = NewEvent(minutes(5), "call", "slopes", "BP1", "桂园街道", {"contact": 1})
    first, second = ledger.add_events(
        number, [call, NewEvent(minutes(2), "note", body={"text": "雨"})], **WHO
    )
    assert (first, second, ledger.state) == (1, 2, state)
    log = ledger.events(number)
    assert [(e.kind, e.code) for e in log] == [("note", None), ("call", "BP1")]
    assert log[1].body == {"contact": 1}
    assert log[1].who == "值班员"
    assert [e.id for e in ledger.events(number, until=minutes(3))] == [2]
    assert ledger.events(number, known_at=log[0].recorded) == log
    with pytest.raises(LedgerError):
        ledger.add_events(number, [call], by=" ", why="x")


@pytest.mark.parametrize(
    "wrong",
    [
        NewEvent(AT, "party"),
        NewEvent(AT, "call", "slopes", "NOPE"),
        NewEvent(AT, "correction", body={"corrects": 99}),
        NewEvent(AT, "correction"),
    ],
)
def test_an_event_about_what_does_not_exist_is_refused_with_all_that_came_with_it(ledger, wrong):
    number = opened(ledger)
    with pytest.raises(UnknownNameError):
        ledger.add_events(number, [NewEvent(AT, "note"), wrong], **WHO)
    with pytest.raises(UnknownNameError):
        ledger.add_events(77, [NewEvent(AT, "note")], **WHO)
    assert ledger.events(number) == []


def test_a_correction_takes_back_and_a_corrected_correction_does_not(ledger):
    number = opened(ledger)
    ledger.add_events(number, [NewEvent(AT, "note")], **WHO)
    ledger.add_events(number, [NewEvent(AT, "correction", body={"corrects": 1})], **WHO)
    assert standing(ledger.events(number)) == []
    ledger.add_events(number, [NewEvent(AT, "correction", body={"corrects": 2})], **WHO)
    assert [e.id for e in standing(ledger.events(number))] == [1]
    assert len(ledger.events(number)) == 3  # nothing is deleted


@pytest.mark.parametrize("table", ["scenario", "escalation", "event"])
def test_nothing_of_a_duty_is_changed_or_deleted_behind_the_ledgers_back(ledger, tmp_path, table):
    number = opened(ledger)
    ledger.add_events(number, [NewEvent(AT, "note")], **WHO)
    with sqlite3.connect(tmp_path / "l.sqlite") as connection:
        column = {"scenario": "title", "escalation": "rank_to", "event": "kind"}[table]
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"):
            with pytest.raises(sqlite3.IntegrityError, match=table):
                connection.execute(statement)


def test_an_older_ledger_is_brought_up_to_date_with_the_tables_of_a_duty_as_they_are_made_today(
    old, tmp_path
):  # noqa: F811
    with Ledger.open(f"sqlite:///{old}", clock=Clock()) as upgraded:
        number = opened(upgraded, escalations=())
        upgraded.add_events(number, [NewEvent(AT, "note")], **WHO)
        assert upgraded.check() == []
    new = tmp_path / "new.sqlite"
    Ledger.create(f"sqlite:///{new}").close()
    assert made_by(old) == made_by(new)
    assert set(_STEPS) == set(range(1, s.SCHEMA_VERSION))


def made_by(path):
    """The statements of the tables of a duty, without blanks and quotes: constraints included."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name IN ('scenario', 'escalation', 'event') AND sql NOT NULL"
        )
        return sorted("".join(sql.split()) for (sql,) in rows)


def test_a_scenario_cannot_be_undone_like_an_import(ledger):
    opened(ledger)
    with pytest.raises(LedgerError):
        ledger.undo(ledger.changesets(limit=1)[0].id, **WHO)
