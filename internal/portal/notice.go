package portal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/incident"
)

// notice is an incident as its page, its feed and search engines show it.
type notice struct {
	Title               string
	Paragraphs          []string
	Exposed, Unexposed  []string // in the page's language, as far as they are known
	Advice              []string
	Events              []event // in order
	Latest              *event  // the last update; nil: none
	Mails               mails
	Subjects            []string
	Published, Modified *time.Time

	Description   string // one line
	Address, Feed string // absolute, of this language if it was chosen by hand
	Plain         string // absolute, in whatever language the browser asks for
	Locale        string // as the Open Graph protocol writes it
	OtherLocales  []string
	Image         string // absolute; empty: none
}

// event is a line of the timeline.
type event struct {
	At         *time.Time
	Label      string
	ID         int64 // of an update; 0: a milestone
	Paragraphs []string
	Corrected  *time.Time
	changed    time.Time
}

func (p *Portal) noticeOf(v *view, i incident.Incident) *notice {
	n := &notice{
		Title: i.Title, Paragraphs: incident.Paragraphs(i.Notice), Exposed: p.say(v, i.Classes), Unexposed: p.say(v, i.Unexposed),
		Advice: incident.Paragraphs(i.Advice), Mails: p.mails, Subjects: p.mails.subjects[v.Lang], Published: i.PublishedAt, Modified: i.PublishedAt,
		Plain: v.Site.Public + "/incidents/" + i.Slug, Locale: locale(v.Lang),
	}
	if n.Title == "" {
		n.Title = v.say("incident.untitled")
	}
	if n.Description = v.say("incident.summary"); len(n.Paragraphs) > 0 {
		n.Description = shorten(n.Paragraphs[0])
	}
	if n.Published == nil || i.ChangedAt.After(*n.Published) {
		n.Modified = &i.ChangedAt
	}
	n.Address, n.Feed = v.To(n.Plain), v.To(n.Plain+"/feed")
	for _, t := range v.all.texts {
		if t.Lang != v.Lang {
			n.OtherLocales = append(n.OtherLocales, locale(t.Lang))
		}
	}
	if v.urls.MediaType(v.Site.Logo) == "image/png" { // previews show no SVG
		n.Image = v.Site.Public + v.Asset(v.Site.Logo)
	}
	n.Events = eventsOf(v, i)
	if last := len(n.Events) - 1; len(i.Updates) > 0 {
		for last > 0 && n.Events[last].ID == 0 {
			last--
		}
		n.Latest = &n.Events[last]
	}
	return n
}

func (p *Portal) say(v *view, classes []string) []string {
	said := make([]string, len(classes))
	for i, class := range classes {
		said[i] = p.classes.Say(v.Lang, class)
	}
	return said
}

// eventsOf is the timeline: the milestones that are known and the updates, by date; of one instant in the order of this list.
func eventsOf(v *view, i incident.Incident) []event {
	var events []event
	for _, m := range []struct {
		at    *time.Time
		label string
	}{{i.OccurredAt, "incident.occurred"}, {i.FoundAt, "incident.found"}, {i.ContainedAt, "incident.contained"}, {i.PublishedAt, "incident.published"}} {
		if m.at != nil {
			events = append(events, event{At: m.at, Label: v.say(m.label)})
		}
	}
	for _, u := range i.Updates {
		e := event{At: &u.At, Label: v.say("incident.update"), ID: u.ID, Paragraphs: incident.Paragraphs(u.Text), changed: u.UpdatedAt}
		if u.Corrected() {
			e.Corrected = &u.UpdatedAt
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(*b.At) })
	return events
}

// maxDescription is about what search engines and previews show, in characters.
const maxDescription = 200

// shorten makes one line of a paragraph and ends it between words.
func shorten(paragraph string) string {
	line := strings.Join(strings.Fields(paragraph), " ")
	letters := []rune(line)
	if len(letters) <= maxDescription {
		return line
	}
	cut := string(letters[:maxDescription])
	if space := strings.LastIndexByte(cut, ' '); space > len(cut)/2 {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " ,;:.、。") + "…"
}

// locale is a language with the region where most who read it are, as the Open Graph protocol wants: en_US.
func locale(tag string) string {
	t := language.Make(tag)
	base, _ := t.Base()
	region, _ := t.Region()
	return base.String() + "_" + region.String()
}

// Anchor is the element of an update on the page.
func (e event) Anchor() string { return "update-" + strconv.FormatInt(e.ID, 10) }
