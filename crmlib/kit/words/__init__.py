"""Words in zh and en, as data: one TOML file per domain and language, same keys in both.

`Words` finds a sentence and fills it in; `Format` writes numbers, money, dates and shares as a reader of that
language expects.
"""

from crmlib.kit.words.format import Format
from crmlib.kit.words.locales import locale
from crmlib.kit.words.sentences import LANGUAGES, Language, Words

__all__ = ["LANGUAGES", "Format", "Language", "Words", "locale"]
