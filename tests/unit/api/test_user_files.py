"""Users from the CSV files that people and their spreadsheets write."""

import asyncio
from pathlib import Path

import httpx
import pytest

from api.accounts.authentication import open_gate
from api.accounts.csv_files import read_users
from api.accounts.users import NewUser, Role
from api.app import build_app
from schemas.settings import Settings
from tests.support.api_stage import PASSWORD

HEADER = "username,role,password\n"
ADA = NewUser("ada", Role.VIEWER, "correct horse battery staple")


def read(text: str) -> tuple[list[NewUser], list[tuple[int, str, str]]]:
    people, faults = read_users(text.encode(), most=5)
    return people, [(fault.row, fault.column, fault.message) for fault in faults]


@pytest.mark.parametrize(
    "text",
    [
        "username, role, password\nada, viewer, correct horse battery staple\n",
        'username, role, password\nada, viewer, "correct horse battery staple"\n',
        HEADER + "ada,viewer,correct horse battery staple\n,,\n , ,\n\n",
        "username,role,password\rada,viewer,correct horse battery staple\r",
        "\ufeffusername,role,password\r\nada,viewer,correct horse battery staple\r\n,,\r\n",
    ],
    ids=["blanks", "blanks and quotes", "emptied rows", "Macintosh", "Windows"],
)
def test_a_password_is_what_the_file_shows(text: str) -> None:
    assert read(text) == ([ADA], [])


def test_commas_and_blanks_inside_quotes_belong_to_the_password() -> None:
    people, _ = read(HEADER + 'ada,viewer, "correct, horse, battery"\n')

    assert [person.password for person in people] == ["correct, horse, battery"]


@pytest.mark.parametrize("password", ['" correct horse battery"', "correct horse battery "])
def test_a_password_with_a_blank_at_an_end_is_refused_and_not_cut(password: str) -> None:
    people, faults = read(HEADER + f"ada,viewer,{password}\n")

    assert people == []
    assert faults == [(2, "password", "begins or ends with a blank")]


@pytest.mark.parametrize(("mark", "name"), [(";", ";"), ("\t", "a tab")])
def test_cells_that_no_comma_separates_are_told_by_what_does(mark: str, name: str) -> None:
    people, faults = read("username,role,password\nada,viewer,secret words\n".replace(",", mark))

    assert people == []
    assert faults == [(1, "", f"the cells are separated by {name}: save the file with commas")]


def test_an_empty_row_between_others_is_told_and_not_passed_over() -> None:
    people, faults = read(HEADER + ",,\nada,viewer,correct horse battery staple\n")

    assert people == []
    assert {row for row, _, _ in faults} == {2}


def test_a_form_is_told_to_send_the_file_itself(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    async def play() -> httpx.Response:
        with open_gate(settings) as gate:
            gate.add([NewUser("root", Role.ADMIN, PASSWORD)])
            root = gate.users.find("root")
            assert root is not None
            headers = {"Authorization": f"Bearer {gate.tokens.make(root)}"}
            transport = httpx.ASGITransport(build_app(settings, gate))
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                files = {"file": ("users.csv", HEADER)}
                return await client.post("/v1/users/import", files=files, headers=headers)

    answer = asyncio.run(play())

    assert answer.status_code == 422
    assert "send the file itself" in answer.json()["detail"]
