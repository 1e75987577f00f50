"""How every process of the pipeline begins: its log, its metrics, and what it gives back."""

from prometheus_client import REGISTRY, CollectorRegistry

from clients.memory import give_back_memory
from clients.watching.exporter import serve_metrics
from clients.watching.log_lines import start_logging
from schemas.settings import Settings

__all__ = ["begin_beside", "begin_watching", "start_logging"]


def begin_watching(
    settings: Settings, process: str, registry: CollectorRegistry = REGISTRY
) -> None:
    """Start the log of this process, serve its metrics, and let it give memory back.

    Args:
        settings: Form of the log; where metrics are served.
        process: Name of this process in its stack.
        registry: What is served.
    """
    start_logging(settings, process)
    begin_beside(settings, process, registry)


def begin_beside(settings: Settings, process: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Begin what runs in threads beside the work: serving metrics, giving memory back.

    Call it after the process has made copies of itself. For the arguments see `begin_watching`.
    """
    serve_metrics(settings, process, registry)
    give_back_memory()
