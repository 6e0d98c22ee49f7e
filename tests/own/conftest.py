"""Pages of own reports draw with one engine; see the tests of the page."""

from tests.report.conftest import drawn, out

__all__ = ["drawn", "out"]
