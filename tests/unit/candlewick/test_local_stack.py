import fcntl
import secrets
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.commands.up import addresses_line
from candlewick.stack import folder as folder_module
from candlewick.stack.addresses import Addresses, Market, choose_addresses, local_settings
from candlewick.stack.backoff import Backoff
from candlewick.stack.credentials import Credentials, load, load_or_create
from candlewick.stack.environment import environment_of
from candlewick.stack.folder import StackFolder
from candlewick.stack.local_settings import reader_settings, supervisor_settings
from candlewick.stack.log_files import Follower, last_lines, last_words, rotate
from candlewick.stack.process_identity import Identity
from candlewick.stack.programs import pipeline
from candlewick.stack.stack import StackPlan, running_stack
from candlewick.stack.state import Phase, ProcessState, StackState, read_state, write_state
from candlewick.terminal.demo_screen import _where
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings

ADDRESSES = Addresses(kafka=1001, clickhouse=1002, exchange=1003)


@pytest.fixture(autouse=True)
def _only_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))


@given(st.integers(1, 100))
def test_a_wait_never_shrinks_and_never_passes_the_longest(failures: int) -> None:
    backoff = Backoff(first_s=0.2, longest_s=30)

    assert backoff.wait_s(failures) <= backoff.wait_s(failures + 1) <= 30


def test_a_run_that_lasted_starts_the_waits_anew() -> None:
    backoff = Backoff(healthy_s=30)

    assert [backoff.failures(7, ran_s) for ran_s in (29.9, 30.0)] == [8, 1]


def test_a_child_reads_the_settings_that_its_parent_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_SYMBOLS", "BTCUSDT,ETHUSDT")
    monkeypatch.setenv("CANDLEWICK_STREAM__LINGER_MS", "7")
    ours = supervisor_settings(load_settings(), ADDRESSES)

    for name, value in environment_of(ours).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == ours


def test_the_simulated_exchange_is_used_unless_the_real_one_is_asked_for() -> None:
    simulated = supervisor_settings(load_settings(), ADDRESSES)
    real = supervisor_settings(load_settings(), replace(ADDRESSES, exchange=None))

    assert simulated.binance.stream_url == "ws://127.0.0.1:1003"
    assert real.binance == Settings().binance


def test_passwords_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "credentials"

    made = load_or_create(path)

    assert load_or_create(path) == load(path) == made
    assert made.password != made.reader_password
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.password not in repr(made)


def test_two_first_starts_at_the_same_moment_have_the_same_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, others = tmp_path / "credentials", list[Credentials]()
    token = secrets.token_urlsafe

    def too_late(count: int) -> str:
        """Let another start make its passwords after this one has found that there are none."""
        monkeypatch.setattr(secrets, "token_urlsafe", token)
        others.append(load_or_create(path))
        return token(count)

    monkeypatch.setattr(secrets, "token_urlsafe", too_late)

    assert [load_or_create(path)] == others == [load(path)]
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_password_that_is_set_wins_over_the_generated_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__PASSWORD", "mine")

    settings = supervisor_settings(load_settings(), ADDRESSES)

    assert settings.clickhouse.password.get_secret_value() == "mine"
    assert settings.clickhouse.reader_password.get_secret_value()


def test_other_commands_find_the_stack_that_was_started_here(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    folder.make()
    password = load_or_create(folder.credentials).password
    write_state(folder.state, StackState(Identity(1, 2.0), ADDRESSES, ready=True, processes=()))

    found = reader_settings()

    assert found.kafka.bootstrap_servers == "127.0.0.1:1001"
    assert found.clickhouse.url == "http://127.0.0.1:1002"
    assert found.clickhouse.password.get_secret_value() == password


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    processes = (
        ProcessState("kafka", Phase.RUNNING, Identity(7, 1.5), restarts=0, last_exit=None),
        ProcessState("sink", Phase.WAITING, None, restarts=3, last_exit=-9),
    )
    state = StackState(Identity(1, 2.0), ADDRESSES, ready=True, processes=processes)

    write_state(tmp_path / "state.json", state)

    assert read_state(tmp_path / "state.json") == state
    assert read_state(tmp_path / "none.json") is None


def test_a_broker_on_another_machine_is_no_place_for_a_local_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "broker.example:9092")

    with pytest.raises(ConfigurationError, match="CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"):
        choose_addresses(load_settings(), live=True)


def test_two_servers_cannot_share_a_port() -> None:
    with pytest.raises(ConfigurationError, match="same port"):
        choose_addresses(load_settings(), live=False, kafka=5000, clickhouse=5000)


@pytest.mark.parametrize("port", [70_000, -1, 0])
@pytest.mark.parametrize("name", ["kafka", "clickhouse", "exchange", "api"])
def test_a_port_out_of_range_is_named_by_its_flag(name: str, port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"--{name}-port {port}"):
        choose_addresses(load_settings(), live=False, **{name: port})


def test_credentials_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_bytes(b"\xff\xfeA\0")

    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        reader_settings()


