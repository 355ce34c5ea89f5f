"""Where the sources of the book lie on the web, if anywhere, and the buttons that pages get then: never a dead one."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

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
