"""The ledger: features, revisions, assessments, contacts. Nothing is ever lost."""

from __future__ import annotations

from riskmap.ledger.assessments import RunResult, Scored
from riskmap.ledger.chain import ChainHead
from riskmap.ledger.column_reading import LayerColumns
from riskmap.ledger.editing import RecordEdit
from riskmap.ledger.held_rows import HeldEntry
from riskmap.ledger.history import BatchInfo, ChangesetInfo, ExportInfo
from riskmap.ledger.importing import Committed
from riskmap.ledger.ledger import Ledger
from riskmap.ledger.rejected_rows import RejectedEntry
from riskmap.ledger.revisions import Write
from riskmap.ledger.runs import KeptFit, KeptModel, TierChange, model_digest
from riskmap.ledger.undoing import Undone
from riskmap.rules.masks import is_masked, mask_contacts, mask_name, mask_phone, mask_value

__all__ = [
    "BatchInfo",
    "ChainHead",
    "ChangesetInfo",
    "Committed",
    "ExportInfo",
    "HeldEntry",
    "KeptFit",
    "KeptModel",
    "LayerColumns",
    "Ledger",
    "RecordEdit",
    "RejectedEntry",
    "RunResult",
    "Scored",
    "TierChange",
    "Undone",
    "Write",
    "is_masked",
    "mask_contacts",
    "mask_name",
    "mask_phone",
    "mask_value",
    "model_digest",
]
