"""The requests that the page makes; nothing but this machine can make any."""

import re
from collections.abc import Mapping
from importlib.resources import files
from mimetypes import MimeTypes
from pathlib import PurePath
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cracks.backbones.catalogue import title
from cracks.images.files import check_name
from cracks.project.errors import CracksError, explained
from cracks.tools.app.gallery import LAYER, Gallery, files_of, layer_of
from cracks.tools.walls.inspection import FILES, SUMMARY, Inspection

HOST = "127.0.0.1"

MAX_UPLOAD = 100_000_000
"""Bytes of a photograph above which it is refused while it is sent."""

_UPLOAD_TYPE = "application/octet-stream"  # other sites' pages cannot send that without asking
_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_TYPES = MimeTypes().types_map[True]  # by suffix, whatever this system's own table says
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def create_app(gallery: Gallery, about: Mapping[str, str]) -> Starlette:
    """The application. What can be done without waiting for a request runs in threads.

    Args:
        gallery: keeps the photographs.
        about: for each backbone, a sentence on what was trained on what.
    """
    return Starlette(
        routes=[*_page_routes(), *_photograph_routes(gallery, about), *_result_routes(gallery)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        exception_handlers=dict.fromkeys((CracksError, OSError, ClientDisconnect), _refused),
    )


def _page_routes() -> list[Route]:
    folder = files("cracks.tools.app")
    page, icon = (folder.joinpath(name).read_bytes() for name in ("page.html", "icon.svg"))

    return [
        Route("/", lambda _: HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})),
        Route("/icon.svg", lambda _: Response(icon, media_type=_TYPES[".svg"])),
    ]


def _photograph_routes(gallery: Gallery, about: Mapping[str, str]) -> list[Route]:
    """What concerns photographs, before anything is looked for in them."""

    async def add(request: Request) -> Response:
        if request.headers.get("content-type") != _UPLOAD_TYPE:
            raise CracksError("Expected a photograph's bytes.")
        name = _file_name(request.query_params.get("name", ""))
        key = await run_in_threadpool(gallery.add, name, await _body(request))
        return JSONResponse(_described(gallery, about, key))

    def kept(_: Request) -> Response:
        return JSONResponse([_described(gallery, about, key) for key in gallery.keys_by_age()])

    def photograph(request: Request) -> Response:
        return _file(gallery.photograph(request.path_params["key"]).jpeg, ".jpg")

    return [
        Route("/photographs", kept),
        Route("/photographs", add, methods=["POST"]),
        Route("/photographs/{key}.jpg", photograph),
    ]


def _result_routes(gallery: Gallery) -> list[Route]:
    """What is found in photographs."""

    def inspect(request: Request) -> Response:
        found = _inspection(request, gallery)
        regions = found.rounded_regions().to_dict("records")
        return JSONResponse({"summary": found.summary(), "regions": regions})

    def download(request: Request) -> Response:
        file = request.path_params["file"]
        if file not in FILES and file != LAYER:
            return JSONResponse({"error": "There is no such file."}, 404)
        found = _inspection(request, gallery)
        if file == LAYER:
            return _file(layer_of(found), ".png")
        data = files_of(gallery.photograph(request.path_params["key"]), found)[file]
        name = f"{PurePath(found.name).stem}-{found.backbone}{FILES[file]}"
        return _file(data, PurePath(file).suffix, name)

    return [
        Route("/summary.csv", lambda _: _file(gallery.summary().encode(), ".csv", SUMMARY)),
        Route("/crack-maps.zip", lambda _: _file(gallery.archive(), ".zip", "crack-maps.zip")),
        Route("/photographs/{key}/{backbone}", inspect),
        Route("/photographs/{key}/{backbone}/{file}", download),
    ]


def _described(gallery: Gallery, about: Mapping[str, str], key: str) -> dict[str, object]:
    """A photograph as the page needs it."""
    photograph = gallery.photograph(key)
    height, width = photograph.rgb.shape[:2]
    backbones = [
        {
            "backbone": backbone,
            "title": title(backbone),
            "threshold": photograph.threshold(backbone),
            "about": about[backbone],
        }
        for backbone in gallery.classifiers
    ]
    return {
        "key": key,
        "name": photograph.name,
        "width": width,
        "height": height,
        "mm_per_pixel": photograph.mm_per_pixel,
        "backbones": backbones,
    }


def _file(data: bytes, suffix: str, name: str | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if name:
        headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name)}"
    return Response(data, media_type=_TYPES[suffix], headers=headers)


def _refused(_: Request, error: Exception) -> Response:
    """The answer to a request that cannot be served: one sentence."""
    if isinstance(error, CracksError):
        return JSONResponse({"error": str(error)}, 422)
    if isinstance(error, OSError):
        return JSONResponse({"error": explained(error)}, 507)
    return Response(status_code=400)  # ClientDisconnect: nobody waits for an answer


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise CracksError(f"more than the {MAX_UPLOAD:,} bytes that are allowed")
    return bytes(data)


def _inspection(request: Request, gallery: Gallery) -> Inspection:
    backbone = request.path_params["backbone"]
    if backbone not in gallery.classifiers:
        raise CracksError(f"There is no trained {backbone}.")
    threshold = _number(request, "threshold")
    if threshold is None or not 0 < threshold < 1:
        raise CracksError("Expected a threshold between 0 and 1.")
    mm_per_pixel = _number(request, "mm")
    if mm_per_pixel is not None and not 1e-6 <= mm_per_pixel <= 1e6:
        raise CracksError("Expected millimetres per pixel from 0.000001 to 1,000,000.")
    return gallery.inspect(request.path_params["key"], backbone, threshold, mm_per_pixel)


def _file_name(given: str) -> str:
    """The last part of a path of any system; a file of a ZIP must not lead elsewhere.

    Raises:
        CracksError: if it cannot be displayed.
    """
    name = re.split(r"[/\\]", re.sub("^[A-Za-z]:", "", given))[-1].strip().replace(":", "-")
    if not name.strip("."):
        return "photograph"
    check_name(name)
    return name


def _number(request: Request, name: str) -> float | None:
    """A number of the query, NaN if it is none, None if it is not there."""
    value = request.query_params.get(name)
    if not value:
        return None
    return float(value) if _DECIMAL.fullmatch(value) else float("nan")
