"""mirrorctl's way to the controller: over its socket, one question and one answer."""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from appliance.errors import ApplianceError
from appliance.places import Places

if TYPE_CHECKING:
    import httpx

PATIENCE: Final = 90.0
"""Seconds that an answer may take."""

START: Final = 15.0
"""Seconds that a container which has just been started has until its controller can be asked, on a busy machine."""

_REFUSED: Final = 409


def ask(places: Places, method: str, path: str, body: Any = None) -> Any:
    """The answer, out of JSON. Ends the program with the controller's words and exit status when it refuses.

    Raises ApplianceError when nobody is there to answer, or something is wrong there.
    """
    answer = _exchange(places, method, path, body)
    if answer.status_code == _REFUSED:
        refusal = answer.json()
        die(refusal["error"], refusal["exit_code"])
    if not answer.is_success:
        raise ApplianceError(_trouble(answer), "see the container's log")
    return answer.json()


def _trouble(answer: httpx.Response) -> str:
    """In the controller's words, if it has any."""
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"the controller answers with status {answer.status_code}"


def await_start(places: Places, patience: float) -> None:
    """Return when the controller can be asked, or is late: whoever starts a container asks it at once."""
    end = time.monotonic() + patience
    while not places.api.exists() and time.monotonic() < end:
        time.sleep(0.1)


def look(places: Places, path: str) -> Any | None:
    """The answer to a question that may be asked again: None when there is none now."""
    try:
        answer = _exchange(places, "GET", path)
    except ApplianceError:
        return None
    return answer.json() if answer.is_success else None


def die(text: str, code: int) -> NoReturn:
    """End the program with words for a person and an exit status."""
    print(text, file=sys.stderr, flush=True)
    sys.exit(code)


def _exchange(places: Places, method: str, path: str, body: Any = None) -> httpx.Response:
    import httpx  # most verbs do not need it

    try:
        # Not httpx's own JSON: names that are no UTF-8 must get through.
        return _client(str(places.api)).request(method, f"http://appliance{path}", content=json.dumps(body))
    except httpx.TransportError as error:
        raise ApplianceError(f"the controller does not answer: {error}", "is the container up? see its log") from None


@cache
def _client(socket: str) -> httpx.Client:
    import httpx

    # No TLS on a socket: its certificates take longer to load than all the rest.
    return httpx.Client(transport=httpx.HTTPTransport(uds=socket, verify=False), timeout=PATIENCE)
