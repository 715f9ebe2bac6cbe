package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Origin is where an act comes from, as far as that is known.
type Origin struct {
	Address string // network address
	Agent   string // browser or program, shortened: Label
}

type originKey struct{}

// WithOrigin says where what is done under the context comes from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf is the origin of WithOrigin, zero if there is none, as at the command line.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// Notice tells one operator that their own sign-in was changed (ASVS 5.0 6.3.7). It is made of the entry of the audit log that it stands beside, and holds no secret.
type Notice struct {
	ID          int64
	Operator    int64
	Name, Email string
	Action      audit.Action
	Detail      audit.Detail
	Actor       audit.Actor
	Origin      Origin
	At          time.Time
	Attempts    int // this one counted
}

// NoticeStore keeps what operators are to be told. Whatever changes a way in adds to it in the same transaction.
type NoticeStore interface {
	// ClaimNotices gives those of one operator that are due, the oldest first, and leaves them alone for lease; none where nothing is due.
	// Nobody is written to more often than once in NoticePause: what happens meanwhile is told together.
	ClaimNotices(ctx context.Context, lease time.Duration) ([]Notice, error)
	// NoticesSent settles those that the mail server took.
	NoticesSent(ctx context.Context, ids []int64) error
	// NoticesFailed has them tried again after a while, or with 0 never.
	NoticesFailed(ctx context.Context, ids []int64, again time.Duration, why string) error
	// ForgetNotices removes those that were settled long ago, and says how many.
	ForgetNotices(ctx context.Context) (int64, error)
}

// NoticePause is the least time between two mails to one operator, so that nobody can bury one change under the mails about others.
const NoticePause = time.Minute

// What is the change in one sentence, to whom it happened.
func (n Notice) What() string {
	if say := sentences[n.Action]; say != nil {
		return say(n)
	}
	return "Your sign-in was changed: " + string(n.Action) + "."
}

// setOr picks the sentence for a way in that was set, or removed.
func setOr(set, removed string) func(Notice) string {
	return func(n Notice) string {
		if n.Detail["removed"] != nil {
			return removed
		}
		return set
	}
}

// sentences say what changed, for every act that changes who can sign in as somebody.
var sentences = map[audit.Action]func(Notice) string{
	audit.OwnPassword: setOr("Your password was changed.", "Your password was removed."),
	audit.OwnTOTP:     setOr("An authenticator app was set up for your sign-in. One from before opens nothing any more.", "Your authenticator app was removed."),
	audit.OwnPasskeys: func(n Notice) string {
		if n.Detail["removed"] != nil {
			return "A passkey was removed from your sign-in."
		}
		return fmt.Sprintf("A passkey was added to your sign-in: %q.", n.text("added"))
	},
	audit.OwnOIDC: func(n Notice) string {
		if n.Detail["removed"] != nil {
			return "Your sign-in was freed from the company's."
		}
		return "Your sign-in was bound to an identity at " + n.text("bound") + ". Whoever has that identity signs in as you."
	},
	audit.OwnTokens: func(n Notice) string {
		return fmt.Sprintf("A token that acts in your name was made: %q.", n.text("created"))
	},
	audit.OperatorCreate: func(n Notice) string {
		return "You were added as an operator (" + n.list("roles") + "), and an invitation was made for you. It works once, within 24 hours; whoever made it gives it to you."
	},
	audit.OperatorInvite: func(Notice) string {
		return "A new invitation was made for you. Whoever uses it sets up your sign-in anew and ends every way in that you have."
	},
	audit.OperatorEnrol: func(n Notice) string {
		return "Your invitation was used (" + n.text("by") + "): your sign-in was set up anew, and every way in, session and token of before ended."
	},
	audit.OperatorRoles: func(n Notice) string {
		return "What you may do was changed, from " + n.list("was") + " to " + n.list("roles") + ". Your sessions ended."
	},
	audit.OperatorDisable: func(Notice) string {
		return "You were shut out: your sessions, tokens and invitations ended, and what you asked for is void."
	},
	audit.OperatorSignIn: func(Notice) string {
		return "Too many sign-ins with your password failed in a row, so it opens nothing any more. Another way in, or a new invitation, opens it again."
	},
}

func (n Notice) text(name string) string {
	s, _ := n.Detail[name].(string)
	return s
}

func (n Notice) list(name string) string {
	var words []string
	switch all := n.Detail[name].(type) {
	case []string:
		words = all
	case []any:
		for _, one := range all {
			words = append(words, fmt.Sprint(one))
		}
	}
	return strings.Join(words, ", ")
}

// by is who did it, to the operator themself.
func (n Notice) by() string {
	switch {
	case n.Actor.Kind == audit.KindOperator && n.Actor.Name == n.Name:
		return "you, or somebody who was signed in as you"
	case n.Actor.Kind == audit.KindOperator:
		return "the operator " + n.Actor.Name
	case n.Actor.Kind == audit.KindCLI:
		return n.Actor.Name + ", at the command line beside the database"
	case n.Actor.Kind == audit.KindClient:
		return "the program " + n.Actor.Name
	}
	return "somebody who is not known"
}

func (n Notice) from() string {
	words := []string{}
	for _, w := range []string{n.Origin.Address, n.Origin.Agent} {
		if w != "" {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "not known"
	}
	return strings.Join(words, ", ")
}

// NoticeText is one mail about all that is to be told to one operator.
func NoticeText(all []Notice, adminURL string) string {
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintf(&b, "%s\n  When: %s\n  By:   %s\n  From: %s\n\n", n.What(), n.At.UTC().Format("2006-01-02 15:04:05 UTC"), n.by(), n.from())
	}
	adminURL = strings.TrimSuffix(adminURL, "/")
	fmt.Fprintf(&b, "If you know of this, there is nothing to do.\n\n"+
		"If not, somebody else may be signed in as you. Tell an administrator at once, by telephone or in person and not by this mail, and have them shut you out "+
		"or give you a new invitation: both end every session and token. If you still get in, end the other sessions and remove what is not yours: %s/me\n\n"+
		"Nobody will ever ask you for a password, a code or an invitation's link by mail.\n", adminURL)
	return b.String()
}
