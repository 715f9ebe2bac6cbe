-- +goose Up

-- A reminder is ordered by one change of the campaign's row; whom it is for follows from that row and the member's.
ALTER TABLE campaigns
    ADD COLUMN reminders     integer NOT NULL DEFAULT 0 CHECK (reminders >= 0),
    ADD COLUMN reminded_at   timestamptz,
    ADD COLUMN remind_before timestamptz,
    ADD CONSTRAINT campaigns_reminded CHECK ((reminders = 0) = (reminded_at IS NULL) AND (reminders = 0) = (remind_before IS NULL));
COMMENT ON COLUMN campaigns.reminders IS 'How often its members were reminded.';
COMMENT ON COLUMN campaigns.reminded_at IS 'When the last reminder was ordered.';
COMMENT ON COLUMN campaigns.remind_before IS 'The last reminder is for members whose last mail is no younger than this.';

ALTER TABLE campaign_members
    ADD COLUMN reminders   integer NOT NULL DEFAULT 0,
    ADD COLUMN reminded_at timestamptz;
COMMENT ON COLUMN campaign_members.reminders IS 'campaigns.reminders when this member was last taken up for a mail; a reminder with a higher number is still to come.';
COMMENT ON COLUMN campaign_members.reminded_at IS 'When the mail server took the last reminder.';
COMMENT ON COLUMN campaign_members.message_id IS 'Message-ID of the last mail.';
COMMENT ON COLUMN campaign_members.sent_at IS 'When the mail server took the first mail.';

-- A fresh link answers every other row that waits for one for the same account.
CREATE INDEX outbox_pending_account ON outbox (account_id) WHERE state = 'pending' AND account_id IS NOT NULL;

-- +goose Down
DROP INDEX outbox_pending_account;
COMMENT ON COLUMN campaign_members.message_id IS 'Message-ID of the mail.';
COMMENT ON COLUMN campaign_members.sent_at IS 'When the mail server took it.';
ALTER TABLE campaign_members DROP COLUMN reminded_at, DROP COLUMN reminders;
ALTER TABLE campaigns DROP CONSTRAINT campaigns_reminded, DROP COLUMN remind_before, DROP COLUMN reminded_at, DROP COLUMN reminders;
