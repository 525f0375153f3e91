"""The upstream that has invited us: whether it has let us in, and what to paste there if not."""

from __future__ import annotations

from appliance.doctor.finding import Finding, error, note, ok, warning
from appliance.doctor.patient import Patient
from appliance.joining import effective, membership, told
from appliance.joining.correspondence import Correspondence
from appliance.settings.environment import INVITE


async def examine(patient: Patient) -> list[Finding]:
    """Nothing for a mirror without a token, and for one whose token is refused: that is said of the settings."""
    about = patient.written(INVITE)
    if patient.settings.invite is None or any(problem.variable == about for problem in patient.reading.problems):
        return []
    offer = effective.offer_of(patient.settings)
    assert offer
    if membership.kept(patient.places, offer) is None:
        return [note(about, f"we have not joined {offer.upstream} yet", "nothing: the first start does")]
    return [_finding(about, Correspondence(offer, patient.settings, patient.places))]


def _finding(about: str, upstream: Correspondence) -> Finding:
    known = upstream.known
    seen = told.picture(upstream.offer, known, ())
    if known.is_joined and not known.trouble:
        return ok(about, f"{told.summary(seen)}; the token opens nothing any more")
    fact, cure = known.trouble or "it was not asked yet", known.cure or "wait a minute; then see mirrorctl join"
    paste, where = upstream.paste or "", f"{upstream.offer.upstream}: in its container"
    if known.is_joined:
        return warning(about, f"{told.summary(seen)}: {fact}", cure, paste, where)
    return error(about, f"{upstream.offer.upstream} does not let us in: {fact}", cure, paste, where if paste else "")
