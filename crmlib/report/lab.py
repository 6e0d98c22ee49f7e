"""An analyst's JupyterLab: charts without the network, results to look at. On when a page opens there.

Without a page, ``%load_ext crmlib.report.lab`` does the same.
"""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from crmlib.kit import rich

RENDERER = "crmlib"


def load_ipython_extension(shell: Any) -> None:
    """Draw charts offline, and show the package's results as tables."""
    import altair as alt  # noqa: PLC0415

    alt.renderers.register(RENDERER, bundle)
    alt.renderers.enable(RENDERER)
    shell.display_formatter.formatters["text/html"].for_type(object, html)


def bundle(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A chart as a picture: Altair's way loads Vega from the network, and JupyterLab 4.6 has no Vega-Lite 6."""
    import vl_convert  # noqa: PLC0415

    return {"image/svg+xml": vl_convert.vegalite_to_svg(spec)}


def html(thing: object) -> str | None:
    """A result of the package as a table; whatever else there is shows itself as it did before."""
    own = getattr(type(thing), "_repr_html_", None)
    if own is not None:
        return own(thing)  # type: ignore[no-any-return]
    if is_dataclass(thing) and not isinstance(thing, type) and type(thing).__module__.startswith("crmlib."):
        return rich.record(thing)
    return None


def enable() -> None:
    """Switch it on where this process is a notebook's kernel."""
    from IPython import get_ipython  # noqa: PLC0415

    shell = get_ipython()
    if shell is not None and getattr(shell, "display_formatter", None) is not None:
        load_ipython_extension(shell)
