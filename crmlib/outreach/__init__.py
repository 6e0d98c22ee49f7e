"""Lists that come back with their result: whom to contact with what, under one draw, and what it brought.

`power` says before sending what a list can show; `permission` and `funnel` say who may be contacted; `draw` leaves a
control alone and freezes the list; `campaign` is its life, `message` and `outbox` its way out. `read_out` says what it
brought (`money` per head), `programme` what a season brought. `members`, `repeat` and `new_to_them` choose people and
goods, `cells` and `invite` make one invitation each of them; `festival` and `festival_goods` follow a festival by its
lunar days.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
