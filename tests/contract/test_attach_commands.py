"""attach, detach, original: pictures and documents on records from the command line."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from PIL import Image

from riskmap.actions import workspace
from riskmap.actions.records.attaching import attached_to
from riskmap.actions.workspace import open_workspace
from tests.attached_files import PLACE, TAKEN, document, photo, with_file_fields
from tests.cli import riskmap

ROWS = "编号,名称,经度,纬度,现场照片\nA,甲,114.11,22.55,随便写的\nB,乙,114.12,22.56,\nC,丙,114.13,22.57,\n"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "ws"
    assert riskmap("init", root, "--name", "测试区").status == 0
    with_file_fields(root)
    (tmp_path / "点位.csv").write_text(ROWS, encoding="utf-8")
    taken = riskmap("import", "risk_points", tmp_path / "点位.csv", "--crs", "cgcs2000", "--workspace", root)
    assert taken.status == 0, taken.err
    return root


@pytest.fixture
def files(tmp_path):
    made = {"坡面.jpg": photo(), "坡脚.jpg": photo(placed=False, seed=8), "方案.docx": document()}
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in made}


def done(*words, status=0):
    ran = riskmap(*words)
    assert ran.status == status, ran.err
    return ran


def files_of(root, code, *words):
    found = done("select", "risk_points", "--json", *words, "--workspace", root).json["features"]
    return next(one for one in found if one["code"] == code)["files"]


def test_attached_files_are_listed_told_in_history_and_taken_back(root, files):
    here = ("--workspace", root)
    told = done(
        "attach", "risk_points", "A", "photos", files["坡面.jpg"], files["坡脚.jpg"], "--by", "李工", "--why", "踏勘",
        "--json", *here,
    ).json  # fmt: skip
    digests = [hashlib.sha256(files[name].read_bytes()).hexdigest() for name in ("坡面.jpg", "坡脚.jpg")]
    assert {one["digest"] for one in told["files"]} == set(digests)
    first = next(one for one in told["files"] if one["digest"] == digests[0])
    assert first["position"] == pytest.approx(PLACE, abs=1e-6)
    assert first["taken"] == TAKEN
    assert 8000 < first["away_m"] < 10_000
    assert (first["width"], first["height"]) == (640, 480)
    listed = files_of(root, "A")
    assert {one["digest"] for one in listed} == set(digests)
    assert {(one["field"], one["media"]) for one in listed} == {("photos", "jpg")}
    assert {one["name"] for one in listed} == {"坡面.jpg", "坡脚.jpg"}
    assert files_of(root, "B") == []

    last = done("history", "risk_points", "A", "--json", *here).json["revisions"][-1]
    assert (last["kind"], last["who"], last["why"]) == ("attach", "李工", "踏勘")
    before, after = last["changes"]["photos"]
    assert before is None
    assert all(text in after for text in (*digests, "坡面.jpg", "坡脚.jpg"))

    done("undo", told["changeset"], "--why", "附错", *here)
    assert files_of(root, "A") == []


def test_a_file_taken_off_stays_in_the_past_and_in_the_folder(root, files):
    here = ("--workspace", root)
    done("attach", "risk_points", "A", "photos", files["坡面.jpg"], *here)
    told = done("detach", "risk_points", "A", "photos", "坡面.jpg", "--why", "模糊", "--json", *here).json
    assert told["files"][0]["name"] == "坡面.jpg"
    assert files_of(root, "A") == []
    assert len(list((root / "data" / "files").rglob("*.jpg"))) == 1
    refused = riskmap("detach", "risk_points", "A", "photos", "坡面.jpg", "--why", "再取", "--json", *here)
    assert refused.status == 2
    assert "没有这个附件" in json.loads(refused.out)["error"]["message"]


def test_attaching_the_same_file_again_changes_nothing(root, files):
    words = ("attach", "risk_points", "A", "photos", files["坡面.jpg"], "--json", "--workspace", root)
    first, again = done(*words).json, done(*words).json
    assert again["changeset"] is None
    assert again["version"] == first["version"]


def test_a_field_for_one_file_keeps_the_last_and_its_past_the_first(root, files, tmp_path):
    here = ("--workspace", root)
    done("attach", "risk_points", "A", "plan", files["方案.docx"], *here)
    (tmp_path / "新方案.docx").write_bytes(document("第二版"))
    done("attach", "risk_points", "A", "plan", tmp_path / "新方案.docx", *here)
    assert [one["name"] for one in files_of(root, "A")] == ["新方案.docx"]
    two = (files["方案.docx"], tmp_path / "新方案.docx")
    assert riskmap("attach", "risk_points", "B", "plan", *two, *here).status == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("risk_points", "A", "photo"), "photos"),
        (("slopes", "A", "photos"), "type = "),
        (("risk_points", "Z", "photos"), "没有这个编号"),
        (("risk_points", "B", "photos"), "已注销"),
    ],
)
def test_what_cannot_take_a_file_is_named_and_nothing_is_kept(root, files, words, says):
    here = ("--workspace", root)
    done("retire", "risk_points", "B", "--why", "测试", *here)
    ran = riskmap("attach", *words, files["坡面.jpg"], *here)
    assert ran.status == 2
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert not list((root / "data").glob("files/*/*"))


def test_a_document_is_refused_where_pictures_are_wanted_and_one_bad_file_keeps_all_off(root, files):
    ran = riskmap(
        "attach", "risk_points", "A", "photos", files["坡面.jpg"], files["方案.docx"], "--workspace", root
    )
    assert ran.status == 2
    assert "方案.docx" in ran.err
    assert files_of(root, "A") == []
    assert not [path for path in (root / "data" / "files").rglob("*") if path.is_file()]


def test_the_original_comes_out_as_it_went_in_and_who_opened_it_is_kept(root, files, tmp_path):
    here = ("--workspace", root)
    done("attach", "risk_points", "A", "photos", files["坡面.jpg"], *here)
    to = tmp_path / "原件.jpg"
    done(
        "original",
        "risk_points",
        "A",
        "photos",
        "坡面.jpg",
        "--to",
        to,
        "--by",
        "王五",
        "--why",
        "核对",
        *here,
    )
    assert to.read_bytes() == files["坡面.jpg"].read_bytes()
    if os.name == "posix":
        assert to.stat().st_mode & 0o077 == 0
    (noted,) = open_workspace(root).ledger.exports(what="风险点")[:1]
    assert (noted.who, noted.why, noted.unmasked) == ("王五", "核对", True)
    assert "坡面.jpg" in noted.what


def test_a_column_under_the_title_of_the_files_changes_nothing(root):
    features = done("select", "risk_points", "--json", "--workspace", root).json["features"]
    assert all("现场照片" not in json.dumps(one, ensure_ascii=False) for one in features)
    findings = riskmap("check", "--json", "--workspace", root).json["findings"]
    assert {one["what"] for one in findings} <= {"sums", "backup", "rights"}


def file_findings(root):
    found = riskmap("check", "--json", "--workspace", root).json["findings"]
    return {one["severity"]: one for one in found if one["what"] == "files"}


def test_check_compares_folder_and_ledger_both_ways_by_digest(root, files):
    here = ("--workspace", root)
    first = done("attach", "risk_points", "A", "photos", files["坡面.jpg"], "--json", *here).json["files"][0]
    done("attach", "risk_points", "A", "photos", files["坡脚.jpg"], *here)
    assert file_findings(root) == {}
    one, two = sorted((root / "data" / "files").rglob("*.jpg"), key=lambda path: path.stem != first["digest"])
    content = bytearray(one.read_bytes())
    content[-3] ^= 1
    one.write_bytes(content)
    found = file_findings(root)["error"]
    assert "改动过" in found["message"]
    assert "risk_points › A › 坡面.jpg" in found["message"]
    assert "--files" in found["remedy"]
    one.write_bytes(files["坡面.jpg"].read_bytes())
    kept = two.read_bytes()
    two.unlink()
    assert "坡脚.jpg" in file_findings(root)["error"]["where"]
    two.write_bytes(kept)
    stray = root / "data" / "files" / "ab" / f"ab{'0' * 62}.jpg"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"x")
    assert set(file_findings(root)) == {"note"}
    assert stray.name in file_findings(root)["note"]["message"]


def test_a_deleted_folder_comes_back_from_a_backup_and_a_picture_opens(root, files, tmp_path):
    here, copy = ("--workspace", root), tmp_path / "台账.zip"
    told = done("attach", "risk_points", "A", "photos", files["坡面.jpg"], "--json", *here).json
    done("backup", copy, *here)
    done("attach", "risk_points", "B", "photos", files["坡脚.jpg"], *here)
    shutil.rmtree(root / "data" / "files")
    shutil.rmtree(root / "data" / "cache" / "thumbs")
    assert "坡面.jpg" in file_findings(root)["error"]["message"]

    assert done("restore", copy, "--files", "--json", *here).json["attached"] == 1
    ws = open_workspace(root)
    (picture,) = attached_to(ws, "risk_points", "A")
    with Image.open(io.BytesIO(ws.files.rendition(picture.file, 320))) as image:
        assert max(image.size) == 320
    assert ws.files.original(told["files"][0]["digest"], "jpg") == files["坡面.jpg"].read_bytes()
    assert [one.name for one in attached_to(ws, "risk_points", "B")] == ["坡脚.jpg"], "the ledger stays"
    if os.name == "posix":
        assert all(path.stat().st_mode & 0o077 == 0 for path in (root / "data" / "files").rglob("*"))

    shutil.rmtree(root / "data" / "files")
    assert done("restore", copy, "--json", *here).json["attached"] == 1
    assert file_findings(root) == {}
    assert files_of(root, "B") == []

    elsewhere = tmp_path / "新"
    done("restore", copy, "--workspace", elsewhere)
    assert file_findings(elsewhere) == {}
    assert [one["name"] for one in files_of(elsewhere, "A")] == ["坡面.jpg"]


def test_a_kill_between_the_bytes_and_the_row_leaves_an_orphan_and_never_a_hole(root, files):
    """The process dies when the bytes are in their place and the ledger has not heard of them."""
    program = (
        "import os, signal, sys\n"
        "from riskmap.ledger import Ledger\n"
        "Ledger.change_files = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from riskmap.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    words = ("attach", "risk_points", "A", "photos", str(files["坡面.jpg"]), "--workspace", str(root))
    ran = subprocess.run([sys.executable, "-c", program, *words], check=False, capture_output=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()
    assert files_of(root, "A") == []
    assert set(file_findings(root)) == {"note"}
    done("attach", "risk_points", "A", "photos", files["坡面.jpg"], "--workspace", root)
    assert file_findings(root) == {}


def test_a_kill_before_the_bytes_are_in_their_place_leaves_nothing_that_the_next_start_does_not_clear(
    root, files
):
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "before = Path.replace\n"
        "def die(self, target):\n"
        "    if self.name.endswith('.part') and 'files' in self.parts:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return before(self, target)\n"
        "Path.replace = die\n"
        "from riskmap.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    words = ("attach", "risk_points", "A", "photos", str(files["坡面.jpg"]), "--workspace", str(root))
    ran = subprocess.run([sys.executable, "-c", program, *words], check=False, capture_output=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()
    folder = root / "data" / "files"
    assert [path.suffix for path in folder.rglob("*") if path.is_file()] == [".part"]
    workspace._clear_leftovers.cache_clear()
    assert files_of(root, "A") == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
