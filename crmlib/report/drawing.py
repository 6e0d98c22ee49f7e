"""Charts on a page: a picture that needs nothing, and the interactive one that takes its place.

The Vega-Lite specification is compiled here, so the page carries only Vega and its expression interpreter: one script
for all charts, gzipped and base64, unpacked in the browser, without a request and without `eval` (which lets the page
forbid both).
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crmlib.kit.charts import drawer
from crmlib.kit.words.locales import locale
from crmlib.report import sanitize
from crmlib.report.memory import remember

WIDTH = 690
"""Width of the drawing column of a wide page [px]; pictures are drawn for it, the interactive chart fits itself."""
_NAMES = re.compile(r"^(?:view|param|layer|concat|facet)_\d+$")
_CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\u00(?:0[0-8bcef]|1[0-9a-f]|7f)")
_CDN = "https://cdn.jsdelivr.net/npm"  # how the bundler names its own vendored modules; nothing is fetched
_INTERPRETER = "2.0.0"
_SNIPPET = """
import {{parse, View, loader, locale}} from "{cdn}/vega@{vega}/+esm.js";
import {{expressionInterpreter}} from "{cdn}/vega-interpreter@{interpreter}/+esm.js";
window.crmlibVega = {{parse, View, loader, locale, expressionInterpreter}};
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as a safe inline picture and as a Vega specification in JSON that fits into a script element."""

    svg: str
    vega: str


FOLDER = "drawings"
"""Where drawings are kept, in the folder of what is remembered; it may be removed at any time."""
MOST_BYTES = 100_000_000
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


class DrawingError(Exception):
    """A chart that the engine could not draw; the page shows its table instead."""


class Drawer:
    """The engine in its own process, one chart after the other, while the notebook computes.

    Where engines are kept (`drawer.VARIABLE` says where), one of them draws; else the page starts its own. An input
    that ends an engine costs its own chart only: the next one finds a new engine.

    Parameters
    ----------
    kept : where drawings are kept: a chart of the same data is drawn once. None draws each.
    """

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawer")
        self._engines: list[subprocess.Popen[bytes]] = []
        weakref.finalize(self, _end, self._engines)

    def start(self) -> None:
        """Start the engine before there is something to draw."""
        if drawer.VARIABLE not in os.environ:
            self._queue.submit(self._engine)

    def order(self, chart: Any, *, language: str, key: str = "chart") -> Future[Drawing]:
        """Put `chart` into the queue.

        Parameters
        ----------
        chart : an Altair chart.
        language : of the names of months and days.
        key : of its finding; names inside the picture begin with it.
        """
        spec = printable(json.dumps(fitted(stable_names(chart.to_dict(validate=False)))))
        name = key.replace(".", "-").replace("_", "-")
        return self._queue.submit(self._draw, f'{{"language": "{language}", "spec": {spec}}}\n'.encode(), name)

    def close(self) -> None:
        """End the engine when the queue is empty."""
        self._queue.submit(_end, self._engines)
        self._queue.shutdown(wait=False)

    def _engine(self) -> subprocess.Popen[bytes]:
        if not self._engines or self._engines[-1].poll() is not None:
            _end(self._engines)
            command = [sys.executable, "-m", "crmlib.kit.charts.drawer"]
            # what the engine prints while it dies is its own affair
            engine = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self._engines.append(engine)
        return self._engines[-1]

    def _draw(self, request: bytes, name: str) -> Drawing:
        if self._kept is None:
            return self._drawn(request, name)
        of = (request.decode(), name, *_drawn_by())
        return remember.kept(self._kept, partial(self._drawn, request, name), *of, most=MOST_BYTES)

    def _drawn(self, request: bytes, name: str) -> Drawing:
        try:
            line = _asked(request, os.environ.get(drawer.VARIABLE, "")) or self._asked(request)
        except OSError as error:
            raise DrawingError(str(error)) from error
        answer = json.loads(line)
        if "error" in answer:
            raise DrawingError(answer["error"])
        return Drawing(svg=sanitize.svg(answer["svg"], name=name), vega=script_json(answer["vega"]))

    def _asked(self, request: bytes) -> bytes:
        """The answer of the page's own engine."""
        engine = self._engine()
        if engine.stdin is None or engine.stdout is None:
            raise DrawingError("the engine has no pipes")
        engine.stdin.write(request)
        engine.stdin.flush()
        line = engine.stdout.readline()
        if not line:
            engine.wait()
            raise DrawingError(f"the engine ended with code {engine.returncode}")
        return line


@cache
def _drawn_by() -> tuple[object, ...]:
    """What a picture depends on besides its chart and our code: the engine, and the fonts that it measures texts by."""
    folders = sorted(place for top in _FONTS for place, _, _ in os.walk(Path(top).expanduser()))
    return version("vl-convert-python"), [(place, os.stat(place).st_mtime_ns) for place in folders]


