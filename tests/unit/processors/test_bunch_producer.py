"""How the workers' producer asks for metadata while no broker answers."""

import asyncio

import pytest

from processors.runtime.producer import patient

HOUR_S = 3600.0


@pytest.mark.parametrize("is_updated", [True, False])
def test_a_request_for_metadata_is_answered_at_once_unless_it_failed(*, is_updated: bool) -> None:
    async def update() -> bool:
        return is_updated

    async def is_answered() -> bool:
        asked = patient(update, HOUR_S)()
        for _ in range(10):
            await asyncio.sleep(0)
        answered = asked.done()
        asked.cancel()
        return answered

    assert asyncio.run(is_answered()) is is_updated
