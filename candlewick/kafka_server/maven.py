"""Download of jars from Maven Central with jgo."""

import logging
from pathlib import Path

from jgo.env import EnvironmentBuilder, LinkStrategy
from jgo.maven import MavenContext

from schemas.errors import ConfigurationError


def fetch_jars(endpoint: str, folder: Path) -> list[Path]:
    """Resolve an endpoint, for example ``group:name:1.0+group:other:2.0``, into a folder.

    Returns:
        Every jar of the resolved environment.

    Raises:
        ConfigurationError: Maven Central cannot be reached, or lacks one of the jars.
    """
    logging.getLogger("jgo").setLevel(logging.CRITICAL)
    context = MavenContext(repo_cache=folder / "repository")
    builder = EnvironmentBuilder(context, folder / "environments", LinkStrategy.COPY)
    try:
        return [Path(jar) for jar in builder.from_endpoint(endpoint).all_jars]
    except ConnectionError as error:
        raise ConfigurationError(_UNREACHABLE) from error
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(
            f"Maven Central lacks a part of {endpoint}: {_first_line(error)}"
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ConfigurationError(_UNREACHABLE) from error


_UNREACHABLE = (
    "Kafka's jars cannot be fetched: https://repo.maven.apache.org does not answer. "
    "Check the network (or HTTPS_PROXY) and start again"
)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
