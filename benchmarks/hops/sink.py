"""A program: a bare HTTP server on loopback that takes everything and keeps it until it is asked.

    python sink.py <port>

`POST /link` answers as a receiver of a remote link, `POST /v1/…:publish` as Pub/Sub. `GET /taken` gives the
bodies that came since it was asked last, unpacked, as a JSON array of texts.
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_taken: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one segment

    def do_GET(self) -> None:
        taken = list(_taken)
        _taken.clear()
        self._answer(taken)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = zlib.decompress(body, wbits=31)
        if self.path.endswith(":publish"):
            messages = json.loads(body)["messages"]
            _taken.extend(b64decode(message["data"]).decode() for message in messages)
            self._answer({"messageIds": [str(number) for number, _ in enumerate(messages)]})
        else:
            _taken.append(body.decode())
            self._answer({"accepted": len(json.loads(body)), "rejected": []})

    def _answer(self, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
