"""A small workspace with records in danger: two sub-districts, contacts whole, vacant and expired."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

from riskmap.actions.workspace import Workspace, create_workspace
from riskmap.errors import Text
from riskmap.rules.permissions import local_actor
from riskmap.values.hazards import Escalation
from riskmap.values.records import Contact
from riskmap.vocabulary import RANK_OF
from tests.ledger_files import intake

WHO = {"by": "值班员", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}
AT = dt.datetime(2023, 9, 7, 8, tzinfo=dt.UTC)
TODAY = "2023-09-01"


def hours(count: float) -> dt.datetime:
    return AT + dt.timedelta(hours=count)


def minutes(count: float) -> dt.datetime:
    return AT + dt.timedelta(minutes=count)


def escalation(
    layer: str, code: str, to: str = "large", *, start: float = 6, trigger: str = "rain", **more
) -> Escalation:
    """A raised tier that starts so many hours after AT and lasts twelve."""
    return Escalation(
        layer=layer,
        code=code,
        rank_from=more.pop("rank_from", RANK_OF["low"]),
        rank_to=RANK_OF[to],
        trigger=trigger,
        cause=Text(f"{code} 3小时雨量120毫米", f"{code}: 120 mm in 3 h"),
        start=hours(start),
        expiry=hours(start + 12),
        value=120.0,
        **more,
    )


SLOPES = (
    {
        "code": "BP1",
        "name": "一号边坡",
        "subdistrict": "桂园街道",
        "lon": 114.11,
        "lat": 22.55,
        "contacts": (
            Contact("leader", "王挂点", "13900000003", None, TODAY),
            Contact("prevention", "李防灾", "13900000001", "主任", TODAY),
            Contact("monitoring", "张监测", "13900000002", None, "2020-01-01"),
        ),
    },
    {
        "code": "BP2",
        "name": "二号边坡",
        "subdistrict": "黄贝街道",
        "lon": 114.13,
        "lat": 22.55,
        "contacts": (Contact("prevention", "赵无话"), Contact("leader", "钱挂点", "13900000005")),
    },
    {"code": "BP3", "name": "三号边坡", "subdistrict": "黄贝街道", "lon": 114.14, "lat": 22.56},
)
SPOTS = (
    {
        "code": "NL1",
        "name": "桥下",
        "subdistrict": "桂园街道",
        "lon": 114.12,
        "lat": 22.54,
        "contacts": (Contact("contact_1", "孙一", "13900000006", None, TODAY),),
    },
)
SHELTERS = ({"code": "BN1", "name": "体育馆", "subdistrict": "桂园街道", "lon": 114.1, "lat": 22.54},)
ESCALATIONS = (
    escalation("slopes", "BP1", "large", start=6),
    escalation("slopes", "BP1", "major", start=9, trigger="intensity"),
    escalation("slopes", "BP2", "general", start=3),
    escalation("slopes", "BP3", "large", start=3),
    escalation("waterlogging", "NL1", "large", start=2),
)


def duty_workspace(folder: Path) -> Workspace:
    ws = create_workspace(folder, name="测试区")
    for layer, rows in (("slopes", SLOPES), ("waterlogging", SPOTS), ("shelters", SHELTERS)):
        whole = [{"contacts": ()} | row for row in rows]
        ws.ledger.commit_import(ws.ledger.plan_import(intake(whole, layer=layer)), **WHO)
    return ws


def copied(ws: Workspace, folder: Path) -> Workspace:
    """A copy of a workspace to write to; the catalog is not read again."""
    ws.ledger.close()
    shutil.copytree(ws.root, folder)
    return replace(ws, root=folder, store=f"sqlite:///{folder}/data/ledger.sqlite")
