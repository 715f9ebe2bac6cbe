package incident

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// knownClasses are the classes of data that have a name in every language, each with further English words that operators type for it.
// The names stand in web/locales as class.KEY.
var knownClasses = map[string][]string{
	"names":              {"name", "full names", "first and last names", "real names"},
	"user_names":         {"usernames", "logins", "login names", "nicknames"},
	"emails":             {"emails", "email", "e-mail", "e-mails", "mail addresses"},
	"passwords":          {"password", "plain passwords", "plaintext passwords"},
	"hashed_passwords":   {"password hashes", "hashed passwords", "hashes of passwords", "encrypted passwords"},
	"security_questions": {"security questions", "security answers", "secret questions"},
	"birth_dates":        {"date of birth", "birth dates", "birthdates", "birthdays", "dob"},
	"genders":            {"genders", "sex"},
	"postal_addresses":   {"postal address", "addresses", "street addresses", "home addresses", "mailing addresses", "physical addresses"},
	"phone_numbers":      {"phone number", "phones", "telephone numbers", "mobile numbers"},
	"payment_data":       {"payment details", "payments", "payment information"},
	"card_numbers":       {"credit cards", "credit card numbers", "credit card data", "card numbers", "card data", "payment cards", "payment card data"},
	"bank_accounts":      {"bank accounts", "bank account numbers", "bank details", "bank data", "iban"},
	"government_ids":     {"government id", "government ids", "government identifiers", "id numbers", "passports", "passport numbers", "social security numbers", "ssn", "tax numbers", "identity documents"},
	"health_data":        {"health records", "medical data", "medical records"},
	"ip_addresses":       {"ip address", "ips"},
	"locations":          {"location", "location data", "geolocation"},
	"purchases":          {"purchase history", "orders", "order history", "purchases"},
	"messages":           {"messages", "private messages", "chats"},
	"photos":             {"photos", "pictures", "images"},
}

// Vocabulary says known classes of data in every language it was loaded with. Operators type names as they like: what is known in any language is said in
// the reader's, anything else as it was typed. It is safe for concurrent use.
type Vocabulary struct {
	keys  map[string]string            // what is typed, folded → key
	names map[string]map[string]string // language tag in small letters → key → name
}

// LoadVocabulary reads the texts class.KEY of the language files TAG.json in the folders, of which later ones go over earlier ones and may be nil.
func LoadVocabulary(layers ...fs.FS) (*Vocabulary, error) {
	v := &Vocabulary{keys: map[string]string{}, names: map[string]map[string]string{}}
	for key, words := range knownClasses {
		for _, word := range words {
			v.keys[fold(word)] = key
		}
	}
	for _, layer := range layers {
		if layer == nil {
			continue
		}
		files, err := fs.Glob(layer, "*.json")
		if err != nil {
			return nil, fmt.Errorf("listing the languages: %w", err)
		}
		for _, file := range files {
			if err := v.read(layer, file); err != nil {
				return nil, fmt.Errorf("reading the classes of data in %s: %w", file, err)
			}
		}
	}
	return v, nil
}

func (v *Vocabulary) read(layer fs.FS, file string) error {
	data, err := fs.ReadFile(layer, file)
	if err != nil {
		return err
	}
	var texts map[string]any // plural forms are objects
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	tag := strings.ToLower(strings.TrimSuffix(path.Base(file), ".json"))
	if v.names[tag] == nil {
		v.names[tag] = map[string]string{}
	}
	for key := range knownClasses {
		if name, isText := texts["class."+key].(string); isText && name != "" {
			v.names[tag][key] = name
			v.keys[fold(name)] = key
		}
	}
	return nil
}

// Say names a class in the language of a BCP 47 tag.
func (v *Vocabulary) Say(tag, class string) string {
	if name, ok := v.names[strings.ToLower(tag)][v.keys[fold(class)]]; ok {
		return name
	}
	return class
}

// Known lists the names of the known classes in a language.
func (v *Vocabulary) Known(tag string) map[string]string { return v.names[strings.ToLower(tag)] }

// fold makes spellings alike: e-mail addresses, Email Addresses. What has neither letter nor digit is left as it is.
func fold(class string) string {
	folded := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFC.String(class))
	if folded == "" {
		return class
	}
	return folded
}
