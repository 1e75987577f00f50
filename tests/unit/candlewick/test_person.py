"""Who decided is noted, also where the system knows no name."""

import os
import pwd

import pytest

from candlewick.person import person


def test_a_user_without_a_name_is_named_by_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)

    assert person() == f"uid {os.getuid()}"
