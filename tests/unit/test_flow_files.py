"""Flows and laws of layer files: what they say once read, and every mistake named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskmap.catalog.layer_file import read_layer
from riskmap.errors import CatalogError
from riskmap.rules.moves import day_found

FILE = Path(__file__).parents[1] / "cases" / "registers" / "major_hazards.toml"
TEXT = FILE.read_text(encoding="utf-8")


def layer():
    return read_layer(TEXT, "layers/major_hazards.toml")


def problems(text):
    with pytest.raises(CatalogError) as refused:
        read_layer(text, "layers/major_hazards.toml")
    return refused.value.problems


def changed(old, new):
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def test_the_state_of_a_flow_is_a_choice_of_its_layer():
    state = layer().field("state")
    assert (state.type, [choice.id for choice in state.choices][:2]) == ("choice", ["found", "rectifying"])
    assert "正在整改" in state.choices[1].aliases
    assert state.aliases[0] == "状态"


def test_only_moves_change_the_state_and_what_they_set():
    assert layer().flow.kept == ("state", "closed_on")


def test_a_record_is_found_on_a_day_or_at_a_moment_whose_day_is_that_of_beijing():
    text = changed(
        'title = { zh = "发现日期", en = "Found" }\ntype = "date"',
        'title = { zh = "发现时间", en = "Found" }\ntype = "moment"',
    )
    text = text.replace('than = "found_on"', 'than = "closed_on"')
    flow = read_layer(text, "layers/major_hazards.toml").flow
    assert day_found(flow, {"found_on": "2025-12-31T16:30Z"}) == "2026-01-01"
    assert day_found(flow, {"found_on": "2025-12-31"}) == "2025-12-31"
    assert day_found(flow, {}) is None


def test_chains_of_moves_come_the_shortest_first_and_pass_no_state_twice():
    chains = [[move.id for move in chain] for chain in layer().flow.chains("waiting", "closed")]
    assert chains == [["assign", "rectify", "accept"]]
    assert list(layer().flow.chains("closed", "found")) == []


def test_a_deadline_runs_in_open_states_that_are_no_pause():
    flow = layer().flow
    assert [state.id for state in flow.states if flow.runs(state.id)] == ["found", "rectifying", "rectified"]
    assert not flow.runs("gone")


@pytest.mark.parametrize(
    ("old", "new", "place", "find"),
    [
        ('start = "found"', 'start = "fond"', "flow.start", '"fond"'),
        ('start = "found"', 'start = "closed"', "flow.start", '"closed"'),
        ('found = "found_on"', 'found = "cause"', "flow.found", '"cause"'),
        ('asks = ["evidence"]', 'asks = ["picture"]', "flow.moves[rectify].asks[1]", '"picture"'),
        ('to = "rectified"', 'to = "done"', "flow.moves[rectify].to", '"done"'),
        ('"contact:responsible"], who', '"contact:boss"], who', "flow.moves[accept].other_than[2]", '"contact:boss"'),
        ('sets = { closed_on = "on" }', 'sets = { cause = "on" }', "flow.moves[accept].sets.cause", '"cause"'),
        ('from = ["found", "rectifying"], to = "waiting"', 'from = ["found"], to = "found"', "flow.states[waiting].id", '"waiting"'),
        ('from = ["found", "rectifying"], to = "waiting"', 'from = ["found"], to = "rectifying"', "flow.moves[pause].to", '"rectifying"'),
        ('clears = ["evidence", "closed_on"]', 'clears = ["evidence", "state"]', "flow.moves[send_back].clears[2]", '"state"'),
        ('desk = "acceptor"', 'desk = "boss"', "flow.states[rectified].desk", '"boss"'),
        ('takeover = "2025-12-31"', 'takeover = "2025"', "flow.takeover", '"2025"'),
        ('than = "found_on"', 'than = "cause"', "laws[due_after_found].than", '"cause"'),
        ('than = "found_on"', 'than = "todai"', "laws[due_after_found].than", '"todai"'),
        ('than = "found_on"\n', "", "laws[due_after_found]", "{ id, field, op, else }"),
        ('field = "due"\nop', 'field = "duo"\nop', "laws[due_after_found].field", '"duo"'),
        ('title = { zh = "行业", en = "Sector" }', 'title = { zh = "状态", en = "Sector" }', "fields[sector].title.zh", '"状态"'),
        ('aliases = ["销号"]', 'aliases = ["整改中"]', "flow.states[closed].aliases[1]", '"整改中"'),
        ('id = "assign"', 'id = "pause"', "flow.moves[pause].id", '"pause"'),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line(old, new, place, find):
    text = changed(old, new)
    found = problems(text)
    assert (place, find) in [(one.key, one.found) for one in found], found
    assert all(one.line for one in found)


def test_a_law_may_compare_a_day_with_today():
    assert read_layer(changed('than = "found_on"', 'than = "today-90"'), "x").laws[0].than == "today-90"


def test_a_field_with_the_id_of_the_state_is_refused():
    text = changed('id = "sector"', 'id = "state"')
    assert ("fields[state].id", '"state"') in [(one.key, one.found) for one in problems(text)]
