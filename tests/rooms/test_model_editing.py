"""Changing a model from the app: previewed as it will be, signed, versioned, never lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tomllib

import pytest

from riskmap.actions import model_saving
from riskmap.actions.model_saving import (
    model_versions,
    next_version,
    open_model,
    raised_text,
    reopened,
    save_model,
)
from riskmap.actions.models import preview_model, under_draft
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.catalog import load_catalog
from riskmap.catalog.model_text import changed_text, editable_values, with_version
from riskmap.errors import CatalogError, LedgerError, RiskmapError, StaleModelError
from riskmap.rules.permissions import local_actor
from tests.map_workspace import make_workspace

LAYER = "risk_points"
WHO = {"by": "张三", "why": "区里会议确定"}
ACTS = WHO | {"by": local_actor(WHO["by"])}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("models") / "w"
    make_workspace(root).ledger.close()
    return root


@pytest.fixture
def ws(made, tmp_path):
    shutil.copytree(made, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def draft(ws, limit=91, version=None):
    here = open_model(ws, LAYER)
    text = changed_text(here.text, {("limits", "general"): limit})
    return here, with_version(text, version or next_version(here.version, [here.version]))


def saved(ws, **more):
    here, text = draft(ws, **more)
    return save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)


# Preview


def test_a_preview_counts_what_assessing_gives_after_the_save(ws):
    here, text = draft(ws, limit=91)
    seen = preview_model(ws, LAYER, text)
    done = save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    (layer,) = done.assessed["layers"]
    assert {**layer["tiers"], "unrated": layer["unrated"]} == dict(seen.after)
    assert seen.before["general"] == 4
    assert seen.after["general"] == 0
    assert seen.gains == {"major": 0, "large": 0, "general": -4, "low": 4, "unrated": 0}
    assert seen.comparison.migration.count("general", "low") == 4
    changes = ws.ledger.tier_changes(run=done.assessed["run"])
    assert [(c.code, c.before, c.after, c.cause) for c in changes] == [
        (p.code, p.before, p.after, "model") for p in seen.comparison.points
    ]


def test_a_preview_writes_nothing(ws):
    before = ws.ledger.state, open_model(ws, LAYER).digest
    preview_model(ws, LAYER, draft(ws)[1])
    assert (ws.ledger.state, open_model(ws, LAYER).digest) == before
    assert ws.catalog.model_of(LAYER).limits.lower["general"] == 70


def test_a_draft_with_mistakes_is_told_every_one_with_its_line(ws):
    text = open_model(ws, LAYER).text
    text = text.replace("major = 320", "major = 30").replace('method = "product"', 'method = "productx"')
    with pytest.raises(CatalogError) as told:
        preview_model(ws, LAYER, text)
    (problem,) = told.value.problems
    assert problem.line
    assert problem.hint == "product"
    text = open_model(ws, LAYER).text.replace('field = "likelihood"', 'field = "likelihoodd"')
    with pytest.raises(CatalogError) as told:
        preview_model(ws, LAYER, text)
    assert [p.hint for p in told.value.problems if p.hint] == ["likelihood"]


def test_a_draft_may_not_take_another_id(ws):
    text = open_model(ws, LAYER).text.replace('id = "risk_points_lec"', 'id = "other"', 1)
    with pytest.raises(CatalogError, match="risk_points_lec"):
        preview_model(ws, LAYER, text)


def test_use_cases_can_be_asked_as_if_the_draft_were_saved(ws):
    draft_ws = under_draft(ws, preview_model(ws, LAYER, draft(ws)[1]).model)
    assert draft_ws.catalog.model_of(LAYER).limits.lower["general"] == 91
    assert draft_ws.ledger is ws.ledger
    assert ws.catalog.model_of(LAYER).limits.lower["general"] == 70


def test_a_model_that_compares_with_the_whole_layer_is_fitted_for_the_preview(ws):
    layer = "forest_fire_grids"
    here = open_model(ws, layer)
    ranked = here.text.replace(
        'method = "product"\n',
        'method = "product"\nnormalise = { method = "percentile_rank", high = 64 }\nsource = "试验"\n',
    )
    text = with_version(ranked, "2.0")
    seen = preview_model(ws, layer, text)
    done = save_model(ws, layer, text, base_digest=here.digest, **ACTS)
    (told,) = done.assessed["layers"]
    assert {**told["tiers"], "unrated": told["unrated"]} == dict(seen.after)
    assert seen.after != seen.before
    assert told["fit"]


def test_a_model_of_two_layers_is_checked_against_both_and_both_are_assessed(ws):
    text = (ws.root / "layers" / "risk_points.toml").read_text(encoding="utf-8")
    twin = text.replace('id = "risk_points"', 'id = "twin"', 1).replace('"hazard_ratio"', '"other_ratio"')
    (ws.root / "layers" / "twin.toml").write_text(twin, encoding="utf-8")
    assert [fault.layer for fault in load_catalog(ws.root).faults] == ["twin"]
    twin = twin.replace('"other_ratio"', '"hazard_ratio"').replace('"exposed_workers"', '"workers"')
    here, changed = draft(ws)
    (ws.root / "layers" / "twin.toml").write_text(twin, encoding="utf-8")
    without = changed.replace('field = "exposed_workers"', 'field = "hazard_ratio"')
    (ws.root / "models" / "risk_points_lec.toml").write_text(
        here.text.replace('field = "exposed_workers"', 'field = "hazard_ratio"'), encoding="utf-8"
    )
    both = reopened(ws)
    with pytest.raises(CatalogError) as told:
        preview_model(both, LAYER, changed)
    assert any("twin" in p.expected.zh for p in told.value.problems)
    done = save_model(both, LAYER, without, base_digest=open_model(both, LAYER).digest, **ACTS)
    assert [one["layer"] for one in done.assessed["layers"]] == ["risk_points", "twin"]


# Saving


def test_a_saved_model_is_a_version_with_who_and_why(ws):
    done = saved(ws)
    file = ws.root / "models" / "risk_points_lec.toml"
    assert file.read_text(encoding="utf-8") == done.model.text
    assert load_catalog(ws.root).model_of(LAYER).limits.lower["general"] == 91
    assert done.workspace.catalog.model_of(LAYER).digest == done.model.digest
    new, old = model_versions(done.workspace, LAYER)
    assert (new.version, new.current, new.saved, new.who, new.why) == (
        "1.1",
        True,
        True,
        "张三",
        "区里会议确定",
    )
    assert (old.version, old.current, old.saved) == ("1.0", False, False)
    assert tomllib.loads(old.text)["limits"]["general"] == 70
    (change,) = [c for c in ws.ledger.changesets() if c.kind == "model"]
    assert change.id == done.changeset
    assert ws.ledger.check() == []
    assert [p.name for p in (ws.root / "models").iterdir() if p.name.startswith(".")] == []


def test_comments_and_line_ends_of_the_file_stay(ws):
    file = ws.root / "models" / "risk_points_lec.toml"
    before = file.read_text(encoding="utf-8")
    file.write_bytes(before.replace("\n", "\r\n").encode())
    done = saved(reopened(ws))
    after = file.read_bytes().decode()
    assert after == done.model.text.replace("\n", "\r\n")
    lines = [
        (old, new) for old, new in zip(before.split("\n"), after.split("\r\n"), strict=True) if old != new
    ]
    assert [new for _, new in lines] == ['version = "1.1"', 'status = "draft"', "general = 91", 'source = ""']
    assert load_catalog(ws.root).model_of(LAYER).digest == done.model.digest


def test_saving_may_leave_the_tiers_for_later(ws):
    here, text = draft(ws)
    done = save_model(ws, LAYER, text, base_digest=here.digest, assess=False, **ACTS)
    assert done.assessed is None
    assert ws.ledger.assessed_digest(LAYER) == here.digest
    assert assess_layers(done.workspace, [LAYER], **ACTS)["layers"][0]["changed"] == 4


def test_a_model_that_was_changed_meanwhile_is_refused_and_shows_both_texts(ws):
    here, text = draft(ws)
    saved(ws, limit=80, version="1.5")
    with pytest.raises(StaleModelError) as told:
        save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    assert told.value.mine == text
    assert told.value.theirs == open_model(ws, LAYER).text
    assert told.value.version == "1.5"
    assert len([c for c in ws.ledger.changesets() if c.kind == "model"]) == 1


def test_a_file_that_was_edited_by_hand_meanwhile_is_not_overwritten(ws):
    here, text = draft(ws)
    by_hand = here.text.replace("general = 70", "general = 75").replace('"1.0"', '"1.0a"')
    here.file.write_text(by_hand, encoding="utf-8")
    with pytest.raises(StaleModelError, match="1.0a"):
        save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    assert open_model(ws, LAYER).text == by_hand


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_version_that_was_used_is_refused_and_the_next_one_named(ws, version):
    ws = saved(ws).workspace
    here = open_model(ws, LAYER)
    text = with_version(changed_text(here.text, {("limits", "general"): 60}), version)
    with pytest.raises(RiskmapError, match=r"1\.2"):
        save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    assert open_model(ws, LAYER).text == here.text


def test_an_unchanged_text_is_refused(ws):
    here = open_model(ws, LAYER)
    with pytest.raises(RiskmapError, match="没有改动"):
        save_model(ws, LAYER, here.text, base_digest=here.digest, **ACTS)


def test_a_save_without_person_or_reason_is_refused(ws):
    here, text = draft(ws)
    for who in ({"by": local_actor(" "), "why": "x"}, {"by": local_actor("x"), "why": ""}):
        with pytest.raises(LedgerError, match="经办人"):
            save_model(ws, LAYER, text, base_digest=here.digest, **who)
    assert open_model(ws, LAYER).text == here.text
    assert model_versions(ws, LAYER)[0].version == "1.0"


def test_an_earlier_version_is_put_back_under_a_new_number(ws):
    first = open_model(ws, LAYER)
    before = preview_model(ws, LAYER, first.text).before
    ws = saved(ws).workspace
    text = raised_text(ws, LAYER, first.text)
    assert text == first.text.replace('"1.0"', '"1.2"')
    with pytest.raises(RiskmapError, match=r"1\.2"):  # its own number is used up
        save_model(ws, LAYER, first.text, base_digest=open_model(ws, LAYER).digest, **ACTS)
    done = save_model(
        ws, LAYER, text, base_digest=open_model(ws, LAYER).digest, by=local_actor("李四"), why="放回"
    )
    assert done.assessed["layers"][0]["changed"] == 4
    assert preview_model(done.workspace, LAYER, text).before == before
    assert [(v.version, v.who) for v in model_versions(done.workspace, LAYER)][:2] == [
        ("1.2", "李四"),
        ("1.1", "张三"),
    ]


def test_next_versions_count_on_from_the_last_number():
    used = {"1.0", "1.1", "1.9", "2"}
    assert next_version("1.0", used) == "1.2"
    assert next_version("1.9", used) == "1.10"
    assert next_version("2", used) == "3"
    assert next_version("draft", used) == "draft.1"
    assert next_version("2024b", used) == "2025b"
    assert next_version("", used) == "1"


# Stopped between ledger and file


def stop(ws, monkeypatch):
    """Save, and let the machine stop after the ledger has the version and before the file has it."""
    here, text = draft(ws)

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_saving, "_replace", stopped)
        with pytest.raises(KeyboardInterrupt):
            save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    return here, text


def test_a_stop_before_the_file_was_replaced_loses_neither_text(ws, monkeypatch):
    here, _ = stop(ws, monkeypatch)
    assert open_model(ws, LAYER).text == here.text
    new, old = model_versions(ws, LAYER)
    assert (new.pending, new.current, new.who) == (True, False, "张三")
    assert tomllib.loads(new.text)["limits"]["general"] == 91
    assert (old.text, old.current) == (here.text, True)
    done = save_model(ws, LAYER, new.text, base_digest=here.digest, by=local_actor("张三"), why="接着保存")
    assert done.workspace.catalog.model_of(LAYER).version == "1.1"
    assert not any(v.pending for v in model_versions(done.workspace, LAYER))


KILLED = """
import os, signal, sys
from pathlib import Path
from riskmap.rules.permissions import local_actor
from riskmap.actions import model_saving
from riskmap.actions.workspace import open_workspace
model_saving._replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ws = open_workspace(Path(sys.argv[1]))
here = model_saving.open_model(ws, "risk_points")
text = here.text.replace("general = 70", "general = 91").replace('"1.0"', '"1.1"')
model_saving.save_model(ws, "risk_points", text, base_digest=here.digest, by=local_actor("张三"), why="断电")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="platform: no kill -9")
def test_a_killed_save_leaves_a_whole_file_and_a_signed_version(ws):
    ws.ledger.close()
    ran = subprocess.run([sys.executable, "-c", KILLED, str(ws.root)], check=False)
    assert ran.returncode == -signal.SIGKILL
    again = open_workspace(ws.root)  # what was left beside the file is no model
    assert again.catalog.model_of(LAYER).version == "1.0"
    assert again.ledger.check() == []
    new = model_versions(again, LAYER)[0]
    assert (new.version, new.pending, new.who, new.why) == ("1.1", True, "张三", "断电")


def test_of_two_who_save_at_the_same_moment_one_is_told(ws, monkeypatch):
    here, text = draft(ws)
    record = ws.ledger.record_model

    def overtaken(*words, **more):
        number = record(*words, **more)
        record(here_id, "1.7", text=with_version(text, "1.7"), base=here.text, by="李四", why="别的")
        return number

    here_id = ws.catalog.layer(LAYER).model
    monkeypatch.setattr(ws.ledger, "record_model", overtaken)
    with pytest.raises(StaleModelError):
        save_model(ws, LAYER, text, base_digest=here.digest, **ACTS)
    assert open_model(ws, LAYER).text == here.text
    assert {v.version for v in model_versions(ws, LAYER)} == {"1.0", "1.1", "1.7"}


def test_a_saved_model_is_not_undone_but_put_back(ws):
    done = saved(ws)
    with pytest.raises(LedgerError, match="模型"):
        ws.ledger.undo(done.changeset, **WHO)


def test_the_whole_form_can_be_written_back_without_a_difference(ws):
    for file in sorted((ws.root / "models").glob("*.toml")):
        text = file.read_text(encoding="utf-8")
        assert changed_text(text, {k: e.value for k, e in editable_values(text).items()}) == text
