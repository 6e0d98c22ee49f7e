"""What a run leaves beside its page, so that people can check it and the next run can say what changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """A figure under the answer."""

    key: str
    label: str
    value: str
    amount: float | None
    money: bool
    comparison: str = ""
    tone: str = "neutral"


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding, check or list, what to do about it, and where its table lies (relative to the manifest)."""

    key: str
    role: str
    status: str
    headline: str
    table: str
    rows: int
    row_key: tuple[str, ...] = ()
    value_minor: int | None = None
    do: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about one page except its picture.

    `status` is the worst of its findings' and checks'. Clock and run belong here and never on the page, which has the
    same bytes whenever its inputs are the same.
    """

    report: str
    language: str
    title: str
    question: str
    as_of: str
    status: str
    answer: str
    parameters: dict[str, Any]
    figures: tuple[FigureRecord, ...]
    findings: tuple[FindingRecord, ...]
    versions: dict[str, int]
    currency: str
    code: str
    seed: int
    run_id: str
    made_at: str
    page_sha256: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT


def dump(manifest: Manifest) -> str:
    """The manifest as JSON."""
    return json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n"


def load(path: Path) -> Manifest | None:
    """The manifest in `path`; none if there is none, or none of this format."""
    try:
        return parsed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def parsed(content: Any) -> Manifest | None:
    """A manifest of what its file held; none if that is none of this format."""
    try:
        if content.get("format") != FORMAT or content.get("error"):
            return None
        figures = tuple(FigureRecord(**f) for f in content["figures"])
        findings = tuple(FindingRecord(**(f | {"row_key": tuple(f["row_key"])})) for f in content["findings"])
        return Manifest(**(content | {"figures": figures, "findings": findings}))
    except (KeyError, TypeError, AttributeError):
        return None
