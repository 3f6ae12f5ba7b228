# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The pages in a real browser, Debian's chromium: as wide as a desk and as narrow as a phone, read with axe-core."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from nonempty import nonempty
from npm import installed
from serving import Served, serving

DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
KINDS = """
SELECT ?kind (MIN(?x) AS ?one) { ?x a ?any
  FILTER (STRSTARTS(STR(?x), "https://w3id.org/icn/id/"))
  BIND (STRBEFORE(STRAFTER(STR(?x), "/icn/id/"), "/") AS ?kind)
} GROUP BY ?kind ORDER BY ?kind"""
FIXED = [
    "/",
    "/sparql",
    "/sparql?query=SELECT+*+%7B+%3Fs+%3Fp+%3Fo+%7D+LIMIT+20&format=html",
    "/sparql?query=SELECT+nonsense&format=html",
    "/questions/",
    "/questions/academies-joined-network?network=china-central-asia-academies&year=2023",
    "/questions/academies-joined-network?network=nowhere&year=2023",
    "/search?q=academy",
    "/search?q=zzzzzz",
    "/ontology",
    "/ontology/patterns/membership",
    "/shapes",
    "/shapes/strict",
    "/dataset",
    "/doc/network/china-central-asia-academies",
    "/doc/institution/apa-kz",
    "/doc/article/2023-11-09-network-launched",
    "/doc/network/never-was",
    "/date/2023-11-08",
    "/vocabulary/feature",
    "/vocabulary/standing/guest",
]
FLAGSHIP = "/doc/article/2023-11-09-network-launched"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's chromium; skip where it is not installed."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("The pages are not read in a browser: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """Give the program of axe-core; skip where npm cannot install it."""
    return (installed("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def addresses(site: Served) -> list[str]:
    """List one page of each kind of thing, and the pages that are no thing's."""
    things = [row["one"].removeprefix("https://w3id.org/icn/id") for row in site.rows(KINDS)]
    assert len(things) > 20
    return [*FIXED, *(f"/doc{thing}" for thing in things)]


def violations(page: Page, axe: str) -> list[str]:
    """Say what axe-core finds against WCAG 2.2 AA and its best practices, and where."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]
    ]


def overflow(page: Page) -> int:
    """Measure by how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def watched(context: BrowserContext, served: Served) -> tuple[Page, list[str]]:
    """Open a page that notes what it should not do: call others, complain, ask."""
    page, noted = context.new_page(), list[str]()
    host = urlsplit(served.address).netloc
    page.on("request", lambda request: None if urlsplit(request.url).netloc == host else noted.append(request.url))
    page.on("console", lambda said: noted.append(said.text) if said.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: noted.append(dialog.message))
    page.on("pageerror", lambda fault: noted.append(str(fault)))
    return page, noted


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [(DESK, "en", "light"), (PHONE, "ru", "light"), (PHONE, "en", "dark")],
    ids=["desk", "phone in Russian", "phone in the dark"],
)
def test_every_kind_of_page_is_fit_to_read(
    browser: Browser, site: Served, addresses: list[str], axe: str, size: ViewportSize, language: str, scheme: Any
) -> None:
    """No violation by axe-core, nothing wider than the window, no call to anybody else, no complaint of the browser."""
    findings: dict[str, list[str]] = {}
    with browser.new_context(viewport=size, locale=language, color_scheme=scheme, bypass_csp=True) as context:
        page, noted = watched(context, site)
        for address in nonempty(addresses):
            answer = page.goto(site.address + address)
            assert answer is not None
            assert answer.status in (200, 400, 404), address
            found = violations(page, axe)
            if answer.status != 200:  # the browser itself complains of these
                noted[:] = [text for text in noted if "Failed to load resource" not in text]
            if (wider := overflow(page)) > 0:
                found.append(f"{wider} pixels wider than the window")
            found += noted
            noted.clear()
            assert language == page.evaluate("document.documentElement.lang")
            if found:
                findings[address] = found
    assert {} == findings, json.dumps(findings, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_three_clicks_to_the_source(browser: Browser, site: Served, language: str) -> None:
    """From the home page to the article behind the flagship fact: on a phone, without scripts, in three clicks."""
    with browser.new_context(viewport=PHONE, locale=language, java_script_enabled=False) as context:
        page, noted = watched(context, site)
        page.goto(site.address + "/")
        clicks = 0
        while not page.url.startswith(site.address + FLAGSHIP):
            assert clicks < 3, f"{page.url} after three clicks"
            way = page.locator(f"main a[href^='{FLAGSHIP}']")
            shut = page.locator("main details:not([open])", has=way)
            if way.count() and not way.first.is_visible():
                shut.first.locator("summary").click()
            elif way.count():
                way.first.click()
            else:
                page.locator("main a[href^='/doc/network/china-central-asia-academies']").first.click()
            clicks += 1
        assert language == page.locator("html").get_attribute("lang")
        assert page.locator("h1").is_visible()
        assert [] == noted


def test_the_keyboard_comes_to_the_text_first(browser: Browser, site: Served) -> None:
    """The first stop of the tabulator is the way past the header, and it can be seen."""
    with browser.new_context(viewport=DESK) as context:
        page = context.new_page()
        page.goto(site.address + "/doc/network/china-central-asia-academies")
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert "#main" == skip.get_attribute("href")
        box = skip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")


def test_print_leaves_out_what_paper_cannot_do(browser: Browser, site: Served) -> None:
    """Forms and navigation are not printed; the text is."""
    with browser.new_context(viewport=DESK) as context:
        page = context.new_page()
        page.goto(site.address + "/doc/network/china-central-asia-academies")
        page.emulate_media(media="print")
        assert not page.locator("header nav").is_visible()
        assert not page.locator("form.search").is_visible()
        assert page.locator("h1").is_visible()


# --- hostile names ------------------------------------------------------------------------------------------------

HOSTILE = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "attribute": "\" onmouseover=\"alert(3)\" x=\"' onfocus='alert(4)' autofocus='",
    "end": "</title></style></textarea></script><svg onload=alert(5)>",
    "template": "{{ 7 * 7 }} {% raw %} ${7*7} %(x)s %s",
    "bidi": "\u202eabc\u2066def",
    "long": "а" * 10_000,
    "link": "javascript:alert(6)",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve networks and members with names that attack whoever shows them."""
    icn, label = "https://w3id.org/icn/ontology#", "<http://www.w3.org/2000/01/rdf-schema#label>"
    lines = []
    for key, text in HOSTILE.items():
        network, member = (f"<https://w3id.org/icn/id/{kind}/{key}>" for kind in ("network", "institution"))
        between = f"<https://w3id.org/icn/id/membership/{key}--{key}>"
        written = json.dumps(text, ensure_ascii=False)
        lines += [
            f"{network} a <{icn}Network> ; {label} {written}@en ; <https://schema.org/url> {written} .",
            f"{member} a <{icn}Institution> ; {label} {written}@ru .",
            f"{between} a <{icn}Membership>, <{icn}Situation> .",
            f"{between} <{icn}member> {member} ; <{icn}organization> {network} .",
        ]
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "hostile.ttl").write_text("\n".join(lines), encoding="utf-8")
    with serving(folder, folder / "hostile.ttl") as served:
        yield served


@pytest.mark.parametrize("key", HOSTILE)
def test_names_are_text_and_nothing_else(browser: Browser, hostile: Served, key: str) -> None:
    """Wherever a name is shown it runs nothing, calls nobody, and breaks neither the page nor its neighbours."""
    search = "/search?q=" + quote(HOSTILE[key][:150], safe="")
    places = [f"/doc/network/{key}", f"/doc/institution/{key}", f"/doc/membership/{key}--{key}", search]
    with browser.new_context(viewport=PHONE) as context:
        page, noted = watched(context, hostile)
        for place in nonempty(places):
            page.goto(hostile.address + place)
            page.mouse.move(200, 300)
            assert 0 >= overflow(page), place
            assert page.locator("footer").is_visible(), place
            assert (
                0 == page.locator("main script:not([type='application/ld+json']), main img, main svg[onload]").count()
            )
        assert [] == [text for text in noted if "Failed to load resource" not in text]
