package api

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

func (a *Admin) campaigns(r *asked) (Campaigns, error) {
	before, limit, err := r.page(campaign.MaxPage)
	if err != nil {
		return Campaigns{}, err
	}
	q := campaign.Query{State: campaign.State(r.query.Get("state")), Incident: r.query.Get("incident"), Before: before, Limit: limit}
	list, next, err := a.o.Desk.CampaignPage(r.ctx, r.who, q)
	answer := Campaigns{Campaigns: make([]Campaign, len(list)), Next: further(next)}
	for i, k := range list {
		answer.Campaigns[i] = campaignOf(k)
	}
	return answer, err
}

func (a *Admin) campaign(r *asked) (Campaign, error) {
	return onCampaign(r, func(id int64) (Campaign, error) { return a.showCampaign(r, id) })
}

// showCampaign is also what an act on a campaign ends with.
func (a *Admin) showCampaign(r *asked, id int64) (Campaign, error) {
	k, err := a.o.Desk.Campaign(r.ctx, r.who, id)
	return campaignOf(k), err
}

// campaignOf adds the name of the preparation, which is exact where a second is not.
func campaignOf(k campaign.Campaign) Campaign {
	answer := Mirror[Campaign](k)
	if k.PreparedAt != nil {
		answer.Preparation = k.PreparedAt.UTC().Format(time.RFC3339Nano)
	}
	return answer
}

// onCampaign reads the campaign's number.
func onCampaign[Answer any](r *asked, do func(id int64) (Answer, error)) (answer Answer, err error) {
	id, err := r.id("id")
	if err != nil {
		return answer, err
	}
	return do(id)
}

func (a *Admin) createCampaign(r *asked, q CampaignRequest) (Campaign, error) {
	request := campaign.CreateRequest{Incident: q.Incident, Scope: campaign.Scope(q.Scope), Cutoff: moment(q.Cutoff), KeepSessions: q.KeepSessions}
	if q.Filter != nil {
		request.Filter = Mirror[campaign.Filter](*q.Filter)
	}
	k, err := a.o.Desk.CreateCampaign(r.ctx, r.who, request)
	return campaignOf(k), err
}

// uploadCampaign takes a list as it comes, onto the disk: memory stays flat, and no transaction waits for a slow line.
func (a *Admin) uploadCampaign(r *asked) (any, error) {
	request := campaign.CreateRequest{Incident: r.query.Get("incident"), Scope: campaign.Listed}
	var err error
	if request.Cutoff, err = r.moment("cutoff"); err != nil {
		return nil, err
	}
	if request.KeepSessions, err = r.flag("keep_sessions"); err != nil {
		return nil, err
	}
	if types := r.Request.Header.Values("Content-Type"); len(types) != 1 || !isType(types[0], csvType) {
		return nil, problem.Newf(problem.Invalid, "The Content-Type must be %s.", csvType)
	}
	list, done, err := spool(r.Request.Body)
	if err != nil {
		return nil, err
	}
	defer done()
	request.List = list
	k, err := a.o.Desk.CreateCampaign(r.ctx, r.who, request)
	return campaignOf(k), err
}

const csvType = "text/csv"

// spool keeps a body in a file that has no name and is gone with the process, and gives it from the beginning.
func spool(body io.Reader) (file *os.File, done func(), err error) {
	file, err = os.CreateTemp("", "rekey-list-*")
	if err != nil {
		return nil, nil, fmt.Errorf("keeping a list: %w", err)
	}
	done = func() { _ = file.Close() } // nothing of it is needed any more
	if err = os.Remove(file.Name()); err == nil {
		_, err = io.Copy(file, body)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("keeping a list: %w", err)
	}
	return file, done, nil
}

func (a *Admin) prepareCampaign(r *asked, _ Nothing) (CampaignReport, error) {
	return onCampaign(r, func(id int64) (CampaignReport, error) {
		report, err := a.o.Desk.PrepareCampaign(r.ctx, r.who, id)
		return CampaignReport(report), err
	})
}

func (a *Admin) previewCampaign(r *asked) (CampaignPreview, error) {
	return onCampaign(r, func(id int64) (CampaignPreview, error) {
		preview, err := a.o.Desk.PreviewCampaign(r.ctx, r.who, id)
		return Mirror[CampaignPreview](preview), err
	})
}

func (a *Admin) testMail(r *asked, q TestMailRequest) (Mailed, error) {
	return onCampaign(r, func(id int64) (Mailed, error) {
		return Mailed{q.To}, a.o.Desk.SendTestMail(r.ctx, r.who, id, desk.TestMail{Kind: q.Mail, To: q.To, Locale: q.Locale})
	})
}

func (a *Admin) campaignStatus(r *asked) (CampaignStatus, error) {
	return onCampaign(r, func(id int64) (CampaignStatus, error) {
		counts, err := a.o.Desk.Progress(r.ctx, r.who, id)
		return statusOf(counts), err
	})
}

// statusOf says when it was counted: programs that poll share their counts.
func statusOf(p campaign.Progress) CampaignStatus {
	answer := Mirror[CampaignStatus](p.Status)
	answer.CountedAt = p.At.Unix()
	return answer
}

