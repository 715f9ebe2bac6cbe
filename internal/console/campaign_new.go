package console

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// maxList is the most bytes of an uploaded list: ten million addresses.
const maxList = 512 << 20

// uploadTime is how long an upload may take. The server's own limits are for pages.
const uploadTime = 30 * time.Minute

// draft is the form for a new campaign, and what was typed into it.
type draft struct {
	Incident                                              incident.Incident
	Scope, Cutoff, Domain, Locale, Scheme, Created, Dated string
	KeepSessions                                          bool
	Again                                                 bool // a file was sent: browsers don't keep it in the form
}

func (c *Console) newCampaign(r *call) error {
	i, err := c.o.Desk.Incident(r.Request.Context(), r.who, r.Param("slug"))
	if err != nil {
		return err
	}
	return r.page("campaign-new", draft{Incident: i, Scope: "everyone"})
}

// createCampaign reads the form as it comes: the fields, then the list, which is staged while it is read and never kept in memory.
func (c *Console) createCampaign(r *call) error {
	if err := r.allowTime(uploadTime); err != nil {
		return err
	}
	slug := r.Param("slug")
	form, list, err := readUpload(r.Request)
	if err != nil {
		return err
	}
	d := draft{
		Scope: form["scope"], Cutoff: form["cutoff"], Domain: form["domain"], Locale: form["locale"], Scheme: form["scheme"],
		Created: form["created_before"], Dated: form["password_set_before"], KeepSessions: form["keep_sessions"] != "",
	}
	request, err := d.request(slug, list)
	if err == nil {
		var k campaign.Campaign
		if k, err = c.o.Desk.CreateCampaign(r.work(), r.who, request); err == nil {
			r.see("/campaigns/" + strconv.FormatInt(k.ID, 10))
			return nil
		}
	}
	i, looking := c.o.Desk.Incident(r.Request.Context(), r.who, slug)
	if looking != nil {
		return err
	}
	d.Incident, d.Again = i, list != nil
	return r.again("campaign-new", d, err)
}

// request is the use case's, made of the form.
func (d draft) request(slug string, list io.Reader) (campaign.CreateRequest, error) {
	q := campaign.CreateRequest{Incident: slug, Scope: campaign.Everyone, KeepSessions: d.KeepSessions}
	var err error
	if q.Cutoff, err = moment(d.Cutoff); err != nil {
		return q, err
	}
	if err := d.consistent(list != nil); err != nil {
		return q, err
	}
	switch d.Scope {
	case "everyone":
	case "list":
		q.Scope = campaign.Listed
		if list == nil {
			return q, &problem.Error{Kind: problem.Unprocessable, Code: "list", Text: "Choose the file with the list: CSV with a column email or subject."}
		}
		q.List = list
	case "filter":
		q.Scope = campaign.Listed
		q.Filter, err = campaign.ParseFilter(d.terms())
		if err == nil && q.Filter.IsZero() {
			err = &problem.Error{Kind: problem.Unprocessable, Code: "filter", Text: "Fill in one part of the filter at least. For all accounts choose everyone."}
		}
	default:
		err = &problem.Error{Kind: problem.Unprocessable, Code: "scope", Text: "Choose whom the campaign covers."}
	}
	return q, err
}

// consistent refuses what contradicts the choice of scope: a list that nobody reads would look like one that was read.
func (d draft) consistent(listed bool) error {
	switch {
	case listed && d.Scope != "list":
		return &problem.Error{Kind: problem.Unprocessable, Code: "scope", Text: "There is a file with a list, but another scope is chosen. Choose the list, or take the file out."}
	case len(d.terms()) > 0 && d.Scope != "filter":
		return &problem.Error{Kind: problem.Unprocessable, Code: "scope", Text: "The filter is filled in, but another scope is chosen. Choose accounts of a kind, or empty the filter."}
	}
	return nil
}

func (d draft) terms() []string {
	var terms []string
	for _, part := range [][2]string{{"created-before", d.Created}, {"password-set-before", d.Dated}, {"scheme", d.Scheme}, {"domain", d.Domain}, {"locale", d.Locale}} {
		if value := strings.TrimSpace(part[1]); value != "" {
			terms = append(terms, part[0]+"="+asUTC(value))
		}
	}
	return terms
}

// asUTC completes what a datetime-local field sends: the form says that its times are UTC.
func asUTC(value string) string {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return value
}

// moment reads a time from a form, nil for none.
func moment(text string) (*time.Time, error) {
	text = asUTC(strings.TrimSpace(text))
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, nil
		}
	}
	return nil, &problem.Error{Kind: problem.Unprocessable, Code: "time", Text: "A time is written as 2011-06-17 or 2011-06-17T12:00, in UTC."}
}

// readUpload gives the fields of a multipart form, up to the first file, and that file, not read yet; nil if none was chosen.
func readUpload(q *http.Request) (map[string]string, io.Reader, error) {
	unreadable := problem.New(problem.Invalid, "The form could not be read.")
	parts, err := q.MultipartReader()
	if err != nil {
		return nil, nil, unreadable
	}
	form := map[string]string{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil, nil
		}
		if err != nil {
			return nil, nil, unreadable
		}
		if part.FormName() == "list" {
			return form, chosen(part), nil
		}
		value, err := io.ReadAll(io.LimitReader(part, 4<<10))
		if err != nil || len(form) > 20 {
			return nil, nil, unreadable
		}
		form[part.FormName()] = string(value)
	}
}

// chosen is nil for a file field that was left empty.
func chosen(part *multipart.Part) io.Reader {
	if part.FileName() == "" {
		return nil
	}
	return part
}
