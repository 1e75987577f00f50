"""A server that speaks Grafana's HTTP API for the calls that we make, and keeps what it is given.

Dashboards and alerts are read with the Foundation SDK's types and must come out as they went in.
Source: Grafana documentation, "HTTP API": health, plugins, data source, folder, dashboard, alerting
provisioning, annotations; statuses and messages are those of Grafana 12.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import ContactPoint, Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.differences import differences

TOKEN = "glsa_right"  # noqa: S105 - of a server that exists in tests only
register_default_plugins()
Json = dict[str, Any]
Answer = tuple[int, object]


@dataclass(slots=True)
class FakeGrafana:
    """What it holds, and how it was asked: `calls` are methods and paths that change something.

    The first of these are answered by `refusals`.
    """

    url: str = ""
    version: str = "13.2.3"
    plugin: str | None = "4.20.0"
    role: str = "Admin"
    from_files: bool = False
    refusals: list[Answer] = field(default_factory=list)
    sources: dict[str, Json] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=dict)
    annotations: list[Json] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def answer(self, method: str, url: str, token: str, body: Any) -> Answer:
        """Answer a request."""
        path = urlsplit(url).path.removeprefix("/api")
        if path == "/health":
            return 200, {"database": "ok", "version": self.version, "commit": "c"}
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid"}
        if method != "GET":
            self.calls.append(f"{method} {path}")
            if self.refusals:
                return self.refusals.pop(0)
            if self.role != "Admin":
                return 403, {"message": "You'll need additional permissions to perform this action"}
        for (verb, pattern), act in ROUTES.items():
            if verb == method and (match := re.fullmatch(pattern, path)):
                return act(self, match.groupdict(), body, parse_qs(urlsplit(url).query))
        return 404, {"message": f"Not found: {method} {path}"}


@contextmanager
def running_grafana() -> Iterator[FakeGrafana]:
    """A server on a free port."""
    grafana = FakeGrafana()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"held": grafana}))
    grafana.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    held: FakeGrafana
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = self.headers.get("Authorization", "")
        status, content = self.held.answer(self.command, self.path, token, body)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = _handle  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def plugins(g: FakeGrafana, *_: object) -> Answer:
    ours = {"id": "grafana-clickhouse-datasource", "type": "datasource"}
    there = [] if g.plugin is None else [ours | {"info": {"version": g.plugin}}]
    return 200, [{"id": "table", "type": "panel", "info": {"version": ""}}, *there]


def get_source(g: FakeGrafana, named: Json, *_: object) -> Answer:
    found = g.sources.get(named["uid"])
    return (200, found) if found else (404, {"message": "Data source not found"})


def put_source(g: FakeGrafana, _: Json, body: Json, __: object) -> Answer:
    if g.from_files and body["uid"] in g.sources:
        return 403, {"message": "Cannot update read-only data source"}
    secret = dict.fromkeys(body.pop("secureJsonData", {}), True)
    g.sources[body["uid"]] = {"id": 1, "orgId": 1, **body, "secureJsonFields": secret}
    return 200, {"message": "Datasource added", "datasource": body}


def get_folder(g: FakeGrafana, named: Json, *_: object) -> Answer:
    found = g.folders.get(named["uid"])
    return (200, found) if found else (404, {"message": "folder not found", "status": "not-found"})


def put_folder(g: FakeGrafana, named: Json, body: Json, _: object) -> Answer:
    uid = named.get("uid") or body["uid"]
    g.folders[uid] = {"id": 7, "uid": uid, "title": body["title"], "version": 1}
    return 200, g.folders[uid]


def get_dashboard(g: FakeGrafana, named: Json, *_: object) -> Answer:
    found = g.dashboards.get(named["uid"])
    return (200, found) if found else (404, {"message": "Dashboard not found"})


def put_dashboard(g: FakeGrafana, _: Json, body: Json, __: object) -> Answer:
    board = body["dashboard"]
    if body["folderUid"] not in g.folders:
        return 400, {"message": "folder not found"}
    if lost(Dashboard, board):
        return 400, {"message": "the dashboard is not what the SDK's types say"}
    known = g.dashboards.get(board["uid"])
    if known and g.from_files:
        return 400, {"message": "Cannot save provisioned dashboard"}
    if known and not body["overwrite"]:
        return 412, {"message": "The dashboard has been changed by someone else"}
    version = known["dashboard"]["version"] + 1 if known else 1
    held = board | {"id": len(g.dashboards) + 1, "version": version, "schemaVersion": 42}
    g.dashboards[board["uid"]] = {"meta": {"folderUid": body["folderUid"]}, "dashboard": held}
    return 200, {"uid": board["uid"], "status": "success", "version": version}


def get_contacts(g: FakeGrafana, *_: object) -> Answer:
    return 200, list(g.contacts.values())


def put_contact(g: FakeGrafana, _: Json, body: Json, __: object) -> Answer:
    if lost(ContactPoint, body) or not body["settings"].get("url"):
        return 400, {"message": "invalid contact point"}
    if g.from_files and body["uid"] in g.contacts:
        return 409, {"message": "cannot change provenance from 'file' to 'api'"}
    g.contacts[body["uid"]] = body | {"provenance": "api"}
    return 202, g.contacts[body["uid"]]


def get_rule(g: FakeGrafana, named: Json, *_: object) -> Answer:
    found = g.rules.get(named["uid"])
    return (200, found) if found else (404, {"message": "alert rule not found"})


def put_rule(g: FakeGrafana, _: Json, body: Json, __: object) -> Answer:
    if g.from_files and body["uid"] in g.rules:
        return 409, {"message": "cannot change provenance from 'file' to 'api'"}
    if wrong := wrong_rule(g, body):
        return 400, {"message": wrong}
    g.rules[body["uid"]] = body | {"id": 3, "updated": "2026-01-01T00:00:00Z", "provenance": "api"}
    return 201, g.rules[body["uid"]]


def wrong_rule(g: FakeGrafana, body: Json) -> str:
    """What is wrong with a rule, or nothing."""
    notes = body["annotations"]
    linked = {"__dashboardUid__", "__panelId__"} & notes.keys()
    wrong = {
        "folder does not exist": body["folderUID"] not in g.folders,
        "receiver does not exist": body["notification_settings"]["receiver"]
        not in {contact["name"] for contact in g.contacts.values()},
        "both annotations __dashboardUid__ and __panelId__ must be specified": len(linked) == 1,
        "the panel does not exist": len(linked) == 2
        and not has_panel(g, notes["__dashboardUid__"], notes["__panelId__"]),
        "the rule is not what the SDK's types say": bool(lost(Rule, body)),
    }
    return next((reason for reason, is_so in wrong.items() if is_so), "")


def has_panel(g: FakeGrafana, board: str, panel: str) -> bool:
    """Whether a dashboard has a panel of that number."""
    panels = g.dashboards.get(board, {}).get("dashboard", {}).get("panels", [])
    return any(str(one["id"]) == panel for one in panels)


def find_annotations(g: FakeGrafana, _: Json, __: object, asked: dict[str, list[str]]) -> Answer:
    wanted = set(asked.get("tags", []))
    return 200, [note for note in g.annotations if wanted <= set(note["tags"])]


def add_annotation(g: FakeGrafana, _: Json, body: Json, __: object) -> Answer:
    if not body.get("text"):
        return 400, {"message": "Failed to save annotation"}
    note = body | {"id": len(g.annotations) + 1, "timeEnd": body["timeEnd"] or body["time"]}
    g.annotations.append(note)
    return 200, {"message": "Annotation added", "id": note["id"]}


def put_annotation(g: FakeGrafana, named: Json, body: Json, _: object) -> Answer:
    note = next((n for n in g.annotations if n["id"] == int(named["id"])), None)
    if note is None:
        return 404, {"message": "Could not find annotation to update"}
    note.update(body)
    return 200, {"message": "Annotation updated"}


def lost(kind: Any, content: Json) -> list[str]:
    """What of a value is lost or changed when the SDK's type reads and writes it; defaults come."""
    written = json.loads(json.dumps(kind.from_json(content), cls=JSONEncoder))
    return list(differences(content, written))


