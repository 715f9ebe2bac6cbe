package console

import (
	"net/http"
	"strings"

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
	return []route{
		{get, "/static/:hash/:name", anyone, c.static},

		{get, "/sign-in", anyone, c.signIn},
		{post, "/sign-in", anyone, c.password},
		{get, "/sign-in/second", anyone, c.second},
		{post, "/sign-in/totp", anyone, c.totp},
		{post, "/sign-in/passkey/begin", anyone, c.beginPasskey},
		{post, "/sign-in/passkey", anyone, c.passkey},
		{post, "/sign-in/provider", anyone, c.signInAbroad},
		{get, returnPath, anyone, c.backFromAbroad},
		{get, "/enrol", anyone, c.enrol},
		{post, "/enrol", anyone, c.invited},
		{get, "/enrol/ways", anyone, c.enrolWays},
		{get, "/enrol/code.png", anyone, c.enrolQR},
		{post, "/enrol/password", anyone, c.enrolPassword},
		{post, "/enrol/passkey/begin", anyone, c.enrolPasskeyBegin},
		{post, "/enrol/passkey", anyone, c.enrolPasskey},
		{post, "/enrol/provider", anyone, c.enrolAbroad},

		{get, "/confirm", operator.OwnShow, c.confirm},
		{post, "/confirm/totp", operator.OwnShow, c.confirmTOTP},
		{post, "/confirm/passkey/begin", operator.OwnShow, c.beginPasskey},
		{post, "/confirm/passkey", operator.OwnShow, c.confirmPasskey},
		{post, "/confirm/provider", operator.OwnShow, c.confirmAbroad},
		{post, "/sign-out", operator.OwnShow, c.signOut},

		{get, "/me", operator.OwnShow, c.me},
		{post, "/me/sessions/end", operator.OwnSessions, c.endOwnSession},
		{post, "/me/passkeys/begin", operator.OwnPasskeys, c.beginOwnPasskey},
		{post, "/me/passkeys", operator.OwnPasskeys, c.addPasskey},
		{post, "/me/passkeys/:id/rename", operator.OwnPasskeys, c.renamePasskey},
		{post, "/me/passkeys/:id/remove", operator.OwnPasskeys, c.removePasskey},
		{post, "/me/password", operator.OwnPassword, c.setPassword},
		{post, "/me/password/remove", operator.OwnPassword, c.removePassword},
		{post, "/me/totp/begin", operator.OwnTOTP, c.beginTOTP},
		{get, "/me/totp", operator.OwnTOTP, c.ownTOTP},
		{get, "/me/totp.png", operator.OwnTOTP, c.ownQR},
		{post, "/me/totp", operator.OwnTOTP, c.setTOTP},
		{post, "/me/totp/remove", operator.OwnTOTP, c.removeTOTP},
		{post, "/me/provider", operator.OwnOIDC, c.bindAbroad},
		{post, "/me/provider/remove", operator.OwnOIDC, c.removeOIDC},
		{post, "/me/tokens", operator.OwnTokens, c.createToken},
		{post, "/me/tokens/:id/revoke", operator.OwnTokens, c.revokeToken},
		{post, "/me/tokens/:id/freshen", operator.OwnTokens, c.freshenToken},

		{get, "/operators", operator.ReadOperators, c.operators},
		{get, "/new-operator", operator.OperatorCreate, c.newOperator},
		{post, "/new-operator", operator.OperatorCreate, c.createOperator},
		{get, "/operators/:id", operator.ReadOperators, c.operator},
		{post, "/operators/:id/roles", operator.OperatorRoles, c.setRoles},
		{get, "/operators/:id/disable", operator.OperatorDisable, c.planDisable},
		{post, "/operators/:id/disable", operator.OperatorDisable, c.disableOperator},
		{get, "/operators/:id/invite", operator.OperatorInvite, c.planInvite},
		{post, "/operators/:id/invite", operator.OperatorInvite, c.inviteOperator},
		{post, "/operators/:id/sessions/end", operator.SessionsEnd, c.endSessions},

		{get, "/keys", operator.ReadKeys, c.keys},
		{post, "/keys/rotate", operator.KeyRotate, c.rotateKey},
		{get, "/keys/:kid/revoke", operator.KeyRevoke, c.planRevokeKey},
		{post, "/keys/:kid/revoke", operator.KeyRevoke, c.revokeKey},
		{get, "/new-client", operator.ClientCreate, c.newClient},
		{post, "/new-client", operator.ClientCreate, c.createClient},
		{get, "/clients/:name/revoke", operator.ClientRevoke, c.planRevokeClient},
		{post, "/clients/:name/revoke", operator.ClientRevoke, c.revokeClient},

		{get, "/", operator.ReadStatus, c.overview},
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

		{get, "/campaigns", operator.ReadCampaigns, c.campaigns},
		{get, "/incidents/:slug/new-campaign", operator.CampaignCreate, c.newCampaign},
		{post, "/incidents/:slug/new-campaign", operator.CampaignCreate, c.createCampaign},
		{get, "/campaigns/:id", operator.ReadCampaigns, c.campaign},
		{get, "/campaigns/:id/events", operator.ReadProgress, c.campaignEvents},
		{post, "/campaigns/:id/prepare", operator.CampaignPrepare, c.prepareCampaign},
		{get, "/campaigns/:id/lines", operator.CampaignLines, c.campaignLines},
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

// staticPath begins the addresses that no session is looked up for.
const staticPath = "/static/"

// Routes registers every route for operators. One without an act of the rules is a mistake in this program, and ends it here.
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
		case strings.HasPrefix(rt.path, staticPath):
			server.Get(static, rt.path, c.answer(rt))
		case rt.method == get:
			server.Get(pages, rt.path, c.answer(rt))
		default:
			pages.Handle(rt.method, rt.path, server.MaxBody(limit), c.answer(rt))
		}
	}
}
