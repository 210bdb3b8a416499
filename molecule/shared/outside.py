# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plays the services that a guard talks to, on loopback, for tests: ``outside.py <port>``.

Telegram's sendMessage, Twilio's Messages, a webhook, a heartbeat monitor, Sentry's API for releases and its ingest.
Each answers as the real one does, refusals included, and any of them can be told how to answer next: with another
status, late, with Retry-After, or not at all. What was asked is kept. Over HTTP: ``POST /_script``, ``GET /_seen``.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "123456789:AAF-0123456789_abcdefghijklmnopqrstuv"  # noqa: S105 - made up, in the form that real ones have
CHAT, BLOCKED, UPGRADED = "-1001234567890", "42", "-99"
ACCOUNT, AUTH = "AC0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
SENDER, MOBILE = "+15550006789", "+15551234567"
BEARER = "sntrys_0123456789"


@dataclass(frozen=True)
class Answer:
    """How to answer once.

    :param delay: seconds before anything is sent.
    :param close: ``early``: hang up instead of answering; ``late``: the same, but the request has had its effect.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    close: str = ""


@dataclass(frozen=True)
class Asked:
    """A request: ``body`` is what was in its JSON or form, else its text; ``status`` that of the answer, 0 for none."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    text: str
    status: int
    at: float


