"""The health report of the API of this machine, for a person who waits for it."""

from typing import Final

from candlewick.client.rest.blocking import Client
from candlewick.client.rest.health_rows import Health
from candlewick.stack.api_address import page_url, trusting
from schemas.errors import CandlewickError
from schemas.settings import ApiSettings

ANSWER_S: Final = 5.0


def ask_health(settings: ApiSettings, port: int) -> Health | None:
    """Return the API's health report, or None if the API gives none.

    Args:
        settings: The API's host and certificate.
        port: The API's port.
    """
    here, tls = settings.model_copy(update={"port": port}), trusting(settings)
    try:
        with Client(page_url(here), tls=tls, limit_s=ANSWER_S, patience_s=0) as api:
            return api.health()
    except CandlewickError:
        return None
