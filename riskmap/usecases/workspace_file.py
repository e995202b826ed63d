"""workspace.toml: the settings of one district, validated with every mistake at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field as Key

from riskmap.catalog.problems import Items, Part, TomlFile, read_text
from riskmap.coordinates import parse_datum
from riskmap.errors import CatalogError, DatumError
from riskmap.usecases.duty_settings import DEFAULT_DUTY, DEFAULT_OUTBOX, DutySettings, OutboxSettings
from riskmap.usecases.fire_settings import DEFAULT_FIRE, FireSettings


class _District(Part):
    name: str
    boundary: str = ""
    subdistricts: str = ""
    boundary_datum: str = "cgcs2000"
    demo: bool = False


class _Map(Part):
    approval_number: str = ""
    dem: str = ""
    basemap: str = ""


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


class _File(Part):
    district: _District
    map: _Map = _Map()
    intake: _Intake = _Intake()
    store: _Store = _Store()
    fire: _Fire = _Fire()
    duty: _Duty = _Duty()
    outbox: _Outbox = _Outbox()
    evacuation: _Evacuation = _Evacuation()


@dataclass(frozen=True, slots=True)
class WorkspaceConfig:
    """Settings of one district. Paths are as written; an empty one means there is none."""

    district: str
    boundary: str = ""
    subdistricts: str = ""
    boundary_datum: str = "cgcs2000"
    demo: bool = False
    approval_number: str = ""
    dem: str = ""
    basemap: str = ""
    default_datum: str = ""
    store: str = "data/ledger.sqlite"
    fire: FireSettings = DEFAULT_FIRE
    duty: DutySettings = DEFAULT_DUTY
    outbox: OutboxSettings = DEFAULT_OUTBOX
    people: str = ""  # the table of those who may have to move
    people_datum: str = "cgcs2000"


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
    fire = _fire(file.fire) if file is not None else DEFAULT_FIRE
    wrong = fire.mistake()
    if wrong is not None:
        problems.append(source.problem(("fire", wrong[0]), wrong[1]))
    outbox = OutboxSettings(**file.outbox.model_dump()) if file is not None else DEFAULT_OUTBOX
    wrong = outbox.mistake()
    if wrong is not None:
        problems.append(source.problem(("outbox", wrong[0]), wrong[1]))
    if file is None or problems:
        raise CatalogError(tuple(problems))
    return WorkspaceConfig(
        district=file.district.name,
        boundary=file.district.boundary,
        subdistricts=file.district.subdistricts,
        boundary_datum=file.district.boundary_datum,
        demo=file.district.demo,
        approval_number=file.map.approval_number,
        dem=file.map.dem,
        basemap=file.map.basemap,
        default_datum=file.intake.datum,
        store=file.store.url,
        fire=fire,
        duty=DutySettings(file.duty.minutes, file.duty.verified_days),
        outbox=outbox,
        people=file.evacuation.people,
        people_datum=file.evacuation.people_datum,
    )


def _fire(part: _Fire) -> FireSettings:
    return FireSettings(part.fwi_classes, part.major, part.large, part.general, part.source)
