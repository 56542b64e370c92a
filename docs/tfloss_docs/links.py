"""The repository's Markdown as pages of the site: links that lead out of docs/ find their page.

`<!-- picture: NAME -->` in a page stands for a picture that is made by code: the forge shows
nothing there, the site shows generated/NAME.svg with the colours of the page. `<!-- root: FILE -->`
stands for a file of the repository's root.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# Files at the root of the repository that are pages of the site.
ROOT_PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CODE_OF_CONDUCT.md": "project/conduct.md",
    "README.md": "index.md",
}
_ROOT = re.compile(r"^<!-- root: ([\w.]+) -->$", re.MULTILINE)
_REST = "<!-- pages that no other list has -->"
_LISTS = ("index.md", "using.md", "reference.md", "project/index.md")
_LINK = re.compile(r"\]\(((?:\.\./)+|docs/)([^)#\s]+)(#[^)\s]*)?\)")
_PICTURE = re.compile(r"^<!-- picture: ([\w-]+) -->$", re.MULTILINE)


def in_the_site(app: Any, docname: str, content: list[str]) -> None:
    """Change a page's source as Sphinx reads it."""
    depth = docname.count("/")
    root = Path(app.srcdir).parent
    text = _ROOT.sub(lambda match: (root / match[1]).read_text(encoding="utf-8"), content[0])
    text = _LINK.sub(lambda link: _link(link, depth), text)
    if _REST in text:
        text = text.replace(_REST, rest_of(Path(app.srcdir)))
    generated = Path(app.srcdir) / "generated"
    if (generated / "notebooks" / f"{Path(docname).name}.ipynb").exists() and depth:
        text = _with_notebook(text, Path(docname).name)
    content[0] = _PICTURE.sub(lambda match: _picture(generated / f"{match[1]}.svg"), text)


def rest_of(docs: Path) -> str:
    """A list of the pages in docs/ that stand in no list yet, so that a new page needs no other."""
    lists = "\n".join((docs / name).read_text(encoding="utf-8") for name in _LISTS)
    listed = {Path(line).name for line in lists.splitlines()}
    rest = [path.stem for path in sorted(docs.glob("*.md")) if path.stem not in {*listed, "index"}]
    return "\n".join(["```{toctree}", ":maxdepth: 1", "", *rest, "```"]) if rest else ""


def _with_notebook(text: str, name: str) -> str:
    """The page of a guide, with its notebook to download below the title."""
    title, _, rest = text.partition("\n")
    to = f"../generated/notebooks/{name}.ipynb"
    return f"{title}\n\n{{download}}`This page as a notebook <{to}>`, for Jupyter or Colab.\n{rest}"


def _link(link: re.Match[str], depth: int) -> str:
    up, target, anchor = link[1], link[2], link[3] or ""
    if up.startswith("../") and up.count("../") <= depth:
        return link[0]  # within docs/
    if target in ROOT_PAGES:
        return f"]({'../' * depth}{ROOT_PAGES[target]}{anchor})"
    if up == "docs/" or target.startswith("docs/"):
        return f"]({'../' * depth}{target.removeprefix('docs/')}{anchor})"
    return link[0]


def _picture(path: Path) -> str:
    if not path.exists():
        return ""
    return f"````{{raw}} html\n<div class='picture'>{path.read_text(encoding='utf-8')}</div>\n````"
