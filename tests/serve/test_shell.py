"""The server's small pages have one frame: one head, one policy, and markup in it is text."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from crmlib.serve import shell, small_pages

ROOT = Path(__file__).resolve().parents[2]
EVIL = '<script>alert(1)</script>"\u202e\n<img src=x onerror=y>'


def test_its_only_style_is_the_one_that_the_policy_names() -> None:
    text = shell.page(lang="en", title="t", main="<p>c</p>")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy and "unsafe" not in policy
    assert {"default-src 'none'", "form-action 'self'", "base-uri 'none'"} <= set(policy.split("; "))


def test_what_is_told_is_text_and_unseen_marks_are_seen() -> None:
    main = shell.content(title=EVIL, blocks=shell.hidden(next=EVIL), problem=EVIL, said=EVIL)
    text = shell.page(lang="en", title=EVIL, main=main)
    assert "<script" not in text and "<img" not in text and 'value="&lt;script' in text
    assert "\u202e" not in text and "\ufffd" in text
    assert f'<p class="bad" role="alert">{"&lt;script&gt;"}' in text and "<br>&lt;img" in text


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert 'role="' not in shell.content(title="t", blocks="")


def test_there_is_no_other_frame() -> None:
    files = [p for p in (ROOT / "crmlib" / "serve").iterdir() if p.suffix in {".py", ".html"}]
    framed = [p.name for p in files if re.search(r"<html|<style|Content-Security-Policy", p.read_text("utf-8"))]
    assert set(framed) <= {"shell.html", "shell.py"} and len(small_pages.page("slow").split("<style>")) == 2
