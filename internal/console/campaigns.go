package console

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// maxList is the most bytes of an uploaded list: ten million addresses.
const maxList = 512 << 20

// uploadTime is how long an upload, and longTime how long an act over all accounts may take. The server's own limits are for pages.
const (
	uploadTime = 30 * time.Minute
	longTime   = 10 * time.Minute
)

func (c *Console) campaigns(r *call) error {
	all, err := c.o.Desk.Campaigns(r.Request.Context(), r.who)
	if err != nil {
		return err
	}
	return r.page("campaigns", all)
}

// course is a campaign on its page, with the step it is at.
type course struct {
	Campaign campaign.Campaign
	Status   *campaign.Status // of one that was active
	Steps    []step
}

type step struct {
	Text      string
	Did, Here bool
}

// stepsOf is the way of a campaign from its draft to its end.
func stepsOf(k campaign.Campaign) []step {
	at := map[campaign.State]int{campaign.Draft: 1, campaign.Prepared: 2, campaign.Active: 3, campaign.Closed: 4, campaign.Cancelled: 4, campaign.Discarded: 4}[k.State]
	steps := []step{{Text: "Scope chosen"}, {Text: "Find the accounts"}, {Text: "Look at the effect, activate"}, {Text: "Active, mail goes out"}, {Text: "Ended"}}
	for i := range steps {
		steps[i].Did, steps[i].Here = i < at, i == at
	}
	return steps
}

func (c *Console) campaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	page := course{Campaign: k, Steps: stepsOf(k)}
	if k.ActivatedAt != nil {
		st, err := c.o.Desk.Status(r.Request.Context(), r.who, id)
		if err != nil {
			return err
		}
		page.Status = &st
	}
	return r.page("campaign", page)
}

// draft is the form for a new campaign, and what was typed into it.
type draft struct {
	Incident                                              incident.Incident
	Scope, Cutoff, Domain, Locale, Scheme, Created, Dated string
	KeepSessions                                          bool
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
	d.Incident = i
	return r.again("campaign-new", d, err)
}

// request is the use case's, made of the form.
func (d draft) request(slug string, list io.Reader) (campaign.CreateRequest, error) {
	q := campaign.CreateRequest{Incident: slug, Scope: campaign.Everyone, KeepSessions: d.KeepSessions}
	var err error
	if q.Cutoff, err = moment(d.Cutoff); err != nil {
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
		if err == io.EOF {
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

// allowTime moves the server's deadlines for one long request.
func (r *call) allowTime(d time.Duration) error {
	control, until := http.NewResponseController(r.Writer), time.Now().Add(d)
	if err := control.SetReadDeadline(until); err != nil {
		return fmt.Errorf("allowing time for a long request: %w", err)
	}
	if err := control.SetWriteDeadline(until); err != nil {
		return fmt.Errorf("allowing time for a long request: %w", err)
	}
	return nil
}

func (c *Console) prepareCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		report, err := c.o.Desk.PrepareCampaign(r.work(), r.who, id)
		return fmt.Sprintf("%d accounts found.", report.Matched), err
	})
}

func (c *Console) pauseCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "No further mail goes out. Passwords stay as they are.", c.o.Desk.PauseCampaign(r.work(), r.who, id)
	})
}

func (c *Console) resumeCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "Mail goes out again.", c.o.Desk.ResumeCampaign(r.work(), r.who, id)
	})
}

func (c *Console) closeCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "The campaign is closed: no more mail, and what was dead stays dead.", c.o.Desk.CloseCampaign(r.work(), r.who, id)
	})
}

func (c *Console) discardCampaign(r *call) error {
	return r.act(func(id int64) (string, error) {
		return "The campaign is discarded. It never touched a password.", c.o.Desk.DiscardCampaign(r.work(), r.who, id)
	})
}

// act does something with the campaign of the path, says so, and goes back to its page.
func (r *call) act(do func(id int64) (string, error)) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	said, err := do(id)
	if err != nil {
		return err
	}
	r.say(said)
	r.see("/campaigns/" + strconv.FormatInt(id, 10))
	return nil
}

