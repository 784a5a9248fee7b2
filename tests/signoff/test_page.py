"""The report in a real browser without a screen: filter, sort, open a gate, enlarge a picture, both themes."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from asicflow.signoff.report import render_html

from .made_up import made_up_evidence

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium (apt-get install chromium): the page was not opened"),
]

ACTIONS = """
<script>
  const visible = () => [...document.querySelectorAll("tbody.gate")].filter((g) => !g.hidden).map((g) => g.dataset.id);
  const said = [];
  const say = (name, value) => said.push(name + "=" + value);
  say("start", visible());
  document.querySelector('.filter[data-verdict="FAIL"]').click();
  say("fail", visible());
  document.querySelector('.filter[data-verdict="ALL"]').click();
  const search = document.getElementById("search");
  search.value = "met1.space";
  search.dispatchEvent(new Event("input"));
  say("search", visible());
  search.value = "nothing at all";
  search.dispatchEvent(new Event("input"));
  say("none", !document.getElementById("none").hidden);
  search.value = "";
  search.dispatchEvent(new Event("input"));
  document.querySelector('th[data-key="findings"] button').click();
  document.querySelector('th[data-key="findings"] button').click();
  say("sorted", visible());
  const gate = document.getElementById("gate-layout.drc");
  gate.querySelector(".head").click();
  say("open", !gate.querySelector(".detail").hidden);
  gate.querySelector(".findings summary").click();
  say("picture", document.getElementById("viewer").open && document.querySelector("#viewer img").src.slice(0, 21));
  document.getElementById("viewer").click();
  say("closed", !document.getElementById("viewer").open);
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = said.join("\\n");
  document.body.append(result);
</script>
</body>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    evidence = made_up_evidence(root)
    picture = root / "signoff" / "pictures" / "x.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")
                        + bytes.fromhex("1f15c4890000000d49444154789c63f8cfc0f01f0005000100ff56c72f0d")
                        + bytes.fromhex("0000000049454e44ae426082"))  # fmt: skip
    gate = next(g for g in evidence["gates"] if g["id"] == "layout.drc")
    gate["findings"][0]["picture"] = "signoff/pictures/x.png"
    path = root / "signoff" / "report.html"
    path.write_text(render_html(evidence, root).replace("</body>", ACTIONS.replace("\\\\n", "\\n")))
    return path


def browse(page: Path, *flags: str) -> str:
    assert BROWSER
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND", *flags]
    return subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


def test_filter_sort_open_and_enlarge(page: Path) -> None:
    text = browse(page, "--dump-dom")
    found = re.search(r'<pre id="result">(.*?)</pre>', text, re.DOTALL)
    assert found, "the page's script stopped before its end"
    said = dict(line.split("=", 1) for line in found[1].strip().splitlines())
    assert said["start"].split(",") == ["rtl.exactness", "layout.drc", "layout.magic-drc", "layout.density-min"]
    assert said["fail"] == said["search"] == "layout.drc"
    assert said["none"] == said["open"] == said["closed"] == "true"
    assert said["sorted"].split(",")[0] == "layout.drc"
    assert said["picture"].startswith("data:image/png")


def colour(path: Path) -> tuple[int, ...]:
    """The mean of a PNG's pixels, by KLayout."""
    import klayout.lay as lay

    image = lay.PixelBuffer.read_png(str(path))
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    points = [image.pixel(x, y) for x in range(0, width, 16) for y in range(height // 2, height, 16)]
    return tuple(sum(p >> s & 255 for p in points) // len(points) for s in (16, 8, 0))


def test_light_and_dark(page: Path, tmp_path: Path) -> None:
    means = {}
    for theme, flag in (("light", "1"), ("dark", "0")):
        shot = tmp_path / f"{theme}.png"
        flags = (f"--blink-settings=preferredColorScheme={flag}", f"--screenshot={shot}", "--window-size=900,2400")
        browse(page, *flags)
        means[theme] = sum(colour(shot)) / 3
    assert means["light"] > 200 and means["dark"] < 90, means
