"""`riskmap backup` keeps the whole workspace and never a damaged one; `riskmap restore` brings it back."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK, utc_now
from tests.cli import riskmap
from tests.map_workspace import make_workspace
from tests.pages_running import open_page, use_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("backup") / "区"
    ws = make_workspace(root)
    at = dt.datetime(2026, 9, 5, tzinfo=dt.UTC)
    ws.ledger.open_scenario(title="台风", drill=True, body={}, at=at, escalations=(), by="甲", why="演练")
    (root / "lists").mkdir()
    (root / "lists" / "重点.toml").write_text("a = 1\n", encoding="utf-8")
    (root / "data" / "people.csv").write_text("x\n", encoding="utf-8")
    (root / "data" / "cache" / "big").mkdir(parents=True)
    (root / "data" / "cache" / "big" / "derived").write_bytes(b"0")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def run(*words: object, status: int = 0):
    ran = riskmap(*words)
    assert ran.status == status, ran.out + ran.err
    return ran


def told(root: Path) -> dict:
    """What commands say of a workspace: figures, models with their digests, scenarios."""
    summary = riskmap("summary", "--json", "--workspace", root).json
    explained = riskmap("explain", "risk_points", "RP-LONE-low", "--json", "--workspace", root).json
    scenarios = [(s.title, s.drill, s.body) for s in open_workspace(root).ledger.scenarios()]
    return {"summary": summary, "explain": explained, "scenarios": scenarios}


def content(root: Path) -> dict[str, str]:
    files = [p for p in root.rglob("*") if p.is_file() and "ledger.sqlite" not in p.name]
    return {
        p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
        for p in files
        if not {"cache", ".git"} & set(p.parts)
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settled(root: Path, old: str, new: str) -> None:
    """Change a line of workspace.toml."""
    settings = root / "workspace.toml"
    said = settings.read_text(encoding="utf-8")
    assert old in said
    settings.write_text(said.replace(old, new), encoding="utf-8")


def broken(root: Path) -> None:
    """Damage a page in the middle of the ledger."""
    ledger = root / "data" / "ledger.sqlite"
    with sqlite3.connect(ledger) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'revision'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    raw.close()
    with ledger.open("rb+") as file:
        file.seek((page - 1) * size + 8)
        file.write(b"\xa5" * 64)


def test_an_empty_folder_becomes_the_whole_workspace_again(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    new = tmp_path / "新 区"
    done = run("restore", tmp_path / "b.zip", "--workspace", new, "--json").json
    assert done["workspace"] == str(new)
    assert content(new) == content(root)
    assert told(new) == told(root)
    assert not list(new.rglob(".riskmap*"))
    assert not (new / "data" / "cache" / "big").exists()
    assert open_workspace(new).ledger.check() == []


def test_a_person_can_look_into_it(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        names = set(archive.namelist())
        listed = json.loads(archive.read("riskmap-backup.json"))
        assert "riskmap restore" in archive.read("说明 README.txt").decode()
    assert {"workspace.toml", "data/ledger.sqlite", "data/people.csv", "lists/重点.toml"} <= names
    assert not any(name.startswith((".git", "data/cache")) for name in names)
    assert listed["head"] == open_workspace(root).ledger.head().digest
    assert set(listed["files"]) == names - {"riskmap-backup.json", "说明 README.txt"}


@pytest.mark.parametrize("damage", ["page", "versions", "chain"])
def test_a_damaged_ledger_never_replaces_the_last_good_copy(root, tmp_path, damage):
    good = tmp_path / "b.zip"
    run("backup", good, "--workspace", root)
    before = digest(good)
    if damage == "page":
        broken(root)
    else:
        with sqlite3.connect(root / "data" / "ledger.sqlite") as raw:
            raw.execute("DROP TRIGGER feature_version")
            raw.execute("DROP TRIGGER changeset_fixed")
            raw.execute(
                "UPDATE feature SET version = 7 WHERE code = 'RP-LONE-low'"
                if damage == "versions"
                else "UPDATE changeset SET why = '别的' WHERE id = 1"
            )
        raw.close()
    ran = run("backup", good, "--workspace", root, "--json", status=2)
    assert "riskmap restore" in ran.json["error"]["message"] + ran.json["error"]["remedy"]
    assert "未备份" in ran.err
    assert str(good) in ran.err
    assert digest(good) == before
    assert sorted(p.name for p in tmp_path.iterdir() if "b" in p.name) == ["b.zip"]
    new = tmp_path / "new"
    run("restore", good, "--workspace", new)
    assert open_workspace(new).ledger.check() == []


def test_the_last_generations_are_kept_under_their_dates_and_the_oldest_go(root, tmp_path, monkeypatch):
    settled(root, "keep = 7", "keep = 3")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b-notes.zip").write_bytes(b"not ours")
    for day in range(5):
        monkeypatch.setenv(CLOCK, (utc_now() + dt.timedelta(days=1)).isoformat())
        run("backup", tmp_path / "out" / "b.zip", "--workspace", root)
        if day == 0:
            first = digest(tmp_path / "out" / "b.zip")
        elif day == 1:
            (old,) = (tmp_path / "out").glob("b-2*.zip")
            assert digest(old) == first, "what stood there is kept as it was"
    kept = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert len(kept) == 4
    assert {"b.zip", "b-notes.zip"} <= set(kept)
    oldest = tmp_path / "out" / min(set(kept) - {"b-notes.zip"}, key=lambda name: (name == "b.zip", name))
    run("restore", oldest, "--workspace", tmp_path / "again")


def test_in_a_workspace_that_is_there_the_ledger_comes_back_and_nothing_else(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    settings = root / "workspace.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "# 改过\n", encoding="utf-8")
    run("retire", "risk_points", "RP-LONE-low", "--why", "误", "--workspace", root)
    done = run("restore", tmp_path / "b.zip", "--workspace", root, "--json").json
    assert set(done) == {"restored", "store"}
    run("explain", "risk_points", "RP-LONE-low", "--workspace", root)
    assert settings.read_text(encoding="utf-8").endswith("# 改过\n")
    assert (root / "data" / "ledger.sqlite.before-restore").exists()


def test_told_to_it_brings_the_whole_back_and_keeps_what_it_replaced(root, tmp_path):
    was = content(root), told(root)
    run("backup", tmp_path / "b.zip", "--workspace", root)
    (root / "layers" / "slopes.toml").unlink()
    (root / "lists" / "重点.toml").write_text("a = 2\n", encoding="utf-8")
    (root / "layers" / "more.toml").write_text("broken = ", encoding="utf-8")
    ran = run("restore", tmp_path / "b.zip", "--whole", "--workspace", root)
    (kept,) = root.glob("before-restore-*")
    assert str(kept) in ran.err
    assert content(kept) == {"lists/重点.toml": "a = 2\n", "layers/more.toml": "broken = "}
    shutil.rmtree(kept)
    assert (content(root), told(root)) == was


def test_files_in_the_way_are_never_overwritten(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    new = tmp_path / "new"
    (new / "data").mkdir(parents=True)
    (new / "data" / "people.csv").write_text("mine")
    ran = run("restore", tmp_path / "b.zip", "--workspace", new, status=2)
    assert "people.csv" in ran.err
    assert [p.name for p in new.rglob("*") if p.is_file()] == ["people.csv"]
    assert (new / "data" / "people.csv").read_text() == "mine"


def repacked(old: Path, new: Path, change) -> None:
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w") as out:
        for name in source.namelist():
            found = change(name, source.read(name))
            if found is not None:
                out.writestr(*found)


def altered_file(name, data):
    return name, data + (b"# more" if name == "workspace.toml" else b"")


def missing_file(name, data):
    return None if name == "layers/slopes.toml" else (name, data)


def leaving_the_folder(name, data):
    if name != "riskmap-backup.json":
        return name, data
    listed = json.loads(data)
    listed["files"]["../outside.txt"] = hashlib.sha256(b"x").hexdigest()
    return name, json.dumps(listed)


def broken_list(name, data):
    return name, b"{" if name == "riskmap-backup.json" else data


@pytest.mark.parametrize("change", [altered_file, missing_file, leaving_the_folder, broken_list])
def test_a_backup_that_is_not_what_its_list_says_is_refused_and_nothing_changes(root, tmp_path, change):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    repacked(tmp_path / "b.zip", tmp_path / "bad.zip", change)
    before = content(root)
    for where in ([root, "--whole"], [tmp_path / "new"]):
        ran = run("restore", tmp_path / "bad.zip", "--workspace", *where, status=2)
        assert "清单" in ran.err
    assert content(root) == before
    assert not list((tmp_path / "new").glob("*"))
    assert not (tmp_path / "outside.txt").exists()


def test_half_a_backup_is_refused(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    data = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(data[: len(data) // 2])
    assert "备份" in run("restore", tmp_path / "half.zip", "--workspace", root, status=2).err


def test_a_file_of_the_workspace_is_not_taken_for_a_backup(root):
    before = content(root)
    for name in ("workspace.toml", "data/ledger.sqlite", "layers/slopes.toml"):
        assert "自己的文件" in run("backup", root / name, "--workspace", root, status=2).err
    assert content(root) == before


def test_a_backup_inside_the_workspace_holds_no_backups(root):
    for _ in range(3):
        run("backup", root / "备份.zip", "--workspace", root)
    with zipfile.ZipFile(root / "备份.zip") as archive:
        assert not any("备份" in name for name in archive.namelist())


def test_a_table_outside_the_workspace_is_named(root, tmp_path):
    people = tmp_path / "人口.csv"
    people.write_text("x\n", encoding="utf-8")
    settled(root, 'people = ""', f'people = "{people}"')
    assert str(people) in run("backup", tmp_path / "b.zip", "--workspace", root).err


def test_a_place_that_cannot_be_written_leaves_the_last_backup(root, tmp_path):
    assert "文件夹" in run("backup", tmp_path / "no" / "b.zip", "--workspace", root, status=2).err


def test_the_ledger_alone_of_an_earlier_backup_is_still_restored(root, tmp_path):
    open_workspace(root).ledger.backup(tmp_path / "old.sqlite")
    run("retire", "risk_points", "RP-LONE-low", "--why", "误", "--workspace", root)
    run("restore", tmp_path / "old.sqlite", "--workspace", root)
    run("explain", "risk_points", "RP-LONE-low", "--workspace", root)
    assert "--whole" in run("restore", tmp_path / "old.sqlite", "--whole", "--workspace", root, status=2).err


def found_backup(root: Path) -> dict[str, str]:
    ran = riskmap("check", "--workspace", root, "--json")
    (one,) = [one for one in ran.json["findings"] if one["what"] == "backup"]
    return one


def overview(monkeypatch, root: Path) -> tuple[str, str]:
    """What the page says calmly, and what aloud."""
    use_workspace(monkeypatch, root)
    page = open_page("overview")
    return " ".join(m.value for m in page.markdown), " ".join(w.value for w in page.warning)


def test_check_and_overview_say_when_the_last_good_backup_was_made(root, tmp_path, monkeypatch):
    assert (found_backup(root)["severity"], "还没有备份" in found_backup(root)["message"]) == ("note", True)
    assert "还没有备份" in overview(monkeypatch, root)[0]
    run("backup", tmp_path / "b.zip", "--workspace", root)
    assert "上次完好的备份" in found_backup(root)["message"]
    assert str(tmp_path / "b.zip") in found_backup(root)["where"]
    calm, loud = overview(monkeypatch, root)
    assert ("0 天前" in calm, "备份" in loud) == (True, False)
    run("retire", "risk_points", "RP-LONE-low", "--why", "误", "--workspace", root)
    monkeypatch.setenv(CLOCK, (utc_now() + dt.timedelta(days=8)).isoformat())
    assert found_backup(root)["severity"] == "warning"
    calm, loud = overview(monkeypatch, root)
    assert ("备份" in calm, "8 天前" in loud) == (False, True)


def test_a_backup_that_is_no_longer_where_it_was_put_is_missed(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    (tmp_path / "b.zip").unlink()
    assert found_backup(root)["severity"] == "warning"
    assert "不在" in found_backup(root)["message"]


@pytest.mark.skipif(os.name == "nt", reason="rights of files")
def test_only_its_owner_may_read_a_backup(root, tmp_path):
    run("backup", tmp_path / "b.zip", "--workspace", root)
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
