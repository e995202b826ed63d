"""Messages leave to what is configured, are never lost, and in a drill stay where they are."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import threading
from dataclasses import replace

import pytest

from riskmap.actions.episode.duty import review_of
from riskmap.actions.episode.events import Entry
from riskmap.actions.episode.messages import deliver, messages, send_message, way_out
from riskmap.actions.workspace.settings import read_workspace_file
from riskmap.errors import CatalogError, RiskmapError
from riskmap.values.scenario import NewEvent
from tests import cli
from tests.duty_workspace import ACTS, AT, ESCALATIONS, WHO, copied, duty_workspace

SECRET = {"DUTY_TOKEN": "s3cret", "DUTY_PASSWORD": "pa55"}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    ws = duty_workspace(tmp_path_factory.mktemp("outbox") / "ws")
    for title, drill in (("苏拉", False), ("演练", True)):
        ws.ledger.open_scenario(
            title=title, drill=drill, body={}, at=AT, escalations=ESCALATIONS, by="x", why="x"
        )
    return ws


@pytest.fixture
def ws(ready, tmp_path):
    return copied(ready, tmp_path / "ws")


def configured(ws, text):
    """The workspace with this [outbox] in its file."""
    path = ws.root / "workspace.toml"
    kept = path.read_text("utf-8").partition("[outbox]")[0]
    path.write_text(f"{kept}\n[outbox]\n{text}\n", "utf-8")
    return replace(ws, config=read_workspace_file(path))


def sent(ws, scenario="苏拉", environ=SECRET, **entry):
    entry = {"text": "请转移一号边坡下住户", "record": "slopes:BP1", "contact": 1} | entry
    return send_message(ws, scenario, Entry("message", **entry), environ=environ, **ACTS)


class Hook:
    """A web hook on 127.0.0.1 that answers with `status` and keeps what came."""

    def __init__(self, status=200):
        self.status, self.got = status, []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((self.path, self.headers.get("Authorization"), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/sms?x=1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Mail:
    """As much of a mail server on 127.0.0.1 as one message needs; refuses recipients named in `refuse`."""

    def __init__(self, refuse=()):
        self.got = got = []
        self.commands = commands = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(f"{text}\r\n".encode())  # noqa: E731
                say("220 here")
                while line := self.rfile.readline().decode().strip():
                    commands.append(line)
                    verb = line.upper().split(" ", 1)[0]
                    if verb == "DATA":
                        say("354 go on")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part)
                        got.append(b"".join(lines))
                        say("250 kept")
                    elif verb == "RCPT" and any(r in line for r in refuse):
                        say("550 no such person")
                    elif verb == "QUIT":
                        say("221 bye")
                        return
                    elif verb == "EHLO":
                        say("250-here")
                        say("250 AUTH PLAIN")
                    elif verb == "AUTH":
                        say("235 welcome")
                    else:
                        say("250 ok")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def test_without_a_configuration_a_message_becomes_two_files_and_is_on_record(ws):
    state = sent(ws)
    assert (state.status, state.attempts, state.to) == ("sent", 1, "李*")
    document, paper = sorted((ws.root / "data" / "outbox").iterdir())
    assert json.loads(document.read_text("utf-8"))["to"] == {"name": "李防灾", "phone": "13900000001"}
    assert "13900000001" in paper.read_text("utf-8")
    log = ws.ledger.events(1)
    assert [e.body["status"] for e in log] == ["queued", "sent"]
    assert "13900000001" not in repr(log)  # the log holds no number
    (noted,) = ws.ledger.exports()
    assert noted.unmasked
    assert review_of(ws, 1).messages == {"sent": 1}


def test_what_only_lies_in_a_folder_is_not_called_sent_and_the_way_out_is_named(ws):
    state = sent(ws)
    assert (state.status, state.words.zh, state.waits) == ("sent", "已写入文件夹，待人转发", False)
    assert "须由人转发" in way_out(ws).zh
    with Hook() as hook:
        ready = configured(ws, f'kind = "webhook"\nurl = "{hook.url}"')
        assert sent(ready).words.en == "Sent"
    assert way_out(ready).en == "They leave by the web hook 127.0.0.1"
    mail = 'kind = "smtp"\nhost = "mail.example"\nsender = "a@b.cn"\nrecipients = ["c@d.cn"]'
    assert "mail.example" in way_out(configured(ws, mail)).zh


def test_in_a_drill_nothing_is_sent_and_the_log_says_so(ws):
    with Hook() as hook:
        drill = configured(ws, f'kind = "webhook"\nurl = "{hook.url}"')
        state = sent(drill, "演练")
        assert deliver(drill, "演练", **ACTS) == []
    assert (state.status, state.attempts, hook.got) == ("drill", 0, [])
    (event,) = drill.ledger.events(2)
    assert event.body["note"] == "演习，未发送"
    assert not (ws.root / "data" / "outbox").exists()
    assert drill.ledger.exports() == []


def test_a_web_hook_gets_the_message_with_the_token_of_the_environment(ws):
    with Hook() as hook:
        state = sent(configured(ws, f'kind = "webhook"\nurl = "{hook.url}"\ntoken_env = "DUTY_TOKEN"'))
    assert state.status == "sent"
    ((path, token, body),) = hook.got
    assert (path, token, body["id"]) == ("/sms?x=1", "Bearer s3cret", "1-1")
    assert body["to"]["phone"] == "13900000001"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_the_other_side_refuses_stays_queued_and_leaves_later(ws, status):
    with Hook(status) as hook:
        ready = configured(ws, f'kind = "webhook"\nurl = "{hook.url}"')
        first = sent(ready)
        assert (first.status, first.attempts) == ("failed", 1)
        assert str(status) in first.reason
        hook.status = 200
        (again,) = deliver(ready, 1, **ACTS)
        assert (again.status, again.attempts) == ("sent", 2)
        assert deliver(ready, 1, **ACTS) == []
    assert [e.body.get("attempt") for e in ready.ledger.events(1)] == [None, 1, 2]
    assert {body["id"] for *_, body in hook.got} == {"1-1"}  # so that the other side can tell a second try


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    "text",
    [
        'kind = "webhook"\nurl = "http://127.0.0.1:{port}/"',
        'kind = "smtp"\nhost = "127.0.0.1"\nport = {port}\nsender = "a@b.cn"\nrecipients = ["c@d.cn"]',
        'kind = "webhook"\nurl = "http://127.0.0.1:{port}/"\ntoken_env = "NOT_SET_HERE"',
    ],
)
def test_a_failed_attempt_is_an_entry_with_its_reason_and_the_message_stays(ws, text):
    state = sent(configured(ws, text.format(port=closed_port())))
    assert (state.status, state.attempts) == ("failed", 1)
    assert state.waits
    assert state.reason
    assert state.reason_en != state.reason


def test_a_mail_goes_to_the_recipients_of_its_sub_district_too(ws):
    with Mail() as server:
        text = f"""kind = "smtp"
