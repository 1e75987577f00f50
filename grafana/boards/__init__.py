"""The dashboards: one module for each, listed in the order of the menu."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards import market, models, pipeline, prediction, processes, quality

BOARDS = (market, prediction, models, quality, pipeline, processes)


def boards() -> dict[str, Dashboard]:
    """Build every dashboard; returns them by key."""
    built = (module.board() for module in BOARDS)
    return {board.key: board.build() for board in built}
