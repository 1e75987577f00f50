"""Routes of the web page and its files."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.assets import Assets
from api.http import problems
from api.http.problems import Problem

router = APIRouter(include_in_schema=False)
_assets = Assets()


@router.get("/")
async def page(request: Request) -> Response:
    """Return the live page."""
    return _file(request, "index.html")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Return the page that shows the OpenAPI document."""
    return _file(request, "docs.html")


@router.get("/static/{name:path}")
async def file(request: Request, name: str) -> Response:
    """Return one of the page's files."""
    return _file(request, name)


def _file(request: Request, name: str) -> Response:
    found = _assets.answer(request, name)
    if found is None:
        raise Problem(problems.NOT_FOUND, "the page has no such file")
    return found
