package console

import (
	"strings"
	"testing"
)

// Every page of one's own and of the people shows, for each role.
func TestPagesShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name := range w.staff {
		v := w.as(name)
		for _, path := range []string{"/", "/me", "/operators", "/operators/1", "/keys", "/confirm", "/incidents", "/campaigns", "/approvals", "/lockdown"} {
			if got := v.get(path); got.status != 200 || !strings.Contains(got.body, "</html>") {
				t.Errorf("%s at %s: %d", name, path, got.status)
			}
		}
	}
	for _, path := range []string{"/new-operator", "/operators/1/disable", "/operators/1/invite", "/new-client"} {
		if got := w.as("admin").get(path); got.status != 200 || !strings.Contains(got.body, "</html>") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/sign-in", "/enrol"} {
		if got := w.nobody().get(path); got.status != 200 || !strings.Contains(got.body, "</html>") {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if strings.Contains(w.log.String(), "ERROR") {
		t.Error(w.log.String())
	}
}
