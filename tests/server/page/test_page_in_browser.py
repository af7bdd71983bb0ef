"""The page in a real browser, by keyboard alone: ranks, movements, two models, files, refusals."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import serving

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra interop)")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no chromium with its driver"),
    pytest.mark.filterwarnings("ignore"),  # selenium's own
]
KEY = "correct-horse-battery"
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_window_size(1200, 900)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    models = {"words": LexicalReranker(), "also-words": LexicalReranker()}
    with serving(create_app(models)) as client:
        browser.get_log("browser")  # what was said before is another test's
        browser.get(client.url)
        until(browser, lambda: len(all_of(browser, "#first option")) == 2)
        yield browser
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def all_of(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements("css selector", selector)


def one_of(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def until(browser: Any, holds: Callable[[], Any]) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 20).until(lambda _: holds())


def rank(browser: Any, query: str, documents: list[str]) -> None:
    """Fill the form and rank with Ctrl-Enter."""
    from selenium.webdriver.common.keys import Keys

    for selector, text in (("#query", query), ("#documents", "\n".join(documents))):
        field = one_of(browser, selector)
        field.clear()
        field.send_keys(text)
    field.send_keys(Keys.CONTROL, Keys.ENTER)


def test_documents_are_ranked_with_their_movements_and_scores(page: Any) -> None:
    rank(page, "tomato soup", ["paris is a city", "soup of beans", "tomato soup with basil"])
    until(page, lambda: len(all_of(page, ".ranking li")) == 3)

    assert [node.text for node in all_of(page, ".text")] == [
        "tomato soup with basil",
        "soup of beans",
        "paris is a city",
    ]
    assert [node.text.split()[0] for node in all_of(page, ".move")] == ["↑", "=", "↓"]
    assert all(0 <= float(node.text) <= 1 for node in all_of(page, ".number"))
    assert "3 documents" in one_of(page, ".spent").text


def test_nothing_can_be_copied_before_there_is_a_ranking(page: Any) -> None:
    assert not one_of(page, "#copies").is_displayed()

    rank(page, "tomato soup", ["paris", "tomato soup"])
    until(page, lambda: one_of(page, "#copies").is_displayed())


def test_the_best_sentence_is_marked(page: Any) -> None:
    rank(page, "tomato soup", ["Paris is a city. Tomato soup is red. The end.", "nothing"])
    until(page, lambda: all_of(page, "mark"))

    assert [node.text for node in all_of(page, "mark")] == ["Tomato soup is red."]


def test_two_models_stand_side_by_side(page: Any) -> None:
    one_of(page, "#second").send_keys("also-words")
    rank(page, "tomato soup", ["paris", "tomato soup"])
    until(page, lambda: len(all_of(page, ".side")) == 2)

    assert [node.text for node in all_of(page, ".side h2")] == ["words", "also-words"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "first line\n\nsecond line\n"),
        ("a.md", "first\nline\n\nsecond line"),
        ("a.csv", 'id,text\n1,"first ""line"""\n2,"second\nline"\n'),
        ("a.tsv", "text\tid\nfirst line\t1\nsecond line\t2\n"),
        ("a.jsonl", '{"text": "first line"}\n{"page_content": "second line"}\n'),
        ("a.json", '["first line", {"content": "second line"}]'),
    ],
)
def test_a_file_becomes_documents(page: Any, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    one_of(page, "#file").send_keys(str(path))
    field = one_of(page, "#documents")
    until(page, lambda: field.get_property("value").startswith("first"))

    assert field.get_property("value").replace('"', "").split("\n") == ["first line", "second line"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", "{", "no valid JSON"),
        ("a.csv", "id,name\n1,2\n", "no column text"),
        ("a.txt", "\n\n", "holds no document"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    page: Any, tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    before = one_of(page, "#documents").get_property("value")
    one_of(page, "#file").send_keys(str(path))
    until(page, lambda: said in one_of(page, "#problem").text)

    assert one_of(page, "#documents").get_property("value") == before


def test_a_file_that_is_dropped_becomes_documents(page: Any) -> None:
    page.execute_script(
        """
        const dropped = new DataTransfer();
        dropped.items.add(new File(['{"text": "first line"}\\n{"text": "second line"}\\n'], "a.jsonl"));
        document.getElementById("documents").dispatchEvent(
          new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        """
    )
    field = one_of(page, "#documents")
    until(page, lambda: field.get_property("value") == "first line\nsecond line")


def test_what_is_copied_as_curl_and_python_ranks_the_same(page: Any) -> None:
    rank(page, "tomato soup", ["it's paris", "tomato soup"])
    until(page, lambda: len(all_of(page, ".ranking li")) == 2)
    copied = {}
    page.execute_script(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"  # headless has no clipboard
    )
    for kind in ("curl", "python", "cohere", "javascript"):
        one_of(page, f'[data-copy="{kind}"]').click()
        copied[kind] = page.execute_script("return window.copied")

    done = subprocess.run(["bash", "-c", copied["curl"]], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["results"][0]["index"] == 1
    for kind in ("python", "cohere"):
        compile(copied[kind], kind, "exec")
    assert "it's paris" in copied["python"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_on_a_phone(page: Any, scheme: str) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    metrics = {"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    one_of(page, "#second").send_keys("also-words")
    rank(page, "tomato soup", ["paris. soup", "tomato soup. The end."])
    until(page, lambda: len(all_of(page, ".side")) == 2 and all_of(page, "mark"))

    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 420
        for selector in (".text", ".number", ".spent", ".move", "mark", ".go", "label"):
            assert contrast(page, one_of(page, selector)) >= 4.5, selector
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def contrast(browser: Any, node: Any) -> float:
    """Return the contrast of a text with what is behind it: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    colours = browser.execute_script(
        """
        let ground = arguments[0], colour = getComputedStyle(arguments[0]).color;
        while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
        return [colour, getComputedStyle(ground).backgroundColor];
        """,
        node,
    )
    light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_locked_server_takes_its_key_as_password(browser: Any) -> None:
    with serving(create_app({"words": LexicalReranker()}, api_keys=[KEY])) as client:
        browser.get(client.url.replace("://", f"://anyone:{KEY}@"))
        until(browser, lambda: len(all_of(browser, "#first option")) == 1)
        rank(browser, "tomato soup", ["paris", "tomato soup"])
        until(browser, lambda: len(all_of(browser, ".ranking li")) == 2)


def test_nothing_overflows_a_narrow_screen(page: Any) -> None:
    page.set_window_size(500, 900)
    rank(page, "tomato soup", ["x" * 300, "tomato soup"])
    until(page, lambda: len(all_of(page, ".ranking li")) == 2)

    try:
        assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        page.set_window_size(1200, 900)


def test_every_field_has_a_name(page: Any) -> None:
    names = [
        node.accessible_name
        for node in all_of(page, "input, textarea, select, button")
        if node.is_displayed()
    ]

    assert names
    assert all(names)
