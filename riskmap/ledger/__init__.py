"""The ledger: features, revisions, assessments, contacts. Nothing is ever lost."""

from riskmap.ledger.assessments import RunResult, Scored
from riskmap.ledger.column_reading import LayerColumns
from riskmap.ledger.fits import KeptFit
from riskmap.ledger.holding import HeldEntry
from riskmap.ledger.importing import Committed
from riskmap.ledger.ledger import Ledger
from riskmap.ledger.masking import is_masked, mask_contacts, mask_name, mask_phone, mask_value
from riskmap.ledger.model_versions import KeptModel, model_digest
from riskmap.ledger.reading import BatchInfo, ChangesetInfo, ExportInfo
from riskmap.ledger.rejects import RejectedEntry
from riskmap.ledger.runs import TierChange
from riskmap.ledger.store import utc_now

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
    "RejectedEntry",
    "RunResult",
    "Scored",
    "TierChange",
    "is_masked",
    "mask_contacts",
    "mask_name",
    "mask_phone",
    "mask_value",
    "model_digest",
    "utc_now",
]
