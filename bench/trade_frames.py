"""Frames of ten symbols' trades as the exchange sends them, and a server that only sends them.

    python -m bench.trade_frames COUNT RATE

The server prints its address, waits for a client and for a line on its input, and sends: as fast as
the client reads (RATE 0), or frame by frame at a rate. It has no market and does nothing else, so
that it takes little of what is measured.
"""

import base64
import hashlib
import socket
import sys
import time

import numpy as np

SYMBOLS = tuple(
    f"{coin}USDT"
    for coin in ["BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "DOT", "LINK", "LTC"]
)
TICKS = (6_500_000, 350_000, 60_000, 15_000, 60, 45, 12, 700, 1_500, 8_000)  # hundredths
A_SECOND = 5_000
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PACK = 500


def trade_frames(count: int, begin_ms: int) -> list[bytes]:
    """Combined-stream frames of `A_SECOND` trades a second; ids begin at 1 and have no hole."""
    rng = np.random.default_rng(7)
    share = 1 / np.arange(1, len(SYMBOLS) + 1)
    which = rng.choice(len(SYMBOLS), size=count, p=share / share.sum()).tolist()
    steps, amounts = rng.integers(-5, 6, count).tolist(), rng.integers(1, 10**7, count).tolist()
    fills, sides = rng.integers(1, 4, count).tolist(), rng.integers(0, 2, count).tolist()
    agg_ids, trade_ids, prices = [1] * len(SYMBOLS), [1] * len(SYMBOLS), list(TICKS)
    made = []
    for number, at in enumerate(which):
        ms = begin_ms + number * 1000 // A_SECOND
        price = prices[at] = max(1, prices[at] + steps[number])
        last_id = trade_ids[at] + fills[number] - 1
        amount = f"{amounts[number] // 10**5}.{amounts[number] % 10**5:05d}000"
        made.append(
            f'{{"stream":"{SYMBOLS[at].lower()}@aggTrade","data":{{"e":"aggTrade","E":{ms},'
            f'"s":"{SYMBOLS[at]}","a":{agg_ids[at]},"p":"{price // 100}.{price % 100:02d}000000",'
            f'"q":"{amount}","f":{trade_ids[at]},"l":{last_id},"T":{ms},'
            f'"m":{"true" if sides[number] else "false"},"M":true}}}}'.encode()
        )
        agg_ids[at] += 1
        trade_ids[at] = last_id + 1
    return made


def on_the_wire(frame: bytes) -> bytes:
    """A text frame of a websocket server."""
    return b"\x81\x7e" + len(frame).to_bytes(2) + frame


def main() -> None:
    count, rate = int(sys.argv[1]), float(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        print("LISTENING", server.getsockname()[1], flush=True)
        client, _ = server.accept()
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = client.recv(1 << 16)
            key = request.lower().split(b"sec-websocket-key:")[1]
            key = request[-len(key) :].split(b"\r\n")[0].strip()
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 - RFC 6455
            client.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            print("CLIENT", flush=True)
            sys.stdin.readline()
            send(client, count, rate)
            print("SENT", flush=True)
            sys.stdin.readline()


def send(client: socket.socket, count: int, rate: float) -> None:
    prepared_ms = 200 + count // 10 if rate else 0
    begin_s = time.time() + prepared_ms / 1000
    frames = [on_the_wire(one) for one in trade_frames(count, int(begin_s * 1000))]
    if not rate:
        for at in range(0, count, PACK):
            client.sendall(b"".join(frames[at : at + PACK]))
        return
    time.sleep(max(0.0, begin_s - time.time()))  # a trade is sent at its event time
    began = time.perf_counter()
    for number, frame in enumerate(frames):
        ahead_s = began + number / rate - time.perf_counter()
        if ahead_s > 0:
            time.sleep(ahead_s)
        client.sendall(frame)


if __name__ == "__main__":
    main()
