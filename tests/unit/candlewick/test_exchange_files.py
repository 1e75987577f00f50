"""Official kline files that the simulated exchange serves, and folders of archives."""

import zipfile
from pathlib import Path

import pytest

from candlewick.exchange.market.intervals import DAY_MS, INTERVALS, epoch_ms
from candlewick.exchange.server.archive_folder import ArchiveFolder
from candlewick.exchange.server.kline_files import read_kline_files
from candlewick.exchange.server.query_params import Range

HOUR_MS = 3_600_000
DAY = epoch_ms("2022-01-01")


def row(open_ms: int, volume: int = 1) -> str:
    return f"{open_ms},1.0,2.0,0.5,1.5,{volume}.0,{open_ms + HOUR_MS - 1},15.0,4,6.0,9.0,0\n"


def hours_of(day: int) -> str:
    return "".join(row(DAY + day * DAY_MS + hour * HOUR_MS) for hour in range(24))


def test_files_of_one_symbol_and_interval_are_served_together_in_order(tmp_path: Path) -> None:
    late, early = tmp_path / "XUSDT-1h-2022-02.csv", tmp_path / "XUSDT-1h-2022-01.csv"
    late.write_text(row(DAY + HOUR_MS, 7) + row(DAY + 2 * HOUR_MS, 8))
    early.write_text(row(DAY, 5) + row(DAY + HOUR_MS, 6))

    rows = read_kline_files([late, early])["XUSDT", "1h"]

    assert rows.open_ms.tolist() == [DAY, DAY + HOUR_MS, DAY + 2 * HOUR_MS]
    assert (rows.volume_e8 // 10**8).tolist() == [5, 7, 8]


@pytest.mark.parametrize("text", ["", "1,2,3\n", "open,high\n1,2\n", f"{row(DAY)}x,y\n"])
def test_a_file_that_has_no_klines_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "XUSDT-1h.csv").write_text(text)

    with pytest.raises(ValueError, match=r"XUSDT-1h\.csv"):
        read_kline_files([tmp_path / "XUSDT-1h.csv"])


def a_folder(folder: Path, *names: str, days: int = 0) -> ArchiveFolder:
    texts = {f"XUSDT-1h-2022-01-{day + 1:02}": hours_of(day) for day in range(days)}
    for name, text in (texts | dict.fromkeys(names, "")).items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}.csv", text)
    return ArchiveFolder.of(folder)


def page(folder: ArchiveFolder, limit: int, **times: int) -> list[int]:
    wanted = Range("XUSDT", times.get("start_ms"), times.get("end_ms"), limit)
    rows = folder.page(INTERVALS["1h"], wanted, visible_ms=DAY + 20 * DAY_MS)
    return [(at - DAY) // HOUR_MS for at in rows.open_ms.tolist()]


def test_a_page_without_a_start_is_the_newest_of_a_folder(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, days=9)

    assert page(folder, 30) == list(range(9 * 24 - 30, 9 * 24))
    assert page(folder, 30, end_ms=DAY + 7 * DAY_MS) == list(range(7 * 24 - 29, 7 * 24 + 1))
    assert page(folder, 30, start_ms=DAY + HOUR_MS) == list(range(1, 31))


def test_other_zips_and_empty_files_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, "notes", "XUSDT-1h-2022-01-03", days=2)

    assert folder.covers("XUSDT", "1h")
    assert page(folder, 3) == [45, 46, 47]
