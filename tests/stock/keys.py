"""Throw-away keys and certificates for a world, made by the peer's image: the host needs neither ssh nor openssl."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import docker

from tests.ground.images import PEER

HOST: Final = "host"
PUSH: Final = "push"
NAMES: Final = (HOST, PUSH, "second", "stranger")
"""Every node shows the host key; upstreams push with `push`; the others are for who has two, or is not known."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The files of a keyring by name: NAME and NAME.pub of every ssh key, tls.crt and tls.key, ca.pem, stranger.pem."""

    files: Mapping[str, str]

    @classmethod
    def make(cls, hosts: tuple[str, ...], labels: Mapping[str, str]) -> Self:
        """A new keyring, with a certificate good for these host names."""
        client = docker.from_env(timeout=600)
        words = ["keyring", *NAMES, "--", *hosts]
        packed = client.containers.run(PEER, words, remove=True, labels=dict(labels), network_mode="none")
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as archive:
            files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
            return cls({name: file.read().decode() for name, file in files.items() if file})

    def __getitem__(self, name: str) -> bytes:
        return self.files[name].encode()

    def private(self, name: str) -> str:
        """An ssh private key."""
        return self.files[name]

    def public(self, name: str) -> str:
        """An ssh public key, one line."""
        return self.files[f"{name}.pub"].strip()

    def known_host(self, name: str, port: int = 22) -> str:
        """The line that pins the host key for a node."""
        kind, key, _ = self.public(HOST).split(" ")
        return f"{name if port == 22 else f'[{name}]:{port}'} {kind} {key}\n"
