package portal_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
)

// otherLanguage changes the language by hand on the way. The token goes along, in the fragment again, also from pages that answer a form.
func otherLanguage(b *tab) {
	b.open("/reset#t=" + aToken)
	b.checked(204)
	b.choose("de")
	b.says("document.documentElement.lang + document.documentElement.dataset.checked", "de204")
	b.says(address, "/reset?lang=de")
	b.says("document.querySelector('[name=token]').value === '"+aToken+"'", "true")
	b.site.cases.fail("redeem", refused("common", ""))
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says("document.querySelector('[role=alert] h2')?.textContent", "Ihr neues Passwort ist noch nicht gespeichert")
	b.says(address, "/reset")
	b.choose("ar")
	b.says("document.documentElement.dir + document.documentElement.dataset.checked", "rtl204")
	b.says(address, "/reset?lang=ar")
	b.site.cases.fail("redeem", reset.ErrUsed)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(heading, "لم يعد هذا الرابط يعمل")
	b.site.cases.fail("check "+aToken, reset.ErrUsed)
	b.choose("ja")
	b.checked(410)
	b.says(heading, "このリンクはもう使えません")
	b.click("#gone button")
	b.says(path+" + document.documentElement.lang", "/reissueja")
	b.site.cases.fail("check "+aToken, nil)
	b.site.cases.fail("redeem", nil)
	b.open("/reset?lang=fr#t=" + aToken)
	b.checked(204)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says(address, "/done?lang=fr")
}

func (b *tab) choose(tag string) {
	b.t.Helper()
	b.click("#languages summary")
	b.click(fmt.Sprintf("#languages a[hreflang='%s']", tag))
}

// otherLanguageByCode changes it where address and code are typed: they are kept, the password is not, and nothing of it is in an address.
func otherLanguageByCode(b *tab) {
	const typed = "document.getElementById('email').value + ' ' + document.getElementById('code').value + ' ' + document.getElementById('password').value"
	const odd = "o'neil+a&b=c%41#@example.com"
	b.open("/code")
	b.typeInto("email", odd)
	b.typeInto("code", "4f7k 9qxr")
	b.typeInto("password", aPassword)
	b.choose("de")
	b.says("document.documentElement.lang + "+address, "de/code?lang=de")
	b.says(typed, odd+" 4f7k 9qxr ")
	b.typeInto("code", " 2mtx")
	b.choose("de") // the page itself: the fragment alone changes
	b.says("document.documentElement.lang + "+address, "de/code?lang=de")
	b.says(typed, odd+" 4f7k 9qxr 2mtx ")
	b.site.cases.fail("redeem", reset.ErrNoFit)
	b.typeInto("password", aPassword)
	b.typeInto("confirm", aPassword)
	b.click("#submit")
	b.says("document.querySelectorAll('[role=alert]').length", "1")
	b.choose("ar")
	b.says("document.documentElement.lang + "+address, "ar/reset?lang=ar")
	b.says(typed, odd+" 4f7k 9qxr 2mtx ")
	b.says("document.cookie.length + localStorage.length + sessionStorage.length", "0")
	for _, part := range []string{"neil", "4f7k", "orchid"} {
		if strings.Contains(b.seen.String(), part) || strings.Contains(b.site.log.String(), part) {
			b.t.Errorf("%q was in an address or in the log", part)
		}
	}
}

// liveAdvice: the page says politely what is easy to guess, only when the answer changes, and sends whatever it is told to. It never warns of
// what the server would take.
func liveAdvice(b *tab) {
	const says = "document.getElementById('length-says').textContent"
	b.open("/code")
	b.says("document.getElementById('length-says').role", "status")
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("(window.changes = 0, new MutationObserver(m => window.changes += m.length).observe(document.getElementById('length-says'), {childList: true}), '')"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.typeInto("password", "aaaaa")
	b.says(says, "")
	b.typeInto("password", "aaaaaaaaaaaaaaa")
	b.says(says, "Easy to guess: it repeats itself")
	b.says("window.changes", "1")
	b.shoot("advice-repeated")
	b.typeInto("password", "chonk quarry")
	b.says(says, "Long enough")
	b.says("window.changes", "2")
	b.retype("password", "ann.example2011")
	b.says("document.getElementById('password').value + "+says, "ann.example2011Long enough")
	b.typeInto("email", "Ann@Example.com")
	b.says(says, "Easy to guess: it is your address or the name of this service")
	b.adviceFits("Ann@Example.com")
	b.retype("password", "qwertyuiopasdfghjkl")
	b.says(says, "Easy to guess: it follows the keyboard or the alphabet")
	b.typeInto("code", "4F7K")
	b.typeInto("confirm", "qwertyuiopasdfghjkl")
	b.click("#submit")
	b.says(path, "/done")
	if got := b.site.cases.submission(); got.Password != "qwertyuiopasdfghjkl" {
		b.t.Error("the page kept a password back")
	}
}

// retype types over what an input holds.
func (b *tab) retype(id, text string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("(document.getElementById('"+id+"').select(), '')")); err != nil {
		b.t.Fatal(err)
	}
	b.typeInto(id, text)
}

// adviceFits compares page and policy on passwords made of all that either looks for. The page may miss some, the policy decides; it must find many.
func (b *tab) adviceFits(email string) {
	b.t.Helper()
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
	advice, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`(words => words.map(w => { const p = document.getElementById('password'), s = document.getElementById('length-says');
		p.value = w; p.dispatchEvent(new Event('input')); return Object.keys(s.dataset).find(k => s.dataset[k] === s.textContent) || ''; }))([`+quoted(made)+`])`))
	if err != nil {
		b.t.Fatal(err)
	}
	policy := &password.Policy{MinLength: 15, MaxLength: 256}
	found := map[string]int{}
	for i, pw := range made {
		err := policy.CheckForm(pw, password.Context{Service: "Example Pass", Email: email})
		if advice[i] != "enough" && !problem.Is(err, problem.Unprocessable) {
			b.t.Errorf("%q: the page warns (%s), the server takes it", pw, advice[i])
		}
		found[advice[i]]++
	}
	if found["context"] < 20 || found["repeated"] < 20 || found["sequence"] < 20 || found["enough"] < 20 {
		b.t.Errorf("the page found %v", found)
	}
}
