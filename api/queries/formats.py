"""The format of an answer, chosen by `format=` or else by the `Accept` header."""

from dataclasses import dataclass
from enum import StrEnum

from api.http import problems
from api.http.problems import Problem


class Format(StrEnum):
    """A format of rows."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How ClickHouse writes a format.

    Attributes:
        engine: ClickHouse's name of the format.
        settings: Format settings of the query.
    """

    media_type: str
    engine: str
    settings: dict[str, int | str]


ENCODINGS = {
    Format.CSV: Encoding(
        "text/csv; charset=utf-8",
        "CSVWithNames",
        {"output_format_csv_crlf_end_of_line": 0, "date_time_output_format": "iso"},
    ),
    Format.PARQUET: Encoding(
        "application/vnd.apache.parquet", "Parquet", {"output_format_parquet_string_as_string": 1}
    ),
    Format.ARROW: Encoding(
        "application/vnd.apache.arrow.stream",
        "ArrowStream",
        {"output_format_arrow_string_as_string": 1},
    ),
}
_ACCEPTED = {
    "application/json": Format.JSON,
    "application/*": Format.JSON,
    "*/*": Format.JSON,
    "text/csv": Format.CSV,
    "text/*": Format.CSV,
    "application/vnd.apache.parquet": Format.PARQUET,
    "application/x-parquet": Format.PARQUET,
    "application/vnd.apache.arrow.stream": Format.ARROW,
}


def choose_format(wanted: Format | None, accept: str | None) -> Format:
    """Return the format to answer in; ``wanted`` takes precedence over ``accept``.

    Raises:
        Problem: None of the accepted types is available.

    Source: RFC 9110, section 12.5.1.
    """
    if wanted is not None:
        return wanted
    if accept is None or not accept.strip():
        return Format.JSON
    ranked = sorted(_weights(accept), key=lambda pair: -pair[1])
    for media_type, weight in ranked:
        if weight > 0 and media_type in _ACCEPTED:
            return _ACCEPTED[media_type]
    raise Problem(
        problems.NO_FORMAT, f"Accept: {accept[:100]} names none of {', '.join(_ACCEPTED)}"
    )


def _weights(accept: str) -> list[tuple[str, float]]:
    return [_weight(part) for part in accept.split(",")]


def _weight(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media_type.lower(), _number(value)
    return media_type.lower(), 1.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
