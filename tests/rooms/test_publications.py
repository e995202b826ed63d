"""Publications: refused by statements, frozen under a digest, verified, made again, compared."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pytest

from riskmap.actions.publishing import publish, reproduce, verify
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import NotAllowedError, RefusedError
from riskmap.io.files.publications import (
    CONTACTS,
    PublishedFile,
    canonical_csv,
    digest_of,
    packed,
    read_canonical,
)
from riskmap.rules.permissions import RIGHTS, Actor, local_actor
from tests.cli import riskmap

FOUR = "points.four_tiers"
TEN = pa.table(
    {
        "code": pa.array([f"A{i}" for i in range(10)]),
        "name": pa.array(["甲", "", None, '说"好"', "a,b", "两\n行", " x ", "=1+1", "0x", "é"]),
        "street": pa.array(["甲街道", None] * 5).dictionary_encode(),
        "n": pa.array([0.1, -0.0, float("nan"), None, 1e-7, 1e22, 123456.789, 1 / 3, float("inf"), 2.0]),
        "i": pa.array([1, None, -5, 0, 2**40, 7, 8, 9, 10, 11]),
        "yes": pa.array([*[True, False, None] * 3, True]),
        "many": pa.array([["a", "b"], [], None, ["c"], *[None] * 6], pa.list_(pa.string())),
        "wkb": pa.array([b"\x00\xff", *[None] * 9], pa.binary()),
    }
)
GOLDEN = '''"code","name","street","n","i","yes","many","wkb"
"A0","甲","甲街道",0.1,1,1,"a|b","00ff"
"A1","",,0,,0,"",
"A2",,"甲街道",,-5,,,
"A3","说""好""",,,0,1,"c",
"A4","a,b","甲街道",1e-7,1099511627776,0,,
"A5","两
行",,1e+22,7,,,
"A6"," x ","甲街道",123456.789,8,1,,
"A7","=1+1",,0.3333333333333333,9,0,,
"A8","0x","甲街道",,10,,,
"A9","é",,2,11,1,,
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small demo district with its registers, assessed: three of its points are unrated."""
    home = tmp_path_factory.mktemp("publications") / "区"
    assert riskmap("init", home, "--demo", "--registers", "--points", 400, "--seed", 5).status == 0
    codes = current_snapshot(open_workspace(home)).table("risk_points")["code"].to_pylist()[10:13]
    where = f"code in {','.join(codes)}"
    ran = riskmap(
        "edit-all",
        "risk_points",
        "--where",
        where,
        "--empty",
        "likelihood",
        "--why",
        "存疑",
        "--workspace",
        home,
    )
    assert ran.status == 0, ran.err
    assert riskmap("assess", "--workspace", home).status == 0
    return home


@pytest.fixture
def home(made, tmp_path):
    return shutil.copytree(made, tmp_path / "区", symlinks=True)


def unrated(home):
    found = riskmap("select", "risk_points", "--state", "unrated", "--json", "--workspace", home).json
    return [one["code"] for one in found["features"]]


def published(home, *words, name="2024年度"):
    return riskmap("publish", "--as", name, "--json", "--workspace", home, *words)


def passed(home, *words, name="2024年度"):
    ran = published(
        home,
        "--despite",
        FOUR,
        "--why",
        "名单已报区政府",
        "--second",
        "李四",
        "--by",
        "张三",
        *words,
        name=name,
    )
    assert ran.status == 0, ran.err
    return ran.json


# -- the canonical form


def test_ten_rows_have_these_bytes_and_no_others():
    assert canonical_csv(TEN).decode() == GOLDEN


def test_the_bytes_do_not_depend_on_chunks_or_dictionaries():
    whole = canonical_csv(TEN)
    pieces = pa.concat_tables([TEN.slice(0, 3), TEN.slice(3)])
    other = TEN.set_column(
        2, "street", pa.array(["", "甲街道", *TEN["street"].to_pylist()]).dictionary_encode().slice(2)
    )
    assert canonical_csv(pieces) == canonical_csv(other) == whole


def test_an_empty_text_and_nothing_stay_apart_when_it_is_read_back():
    back = read_canonical(GOLDEN.encode())
    assert back["name"].to_pylist() == TEN["name"].to_pylist()
    assert back["i"].to_pylist()[:3] == ["1", None, "-5"]
    assert len(read_canonical(canonical_csv(TEN.slice(0, 0)))) == 0


def test_what_is_packed_has_no_time_in_it():
    first = packed(GOLDEN.encode())
    assert first[4:8] == b"\0\0\0\0"  # where gzip keeps the time
    assert gzip.decompress(first).decode() == GOLDEN


def test_a_digest_is_over_path_sha256_and_rows_in_the_order_of_the_paths():
    a, b = PublishedFile.of("a", b"1", 3), PublishedFile.of("b", b"2")
    lines = [f"{one.path}\0{one.sha256}\0{one.rows}" for one in (a, b)]
    assert digest_of([b, a]) == hashlib.sha256("\n".join(lines).encode()).hexdigest()


# -- refused, and passed


def test_the_unrated_keep_from_publishing_and_are_named(home):
    waiting = unrated(home)
    assert len(waiting) == 3
    ran = published(home)
    assert (ran.status, ran.json["published"]) == (1, False)
    broken = {one["id"]: one for one in ran.json["statements"] if one["agrees"] is not True}
    assert broken[FOUR]["missing"] == sorted(waiting)
    assert broken[FOUR]["left"] - broken[FOUR]["right"] == len(waiting)
    assert not (home / "publications").exists()


def test_it_passes_with_a_reason_and_a_second_person(home):
    done = passed(home)
    assert done["published"]
    assert done["despite"] == [FOUR]
    manifest = json.loads((home / "publications" / "2024年度" / "manifest.json").read_bytes())
    assert (manifest["by"], manifest["second"], manifest["why"]) == ("张三", "李四", "名单已报区政府")
    assert manifest["digest"] == done["digest"]
    assert manifest["ledger_state"] == open_workspace(home).ledger.state


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--despite", FOUR, "--second", "李四"), "理由"),
        (("--despite", FOUR, "--why", "急"), "第二人"),
        (("--despite", FOUR, "--why", "急", "--second", " 张三 ", "--by", "张三"), "同一人"),
        (("--despite", "points.for_tiers", "--why", "急", "--second", "李四"), "没有陈述"),
    ],
)
def test_without_a_reason_or_another_person_nothing_is_passed(home, words, said):
    ran = published(home, *words)
    assert ran.refused
    assert said in ran.err
    assert not (home / "publications").exists()


def test_two_persons_are_told_apart_by_their_sign_in_where_there_is_one(home):
    ws, rights = open_workspace(home), frozenset(RIGHTS)
    one, same = Actor("张三", "zhang", rights), Actor("张三丰", "zhang", rights)
    with pytest.raises(RefusedError, match="同一人"):
        publish(ws, "一", by=one, why="急", despite=[FOUR], second=same)
    done = publish(ws, "一", by=one, why="急", despite=[FOUR], second=Actor("张三", "other", rights))
    assert done.manifest is not None


def test_without_the_right_nothing_is_published(home):
    nobody = Actor("甲", None, frozenset(RIGHTS) - {"publish"})
    with pytest.raises(NotAllowedError):
        publish(open_workspace(home), "一", by=nobody, why="x")


def test_a_name_that_is_taken_is_never_written_over(home):
    passed(home)
    first = (home / "publications" / "2024年度" / "manifest.json").read_bytes()
    assert passed(home)["name"] == "2024年度#2"
    assert (home / "publications" / "2024年度" / "manifest.json").read_bytes() == first


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "年度#2", ".x", "x" * 90, "a\nb"])
def test_a_name_that_no_folder_can_have_is_refused(home, name):
    assert published(home, name=name).refused


# -- what is in it


def test_persons_stand_in_a_file_apart_and_in_no_other(home):
    passed(home)
    folder = home / "publications" / "2024年度"
    people = read_canonical(gzip.decompress((folder / CONTACTS).read_bytes()))
    phones = {one for one in people["phone"].to_pylist() if one}
    assert len(phones) > 100
    registered = [one for one in people.to_pylist() if one["role"] == "f:phone"]
    assert registered
    phones |= {one["name"] for one in registered}
    others = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / CONTACTS
    ).decode()
    numbers = {one for one in phones if one.isdigit()}
    sizes, runs = set(map(len, numbers)), set(re.findall(r"\d{7,}", others))
    there = {run[at : at + size] for run in runs for size in sizes for at in range(len(run) - size + 1)}
    assert not numbers & there
    assert not [phone for phone in phones - numbers if phone in others]
    assert (folder / CONTACTS).stat().st_mode & 0o077 == 0


def test_who_may_not_read_contacts_publishes_without_them_under_the_same_open_digest(home):
    ws = open_workspace(home)
    full = passed(home, name="全")
    bare = publish(
        ws,
        "开放",
        by=Actor("甲", None, frozenset(RIGHTS) - {"read_contacts"}),
        why="急",
        despite=[FOUR],
        second=local_actor("乙"),
    )
    assert CONTACTS not in {one.path for one in bare.manifest.files}
    assert bare.manifest.digest == bare.manifest.open_digest
    tables = [
        {
            one["path"]: one["sha256"]
            for one in json.loads((home / "publications" / name / "manifest.json").read_bytes())["files"]
        }
        for name in ("全", "开放")
    ]
    data = [path for path in tables[1] if path.startswith("data/")]
    assert {path: tables[0][path] for path in data} == {path: tables[1][path] for path in data}
    assert full["open_digest"] != full["digest"]


def test_the_tables_are_the_records_of_the_ledger(home):
    passed(home)
    ws = open_workspace(home)
    for layer in ws.catalog.layers:
        table = read_canonical(
            gzip.decompress((home / "publications" / "2024年度" / f"data/{layer}.csv.gz").read_bytes())
        )
        assert table["code"].to_pylist() == current_snapshot(ws).table(layer)["code"].to_pylist()
        assert table["code"].to_pylist() == sorted(table["code"].to_pylist())


def test_a_telephone_number_in_free_text_is_masked_and_codes_stay(home):
    code = current_snapshot(open_workspace(home)).table("risk_points")["code"][0].as_py()
    where = ("--where", f"code = {code}", "--set", "remarks=联系王先生13812345678，房号20260401")
    assert riskmap("edit-all", "risk_points", *where, "--why", "补", "--workspace", home).status == 0
    passed(home)
    table = read_canonical(
        gzip.decompress((home / "publications" / "2024年度" / "data/risk_points.csv.gz").read_bytes())
    )
    told = dict(zip(table["code"].to_pylist(), table["f:remarks"].to_pylist(), strict=True))[code]
    assert "13812345678" not in told
    assert "房号20260401" in told
    assert len(set(table["code"].to_pylist())) == len(table)


def test_a_disk_that_refuses_leaves_nothing_behind(home, monkeypatch):
    from pathlib import Path

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    ran = published(home, "--despite", FOUR, "--why", "急", "--second", "李四")
    assert ran.refused
    assert "磁盘空间不足" in ran.err
    assert list((home / "publications").iterdir()) == []


# -- verified, and made again


def test_what_was_published_is_verified_and_an_altered_file_is_named(home):
    passed(home)
    assert riskmap("publish", "--verify", "2024年度", "--workspace", home).status == 0
    path = home / "publications" / "2024年度" / "data" / "slopes.csv.gz"
    content = gzip.decompress(path.read_bytes()).replace(b"0", b"1", 1)
    path.write_bytes(gzip.compress(content))
    ran = riskmap("publish", "--verify", "2024年度", "--json", "--workspace", home)
    assert (ran.status, ran.json["verified"]) == (1, False)
    assert [one["path"] for one in ran.json["differences"]] == ["data/slopes.csv.gz"]
    findings = riskmap("check", "--json", "--workspace", home).json["findings"]
    assert [one["where"] for one in findings if one["what"] == "publication"] == ["2024年度"]


def test_packing_again_with_another_library_changes_nothing(home):
    passed(home)
    path = home / "publications" / "2024年度" / "data" / "slopes.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    assert riskmap("publish", "--verify", "2024年度", "--workspace", home).status == 0


def test_a_file_that_is_missing_or_was_put_in_is_named(home):
    passed(home)
    folder = home / "publications" / "2024年度"
    (folder / "data" / "moves.csv.gz").unlink()
    (folder / "data" / "more.csv").write_text("x", encoding="utf-8")
    ran = riskmap("publish", "--verify", "2024年度", "--json", "--workspace", home)
    assert {one["path"] for one in ran.json["differences"]} == {"data/moves.csv.gz", "data/more.csv"}


def test_after_500_edits_it_is_made_again_with_the_same_digest(home):
    done = passed(home)
    ws = open_workspace(home)
    codes = current_snapshot(ws).table("enterprises")["code"].to_pylist()[:250]
    for layer, field in (("enterprises", "penalties"), ("enterprises", "inspections")):
        ran = riskmap(
            "edit-all",
            layer,
            "--where",
            f"code in {','.join(codes)}",
            "--set",
            f"{field}=77",
            "--why",
            "更正",
            "--workspace",
            home,
        )
        assert ran.status == 0, ran.err
    assert (
        riskmap(
            "retire",
            "shelters",
            current_snapshot(ws).table("shelters")["code"][0].as_py(),
            "--why",
            "拆",
            "--workspace",
            home,
        ).status
        == 0
    )
    ran = riskmap("publish", "--reproduce", "2024年度", "--json", "--workspace", home)
    assert (ran.status, ran.json["reproduced"], ran.json["differences"]) == (0, True, [])
    assert ran.json["found"] == ran.json["digest"] == done["digest"]


def test_it_is_made_again_under_the_definitions_of_then(home):
    (home / "reports" / "figures").mkdir(parents=True)
    own = home / "reports" / "figures" / "own.toml"
    own.write_text('[x]\nover = "slopes"\ncount = "records"\nunit = "处"\n', encoding="utf-8")
    passed(home)
    own.write_text(
        '[x]\nover = "slopes"\nwhere = ["height_m > 12"]\ncount = "records"\nunit = "处"\n', encoding="utf-8"
    )
    layer = home / "layers" / "slopes.toml"
    layer.write_text(layer.read_text(encoding="utf-8").replace("边坡", "斜坡"), encoding="utf-8")
    assert reproduce(open_workspace(home), "2024年度").holds


def test_a_ledger_that_says_otherwise_is_found_out(home):
    passed(home)
    figures = home / "publications" / "2024年度" / "figures.json"
    manifest = home / "publications" / "2024年度" / "manifest.json"
    altered = figures.read_bytes().replace(b'"text": "400"', b'"text": "401"')
    assert altered != figures.read_bytes()
    figures.write_bytes(altered)
    body = json.loads(manifest.read_bytes())
    for one in body["files"]:
        if one["path"] == "figures.json":
            one |= {"sha256": hashlib.sha256(altered).hexdigest(), "bytes": len(altered)}
    body["digest"] = digest_of(
        [PublishedFile(one["path"], one["rows"], one["bytes"], one["sha256"]) for one in body["files"]]
    )
    manifest.write_text(json.dumps(body), encoding="utf-8")
    ws = open_workspace(home)
    assert verify(ws, "2024年度").holds, "whoever forges figure and manifest alike passes this"
    found = reproduce(ws, "2024年度")
    assert [one.path for one in found.differences] == ["figures.json"]


def test_backup_and_restore_bring_publications_and_reports_along(home, tmp_path):
    (home / "reports" / "statements").mkdir(parents=True)
    (home / "reports" / "statements" / "own.toml").write_text(
        '[x]\nequal = [159, "10 + 149"]\n', encoding="utf-8"
    )
    passed(home)
    assert riskmap("backup", tmp_path / "b.zip", "--workspace", home).status == 0
    assert riskmap("restore", tmp_path / "b.zip", "--workspace", tmp_path / "new").status == 0
    assert riskmap("publish", "--verify", "2024年度", "--workspace", tmp_path / "new").status == 0
    assert riskmap("publish", "--reproduce", "2024年度", "--workspace", tmp_path / "new").status == 0
    assert (tmp_path / "new" / "reports" / "statements" / "own.toml").is_file()


def test_a_statement_of_the_workspace_that_cannot_be_read_is_named_by_check_and_blocks(home):
    (home / "reports" / "statements").mkdir(parents=True)
    (home / "reports" / "statements" / "own.toml").write_text("[x]\nequals = [1, 2]\n", encoding="utf-8")
    findings = riskmap("check", "--json", "--workspace", home).json["findings"]
    assert [one["where"] for one in findings if one["what"] == "figure"] == ["own.x"]
    assert "own.x" in {one["id"] for one in published(home).json["statements"] if one["agrees"] is not True}


# -- compared


def test_two_publications_are_compared_record_by_record(home):
    passed(home, name="一")
    ws = open_workspace(home)
    table = current_snapshot(ws).table("risk_points")
    rated = np.flatnonzero(np.array(table["score"].to_pylist(), float) > 0)
    gone, worse = (table["code"][int(rated[k])].as_py() for k in (0, 1))
    assert riskmap("retire", "risk_points", gone, "--why", "拆", "--workspace", home).status == 0
    ran = riskmap("edit-all", "risk_points", "--where", f"code = {worse}", "--set", "likelihood=10", "--set", "exposure=10", "--set", "consequence=100", "--why", "复核", "--workspace", home)  # fmt: skip
    assert ran.status == 0, ran.err
    passed(home, name="二")
    found = riskmap("figures", "--compare", "一", "二", "--json", "--workspace", home).json
    points = found["layers"]["risk_points"]
    assert (found["added"], found["removed"], points["removed"]) == (0, 1, [gone])
    assert [(one["code"], one["after"], one["cause"]) for one in points["tiers"]] == [
        (worse, "major", "data")
    ]
    assert (points["up"], points["down"]) == (1, 0)
    assert [one["code"] for one in points["changed"]] == [worse]
    assert points["changed"][0]["fields"]["f:likelihood"][1] == "10"
    assert found["figures"]["points.points"] == ["400", "399"]
    before = points["matrix"]
    assert sum(n for row in before.values() for n in row.values()) == 399


def test_a_summary_is_compared_with_a_publication(home):
    passed(home, name="一")
    code = current_snapshot(open_workspace(home)).table("risk_points")["code"][0].as_py()
    assert riskmap("retire", "risk_points", code, "--why", "拆", "--workspace", home).status == 0
    found = riskmap("summary", "--compare", "一", "--json", "--workspace", home).json
    assert found["compared"]["publication"] == "一"
    assert found["compared"]["change"]["total"] == -1
    assert found["compared"]["total"] == found["total"] + 1


def test_a_statement_holds_the_ledger_against_what_was_published(home):
    passed(home, name="一")
    (home / "reports" / "statements").mkdir(parents=True)
    own = home / "reports" / "statements" / "own.toml"
    own.write_text('[same]\nunchanged = ["risk_points", "likelihood", "一"]\n', encoding="utf-8")
    assert passed(home, name="二")["published"]
    codes = current_snapshot(open_workspace(home)).table("risk_points")["code"].to_pylist()[:2]
    ran = riskmap(
        "edit-all",
        "risk_points",
        "--where",
        f"code = {codes[0]}",
        "--set",
        "likelihood=0.1",
        "--why",
        "复核",
        "--workspace",
        home,
    )
    assert ran.status == 0, ran.err
    assert riskmap("retire", "risk_points", codes[1], "--why", "拆", "--workspace", home).status == 0
    (found,) = (one for one in published(home).json["statements"] if one["id"] == "own.same")
    assert (found["agrees"], found["missing"]) == (False, [codes[1]])
    assert [(one["code"], one["after"]) for one in found["changed"]] == [(codes[0], "0.1")]
    assert riskmap("publish", "--reproduce", "二", "--workspace", home).status == 0


def test_a_period_that_is_over_is_told_as_it_was_published(home):
    passed(home, "--period", "2025", name="去年")
    before = riskmap("figures", "events.patrols", "--period", "2025", "--json", "--workspace", home).json[
        "figures"
    ][0]
    late = (
        "record",
        "patrols",
        "--set",
        "code=XC-LATE",
        "--set",
        "people=3",
        "--on",
        "2025-12-31",
        "--why",
        "补录",
    )
    assert riskmap(*late, "--workspace", home).status == 0
    ran = riskmap("figures", "events.patrols", "--period", "2025", "--json", "--workspace", home)
    assert ran.json["figures"][0]["value"] == before["value"]
    today = ran.json["figures"][0]["as_of"][:10]
    now = riskmap(
        "figures", "events.patrols", "--period", "2025", "--as-of", today, "--json", "--workspace", home
    )
    assert now.json["figures"][0]["value"] == before["value"] + 1
