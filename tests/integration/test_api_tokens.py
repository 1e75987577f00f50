"""Tokens and the users' database, over a real SQLite file, with a clock of the test."""

import sqlite3
import stat
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from math import inf, nan
from pathlib import Path

import jwt
import psutil
import pytest
from sqlalchemy import Connection, Engine, text

from api.accounts.authentication import now_ms, open_gate
from api.accounts.database import FILE, LastAdmin, UserExists, Users, in_transaction, open_database
from api.accounts.tokens import Tokens
from api.accounts.users import NewUser, Role, User
from schemas.errors import ConfigurationError
from schemas.settings import ApiSettings, Settings
from tests.support.api_stage import PASSWORD

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
Opened = Callable[[], Engine]
CANDLEWICK = str(Path(sys.executable).with_name("candlewick"))


class Clock:
    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def opened(settings: Settings) -> Iterator[Opened]:
    """Opens the database, as another process would."""
    with ExitStack() as engines:
        yield lambda: engines.enter_context(open_database(settings))


def tokens_of(engine: Engine, clock: Callable[[], int]) -> Tokens:
    return Tokens(engine, ApiSettings(), clock)


ADA = User("ada", Role.VIEWER, 0, 0)


def test_a_token_ends_with_its_hour(opened: Opened, clock: Clock) -> None:
    tokens = tokens_of(opened(), clock)
    token = tokens.make(ADA)

    clock.ms += HOUR_MS - 1000
    assert tokens.read(token)
    clock.ms += 1000
    assert tokens.read(token) is None


def test_a_new_key_signs_after_a_month_and_the_old_one_reads_until_its_tokens_end(
    opened: Opened, clock: Clock
) -> None:
    tokens = tokens_of(opened(), clock)
    tokens.make(ADA)
    clock.ms += 30 * DAY_MS - HOUR_MS // 2
    old = tokens.make(ADA)
    clock.ms += HOUR_MS // 2
    new = tokens.make(ADA)

    assert old.split(".")[0] != new.split(".")[0]
    clock.ms += HOUR_MS // 4
    assert tokens.read(old)
    assert tokens.read(new)


def test_another_process_reads_the_token_and_a_forgotten_key_ends_it(
    opened: Opened, clock: Clock
) -> None:
    token = tokens_of(opened(), clock).make(ADA)
    other = tokens_of(opened(), clock)
    assert other.read(token)

    other.rotate(forget=True)

    assert other.read(token) is None


def test_a_key_that_another_process_forgot_counts_for_no_longer_than_a_second(
    opened: Opened, clock: Clock
) -> None:
    api, command = tokens_of(opened(), clock), tokens_of(opened(), clock)
    token = api.make(ADA)
    assert api.read(token)

    command.rotate(forget=True)
    clock.ms += 1000

    assert api.read(token) is None


def test_whoever_signs_in_after_a_key_was_forgotten_gets_a_token_that_is_read(
    opened: Opened, clock: Clock
) -> None:
    api, command = tokens_of(opened(), clock), tokens_of(opened(), clock)
    api.make(ADA)

    command.rotate(forget=True)

    token = api.make(ADA)
    clock.ms += 60_000
    assert api.read(token)


def test_a_token_of_a_new_key_is_read_at_once_by_another_process(
    opened: Opened, clock: Clock
) -> None:
    one, other = tokens_of(opened(), clock), tokens_of(opened(), clock)
    assert other.read(one.make(ADA))

    clock.ms += 1
    one.rotate()

    assert other.read(one.make(ADA))


