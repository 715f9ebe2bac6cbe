package portal_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
)

// otherLanguage changes the language by hand on the way. The token goes along, in the fragment again, also from pages that answer a form.
func otherLanguage(b *tab) {
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.choose("de")
	b.Says("document.documentElement.lang + document.documentElement.dataset.checked", "de204")
	b.Says(address, "/reset?lang=de")
	b.Says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
	b.site.cases.fail("redeem", refused("common", ""))
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says("document.querySelector('[role=alert] h2')?.textContent", "Ihr neues Passwort ist noch nicht gespeichert")
	b.Says(address, "/reset")
	b.choose("ar")
	b.Says("document.documentElement.dir + document.documentElement.dataset.checked", "rtl204")
	b.Says(address, "/reset?lang=ar")
	b.site.cases.fail("redeem", reset.ErrUsed)
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says(heading, "لم يعد هذا الرابط يعمل")
	b.site.cases.fail("check "+aToken, reset.ErrUsed)
	b.choose("ja")
	b.checked(410)
	b.Says(heading, "このリンクはもう使えません")
	b.Click("#gone button")
	b.Says(path+" + document.documentElement.lang", "/reissueja")
	b.site.cases.fail("check "+aToken, nil)
	b.site.cases.fail("redeem", nil)
	b.open("/reset?lang=fr#t=" + aToken)
	b.checked(204)
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says(address, "/done?lang=fr")
}

func (b *tab) choose(tag string) {
	b.T.Helper()
	b.Click("#languages summary")
	b.Click(fmt.Sprintf("#languages a[hreflang='%s']", tag))
}

// otherLanguageByCode changes it where address and code are typed: they are kept, the password is not, and nothing of it is in an address.
func otherLanguageByCode(b *tab) {
	const typed = "document.getElementById('email').value + ' ' + document.getElementById('code').value + ' ' + document.getElementById('password').value"
	const odd = "o'neil+a&b=c%41#@example.com"
	b.open("/code")
	b.Type("email", odd)
	b.Type("code", "4f7k 9qxr")
	b.Type("password", aPassword)
	b.choose("de")
	b.Says("document.documentElement.lang + "+address, "de/code?lang=de")
	b.Says(typed, odd+" 4f7k 9qxr ")
	b.Type("code", " 2mtx")
	b.choose("de") // the page itself: the fragment alone changes
	b.Says("document.documentElement.lang + "+address, "de/code?lang=de")
	b.Says(typed, odd+" 4f7k 9qxr 2mtx ")
	b.site.cases.fail("redeem", reset.ErrNoFit)
	b.Type("password", aPassword)
	b.Type("confirm", aPassword)
	b.Click("#submit")
	b.Says("document.querySelectorAll('[role=alert]').length", "1")
	b.choose("ar")
	b.Says("document.documentElement.lang + "+address, "ar/reset?lang=ar")
	b.Says(typed, odd+" 4f7k 9qxr 2mtx ")
	b.Says("document.cookie.length + localStorage.length + sessionStorage.length", "0")
	addresses := b.addresses()
	for _, part := range []string{"neil", "4f7k", "orchid"} {
		if strings.Contains(addresses, part) || strings.Contains(b.site.log.String(), part) {
			b.T.Errorf("%q was in an address or in the log", part)
		}
	}
}

// liveAdvice: the page says politely what is easy to guess, only when the answer changes, and sends whatever it is told to. It never warns of
// what the server would take.
func liveAdvice(b *tab) {
	const says = "document.getElementById('length-says').textContent"
	b.open("/code")
	b.Says("document.getElementById('length-says').role", "status")
	browsertest.Eval[string](b.Tab, "(window.changes = 0, new MutationObserver(m => window.changes += m.length).observe(document.getElementById('length-says'), {childList: true}), '')")
	b.Type("password", "aaaaa")
	b.Says(says, "")
	b.Type("password", "aaaaaaaaaaaaaaa")
	b.Says(says, "Easy to guess: it repeats itself")
	b.Says("window.changes", "1")
	b.Shoot("link-advice")
	b.Type("password", "chonk quarry")
	b.Says(says, "Long enough")
	b.Says("window.changes", "2")
	b.retype("password", "ann.example2011")
	b.Says("document.getElementById('password').value + "+says, "ann.example2011Long enough")
	b.Type("email", "Ann@Example.com")
	b.Says(says, "Easy to guess: it is your address or the name of this service")
	b.adviceFits("Ann@Example.com")
	b.retype("password", "qwertyuiopasdfghjkl")
	b.Says(says, "Easy to guess: it follows the keyboard or the alphabet")
	b.Type("code", "4F7K")
	b.Type("confirm", "qwertyuiopasdfghjkl")
	b.Click("#submit")
	b.Says(path, "/done")
	if got := b.site.cases.submission(); got.Password != "qwertyuiopasdfghjkl" {
		b.T.Error("the page kept a password back")
	}
}

// retype types over what an input holds.
func (b *tab) retype(id, text string) {
	b.T.Helper()
	browsertest.Eval[string](b.Tab, "(document.getElementById('"+id+"').select(), '')")
	b.Type(id, text)
}

// adviceFits compares page and policy on passwords made of all that either looks for. The page may miss some, the policy decides; it must find many.
func (b *tab) adviceFits(email string) {
	b.T.Helper()
	pieces := []string{"example", "pass", "ann", "com", "Example Pass", email, "qwerty", "uiop", "abc", "12345", "987", "aaa", "haha", "🦆", "é", "ß", "İ", "2011", "!", ".", " ", "-", "orchid", "x", "qaz"}
	var made []string
	for r := rand.New(rand.NewPCG(1, 2)); len(made) < 1000; {
		unit := ""
		for range 1 + r.IntN(3) {
			unit += pieces[r.IntN(len(pieces))]
		}
		if pw := strings.Repeat(unit, 1+r.IntN(4)) + pieces[r.IntN(len(pieces))]; len([]rune(pw)) >= 15 {
			made = append(made, pw)
		}
	}
	advice := browsertest.Eval[[]string](b.Tab, `(words => words.map(w => { const p = document.getElementById('password'), s = document.getElementById('length-says');
		p.value = w; p.dispatchEvent(new Event('input')); return Object.keys(s.dataset).find(k => s.dataset[k] === s.textContent) || ''; }))([`+quoted(made)+`])`)
	policy := &password.Policy{MinLength: 15, MaxLength: 256}
	found := map[string]int{}
	for i, pw := range made {
		err := policy.CheckForm(b.T.Context(), pw, password.Context{Service: "Example Pass", Email: email})
		if advice[i] != "enough" && !problem.Is(err, problem.Unprocessable) {
			b.T.Errorf("%q: the page warns (%s), the server takes it", pw, advice[i])
		}
		found[advice[i]]++
	}
	if found["context"] < 20 || found["repeated"] < 20 || found["sequence"] < 20 || found["enough"] < 20 {
		b.T.Errorf("the page found %v", found)
	}
}
