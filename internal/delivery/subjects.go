package delivery

import "github.com/seed-1c168855/rekey/internal/delivery/queue"

// Subjects are the subject lines of the mails that a campaign sends, in the language that a member of this locale is written in, so that
// the notice can say by what they are known.
func (c *Composer) Subjects(locale string) ([]string, error) {
	var lines []string
	for _, kind := range []queue.Kind{queue.Reset, queue.Reminder, queue.Notice} {
		r, err := c.templates.render(kind, locale, c.page())
		if err != nil {
			return nil, err
		}
		lines = append(lines, r.Subject)
	}
	return lines, nil
}
