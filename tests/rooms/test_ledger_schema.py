"""Ledgers of an older schema open, work on, and lose nothing."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from riskmap.ledger import schema as s
from riskmap.vocabulary import RANK_OF
from tests.ledger_files import LAYER, WHO, Clock, bring, point
from tests.rooms.test_ledger_assessment import scored, store

OLD = sorted((Path(__file__).parents[1] / "cases" / "ledgers").glob("schema_*.sqlite.gz"))


@pytest.fixture(params=OLD, ids=lambda file: file.name.partition(".")[0])
def old(request, tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    return path


def version(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0]


def layout(path):
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        columns = {t: [row[1:4] for row in connection.execute(f"PRAGMA table_info({t})")] for t in tables}
    return columns, sorted(triggers)


def test_an_old_ledger_opens_with_everything_it_held_and_works_on(old):
    with Ledger.open(f"sqlite:///{old}", clock=Clock()) as ledger:
        found = ledger.features(LAYER)
        assert found.records.code == ["A", "B"]
        assert found.rank.tolist() == [RANK_OF["low"], RANK_OF["major"]]
        assert ledger.assessed_digest(LAYER) == "m1"
        assert ledger.last_fit(LAYER, "m1") is None
        bring(ledger, [point("C")])
        one = scored(ledger, [0, 4, 2])
        assert store(ledger, one).changed == 1
        number = ledger.record_model("lec", "2", text="new", base="text of m1", **WHO)
        newest = ledger.kept_models("lec")[0]
        assert (newest.text, newest.saved, newest.changeset) == ("new", True, number)
        assert ledger.check() == []


def test_an_upgraded_ledger_is_laid_out_as_a_new_one(old, tmp_path):
    Ledger.open(f"sqlite:///{old}").close()
    Ledger.open(f"sqlite:///{old}").close()
    new = tmp_path / "new.sqlite"
    Ledger.create(f"sqlite:///{new}").close()
    assert layout(old) == layout(new)
    assert version(old) == str(s.SCHEMA_VERSION)


def test_an_old_ledger_is_copied_as_it_was_before_it_is_upgraded(old):
    before = sqlite3.connect(old)
    said, schema = list(before.iterdump()), version(old)
    before.close()
    for _ in range(2):
        Ledger.open(f"sqlite:///{old}").close()
    (kept,) = old.parent.glob("*.before-upgrade-*")
    assert kept.name == f"ledger.sqlite.before-upgrade-{schema}"
    copy = sqlite3.connect(kept)
    assert list(copy.iterdump()) == said
    copy.close()


def test_an_old_ledger_that_is_damaged_is_not_upgraded(old):
    with sqlite3.connect(old) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'revision'")
    raw.close()
    schema = version(old)
    with pytest.raises(LedgerError, match="不完好|损坏"):
        Ledger.open(f"sqlite:///{old}")
    assert version(old) == schema
    assert not list(old.parent.glob("*.before-upgrade-*"))


def test_a_backup_of_an_old_ledger_can_be_restored(old, tmp_path):
    target, before = tmp_path / "live.sqlite", version(old)
    url = f"sqlite:///{target}"
    Ledger.create(url).close()
    Ledger.restore(old, url, **WHO)
    with Ledger.open(url) as ledger:
        assert ledger.features(LAYER).records.code == ["A", "B"]
        assert ledger.check() == []
    assert version(old) == before, "the backup itself is left alone"


def test_a_ledger_of_a_newer_schema_is_still_refused(old):
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(LedgerError, match="99"):
        Ledger.open(f"sqlite:///{old}")
