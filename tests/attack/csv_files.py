"""1g: CSV files of users that are no such files, or that let in who should stay out."""

from typing import Final

from tests.attack.tally import Fault, Tally
from tests.attack.web import PASSWORD, ask, client_of, token_of
from tests.attack.world import World

_HEAD: Final = b"username,role,password\n"
_TAIL: Final = f",viewer,{PASSWORD}\n".encode()
_NAMES: Final = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "|x",
    "%x",
    "",
    " ",
    "a",
    "a" * 64,
    "<img src=x>",
    "../x",
    "x\0y",
    "x y",
    "x\u202ey",
    "\u0430dmin",
    "x'; --",
    ".x",
    "x-",
    '"x\ny"',
    '"x""y"',
)
_BAD: Final = (
    b"",
    b"\n",
    _HEAD,
    b"username;role;password\nada;viewer;" + PASSWORD.encode(),
    b"role,username,password\nviewer,ada," + PASSWORD.encode(),
    "username,role,password\nada,viewer,correct horse battery\n".encode("utf-16"),
    _HEAD + b"\xff\xfe,viewer,x\n",
    _HEAD + b'"ada',
    _HEAD + b"ada,viewer\n",
    _HEAD + b"ada" + _TAIL + b"ada" + _TAIL,
    _HEAD + b"ada" + _TAIL + b"ADA" + _TAIL,
    _HEAD + b"ada,superuser," + PASSWORD.encode(),
    _HEAD + b"ada,viewer,short\n",
    _HEAD + b"ada,viewer," + b"a" * 20 + b"\n",
    _HEAD + b"ada,viewer," + b"x" * 200_000,
    _HEAD + b"".join(b"user%d" % number + _TAIL for number in range(501)),
    _HEAD + b"," * 200_000,
    _HEAD + b'"' * 200_001,
    b"a" * 1_048_577,
    b"\0" * 10_000_000,
)


def attack(world: World, tally: Tally) -> None:
    """Import each; nobody of it may be let in, not even the good rows beside a bad one."""
    token = token_of(world.stack, "importer", "admin")
    files = [_HEAD + b"good" + _TAIL + name.encode() + _TAIL for name in _NAMES]
    with client_of(world.stack, token) as client:
        for data in [*files, *_BAD]:
            status = ask(client, tally, "POST", "/v1/users/import", content=data)
            if status not in {413, 422}:
                fault = Fault.ACCEPTED if 0 < status < 400 else Fault.LOSS
                tally.blame(fault, f"{status} for {data[:100]!r}")
        table = client.get("/v1/users/export").text.splitlines()
    known = ("username,", "asker,", "keeper,", "ghost,", "owner,", "importer,")
    strangers = [line for line in table if not line.startswith(known)]
    if strangers:
        tally.blame(Fault.ACCEPTED, f"let in: {strangers[:5]}", count=len(strangers))
