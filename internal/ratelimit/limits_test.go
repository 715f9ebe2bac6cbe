package ratelimit_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

func TestLimitsAreWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range ratelimit.All() {
		if l.Name == "" || seen[l.Name] || strings.Trim(l.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("limit %q: names are unique, lower case", l.Name)
		}
		seen[l.Name] = true
		if l.Burst < 1 || l.Every < time.Microsecond || l.Every%time.Microsecond != 0 || l.MaxDelay < 0 {
			t.Errorf("limit %s: burst %d, every %v", l.Name, l.Burst, l.Every)
		}
		if l.Keyed == "" || l.Over == "" || len(l.Why) < 60 {
			t.Errorf("limit %s is not explained", l.Name)
		}
		if reserved := l.MaxDelay > 0; reserved != strings.Contains(l.Over, "waits") {
			t.Errorf("limit %s: only what is reserved waits", l.Name)
		}
	}
}

// The promises behind the numbers, so that nobody changes a number without its reason.
func TestLimitsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	promise := func(what string, holds bool) {
		t.Helper()
		if !holds {
			t.Errorf("broken: %s", what)
		}
	}
	perHour := func(l ratelimit.Limit) float64 { return float64(time.Hour) / float64(l.Every) }
	guess := func(l ratelimit.Limit) float64 { return float64(l.PerDay()) * 25 * 4 / math.Pow(2, 60) }

	promise("design §5: per token burst 40, then one a second", ratelimit.ResetToken.Burst == 40 && ratelimit.ResetToken.Every == time.Second)
	promise("the account limit is never tighter than the token's", ratelimit.AccountReset.Burst >= ratelimit.ResetToken.Burst && ratelimit.AccountReset.Every <= ratelimit.ResetToken.Every)
	promise("NIST: the login limit leaves room for the 100 failures that disable a password", ratelimit.VerifyLogin.Burst >= 100)
	promise("NIST: waits between 30 s and 1 h", ratelimit.VerifyPair.Every >= 30*time.Second && ratelimit.VerifyPair.Every <= time.Hour)
	promise("one address needs more than an hour for 100 failures", time.Duration(100-ratelimit.VerifyPair.Burst)*ratelimit.VerifyPair.Every > time.Hour)
	promise("the pair is tighter than the login alone", ratelimit.VerifyPair.PerDay() < ratelimit.VerifyLogin.PerDay() && ratelimit.CodePair.PerDay() < ratelimit.CodeAddress.PerDay())
	promise("guessing a code from everywhere for a year succeeds once in a billion", guess(ratelimit.CodeAddress)*365 < 1e-9)
	promise("10,000 visits of 11 requests from one address pass in 40 minutes", float64(ratelimit.Flood.Burst)+perHour(ratelimit.Flood)*2/3 >= 10_000*11)
	promise("a proof is remembered until it has died everywhere", ratelimit.ProofSpent.Burst == 1 && ratelimit.ProofSpent.Every >= 10*time.Minute+30*time.Second && ratelimit.ProofSpent.Kept == ratelimit.Durable)
	promise("forms without proof take at most a tenth of the resets that two processors finish", perHour(ratelimit.Unproven) <= 26*3600/10)
	promise("one address has a tenth of the bucket of forms without proof at most, and of what fills it", ratelimit.UnprovenAddress.Burst*10 <= ratelimit.Unproven.Burst && ratelimit.UnprovenAddress.Every >= 10*ratelimit.Unproven.Every)
	promise("a dear call of an admin key is one of its calls", ratelimit.AdminDear.Burst < ratelimit.AdminKey.Burst && ratelimit.AdminDear.Every > ratelimit.AdminKey.Every)
	promise("a full gate batch fits", ratelimit.GateKey.Burst >= 1000)
	promise("a bombed mailbox gets at most 27 mails a day and a living link every hour", ratelimit.ForgotMail.PerDay() <= 27 && ratelimit.ForgotMail.Every <= time.Hour)
	promise("1,000 addresses from one client take more than an hour", time.Duration(1000-ratelimit.ForgotAddress.Burst)*ratelimit.ForgotAddress.Every > time.Hour)
	promise("10,000 members asking at once wait less than ten minutes", time.Duration(10_000-ratelimit.ForgotGlobal.Burst)*ratelimit.ForgotGlobal.Every < 10*time.Minute)
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(ratelimit.Markdown()), "\n")
	if len(lines) != len(ratelimit.All())+2 {
		t.Fatalf("%d lines for %d limits", len(lines), len(ratelimit.All()))
	}
	for _, line := range lines {
		if strings.Count(line, "|") != 9 {
			t.Errorf("not a row of the table: %s", line)
		}
	}
	const want = "| `forgot_mail` | e-mail address as typed (folded) | 3 | 1h | 27 | database | same answer, the mail waits |"
	if !strings.Contains(ratelimit.Markdown(), want) {
		t.Errorf("no row starts with %s", want)
	}
}
