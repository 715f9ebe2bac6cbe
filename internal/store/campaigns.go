package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// selectCampaigns reads campaignRows.
const selectCampaigns = `SELECT k.id, i.slug AS incident, k.scope, k.filter, k.list_column, k.list_digest, k.cutoff, k.revoke_sessions, k.state, k.mailing,
       k.epoch, k.report, k.died, k.created_at, k.prepared_at, k.activated_at, k.closed_at, k.cancelled_at, k.cancel_reason,
       k.reminders, k.reminded_at
  FROM campaigns k JOIN incidents i ON i.id = k.incident_id `

type campaignRow struct {
	ID             int64
	Incident       string
	Scope          string
	Filter         string
	ListColumn     string
	ListDigest     string
	Cutoff         Time
	RevokeSessions bool
	State          string
	Mailing        string
	Epoch          int64
	Report         string
	Died           *int64
	CreatedAt      Time
	PreparedAt     Time
	ActivatedAt    Time
	ClosedAt       Time
	CancelledAt    Time
	CancelReason   string
	Reminders      int64
	RemindedAt     Time
}

func (r campaignRow) campaign() (campaign.Campaign, error) {
	k := campaign.Campaign{ID: r.ID, Incident: r.Incident, Scope: campaign.Scope(r.Scope), ListColumn: r.ListColumn, ListSHA256: r.ListDigest,
		Cutoff: r.Cutoff.ptr(), RevokeSessions: r.RevokeSessions, State: campaign.State(r.State), Mailing: campaign.Mailing(r.Mailing),
		Epoch: r.Epoch, Died: r.Died, CreatedAt: r.CreatedAt.Time, PreparedAt: r.PreparedAt.ptr(), ActivatedAt: r.ActivatedAt.ptr(),
		ClosedAt: r.ClosedAt.ptr(), CancelledAt: r.CancelledAt.ptr(), CancelReason: r.CancelReason, Reminders: r.Reminders, RemindedAt: r.RemindedAt.ptr()}
	if err := json.Unmarshal([]byte(r.Report), &k.Report); err != nil {
		return k, fmt.Errorf("reading the report of campaign %d: %w", r.ID, err)
	}
	if r.Filter == "" {
		return k, nil
	}
	if err := json.Unmarshal([]byte(r.Filter), &k.Filter); err != nil {
		return k, fmt.Errorf("reading the filter of campaign %d: %w", r.ID, err)
	}
	return k, nil
}

// Campaign gives one.
func (s *Store) Campaign(ctx context.Context, id int64) (campaign.Campaign, error) {
	k, err := readCampaign(s.db(ctx), id)
	return k, s.fail("reading a campaign", err)
}

func readCampaign(db *gorm.DB, id int64) (campaign.Campaign, error) {
	var rows []campaignRow
	if err := db.Raw(selectCampaigns+"WHERE k.id = ?", id).Scan(&rows).Error; err != nil {
		return campaign.Campaign{}, err
	}
	if len(rows) == 0 {
		return campaign.Campaign{}, problem.New(problem.NotFound, "There is no such campaign.")
	}
	return rows[0].campaign()
}

// Campaigns lists all, the newest first.
func (s *Store) Campaigns(ctx context.Context) ([]campaign.Campaign, error) {
	var rows []campaignRow
	if err := s.db(ctx).Raw(selectCampaigns + "ORDER BY k.id DESC").Scan(&rows).Error; err != nil {
		return nil, s.fail("listing campaigns", err)
	}
	return campaignsOf(rows)
}

// CampaignPage gives some, the newest first. A page costs what it shows, however many there are.
func (s *Store) CampaignPage(ctx context.Context, q campaign.Query) (page []campaign.Campaign, next int64, err error) {
	where, vars := "WHERE k.id < ?", []any{below(q.Before)}
	if q.State != "" {
		where, vars = where+" AND k.state = ?", append(vars, string(q.State))
	}
	if q.Incident != "" {
		where, vars = where+" AND i.slug = ?", append(vars, q.Incident)
	}
	var rows []campaignRow
	if err := s.db(ctx).Raw(selectCampaigns+where+" ORDER BY k.id DESC LIMIT ?", append(vars, q.Limit+1)...).Scan(&rows).Error; err != nil {
		return nil, 0, s.fail("listing campaigns", err)
	}
	rows, next = cut(rows, q.Limit, func(r campaignRow) int64 { return r.ID })
	page, err = campaignsOf(rows)
	return page, next, err
}

func campaignsOf(rows []campaignRow) ([]campaign.Campaign, error) {
	list := make([]campaign.Campaign, len(rows))
	for n, row := range rows {
		k, err := row.campaign()
		if err != nil {
			return nil, err
		}
		list[n] = k
	}
	return list, nil
}

// CreateCampaign drafts a campaign, stages its list line by line in the same transaction, and makes the incident if it is missing.
func (s *Store) CreateCampaign(ctx context.Context, n campaign.New, list *campaign.List, entry audit.Entry) (campaign.Campaign, error) {
	if err := incident.CheckSlug(n.Incident); err != nil {
		return campaign.Campaign{}, err
	}
	var made campaign.Campaign
	err := s.connection(ctx, "drafting a campaign", func(conn *gorm.DB) error {
		return conn.Transaction(func(tx *gorm.DB) error {
			now, err := s.now(tx)
			if err != nil {
				return err
			}
			if n.Cutoff != nil && n.Cutoff.After(now) {
				return problem.New(problem.Invalid, "a cutoff cannot be in the future")
			}
			id, err := s.insertCampaign(tx, n, now, entry)
			if err != nil {
				return err
			}
			entry.Object = campaign.Object(id)
			if list != nil {
				if entry, err = s.stageList(ctx, conn, tx, id, list, entry); err != nil {
					return err
				}
			}
			if made, err = readCampaign(tx, id); err != nil {
				return err
			}
			return s.record(tx, now, entry)
		})
	})
	return made, err
}

func (s *Store) insertCampaign(tx *gorm.DB, n campaign.New, now time.Time, entry audit.Entry) (int64, error) {
	fresh, err := ensureIncident(tx, n.Incident, now)
	if err != nil {
		return 0, fmt.Errorf("making the incident: %w", err)
	}
	if fresh {
		err := s.record(tx, now, audit.New(entry.Actor, audit.IncidentSet, incident.Object(n.Incident), audit.Detail{"made_by": string(entry.Action)}))
		if err != nil {
			return 0, err
		}
	}
	filter := ""
	if !n.Filter.IsZero() {
		text, err := json.Marshal(n.Filter)
		if err != nil {
			return 0, fmt.Errorf("writing the filter: %w", err)
		}
		filter = string(text)
	}
	var id int64
	err = tx.Raw(`INSERT INTO campaigns (incident_id, scope, filter, cutoff, revoke_sessions, created_at)
		SELECT id, ?, ?, ?, ?, ? FROM incidents WHERE slug = ? RETURNING id`,
		string(n.Scope), filter, atPtr(n.Cutoff), n.RevokeSessions, at(now), n.Incident).Row().Scan(&id)
	return id, err
}

// stageList copies the list's lines and notes how many there are and what they hash to.
func (s *Store) stageList(ctx context.Context, conn, tx *gorm.DB, id int64, list *campaign.List, entry audit.Entry) (audit.Entry, error) {
	src := &lineSource{campaign: id, list: list}
	n, err := s.dialect.copyIn(ctx, conn, "campaign_list_lines", []string{"campaign_id", "line_no", "value", "match_key", "outcome"}, src)
	if src.err != nil { // the database only says that the load was cut short
		err = src.err
	}
	if err != nil {
		return entry, fmt.Errorf("staging the list: %w", err)
	}
	report, err := json.Marshal(campaign.Report{Listed: n})
	if err != nil {
		return entry, fmt.Errorf("writing the report: %w", err)
	}
	err = tx.Exec("UPDATE campaigns SET list_column = ?, list_digest = ?, report = ? WHERE id = ?", list.Column(), list.SHA256(), string(report), id).Error
	return entry.With("lines", n).With("invalid", src.invalid).With("list_sha256", list.SHA256()), err
}

// lineSource feeds a list to a bulk load, one line at a time (pgx.CopyFromSource).
type lineSource struct {
	campaign int64
	list     *campaign.List
	invalid  int64
	values   [5]any
	err      error
}

// Next reads a line.
func (s *lineSource) Next() bool {
	line, err := s.list.Next()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			s.err = err
		}
		return false
	}
	s.values = [5]any{s.campaign, line.No, line.Value, nil, nil}
	if line.Outcome == campaign.Invalid {
		s.values[4] = line.Outcome
		s.invalid++
		return true
	}
	s.values[3] = line.Key
	return true
}

// Values gives the line read last.
func (s *lineSource) Values() ([]any, error) { return s.values[:], nil }

// Err is why the list ended early.
func (s *lineSource) Err() error { return s.err }

// linesPerPage bounds what a download holds in memory.
const linesPerPage = 5000

// CampaignLines hands over the lines with an outcome in order, a page a statement.
func (s *Store) CampaignLines(ctx context.Context, id int64, outcome string, each func(campaign.Line) error) error {
	if _, err := s.Campaign(ctx, id); err != nil {
		return err
	}
	for after := int64(0); ; {
		var page []struct {
			LineNo  int64
			Value   string
			Outcome string
		}
		err := s.db(ctx).Raw(`SELECT line_no, value, outcome FROM campaign_list_lines
			WHERE campaign_id = ? AND line_no > ? AND outcome IS NOT NULL AND (outcome = ? OR ? = '') ORDER BY line_no LIMIT ?`,
			id, after, outcome, outcome, linesPerPage).Scan(&page).Error
		if err != nil {
			return s.fail("reading a list's lines", err)
		}
		for _, l := range page {
			if err := each(campaign.Line{No: l.LineNo, Value: l.Value, Outcome: l.Outcome}); err != nil {
				return err
			}
			after = l.LineNo
		}
		if len(page) < linesPerPage {
			return nil
		}
	}
}
