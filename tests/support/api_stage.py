"""Servers, a small market and people: the stage on which most of the API's tests play."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.accounts.authentication import open_gate
from api.accounts.users import NewUser, Role
from schemas.settings import Settings
from tests.support.api_market import fill, keep_alive
from tests.support.api_process import RunningApi, migrated, running_api
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

PASSWORD = "correct horse battery"  # noqa: S105 - of people who exist in tests only
LATEST = 3000  # the open candle's number
ALWAYS_FRESH = {"STALE_S": "86400"}  # a prediction, however long all tests take
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs."""

    folder: Path
    clickhouse: RunningClickHouse
    kafka: RunningKafka
    api: RunningApi

    @property
    def users_url(self) -> str:
        """The users' database, for a second API."""
        return f"sqlite:///{self.folder / 'api' / 'users.db'}"

    def signed_in(self, role: Role) -> dict[str, str]:
        """Headers of a person with this role; the name is the role's."""
        return {"Authorization": f"Bearer {self.api.token(role, PASSWORD)}"}


@contextmanager
def running_stage(folder: Path, **settings: str) -> Iterator[Stage]:
    """An API whose predictions are fresh, over a market of two symbols."""
    with running_clickhouse(folder / "ch") as clickhouse, running_kafka(folder / "k") as kafka:
        migrated(clickhouse)
        fill(clickhouse)
        people = [NewUser(role.value, role, PASSWORD) for role in Role]
        people.append(NewUser("root", Role.ADMIN, PASSWORD))
        with open_gate(Settings(data_dir=folder / "api")) as gate:
            gate.add(people)
        with running_api(folder / "api", kafka, clickhouse, **ALWAYS_FRESH | settings) as api:
            keep_alive(kafka, LATEST)
            wait_for_predictions(api)
            yield Stage(folder, clickhouse, kafka, api)


def wait_for_predictions(api: RunningApi, **headers: str) -> None:
    """Wait until every symbol has one."""
    deadline = time.monotonic() + READY_S
    with api.client(**headers) as client:
        while time.monotonic() < deadline:
            answers = [client.get("/predict", params={"symbol": s}) for s in ("BTCUSDT", "ETHUSDT")]
            if all(answer.is_success for answer in answers):
                return
    raise AssertionError(f"no prediction came: {api.log()[-2000:]}")
