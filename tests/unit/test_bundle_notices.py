"""What a bundle says of its parts: licences in their own words, and the bill of materials."""

from __future__ import annotations

import json

import pytest

from docs.tools.bundle import notices, sbom
from docs.tools.bundle.wheels import Wheel
from tests.made_wheels import make_wheel


def read(folder, name, headers="", **texts):
    path = make_wheel(
        folder, name, headers=headers, files={f"{name}-1.0.dist-info/{k}": v for k, v in texts.items()}
    )
    return notices.of_wheel(Wheel.read(path))


def test_each_part_stands_with_its_licence_and_a_shared_text_once(tmp_path):
    parts = [
        read(tmp_path, "one", "License-Expression: MIT\n", LICENSE="Be kind.\n"),
        read(
            tmp_path,
            "two",
            "Classifier: License :: OSI Approved :: BSD License\n",
            COPYING="Be  kind.",
            NOTICE="By us.",
        ),
    ]
    notices.write(tmp_path / "out.txt", parts)
    said = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "\none 1.0: MIT; texts [1]\ntwo 1.0: BSD License; texts [1], [2]\n" in said
    assert said.count("kind.") == 1
    assert "By us." in said


def test_a_part_without_a_licence_text_stops_the_build_until_one_is_kept_here(tmp_path):
    with pytest.raises(SystemExit, match=r"bare-1\.0-.* carries no licence text"):
        read(tmp_path, "bare", "License: MIT\n")
    assert "CloudMade" in read(tmp_path, "xstatic_leaflet").texts["LICENSE"]


def test_the_bill_says_what_each_part_is_and_whom_it_needs():
    parts = [
        sbom.Part("riskmap", "0.2", "MIT", "a" * 64, ("click",)),
        sbom.Part("click", "8", "BSD-3-Clause", "b" * 64),
        sbom.Part("cpython", "3.11.9", "as its file says", "", kind="generic"),
    ]
    bill = json.loads(sbom.document("riskmap", parts))
    assert [part["purl"] for part in bill["components"]] == ["pkg:pypi/click@8", "pkg:generic/cpython@3.11.9"]
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert {"ref": "riskmap", "dependsOn": ["click"]} in bill["dependencies"]


def test_a_bill_that_does_not_hold_to_the_schema_is_not_written():
    with pytest.raises(ValueError, match=r"not CycloneDX 1\.6"):
        sbom.document("riskmap", [sbom.Part("riskmap", "0.2", "MIT", "no digest")])
