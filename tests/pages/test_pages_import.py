"""The import page: uploads under names of ours, a look before writing, rows that wait, taking back."""

from __future__ import annotations

import io
import shutil
import stat
import sys

import openpyxl
import pytest

from riskmap.actions.importing import commit_files, plan_file, read_for_import, settle_held
from riskmap.actions.records.changes import tier_changes_since
from riskmap.actions.records.editing import edit_point, undo_changeset
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.errors import RiskmapError, UnreadableFileError
from riskmap.rules.permissions import local_actor
from riskmap.vocabulary import RANKS
from riskmap.web.frame import downloads, state
from riskmap.web.pages.importing import Run
from riskmap.web.widgets.uploads import keep_uploads, private_folder, shown_name
from tests.map_workspace import make_workspace
from tests.pages_running import html, open_page, panel, texts, use_workspace

LAYER, CODE = "risk_points", "RP-LONE-general"
HEADER = "编号,名称,所属街道,经度,纬度,可能性,暴露频率,后果"


class Uploaded:
    def __init__(self, name: str, content: bytes = b"x") -> None:
        self.name = name
        self._content = content

    def getbuffer(self) -> memoryview:
        return io.BytesIO(self._content).getbuffer()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("import") / "w"
    make_workspace(root)
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def planned(ws, folder, *rows, name="台账.csv"):
    file = folder / name
    file.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8-sig")
    return plan_file(ws, read_for_import(ws, LAYER, file, datum="cgcs2000", name=name))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.csv",
        "C:\\Windows\\system.csv",
        "/abs/x.csv",
        "a\x00b\n.csv",
        "…" * 300 + ".csv",
        "CON.csv",
    ],
)
def test_an_upload_never_chooses_where_it_lies(name):
    with private_folder() as folder:
        (kept,) = keep_uploads([Uploaded(name)], folder)
        assert kept.path.parent == folder
        assert kept.path.name == "0000.csv"
        assert "/" not in kept.name
        assert "\\" not in kept.name
        assert len(kept.name) <= 120
        assert kept.name.isprintable()
        if sys.platform != "win32":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert not folder.exists()


def test_the_parts_of_a_shapefile_stand_together():
    with private_folder() as folder:
        parts = [Uploaded(f"避难场所{e}") for e in (".dbf", ".shp", ".SHX", ".prj")]
        (kept,) = keep_uploads(parts, folder)
        assert kept.name == "避难场所.shp"
        assert sorted(p.suffix for p in folder.iterdir()) == [".dbf", ".prj", ".shp", ".shx"]
        assert {p.stem for p in folder.iterdir()} == {kept.path.stem}


@pytest.mark.parametrize("names", [["a.dbf"], ["a.shp", "A.SHP"], ["a.exe"], ["a"]])
def test_files_that_cannot_be_read_are_refused_by_name(names):
    with private_folder() as folder, pytest.raises(UnreadableFileError, match=r"[aA]"):
        keep_uploads([Uploaded(n) for n in names], folder)


def test_a_name_without_anything_left_still_has_one():
    assert shown_name("\x00\n") == "file"


def test_writing_assesses_and_lists_the_tiers_that_moved(ws, tmp_path):
    file = planned(ws, tmp_path, f"{CODE},,,,,10,,", "RP-NEW-1,新点,桂园街道,114.11,22.55,0.5,6,7")
    outcome = commit_files(ws, LAYER, [file], by=local_actor("张三"), why="五月")
    assert outcome.refused is None
    assert [(c.code, c.before, c.after) for c in outcome.changes if c.before] == [(CODE, "general", "major")]
    assert [c.after for c in outcome.changes if c.before is None] == ["low"]


def test_nothing_is_written_without_person_and_reason(ws, tmp_path):
    file = planned(ws, tmp_path, f"{CODE},,,,,10,,")
    before = ws.ledger.state
    with pytest.raises(RiskmapError):
        commit_files(ws, LAYER, [file], by=local_actor("张三"), why="")
    assert ws.ledger.state == before


def test_a_plan_that_no_longer_holds_writes_nothing_and_comes_back_planned_anew(ws, tmp_path):
    file = planned(ws, tmp_path, f"{CODE},,,,,10,,")
    edit_point(ws, LAYER, CODE, seen=1, changes={"likelihood": 3.0}, by=local_actor("李四"), why="先到")
    outcome = commit_files(ws, LAYER, [file], by=local_actor("张三"), why="五月")
    assert outcome.committed == ()
    assert outcome.refused is not None
    (again,) = outcome.left
    assert again.plan.changes[0]["likelihood"] == (3.0, 10.0)
    assert one_feature(ws, LAYER, CODE).records.values["likelihood"][0] == 3.0
    assert commit_files(ws, LAYER, [again], by=local_actor("张三"), why="五月").refused is None