def test_keys_that_nobody_knows_are_looked_for_once_a_second_at_most(
    opened: Opened, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = tokens_of(opened(), clock)
    tokens.read(tokens.make(ADA))
    invented = [jwt.encode({}, b"x" * 32, headers={"kid": str(n)}) for n in range(20)]
    looked: list[Engine] = []

    def counted(engine: Engine, do: Callable[[Connection], object]) -> object:
        looked.append(engine)
        return in_transaction(engine, do)

    monkeypatch.setattr("api.accounts.tokens.in_transaction", counted)

    assert not any(map(tokens.read, invented))
    assert len(looked) == 1


@pytest.mark.parametrize("change", ["none", "secret", "payload"])
def test_a_token_that_was_changed_is_none(opened: Opened, clock: Clock, change: str) -> None:
    tokens = tokens_of(opened(), clock)
    head, body, sign = tokens.make(ADA).split(".")
    forged = {
        "none": f"eyJhbGciOiJub25lIn0.{body}.",
        "secret": f"{head}.{body}.{sign[::-1]}",
        "payload": f"{head}.{body[::-1]}.{sign}",
    }[change]

    assert tokens.read(forged) is None


def test_a_token_is_not_of_a_user_who_has_the_name_later(settings: Settings) -> None:
    with open_gate(settings) as gate:
        gate.add([NewUser("root", Role.ADMIN, PASSWORD), NewUser("ghost", Role.VIEWER, PASSWORD)])
        ghost = gate.users.find("ghost")
        assert ghost is not None
        token = gate.tokens.make(ghost)
        assert gate.who(token) == ghost

        gate.users.remove("ghost")
        gate.add([NewUser("ghost", Role.ADMIN, PASSWORD)])

        assert gate.who(token) is None


def test_users_of_an_earlier_version_stay_and_their_tokens_end_once(
    settings: Settings, opened: Opened
) -> None:
    engine = opened()
    Users(engine).add([("ada", Role.VIEWER, "x")], now_ms=5)
    with engine.begin() as connection:
        connection.execute(text("UPDATE candlewick_users SET generation = 0"))
    token = tokens_of(engine, now_ms).make(ADA)

    with open_gate(settings) as gate:
        found = gate.users.find("ada")

        assert gate.tokens.read(token)
        assert gate.who(token) is None
        assert found is not None
        assert gate.who(gate.tokens.make(found)) == found
        assert Users(opened()).find("ada") == found


@pytest.mark.parametrize(
    "claims", [{"exp": inf}, {"exp": nan}, {"gen": inf}, {"nbf": inf}, {"iat": inf}, {"exp": []}]
)
def test_an_odd_number_in_a_token_is_no_token_even_where_the_key_is_right(
    opened: Opened, clock: Clock, claims: dict[str, object]
) -> None:
    tokens = tokens_of(opened(), clock)
    key = tokens._signing_key()
    good = jwt.decode(tokens.make(ADA), options={"verify_signature": False})
    made = jwt.encode(good | claims, key.secret, "HS256", headers={"kid": key.name})

    assert tokens.read(made) is None or claims == {"iat": inf}


def test_brackets_without_end_are_no_token(opened: Opened, clock: Clock) -> None:
    tokens = tokens_of(opened(), clock)
    head, body, sign = tokens.make(ADA).split(".")
    nested = urlsafe_b64encode(b"[" * 40_000).decode()

    assert tokens.read(f"{nested}.{body}.{sign}") is None
    assert tokens.read(f"{head}.{nested}.{sign}") is None


def test_the_file_of_users_is_for_its_owner_alone(opened: Opened, tmp_path: Path) -> None:
    opened()

    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_file_of_users_is_closed_at_the_end(settings: Settings) -> None:
    def opened_files() -> set[str]:
        return {Path(file.path).name for file in psutil.Process().open_files()}

    with open_gate(settings) as gate:
        assert gate.users.all() == []
        assert FILE in opened_files()

    assert not {name for name in opened_files() if name.startswith(FILE)}


def test_adding_many_is_all_or_nothing(opened: Opened) -> None:
    users = Users(opened())
    users.add([("bob", Role.VIEWER, "x")], now_ms=0)

    with pytest.raises(UserExists):
        users.add([("ada", Role.VIEWER, "x"), ("BOB", Role.VIEWER, "x")], now_ms=0)

    assert [user.username for user in users.all()] == ["bob"]


def test_the_last_admin_cannot_be_removed(opened: Opened) -> None:
    users = Users(opened())
    users.add([("ada", Role.ADMIN, "x"), ("bob", Role.ADMIN, "x")], now_ms=0)

    assert users.remove("ada")
    with pytest.raises(LastAdmin):
        users.remove("bob")


def test_a_database_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    api = ApiSettings.model_validate({"users_url": "nonsense://secret@x"})

    asked = Settings(data_dir=tmp_path, api=api)

    with (
        pytest.raises(ConfigurationError, match="CANDLEWICK_API__USERS_URL") as caught,
        open_database(asked),
    ):
        pass

    assert "secret" not in str(caught.value)


def test_the_first_admin_comes_from_the_command_line(tmp_path: Path) -> None:
    environment = {"CANDLEWICK_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [CANDLEWICK, "users", *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    added = run("add", "root", "--admin", "--generate")
    again = run("add", "root", "--admin", "--generate")
    password = added.stdout.splitlines()[0].rsplit(": ", 1)[1]

    assert added.returncode == 0, added.stderr
    assert again.returncode == 1
    assert "Traceback" not in again.stderr
    assert "password" not in again.stdout
    with open_gate(Settings(data_dir=tmp_path)) as gate:
        user = gate.sign_in("ROOT", password)
    assert user is not None
    assert user.role is Role.ADMIN
    assert NewUser("a", Role.ADMIN, "hidden words").__repr__().find("hidden") < 0


def test_no_password_is_shown_that_nobody_can_use(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("CREATE VIEW candlewick_users AS SELECT 1")
    environment = {"CANDLEWICK_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [CANDLEWICK, "users", "add", "root", "--admin", "--generate"]

    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "shown once" not in done.stdout
    assert "Traceback" not in done.stderr
