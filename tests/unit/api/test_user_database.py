"""A user database that stands still: it is given up, and takes the threads of nobody else."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, insert

from api import access
from api.accounts import database
from api.accounts.authentication import Gate, open_gate
from api.accounts.database import FILE, Users, in_transaction, open_database
from api.accounts.tables import USERS
from api.accounts.tokens import Tokens
from api.accounts.users import NewUser, Role, User
from api.app import THREADS, build_app
from schemas.errors import ConfigurationError, Transient
from schemas.settings import ApiSettings, Settings
from tests.support.api_stage import PASSWORD

DEADLINE_S = 20.0
ADA = {"username": "ada", "role": "viewer", "password_hash": "", "created_ms": 0, "generation": 1}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, api=ApiSettings(requests_per_minute=0))


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    with open_database(settings) as opened:
        yield opened


@pytest.fixture
def gate(settings: Settings) -> Iterator[Gate]:
    with open_gate(settings) as opened:
        opened.add([NewUser("ada", Role.VIEWER, PASSWORD)])
        yield opened


@dataclass
class Frozen(Users):
    """Users who are found only once the database goes on."""

    users: Users
    goes_on: threading.Event = field(default_factory=threading.Event)

    def find(self, username: str) -> User | None:
        assert self.goes_on.wait(DEADLINE_S)
        return self.users.find(username)


def test_what_ends_too_late_is_given_up_and_changes_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_S", 0.05)
    goes_on, threads = threading.Event(), list[threading.Thread]()

    def add(connection: Connection) -> None:
        threads.append(threading.current_thread())
        connection.execute(insert(USERS).values(ADA))
        assert goes_on.wait(DEADLINE_S)

    with pytest.raises(Transient, match="does not answer") as caught:
        in_transaction(engine, add)
    goes_on.set()
    threads[0].join(DEADLINE_S)
    monkeypatch.undo()

    assert caught.value.retry_after_s == 5
    assert Users(engine).all() == []
    in_transaction(engine, lambda connection: connection.execute(insert(USERS).values(ADA)))
    assert [user.username for user in Users(engine).all()] == ["ada"]


def test_what_will_never_be_a_database_is_not_waited_for(settings: Settings) -> None:
    (settings.data_dir / FILE).write_text("not a database, " * 1000)

    with (
        pytest.raises(ConfigurationError, match=r"cannot be used \(file is not a database\)"),
        open_database(settings),
    ):
        pass


def test_a_file_that_cannot_be_opened_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    with (
        pytest.raises(ConfigurationError, match=rf"{FILE} cannot be opened \(Is a directory\)"),
        open_database(Settings(data_dir=tmp_path)),
    ):
        pass


def test_a_database_that_is_away_is_told_with_its_reason(tmp_path: Path) -> None:
    nowhere = SecretStr(f"sqlite:///{tmp_path / 'nowhere' / FILE}")

    with (
        pytest.raises(Transient, match=r"does not answer \(unable to open database file\)"),
        open_database(Settings(data_dir=tmp_path, api=ApiSettings(users_url=nowhere))),
    ):
        pass


def test_a_fault_while_it_is_used_passes_and_is_told_with_its_reason(
    engine: Engine, settings: Settings
) -> None:
    users = Users(engine)
    engine.dispose()
    (settings.data_dir / FILE).write_text("not a database, " * 1000)

    with pytest.raises(Transient, match=r"does not answer \(file is not a database\)"):
        users.all()


def test_keys_are_read_by_several_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(engine, ApiSettings(), lambda: 0)
    token = tokens.make(User("ada", Role.VIEWER, 0, 0))
    other = Tokens(engine, ApiSettings(), lambda: 0)
    together = threading.Barrier(3)

    def waiting(_: Engine, do: object) -> object:
        together.wait(DEADLINE_S)
        return in_transaction(engine, do)  # type: ignore[arg-type]

    monkeypatch.setattr("api.accounts.tokens.in_transaction", waiting)
    threads = [threading.Thread(target=other.read, args=[token]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)

    assert not together.broken


def test_who_signed_in_is_told_to_come_back_and_the_others_are_answered(
    settings: Settings, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "ANSWER_S", 1.0)
    found = gate.users.find("ada")
    assert found is not None
    headers = {"Authorization": f"Bearer {gate.tokens.make(found)}"}
    users = Frozen(gate.users)
    app = build_app(settings, replace(gate, users=users))

    async def play() -> tuple[list[httpx.Response], list[httpx.Response]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            mine = [
                asyncio.create_task(client.get("/v1/users/me", headers=headers))
                for _ in range(2 * THREADS)
            ]
            others = await asyncio.gather(
                *(client.get("/registry/subjects") for _ in range(THREADS))
            )
            assert not any(task.done() for task in mine)
            refused = await asyncio.gather(*mine)
            users.goes_on.set()
            assert (await client.get("/v1/users/me", headers=headers)).status_code == 200
            return refused, others

    refused, others = asyncio.run(play())

    assert [answer.status_code for answer in others] == [200] * THREADS
    assert [answer.status_code for answer in refused] == [503] * 2 * THREADS
    assert int(refused[0].headers["retry-after"]) > 0
