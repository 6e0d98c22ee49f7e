"""What every report can be asked: the day, the language, the region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crmlib.kit.words import Language


class ReportParameters(BaseModel):
    """Base of the parameters of a report: scalars only, read alike from YAML, a cell, a form and an address.

    Parameters
    ----------
    as_of : last day included; without it the last day of the data.
    language : language of the page.
    region : only shops of this region; without it all of them.

    Examples
    --------
    >>> ReportParameters(as_of="2011-11-30", region="").model_dump(mode="json")
    {'as_of': '2011-11-30', 'language': 'zh', 'region': None}
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, validate_default=True)

    reads_pages: ClassVar[bool] = False
    """Whether the report is made of other reports' pages; it is made after them, and again when one of them changed."""

    as_of: date | None = None
    language: Language = "zh"
    region: str | None = Field(default=None, max_length=80)

    @property
    def asked(self) -> str:
        """What a page was asked for beside its day and language, as JSON; empty where all is as it is by default."""
        given = self.model_dump(mode="json", exclude={"as_of", "language"}, exclude_defaults=True)
        return json.dumps(given, ensure_ascii=False, sort_keys=True) if given else ""

    @model_validator(mode="before")
    @classmethod
    def _blank_means_default(cls, values: Any) -> Any:
        """A field left empty in a form is a field not given."""
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if not (isinstance(value, str) and not value.strip())}
