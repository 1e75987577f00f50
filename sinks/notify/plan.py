"""The plan of notifications: targets, limits and rules, as the rules file and the settings say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Final

from pydantic import Field, SecretStr, field_validator

from sinks.notify.quiet_hours import QuietHours
from sinks.notify.rules.gaps import GapRule
from sinks.notify.rules.mismatch import MismatchRule
from sinks.notify.rules.models import DriftRule, PromotionRule
from sinks.notify.rules.predictions import ChanceRule, VolatilityRule
from sinks.notify.rules.price import PriceRule
from sinks.notify.rules.rule import Minutes, Rule, Strict
from sinks.notify.rules.stale import StaleRule

AnyRule = Annotated[
    GapRule
    | MismatchRule
    | StaleRule
    | PriceRule
    | VolatilityRule
    | ChanceRule
    | DriftRule
    | PromotionRule,
    Field(discriminator="when"),
]
TargetName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,31}$")]
DAY_MINUTES: Final = 1440


class Limit(Strict):
    """How many messages a target gets in how long; what is above comes as a summary."""

    messages: Annotated[int, Field(ge=1, le=1000)] = 6
    minutes: Annotated[float, Field(gt=0, le=DAY_MINUTES)] = 1


class TargetOptions(Strict):
    """What the rules file says of a target.

    Attributes:
        url: Its address; if not set, it is in the settings.
        quiet_hours: Those of this target alone; `none` for none.
        limit: That of this target alone.
    """

    url: SecretStr | None = None
    quiet_hours: QuietHours | None = None
    limit: Limit | None = None


class RulesFile(Strict):
    """The whole rules file.

    Attributes:
        old_minutes: From this age on, events are summed up instead of being sent one by one.
    """

    targets: dict[TargetName, TargetOptions] = Field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    limit: Limit = Limit()
    old_minutes: Minutes = 60
    rules: tuple[AnyRule, ...]

    @field_validator("rules")
    @classmethod
    def _has_one(cls, rules: tuple[AnyRule, ...]) -> tuple[AnyRule, ...]:
        if not rules:
            raise ValueError("there is none: write at least one rule")
        return rules


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go; ``repr`` does not show the address.

    Attributes:
        url: Address as apprise writes it.
    """

    name: str
    url: SecretStr
    limit: Limit
    quiet_hours: QuietHours | None


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule with its unique name and the names of its targets."""

    name: str
    rule: Rule
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `candlewick notify` does.

    Attributes:
        page: Address of the page for links; empty for none.
    """

    targets: tuple[Target, ...]
    rules: tuple[NamedRule, ...]
    old_ms: int
    page: str = ""

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The names of all rules."""
        return tuple(rule.name for rule in self.rules)


def targets_of(file: RulesFile, urls: dict[str, SecretStr]) -> Iterator[Target]:
    """Yield the targets that have an address; one in the settings counts before the file's.

    Args:
        file: The rules file.
        urls: Addresses from the settings, by name.
    """
    for name in dict.fromkeys((*file.targets, *urls)):
        options = file.targets.get(name, TargetOptions())
        url = urls.get(name) or options.url
        if url is not None:
            own = "quiet_hours" in options.model_fields_set
            quiet = options.quiet_hours if own else file.quiet_hours
            yield Target(name, url, options.limit or file.limit, quiet)


def named_rules(file: RulesFile, targets: tuple[str, ...]) -> tuple[NamedRule, ...]:
    """Return the rules with unique names; one without a name is called after its condition.

    Args:
        file: The rules file.
        targets: Names of all targets.
    """
    given = [rule.name or rule.when for rule in file.rules]
    repeated = [name for name, times in Counter(given).items() if times > 1]
    unique = {name: _numbered(name, given) for name in repeated}
    return tuple(
        NamedRule(next(unique[name]) if name in unique else name, rule, rule.targets or targets)
        for name, rule in zip(given, file.rules, strict=True)
    )


def _numbered(name: str, given: Sequence[str]) -> Iterator[str]:
    return (text for number in count(1) if (text := f"{name} {number}") not in given)
