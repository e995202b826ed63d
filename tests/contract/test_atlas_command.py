"""`riskmap atlas`: overview, a page for each sub-district and each bad risk, an index that leads to them."""

from __future__ import annotations

import io
import itertools
import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

import riskmap as library
from riskmap.actions.figures import addressed
from riskmap.actions.inventory import atlas as action
from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.inventory.map_files import Look, sheet_of
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import NotAllowedError, RiskmapError
from riskmap.reports.map_atlas import Atlas, drawn
from riskmap.reports.map_drawing import width_of
from riskmap.reports.map_sheet import Facts, page_of, typeset
from riskmap.rules.permissions import Actor, local_actor
from riskmap.selection import Selection, select
from riskmap.values.inventory import add_counts, tier_counts
from riskmap.vocabulary import TIERS, WEIGHT_OF
from tests import cli
from tests.map_workspace import HOSTILE, STREETS, UNLOCATED, make_workspace

BAD = 2 + len(HOSTILE)  # one major, one large, and the hostile names: of the risk points
PHONE, PERSON = "13800001234", "张三丰"


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("atlas") / "ws")


@pytest.fixture
def own(ws, tmp_path):
    """A workspace of the test's own, to change."""
    shutil.copytree(ws.root, tmp_path / "own")
    return open_workspace(tmp_path / "own")


def printed(ws, path, *words: object) -> cli.Ran:
    return cli.riskmap("atlas", *words, "--to", path, "--workspace", ws.root)


def pages(path) -> list[str]:
    return ["".join(page.extract_text().split()) for page in PdfReader(path).pages]


def book(ws, look: Look = Look(), selection: Selection = Selection(), lang: Any = "zh") -> Atlas:  # noqa: B008
    sheet = sheet_of(ws, selection, inventory_of(ws, selection, facts=False, lang=lang), look, None)
    found = sheet.located
    bad = np.flatnonzero(found.rank >= WEIGHT_OF["large"]).tolist()
    return Atlas(sheet, told={sheet.key(row): (Facts("概况", ("地址：某路 1 号",)),) for row in bad})


def test_overview_streets_bad_risks_and_index_follow_one_another(ws, tmp_path):
    done = printed(ws, tmp_path / "图集.pdf", "risk_points", "--json")
    assert done.status == 0, done.err
    found = pages(tmp_path / "图集.pdf")
    assert len(found) == 1 + len(STREETS) + BAD + 1
    assert done.json["files"] == [
        {"path": str(tmp_path / "图集.pdf"), "format": "pdf", "rows": 57, "pages": len(found)}
    ]
    assert found[0].startswith("测试区风险点分布图")
    for page, street in zip(found[1:3], STREETS, strict=True):
        assert f"{street}风险点分布图" in page
    assert "孤点major" in found[3]  # by sub-district, the worst first
    assert "重大" in found[3]
    assert f"索引（{BAD}处）" in found[-1]
    for i, page in enumerate(found):
        assert f"第{i + 1}页/共{len(found)}页" in page
        assert "粤S(2026)001号" in page
        assert "数据截至" in page


def test_the_index_and_every_list_name_the_page_on_which_a_record_is(ws):
    made, index = book(ws).bound
    leads = made[0].book.leads
    for key, page in leads.items():
        subject = made[page - 1].subject
        assert subject is not None
        assert subject.code == key[1]
    rows = [row for page in index for column in page["columns"] for row in column if not row["head"]]
    assert len(rows) == len(leads)
    for row in rows:
        assert made[int(row["page"]) - 1].subject.code in row["text"]
    for sheet in made[1:3]:
        page = page_of(sheet)
        for n, row in zip(sheet.numbered, page["list"], strict=True):
            assert row["page"] == f"{leads[sheet.key(n)]} 页"


