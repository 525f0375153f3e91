"""What can be configured of one archive: every setting with its type, its default and one line of explanation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr

from appliance.settings.downstream import Callback
from appliance.settings.faults import Fault
from appliance.settings.frozen import Frozen
from appliance.settings.hosts import AllowedHosts, HostAddress, ProxyAddress, names_host
from appliance.settings.secrets import HostPasswords, Password, host_passwords
from appliance.settings.times import Schedule, Seconds, Zone
from appliance.settings.upstream import OptionalUpstream, Upstream, UpstreamList
from appliance.settings.values import FILE, Globs, Line, Patterns, UserPatterns, Words

HOUR: Final = 3600


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise Fault(f"{path}: {error.strerror}", "mount the keyring there, readable by the container's user") from None


class Archive(Frozen):
    """One tree of files that we hold: from an upstream, or beginning here."""

    upstream: OptionalUpstream = Field(
        None,
        description="where it comes from, `rsync://[user@]host[:port]/module[/path]`, with `rsync+tls://` by TLS, with "
        "`rsync+ssh://` by ssh; `none`: it begins here",
    )
    password: Annotated[Password | None, FILE] = Field(None, description="password for the upstream's rsync daemon")
    fallbacks: UpstreamList = Field(
        (),
        description="more upstreams in their order, separated by white space; the first that carries the newest serial "
        "is used",
    )
    fallback_passwords: Annotated[HostPasswords | None, FILE] = Field(
        None, description="their rsync passwords, a line `host password` each"
    )
    profile: Literal["debian", "rpm", "generic"] = Field(
        "debian", description="which files are index and which payload, see Profiles"
    )
    index: Globs = Field(
        (),
        description="rsync patterns of more index files, separated by white space; published together, behind what "
        "`PROFILE` knows, the first pattern's first",
    )
    exclude: Patterns = Field(
        (),
        description="rsync patterns left out, separated by white space; also `--exclude=…` and `--include=…` in order",
    )
    arch_include: Words = Field((), description="architectures carried, with `all` added; `source` is one; empty: all")
    arch_exclude: Words = Field((), description="architectures left out; not together with `ARCH_INCLUDE`")
    verify: Literal["off", "index", "full"] = Field(
        "full",
        description="check nothing, the indices, or also the files they newly name, before anything is published",
    )
    keyring: Annotated[Path, AfterValidator(_readable)] | None = Field(
        None, description="binary keyring file that signatures are checked against; empty: checksums alone are checked"
    )
    comment: Line = Field("", description="shown in the rsync daemon's list of modules")
    auth_users: UserPatterns = Field(
        (),
        description="rsync users that may fetch beside those who are invited, `*` for all with a line in the secrets; "
        "empty: open to everybody",
    )
    hosts_allow: AllowedHosts = Field(
        (), description="addresses, networks and hosts that may fetch by rsync; empty: all"
    )
    transfer_logging: bool = Field(True, description="log every file sent by rsync")
    max_connections: int | None = Field(
        None, ge=1, description="rsync connections at a time; empty: `MIRROR_RSYNC_MAX_CONNECTIONS`"
    )
    proxy: ProxyAddress = Field("", description="`host:port` of an HTTP proxy to the upstream's rsync daemon")
    bind_address: HostAddress = Field("", description="our address that the upstream shall see; empty: the usual one")
    address_family: Literal["any", "ipv4", "ipv6"] = Field(
        "any", description="which of the upstream's addresses are tried"
    )
    tls_ca: Annotated[Path, AfterValidator(_readable)] = Field(
        Path("/etc/ssl/certs/ca-certificates.crt"), description="who may have signed the upstream's TLS certificate"
    )
    update_wait: Seconds = Field(
        10 * 60, ge=0, description="wait so long for an upstream whose `Archive-Update-in-Progress` flag is up"
    )
    timeout: Seconds = Field(120, ge=0, description="a fetch that moves no byte for so long is ended; `off`: never")
    deadline: Seconds = Field(6 * HOUR, gt=0, description="a sync that lasts longer is ended")
    bwlimit: int = Field(0, ge=0, description="bandwidth of a fetch in KiB/s; 0: no limit")
    streams: int = Field(
        4, ge=1, le=16, description="connections of a large fetch at a time, 1 to 16, as far as the upstream allows"
    )
    max_files: int = Field(
        10_000_000, ge=1, description="paths that the upstream may show; a walk that finds more is ended"
    )
    schedule: Schedule = Field(
        "",
        description="for a mirror that nobody triggers: every `2h`, or a cron expression such as `1 */2 * * *`; empty: "
        "none",
    )
    timezone: Zone = Field("UTC", description="time zone of a cron expression in `SCHEDULE`")
    jitter: Seconds = Field(
        0, ge=0, description="`SCHEDULE` is late by up to so long, by chance, so that mirrors do not come at once"
    )
    poll: Seconds = Field(
        6 * HOUR, ge=0, description="look at the upstream's serial after so long without a run; `off`: never"
    )
    audit: Seconds = Field(
        7 * 24 * HOUR, ge=0, description="compare everything with the upstream after so long without; `off`: never"
    )
    grace: Seconds = Field(24 * HOUR, ge=0, description="keep a file that is gone upstream for so long")
    callback: Callback = Field(
        None,
        description="who is told after a run whose trigger said `sync:callback`: `ssh://[user@]host[:port]`, user "
        "`archvsync` and port 22 if it does not say",
    )
    runmirrors: Annotated[str, FILE] = Field(
        "", description="whom we trigger: the lines of a stock `runmirrors.mirror`"
    )

    @property
    def allows_wild_names(self) -> bool:
        """Whether `hosts_allow` can only be checked by looking up the name of a client's address."""
        return any(names_host(pattern) and ("*" in pattern or "?" in pattern) for pattern in self.hosts_allow)

    def fallback_password(self, upstream: Upstream) -> SecretStr | None:
        """The password of one of `fallbacks`."""
        return host_passwords(self.fallback_passwords).get(upstream.host)
