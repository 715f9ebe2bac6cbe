package incident

import (
	"os"
	"testing"
	"testing/fstest"
)

func ours(t *testing.T) *Vocabulary {
	t.Helper()
	v, err := LoadVocabulary(os.DirFS("../../web/locales"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	v := ours(t)
	says := func(tag, typed, want string) {
		t.Helper()
		if got := v.Say(tag, typed); got != want {
			t.Errorf("%q in %s is %q, want %q", typed, tag, got, want)
		}
	}
	for _, typed := range []string{"e-mail addresses", "Email Addresses", "EMAILS", "E-Mail-Adressen", "メールアドレス", "adresses e-mail"} {
		says("en", typed, "Email addresses")
	}
	says("de", "dates of birth", "Geburtsdaten")
	says("fr", "Passwörter", "Mots de passe")
	says("pt-BR", "government IDs", "Números de passaporte, identidade ou CPF")
	says("pt-br", "names", "Nomes") // mail folders are named in small letters
	says("ar", "payment data", "بيانات الدفع")
	says("de", "weakly protected passwords", "weakly protected passwords")
	says("de", "Kundennummern", "Kundennummern")
	says("nl", "names", "names")
	says("de", "!?", "!?")
}

// Every language names every class, and no name means two.
func TestVocabularyIsWhole(t *testing.T) {
	t.Parallel()
	v := ours(t)
	if len(v.names) != 8 {
		t.Errorf("%d languages", len(v.names))
	}
	meant := map[string]string{}
	means := func(word, key string) {
		if other, taken := meant[fold(word)]; taken && other != key {
			t.Errorf("%q means %s and %s", word, other, key)
		}
		meant[fold(word)] = key
	}
	for key, words := range knownClasses {
		for _, word := range words {
			means(word, key)
		}
		for tag, names := range v.names {
			if names[key] == "" {
				t.Errorf("%s has no name in %s", key, tag)
			}
			means(names[key], key)
		}
	}
}

// An operator's language file names classes too.
func TestOwnVocabulary(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{"nl.json": {Data: []byte(`{"class.names": "Namen van leden", "wait.minutes": {"other": "x"}}`)}}
	v, err := LoadVocabulary(os.DirFS("../../web/locales"), nil, own)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Say("nl", "Noms") + v.Say("en", "namen van leden") + v.Say("nl", "passwords"); got != "Namen van ledenNamespasswords" {
		t.Error(got)
	}
	if _, err := LoadVocabulary(fstest.MapFS{"nl.json": {Data: []byte(`{`)}}); err == nil {
		t.Error("a broken file is taken")
	}
}
