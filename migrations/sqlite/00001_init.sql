-- +goose Up

-- One login of one member. Nothing here says that a credential is dead: that follows from campaigns. Whoever can write this table can set any password.
CREATE TABLE accounts (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number; the sub of a reset token.
    subject             TEXT NOT NULL UNIQUE CHECK (length(subject) BETWEEN 1 AND 255), -- The login service's own id for the account.
    email               TEXT, -- Where mail goes, as imported.
    email_key           TEXT, -- The folded form of email for look-ups, made in Go alone. Not unique: families share addresses.
    locale              TEXT, -- BCP 47 tag of the member's language.
    created_at          INTEGER NOT NULL, -- When the account was made, as the login service says; else when it was first imported.
    deleted_at          INTEGER, -- When it was deleted. The row stays without personal data, so that a re-import revives nothing.
    password_hash       TEXT, -- PHC or modular-crypt string. NULL: no password, such as single sign-on.
    password_scheme     TEXT, -- Scheme and cost of password_hash, such as bcrypt:10.
    password_set_at     INTEGER, -- When the password was set; compared with a campaign's cutoff. NULL: unknown, dies in every campaign. Kept when the account is deleted.
    password_source     TEXT NOT NULL DEFAULT 'import' CHECK (password_source IN ('import', 'api', 'rekey')), -- Who set it: import (a file), api (the login service), rekey (a reset here).
    credential_version  INTEGER NOT NULL DEFAULT 1 CHECK (credential_version > 0), -- Rises whenever hash or address changes and never falls; a reset token names it.
    sessions_valid_from INTEGER, -- Sessions issued at or before it are dead; a reset moves it.
    disabled_at         INTEGER, -- When 100 consecutive failures disabled the password (NIST SP 800-63B-4 section 3.2.2). A reset clears it.
    CHECK ((email IS NULL) = (email_key IS NULL)),
    CHECK ((password_hash IS NULL) = (password_scheme IS NULL)),
    CHECK (deleted_at IS NULL OR (email IS NULL AND locale IS NULL AND password_hash IS NULL))
);
CREATE INDEX accounts_email_key ON accounts (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX accounts_password_set_at ON accounts (password_set_at);

-- Every scheme and cost ever stored; the dearest sets the floor of time under an invalid login.
CREATE TABLE password_schemes (
    label TEXT PRIMARY KEY -- As accounts.password_scheme.
);

-- A breach.
CREATE TABLE incidents (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    slug         TEXT NOT NULL UNIQUE CHECK (length(slug) BETWEEN 1 AND 63 AND slug NOT GLOB '*[^a-z0-9-]*' AND slug NOT GLOB '-*' AND slug NOT GLOB '*-'), -- Its name in commands, URLs and answers.
    title        TEXT NOT NULL DEFAULT '', -- One line for people.
    occurred_at  INTEGER, -- When it happened, if known.
    found_at     INTEGER, -- When it was found; legal clocks start here.
    data_classes TEXT NOT NULL DEFAULT '[]', -- JSON array of the classes of data exposed.
    notice       TEXT NOT NULL DEFAULT '', -- The public notice, plain text with blank lines between paragraphs.
    created_at   INTEGER NOT NULL, -- When the row was made.
    updated_at   INTEGER NOT NULL, -- When it last changed.
    published_at INTEGER -- When the notice became public; NULL: the page answers 404.
);

-- One forced reset. One committed row here kills every credential it covers; whoever can write this table can kill or revive them all.
CREATE TABLE campaigns (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- Its number in commands, mails and tokens.
    incident_id     INTEGER NOT NULL REFERENCES incidents (id), -- The breach it answers.
    scope           TEXT NOT NULL CHECK (scope IN ('everyone', 'list')), -- everyone: all accounts, also later ones with an older password. list: those in campaign_members.
    filter          TEXT NOT NULL DEFAULT '', -- JSON of the filter that makes the list; empty when a file does.
    list_column     TEXT NOT NULL DEFAULT '' CHECK (list_column IN ('', 'email', 'subject')), -- What the lines of the list are.
    list_digest     TEXT NOT NULL DEFAULT '', -- SHA-256 of the list as read, in hex.
    cutoff          INTEGER, -- Passwords set before it die. NULL until activation: then the moment of activation.
    revoke_sessions INTEGER NOT NULL DEFAULT 1 CHECK (revoke_sessions IN (0, 1)), -- Sessions issued at or before the activation die too.
    state           TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'prepared', 'active', 'closed', 'cancelled', 'discarded')), -- draft, prepared, active, closed (no more mail, still kills), cancelled (passwords live again, sessions do not), discarded.
    mailing         TEXT NOT NULL DEFAULT 'running' CHECK (mailing IN ('running', 'paused', 'done')), -- Whether mail goes out while active: running, paused, done.
    epoch           INTEGER UNIQUE, -- Rises by one with each activation; a token minted under a lower one is superseded.
    report          TEXT NOT NULL DEFAULT '{}', -- JSON of what prepare found.
    members_through INTEGER NOT NULL DEFAULT 0, -- The highest account id that prepare or a later top-up has turned into a member (scope everyone).
    died            INTEGER, -- Live credentials that the activation killed, counted just after it.
    created_at      INTEGER NOT NULL, -- When it was drafted.
    prepared_at     INTEGER, -- When its list was last resolved.
    activated_at    INTEGER UNIQUE, -- When it began to kill; later than every password set before.
    closed_at       INTEGER, -- When its mailing ended.
    cancelled_at    INTEGER, -- When it stopped killing.
    cancel_reason   TEXT NOT NULL DEFAULT '', -- Why it was cancelled, in the operator's words.
    CHECK ((activated_at IS NULL) = (epoch IS NULL)),
    CHECK ((state IN ('active', 'closed', 'cancelled')) = (activated_at IS NOT NULL)),
    CHECK (activated_at IS NULL OR (cutoff IS NOT NULL AND cutoff <= activated_at)),
    CHECK (state <> 'cancelled' OR cancelled_at IS NOT NULL),
    CHECK (state <> 'closed' OR closed_at IS NOT NULL)
);

