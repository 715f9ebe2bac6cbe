package console

import (
	"strconv"
	"strings"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// correction is the form that corrects an update, or takes it off the page.
type correction struct {
	Incident incident.Incident
	ID       int64
	Text, At string // as typed
}

// addUpdate adds what became known to a notice.
func (c *Console) addUpdate(r *call) error {
	change, err := updateOf(r, 0)
	if err == nil {
		_, err = c.o.Desk.UpdateIncident(r.work(), r.who, change)
	}
	if err != nil {
		page, looking := c.file(r)
		if looking != nil {
			return err
		}
		page.Update, page.UpdateAt = r.PostForm("text"), r.PostForm("at")
		return r.again("incident", page, err)
	}
	r.say("The update is added. It is public as long as the notice is.")
	r.see("/incidents/" + change.Slug + "#updates")
	return nil
}

// updateOf is the use case's change, of the form.
func updateOf(r *call, id int64) (incident.UpdateChange, error) {
	c := incident.UpdateChange{Slug: r.Param("slug"), ID: id, Text: strings.TrimSpace(*plain(r.PostForm("text")))}
	var err error
	if c.At, err = moment(r.PostForm("at")); err == nil && c.Text == "" {
		err = &problem.Error{Kind: problem.Unprocessable, Code: "text", Text: "Write what became known."}
	}
	return c, err
}

func (c *Console) editUpdate(r *call) error {
	page, err := c.correction(r)
	if err != nil {
		return err
	}
	return r.page("incident-update", page)
}

func (c *Console) correction(r *call) (*correction, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	i, err := c.o.Desk.Incident(r.Request.Context(), r.who, r.Param("slug"))
	if err != nil {
		return nil, err
	}
	for _, u := range i.Updates {
		if u.ID == id && u.RetractedAt == nil {
			return &correction{Incident: i, ID: id, Text: u.Text, At: typed(&u.At)}, nil
		}
	}
	return nil, problem.New(problem.NotFound, "There is no such update, or it was retracted.")
}

// correctUpdate gives an update another text. Its date stays unless another one is typed.
func (c *Console) correctUpdate(r *call) error {
	page, err := c.correction(r)
	if err != nil {
		return err
	}
	change, err := updateOf(r, page.ID)
	if r.PostForm("at") == page.At {
		change.At = nil // the form shows minutes, the date has more
	}
	if err == nil {
		_, err = c.o.Desk.UpdateIncident(r.work(), r.who, change)
	}
	if err != nil {
		page.Text, page.At = r.PostForm("text"), r.PostForm("at")
		return r.again("incident-update", page, err)
	}
	r.say("The update is corrected; the page says that it was.")
	r.see("/incidents/" + page.Incident.Slug + "#updates")
	return nil
}

// retractUpdate takes an update off the page for good.
func (c *Console) retractUpdate(r *call) error {
	page, err := c.correction(r)
	if err != nil {
		return err
	}
	if _, err := c.o.Desk.UpdateIncident(r.work(), r.who, incident.UpdateChange{Slug: page.Incident.Slug, ID: page.ID, Retract: true}); err != nil {
		return err
	}
	r.say("Update " + strconv.FormatInt(page.ID, 10) + " is retracted.")
	r.see("/incidents/" + page.Incident.Slug + "#updates")
	return nil
}
