"""What axe-core finds wrong with a page, and which of its targets are too small for a finger."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
AXE_RUN: Final = """async () => (await axe.run(document, {rules: {"target-size": {enabled: true}}})).violations.map(
    found => found.id + ": " + found.nodes.map(node => node.target.join(" ")).join(", "))"""
EVERY_RULE: Final = """axe.run({
  rules: Object.fromEntries(axe.getRules().map(({ruleId}) => [ruleId, {enabled: ruleId !== "color-contrast-enhanced"}])),
  iframes: false,
})"""
"""Also those that are experimental, good practice or of level AAA, but for the contrast of that level: 4.5 is asked for, not 7."""

SMALL_TARGETS: Final = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary')]
    .filter((target) => !target.matches('.skip') && target.checkVisibility())
    .filter((target) => target.getBoundingClientRect().height < 43.9)
    .map((target) => target.outerHTML.slice(0, 100))"""


def violations(page: Page) -> list[str]:
    """Give what axe-core finds in a page that was opened with `bypass_csp`, target sizes included."""
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(AXE_RUN)
    return found


def violations_of_every_rule(page: Page) -> list[str]:
    """Give what axe-core finds in the page and each of its frames."""
    found: list[str] = []
    for frame in page.frames:
        frame.evaluate(AXE.read_text())
        result: dict[str, Any] = frame.evaluate(EVERY_RULE)
        found += [f"{broken['id']}: {node['html'][:120]}" for broken in result["violations"] for node in broken["nodes"]]
    return found


def small_targets(page: Page) -> list[str]:
    """Give what can be pressed and is lower than 44 pixels."""
    found: list[str] = page.evaluate(SMALL_TARGETS)
    return found
