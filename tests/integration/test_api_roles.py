"""Who may do what: every endpoint of the OpenAPI document, as nobody and as each role."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from api.accounts.users import Role
from tests.support.api_market import keep_alive
from tests.support.api_process import RunningApi, running_api
from tests.support.api_stage import ALWAYS_FRESH, LATEST, PASSWORD, Stage, wait_for_predictions

NOBODY = "nobody"
ROLES = (NOBODY, *Role)
FROM_TO = {"from": "2023-01-01T00:00:00Z", "to": "2023-02-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the least role that it takes; None for everybody.

    Attributes:
        allowed: Status where the role does.
    """

    method: str
    path: str
    needs: Role | None = None
    allowed: int = 200
    json: object = None
    content: bytes | None = None
    template: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


TRAININGS = "/v1/models/trainings/{training_id}"
TRAINING = {"symbol": "BTCUSDT", **FROM_TO}
CSV = b"username,role,password\n"
CASES = [
    Case("GET", "/livez"),
    Case("GET", "/readyz"),
    Case("GET", "/healthcheck"),
    Case("GET", "/v1/healthcheck"),
    Case("GET", "/metrics"),
    Case("GET", "/problems"),
    Case("GET", "/problems/forbidden", template="/problems/{name}"),
    Case("GET", "/v1/symbols"),
    Case("GET", "/v1/coins"),
    Case("GET", "/v1/gaps"),
    Case("GET", "/v1/completeness"),
    Case("GET", "/v1/completeness/days"),
    Case(
        "GET",
        "/v1/completeness/digests?symbol=BTCUSDT&from=2023-11-14&to=2023-11-16",
        template="/v1/completeness/digests",
    ),
    Case("GET", "/v1/audit"),
    Case("GET", "/v1/volatility"),
    Case("GET", "/v1/outcomes?symbol=BTCUSDT"),
    Case("GET", "/v1/candles?symbol=BTCUSDT"),
    Case("POST", "/v1/candles/search", json={"symbols": ["BTCUSDT"]}),
    Case("GET", "/predict?symbol=BTCUSDT"),
    Case("GET", "/v1/predictions/current?symbol=BTCUSDT"),
    Case("GET", "/v1/predictions?symbol=BTCUSDT"),
    Case("GET", "/v1/scores"),
    Case("GET", "/v1/scores/reliability"),
    Case("GET", "/v1/models"),
    Case("POST", "/train", Role.OPERATOR, 202, json=TRAINING),
    Case("POST", "/v1/models/train", Role.OPERATOR, 202, json=TRAINING),
    Case("GET", "/v1/models/trainings/0-999", allowed=404, template=TRAININGS),
    Case("GET", "/v1/users", Role.ADMIN),
    Case("GET", "/v1/users/me", Role.VIEWER),
    Case("GET", "/v1/users/export", Role.ADMIN),
    Case("POST", "/v1/users", Role.ADMIN, 409, json={"username": "root", "password": PASSWORD}),
    Case("POST", "/add_user", Role.ADMIN, 409, json={"username": "root", "password": PASSWORD}),
    Case("POST", "/v1/users/import", Role.ADMIN, 422, content=CSV),
    Case("POST", "/import_users", Role.ADMIN, 422, content=CSV),
    Case("DELETE", "/v1/users/unknown", Role.ADMIN, 404, template="/v1/users/{username}"),
    Case(
        "POST",
        "/v1/users/unknown/password",
        Role.ADMIN,
        404,
        json={"password": PASSWORD},
        template="/v1/users/{username}/password",
    ),
    Case("POST", "/v1/token", None, 401),
]
ELSEWHERE = {"/v1/stream"}  # it does not end: its test is with the live ones


@pytest.fixture(scope="module")
def headers(stage: Stage) -> dict[str, dict[str, str]]:
    return {NOBODY: {}} | {role.value: stage.signed_in(role) for role in Role}


@pytest.fixture(scope="module")
def apis(stage: Stage, headers: dict[str, dict[str, str]]) -> Iterator[dict[bool, RunningApi]]:
    """Two APIs over the same market and users: one open for reading, one closed."""
    closing = ALWAYS_FRESH | {"PUBLIC_READ": "false", "USERS_URL": stage.users_url}
    folder = stage.folder / "closed"
    with running_api(folder, stage.kafka, stage.clickhouse, **closing) as closed:
        keep_alive(stage.kafka, LATEST)
        wait_for_predictions(closed, **headers[Role.VIEWER])
        yield {True: stage.api, False: closed}


def ask(api: RunningApi, case: Case, headers: dict[str, str]) -> httpx.Response:
    with api.client(**headers) as client:
        return client.request(case.method, case.path, json=case.json, content=case.content)


def expected(case: Case, role: str, *, is_public: bool) -> int:
    reads = case.path.startswith("/v1") or case.path.startswith("/predict")
    always = {"/v1/token", "/v1/healthcheck"}
    needs = case.needs
    if needs is None and reads and not is_public and case.path not in always:
        needs = Role.VIEWER
    if needs is None:
        return case.allowed
    if role == NOBODY:
        return 401
    return case.allowed if Role(role).may(needs) else 403


@pytest.mark.parametrize("is_public", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_endpoint_answers_each_role_as_it_should(
    apis: dict[bool, RunningApi], headers: dict[str, dict[str, str]], case: Case, *, is_public: bool
) -> None:
    api = apis[is_public]

    found = {role: ask(api, case, headers[role]).status_code for role in ROLES}
    if case.path.endswith("/healthcheck"):  # whoever is let in is told that this stage stands still
        found = {role: 200 if status == 503 else status for role, status in found.items()}

    if case.path == "/v1/token":
        assert set(found.values()) == {422}  # no name, no password
    else:
        assert found == {role: expected(case, role, is_public=is_public) for role in ROLES}


def test_every_endpoint_has_a_case(apis: dict[bool, RunningApi]) -> None:
    with apis[True].client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    documented = {(method.upper(), path) for path, item in paths.items() for method in item}
    tested = {(case.method, case.template or case.path.split("?")[0]) for case in CASES}

    ours = {(m, p) for m, p in documented if not p.startswith("/registry") and p not in ELSEWHERE}
    assert ours == tested


def test_after_five_wrong_passwords_the_right_one_waits_too(apis: dict[bool, RunningApi]) -> None:
    right = {"username": "viewer", "password": PASSWORD}
    with apis[False].client() as client:
        found = [client.post("/v1/token", data=right | {"password": "x"}) for _ in range(5)]
        then = client.post("/v1/token", data=right)

    assert [answer.status_code for answer in found] == [401] * 5
    assert then.status_code == 429
    assert int(then.headers["retry-after"]) > 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.e30"])
def test_a_false_token_is_refused_even_where_none_is_needed(
    apis: dict[bool, RunningApi], token: str
) -> None:
    case = Case("GET", "/v1/symbols")

    answer = ask(apis[True], case, {"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
