"""Pages of own reports draw with one engine; see the tests of the page."""

from tests.report.conftest import drawer, out, shared_drawer

__all__ = ["drawer", "out", "shared_drawer"]
