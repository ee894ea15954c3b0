"""The requests that the page makes; nothing but this machine can make any."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import PurePath
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cracks.app.gallery import FILES, Conclusion, Gallery
from cracks.evaluation.verdict import title
from cracks.pipeline.errors import CracksError

HOST = "127.0.0.1"

MAX_UPLOAD = 100_000_000
"""Bytes of a photograph above which it is refused while it is sent."""

_UPLOAD_TYPE = "application/octet-stream"  # other sites' pages cannot send that without asking
_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
_TYPES = {".png": "image/png", ".csv": "text/csv; charset=utf-8", ".json": "application/json"}

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(gallery: Gallery, about: dict[str, str]) -> Starlette:
    """The application.

    Args:
        gallery: keeps the photographs.
        about: for each backbone, a sentence on what its head was trained on.
    """
    page = files("cracks.app").joinpath("page.html").read_text(encoding="utf-8")

    async def show_page(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    async def add(request: Request) -> Response:
        if request.headers.get("content-type") != _UPLOAD_TYPE:
            raise CracksError("Expected a photograph's bytes.")
        name = PurePath(request.query_params.get("name", "")).name or "photograph"
        data = await _body(request)
        key = await run_in_threadpool(gallery.add, name, data)
        photograph = gallery.photograph(key)
        backbones = [
            {
                "backbone": backbone,
                "title": title(backbone),
                "threshold": classifier.threshold,
                "about": about[backbone],
                "unfamiliar": photograph.unfamiliar.get(backbone),
            }
            for backbone, classifier in gallery.classifiers.items()
        ]
        return JSONResponse({"key": key, "name": name, "backbones": backbones})

    async def conclude(request: Request) -> Response:
        found = await _conclusion(request, gallery)
        return JSONResponse({"summary": dict(found.summary), "regions": list(found.regions)})

    async def download(request: Request) -> Response:
        file = request.path_params["file"]
        if file not in FILES:
            return JSONResponse({"error": "There is no such file."}, 404)
        found = await _conclusion(request, gallery)
        photograph = gallery.photograph(request.path_params["key"])
        stem = f"{PurePath(photograph.name).stem}-{request.path_params['backbone']}"
        disposition = f"inline; filename*=UTF-8''{quote(stem + FILES[file])}"
        kind = _TYPES[PurePath(file).suffix]
        return Response(
            found.files[file], media_type=kind, headers={"Content-Disposition": disposition}
        )

    place = "/photographs/{key}/{backbone}"
    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/photographs", _explained(add), methods=["POST"]),
            Route(place, _explained(conclude)),
            Route(place + "/{file}", _explained(download)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


def _explained(endpoint: Endpoint) -> Endpoint:
    """Answer a request that cannot be served with one sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except CracksError as error:
            return JSONResponse({"error": str(error)}, 422)

    return answer


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise CracksError(f"more than the {MAX_UPLOAD:,} bytes that are allowed")
    return bytes(data)


async def _conclusion(request: Request, gallery: Gallery) -> Conclusion:
    backbone = request.path_params["backbone"]
    if backbone not in gallery.classifiers:
        raise CracksError(f"There is no trained {backbone}.")
    try:
        threshold = float(request.query_params["threshold"])
    except (KeyError, ValueError):
        threshold = -1.0
    if not 0 < threshold < 1:
        raise CracksError("Expected a threshold between 0 and 1.")
    key = request.path_params["key"]
    found: Conclusion = await run_in_threadpool(gallery.conclude, key, backbone, threshold)
    return found
