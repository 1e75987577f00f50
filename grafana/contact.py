"""Who is told: one contact point, a webhook that the operator chooses."""

from typing import Final

from grafana_foundation_sdk.builders.alerting import ContactPoint
from grafana_foundation_sdk.models import alerting as model

from grafana.alerts import RECEIVER

UID: Final = "candlewick-webhook"
NOWHERE: Final = "http://127.0.0.1:9/choose-a-webhook"  # the discard port: nobody is told yet


def contact_point(webhook: str) -> model.ContactPoint:
    """Return the contact point; ``webhook`` may be empty, and then nobody is told."""
    settings = {"url": webhook or NOWHERE, "httpMethod": "POST"}
    return (
        ContactPoint().uid(UID).name(RECEIVER).type("webhook").settings(settings)
        .disable_resolve_message(False).build()
    )  # fmt: skip
