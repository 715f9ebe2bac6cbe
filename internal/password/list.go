package password

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/ccojocar/zxcvbn-go/data"
)

// wordLists are the built-in lists, from zxcvbn-go (MIT): 7,141 most common passwords and the English words long enough to be a
// password alone. They are kept as sorted 64-bit hashes, about 0.3 MB, not as text: a false match has a chance of 2^-48.
type wordLists struct {
	passwords hashSet
	words     hashSet
}

// minWord is the least length of a word that counts as a password by itself.
const minWord = 8

// lists loads the built-in lists once. They are compiled in, so a list that cannot be read is a broken build.
var lists = sync.OnceValue(func() *wordLists {
	l := &wordLists{}
	l.passwords = load("data/Passwords.json", 1)
	l.words = load("data/English.json", minWord)
	return l
})

func (l *wordLists) holds(s string) bool {
	return l.passwords.holds(s) || len(s) >= minWord && l.words.holds(s)
}

// load reads a list of lower-case ASCII strings, leaving out those shorter than least.
func load(name string, least int) hashSet {
	raw, err := data.Asset(name)
	if err != nil {
		panic(fmt.Sprintf("password: built-in list %s: %v", name, err))
	}
	var file struct{ List []string }
	if err := json.Unmarshal(raw, &file); err != nil {
		panic(fmt.Sprintf("password: built-in list %s: %v", name, err))
	}
	set := make(hashSet, 0, len(file.List))
	for _, s := range file.List {
		if len(s) >= least {
			set = append(set, maphash.String(seed, s))
		}
	}
	slices.Sort(set)
	return slices.Clip(set)
}

// hashSet is a set of strings as sorted hashes under this process's seed.
type hashSet []uint64

var seed = maphash.MakeSeed()

func (h hashSet) holds(s string) bool {
	_, found := slices.BinarySearch(h, maphash.String(seed, s))
	return found
}
