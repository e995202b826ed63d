"""Full contacts of one record: shown to a person who says why, and recorded."""

from __future__ import annotations

from riskmap.errors import RiskmapError
from riskmap.records import Contact
from riskmap.usecases.assessing import one_feature
from riskmap.usecases.workspace import Workspace


def reveal_contacts(ws: Workspace, layer: str, code: str, *, by: str, why: str) -> tuple[Contact, ...]:
    """Return the contacts of a record unmasked; the ledger keeps who saw them and why.

    The note is written first: nobody sees what was not recorded. Raises UnknownNameError for a
    code that does not exist and RiskmapError without person or reason.
    """
    if not by.strip() or not why.strip():
        raise RiskmapError(
            "查看完整联系方式：请写明经办人和原因", "showing full contacts: state the person and the reason"
        )
    people = one_feature(ws, layer, code, contacts=True).records.contacts
    title = ws.catalog.layer(layer).title.zh
    ws.ledger.record_export(by=by, why=why, what=f"{title} › {code}：联系方式", unmasked=True)
    return (people[0] if people else None) or ()
