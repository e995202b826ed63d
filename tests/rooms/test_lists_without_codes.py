"""A list without codes is never a dead end: it is numbered, or matched by name; the same list, the same codes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli import riskmap

FIELD = Path(__file__).parents[1] / "cases" / "field"
LIST = "序号,名称,经度,纬度,容纳人数\n1,东湖,114.05,22.54,10\n2,西湖,114.06,22.55,20\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    where = tmp_path / "w"
    assert riskmap("init", where).status == 0
    return where


def ran(root: Path, text: str | Path, *words: object) -> Any:
    file = text if isinstance(text, Path) else root / "list.csv"
    if isinstance(text, str):
        file.write_text(text, encoding="utf-8-sig")
    return riskmap("import", "shelters", file, "--crs", "wgs84", "--json", *words, "--workspace", root)


def imported(root: Path, text: str | Path, *words: object) -> Any:
    done = ran(root, text, *words)
    assert "files" in done.json, done.err
    return done.json["files"][0]


def codes(root: Path) -> dict[str, str]:
    found = riskmap("select", "shelters", "--json", "--workspace", root).json["features"]
    return {one["code"]: one["name"] for one in found}


def test_a_list_without_codes_gets_an_offer_and_nothing_is_written(root):
    done = ran(root, LIST)
    assert done.refused
    assert "--number" in done.err
    assert "--match name" in done.err
    assert codes(root) == {}


def test_a_list_from_the_field_is_numbered(root):
    shutil.copy(FIELD / "no_code.csv", root / "no_code.csv")
    done = imported(root, root / "no_code.csv", "--number", "DM-")
    assert (done["rows"], done["inserted"], done["rejected"]) == (2, 2, 0)
    assert codes(root) == {"DM-0001": "东湖", "DM-0002": "西湖"}
    assert [one["rule"] for one in done["issues"]] == ["codes_given"]


VARIANTS = {
    "the same": LIST,
    "another order": "序号,名称,经度,纬度,容纳人数\n1,西湖,114.06,22.55,20\n2,东湖,114.05,22.54,10\n",
    "full-width and blanks": "名称,经度,纬度,容纳人数\n 东 湖 ,114.05,22.54,10\n西湖,114.06,22.55,20\n",
    "without places": "名称,容纳人数,面积\n西湖,20,\n东湖,10,\n",
}


@pytest.mark.parametrize("text", VARIANTS.values(), ids=VARIANTS)
def test_the_same_list_gives_the_same_codes_again(root, text):
    imported(root, LIST, "--number", "DM-")
    again = imported(root, text, "--number", "DM-")
    assert (again["inserted"], again["rejected"]) == (0, 0)
    assert list(codes(root)) == ["DM-0001", "DM-0002"]


def test_new_rows_are_numbered_on_and_one_of_the_name_elsewhere_is_another_place(root):
    imported(root, LIST, "--number", "DM-")
    more = LIST + "3,南湖,114.07,22.56,30\n4,东湖,114.20,22.60,5\n"
    assert imported(root, more, "--number", "DM-")["inserted"] == 2
    assert codes(root) == {"DM-0001": "东湖", "DM-0002": "西湖", "DM-0003": "南湖", "DM-0004": "东湖"}
    assert imported(root, more, "--number", "DM-")["unchanged"] == 4


def test_two_alike_in_everything_keep_their_two_codes(root):
    twins = "名称,经度,纬度,容纳人数\n东湖,114.05,22.54,1\n东湖,114.05,22.54,2\n"
    assert imported(root, twins, "--number", "T")["inserted"] == 2
    assert imported(root, twins, "--number", "T")["unchanged"] == 2


def test_a_number_that_was_ever_given_is_not_given_again(root):
    imported(root, LIST, "--number", "DM-")
    assert riskmap("retire", "shelters", "DM-0002", "--why", "撤销", "--workspace", root).status == 0
    imported(root, "名称,经度,纬度\n北湖,114.01,22.51\n", "--number", "DM-")
    assert codes(root) == {"DM-0001": "东湖", "DM-0003": "北湖"}


def test_rows_are_matched_by_name_with_records_whatever_their_codes(root):
    imported(root, "编号,名称,经度,纬度\nA9,东湖,114.05,22.54\nB7,西湖,114.06,22.55\n")
    done = imported(root, LIST, "--match", "name")
    assert (done["updated"], done["inserted"], done["rejected"]) == (2, 0, 0)
    assert codes(root) == {"A9": "东湖", "B7": "西湖"}
    assert imported(root, LIST, "--match", "name")["unchanged"] == 2


def test_a_name_that_the_ledger_lacks_or_has_twice_is_said_and_the_rest_goes_in(root):
    imported(root, "编号,名称,所属街道\nA1,东湖,甲街道\nA2,东湖,乙街道\nB7,西湖,甲街道\n")
    done = imported(root, "名称,容纳人数,面积\n东湖,1,2\n西湖,5,6\n北湖,1,2\n", "--match", "name")
    assert (done["updated"], done["rejected"]) == (1, 2)
    rules = {one["rule"] for one in done["issues"] if one["severity"] == "error"}
    assert rules == {"ambiguous_name", "unknown_name"}
    told = imported(root, "名称,所属街道,容纳人数\n东湖,乙街道,7\n", "--match", "name")
    assert told["updated"] == 1


def test_both_number_what_no_name_matches(root):
    imported(root, "编号,名称,经度,纬度\nA9,东湖,114.05,22.54\n")
    done = imported(root, LIST, "--match", "name", "--number", "DM-")
    assert (done["updated"], done["inserted"]) == (1, 1)
    assert codes(root) == {"A9": "东湖", "DM-0001": "西湖"}


def test_only_the_rows_that_lack_a_code_get_one(root):
    text = "编号,名称,经度,纬度\nA9,东湖,114.05,22.54\n,西湖,114.06,22.55\n"
    left = imported(root, text)
    assert (left["inserted"], left["rejected"]) == (1, 1)
    assert "--number" in left["issues"][0]["message"]
    assert imported(root, text, "--number", "DM-")["inserted"] == 1
    assert codes(root) == {"A9": "东湖", "DM-0001": "西湖"}


@pytest.mark.parametrize("words", [("--number", " "), ("--match", "address")])
def test_a_wrong_word_is_refused_before_anything_is_read(root, words):
    assert ran(root, LIST, *words).refused


def test_a_row_with_neither_name_nor_place_is_rejected(root):
    done = imported(root, LIST + "3,,,,7\n", "--number", "DM-")
    assert (done["inserted"], done["rejected"]) == (2, 1)
