"""Which addresses of targets are taken; nothing is sent."""

import pytest
from pydantic import SecretStr

from schemas.errors import ConfigurationError
from sinks.notify.plan import Limit, Target
from sinks.notify.sending import check_address

BOT = "tgram://123456789:abcdefg_hijklmnop"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
DISCORD = f"discord://{'1' * 18}/{'a' * 64}"
MAIL = "mailtos://user:hunter2@example.com"


def check(url: str) -> None:
    check_address(Target("phone", SecretStr(url), Limit(), None))


@pytest.mark.parametrize(
    "url",
    [
        "json://host:80/path",
        f"{BOT}/12315544",
        f"{SLACK}/#channel",
        DISCORD,
        MAIL,
        f"{MAIL}?to=you@example.org&retry=2",
    ],
)
def test_an_address_with_one_receiver_is_taken(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    "url",
    [
        f"{BOT}/12315544/12315545",
        f"{SLACK}/#channel/#other",
        f"{MAIL}?to=a@example.org,b@example.org",
        f"{MAIL}?to=a@example.org&cc=b@example.org",
        f"{MAIL}?to=a@example.org&bcc=b@example.org",
    ],
)
def test_an_address_with_several_receivers_is_refused(url: str) -> None:
    """One of them that fails would bring each message to the others again and again."""
    with pytest.raises(ConfigurationError, match="write one target for each") as caught:
        check(url)
    assert "hunter2" not in str(caught.value)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="compare it with the examples"):
        check("bogus://x")
