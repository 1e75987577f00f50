"""The process that checks a model: ``-m processors.extra.checks SOCKET PARENT PLACE MEMORY_MB``.

It runs River's checks for a model of its kind, and ours, and tells the outcome of each.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

from river import checks
from river.base import Estimator

from processors.extra.child import begun, made, told
from processors.extra.conformance import conformance

ANSWER_S = 1.0


def main() -> None:
    """Run all checks."""
    line, place = begun(sys.argv[1:])
    try:
        model = made(place)
    except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
        line.send({"error": told(error)})
        return
    for suite, name, check in _checks(model, partial(made, place)):
        line.send({"suite": suite, "begins": name})
        try:
            check()
            line.send({"suite": suite, "check": name, "passed": True, "reason": ""})
        except Exception as error:  # noqa: BLE001 - likewise
            line.send({"suite": suite, "check": name, "passed": False, "reason": told(error)})
    line.send({"ends": True})


def _checks(
    model: Estimator, make: Callable[[], Estimator]
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    for name, check in conformance(make, ANSWER_S):
        yield "candlewick", name, check
    skipped = model._unit_test_skips()  # noqa: SLF001 - what River skips for models of this kind
    for found in checks.yield_checks(model):
        if found.__name__ not in skipped:
            yield "river", found.__name__.removeprefix("check_"), partial(found, model.clone())


if __name__ == "__main__":
    main()
