"""The page: one notebook, three faces.

>>> from crmlib import report  # doctest: +SKIP
>>> page = report.open("customer_value", globals())  # doctest: +SKIP
"""

from crmlib.report.form.cell import Choice, Range
from crmlib.report.opening import open_page
from crmlib.report.opening import open_page as open
from crmlib.report.page import Page
from crmlib.report.study import Study, answered, otherwise, section

__all__ = ["Choice", "Page", "Range", "Study", "answered", "open", "open_page", "otherwise", "section"]
