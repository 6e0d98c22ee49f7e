"""A small S3-compatible store on loopback: objects in memory, conditional writes, uploads in parts, listings.

In a process of its own: deltalake holds the interpreter while it waits for some answers.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import urlopen
from xml.sax.saxutils import escape

KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-never-told"}


class Store:
    """What a test asks of the running store, and does to it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def keys(self, ending: str) -> list[str]:
        """Names of the objects with this ending."""
        return [key for key in self._told("keys").splitlines() if key.endswith(ending)]

    def drop(self, key: str) -> None:
        """Lose an object."""
        self._told(f"drop={quote(key, safe='')}")

    def shut(self, *, closed: bool) -> None:
        """Let nobody in, or everybody again."""
        self._told(f"shut={int(closed)}")

    def _told(self, what: str) -> str:
        with urlopen(f"{self.address}/?test-{what}", timeout=20) as answer:
            return str(answer.read().decode())


@contextmanager
def running(conditional: str = "kept") -> Iterator[Store]:
    """A store; `conditional` is how it takes `If-None-Match`: "kept", "ignored" or "refused" (501)."""
    command = [sys.executable, __file__, conditional]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield Store(f"http://127.0.0.1:{int(child.stdout.readline())}")
        finally:
            child.kill()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, conditional: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.conditional, self.pen, self.shut = conditional, threading.Lock(), False


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing is told."""

    def _asked(self) -> tuple[str, dict[str, str], bytes]:
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        return unquote(split.path).lstrip("/"), query, body

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", headers.get("length", str(len(body))))
        self.end_headers()
        self.wfile.write(body)

    def _closed(self) -> bool:
        if self.server.shut:
            self._say(403, b"<Error><Code>AccessDenied</Code></Error>")
        return self.server.shut

    def do_PUT(self) -> None:
        key, query, body = self._asked()
        if self._closed():
            return
        if "partNumber" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
        elif "if-none-match" in self.headers and self.server.conditional != "ignored":
            if self.server.conditional == "refused":
                return self._say(501, b"<Error><Code>NotImplemented</Code></Error>")
            with self.server.pen:
                if key in self.server.objects:
                    return self._say(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                self.server.objects[key] = body
        else:
            self.server.objects[key] = body
        self._say(200, ETag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def do_POST(self) -> None:
        key, query, body = self._asked()
        if self._closed():
            return
        if "uploads" in query:
            name = str(len(self.server.parts))
            self.server.parts[name] = {}
            self._say(200, f"<R><UploadId>{name}</UploadId></R>".encode())
        elif "uploadId" in query:
            parts = self.server.parts.pop(query["uploadId"])
            self.server.objects[key] = b"".join(parts[n] for n in sorted(parts))
            self._say(200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
        else:  # many deleted at once
            for name in re.findall(rb"<Key>(.*?)</Key>", body):
                self.server.objects.pop(f"{key.rstrip('/')}/{name.decode()}", None)
            self._say(200, b"<DeleteResult></DeleteResult>")

    def do_DELETE(self) -> None:
        key, _, _ = self._asked()
        self.server.objects.pop(key, None)
        self._say(204)

    def do_HEAD(self) -> None:
        key, _, _ = self._asked()
        found = self.server.objects.get(key)
        self._say(404 if found is None else 200, length=str(len(found or b"")), **_stamps(found or b""))

    def do_GET(self) -> None:
        key, query, _ = self._asked()
        if any(name.startswith("test-") for name in query):
            return self._test(query)
        if self._closed():
            return
        if "list-type" in query:
            return self._say(200, self._listing(key.rstrip("/"), query), content_type="application/xml")
        found = self.server.objects.get(key)
        if found is None:
            return self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range") or "")
        if span is None:
            return self._say(200, found, **_stamps(found))
        first = int(span[1]) if span[1] else len(found) - int(span[2])
        last = min(int(span[2]), len(found) - 1) if span[1] and span[2] else len(found) - 1
        self._say(206, found[first : last + 1], content_range=f"bytes {first}-{last}/{len(found)}", **_stamps(found))

    def _test(self, query: dict[str, str]) -> None:
        if "test-drop" in query:
            del self.server.objects[query["test-drop"]]
        if "test-shut" in query:
            self.server.shut = query["test-shut"] == "1"
        self._say(200, "\n".join(sorted(self.server.objects)).encode())

    def _listing(self, bucket: str, query: dict[str, str]) -> bytes:
        prefix, after, delimiter = (query.get(n, "") for n in ("prefix", "start-after", "delimiter"))
        files, folders = list[str](), set[str]()
        for key in sorted(self.server.objects):
            name = key.removeprefix(f"{bucket}/")
            if not (key.startswith(f"{bucket}/") and name.startswith(prefix) and name > after):
                continue
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
                continue
            stamp, size = "2026-11-29T00:00:00.000Z", len(self.server.objects[key])
            files.append(
                f"<Contents><Key>{escape(name)}</Key><LastModified>{stamp}</LastModified><ETag>e</ETag>"
                f"<Size>{size}</Size></Contents>"
            )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in sorted(folders))
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(files)}{common}</ListBucketResult>".encode()


def _stamps(found: bytes) -> dict[str, str]:
    return {
        "Last_Modified": "Sun, 29 Nov 2026 00:00:00 GMT",
        "ETag": f'"{hashlib.sha256(found).hexdigest()[:32]}"',
        "Accept_Ranges": "bytes",
    }


if __name__ == "__main__":
    server = _Server(sys.argv[1])
    print(server.server_address[1], flush=True)
    server.serve_forever()
