"""Parser of faults in JSON and on the command line."""

from pydantic import ValidationError

from candlewick.exchange.faults.faults import FAULT, Fault


def fault_of(wanted: object) -> Fault:
    """Read a fault from decoded JSON.

    Raises:
        ValueError: The kind or a field is unknown, or a value out of range; the message names it.
    """
    try:
        return FAULT.validate_python(wanted)
    except ValidationError as error:
        raise ValueError(f"not a fault: {_reasons(error)}") from error


def fault_from_text(text: str) -> Fault:
    """Read a fault from `kind:name=value,name=value`.

    Raises:
        ValueError: A part is not `name=value`, or as for `fault_of`.
    """
    kind, _, rest = text.partition(":")
    parts = [part.partition("=") for part in rest.split(",") if part]
    if any(not equals for _, equals, _ in parts):
        raise ValueError(f"fault {text!r} is not kind:name=value,name=value")
    return fault_of({"kind": kind} | {name.strip(): value for name, _, value in parts})


def _reasons(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in entry['loc'][1:])} {entry['msg']}".strip()
        for entry in error.errors()
    )
