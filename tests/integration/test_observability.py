"""Alert rules and dashboard: what they ask for exists, what they say was tried, and each leads to a page of the runbook."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from services.kit.alarms import Alarm
from tests.running import Gateway

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "observability"
RULES: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yml").read_text())
NAME = re.compile(r"\b(?:onthaal|process)_[a-z_]+\b")
BUILT_IN = {"up"}


def alerts() -> Iterator[dict[str, Any]]:
    for group in RULES["groups"]:
        yield from group["rules"]


@pytest.fixture(scope="module")
def names(gateway: Gateway) -> set[str]:
    """Every name that a gateway's /metrics declares or shows."""
    text = httpx.get(f"{gateway.url}/metrics", timeout=30).text
    declared = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    shown = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    histograms = set(re.findall(r"^# TYPE (\S+) histogram", text, re.MULTILINE))
    return declared | shown | {f"{name}_bucket" for name in histograms}


def asked(expression: str) -> set[str]:
    return set(NAME.findall(re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expression)))


def test_every_alert_asks_for_what_exists(names: set[str]) -> None:
    for alert in alerts():
        wanted = asked(alert["expr"]) - BUILT_IN
        assert wanted <= names, (alert["alert"], wanted - names)


def panels() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_every_panel_asks_for_what_exists(names: set[str]) -> None:
    assert len(panels()) > 20
    for expression in panels():
        assert asked(expression) <= names, (expression, asked(expression) - names)


def test_every_figure_is_on_the_dashboard_or_an_alert(names: set[str]) -> None:
    used = {name for expression in (*panels(), *(alert["expr"] for alert in alerts())) for name in asked(expression)}
    own = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in names if name.startswith("onthaal_")}
    assert {one for one in own if not any(name.startswith(one) for name in used)} == set()


def test_every_alert_was_tried_with_promtool() -> None:
    tried = {
        case["alertname"]
        for test in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"] or case["alertname"] == "OnthaalSubscriptionGone"
    }
    assert tried == {alert["alert"] for alert in alerts()}
    promtool = shutil.which("promtool")
    if promtool is None and not os.environ.get("CI"):
        pytest.skip("promtool is not here: deploy/setup/alerts")
    assert promtool
    done = subprocess.run([promtool, "test", "rules", "alerts_test.yml"], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_and_every_alert_has_its_page_in_the_runbook() -> None:
    headings = {
        line.lstrip("# ").strip().lower() for line in (DEPLOY / "RUNBOOK.md").read_text().splitlines() if line.startswith("#")
    }
    assert {alarm.value.lower() for alarm in Alarm} <= headings
    for alert in alerts():
        path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert path == "deploy/RUNBOOK.md"
        assert anchor in headings, alert["alert"]


def test_every_alarm_is_an_alert_as_well() -> None:
    anchors = {alert["annotations"]["runbook_url"].partition("#")[2] for alert in alerts()}
    assert {alarm.value.lower() for alarm in Alarm} <= anchors
