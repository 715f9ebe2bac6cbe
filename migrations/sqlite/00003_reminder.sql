-- +goose Up

-- A reminder is ordered by one change of the campaign's row; whom it is for follows from that row and the member's.
ALTER TABLE campaigns ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0 CHECK (reminders >= 0); -- How often its members were reminded.
ALTER TABLE campaigns ADD COLUMN reminded_at INTEGER CHECK ((reminders = 0) = (reminded_at IS NULL)); -- When the last reminder was ordered.
ALTER TABLE campaigns ADD COLUMN remind_before INTEGER CHECK ((reminders = 0) = (remind_before IS NULL)); -- The last reminder is for members whose last mail is no younger than this.

ALTER TABLE campaign_members ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0; -- campaigns.reminders when this member was last taken up for a mail; a reminder with a higher number is still to come.
ALTER TABLE campaign_members ADD COLUMN reminded_at INTEGER; -- When the mail server took the last reminder. sent_at is of the first mail, message_id of the last.

-- A fresh link answers every other row that waits for one for the same account.
CREATE INDEX outbox_pending_account ON outbox (account_id) WHERE state = 'pending' AND account_id IS NOT NULL;

-- +goose Down
DROP INDEX outbox_pending_account;
ALTER TABLE campaign_members DROP COLUMN reminded_at;
ALTER TABLE campaign_members DROP COLUMN reminders;
ALTER TABLE campaigns DROP COLUMN remind_before;
ALTER TABLE campaigns DROP COLUMN reminded_at;
ALTER TABLE campaigns DROP COLUMN reminders;
