"""The ledger: features, revisions, assessments, contacts. Nothing is ever lost."""

from riskmap.ledger.assessments import RunResult, Scored
from riskmap.ledger.column_reading import LayerColumns
from riskmap.ledger.editing import RecordEdit
from riskmap.ledger.fits import KeptFit
from riskmap.ledger.holding import HeldEntry
from riskmap.ledger.importing import Committed
from riskmap.ledger.ledger import Ledger
from riskmap.ledger.masking import is_masked, mask_contacts, mask_name, mask_phone, mask_value
from riskmap.ledger.model_versions import KeptModel, model_digest
from riskmap.ledger.reading import BatchInfo, ChangesetInfo, ExportInfo
from riskmap.ledger.rejects import RejectedEntry
from riskmap.ledger.revisions import Write
from riskmap.ledger.runs import TierChange
from riskmap.ledger.undoing import Undone

__all__ = [
    "BatchInfo",
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
