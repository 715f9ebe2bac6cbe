-- +goose Up

-- campaign_reach brings what its aggregate needs of the campaign, and credential_status what the gate needs of the account: neither is joined
-- again above them. What the columns of before say is unchanged.
DROP VIEW credential_status;
DROP VIEW campaign_reach;

-- What each campaign does to each account it covers, whatever its state. The only statement of the rule in SQL:
-- everything that judges a credential reads it, or credential_status above it. campaign.Reaches says the same in Go.
CREATE VIEW campaign_reach AS
SELECT k.id AS campaign_id, a.id AS account_id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 9223372036854775807)) AS kills,
       k.revoke_sessions AS revokes, k.state, k.activated_at, k.epoch
  FROM campaigns k CROSS JOIN accounts a
 WHERE k.scope = 'everyone'
UNION ALL
SELECT k.id, a.id,
       a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < coalesce(k.cutoff, 9223372036854775807)),
       k.revoke_sessions, k.state, k.activated_at, k.epoch
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
           SELECT 1 FROM campaign_reach r WHERE r.account_id = a.id AND r.kills AND r.state IN ('active', 'closed')) AS dead,
       EXISTS (SELECT 1 FROM campaign_reach r WHERE r.account_id = a.id AND r.kills AND r.state IN ('active', 'closed')) AS killed,
       nullif(max(coalesce(a.sessions_valid_from, -1), coalesce((
           SELECT r.activated_at FROM campaign_reach r
            WHERE r.account_id = a.id AND r.revokes AND r.activated_at IS NOT NULL ORDER BY 1 DESC LIMIT 1), -1)), -1) AS not_before,
       coalesce((SELECT r.epoch FROM campaign_reach r WHERE r.account_id = a.id ORDER BY 1 DESC LIMIT 1), 0) AS epoch,
       (SELECT r.campaign_id FROM campaign_reach r
            WHERE r.account_id = a.id AND r.kills AND r.state IN ('active', 'closed') ORDER BY 1 DESC LIMIT 1) AS killed_by,
       (SELECT r.campaign_id FROM campaign_reach r WHERE r.account_id = a.id AND r.state IN ('active', 'closed') ORDER BY 1 DESC LIMIT 1) AS covered_by,
       a.subject,
       a.deleted_at IS NOT NULL AS deleted,
       a.password_hash IS NOT NULL AS has_password
  FROM accounts a;

-- +goose Down
DROP VIEW credential_status;
DROP VIEW campaign_reach;

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