host = "127.0.0.1"
port = {server.port}
security = "none"
user = "duty"
password_env = "DUTY_PASSWORD"
sender = "duty@example.org"
recipients = ["all@example.org"]
[outbox.subdistricts]
"桂园街道" = ["gy@example.org"]"""
        state = sent(configured(ws, text))
    assert state.status == "sent", state.reason
    assert [c for c in server.commands if c.startswith("rcpt")] == [
        "rcpt TO:<all@example.org>",
        "rcpt TO:<gy@example.org>",
    ]
    assert b"duty@example.org" in server.got[0]


def test_a_refused_recipient_keeps_the_message_in_the_outbox(ws):
    with Mail(refuse=("c@d",)) as server:
        text = (
            f'kind = "smtp"\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\nsender = "a@b.cn"\n'
        )
        state = sent(configured(ws, text + 'recipients = ["c@d.cn", "e@f.cn"]'))
    assert (state.status, "c@d.cn" in state.reason) == ("failed", True)


def test_a_message_that_was_queued_when_the_program_died_is_sent_by_the_next_try(ws):
    body = {"text": "x", "status": "queued"}
    ws.ledger.add_events(1, [NewEvent(AT, "message", subdistrict="桂园街道", body=body)], **WHO)
    assert [m.status for m in messages(ws, 1)] == ["queued"]
    assert cli.riskmap("outbox", "1", "--workspace", ws.root).status == 1
    found = cli.riskmap("outbox", "1", "--send", "--json", "--workspace", ws.root)
    assert (found.status, found.json["messages"][0]["status"]) == (0, "sent")


def test_a_message_that_was_taken_back_is_not_sent(ws):
    ws.ledger.add_events(1, [NewEvent(AT, "message", body={"text": "x", "status": "queued"})], **WHO)
    ws.ledger.add_events(1, [NewEvent(AT, "correction", body={"corrects": 1})], **WHO)
    assert deliver(ws, 1, **ACTS) == []
    assert not (ws.root / "data" / "outbox").exists()


def test_a_recipient_without_a_phone_is_named_and_the_message_waits_for_the_number(ws):
    state = sent(ws, record="slopes:BP2", contact=1)
    assert (state.status, "电话" in state.reason) == ("failed", True)
    with pytest.raises(RiskmapError, match="第 9 位"):
        sent(ws, contact=9)
    with pytest.raises(RiskmapError, match="text"):
        sent(ws, text=" ")


def test_the_command_sends_and_says_where_the_message_stands(ws):
    found = cli.riskmap("message", "苏拉", "--text", "全区注意", "--json", "--workspace", ws.root)
    assert (found.status, found.json["status"], found.json["to"]) == (0, "sent", "")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('kind = "pigeon"', "outbox.kind"),
        ('kind = "webhook"', "outbox.url"),
        ('kind = "webhook"\nurl = "ftp://a"', "outbox.url"),
        ('kind = "webhook"\nurl = "https://u:p@a/"', "outbox.url"),
        ('kind = "smtp"', "outbox.host"),
        ('kind = "smtp"\nhost = "a"\nsender = "x"', "outbox.sender"),
        ('kind = "smtp"\nhost = "a"\nsender = "a@b.cn"', "outbox.recipients"),
        (
            'kind = "smtp"\nhost = "a"\nsender = "a@b.cn"\nrecipients = ["c@d"]\nuser = "u"',
            "outbox.password_env",
        ),
        ('password = "secret"', "outbox.password"),
        ("folder = ''", "outbox.folder"),
    ],
)
def test_an_outbox_that_cannot_work_is_refused_when_the_workspace_opens(tmp_path, text, key):
    path = tmp_path / "workspace.toml"
    path.write_text(f'[district]\nname = "x"\n[outbox]\n{text}\n', "utf-8")
    with pytest.raises(CatalogError) as caught:
        read_workspace_file(path)
    assert [p.key for p in caught.value.problems] == [key]
