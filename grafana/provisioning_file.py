"""The file of alert rules that Grafana reads at its start.

Source: Grafana, pkg/services/provisioning/alerting/rules_types.go, ``AlertRuleGroupV1``.
"""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.alerts import EVERY_S, GROUP, rule_group

TITLE = "Candlewick"
_OF_THE_API_ONLY = ("folderUID", "orgID", "ruleGroup")


def alert_file() -> dict[str, object]:
    """Build the content of ``provisioning/alerting/rules.json``."""
    rules = [_rule(rule) for rule in plain(rule_group().rules)]
    group = {"orgId": 1, "name": GROUP, "folder": TITLE, "interval": f"{EVERY_S}s", "rules": rules}
    return {"apiVersion": 1, "groups": [group]}


def plain(value: object) -> list[dict[str, object]]:
    """Convert SDK objects to plain JSON values."""
    found: list[dict[str, object]] = json.loads(json.dumps(value, cls=JSONEncoder))
    return found


def plain_one(value: object) -> dict[str, object]:
    """Convert one SDK object to plain JSON values."""
    return plain([value])[0]


def _rule(rule: dict[str, object]) -> dict[str, object]:
    kept = {name: value for name, value in rule.items() if name not in _OF_THE_API_ONLY}
    annotations = kept["annotations"]
    if isinstance(annotations, dict):
        # Grafana stores these two, and makes the link of a message from the annotations.
        kept["dashboardUid"] = annotations["__dashboardUid__"]
        kept["panelId"] = int(annotations["__panelId__"])
    return kept
