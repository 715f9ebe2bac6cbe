-- +goose Up

-- What operators are told by mail about changes of their own sign-in. Written with the change, in its transaction.
CREATE TABLE operator_notices (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- Internal number.
    operator_id     INTEGER NOT NULL REFERENCES operators (id), -- Who is told.
    action          TEXT NOT NULL, -- What changed, as the audit log names it.
    detail          TEXT NOT NULL, -- JSON: the detail of the audit entry. Never a secret.
    actor_kind      TEXT NOT NULL, -- Kind of whoever did it, as in the audit log.
    actor           TEXT NOT NULL, -- Their name.
    client          TEXT NOT NULL DEFAULT '', -- Network address that it was done from; empty: none, as at the command line.
    agent           TEXT NOT NULL DEFAULT '', -- Browser or program that it was done with, shortened.
    created_at      INTEGER NOT NULL, -- When it was done.
    attempts        INTEGER NOT NULL DEFAULT 0, -- Hand-offs tried.
    next_attempt_at INTEGER, -- Not before this; while a hand-off is tried, when another process may. NULL: sent or given up.
    sent_at         INTEGER, -- When the mail server took it.
    last_error      TEXT -- Why the last attempt did not succeed.
);
CREATE INDEX operator_notices_due ON operator_notices (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX operator_notices_sent ON operator_notices (operator_id, sent_at);

-- +goose Down
DROP TABLE operator_notices;
