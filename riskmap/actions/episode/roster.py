"""The duty roster: who is on duty at a moment, for the call-out and for whoever asks; what is wrong with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from riskmap.actions.records.editing import note_unmasked
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.layer import Field
from riskmap.catalog.roles import FieldRole
from riskmap.errors import Lang, Text
from riskmap.json_documents import Document
from riskmap.moments import iso_second, minutes_kept, utc_now
from riskmap.response.roster import by_desk, duty_now, overlaps, uncovered
from riskmap.rules.masks import mask_name, mask_phone
from riskmap.rules.permissions import Actor
from riskmap.values.duty import DeskDuty, DutyNow, Shift, desk_title
from riskmap.values.scenario import beijing

ON_DUTY: Final = "duty:"  # a role in a call-out that begins so is a shift of the roster


_LISTED: Final = 3  # what a finding names


_LEADER: Final = Text("带班领导", "Leader")


_SOMEBODY: Final = Text("值班人员", "On duty")


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster as the ledger holds it, contacts unmasked; `unclear`: code → why nobody can be called by that row."""

    shifts: tuple[Shift, ...]
    unclear: Mapping[str, Text]


class RosterFinding(NamedTuple):
    """Something to look at: which row or desk, what is wrong with it, and what to do."""

    where: str
    message: Text
    remedy: Text


def roster_of(ws: Workspace) -> Roster | None:
    """Return the duty roster; None where no register has the role `duty`, or none of its fields says from when to when."""
    layer = ws.catalog.by_role("duty")
    if layer is None or not (layer.field_by_role("begins") and layer.field_by_role("ends")):
        return None
    return _read(ws, layer.id, ws.ledger.state)


@lru_cache(maxsize=2)
def _read(ws: Workspace, layer_id: str, _state: int) -> Roster:
    layer, found = ws.catalog.layer(layer_id), ws.ledger.features(layer_id)
    shifts: list[Shift] = []
    unclear: dict[str, Text] = {}
    for row, code in enumerate(found.records.code):
        values = {key: column[row] for key, column in found.records.values.items()}
        street = found.records.subdistrict[row]
        made = _row(layer, code, values, street if isinstance(street, str) and street else None)
        if isinstance(made, Text):
            unclear[code] = made
        else:
            shifts += made
    return Roster(tuple(shifts), unclear)


def _row(layer: Layer, code: str, values: Mapping[str, Any], street: str | None) -> list[Shift] | Text:
    """Return who is on duty by one row: its leader and its other person; or why nobody is."""

    def stated(role: FieldRole) -> str | None:
        field = layer.field_by_role(role)
        value = None if field is None else values.get(field.id)
        return value.strip() or None if isinstance(value, str) else None

    begins, ends = stated("begins"), stated("ends")
    if begins is None or ends is None:
        return Text("没有写全值班开始和结束", "it does not say from when until when")
    desk = stated("desk")
    if desk == "street" and street is None:
        return Text("是街道值班室，没有写哪个街道", "it is a street's desk and names no street")
    base = Shift(
        role=f"{ON_DUTY}{code}",
        code=code,
        desk=None if desk == "district" else street,
        post=_post(layer.field_by_role("post"), stated("post")),
        leads=stated("post") == "leader",
        name=stated("person"),
        phone=stated("phone"),
        unit=_unit(layer, values),
        begins=_first(begins),
        ends=_first(ends),
    )
    leader, number = stated("leader"), stated("leader_phone")
    found: list[Shift] = []
    if leader or number:
        if base.name is None and number is None:
            number, base = base.phone, replace(base, phone=None)  # the only number of the row is the leader's
        called = {"post": _LEADER, "leads": True, "name": leader, "phone": number}
        found.append(replace(base, role=f"{base.role}:leader", **called))
    if base.name or base.phone:
        found.append(base)
    return found or Text("没有写谁值班", "it does not say who is on duty")


def _post(field: Field | None, value: str | None) -> Text:
    if value is None:
        return _SOMEBODY
    choices = () if field is None else field.choices
    return next((one.title for one in choices if one.id == value), Text(value, value))


def _unit(layer: Layer, values: Mapping[str, Any]) -> str | None:
    value = values.get("unit") if "unit" in layer.field_ids else None
    return value if isinstance(value, str) else None


