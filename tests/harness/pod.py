"""A pod as a kubelet would run it: user, group, root, capabilities, variables and mounts as the manifests say."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import docker
import yaml

from tests.ground.images import PRODUCT
from tests.harness.lone import LABELS, Lone, new_volume

Document = dict[str, Any]

CLAIM: Final = (
    "mkdir -m 700 {path}/lost+found && chown -R 0:{group} {path} && chmod -R g+rwX {path} && chmod g+s {path}"
)
"""What becomes of a new filesystem for a pod with an fsGroup: root's still, and its group may write."""


class Key(NamedTuple):
    """By what a manifest refers to another one."""

    kind: str
    name: str


def read(directory: Path) -> dict[Key, Document]:
    """Every object in the manifests of a directory."""
    documents = (one for path in sorted(directory.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text()))
    return {Key(one["kind"], one["metadata"]["name"]): one for one in documents}


def start(objects: Mapping[Key, Document], name: str) -> Lone:
    """Run the one container of a StatefulSet, but with the image under test."""
    pod = objects[Key("StatefulSet", name)]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    whole, own = pod["securityContext"], container["securityContext"]
    # The engine's own filter of system calls is what RuntimeDefault means.
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    return Lone(
        _variables(objects, container),
        user=f"{whole['runAsUser']}:{whole['runAsGroup']}",
        group_add=[whole["fsGroup"]],
        read_only=own["readOnlyRootFilesystem"],
        cap_drop=own["capabilities"]["drop"],
        security_opt=[] if own["allowPrivilegeEscalation"] else ["no-new-privileges:true"],
        **_mounts(objects, pod, container["volumeMounts"]),
    )


def _variables(objects: Mapping[Key, Document], container: Document) -> dict[str, str]:
    maps = (objects[Key("ConfigMap", one["configMapRef"]["name"])] for one in container["envFrom"])
    return {key: value for one in maps for key, value in one["data"].items()}


def _mounts(objects: Mapping[Key, Document], pod: Document, mounts: list[Document]) -> dict[str, Any]:
    """Claims and secrets are volumes, what is empty lives in memory."""
    group = pod["securityContext"]["fsGroup"]
    named = {one["name"]: one for one in pod["volumes"]}
    volumes: dict[str, dict[str, str]] = {}
    tmpfs: dict[str, str] = {}
    for mount in mounts:
        path, source = mount["mountPath"], named.get(mount["name"], {})
        if "emptyDir" in source:
            tmpfs[path] = f"mode=2777,gid={group}"
        elif "secret" in source:
            secret = objects[Key("Secret", source["secret"]["secretName"])]["stringData"]
            volumes[_secret(secret, path, source["secret"]["defaultMode"], group)] = {"bind": path, "mode": "ro"}
        else:
            volumes[_volume(path, CLAIM.format(path=path, group=group))] = {"bind": path, "mode": "rw"}
    return {"volumes": volumes, "tmpfs": tmpfs}


def _secret(files: Mapping[str, str], path: str, mode: int, group: int) -> str:
    """As they are mounted: root's, for the group to read."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.gid = len(text.encode()), mode, group
            archive.addfile(entry, io.BytesIO(text.encode()))
    return _volume(path, "true", data.getvalue())


def _volume(path: str, command: str, files: bytes = b"") -> str:
    """A new volume that root has prepared."""
    name = new_volume()
    root = docker.from_env(timeout=600).containers.create(
        PRODUCT, ["-c", command], entrypoint="sh", user="0", network_mode="none", labels=LABELS,
        volumes={name: {"bind": path}},
    )  # fmt: skip
    try:
        if files:
            assert root.put_archive(path, files)
        root.start()
        assert root.wait(timeout=60)["StatusCode"] == 0, root.logs()
    finally:
        root.remove(force=True)
    return name
