-- +goose Up

-- The gate asks credential_status for one account thousands of times a second. So campaign_reach brings what its aggregate needs of the campaign,
-- and credential_status what the gate needs of the account: neither is joined again above them. What the columns of before say is unchanged.

-- campaign_reach says what each campaign does to each account it covers, whatever its state. The only statement of the rule in SQL:
-- everything that judges a credential reads it, or credential_status above it. campaign.Reaches says the same in Go.
CREATE OR REPLACE VIEW campaign_reach AS
SELECT k.id AS campaign_id, a.id AS account_id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 'infinity')) AS kills,
       k.revoke_sessions AS revokes, k.state, k.activated_at, k.epoch
  FROM campaigns k CROSS JOIN accounts a
 WHERE k.scope = 'everyone'
UNION ALL
SELECT k.id, a.id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 'infinity')),
       k.revoke_sessions, k.state, k.activated_at, k.epoch
  FROM campaigns k
  JOIN campaign_members m ON m.campaign_id = k.id
  JOIN accounts a ON a.id = m.account_id
 WHERE k.scope = 'list';

-- credential_status is the aggregate of campaign_reach over the campaigns that count. A password is killed if some campaign killed it.
CREATE OR REPLACE VIEW credential_status AS
SELECT a.id AS account_id,
       a.disabled_at IS NOT NULL OR s.killed_by IS NOT NULL AS dead,
       s.killed_by IS NOT NULL AS killed,
       greatest(a.sessions_valid_from, s.revoked_at) AS not_before,
       coalesce(s.epoch, 0) AS epoch,
       s.killed_by,
       s.covered_by,
       a.subject,
       a.deleted_at IS NOT NULL AS deleted,
       a.password_hash IS NOT NULL AS has_password
  FROM accounts a
  LEFT JOIN LATERAL (
       SELECT max(r.activated_at) FILTER (WHERE r.revokes) AS revoked_at,
              max(r.epoch) AS epoch,
              max(r.campaign_id) FILTER (WHERE r.kills AND r.state IN ('active', 'closed')) AS killed_by,
              max(r.campaign_id) FILTER (WHERE r.state IN ('active', 'closed')) AS covered_by
         FROM campaign_reach r
        WHERE r.account_id = a.id AND r.activated_at IS NOT NULL) s ON true;

-- +goose Down
DROP VIEW credential_status;
DROP VIEW campaign_reach;

CREATE VIEW campaign_reach AS
SELECT k.id AS campaign_id, a.id AS account_id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 'infinity')) AS kills,
       k.revoke_sessions AS revokes
  FROM campaigns k CROSS JOIN accounts a
 WHERE k.scope = 'everyone'
UNION ALL
SELECT k.id, a.id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 'infinity')),
       k.revoke_sessions
  FROM campaigns k
  JOIN campaign_members m ON m.campaign_id = k.id
  JOIN accounts a ON a.id = m.account_id
 WHERE k.scope = 'list';
COMMENT ON VIEW campaign_reach IS 'What each campaign, in any state, does to each account it covers.';

CREATE VIEW credential_status AS
SELECT a.id AS account_id,
       a.disabled_at IS NOT NULL OR coalesce(s.killed, false) AS dead,
       coalesce(s.killed, false) AS killed,
       greatest(a.sessions_valid_from, s.revoked_at) AS not_before,
       coalesce(s.epoch, 0) AS epoch,
       s.killed_by,
       s.covered_by
  FROM accounts a
  LEFT JOIN LATERAL (
       SELECT bool_or(r.kills AND k.state IN ('active', 'closed')) AS killed,
              max(k.activated_at) FILTER (WHERE r.revokes) AS revoked_at,
              max(k.epoch) AS epoch,
              max(k.id) FILTER (WHERE r.kills AND k.state IN ('active', 'closed')) AS killed_by,
              max(k.id) FILTER (WHERE k.state IN ('active', 'closed')) AS covered_by
         FROM campaign_reach r JOIN campaigns k ON k.id = r.campaign_id
        WHERE r.account_id = a.id AND k.activated_at IS NOT NULL) s ON true;
COMMENT ON VIEW credential_status IS 'Dead or alive, since when sessions count, and the epoch of each account.';
