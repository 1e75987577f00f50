"""Macros and variables become what Grafana and its ClickHouse plugin make of them.

The cases with 2014 and 2015 are those of the plugin's own tests and pages
(grafana/clickhouse-datasource, pkg/macros/macros_test.go and docs/sources, Apache-2.0).
"""

import pytest

from grafana.variables import ALL
from tools.grafana.macros import Asked, expand

FROM_MS, TO_MS = 1_415_792_726_123, 1_447_328_726_456
FIRST, LAST = "toDateTime(1415792726)", "toDateTime(1447328726)"
FIRST_MS = "fromUnixTimestamp64Milli(1415792726123)"
LAST_MS = "fromUnixTimestamp64Milli(1447328726456)"
ASKED = Asked(FROM_MS, TO_MS, 20_000)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "where $__timeFilter(cast(sth as timestamp) )",
            f"where cast(sth as timestamp) >= {FIRST} AND cast(sth as timestamp) <= {LAST}",
        ),
        ("$__timeFilter_ms(time)", f"time >= {FIRST_MS} AND time <= {LAST_MS}"),
        (
            "( date >= $__fromTime and date <= $__toTime ) limit 100",
            f"( date >= {FIRST} and date <= {LAST} ) limit 100",
        ),
        ("$__fromTime_ms, $__toTime_ms", f"{FIRST_MS}, {LAST_MS}"),
        ("$__timeInterval(col)", "toStartOfInterval(toDateTime(col), INTERVAL 20 second)"),
        (
            "$__timeInterval_ms(col)",
            "toStartOfInterval(toDateTime64(col, 3), INTERVAL 20000 millisecond)",
        ),
        ("count() / $__interval_s", "count() / 20"),
        (
            "$__timeInterval($__fromTime)",
            f"toStartOfInterval(toDateTime({FIRST}), INTERVAL 20 second)",
        ),
        (
            "$__timeFilter(coalesce(closed_at, $__toTime))",
            f"coalesce(closed_at, {LAST}) >= {FIRST} AND coalesce(closed_at, {LAST}) <= {LAST}",
        ),
        ("$__unknown(1)", "$__unknown(1)"),
    ],
)
def test_a_macro_becomes_what_the_plugin_makes_of_it(given: str, wanted: str) -> None:
    assert expand(given, ASKED) == wanted


def test_an_interval_is_a_second_at_least() -> None:
    assert expand("$__interval_s", Asked(FROM_MS, TO_MS, 200)) == "1"


CONDITIONAL = "$__conditionalAll(database IN (${database:singlequote}), $database)"


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [(["db1", "db2"], "database IN ('db1','db2')"), ("db1", "database IN ('db1')"), (ALL, "1=1")],
)
def test_a_condition_goes_where_all_is_chosen(chosen: str | list[str], wanted: str) -> None:
    asked = Asked(FROM_MS, TO_MS, 20_000, {"database": chosen}, {"database": ["db1", "db2"]})

    assert expand(CONDITIONAL, asked) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("$one", "BTC"),
        ("${one}", "BTC"),
        ("${one:raw}_1m", "BTC_1m"),
        ("${one:singlequote}", "'BTC'"),
        ("${quoted:singlequote}", r"'it\'s'"),
        ("${many:singlequote}", "'a','b'"),
        ("$many", "'a','b'"),
        ("${many:csv}", "a,b"),
        ("$other", "$other"),
    ],
)
def test_a_variable_is_written_as_its_format_says(given: str, wanted: str) -> None:
    asked = Asked(FROM_MS, TO_MS, 20_000, {"one": "BTC", "quoted": "it's", "many": ["a", "b"]})

    assert expand(given, asked) == wanted
