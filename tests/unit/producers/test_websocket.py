"""A connection behaves the same, whichever library runs it."""

import asyncio
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from producers.binance.sockets.inbox import MAX_MESSAGE_BYTES, Inbox
from producers.binance.urls import StreamAddress
from producers.binance.websocket import FEW_FRAMES, Connection, open_connection
from schemas.errors import ConfigurationError, Transient
from schemas.setting_types import WebsocketClient
from schemas.settings import StreamSettings
from tests.support.certificates import make_certificate
from tests.support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    Peer,
    Play,
    a_close,
    a_frame,
    a_raw_server,
)

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
PAUSE_MS = StreamSettings().read_pause_ms


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["websockets", "picows"])
def client(request: pytest.FixtureRequest) -> WebsocketClient:
    found: WebsocketClient = request.param
    return found


@dataclass(slots=True)
class Ear:
    """What a connection has told, in its order."""

    bunches: list[list[bytes]] = field(default_factory=list)
    told: list[bytes | str] = field(default_factory=list)
    quiet_ms: list[int] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, _: Connection, frames: Sequence[bytes]) -> None:
        assert all(type(frame) is bytes for frame in frames)
        self.bunches.append([*frames])
        self.told += frames
        self.heard.set()

    def ping(self, connection: Connection, heard_ms: int) -> None:
        self.told.append("ping")
        self.quiet_ms.append(connection.life.without_frame_ms(heard_ms))
        self.heard.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(self.told) < count:
                self.heard.clear()
                await self.heard.wait()


async def opened(url: str, client: WebsocketClient, ear: Ear) -> Connection:
    address = StreamAddress(url, ("BTCUSDT",))
    return await open_connection(address, ear.take, ear.ping, client=client, pause_ms=PAUSE_MS)


async def ended(connection: Connection) -> None:
    async with asyncio.timeout(WITHIN_S):
        await asyncio.wait({connection.reading})


def sends(*parts: bytes) -> Play:
    async def play(peer: Peer) -> None:
        await peer.send(*parts)
        await peer.gone()

    return play


async def test_frames_that_are_read_together_are_handed_over_together(
    client: WebsocketClient,
) -> None:
    frames, ear = [b"%d" % number for number in range(500)], Ear()
    async with a_raw_server(sends(*map(a_frame, frames))) as url:
        connection = await opened(url, client, ear)
        await ear.until(500)
        await connection.close()

    assert ear.told == frames
    assert len(ear.bunches) < 50


async def test_frame_that_comes_with_the_answer_to_the_handshake_is_not_lost(
    client: WebsocketClient,
) -> None:
    ear = Ear()
    async with a_raw_server(sends(), with_answer=a_frame(b"early") + a_frame(b"")) as url:
        connection = await opened(url, client, ear)
        await ear.until(2)
        await connection.close()

    assert ear.told == [b"early", b""]


@pytest.mark.parametrize("step", [1, 7, 4_000])
async def test_frames_cut_anywhere_arrive_whole(client: WebsocketClient, step: int) -> None:
    frames = [b"a" * 5, b"b" * 125, b"c" * 126, b"d" * 300, b"e" * (70_000 if step > 100 else 400)]
    stream, ear = b"".join(map(a_frame, frames)), Ear()

    async def play(peer: Peer) -> None:
        for at in range(0, len(stream), step):
            await peer.send(stream[at : at + step])
            await asyncio.sleep(0)
        await peer.gone()

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ear.until(len(frames))
        await connection.close()

    assert ear.told == frames


async def test_content_is_handed_over_as_it_is(client: WebsocketClient) -> None:
    ear = Ear()
    parts = a_frame(b"\xff\xfe"), a_frame(b"\0", BINARY)
    async with a_raw_server(sends(*parts)) as url:
        connection = await opened(url, client, ear)
        await ear.until(2)
        await connection.close()

    assert ear.told == [b"\xff\xfe", b"\0"]


