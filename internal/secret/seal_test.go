package secret

import (
	"bytes"
	"errors"
	"testing"
)

func TestSealOpens(t *testing.T) {
	t.Parallel()
	m := NewMaster()
	for _, plaintext := range [][]byte{{}, []byte("p"), bytes.Repeat([]byte("key"), 500)} {
		sealed, err := m.Seal(KeySealing, plaintext, []byte("kid"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Open(KeySealing, sealed, []byte("kid"))
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes: %v", len(plaintext), err)
		}
		again, err := m.Seal(KeySealing, plaintext, []byte("kid"))
		if err != nil || bytes.Equal(again, sealed) {
			t.Errorf("%d bytes sealed twice alike: %v", len(plaintext), err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	m := NewMaster()
	sealed, err := m.Seal(KeySealing, []byte("private"), []byte("kid"))
	if err != nil {
		t.Fatal(err)
	}
	deny := func(name string, m Master, purpose string, sealed []byte, associated string) {
		t.Helper()
		if got, err := m.Open(purpose, sealed, []byte(associated)); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: opened, or with the wrong error: %v", name, err)
		}
	}
	deny("another master key", NewMaster(), KeySealing, sealed, "kid")
	deny("another purpose", m, LimitKey, sealed, "kid")
	deny("another associated text", m, KeySealing, sealed, "kie")
	deny("no associated text", m, KeySealing, sealed, "")
	deny("nothing", m, KeySealing, nil, "kid")
	deny("cut short", m, KeySealing, sealed[:5], "kid")
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		deny("a bit bent", m, KeySealing, bent, "kid")
	}
}
