"""The archives of the simulated exchange: what is in them, and how clients resume them."""

import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.servers import RunningExchange, running_exchange

START = "2025-03-12T13:37:41"
ARCHIVES = "/data/spot"
FILE = f"{ARCHIVES}/daily/klines/ETHUSDT/15m/ETHUSDT-15m-2025-02-27.zip"


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(start=START, speed=0, symbols="ETHUSDT,LTCUSDT") as running:
        yield running


def test_archives_of_seconds_and_of_months_hold_what_rest_answers(
    exchange: RunningExchange,
) -> None:
    for path, name, interval in (
        ("daily/klines/LTCUSDT/1s", "LTCUSDT-1s-2025-03-10", "1s"),
        ("monthly/klines/LTCUSDT/1mo", "LTCUSDT-1mo-2025-02", "1M"),
        ("monthly/klines/LTCUSDT/1w", "LTCUSDT-1w-2025-02", "1w"),
    ):
        content = exchange.get(f"{ARCHIVES}/{path}/{name}.zip").content
        lines = zipfile.ZipFile(io.BytesIO(content)).read(f"{name}.csv").decode().splitlines()
        first = int(lines[0].split(",")[0]) // 1_000
        asked = {"symbol": "LTCUSDT", "interval": interval, "startTime": first, "limit": 1_000}
        served = exchange.get("/api/v3/klines", **asked).json()[: len(lines)]

        assert len(lines) == {"1s": 86_400, "1M": 1, "1w": 4}[interval]
        for line, row in zip(lines, served, strict=False):
            cells = line.split(",")
            assert cells[1:6] + cells[7:11] == [str(value) for value in row[1:6] + row[7:11]]
            assert cells[6] == str((row[6] + 1) * 1_000 - 1)


@pytest.mark.parametrize(
    "file",
    [
        "klines/LTCUSDT/1mo/LTCUSDT-1mo-2025-03-10",
        "klines/LTCUSDT/1w/LTCUSDT-1w-2025-03-10",
        "klines/LTCUSDT/3d/LTCUSDT-3d-2025-03-10",
        "klines/LTCUSDT/1m/LTCUSDT-1m-9999-12-31",
        "aggTrades/LTCUSDT/LTCUSDT-aggTrades-9999-12-31",
    ],
)
def test_files_that_can_never_be_published_are_not_found(
    exchange: RunningExchange, file: str
) -> None:
    assert exchange.get(f"{ARCHIVES}/daily/{file}.zip").status_code == 404


def test_an_archive_is_not_sent_again_to_whom_has_it(exchange: RunningExchange) -> None:
    url = f"{exchange.http_url}{FILE}"
    for path in (url, f"{url}.CHECKSUM"):
        whole = httpx.get(path)
        tag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]

        assert modified == "Fri, 28 Feb 2025 03:00:00 GMT"
        assert re.fullmatch('"[0-9a-f]{32}"', tag)
        for headers in (
            {"If-None-Match": tag},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-Modified-Since": modified},
            {"If-Modified-Since": "Sat, 01 Mar 2025 00:00:00 GMT"},
        ):
            again = httpx.get(path, headers=headers)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
        for headers in (
            {"If-None-Match": '"other"', "If-Modified-Since": modified},
            {"If-Modified-Since": "Fri, 28 Feb 2025 02:59:59 GMT"},
            {"If-Modified-Since": "yesterday"},
        ):
            assert httpx.get(path, headers=headers).content == whole.content


def test_a_part_of_an_archive_is_sent_to_whom_has_the_rest(exchange: RunningExchange) -> None:
    url = f"{exchange.http_url}{FILE}"
    whole = httpx.get(url)
    size, tag = len(whole.content), whole.headers["ETag"]
    assert whole.headers["Accept-Ranges"] == "bytes"

    for asked, expected in (
        ("bytes=0-9", range(10)),
        ("bytes=100-", range(100, size)),
        ("bytes=-7", range(size - 7, size)),
        (f"bytes=10-{size * 9}", range(10, size)),
    ):
        part = httpx.get(url, headers={"Range": asked, "If-Range": tag})
        assert part.status_code == 206
        assert part.content == whole.content[expected.start : expected.stop]
        last = expected.stop - 1
        assert part.headers["Content-Range"] == f"bytes {expected.start}-{last}/{size}"
    beyond = httpx.get(url, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    for headers in (
        {"Range": "bytes=5-9", "If-Range": '"other"'},
        {"Range": "bytes=5-9,20-29"},
        {"Range": "lines=5-9"},
    ):
        answer = httpx.get(url, headers=headers)
        assert (answer.status_code, answer.content) == (200, whole.content)
    head = httpx.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(size)


def test_a_file_that_is_issued_again_is_another_one() -> None:
    with running_exchange(start=START, speed=0, symbols="ETHUSDT") as running:
        old = running.get(FILE)
        running.admin("POST", "faults", {"kind": "archive", "how": "reissued"})
        new = running.get(FILE)
        tag = old.headers["ETag"]
        part = httpx.get(
            f"{running.http_url}{FILE}", headers={"Range": "bytes=9-", "If-Range": tag}
        )

    assert new.headers["ETag"] != tag
    assert new.headers["Last-Modified"] == "Wed, 12 Mar 2025 13:37:41 GMT"
    assert (part.status_code, part.content) == (200, new.content)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_resumes_an_archive(exchange: RunningExchange, tmp_path: Path) -> None:
    whole, file = exchange.get(FILE).content, tmp_path / "file.zip"
    file.write_bytes(whole[:1_000])
    command = ["curl", "-sS", "-C", "-", "-o", str(file), "-w", "%{http_code} %{size_download}"]
    told = subprocess.check_output([*command, f"{exchange.http_url}{FILE}"], text=True, timeout=60)

    assert told == f"206 {len(whole) - 1_000}"
    assert file.read_bytes() == whole


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_wget_does_not_fetch_an_archive_twice(exchange: RunningExchange, tmp_path: Path) -> None:
    def run() -> str:
        command = ["wget", "-N", f"{exchange.http_url}{FILE}"]
        english = os.environ | {"LC_ALL": "C"}
        asked = {"cwd": tmp_path, "env": english, "timeout": 60}
        done = subprocess.run(command, capture_output=True, text=True, check=True, **asked)
        return done.stderr

    assert "saved" in run()
    again = run()
    assert "304" in again or "not retrieving" in again
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [exchange.get(FILE).content]


def test_a_fault_of_klines_leaves_archives_of_trades_alone(exchange: RunningExchange) -> None:
    path = f"{ARCHIVES}/daily/aggTrades/LTCUSDT/LTCUSDT-aggTrades-2025-02-27.zip"
    whole = exchange.get(path)
    exchange.admin("POST", "faults", {"kind": "klines", "symbol": "LTCUSDT"})
    try:
        again = exchange.get(path)
    finally:
        exchange.admin("DELETE", "faults")

    assert (again.status_code, again.content) == (200, whole.content)


def test_a_market_has_no_archives_after_its_end() -> None:
    with running_exchange(start="2040-01-09", speed=0, symbols="LTCUSDT") as running:
        for name, status in (("2039-12-31", 200), ("2040-01-01", 404)):
            for path in ("aggTrades/LTCUSDT/LTCUSDT-aggTrades", "klines/LTCUSDT/1h/LTCUSDT-1h"):
                answer = running.get(f"{ARCHIVES}/daily/{path}-{name}.zip")
                assert answer.status_code == status