def _first(kept: str) -> dt.datetime:
    return dt.datetime.fromisoformat(minutes_kept(kept)[0]).replace(tzinfo=dt.UTC)


def duty_for_calls(ws: Workspace, moment: dt.datetime) -> DutyNow | None:
    """Return who is on duty at a moment, unmasked, for the call-out; None where no roster is kept."""
    roster = roster_of(ws)
    return None if roster is None or not roster.shifts else duty_now(roster.shifts, moment)


@dataclass(frozen=True, slots=True)
class DutyView:
    """Who is on duty at a moment at the desks that were asked for; `kept`: a roster with rows is there."""

    at: dt.datetime
    desks: tuple[DeskDuty, ...]
    kept: bool
    masked: bool = True

    @property
    def held(self) -> bool:
        """Whether somebody is on duty at every desk that was asked for."""
        return bool(self.desks) and all(one.shifts for one in self.desks)


def on_duty(
    ws: Workspace,
    *,
    at: dt.datetime | None = None,
    desk: str | None = None,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
) -> DutyView:
    """Return who is on duty at a moment (now), at all desks of the roster or at that of one street.

    `desk`: a street, or 区 / district. Names and numbers are masked unless `unmasked`; then the ledger first keeps
    who saw them and why. UnknownNameError where no register has the role `duty`.
    """
    layer = ws.catalog.needed("duty")
    if unmasked:
        note_unmasked(ws, f"{layer.title.zh}：联系方式", by=by, why=why)
    moment, roster = at or utc_now(), roster_of(ws)
    found = duty_now(() if roster is None else roster.shifts, moment)
    desks = found.desks if desk is None else (found.of(None if desk in _DISTRICT else desk),)
    shown = desks if unmasked else tuple(map(masked_desk, desks))
    return DutyView(moment, shown, bool(found.desks), not unmasked)


_DISTRICT: Final = frozenset(("区", "区值班室", "district"))


def masked_desk(desk: DeskDuty) -> DeskDuty:
    """Return a desk with names and numbers masked."""
    hidden = (replace(one, name=mask_name(one.name), phone=mask_phone(one.phone)) for one in desk.shifts)
    return replace(desk, shifts=tuple(hidden))


def duty_json(view: DutyView) -> Document:
    """Return the document of `riskmap duty --json`."""
    return {
        "at": iso_second(view.at),
        "masked": view.masked,
        "kept": view.kept,
        "nobody": [one.title.zh for one in view.desks if not one.shifts],
        "desks": [desk_json(one) for one in view.desks],
    }


def desk_json(desk: DeskDuty) -> Document:
    """Return a desk as a document; `subdistrict` null: the district's."""
    leader = desk.leader
    return {
        "subdistrict": desk.desk,
        "title": {"zh": desk.title.zh, "en": desk.title.en},
        "leader": None if leader is None else leader.name,
        "next": None if desk.following is None else iso_second(desk.following),
        "on_duty": [
            {
                "code": one.code,
                "post": {"zh": one.post.zh, "en": one.post.en},
                "leads": one.leads,
                "name": one.name,
                "phone": one.phone,
                "unit": one.unit,
                "from": iso_second(one.begins),
                "to": iso_second(one.ends),
            }
            for one in desk.shifts
        ],
    }


def nobody_text(desk: DeskDuty) -> Text:
    """Return that nobody is on duty at a desk, and when the next shift begins."""
    if desk.following is None:
        return Text(
            f"{desk.title.zh}：值班表上此刻无人值班，之后也没有排班",
            f"{desk.title.en}: nobody is on duty by the roster, and nobody after that",
        )
    begins = beijing(desk.following)
    return Text(
        f"{desk.title.zh}：值班表上此刻无人值班，下一班 {begins} 开始",
        f"{desk.title.en}: nobody is on duty by the roster; the next shift begins at {begins}",
    )


def desk_text(desk: DeskDuty) -> Text:
    """Return who is on duty at a desk, with post and number."""

    def people(lang: Lang) -> list[str]:
        cells = ((one.post.text(lang), one.name, one.phone) for one in desk.shifts)
        return [" ".join(part for part in parts if part) for parts in cells]

    return Text(f"{desk.title.zh}：{'、'.join(people('zh'))}", f"{desk.title.en}: {', '.join(people('en'))}")