def test_an_import_is_taken_back_with_its_tiers(ws, tmp_path):
    file = planned(ws, tmp_path, f"{CODE},,,,,10,,")
    outcome = commit_files(ws, LAYER, [file], by=local_actor("张三"), why="五月")
    (done,) = outcome.committed
    assert done.committed is not None
    undo_changeset(ws, done.committed.changeset, by=local_actor("张三"), why="传错文件")
    features = one_feature(ws, LAYER, CODE)
    assert features.records.values["likelihood"][0] == 1
    assert RANKS[int(features.rank[0])] == "general"


def held_row(ws, tmp_path):
    # The same code with another name, several kilometres away: another point, or a mistake.
    file = planned(ws, tmp_path, f"{CODE},别处的厂,桂园街道,114.105,22.535,6,6,15")
    assert file.plan.count("held") == 1
    commit_files(ws, LAYER, [file], by=local_actor("张三"), why="五月")
    (entry,) = ws.ledger.held()
    return entry


def test_a_held_row_is_shown_beside_the_ledger_and_taken_as_a_new_code(ws, tmp_path):
    entry = held_row(ws, tmp_path)
    at = open_page("import")
    (row,) = texts(panel(at, "backlog-held"))
    assert CODE in row
    settle_held(ws, [entry.id], accept=True, by=local_actor("张三"), why="是另一个点", as_code="RP-NEW-9")
    assert one_feature(ws, LAYER, "RP-NEW-9").records.name[0] == "别处的厂"
    assert RANKS[int(one_feature(ws, LAYER, "RP-NEW-9").rank[0])] == "major"
    assert ws.ledger.held() == []


def test_a_declined_row_leaves_the_record_alone(ws, tmp_path):
    entry = held_row(ws, tmp_path)
    settle_held(ws, [entry.id], accept=False, by=local_actor("张三"), why="填错")
    assert one_feature(ws, LAYER, CODE).records.name[0] == "孤点general"
    assert ws.ledger.held() == []


def test_rejected_rows_wait_on_the_page_and_come_back_as_a_workbook(ws, tmp_path):
    file = planned(ws, tmp_path, "RP-BAD-1,坏行,桂园街道,114.11,22.55,较高,6,7")
    commit_files(ws, LAYER, [file], by=local_actor("张三"), why="五月")
    at = open_page("import")
    (row,) = texts(panel(at, "backlog-rejected"))
    assert "RP-BAD-1" in row
    assert "台账.csv" in row[0]
    (offered,) = panel(at, "backlog-rejects")["items"]
    workbook = downloads.asked(state.signer(), offered["href"].removeprefix("download/"), "").make()
    cells = [
        str(c.value) for sheet in openpyxl.load_workbook(io.BytesIO(workbook)) for row in sheet for c in row
    ]
    assert "RP-BAD-1" in cells


def looked_at(*files):
    """Return the page as it shows files that were read and compared."""
    at = open_page("import")
    at.session_state["import-run"] = Run(LAYER, files, (), full_list=False)
    at.run()
    assert not at.exception, at.exception
    return at


def test_unread_columns_that_look_like_positions_are_named_on_the_page(ws, tmp_path):
    file = tmp_path / "台账.csv"
    file.write_text("编号,名称,foo,bar\nRP-N-1,一,114.12,22.55\n", encoding="utf-8-sig")
    at = looked_at(plan_file(ws, read_for_import(ws, LAYER, file, datum=None)))
    said = [" ".join(row) for row in texts(panel(at, "import-review-0-issues"))]
    assert any("坐标列没有读到" in line and "“foo”“bar”" in line for line in said)
    assert "没有发现问题" not in html(at)


def test_a_missing_street_is_offered_on_the_page_and_taken_with_a_click(ws, tmp_path):
    at = looked_at(planned(ws, tmp_path, "RP-N-1,一,,114.115,22.55,1,1,1"))
    (row,) = texts(panel(at, "import-offers-0"))
    assert "缺街道，位置在" in row[-1]
    assert at.session_state["import-run"].files[0].intake.records.subdistrict == [None]
    at.button(key="import-offers-0-subdistrict").click().run()
    assert not at.exception, at.exception
    file = at.session_state["import-run"].files[0]
    assert file.intake.records.subdistrict[0] in ws.subdistricts
    assert file.offered == ()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_blank_template_of_the_chosen_layer_is_offered_in_the_language_of_the_page(ws, lang):
    at = open_page("import", **({"lang": "en"} if lang == "en" else {}))
    (offered,) = panel(at, f"import-template-{LAYER}")["items"]
    assert offered["title"] == {"zh": "空白模板：风险点", "en": "Blank template: Risk points"}[lang]
    token = offered["href"].removeprefix("download/").partition("?")[0]
    book = openpyxl.load_workbook(io.BytesIO(downloads.asked(state.signer(), token, "").make()))
    assert book.worksheets[0].cell(1, 1).value == {"zh": "编号", "en": "Code"}[lang]


