-- +goose Up
-- Additive: a program without checkpoints never looks here, and the log itself stays as it was sealed.

-- Keys that sign checkpoints of the audit log, sealed under the master key. Whoever can write it, without the master key, can stop
-- checkpoints but sign none.
CREATE TABLE audit_keys (
    vkey           TEXT PRIMARY KEY, -- C2SP signed-note verifier key: origin, key id, Ed25519 public key
    private_sealed BLOB NOT NULL,    -- bound to vkey
    created_at     INTEGER NOT NULL,
    retired_at     INTEGER           -- NULL: it signs
);
CREATE UNIQUE INDEX audit_keys_signing ON audit_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;

-- Heads of the audit log as they were signed. Those that were sent elsewhere prove more than these.
CREATE TABLE audit_checkpoints (
    n    INTEGER PRIMARY KEY CHECK (n > 0), -- one more than that of the checkpoint before
    size INTEGER NOT NULL CHECK (size > 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    at   INTEGER NOT NULL,
    note TEXT NOT NULL                      -- C2SP tlog-checkpoint, byte for byte
);
CREATE INDEX audit_checkpoints_size ON audit_checkpoints (size, n);

-- How far each place outside has the checkpoints.
CREATE TABLE audit_outside (
    place   TEXT PRIMARY KEY,                    -- file, mail or webhook
    n       INTEGER NOT NULL CHECK (n >= 0),     -- the last checkpoint it took; 0: none yet
    size    INTEGER NOT NULL CHECK (size >= 0),  -- its size
    sent_at INTEGER,
    next_at INTEGER NOT NULL,                    -- lease of whoever is sending, or pause after a failure
    tries   INTEGER NOT NULL CHECK (tries >= 0), -- failures in a row
    fault   TEXT NOT NULL
);

-- Reading newest first: by time, and by action, object, actor or refusal where those are rare among millions.
CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_action ON audit_entries (action, at, id);
CREATE INDEX audit_entries_object ON audit_entries (object, at, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor, at, id);
CREATE INDEX audit_entries_kind ON audit_entries (actor_kind, at, id);
CREATE INDEX audit_entries_refused ON audit_entries (at, id) WHERE outcome = 'refused';

-- +goose Down
DROP INDEX audit_entries_refused;
DROP INDEX audit_entries_kind;
DROP INDEX audit_entries_actor;
DROP INDEX audit_entries_object;
DROP INDEX audit_entries_action;
DROP INDEX audit_entries_at;
DROP TABLE audit_outside;
DROP TABLE audit_checkpoints;
DROP TABLE audit_keys;
