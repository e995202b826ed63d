"""A page on another port of this machine, and another browser, get nothing of ours: no session, no data, no download."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from riskmap.web.pages import page_paths

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import drawn_up, map_frame

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What a page can try with an address of ours that it knows; `cookies` of ours go with each request.
TRIES = """async (addresses) => {
  const got = [];
  const settled = (name, promise) => promise.then((what) => got.push([name, what]));
  for (const address of addresses) {
    for (const mode of ["cors", "no-cors"]) {
      await settled(address, fetch(address, { mode, credentials: "include" })
        .then((answer) => (answer.type === "opaque" ? "" : answer.text()), () => ""));
    }
    await settled(address, new Promise((done) => {
      const script = Object.assign(document.createElement("script"), { src: address });
      script.onload = () => done("ran"); script.onerror = () => done("");
      document.body.append(script);
    }));
    await settled(address, new Promise((done) => {
      const frame = Object.assign(document.createElement("iframe"), { src: address });
      frame.onload = () => { try { done(frame.contentDocument.body.innerText); } catch { done(""); } };
      document.body.append(frame);
    }));
  }
  await settled("socket", new Promise((done) => {
    const socket = new WebSocket(addresses[0].replace("http", "ws") + "_stcore/stream", ["streamlit"]);
    socket.onopen = () => done("open"); socket.onclose = () => done("");
  }));
  return got.filter(([, what]) => what);
}"""


class _Elsewhere(BaseHTTPRequestHandler):
    cookies: ClassVar[list[str]] = []

    def do_GET(self):
        self.cookies.append(self.headers.get("Cookie", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><body>elsewhere</body></html>")

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere():
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


# What a script that got into a page would do. What runs by itself is put off: the browser's tester may do more.
INJECTED = """() => new Promise((done) => {
  window.hacked = [];
  setTimeout(() => {
    const script = Object.assign(document.createElement("script"), { textContent: "window.hacked.push('script')" });
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"window.hacked.push('handler')\\">");
    try { (0, eval)("window.hacked.push('eval')"); } catch { }
    setTimeout(() => done(window.hacked), 500);
  });
})"""


def test_every_page_is_drawn_within_its_content_policy_and_runs_no_script_that_got_into_it(watched, address):
    tab = watched
    for path in sorted(page_paths()):
        tab.page.goto(address + path)
        drawn_up(tab.page)
        if path in {"/", "/prepare"}:
            map_frame(tab.page)
        tab.page.wait_for_selector("html[lang='zh-CN']", state="attached")  # set as the page is drawn
        assert tab.complaints == [], path
    tab.page.goto(f"{address}/overview?lang=en")
    drawn_up(tab.page)
    tab.page.locator(
        "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
    ).first.wait_for()
    assert tab.page.evaluate("document.documentElement.lang") == "en"
    assert tab.complaints == []
    bare = tab.page.context.new_page()  # another tab: the console says what was forbidden
    bare.goto(f"{address}/overview")
    drawn_up(bare)
    assert bare.evaluate(INJECTED) == []
    bare.goto("about:blank")  # what is looked for is seen where nothing forbids it
    assert sorted(bare.evaluate(INJECTED)) == ["eval", "handler", "script"]


def test_another_port_of_this_machine_and_another_browser_get_nothing(people, watched, address, elsewhere):
    tab, mine, others = watched, watched.page.context, people.open(1).page.context
    tab.page.goto(f"{address}/inventory?layers=risk_points")
    tab.page.get_by_role("link", name="Excel", exact=True).wait_for()
    download = tab.page.get_by_role("link", name="Excel", exact=True).evaluate("link => link.href")
    tab.page.goto(address)
    map_frame(tab.page)
    tile = next(url for url in tab.requests if "/tiles/" in url)
    known = [f"{address}/", download, f"{tile}?new"]
    assert all(mine.request.get(url).ok for url in known)

    # The same person opens a page of another server on this machine.
    hostile = mine.new_page()
    statuses = []
    hostile.on("response", lambda answer: statuses.append((answer.url, answer.status)))
    hostile.goto(elsewhere)
    assert hostile.evaluate(TRIES, known) == []
    ours = [status for url, status in statuses if url.startswith(address)]
    assert len(ours) >= 5
    assert set(ours) == {421}
    assert hostile.evaluate(TRIES, [tile]) == []  # nor from what the browser keeps
    # Cookies do not know ports: what SECURITY.md says of them is seen here.
    assert any("riskmap-" in cookie for cookie in _Elsewhere.cookies)

    # A link from there may be followed: it opens the page and hands nothing back.
    hostile.evaluate("(url) => { location.href = url; }", known[0])
    hostile.wait_for_url(known[0])

    # Another browser that was sent the addresses.
    assert [others.request.get(url).status for url in known[1:]] == [403, 403]
