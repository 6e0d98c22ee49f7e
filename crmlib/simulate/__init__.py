"""A company whose truth is known: customers, sales, promotions, service, written as raw exports."""

from crmlib.simulate.company import company

__all__ = ["company"]