def _asked(request: bytes, address: str) -> bytes | None:
    """The answer of a kept engine; none where there is nobody to ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as kept:
        try:
            kept.connect(address)
        except OSError:
            return None
        kept.settimeout(2 * drawer.MOST_SECONDS)
        with kept.makefile("rwb") as stream:
            stream.write(request)
            stream.flush()
            line = stream.readline()
    if not line:
        raise DrawingError("the engine ended")
    return line


def _end(engines: list[subprocess.Popen[bytes]]) -> None:
    """Let engines go: their input ends, and so do they."""
    while engines:
        engine = engines.pop()
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            engine.communicate(timeout=5)
        engine.kill()
        engine.wait()


def fitted(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec` with a single or layered view made to fit a width.

    Examples
    --------
    >>> sorted(fitted({"mark": "bar", "width": 300}).items())
    [('autosize', {'type': 'fit-x', 'contains': 'padding'}), ('mark', 'bar'), ('width', 690)]
    """
    single = ("mark" in spec or "layer" in spec) and "facet" not in spec and not _is_faceted(spec)
    if single and isinstance(spec.get("width"), int | float):
        spec = spec | {"width": WIDTH, "autosize": {"type": "fit-x", "contains": "padding"}}
    return spec


def stable_names(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec` with Altair's running numbers (``view_17``) counted from one, so that the same chart has the same bytes.

    Examples
    --------
    >>> stable_names({"name": "view_17", "params": [{"name": "param_9", "views": ["view_17"]}], "datasets": {}})
    {'name': 'view_1', 'params': [{'name': 'param_2', 'views': ['view_1']}], 'datasets': {}}
    """
    data: dict[str, Any] = {name: spec[name] for name in ("data", "datasets") if name in spec}
    drawn = {name: value for name, value in spec.items() if name not in data}
    found: dict[str, str] = {}
    _collect_names(drawn, found)
    if found:
        names = re.compile(r"\b(" + "|".join(sorted(found, key=len, reverse=True)) + r")(?!\d)")
        drawn = json.loads(names.sub(lambda m: found[m[1]], json.dumps(drawn)))
    return {name: data[name] if name in data else drawn[name] for name in spec}


def printable(text: str) -> str:
    r"""JSON with control characters in its strings replaced: a NUL in a name would abort the drawing engine.

    Examples
    --------
    >>> json.loads(printable(json.dumps("a\x00b, kept: \\u0000\t"))) == "a\ufffdb, kept: \\u0000\t"
    True
    """
    return _CONTROL.sub(r"\1\\ufffd", text)


def script_json(value: object) -> str:
    r"""JSON that can stand inside a script element whatever its strings contain.

    Examples
    --------
    >>> script_json("</script><!--")
    '"\\u003c/script\\u003e\\u003c!--"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


@dataclass(frozen=True, slots=True)
class Bundle:
    """The drawing script: gzipped and in base64, and the hash of its text for the page's security policy."""

    packed: str
    sha256: str


@cache
def bundle() -> Bundle:
    """The one script that draws every chart of a page; made in about a second, then read from the user's cache."""
    import vl_convert  # noqa: PLC0415

    snippet = _SNIPPET.format(cdn=_CDN, vega=vl_convert.get_vega_version(), interpreter=_INTERPRETER)
    name = hashlib.sha256(f"{version('vl-convert-python')}{snippet}".encode()).hexdigest()[:16]
    kept = _cache_folder() / f"vega-{name}.js.gz"
    try:
        packed = kept.read_bytes()
        script = gzip.decompress(packed)
    except (OSError, EOFError, gzip.BadGzipFile):
        script = vl_convert.javascript_bundle(snippet).encode()
        packed = gzip.compress(script, 9, mtime=0)
        _keep(kept, packed)
    return Bundle(base64.b64encode(packed).decode(), base64.b64encode(hashlib.sha256(script).digest()).decode())


def time_locale(language: str) -> str:
    """Names of months and days for the browser, as JSON; empty where Vega's own (English) ones serve."""
    import vl_convert  # noqa: PLC0415

    times: Any = locale(language).time
    return "" if times.startswith("en") else script_json(vl_convert.get_time_format_locale(times))


def _is_faceted(spec: dict[str, Any]) -> bool:
    return any(name in spec.get("encoding", {}) for name in ("row", "column", "facet"))


def _collect_names(node: object, found: dict[str, str]) -> None:
    if isinstance(node, dict):
        name = node.get("name")
        if isinstance(name, str) and _NAMES.match(name) and name not in found:
            found[name] = f"{name.rsplit('_', 1)[0]}_{len(found) + 1}"
        for key, value in node.items():
            if key not in ("data", "datasets"):
                _collect_names(value, found)
    elif isinstance(node, list):
        for value in node:
            _collect_names(value, found)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crmlib"


def _keep(path: Path, content: bytes) -> None:
    """Store `content` for the next process; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        return
