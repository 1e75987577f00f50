"""`candlewick notify`: sends events to people, or checks the rules for it."""

from pathlib import Path
from typing import Annotated

import typer

from candlewick.commands.run import become
from candlewick.stack.local_settings import reader_settings
from candlewick.stack.programs import NOTIFY
from schemas.settings import Settings
from sinks.notify.faults import RulesError
from sinks.notify.mailbox import Message
from sinks.notify.plan import Plan
from sinks.notify.rules_file import read_plan
from sinks.notify.sending import NotSent, check_address, send
from sinks.notify.text import counted

TEST = Message(
    "Candlewick: test",
    "This is a test message of Candlewick. Notifications reach you here.",
    "info",
)


def notify(
    rules: Annotated[
        Path | None,
        typer.Argument(help="YAML file with the rules; default: CANDLEWICK_NOTIFY__RULES."),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the rules and the addresses.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Only send one test message to every target.")
    ] = False,
) -> None:
    """Send events of the pipeline to people, by rules; see docs/notifications.md.

    The exit code is 1 if the rules have errors, or if a target did not take the test message.
    """
    settings = _with_rules(reader_settings(), rules)
    plan = _plan(settings)
    for target in plan.targets:
        check_address(target)
    if check:
        names = ", ".join(target.name for target in plan.targets)
        typer.echo(f"{counted(len(plan.rules), 'rule')}, targets {names}: no errors")
    elif test:
        _test(plan)
    else:
        become(NOTIFY, settings)


def _with_rules(settings: Settings, rules: Path | None) -> Settings:
    if rules is None:
        return settings
    chosen = settings.notify.model_copy(update={"rules": rules})
    return settings.model_copy(update={"notify": chosen})


def _plan(settings: Settings) -> Plan:
    try:
        return read_plan(settings)
    except RulesError as error:
        typer.echo(str(error), err=True)  # one line for each error
        raise typer.Exit(1) from None


def _test(plan: Plan) -> None:
    failed = False
    for target in plan.targets:
        try:
            send(target, TEST)
        except NotSent as error:
            failed = True
            typer.echo(f"{target.name}: not sent: {str(error).removeprefix(target.name + ': ')}")
        else:
            typer.echo(f"{target.name}: sent")
    if failed:
        raise typer.Exit(1)
