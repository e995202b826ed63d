"""Who may do what: the one place that is asked before anything is written, sent or shown in full."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from riskmap.errors import NotAllowedError, Text

Right = Literal[
    "read_contacts",
    "read_originals",
    "edit",
    "move",
    "retire",
    "import",
    "undo",
    "assess",
    "adopt_model",
    "keep_log",
    "send",
    "publish",
]


RIGHTS: Final[Mapping[Right, Text]] = {
    "read_contacts": Text("查看完整联系方式", "see full contacts"),
    "read_originals": Text("打开附件原件", "open originals of attached files"),
    "edit": Text("新增或修改记录", "add or edit records"),
    "move": Text("办理登记册中的记录", "move records of a register"),
    "retire": Text("注销或恢复记录", "retire or reinstate records"),
    "import": Text("导入文件、处理待确认和退回的行", "import files, settle held and rejected rows"),
    "undo": Text("撤销变更", "undo changes"),
    "assess": Text("评估", "assess"),
    "adopt_model": Text("采用评分模型", "adopt a scoring model"),
    "keep_log": Text("保存情景、记录事件", "keep scenarios and their log"),
    "send": Text("发送消息", "send messages"),
    "publish": Text("发布数据", "publish"),
}


"""What a person may be allowed to do, named by what is done."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `account` is the sign-in that proves the name, None where the name is only what was typed.

    `roles`: those of the flows (dispatcher, acceptor …), None where nobody knows them: then every one is theirs.
    """

    name: str
    account: str | None
    rights: frozenset[Right]
    roles: frozenset[str] | None = None


def local_actor(name: str) -> Actor:
    """Return who acts where there is no sign-in: whoever sits at the machine has every right, under any name."""
    return Actor(name.strip(), None, frozenset(RIGHTS))


def acting(name: str | None) -> Actor:
    """Return who acts: the one named, else whoever is logged in to the machine. Nobody proves a name here."""
    try:
        return local_actor(name or getpass.getuser())
    except (OSError, KeyError, ImportError):
        return local_actor("unknown")


def may(actor: Actor, right: Right, layer: str = "", record: str = "") -> None:
    """Let the actor pass. NotAllowedError names what is not allowed, on which layer and record."""
    if right in actor.rights:
        return
    place, what = " › ".join(part for part in (layer, record) if part), RIGHTS[right]
    raise NotAllowedError(
        f"{f'{place}：' if place else ''}{actor.name} 没有“{what.zh}”的权限，未执行；请由有此权限的人办理",
        f"{f'{place}: ' if place else ''}{actor.name} has no right to {what.en}; nothing was done, "
        "ask somebody who has it",
    )