class Outside:
    """The services, as long as the block lasts."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[str, list[Answer]] = {}
        self._releases: dict[str, dict[str, Any]] = {}
        self._mutex = threading.Lock()
        handler = type("Handler", (_Handler,), {"outside": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Outside:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def script(self, service: str, *answers: Answer) -> None:
        """How a service answers the next requests, one after the other; then it is itself again."""
        self._scripts.setdefault(service, []).extend(answers)

    def of(self, service: str) -> list[Asked]:
        """What a service was asked, oldest first."""
        return [asked for asked in self.asked if asked.service == service]

    def taken(self, service: str) -> list[Any]:
        """The bodies of the requests that a service took as good ones."""
        return [asked.body for asked in self.of(service) if 200 <= asked.status < 300]

    def answer(self, service: str, method: str, path: str, headers: dict[str, str], text: str) -> Answer:
        """The answer to a request, which is kept."""
        body = _parsed(text, headers.get("content-type", ""))
        with self._mutex:
            scripted = self._scripts.get(service, [])
            answer = scripted.pop(0) if scripted else Answer(close="never")
            if answer.close in ("never", "late"):
                own = _SERVICES[service](self, method, path, headers, body)
                answer = replace(own, delay=answer.delay, close=answer.close if answer.close == "late" else "")
            status = 0 if answer.close and answer.close != "late" else answer.status
            self.asked.append(Asked(service, method, path, headers, body, text, status, time.time()))
            return answer

    def telegram(self, _method: str, path: str, _headers: dict[str, str], body: Any) -> Answer:
        """``sendMessage``."""
        token = unquote(path)[len("/bot") :].partition("/")[0]
        if not re.fullmatch(r"\d+:[\w-]{30,}", token):
            return _telegram_refusal(404, "Not Found")
        if token != TOKEN:
            return _telegram_refusal(401, "Unauthorized")
        chat, text = str(body.get("chat_id", "")), str(body.get("text", ""))
        if chat == BLOCKED:
            return _telegram_refusal(403, "Forbidden: bot was blocked by the user")
        if chat == UPGRADED:
            more = {"migrate_to_chat_id": int(CHAT)}
            return _telegram_refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", more)
        if chat != CHAT:
            return _telegram_refusal(400, "Bad Request: chat not found")
        if not text.strip() or len(text.encode("utf-16-le")) // 2 > 4096:
            return _telegram_refusal(400, f"Bad Request: message {'is too long' if text.strip() else 'text is empty'}")
        if body.get("parse_mode"):
            return _telegram_refusal(400, "Bad Request: can't parse entities: Unsupported start tag")
        return Answer(200, {"ok": True, "result": {"message_id": len(self.asked) + 1}})

    def twilio(self, _method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        """``Messages.json``."""
        wanted = "Basic " + base64.b64encode(f"{ACCOUNT}:{AUTH}".encode()).decode()
        if headers.get("authorization") != wanted:
            return _twilio_refusal(401, 20003, "Authenticate")
        if f"/Accounts/{ACCOUNT}/" not in path:
            return _twilio_refusal(404, 20404, "The requested resource was not found")
        if not re.fullmatch(r"\+\d{8,15}", body.get("To", "")):
            return _twilio_refusal(400, 21211, f"Invalid 'To' Phone Number: {body.get('To')}")
        if body.get("From") != SENDER and not body.get("MessagingServiceSid"):
            return _twilio_refusal(400, 21606, "The 'From' phone number provided is not a valid message-capable number")
        return Answer(201, {"sid": f"SM{len(self.asked):032x}", "status": "queued"})

    def sentry(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        """Releases of an organization and their deploys."""
        if headers.get("authorization") != f"Bearer {BEARER}":
            return Answer(401, {"detail": "Invalid token"})
        version, _, below = unquote(path.partition("/releases/")[2]).strip("/").partition("/")
        if method == "POST" and not version:
            known = body["version"] in self._releases
            release = self._releases.setdefault(body["version"], {"deploys": []})
            release.update({key: value for key, value in body.items() if not known or key == "projects"})
            return Answer(208 if known else 201, _without_deploys(release))
        if version not in self._releases:
            return Answer(404, {"detail": "The requested resource does not exist"})
        release = self._releases[version]
        if below == "deploys":
            release["deploys"] += [{"id": str(len(release["deploys"]) + 1), **body}] if method == "POST" else []
            return Answer(201, release["deploys"][-1]) if method == "POST" else Answer(200, release["deploys"])
        release.update(body if method == "PUT" else {})
        return Answer(200, _without_deploys(release))


def _without_deploys(release: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in release.items() if key != "deploys"}


def _telegram_refusal(status: int, description: str, parameters: dict[str, Any] | None = None) -> Answer:
    more = {"parameters": parameters} if parameters else {}
    return Answer(status, {"ok": False, "error_code": status, "description": description, **more})


def _twilio_refusal(status: int, code: int, message: str) -> Answer:
    return Answer(status, {"code": code, "message": message, "more_info": "", "status": status})


def too_many(seconds: int) -> Answer:
    """Telegram's answer to one message too many."""
    answer = _telegram_refusal(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
    return Answer(429, answer.body, {"Retry-After": str(seconds)})


Service = Callable[[Outside, str, str, "dict[str, str]", Any], Answer]
_SERVICES: dict[str, Service] = {
    "telegram": Outside.telegram,
    "twilio": Outside.twilio,
    "sentry": Outside.sentry,
    "ingest": lambda *_: Answer(200, {"id": "0" * 32}),
    "ping": lambda *_: Answer(200, "OK"),
    "hook": lambda *_: Answer(204),
}
_PATHS = (
    (re.compile(r"/bot[^/]*/sendMessage"), "telegram"),
    (re.compile(r"/2010-04-01/Accounts/[^/]+/Messages\.json"), "twilio"),
    (re.compile(r"/api/0/organizations/[^/]+/releases/.*"), "sentry"),
    (re.compile(r"/api/\d+/envelope/"), "ingest"),
    (re.compile(r"/ping/.*"), "ping"),
    (re.compile(r"/hook.*"), "hook"),
)


class _Handler(BaseHTTPRequestHandler):
    outside: Outside

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        path, text = urlsplit(self.path).path, self._read_text()
        if path.startswith("/_"):
            self._send(self._control(path, text))
            return
        service = next((name for pattern, name in _PATHS if pattern.fullmatch(path)), "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not service:
            self._send(Answer(404, "no such service"))
            return
        answer = self.outside.answer(service, self.command, self.path, headers, text)
        time.sleep(answer.delay)
        if answer.close:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        with contextlib.suppress(OSError):  # whoever asked may have lost patience
            self._send(answer)

    def _read_text(self) -> str:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("transfer-encoding") == "chunked":
            raw = b"".join(_chunks(self.rfile.readline, self.rfile.read))
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return raw.decode(errors="replace")

    def _control(self, path: str, text: str) -> Answer:
        if path == "/_script":
            body = json.loads(text)
            self.outside.script(body["service"], *(Answer(**answer) for answer in body["answers"]))
        return Answer(200, [asdict(asked) for asked in self.outside.asked] if path == "/_seen" else {})

    def _send(self, answer: Answer) -> None:
        body = b"" if answer.body is None else _encoded(answer.body)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _parsed(text: str, kind: str) -> Any:
    if "json" in kind:
        with contextlib.suppress(ValueError):
            return json.loads(text)
    if "form-urlencoded" in kind:
        return {name: values[-1] for name, values in parse_qs(text).items()}
    return text


def _encoded(body: Any) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _chunks(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Iterator[bytes]:
    while size := int(readline().split(b";")[0] or b"0", 16):
        yield read(size)
        readline()


if __name__ == "__main__":
    with Outside(int(sys.argv[1])):
        threading.Event().wait()
