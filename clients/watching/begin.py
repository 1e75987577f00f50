"""How every process of the pipeline begins to be watched: its log, and its metrics."""

from prometheus_client import REGISTRY, CollectorRegistry

from clients.watching.exporter import serve_metrics
from clients.watching.log_lines import start_logging
from schemas.settings import Settings

__all__ = ["begin_watching", "serve_metrics", "start_logging"]


def begin_watching(
    settings: Settings, process: str, registry: CollectorRegistry = REGISTRY
) -> None:
    """Start the log of this process and serve its metrics.

    Args:
        settings: Form of the log; where metrics are served.
        process: Name of this process in its stack.
        registry: What is served.
    """
    start_logging(settings, process)
    serve_metrics(settings, process, registry)
