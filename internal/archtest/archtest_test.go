package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

// source is a Go file as far as the rules look at it.
type source struct {
	file    string // path in the module, with slashes
	imports []string
}

// violations checks every file, and every package for a place.
func violations(module string, files []source) []string {
	var found []string
	for _, f := range files {
		pkg := path.Dir(f.file)
		group, _ := place(pkg)
		if group == "" {
			found = append(found, fmt.Sprintf("%s: package %s has no place in the rules", f.file, pkg))
			continue
		}
		test := group == forTests || strings.HasSuffix(f.file, "_test.go")
		for _, imp := range f.imports {
			if why := judge(module, pkg, group, test, imp); why != "" {
				found = append(found, fmt.Sprintf("%s: imports %s: %s", f.file, imp, why))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// judge returns why pkg may not import imp, or nothing.
func judge(module, pkg, group string, test bool, imp string) string {
	inner, own := strings.CutPrefix(imp, module+"/")
	if !own {
		return judgeVendor(pkg, group, test, imp)
	}
	target, root := place(inner)
	switch {
	case target == "":
		return "it has no place in the rules"
	case test:
		return ""
	case target == forTests && !slices.Contains(imports[group], forTests):
		return "only tests and benchmarks may"
	case group == target && below(pkg, root): // parts of one listed package
		return ""
	case !slices.Contains(imports[group], target) && !slices.Contains(imports[group], root):
		return fmt.Sprintf("%s may import %s", group, strings.Join(imports[group], ", "))
	}
	return ""
}

func judgeVendor(pkg, group string, test bool, imp string) string {
	for _, v := range vendors {
		allowed := slices.Contains(v.places, group) || slices.ContainsFunc(v.places, func(p string) bool { return below(pkg, p) })
		if below(imp, v.path) && !allowed && (!test || v.sealed) {
			return fmt.Sprintf("only %s may", strings.Join(append(v.places, "tests"), ", "))
		}
	}
	return ""
}

// place returns the group of a package and the listed path that gave it, the longest one that fits.
func place(pkg string) (group, root string) {
	for g, roots := range groups {
		for _, r := range roots {
			if below(pkg, r) && len(r) > len(root) {
				group, root = g, r
			}
		}
	}
	return group, root
}

// below tells whether p is root or a path under it.
func below(p, root string) bool {
	return p == root || strings.HasPrefix(p, root+"/")
}

// load reads the imports of every Go file under root, whatever its build tags.
func load(root string) ([]source, error) {
	var files []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		f, err := parse(root, name)
		files = append(files, f)
		return err
	})
	return files, err
}

func parse(root, name string) (source, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return source{}, err
	}
	f := source{file: filepath.ToSlash(rel)}
	for _, spec := range parsed.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		f.imports = append(f.imports, imp)
	}
	return f, nil
}

func TestImportDirections(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d Go files found under %s", len(files), root)
	}
	for _, v := range violations(modfile.ModulePath(mod), files) {
		t.Error(v)
	}
}

// TestRulesPointOneWay holds the table itself: no two groups may import each other, however long the way round.
func TestRulesPointOneWay(t *testing.T) {
	t.Parallel()
	done := map[string]bool{}
	var visit func(group string, way []string)
	visit = func(group string, way []string) {
		if i := slices.Index(way, group); i >= 0 {
			t.Errorf("the rules allow a circle: %s → %s", strings.Join(way[i:], " → "), group)
			return
		}
		if done[group] {
			return
		}
		for _, next := range imports[group] {
			if g, _ := place(next); groups[next] == nil {
				next = g
			}
			if groups[next] == nil {
				t.Errorf("group %s may import %q, which is nothing", group, next)
			} else if next != group {
				visit(next, append(way, group))
			}
		}
		done[group] = true
	}
	for group := range groups {
		if _, ruled := imports[group]; !ruled {
			t.Errorf("group %s has no rule", group)
		}
		visit(group, nil)
	}
}

