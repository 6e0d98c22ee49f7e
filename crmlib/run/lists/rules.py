"""`params/contact_rules.yml`: when and how often anybody may be contacted, what a message costs, who carries it."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crmlib.core.errors import ParameterError
from crmlib.outreach.permission import PRIORITY, Cap, ContactRules
from crmlib.run.deliver import Smtp

FILE = "contact_rules.yml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Most(_Strict):
    """At most so many messages in so many days."""

    most: int = Field(ge=0)
    days: int = Field(ge=1)


class Rules(_Strict):
    """The content of the file; what is not said is the house's: 20:00 to 9:00 quiet, 3 in 30 days.

    Parameters
    ----------
    price_minor : of one short message (part), mail, call, by channel.
    unsubscribe : https address that takes the one click; `{token}` in it names list and recipient.
    webhook_from : environment variable with the address of a message service.
    """

    quiet_from: time = time(20)
    quiet_to: time = time(9)
    days_off: tuple[int, ...] = ()
    overall: Most = Most(most=3, days=30)
    channels: dict[str, Most] = Field(default_factory=dict)
    price_minor: dict[str, int] = Field(default_factory=lambda: {"sms": 5, "email": 0, "call": 150})
    unsubscribe: str = ""
    smtp: Smtp | None = None
    webhook_from: str = ""

    @property
    def contact(self) -> ContactRules:
        """The rules as the model takes them."""
        caps = {name: Cap(one.most, one.days) for name, one in self.channels.items()}
        overall = Cap(self.overall.most, self.overall.days)
        return ContactRules(self.quiet_from, self.quiet_to, frozenset(self.days_off), overall, caps, PRIORITY)


def read(folder: Path) -> Rules:
    """The rules in the folder of parameters; the house's without the file.

    Raises
    ------
    ParameterError
        `run.bad_rules`.
    """
    path = folder / FILE
    if not path.exists():
        return Rules()
    try:
        return Rules.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as problem:
        first = problem.errors()[0] if isinstance(problem, ValidationError) else None
        told = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else " ".join(str(problem).split())
        raise ParameterError("run.bad_rules", values={"file": str(path), "problem": told}) from None
