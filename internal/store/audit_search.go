package store

import (
	"context"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// condition is one part of a WHERE, with what is bound to it.
type condition struct {
	sql  string
	vars []any
}

// picks are the conditions of a query.
func (s *Store) picks(q audit.Query) []condition {
	var all []condition
	add := func(set bool, sql string, vars ...any) {
		if set {
			all = append(all, condition{sql, vars})
		}
	}
	add(!q.Since.IsZero(), "at >= ?", at(q.Since))
	add(!q.Until.IsZero(), "at < ?", at(q.Until))
	kind, name := q.ActorParts()
	add(kind != "", "actor_kind = ?", kind)
	add(name != "", "actor = ?", name)
	if actions := q.Actions(); len(actions) == 1 {
		add(true, "action = ?", actions[0])
	} else {
		add(len(actions) > 0, "?", s.dialect.in("action", actions))
	}
	object, prefix := q.ObjectParts()
	add(object != "" && !prefix, "object = ?", object)
	add(object != "" && prefix, "substr(object, 1, ?) = ?", utf8.RuneCountInString(object), object)
	add(q.Outcome == audit.Refused, "outcome = 'refused'") // as text, so that any plan may use the index of refusals
	add(q.Outcome != "" && q.Outcome != audit.Refused, "outcome = ?", q.Outcome)
	return all
}

// selecting is the statement that reads the entries under all conditions, and what is bound to it.
func selecting(all []condition, order string, limit int) (statement string, vars []any) {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.sql
		vars = append(vars, c.vars...)
	}
	where := ""
	if len(all) > 0 {
		where = " WHERE " + strings.Join(texts, " AND ")
	}
	return auditColumns + where + order + " LIMIT ?", append(vars, limit)
}

// newestFirst is the order of a search.
const newestFirst = " ORDER BY at DESC, id DESC"

// AuditSearch gives a page of entries, newest first, unsealed ones too, and the Before of the next page; 0: this was the last.
// What it costs does not depend on how long the log is, unless a filter by an object's beginning, which has no index, picks almost nothing.
func (s *Store) AuditSearch(ctx context.Context, q audit.Query) (page []audit.Entry, next int64, err error) {
	limit := q.Limit
	if limit <= 0 || limit > audit.MaxPage {
		limit = 50
	}
	all := s.picks(q)
	if q.Before != 0 {
		after, err := s.entryWhere(ctx, "id = ?", q.Before)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, condition{"(at, id) < (?, ?)", []any{at(after.At), after.ID}})
	}
	statement, vars := selecting(all, newestFirst, limit+1)
	page, err = scanAll(s.db(ctx).Raw(statement, vars...), scanEntry)
	if err != nil {
		return nil, 0, s.fail("searching the audit log", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

func (s *Store) entryWhere(ctx context.Context, where string, value int64) (audit.Entry, error) {
	found, err := scanAll(s.db(ctx).Raw(auditColumns+" WHERE "+where, value), scanEntry)
	if err != nil {
		return audit.Entry{}, s.fail("reading an audit entry", err)
	}
	if len(found) == 0 {
		return audit.Entry{}, problem.Newf(problem.NotFound, "There is no audit entry %d.", value)
	}
	return found[0], nil
}

// AuditExport walks the sealed entries with an index below end that a query picks, in order of index and in pages, and after them
// those that wait to be sealed.
func (s *Store) AuditExport(ctx context.Context, q audit.Query, end int64) iter.Seq2[audit.Entry, error] {
	picks := s.picks(q)
	walk := func(extra condition, key string, of func(audit.Entry) int64) iter.Seq2[audit.Entry, error] {
		return pages(func(after int64) ([]audit.Entry, error) {
			all := append([]condition{{key + " > ?", []any{after}}, extra}, picks...)
			statement, vars := selecting(all, " ORDER BY "+key, auditPage)
			page, err := scanAll(s.db(ctx).Raw(statement, vars...), scanEntry)
			return page, s.fail("reading the audit log", err)
		}, of)
	}
	sealed := walk(condition{"idx < ?", []any{end}}, "idx", func(e audit.Entry) int64 { return *e.Index })
	waiting := walk(condition{"idx IS NULL", nil}, "id", func(e audit.Entry) int64 { return e.ID })
	return func(yield func(audit.Entry, error) bool) {
		for _, part := range []iter.Seq2[audit.Entry, error]{sealed, waiting} {
			for e, err := range part {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}