// TestViolationsAreFound plants one import at a time.
func TestViolationsAreFound(t *testing.T) {
	t.Parallel()
	const module = "example.org/m"
	in := func(p string) string { return module + "/" + p }
	const gorm, gin, jwt = "gorm.io/gorm", "github.com/gin-gonic/gin", "github.com/golang-jwt/jwt/v5"
	for _, c := range []struct {
		file, imp string
		ok        bool
	}{
		{"cmd/rekey/main.go", in("internal/store"), true},
		{"cmd/rekey/main.go", in("internal/portal"), true},
		{"cmd/rekey/main.go", in("internal/testdb"), false},
		{"cmd/rekey/main_test.go", in("internal/testdb"), true},
		{"cmd/bench/main.go", in("internal/testdb"), true},
		{"cmd/rekey/main.go", gorm, false},
		{"internal/portal/routes.go", in("internal/reset"), true},
		{"internal/portal/routes.go", in("internal/server"), true},
		{"internal/portal/routes.go", in("internal/store"), false},
		{"internal/portal/routes.go", in("internal/console"), false},
		{"internal/portal/routes.go", in("internal/token"), false},
		{"internal/portal/form/form.go", in("internal/portal"), true},
		{"internal/portal/routes.go", in("internal/portal/form"), true},
		{"internal/portal/routes.go", gin, true},
		{"internal/portal/routes.go", jwt, false},
		{"internal/portal/routes.go", "github.com/danielgtaylor/huma/v2", false},
		{"internal/portal/routes_test.go", in("internal/store"), true},
		{"internal/portal/routes_test.go", jwt, true},
		{"internal/portal/routes_test.go", gorm, false},
		{"internal/api/routes.go", "github.com/danielgtaylor/huma/v2/adapters/humagin", true},
		{"internal/server/server.go", in("internal/reset"), false},
		{"internal/delivery/worker.go", in("internal/token"), true},
		{"internal/delivery/worker.go", in("internal/store"), false},
		{"internal/demo/demo.go", in("internal/store"), false},
		{"internal/demo/demo.go", gin, true},
		{"internal/store/store.go", in("internal/campaign"), true},
		{"internal/store/store.go", in("internal/api"), false},
		{"internal/store/store.go", gorm, true},
		{"internal/store/store_test.go", gorm, true},
		{"internal/reset/redeem.go", in("internal/account"), true},
		{"internal/account/import.go", in("internal/reset"), false},
		{"internal/account/import.go", in("internal/store"), false},
		{"internal/account/import.go", "database/sql", false},
		{"internal/account/import.go", gin, false},
		{"internal/campaign/rule.go", in("internal/account"), true},
		{"internal/token/mint.go", in("internal/secret"), true},
		{"internal/token/mint.go", in("internal/password"), false},
		{"internal/token/mint.go", jwt, true},
		{"internal/token/mint.go", "golang.org/x/crypto/bcrypt", false},
		{"internal/password/hash.go", "golang.org/x/crypto/argon2", true},
		{"internal/problem/problem.go", in("internal/audit"), false},
		{"internal/ratelimit/limits.go", in("internal/ratelimit/limittest"), false},
		{"internal/ratelimit/limittest/suite.go", in("internal/ratelimit"), true},
		{"internal/storetest/each.go", in("internal/testdb"), true},
		{"internal/storetest/each.go", gorm, false},
		{"web/embed.go", in("internal/problem"), false},
		{"web/embed.go", "embed", true},
		{"internal/common/common.go", "fmt", false},
		{"internal/account/import.go", in("internal/common"), false},
	} {
		found := violations(module, []source{{file: c.file, imports: []string{c.imp}}})
		if d := cmp.Diff(c.ok, len(found) == 0); d != "" {
			t.Errorf("%s importing %s (-want +got): %s%v", c.file, c.imp, d, found)
		}
	}
}

// TestLoadReadsEveryFile holds that neither build tags nor tests hide an import, and that other people's trees are left out.
func TestLoadReadsEveryFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/a.go":              "//go:build never\n\npackage a\n\nimport _ \"x/1\"\n",
		"a/a_test.go":         "package a_test\n\nimport . \"x/2\"\n",
		"a/testdata/t.go":     "package t\n\nimport _ \"x/3\"\n",
		".cache/c.go":         "package c\n\nimport _ \"x/4\"\n",
		"node_modules/n/n.go": "package n\n\nimport _ \"x/5\"\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := load(root)
	want := []source{{"a/a.go", []string{"x/1"}}, {"a/a_test.go", []string{"x/2"}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(source{})); d != "" || err != nil {
		t.Errorf("load: %v (-want +got):\n%s", err, d)
	}
}
