"""What the docs tell a reader to type is there, every link and picture leads somewhere, every setting is accepted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from typer.main import get_command

from crmlib.cli import app
from crmlib.core.errors import CrmError
from crmlib.data import sourcefile
from crmlib.run import deliver, plan
from crmlib.run.lists import rules
from tests.docs.pages import CODE, PAGES, ROOT, Block, blocks, name_of, prose

MORE = ", product_id: product, sold_at: sold_at, quantity_milli: quantity, net_minor: paid}"
"""What `...` stands for in the columns of a source."""
LANGUAGES = {"sh", "python", "yaml", "toml", "nginx", "text"}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
TOOLS = {"cd", "git", "cp", "grep", "head", "mkdir", "papermill", "voila", "jupyter", "pip", "pytest", "uv"}
CLI = get_command(app)
FIGURE = re.compile(r"(?<![a-zA-Z\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?![\da-zA-Z])(?: ?万)?")


def wrong(line: str, *, whole: bool) -> str | None:
    """Why a line cannot be typed; `whole`: all its arguments are given."""
    plain = re.sub(r"(?<=\w)\|[\w|]+", "", re.sub(r"[\[\]…]|\b\w+=…", " ", line))  # the first of a|b|c
    words = shlex.split(plain, comments=True)
    while words and "=" in words[0] and words[0].split("=")[0].isupper():
        words.pop(0)
    if not words:
        return None
    tool, rest = words[0].rpartition("/")[2], words[1:]
    if tool == "make":
        named = {word for word in rest if "=" not in word}
        return f"no target {named - TARGETS}" if named - TARGETS else None
    if tool == "python":
        return _script(rest)
    if tool == "crmlib":
        return _command(rest, whole=whole)
    return None if tool in TOOLS else f"no tool {tool}"


def _script(words: list[str]) -> str | None:
    if words[:1] == ["-m"]:
        return None
    file = ROOT / words[0]
    if not file.is_file():
        return f"no file {words[0]}"
    text = file.read_text(encoding="utf-8")
    unknown = [w for w in words if w.startswith("--") and f'"{w.split("=")[0]}"' not in text]
    return f"{words[0]} takes no {unknown}" if unknown else None


def _command(words: list[str], *, whole: bool) -> str | None:
    command, context = CLI, click.Context(CLI, info_name="crmlib")  # typer's commands have click's own parts
    for word in list(words):
        if word.startswith("-") or not hasattr(command, "commands"):
            break
        found = command.commands.get(word)
        if found is None:
            return f"no command {word}"
        command, context = found, click.Context(found, info_name=word, parent=context)
        words = words[1:]
    if "--help" in words or not hasattr(command, "params"):
        return None
    values = [word for word in words if word not in {"|", "&&"}]
    try:
        given, left, _ = command.make_parser(context).parse_args(values)
    except Exception as problem:  # an option that is not there, or one without its value
        if getattr(problem, "option_name", "") in {p for q in command.params for p in q.opts} and not whole:
            return None
        return str(problem)
    if left:
        return f"too many words: {left}"
    missing = [p.name for p in command.params if p.required and given.get(p.name) in (None, ())]
    return f"without {missing}" if whole and missing else None


def significant(figure: str) -> str:
    """The digits that count: 857 of 857 k and of 85.7 万."""
    return re.sub(r"\D", "", figure).strip("0")


def typed(block: Block) -> list[str]:
    return [part for line in block.text.splitlines() for part in re.split(r" && ", line.split(" # ")[0])]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is_and_every_line_of_a_shell_can_be_typed(page: Path) -> None:
    found = list(blocks(page))
    assert {b.language for b in found} <= LANGUAGES | ({""} if page.name == "ARCHITECTURE.md" else set())
    bad = [
        f"{line}: {why}" for b in found if b.language == "sh" for line in typed(b) if (why := wrong(line, whole=True))
    ]
    assert bad == []
    hidden = re.findall(r"^ {4}(?:crmlib|python|make|pip) .*", prose(page), flags=re.MULTILINE)
    assert hidden == [], "a block without its fence"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_within_a_sentence_can_be_typed_too(page: Path) -> None:
    named = [code for code in CODE.findall(prose(page)) if re.match(r"(?:crmlib|make) [a-z]|python benchmarks/", code)]
    assert [f"{code}: {why}" for code in named if (why := wrong(code, whole=False))] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("crmlib inject all", "no command inject"),
        ("crmlib run params --out", "--out"),
        ("crmlib run params --fast", "--fast"),
        ("crmlib ingest", "without"),
        ("crmlib list drew x", "no command drew"),
        ("crmlib doctor now", "too many"),
        ("make reprots", "no target"),
        ("python benchmarks/bench_none.py", "no file"),
        ("python benchmarks/audit.py --fils", "takes no"),
        ("curl x", "no tool"),
    ],
)
def test_a_line_that_cannot_be_typed_is_noticed(line: str, told: str) -> None:
    assert told in str(wrong(line, whole=True))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    inside = [t.partition("#") for t in targets if not re.match(r"https?:|mailto:", t)]
    site = page.parent.name == "site"  # its links are those of the site, which `make docs` holds
    missing = [t for t, _, _ in inside if t and not site and not (page.parent / t).exists()]
    assert missing == []
    for target, _, anchor in inside:
        if anchor and not site:
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            heads = {
                re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.M)
            }
            assert anchor in heads, anchor


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_stand(page: Path) -> None:
    named = set(
        re.findall(
            r"(?<![\w/])((?:crmlib|docs|tests|benchmarks)/[\w./-]+\.(?:py|md|toml|sh|ipynb|service))", prose(page)
        )
    )
    benches = {f"benchmarks/{name}" for name in re.findall(r"(?<![\w/])(bench_\w+\.py)", prose(page))}
    template = {name for name in named if "/NAME" in name}
    assert {name for name in (named | benches) - template if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("block", [b for p in PAGES for b in blocks(p, "yaml")], ids=lambda b: b.place)
def test_settings_are_those_that_the_program_reads(block: Block, tmp_path: Path) -> None:
    content = yaml.safe_load(block.text.replace(", ...}", "}"))
    if "report" in content:
        folder = tmp_path / "params" / content["report"]
        folder.mkdir(parents=True)
        (folder / "one.yml").write_text(block.text, encoding="utf-8")
        assert plan.read(folder / "one.yml").report == content["report"]
    elif "readers" in content:
        (tmp_path / "delivery.yml").write_text(block.text, encoding="utf-8")
        assert deliver.read(tmp_path / "delivery.yml").readers
    elif "quiet_from" in content:
        (tmp_path / rules.FILE).write_text(block.text, encoding="utf-8")
        assert rules.read(tmp_path) != rules.Rules()
    else:
        source = tmp_path / "sources.yml"
        source.write_text(block.text.replace(", ...}", MORE), encoding="utf-8")
        try:
            assert sourcefile.load(source)
        except CrmError as problem:
            pytest.fail(str(problem))


@pytest.mark.parametrize("page", [p for p in PAGES if p.name.endswith(".zh.md")], ids=name_of)
def test_a_chinese_page_has_the_figures_and_the_code_of_the_english_one(page: Path) -> None:
    english = page.with_name(page.name.replace(".zh.md", ".en.md"))
    english = english if english.is_file() else page.with_name(page.name.replace(".zh.md", ".md"))
    assert english.is_file()
    known = set(FIGURE.findall(english.read_text(encoding="utf-8")))
    digits = {significant(f) for f in known}
    measured = {f for f in FIGURE.findall(prose(page)) if len(re.sub(r"\D", "", f)) > 2 or "." in f}
    alike = {f for f in measured if "万" in f and significant(f) in digits}
    assert measured - known - alike == set(), "measured anew in one language only"
    if page.parent.name == "docs":
        code = {line.split("#")[0].strip() for b in blocks(english, "python") for line in b.text.splitlines()}
        own = {line.split("#")[0].strip() for b in blocks(page, "python") for line in b.text.splitlines()}
        assert own - code == set()


def test_every_topic_is_told_in_both_languages() -> None:
    topics = {p.name.split(".")[0] for p in (ROOT / "docs").glob("*.md")} - {"measured", "simulate"}
    assert {t for t in topics if not (ROOT / "docs" / f"{t}.zh.md").is_file()} == set()