async def test_fragments_are_put_together_and_a_ping_may_come_between(
    client: WebsocketClient,
) -> None:
    ear = Ear()
    parts = (
        a_frame(b"before"),
        a_frame(b"on", first_bits=0),
        a_frame(b"e ", CONTINUATION, first_bits=0),
        a_frame(b"!", PING),
        a_frame(b"two", CONTINUATION),
        a_frame(b"after"),
    )
    async with a_raw_server(sends(*parts)) as url:
        connection = await opened(url, client, ear)
        await ear.until(4)
        await connection.close()

    assert sorted(map(str, ear.told)) == sorted(map(str, [b"before", "ping", b"one two", b"after"]))
    assert [one for one in ear.told if one != "ping"] == [b"before", b"one two", b"after"]


async def test_ping_is_answered_with_its_content_and_told_after_what_came_with_it(
    client: WebsocketClient,
) -> None:
    ear, answers, is_open, answered = Ear(), [], asyncio.Event(), asyncio.Event()

    async def play(peer: Peer) -> None:
        await is_open.wait()
        await peer.send(a_frame(b"one"), a_frame(b"1700000000000", PING), a_frame(b"two"))
        answers.append(await peer.hear())
        await peer.send(a_frame(b"", PING))
        answers.append(await peer.hear())
        answered.set()
        await peer.gone()

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await asyncio.sleep(0)
        is_open.set()
        await ear.until(4)
        await asyncio.wait_for(answered.wait(), WITHIN_S)
        await connection.close()

    assert ear.told == [b"one", b"two", "ping", "ping"]
    assert ear.quiet_ms[0] <= 0
    assert answers == [(PONG, b"1700000000000"), (PONG, b"")]


async def test_nothing_is_sent_that_the_exchange_did_not_ask_for(client: WebsocketClient) -> None:
    ear, heard = Ear(), []

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"one"), a_frame(b"unasked", PONG), a_frame(b"two"))
        heard.append(await peer.hear())

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ear.until(2)
        await connection.close()

    assert ear.told == [b"one", b"two"]
    assert heard == [(CLOSE, (1000).to_bytes(2))]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1012, 3000])
async def test_close_of_the_exchange_is_answered_and_ends_the_reading(
    client: WebsocketClient, code: int
) -> None:
    ear, heard = Ear(), []

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"last"), a_close(code, b"bye"), a_frame(b"too late"))
        heard.append(await peer.hear())

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ended(connection)

    connection.reading.result()
    assert ear.told == [b"last"]
    assert heard[0][0] == CLOSE
    assert heard[0][1][:2] == code.to_bytes(2)


async def test_close_without_a_code_ends_the_reading(client: WebsocketClient) -> None:
    ear = Ear()

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"", CLOSE))
        await peer.hear()

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ended(connection)
        await connection.close()

    assert ear.told == []


@pytest.mark.parametrize("reset", [False, True])
async def test_connection_that_is_cut_ends_the_reading_without_an_error(
    client: WebsocketClient, *, reset: bool
) -> None:
    ear = Ear()

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"last"), a_frame(b"half of it")[:5])
        if reset:
            peer.writer.transport.abort()

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ended(connection)
        await connection.close()

    connection.reading.result()
    assert ear.told in ([b"last"], [])  # a reset may overtake what was sent


async def test_close_waits_for_what_is_on_the_way_but_not_for_long(
    client: WebsocketClient,
) -> None:
    ear = Ear()

    async def play(peer: Peer) -> None:
        await peer.hear()
        await peer.send(a_frame(b"on the way"))
        await asyncio.Event().wait()  # it never answers

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        async with asyncio.timeout(WITHIN_S):
            await connection.close()
            await connection.close()

    assert ear.told == [b"on the way"]
    connection.reading.result()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_connection_by_tls_is_read_with_pauses_if_the_certificate_is_trusted(
    client: WebsocketClient,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_trusted: bool,
) -> None:
    tls, ear = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Ear()
    tls.load_cert_chain(certificate / "chain.pem", certificate / "key.pem")
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "chain.pem"))
    frames = [b"%d" % number * 50 for number in range(300)]

    async def play(peer: Peer) -> None:
        for frame in frames:
            await peer.send(a_frame(frame))
            await asyncio.sleep(0)
        await peer.send(a_frame(b"?", PING), a_close(1001))
        await peer.gone()

    async with a_raw_server(play, tls=tls) as url:
        if not is_trusted:
            with pytest.raises(Transient, match="SSLCertVerificationError"):
                await opened(url, client, ear)
            return
        connection = await opened(url, client, ear)
        await ended(connection)
        await connection.close()

    connection.reading.result()
    assert [one for one in ear.told if one != "ping"] == frames