def test_the_page_of_a_sub_district_draws_and_counts_its_own_records_only(ws):
    made, _ = book(ws).bound
    whole = made[0].inventory
    for sheet in made[1:3]:
        (street,) = sheet.focus
        own = sum(part.table["subdistrict"].to_pylist().count(street) for part in whole.layers)
        assert len(sheet.inventory) == own > 0
        page = page_of(sheet)
        counted = sum(page["legend"][-1]["counts"]) + sum(row["total"] for row in page["others"])
        assert counted == own
        other = next(name for name in STREETS if name != street)
        quiet = {label["text"]: label["quiet"] for label in page["names"]}
        assert quiet.get(street, False) is False
        assert quiet.get(other, True) is True
    drawn_there = sum(len(sheet.inventory) for sheet in made[1:3])
    assert len(whole) - drawn_there == UNLOCATED  # they state no sub-district
    assert any(str(UNLOCATED) in note for note in made[0].book.notes)


def test_every_number_of_a_legend_is_a_figure_of_the_rows_on_its_page_and_those_of_a_street_lead_to_them(
    ws, tmp_path
):
    made, _ = book(ws).bound
    for sheet in made:
        held = sheet.inventory
        for part in held.risks:
            assert held.tiers(part) == tier_counts(part.table)
        assert held.tiers() == add_counts([tier_counts(part.table) for part in held.risks])
        assert [held.records(part) for part in held.layers] == [len(part) for part in held.layers]
        assert all(one.query or sheet.subject or not one.value for one in held.printed)
    district, now = library.open(ws.root), current_snapshot(ws)
    told = printed(ws, tmp_path / "图集.pdf", "--points", "none", "--json").json["figures"]
    for street in STREETS:
        mine = {one["id"]: one for one in told if one.get("street") == street}
        asked = district.figures([f"points.street_tier.{street}.{tier}" for tier in TIERS])
        for tier in TIERS:
            value = asked[f"points.street_tier.{street}.{tier}"].value
            assert mine.get(f"points.tiers.{tier}", {"value": 0})["value"] == value
        for one in mine.values():
            chosen, _ = addressed(ws, one["query"])
            assert len(select(now, chosen)) == one["value"], one


def test_nothing_lies_over_a_label_or_over_the_record_of_the_page(ws):
    made, _ = book(ws).bound
    for sheet in made:
        page = page_of(sheet)
        boxes = [
            (one["x"], one["y"], one["x"] + width_of(one["text"], size), one["y"] + size * 1.15)
            for kind, size in (("labels", page["label_size"]), ("names", page["name_size"]))
            for one in page[kind]
        ]
        if sheet.subject is not None:
            (x,), (y,) = sheet.frame.place([sheet.subject.x], [sheet.subject.y])
            boxes.append((x - 6, y - 6, x + 6, y + 6))
            assert (float(x), float(y)) == pytest.approx((sheet.frame.width / 2, sheet.frame.height / 2))
            west, south, east, north = sheet.frame.bounds()
            assert min(east - west, north - south) >= 1000
        for a, b in itertools.combinations(boxes, 2):
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], (sheet.focus, a, b)


def test_a_record_without_a_position_is_in_the_index_and_has_no_page(own, tmp_path):
    lost = cli.riskmap(
        *("edit-all", "risk_points", "--where", "code == RP-NOWHERE-0"),
        *("--set", "likelihood=10", "--set", "consequence=40"),
        *("--why", "复核", "--workspace", own.root),
    )
    assert lost.status == 0, lost.err
    assert printed(own, tmp_path / "图集.pdf", "risk_points").status == 0
    found = pages(tmp_path / "图集.pdf")
    assert len(found) == 1 + len(STREETS) + BAD + 1
    assert f"索引（{BAD + 1}处）" in found[-1]
    assert "RP-NOWHERE-0无坐标" in found[-1]
    assert "未写街道" in found[-1]


def test_streets_and_points_are_printed_as_asked(ws, tmp_path):
    for words, count in (
        (("--no-streets", "--points", "none"), 1),
        (("--points", "none"), 1 + len(STREETS) + 1),
        (("--no-streets", "--points", "major"), 1 + 1 + 1),
        (("--subdistrict", STREETS[1], "--points", "none"), 1 + 1),
    ):
        assert printed(ws, tmp_path / "图集.pdf", "risk_points", *words).status == 0
        assert len(pages(tmp_path / "图集.pdf")) == count, words
    refused = printed(ws, tmp_path / "x.pdf", "--points", "low")
    assert refused.status == 2
    assert "--points low" in refused.err
    assert not (tmp_path / "x.pdf").exists()


