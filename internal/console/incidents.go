package console

import (
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// file is an incident with all that hangs on it.
type file struct {
	Incident  incident.Incident
	Campaigns []campaign.Campaign // the newest rows
	More      bool                // there are older ones
	Public    string              // where members read the notice
	Clocks    []ticking
	Suggested []incident.Suggestion

	Update, UpdateAt string // as typed
}

func (c *Console) incident(r *call) error {
	page, err := c.file(r)
	if err != nil {
		return err
	}
	return r.page("incident", page)
}

func (c *Console) file(r *call) (*file, error) {
	i, err := c.o.Desk.Incident(r.Request.Context(), r.who, r.Param("slug"))
	if err != nil {
		return nil, err
	}
	list, next, err := c.o.Desk.CampaignPage(r.Request.Context(), r.who, campaign.Query{Incident: i.Slug, Limit: rows})
	if err != nil {
		return nil, err
	}
	page := &file{Incident: i, Campaigns: list, More: next != 0, Public: c.o.PublicURL + "/incidents/" + i.Slug}
	page.Clocks, page.Suggested, err = c.clocks(r, i)
	return page, err
}

// sheet is the form of an incident as typed.
type sheet struct {
	New                                                     bool
	Slug, Title, Occurred, Found, Contained, Notice, Advice string
	Classes, Unexposed                                      string // one a line
	Known                                                   []string
}

func (c *Console) newIncident(r *call) error {
	return r.page("incident-edit", sheet{New: true, Known: suggested})
}

func (c *Console) editIncident(r *call) error {
	i, err := c.o.Desk.Incident(r.Request.Context(), r.who, r.Param("slug"))
	if err != nil {
		return err
	}
	return r.page("incident-edit", sheet{
		Slug: i.Slug, Title: i.Title, Occurred: typed(i.OccurredAt), Found: typed(i.FoundAt), Contained: typed(i.ContainedAt), Notice: i.Notice, Advice: i.Advice,
		Classes: strings.Join(i.Classes, "\n"), Unexposed: strings.Join(i.Unexposed, "\n"), Known: suggested,
	})
}

// typed is a time as a datetime-local field takes it.
func typed(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04")
}

// setIncident makes an incident, or changes the one of the path. What is empty is cleared, but dates: one that is known stays known.
func (c *Console) setIncident(r *call) error {
	s := sheet{
		New: r.Param("slug") == "", Slug: r.Param("slug"), Title: r.PostForm("title"), Occurred: r.PostForm("occurred"), Found: r.PostForm("found"),
		Contained: r.PostForm("contained"), Notice: r.PostForm("notice"), Advice: r.PostForm("advice"), Classes: r.PostForm("classes"), Unexposed: r.PostForm("unexposed"),
		Known: suggested,
	}
	if s.New {
		s.Slug = strings.TrimSpace(r.PostForm("slug"))
	}
	change, err := s.change()
	if err == nil && s.New {
		err = c.unknown(r, s.Slug)
	}
	if err == nil {
		_, err = c.o.Desk.SetIncident(r.work(), r.who, change)
	}
	if err != nil {
		return r.again("incident-edit", s, err)
	}
	r.say("Saved.")
	r.see("/incidents/" + s.Slug)
	return nil
}

// unknown keeps the form for a new incident from writing over another.
func (c *Console) unknown(r *call, slug string) error {
	if err := incident.CheckSlug(slug); err != nil {
		return err
	}
	_, err := c.o.Desk.Incident(r.Request.Context(), r.who, slug)
	switch {
	case err == nil:
		return &problem.Error{Kind: problem.Conflict, Code: "slug", Text: "There is an incident of this name already."}
	case problem.Is(err, problem.NotFound):
		return nil
	}
	return err
}

func (s sheet) change() (incident.Change, error) {
	c := incident.Change{Slug: s.Slug, Title: &s.Title, Notice: plain(s.Notice), Advice: plain(s.Advice), Classes: lines(s.Classes), Unexposed: lines(s.Unexposed)}
	var err error
	for _, part := range []struct {
		text string
		to   **time.Time
	}{{s.Occurred, &c.OccurredAt}, {s.Found, &c.FoundAt}, {s.Contained, &c.ContainedAt}} {
		if *part.to, err = moment(part.text); err != nil {
			return c, err
		}
	}
	return c, nil
}

// plain takes the carriage returns out that forms put into texts (WHATWG HTML §4.10.21.5).
func plain(s string) *string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return &s
}

// lines are the entries of a field with one a line; never nil.
func lines(s string) []string {
	list := []string{}
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

func (c *Console) publishIncident(r *call) error {
	public := r.PostForm("public") == "yes"
	if _, err := c.o.Desk.PublishIncident(r.work(), r.who, r.Param("slug"), public); err != nil {
		return err
	}
	r.say(map[bool]string{true: "The notice is public.", false: "The notice is taken back: its page answers as if it had never been. Copies in caches end within a minute."}[public])
	r.see("/incidents/" + r.Param("slug"))
	return nil
}

// suggested are classes of data that have a name in every language of the notice. Others are shown as they are written.
var suggested = []string{
	"names", "user names", "e-mail addresses", "passwords", "password hashes", "security questions", "dates of birth", "postal addresses",
	"phone numbers", "payment data", "card numbers", "bank accounts", "government ids", "health data", "ip addresses", "purchases", "messages",
}
