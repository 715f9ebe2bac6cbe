-- +goose Up

ALTER TABLE incidents ADD COLUMN unexposed_classes TEXT NOT NULL DEFAULT '[]'; -- JSON array of the classes of data that were not exposed.
ALTER TABLE incidents ADD COLUMN contained_at INTEGER; -- When the way in was closed, if it is.
ALTER TABLE incidents ADD COLUMN advice TEXT NOT NULL DEFAULT ''; -- What members should do beyond a new password, plain text, a step a paragraph.

-- What became known of a breach after its notice: public with the incident, in order.
CREATE TABLE incident_updates (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- Its number in commands, page anchors and the feed.
    incident_id  INTEGER NOT NULL REFERENCES incidents (id), -- The incident.
    at           INTEGER NOT NULL, -- The date it carries.
    text         TEXT NOT NULL CHECK (text <> ''), -- Plain text with blank lines between paragraphs.
    created_at   INTEGER NOT NULL, -- When it was added.
    updated_at   INTEGER NOT NULL, -- When it last changed; created_at if never.
    retracted_at INTEGER -- When it was taken off the page; the row stays, so that one can say what was public.
);
CREATE INDEX incident_updates_in_order ON incident_updates (incident_id, at, id);

-- +goose Down
DROP TABLE incident_updates;
ALTER TABLE incidents DROP COLUMN advice;
ALTER TABLE incidents DROP COLUMN contained_at;
ALTER TABLE incidents DROP COLUMN unexposed_classes;
