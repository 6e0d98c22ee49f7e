"""crmlib: from raw retail exports to findings that a planner can act on."""

from crmlib.core.lazy import submodules
from crmlib.core.put_off import put_off_all

put_off_all()
__version__ = "0.1.0"

__getattr__, __dir__ = submodules(__name__, __path__, names=["__version__"])
