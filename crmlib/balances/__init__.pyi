from crmlib.balances import cash as cash
from crmlib.balances import intervals as intervals
from crmlib.balances import ledgers as ledgers
from crmlib.balances import liability as liability
from crmlib.balances import pairing as pairing
from crmlib.balances import receivables as receivables
from crmlib.balances import roll_forward as roll_forward
from crmlib.balances import rules as rules
from crmlib.balances import stock as stock
from crmlib.balances import ties as ties
from crmlib.balances.pairing import aged as aged
from crmlib.balances.pairing import pair as pair
from crmlib.balances.roll_forward import statement as statement
from crmlib.balances.ties import tie as tie

__all__ = [
    "aged",
    "cash",
    "intervals",
    "ledgers",
    "liability",
    "pair",
    "pairing",
    "receivables",
    "roll_forward",
    "rules",
    "statement",
    "stock",
    "tie",
    "ties",
]