def test_a_trace_is_told_by_its_words_not_by_its_frames(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    frames = "\tat kafka.Kafka.main(Kafka.scala)\n\t... 7 more\n" * 10
    python = '  File "x.py", line 1, in <module>\n    fail()\n    ^^^^^^\nOSError: it failed\n'
    log.write_text(f"starting\n\njava.lang.Exception: no such node\n{frames}{python}")

    assert last_words(log, 2) == ["java.lang.Exception: no such node", "OSError: it failed"]


def test_a_full_disk_is_noticed_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CANDLEWICK_DATA_DIR"):
        StackFolder(tmp_path).make(needed_mb=10**9)


def test_a_folder_is_held_by_one_supervisor(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)

    with folder.held():
        assert folder.is_held()
        with pytest.raises(ConfigurationError, match="already running"), folder.held():
            pass
    assert not folder.is_held()


def test_who_only_looks_whether_a_stack_runs_is_no_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = StackFolder(tmp_path)
    with stack.held():
        pass
    with (tmp_path / "run" / "lock").open() as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        monkeypatch.setattr(
            folder_module.time, "sleep", lambda _: fcntl.flock(looker, fcntl.LOCK_UN)
        )

        with stack.held():
            assert stack.is_held()


@pytest.mark.parametrize("market", Market)
def test_a_folder_never_holds_data_of_the_simulated_and_of_the_real_market(
    tmp_path: Path, market: Market
) -> None:
    (other,) = set(Market) - {market}
    folder = StackFolder(tmp_path)
    folder.keep_to(market)
    folder.keep_to(market)

    way = {Market.REAL: "leave --live out", Market.SIMULATED: "add --live"}[other]
    with pytest.raises(ConfigurationError, match=f"{way}, or .* for example .*-{other}"):
        folder.keep_to(other)


def test_a_stack_is_started_again_over_the_market_that_it_holds(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    before = folder.starter
    folder.keep_to(Market.REAL)

    assert (before, folder.starter) == ("candlewick up", "candlewick up --live")


def test_a_folder_of_before_markets_were_noted_is_known_by_its_simulated_exchange(
    tmp_path: Path,
) -> None:
    folder = StackFolder(tmp_path)
    folder.exchange.write_text("{}")

    with pytest.raises(ConfigurationError, match="holds data of the simulated market"):
        folder.keep_to(Market.REAL)

    folder.keep_to(Market.SIMULATED)


@pytest.mark.parametrize(("exchange", "market"), [(9443, "simulated"), (None, "real")])
def test_a_folder_of_before_markets_were_noted_has_that_of_its_last_start(
    tmp_path: Path, exchange: int | None, market: str
) -> None:
    folder = StackFolder(tmp_path)
    folder.exchange.write_text("{}")  # it may have been a demo's before
    folder.make(0)
    addresses = Addresses(9092, 8123, exchange)
    write_state(folder.state, StackState(Identity(1, 0.0), addresses, ready=True, processes=()))

    assert folder.market == market


def test_a_log_that_grew_too_long_moves_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "stream.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        rotate(log, keep_bytes=100)
        writer.write(b"new\n")

    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "stream.log.1").read_bytes() == b"old\n" * 100


def test_followed_logs_give_whole_lines_once(tmp_path: Path) -> None:
    log = tmp_path / "sink.log"
    log.write_text("before\n")
    follower = Follower(log)
    with log.open("a") as writer:
        writer.write("one\ntw")
        writer.flush()
        first = follower.new_lines()
        writer.write("o\n")

    assert (first, follower.new_lines(), follower.new_lines()) == (["one"], ["two"], [])
    assert last_lines(log, 2) == ["one", "two"]


@pytest.mark.parametrize("length", [3, 401, 65_535, 65_536, 200_000])
def test_the_last_line_of_a_log_is_whole_however_long_it_is(tmp_path: Path, length: int) -> None:
    log, line = tmp_path / "supervisor.log", "candlewick: kafka did not come up:".ljust(length, "x")
    log.write_text(f"before\nstarting\n{line}\n")

    assert last_lines(log, 0) == []
    assert last_lines(log, 1) == [line]
    assert last_lines(log, 2) == ["starting", line]
    assert last_lines(log, 9) == ["before", "starting", line]
    assert last_lines(log, 9, since=len("before\n")) == ["starting", line]
    assert last_lines(log, 9, since=log.stat().st_size + 1) == ["before", "starting", line]


@pytest.mark.parametrize(
    ("changes", "page"),
    [
        ({}, "http://127.0.0.1:8124"),
        ({"host": "0.0.0.0"}, "http://127.0.0.1:8124"),  # noqa: S104 - where it listens
        ({"certificate": Path("c.pem"), "host": "10.0.0.7"}, "https://10.0.0.7:8124"),
    ],
)
def test_what_the_stack_says_of_itself_begins_with_the_page(
    tmp_path: Path, changes: dict[str, object], page: str
) -> None:
    settings = load_settings()
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=changes)})
    addresses = choose_addresses(settings, live=True, api=8124)
    plan = StackPlan(StackFolder(tmp_path), local_settings(settings, addresses), addresses)

    assert plan.servers_line.startswith(f"page {page} · ")
    assert addresses_line(plan).startswith(plan.servers_line)
    assert _where(plan).startswith(plan.servers_line)


def test_rules_of_notifications_with_an_error_are_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: []")
    notify = {"rules": str(rules), "targets": "phone=json://x"}
    settings = Settings.model_validate({"data_dir": tmp_path / "stack", "notify": notify})
    plan = StackPlan(StackFolder(tmp_path / "stack"), settings, Addresses(1, 2, 3))

    with pytest.raises(ConfigurationError, match="there is none"), running_stack(plan, print):
        pass

    assert not (tmp_path / "stack").exists()


def test_notifications_are_a_process_only_where_rules_are_set() -> None:
    without, beside = (
        {program.name for program in pipeline(1, notify=notify)} for notify in (False, True)
    )

    assert beside - without == {"notify"}
