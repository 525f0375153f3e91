"""What can be configured: every setting with its type, its default and one line of explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from appliance.settings import mirrorlist
from appliance.settings.admitted import HttpTrigger, Pull, Trigger
from appliance.settings.archive import HOUR, Archive
from appliance.settings.downstream import Downstream, Downstreams
from appliance.settings.faults import Fault
from appliance.settings.frozen import Frozen
from appliance.settings.geoip import GeoIp
from appliance.settings.hosts import MirrorName, Networks
from appliance.settings.mirrorlist import MirrorList
from appliance.settings.names import PREFIX, kebab, variable
from appliance.settings.public import Public
from appliance.settings.registry import Registry
from appliance.settings.secrets import NotifyUrls, Secrets, WebhookUrl
from appliance.settings.times import Seconds
from appliance.settings.values import FILE, HeaderName, Kept, Line, Words
from appliance.space import Reserve

LIST_DIRECTORY = Path("/etc/mirror")
"""Where the key files of a stock list are, unless it says so itself."""
RESERVED = frozenset(
    {"api", "control", "global", "healthz", "join", "metrics", "mirrors", "r", "readyz", "status", "trigger"}
)
PACKED = "*.7z *.apk *.bz2 *.deb *.gz *.iso *.jpg *.jigdo *.lz4 *.lzma *.png *.rpm *.tgz *.udeb *.xz *.zip *.zst"


def _unreserved(name: str) -> str:
    if name in RESERVED:
        raise Fault(f"{name!r} cannot be the name of an archive", "choose another: this one is a path of our own")
    return name


class Info(Frozen):
    """Free text for the trace file."""

    maintainer: Line = Field("", description="trace file: who runs the mirror, `Name <address>`")
    sponsor: Line = Field("", description="trace file: who pays for it")
    country: Line = Field("", description="trace file: country code")
    location: Line = Field("", description="trace file: where it stands")
    throughput: Line = Field("", description="trace file: bandwidth of its line")


class Settings(BaseSettings):
    """Everything that is configured, frozen. Made by `appliance.settings.load`, never straight from the environment."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False
    )

    name: MirrorName = Field(description="the mirror's public host name, as trace files show it; a token has one in it")
    invite: Annotated[SecretStr | None, FILE] = Field(
        None,
        description="token from `mirrorctl invite` at an upstream: no other variable is needed, any may be set",
    )
    invite_archives: Words = Field((), description="take only these of the archives that the token offers; empty: all")
    archives: Annotated[dict[Annotated[str, AfterValidator(_unreserved)], Archive], BeforeValidator(kebab)] = Field(
        {}, description="the archives we hold"
    )
    default_archive: str = Field(
        "",
        validate_default=True,
        description="archive meant by a trigger that names none; empty: the only one, else `debian`, else the first",
    )
    triggers: Annotated[dict[str, Trigger], BeforeValidator(kebab)] = Field({}, description="who may trigger us by ssh")
    pulls: Annotated[dict[str, Pull], BeforeValidator(kebab)] = Field({}, description="who may fetch by rsync over ssh")
    http_triggers: Annotated[dict[str, HttpTrigger], BeforeValidator(kebab)] = Field(
        {}, description="who may trigger us by HTTP"
    )
    downstreams: Annotated[Downstreams, FILE] = Field(
        (),
        description="whom we trigger, separated by white space: `name=ssh://[user@]host[:port]` or `name=https://…`, "
        "with options, see Triggers and pushes",
    )
    registry: Annotated[Registry, FILE] = Field(
        (), description="more mirrors to watch and to send users to, a TOML table each: see Watching the tree"
    )
    country_header: HeaderName = Field(
        "", description="header in which a proxy in front of us names a user's country by two letters; empty: none does"
    )
    geoip: GeoIp = Field(
        None, description="a mounted database in MaxMind's format, `….mmdb`, that knows the countries of addresses"
    )
    trusted_proxies: Networks = Field(
        (), description="addresses and networks of HTTP proxies in front of us, whose `X-Forwarded-For` is believed"
    )
    known_hosts: Annotated[str, FILE] = Field(
        "", description="ssh host keys of downstreams and `rsync+ssh://` upstreams, `known_hosts` lines"
    )
    host_key_checking: Literal["pinned", "accept-new"] = Field(
        "pinned", description="trust the ssh host keys that are known, or also the first one that a host shows"
    )
    push_key: Annotated[SecretStr | None, FILE] = Field(
        None, description="ssh private key that triggers and fetches by ssh; empty: made once, on the state volume"
    )
    host_key: Annotated[SecretStr | None, FILE] = Field(
        None, description="ssh private key of our own sshd; empty: made once, on the state volume"
    )
    tls_cert: Annotated[str, FILE] = Field(
        "", description="TLS certificate with its chain, PEM: rsync by TLS on port 1873, HTTPS on 8443; empty: no TLS"
    )
    tls_key: Annotated[SecretStr | None, FILE] = Field(None, description="private key of the TLS certificate, PEM")
    public: Public = Field(Public(), validate_default=True, description="where others reach us")
    rsync_secrets: Annotated[Secrets | None, FILE] = Field(
        None, description="`user:password` lines of those who may fetch from archives with `AUTH_USERS`"
    )
    rsync_max_connections: int = Field(50, ge=1, description="rsync connections to one archive at a time")
    rsync_timeout: Seconds = Field(
        600, ge=0, description="an rsync client that is silent for so long is dropped; `off`: never"
    )
    rsync_dont_compress: Line = Field(PACKED, description="patterns of files that rsync does not compress once more")
    push_timeout: Seconds = Field(600, ge=0, description="stage 2 waits so long for the slowest downstream's stage 1")
    push_deadline: Seconds = Field(6 * HOUR, gt=0, description="a trigger that is not answered for so long is ended")
    push_keep: Seconds = Field(
        900, ge=0, description="an ssh connection to a downstream is kept so long behind a trigger; 0: not at all"
    )
    push_concurrency: int = Field(32, ge=1, description="downstreams triggered at a time")
    trigger_answer: Literal["finished", "accepted"] = Field(
        "finished", description="answer a `sync:all` trigger when its run is over, or once it is on disk"
    )
    reserve: Kept = Field(
        Reserve(share=0.01), description="kept free on the volume with the archives: `1%`, or bytes such as `20G`"
    )
    hooks: Path | None = Field(None, description="directory with executables `hook1` … `hook5`, see Hooks")
    hook_deadline: Seconds = Field(10 * 60, gt=0, description="a hook that lasts longer is ended, and has failed")
    notify_urls: Annotated[NotifyUrls | None, FILE] = Field(
        None, description="Apprise URLs, separated by white space: told when something goes wrong, and well again"
    )
    notify_webhook: Annotated[WebhookUrl | None, FILE] = Field(
        None, description="`https://…` that gets the same as JSON, by POST"
    )
    log_format: Literal["human", "json"] = Field("human", description="form of the log lines")
    log_level: Literal["debug", "info", "warning"] = Field("info", description="least important line that is logged")
    info: Info = Field(Info(), description="free text for the trace file")

    _list_files: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def lists_are_from(self, files: Mapping[str, str]) -> None:
        """Take note of the files of the stock lists, by variable: for what is said of them."""
        self._list_files = files

    def with_archive(self, name: str, archive: Archive) -> Settings:
        """The same with another archive of that name in it."""
        changed = self.model_copy(update={"archives": {**self.archives, name: archive}})
        changed.lists_are_from(self._list_files)
        return changed

    def mirror_list(self, archive: str) -> MirrorList:
        """The stock list of an archive. Of the default archive stock sends no name, and neither do we then.

        Its faults name the file, or the variable.
        """
        wire_name = "" if archive == self.default_archive else archive
        found = mirrorlist.read(self.archives[archive].runmirrors, LIST_DIRECTORY, archive, wire_name)
        name = variable("ARCHIVES", archive, "RUNMIRRORS")
        place = self._list_files.get(name, name)
        return replace(found, faults=tuple(f"{place}, {fault}" for fault in found.faults))

    def downstreams_of(self, archive: str) -> tuple[Downstream, ...]:
        """Whom we trigger for an archive: both spellings, in their order."""
        ours = (one for one in self.downstreams if not one.archives or archive in one.archives)
        return (*ours, *self.mirror_list(archive).downstreams)

    @field_validator("default_archive")
    @classmethod
    def _choose_default(cls, name: str, others: ValidationInfo) -> str:
        archives = list(others.data.get("archives", ()))
        if name or not archives:
            return name
        return "debian" if "debian" in archives else archives[0]

    @field_validator("public")
    @classmethod
    def _fill_in(cls, public: Public, others: ValidationInfo) -> Public:
        return public.of(others.data.get("name", ""), bool(others.data.get("tls_cert")))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
