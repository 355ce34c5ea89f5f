"""The built site in a real browser: skipped, with the reason, where a site, chromium or selenium is missing.

make book; apt install chromium chromium-driver; pip install selenium; pytest tests/book/test_browser.py
With axe-core (`npm pack axe-core` in the checkout's root) accessibility is checked as well.
"""

import csv
import functools
import http.server
import io
import json
import shutil
import tarfile
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from cnnhelpers.book.checks import problems

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.relative_to(SITE).parts
)
AXE = sorted(ROOT.glob("axe-core-*.tgz"))
PHONE, DESKTOP = (390, 844), (1280, 900)
THEME = """
const still = document.createElement("style");  // colours that are still changing would be measured halfway
still.textContent = "* { transition: none !important; animation: none !important; }";
document.head.append(still);
document.documentElement.dataset.theme = arguments[0];
"""
READABLE = 4.5  # contrast of text, WCAG 2.2 level AA

pytestmark = pytest.mark.skipif(not PAGES, reason="there is no built site: make book")

CONTRAST = """
const channels = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
    if (a > 0.99) return [r, g, b];
  }
  return [255, 255, 255];
};
const poor = [];
for (const cell of document.querySelectorAll(".bd-article :is(td, th, p, figcaption, pre)")) {
  if (!cell.textContent.trim()) continue;
  const [one, other] = [light(channels(getComputedStyle(cell).color)), light(ground(cell))];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < arguments[0]) poor.push(`${cell.tagName} ${ratio.toFixed(1)}: ${cell.textContent.trim().slice(0, 30)}`);
}
return poor;
"""


# The theme's switch of colours is a picture with a name, which axe takes for text with another name.
AXE_RUN = """
const done = arguments[arguments.length - 1];
axe.run({exclude: [".theme-switch-button"]}).then((found) => done(found.violations));
"""


@pytest.fixture(scope="module")
def address():
    """Serve the site on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    """Start chromium without a window."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("there is no chromium: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chromium
    chromium.quit()


def show(browser, url, size=DESKTOP, theme="light"):
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    browser.execute_script(THEME, theme)


def wait(browser, script):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 10).until(lambda chromium: chromium.execute_script(script))


def test_links_anchors_images_and_sizes_are_in_order():
    assert problems(SITE) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_without_errors_and_fits_a_phone(page, browser, address):
    browser.get_log("browser")  # forget those of the page before
    show(browser, f"{address}/{page}", PHONE)
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    broken = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
    assert browser.execute_script(broken) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_tables_are_readable(theme, browser, address):
    poor = {}
    for page in PAGES:
        show(browser, f"{address}/{page}", theme=theme)
        poor[page] = browser.execute_script(CONTRAST, READABLE)
    assert {page: cells for page, cells in poor.items() if cells} == {}


def test_the_switch_changes_the_colours(browser, address):
    show(browser, f"{address}/intro.html")
    ground = "return getComputedStyle(document.body).backgroundColor"
    switch = "document.querySelector('.theme-switch-button').click(); return document.documentElement.dataset.theme"
    found = {browser.execute_script(switch): browser.execute_script(ground) for _ in range(3)}
    assert set(found) == {"light", "dark"}
    assert found["light"] != found["dark"]


def test_search_finds_dropout(browser, address):
    show(browser, f"{address}/search.html?q=dropout")
    count = wait(browser, "return document.querySelectorAll('#search-results li a').length")
    titles = browser.execute_script("return document.querySelector('#search-results').textContent")
    assert count >= 3
    assert "Regularization" in titles


def test_a_long_table_is_sorted_by_a_click(browser, address):
    show(browser, f"{address}/notebooks/06_verdicts.html")
    table = "document.querySelector('button.sort').closest('table')"
    cells = f"return [...{table}.tBodies[0].rows].map(r => r.cells[1].textContent)"
    click = f"[...{table}.querySelectorAll('button.sort')]"
    before = browser.execute_script(cells)
    browser.execute_script(f"{click}.find(b => b.closest('th').cellIndex === 1).click()")
    after = browser.execute_script(cells)
    assert sorted(before) == sorted(after)
    browser.execute_script(f"{click}.find(b => b.closest('th').cellIndex === 1).click()")
    assert browser.execute_script(cells) == after[::-1]


def test_downloads_deliver_whole_files(browser, address):
    found = set()
    for page in PAGES:
        show(browser, f"{address}/{page}")
        script = "return [...document.querySelectorAll('a[href]')].map(a => a.href)"
        links = (urllib.parse.urldefrag(link).url for link in browser.execute_script(script))
        found |= {link for link in links if link.startswith(address) and link.endswith((".csv", ".ipynb"))}
    assert {Path(link).suffix for link in found} == {".csv", ".ipynb"}
    for link in found:
        with urllib.request.urlopen(link) as reply:
            text = reply.read().decode("utf-8")
        rows = json.loads(text)["cells"] if link.endswith(".ipynb") else list(csv.reader(io.StringIO(text)))
        assert len(rows) > 1, link


@pytest.mark.skipif(not AXE, reason="axe-core is not here: npm pack axe-core")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(theme, browser, address):
    with tarfile.open(AXE[-1]) as archive:
        script = archive.extractfile("package/axe.min.js").read().decode("utf-8")
    faults = {}
    for page in PAGES:
        show(browser, f"{address}/{page}", theme=theme)
        browser.execute_script(script)
        for fault in browser.execute_async_script(AXE_RUN):
            if fault["impact"] in ("serious", "critical"):
                faults.setdefault(fault["id"], []).append((page, fault["nodes"][0]["html"][:120], len(fault["nodes"])))
    assert faults == {}
