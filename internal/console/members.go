package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/support"
)

// search is the page that looks for members. What was typed, which may be an address, stands in no URL.
type search struct {
	Text  string
	Found []support.Found
	Asked bool
}

func (c *Console) members(r *call) error { return r.page("members", search{}) }

// findMembers shows who was found, or goes straight to the one.
func (c *Console) findMembers(r *call) error {
	page := search{Text: strings.TrimSpace(r.PostForm("member")), Asked: true}
	var err error
	if page.Found, err = c.o.Desk.FindMembers(r.work(), r.who, page.Text); err != nil {
		return r.again("members", search{Text: page.Text}, err)
	}
	if len(page.Found) == 1 {
		r.see(memberPath(page.Found[0].ID))
		return nil
	}
	return r.page("members", page)
}

func memberPath(id int64) string { return "/members/" + strconv.FormatInt(id, 10) }

// shownMember is a member on their page.
type shownMember struct {
	support.Member
	Events []support.Event
}

func (c *Console) member(r *call) error {
	page, err := c.lookAt(r)
	if err != nil {
		return err
	}
	return r.page("member", page)
}

func (c *Console) lookAt(r *call) (*shownMember, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	m, err := c.o.Desk.Member(r.work(), r.who, id)
	if err != nil {
		return nil, err
	}
	return &shownMember{Member: m, Events: m.Timeline()}, nil
}

// onMember does an act on the member of the path and goes back to their page, with what came of it or why not.
func (c *Console) onMember(r *call, do func(id int64) (said string, err error)) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	said, err := do(id)
	if err != nil {
		page, looking := c.lookAt(r)
		if looking != nil {
			return err
		}
		return r.again("member", page, err)
	}
	r.say(said)
	r.see(memberPath(id))
	return nil
}

func (c *Console) sendLink(r *call) error {
	return c.onMember(r, func(id int64) (string, error) {
		wait, err := c.o.Desk.SendLink(r.work(), r.who, id)
		if wait > 0 {
			return fmt.Sprintf("A fresh link is on its way at %s UTC: the address has had its mails for now.", time.Now().Add(wait).UTC().Format("15:04")), err
		}
		return "A fresh link is on its way. Its mail goes out within seconds.", err
	})
}

func (c *Console) deadAddress(r *call) error {
	dead := r.PostForm("dead") == "yes"
	return c.onMember(r, func(id int64) (string, error) {
		said := "No mail goes to this address any more, campaigns' mails neither."
		if !dead {
			said = "Mail goes to this address again. What was not sent meanwhile is not sent by itself: send a fresh link."
		}
		return said, c.o.Desk.MarkAddress(r.work(), r.who, id, dead)
	})
}

// speak is the page that gives out a spoken code: the proof that it rests on, and then the code, once.
type speak struct {
	*shownMember
	Proofs   []support.Proof
	Identity support.Identity
	Reason   string
	Second   bool // somebody else has to approve
	Alone    bool // nobody else does, though the setting asks for it
}

func (c *Console) askCode(r *call) error {
	m, err := c.lookAt(r)
	if err != nil {
		return err
	}
	if err := m.CanGetCode(); err != nil {
		return r.again("member", m, err)
	}
	return r.page("member-code", c.speak(r, m))
}

func (c *Console) speak(r *call, m *shownMember) speak {
	return speak{shownMember: m, Proofs: support.Proofs(), Identity: support.Identity{Proof: r.PostForm("proof"), Note: strings.TrimSpace(r.PostForm("note"))},
		Reason: r.PostForm("reason"), Second: c.o.Desk.ForTwoCode(r.who), Alone: c.o.Desk.AloneCode(r.who)}
}

// speakCode shows the code in the answer itself, which nothing keeps.
func (c *Console) speakCode(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	identity := support.Identity{Proof: r.PostForm("proof"), Note: strings.TrimSpace(r.PostForm("note"))}
	outcome, err := c.o.Desk.SpeakCode(r.work(), r.who, id, identity, r.PostForm("reason"))
	if err != nil {
		m, looking := c.lookAt(r)
		if looking != nil {
			return err
		}
		return r.again("member-code", c.speak(r, m), err)
	}
	if outcome.Pending != nil {
		return r.came(outcome, "", "")
	}
	return c.spoken(r, outcome)
}

// takeCode shows the code that a second person approved.
func (c *Console) takeCode(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	code, err := c.o.Desk.TakeCode(r.work(), r.who, id)
	if err != nil {
		page, looking := c.asked(r)
		if looking != nil {
			return err
		}
		return r.again("approval", page, err)
	}
	return c.spoken(r, desk.Outcome{Done: code})
}

// spelled is a code with its letters as they are spoken.
type spelled struct {
	support.Code
	Site  string
	Words []string
}

func (c *Console) spoken(r *call, o desk.Outcome) error {
	code, ok := o.Done.(support.Code)
	if !ok {
		return fmt.Errorf("giving out a code ended in a %T", o.Done)
	}
	return r.page("member-spoken", spelled{Code: code, Site: c.o.PublicURL + "/code", Words: spell(code.Code)})
}

// alphabet is the ICAO's, for the letters of a code.
var alphabet = strings.Fields("Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu")

// spell gives each group of a code as it is spoken.
func spell(code string) []string {
	groups := strings.Split(code, "-")
	for i, g := range groups {
		var words []string
		for _, s := range g {
			word := string(s)
			if at := slices.IndexFunc(alphabet, func(w string) bool { return w[0] == byte(s) }); at >= 0 {
				word = alphabet[at]
			}
			words = append(words, word)
		}
		groups[i] = strings.Join(words, " ")
	}
	return groups
}
