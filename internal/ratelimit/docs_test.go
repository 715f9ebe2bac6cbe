package ratelimit_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

var update = flag.Bool("update", false, "write docs/limits.md")

const limitsHead = `# Rate limits

Every limit is a bucket (GCRA): so many at once, then one per so long. This page is generated from the table in internal/ratelimit
(` + "`go test ./internal/ratelimit -update`" + `). Database limits hold for all processes together, with a memory in front that repeats
a refusal without asking again; if the database does not answer, each process counts for itself at the same limit.

` + "With `REKEY_REDIS_URL` they are counted in Redis and not in the database: one script a decision, by Redis's clock, in keys `rekey:limit:NAME:MAC` that\n" +
	`expire when the bucket is full again. If Redis does not answer within 250 ms the database decides, at the same limits, and one request a second tries
Redis anew until it answers. Neither knows what the other counted, so an outage lets one more burst pass, and another if Redis comes back empty; each
process still refuses what it has seen itself. Give Redis room (` + "`maxmemory-policy noeviction`" + `): a key that it drops is a full bucket.

Answers tell of four limits, ` + "`flood`, `verify_key`, `gate_key` and `admin_key`" + `, which count nothing but who asks: ` + "`RateLimit-Policy: \"flood\";q=1000;w=20`" + ` (a bucket
of 1000 that fills in 20 s) and ` + "`RateLimit: \"flood\";r=999;t=1`" + ` (999 left, to make do with for a second), as in draft-ietf-httpapi-ratelimit-headers-11.
No answer tells of the others: they count what somebody typed, an account or a link, and would tell what others did with it.

`

// limitsTail says how proof of work and its limits belong together. Its times were measured by hand.
const limitsTail = `
## Proof of work

Under pressure the costly forms, ` + "`POST /reset`, `/forgot` and `/reissue`" + `, are asked for a proof of work: a counter that makes SHA-256 of a challenge of ours
begin with so many zero bits. The page fetches the challenge (` + "`GET /proof`" + `), and a worker script solves it while the member types; there is nothing to click,
nothing from a third party, and nothing is stored in the browser. A proof is good for one form within ten minutes, on any process; after a 503 it may be sent
again. It is checked after ` + "`flood`" + ` and before anything is looked up or hashed, and it opens no other limit.

Each process asks from the moment when one of these is so, and until none has been for a minute:

- a tenth of the hashing queue (` + "`REKEY_HASH_QUEUE`" + `) waits: some 20 people, a second's work of two processors;
- forms come so fast that a full ` + "`reset_global` or `forgot_global`" + ` would be empty in a minute (1,033 and 93 a second over ten seconds), or one is empty;
- eight networks or more were over ` + "`flood`" + ` in ten seconds. One alone is held by that limit, and no reason to ask everybody.

Twice that load asks for twice the work, up to 3 bits over ` + "`REKEY_PROOF_BITS`" + `. A proof of the least work is taken also when more is asked for by then.

| bits | hashes, in the mean | median | 90 of 100 | longest seen |
| ---: | ---: | ---: | ---: | ---: |
| 16 | 65,536 | 51 ms | 138 ms | 225 ms |
| 17 | 131,072 | 53 ms | 146 ms | 285 ms |
| 18 | 262,144 | 91 ms | 228 ms | 368 ms |
| 19 | 524,288 | 170 ms | 437 ms | 682 ms |

Measured with the page's worker in Chromium on one of two virtual processors, 20 challenges each, its start of some 30 ms included; a cheap phone takes about
ten times as long, while its owner types. Checking a proof takes 5 µs. Our solver for programs, in Go, takes 100 ms for 18 bits in the mean on the same processor,
and the best code perhaps a fifth of that: at 19 bits a form costs whoever sends it about what a hash costs us. A proof does not stop who has many machines.

Forms without a good proof go through ` + "`unproven`" + `, one bucket for all of them, and over it are answered 429 with ` + "`Retry-After`" + ` by a page that keeps token, code or
address and says to wait and press again. So members without JavaScript get through, slower: two a second in each process together. Whoever has many addresses can keep that
bucket empty; then those members wait until it ends, and all others go on.
` + "`REKEY_PROOF`" + ` is ` + "`auto`, `always` or `never`" + `; ` + "`rekey_proof_bits` and `rekey_proof_total`" + ` tell what is asked for and what came.
`

// The documented table is the one in force.
func TestDocs(t *testing.T) {
	const path = "../../docs/limits.md"
	want := limitsHead + ratelimit.Markdown() + limitsTail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/limits.md is not the table in force; run go test ./internal/ratelimit -update:\n%s", diff)
	}
}
