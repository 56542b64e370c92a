"""The page in a real browser, at the width of a desk and of a telephone, light and dark."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.report.builders import METRICS, results_with
from tfloss.report.html import html_page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")

# Chromium's window has a least width, so the page is framed at the width that is asked for. What
# the frame finds is written into the outer page, which --dump-dom prints.
_FRAME = """<!DOCTYPE html><meta charset="utf-8"><body>
<iframe id="f" style="width:{width}px;height:800px;border:0"></iframe><pre id="out"></pre>
<script>
const frame = document.getElementById('f'), found = [];
frame.onload = () => {{
  const page = frame.contentDocument, root = page.documentElement;
  found.push('overflow=' + (root.scrollWidth - root.clientWidth));
  const wide = [...page.querySelectorAll('main *')].filter(e => {{
    if (e.closest('.math, svg')) return false;
    return e.getBoundingClientRect().right > root.clientWidth + 1;
  }});
  found.push('wide=' + wide.map(e => e.tagName).join(','));
  const flat = [...page.querySelectorAll('figure > svg')].filter(e => e.clientHeight < 40);
  found.push('flat=' + flat.length);
  found.push('figures=' + page.querySelectorAll('figure > svg').length);
  document.getElementById('out').textContent = 'FOUND ' + found.join(' ') + ' END';
}};
frame.srcdoc = {page};
</script>"""


def browse(path, *options):
    profile = path.parent / "profile"  # nobody's own
    command = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
    ]
    command += ["--allow-file-access-from-files", "--virtual-time-budget=8000"]
    command += [f"--user-data-dir={profile}", *options]
    return subprocess.run(
        [*command, path.as_uri()], capture_output=True, text=True, timeout=240, check=True
    )


@pytest.fixture(scope="module")
def page():
    return html_page(results_with(3))


@pytest.fixture(scope="module")
def printed():
    """The page as a printer sees it: what is written for print holds everywhere."""
    results = results_with(3)
    results["data"]["classes"] = ["malignant, say", "benign, however"]
    page = html_page(results)
    assert page.count("@media print") == 1
    return page.replace("@media print", "@media all")


@pytest.fixture(scope="module")
def training():
    """A page about one training: teachers on three sides, 26 classes, what was understood."""
    results = results_with(1)
    results["seeds"] = [0]
    names = [f"class number {code}" for code in range(26)]
    results["data"]["classes"] = results["pca"]["classes"] = names
    for one in results["predictions"].values():
        one["confusion"] = np.eye(26, dtype=int).tolist()
    sides = ("own rows", "out of fold", "holdout")
    results["trust"] = {"teacher": {side: dict.fromkeys(METRICS, 0.5) for side in sides}}
    results["understood"] = [["rows", "500 train"], ["26 classes", ", ".join(names)]]
    return html_page(results)


A4 = 688  # pixels between the margins


@needs_browser
@pytest.mark.parametrize(
    ("media", "width"), [("page", 1280), ("page", 390), ("training", 1280), ("printed", A4)]
)
def test_nothing_overflows_and_the_console_is_silent(media, width, tmp_path, request):
    import json

    page = request.getfixturevalue(media)
    source = json.dumps(page).replace("</", "<\\/")
    path = tmp_path / "frame.html"
    path.write_text(_FRAME.format(width=width, page=source), encoding="utf-8")
    answer = browse(path, "--dump-dom", f"--window-size={width + 60},900")
    found = re.search(r"FOUND (.*?) END", answer.stdout)
    assert found, answer.stdout[-500:]
    assert found[1].startswith("overflow=0 wide= flat=0 figures=")
    assert int(found[1].rpartition("=")[2]) >= (7 if media == "training" else 12)
    assert not re.findall(r"CONSOLE.*", answer.stderr)


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_can_be_taken_in_both_schemes(page, scheme, tmp_path):
    from matplotlib.image import imread

    path, picture = tmp_path / "page.html", tmp_path / "page.png"
    path.write_text(page, encoding="utf-8")
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    browse(path, f"--screenshot={picture}", "--window-size=800,600", *dark)
    pixels = imread(picture)[..., :3]
    corner = pixels[2, 2].mean()
    assert corner < 0.3 if scheme == "dark" else corner > 0.9
    assert pixels.std() > 0.02


@needs_browser
def test_what_is_printed_is_dark_on_white_and_breaks_between_figures(page, printed, tmp_path):
    from matplotlib.image import imread

    path, picture, paper = (tmp_path / name for name in ("page.html", "page.png", "page.pdf"))
    path.write_text(printed, encoding="utf-8")
    dark = "--blink-settings=preferredColorScheme=0"  # the reader's screen, not the paper
    browse(path, f"--screenshot={picture}", f"--window-size={A4},900", dark)
    pixels = imread(picture)[..., :3].mean(axis=2)
    assert pixels[2, 2] == 1
    assert pixels.min() < 0.1
    path.write_text(page, encoding="utf-8")
    browse(path, f"--print-to-pdf={paper}", "--no-pdf-header-footer", dark)
    sheets = len(re.findall(rb"/Type /Page\b", paper.read_bytes()))
    assert 3 <= sheets <= 8
