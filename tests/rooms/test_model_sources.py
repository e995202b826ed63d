"""A changed number loses its source and the model its adoption, until somebody states them: who, when, why."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.actions.model_saving import open_model, raised_text, save_model
from riskmap.actions.workspace import create_workspace
from riskmap.catalog import defaults_dir
from riskmap.catalog.model_file import read_model
from riskmap.catalog.model_sources import (
    changed_parts,
    loses_adoption,
    lost_sources,
    signed_text,
    statements_of,
    unsourced,
    with_statements,
)
from riskmap.catalog.model_text import changed_text, editable_values
from riskmap.errors import CatalogError
from riskmap.moments import local_now
from riskmap.rules.permissions import local_actor

LAYER = "risk_points"
LEC = (defaults_dir() / "models" / "risk_points_lec.toml").read_text(encoding="utf-8")
DAY = date(2026, 11, 29)
SIGNED = {"by": "张三", "on": DAY, "ground": "区防汛会议"}
LIMIT = ("limits", "general")
SOURCE = ("limits", "source")


def signed(text, *known, **more):
    return signed_text(text, known or (LEC,), **SIGNED | more)


def values(text):
    return tomllib.loads(text)


def test_a_changed_number_loses_its_source_and_the_model_its_adoption():
    text = signed(changed_text(LEC, {LIMIT: 91}))
    now, before = values(text), values(LEC)
    assert (now["limits"]["source"], now["status"]) == ("", "draft")
    assert [p["source"] for p in now["indicators"]] == [p["source"] for p in before["indicators"]]
    assert unsourced(text) == (("limits",),)
    assert read_model(text, "f").status == "draft"


def test_a_text_without_another_number_loses_nothing():
    for text in (LEC, changed_text(changed_text(LEC, {LIMIT: 91}), {LIMIT: 70}), LEC + "\n# 备注\n"):
        assert signed(text) == text
        assert lost_sources(text, [LEC]) == ()
        assert not loses_adoption(text, [LEC])


def test_a_source_that_is_stated_anew_says_by_whom_and_when_and_the_model_is_a_draft_until_adopted():
    text = with_statements(changed_text(LEC, {LIMIT: 91}), {SOURCE: "区安委办〔2026〕12号"})
    now = values(signed(text))
    assert now["limits"]["source"] == "区安委办〔2026〕12号（张三，2026-11-29）"
    assert now["status"] == "draft"


def test_an_adopted_version_says_on_what_ground_by_whom_and_when():
    text = with_statements(changed_text(LEC, {LIMIT: 91}), {SOURCE: "区安委办〔2026〕12号"})
    model = read_model(signed(text, adopt=True), "f")
    assert (model.status, model.adopted) == ("adopted", "区防汛会议（张三，2026-11-29）")
    assert model.limits.lower["general"] == 91


def test_a_draft_becomes_adopted_later_without_another_change():
    draft = LEC.replace('status = "adopted"', 'status = "draft"  # 待定', 1)
    text = signed(draft, draft, adopt=True)
    assert (values(text)["status"], values(text)["adopted"]) == ("adopted", "区防汛会议（张三，2026-11-29）")
    assert "# 待定" in text
    assert signed(text, text) == text


def test_an_adoption_typed_into_the_file_is_signed_by_who_saves_it():
    draft = LEC.replace('status = "adopted"', 'status = "draft"', 1)
    assert values(signed(LEC, draft))["adopted"] == "区防汛会议（张三，2026-11-29）"
    typed = draft.replace('status = "draft"', 'status = "adopted"\nadopted = "常务会"', 1)
    assert values(signed(typed, draft))["adopted"] == "常务会（张三，2026-11-29）"


def test_an_adoption_falls_with_a_number_and_stands_again_where_the_version_is_put_back():
    draft = LEC.replace('status = "adopted"', 'status = "draft"', 1)
    first = signed(draft, draft, adopt=True)
    second = signed(changed_text(first, {LIMIT: 91}), first)
    assert (values(second)["status"], values(second)["adopted"]) == ("draft", "")
    assert signed(first, second, first) == first
    assert loses_adoption(changed_text(first, {LIMIT: 80}), [first, second])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('source = "区里"\n', 'source = ""\nstatus = "draft"\n'),
        ('source = "区里"\nstatus = "adopted"\n', 'source = ""\nstatus = "draft"\n'),
    ],
)
def test_a_rule_with_another_condition_is_no_longer_adopted(before, after):
    rule = '\n[[rules]]\nid = "gas"\ntitle = { zh = "燃气", en = "Gas" }\ntier = "large"\nwhen = [{ field = "exposure", op = ">=", value = 3 }]\n'
    base = LEC + rule + before
    text = signed(base.replace("value = 3 }]", "value = 2 }]"), base)
    assert text.endswith(after)
    assert read_model(text, "f").rules[-1].status == "draft"


def test_a_rule_within_braces_is_written_within_them():
    base = values(LEC)
    head = LEC[: LEC.index("[limits]")]
    rest = (
        LEC[LEC.index("[limits]") : LEC.index("[[rules]]")]
        if "rules" in base
        else LEC[LEC.index("[limits]") :]
    )
    rule = 'rules = [{ id = "x", title = { zh = "一", en = "x" }, tier = "large", when = [{ field = "exposure", op = ">=", value = 3 }], source = "区里" }]\n\n'
    before = head + rule + rest
    text = signed(before.replace("value = 3 }]", "value = 2 }]"), before)
    assert 'source = "", status = "draft" }]' in text
    assert values(text)["rules"][0]["status"] == "draft"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({SOURCE: ""}, "limits.source"),
        ({("status",): "draft", ("adopted",): "常务会"}, "adopted"),
    ],
)
def test_what_is_adopted_has_its_sources_and_a_draft_has_no_adopter(change, key):
    with pytest.raises(CatalogError) as told:
        read_model(with_statements(LEC, change), "f")
    assert [problem.key for problem in told.value.problems] == [key]


PATHS = [path for path, one in editable_values(LEC).items() if one.kind == "number"]


@given(st.sets(st.sampled_from(PATHS), max_size=4), st.booleans())
def test_exactly_the_parts_with_another_number_lose_their_source(paths, adopt):
    text = changed_text(LEC, {path: float(editable_values(LEC)[path].value) + 0.5 for path in paths})
    done = signed(text, adopt=adopt)
    changed = changed_parts(LEC, text)
    sources = {part.path: part.source for part in statements_of(values(LEC)).parts.values()}
    for part in statements_of(values(done)).parts.values():
        lost = part.path in changed and sources[part.path] is not None
        assert part.source == ("" if lost else sources[part.path])
    assert values(done)["status"] == ("adopted" if adopt or not paths else "draft")
    assert statements_of(values(done)).figures == statements_of(values(text)).figures
    assert signed(done, LEC, done) == done


# Saved in a workspace


@pytest.fixture
def ws(tmp_path):
    return create_workspace(tmp_path / "ws")


def save(ws, text, **more):
    here = open_model(ws, LAYER)
    by = {"by": local_actor("张三"), "why": "区防汛会议"}
    return save_model(ws, LAYER, raised_text(ws, LAYER, text), base_digest=here.digest, **by | more)


def test_saving_writes_what_was_lost_and_who_restates_it_is_named(ws):
    first = save(ws, changed_text(open_model(ws, LAYER).text, {LIMIT: 91}))
    assert (first.model.status, first.model.limits.source) == ("draft", "")
    assert save(first.workspace, LEC).model.status == "adopted"  # the version before, put back
    text = with_statements(first.model.text, {SOURCE: "区安委办〔2026〕12号"})
    second = save(first.workspace, text, by=local_actor("李四"), adopt=True)
    today = local_now().date().isoformat()
    assert second.model.limits.source == f"区安委办〔2026〕12号（李四，{today}）"
    assert second.model.adopted == f"区防汛会议（李四，{today}）"


def test_a_model_with_a_lost_source_is_not_adopted_and_nothing_is_written(ws):
    before = open_model(ws, LAYER).text
    with pytest.raises(CatalogError, match="出处"):
        save(ws, changed_text(before, {LIMIT: 91}), adopt=True)
    assert open_model(ws, LAYER).text == before