def test_what_records_lack_is_offered_and_written_as_one_change_once_it_is_accepted(ws, tmp_path):
    rows = ["RP-N-1,一,,114.115,22.55,1,1,1", "RP-N-2,二,,114.116,22.551,1,1,1"]
    commit_files(ws, LAYER, [planned(ws, tmp_path, *rows)], by=local_actor("张三"), why="五月")
    at = open_page("import")
    at.button_group(key="backlog-part").select("offers").run()
    at.selectbox(key="offers-layer").select(LAYER).run()
    listed = texts(panel(at, f"backlog-offers-{LAYER}"))
    assert {row[0] for row in listed} >= {"RP-N-1", "RP-N-2"}
    assert all("缺街道，位置在" in row[1] for row in listed if row[0].startswith("RP-N"))
    others = [row[0] for row in listed if not row[0].startswith("RP-N-1")]
    at.multiselect(key=f"offers-leave-{LAYER}").set_value(others).run()
    at.button(key=f"offers-{LAYER}-subdistrict").click().run()
    assert one_feature(ws, LAYER, "RP-N-1").records.subdistrict == [None]  # nobody has signed
    at.text_input(key=f"offers-{LAYER}-by").set_value("李四")
    at.text_input(key=f"offers-{LAYER}-why").set_value("已核对").run()
    at.button(key=f"offers-{LAYER}-subdistrict").click().run()
    assert not at.exception, at.exception
    assert one_feature(ws, LAYER, "RP-N-1").records.subdistrict[0] in ws.subdistricts
    assert one_feature(ws, LAYER, "RP-N-2").records.subdistrict == [None]
    assert ws.ledger.changesets(limit=1)[0].why == "已核对（按确认补上 1 项街道或位置）"


def test_an_empty_page_tells_what_to_do(ws):
    at = open_page("import")
    assert "先核对" in html(at)
    assert at.button(key="import-check").disabled
    assert [s.key for s in at.selectbox][:2] == ["import-layer", "import-datum"]


@pytest.mark.parametrize("datum", ["", "cgcs2000", "wgs84", "gcj02", "bd09", "EPSG:4547", "other"])
def test_every_datum_is_explained_in_a_line(ws, datum):
    at = open_page("import")
    at.selectbox(key="import-datum").select(datum).run()
    assert not at.exception
    assert at.caption[0].value


def test_recent_changes_offer_to_be_undone(ws):
    at = open_page("import")
    at.button_group(key="backlog-part").select("changes").run()
    table = panel(at, "backlog-changes")
    acts = [cell["act"] for row in table["rows"] for cell in row["cells"] if "act" in cell]
    assert len(acts) == 3  # three imports; assessments cannot be undone
    assert not [c for row in texts(table) for c in row if c in {"import", "assess"}]


def test_tier_changes_since_a_day_leave_out_first_assessments(ws):
    from datetime import datetime, timedelta

    today = datetime.now().astimezone().date()
    assert tier_changes_since(ws, today).moved == ()
    assert sum(tier_changes_since(ws, today).first.values()) == 61  # the two shelters are no risks
    edit_point(ws, LAYER, CODE, seen=1, changes={"likelihood": 10.0}, by=local_actor("李四"), why="更正")
    (change,) = tier_changes_since(ws, today).moved
    assert (change.before, change.after, change.cause) == ("general", "major", "data")
    assert tier_changes_since(ws, today + timedelta(days=1)).moved == ()


def test_the_review_says_where_points_would_lie_and_which_tiers_would_change_before_anything_is_written(
    ws, tmp_path
):
    file = planned(
        ws,
        tmp_path,
        f"{CODE},<b>改名</b>,,114.1312,22.571,10,,",
        "RP-NEW-1,新点,桂园街道,114.11,22.55,0.5,6,7",
        "RP-NEW-2,远点,桂园街道,113.5,22.55,3,6,15",
    )
    before = ws.ledger.state
    at = looked_at(file)
    page = html(at)
    assert [f"{word} <b>1</b>" in page for word in ("移动", "新增", "在本区之外")] == [True] * 3
    (changed,) = texts(panel(at, "import-review-0-tiers-changes"))
    assert changed == [CODE, "<b>改名</b>", "一般", "重大", "可能性L：1 → 10"]
    now = {row[0]: row[1:] for row in texts(panel(at, "import-review-0-tiers-counts"))}
    assert now["重大"][2] == "+1"
    assert now["较大"][2] == "+1"
    assert any("首次有等级的 2 处：较大 1、低 1" in t.value for t in at.text)
    at.button(key="import-drop").click().run()
    assert at.session_state["import-outlooks"] == {}
    assert ws.ledger.state == before


def test_a_layer_whose_model_cannot_be_used_is_reviewed_without_tiers_and_says_why(ws, tmp_path):
    file = planned(ws, tmp_path, f"{CODE},,,,,10,,")
    (ws.root / "models" / "risk_points_lec.toml").write_text("id = 3", encoding="utf-8")
    state.workspace.cache_clear()
    at = looked_at(file)
    assert any("等级无法试算" in e.value for e in at.error)
