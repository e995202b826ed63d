"""What the browser tests of a module share: a server of their own, one Chromium, a tab that is watched."""

from __future__ import annotations

import pytest

from tests.map_workspace import make_workspace

# Without Playwright the modules are skipped, each by itself; what needs it is imported when it is used.


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Return the folder of the small workspace; a module that needs another one has a fixture of this name."""
    folder = tmp_path_factory.mktemp("browser") / "ws"
    make_workspace(folder)
    return folder


@pytest.fixture(scope="module")
def address(workspace, tmp_path_factory):
    from tests.browser.driving import served

    with served(workspace, log=tmp_path_factory.mktemp("log") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def screen():
    """Return the size of the window."""
    return {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def browser(chromium):
    from tests.browser.driving import chromium_browser

    with chromium_browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def people(browser, address, screen):
    from tests.browser.driving import People

    people = People(browser, address, {"viewport": screen, "locale": "zh-CN"})
    yield people
    people.close()


@pytest.fixture
def watched(people):
    """Open a tab as somebody new; nothing was asked of another machine, and the console stayed silent."""
    made = people.open()
    yield made
    people.leave()
    assert made.outside() == []
    assert made.complaints == []


@pytest.fixture
def page(watched):
    return watched.page
