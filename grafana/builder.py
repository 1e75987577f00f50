"""Builder of a dashboard: the parts that all have in common, and panels with their queries."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery as Prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef

from grafana.datasource import PROMETHEUS, SOURCE, ClickHouseQuery, Format, load, slug

TAG: Final = "candlewick"
GRAFANA: Final = DataSourceRef(type_val="grafana", uid="-- Grafana --")
WIDTH: Final = 24  # columns of Grafana's grid


class PanelBuilder(Protocol):
    """The methods that every panel builder of the SDK has."""

    def id(self, id_val: int) -> Self:
        """Set the number of the panel in its dashboard."""

    def title(self, title: str) -> Self:
        """Set the title above the panel."""

    def description(self, description: str) -> Self:
        """Set the text of the info icon beside the title."""

    def datasource(self, datasource: DataSourceRef) -> Self:
        """Set the data source of the panel."""

    def grid_pos(self, grid_pos: model.GridPos) -> Self:
        """Set the panel's place and size on the grid, in columns and rows of 30 pixels."""

    def with_target(self, target: Builder[Dataquery]) -> Self:
        """Add a query to the panel."""

    def build(self) -> model.Panel:
        """Build the panel."""


PanelT = TypeVar("PanelT", bound=PanelBuilder)


class Board:
    """One dashboard.

    Attributes:
        key: Short name, the prefix of its queries and the name of its file.
    """

    def __init__(self, key: str, title: str, description: str, *, since: str, refresh: str) -> None:
        self.key, self._panels = key, 0
        self._skyline = [0] * WIDTH
        self._sdk = (
            build.Dashboard(f"Candlewick · {title}")
            .uid(f"candlewick-{key}")
            .description(description)
            .tags([TAG])
            .timezone("utc")
            .editable()
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .time(since, "now")
            .refresh(refresh)
            .link(_between_boards())
        )

    def variable(self, variable: Builder[model.VariableModel]) -> None:
        """Add a variable above the panels."""
        self._sdk.with_variable(variable)

    def events(self, name: str, kind: str, colour: str) -> None:
        """Show the annotations of one kind of event, written by `grafana.annotations_job`."""
        target = build.AnnotationTarget().limit(200).match_any(False).tags([TAG, kind]).type("tags")
        self._sdk.annotation(
            build.AnnotationQuery().name(name).datasource(GRAFANA).enable(True).hide(False)
            .icon_color(colour).target(target)
        )  # fmt: skip

    def row(self, title: str) -> None:
        """Start a new row of panels under a heading."""
        self._panels += 1
        place = self._place(WIDTH, 1)
        self._sdk.with_row(build.Row(title).id(self._panels).grid_pos(place))

    def add(
        self,
        panel: PanelT,
        title: str,
        description: str,
        *,
        size: tuple[int, int],
        form: Format = "table",
    ) -> None:
        """Add a panel whose query is ``<key>-<title>.sql``.

        Args:
            panel: Builder of the panel, with its style.
            title: Content of the panel, with the unit if the axis has none.
            description: Meaning of the panel, and the action to take.
            size: Width in columns of 24, and height in rows.
            form: ``timeseries`` if text columns name the series.
        """
        query = ClickHouseQuery(load(f"{self.key}-{slug(title)}"), form=form)
        self._add(panel, title, description, source=SOURCE, targets=(query,), size=size)

    def ask(
        self,
        panel: PanelT,
        title: str,
        description: str,
        queries: Mapping[str, str],
        *,
        size: tuple[int, int],
    ) -> None:
        """Add a panel with queries to Prometheus.

        Args:
            panel: Builder of the panel, with its style.
            title: Content of the panel.
            description: Meaning of the panel, and the action to take.
            queries: PromQL by the name of its series, with labels as ``{{label}}``.
            size: Width in columns of 24, and height in rows.
        """
        targets = [
            Prometheus().expr(query).legend_format(series).ref_id(ref_id)
            .datasource(PROMETHEUS).range()
            for ref_id, (series, query) in zip("ABCDEF", queries.items(), strict=False)
        ]  # fmt: skip
        self._add(panel, title, description, source=PROMETHEUS, targets=targets, size=size)

    def _add(
        self,
        panel: PanelT,
        title: str,
        description: str,
        *,
        source: DataSourceRef,
        targets: Iterable[Builder[Dataquery]],
        size: tuple[int, int],
    ) -> None:
        self._panels += 1
        place = self._place(*size)
        complete = (
            panel.id(self._panels).title(title).description(description).datasource(source)
            .grid_pos(place)
        )  # fmt: skip
        for target in targets:
            complete = complete.with_target(target)
        self._sdk.with_panel(_Placed(complete))

    def build(self) -> model.Dashboard:
        """Build the dashboard."""
        return self._sdk.build()

    def _place(self, width: int, height: int) -> model.GridPos:
        """Reserve the highest free place of that width, the leftmost of several."""
        tops = [max(self._skyline[x : x + width]) for x in range(WIDTH - width + 1)]
        top = min(tops)
        left = tops.index(top)
        self._skyline[left : left + width] = [top + height] * width
        return model.GridPos(h=height, w=width, x=left, y=top)


class _Placed(Builder[model.Panel]):
    """Adapter of a panel builder to the SDK's dashboard."""

    def __init__(self, panel: PanelBuilder) -> None:
        self._panel = panel

    def build(self) -> model.Panel:
        return self._panel.build()


def _between_boards() -> build.DashboardLink:
    return (
        build.DashboardLink("Candlewick")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )
