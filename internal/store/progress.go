package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// CampaignHours counts mails, openings and resets by hour, in one pass over the members.
func (s *Store) CampaignHours(ctx context.Context, id int64) ([]campaign.Hour, error) {
	hour := s.dialect.hour
	var rows []struct{ Sent, Opened, Reset, N int64 }
	err := s.db(ctx).Raw(`SELECT `+hour("sent_at")+` AS sent, `+hour("opened_at")+` AS opened, `+hour("reset_at")+` AS reset, count(*) AS n
		FROM campaign_members WHERE campaign_id = ? AND (sent_at IS NOT NULL OR opened_at IS NOT NULL OR reset_at IS NOT NULL) GROUP BY 1, 2, 3`, id).Scan(&rows).Error
	if err != nil {
		return nil, s.fail(fmt.Sprintf("counting the members of campaign %d by hour", id), err)
	}
	by := map[int64]*campaign.Hour{}
	at := func(hour int64) *campaign.Hour {
		if by[hour] == nil {
			by[hour] = &campaign.Hour{Start: time.Unix(hour*3600, 0).UTC()}
		}
		return by[hour]
	}
	for _, r := range rows {
		if r.Sent > 0 {
			at(r.Sent).Sent += r.N
		}
		if r.Opened > 0 {
			at(r.Opened).Opened += r.N
		}
		if r.Reset > 0 {
			at(r.Reset).Reset += r.N
		}
	}
	hours := make([]campaign.Hour, 0, len(by))
	for _, key := range slices.Sorted(maps.Keys(by)) {
		hours = append(hours, *by[key])
	}
	return hours, nil
}

// CampaignLocales counts by the accounts' language, the most members first.
func (s *Store) CampaignLocales(ctx context.Context, id int64) ([]campaign.Locale, error) {
	locales := []campaign.Locale{}
	err := s.dialect.roomy(s.db(ctx), func(db *gorm.DB) error {
		return db.Raw(`SELECT coalesce(a.locale, '') AS locale, count(*) AS members, count(m.sent_at) AS sent, count(m.reset_at) AS reset
			FROM campaign_members m JOIN accounts a ON a.id = m.account_id WHERE m.campaign_id = ? GROUP BY 1 ORDER BY 2 DESC, 1`, id).Scan(&locales).Error
	})
	return locales, s.fail(fmt.Sprintf("counting the members of campaign %d by language", id), err)
}

// MarkOpened dates the first opening of members of one campaign. What is dated already stays.
func (s *Store) MarkOpened(ctx context.Context, campaign int64, accounts []int64, opened time.Time) error {
	return s.single(ctx, "noting opened links", func(db *gorm.DB) error {
		return db.Exec(`UPDATE campaign_members SET opened_at = ? WHERE campaign_id = ? AND ? AND opened_at IS NULL AND sent_at IS NOT NULL`,
			at(opened), campaign, s.dialect.in("account_id", accounts)).Error
	})
}
