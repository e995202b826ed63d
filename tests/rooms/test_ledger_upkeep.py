from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa

from riskmap.errors import LedgerError, StaleRevisionError
from riskmap.ledger import Ledger, Scored, schema
from riskmap.moments import utc_now
from riskmap.values.scenario import NewEvent
from tests.ledger_files import (
    LAYER,
    WHO,
    Clock,
    assessment,
    bring,
    intake,
    judged,
    leader,
    point,
    rejected,
    values_of,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def ledger(url):
    with Ledger.create(url, clock=Clock()) as opened:
        yield opened


def test_a_new_ledger_never_overwrites_a_file(ledger, url):
    with pytest.raises(LedgerError, match="未覆盖"):
        Ledger.create(url)


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "postgresql://h/d", "no address"])
def test_an_address_that_is_no_sqlite_file_is_refused(bad):
    with pytest.raises(LedgerError, match="sqlite:///"):
        Ledger.open(bad)


def test_opening_says_in_one_message_what_is_wrong(tmp_path, ledger, path, url):
    absent = f"sqlite:///{tmp_path / 'none.sqlite'}"
    with pytest.raises(LedgerError, match="没有这个文件"):
        Ledger.open(absent)
    with pytest.raises(LedgerError, match="打不开"):
        Ledger.create(f"sqlite:///{tmp_path / 'no' / 'l.sqlite'}")
    foreign = tmp_path / "foreign.sqlite"
    with contextlib.closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE x (y)")
    text = tmp_path / "text.sqlite"
    text.write_text("编号,名称\n" * 100)
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    for file in (foreign, text, empty):
        with pytest.raises(LedgerError, match="不是台账文件"):
            Ledger.open(f"sqlite:///{file}")
    ledger.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE meta SET value = '99'")
    with pytest.raises(LedgerError, match="更新的 riskmap"):
        Ledger.open(url)


def test_a_damaged_file_is_named_as_damaged(ledger, path, url):
    bring(ledger, [point(f"P{i}") for i in range(500)])
    ledger.close()
    raw = bytearray(path.read_bytes())
    raw[8192:-4096] = b"\xa5" * (len(raw) - 12288)
    path.write_bytes(raw)
    with pytest.raises(LedgerError, match="损坏|不是台账文件"), Ledger.open(url) as opened:
        opened.features(LAYER)


def test_the_past_cannot_be_rewritten_even_with_sql(ledger, path):
    bring(ledger, [point("A", contacts=(leader(),))], bad=[rejected("B", "坏")])
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    found = ledger.features(LAYER)
    ledger.save_assessments([Scored(assessment(found, [4]), found.feature_id, found.version, "")], **WHO)
    forbidden = [
        f"DELETE FROM {t}"
        for t in ("changeset", "feature", "revision", "contact_set", "rejected_row", "assessment")
    ]
    forbidden += [
        "UPDATE revision SET body = '{}'",
        "UPDATE revision SET valid_to = NULL",
        "UPDATE revision SET valid_to = 9 WHERE version = 1",
        "UPDATE changeset SET who = 'nobody'",
        "UPDATE feature SET code = 'Z', version = version + 1",
        "UPDATE feature SET subdistrict = 'Z'",
        "UPDATE rejected_row SET cells = '[]'",
        "UPDATE assessment SET rank = 0",
        "INSERT OR REPLACE INTO revision SELECT * FROM revision WHERE version = 1",
    ]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA recursive_triggers=ON")
        for statement in forbidden:
            with pytest.raises(sqlite3.Error):
                raw.execute(statement)
    assert ledger.check() == []


