-- +goose Up
-- Additive: a program without checkpoints never looks here, and the log itself stays as it was sealed.

CREATE TABLE audit_keys (
    vkey           text PRIMARY KEY,
    private_sealed bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    retired_at     timestamptz
);
CREATE UNIQUE INDEX audit_keys_signing ON audit_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;
COMMENT ON TABLE audit_keys IS 'Keys that sign checkpoints of the audit log. Whoever can write it, without the master key, can stop checkpoints but sign none.';
COMMENT ON COLUMN audit_keys.vkey IS 'Verifier key in the form of C2SP signed-note: origin, key id, Ed25519 public key.';
COMMENT ON COLUMN audit_keys.private_sealed IS 'Signer key, sealed under the master key and bound to vkey.';
COMMENT ON COLUMN audit_keys.created_at IS 'Since when.';
COMMENT ON COLUMN audit_keys.retired_at IS 'When another took its place; NULL: it signs. One key at most does.';

CREATE TABLE audit_checkpoints (
    n    bigint PRIMARY KEY CHECK (n > 0),
    size bigint NOT NULL CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    at   timestamptz NOT NULL,
    note text NOT NULL
);
CREATE INDEX audit_checkpoints_size ON audit_checkpoints (size, n);
COMMENT ON TABLE audit_checkpoints IS 'Heads of the audit log as they were signed. Those that were sent elsewhere prove more than these.';
COMMENT ON COLUMN audit_checkpoints.n IS 'One more than that of the checkpoint before: two signers cannot both go on from the same.';
COMMENT ON COLUMN audit_checkpoints.size IS 'Sealed entries it speaks for.';
COMMENT ON COLUMN audit_checkpoints.root IS 'Root hash over them.';
COMMENT ON COLUMN audit_checkpoints.at IS 'When it was signed, by the database''s clock.';
COMMENT ON COLUMN audit_checkpoints.note IS 'The signed note (C2SP tlog-checkpoint), byte for byte.';

CREATE TABLE audit_outside (
    place   text PRIMARY KEY,
    n       bigint NOT NULL CHECK (n >= 0),
    size    bigint NOT NULL CHECK (size >= 0),
    sent_at timestamptz,
    next_at timestamptz NOT NULL,
    tries   integer NOT NULL CHECK (tries >= 0),
    fault   text NOT NULL
);
COMMENT ON TABLE audit_outside IS 'How far each place outside has the checkpoints. Whoever can write it can keep them from being sent.';
COMMENT ON COLUMN audit_outside.place IS 'file, mail or webhook.';
COMMENT ON COLUMN audit_outside.n IS 'The last checkpoint the place took; 0: none yet.';
COMMENT ON COLUMN audit_outside.size IS 'Its size.';
COMMENT ON COLUMN audit_outside.sent_at IS 'When it was taken.';
COMMENT ON COLUMN audit_outside.next_at IS 'Nobody sends before: the lease of whoever is sending, or the pause after a failure.';
COMMENT ON COLUMN audit_outside.tries IS 'Failures in a row.';
COMMENT ON COLUMN audit_outside.fault IS 'What the last failure was, empty after a success.';

-- Reading newest first: by time, and by action, object, actor or refusal where those are rare among millions.
CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_action ON audit_entries (action, at, id);
CREATE INDEX audit_entries_object ON audit_entries (object, at, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor, at, id);
CREATE INDEX audit_entries_kind ON audit_entries (actor_kind, at, id);
CREATE INDEX audit_entries_refused ON audit_entries (at, id) WHERE outcome = 'refused';

-- +goose Down
DROP INDEX audit_entries_refused, audit_entries_kind, audit_entries_actor, audit_entries_object, audit_entries_action, audit_entries_at;
DROP TABLE audit_outside, audit_checkpoints, audit_keys;
