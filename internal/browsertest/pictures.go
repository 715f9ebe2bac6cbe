package browsertest

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// pictures is the folder for pictures; none are taken if empty.
var pictures = os.Getenv("REKEY_SCREENSHOTS")

// Shooting tells whether pictures are wanted, so that a test shows more than it need.
func Shooting() bool { return pictures != "" }

// tallest is the most of a page that a picture shows: beyond 16,384 pixels many programs show nothing.
const tallest = 12_000

// taken is every picture of this run, so that none replaces another unseen.
var taken sync.Map

// Shoot keeps the whole page, where pictures are wanted, as GROUP/NAME-WIDTH-THEME.png: sorted by name, a page in all its looks stands together. It makes the
// window as high as the page, since Chromium shifts pages from right to left when it is to look beyond the window.
func (b *Tab) Shoot(name string) {
	b.T.Helper()
	if pictures == "" {
		return
	}
	b.Says("document.readyState", "complete")
	size := Eval[[]int64](b, "[innerWidth, innerHeight, document.documentElement.scrollHeight, +matchMedia('(prefers-color-scheme: dark)').matches]")
	file := filepath.Join(b.group, fmt.Sprintf("%s-%04d-%s.png", name, size[0], []string{"light", "dark"}[size[3]]))
	if _, before := taken.LoadOrStore(file, true); before {
		b.T.Errorf("two pictures are called %s", file)
	}
	b.Size(size[0], max(size[1], min(size[2], tallest)))
	shot, err := chromedp.Run(b.Ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = keep(file, shot)
	}
	if err != nil {
		b.T.Fatal(err)
	}
	b.Size(size[0], size[1])
}

// failed keeps what was on the screen when a test failed.
func (b *Tab) failed() {
	if pictures == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.Ctx), 10*time.Second)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = keep(filepath.Join("failed", strings.ReplaceAll(b.T.Name(), "/", "-")+".png"), shot)
	}
	if err != nil {
		b.T.Logf("no picture of the failure: %v", err)
	}
}

func keep(file string, shot []byte) error {
	path := filepath.Join(pictures, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, shot, 0o600)
}

// look is a picture as its name tells.
type look struct{ Group, Name, How, File string }

var named = regexp.MustCompile(`^([a-z]+)/(.+)-(?:0*([1-9][0-9]*))-(light|dark)\.png$`)

// looks reads the folder. What was on the screen when a test failed has no width.
func looks(folder string) ([]look, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.png"))
	if err != nil {
		return nil, err
	}
	var all []look
	for _, path := range files {
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return nil, err
		}
		file := filepath.ToSlash(rel)
		if m := named.FindStringSubmatch(file); m != nil {
			all = append(all, look{Group: m[1], Name: m[2], How: m[3] + " px, " + m[4], File: file})
		} else if name, is := strings.CutPrefix(file, "failed/"); is {
			all = append(all, look{Group: "failed", Name: strings.TrimSuffix(name, ".png"), File: file})
		}
	}
	slices.SortFunc(all, func(a, b look) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File))
	})
	return all, nil
}

var sheet = template.Must(template.New("sheet").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Pictures</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem; background: #ddd; color: #111 }
section { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start }
h2 { flex-basis: 100%; margin: 1.5rem 0 0; font-size: 1.1rem }
figure { margin: 0 } img { display: block; height: 26rem; max-width: 44rem; object-fit: contain; object-position: top left; background: #999 }
</style>
<h1>{{len .}} pictures</h1>
{{$at := ""}}{{range .}}{{$is := print .Group "/" .Name}}{{if ne $is $at}}{{if $at}}</section>{{end}}
<section><h2 id="{{$is}}">{{$is}}</h2>{{$at = $is}}{{end}}
<figure><a href="{{.File}}"><img src="{{.File}}" alt="{{$is}}, {{.How}}" loading="lazy"></a><figcaption>{{.How}}</figcaption></figure>{{end}}
`))

var indexing sync.Mutex

// index writes a page that shows all the pictures there are, also those of other packages' tests.
func index(t *testing.T, folder string) {
	indexing.Lock()
	defer indexing.Unlock()
	all, err := looks(folder)
	if err != nil {
		t.Error(err)
	}
	if len(all) == 0 {
		return
	}
	var page strings.Builder
	if err := sheet.Execute(&page, all); err != nil {
		t.Error(err)
		return
	}
	if err := os.WriteFile(filepath.Join(folder, "index.html"), []byte(page.String()), 0o600); err != nil {
		t.Error(err)
	}
}
