"""What is in force: what was configured, and what others have brought in by joining."""

from __future__ import annotations

import time
from collections.abc import Mapping

from appliance.errors import Problem
from appliance.joining import invitation, membership, offered
from appliance.joining.admitted import with_members
from appliance.joining.invitation import Invitation
from appliance.places import Places
from appliance.settings import Reading, Settings
from appliance.settings.environment import INVITE, OFFER, Given, gather, shown
from appliance.settings.faults import Fault
from appliance.settings.reading import judge, sound
from appliance.store import enrolled


def load(environ: Mapping[str, str], places: Places) -> Settings:
    """The settings in force; raises `ConfigurationError` with every problem."""
    return sound(read(environ, places))


def read(environ: Mapping[str, str], places: Places) -> Reading:
    """The settings in force and every problem; never raises and changes nothing."""
    given = gather(environ)
    if offer := _offer(given):
        _fill_in(given, offer, places)
    return judge(given)


def everybody(settings: Settings, places: Places) -> Settings:
    """The settings with those in them who have joined us. Raises StoreError, or what SQLite does."""
    return with_members(settings, enrolled(places.store), time.time())


def begin(settings: Settings, places: Places) -> None:
    """Where a token has not been used, name the nonce that makes our password of it. Raises OSError."""
    if offer := offer_of(settings):
        membership.open_for(places, offer, time.time())


def offer_of(settings: Settings) -> Invitation | None:
    """The invitation of settings that are in force; None when there is none."""
    return invitation.read(settings.invite.get_secret_value()) if settings.invite else None


def _offer(given: Given) -> Invitation | None:
    """A token that cannot be used becomes a problem."""
    if INVITE not in given.texts:
        return None
    try:
        return invitation.read(given.texts[INVITE])
    except Fault as fault:
        given.problems.append(Problem(shown(INVITE, given.sources[INVITE]), fault.fact, fault.cure))
        return None


def _fill_in(given: Given, offer: Invitation, places: Places) -> None:
    """What the operator has not set is as the token says, and as the upstream has said since."""
    known = membership.kept(places, offer)
    for problem in offered.refused(offer, known, given.texts):
        name = shown(problem.variable, given.sources.get(problem.variable))
        given.problems.append(Problem(name, problem.fact, problem.cure))
    for name, text in offered.texts(offer, known, given.texts).items():
        given.texts[name], given.sources[name] = text, OFFER
