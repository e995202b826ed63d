"""`riskmap map --to FILE.html`: one file that holds the selection, and nobody's telephone number."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import struct

import pytest

from riskmap.reports import map_page
from tests import cli
from tests.map_workspace import HOSTILE, STREETS, UNLOCATED, make_workspace

PHONE, PERSON = "13800001234", "张三丰"


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("page") / "ws")


@pytest.fixture(scope="module")
def whole(ws, tmp_path_factory):
    """The file of everything."""
    file = tmp_path_factory.mktemp("file") / "map.html"
    assert written(ws, file, "--json").json["files"] == [{"path": str(file), "format": "html", "rows": 63}]
    return file


def written(ws, path, *words: object) -> cli.Ran:
    found = cli.riskmap("map", *words, "--to", path, "--workspace", ws.root)
    assert found.status == 0, found.err
    return found


def held(file) -> tuple[dict, str]:
    """Return what a file says of itself, and every text of its records, unpacked."""
    text = file.read_text(encoding="utf-8")
    parts = dict(re.findall(r'<script type="[^"]+" id="(\w+)">([^<]*)</script>', text))
    content = gzip.decompress(base64.b64decode(parts["points"]))
    (n,) = struct.unpack_from("<I", content)
    facts = json.loads(parts["facts"])
    shapes = json.loads(gzip.decompress(base64.b64decode(parts["shapes"])))
    return facts | {"n": n, "shapes": shapes}, content.decode("utf-8", "replace")


def test_every_record_of_the_selection_is_in_it(whole, ws):
    facts, texts = held(whole)
    assert facts["n"] == 63  # 57 risk points, 4 grids, 2 shelters
    assert len(facts["shapes"]["records"]) == 4
    assert [place[0] for place in facts["shapes"]["streets"]] == [0, 1]
    assert facts["streets"] == [*STREETS, ""]  # some state no sub-district
    for code in ("RP-LONE-major", "RP-NOWHERE-0", "FG-3", "SH-1"):
        assert code in texts
    assert {one["title"]["zh"]: one["risk"] for one in facts["layers"]} == {
        ws.catalog.layer(layer).title.zh: ws.catalog.layer(layer).counts == "risk"
        for layer in ("risk_points", "forest_fire_grids", "shelters")
    }


def test_it_says_what_it_is_in_both_languages(whole):
    facts, _ = held(whole)
    assert facts["texts"]["zh"].keys() == facts["texts"]["en"].keys()
    assert "测试区" in facts["title"]["zh"]
    assert facts["approval"] == "粤S(2026)001号"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["as_of"][:10])
    assert "指纹" in facts["models"]["zh"]
    assert not facts["demo"]


def test_no_contact_and_no_text_of_a_field_is_in_it(whole):
    facts, texts = held(whole)
    page = whole.read_text(encoding="utf-8")
    assert facts["details"] == []
    for secret in (PHONE, PERSON, PHONE[:7]):
        assert secret not in texts
        assert secret not in page


def test_contacts_and_texts_are_in_it_for_who_says_why_and_it_is_recorded(ws, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(ws.root, root)
    file = tmp_path / "map.html"
    found = cli.riskmap(
        *("map", "--contacts", "--by", "值班员", "--why", "汛期值守", "--to", file, "--workspace", root)
    )
    assert found.status == 0, found.err
    facts, texts = held(file)
    assert texts.count(PHONE) == 57
    assert PERSON in texts
    assert facts["details"]
    from riskmap.actions.workspace import open_workspace

    (noted,) = [one for one in open_workspace(root).ledger.exports() if one.unmasked]
    assert (noted.who, noted.why) == ("值班员", "汛期值守")


def test_names_that_are_code_stay_letters_and_end_no_element(whole):
    page = whole.read_text(encoding="utf-8")
    assert not any(name in page for name in HOSTILE)  # they travel packed
    assert page.count("<script") == page.count("</script>") == 6
    _, texts = held(whole)
    assert all(name in texts for name in HOSTILE)


def test_a_street_that_is_code_ends_no_element(ws, tmp_path):
    document = map_page._inert(json.dumps({"streets": ["</script><script>alert(1)</script>"]}))
    assert "<" not in document
    assert json.loads(document)["streets"] == ["</script><script>alert(1)</script>"]


def test_the_file_asks_for_nothing(whole):
    page = whole.read_text(encoding="utf-8")
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
    assert f'content="{policy}"' in page
    (styles,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not re.search(r"url\((?!data:)", styles)
    assert not re.search(
        r"""(?:src|href)=["'](?!#)""", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    )


def test_a_filter_is_in_the_file_and_in_its_words(ws, tmp_path):
    file = tmp_path / "map.html"
    assert written(ws, file, "risk_points", "--tier", "major,large", "--json").json["files"][0]["rows"] == 10
    facts, _ = held(file)
    assert facts["n"] == 10
    assert "重大、较大" in facts["filter"]["zh"]
    assert "Major, Large" in facts["filter"]["en"]


def test_a_selection_of_nothing_is_a_file_that_says_so(ws, tmp_path):
    written(ws, tmp_path / "map.html", "--where", "name ~ 没有这个")
    facts, _ = held(tmp_path / "map.html")
    assert facts["n"] == 0


def test_records_without_a_position_are_in_it(ws, tmp_path):
    written(ws, tmp_path / "map.html", "--where", "name ~ 无坐标")
    facts, texts = held(tmp_path / "map.html")
    assert facts["n"] == UNLOCATED
    assert "无坐标0" in texts


def test_too_many_records_are_refused_with_what_to_do_instead(ws, tmp_path, monkeypatch):
    monkeypatch.setattr(map_page, "MOST", 62)
    file = tmp_path / "map.html"
    found = cli.riskmap("map", "--to", file, "--workspace", ws.root)
    assert found.status == 2
    assert "63" in found.err
    assert ".pmtiles" in found.err
    assert not file.exists()


@pytest.mark.parametrize("words", [("--paper", "A3"), ("--scale", "25000"), ("--grey",)])
def test_what_belongs_to_paper_is_refused_of_a_page(ws, tmp_path, words):
    found = cli.riskmap("map", *words, "--to", tmp_path / "map.html", "--workspace", ws.root)
    assert found.status == 2
    assert ".pdf" in found.err


def test_contacts_are_refused_of_a_sheet(ws, tmp_path):
    found = cli.riskmap("map", "--contacts", "--to", tmp_path / "map.pdf", "--workspace", ws.root)
    assert found.status == 2
    assert ".html" in found.err
    assert not (tmp_path / "map.pdf").exists()


def test_its_document_lists_the_figures_as_that_of_a_sheet_does_and_the_file_their_addresses(ws, tmp_path):
    page = written(ws, tmp_path / "map.html", "--json").json["figures"]
    assert page == written(ws, tmp_path / "map.pdf", "--json").json["figures"]
    told = {one["id"]: one["query"] for one in page}
    facts, _ = held(tmp_path / "map.html")
    assert facts["addresses"].items() <= told.items()
    assert {"records.layer", "points.tiers.major"} <= facts["addresses"].keys()
