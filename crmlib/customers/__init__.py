"""Who the customers are: members and their cards, groups and what is unusual about them, loyalty, the 360° view.

Behind the face: `members` (cards told apart, double cards, periods), `groups` (segments, profile, needs, drivers),
`loyalty` (card use, repeat trips, retention, referrals, overdue); `view360` is one customer.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
