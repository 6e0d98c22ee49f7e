"""What the page of one customer says."""

from crmlib.pages.customer_360.findings.person import Person, basket, course, on_file, person_answer, row_of, standing

__all__ = [
    "Person",
    "basket",
    "course",
    "on_file",
    "person_answer",
    "row_of",
    "standing",
]
