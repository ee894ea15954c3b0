"""A local HTTP server that serves one file, well or exactly as badly as it is told."""

import re
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self


@dataclass(frozen=True)
class Answer:
    """The bytes of one response, and what happens after them."""

    data: bytes
    repeat: bytes = b""  # sent again and again until the client hangs up
    then: Literal["close", "stall", "reset"] = "close"


@dataclass
class Served:
    """One request, and how it was answered."""

    range: str | None
    if_range: str | None
    status: int
    sent: int  # bytes of the body


def reply(
    status: int = 200,
    *headers: str,
    body: bytes = b"",
    length: bool = True,
    repeat: bytes = b"",
    then: Literal["close", "stall", "reset"] = "close",
) -> Answer:
    """A response; `headers` are whole lines, and `length` adds the right Content-Length."""
    lines = [f"HTTP/1.1 {status} Some Phrase", *headers]
    if length and not any(line.startswith("Content-Length") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return Answer(head + body, repeat, then)


@dataclass
class FileServer:
    """Serve `body` at every path: first as `answers` say, one for each request, then well."""

    body: bytes
    answers: Iterable[Answer] = ()
    etag: str | None = '"one"'
    tls: ssl.SSLContext | None = None
    served: list[Served] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._plan = iter(self.answers)
        self._server = _server_of(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the file."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}/concrete.zip"

    @property
    def sent(self) -> int:
        """Bytes of bodies sent so far."""
        return sum(served.sent for served in self.served)

    def answer(self, connection: socket.socket) -> None:
        """Answer one request and close the connection."""
        request = b""
        while b"\r\n\r\n" not in request and not request.startswith(b"\x16"):  # TLS
            if not (data := connection.recv(65536)):
                return
            request += data
        wanted, if_range = _header(request, "Range"), _header(request, "If-Range")
        answer = next(self._plan, None) or self._served_well(wanted, if_range)
        status = re.match(rb"HTTP/1.1 (\d+)", answer.data)
        body = answer.data.partition(b"\r\n\r\n")[2]
        self.served.append(Served(wanted, if_range, int(status[1]) if status else 0, len(body)))
        _send(connection, answer)

    def _served_well(self, wanted: str | None, if_range: str | None) -> Answer:
        headers = [f"ETag: {self.etag}"] if self.etag else []
        match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        if not match or if_range not in {None, self.etag}:
            return reply(200, *headers, body=self.body)
        start, size = int(match[1]), len(self.body)
        if start >= size:
            return reply(416, f"Content-Range: bytes */{size}")
        content_range = f"Content-Range: bytes {start}-{size - 1}/{size}"
        return reply(206, content_range, *headers, body=self.body[start:])


def _send(connection: socket.socket, answer: Answer) -> None:
    connection.sendall(answer.data)
    while answer.repeat:
        connection.sendall(answer.repeat)
    if answer.then == "stall":
        connection.recv(1)  # until the client hangs up
    if answer.then == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _header(request: bytes, name: str) -> str | None:
    match = re.search(rf"\r\n{name}: ([^\r]*)", request.decode("latin-1"), re.IGNORECASE)
    return match[1] if match else None


def _server_of(files: FileServer) -> socketserver.TCPServer:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client hung up
                files.answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, object]:
            connection, address = super().get_request()
            if files.tls:
                connection = files.tls.wrap_socket(connection, server_side=True)
            return connection, address

    return Server(("127.0.0.1", 0), Handler)
