"""How a district runs its duty: minutes to answer, how long a contact's check is good, its outbox.

How a district reads the fire weather index: its classes, and the limits of a grid's risk on a day.

workspace.toml: the settings of one district, validated with every mistake at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field as Key

from riskmap.catalog.flow import Day
from riskmap.catalog.problems import Items, Part, TomlFile, read_text
from riskmap.coordinates import Extent, are_degrees, parse_datum
from riskmap.errors import CatalogError, DatumError, Text, without_secrets
from riskmap.formulas.domain import through_bands
from riskmap.reports.periods import Weekday

OUTBOX_KINDS: Final = ("file", "smtp", "webhook")


SECURITY: Final = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class DutySettings:
    """The section [duty]. The minutes are a draft default of ours, no official rule.

    `minutes`: a call unanswered for so long goes to the next contact. `verified_days`: contacts
    checked longer ago count as expired, 0 for what each layer's plan says.
    """

    minutes: float = 15.0
    verified_days: int = 0


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """The section [backup]: how many generations stay, and after how many days without one it is said aloud."""

    keep: int = 7
    days: int = 7


DEFAULT_BACKUP: Final = BackupSettings()


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """The section [outbox]: where messages leave. Nothing leaves to what is not named here.

    `kind` file writes into `folder`; smtp sends mail from `sender` to `recipients`, and to those of
    the message's sub-district in `subdistricts`; webhook posts JSON to `url`. Passwords are in the
    environment: `password_env` and `token_env` name the variables. `timeout` in seconds.
    """

    kind: str = "file"
    folder: str = "data/outbox"
    host: str = ""
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password_env: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    subdistricts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    url: str = ""
    token_env: str = ""
    timeout: float = 10.0

    def mistake(self) -> tuple[str, Text] | None:
        """Return the key that is wrong and what it should hold, None where all is well."""
        if self.kind == "smtp":
            return self._smtp_mistake()
        if self.kind == "webhook":
            parts = urlsplit(self.url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                return "url", Text(
                    "http:// 或 https:// 开头的地址", "an address that begins with http:// or https://"
                )
            if parts.username or parts.password:
                return "url", Text(
                    "不含用户名和密码的地址；密钥放在 token_env 指明的环境变量里",
                    "an address without user and password; the secret is in the variable that token_env names",
                )
        if self.kind == "file" and not self.folder.strip():
            return "folder", Text("文件夹", "a folder")
        return None

    def _smtp_mistake(self) -> tuple[str, Text] | None:
        if not self.host.strip():
            return "host", Text("邮件服务器", "the mail server")
        addresses = (*self.recipients, *(a for group in self.subdistricts.values() for a in group))
        for key, found in (("sender", (self.sender,)), ("recipients", addresses)):
            if not found or not all(_is_address(a) for a in found):
                return key, Text("邮箱地址，如 duty@example.org", "mail addresses, such as duty@example.org")
        if self.user and not self.password_env:
            return "password_env", Text(
                "存放密码的环境变量名", "the environment variable that holds the password"
            )
        return None


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at and host) and text.isascii() and not any(c in text for c in ' \r\n\t,;<>"')


DEFAULT_DUTY: Final = DutySettings()


DEFAULT_OUTBOX: Final = OutboxSettings()


_DEFAULT_SOURCE = (
    "本系统默认，未经区里确认：FWI 分档界限参照 EFFIS 欧洲火险分级（凭记忆），"
    "当日风险界限为静态界限 36/18/8 的 3 倍（第 3 档天气与静态等级一致）"
)


@dataclass(frozen=True, slots=True)
class FireSettings:
    """The section [fire] of workspace.toml; these defaults are draft until a district adopts its own.

    `classes`: ascending FWI from which weather classes 2, 3, … hold, a limit belongs to the higher class;
    class 1 lies below the first. `major`, `large`, `general`: limits of weather class × fuel × ignition ×
    access, a limit belongs to the higher tier. The default limits are three times those of the static
    model (36, 18, 8), so that on a day of the middle class a grid has its static tier.
    """

    classes: tuple[float, ...] = (5.2, 11.2, 21.3, 38.0)
    major: float = 108.0
    large: float = 54.0
    general: float = 24.0
    source: str = _DEFAULT_SOURCE

    @property
    def status(self) -> str:
        """Whether these are the draft defaults or a district's own."""
        return "draft" if self.source == _DEFAULT_SOURCE else "configured"

    def weather_class(self, fwi: ArrayLike) -> NDArray[np.float64]:
        """Return the class 1, 2, … of an FWI; NaN stays. Default: 5.19 → 1, 5.2 → 2, 40 → 5."""
        return through_bands(fwi, (0.0, *self.classes), [float(i + 1) for i in range(len(self.classes) + 1)])

    def tier(self, risk: float) -> str | None:
        """Return the tier of a risk, None where it is unknown. Default: 108 → major, 23 → low."""
        if math.isnan(risk):
            return None
        limits = (("major", self.major), ("large", self.large), ("general", self.general))
        return next((tier for tier, limit in limits if round(risk, 9) >= limit), "low")

    def mistake(self) -> tuple[str, Text] | None:
        """Return the key that is wrong and what it should hold, None where all is well."""
        if not self.classes or min(self.classes) <= 0 or any(a >= b for a, b in pairwise(self.classes)):
            return "fwi_classes", Text("大于 0、由小到大的数", "numbers above 0, ascending")
        if not self.major > self.large > self.general > 0:
            return "major", Text("major > large > general > 0", "major > large > general > 0")
        if not self.source.strip():
            return "source", Text("界限的出处", "where the numbers come from")
        return None


