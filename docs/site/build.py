"""The documentation site, in Chinese and English: what is written by hand and what the package says of itself.

python docs/site/build.py [--reports FOLDER] [--out FOLDER]
python docs/site/build.py --readme FOLDER

Pages of reports, tables, terms and functions are made from words, contracts, columns and docstrings, so they cannot
fall behind; pictures are taken of the pages in FOLDER. Searches and is read without a network.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from crmlib.core.contracts import CONTRACTS
from crmlib.kit import columns, terms
from crmlib.kit.words import Language, Words
from crmlib.report import registry
from crmlib.report.form import fields

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LANGUAGES: tuple[Language, ...] = ("zh", "en")
QUESTIONS = (
    *("scoring", "customers", "clv", "churn", "promotion", "sites", "sales", "balances", "cases", "movement"),
    *("baskets", "outreach", "panels", "simulate"),
)
METHODS = (
    *("scoring", "clv", "churn", "promotion", "sites", "sales", "balances", "cases", "service", "movement"),
    *("baskets", "outreach"),
)
USE = ("first_day", "pilot", "ingest", "calendar", "own_reports", "page", "home")
OPERATE = ("run", "company_size", "security", "simulate", "measured")
PARTS = {name: part for part, names in (("methods", METHODS), ("use", USE), ("operate", OPERATE)) for name in names}
LINK = re.compile(
    r"(?<!!)\[(?P<text>[^\]]+)\]\((?!https?:|#)(?:[\w./-]*/)?(?P<name>\w+)(?:\.\w+)*(?P<anchor>#[\w-]+)?\)"
)
ROLES = ("planner", "store_manager", "adviser", "analyst", "administrator", "sponsor")


SAMPLE = "sample"
"""Folder of the site with the pages that were made."""
SHOWN = (("home", "daily"), ("sales_pulse", "monthly"), ("customer_value", "monthly"))
"""Reports whose pages README shows, with their variant."""


def told(language: Language) -> dict[str, Any]:
    """The site's own words."""
    return dict(yaml.safe_load((HERE / f"{language}.yml").read_text(encoding="utf-8")))


def reports() -> list[str]:
    """All reports of the package, by name."""
    return sorted(registry.package_rooms())


def report_page(name: str, words: Words, own: dict[str, Any], *, sample: str | None) -> str:
    """One report: question, picture and page of the sample, what may be set, where it runs, what it cannot tell."""
    lines = [f"# {words(f'{name}.title')}", "", words(f"{name}.question"), ""]
    if sample is not None:
        lines += [f"![{words(f'{name}.title')}](../pictures/{name}.png)", ""]
        lines += [f'<a href="../../{SAMPLE}/{sample}">{own["report"]["open"]}</a>', ""]
    files = sorted((ROOT / "params" / name).glob("*.yml"))
    lines += [
        own["report"]["run"],
        "",
        "```",
        *(f"crmlib run {f.relative_to(ROOT).as_posix()}" for f in files),
        "```",
        "",
    ]
    rows = [
        (fields.parameter_label(name, p, words), parameter_help(name, p, words))
        for p in registry.model(name).model_fields
    ]
    lines += [f"## {own['report']['set']}", "", *table(own["report"]["columns"], rows), ""]
    limits = [text for key, text in _room(name, words.language).get("limits", {}).items() if "{" not in text]
    if limits:
        lines += [f"## {own['report']['limits']}", "", *(f"- {text}" for text in limits), ""]
    return "\n".join(lines)


def parameter_help(report: str, name: str, words: Words) -> str:
    """What the form says beside a parameter."""
    keys = (f"{report}.parameter.{name}.help", f"page.parameter.{name}.help")
    return next((words(key) for key in keys if words.has(key)), "")


def _room(name: str, language: Language) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415

    file = registry.package_rooms()[name] / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def table(heads: list[str], rows: list[tuple[str, ...]]) -> list[str]:
    """A table of Markdown; bars in cells are escaped."""
    plain = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *(f"| {' | '.join(row)} |" for row in plain)]


def tables_page(words: Words, own: dict[str, Any]) -> str:
    """Every table of the lake: its columns with type, unit and label, its key and its time."""
    lines = [f"# {own['tables']['title']}", "", own["tables"]["text"], ""]
    for name, contract in sorted(CONTRACTS.items()):
        label = words(f"page.source.{name}") if words.has(f"page.source.{name}") else ""
        lines += [f"## {name}" + (f" · {label}" if label else ""), ""]
        lines += [own["tables"]["key"].format(key=", ".join(f"`{c}`" for c in contract.key)), ""]
        if contract.event:
            lines += [own["tables"]["event"].format(event=contract.event), ""]
        rows = [
            (
                f"`{column}`",
                str(field.dtype).split("(")[0],
                words.column(column) if columns.known(column) else "",
                "" if field.nullable else own["tables"]["yes"],
            )
            for column, field in contract.schema.columns().items()
        ]
        lines += [*table(own["tables"]["columns"], rows), ""]
    return "\n".join(lines)


