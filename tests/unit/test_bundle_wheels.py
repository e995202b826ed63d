"""Whether a bundle holds what its target needs, judged with the markers and tags of the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tools.bundle.wheels import LINUX, WINDOWS, needs, pinned, unmet, wheels_in
from tests.made_wheels import make_wheel


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A whole bundle for both targets: click wants colorama on Windows alone."""
    make_wheel(tmp_path, "riskmap", "0.2.0", "click>=8", 'exactextract; extra == "terrain"')
    make_wheel(tmp_path, "click", "8.5", 'colorama; sys_platform == "win32"')
    make_wheel(tmp_path, "colorama", "0.4")
    make_wheel(tmp_path, "exactextract", "0.3", tag="cp311-cp311-win_amd64")
    return tmp_path


def said(folder: Path, target=WINDOWS, wanted: str = "riskmap[terrain]") -> list[str]:
    return [str(one) for one in unmet(wheels_in(folder), target, wanted)]


def test_a_whole_bundle_lacks_nothing(bundle):
    assert said(bundle) == []


def test_a_requirement_of_windows_alone_is_missed_there_and_not_on_linux(bundle):
    (bundle / "colorama-0.4-py3-none-any.whl").unlink()
    (bundle / "exactextract-0.3-cp311-cp311-win_amd64.whl").unlink()
    make_wheel(bundle, "exactextract", "0.3")
    assert said(bundle) == ['click needs colorama; sys_platform == "win32": no wheel of the bundle has it']
    assert said(bundle, LINUX) == []


def test_a_wheel_of_another_platform_is_no_wheel_for_this_one(bundle):
    assert said(bundle, LINUX) == [
        "the bundle needs exactextract-0.3-cp311-cp311-win_amd64.whl: does not fit linux, Python 3.11"
    ]


def test_extras_of_extras_are_asked_for(bundle):
    make_wheel(bundle, "click", "8.5", "rich[markdown]")
    make_wheel(bundle, "rich", "15", 'markdown-it-py; extra == "markdown"', 'pillow; extra == "pictures"')
    assert said(bundle) == ['rich needs markdown-it-py; extra == "markdown": no wheel of the bundle has it']


@pytest.mark.parametrize(
    ("requirement", "why"),
    [("click>=9", "the bundle has 8.5"), ("click==8.5,!=8.5", "the bundle has 8.5")],
)
def test_a_version_that_a_requirement_refuses_is_missed(bundle, requirement, why):
    make_wheel(bundle, "riskmap", "0.2.0", requirement)
    assert [line.endswith(why) for line in said(bundle)] == [True]


def test_wheels_that_nothing_leads_to_are_judged_too(bundle):
    make_wheel(bundle, "stray", "1", "nowhere")
    assert said(bundle) == ["stray needs nowhere: no wheel of the bundle has it"]


def test_two_versions_of_one_package_are_one_too_many(bundle):
    make_wheel(bundle, "colorama", "0.3")
    assert [line.split(": ")[1] for line in said(bundle)] == ["colorama-0.3-py3-none-any.whl is there too"]


def test_a_wheel_for_a_newer_python_does_not_fit(bundle):
    make_wheel(bundle, "colorama", "0.4", headers="Requires-Python: >=3.13\n")
    assert said(bundle) == [
        "the bundle needs colorama-0.4-py3-none-any.whl: does not fit windows, Python 3.11"
    ]


def test_no_marker_is_answered_by_the_machine_that_builds(bundle):
    kinds = ("os_name", "sys_platform", "platform_system", "platform_machine")
    make_wheel(bundle, "click", "8.5", *(f'{kind}; {kind} == "{WINDOWS.machine[kind]}"' for kind in kinds))
    (wheel,) = (one for one in wheels_in(bundle) if one.name == "click")
    assert len(list(needs(wheel, WINDOWS))) == len(kinds)
    assert list(needs(wheel, LINUX)) == []


def test_pins_are_those_of_the_target():
    assert "colorama" in pinned(WINDOWS)
    assert "colorama" not in pinned(LINUX)
    assert pinned(WINDOWS)["numpy"] == pinned(LINUX)["numpy"]
