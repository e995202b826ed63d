"""Laws of the file of readings: nothing changes what is in, every count adds up, the order of batches is no matter."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from riskmap.ledger.series import SeriesStore
from riskmap.values.readings import ReadFile, Reading, SeriesKey

NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
readings = st.builds(
    Reading,
    st.builds(SeriesKey, st.just("sensors"), st.sampled_from("AB"), st.sampled_from(["tilt", "crack"])),
    st.integers(0, 8),
    st.sampled_from([0.0, 0.5, 1.0]),
)
batches = st.lists(st.tuples(st.lists(readings, max_size=12), st.integers(0, 2)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(batches)
def test_the_first_value_stays_and_every_count_adds_up(some):
    with TemporaryDirectory() as folder:
        store = SeriesStore.open(Path(folder) / "series.sqlite")
        model: dict[tuple[SeriesKey, int], float] = {}
        for number, (batch, refused) in enumerate(some):
            newest = {key: max(ts for k, ts in model if k == key) for key, _ in model}
            done = store.take(ReadFile(batch, refused, ()), source="x", digest=str(number), now=NOW)
            new, same, other = {}, 0, 0
            for one in batch:
                stands = model.get((one.key, one.ts), new.get((one.key, one.ts)))
                if stands is None:
                    new[one.key, one.ts] = one.value
                elif stands == one.value:
                    same += 1
                else:
                    other += 1
            late = sum(ts < newest.get(key, ts) for key, ts in new)
            assert (done.accepted, done.duplicate, done.conflict, done.refused) == (
                len(new),
                same,
                other,
                refused,
            )
            assert done.rows == len(batch) + refused
            assert done.late == late
            model |= new
            again = store.take(ReadFile(batch, refused, ()), source="x", digest=str(number), now=NOW)
            assert (again.batch, again.accepted, again.late) == (done.batch, 0, 0)
        kept = {
            (key, int(ts)): v for key in store.series() for ts, v in zip(*store.readings(key), strict=True)
        }
        assert kept == model
        newest = {key: max(ts for k, ts in model if k == key) for key, _ in model}
        assert store.latest() == {key: (ts, model[key, ts]) for key, ts in newest.items()}
        assert len(store.batches()) == len(some)
        assert store.check() == []
        store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reading SET value = 0",
        "DELETE FROM reading",
        "DELETE FROM batch",
        "UPDATE batch SET source = ''",
    ],
)
def test_a_reading_that_is_in_cannot_be_changed(tmp_path, statement):
    store = SeriesStore.open(tmp_path / "series.sqlite")
    one = Reading(SeriesKey("sensors", "A", "tilt"), 1, 0.5)
    store.take(ReadFile([one], 0, ()), source="x", digest="a", now=NOW)
    with pytest.raises(Exception, match="never changed"), store.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    store.close()


def test_a_conflict_is_listed_once_however_often_its_file_comes(tmp_path):
    store = SeriesStore.open(tmp_path / "series.sqlite")
    key = SeriesKey("sensors", "A", "tilt")
    for digest, value in (("a", 0.5), ("b", 0.6), ("b", 0.6), ("c", 0.6), ("d", 0.7)):
        store.take(ReadFile([Reading(key, 1, value)], 0, ()), source="x", digest=digest, now=NOW)
    assert [(one.kept, one.value) for one in store.conflicts()] == [(0.5, 0.6), (0.5, 0.7)]
    store.close()


def test_a_file_that_is_no_series_or_a_newer_one_is_refused(tmp_path):
    path = tmp_path / "series.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerError, match="no file of readings"):
        SeriesStore.open(path)
    path.unlink()
    store = SeriesStore.open(path)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99'")
    store.close()
    with pytest.raises(LedgerError, match="schema 99"):
        SeriesStore.open(path)


def test_sensors_and_clerks_do_not_wait_for_one_another(tmp_path):
    ledger = Ledger.create(f"sqlite:///{(tmp_path / 'ledger.sqlite').as_posix()}")
    store = SeriesStore.open(tmp_path / "series.sqlite")
    batch = ReadFile([Reading(SeriesKey("sensors", "A", "tilt"), 1, 0.5)], 0, ())
    with ledger.writing():  # an import that takes its time
        assert store.take(batch, source="x", digest="a", now=NOW).accepted == 1
    with sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with ledger.writing():
            assert store.latest() == {
                SeriesKey("sensors", "A", "tilt"): (1, 0.5)
            }  # who reads does not wait either
        other.execute("ROLLBACK")
    store.close()
    ledger.close()