DEFAULT_FIRE: Final = FireSettings()


"""What holds where workspace.toml has no [fire]."""


class _District(Part):
    name: str
    boundary: str = ""
    subdistricts: str = ""
    boundary_datum: str = "cgcs2000"
    extent: Items[float] = ()
    demo: bool = False


class _Map(Part):
    approval_number: str = ""
    dem: str = ""
    basemap: str = ""


@dataclass(frozen=True, slots=True)
class SheetSettings:
    """The section [sheet]: on which paper maps are printed, and who publishes them (else the district).

    `neighbours`: a GeoJSON file of the districts around, drawn grey with their names.
    """

    paper: Literal["A4", "A3"] = "A4"
    publisher: str = ""
    neighbours: str = ""


class _Sheet(Part):
    paper: Literal["A4", "A3"] = "A4"
    publisher: str = ""
    neighbours: str = ""


class _Intake(Part):
    datum: str = ""


class _Fire(Part):
    fwi_classes: Items[float] = DEFAULT_FIRE.classes
    major: float = DEFAULT_FIRE.major
    large: float = DEFAULT_FIRE.large
    general: float = DEFAULT_FIRE.general
    source: str = DEFAULT_FIRE.source


class _Store(Part):
    url: str = "data/ledger.sqlite"


class _Duty(Part):
    minutes: float = Key(default=DEFAULT_DUTY.minutes, gt=0, le=1440)
    verified_days: int = Key(default=0, ge=0, le=36_525)


class _Backup(Part):
    keep: int = Key(default=DEFAULT_BACKUP.keep, ge=2, le=1000)
    days: int = Key(default=DEFAULT_BACKUP.days, ge=1, le=366)


