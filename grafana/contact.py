"""The contact point for alerts: a webhook that the operator chooses."""

from typing import Final

from grafana_foundation_sdk.builders.alerting import ContactPoint
from grafana_foundation_sdk.models import alerting as model

from grafana.alerts import RECEIVER

UID: Final = "candlewick-webhook"
NOWHERE: Final = "http://127.0.0.1:9/choose-a-webhook"  # the discard port: nobody is notified yet


def contact_point(webhook: str) -> model.ContactPoint:
    """Build the contact point; with an empty ``webhook`` nobody is notified."""
    settings = {"url": webhook or NOWHERE, "httpMethod": "POST"}
    return (
        ContactPoint().uid(UID).name(RECEIVER).type("webhook").settings(settings)
        .disable_resolve_message(False).build()
    )  # fmt: skip
