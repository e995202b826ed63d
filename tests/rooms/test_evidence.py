"""Evidence that is a picture: handed over with a move, kept beside the record, gone with what clears it."""

from __future__ import annotations

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from tests.attached_files import photo as taken
from tests.cli import riskmap
from tests.register_files import LAYER, TEXT, table

PHOTOS = TEXT.replace(
    'id = "evidence"\ntitle = { zh = "整改照片", en = "Evidence" }\ntype = "text"',
    'id = "evidence"\ntitle = { zh = "整改照片", en = "Evidence" }\ntype = "file"\nseveral = true\nmedia = ["image", "pdf"]',
)


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-28T02:00:00Z")
    assert 'type = "file"' in PHOTOS
    home = tmp_path / "ws"
    assert riskmap("init", home, "--name", "测试区").status == 0
    (home / "layers" / f"{LAYER}.toml").write_text(PHOTOS, encoding="utf-8")
    file = tmp_path / "隐患.csv"
    file.write_text(
        "隐患编号,隐患名称,经度,纬度,发现日期,整改期限,状态\nH1,漏电,114.1,22.6,2026-09-08,2026-12-01,整改中\n",
        encoding="utf-8",
    )
    assert run(home, "import", LAYER, file, "--crs", "cgcs2000", "--by", "甲").status == 0
    return open_workspace(home)


def run(home, *words):
    return riskmap(*words, "--workspace", home)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "整改后.jpg"
    path.write_bytes(taken())
    return path


def files(ws):
    (one,) = run(ws.root, "select", LAYER, "--json").json["features"]
    return one["fields"]["state"], [file["name"] for file in one["files"]]


def test_a_move_that_asks_for_a_picture_is_made_with_one_and_one_undo_takes_both_back(ws, photo):
    refused = run(ws.root, "move", LAYER, "H1", "rectify", "--by", "乙", "--json")
    assert (refused.status, refused.json["refused"][0]["issues"][0]["rule"]) == (2, "asks")
    done = run(ws.root, "move", LAYER, "H1", "rectify", "--evidence", photo, "--by", "乙", "--json")
    assert done.status == 0, done.err
    assert files(ws) == ("rectified", ["整改后.jpg"])
    accepted = run(ws.root, "move", LAYER, "H1", "accept", "--on", "2026-11-28", "--by", "丙", "--json")
    assert accepted.status == 0, accepted.err
    assert files(ws) == ("closed", ["整改后.jpg"])
    back = run(
        ws.root, "move", LAYER, "H1", "send_back", "--set", "due=2026-12-10", "--by", "丙", "--why", "反弹"
    )
    assert back.status == 0, back.err
    assert files(ws) == ("rectifying", [])
    history = run(ws.root, "history", LAYER, "H1", "--json").json["revisions"]
    assert [change[1] for one in history if (change := one["changes"].get("evidence"))][-1] is None
    ledger = open_workspace(ws.root).ledger
    assert run(ws.root, "undo", ledger.state, "--why", "误退回").status == 0
    assert files(ws) == ("closed", ["整改后.jpg"])
    assert ledger.check() == []


def test_accepting_a_held_closing_with_its_picture_is_the_second_persons_act(ws, photo, tmp_path):
    file = tmp_path / "销号.csv"
    file.write_text("隐患编号,状态,销号日期\nH1,已销号,2026-11-20\n", encoding="utf-8")
    assert run(ws.root, "import", LAYER, file, "--by", "甲", "--json").json["files"][0]["held"] == 1
    bare = run(ws.root, "accept", 1, "--by", "乙", "--why", "核对")
    assert bare.refused or bare.status == 2
    assert files(ws) == ("rectifying", [])
    done = run(ws.root, "accept", 1, "--by", "乙", "--why", "核对", "--evidence", photo)
    assert done.status == 0, done.err
    assert files(ws) == ("closed", ["整改后.jpg"])
    assert ws.ledger.check() == []


def test_the_districts_closing_goes_through_with_a_picture(tmp_path, monkeypatch, photo):
    monkeypatch.setenv(CLOCK, "2026-11-28T02:00:00Z")
    home = tmp_path / "district"
    riskmap("init", home, "--name", "测试区")
    (home / "layers" / f"{LAYER}.toml").write_text(PHOTOS, encoding="utf-8")
    run(home, "import", LAYER, table("major_hazards"), "--crs", "wgs84", "--by", "甲")
    assert run(home, "import", LAYER, table("close1"), "--by", "甲", "--json").json["files"][0]["held"] == 1
    done = run(home, "accept", 1, "--by", "乙", "--why", "核对", "--evidence", photo)
    assert done.status == 0, done.err
    ledger = open_workspace(home).ledger
    assert ledger.states(open_workspace(home).catalog.layer(LAYER))["closed"] == 199


def test_a_new_record_brings_its_picture_in_its_own_changeset(ws, photo):
    path = ws.root / "layers" / f"{LAYER}.toml"
    photos = '[[fields]]\nid = "photos"\ntitle = { zh = "现场照片", en = "Photos" }\ntype = "file"\n\n'
    head, mark, rest = PHOTOS.partition("[[fields]]")
    path.write_text(f"{head}{photos}{mark}{rest}", encoding="utf-8")
    words = ["record", LAYER, "--set", "编号=H2", "--set", "名称=漏电", "--on", "2026-11-20", "--by", "甲"]
    assert run(ws.root, *words, "--file", photo, "--file", photo).status == 2  # the field takes one
    done = run(ws.root, *words, "--file", photo, "--json")
    assert done.status == 0, done.err
    (one,) = [f for f in run(ws.root, "select", LAYER, "--json").json["features"] if f["code"] == "H2"]
    assert [(file["field"], file["name"]) for file in one["files"]] == [("photos", "整改后.jpg")]
    (revision,) = run(ws.root, "history", LAYER, "H2", "--json").json["revisions"]
    assert revision["changeset"] == done.json["changeset"]
    ledger = open_workspace(ws.root).ledger
    assert ledger.check() == []
    assert run(ws.root, "undo", ledger.state, "--why", "误登记").status == 0
    assert ledger.check() == []


def test_a_register_whose_files_belong_to_its_moves_takes_none_with_a_new_record(ws, photo):
    refused = run(ws.root, "record", LAYER, "--set", "编号=H3", "--file", photo, "--by", "甲")
    assert refused.status == 2
    assert "[[fields]]" in refused.err or 'type = "file"' in refused.err
