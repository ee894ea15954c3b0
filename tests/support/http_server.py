"""A local HTTP server that serves one file and fails on request."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    """How one request is answered; what is not said is as a well-behaved server does it."""

    status: int | None = None  # an error with this status instead of the file
    body: bytes | None = None  # this instead of the file
    stop_after: int | None = None  # bytes of the body, after which the connection closes
    stall_after: int | None = None  # bytes of the body, after which nothing more comes
    announces_length: bool = True


@dataclass
class Served:
    """What one request asked for and got."""

    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


@dataclass
class FileServer:
    """Serve `body` at every path: first as `answers` say, one a request, then well."""

    body: bytes
    answers: Sequence[Answer] = ()
    etag: str | None = '"one"'
    honours_range: bool = True
    served: list[Served] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._plan = list(self.answers)
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the file."""
        return f"http://127.0.0.1:{self._server.server_port}/concrete.zip"

    @property
    def sent(self) -> int:
        """Bytes of bodies sent so far."""
        return sum(served.sent for served in self.served)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served = Served(self.headers.get("Range"), self.headers.get("If-Range"))
                files.served.append(served)
                files._answer(self, files._plan.pop(0) if files._plan else Answer(), served)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler, answer: Answer, served: Served) -> None:
        handler.close_connection = True
        served.status = answer.status or 200
        if answer.status:
            handler.send_error(answer.status)
            return
        body = self.body if answer.body is None else answer.body
        start = self._start(served)
        if start >= len(body) > 0:
            served.status = 416
            handler.send_error(416)
            return
        if start:
            served.status = 206
        handler.send_response(served.status)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if answer.announces_length:
            handler.send_header("Content-Length", str(len(body) - start))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        self._send(handler, body[start:], answer, served)

    def _start(self, served: Served) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", served.range or "")
        if not match or not self.honours_range or served.if_range not in (None, self.etag):
            return 0
        return int(match[1])

    def _send(
        self, handler: BaseHTTPRequestHandler, body: bytes, answer: Answer, served: Served
    ) -> None:
        until = answer.stop_after if answer.stall_after is None else answer.stall_after
        part = body[:until]
        served.sent = len(part)
        handler.wfile.write(part)
        handler.wfile.flush()
        if answer.stall_after is not None:
            self._closing.wait(timeout=30)
