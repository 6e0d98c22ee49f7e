"""What moves through stages with an owner and a due date: deals, guests, tickets, calls, care tasks, orders, claims.

One engine: `engine` (watched cases, delayed entry, competing outcomes, promises kept, exact in–out identities), `clock`
(team minutes with holidays and make-up days); who owned it that day says `core.owners`, for every page. One module per
subject: `funnel` (with `stages`, `forecast`, `sources`), `meetings` (with `media`), `cycle`, `care` (with `birthdays`,
`use_up`, `points`), `service` (with `desk`), `staffing` (with `queues`), `staff` (with `scores`), `pool`, `channel`
(with `network`, `orders`, `fulfilment`, `diversion`), `accept`.
One rule runs through all: what is unfinished, unrecorded or picked by somebody is counted and named, never dropped.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