def test_a_backup_is_a_whole_ledger_and_restoring_it_keeps_the_replaced_one(ledger, path, url, tmp_path):
    bring(ledger, [point("A", contacts=(leader(),))])
    saved = tmp_path / "备份.sqlite"
    saved.write_bytes(b"old")
    ledger.backup(saved)
    with Ledger.open(f"sqlite:///{saved}") as copy:
        assert copy.features(LAYER, contacts=True).records.contacts == [(leader(),)]
        assert copy.check() == []
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    ledger.edit(LAYER, "A", seen=2, changes=judged({"likelihood": 10}), **WHO)
    before = ledger.state
    Ledger.restore(saved, url, by="甲", why="误改")
    # The ledger that was open all the time goes on with the restored content, under a new number.
    assert values_of(ledger.features(LAYER))["likelihood"] == 3
    assert ledger.state > before
    assert ledger.changesets()[0].kind == "restore"
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 1}), **WHO)
    assert ledger.check() == []
    Ledger.restore(saved, url)
    kept = sorted(p.name for p in tmp_path.glob("*.before-restore*"))
    assert kept == ["ledger.sqlite.before-restore", "ledger.sqlite.before-restore-2"]
    with Ledger.open(f"sqlite:///{tmp_path / kept[0]}") as replaced:
        assert values_of(replaced.features(LAYER))["likelihood"] == 10
    assert not list(tmp_path.glob(".*"))


def test_a_backup_restores_where_there_is_no_ledger_or_a_damaged_one(ledger, path, tmp_path):
    bring(ledger, [point("A")])
    saved = tmp_path / "b.sqlite"
    ledger.backup(saved)
    target = tmp_path / "other.sqlite"
    for content in (None, b"rubbish" * 1000):
        if content:
            target.write_bytes(content)
        Ledger.restore(saved, f"sqlite:///{target}")
        with Ledger.open(f"sqlite:///{target}") as opened:
            assert len(opened.features(LAYER)) == 1
            assert opened.check() == []
    assert (tmp_path / "other.sqlite.before-restore").read_bytes() == b"rubbish" * 1000


