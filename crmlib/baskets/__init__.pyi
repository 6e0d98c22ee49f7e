from crmlib.baskets import break_even as break_even
from crmlib.baskets import pairs as pairs
from crmlib.baskets import rules as rules
from crmlib.baskets import template as template