BROKEN = {
    "reserved bit": (a_frame(b"x", first_bits=FIN | 0x40), 1002),
    "unknown opcode": (a_frame(b"x", 5), 1002),
    "masked": (a_frame(b"x", mask=True), 1002),
    "fragment of a ping": (a_frame(b"x", PING, first_bits=0), 1002),
    "long ping": (a_frame(b"x" * 126, PING), 1002),
    "fragment without a begin": (a_frame(b"x", CONTINUATION), 1002),
    "message inside another": (a_frame(b"x", first_bits=0) + a_frame(b"y"), 1002),
    "too big": (a_frame(b"x" * (MAX_MESSAGE_BYTES + 1)), 1009),
    "too big in parts": (
        a_frame(b"x" * MAX_MESSAGE_BYTES, first_bits=0) + a_frame(b"y", CONTINUATION),
        1009,
    ),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_what_breaks_the_protocol_ends_the_connection_after_what_came_before(
    client: WebsocketClient, how: str
) -> None:
    ear, heard, (broken, code) = Ear(), [], BROKEN[how]

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"before"), broken, a_frame(b"after"))
        heard.append(await peer.hear())

    async with a_raw_server(play) as url:
        connection = await opened(url, client, ear)
        await ended(connection)
        await connection.close()

    connection.reading.result()
    assert ear.told == [b"before"]
    assert heard[0][0] == CLOSE
    assert heard[0][1][:2] == code.to_bytes(2)


async def test_biggest_message_that_is_allowed_arrives(client: WebsocketClient) -> None:
    ear = Ear()
    async with a_raw_server(sends(a_frame(b"x" * MAX_MESSAGE_BYTES), a_frame(b"y"))) as url:
        connection = await opened(url, client, ear)
        await ear.until(2)
        await connection.close()

    assert [len(one) for one in ear.told] == [MAX_MESSAGE_BYTES, 1]


@pytest.mark.parametrize("early", [False, True])
async def test_error_of_our_own_ends_the_connection_and_is_raised(
    client: WebsocketClient, *, early: bool
) -> None:
    def fail(_: Connection, __: Sequence[bytes]) -> None:
        raise RuntimeError("our own fault")

    frame = a_frame(b"x")
    async with a_raw_server(
        sends(*() if early else (frame,)), with_answer=frame if early else b""
    ) as url:
        connection = await open_connection(StreamAddress(url, ()), fail, client=client)
        await ended(connection)

    with pytest.raises(RuntimeError, match="our own fault"):
        connection.reading.result()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"\0\1\2 no HTTP\r\n\r\n",
        b"",
    ],
)
async def test_exchange_that_refuses_is_tried_again_later(
    client: WebsocketClient, answer: bytes
) -> None:
    async def play(_: Peer) -> None:
        return

    async with a_raw_server(play, answer=answer) as url:
        with pytest.raises(Transient, match="no connection"):
            await opened(url, client, Ear())


