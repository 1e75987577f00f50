"""Where the API of this machine is, and which certificate it shows."""

import ssl
from typing import Final

from candlewick.stack.ports import LOOPBACK
from schemas.settings import ApiSettings

# From this machine it is reached over loopback where it listens on all addresses. With `::` those
# are asyncio's: of IPv6 alone.
_ANYWHERE: Final = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}  # noqa: S104


def page_url(settings: ApiSettings) -> str:
    """Return the URL of the page, and of the API, for programs on this machine."""
    scheme = "http" if settings.certificate is None else "https"
    host = reached_at(settings)
    named = f"[{host}]" if ":" in host else host  # IPv6
    return f"{scheme}://{named}:{settings.port}"


def reached_at(settings: ApiSettings) -> str:
    """Return the host under which programs on this machine reach the API."""
    return _ANYWHERE.get(settings.host, settings.host)


def trusting(settings: ApiSettings) -> ssl.SSLContext | None:
    """Return what accepts exactly the API's certificate, whatever host name it is for.

    We connect by address. None where the API has no certificate, or its file cannot be read.
    """
    if settings.certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.certificate)
    except OSError:  # a broken file, too
        return None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context
