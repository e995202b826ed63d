"""The ledger against a plain dictionary: whatever the order of writes, present and past agree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from riskmap.errors import LedgerError, StaleRevisionError
from riskmap.ledger import Ledger
from riskmap.values.records import CLEAR
from tests.ledger_files import LAYER, WHO, Clock, intake, judged, leader

codes = st.sampled_from(["A", "B", "C"])
numbers = st.one_of(st.none(), st.integers(0, 3), st.sampled_from([0.5, 1.5]))
texts = st.one_of(st.none(), st.sampled_from(["甲", "{{7*7}}", "'; --"]))
positions = st.one_of(st.none(), st.tuples(st.sampled_from([114.0, 114.001]), st.just(22.5)))
people = st.one_of(st.none(), st.sampled_from(["张三", "李四"]).map(lambda n: (leader(n),)))
forms = st.fixed_dictionaries(
    {}, optional={"name": texts, "depth": numbers, "note": texts, "position": positions, "contacts": people}
)

Record = dict[str, Any]


def clean(form: Record) -> Record:
    return {k: v for k, v in form.items() if v is not None}


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.directory = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.ledger = Ledger.create(f"sqlite:///{self.directory / 'l.sqlite'}", clock=self.clock)
        self.model: dict[str, Record] = {}
        self.version: dict[str, int] = {}
        self.retired: set[str] = set()
        self.withdrawn: set[str] = set()
        self.past: list[tuple[Any, dict[str, Record]]] = []
        # What undoing each changeset would bring back: number → code → (record, retired, withdrawn).
        self.undo: dict[int, dict[str, tuple[Record | None, bool, bool]]] = {}

    def teardown(self):
        if hasattr(self, "ledger"):
            assert self.ledger.check() == []
            self.ledger.close()
            shutil.rmtree(self.directory)

    def before(self, code: str) -> tuple[Record | None, bool, bool]:
        return self.model.get(code), code in self.retired, code in self.withdrawn

    def wrote(self, before: dict[str, tuple[Record | None, bool, bool]]):
        self.undo[self.ledger.state] = before
        for number, earlier in list(self.undo.items()):
            if number != self.ledger.state and earlier.keys() & before.keys():
                del self.undo[number]
        self.past.append((self.clock.now, self.active()))

    def active(self) -> dict[str, Record]:
        return {c: dict(r) for c, r in self.model.items() if c not in self.retired | self.withdrawn}

    @rule(code=codes, form=forms)
    def create(self, code, form):
        before = self.before(code)
        if code in self.model and code not in self.withdrawn:
            with pytest.raises(LedgerError):
                self.ledger.create_record(LAYER, code, values=judged(form), **WHO)
            return
        version = self.ledger.create_record(LAYER, code, values=judged(form), **WHO)
        assert version == self.version.get(code, 0) + 1
        self.model[code], self.version[code] = clean(form), version
        self.withdrawn.discard(code)
        self.wrote({code: before})

    @rule(code=codes, form=forms, late=st.booleans())
    def edit(self, code, form, late):
        if code not in self.model:
            return
        before, seen = self.before(code), self.version[code]
        if late:
            with pytest.raises(StaleRevisionError):
                self.ledger.edit(LAYER, code, seen=seen - 1, changes=judged(form), **WHO)
            return
        if code in self.retired | self.withdrawn:
            with pytest.raises(LedgerError):
                self.ledger.edit(LAYER, code, seen=seen, changes=judged(form), **WHO)
            return
        after = clean(self.model[code] | form)
        version = self.ledger.edit(LAYER, code, seen=seen, changes=judged(form), **WHO)
        if after == self.model[code]:
            assert version == seen
            return
        assert version == seen + 1
        self.model[code], self.version[code] = after, version
        self.wrote({code: before})

    @rule(code=codes)
    def turn(self, code):
        if code not in self.model or code in self.withdrawn:
            return
        before = self.before(code)
        back = code in self.retired
        act = self.ledger.reinstate if back else self.ledger.retire
        self.version[code] = act(LAYER, code, **WHO)
        self.retired ^= {code}
        self.wrote({code: before})

    @rule(rows=st.dictionaries(codes, forms, min_size=1), erase=st.booleans())
    def bring(self, rows, erase):
        stated = []
        expected: dict[str, Record] = {}
        for code, form in rows.items():
            row: Record = {"code": code} | {k: v for k, v in form.items() if k != "position"}
            if form.get("position"):
                row["lon"], row["lat"] = form["position"]
            fresh = code not in self.model or code in self.withdrawn
            known = {} if fresh else self.model[code]
            after = known | clean(form)
            if erase:
                row["note"] = CLEAR
                after.pop("note", None)
            stated.append(row)
            if fresh or (code not in self.retired and after != known):
                expected[code] = after
        before = {code: self.before(code) for code in expected}
        self.ledger.commit_import(self.ledger.plan_import(intake(stated)), **WHO)
        for code, after in expected.items():
            self.model[code] = after
            self.version[code] = self.version.get(code, 0) + 1
            self.withdrawn.discard(code)
        if expected:
            self.wrote(before)

    @precondition(lambda self: self.undo)
    @rule(data=st.data())
    def take_back(self, data):
        number = data.draw(st.sampled_from(sorted(self.undo)))
        restored = self.undo.pop(number)
        before = {code: self.before(code) for code in restored}
        self.ledger.undo(number, **WHO)
        with pytest.raises(LedgerError):
            self.ledger.undo(number, **WHO)
        for code, (record, retired, withdrawn) in restored.items():
            self.version[code] += 1
            self.retired.discard(code)
            self.withdrawn.discard(code)
            if record is None or withdrawn:
                self.withdrawn.add(code)
            if record is not None:
                self.model[code] = record
                if retired:
                    self.retired.add(code)
        self.wrote(before)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def look_back(self, data):
        moment, expected = data.draw(st.sampled_from(self.past))
        assert self.read(as_of=moment) == expected

    @invariant()
    def present_agrees(self):
        if hasattr(self, "ledger"):
            assert self.read() == self.active()
            found = self.ledger.features(LAYER, include_retired=True)
            versions = dict(zip(found.records.code, found.version.tolist(), strict=True))
            assert versions == self.version

    def read(self, **when) -> dict[str, Record]:
        found = self.ledger.features(LAYER, contacts=True, **when)
        assert found.records.contacts is not None
        out: dict[str, Record] = {}
        for i, code in enumerate(found.records.code):
            record = {k: column[i] for k, column in found.records.values.items()}
            record["name"] = found.records.name[i]
            record["contacts"] = found.records.contacts[i] or None
            if np.isfinite(found.records.lon[i]):
                record["position"] = (float(found.records.lon[i]), float(found.records.lat[i]))
            out[code] = clean(record)
        return out


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=40, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
