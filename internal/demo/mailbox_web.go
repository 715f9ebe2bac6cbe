package demo

import (
	"log/slog"
	"net/http"
	"regexp"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// mailsShown is how many a page lists.
const mailsShown = 50

// letterPolicy is for the HTML of a mail in its frame: no script, nothing loaded, and links open in a window of their own.
const letterPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

// MailboxSite is the mailbox as web pages.
type MailboxSite struct {
	box   *Mailbox
	pages *pages
}

// Guide is what the demo's pages say about each other.
type Guide struct {
	Name       string // of the service whose members were breached
	LoginURL   string
	MailboxURL string
	RekeyURL   string
	Email      string // an account to try
	Password   string // its old password
}

// NewMailboxSite shows a mailbox.
func NewMailboxSite(box *Mailbox, guide Guide, logger *slog.Logger) (http.Handler, error) {
	p, err := newPages("mailbox", guide, "mails", "mail")
	if err != nil {
		return nil, err
	}
	e, err := p.engine(logger)
	if err != nil {
		return nil, err
	}
	s := &MailboxSite{box: box, pages: p}
	server.Get(e, "/", s.list)
	server.Get(e, "/mail/:id", s.mail)
	server.Get(e, "/mail/:id/html", s.html)
	server.Get(e, "/mail/:id/source", s.source)
	return e, nil
}

// mailList is the first page.
type mailList struct {
	To    string // searched for
	Mails []Mail
	Total int64
	More  bool
}

func (s *MailboxSite) list(c *gin.Context) {
	l := mailList{To: c.Query("to"), Total: s.box.Total()}
	l.Mails = s.box.Find(l.To, mailsShown+1)
	if l.More = len(l.Mails) > mailsShown; l.More {
		l.Mails = l.Mails[:mailsShown]
	}
	s.pages.show(c, http.StatusOK, "mails", l)
}

// mailPage is one mail.
type mailPage struct {
	Mail   Mail
	Letter Letter
	Runs   []run
	HTML   bool // show that part
}

func (s *MailboxSite) mail(c *gin.Context) {
	m, ok := s.find(c)
	if !ok {
		return
	}
	letter, err := m.Read()
	if err != nil {
		server.Fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", framing)
	s.pages.show(c, http.StatusOK, "mail", mailPage{Mail: m, Letter: letter, Runs: links(letter.Text), HTML: c.Query("part") == "html" && letter.HTML != ""})
}

// html is for the frame alone: a browser gives it no origin, so it can do nothing to the page around it.
func (s *MailboxSite) html(c *gin.Context) {
	m, ok := s.find(c)
	if !ok {
		return
	}
	letter, err := m.Read()
	if err != nil {
		server.Fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", letterPolicy)
	c.Header("X-Frame-Options", "SAMEORIGIN")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<base target="_blank">`+letter.HTML))
}

func (s *MailboxSite) source(c *gin.Context) {
	if m, ok := s.find(c); ok {
		c.Data(http.StatusOK, "text/plain; charset=utf-8", m.Raw)
	}
}

func (s *MailboxSite) find(c *gin.Context) (Mail, bool) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err == nil {
		if m, ok := s.box.Mail(id); ok {
			return m, true
		}
	}
	server.Fail(c, problem.New(problem.NotFound, "There is no such mail, or it had to make room for newer ones."))
	return Mail{}, false
}

// run is a piece of text, or a link.
type run struct{ Text, Link string }

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+`)

// links cuts a text where addresses begin and end.
func links(text string) []run {
	var runs []run
	end := 0
	for _, at := range webAddress.FindAllStringIndex(text, -1) {
		runs = append(runs, run{Text: text[end:at[0]]}, run{Text: text[at[0]:at[1]], Link: text[at[0]:at[1]]})
		end = at[1]
	}
	return append(runs, run{Text: text[end:]})
}
