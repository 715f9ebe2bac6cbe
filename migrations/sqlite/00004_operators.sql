-- +goose Up

-- People who run Rekey. Whoever can write this table can make themselves an operator.
CREATE TABLE operators (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64), -- Sign-in name, and the name in the audit log; lower case, never used again for somebody else.
    email         TEXT NOT NULL, -- Where invitations and alarms go; matched with the provider's verified address at the first sign-in by OpenID Connect.
    roles         TEXT NOT NULL, -- JSON array of auditor, responder, approver, admin, in that order.
    created_at    INTEGER NOT NULL, -- When they were added.
    disabled_at   INTEGER, -- Since when they may not sign in; their sessions and tokens end with it.
    password_hash TEXT, -- PHC string of the local password. NULL: none set.
    totp_sealed   BLOB, -- TOTP secret (RFC 6238), sealed under the master key and bound to id. NULL: none enrolled.
    totp_step     INTEGER NOT NULL DEFAULT 0, -- The last TOTP time step accepted, so that a code works once (RFC 6238 section 5.2).
    oidc_issuer   TEXT, -- Issuer of the bound OpenID Connect identity.
    oidc_subject  TEXT, -- Its sub. Bound at the first sign-in and never matched by address again.
    failures      INTEGER NOT NULL DEFAULT 0, -- Consecutive failed sign-ins.
    last_seen_at  INTEGER, -- When they last signed in.
    UNIQUE (name),
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

-- Passkeys of operators (WebAuthn). Public halves only.
CREATE TABLE operator_passkeys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    operator_id   INTEGER NOT NULL REFERENCES operators (id), -- Whose it is.
    credential_id BLOB NOT NULL UNIQUE, -- The authenticator's id for it.
    name          TEXT NOT NULL, -- What its owner calls it.
    record        TEXT NOT NULL, -- JSON of the WebAuthn credential record (Level 3 section 4), sign count included.
    created_at    INTEGER NOT NULL, -- When it was enrolled.
    last_used_at  INTEGER -- When it last signed in or confirmed an act.
);
CREATE INDEX operator_passkeys_operator ON operator_passkeys (operator_id);

-- One-time links by which operators set up or recover their sign-in.
CREATE TABLE operator_invites (
    token_sha256 BLOB PRIMARY KEY, -- SHA-256 of the token (256 random bits).
    operator_id  INTEGER NOT NULL REFERENCES operators (id), -- For whom.
    created_at   INTEGER NOT NULL, -- When it was made.
    expires_at   INTEGER NOT NULL, -- When it ends.
    used_at      INTEGER -- When it was used; a newer one, or its use, ends all others of the operator.
);
CREATE INDEX operator_invites_operator ON operator_invites (operator_id);

-- Signed-in browsers of operators, and sign-ins under way.
CREATE TABLE operator_sessions (
    token_sha256 BLOB PRIMARY KEY, -- SHA-256 of the cookie's token.
    id           TEXT NOT NULL UNIQUE, -- Its public name, by which it is listed and ended.
    operator_id  INTEGER REFERENCES operators (id), -- Who signed in; NULL while they are still at it.
    data         BLOB NOT NULL, -- What the session remembers, encoded by the session library.
    client       TEXT NOT NULL DEFAULT '', -- Network address at the sign-in.
    agent        TEXT NOT NULL DEFAULT '', -- Browser at the sign-in, shortened.
    created_at   INTEGER NOT NULL, -- When it began.
    last_seen_at INTEGER NOT NULL, -- When it was last used.
    expires_at   INTEGER NOT NULL -- When it ends unless used: the idle limit, never beyond the absolute one.
);
CREATE INDEX operator_sessions_operator ON operator_sessions (operator_id);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);

-- Keys by which operators' programs, such as the command line, act in their name.
CREATE TABLE operator_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    operator_id  INTEGER NOT NULL REFERENCES operators (id), -- In whose name; with their roles at the time of the call.
    name         TEXT NOT NULL, -- What its owner calls it.
    token_sha256 BLOB NOT NULL UNIQUE, -- SHA-256 of the token (256 random bits).
    created_at   INTEGER NOT NULL, -- When it was made.
    expires_at   INTEGER NOT NULL, -- When it ends.
    fresh_until  INTEGER, -- Until when it may do what needs a fresh second factor, which its owner confirmed in the console.
    revoked_at   INTEGER, -- When it was revoked.
    last_used_at INTEGER -- When it was last used, to the minute.
);
CREATE INDEX operator_tokens_operator ON operator_tokens (operator_id);

