"""A real Kafka node that asks for a user and a password over TLS, beside an open door for tests.

Everybody may do everything with a topic or a group that has no rule.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from candlewick.kafka_server.config import new_cluster_id, server_properties
from candlewick.kafka_server.jars import ensure_jars, kafka_home
from candlewick.kafka_server.java import KafkaJava
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import free_port
from clients.kafka.topics import create_topics
from schemas.settings import KafkaSettings
from tests.support.certificates import make_certificate
from tests.support.kafka_process import wait_until_up

USER, PASSWORD = "candlewick", "a-long-secret"
_LOGIN = "org.apache.kafka.common.security"
# Later lines of a properties file replace earlier ones.
_GUARDED = """
listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded},TLS://127.0.0.1:{tls},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded},\
TLS://127.0.0.1:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,GUARDED:SASL_SSL,TLS:SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={folder}/both.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/chain.pem
listener.name.tls.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.guarded.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
user_{user}="{password}";
listener.name.guarded.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
"""


@dataclass(frozen=True, slots=True)
class GuardedKafka:
    """Where it listens, and the folder of its certificate (``chain.pem``, ``key.pem``)."""

    folder: Path
    port: int
    guarded: int
    tls: int

    def allow(self, kind: ResourceType, name: str, *operations: AclOperation) -> None:
        """Let the user do this with a topic or a group, and nothing else with it."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        rules = [
            AclBinding(
                kind,
                name,
                ResourcePatternType.LITERAL,
                f"User:{who}",
                "*",
                operation,
                AclPermissionType.ALLOW,
            )
            for who, allowed in (("nobody", (AclOperation.ALL,)), (USER, operations))
            for operation in allowed
        ]
        for done in admin.create_acls(rules).values():
            done.result(30)

    @property
    def bootstrap(self) -> str:
        """The open door."""
        return f"127.0.0.1:{self.port}"

    def as_user(self, mechanism: str, password: str = PASSWORD) -> KafkaSettings:
        """The settings of a client that signs in."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": f"127.0.0.1:{self.guarded}",
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": mechanism,
                "sasl_username": USER,
                "sasl_password": password,
                "ssl_ca": self.folder / "chain.pem",
            }
        )

    def with_certificate(self) -> KafkaSettings:
        """The settings of a client that shows a certificate."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.tls}",
            security_protocol="SSL",
            ssl_ca=self.folder / "chain.pem",
            ssl_certificate=self.folder / "chain.pem",
            ssl_key=self.folder / "key.pem",
        )


@contextmanager
def guarded_kafka(folder: Path) -> Iterator[GuardedKafka]:
    """Apache Kafka over a folder, with every topic and one user."""
    make_certificate(folder)
    pems = [(folder / name).read_text() for name in ("key.pem", "chain.pem")]
    (folder / "both.pem").write_text("".join(pems))
    kafka, controller = GuardedKafka(folder, free_port(), free_port(), free_port()), free_port()
    properties = folder / "server.properties"
    properties.write_text(
        server_properties(port=kafka.port, controller_port=controller, logs=folder / "logs")
        + _GUARDED.format(
            port=kafka.port,
            guarded=kafka.guarded,
            tls=kafka.tls,
            controller=controller,
            folder=folder,
            login=_LOGIN,
            user=USER,
            password=PASSWORD,
        )
    )
    home = kafka_home()
    java = KafkaJava(home, tuple(ensure_jars(home)), heap_mb=256, quick_start=True)
    java.format_storage(properties, new_cluster_id())
    with (folder / "kafka.log").open("ab") as log:
        process = subprocess.Popen(leashed(java.serve(properties)), stdout=log, stderr=log)
    try:
        wait_until_up(process, kafka.guarded, folder / "kafka.log")
        opened = KafkaSettings(bootstrap_servers=kafka.bootstrap)
        create_topics(opened)
        _add_user(opened)
        yield kafka
    finally:
        process.terminate()
        process.wait(60)


def _add_user(opened: KafkaSettings) -> None:
    admin = AdminClient({"bootstrap.servers": opened.bootstrap_servers})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    added = UserScramCredentialUpsertion(USER, scram, PASSWORD.encode())
    for done in admin.alter_user_scram_credentials([added]).values():
        done.result(30)
