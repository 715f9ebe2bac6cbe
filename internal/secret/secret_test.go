package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// counting is the key 00 01 02 … 1f, so that expected values can be computed elsewhere.
func counting(t *testing.T) Master {
	t.Helper()
	raw := make([]byte, Size)
	for i := range raw {
		raw[i] = byte(i)
	}
	m, err := ParseMaster(base64.StdEncoding.EncodeToString(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseMasterForms(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, 0xff, 0x3e, 0x01}, 8) // has + / in one alphabet and - _ in the other
	want := hold((*[Size]byte)(raw)).encode()
	for name, text := range map[string]string{
		"standard":     base64.StdEncoding.EncodeToString(raw),
		"unpadded":     base64.RawStdEncoding.EncodeToString(raw),
		"URL":          base64.URLEncoding.EncodeToString(raw),
		"URL unpadded": base64.RawURLEncoding.EncodeToString(raw),
		"with newline": base64.StdEncoding.EncodeToString(raw) + "\r\n",
	} {
		m, err := ParseMaster(text)
		if err != nil || m.encode() != want {
			t.Errorf("%s: %v, equal %v", name, err, err == nil && m.encode() == want)
		}
	}
}

func TestParseMasterRefuses(t *testing.T) {
	t.Parallel()
	good := NewMaster().encode()
	for name, text := range map[string]string{
		"empty":             "",
		"31 bytes":          base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"33 bytes":          base64.StdEncoding.EncodeToString([]byte(strings.Repeat("ab+", 11))),
		"all zero":          base64.StdEncoding.EncodeToString(make([]byte, Size)),
		"one byte repeated": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'x'}, Size)),
		"hex":               strings.Repeat("0f", Size),
		"not base64":        strings.Repeat("!", 44),
		"line break inside": good[:20] + "\n" + good[20:],
		"loose last bits":   good[:42] + "/=",
		"padded twice":      good + "=",
	} {
		m, err := ParseMaster(text)
		if !problem.Is(err, problem.Invalid) || !m.IsZero() {
			t.Errorf("%s: accepted or of the wrong kind: %v", name, err)
			continue
		}
		if len(text) > 8 && strings.Contains(err.Error(), text[:8]) {
			t.Errorf("%s: the error repeats the text", name)
		}
	}
}

func TestMasterIsNeverPrinted(t *testing.T) {
	t.Parallel()
	m := counting(t)
	type inner struct{ m Master }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, m); got != redacted {
			t.Errorf("%s of a Master: %s", verb, got)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		for _, value := range []any{m, &m, struct{ M Master }{m}, inner{m}, &inner{m}, []inner{{m}}} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	encoded, err := json.Marshal(map[string]any{"m": m, "p": &m})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("start", "m", m, "in", struct{ M Master }{m})
	slog.New(slog.NewTextHandler(&out, nil)).Info("start", "m", m, "in", inner{m})

	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing says that a key was here")
	}
	for _, trace := range []string{"0 1 2 3", "0x0, 0x1, 0x2", "000102", "AAECAw", "00 01 02", "false false"} {
		if strings.Contains(out.String(), trace) {
			t.Errorf("printed %q", trace)
		}
	}
}

// The expected values are from an independent HKDF and HMAC implementation (Python's hmac and hashlib).
func TestDeriveAndMACVectors(t *testing.T) {
	t.Parallel()
	m := counting(t)
	derived := m.Derive(TypedCode)
	if got, want := hex.EncodeToString(derived[:]), deriveVector; got != want {
		t.Errorf("Derive = %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(m.MAC(LimitKey, "ab", "")), macVector; got != want {
		t.Errorf("MAC = %s, want %s", got, want)
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, m := range []Master{counting(t), NewMaster()} {
		for _, purpose := range []string{TypedCode, KeySealing, LoginFailure, LimitKey, RepeatPassword, OperatorTOTP, ProofOfWork} {
			key := m.Derive(purpose)
			if other, ok := seen[string(key[:])]; ok {
				t.Errorf("%q and %q share a key", purpose, other)
			}
			seen[string(key[:])] = purpose
		}
	}
}

func TestMACPartsAreUnambiguous(t *testing.T) {
	t.Parallel()
	m := counting(t)
	lists := [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"a", "b", ""}, {"b", "a"}, {"\x00\x00\x00\x00\x00\x00\x00\x00"}}
	seen := map[string][]string{}
	for _, parts := range lists {
		mac := string(m.MAC(LimitKey, parts...))
		if other, ok := seen[mac]; ok {
			t.Errorf("%q and %q have the same MAC", parts, other)
		}
		seen[mac] = parts
		if mac == string(m.MAC(LoginFailure, parts...)) {
			t.Errorf("%q has the same MAC for two purposes", parts)
		}
	}
}

func TestZeroMasterIsNoKey(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a Master without a key derived something")
		}
	}()
	Master{}.MAC(LimitKey, "x")
}

const (
	deriveVector = "37cace42b6643bc7725a2ba2e9d7b16e6febfc215b679c19de3e3532ac303011"
	macVector    = "01bbcaf8e75cea254c3e289e98669548851d34372a7c067bc4a8ca829b3d107b"
)
