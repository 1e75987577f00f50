"""A trained model on disk: text files beside their metadata. No pickle.

A version is a folder with ``metadata.json`` and the model: trees as text in ``variance.txt``
and, if a point was kept, ``point.txt``; or the weights of an LSTM in ``weights.json``. The metadata
contains the SHA-256 of each file, and a file that differs is not loaded.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import orjson

from schemas.errors import CandlewickError
from schemas.files import write_whole

FORMAT = 1
METADATA = "metadata.json"
_ModelT = TypeVar("_ModelT")


class UnusableArtefact(CandlewickError):  # noqa: N818 - what it is, not what went wrong
    """An artefact is missing, damaged or of another version; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Origin and quality of a model.

    Attributes:
        from_ms: Start of the data it was trained on, inclusive; ``until_ms`` is exclusive.
        rounds: Number of trees, or of passes of an LSTM through its training data.
        features: Hash of the features' names and order.
        holdout: Scores on the last part of the range, by a fit without that part.
        sha256: SHA-256 of each file, by its name.
    """

    format: int
    model: str
    version: str
    symbols: list[str]
    from_ms: int
    until_ms: int
    rows: int
    rounds: int
    features: str
    code: str
    libraries: dict[str, str]
    seed: int
    holdout: dict[str, float]
    sha256: dict[str, str]


class AtWork(Generic[_ModelT]):
    """The versions in use: each is one object, however many states come from other processes.

    A version takes megabytes, and each state brings its text along. It is forgotten when nothing
    uses it any more.
    """

    def __init__(self) -> None:
        self._known: WeakValueDictionary[bytes, _ModelT] = WeakValueDictionary()

    def one(self, metadata: Metadata, build: Callable[[], _ModelT]) -> _ModelT:
        """Return the object of a version; ``build`` is called if there is none.

        The metadata says which it is, because it contains the SHA-256 of each file.
        """
        key = _written(metadata)
        known = self._known.get(key)
        if known is None:
            known = self._known.setdefault(key, build())
        return known


def save_artefact(folder: Path, metadata: Metadata, files: Mapping[str, str]) -> None:
    """Write the files, the metadata last: a folder without metadata is not an artefact."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_whole(folder / name, text)
    write_whole(folder / METADATA, _written(metadata))


def load_artefact(folder: Path, *features: str) -> tuple[Metadata, dict[str, str]]:
    """Return the metadata and the checked files of an artefact.

    Args:
        folder: Folder of the artefact.
        features: Hashes of the features that the model may have been trained on.

    Raises:
        UnusableArtefact: It is missing, changed since it was trained, or of another version.
    """
    metadata = _metadata(folder)
    if metadata.format != FORMAT or metadata.features not in features:
        raise UnusableArtefact(
            f"{folder} was trained by another version ({metadata.code}): train the model again"
        )
    return metadata, {name: _checked(folder / name, sha) for name, sha in metadata.sha256.items()}


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _written(metadata: Metadata) -> bytes:
    return orjson.dumps(asdict(metadata), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def _metadata(folder: Path) -> Metadata:
    try:
        return Metadata(**orjson.loads((folder / METADATA).read_bytes()))
    except FileNotFoundError as error:
        raise UnusableArtefact(f"{folder} holds no model: train it again") from error
    except OSError as error:
        raise unread(folder / METADATA, error) from error
    except (TypeError, ValueError) as error:
        raise UnusableArtefact(f"{folder / METADATA} is damaged: train it again") from error


def _checked(path: Path, sha256: str) -> str:
    try:
        text = path.read_text()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UnusableArtefact(f"{path} is missing or damaged: train the model again") from error
    except OSError as error:
        raise unread(path, error) from error
    if sha256_of(text) != sha256:
        raise UnusableArtefact(f"{path} is not the file that was trained: train the model again")
    return text


def unread(path: Path, error: OSError) -> UnusableArtefact:
    """Return the error of a file that is there and cannot be read."""
    why = error.strerror or str(error)
    return UnusableArtefact(f"{path} cannot be read ({why}): mend that, or train the model again")