def test_contacts_are_printed_by_right_only_and_it_is_on_record(ws, tmp_path):
    assert printed(ws, tmp_path / "a.pdf", "risk_points").status == 0
    masked = "".join(pages(tmp_path / "a.pdf"))
    assert PHONE not in masked
    assert PERSON not in masked
    assert "张*" not in masked
    before = len(ws.ledger.exports(limit=100))
    with pytest.raises(RiskmapError, match="原因"):
        action.write_atlas(ws, Selection(), tmp_path / "b.pdf", unmasked=True, by=local_actor("李四"))
    assert not (tmp_path / "b.pdf").exists()
    done = printed(ws, tmp_path / "b.pdf", "risk_points", "--contacts", "--why", "汛期值守", "--by", "李四")
    assert done.status == 0, done.err
    full = pages(tmp_path / "b.pdf")
    assert PHONE in full[3]
    assert PERSON in full[3]
    assert PHONE not in "".join((*full[:3], full[-1]))
    assert all("未脱敏" in page for page in full)
    assert len(ws.ledger.exports(limit=100)) == before + 1
    nobody = Actor("王五", None, frozenset())
    with pytest.raises(NotAllowedError):
        action.write_atlas(ws, Selection(), tmp_path / "c.pdf", unmasked=True, by=nobody, why="看看")
    assert not (tmp_path / "c.pdf").exists()


def test_the_page_of_a_record_says_why_and_where_the_closest_shelter_is(ws, tmp_path):
    assert printed(ws, tmp_path / "图集.pdf").status == 0
    page = next(text for text in pages(tmp_path / "图集.pdf") if text.startswith("测试区·孤点major"))
    for words in ("得分900", "可能性L：10", "指纹", "体育馆避难场所SH-0", "西南1.1km", "1:7,500"):
        assert words in page, words


def test_hostile_names_are_letters_on_every_page(ws, tmp_path):
    assert printed(ws, tmp_path / "图集.pdf").status == 0
    text = "".join(pages(tmp_path / "图集.pdf"))
    for name in HOSTILE:
        assert "".join(name.split()) in text, name
    assert "49" not in text.split("{{7*7}}")[0][-2:]


def test_every_letter_of_every_page_is_in_the_file(ws, tmp_path):
    printed(ws, tmp_path / "图集.pdf")
    for page in PdfReader(tmp_path / "图集.pdf").pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()
            inner = inner["/DescendantFonts"][0].get_object() if "/DescendantFonts" in inner else inner
            assert {"/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"])


def test_without_any_boundary_each_sub_district_that_is_stated_has_its_page(own, tmp_path):
    (own.root / "data" / "subdistricts.geojson").unlink()
    settings = own.root / "workspace.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('"data/subdistricts.geojson"', '""'), encoding="utf-8")
    done = printed(own, tmp_path / "图集.pdf", "risk_points")
    assert done.status == 0, done.err
    found = pages(tmp_path / "图集.pdf")
    assert len(found) == 1 + len(STREETS) + BAD + 1
    assert "街道界" not in found[0]


def test_a_district_of_one_street_is_a_book_too(own, tmp_path):
    file = own.root / "data" / "subdistricts.geojson"
    known = json.loads(file.read_text(encoding="utf-8"))
    known["features"] = known["features"][:1]
    file.write_text(json.dumps(known), encoding="utf-8")
    words = ("risk_points", "--subdistrict", STREETS[0])
    done = printed(own, tmp_path / "图集.pdf", *words)
    assert done.status == 0, done.err
    assert f"{STREETS[0]}风险点分布图" in pages(tmp_path / "图集.pdf")[1]


def test_nothing_selected_is_one_page_that_says_so(ws, tmp_path):
    assert printed(ws, tmp_path / "图集.pdf", "--where", "name ~ 没有这个").status == 0
    (page,) = pages(tmp_path / "图集.pdf")
    assert "没有符合条件的记录" in page


