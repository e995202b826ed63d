"""Something is reported on a record: from its page, in the register that may name it, with a picture."""

from __future__ import annotations

import shutil

import pytest

from riskmap.actions.records.attaching import attached_to
from riskmap.actions.records.editing import undo_changeset
from riskmap.actions.records.recording import reported_in
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from riskmap.selection import find
from riskmap.vocabulary import RANKS
from riskmap.web.widgets.map import card
from tests.attached_files import photo
from tests.hazard_workspace import POINT, REGISTER, hazard_workspace
from tests.pages_running import open_page, panel, texts, use_workspace

CODE = "RP-LONE-low"
FORM = f"form-{REGISTER}-{POINT}:{CODE}-0"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("report") / "w"
    hazard_workspace(root)
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def report(at, **stated):
    """Fill in the form that is open and send it."""
    for name, value in stated.items():
        at.text_input(key=f"{FORM}-{name}").set_value(value)
    at.text_input(key="new-sign-by").set_value("张三")
    at.text_input(key="new-sign-why").set_value("巡查发现")
    next(b for b in at.button if str(b.key).startswith("FormSubmitter:new-")).click()
    return at.run()


def tier(ws, code=CODE):
    return RANKS[int(one_feature(ws, POINT, code).rank[0])]


def test_a_hazard_reported_on_a_point_names_it_has_todays_day_and_its_picture_and_moves_the_tier(ws):
    at = open_page("point", layer=POINT, code=CODE)
    at.button(key=f"report-{REGISTER}").click().run()
    assert not at.exception, at.exception
    assert (at.query_params["new"], at.query_params["from"]) == (REGISTER, f"{POINT}:{CODE}")
    assert at.text_input(key=f"{FORM}-point").value == f"{POINT}:{CODE}"
    assert at.text_input(key=f"{FORM}-found_on").value == "2026-11-29"
    assert not {str(one.key) for one in at.text_input} & {f"{FORM}-x", f"{FORM}-state", f"{FORM}-closed_on"}
    at.file_uploader(key=f"{FORM}-photos-files").upload("坡面.jpg", photo(), "image/jpeg")
    before = tier(ws)
    at = report(at, name="坡面开裂", description="裂缝 3 m")
    assert not at.exception, at.exception
    (code,) = ws.ledger.features(REGISTER).records.code
    assert code == "ZD2026-0001"
    assert (before, tier(ws)) == ("low", "large")
    one = ws.ledger.features(REGISTER).records
    assert (one.values["point"], one.values["found_on"], one.values["state"]) == (
        [f"{POINT}:{CODE}"],
        ["2026-11-29"],
        ["found"],
    )
    assert [(file.field, file.name) for file in attached_to(ws, REGISTER, code)] == [("photos", "坡面.jpg")]
    assert ws.ledger.check() == []
    (said,) = [note.value for note in at.success]
    assert "ZD2026" in said
    assert "低 → 较大" in said
    assert at.query_params["code"] == CODE
    assert [row[1:3] for row in texts(panel(at, "point-linked"))] == [[code, "坡面开裂"]]


def test_an_undo_takes_the_report_its_picture_and_the_tier_back_together(ws):
    at = open_page("point", new=REGISTER, **{"from": f"{POINT}:{CODE}"})
    at.file_uploader(key=f"{FORM}-photos-files").upload("坡面.jpg", photo(), "image/jpeg")
    report(at, name="坡面开裂")
    changes = [one.changeset for one in ws.ledger.history(REGISTER, "ZD2026-0001")]
    undo_changeset(ws, changes[0], by=local_actor("李四"), why="登记错了")
    assert len(ws.ledger.features(REGISTER)) == 0
    assert tier(ws) == "low"
    assert ws.ledger.check() == []


def test_what_is_no_picture_is_refused_and_no_record_is_left(ws):
    at = open_page("point", new=REGISTER, **{"from": f"{POINT}:{CODE}"})
    at.file_uploader(key=f"{FORM}-photos-files").upload("假.jpg", b"<script>", "image/jpeg")
    at = report(at, name="坡面开裂")
    assert "不是可以附上的文件" in at.error[0].value
    assert len(ws.ledger.features(REGISTER)) == 0


def test_only_registers_whose_file_may_name_the_layer_are_offered(ws):
    layers = ws.catalog.layers
    assert [register.id for register, _ in reported_in(layers, POINT)] == ["hazards", REGISTER]
    assert [register.id for register, _ in reported_in(layers, "enterprises")] == [
        "visits",
        "hazards",
        REGISTER,
    ]
    assert reported_in(layers, "shelters") == []  # counts as a resource: no hazard names it
    at = open_page("point", layer="shelters", code="SH-0")
    assert not [b for b in at.button if str(b.key).startswith("report-")]
    past = open_page("point", layer=POINT, code=CODE, asof="2026-11-29")
    assert not [b for b in past.button if str(b.key).startswith("report-")]


def test_an_address_that_names_no_record_or_no_field_says_so(ws):
    for about in (f"{POINT}:nowhere", "shelters:SH-0", "moon:1"):
        at = open_page("point", new=REGISTER, **{"from": about})
        assert len(at.error) == 1, about
        assert not [one for one in at.text_input if str(one.key).endswith("found_on")]


def test_the_card_on_the_map_leads_to_the_form_of_each_register_and_not_in_the_past(ws):
    now = current_snapshot(ws)
    shown = card(ws, now, find(now, POINT, CODE), "zh")
    assert [(one["title"], one["page"]) for one in shown["reports"]] == [
        ("＋登记隐患", f"point?new=hazards&from={POINT}%3A{CODE}&lang=zh"),
        ("＋登记重大隐患", f"point?new={REGISTER}&from={POINT}%3A{CODE}&lang=zh"),
    ]
