"""A Debian archive with content: files of the sizes that real packages have, one signed suite that names them all."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path
from typing import Final

from tests.unit.upstream import INDEX, DebianTree, Keyring

SPREAD: Final = 1.5
"""Standard deviation of the logarithm of a package's size: most are small, a few make half of the bytes."""
LARGEST: Final = 40 << 20
POOL: Final = 64 << 20
EPOCH: Final = 1_700_000_000


def build(root: Path, keyring: Keyring, files: int, size: int) -> int:
    """So many packages of so many bytes in all, four to a directory; returns what they really have."""
    tree = DebianTree(root, keyring, forms=("", ".gz"))
    chance, noise = random.Random(0), os.urandom(POOL)
    weights = [chance.lognormvariate(0, SPREAD) for _ in range(files)]
    share = size / sum(weights)
    stanzas, total = [], 0
    for number, weight in enumerate(weights):
        length = min(LARGEST, max(200, int(weight * share)))
        start = chance.randrange(POOL - length)
        stanzas.append(_package(root, number, b"%d " % number + noise[start : start + length]))
        total += length
    tree.index(INDEX, "".join(stanzas))
    tree.seal()
    tree.trace("2026010101")
    return total


def _package(root: Path, number: int, data: bytes) -> str:
    source = f"{'abcdefghijklmnopqrst'[number // 4 % 20]}-source-{number // 4}"
    path = f"pool/main/{source[0]}/{source}/package-{number}_1.0_all.deb"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (EPOCH + number,) * 2)
    digest = hashlib.sha256(data).hexdigest()
    return f"Package: package-{number}\nVersion: 1.0\nFilename: {path}\nSize: {len(data)}\nSHA256: {digest}\n\n"
