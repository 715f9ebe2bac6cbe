package api

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const ndjsonType = "application/x-ndjson"

// Trailers of an accounts export: how it ended is known when it has.
const (
	TrailerRows  = "Rekey-Rows"  // how many
	TrailerUntil = "Rekey-Until" // RFC 3339; changed_since of the next export
)

// download is an answer that is written as it comes. Its headers go with the first byte, so that a refusal before it is a problem.
type download struct {
	gin.ResponseWriter
	mediaType, name string
	begun           bool
}

func (r *asked) download(mediaType, name string) *download {
	return &download{ResponseWriter: r.Writer, mediaType: mediaType, name: name}
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	return d.ResponseWriter.Write(p)
}

// begin sends the headers, once; at the end it makes an empty download of one without a byte.
func (d *download) begin() {
	if !d.begun {
		d.begun = true
		d.Header().Set("Content-Type", d.mediaType+"; charset=utf-8")
		d.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		d.WriteHeaderNow()
	}
}

// auditQuery reads the filters that the log can be searched and exported by.
func (r *asked) auditQuery() (q audit.Query, err error) {
	q = audit.Query{Actor: r.query.Get("actor"), Action: r.query.Get("action"), Object: r.query.Get("object"), Outcome: r.query.Get("outcome")}
	if strings.HasPrefix(q.Object, "account") {
		return q, errInAddress
	}
	if q.Outcome != "" && q.Outcome != audit.Done && q.Outcome != audit.Refused {
		return q, &problem.Error{Kind: problem.Unprocessable, Code: codeRange, Text: "outcome must be done or refused."}
	}
	since, err := r.moment("since")
	if err != nil {
		return q, err
	}
	until, err := r.moment("until")
	if since != nil {
		q.Since = *since
	}
	if until != nil {
		q.Until = *until
	}
	return q, err
}

const (
	auditPage = 50        // entries of a page unless the caller says
	maxIndex  = 1<<53 - 1 // what every JSON parser can read
)

func (a *Admin) audit(r *asked) (AuditPage, error) {
	q, err := r.auditQuery()
	if err != nil {
		return AuditPage{}, err
	}
	limit, err := r.number("limit", 1, audit.MaxPage)
	if err != nil {
		return AuditPage{}, err
	}
	before, err := r.number("before", 0, maxIndex)
	if err != nil {
		return AuditPage{}, err
	}
	if q.Limit = auditPage; limit != nil {
		q.Limit = int(*limit)
	}
	return a.auditPage(r, q, before)
}

func (a *Admin) askAuditExport(r *asked, q Reasoned) (Granted, *approval.Request, error) {
	o, err := a.o.Desk.AskExport(r.ctx, r.who, true, q.Reason)
	return Granted{true}, o.Pending, err
}

func (a *Admin) askAccountExport(r *asked, q Reasoned) (Granted, *approval.Request, error) {
	o, err := a.o.Desk.AskExport(r.ctx, r.who, false, q.Reason)
	return Granted{true}, o.Pending, err
}

// format is what an export is written as unless the caller says otherwise.
func (r *asked) format(otherwise string) (format, mediaType string, err error) {
	format = otherwise
	if f := r.query.Get("format"); f != "" {
		format = f
	}
	switch format {
	case account.FormatCSV:
		return format, csvType, nil
	case account.FormatNDJSON:
		return format, ndjsonType, nil
	}
	return "", "", &problem.Error{Kind: problem.Unprocessable, Code: codeRange, Text: "format must be csv or ndjson."}
}

func (a *Admin) exportAudit(r *asked) error {
	q, err := r.auditQuery()
	if err != nil {
		return err
	}
	format, mediaType, err := r.format(account.FormatNDJSON)
	if err != nil {
		return err
	}
	detail := audit.Detail{"format": format}
	for _, name := range []string{"since", "until", "actor", "action", "object", "outcome"} {
		if value := r.query.Get(name); value != "" {
			detail[name] = value
		}
	}
	w := r.download(mediaType, "audit."+format)
	if err := a.o.Desk.TakeAudit(r.ctx, r.who, desk.AuditTake{Query: q, CSV: format == account.FormatCSV, Detail: detail}, w); err != nil {
		return err
	}
	w.begin()
	return nil
}

func (a *Admin) exportAccounts(r *asked) error {
	request := account.ExportRequest{}
	if text := r.query.Get("changed_since"); text != "" {
		since, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return &problem.Error{Kind: problem.Invalid, Code: codeType, Text: "changed_since must be a time as Rekey-Until gives it, in RFC 3339."}
		}
		request.Since = since
	}
	format, mediaType, err := r.format(account.FormatCSV)
	if err != nil {
		return err
	}
	request.Format = format
	r.Header("Trailer", strings.Join([]string{TrailerRows, TrailerUntil}, ", "))
	w := r.download(mediaType, "accounts."+format)
	report, err := a.o.Desk.ExportAccounts(r.ctx, r.who, request, w)
	if err != nil {
		return err
	}
	w.begin()
	w.Header().Set(TrailerRows, strconv.FormatInt(report.Rows, 10))
	w.Header().Set(TrailerUntil, report.Until.UTC().Format(time.RFC3339Nano))
	return nil
}

// account shows one. The subject may hold an encoded slash, so the path is read as it was written.
func (a *Admin) account(r *asked) (Account, error) {
	written, _ := strings.CutPrefix(r.Request.URL.EscapedPath(), adminPrefix+"/accounts/")
	subject, err := url.PathUnescape(written)
	if err != nil || subject == "" || strings.Contains(written, "/") {
		return Account{}, problem.New(problem.Invalid, "The path is /v1/admin/accounts/ and the subject, percent-encoded.")
	}
	profile, err := a.o.Desk.ShowAccount(r.ctx, r.who, subject)
	return Mirror[Account](profile), err
}