func (a *Admin) campaignProgress(r *asked) (CampaignProgress, error) {
	return onCampaign(r, func(id int64) (CampaignProgress, error) {
		counts, err := a.o.Desk.Progress(r.ctx, r.who, id)
		answer := Mirror[CampaignProgress](counts)
		answer.Status = statusOf(counts)
		answer.Hours, answer.Locales = mirrorAll[CampaignHour](counts.Hours), mirrorAll[CampaignLocale](counts.Locales) // never null
		return answer, err
	})
}

func (a *Admin) campaignMail(r *asked) (CampaignMail, error) {
	return onCampaign(r, func(id int64) (CampaignMail, error) {
		mail, err := a.o.Desk.TestMail(r.ctx, r.who, id, desk.TestMail{Kind: r.query.Get("mail"), Locale: r.query.Get("locale")})
		return Mirror[CampaignMail](mail), err
	})
}

// ActivationPlan is what both people are shown before an activation.
type ActivationPlan struct {
	Plan    Plan            `json:"plan"`
	Preview CampaignPreview `json:"preview"`
}

func (a *Admin) planActivation(r *asked) (ActivationPlan, error) {
	return onCampaign(r, func(id int64) (ActivationPlan, error) {
		plan, err := a.o.Desk.PlanActivation(r.ctx, r.who, id)
		if err != nil {
			return ActivationPlan{}, err
		}
		return ActivationPlan{a.plan(r, plan), Mirror[CampaignPreview](plan.Preview())}, nil
	})
}

func (a *Admin) activate(r *asked, q ActivateRequest) (done CampaignActivated, pending *approval.Request, err error) {
	id, err := r.id("id")
	if err != nil {
		return done, nil, err
	}
	request := campaign.ActivateRequest{Expect: &q.Expect, Tolerance: q.Tolerance}
	if q.Preparation != "" {
		prepared, err := time.Parse(time.RFC3339Nano, q.Preparation)
		if err != nil {
			return done, nil, &problem.Error{Kind: problem.Unprocessable, Code: codeRange, Text: "preparation is not one that a campaign has."}
		}
		request.Prepared = &prepared
	}
	o, err := a.o.Desk.Activate(r.ctx, r.who, id, request, q.Reason)
	activated, _ := o.Done.(campaign.Activated)
	return Mirror[CampaignActivated](activated), o.Pending, err
}

// act is a route's handler for an act that gives nothing: the campaign as it is then.
func (a *Admin) act(do func(context.Context, operator.Principal, int64) error) func(*asked, Nothing) (Campaign, error) {
	return func(r *asked, _ Nothing) (Campaign, error) {
		return onCampaign(r, func(id int64) (Campaign, error) {
			if err := do(r.ctx, r.who, id); err != nil {
				return Campaign{}, err
			}
			return a.showCampaign(r, id)
		})
	}
}

// effect is a route's handler for what an act would do.
func (a *Admin) effect(plan func(context.Context, operator.Principal, int64) (campaign.Plan, error)) func(*asked) (CampaignPlan, error) {
	return func(r *asked) (CampaignPlan, error) {
		return onCampaign(r, func(id int64) (CampaignPlan, error) {
			p, err := plan(r.ctx, r.who, id)
			return Mirror[CampaignPlan](p), err
		})
	}
}

func (a *Admin) planReminder(r *asked) (CampaignPlan, error) {
	age, err := r.number("again_after", 0, maxAge)
	if err != nil {
		return CampaignPlan{}, err
	}
	return a.effect(func(ctx context.Context, p operator.Principal, id int64) (campaign.Plan, error) {
		return a.o.Desk.PlanReminder(ctx, p, id, ageOf(age))
	})(r)
}

func (a *Admin) remind(r *asked, q RemindRequest) (CampaignReminded, error) {
	return onCampaign(r, func(id int64) (CampaignReminded, error) {
		done, err := a.o.Desk.RemindCampaign(r.ctx, r.who, id, ageOf(q.AgainAfter))
		return Mirror[CampaignReminded](done), err
	})
}

// maxAge is ten years, in seconds.
const maxAge = 315360000

func ageOf(s *int64) time.Duration {
	if s == nil {
		return campaign.RemindAge
	}
	return time.Duration(*s) * time.Second
}

func (a *Admin) cancelCampaign(r *asked, q Reasoned) (Campaign, *approval.Request, error) {
	id, err := r.id("id")
	if err != nil {
		return Campaign{}, nil, err
	}
	o, err := a.o.Desk.CancelCampaign(r.ctx, r.who, id, q.Reason)
	done, _ := o.Done.(campaign.Campaign)
	return campaignOf(done), o.Pending, err
}

func (a *Admin) campaignLines(r *asked) error {
	id, err := r.id("id")
	if err != nil {
		return err
	}
	if _, err := a.o.Desk.Campaign(r.ctx, r.who, id); err != nil { // an unknown one has no lines, which is no error below
		return err
	}
	w := r.download(csvType, fmt.Sprintf("campaign-%d-lines.csv", id))
	if err := a.o.Desk.CampaignLines(r.ctx, r.who, id, r.query.Get("outcome"), w); err != nil {
		return err
	}
	w.begin()
	return nil
}