async def test_exchange_that_does_not_answer_in_time_is_tried_again_later(
    client: WebsocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"producers.binance.sockets.with_{client}.OPEN_TIMEOUT_S"
    await asyncio.sleep(0)
    if client == "picows":
        __import__("producers.binance.sockets.with_picows")
    monkeypatch.setattr(name, 0.2)

    async def play(_: Peer) -> None:
        await asyncio.Event().wait()

    async with a_raw_server(play, answer=b"HTTP/1.1 101") as url:
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(Transient, match="no connection"):
                await opened(url, client, Ear())


async def test_nobody_there_is_tried_again_later(client: WebsocketClient) -> None:
    async with a_raw_server(sends()) as url:
        pass

    with pytest.raises(Transient, match="no connection"):
        await opened(url, client, Ear())


@pytest.mark.parametrize("url", ["http://127.0.0.1/stream", "ws:///stream"])
async def test_what_is_no_address_is_told_so(client: WebsocketClient, url: str) -> None:
    with pytest.raises(ConfigurationError, match="CANDLEWICK_BINANCE__STREAM_URL"):
        await opened(url, client, Ear())


async def test_proxy_that_nobody_knows_is_told_so(
    client: WebsocketClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSS_PROXY", "gopher://127.0.0.1:70")
    monkeypatch.setenv("wss_proxy", "gopher://127.0.0.1:70")

    with pytest.raises(ConfigurationError, match="HTTPS_PROXY or ALL_PROXY"):
        await opened("wss://192.0.2.1/stream", client, Ear())


async def test_library_that_is_not_installed_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "producers.binance.sockets.with_picows", raising=False)
    monkeypatch.setitem(sys.modules, "picows", None)

    with pytest.raises(ConfigurationError, match="sync --frozen --inexact --extra picows"):
        await opened("ws://127.0.0.1:9/stream", "picows", Ear())


def test_text_is_a_message_of_one_frame() -> None:
    assert a_frame(b"x") == bytes([FIN | TEXT, 1]) + b"x"


@dataclass(slots=True)
class Quiet:
    """A socket that is read when the test says so."""

    inbox: Inbox = field(default_factory=Inbox)
    told: list[str] = field(default_factory=list)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self, count: int) -> None:
        for _ in range(count):
            self.inbox.add(b"x", begins=True, ends=True)
        self.inbox.deliver()

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")
        self.resumed.set()

    async def close(self) -> None:
        self.over.set()

    async def ended(self) -> None:
        await self.over.wait()


async def a_connection(socket: Quiet, *, pause_ms: int) -> Connection:
    address = StreamAddress("ws://exchange", ())
    connection = Connection(socket, address, lambda *_: None, lambda *_: None, pause_ms)
    await asyncio.sleep(0)
    return connection


async def test_busy_connection_is_read_again_after_a_pause() -> None:
    socket = Quiet()
    connection = await a_connection(socket, pause_ms=1)

    socket.read(1)
    assert socket.told == []
    socket.read(1)
    assert socket.told == ["pause"]
    await asyncio.wait_for(socket.resumed.wait(), WITHIN_S)
    socket.read(1)
    assert socket.told == ["pause", "resume", "pause"]
    await connection.close()


@pytest.mark.parametrize(("pause_ms", "frames"), [(0, 1), (5, FEW_FRAMES)])
async def test_backlog_is_read_without_a_pause_and_so_is_everything_where_it_is_off(
    pause_ms: int, frames: int
) -> None:
    socket = Quiet()
    connection = await a_connection(socket, pause_ms=pause_ms)

    for _ in range(3):
        socket.read(frames)

    assert socket.told == []
    await connection.close()


async def test_busy_connection_by_tls_ends_with_the_close_of_the_other_end(
    client: WebsocketClient, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, ear = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Ear()
    tls.load_cert_chain(certificate / "chain.pem", certificate / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "chain.pem"))

    async def play(peer: Peer) -> None:
        await peer.send(a_frame(b"first"))
        await ear.until(1)
        await peer.send(a_frame(b"so soon that reading pauses"), a_close(1001))
        await peer.gone()

    async with a_raw_server(play, tls=tls) as url:
        connection = await opened(url, client, ear)
        await ended(connection)

    assert ear.told == [b"first", b"so soon that reading pauses"]
