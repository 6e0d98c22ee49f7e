"""Pages of these tests draw with one engine; see the tests of the page."""

from tests.report.conftest import drawn

__all__ = ["drawn"]
