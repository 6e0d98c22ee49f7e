"""Charts to pictures, in a process of its own: ``python -m crmlib.charts.drawer``.

The drawing engine (a JavaScript engine, one second to start) holds Python's lock while it works and ends its process on
some inputs. Here it starts and works beside the notebook, and what it breaks is itself.

One JSON request per line of standard input: ``{"spec": Vega-Lite, "language": "zh"}``; one answer per line of standard
output: ``{"svg": …, "vega": …}`` or ``{"error": …}``. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_FIRST = {"mark": "point", "data": {"values": []}}


def drawn(spec: str, *, language: str) -> dict[str, Any]:
    """The compiled Vega specification of a Vega-Lite one, and its picture.

    Parameters
    ----------
    spec : Vega-Lite as JSON.
    language : of the names of months and days.

    Examples
    --------
    >>> sorted(drawn(json.dumps(_FIRST), language="zh"))
    ['svg', 'vega']
    """
    import vl_convert  # noqa: PLC0415

    vega = vl_convert.vegalite_to_vega(spec, show_warnings=False)
    vega.pop("$schema", None)
    silence(vega)
    locale = vl_convert.get_time_format_locale("zh-CN" if language == "zh" else "en-GB")
    return {"vega": vega, "svg": vl_convert.vega_to_svg(vega, time_format_locale=locale, allowed_base_urls=[])}


def silence(group: dict[str, Any]) -> None:
    """Hide every mark, axis and legend from screen readers: the picture as a whole has its text alternative."""
    for part in (*group.get("marks", ()), *group.get("axes", ()), *group.get("legends", ())):
        part["aria"] = False
        silence(part)
    if isinstance(group.get("title"), dict):
        group["title"]["aria"] = False


def main() -> None:
    """Answer requests until the input ends."""
    drawn(json.dumps(_FIRST), language="en")  # starts the engine before the first request comes
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            answer = drawn(json.dumps(request["spec"]), language=request["language"])
        except Exception as problem:  # whatever the engine says of a specification
            answer = {"error": str(problem)[:500]}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
