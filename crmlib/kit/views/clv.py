"""Tables of lifetime value set for reading."""

from crmlib.kit.table import table as readable

__all__ = ["readable"]
