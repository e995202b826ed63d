"""The bill of materials of a bundle, as CycloneDX JSON: each part with version, licence and digest, and who needs whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


@dataclass(frozen=True)
class Part:
    """A part of a bundle: what it is, and the names of the parts that it needs."""

    name: str
    version: str
    licence: str
    sha256: str
    needs: tuple[str, ...] = ()
    kind: str = "pypi"


def document(whole: str, parts: Iterable[Part]) -> str:
    """Return the bill of materials of `whole`, one of the parts, as JSON.

    Raises ValueError where the document does not hold to the schema of CycloneDX 1.6.
    """
    parts = list(parts)
    components = {part.name: _component(part, whole=part.name == whole) for part in parts}
    bill = Bom(components=[made for name, made in components.items() if name != whole])
    bill.metadata.component = components[whole]
    for part in parts:
        bill.register_dependency(components[part.name], [components[name] for name in part.needs])
    text = JsonV1Dot6(bill).output_as_string(indent=1)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"{whole}: not CycloneDX 1.6: {wrong}")
    return text


def _component(part: Part, *, whole: bool) -> Component:
    return Component(
        type=ComponentType.APPLICATION if whole else ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        bom_ref=part.name,
        purl=PackageURL(part.kind, name=part.name, version=part.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else [],
        licenses=[LicenseFactory().make_from_string(part.licence)] if part.licence else [],
    )


def write(path: Path, text: str) -> None:
    """Write a document."""
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