-- Acts that wait for a second person. Whoever can write this table can stand in for one.
CREATE TABLE approvals (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- Its number on pages.
    act          TEXT NOT NULL, -- The act, as operator.Act names it, such as campaign.activate.
    object       TEXT NOT NULL, -- On what, as in the audit log.
    params       TEXT NOT NULL, -- JSON of what will be carried out.
    effect       TEXT NOT NULL, -- JSON of exactly what was shown to both people.
    basis        TEXT NOT NULL, -- Digest of what the effect rests on (cutoff, scope, list, preparation); if it differs at the decision the request is void.
    accounts     INTEGER NOT NULL, -- How many accounts the act touches, as counted at the request.
    reason       TEXT NOT NULL, -- Why, in the words of whoever asks.
    state        TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'rejected', 'withdrawn', 'expired', 'void')), -- pending; approved (and carried out in the same step); rejected; withdrawn by who asked; expired; void: what it rests on changed.
    requested_by INTEGER NOT NULL REFERENCES operators (id), -- Who asks.
    requested_at INTEGER NOT NULL, -- When.
    expires_at   INTEGER NOT NULL, -- Until when it can be decided.
    decided_by   INTEGER REFERENCES operators (id), -- Who decided; never who asked, except to withdraw.
    decided_at   INTEGER, -- When it left pending.
    note         TEXT NOT NULL DEFAULT '', -- What the second person said, or why it is void.
    taken_at     INTEGER, -- When who asked used what the approval allows once, such as seeing a spoken code; NULL: not yet, or there is no such thing.
    CHECK (state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> requested_by)),
    CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX approvals_one_pending ON approvals (act, object) WHERE state = 'pending';

-- Legal and other deadlines of an incident.
CREATE TABLE incident_clocks (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    incident_id INTEGER NOT NULL REFERENCES incidents (id), -- The incident.
    name        TEXT NOT NULL, -- Such as GDPR Art. 33.
    due_at      INTEGER NOT NULL, -- When it runs out.
    note        TEXT NOT NULL DEFAULT '', -- What was filed, where, under which number; or why not.
    done_at     INTEGER, -- When it was met; NULL: it runs.
    UNIQUE (incident_id, name)
);

-- What the evidence report says beside what Rekey counts itself, field by field.
CREATE TABLE incident_facts (
    incident_id INTEGER NOT NULL REFERENCES incidents (id), -- The incident.
    field       TEXT NOT NULL, -- Such as likely_consequences, measures, dpo_contact, aware.
    value       TEXT NOT NULL, -- In the operators' words.
    updated_at  INTEGER NOT NULL, -- When it was last written.
    PRIMARY KEY (incident_id, field)
);

-- Evidence reports as they were made. Never changed.
CREATE TABLE incident_reports (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    incident_id INTEGER NOT NULL REFERENCES incidents (id), -- The incident.
    version     INTEGER NOT NULL CHECK (version > 0), -- Counts from 1 for each incident.
    page        BLOB NOT NULL, -- The page, gzip of UTF-8 HTML.
    sha256      BLOB NOT NULL, -- SHA-256 of the HTML; it stands in the audit log too.
    made_by     TEXT NOT NULL, -- Who made it, as in the audit log.
    made_at     INTEGER NOT NULL, -- When.
    UNIQUE (incident_id, version)
);

ALTER TABLE clients ADD COLUMN expires_at INTEGER; -- When it stops working by itself; NULL: never.
ALTER TABLE clients ADD COLUMN last_used_at INTEGER; -- When it was last used, to the minute.
ALTER TABLE campaign_members ADD COLUMN opened_at INTEGER; -- When the page first said that the member's link works: somebody with a script opened it. A scanner may have been it.

-- What was mailed to one member, for whoever helps them.
CREATE INDEX outbox_account ON outbox (account_id, id) WHERE account_id IS NOT NULL;

-- +goose Down
DROP INDEX outbox_account;
ALTER TABLE clients DROP COLUMN expires_at;
ALTER TABLE clients DROP COLUMN last_used_at;
ALTER TABLE campaign_members DROP COLUMN opened_at;
DROP TABLE incident_reports;
DROP TABLE incident_facts;
DROP TABLE incident_clocks;
DROP TABLE approvals;
DROP TABLE operator_tokens;
DROP TABLE operator_sessions;
DROP TABLE operator_invites;
DROP TABLE operator_passkeys;
DROP TABLE operators;
