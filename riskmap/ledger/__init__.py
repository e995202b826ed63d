"""The ledger: features, revisions, assessments, contacts. Nothing is ever lost.

Each name brings its module when it is first used: who only reads loads nothing that writes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riskmap.ledger.assessments import RunResult, Scored
    from riskmap.ledger.chain import ChainHead
    from riskmap.ledger.column_reading import LayerColumns
    from riskmap.ledger.editing import Created, FilesChange, NewRecord, RecordEdit
    from riskmap.ledger.held_rows import HeldEntry
    from riskmap.ledger.history import ChangesetInfo, Retirement
    from riskmap.ledger.importing import Committed
    from riskmap.ledger.ledger import Ledger
    from riskmap.ledger.links import Reference
    from riskmap.ledger.moving import Moved, Moves, RecordMove
    from riskmap.ledger.notices import CameIn, NewNotice, Notice
    from riskmap.ledger.persons import Held, NewNumber, Person
    from riskmap.ledger.rejected_rows import RejectedEntry
    from riskmap.ledger.revisions import Write
    from riskmap.ledger.runs import TierChange, model_digest
    from riskmap.ledger.streets import Level, Renamed
    from riskmap.ledger.undoing import Undone
    from riskmap.ledger.uniting import Conflict, MergePlan, Reunited, Side, key_title
    from riskmap.ledger.work import MoveMade, OpenRecord

__all__ = [
    "CameIn",
    "ChainHead",
    "ChangesetInfo",
    "Committed",
    "Conflict",
    "Created",
    "FilesChange",
    "Held",
    "HeldEntry",
    "LayerColumns",
    "Ledger",
    "Level",
    "MergePlan",
    "MoveMade",
    "Moved",
    "Moves",
    "NewNotice",
    "NewNumber",
    "NewRecord",
    "Notice",
    "OpenRecord",
    "Person",
    "RecordEdit",
    "RecordMove",
    "Reference",
    "RejectedEntry",
    "Renamed",
    "Retirement",
    "Reunited",
    "RunResult",
    "Scored",
    "Side",
    "TierChange",
    "Undone",
    "Write",
    "key_title",
    "model_digest",
]

_HOMES = {
    **dict.fromkeys(("RunResult", "Scored"), "assessments"),
    "ChainHead": "chain",
    "LayerColumns": "column_reading",
    **dict.fromkeys(("Created", "FilesChange", "NewRecord", "RecordEdit"), "editing"),
    "HeldEntry": "held_rows",
    **dict.fromkeys(("ChangesetInfo", "Retirement"), "history"),
    "Committed": "importing",
    "Ledger": "ledger",
    "Reference": "links",
    **dict.fromkeys(("Moved", "Moves", "RecordMove"), "moving"),
    **dict.fromkeys(("CameIn", "NewNotice", "Notice"), "notices"),
    **dict.fromkeys(("Held", "NewNumber", "Person"), "persons"),
    "RejectedEntry": "rejected_rows",
    "Write": "revisions",
    **dict.fromkeys(("TierChange", "model_digest"), "runs"),
    **dict.fromkeys(("Level", "Renamed"), "streets"),
    "Undone": "undoing",
    **dict.fromkeys(("Conflict", "MergePlan", "Reunited", "Side", "key_title"), "uniting"),
    **dict.fromkeys(("MoveMade", "OpenRecord"), "work"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'riskmap.ledger' has no attribute {name!r}")
    value = getattr(import_module(f"riskmap.ledger.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