def duty_text(view: DutyView) -> Text:
    """Return in one sentence who leads in the district, how many streets have somebody, and where nobody is."""
    zh, en = list[str](), list[str]()
    for one in view.desks:
        if one.desk is None and one.shifts:
            first = one.shifts[0]
            who = " ".join(part for part in (first.name, first.phone) if part)
            until = beijing(first.ends)
            zh.append(f"此刻{first.post.zh} {who}（区值班室，到 {until}）")
            en.append(f"On duty now, {first.post.en}: {who} (district, until {until})")
    streets = [one for one in view.desks if one.desk is not None]
    if streets:
        n, held = len(streets), sum(bool(one.shifts) for one in streets)
        zh.append(f"{n} 个街道值班室，{held} 个有人值班")
        en.append(f"{held} of {n} street duty rooms have somebody on duty")
    if empty := [one.title for one in view.desks if not one.shifts]:
        zh.append(f"无人值班：{'、'.join(one.zh for one in empty)}")
        en.append(f"{'nobody' if en else 'Nobody'} on duty: {', '.join(one.en for one in empty)}")
    return Text("；".join(zh), "; ".join(en))


def roster_findings(ws: Workspace) -> Iterator[RosterFinding]:
    """Yield what is wrong with the duty roster from now on: rows that call nobody, overlaps, hours without anybody."""
    layer = ws.catalog.by_role("duty")
    if layer is None:
        return
    roster, now = roster_of(ws), utc_now()
    if roster is None:
        yield RosterFinding(
            layer.id,
            Text(
                "没有 begins、ends 角色的字段，不知道谁值班",
                "no field has the role begins or ends: nobody is on duty",
            ),
            Text("在图层文件的字段上写明 role", "state the roles of the fields in the layer's file"),
        )
        return
    if roster.unclear:
        said = [Text(f"{code} {why.zh}", f"{code}: {why.en}") for code, why in roster.unclear.items()]
        yield RosterFinding(
            f"{layer.id} › {next(iter(roster.unclear))}",
            _listed(said),
            Text("补全这些班次", "complete these shifts"),
        )
    if twice := list(overlaps(roster.shifts, now)):
        yield RosterFinding(
            f"{layer.id} › {twice[0][0].code}",
            _listed([_overlap(*pair) for pair in twice]),
            Text("更正起止时间，或注销多余的班次", "correct from and until, or retire the shift too many"),
        )
    for desk, own in by_desk(roster.shifts):
        yield from _hours(f"{layer.id} › {desk or '区'}", desk_title(desk), own, now)


def _hours(where: str, title: Text, shifts: Sequence[Shift], now: dt.datetime) -> Iterator[RosterFinding]:
    """Yield when nobody is at a desk, or that its roster has ended."""
    remedy = Text("补排后重新导入值班表", "fill the roster in and import it again")
    last = max(one.ends for one in shifts)
    if last <= now:
        until = beijing(last)
        said = Text(f"{title.zh}的值班表到 {until} 为止", f"{title.en}: the roster ended at {until}")
        yield RosterFinding(where, said, remedy)
    elif gaps := uncovered(shifts, now):
        spans = [f"{beijing(begins)} — {beijing(ends)}" for begins, ends in gaps]
        when = _listed([Text(one, one) for one in spans])
        said = Text(f"{title.zh}无人值班：{when.zh}", f"{title.en}: nobody is on duty: {when.en}")
        yield RosterFinding(where, said, remedy)


def _overlap(one: Shift, other: Shift) -> Text:
    """Return two shifts that overlap, without names, in words."""
    title = desk_title(one.desk)
    since, until = beijing(max(one.begins, other.begins)), beijing(min(one.ends, other.ends))
    return Text(
        f"{title.zh} {one.post.zh} {one.code}、{other.code} 在 {since} — {until} 重叠",
        f"{title.en}, {one.post.en}: {one.code} and {other.code} overlap, {since} — {until}",
    )


def _listed(said: Sequence[Text]) -> Text:
    """Return the first few of several findings, and how many there are."""
    zh, en = "；".join(one.zh for one in said[:_LISTED]), "; ".join(one.en for one in said[:_LISTED])
    n = len(said)
    return Text(zh, en) if n <= _LISTED else Text(f"{zh}；共 {n} 处", f"{en}; {n} in all")