def test_more_pages_than_a_book_holds_are_refused_with_what_to_do(ws, tmp_path, monkeypatch):
    monkeypatch.setattr(action, "MOST", BAD - 1)
    refused = printed(ws, tmp_path / "图集.pdf", "risk_points")
    assert refused.status == 2
    assert "--subdistrict" in refused.err
    assert "--points" in refused.err
    assert not (tmp_path / "图集.pdf").exists()
    assert printed(ws, tmp_path / "图集.pdf", "risk_points", "--points", "major").status == 0


def test_another_ending_is_refused(ws, tmp_path):
    refused = printed(ws, tmp_path / "图集.png")
    assert refused.status == 2
    assert ".pdf" in refused.err
    assert not (tmp_path / "图集.png").exists()


@pytest.mark.parametrize(("paper", "lang"), [("A4", "zh"), ("A3", "en")])
def test_the_same_book_twice_is_the_same_bytes_on_its_paper_in_its_language(ws, paper, lang):
    made = book(ws, Look(paper), lang=lang)
    first, second = (typeset(*drawn(made), lang) for _ in range(2))
    assert first == second
    reader = PdfReader(io.BytesIO(first[0]))
    width = {"A4": 297, "A3": 420}[paper] / 25.4 * 72
    assert {round(float(page.mediabox.width)) for page in reader.pages} == {round(width)}
    text = reader.pages[1].extract_text()
    assert ("Legend" in text) == (lang == "en")
    assert (f"page 2 of {len(reader.pages)}" in text) == (lang == "en")


def test_in_greys_no_page_has_a_colour(ws):
    made = book(ws, Look(grey=True))
    made = replace(made, sheet=replace(made.sheet, relief=None))
    content, files = drawn(made)
    for one in (0, 1, 3):
        (png,) = typeset([content[one]], files, "zh", "png")
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        # The frame's ink has a breath of blue, no tier's colour is so near to grey.
        assert all(max(pixel) - min(pixel) < 60 for _, pixel in picture.getcolors(1 << 24)), one


def test_a_list_that_finds_no_room_says_how_many_more_and_where(ws):
    made, _ = book(ws).bound
    page = page_of(made[1])
    (row, *_) = page["list"]
    page["list"] = [row | {"n": str(i)} for i in range(90)]
    files = drawn(book(ws))[1]
    (pdf,) = typeset([page], files, "zh")
    text = "".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())
    assert f"处，见第{made[0].book.index}页起的索引" in text
    left = int(text.split("另有")[-1].split("处")[0])
    assert 0 < left < 90
    assert "88" not in text.split("图上编号")[-1][-200:].replace("RP-", "")


@pytest.mark.parametrize("grey", [False, True])
def test_on_the_overview_a_large_or_major_risk_is_never_under_a_lower_one(tmp_path, grey):
    ws = create_demo_workspace(tmp_path / "demo", points=3000, by=local_actor("tests"))
    assess_layers(ws, by=local_actor("tests"), why="a district for tests")
    made = replace(book(ws, Look(grey=grey)), streets=False, told={})
    content, files = drawn(made)
    (png,) = typeset([content[0]], files, "zh", "png")
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    sheet, seen = made.sheet, {}
    found = sheet.located
    for tier in ("large", "major"):
        fill = sheet.look.fills[WEIGHT_OF[tier]]
        colour = tuple(int(fill[i : i + 2], 16) for i in (1, 3, 5))
        rows = np.flatnonzero((found.rank == WEIGHT_OF[tier]) & found.drawn_as_point)
        x, y = sheet.frame.place(found.x[rows], found.y[rows])
        spots = [
            (round((10 + a) / 25.4 * 200), round((18 + b) / 25.4 * 200))
            for a, b in zip(x.tolist(), y.tolist(), strict=True)
        ]
        near = [
            all(abs(p - q) <= 12 for p, q in zip(picture.getpixel(one), colour, strict=True)) for one in spots
        ]
        assert near
        seen[tier] = sum(near) / len(near)
    assert seen["major"] == 1
    assert seen["large"] >= 0.9  # a few lie under the rim of a neighbour that is as bad, or worse
