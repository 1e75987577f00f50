"""One message to one real receiver: what counts as sent, as refused, and as nobody knows."""

import pytest
from pydantic import SecretStr

from sinks.notify.mailbox import Message
from sinks.notify.plan import Limit, Target
from sinks.notify.sending import NotSent, send
from tests.support.receivers import running_mailbox, running_webhook

MESSAGE = Message("Candlewick: drift", "what happened", "info")
MAIL = "mailto://127.0.0.1:{}/?from=a@example.com&to=b@example.com"


def to(url: str) -> Target:
    return Target("phone", SecretStr(url), Limit(), None)


def failure(url: str) -> NotSent:
    with pytest.raises(NotSent) as caught:
        send(to(url), MESSAGE)
    return caught.value


def test_an_answer_that_takes_longer_than_the_library_waits_is_an_answer() -> None:
    with running_webhook() as hook:
        hook.delay_s = 5.0
        hook.may_answer.clear()
        send(to(hook.url()), MESSAGE)

    assert hook.texts == ["what happened"]


def test_an_address_cannot_shorten_the_wait_or_repeat_a_message_by_itself() -> None:
    with running_webhook() as hook:
        hook.delay_s = 1.0
        hook.may_answer.clear()
        send(to(f"{hook.url()}?rto=0.2&retry=3"), MESSAGE)

    assert hook.attempts == 1


def test_a_connection_that_is_cut_before_the_answer_may_have_brought_the_message() -> None:
    with running_webhook() as hook:
        hook.cuts = True

        assert failure(hook.url()).is_unsure
    assert hook.attempts == 1


def test_a_server_that_is_not_there_has_not_taken_the_message() -> None:
    assert not failure("json://127.0.0.1:9/hook").is_unsure


@pytest.mark.parametrize(("status", "is_unsure"), [(400, False), (500, False), (504, True)])
def test_a_status_refuses_the_message_unless_a_gateway_gives_it(
    status: int,
    is_unsure: bool,  # noqa: FBT001
) -> None:
    with running_webhook() as hook:
        hook.status = status
        error = failure(hook.url())

    assert str(error) == f"phone: it answered with status {status}"
    assert error.is_unsure is is_unsure


def test_a_mail_server_that_refuses_has_not_taken_the_message() -> None:
    with running_mailbox() as box:
        box.refuses = True
        error = failure(MAIL.format(box.port))

    assert str(error) == "phone: the mail server refuses it"
    assert not error.is_unsure


def test_a_mail_server_that_goes_away_behind_the_text_may_have_taken_it() -> None:
    with running_mailbox() as box:
        box.cuts = True

        assert failure(MAIL.format(box.port)).is_unsure
    assert len(box.mails) == 1
