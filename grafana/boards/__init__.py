"""One module a dashboard, and all of them in the order of the menu."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards import market, models, pipeline, prediction, quality

BOARDS = (market, prediction, models, quality, pipeline)


def boards() -> dict[str, Dashboard]:
    """Return every dashboard by its key."""
    built = (module.board() for module in BOARDS)
    return {board.key: board.build() for board in built}
