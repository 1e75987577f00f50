"""The objects to deploy to a Grafana, each after the ones that it needs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi

from grafana.alerts import FOLDER, rule_group
from grafana.boards import boards
from grafana.contact import contact_point
from grafana.datasource import NAME, PLUGIN, UID
from grafana.provisioning_file import TITLE, plain, plain_one
from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Resource:
    """One object in Grafana: its wanted content, and the calls that find and write it.

    Attributes:
        ours: The wanted content, compared with the result of ``find``.
        find: Returns the object in Grafana; if it is missing, returns nothing or raises the
            client's error with status 404.
        create: Creates the object.
        update: Replaces the object.
    """

    kind: str
    name: str
    ours: Json
    find: Callable[[], Json]
    create: Callable[[], object]
    update: Callable[[], object]


def things(api: GrafanaApi, clickhouse: ClickHouseSettings, webhook: str) -> Iterator[Resource]:
    """Yield all objects that Grafana should have.

    Args:
        api: Client of the Grafana.
        clickhouse: ClickHouse as Grafana reaches it; its read-only user is used.
        webhook: URL that alerts are posted to; empty for none.
    """
    yield _source(api, clickhouse)
    yield Resource(
        "folder", TITLE, {"uid": FOLDER, "title": TITLE},
        lambda: api.folder.get_folder(FOLDER),
        lambda: api.folder.create_folder(TITLE, uid=FOLDER),
        lambda: api.folder.update_folder(FOLDER, title=TITLE, overwrite=True),
    )  # fmt: skip
    for board in boards().values():
        yield _board(api, plain_one(board))
    yield _contact(api, plain_one(contact_point(webhook)))
    for rule in plain(rule_group().rules):
        yield _rule(api, rule)


def source_of(clickhouse: ClickHouseSettings) -> Json:
    """Build the data source, without its password.

    Raises:
        ConfigurationError: The address of ClickHouse has no host.
    """
    place = urlsplit(clickhouse.url)
    if not place.hostname:
        raise ConfigurationError(
            f"{clickhouse.url} is not an address of ClickHouse: write http://host:8123"
        )
    secure = place.scheme == "https"
    return {
        "uid": UID,
        "name": NAME,
        "type": PLUGIN,
        "access": "proxy",
        "jsonData": {
            "host": place.hostname,
            "port": place.port or (8443 if secure else 8123),
            "protocol": "http",
            "secure": secure,
            "username": clickhouse.reader_user,
            "defaultDatabase": clickhouse.database,
            "dialTimeout": "10",
            "queryTimeout": "60",
        },
    }


def _source(api: GrafanaApi, clickhouse: ClickHouseSettings) -> Resource:
    ours = source_of(clickhouse)
    secret = {"password": clickhouse.reader_password.get_secret_value()}
    sent = {**ours, "secureJsonData": secret}
    return Resource(
        "data source", NAME, {**ours, "secureJsonFields": {"password": True}},
        lambda: api.datasource.get_datasource_by_uid(UID),
        lambda: api.datasource.create_datasource(sent),
        lambda: api.datasource.update_datasource_by_uid(UID, sent),
    )  # fmt: skip


def _board(api: GrafanaApi, board: Json) -> Resource:
    sent = {"dashboard": board, "folderUid": FOLDER, "overwrite": True, "message": "candlewick"}
    return Resource(
        "dashboard", str(board["title"]), {"dashboard": board, "meta": {"folderUid": FOLDER}},
        lambda: api.dashboard.get_dashboard(board["uid"]),
        lambda: api.dashboard.update_dashboard(sent),
        lambda: api.dashboard.update_dashboard(sent),
    )  # fmt: skip


def _contact(api: GrafanaApi, contact: Json) -> Resource:
    def find() -> Json:
        known = api.alertingprovisioning.get_contactpoints()
        return next((c for c in known if c["uid"] == contact["uid"]), {})

    return Resource(
        "contact point", str(contact["name"]), contact, find,
        lambda: api.alertingprovisioning.create_contactpoint(contact),
        lambda: api.alertingprovisioning.update_contactpoint(contact["uid"], contact),
    )  # fmt: skip


def _rule(api: GrafanaApi, rule: Json) -> Resource:
    alerting = api.alertingprovisioning
    return Resource(
        "alert", str(rule["title"]), rule,
        lambda: alerting.get_alertrule(rule["uid"]),
        lambda: alerting.create_alertrule(rule),
        lambda: alerting.update_alertrule(rule["uid"], rule),
    )  # fmt: skip
