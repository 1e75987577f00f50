"""Routes about the API itself: metrics, and a page for each kind of problem."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.http import problems
from api.http.openapi import errors
from api.http.problems import CATALOGUE, Kind, Problem

router = APIRouter(tags=["health"])


class KindRow(BaseModel):
    """A kind of problem, with its remedy."""

    type: str
    status: int
    title: str
    remedy: str


class KindList(BaseModel):
    """All kinds of problem."""

    data: list[KindRow]


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' format."""
    registry = request.app.state.meter.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/problems")
async def list_problems() -> KindList:
    """Return all kinds of problem."""
    return KindList(data=[_row(kind) for kind in CATALOGUE.kinds.values()])


@router.get(
    "/problems/{name}",
    responses=errors(problems.NOT_FOUND),
)
async def problem_page(name: str) -> KindRow:
    """Return what a kind of problem means and what to do about it."""
    if (kind := CATALOGUE.kinds.get(name)) is None:
        raise Problem(problems.NOT_FOUND, "there is no problem of that name")
    return _row(kind)


def _row(kind: Kind) -> KindRow:
    return KindRow(type=kind.type, status=kind.status, title=kind.title, remedy=kind.remedy)