// campaignLines downloads the lines of the list that named no account of their own.
func (c *Console) campaignLines(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	r.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="campaign-%d-lines.csv"`, id))
	r.Header("Content-Type", "text/csv; charset=utf-8")
	return c.o.Desk.CampaignLines(r.Request.Context(), r.who, id, r.Query("outcome"), r.Writer)
}

// weigh is the page before a grave act: what it would do, and the form that does it or asks a second person.
type weigh struct {
	Campaign campaign.Campaign
	Act      string
	Plan     desk.Plan
	Sample   []campaign.Sample
	Prepared string // RFC 3339, of what was looked at
	Second   bool   // somebody else has to approve
	Reason   string // as typed
}

func (c *Console) planActivation(r *call) error {
	page, err := c.weighActivation(r)
	if err != nil {
		return err
	}
	return r.page("campaign-activate", page)
}

func (c *Console) weighActivation(r *call) (*weigh, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if err := r.allowTime(longTime); err != nil {
		return nil, err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	plan, err := c.o.Desk.PlanActivation(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	page := &weigh{Campaign: k, Act: "activate", Plan: plan, Sample: plan.Sample, Second: c.o.Desk.ForTwo(r.who, plan, "campaign.activate")}
	if k.PreparedAt != nil {
		page.Prepared = k.PreparedAt.Format(time.RFC3339Nano)
	}
	return page, nil
}

// activateCampaign takes the number of passwords as the operator typed it: it must be the one that was shown, give or take the tolerance.
func (c *Console) activateCampaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	outcome, err := c.activate(r, id)
	if err != nil {
		page, looking := c.weighActivation(r)
		if looking != nil {
			return err
		}
		page.Reason = r.PostForm("reason")
		return r.again("campaign-activate", page, err)
	}
	return r.came(outcome, "/campaigns/"+strconv.FormatInt(id, 10), "The campaign is active. Every password it covers is dead, on every replica, since the commit.")
}

func (c *Console) activate(r *call, id int64) (desk.Outcome, error) {
	typed := strings.Map(func(d rune) rune {
		if d >= '0' && d <= '9' {
			return d
		}
		return -1
	}, r.PostForm("expect"))
	expect, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		return desk.Outcome{}, &problem.Error{Kind: problem.Unprocessable, Code: "expect", Text: "Type the number of passwords that die, as it stands above."}
	}
	prepared, err := time.Parse(time.RFC3339Nano, r.PostForm("prepared"))
	if err != nil {
		return desk.Outcome{}, problem.New(problem.Invalid, "The form could not be read.")
	}
	return c.o.Desk.Activate(r.work(), r.who, id, campaign.ActivateRequest{Expect: &expect, Prepared: &prepared}, r.PostForm("reason"))
}

// came leads on from an act that was done, or that waits for a second person.
func (r *call) came(o desk.Outcome, done, said string) error {
	if o.Pending != nil {
		r.say("Nothing has happened yet: a second person has to approve it.")
		r.see("/approvals/" + strconv.FormatInt(o.Pending.ID, 10))
		return nil
	}
	r.say(said)
	r.see(done)
	return nil
}

func (c *Console) planCancel(r *call) error {
	page, err := c.weighCancel(r)
	if err != nil {
		return err
	}
	return r.page("campaign-weigh", page)
}

func (c *Console) weighCancel(r *call) (*weigh, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	plan, err := c.o.Desk.PlanCancel(r.Request.Context(), r.who, id)
	if err != nil {
		return nil, err
	}
	return &weigh{Campaign: k, Act: "cancel", Plan: plan, Second: c.o.Desk.ForTwo(r.who, plan, "campaign.cancel")}, nil
}

func (c *Console) cancelCampaign(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	outcome, err := c.o.Desk.CancelCampaign(r.work(), r.who, id, r.PostForm("reason"))
	if err != nil {
		page, looking := c.weighCancel(r)
		if looking != nil {
			return err
		}
		page.Reason = r.PostForm("reason")
		return r.again("campaign-weigh", page, err)
	}
	return r.came(outcome, "/campaigns/"+strconv.FormatInt(id, 10), "The campaign is cancelled: passwords that it alone had killed work again. Sessions do not.")
}

func (c *Console) planClose(r *call) error { return c.planEnd(r, "close") }

func (c *Console) planDiscard(r *call) error { return c.planEnd(r, "discard") }

// planEnd is the page before an end that one person may decide.
func (c *Console) planEnd(r *call, act string) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	k, err := c.o.Desk.Campaign(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	look := c.o.Desk.PlanClose
	if act == "discard" {
		look = c.o.Desk.PlanDiscard
	}
	p, err := look(r.Request.Context(), r.who, id)
	if err != nil {
		return err
	}
	return r.page("campaign-weigh", &weigh{Campaign: k, Act: act, Plan: desk.Plan{Text: fmt.Sprintf("%d %s.", p.Accounts, p.Effect), Accounts: p.Accounts}})
}