def test_a_bad_backup_is_refused_and_the_ledger_untouched(ledger, path, url, tmp_path):
    bring(ledger, [point("A")])
    text = tmp_path / "t.sqlite"
    text.write_text("not a database" * 100)
    foreign = tmp_path / "f.sqlite"
    with contextlib.closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE x (y)")
    broken = tmp_path / "k.sqlite"
    ledger.backup(broken)
    with contextlib.closing(sqlite3.connect(broken, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER feature_version")
        raw.execute("UPDATE feature SET version = 5")
    for bad in (text, foreign, broken, tmp_path / "none.sqlite"):
        with pytest.raises(LedgerError, match="台账未动|不是台账文件"):
            Ledger.restore(bad, url)
    assert len(ledger.features(LAYER)) == 1
    assert not list(tmp_path.glob("*.before-restore*"))


def test_a_backup_that_cannot_be_written_leaves_the_old_file(ledger, tmp_path):
    bring(ledger, [point("A")])
    with pytest.raises(LedgerError, match="写不出来"):
        ledger.backup(tmp_path / "no" / "b.sqlite")


def test_the_check_finds_what_does_not_fit_together(ledger, path):
    bring(ledger, [point("A"), point("B")])
    assert ledger.check() == []
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER feature_version")
        raw.execute("UPDATE feature SET version = 7 WHERE code = 'A'")
    found = "\n".join(ledger.check())
    assert "feature A" in found


def test_a_full_disk_leaves_nothing_half(ledger):
    bring(ledger, [point("A")])

    @sa.event.listens_for(ledger._store.engine, "connect")
    def _small(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    ledger._store.engine.dispose()
    rows = [point(f"N{i}", note="长" * 200) for i in range(3000)]
    with pytest.raises(LedgerError, match="磁盘已满"):
        bring(ledger, rows)
    assert len(ledger.features(LAYER)) == 1
    assert ledger.check() == []


def test_a_read_only_file_is_named(ledger, path, url):
    bring(ledger, [point("A")])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA query_only=ON")

    @sa.event.listens_for(ledger._store.engine, "connect")
    def _read_only(connection, _record):
        connection.execute("PRAGMA query_only=ON")

    ledger._store.engine.dispose()
    with pytest.raises(LedgerError, match="只读"):
        ledger.retire(LAYER, "A", **WHO)


CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
from riskmap.ledger import Ledger
from tests.ledger_files import bring, point
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
bring(ledger, [point(f"N{i:05d}") for i in range(20000)])
print("done", flush=True)
"""


def test_a_killed_import_leaves_all_or_nothing(ledger, url):
    bring(ledger, [point("A")])
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    for wait in (0.05, 0.2, 0.4, 0.7):
        with subprocess.Popen([sys.executable, "-c", CHILD, url, here], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(wait)
            child.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        with Ledger.open(url) as again:
            assert again.check() == []
            assert len(again.features(LAYER)) in (1, 20_001)


EDITOR = """
import sys
sys.path.insert(0, sys.argv[2])
from riskmap.errors import StaleRevisionError
from riskmap.ledger import Ledger
from tests.ledger_files import judged
ledger = Ledger.open(sys.argv[1])
won = 0
for _ in range(25):
    while True:
        found = ledger.features("risk_points")
        seen, count = int(found.version[0]), found.records.values["likelihood"][0]
        try:
            ledger.edit("risk_points", "A", seen=seen, changes=judged({"likelihood": count + 1}), by="x", why="y")
        except StaleRevisionError:
            continue
        won += 1
        break
print(won)
"""


def test_processes_that_edit_one_record_lose_no_edit(ledger, url):
    bring(ledger, [point("A", likelihood=0)])
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    editors = [
        subprocess.Popen([sys.executable, "-c", EDITOR, url, here], stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert [int(e.communicate()[0]) for e in editors] == [25, 25, 25]
    found = ledger.features(LAYER)
    assert (values_of(found)["likelihood"], found.version[0]) == (75, 76)
    assert ledger.check() == []


def test_threads_read_whole_states_while_one_writes(ledger):
    bring(ledger, [point(f"P{i}", likelihood=0) for i in range(50)])
    stop = threading.Event()
    wrong: list[object] = []

    def read():
        while not stop.is_set():
            found = ledger.features(LAYER)
            seen = set(found.records.values["likelihood"])
            if len(found) != 50 or len(seen) != 1:
                wrong.append(seen)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for value in range(1, 15):
        bring(ledger, [point(f"P{i}", likelihood=value) for i in range(50)])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_two_threads_with_the_same_version_have_one_winner(ledger):
    bring(ledger, [point("A")])
    outcome: list[str] = []
    gate = threading.Barrier(4)

    def write(value):
        gate.wait()
        try:
            ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": value}), **WHO)
            outcome.append("won")
        except StaleRevisionError:
            outcome.append("stale")

    writers = [threading.Thread(target=write, args=(10 + i,)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcome) == ["stale", "stale", "stale", "won"]


def test_every_table_is_guarded():
    said = " ".join(schema.sqlite_statements())
    for name in set(schema.metadata.tables) - {"meta"}:
        assert f"{name}_keep" in said


@pytest.mark.parametrize("write", ["import", "edit", "event", "export", "restore"])
def test_a_write_of_a_clock_that_is_far_ahead_is_refused_until_somebody_vouches_for_it(
    tmp_path, url, monkeypatch, write
):
    now = [utc_now()]
    with Ledger.create(url, clock=lambda: now[0]) as ledger:
        bring(ledger, [point("A")])
        ledger.open_scenario(title="台风", drill=False, body={}, at=now[0], escalations=(), **WHO)
        ledger.backup(tmp_path / "b")
        writes = {
            "import": lambda: bring(ledger, [point("B")]),
            "edit": lambda: ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO),
            "event": lambda: ledger.add_events(1, [NewEvent(now[0], "note")], **WHO),
            "export": lambda: ledger.record_export(what="x", unmasked=True, **WHO),
            "restore": lambda: Ledger.restore(tmp_path / "b", url, clock=lambda: now[0], **WHO),
        }
        head, exports = ledger.head(), ledger.exports()
        for days in (365, 26_000):  # a mistyped year, and 2099
            now[0] = utc_now() + dt.timedelta(days=days)
            with pytest.raises(LedgerError, match=f"{now[0]:%Y-%m-%d}.*RISKMAP_CLOCK_IS_RIGHT"):
                writes[write]()
            assert (ledger.head(), ledger.exports()) == (head, exports)
            assert len(ledger.features(LAYER)) == 1, "reading goes on"
        monkeypatch.setenv("RISKMAP_CLOCK_IS_RIGHT", "1")
        writes[write]()
        assert (ledger.head(), ledger.exports()) != (head, exports)


def test_the_first_write_of_all_is_held_against_the_date_of_the_program(url):
    with (
        Ledger.create(url, clock=lambda: dt.datetime(2099, 1, 1, tzinfo=dt.UTC)) as ledger,
        pytest.raises(LedgerError, match="2099"),
    ):
        bring(ledger, [point("A")])


def test_a_clock_that_a_ledger_of_long_ago_meets_on_a_new_program_is_believed(url):
    with Ledger.create(url, clock=Clock()) as ledger:
        bring(ledger, [point("A")])
    with Ledger.open(url) as ledger:
        bring(ledger, [point("B")])


def test_state_advances_with_every_write_and_only_then(ledger):
    states = [ledger.state]
    bring(ledger, [point("A")])
    states.append(ledger.state)
    ledger.plan_import(intake([point("A", likelihood=6)]))
    ledger.features(LAYER)
    assert ledger.state == states[-1]
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    states.append(ledger.state)
    ledger.undo(ledger.state, **WHO)
    states.append(ledger.state)
    assert states == sorted(set(states))


def test_the_ledger_names_the_records_that_changed_since_a_state(ledger):
    bring(ledger, [point("A"), point("B"), point("C")])
    start = ledger.state
    assert ledger.changed_since(start, most=9) == {}
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    ledger.retire(LAYER, "C", **WHO)
    bring(ledger, [point("S")], layer="slopes")
    edited = ledger.state
    found = ledger.features(LAYER, codes=["B"])
    ledger.save_assessments([Scored(assessment(found, [4]), found.feature_id, found.version, "")], **WHO)
    assert ledger.changed_since(start, most=9) == {LAYER: ("A", "B", "C"), "slopes": ("S",)}
    assert ledger.changed_since(edited, most=9) == {LAYER: ("B",)}
    assert ledger.changed_since(start, most=3) is None
    assert ledger.size == 4


def test_a_state_and_its_moment_tell_ledgers_apart(ledger, path, tmp_path):
    bring(ledger, [point("A")])
    kept = ledger.written_at(ledger.state)
    assert kept is not None
    assert ledger.written_at(ledger.state + 1) is None
    ledger.backup(tmp_path / "backup")
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    lost = ledger.state
    Ledger.restore(tmp_path / "backup", f"sqlite:///{path}")
    with Ledger.open(f"sqlite:///{path}") as restored:
        assert restored.written_at(1) == kept
        assert restored.written_at(lost) is None
        assert restored.changed_since(1, most=9) == {}


def test_a_ledger_that_a_program_opens_twice_loses_nothing_when_another_program_leaves(ledger, path, url):
    bring(ledger, [point("A")])
    with Ledger.open(url):  # of the same process: a look past the database would drop the locks of the first
        other = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT count(*) FROM feature'); c.close()"
        subprocess.run([sys.executable, "-c", other], check=True)
        assert path.with_name("ledger.sqlite-wal").exists()
        bring(ledger, [point("B")])
        with contextlib.closing(sqlite3.connect(path)) as seen:
            assert seen.execute("SELECT count(*) FROM feature").fetchone() == (2,)
