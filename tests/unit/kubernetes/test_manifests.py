"""What can be known of the manifests of Kubernetes without a cluster."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from schemas.settings import known_variables, load_settings
from sinks.notify.rules_file import read_plan
from tests.support.debian import program
from tests.support.kustomization import Resource, documents, pod_of, rendered

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "kubernetes"
TOGETHER = [FOLDER / "base", FOLDER / "overlays" / "example"]
OF_OPERATORS = {
    "kafka.strimzi.io",
    "clickhouse.altinity.com",
    "clickhouse-keeper.altinity.com",
}
# The labels that the operators give to the pods they make, and to their own.
# Sources: Strimzi, "Labels and annotations"; Altinity's operator, "Custom resource explained".
THEIR_PODS = [
    {"strimzi.io/cluster": "candlewick"},
    {"strimzi.io/kind": "cluster-operator"},
    {"clickhouse.altinity.com/chi": "candlewick"},
    {"clickhouse-keeper.altinity.com/chk": "candlewick"},
    {"app": "clickhouse-operator"},
    {"app.kubernetes.io/name": "altinity-clickhouse-operator"},  # the same, by its Helm chart
]
THEIR_SECRETS = {"pipeline", "candlewick-cluster-ca-cert"}  # Strimzi's, of the user and of the CA
# They have nothing to ask: each ends itself as soon as it makes no progress (docs/operations.md).
END_THEMSELVES = {"processors", "producers", "sinks", "sinks.notify", "grafana"}
UNRULED = pytest.mark.parametrize("folder", TOGETHER, ids=lambda folder: folder.name)
VERSIONS = ("1.30.0", kubernetes_validate.latest_version())


def is_ours(resource: Resource) -> bool:
    return resource["apiVersion"].partition("/")[0] not in OF_OPERATORS


def workloads(folder: Path) -> Iterator[tuple[str, Resource, dict[str, Any]]]:
    for resource in rendered(folder):
        if pod := pod_of(resource):
            yield resource["metadata"]["name"], resource, pod


def containers(folder: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, _, pod in workloads(folder):
        yield from ((name, one, pod["spec"]) for one in pod["spec"]["containers"])


def settings_of(container: dict[str, Any], resources: list[Resource]) -> dict[str, str | None]:
    """Return the variables of a container; None where a secret has the value."""
    maps = {r["metadata"]["name"]: r["data"] for r in resources if r["kind"] == "ConfigMap"}
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]
    return found | {one["name"]: one.get("value") for one in container.get("env", ())}


def selected(labels: dict[str, str], by: dict[str, str]) -> bool:
    return labels.items() >= by.items()


@pytest.mark.parametrize("kustomization", sorted(FOLDER.rglob("kustomization.yaml")), ids=str)
def test_every_file_is_named_and_every_name_is_a_file(kustomization: Path) -> None:
    told = documents(kustomization)[0]
    named = [*told.get("resources", ()), *(patch["path"] for patch in told.get("patches", ()))]
    for made in told.get("configMapGenerator", ()):
        named += [*made.get("files", ()), *made.get("envs", ())]
    there = {path.name for path in kustomization.parent.glob("*") if path.is_file()}

    assert {name for name in named if "/" not in name} == there - {
        "kustomization.yaml",
        "secrets.example.yaml",
    }
    for name in [*named, *told.get("components", ())]:
        assert (kustomization.parent / name).exists()


def as_compared(resources: list[Resource]) -> dict[tuple[str, str], str]:
    """Return resources without the order of lists, which means nothing where entries have names."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list):
            listed = [plain(one) for one in value]
            unordered = all(isinstance(one, dict) for one in listed)
            return sorted(listed, key=partial(json.dumps, sort_keys=True)) if unordered else listed
        return (
            re.sub(r"^(notify-rules|settings)-\w+$", r"\1", value)
            if isinstance(value, str)
            else value
        )

    return {
        (one["kind"], plain(one["metadata"]["name"])): json.dumps(plain(one), sort_keys=True)
        for one in resources
    }