def api_page(question: str) -> str:
    """The public names of a question, each by its own docstring."""
    lines = [f"# crmlib.{question}", "", f"::: crmlib.{question}", "    options:", "      members: false", ""]
    for module, name in face(question):
        lines += [f"::: {module}.{name}", "    options:", "      heading_level: 2", ""]
    return "\n".join(lines)


def face(question: str) -> Iterator[tuple[str, str]]:
    """Module and name of everything on a question's face."""
    stub = ROOT / "crmlib" / question / "__init__.pyi"
    text = stub if stub.is_file() else stub.with_suffix(".py")
    for node in ast.parse(text.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("crmlib"):
            for alias in node.names:
                if alias.name[0] != "_" and alias.name != "face":
                    yield node.module, alias.name


def written(name: str, folder: Path, language: Language, own: dict[str, Any]) -> None:
    """A page that stands in docs/, in this language if it is there, else in English with a note that says so."""
    translated = ROOT / "docs" / f"{name}.{language}.md"
    source = translated if translated.is_file() else ROOT / "docs" / f"{name}.md"
    head, _, rest = linked(source.read_text(encoding="utf-8"), folder.name).partition("\n")
    note = f"\n!!! note\n    {own['english']}\n" if language != "en" and source != translated else ""
    (folder / f"{name}.md").write_text(f"{head}\n{note}{rest}", encoding="utf-8")


def linked(text: str, part: str) -> str:
    """Links of a page of docs/ as they stand in the site: to pages of any part, in the page's own language.

    A link to what the site does not hold becomes its text.
    """

    def there(link: re.Match[str]) -> str:
        where = PARTS.get(link["name"])
        if where is None:
            return link["text"]
        place = "" if where == part else f"../{where}/"
        return f"[{link['text']}]({place}{link['name']}.md{link['anchor'] or ''})"

    return LINK.sub(there, text)


def gallery(folder: Path) -> None:
    """The example notebooks as pages: text, and the code that the suite runs."""
    for notebook in sorted((ROOT / "docs" / "gallery").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        texts = [("".join(c["source"]), c["cell_type"] == "code") for c in cells]
        page = "\n\n".join(f"```python\n{text}\n```" if code else text for text, code in texts)
        (folder / f"{notebook.stem}.md").write_text(page + "\n", encoding="utf-8")


def pages_of_the_sample(made: Path, site: Path) -> None:
    """The pages that were made, with the portal and the handbooks, as they lie: their links among one another hold."""
    shutil.rmtree(site / SAMPLE, ignore_errors=True)
    for page in made.rglob("*.html"):
        place = page.relative_to(made)
        if not {"failed", "latest"} & set(place.parts):
            (site / SAMPLE / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(page, site / SAMPLE / place)


def pictures(folder: Path, made: Path, language: Language) -> dict[str, str]:
    """Pictures of the newest page of each report; where the pages of those that were made lie in `made`."""
    pages = {name: page for name in reports() if (page := newest(made / name, language)) is not None}
    for name, data in taken(pages, size=(1180, 900)):
        (folder / f"{name}.png").write_bytes(data)
    return {name: page.relative_to(made).as_posix() for name, page in pages.items()}


def taken(pages: Mapping[str, Path], *, size: tuple[int, int]) -> Iterator[tuple[str, bytes]]:
    """Name and picture of the top of each page."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        view = browser.new_page(viewport={"width": size[0], "height": size[1]})
        view.route("http*://**", lambda route: route.abort())
        for name, page in pages.items():
            view.goto(page.as_uri())
            view.wait_for_timeout(700)
            yield name, view.screenshot()
        browser.close()


def show(made: Path) -> None:
    """The pictures of README, in both languages, small: taken anew by whoever changes these pages."""
    import io  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    for language in LANGUAGES:
        pages = {name: made / name / variant / "latest" / language / "index.html" for name, variant in SHOWN}
        for name, data in taken(pages, size=(1180, 900)):
            small = Image.open(io.BytesIO(data)).convert("RGB").resize((826, 630)).quantize(64)
            small.save(folder / f"{name}.{language}.png", optimize=True)


def newest(folder: Path, language: Language) -> Path | None:
    """The newest page of a report, of the variant without a region."""
    found = sorted(folder.glob(f"*/[0-9]*/{language}/index.html"), key=lambda page: page.parts[-3])
    return found[-1] if found else None


def source(language: Language, out: Path, made: Path | None) -> Path:
    """All pages of a language, and the settings of the generator."""
    own, words, folder = told(language), Words(language), out / "source" / language
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("reports", "methods", "use", "operate", "reference", "handbook", "pictures", "gallery"):
        (folder / part).mkdir(parents=True)
    shown = pictures(folder / "pictures", made, language) if made is not None else dict[str, str]()
    gallery(folder / "gallery")
    shutil.copy(HERE / f"index.{language}.md", folder / "index.md")
    for name in reports():
        page = report_page(name, words, own, sample=shown.get(name))
        (folder / "reports" / f"{name}.md").write_text(page, encoding="utf-8")
    rows = [(f"[{words(f'{n}.title')}]({n}.md)", words(f"{n}.question")) for n in reports()]
    index = [f"# {own['reports']}", "", *table(own["report"]["index"], rows), ""]
    (folder / "reports" / "index.md").write_text("\n".join(index), encoding="utf-8")
    for part, names in (("methods", METHODS), ("use", USE), ("operate", OPERATE)):
        for name in names:
            written(name, folder / part, language, own)
    for role in ROLES:
        shutil.copy(ROOT / "crmlib" / "run" / "handbook" / f"{role}.{language}.md", folder / "handbook" / f"{role}.md")
    (folder / "reference" / "definitions.md").write_text(terms.markdown(language), encoding="utf-8")
    (folder / "reference" / "tables.md").write_text(tables_page(words, own), encoding="utf-8")
    for question in QUESTIONS:
        (folder / "reference" / f"{question}.md").write_text(api_page(question), encoding="utf-8")
    file = out / f"{language}.yml"
    file.write_text(yaml.safe_dump(settings(language, own, words, out), allow_unicode=True, sort_keys=False), "utf-8")
    return file


def settings(language: Language, own: dict[str, Any], words: Words, out: Path) -> dict[str, Any]:
    """What the generator is told: the tree of pages, a face without outside fonts, search in both languages."""
    tree: list[Any] = [
        {own["start"]: ["index.md", *({own["nav"][n]: f"use/{n}.md"} for n in USE)]},
        {own["handbook"]: [{own["roles"][role]: f"handbook/{role}.md"} for role in ROLES]},
        {own["reports"]: ["reports/index.md", *({words(f"{n}.title"): f"reports/{n}.md"} for n in reports())]},
        {own["gallery"]: [f"gallery/{path.stem}.md" for path in sorted((ROOT / "docs" / "gallery").glob("*.ipynb"))]},
        {own["methods"]: [{own["nav"][n]: f"methods/{n}.md"} for n in METHODS]},
        {own["operate"]: [{own["nav"][n]: f"operate/{n}.md"} for n in OPERATE]},
        {
            own["reference"]: [
                {words("page.terms.page"): "reference/definitions.md"},
                {own["tables"]["title"]: "reference/tables.md"},
                *(f"reference/{q}.md" for q in QUESTIONS),
            ]
        },
    ]
    python = {
        "docstring_style": "numpy",
        "show_root_heading": True,
        "show_source": False,
        "show_signature_annotations": True,
    }
    return {
        "site_name": "crmlib",
        "docs_dir": str(out / "source" / language),
        "site_dir": str(out / "site" / language),
        "nav": tree,
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "language": language,
            "font": False,
            "features": ["navigation.tabs", "search.highlight"],
        },
        "plugins": [
            {"search": {"lang": ["zh", "en"] if language == "zh" else ["en"]}},
            {"mkdocstrings": {"handlers": {"python": {"paths": [str(ROOT)], "options": python}}}},
        ],
        "markdown_extensions": ["admonition", "tables", "attr_list", {"toc": {"permalink": False}}],
        "validation": {"links": {"not_found": "warn", "anchors": "warn", "unrecognized_links": "warn"}},
        "extra": {
            "generator": False,
            "alternate": [{"name": n, "link": f"../{c}/", "lang": c} for c, n in (("zh", "中文"), ("en", "English"))],
        },
    }


def main() -> None:
    """Write the pages and build both sites; a warning of the generator is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, default=None, help="folder of pages to take pictures of")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs")
    parser.add_argument("--readme", type=Path, help="only take the pictures of README, of the pages in this folder")
    chosen = parser.parse_args()
    if chosen.readme is not None:
        show(chosen.readme.resolve())
        return
    for language in LANGUAGES:
        file = source(language, chosen.out.resolve(), None if chosen.reports is None else chosen.reports.resolve())
        subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", file], check=True
        )
    if chosen.reports is not None:
        pages_of_the_sample(chosen.reports.resolve(), chosen.out.resolve() / "site")
    (chosen.out / "site" / "index.html").write_text(
        '<meta http-equiv="refresh" content="0; url=zh/index.html">', "utf-8"
    )
    print((chosen.out / "site" / "index.html").resolve().as_uri())


if __name__ == "__main__":
    main()
