"""The doctor: what it makes of sizes, of errors, and of a machine without a stack."""

import errno
import socket
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from candlewick.commands import doctor
from candlewick.commands.doctor import _look
from candlewick.doctor.finding import Finding, State, findings_of
from candlewick.doctor.kafka_files import kafka_files
from candlewick.doctor.machine import ports, writable
from candlewick.doctor.outside import exchange, proxies
from candlewick.doctor.room import lasting
from candlewick.stack.addresses import Addresses, Market, choose_addresses
from candlewick.stack.credentials import load_or_create
from candlewick.stack.folder import StackFolder
from candlewick.stack.ports import free_port
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import StackState, write_state
from schemas.errors import ConfigurationError
from schemas.growth import Growth, days_until_full, growth_of
from schemas.settings import BinanceSettings, ClickHouseSettings, load_settings
from schemas.timeframe import DAY_MS
from tests.support.servers import running_exchange

GB = 10**9
growths = st.lists(
    st.builds(
        Growth,
        st.just("one"),
        st.just(0),
        st.just(0.0) | st.floats(1, 1e9),
        st.floats(0, 1e4) | st.just(inf),
    ),
    max_size=6,
)


@given(st.integers(0, 10**12), growths)
@example(1, [Growth("a", 0, 0.1, 0.0), Growth("b", 0, 0.2, 0.0), Growth("c", 0, 0.3, 0.0)])
def test_as_much_as_is_free_has_been_added_when_the_disk_is_full(
    free: int, found: list[Growth]
) -> None:
    days = days_until_full(free, found)

    added = sum(one.a_day * min(days, one.days) for one in found if one.a_day)
    if days < inf:
        assert added == pytest.approx(free, rel=1e-6, abs=1e-3)
    else:
        assert added <= free


def test_what_is_removed_as_fast_as_it_is_added_grows_no_more() -> None:
    kept = growth_of("trades", 9 * GB, covers_ms=90 * DAY_MS, kept_ms=90 * DAY_MS)
    young = growth_of("trades", 1 * GB, covers_ms=10 * DAY_MS, kept_ms=90 * DAY_MS)

    assert kept is not None
    assert young is not None
    assert (kept.days, young.days) == (0, 80)
    assert days_until_full(GB, [kept]) == inf
    assert days_until_full(GB, [young]) == pytest.approx(10)
    assert days_until_full(9 * GB, [young]) == inf
    assert growth_of("new", GB, covers_ms=60_000, kept_ms=None) is None


def test_an_error_is_a_finding_with_its_advice() -> None:
    def check() -> Iterator[Finding]:
        yield Finding("first", State.OK, "is there")
        raise ConfigurationError("the login is refused: set the password")

    assert list(findings_of("store", check)) == [
        Finding("first", State.OK, "is there"),
        Finding("store", State.WRONG, "the login is refused", "set the password"),
    ]


def test_an_error_of_the_system_is_a_finding_that_names_the_file(tmp_path: Path) -> None:
    def check() -> Iterator[Finding]:
        yield Finding("first", State.OK, "is there")
        (tmp_path / "lost").read_bytes()

    first, last = findings_of("files", check)

    assert first.state is State.OK
    assert (last.check, last.state) == ("files", State.WRONG)
    assert last.said == f"{tmp_path / 'lost'}: No such file or directory"
    assert last.advice


@pytest.mark.skipif(sys.platform != "linux", reason="reading /proc/self/mem fails as a broken disk")
def test_a_file_of_kafka_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    partition = tmp_path / "kafka" / "logs" / "market.trades.v1-0"
    partition.mkdir(parents=True)
    (partition / "0.log").symlink_to("/proc/self/mem")

    found = list(findings_of("Kafka's files", partial(kafka_files, StackFolder(tmp_path))))

    assert [one.state for one in found] == [State.WRONG]
    assert found[0].said == f"{partition / '0.log'}: Input/output error"


