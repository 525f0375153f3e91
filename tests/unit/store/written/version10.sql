BEGIN TRANSACTION;
CREATE TABLE absence (archive text primary key, since real not null);
INSERT INTO "absence" VALUES('other',41.0);
CREATE TABLE archive (
    name text primary key, publication integer not null default 0, serial text, published real, signed integer,
    sealed integer, publishing integer, unpublished real, failures integer not null default 0,
    note text not null default '', refused integer not null default 0, refused_paths text not null default '[]',
    audited real, drift integer not null default 0, planner text not null default ''
);
INSERT INTO "archive" VALUES('debian',1,'2026112101',12.0,1,NULL,NULL,NULL,1,'a note',2,'["one: why"]',42.0,3,'walk');
CREATE TABLE arrival (
    mirror text not null, archive text not null, serial integer not null, primary key (mirror, archive)
) without rowid;
INSERT INTO "arrival" VALUES('leaf','debian',2026112101);
CREATE TABLE delivery (
    downstream text not null, archive text not null, publication integer not null, serial text, state text not null,
    attempts integer not null default 0, error text not null default '', next real, since real not null, carries text, silent integer not null default 0, failing real,
    primary key (downstream, archive)
);
INSERT INTO "delivery" VALUES('leaf','debian',1,'2026112101','failing',2,'no route',60.0,13.0,NULL,1,NULL);
CREATE TABLE doomed (archive text not null, path text not null, since real not null, primary key (archive, path));
INSERT INTO "doomed" VALUES('debian','70:6f:6f:6c:2f:ff:2e:64:65:62:',40.0);
INSERT INTO "doomed" VALUES('debian','pool/a.deb',40.0);
CREATE TABLE mark (
    archive text primary key, epoch text not null, serial integer not null, digest text not null, terms text not null
);
INSERT INTO "mark" VALUES('debian','epoch',7,'digest','terms');
CREATE TABLE member (
    name text primary key, state text not null, token text not null, archives text not null, invited real not null,
    expires real not null, push text not null, sources text not null default '[]', user text not null default '',
    generation integer not null default 0, nonce text not null default '', secret text not null default '',
    before text not null default '', before_user text not null default '', before_until real not null default 0,
    mirror text not null default '', ssh text not null default '', host_keys text not null default '[]',
    site text not null default '', carries text not null default '[]', said integer not null default 0, joined real,
    seen real, renew integer not null default 0, told text not null default '[]'
) without rowid
;
CREATE TABLE notice (
    channel text not null, condition text not null, subject text not null, reason text not null, since real not null,
    told real, over real, primary key (channel, condition, subject)
) without rowid
;
INSERT INTO "notice" VALUES('channel','FAILING','debian','rsync: no route to host',50.0,NULL,NULL);
CREATE TABLE pause (archive text primary key, since real not null) without rowid;
INSERT INTO "pause" VALUES('other',70.0);
CREATE TABLE planned (
    archive text not null, planner text not null, plans integer not null, files integer not null,
    bytes integer not null, primary key (archive, planner)
) without rowid
;
CREATE TABLE publication (
    archive text not null, number integer not null, serial text, published real not null,
    digests text not null default '{}', primary key (archive, number)
) without rowid;
INSERT INTO "publication" VALUES('debian',1,'2026112101',12.0,'{}');
CREATE TABLE repair (archive text not null, path text not null, primary key (archive, path)) without rowid;
INSERT INTO "repair" VALUES('debian','pool/b.deb');
CREATE TABLE request (
    id text primary key, archive text not null, stage text not null, mhop integer not null, source text not null,
    by text not null, received real not null, due real not null, callback integer not null default 0,
    allow_deletes integer not null default 0, allow_rollback integer not null default 0,
    full integer not null default 0,
    run integer, code integer, answer text, answered real
);
INSERT INTO "request" VALUES('answered','debian','all',0,'ssh','hub',1.0,1.0,0,0,0,0,1,0,'',1.79526780287300086018e+09);
INSERT INTO "request" VALUES('open','debian','all',0,'ssh','hub',1.0,1.0,1,0,0,1,3,NULL,NULL,NULL);
CREATE TABLE root (
    archive text not null, path text not null, valid_until real, primary key (archive, path)
) without rowid;
INSERT INTO "root" VALUES('debian','dists/old/Release',NULL);
INSERT INTO "root" VALUES('debian','dists/stable/InRelease',2000.5);
CREATE TABLE run (
    id integer primary key autoincrement, archive text not null, kind text not null, trigger text not null,
    started real not null, ended real, result text, error text not null default '', serial text,
    payload integer not null default 0, indices integer not null default 0, deleted integer not null default 0,
    bytes integer not null default 0
, cause text not null default '');
INSERT INTO "run" VALUES(1,'debian','sync','ssh',10.0,12.0,'success','','2026112101',3,2,0,500,'');
INSERT INTO "run" VALUES(2,'debian','sync','schedule',20.0,21.0,'error','rsync: no route to host',NULL,0,0,0,7,'');
INSERT INTO "run" VALUES(3,'debian','sync','ssh',30.0,NULL,NULL,'',NULL,0,0,0,0,'');
CREATE TABLE sighting (
    mirror text not null, archive text not null, seen text not null, primary key (mirror, archive)
) without rowid
;
CREATE TABLE tally (
    archive text not null, kind text not null, result text not null, runs integer not null, bytes integer not null,
    primary key (archive, kind, result)
) without rowid;
INSERT INTO "tally" VALUES('debian','sync','error',1,7);
INSERT INTO "tally" VALUES('debian','sync','success',1,500);
CREATE TABLE timing (
    measure text not null, archive text not null, subject text not null, word text not null, bound real not null,
    count integer not null, seconds real not null, primary key (measure, archive, subject, word, bound)
) without rowid;
CREATE INDEX request_open on request (archive, due) where code is null;
CREATE INDEX run_archive on run (archive, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',3);
COMMIT;
pragma user_version = 10;
