"""Check a finished site (links, anchors, alternative texts, sizes) and point its buttons to the sources."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

PAGE_BYTES = 2_000_000  # a page with its images
SITE_BYTES = 30_000_000
_SKIPPED = ("search.html",)  # filled by a script


@dataclass
class _Page(HTMLParser):
    """The links, images and anchors of one page."""

    links: list[str] = field(default_factory=list)
    images: list[tuple[str, str | None]] = field(default_factory=list)  # source, alternative text
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "img" and found.get("src"):
            self.images.append((found["src"], found.get("alt")))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])


def problems(site: Path) -> list[str]:
    """Return one line for each dead link, image without alternative text, or size above the limits."""
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts]
    read = cache(_read)
    lines = [line for path in pages for line in _of_page(path, site, read)]
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    if total > SITE_BYTES:
        lines.append(f"the site has {total / 1e6:.1f} MB, more than {SITE_BYTES / 1e6:g}")
    return lines


def _of_page(path: Path, site: Path, read) -> list[str]:
    name, page = path.relative_to(site).as_posix(), read(path)
    dead = {link for link in page.links if name not in _SKIPPED and not _resolves(link, path, read)}
    dead |= {source for source, _ in page.images if not _resolves(source, path, read)}
    lines = [f"{name}: dead link {link}" for link in sorted(dead)]
    lines += [f"{name}: image without alternative text: {source}" for source, alt in page.images if not alt]
    pictures = {path.parent / unquote(source) for source, _ in page.images if not urlsplit(source).scheme}
    size = sum(file.stat().st_size for file in {path, *pictures} if file.exists())
    return lines + ([f"{name}: {size / 1e6:.1f} MB with its images"] if size > PAGE_BYTES else [])


def _resolves(link: str, path: Path, read) -> bool:
    """Return whether a link leads somewhere: away from the site, or to a file and an anchor that exist."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if not target.is_file():
        return False
    return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in read(target).anchors


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


_REMOTE = re.compile(r"(?:https://|ssh://)?(?:[^@/\s]+@)?(github\.com|gitlab\.com)[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"


def configuration(root: Path) -> dict[str, Any]:
    """Return `_config.yml` of the checkout, with launch and repository buttons where the sources have an address."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    repository = settings.setdefault("repository", {})
    repository["url"] = url = address(repository.get("url") or _remote(root))
    if url:
        settings.setdefault("html", {}).update(use_repository_button=True, use_issues_button=True)
        buttons = {"binderhub_url": BINDER} | ({"colab_url": COLAB} if "github.com" in url else {})
        settings.setdefault("launch_buttons", {}).update(buttons)
    return settings


def address(remote: str) -> str:
    """Return the web address of a repository on GitHub or GitLab, "" for any other place.

    >>> address("git@github.com:you/studies.git"), address("https://gitlab.com/you/studies"), address("/srv/studies")
    ('https://github.com/you/studies', 'https://gitlab.com/you/studies', '')
    """
    found = _REMOTE.match(remote.strip())
    return f"https://{found[1]}/{found[2]}" if found else ""


def lead_to_sources(site: Path, notebooks: Mapping[str, str]) -> None:
    """Let the launch buttons of each page open its notebook: {page: notebook}, where the names differ."""
    for page, notebook in notebooks.items():
        path = site / f"{page}.html"
        if notebook != f"{page}.ipynb" and path.exists():
            launch = re.compile(rf'(href="(?:{re.escape(BINDER)}|{re.escape(COLAB)})/[^"]*?){re.escape(page)}\.ipynb"')
            text = path.read_text(encoding="utf-8")
            path.write_text(launch.sub(lambda link, to=notebook: f'{link[1]}{to}"', text), encoding="utf-8")


def _remote(root: Path) -> str:
    """Return the address of the git remote `origin` of this very checkout, "" without one."""
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "remote", "get-url", "origin"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:  # no git
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