@UNRULED
def test_kubectl_makes_of_them_what_these_tests_look_at(folder: Path) -> None:
    kubectl = program(lambda: shutil.which("kubectl"), "kubernetes-client")
    asked = [kubectl, "version", "--client", "--output=json"]
    told = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    if int(re.sub(r"\D", "", told["clientVersion"]["minor"])) < 22:
        pytest.skip("this kubectl is too old: before 1.22 it knows no components")
    done = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, text=True, check=True
    )

    assert as_compared(list(yaml.safe_load_all(done.stdout))) == as_compared(rendered(folder))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_is_one_of_kubernetes_and_has_no_unknown_field(version: str) -> None:
    ours = {
        json.dumps(resource): resource
        for folder in TOGETHER
        for resource in rendered(folder)
        if is_ours(resource)
    }

    assert len(ours) > 30
    for resource in ours.values():
        kubernetes_validate.validate(resource, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    resource = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dta": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(resource, VERSIONS[-1], strict=True)


@UNRULED
def test_no_two_resources_have_one_name(folder: Path) -> None:
    names = Counter((one["kind"], one["metadata"]["name"]) for one in rendered(folder))

    assert [name for name, count in names.items() if count > 1] == []


@UNRULED
def test_every_setting_exists_and_has_a_value_that_is_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources, known = rendered(folder), {*known_variables(), "TMPDIR"}
    here = {"/kafka-ca/ca.crt": str(tmp_path / "ca.crt"), None: "name=json://127.0.0.1:9/"}
    (tmp_path / "ca.crt").write_text("a certificate")
    for _, container, _ in containers(folder):
        with monkeypatch.context() as patch:
            for name, value in settings_of(container, resources).items():
                assert name in known
                patch.setenv(name, here.get(value, value or ""))
            assert load_settings().clickhouse.cluster == "main"


@UNRULED
def test_the_processes_are_those_of_the_compose_file(folder: Path) -> None:
    """A sink for both parts is there in compose, one for each part here."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    theirs = {
        tuple(service["command"])
        for name, service in compose.items()
        if service["image"].startswith("candlewick:") and name != "annotate"
    }
    ours = {tuple(container["command"]) for _, container, _ in containers(folder)}
    whole = {c[: c.index("--part")] if "--part" in c else c for c in ours}
    notify = ("python", "-m", "sinks.notify")

    assert whole | {notify} == theirs
    assert [c[-1] for c in sorted(ours) if "--part" in c] == ["history", "live"]
    assert (notify in ours) == (folder.name == "example")


@UNRULED
def test_every_container_may_do_little_and_says_what_it_takes(folder: Path) -> None:
    for _, container, pod in containers(folder):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        assert not pod["enableServiceLinks"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert container["resources"]["limits"].keys() == {"memory"}  # slow is better than late


@UNRULED
def test_who_answers_http_has_probes_and_all_others_end_themselves(folder: Path) -> None:
    for name, container, _ in containers(folder):
        probes = {kind for kind in container if kind.endswith("Probe")}
        if name == "api":
            assert probes == {"startupProbe", "livenessProbe", "readinessProbe"}
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        else:
            assert name == "init" or container["command"][2] in END_THEMSELVES
            assert probes == set()


@UNRULED
def test_every_user_of_the_image_has_the_folders_that_it_writes_to(folder: Path) -> None:
    resources = rendered(folder)
    claims = {r["metadata"]["name"] for r in resources if r["kind"] == "PersistentVolumeClaim"}
    for _, container, pod in containers(folder):
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert mounts.keys() == {one["name"] for one in pod["volumes"]}
        assert len(mounts) == len(container["volumeMounts"]) == len(pod["volumes"])
        assert {"data", "tmp", "kafka-ca"} <= mounts.keys()
        assert (mounts["data"], mounts["kafka-ca"]) == ("/data", "/kafka-ca")
        for volume in pod["volumes"]:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            assert claim is None or claim in claims
            assert len(volume) == 2  # its name, and one source


def test_trainer_and_predictors_see_one_folder_of_models_that_many_may_mount() -> None:
    mounts = {
        name: {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        for name, container, _ in containers(TOGETHER[0])
    }
    resources = {(r["kind"], r["metadata"]["name"]): r for r in rendered(TOGETHER[0])}

    assert mounts["trainer"]["models"] == mounts["predictor"]["models"] == "/data/models"
    assert resources["PersistentVolumeClaim", "models"]["spec"]["accessModes"] == ["ReadWriteMany"]


@UNRULED
def test_selectors_find_pods(folder: Path) -> None:
    pods = {name: pod["metadata"]["labels"] for name, _, pod in workloads(folder)}
    for name, resource, _ in workloads(folder):
        if resource["kind"] != "Job":
            by = resource["spec"]["selector"]["matchLabels"]
            assert [one for one, labels in pods.items() if selected(labels, by)] == [name]
    for resource in rendered(folder):
        if resource["kind"] == "Service":
            by = resource["spec"]["selector"]
        elif resource["kind"] == "PodDisruptionBudget":
            by = resource["spec"]["selector"]["matchLabels"]
        else:
            continue
        assert [name for name, labels in pods.items() if selected(labels, by)] == [
            resource["metadata"]["name"]
        ]


@UNRULED
def test_where_there_are_several_a_drain_takes_one_and_they_are_spread(folder: Path) -> None:
    several = {
        name: pod["spec"]
        for name, resource, pod in workloads(folder)
        if resource["spec"].get("replicas", 1) > 1
    }
    resources = rendered(folder)
    budgets = {r["metadata"]["name"] for r in resources if r["kind"] == "PodDisruptionBudget"}

    assert several.keys() == budgets >= {"candles", "predictor", "sink"}
    for name, spec in several.items():
        (spread,) = spec["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}


@UNRULED
def test_members_of_groups_have_names_of_their_pods(folder: Path) -> None:
    for _, container, pod in containers(folder):
        assert not {"--name", "--instance"} & set(container["command"])
        assert not {"hostname", "hostNetwork"} & pod.keys()


def peers(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule in [*policy.get("ingress", ()), *policy.get("egress", ())]:
        yield from rule.get("from", ())
        yield from rule.get("to", ())


@UNRULED
def test_nothing_reaches_anything_but_by_a_policy_whose_pods_exist(folder: Path) -> None:
    policies = {
        r["metadata"]["name"]: r["spec"] for r in rendered(folder) if r["kind"] == "NetworkPolicy"
    }
    pods = [*THEIR_PODS, *(pod["metadata"]["labels"] for _, _, pod in workloads(folder))]

    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies.values():
        for peer in [policy, *peers(policy)]:
            by = peer.get("podSelector", {}).get("matchLabels")
            assert by is None or any(selected(labels, by) for labels in pods)
        for port in (p for rule in policy.get("ingress", ()) for p in rule.get("ports", ())):
            assert port["port"] in {"http", "metrics", 2181, 8123, 9093}


@UNRULED
def test_a_process_reaches_what_it_is_told_of_and_no_more(folder: Path) -> None:
    resources = rendered(folder)
    outside = {"stream", "backfill", "coins", "notify"}
    for name, resource, pod in workloads(folder):
        labels = pod["metadata"]["labels"]
        settings = settings_of(pod["spec"]["containers"][0], resources)
        assert labels["uses-kafka"] == "true"
        assert ("uses-internet" in labels) == (name in outside)
        assert ("uses-clickhouse" in labels) == ("CANDLEWICK_CLICKHOUSE__PASSWORD" in settings)
        assert ("uses-clickhouse" in labels) == (
            "uses-clickhouse" in resource["metadata"]["labels"]
        )


@UNRULED
def test_prometheus_finds_and_reaches_the_metrics_of_every_process(folder: Path) -> None:
    resources = rendered(folder)
    policies = {r["metadata"]["name"]: r["spec"] for r in resources if r["kind"] == "NetworkPolicy"}
    (rule,) = policies["metrics"]["ingress"]

    assert [port["port"] for port in rule["ports"]] == ["metrics"]
    for name, _, pod in workloads(folder):
        (container,) = pod["spec"]["containers"]
        settings = settings_of(container, resources)
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        found = pod["metadata"]["annotations"]
        assert selected(
            pod["metadata"]["labels"], policies["metrics"]["podSelector"]["matchLabels"]
        )
        assert found["prometheus.io/scrape"] == "true"
        assert found["prometheus.io/port"] == settings["CANDLEWICK_METRICS__PORT"]
        assert str(ports["metrics"]) == settings["CANDLEWICK_METRICS__PORT"]
        if name != "init":  # it ends
            assert pod["metadata"]["labels"]["process"] == name
        assert settings["CANDLEWICK_METRICS__HOST"] != "127.0.0.1"


@UNRULED
def test_no_secret_is_there_but_the_names_of_secrets_are(folder: Path) -> None:
    example = documents(FOLDER / "overlays" / "example" / "secrets.example.yaml")
    keys = {one["metadata"]["name"]: one["stringData"] for one in example}
    resources = rendered(folder)

    assert all(value.startswith("<") for data in keys.values() for value in data.values())
    assert not any(resource["kind"] == "Secret" for resource in resources)
    for _, container, _ in containers(folder):
        for name, value in settings_of(container, resources).items():
            assert value is None or not re.search("PASSWORD|TOKEN|TARGETS|_KEY$", name)
    for found in re.findall(r'"secretKeyRef": ({.*?})', json.dumps(resources)):
        asked = json.loads(found)
        assert asked["name"] in THEIR_SECRETS or asked["key"] in keys[asked["name"]]


@UNRULED
def test_every_image_is_pinned_and_is_the_one_of_the_compose_file(folder: Path) -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    theirs = dict(line.rsplit(":", 1) for line in re.findall(r"image: (\S+)", compose))
    theirs["clickhouse/clickhouse-keeper"] = theirs["clickhouse/clickhouse-server"]
    found = set(re.findall(r'"image": "(\S+?)"', json.dumps(rendered(folder))))

    assert len(found) == 3
    for image in found:
        name, _, tag = image.rpartition(":")
        assert tag == theirs[name.removeprefix("registry.example.com/")]


def test_the_rules_of_the_example_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_NOTIFY__TARGETS", "ops=json://127.0.0.1:9/")

    plan = read_plan(load_settings(), FOLDER / "overlays" / "example" / "rules.yaml")

    assert len(plan.rules) == 4
