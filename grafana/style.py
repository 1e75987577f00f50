"""Style of the panels, shared by all dashboards: colours, thresholds, units and legends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.builders.trend import Panel as Trend
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

GREEN: Final = "#2f9e5b"
RED: Final = "#d64550"
AMBER: Final = "#e0a030"
BLUE: Final = "#4c8dd6"
GREY: Final = "#8a8f98"
VIOLET: Final = "#a06bd6"
# A price has as many decimals as it needs, at most 8. With a fixed number, or with the three digits
# that Grafana chooses, all prices of a symbol that costs a dollar or a cent look the same.
PRICE: Final = "locale"
PRICE_DECIMALS: Final = 8
Steps = Sequence[tuple[float | None, str]]
Property = DynamicConfigValue
PanelT = TypeVar("PanelT", Lines, Trend)


def steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Define thresholds: a colour from each value on; None stands for the lowest value."""
    found = [Threshold(value=value, color=colour) for value, colour in pairs]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def fixed(colour: str) -> FieldColor:
    """Define one colour for all values."""
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour)


def by_threshold() -> FieldColor:
    """Define that a value has the colour of the threshold it has passed."""
    return FieldColor().mode(FieldColorModeId.THRESHOLDS)


def figure(unit: str, *, decimals: float | None = None, fields: str = "") -> Stat:
    """Define a panel with one large number, or one for each field that matches ``fields``."""
    reduced = shared.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(fields)
    panel = (
        Stat().unit(unit).reduce_options(reduced).graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE).color_scheme(fixed(BLUE))
    )  # fmt: skip
    return panel if decimals is None else panel.decimals(decimals)


def judged(unit: str, *pairs: tuple[float | None, str], decimals: float | None = None) -> Stat:
    """Define a panel with one large number in the colour of the threshold that it has passed."""
    return figure(unit, decimals=decimals).thresholds(steps(*pairs)).color_scheme(by_threshold())


def lines(unit: str, *, decimals: float | None = None, least: str = "") -> Lines:
    """Define a panel of lines over time; ``least`` is the shortest step in the data."""
    panel = (
        Lines().unit(unit).line_width(1.5).fill_opacity(0)
        .line_interpolation(LineInterpolation.LINEAR).show_points(VisibilityMode.NEVER)
        .span_nulls(True).legend(legend()).tooltip(tooltip())
    )  # fmt: skip
    panel = panel if decimals is None else panel.decimals(decimals)
    return panel.interval(least) if least else panel


def bars(unit: str, *, least: str = "") -> Lines:
    """Define a panel of stacked bars over time."""
    stacked = shared.StackingConfig().mode(StackingMode.NORMAL).group("A")
    return (
        lines(unit, least=least).draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
        .stacking(stacked)
    )  # fmt: skip


def table() -> Table:
    """Define a table with small rows."""
    return Table().cell_height(TableCellHeight.SM).filterable(True)


def legend() -> shared.VizLegendOptions:
    """Define a legend below the graph."""
    return (
        shared.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM).show_legend(True).calcs([])
    )  # fmt: skip


def tooltip() -> shared.VizTooltipOptions:
    """Define a tooltip with all series, the highest first."""
    return shared.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def unit(name: str, decimals: int | None = None) -> list[Property]:
    """Return the properties that set the unit of a table's column."""
    found = [Property("unit", name)]
    return found if decimals is None else [*found, Property("decimals", decimals)]


def price() -> list[Property]:
    """Return the properties of a table's column of prices."""
    return unit(PRICE, PRICE_DECIMALS)


def coloured(*pairs: tuple[float | None, str], kind: str = "color-text") -> list[Property]:
    """Return the properties that colour a table's column by thresholds."""
    found = [{"value": value, "color": colour} for value, colour in pairs]
    return [
        Property("thresholds", {"mode": "absolute", "steps": found}),
        Property("color", {"mode": "thresholds"}),
        Property("custom.cellOptions", {"type": kind}),
    ]


def painted(colour: str) -> list[Property]:
    """Return the properties that set the colour of a series."""
    return [Property("color", {"mode": "fixed", "fixedColor": colour})]


def edge(colour: str, *, fill_to: str = "") -> list[Property]:
    """Return the properties of a band's edge; ``fill_to`` names the series of the other edge."""
    found = [*painted(colour), Property("custom.lineWidth", 0), Property("custom.fillOpacity", 18)]
    if fill_to:
        return [*found, Property("custom.fillBelowTo", fill_to)]
    return [*found[:2], Property("custom.fillOpacity", 0)]


def named(colours: Mapping[str, str]) -> list[Property]:
    """Return the properties that colour a table's column by its words."""
    options = {word: {"color": colour, "index": n} for n, (word, colour) in _numbered(colours)}
    return [
        Property("mappings", [{"type": "value", "options": options}]),
        Property("custom.cellOptions", {"type": "color-text"}),
    ]


def numbered(colours: Mapping[str, str]) -> list[ValueMapping]:
    """Return mappings that show 0, 1, 2 as these words in these colours."""
    options = {
        str(n): ValueMappingResult(text=word, color=colour, index=n)
        for n, (word, colour) in _numbered(colours)
    }
    return [ValueMap(options=options)]


def models(panel: PanelT, colours: Mapping[str, str]) -> PanelT:
    """Set the colour of each model, the same on every dashboard."""
    for name, colour in colours.items():
        panel = panel.override_by_name(name, painted(colour))
    return panel


def _numbered(colours: Mapping[str, str]) -> Iterable[tuple[int, tuple[str, str]]]:
    return enumerate(colours.items())