-- The accounts of a campaign with their mail state; a partition a campaign, loaded bare, indexed, then attached. No foreign keys, on purpose: accounts are never removed and a partition goes with its campaign.
CREATE TABLE campaign_members (
    campaign_id     INTEGER NOT NULL, -- The campaign, and the partition.
    account_id      INTEGER NOT NULL, -- The account.
    state           TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'leased', 'sent', 'skipped', 'failed', 'bounced')), -- pending, leased (a process is sending it), sent, skipped (no address, suppressed), failed (given up), bounced.
    kind            TEXT CHECK (kind IN ('reset', 'notice')), -- What was sent: reset (link and code) or notice (nothing to reset). NULL until sent.
    attempts        INTEGER NOT NULL DEFAULT 0, -- Hand-offs tried.
    next_attempt_at INTEGER, -- Not before this; NULL: at once.
    lease_until     INTEGER, -- Until when lease_owner alone may send it.
    lease_owner     TEXT, -- The delivering process.
    message_id      TEXT, -- Message-ID of the mail.
    last_error      TEXT, -- Why the last attempt did not succeed, or why it was skipped.
    sent_at         INTEGER, -- When the mail server took it.
    reset_at        INTEGER, -- When the member set a new password.
    PRIMARY KEY (campaign_id, account_id)
) WITHOUT ROWID;
CREATE INDEX campaign_members_retry ON campaign_members (next_attempt_at) WHERE state = 'pending' AND attempts > 0;

-- The list as the operator gave it, line by line. No foreign key, on purpose: campaigns are never removed.
CREATE TABLE campaign_list_lines (
    campaign_id INTEGER NOT NULL, -- The campaign.
    line_no     INTEGER NOT NULL, -- Line in the file; the header is line 1.
    value       TEXT NOT NULL, -- The line's e-mail address or subject, as given.
    match_key   TEXT, -- What is looked up: the folded address, or the subject. NULL: it cannot be one.
    outcome     TEXT CHECK (outcome IN ('unmatched', 'duplicate', 'invalid')) -- After prepare: NULL matched, else why not.
);
CREATE INDEX campaign_list_lines_outcome ON campaign_list_lines (campaign_id, line_no) WHERE outcome IS NOT NULL;

-- While a row is open the whole service refuses logins and resets.
CREATE TABLE lockdowns (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    on_at      INTEGER NOT NULL, -- When it began.
    on_by      TEXT NOT NULL, -- Who began it.
    on_reason  TEXT NOT NULL, -- Why.
    off_at     INTEGER, -- When it was lifted; NULL: it holds.
    off_by     TEXT, -- Who lifted it.
    off_reason TEXT -- Why it was lifted.
);
CREATE UNIQUE INDEX lockdowns_one_open ON lockdowns ((1)) WHERE off_at IS NULL;