_RULES = r"/v1/provisioning/alert-rules"
_CONTACTS = r"/v1/provisioning/contact-points"
ROUTES: dict[tuple[str, str], Any] = {
    ("GET", r"/plugins"): plugins,
    ("GET", r"/datasources/uid/(?P<uid>[^/]+)"): get_source,
    ("POST", r"/datasources"): put_source,
    ("PUT", r"/datasources/uid/(?P<uid>[^/]+)"): put_source,
    ("GET", r"/folders/(?P<uid>[^/]+)"): get_folder,
    ("POST", r"/folders"): put_folder,
    ("PUT", r"/folders/(?P<uid>[^/]+)"): put_folder,
    ("GET", r"/dashboards/uid/(?P<uid>[^/]+)"): get_dashboard,
    ("POST", r"/dashboards/db"): put_dashboard,
    ("GET", _CONTACTS): get_contacts,
    ("POST", _CONTACTS): put_contact,
    ("PUT", _CONTACTS + r"/[^/]+"): put_contact,
    ("GET", _RULES + r"/(?P<uid>[^/]+)"): get_rule,
    ("POST", _RULES): put_rule,
    ("PUT", _RULES + r"/[^/]+"): put_rule,
    ("GET", r"/annotations"): find_annotations,
    ("POST", r"/annotations"): add_annotation,
    ("PUT", r"/annotations/(?P<id>\d+)"): put_annotation,
}
