"""A page, its form, its workbook and its row of the portal in a language made of English by accents; run by itself.

Arguments: a copy of the package's folder, to which the language is added, and a folder for lake and pages.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

LANGUAGE = "xx"
ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
FORMS = re.compile(r"(?<=:plural:)[^{}]*")
KEPT = re.compile(r"(\{[^{}]*\}|<[^>]*>|`[^`]*`|&\w+;|%[A-Za-z])")


def accented(text: str) -> str:
    """English with accents; values, marks and formats as they are.

    Examples
    --------
    >>> accented("{count} {count:plural:member|members} of `lake`")
    '{count} {count:plural:mémbér|mémbérs} óf `lake`'
    """
    parts = KEPT.split(text)
    changed = "".join(part if n % 2 else part.translate(ACCENTS) for n, part in enumerate(parts))
    return FORMS.sub(lambda forms: forms[0].translate(ACCENTS), changed)


def translate(node: dict[str, Any], prefix: str = "") -> str:
    """A file of words in the further language."""
    lines = []
    for key, value in node.items():
        if isinstance(value, dict):
            lines.append(translate(value, f"{prefix}{key}."))
        else:
            lines.append(f"{prefix}{key} = {json.dumps(accented(value), ensure_ascii=False)}\n")
    return "".join(lines)


def add(package: Path) -> None:
    """One record, one file beside every English one, and the labels of columns: all that a further language takes."""
    locales = package / "kit/words/locales.toml"
    text = locales.read_text(encoding="utf-8")
    english = text[text.index("[en]") :].replace("[en", f"[{LANGUAGE}").replace('tag = "en"', 'tag = "en-XA"')
    locales.write_text(f"{text}\n{english}", encoding="utf-8")
    rooms = [(file, file.with_name(f"{LANGUAGE}.toml")) for file in package.glob("pages/*/en.toml")]
    common = [package / "kit/words", package / "core/refusals"]
    files = [(file, folder / LANGUAGE / file.name) for folder in common for file in (folder / "en").glob("*.toml")]
    for source, target in rooms + files:
        target.parent.mkdir(exist_ok=True)
        target.write_text(translate(tomllib.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")
    columns = tomllib.loads((package / "kit/columns.toml").read_text(encoding="utf-8"))
    labels = translate({f'"{name}"': entry["en"] for name, entry in columns.items()})
    (package / "kit/words" / LANGUAGE / "column.toml").write_text(labels, encoding="utf-8")


def make(folder: Path) -> None:
    """The data health page in the further language, with form, workbook and portal."""
    from crmlib.core.errors import ParameterError  # noqa: PLC0415
    from crmlib.kit.words import Words  # noqa: PLC0415
    from crmlib.pages.data_health import findings  # noqa: PLC0415
    from crmlib.pages.data_health.study import Study  # noqa: PLC0415
    from crmlib.report import open_page  # noqa: PLC0415
    from crmlib.report.form.explain import explain  # noqa: PLC0415
    from crmlib.report.form.fields import form  # noqa: PLC0415
    from crmlib.report.form.parameters import check, model  # noqa: PLC0415
    from crmlib.run import portal  # noqa: PLC0415
    from tests.report import world  # noqa: PLC0415

    words = Words(LANGUAGE)
    out = folder / f"reports/data_health/all/2026-06-30/{LANGUAGE}"
    out.mkdir(parents=True)
    lake = world.make_lake(folder / "lake")
    page = open_page("data_health", {"language": LANGUAGE, "as_of": world.LAST}, context=world.context(lake, out=out))
    study = Study(page)
    for section in (findings.freshness, findings.contracts, findings.card_share, findings.answer, findings.limits):
        page.show(section(study))
    page.close()
    fields = form("data_health", model("data_health"), given={}, issues=(), regions=(), words=words).fields
    try:
        check("data_health", {"language": "yy"})
    except ParameterError as error:
        told = str(explain(error, words))
    row = portal.page(folder / "reports", language=LANGUAGE, now=world.CLOCK)
    content = {"labels": [field.label for field in fields], "portal": row, "refusal": told}
    (folder / "seen.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    add(Path(sys.argv[1]))
    make(Path(sys.argv[2]))
