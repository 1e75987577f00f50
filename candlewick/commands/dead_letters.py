"""`candlewick dead-letters`: lists, shows and retries rejected records."""

import sys
import time
from typing import Annotated

import typer

from candlewick.dead_letters import (
    Buried,
    chosen,
    consequences,
    read_box,
    record_of,
    send_again,
    why_not,
)
from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.console import quiet_end
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.record_rows import letter_row
from candlewick.terminal.row_printer import shown, utc
from schemas.errors import ConfigurationError, ContractMismatch, PoisonMessage
from schemas.settings import KafkaSettings

dead_letters = typer.Typer(
    invoke_without_command=True,
    help="Records that no reader could process: list them, show one, send them again after a fix.",
)
Newest = Annotated[int, typer.Option("-n", min=1, help="Show at most this many, the newest.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names as the list shows them.")]


@dead_letters.callback()
def bare(context: typer.Context, *, as_json: AsJson = False, newest: Newest = 1000) -> None:
    """List the dead letters if no other command is named."""
    if context.invoked_subcommand is None:
        list_letters(as_json=as_json, newest=newest)


@dead_letters.command("list")
def list_letters(*, as_json: AsJson = False, newest: Newest = 1000) -> None:
    """List each rejected record once, with the reason and the readers that rejected it."""
    with quiet_end():
        found = read_box(_kafka())
        box = found[-newest:]
        if as_json:
            print_json(map(letter_row, box))
        else:
            for buried in box:
                sys.stdout.write(_lines(buried))
        if not box:
            sys.stderr.write("there are no dead letters\n")
        elif len(box) < len(found):
            sys.stderr.write(f"the newest {len(box):,} of {len(found):,}: -n lists more\n")


@dead_letters.command()
def show(
    name: Annotated[str, typer.Argument(help="A name as the list shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show all that is stored about one record."""
    box = {buried.name: buried for buried in read_box(_kafka())}
    (buried,) = chosen(box, [name])
    if as_json:
        print_json([_row(buried)])
        return
    letter, origin = buried.letter, buried.letter.origin
    facts = {
        "name": name,
        "rejected": utc(buried.sent_ms),
        "reason": origin.reason,
        "readers": ", ".join(buried.readers) or "unknown",
        "from": origin.topic or origin.source or "unknown",
        "key": "none" if origin.key is None else repr(origin.key.decode(errors="replace")),
        "headers": ", ".join(f"{n}: {v.decode(errors='replace')}" for n, v in origin.headers),
        "bytes": f"{letter.length}" if letter.is_whole else f"{letter.length}, stored in part",
        "sha256": letter.sha256,
        "sent again": utc(buried.retried_ms) if buried.retried_ms >= 0 else "no",
        "reads as": _reads_as(buried),
    }
    for fact, text in facts.items():
        typer.echo(f"{fact:<11} {text}")
    typer.echo(_hexadecimal(letter.value))


@dead_letters.command()
def retry(
    names: Names = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that can be read now.")] = False,
    sure: Annotated[bool, typer.Option("--yes", help="Resend trades without asking.")] = False,
) -> None:
    """Send records to their topics again, once each, after a fix."""
    if bool(names) == everything:
        raise ConfigurationError("name the dead letters to send again, or use --all")
    kafka = _kafka()
    box = {buried.name: buried for buried in read_box(kafka)}
    wanted = list(box.values()) if everything else list(chosen(box, names or []))
    refused = 0
    for buried in wanted:
        reason = why_not(buried)
        if reason is None and _is_agreed(kafka, buried, sure=sure):
            reason = _refusal(kafka, buried)
        if reason is not None:
            refused += 1
            typer.echo(f"{buried.name}: not sent: {reason}", err=not everything)
    if refused and not everything:
        raise typer.Exit(WRONG)


def _refusal(kafka: KafkaSettings, buried: Buried) -> str | None:
    """Send a record again; return why Kafka refuses it, or None if it is sent."""
    try:
        send_again(kafka, buried.letter, now_ms=time.time_ns() // 1_000_000)
    except (PoisonMessage, ConfigurationError) as error:
        return str(error)
    typer.echo(f"{buried.name}: sent again")
    return None


def _is_agreed(kafka: KafkaSettings, buried: Buried, *, sure: bool) -> bool:
    effect = consequences(kafka, buried.letter)
    if effect is None:
        return True
    typer.echo(f"{buried.name}: {effect}")
    return sure or typer.confirm("Send it?")


def _row(buried: Buried) -> dict[str, object]:
    origin = buried.letter.origin
    return letter_row(buried) | {
        "key": None if origin.key is None else origin.key.decode(errors="replace"),
        "headers": {name: value.decode(errors="replace") for name, value in origin.headers},
        "is_whole": buried.letter.is_whole,
        "reads_as": _reads_as(buried),
    }


def _reads_as(buried: Buried) -> str:
    if not buried.letter.is_whole or not buried.letter.origin.topic:
        return "cannot be read: it is incomplete, or came from no topic"
    try:
        return shown("record", repr(record_of(buried.letter)))
    except (PoisonMessage, ContractMismatch, ConfigurationError) as error:
        return f"cannot be read yet: {error}"


def _lines(buried: Buried) -> str:
    """Return two lines that fit a terminal: the name, and the reason."""
    state = ", sent again" if buried.retried_ms >= 0 else ""
    met = f", rejected by {', '.join(buried.readers)}" if buried.readers else ""
    about = f"{buried.letter.length} bytes{met}{state}"
    return f"{utc(buried.sent_ms)}  {buried.name}\n    {buried.letter.origin.reason} ({about})\n"


def _hexadecimal(data: bytes) -> str:
    most, width = 512, 16
    rows = [data[at : at + width] for at in range(0, min(len(data), most), width)]
    text = "\n".join(
        f"{at * width:6d}  {row.hex(' '):<{3 * width}} "
        + "".join(chr(b) if chr(b).isascii() and chr(b).isprintable() else "." for b in row)
        for at, row in enumerate(rows)
    )
    return text + (f"\n…  {len(data) - most} more" if len(data) > most else "")


def _kafka() -> KafkaSettings:
    return reader_settings().kafka
