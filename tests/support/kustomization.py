"""What `kubectl kustomize` makes of the manifests, as far as they use it, without kubectl.

A test compares both where there is a kubectl.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

Resource = dict[str, Any]
OVERLAY_ONLY: Final = frozenset({"apiVersion", "kind", "metadata"})
KEYS: Final = {"volumeMounts": "mountPath"}  # by what the entries of a list are told apart


def documents(path: Path) -> list[Resource]:
    return deepcopy(_parsed(path))


@cache
def _parsed(path: Path) -> list[Resource]:
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


def rendered(folder: Path) -> list[Resource]:
    """Return the resources of a kustomization, in no order; made ConfigMaps have no hash."""
    told = documents(folder / "kustomization.yaml")[0]
    resources = [one for name in told.get("resources", ()) for one in _read(folder / name)]
    for name in told.get("components", ()):
        _patch(resources, folder / name, documents(folder / name / "kustomization.yaml")[0])
    for made in told.get("configMapGenerator", ()):
        _add_map(resources, made, _data(folder, made))
    _patch(resources, folder, told)
    _set(resources, told)
    return resources


def pod_of(resource: Resource) -> dict[str, Any] | None:
    """Return the pod that a workload of ours starts, None for anything else."""
    if resource["kind"] not in {"Deployment", "StatefulSet", "Job"}:
        return None
    pod: dict[str, Any] = resource["spec"]["template"]
    return pod


def _read(path: Path) -> list[Resource]:
    return rendered(path) if path.is_dir() else documents(path)


def _data(folder: Path, made: Mapping[str, Any]) -> dict[str, str]:
    found = {name: (folder / name).read_text(encoding="utf-8") for name in made.get("files", ())}
    for name in made.get("envs", ()):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
        found |= dict(pairs)
    return found


def _add_map(resources: list[Resource], made: Mapping[str, Any], data: dict[str, str]) -> None:
    name = made["name"]
    there = [one for one in resources if _identity(one) == ("ConfigMap", name)]
    if made.get("behavior") == "merge":
        (known,) = there
        known["data"] |= data
    else:
        assert not there, f"{name} is made twice"
        resources.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        )


def _patch(resources: list[Resource], folder: Path, told: Mapping[str, Any]) -> None:
    for patch in told.get("patches", ()):
        content = documents(folder / patch["path"])[0]
        for resource in _chosen(resources, content, patch.get("target")):
            _merge(resource, {k: v for k, v in content.items() if k not in OVERLAY_ONLY})


def _chosen(
    resources: Iterable[Resource], content: Resource, target: Mapping[str, str] | None
) -> Iterator[Resource]:
    for resource in resources:
        if target is None:
            if _identity(resource) == _identity(content):
                yield resource
        elif re.fullmatch(target["kind"], resource["kind"]):
            key, _, value = target.get("labelSelector", "").partition("=")
            if not key or resource["metadata"].get("labels", {}).get(key) == value:
                yield resource


def _identity(resource: Resource) -> tuple[str, str]:
    return resource["kind"], resource["metadata"]["name"]


def _merge(into: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        there = into.get(key)
        if isinstance(value, Mapping) and isinstance(there, dict):
            _merge(there, value)
        elif isinstance(value, list) and isinstance(there, list) and isinstance(value[0], dict):
            _merge_entries(there, value, KEYS.get(key, "name"))
        else:
            into[key] = deepcopy(value)


def _merge_entries(into: list[Any], patch: list[Any], key: str) -> None:
    known = {entry.get(key): entry for entry in into}
    for entry in patch:
        if entry.get(key) in known:
            _merge(known[entry.get(key)], entry)
        else:
            into.append(deepcopy(entry))


def _set(resources: list[Resource], told: Mapping[str, Any]) -> None:
    counts = {one["name"]: one["count"] for one in told.get("replicas", ())}
    for resource in resources:
        if resource["kind"] != "Namespace" and "namespace" in told:
            resource["metadata"]["namespace"] = told["namespace"]
        if resource["metadata"]["name"] in counts and "replicas" in resource["spec"]:
            resource["spec"]["replicas"] = counts[resource["metadata"]["name"]]
        for container in (pod_of(resource) or {}).get("spec", {}).get("containers", ()):
            for image in told.get("images", ()):
                if container["image"].partition(":")[0] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
