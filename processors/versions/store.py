"""The folder of trained models; a version is written once and checked whenever it is read."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import orjson

from processors.models.artefact import (
    METADATA,
    Metadata,
    UnusableArtefact,
    save_artefact,
    unread,
)
from processors.models.protocol import Model
from processors.versions.schedule import ModelChange
from schemas.files import write_whole
from schemas.predictions import ModelVersion

_EVENT = "event.json"
_FOLDER = "models"
_AT_WORK = 8  # versions cached in memory
_BATCH = "processors.models.batch"
_LSTM = "processors.models.lstm"


class ModelStore:
    """Models below a data folder, ``models/<model>/<version>/``."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir

    def folder(self, model: str, version: str) -> str:
        """Return a version's folder, relative to the data folder."""
        return f"{_FOLDER}/{model}/{version}"

    def save(self, metadata: Metadata, files: Mapping[str, str]) -> str:
        """Write an artefact and return the SHA-256 of its metadata."""
        folder = self._root / self.folder(metadata.model, metadata.version)
        save_artefact(folder, metadata, files)
        return _sha256(folder / METADATA)

    def finish(self, event: ModelVersion) -> None:
        """Store the event of a version, so that the same one can be published again."""
        path = self._root / self.folder(event.model, event.version) / _EVENT
        write_whole(path, orjson.dumps(asdict(event), option=orjson.OPT_INDENT_2))

    def finished(self, model: str, version: str) -> ModelVersion | None:
        """Return the stored event of a version, None if the version is missing or incomplete."""
        folder = self._root / self.folder(model, version)
        try:
            event = ModelVersion(**orjson.loads((folder / _EVENT).read_bytes()))
            known = orjson.loads(event.details)["metadata_sha256"]
            if known != _sha256(folder / METADATA):  # the event of an earlier training of it
                return None
            _read(folder, model)
        except (OSError, TypeError, ValueError, KeyError, UnusableArtefact):
            return None
        return event

    def load(self, change: ModelChange) -> Model:
        """Load the model of a trained version.

        Raises:
            UnusableArtefact: The version is missing or differs from what was trained.
        """
        allowed = (self._root / _FOLDER).resolve()
        folder = (self._root / change.folder).resolve()
        if not folder.is_relative_to(allowed):
            raise UnusableArtefact(f"{change.folder} is not below {allowed}: train the model again")
        return _load(folder, change.model, change.version, change.sha256)


@lru_cache(_AT_WORK)
def _load(folder: Path, model: str, version: str, sha256: str) -> Model:
    if _sha256(folder / METADATA) != sha256:
        raise UnusableArtefact(f"{folder / METADATA} is not what was trained: train it again")
    found = _read(folder, model)
    if (found.name, found.version) != (model, version):
        raise UnusableArtefact(f"{folder} holds another version: train the model again")
    return found


def _read(folder: Path, model: str) -> Model:
    loaded: Model = (
        import_module(_LSTM).load_lstm(folder)
        if model == "lstm"
        else import_module(_BATCH).load_batch(folder)
    )
    return loaded


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise UnusableArtefact(f"{path} is missing: train the model again") from error
    except OSError as error:
        raise unread(path, error) from error
