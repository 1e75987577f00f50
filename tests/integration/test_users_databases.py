"""Users and keys in each database: a real PostgreSQL, and a file of SQLite."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, Engine, delete, make_url, text

from api.accounts.database import LastAdmin, UserExists, Users, open_database
from api.accounts.tables import METADATA, USERS
from api.accounts.tokens import Tokens
from api.accounts.users import Role, User
from schemas.errors import ConfigurationError, Transient
from schemas.settings import ApiSettings, Settings
from tests.support.postgresql import running_postgresql

TABLE_OF_0_1 = """CREATE TABLE candlewick_users (username VARCHAR(64) PRIMARY KEY,
    role VARCHAR(16) NOT NULL, password_hash VARCHAR(255) NOT NULL, created_ms BIGINT NOT NULL,
    generation INTEGER NOT NULL)"""
ADMINS = [("ada", Role.ADMIN, "hash"), ("bob", Role.ADMIN, "hash")]


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None  # the default: a file in the data folder
        return
    with running_postgresql() as found:
        yield found


@pytest.fixture
def opened(url: str | None, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Opens the database, without users, as another process would."""
    asked = Settings(data_dir=tmp_path, api=ApiSettings.model_validate({"users_url": url}))
    with ExitStack() as engines:

        def another() -> Engine:
            return engines.enter_context(open_database(asked))

        forget_all(another())
        yield another


@pytest.fixture
def users(opened: Callable[[], Engine]) -> Users:
    return Users(opened())


def forget_all(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(USERS))


def test_people_are_added_found_changed_and_removed(users: Users) -> None:
    users.add([("Ada", Role.ADMIN, "first"), ("bob", Role.VIEWER, "other")], now_ms=5)

    assert [(u.username, u.role, u.created_ms) for u in users.all()] == [
        ("ada", Role.ADMIN, 5),
        ("bob", Role.VIEWER, 5),
    ]
    first = users.find("ada")
    assert users.set_password("ADA", "second")
    found = users.find_with_hash("ada")
    assert first is not None
    assert found is not None
    assert found[1] == "second"
    assert found[0].generation == first.generation + 1
    assert users.remove("bob")
    assert not users.remove("bob")


def test_a_list_with_a_name_that_is_taken_adds_nobody(users: Users) -> None:
    users.add([("ada", Role.ADMIN, "hash")], now_ms=0)

    with pytest.raises(UserExists):
        users.add([("carl", Role.VIEWER, "hash"), ("ada", Role.VIEWER, "hash")], now_ms=0)
    assert [user.username for user in users.all()] == ["ada"]


def test_two_admins_who_remove_each_other_at_once_leave_one(
    opened: Callable[[], Engine],
) -> None:
    users = Users(opened())
    each = [(name, Users(opened())) for name, _, _ in ADMINS]
    for _ in range(10):
        forget_all(opened())
        users.add(ADMINS, now_ms=0)

        refused = list(filter(None, at_once(each)))

        assert [user.username for user in users.all()] == refused
        assert len(refused) == 1


def at_once(each: list[tuple[str, Users]]) -> list[str | None]:
    together = threading.Barrier(len(each))

    def remove(name: str, users: Users) -> str | None:
        together.wait()
        try:
            users.remove(name)
        except LastAdmin:
            return name
        return None

    with ThreadPoolExecutor(len(each)) as threads:
        return list(threads.map(remove, *zip(*each, strict=True)))


def test_a_password_is_not_changed_for_a_user_who_was_changed_meanwhile(users: Users) -> None:
    users.add([("ada", Role.VIEWER, "first")], now_ms=0)
    seen = users.find("ada")
    assert seen is not None

    assert users.set_password("ada", "an admin's")
    assert not users.set_password("ada", "her own", generation=seen.generation)
    found = users.find_with_hash("ada")
    assert found is not None
    assert found[1] == "an admin's"
    assert users.set_password("ada", "her own", generation=found[0].generation)


def test_processes_that_start_at_once_make_the_tables_together(
    opened: Callable[[], Engine],
) -> None:
    with opened().begin() as connection:
        METADATA.drop_all(connection)
    together = threading.Barrier(4)

    def start(_: int) -> list[User]:
        together.wait()
        return Users(opened()).all()

    with ThreadPoolExecutor(together.parties) as threads:
        assert list(threads.map(start, range(together.parties))) == [[]] * together.parties


def test_tokens_are_read_by_another_process_over_the_same_database(
    opened: Callable[[], Engine],
) -> None:
    first, other = (Tokens(opened(), ApiSettings(), lambda: 0) for _ in range(2))

    assert other.read(first.make(User("ada", Role.VIEWER, 0, 0)))


def test_a_name_that_is_made_again_is_another_user(users: Users) -> None:
    generations = set()
    for _ in range(5):
        users.add([("ghost", Role.VIEWER, "hash")], now_ms=0)
        found = users.find("ghost")
        assert found is not None
        generations.add(found.generation)
        users.remove("ghost")

    assert len(generations) == 5


def test_a_table_of_an_earlier_version_is_widened_and_its_tokens_end_once(
    opened: Callable[[], Engine],
) -> None:
    with opened().begin() as connection:
        connection.execute(text("DROP TABLE candlewick_users"))
        connection.execute(text(TABLE_OF_0_1))
        connection.execute(text("INSERT INTO candlewick_users VALUES ('ada', 'admin', 'x', 0, 3)"))

    users = Users(opened())
    found, again = users.find("ada"), Users(opened()).find("ada")

    assert found is not None
    assert found.generation > 2**32
    assert again == found
    assert users.set_password("ada", "other")


@pytest.mark.parametrize("name", ["ada\0", "ada\ud800", "", "ä" * 200])
def test_a_name_that_nobody_can_have_is_that_of_nobody(users: Users, name: str) -> None:
    assert users.find(name) is None


@pytest.fixture
def server(url: str | None) -> URL:
    """The PostgreSQL alone."""
    if url is None:
        pytest.skip("a file has no users and no other databases")
    return make_url(url)


def opened_as(server: URL, folder: Path) -> AbstractContextManager[Engine]:
    asked = SecretStr(server.render_as_string(hide_password=False))
    return open_database(Settings(data_dir=folder, api=ApiSettings(users_url=asked)))


def test_what_postgresql_refuses_is_told_with_its_reason(server: URL, tmp_path: Path) -> None:
    with (
        pytest.raises(
            Transient, match=r'does not answer .*FATAL: *database "other" does not exist'
        ),
        opened_as(server.set(database="other"), tmp_path),
    ):
        pass


def test_a_role_that_may_make_no_tables_is_told_so_at_the_start(
    opened: Callable[[], Engine], server: URL, tmp_path: Path
) -> None:
    with opened().begin() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("CREATE ROLE guest LOGIN"))
        connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))

    with (
        pytest.raises(ConfigurationError, match="permission denied for schema public"),
        opened_as(server.set(username="guest"), tmp_path),
    ):
        pass


def test_a_server_that_is_away_is_an_error_that_passes(tmp_path: Path) -> None:
    nobody = SecretStr(f"postgresql+psycopg://postgres@/postgres?host={tmp_path}")

    asked = Settings(data_dir=tmp_path, api=ApiSettings(users_url=nobody))

    with pytest.raises(Transient, match="does not answer"), open_database(asked):
        pass
