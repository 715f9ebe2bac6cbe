package api

import (
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/support"
)

// memberRoutes help single members. Whoever looks, and what is done, is recorded; nobody here sees or sets a password.
func (a *Admin) memberRoutes() []adminRoute {
	return []adminRoute{
		does(post, "/members/find", operator.SupportFind, doc{id: "findMembers", tag: tagMembers, summary: "Find members by subject or mail address",
			about: "In the body, so that no address stands in a URL. The look is recorded, the address is not.", example: MemberSearch{"ann@example.org"}}, a.findMembers),
		reads("/members/:id", operator.SupportFind, doc{id: "member", tag: tagMembers, summary: "All there is about one member", about: "The look is recorded."}, a.member),
		does(post, "/members/:id/link", operator.SupportLink, doc{id: "sendLink", tag: tagMembers, summary: "Send a fresh link",
			about: "Under the same caps as if the member had asked for it."}, a.sendLink),
		waits(post, "/members/:id/code", operator.SupportCode, doc{id: "speakCode", tag: tagMembers, summary: "Get a code to read to a member on the telephone",
			about:   "Only after proof of who they are; the address to type with it is in the answer. Where it waits, who asked has it shown by `/approvals/{id}/code` within 15 minutes of the yes. Limited for each operator and each account.",
			example: CodeRequest{Proof: "callback", Note: "ticket 7", Reason: "on the line"}}, a.speakCode),
		does(post, "/approvals/:id/code", operator.SupportCode, doc{id: "takeCode", tag: tagMembers, summary: "See the code that a second person approved",
			about: "Once, and only who asked for it."}, a.takeCode),
		does(post, "/members/:id/dead-address", operator.SupportDeadAddress, doc{id: "markAddress", tag: tagMembers, summary: "Mark the member's address as dead: no mail goes there any more"}, a.markAddress(true)),
		does(del, "/members/:id/dead-address", operator.SupportDeadAddress, doc{id: "unmarkAddress", tag: tagMembers, summary: "Let mail go to the member's address again",
			about: "What was not sent meanwhile is not sent by itself: send a fresh link."}, a.markAddress(false)),
	}
}

func (a *Admin) findMembers(r *asked, q MemberSearch) (MembersFound, error) {
	list, err := a.o.Desk.FindMembers(r.ctx, r.who, q.Member)
	return MembersFound{mirrorAll[MemberFound](list)}, err
}

func (a *Admin) member(r *asked) (Member, error) {
	id, err := r.id("id")
	if err != nil {
		return Member{}, err
	}
	m, err := a.o.Desk.Member(r.ctx, r.who, id)
	if err != nil {
		return Member{}, err
	}
	answer := Mirror[Member](m)
	answer.Account, answer.Explained, answer.Timeline = Mirror[Account](m.Profile), m.Explain(), mirrorAll[MemberEvent](m.Timeline())
	answer.Covered, answer.Mails = mirrorAll[MemberCampaign](m.Covered), mirrorAll[MemberMail](m.Mails)
	return answer, nil
}

func (a *Admin) sendLink(r *asked, _ Nothing) (LinkSent, error) {
	id, err := r.id("id")
	if err != nil {
		return LinkSent{}, err
	}
	wait, err := a.o.Desk.SendLink(r.ctx, r.who, id)
	return LinkSent{int64(wait.Seconds())}, err
}

func (a *Admin) speakCode(r *asked, q CodeRequest) (SpokenCode, *approval.Request, error) {
	id, err := r.id("id")
	if err != nil {
		return SpokenCode{}, nil, err
	}
	o, err := a.o.Desk.SpeakCode(r.ctx, r.who, id, support.Identity{Proof: q.Proof, Note: q.Note}, q.Reason)
	code, _ := o.Done.(support.Code)
	return Mirror[SpokenCode](code), o.Pending, err
}

func (a *Admin) takeCode(r *asked, _ Nothing) (SpokenCode, error) {
	if err := a.o.Desk.MayDo(r.ctx, r.who, r.route.act, r.Request.URL.Path); err != nil { // before the request is looked for
		return SpokenCode{}, err
	}
	id, err := r.id("id")
	if err != nil {
		return SpokenCode{}, err
	}
	code, err := a.o.Desk.TakeCode(r.ctx, r.who, id)
	return Mirror[SpokenCode](code), err
}

func (a *Admin) markAddress(dead bool) func(*asked, Nothing) (AddressMarked, error) {
	return func(r *asked, _ Nothing) (AddressMarked, error) {
		id, err := r.id("id")
		if err != nil {
			return AddressMarked{}, err
		}
		return AddressMarked{dead}, a.o.Desk.MarkAddress(r.ctx, r.who, id, dead)
	}
}
