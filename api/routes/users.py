"""Routes of users: admins manage them, and everyone can change their own password."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from api.access import Admin, Signed, Viewer
from api.accounts.csv_files import RowFault, read_users, write_users
from api.accounts.database import LastAdmin, UserExists
from api.accounts.users import USERNAME, NewUser, Role, User, password_fault
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.client_address import client_of
from api.http.openapi import errors
from api.http.problems import FieldError, Members, Problem
from api.http.responses import no_store
from api.http.times import iso
from api.payloads.users import Imported, PasswordChange, UserList, UserRequest, UserRow
from api.sign_in import check_password

CSV = "text/csv"
MOST_FAULTS = 100
REFUSED = errors(problems.SIGN_IN, problems.FORBIDDEN, problems.INVALID, problems.UNAVAILABLE)
WRITING = {**REFUSED, **errors(problems.CONFLICT, problems.TOO_LARGE)}
CSV_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            CSV: {
                "schema": {"type": "string"},
                "example": "username,role,password\nada,operator,correct horse battery staple\n",
            }
        },
    }
}
router = APIRouter(tags=["users"], dependencies=[*Signed, Depends(no_store)])
Username = Annotated[str, Path(pattern=USERNAME, examples=["ada"])]


async def csv_body(request: Request) -> bytes:
    """Return the raw body of a request.

    Raises:
        Problem: It is a form with the file in it.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        detail = "send the file itself and no form: curl --data-binary @users.csv"
        raise Problem(problems.INVALID, detail)
    return await request.body()


@router.get("/v1/users", responses=REFUSED)
def list_users(parts: TheParts, _: Admin) -> UserList:
    """Return all users."""
    return UserList(data=[_row(user) for user in parts.gate.users.all()])


@router.get("/v1/users/me", responses=REFUSED)
def me(user: Viewer) -> UserRow:
    """Return the user who is signed in."""
    return _row(user)


@router.get(
    "/v1/users/export",
    response_class=Response,
    responses={**REFUSED, 200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
def export_users(parts: TheParts, _: Admin) -> Response:
    """Return all users as CSV, without passwords."""
    headers = {"Content-Disposition": 'attachment; filename="users.csv"'}
    headers["Cache-Control"] = "no-store"
    return Response(write_users(parts.gate.users.all()), headers=headers, media_type=CSV)


@router.post("/add_user", status_code=HTTPStatus.CREATED, responses=WRITING)
@router.post("/v1/users", status_code=HTTPStatus.CREATED, responses=WRITING)
async def add_user(parts: TheParts, admin: Admin, wanted: UserRequest) -> UserRow:
    """Add a user."""
    password = wanted.password.get_secret_value()
    _check_password(password, wanted.username)
    person = NewUser(wanted.username, wanted.role, password)
    return await parts.hashing.run(admin.username, partial(_added, parts, person))


@router.post(
    "/import_users",
    responses=WRITING,
    openapi_extra=CSV_BODY,
)
@router.post(
    "/v1/users/import",
    responses=WRITING,
    openapi_extra=CSV_BODY,
)
async def import_users(
    parts: TheParts, admin: Admin, data: Annotated[bytes, Depends(csv_body)]
) -> Imported:
    """Add users from CSV with username, role and password; none if any row has an error."""
    return await parts.importing.run(admin.username, partial(_imported, parts, data))


@router.delete(
    "/v1/users/{username}",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**WRITING, **errors(problems.NOT_FOUND)},
)
def remove_user(parts: TheParts, _: Admin, username: Username) -> None:
    """Remove a user; their tokens end at once."""
    try:
        removed = parts.gate.users.remove(username)
    except LastAdmin as error:
        raise Problem(problems.CONFLICT, str(error)) from error
    if not removed:
        raise _nobody(username)


@router.post(
    "/v1/users/{username}/password",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**WRITING, **errors(problems.NOT_FOUND, problems.SLOW_DOWN)},
)
async def change_password(
    request: Request, parts: TheParts, user: Viewer, username: Username, change: PasswordChange
) -> None:
    """Change your own password, or as an admin another user's; the user's tokens end at once."""
    generation = None
    if username.lower() == user.username:
        generation = (await _check_current(request, parts, user, change)).generation
    elif not user.role.may(Role.ADMIN):
        raise Problem(problems.FORBIDDEN, "only an admin may change another user's password")
    password = change.password.get_secret_value()
    _check_password(password, username)
    do = partial(parts.gate.change_password, username, password, generation=generation)
    if not await parts.hashing.run(user.username, do):
        if generation is not None:
            raise Problem(problems.CONFLICT, "your password was changed meanwhile")
        raise _nobody(username)


async def _check_current(
    request: Request, parts: Dependencies, user: User, change: PasswordChange
) -> User:
    current = change.current.get_secret_value() if change.current else ""
    found = await check_password(parts, client_of(request), user.username, current)
    if found is None:
        raise Problem(problems.FORBIDDEN, "`current` is not the password")
    return found


def _check_password(password: str, username: str) -> None:
    if (fault := password_fault(password, username)) is not None:
        error = FieldError("body.password", fault)
        raise Problem(problems.INVALID, f"password: {fault}", members=Members(errors=(error,)))


def _add(parts: Dependencies, people: list[NewUser]) -> None:
    try:
        parts.gate.add(people)
    except UserExists as error:
        raise Problem(problems.CONFLICT, str(error)) from error


def _added(parts: Dependencies, person: NewUser) -> UserRow:
    _add(parts, [person])
    user = parts.gate.users.find(person.username)
    if user is None:
        raise _nobody(person.username)
    return _row(user)


def _imported(parts: Dependencies, data: bytes) -> Imported:
    people, faults = read_users(data, most=parts.settings.api.import_rows)
    if faults:
        raise _wrong_rows(faults)
    _add(parts, people)
    return Imported(created=len(people))


def _wrong_rows(faults: list[RowFault]) -> Problem:
    errors_ = tuple(
        FieldError(", ".join(filter(None, (f"row {f.row}", f.column))), f.message)
        for f in faults[:MOST_FAULTS]
    )
    detail = f"nothing was imported: {len(faults)} errors"
    return Problem(problems.INVALID, detail, members=Members(errors=errors_))


def _nobody(username: str) -> Problem:
    return Problem(problems.NOT_FOUND, f"there is no user {username.lower()}")


def _row(user: User) -> UserRow:
    return UserRow(
        username=user.username,
        role=user.role,
        created_ms=user.created_ms,
        created_time=iso(user.created_ms),
    )
