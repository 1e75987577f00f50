"""The migrator: each file once, in order, never edited."""

import re
from dataclasses import dataclass, field, replace

import pytest

from schemas.errors import ContractMismatch
from schemas.migrations import LEDGER, Migration, for_cluster, migrate, read_migrations


@dataclass
class Store:
    """Remembers what ran, and the ledger as the migrator writes it."""

    ran: list[str] = field(default_factory=list)
    ledger: list[tuple[str, str]] = field(default_factory=list)

    def run(self, statement: str) -> None:
        self.ran.append(statement)
        if statement.startswith("INSERT INTO schema_migrations"):
            _, name, _, checksum, _ = statement.split("'")
            self.ledger.append((name, checksum))

    def rows(self, query: str) -> list[tuple[str, str]]:
        assert "schema_migrations" in query
        return list(self.ledger)


def test_what_is_missing_is_applied_once_and_in_order() -> None:
    store = Store()

    first, second = migrate(store, read_migrations()), migrate(store, read_migrations())

    assert first == sorted(first) == [m.name for m in read_migrations()]
    assert second == []


def test_an_edited_migration_is_refused() -> None:
    store, files = Store(), read_migrations()
    migrate(store, files)
    edited = [replace(files[0], checksum="0" * 64), *files[1:]]

    with pytest.raises(ContractMismatch, match="edited"):
        migrate(store, edited)


def test_a_store_of_a_newer_version_is_refused() -> None:
    store, files = Store(), read_migrations()
    migrate(store, [*files, Migration("999_later", "SELECT 1", "1" * 64)])

    with pytest.raises(ContractMismatch, match="newer"):
        migrate(store, files)


def test_one_machine_gets_the_statements_as_they_are() -> None:
    statements = [s for m in read_migrations() for s in m.statements()]

    assert [for_cluster(s, None) for s in statements] == statements


def test_a_cluster_gets_replicated_engines_and_their_deduplication_window() -> None:
    tables = [s for m in read_migrations() for s in m.statements() if "CREATE TABLE" in s]

    for statement in (for_cluster(table, "main") for table in tables):
        assert "ON CLUSTER 'main'" in statement
        assert "ENGINE = Replicated" in statement or "ENGINE = Merge(" in statement
        assert "non_replicated" not in statement
        if "ENGINE = Replicated" in statement:
            assert statement.endswith(
                "replicated_deduplication_window = 10000, "
                "replicated_deduplication_window_seconds = 604800"
            )


def test_a_cluster_gets_every_statement_on_all_its_machines() -> None:
    statements = [s for m in read_migrations() for s in m.statements()]
    written = [for_cluster(s, "main") for s in statements if not s.startswith("INSERT")]

    assert [s for s in written if s.count(" ON CLUSTER 'main'") != 1] == []
    heads = {s.split(" ON CLUSTER")[0].rsplit(" ", 1)[0] for s in written}
    assert heads == {
        "CREATE TABLE IF NOT EXISTS",
        "CREATE OR REPLACE VIEW",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS",
        "ALTER TABLE",
    }


def test_a_cluster_gets_the_ledger_of_migrations_on_all_its_machines() -> None:
    ledger = for_cluster(LEDGER, "main")

    assert "schema_migrations ON CLUSTER 'main'" in ledger
    assert "ENGINE = ReplicatedMergeTree" in ledger


def test_a_cluster_has_columns_that_are_not_kept_in_files_of_one_machine() -> None:
    """Nothing of the DDL is of one machine only: dictionaries, local files, other engines."""
    statements = [s for m in read_migrations() for s in m.statements()]
    engines = {e for s in statements for e in re.findall(r"ENGINE = (\w+)", s)}

    assert engines == {"ReplacingMergeTree", "AggregatingMergeTree", "Merge"}
    assert not [s for s in statements if re.search(r"DICTIONARY|\bfile\(|\burl\(", s)]


def test_a_cluster_gets_changes_of_tables_too() -> None:
    changed = for_cluster("ALTER TABLE trades MODIFY TTL a + toIntervalDay(1)", "main")

    assert changed == "ALTER TABLE trades ON CLUSTER 'main' MODIFY TTL a + toIntervalDay(1)"


def test_a_view_reads_the_same_on_a_cluster() -> None:
    views = [s for m in read_migrations() for s in m.statements() if " VIEW " in s[:40]]

    for view in views:
        assert for_cluster(view, "main").replace(" ON CLUSTER 'main'", "") == view


def test_comments_and_empty_statements_are_left_out() -> None:
    migration = Migration("001_x", "-- a; comment\nSELECT 1;\n\n;SELECT 2", "0" * 64)

    assert list(migration.statements()) == ["SELECT 1", "SELECT 2"]
