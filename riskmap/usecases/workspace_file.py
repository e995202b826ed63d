"""workspace.toml: the settings of one district, validated with every mistake at once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from riskmap.catalog.problems import problems_of_toml, problems_of_validation
from riskmap.coordinates import parse_datum
from riskmap.errors import CatalogError, CatalogProblem, DatumError, Say


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _District(_Part):
    name: str
    boundary: str = ""
    subdistricts: str = ""
    boundary_datum: str = "cgcs2000"
    demo: bool = False


class _Map(_Part):
    approval_number: str = ""
    dem: str = ""
    basemap: str = ""


class _Intake(_Part):
    datum: str = ""


class _Store(_Part):
    url: str = "data/ledger.sqlite"


class _File(_Part):
    district: _District
    map: _Map = _Map()
    intake: _Intake = _Intake()
    store: _Store = _Store()


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


def read_workspace_file(path: Path) -> WorkspaceConfig:
    """Read workspace.toml. CatalogError lists every mistake with its place."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise CatalogError(problems_of_toml(problem, path.name)) from problem
    try:
        file = _File.model_validate(raw)
    except ValidationError as problem:
        raise CatalogError(problems_of_validation(problem, path.name, text, _File)) from problem
    wrong: list[CatalogProblem] = []
    for key, value in (
        ("district.boundary_datum", file.district.boundary_datum),
        ("intake.datum", file.intake.datum),
    ):
        try:
            if value:
                parse_datum(value)
        except DatumError as problem:
            wrong.append(CatalogProblem(path.name, key, value, Say(problem.text("zh"), problem.text("en"))))
    if wrong:
        raise CatalogError(tuple(wrong))
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
    )