-- Programs that call the API. Whoever can write this table can call it.
CREATE TABLE clients (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    name       TEXT NOT NULL, -- For people; unique among the live ones.
    scope      TEXT NOT NULL CHECK (scope IN ('login', 'import', 'admin')), -- login: verify, gate, introspect. import: accounts. admin: operators' acts.
    key_sha256 BLOB NOT NULL UNIQUE, -- SHA-256 of the key (256 random bits, so a fast hash is enough).
    created_at INTEGER NOT NULL, -- When it was made.
    revoked_at INTEGER -- When it stopped working.
);
CREATE UNIQUE INDEX clients_live_name ON clients (name) WHERE revoked_at IS NULL;

-- Keys that sign reset tokens. Reading it without the master key signs nothing.
CREATE TABLE signing_keys (
    kid            TEXT PRIMARY KEY, -- RFC 7638 thumbprint.
    public_jwk     TEXT NOT NULL, -- Public half, RFC 7517 JSON.
    private_sealed BLOB NOT NULL, -- Private half, sealed under the master key and bound to kid.
    created_at     INTEGER NOT NULL, -- When it was made.
    retired_at     INTEGER, -- When a newer key took over signing; verifying and re-issue end from here.
    revoked_at     INTEGER -- When it was revoked: nothing signed by it is accepted.
);
CREATE UNIQUE INDEX signing_keys_one_signing ON signing_keys ((1)) WHERE retired_at IS NULL AND revoked_at IS NULL;

-- Single mails, sent ahead of any campaign. A row is written for a known and an unknown address alike; the sender decides.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    kind            TEXT NOT NULL CHECK (kind IN ('asked', 'reissue', 'changed', 'disabled')), -- asked: links somebody asked for by address. reissue: a fresh link for one account. changed: your password was changed. disabled: too many failures, with a link.
    account_id      INTEGER, -- The account written to.
    email_key       TEXT, -- The folded address somebody typed; cleared when done.
    locale          TEXT, -- Language asked for, when the account has none.
    state           TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'leased', 'sent', 'skipped', 'failed', 'bounced')), -- As campaign_members.state.
    attempts        INTEGER NOT NULL DEFAULT 0, -- Hand-offs tried.
    next_attempt_at INTEGER NOT NULL, -- Not before this; caps delay mail here and never drop it.
    lease_until     INTEGER, -- Until when lease_owner alone may send it.
    lease_owner     TEXT, -- The delivering process.
    message_id      TEXT, -- Message-ID of the mail.
    last_error      TEXT, -- Why the last attempt did not succeed, or why it was skipped.
    created_at      INTEGER NOT NULL, -- When it was asked for.
    sent_at         INTEGER, -- When the mail server took it.
    CHECK ((account_id IS NULL) <> (email_key IS NULL))
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE state IN ('pending', 'leased');
CREATE INDEX outbox_pending_key ON outbox (email_key) WHERE state = 'pending' AND email_key IS NOT NULL;

-- Addresses that get no mail.
CREATE TABLE suppressions (
    email_key  TEXT PRIMARY KEY, -- The folded address.
    reason     TEXT NOT NULL, -- Why, such as a permanent bounce.
    created_at INTEGER NOT NULL -- Since when.
);

-- Consecutive failed logins by what was typed, for known and unknown accounts alike.
CREATE TABLE login_failures (
    key           BLOB PRIMARY KEY, -- HMAC of the login.
    consecutive   INTEGER NOT NULL, -- Different wrong passwords in a row; 100 disable the password.
    last_password BLOB NOT NULL, -- Eight bytes of an HMAC of the last wrong password, so that the same one repeated counts once.
    updated_at    INTEGER NOT NULL, -- When the last one came.
    notified_at   INTEGER -- When the member was last written to about it; at most once a day.
);

-- GCRA state; lost in a crash, on purpose.
CREATE TABLE rate_limits (
    key BLOB PRIMARY KEY, -- HMAC of limit name and what it counts.
    tat INTEGER NOT NULL -- Theoretical arrival time, microseconds since 1970.
);

