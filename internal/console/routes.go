package console

import (
	"net/http"

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
	}
}

// large are the routes whose bodies are files, read as they come.
var large = map[string]int64{"/incidents/:slug/new-campaign": maxList}

// Routes registers every route for operators.
func (c *Console) Routes(r gin.IRouter) {
	pages := r.Group("", server.PageHeaders(c.https), server.OwnReferrer, server.RenderWith(c.problem), c.ownForms)
	for _, rt := range c.routes() {
		limit := large[rt.path]
		if limit == 0 || rt.method != post {
			limit = maxForm
		}
		if rt.method == get {
			server.Get(pages, rt.path, c.answer(rt))
		} else {
			pages.Handle(rt.method, rt.path, server.MaxBody(limit), c.answer(rt))
		}
	}
}
