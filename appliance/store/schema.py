"""The tables, as a list of steps from one version to the next.

A store says its own version (``pragma user_version``). One that is older is brought forward, step by step, in one
transaction; one that is newer is left as it is, and refused.
"""

from __future__ import annotations

from typing import Final

_TABLES: Final = """
create table request (
    id text primary key, archive text not null, stage text not null, mhop integer not null, source text not null,
    by text not null, received real not null, due real not null, callback integer not null default 0,
    allow_deletes integer not null default 0, allow_rollback integer not null default 0,
    full integer not null default 0,
    run integer, code integer, answer text, answered real
);
create index request_open on request (archive, due) where code is null;
create table run (
    id integer primary key autoincrement, archive text not null, kind text not null, trigger text not null,
    started real not null, ended real, result text, error text not null default '', serial text,
    payload integer not null default 0, indices integer not null default 0, deleted integer not null default 0,
    bytes integer not null default 0
);
create index run_archive on run (archive, id);
create table archive (
    name text primary key, publication integer not null default 0, serial text, published real, signed integer,
    sealed integer, publishing integer, unpublished real, failures integer not null default 0,
    note text not null default '', refused integer not null default 0, refused_paths text not null default '[]',
    audited real, drift integer not null default 0, planner text not null default ''
);
create table doomed (archive text not null, path text not null, since real not null, primary key (archive, path));
create table root (
    archive text not null, path text not null, valid_until real, primary key (archive, path)
) without rowid;
create table repair (archive text not null, path text not null, primary key (archive, path)) without rowid;
create table mark (
    archive text primary key, epoch text not null, serial integer not null, digest text not null, terms text not null
);
create table absence (archive text primary key, since real not null);
create table delivery (
    downstream text not null, archive text not null, publication integer not null, serial text, state text not null,
    attempts integer not null default 0, error text not null default '', next real, since real not null,
    primary key (downstream, archive)
);
"""

_COUNTED: Final = """
create table tally (
    archive text not null, kind text not null, result text not null, runs integer not null, bytes integer not null,
    primary key (archive, kind, result)
) without rowid;
insert into tally select archive, kind, result, count(*), sum(bytes) from run where ended is not null group by 1, 2, 3;
alter table run add column cause text not null default '';
"""
"""Runs are counted as they end, so that old ones can go; each says what kind of trouble ended it."""

_NOTICES: Final = """
create table notice (
    channel text not null, condition text not null, subject text not null, reason text not null, since real not null,
    told real, over real, primary key (channel, condition, subject)
) without rowid
"""

_SEEN: Final = "alter table delivery add column carries text"
"""A downstream is told what it does not carry yet, as far as anybody can see."""

_SILENT: Final = "alter table delivery add column silent integer not null default 0"
"""Who answers and fails is not lost."""

_WATCHED: Final = """
create table publication (
    archive text not null, number integer not null, serial text, published real not null,
    digests text not null default '{}', primary key (archive, number)
) without rowid;
insert into publication (archive, number, serial, published)
    select name, publication, serial, published from archive where published is not null;
create table sighting (
    mirror text not null, archive text not null, seen text not null, primary key (mirror, archive)
) without rowid
"""
"""How far a mirror is behind is told by when its serial, and each one after it, was published here."""

_MEASURED: Final = """
create table arrival (
    mirror text not null, archive text not null, serial integer not null, primary key (mirror, archive)
) without rowid;
create table timing (
    measure text not null, archive text not null, subject text not null, word text not null, bound real not null,
    count integer not null, seconds real not null, primary key (measure, archive, subject, word, bound)
) without rowid;
create table planned (
    archive text not null, planner text not null, plans integer not null, files integer not null,
    bytes integer not null, primary key (archive, planner)
) without rowid
"""
"""Which serial every mirror was last seen to carry, and how long things took."""

_FAILING: Final = "alter table delivery add column failing real"
"""Who answers and fails for hours is worth a notice, however often something new is published meanwhile."""

_PAUSED: Final = "create table pause (archive text primary key, since real not null) without rowid"
"""Requests are kept while an archive rests, also over a restart."""

_MEMBERS: Final = """
create table member (
    name text primary key, state text not null, token text not null, archives text not null, invited real not null,
    expires real not null, push text not null, sources text not null default '[]', user text not null default '',
    generation integer not null default 0, nonce text not null default '', secret text not null default '',
    before text not null default '', before_user text not null default '', before_until real not null default 0,
    mirror text not null default '', ssh text not null default '', host_keys text not null default '[]',
    site text not null default '', carries text not null default '[]', said integer not null default 0, joined real,
    seen real, renew integer not null default 0, told text not null default '[]'
) without rowid
"""
"""Who was invited: lists are JSON, secrets are as they are, for rsync's daemon has to be told passwords."""

_TOLD: Final = "alter table delivery add column site text not null default ''"
"""Where a downstream says that it is, it is looked at, and so is who is below it."""

STEPS: Final = (_TABLES, _COUNTED, _NOTICES, _SEEN, _SILENT, _WATCHED, _MEASURED, _FAILING, _PAUSED, _MEMBERS, _TOLD)
"""Step n brings a store of version n to version n + 1. What has been released is never changed: it gets a successor."""

NEWEST: Final = len(STEPS)
"""The version of a store that this appliance writes."""
