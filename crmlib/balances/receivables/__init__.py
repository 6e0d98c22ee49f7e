"""Who owes, will it come, whom to call: open items, days, delay, losses, reminders."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