-- What was done, by whom; written in the same transaction as the act. Whoever can write it can add entries, but cannot change sealed ones unnoticed.
CREATE TABLE audit_entries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- Order of insertion; gaps are rolled-back acts.
    idx        INTEGER UNIQUE CHECK (idx >= 0), -- Leaf index in the Merkle log; NULL until sealed, within a second of the commit.
    at         INTEGER NOT NULL, -- When, by the database's clock.
    actor_kind TEXT NOT NULL, -- operator, client, member, system or cli.
    actor      TEXT NOT NULL, -- Who.
    action     TEXT NOT NULL, -- What, such as campaign.activate.
    object     TEXT NOT NULL, -- On what, such as campaign/7.
    outcome    TEXT NOT NULL CHECK (outcome IN ('done', 'refused')), -- done or refused.
    detail     TEXT NOT NULL, -- Canonical JSON object, redacted; text, so that its bytes stay.
    request_id TEXT NOT NULL -- The request that caused it.
);
CREATE INDEX audit_entries_unsealed ON audit_entries (id) WHERE idx IS NULL;

-- Stored hashes of the Merkle log (golang.org/x/mod/sumdb/tlog, RFC 6962 hashing).
CREATE TABLE audit_hashes (
    idx  INTEGER PRIMARY KEY, -- tlog stored-hash index.
    hash BLOB NOT NULL CHECK (length(hash) = 32) -- SHA-256.
);

-- The log's head: one row.
CREATE TABLE audit_head (
    id        INTEGER PRIMARY KEY CHECK (id = 1), -- Always 1.
    size      INTEGER NOT NULL, -- Sealed entries.
    root      BLOB NOT NULL, -- Root hash over them.
    sealed_at INTEGER NOT NULL -- When the last was sealed.
);

-- What each campaign does to each account it covers, whatever its state. The only statement of the rule in SQL:
-- everything that judges a credential reads it, or credential_status above it. campaign.Reaches says the same in Go.
CREATE VIEW campaign_reach AS
SELECT k.id AS campaign_id, a.id AS account_id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 9223372036854775807)) AS kills,
       k.revoke_sessions AS revokes
  FROM campaigns k CROSS JOIN accounts a
 WHERE k.scope = 'everyone'
UNION ALL
SELECT k.id, a.id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 9223372036854775807)),
       k.revoke_sessions
  FROM campaigns k
  JOIN campaign_members m ON m.campaign_id = k.id
  JOIN accounts a ON a.id = m.account_id
 WHERE k.scope = 'list';

-- Dead or alive, since when sessions count, and the epoch of each account: the aggregate of campaign_reach over the campaigns that count.
-- The highest is taken by ORDER BY and LIMIT: SQLite flattens a UNION ALL only below a query that is no aggregate (its rule 17), and max() would
-- read every account and member to judge one.
CREATE VIEW credential_status AS
SELECT a.id AS account_id,
       a.disabled_at IS NOT NULL OR EXISTS (
           SELECT 1 FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id AND r.kills AND k.state IN ('active', 'closed')) AS dead,
       EXISTS (SELECT 1 FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id AND r.kills AND k.state IN ('active', 'closed')) AS killed,
       nullif(max(coalesce(a.sessions_valid_from, -1), coalesce((
           SELECT k.activated_at FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id AND r.revokes AND k.activated_at IS NOT NULL ORDER BY 1 DESC LIMIT 1), -1)), -1) AS not_before,
       coalesce((SELECT k.epoch FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id ORDER BY 1 DESC LIMIT 1), 0) AS epoch,
       (SELECT k.id FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id AND r.kills AND k.state IN ('active', 'closed') ORDER BY 1 DESC LIMIT 1) AS killed_by,
       (SELECT k.id FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
            WHERE r.account_id = a.id AND k.state IN ('active', 'closed') ORDER BY 1 DESC LIMIT 1) AS covered_by
  FROM accounts a;

-- +goose Down
DROP VIEW credential_status;
DROP VIEW campaign_reach;
DROP TABLE audit_head;
DROP TABLE audit_hashes;
DROP TABLE audit_entries;
DROP TABLE rate_limits;
DROP TABLE login_failures;
DROP TABLE suppressions;
DROP TABLE outbox;
DROP TABLE signing_keys;
DROP TABLE clients;
DROP TABLE lockdowns;
DROP TABLE campaign_list_lines;
DROP TABLE campaign_members;
DROP TABLE campaigns;
DROP TABLE incidents;
DROP TABLE password_schemes;
DROP TABLE accounts;
