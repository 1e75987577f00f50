"""The Avro contracts: the file that describes each record type, and its schema id on the wire.

The id of a contract is the fingerprint of its file, so every process knows every id without
asking a registry. A released file is never edited; a test compares their hashes.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from schemas.coins import Coin, CoinDay
from schemas.errors import ContractMismatch
from schemas.history import ArchiveFile, CrossCheck, History, Hole, IrregularRow
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.symbols import SymbolChoice

_VERSION_DIGITS = 4
AVRO_FOLDER = Path(__file__).parent / "avro"
RECORDS: dict[str, type] = {
    "trade_block.v1": TradeBlock,  # without eras: its ids are of era 0
    "trade_block.v2": TradeBlock,
    "candle.v1": Candle,
    "gap.v1": Gap,
    "gap.v2": Gap,
    "prediction.v1": Prediction,  # without the outer quantiles and the chance
    "prediction.v2": Prediction,
    "score.v1": Score,
    "score.v2": Score,
    "model_version.v1": ModelVersion,
    "training_request.v1": TrainingRequest,
    "hole.v1": Hole,
    "irregular_row.v1": IrregularRow,
    "cross_check.v1": CrossCheck,
    "archive_file.v1": ArchiveFile,
    "history.v1": History,
    "coin.v1": Coin,
    "coin_day.v1": CoinDay,
    "symbol_choice.v1": SymbolChoice,
}
_NEWEST = {record: name for name, record in RECORDS.items()}  # the last of each type


@dataclass(frozen=True, slots=True)
class Contract:
    """One ``.avsc`` file.

    Attributes:
        name: File name without ``.avsc``, for example ``candle.v1``.
        schema_id: First 31 bits of the SHA-256 of the file.
        text: Content of the file, as it is published.
        record: The type that the contract describes.
        wire_schema: The schema for fastavro, without logical types: a decimal stays bytes, because
            our values are integers already.
    """

    name: str
    schema_id: int
    text: str
    record: type
    wire_schema: Any


@cache
def contract_named(name: str) -> Contract:
    """Return the contract of the file ``<name>.avsc``."""
    data = (AVRO_FOLDER / f"{name}.avsc").read_bytes()
    schema_id = int.from_bytes(hashlib.sha256(data).digest()[:4]) >> 1
    wire_schema = fastavro.parse_schema(_without_logical_types(json.loads(data)))
    return Contract(name, schema_id, data.decode(), RECORDS[name], wire_schema)


def contract_of(record: type) -> Contract:
    """Return the newest contract of a record type."""
    return contract_named(_NEWEST[record])


def contracts_of(record: type) -> list[Contract]:
    """Return all contracts of a record type, oldest first."""
    return [contract_named(name) for name, described in RECORDS.items() if described is record]


def contract_with_id(schema_id: int) -> Contract | None:
    """Return the contract of a schema id found on the wire; None if this version has none."""
    return _by_id().get(schema_id)


def refuse_newer(name: str) -> None:
    """Refuse a contract that only a newer version of Candlewick can read.

    Args:
        name: The contract that a message claims, for example ``candle.v2``; may be any text.

    Raises:
        ContractMismatch: A known contract, in a higher version than this Candlewick reads.
    """
    family, version = _family(name)
    known = max((_family(known)[1] for known in RECORDS if _family(known)[0] == family), default=0)
    if 0 < known < version:
        raise ContractMismatch(
            f"a record of {name}: this version of Candlewick reads {family}.v{known}, update it"
        )


@cache
def _by_id() -> dict[int, Contract]:
    return {contract_named(name).schema_id: contract_named(name) for name in RECORDS}


def _family(name: str) -> tuple[str, int]:
    """Split a contract's name into family and version; version 0 where there is none."""
    family, _, version = name.partition(".v")
    is_version = version.isascii() and version.isdecimal() and len(version) <= _VERSION_DIGITS
    return family, int(version) if is_version else 0


def _without_logical_types(node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {k: _without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node
