"""What an offer costs, what it brought, what the next will bring.

Behind the face: `offers` (terms and the till), `lift` (panel, base, fit), `books` (ledger, budget, who took it, slots),
`plan` (forecast, holdout), `watch` (the running event), `audit` (other means); `review` puts a judged event together
and `verdict` says what may be said of it.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
