package console

import "testing"

// TestEveryPageIsReadable holds what a server finds out only when a page is first shown.
func TestEveryPageIsReadable(t *testing.T) {
	t.Parallel()
	pages, err := loadTemplates()
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 40 {
		t.Errorf("%d pages", len(pages))
	}
	for name, load := range pages {
		page, err := load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range []string{"layout", "title", "main"} {
			if page.Lookup(part) == nil {
				t.Errorf("%s has no %s", name, part)
			}
		}
	}
}
