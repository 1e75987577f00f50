"""The local ClickHouse to JDBC as the reader: DBeaver, Metabase and Tableau come this way."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import running_clickhouse

PROGRAM = Path(__file__).parents[1] / "clients" / "clickhouse_jdbc" / "Tried.java"
JAVA, COMPILER, MAVEN = shutil.which("java"), shutil.which("javac"), shutil.which("mvn")
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tried</groupId><artifactId>tried</artifactId><version>1</version><dependencies>
<dependency><groupId>com.clickhouse</groupId><artifactId>clickhouse-jdbc</artifactId>
<version>{version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId>
<version>2.0.17</version></dependency>
</dependencies></project>"""
TABLE = """CREATE TABLE tried
(n UInt64, p Decimal(18, 8), s LowCardinality(String), t DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY n"""
ROWS = """INSERT INTO tried
SELECT number, number * toDecimal64('0.00000001', 8), 'BTCUSDT', now() FROM numbers(10)"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMPILER is None, reason="no Java compiler is installed"),
    pytest.mark.skipif(MAVEN is None, reason="Maven is not installed"),
]


@pytest.mark.parametrize("version", ["0.10.0", "0.9.9"])
def test_the_reader_sees_what_tools_ask_for_and_writes_nothing(
    version: str, tmp_path: Path
) -> None:
    (tmp_path / "pom.xml").write_text(POM.format(version=version))
    fetched = run(
        MAVEN, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars", at=tmp_path
    )
    if fetched.returncode:
        pytest.skip(f"the repository does not have it: {fetched.stdout[-300:]}")

    with running_clickhouse(tmp_path / "data") as server:
        with server.client() as writer:
            for sql in (TABLE, ROWS):
                writer.command(sql)
        address = server.url.removeprefix("http://").rstrip("/")
        tried = run(
            JAVA,
            "-cp",
            "jars/*",
            PROGRAM,
            address,
            server.reader,
            server.reader_password,
            at=tmp_path,
        )

    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "ok refused to write" in tried.stdout


def run(program: str | None, *arguments: str | Path, at: Path) -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=300, check=False)