@pytest.fixture
def of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    """A folder in which nothing may be written, and whose passwords are not shown."""
    folder = StackFolder(tmp_path)
    with folder.held():
        load_or_create(folder.credentials)
        folder.keep_to(Market.REAL)
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    allowed = Path.open

    def guarded(path: Path, mode: str = "r", *rest: Any, **options: Any) -> IO[Any]:
        if path in {folder.credentials, folder.root / "market"} or set(mode) & set("wax+"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return allowed(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", guarded)
    return folder


def test_who_may_only_read_a_folder_is_told_whether_a_stack_runs(
    of_somebody_else: StackFolder,
) -> None:
    assert not of_somebody_else.is_held()


def test_the_doctor_looks_at_the_folder_of_somebody_else(of_somebody_else: StackFolder) -> None:
    first, second = islice(_look(load_settings()), 2)

    assert (first.check, first.state) == ("data folder", State.WRONG)
    assert first.said == f"{of_somebody_else.root / 'market'}: Permission denied"
    assert second.check == "Python"


@pytest.fixture
def after_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    """The folder of a simulated stack that has ended in order."""
    for name in ("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "CANDLEWICK_CLICKHOUSE__URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    folder = StackFolder(tmp_path)
    folder.make()
    ports = Addresses(free_port(), free_port(), free_port(), free_port())
    write_state(folder.state, StackState(Identity(1, 2.0), ports, ready=False, processes=()))
    load_or_create(folder.credentials)
    return folder


def test_the_exchange_of_a_stack_that_has_ended_is_not_asked(after_a_stack: StackFolder) -> None:
    market = after_a_stack.root / "market"
    market.write_text(Market.REAL)
    (asked,) = (check.args[0] for name, check in looked_at(after_a_stack) if name == "exchange")
    assert asked == load_settings().binance

    market.unlink()  # then it is that of the last start

    (check,) = (check for name, check in looked_at(after_a_stack) if name == "exchange")
    assert [one.state for one in check()] == [State.OK]


def test_the_ports_that_a_start_takes_are_looked_at(after_a_stack: StackFolder) -> None:
    (looked,) = (check.args[0] for name, check in looked_at(after_a_stack) if name == "ports")

    assert looked == choose_addresses(load_settings(), live=False)


def test_servers_of_a_stranger_are_in_the_way_unless_somebody_names_them(
    after_a_stack: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "answers", lambda _port: True)
    strangers = {name for name, _ in looked_at(after_a_stack)}
    monkeypatch.setenv("CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    named = {name for name, _ in looked_at(after_a_stack)}

    assert strangers & {"ports", "ClickHouse"} == {"ports"}
    assert named & {"ports", "ClickHouse"} == {"ClickHouse"}


def looked_at(folder: StackFolder) -> list[tuple[str, Any]]:
    """The checks over the folder of a stack that has ended."""
    settings = doctor._found(load_settings(), folder, runs=False)
    return list(doctor._checks(settings, folder, None, folder.market))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_the_api_is_asked_where_it_listens() -> None:
    with socket.create_server(("127.0.0.2", 0)) as api:
        port = api.getsockname()[1]
        addresses = Addresses(port, port, None, port)
        found = list(ports(addresses, runs=True, api_host="127.0.0.2"))

    states = {one.check: one.state for one in found}
    assert states["port of api"] is State.OK
    assert states["port of kafka"] is State.WRONG


def test_a_port_that_is_taken_is_named_with_the_flag_that_changes_it() -> None:
    with running_exchange() as taken:
        addresses = Addresses(taken.port, free_port(), None, free_port())
        found = list(ports(addresses, runs=False))

    assert [one.state for one in found] == [State.WRONG, State.OK, State.OK]
    assert "--kafka-port" in found[0].advice


def test_a_port_that_this_user_may_not_use_is_not_called_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    found = list(ports(Addresses(9092, 8123, None, 443), runs=False))

    assert [one.said for one in found][-1] == "this user may not use port 443"
    assert "from 1024 on" in found[-1].advice


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_the_port_of_the_api_is_taken_only_where_it_listens() -> None:
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        addresses = Addresses(free_port(), free_port(), None, port)
        states = {
            host: [one.state for one in ports(addresses, runs=False, api_host=host)][-1]
            for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0")  # noqa: S104 - nothing listens
        }

        addresses.check_free("127.0.0.1")
        with pytest.raises(ConfigurationError, match="--api-port"):
            addresses.check_free("127.0.0.2")
    assert list(states.values()) == [State.OK, State.WRONG, State.WRONG]


def test_a_host_that_is_not_this_machine_now_keeps_nothing_from_starting() -> None:
    addresses = Addresses(free_port(), free_port(), None, free_port())

    addresses.check_free("192.0.2.7")  # before a network is up; the API is tried again


def test_a_folder_that_cannot_be_made_is_judged_by_the_one_above_it(tmp_path: Path) -> None:
    assert [one.state for one in writable(StackFolder(tmp_path / "a" / "b"))] == [State.OK]
    assert not list(tmp_path.iterdir())


def test_the_disk_of_a_clickhouse_elsewhere_is_not_taken_for_the_one_here(tmp_path: Path) -> None:
    nobody = ClickHouseSettings(url="http://127.0.0.1:9")

    (told,) = lasting(nobody, StackFolder(tmp_path))

    assert (told.state, told.said) == (State.OK, "too little is stored here to tell")


def test_the_exchange_is_asked_for_its_time() -> None:
    with running_exchange() as there:
        found = list(exchange(BinanceSettings(rest_url=there.http_url)))
        other = list(exchange(BinanceSettings(rest_url=f"{there.http_url}/nowhere")))
    away = list(exchange(BinanceSettings(rest_url=there.http_url)))

    assert [one.check for one in found] == ["exchange", "clock"]
    assert found[0].state is State.OK
    assert [one.state for one in (*other, *away)] == [State.WRONG, State.WRONG]


def test_a_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")

    said = "".join(one.said for one in proxies())

    assert "https by http://proxy.example:3128" in said
    assert "secret" not in said
