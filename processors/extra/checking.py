"""Checks a model of others in a process of its own, with its limits."""

from dataclasses import dataclass

from processors.extra.process import Fault, ModelProcess
from processors.extra.specification import Specification
from schemas.errors import ConfigurationError

_MODULE = "processors.extra.checks"
_CPU_S, _PATIENCE_S = 60.0, 600.0  # for each check


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        suite: ``river`` for River's own checks, ``candlewick`` for ours.
        times: How many data sets it was run on; they are counted as one.
        reason: Why it failed; empty if it passed.
    """

    suite: str
    check: str
    times: int
    reason: str

    @property
    def passed(self) -> bool:
        """Whether the model passed."""
        return not self.reason


def findings_of(specification: Specification) -> list[Finding]:
    """Run all checks; those after one that ends the process are not run.

    Raises:
        ConfigurationError: The model cannot be made.
    """
    process = ModelProcess(specification, _MODULE)
    outcomes: dict[tuple[str, str], list[str]] = {}
    at = "", ""
    try:
        while True:
            said, _ = process.receive(cpu_s=_CPU_S, within_s=_PATIENCE_S)
            if "error" in said:
                raise ConfigurationError(f"{specification.place}: {said['error']}")
            if "ends" in said:
                break
            at = str(said["suite"]), str(said.get("begins") or said.get("check"))
            if "check" in said:
                reason = "" if said["passed"] else str(said["reason"] or "it failed")
                outcomes.setdefault(at, []).append(reason)
    except Fault as fault:
        outcomes.setdefault(at, []).append(str(fault))
    finally:
        process.close()
    return [
        Finding(suite, check, len(reasons), next(filter(None, reasons), ""))
        for (suite, check), reasons in outcomes.items()
    ]
