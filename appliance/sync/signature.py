"""Signatures, by gpgv and a keyring of the operator's choice."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from appliance import commands
from appliance.errors import Misfit, SyncError
from appliance.sync.view import View

_DEADLINE: Final = 60.0
_BY_SOMEBODY: Final = {"ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
_STATUS: Final = re.compile(r"^\[GNUPG:\] (\w+)", re.MULTILINE)


async def signed_text(name: str, keyring: Path, file: Path) -> str:
    """What the signature inside ``file`` covers, and nothing else of it. Raises as ``check``."""
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch, "text")
        await _gpgv(name, keyring, scratch, "--output", str(text), str(file))
        return text.read_text("utf-8", "replace")


async def check(view: View, name: str, beside: str, keyring: Path) -> None:
    """Return when the file ``name`` has a good detached signature, the file ``beside``.

    One good signature is enough, as for apt: archives sign with their old and their new key for years, and a keyring
    may hold one of them. Raises SyncError: REFUSED when no key of the keyring made one, MOVED when one did, but over
    other content, and when there is none to be found.
    """
    file, signature = view.find(name), view.find(beside)
    if file is None or signature is None:
        raise SyncError.refused(name, f"a signature, {beside} beside it", "none", "the upstream must sign it")
    with tempfile.TemporaryDirectory() as scratch:
        await _gpgv(name, keyring, scratch, str(signature), str(file), beside=beside)


async def _gpgv(name: str, keyring: Path, scratch: str, *words: str, beside: str | None = None) -> None:
    argv = ["gpgv", "--status-fd", "1", "--keyring", str(keyring), *words]
    outcome = await commands.run(argv, deadline=_DEADLINE, env={"HOME": scratch})
    said = set(_STATUS.findall(outcome.stdout))
    # gpgv's exit code asks for every signature; its words are in doc/DETAILS of GnuPG.
    if "GOODSIG" in said and "BADSIG" not in said:
        return
    fact = f"{name} is not signed by a key of {keyring}: {outcome.last_words}"
    misfit = Misfit(name, f"a signature by a key of {keyring}", outcome.last_words)
    if "BADSIG" in said or not said & _BY_SOMEBODY:
        # A new file beside its old signature looks the same, and so does one that is half written: then the next plan
        # brings both, whole.
        raise SyncError.moved(fact, [beside] if beside else [], [misfit])
    cure = "nothing was published; if the archive changed its key, add the new one to the keyring"
    raise SyncError(fact, cure, misfits=[misfit])