class _Outbox(Part):
    kind: Literal["file", "smtp", "webhook"] = "file"
    folder: str = DEFAULT_OUTBOX.folder
    host: str = ""
    port: int = Key(default=DEFAULT_OUTBOX.port, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_env: str = ""
    sender: str = ""
    recipients: Items[str] = ()
    subdistricts: dict[str, Items[str]] = Key(default_factory=dict[str, tuple[str, ...]])
    url: str = ""
    token_env: str = ""
    timeout: float = Key(default=DEFAULT_OUTBOX.timeout, gt=0, le=120)


class _Evacuation(Part):
    people: str = ""
    people_datum: str = "cgcs2000"


class _Registers(Part):
    takeover: Day | None = None


class _Reports(Part):
    week_starts: Weekday = "mon"


class _File(Part):
    district: _District
    map: _Map = _Map()
    sheet: _Sheet = _Sheet()
    intake: _Intake = _Intake()
    store: _Store = _Store()
    fire: _Fire = _Fire()
    duty: _Duty = _Duty()
    outbox: _Outbox = _Outbox()
    backup: _Backup = _Backup()
    evacuation: _Evacuation = _Evacuation()
    registers: _Registers = _Registers()
    reports: _Reports = _Reports()


@dataclass(frozen=True, slots=True)
class WorkspaceConfig:
    """Settings of one district. Paths are as written; an empty one means there is none."""

    district: str
    boundary: str = ""
    subdistricts: str = ""
    boundary_datum: str = "cgcs2000"
    extent: Extent | None = None  # of the district, in degrees of CGCS2000
    demo: bool = False
    approval_number: str = ""
    dem: str = ""
    basemap: str = ""
    sheet: SheetSettings = SheetSettings()
    default_datum: str = ""
    store: str = "data/ledger.sqlite"
    fire: FireSettings = DEFAULT_FIRE
    duty: DutySettings = DEFAULT_DUTY
    outbox: OutboxSettings = DEFAULT_OUTBOX
    backup: BackupSettings = DEFAULT_BACKUP
    people: str = ""  # the table of those who may have to move
    people_datum: str = "cgcs2000"
    takeover: str | None = (
        None  # of registers whose own file states none: closed by this day was closed elsewhere
    )
    week_starts: Weekday = "mon"  # on which day the weeks of reports begin

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it names, as written."""
        named = (self.boundary, self.subdistricts, self.dem, self.basemap, self.people, self.sheet.neighbours)
        return tuple(name for name in named if name)


def read_workspace_file(path: Path) -> WorkspaceConfig:
    """Read workspace.toml. CatalogError lists every mistake with its place."""
    source = TomlFile.parse(read_text(path, path.name), path.name)
    file, problems = source.check(_File)
    for section, key in (
        ("district", "boundary_datum"),
        ("intake", "datum"),
        ("evacuation", "people_datum"),
    ):
        value = source.at((section, key))
        try:
            if isinstance(value, str) and value:
                parse_datum(value)
        except DatumError as problem:
            problems.append(source.problem((section, key), problem.say))
    extent, wrong = _extent(file.district.extent if file is not None else ())
    if wrong is not None:
        problems.append(source.problem(("district", "extent"), wrong))
    fire = _fire(file.fire) if file is not None else DEFAULT_FIRE
    wrong = fire.mistake()
    if wrong is not None:
        problems.append(source.problem(("fire", wrong[0]), wrong[1]))
    outbox = OutboxSettings(**file.outbox.model_dump()) if file is not None else DEFAULT_OUTBOX
    wrong = outbox.mistake()
    if wrong is not None:
        problems.append(source.problem(("outbox", wrong[0]), wrong[1]))
    if file is not None and without_secrets(file.store.url) != file.store.url:
        problems.append(
            source.problem(
                ("store", "url"),
                Text(
                    "不含密码的地址；含密码的放在环境变量 RISKMAP_STORE 里",
                    "an address without password; one with a password is in the variable RISKMAP_STORE",
                ),
            )
        )
    if file is None or problems:
        raise CatalogError(tuple(problems))
    return WorkspaceConfig(
        district=file.district.name,
        boundary=file.district.boundary,
        subdistricts=file.district.subdistricts,
        boundary_datum=file.district.boundary_datum,
        extent=extent,
        demo=file.district.demo,
        approval_number=file.map.approval_number,
        dem=file.map.dem,
        basemap=file.map.basemap,
        sheet=SheetSettings(file.sheet.paper, file.sheet.publisher, file.sheet.neighbours),
        default_datum=file.intake.datum,
        store=file.store.url,
        fire=fire,
        duty=DutySettings(file.duty.minutes, file.duty.verified_days),
        outbox=outbox,
        backup=BackupSettings(file.backup.keep, file.backup.days),
        people=file.evacuation.people,
        people_datum=file.evacuation.people_datum,
        takeover=file.registers.takeover,
        week_starts=file.reports.week_starts,
    )


def _extent(stated: tuple[float, ...]) -> tuple[Extent | None, Text | None]:
    """Return the extent that is stated, and what is wrong with it."""
    if not stated:
        return None, None
    if len(stated) == 4 and stated[0] < stated[2] and stated[1] < stated[3] and are_degrees(*stated):  # noqa: PLR2004
        return stated, None  # type: ignore[return-value]
    return None, Text(
        "应是四个度数 [西, 南, 东, 北]，如 [113.7, 22.4, 114.7, 22.9]",
        "should be four degrees [west, south, east, north], such as [113.7, 22.4, 114.7, 22.9]",
    )


def _fire(part: _Fire) -> FireSettings:
    return FireSettings(part.fwi_classes, part.major, part.large, part.general, part.source)
