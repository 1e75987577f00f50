"""What several integration tests share."""

from collections.abc import Iterator

import pytest

from tests.support.api_stage import Stage, running_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An API over a small market; a wrong password more or less is no matter."""
    with running_stage(tmp_path_factory.mktemp("stage"), LOGIN_ATTEMPTS="100") as running:
        yield running
