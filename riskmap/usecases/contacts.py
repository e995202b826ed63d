"""Full contacts: shown to a person who says why, and recorded before they are."""

from __future__ import annotations

from riskmap.errors import RiskmapError
from riskmap.records import Contact
from riskmap.rules.permissions import Actor, may
from riskmap.usecases.assessing import one_feature
from riskmap.usecases.workspace import Workspace


def reveal_contacts(ws: Workspace, layer: str, code: str, *, by: Actor, why: str) -> tuple[Contact, ...]:
    """Return the contacts of a record unmasked; the ledger keeps who saw them and why.

    Raises UnknownNameError for a code that does not exist and RiskmapError without person or reason.
    """
    may(by, "read_contacts", layer, code)
    people = one_feature(ws, layer, code, contacts=True).records.contacts
    note_unmasked(ws, f"{ws.catalog.layer(layer).title.zh} › {code}：联系方式", by=by, why=why)
    return (people[0] if people else None) or ()


def note_unmasked(ws: Workspace, what: str, *, by: Actor | None, why: str) -> None:
    """Record who is about to see full contacts, where, and why: nobody sees what was not recorded.

    RiskmapError without a person or a reason, NotAllowedError for a person without the right.
    """
    if by is None or not by.name.strip() or not why.strip():
        raise RiskmapError(
            f"完整联系方式（{what}）：请写明经办人和原因",
            f"full contacts ({what}): state the person and the reason",
        )
    may(by, "read_contacts")
    ws.ledger.record_export(by=by.name, why=why, what=what, unmasked=True)
