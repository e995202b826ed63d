"""Files on records: history, past days, undo and stale edits hold for them as for any field."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime

import pytest

from riskmap.errors import LedgerError, StaleRevisionError, UnknownNameError
from riskmap.ledger import FilesChange, Ledger
from riskmap.values.attachments import Attachment
from tests.ledger_files import LAYER, WHO, Clock, bring, judged, point
from tests.rooms.test_ledger_chain import forced


def file(mark: str) -> Attachment:
    return Attachment(mark * 64, "jpg", 1000, 640, 480, "2026-05-01T10:20:30", 114.12, 22.63)


def put(*marks: str, field: str = "photos", several: bool = True) -> FilesChange:
    return FilesChange(field, {mark * 64: (file(mark), f"照片{mark}.jpg") for mark in marks}, several=several)


def off(*marks: str, field: str = "photos") -> FilesChange:
    return FilesChange(field, {}, taken_off=frozenset(mark * 64 for mark in marks))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    with Ledger.create(f"sqlite:///{path}", clock=Clock()) as opened:
        bring(opened, [point("A"), point("B")])
        yield opened


def marks(ledger, code: str = "A", **when) -> list[str]:
    return [one.file.digest[0] for one in ledger.attached(LAYER, **when).get(code, [])]


def test_what_is_attached_is_the_next_version_and_history_names_file_and_digest(ledger):
    assert ledger.change_files(LAYER, "A", put("a", "b"), by="李工", why="现场") == 2
    last = ledger.history(LAYER, "A")[-1]
    assert (last.version, last.who, last.why, last.kind) == (2, "李工", "现场", "attach")
    said = f"{'a' * 64}  照片a.jpg\n{'b' * 64}  照片b.jpg"
    assert last.changes == {"photos": (None, said)}
    one, two = ledger.attached(LAYER)["A"]
    assert (one.field, one.name, one.file, one.who) == ("photos", "照片a.jpg", file("a"), "李工")
    assert two.file == file("b")
    assert ledger.check() == []


def test_a_past_day_has_the_files_of_then_and_an_undo_takes_them_back(ledger):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    then = datetime.fromisoformat(ledger.written_at(ledger.state))
    ledger.change_files(LAYER, "A", off("a"), **WHO)
    assert marks(ledger) == []
    assert marks(ledger, as_of=then) == ["a"]
    ledger.undo(ledger.state, **WHO)
    assert marks(ledger) == ["a"]
    ledger.undo(ledger.state, **WHO)
    assert marks(ledger) == []
    assert marks(ledger, as_of=then) == ["a"]
    assert [one.digest[0] for one in ledger.attachments()] == ["a"]
    assert ledger.check() == []


def test_an_undo_is_refused_where_the_record_has_changed_since(ledger):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    number = ledger.state
    ledger.edit(LAYER, "A", seen=2, changes=judged({"likelihood": 6}), **WHO)
    with pytest.raises(LedgerError, match="后来又改过"):
        ledger.undo(number, **WHO)


def test_an_edit_an_import_and_a_retirement_leave_the_files_where_they_are(ledger):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    ledger.edit(LAYER, "A", seen=2, changes=judged({"likelihood": 6}), **WHO)
    bring(ledger, [point("A", likelihood=10)])
    ledger.retire(LAYER, "A", **WHO)
    ledger.reinstate(LAYER, "A", **WHO)
    assert marks(ledger) == ["a"]
    assert ledger.history(LAYER, "A")[-1].version == 6
    assert ledger.check() == []


def test_the_same_file_twice_changes_nothing_and_keeps_its_name(ledger):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    state = ledger.state
    again = FilesChange("photos", {"a" * 64: (file("a"), "别名.jpg")})
    assert ledger.change_files(LAYER, "A", again, **WHO) == 2
    assert ledger.state == state
    ledger.change_files(LAYER, "B", again, **WHO)
    assert len(ledger.attachments()) == 1
    assert [one.name for one in ledger.attached(LAYER)["A"]] == ["照片a.jpg"]


def test_a_field_for_one_file_takes_the_new_one_and_the_past_keeps_the_other(ledger):
    ledger.change_files(LAYER, "A", put("a", field="plan", several=False), **WHO)
    then = datetime.fromisoformat(ledger.written_at(ledger.state))
    ledger.change_files(LAYER, "A", put("b", field="plan", several=False), **WHO)
    assert marks(ledger) == ["b"]
    assert marks(ledger, as_of=then) == ["a"]


def test_a_stale_a_retired_and_an_unknown_record_take_no_files(ledger):
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    with pytest.raises(StaleRevisionError) as stale:
        ledger.change_files(LAYER, "A", put("a"), seen=1, **WHO)
    assert stale.value.mine["likelihood"] == 3
    assert "照片a.jpg" in stale.value.mine["photos"]
    assert stale.value.theirs["likelihood"] == 6
    ledger.retire(LAYER, "B", **WHO)
    with pytest.raises(LedgerError, match="已注销"):
        ledger.change_files(LAYER, "B", put("a"), **WHO)
    with pytest.raises(UnknownNameError):
        ledger.change_files(LAYER, "C", put("a"), **WHO)
    assert ledger.attachments() == []


@pytest.mark.parametrize(
    "lie",
    [
        "UPDATE attached SET name = '别的.jpg'",
        "UPDATE attached SET valid_to = 3",
        "UPDATE attachment SET bytes = bytes + 1",
        "UPDATE attachment SET lon = 0",
        "DELETE FROM attached",
    ],
)
def test_what_is_altered_behind_the_ledgers_back_is_found(ledger, path, lie):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    assert ledger.check() == []
    forced(path, lie)
    assert ledger.check(), lie


@pytest.mark.parametrize(
    "lie",
    [
        "DELETE FROM attached",
        "DELETE FROM attachment",
        "UPDATE attached SET name = 'x'",
        "UPDATE attachment SET media = 'png'",
    ],
)
def test_the_triggers_let_nobody_alter_what_is_attached(ledger, path, lie):
    ledger.change_files(LAYER, "A", put("a"), **WHO)
    with contextlib.closing(sqlite3.connect(path)) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute(lie)
