"""The lines of the log, as a process of its own writes them."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

from clients.watching.log_lines import Seldom

SECRET = "a-password-that-nobody-may-see"  # noqa: S105 - an example
WRITER = f"""
import logging, warnings
from clients.watching.log import EventLog
from clients.watching.log_lines import start_logging
from schemas.settings import load_settings
settings = load_settings()
start_logging(settings, "writer")
_log = EventLog("clients.example")
_log.info("example_done", "{{count}} of {{name}} are done", count=3, name="BTCUSDT")
_log.warning("example_named", "the level is {{level}}", level="water")
logging.getLogger("uvicorn.error").warning("a library's line: %s", 7)
logging.getLogger("urllib3").info("http://user:{SECRET}@example.com")
warnings.warn("a warning of a library")
try:
    raise ValueError("three\\nlines\\nof it")
except ValueError as error:
    _log.exception("example_failed", "it failed: {{why}}", error, why=error)
_log.info("example_settings", "settings: {{settings}}", settings=settings.clickhouse)
"""


def lines_of(folder: Path, form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITER],
        env=os.environ
        | {
            "CANDLEWICK_LOG_FORMAT": form,
            "CANDLEWICK_CLICKHOUSE__PASSWORD": SECRET,
            "PYTHONPATH": str(Path(__file__).parents[3]),
        },
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stdout
    return done.stderr.splitlines()


def test_each_line_is_one_object_with_time_level_process_and_event(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in lines_of(tmp_path, "json")]

    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", x["time"]) for x in lines)
    assert {line["process"] for line in lines} == {"writer"}
    named = {line["event"]: line for line in lines}
    done = named["example_done"]
    assert (done["level"], done["message"]) == ("info", "3 of BTCUSDT are done")
    assert (done["count"], done["name"]) == (3, "BTCUSDT")
    assert (named["example_named"]["level"], named["example_named"]["level_"]) == (
        "warning",
        "water",
    )


def test_a_librarys_line_and_a_warning_are_objects_too(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in lines_of(tmp_path, "json")]

    library = [line for line in lines if line["event"] == "library"]
    assert [line["logger"] for line in library] == ["uvicorn.error", "py.warnings"]
    assert library[0]["message"] == "a library's line: 7"


def test_an_exception_is_inside_its_object(tmp_path: Path) -> None:
    failed = next(
        line for line in map(json.loads, lines_of(tmp_path, "json")) if "exception" in line
    )

    assert failed["event"] == "example_failed"
    assert failed["exception"].startswith("Traceback")
    assert failed["exception"].endswith("ValueError: three\nlines\nof it")


def test_no_form_shows_a_secret(tmp_path: Path) -> None:
    for form in ("text", "json"):
        assert SECRET not in "\n".join(lines_of(tmp_path, form))


def test_in_text_a_line_has_its_sentence(tmp_path: Path) -> None:
    first = lines_of(tmp_path, "text")[0]

    assert first.endswith(" INFO clients.example: 3 of BTCUSDT are done")


def a_record(logger: str, said: str) -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, "", 0, said, ("1",), None)


def test_a_library_that_repeats_itself_is_told_seldom_and_with_how_often() -> None:
    now_s = 100.0
    seldom, told = Seldom(lambda: now_s), []
    for _ in range(2_500):
        record = a_record("aiokafka.client", "node %s is away")
        if seldom.filter(record):
            told.append(record.getMessage())
        now_s += 0.01

    assert told == [
        "node 1 is away",
        "node 1 is away (999 times more before)",
        "node 1 is away (999 times more before)",
    ]


def test_other_lines_of_a_library_and_all_of_ours_are_told() -> None:
    seldom = Seldom(lambda: 0.0)

    assert seldom.filter(a_record("aiokafka.client", "node %s is away"))
    assert seldom.filter(a_record("aiokafka.client", "node %s is back"))
    assert all(seldom.filter(a_record("clients.kafka", "waiting for %s")) for _ in range(3))
