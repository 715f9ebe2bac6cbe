package console

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/server"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// maxForm is the most bytes an ordinary form may have: a notice of 64 KiB, escaped. The upload of a list has its own bound.
const maxForm = 256 << 10

// routes is every route for operators, with the act that it takes.
func (c *Console) routes() []route {
	return slices.Concat(c.doorRoutes(), c.ownRoutes(), c.peopleRoutes(), c.keyRoutes(), c.workRoutes())
}

// workRoutes are the routes of the incident's way.
func (c *Console) workRoutes() []route {
	return []route{
		{get, server.AssetPath, anyone, c.static},

		{get, "/", operator.ReadStatus, c.overview},
		{get, "/events", operator.ReadProgress, c.overviewEvents},
		{get, "/lockdown", operator.ReadStatus, c.lockdown},
		{post, "/lockdown/on", operator.LockdownOn, c.lockdownOn},
		{post, "/lockdown/off", operator.LockdownOff, c.lockdownOff},

		{get, "/incidents", operator.ReadIncidents, c.incidents},
		{get, "/new-incident", operator.IncidentSet, c.newIncident},
		{post, "/new-incident", operator.IncidentSet, c.setIncident},
		{get, "/incidents/:slug", operator.ReadIncidents, c.incident},
		{get, "/incidents/:slug/edit", operator.IncidentSet, c.editIncident},
		{post, "/incidents/:slug/edit", operator.IncidentSet, c.setIncident},
		{post, "/incidents/:slug/publish", operator.IncidentPublish, c.publishIncident},

		{get, "/incidents/:slug/clocks", operator.ReadIncidents, c.showClocks},
		{post, "/incidents/:slug/clocks", operator.IncidentClock, c.changeClock},
		{get, "/incidents/:slug/facts", operator.ReadIncidents, c.showFacts},
		{post, "/incidents/:slug/facts", operator.IncidentFact, c.setFacts},
		{get, "/incidents/:slug/reports", operator.ReadReports, c.reports},
		{post, "/incidents/:slug/reports", operator.ReportMake, c.makeReport},
		{get, "/incidents/:slug/reports/:version", operator.ReadReports, c.report},

		{post, "/incidents/:slug/updates", operator.IncidentUpdate, c.addUpdate},
		{get, "/incidents/:slug/updates/:id", operator.IncidentUpdate, c.editUpdate},
		{post, "/incidents/:slug/updates/:id", operator.IncidentUpdate, c.correctUpdate},
		{post, "/incidents/:slug/updates/:id/retract", operator.IncidentUpdate, c.retractUpdate},

		{get, "/campaigns", operator.ReadCampaigns, c.campaigns},
		{get, "/incidents/:slug/new-campaign", operator.CampaignCreate, c.newCampaign},
		{post, "/incidents/:slug/new-campaign", operator.CampaignCreate, c.createCampaign},
		{get, "/campaigns/:id", operator.ReadCampaigns, c.campaign},
		{get, "/campaigns/:id/events", operator.ReadProgress, c.campaignEvents},
		{post, "/campaigns/:id/prepare", operator.CampaignPrepare, c.prepareCampaign},
		{get, "/campaigns/:id/unmatched", operator.CampaignLines, c.unmatchedLines},
		{get, "/campaigns/:id/lines", operator.CampaignLines, c.campaignLines},
		{get, "/campaigns/:id/mail", operator.CampaignPreview, c.campaignMail},
		{get, "/campaigns/:id/mail/html", operator.CampaignPreview, c.campaignMailHTML},
		{post, "/campaigns/:id/mail", operator.CampaignPreview, c.sendTestMail},
		{get, "/campaigns/:id/remind", operator.CampaignRemind, c.planRemind},
		{post, "/campaigns/:id/remind", operator.CampaignRemind, c.remindCampaign},
		{get, "/campaigns/:id/activate", operator.CampaignActivate, c.planActivation},
		{post, "/campaigns/:id/activate", operator.CampaignActivate, c.activateCampaign},
		{post, "/campaigns/:id/pause", operator.CampaignPause, c.pauseCampaign},
		{post, "/campaigns/:id/resume", operator.CampaignResume, c.resumeCampaign},
		{get, "/campaigns/:id/close", operator.CampaignClose, c.planClose},
		{post, "/campaigns/:id/close", operator.CampaignClose, c.closeCampaign},
		{get, "/campaigns/:id/discard", operator.CampaignDiscard, c.planDiscard},
		{post, "/campaigns/:id/discard", operator.CampaignDiscard, c.discardCampaign},
		{get, "/campaigns/:id/cancel", operator.CampaignCancel, c.planCancel},
		{post, "/campaigns/:id/cancel", operator.CampaignCancel, c.cancelCampaign},

		{get, "/approvals", operator.ReadApprovals, c.approvals},
		{get, "/approvals/:id", operator.ReadApprovals, c.approval},
		{get, "/approvals/:id/now", operator.ReadApprovals, c.approvalNow},
		{post, "/approvals/:id/approve", operator.ApprovalDecide, c.approve},
		{post, "/approvals/:id/reject", operator.ApprovalDecide, c.reject},
		{post, "/approvals/:id/withdraw", operator.ApprovalWithdraw, c.withdraw},
		{post, "/approvals/:id/code", operator.SupportCode, c.takeCode},

		{get, "/members", operator.SupportFind, c.members},
		{post, "/members", operator.SupportFind, c.findMembers},
		{get, "/members/:id", operator.SupportFind, c.member},
		{post, "/members/:id/link", operator.SupportLink, c.sendLink},
		{post, "/members/:id/dead-address", operator.SupportDeadAddress, c.deadAddress},
		{get, "/members/:id/code", operator.SupportFind, c.askCode},
		{post, "/members/:id/code", operator.SupportCode, c.speakCode},

		{get, "/audit", operator.ReadAudit, c.auditLog},
		{post, "/audit", operator.ReadAudit, c.searchAudit},
		{get, "/audit/:id", operator.ReadAudit, c.auditEntry},
		{get, "/audit/:id/proof", operator.ReadAudit, c.auditProof},
		{get, "/audit/checkpoints", operator.ReadAudit, c.auditCheckpoints},
		{get, "/audit/export", operator.AuditExport, c.auditExport},
		{post, "/audit/export", operator.AuditExport, c.askAuditExport},
		{post, "/audit/export/download", operator.AuditExport, c.takeAudit},
		{get, "/accounts/export", operator.AccountExport, c.accountExport},
		{post, "/accounts/export", operator.AccountExport, c.askAccountExport},
		{post, "/accounts/export/download", operator.AccountExport, c.takeAccounts},
	}
}

// large are the routes whose bodies are files, read as they come.
var large = map[string]int64{"/incidents/:slug/new-campaign": maxList}

// passive are the routes that a page calls by itself: a screen that nobody looks at does not keep its session alive.
var passive = map[string]bool{"/campaigns/:id/events": true, "/events": true}

// Routes registers every route for operators; for an asset no session is looked up. One without an act of the rules is a mistake in this program, and ends it here.
func (c *Console) Routes(r gin.IRouter) {
	static := r.Group("", server.PageHeaders(c.https), server.OwnReferrer, server.RenderWith(c.Problem), c.ownForms)
	pages := static.Group("", c.guard.load)
	for _, rt := range c.routes() {
		if _, ruled := operator.RuleOf(rt.act); !ruled && rt.act != anyone {
			panic("console: " + rt.method + " " + rt.path + " has no act")
		}
		limit := large[rt.path]
		if limit == 0 || rt.method != post {
			limit = maxForm
		}
		switch {
		case rt.path == server.AssetPath:
			server.Get(static, rt.path, c.answer(rt))
		case rt.method == get:
			server.Get(pages, rt.path, c.answer(rt))
		default:
			pages.Handle(rt.method, rt.path, server.MaxBody(limit), c.answer(rt))
		}
	}
}
