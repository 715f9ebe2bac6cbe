package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/seed-1c168855/rekey/internal/operator"
)

// Parameters of query strings.
var (
	formatParam  = param{"format", huma.TypeString, "csv or ndjson."}
	auditFilters = []param{
		{"since", huma.TypeInteger, "Made at this second since 1970 or later."},
		{"until", huma.TypeInteger, "Made before this second since 1970."},
		{"actor", huma.TypeString, "As operator:ann, one kind as client, or one name."},
		{"action", huma.TypeString, "As campaign.activate, or a noun's as campaign."},
		{"object", huma.TypeString, "As campaign:7, or with a star at its end whatever begins so."},
		{"outcome", huma.TypeString, "done or refused."},
	}
	pageParams     = []param{{"before", huma.TypeInteger, "Older than the entry with this index."}, {"limit", huma.TypeInteger, "1 to 1000; unless given 50."}}
	campaignParams = []param{
		{"state", huma.TypeString, "Only those that are draft, prepared, active, closed, cancelled or discarded."},
		{"incident", huma.TypeString, "Only those of the incident with this slug."},
		{"before", huma.TypeInteger, "Drafted before the campaign with this number."},
		{"limit", huma.TypeInteger, "1 to 1000; unless given 50."},
	}
	approvalParams = []param{
		{"state", huma.TypeString, "Only those that are pending, approved, rejected, withdrawn, expired or void."},
		{"before", huma.TypeInteger, "Asked before the request with this number."},
		{"limit", huma.TypeInteger, "1 to 1000; unless given 50."},
	}
	ageParam = param{"again_after", huma.TypeInteger, "Seconds, as for the act."}
)

// routes is every route for operators' programs, with the act that it takes.
func (a *Admin) routes() []adminRoute {
	var all []adminRoute
	for _, part := range [][]adminRoute{a.incidentRoutes(), a.casefileRoutes(), a.campaignRoutes(), a.mailingRoutes(), a.lockdownRoutes(), a.approvalRoutes(), a.memberRoutes(),
		a.peopleRoutes(), a.keyRoutes(), a.recordRoutes(), a.auditRoutes(), a.proofRoutes()} {
		all = append(all, part...)
	}
	return all
}

const (
	tagIncidents  = "incidents"
	tagCampaigns  = "campaigns"
	tagLockdown   = "lockdown"
	tagApprovals  = "approvals"
	tagMembers    = "members"
	tagPeople     = "operators"
	tagKeys       = "keys and clients"
	tagRecords    = "audit and exports"
	seenByBoth    = "What both people are shown before the act. It changes nothing, and needs no fresh second factor."
	goesOn        = "A page: go on with `before` as long as the answer has a `next`."
	noPlanChanges = "It changes nothing."
)

func (a *Admin) incidentRoutes() []adminRoute {
	return []adminRoute{
		reads("/incidents", operator.ReadIncidents, doc{id: "incidents", tag: tagIncidents, summary: "All incidents, the newest first"}, a.incidents),
		reads("/incidents/:slug", operator.ReadIncidents, doc{id: "incident", tag: tagIncidents, summary: "One incident, published or not"}, a.incident),
		does(put, "/incidents/:slug", operator.IncidentSet, doc{id: "putIncident", tag: tagIncidents, summary: "Describe an incident, new or known",
			about:   "What is left out stays as it is.",
			example: IncidentRequest{Title: ptr("Member data was copied"), FoundAt: ptr(int64(1308297600)), Classes: []string{"names", "passwords"}}}, a.putIncident),
		does(post, "/incidents/:slug/publish", operator.IncidentPublish, doc{id: "publishIncident", tag: tagIncidents, summary: "Make the notice public"}, a.publishIncident),
		does(post, "/incidents/:slug/withdraw", operator.IncidentPublish, doc{id: "withdrawIncident", tag: tagIncidents, summary: "Take the notice back"}, a.withdrawIncident),
		does(post, "/incidents/:slug/updates", operator.IncidentUpdate, doc{id: "addUpdate", tag: tagIncidents, summary: "Add to the notice what became known",
			example: IncidentUpdateRequest{Text: "The way in was closed on Friday."}}, a.addUpdate),
		does(put, "/incidents/:slug/updates/:number", operator.IncidentUpdate, doc{id: "correctUpdate", tag: tagIncidents, summary: "Put another text in place of an update",
			about: "It then says that it was corrected."}, a.correctUpdate),
		does(del, "/incidents/:slug/updates/:number", operator.IncidentUpdate, doc{id: "retractUpdate", tag: tagIncidents, summary: "Take an update off the page and the feed"}, a.retractUpdate),
	}
}

func (a *Admin) campaignRoutes() []adminRoute {
	upload := adminRoute{
		method: post, path: "/campaigns/upload", act: operator.CampaignCreate, takes: csvType,
		doc: doc{id: "uploadCampaign", tag: tagCampaigns, summary: "Draft a campaign for the members of a list",
			about: "The body is the list: CSV whose first line names a column `email` or `subject`, up to 512 MiB, read as it comes. Its lines that name no account can be downloaded after prepare."},
		query: []param{{"incident", huma.TypeString, "The incident's slug; made, unpublished, if it is missing."},
			{"cutoff", huma.TypeInteger, "Only passwords set before this second since 1970 die. Unless given: the moment of activation."},
			{"keep_sessions", huma.TypeBoolean, "true: only where sessions cannot have been stolen."}},
		answer: typeOf[Campaign](), serve: a.uploadCampaign,
	}
	return []adminRoute{
		reads("/campaigns", operator.ReadCampaigns, doc{id: "campaigns", tag: tagCampaigns, summary: "Campaigns, the newest first",
			about: goesOn}, a.campaigns, campaignParams...),
		does(post, "/campaigns", operator.CampaignCreate, doc{id: "createCampaign", tag: tagCampaigns, summary: "Draft a campaign for everyone, or for what a filter finds",
			about: "Nobody is touched. Not idempotent: asked twice it drafts two.", example: CampaignRequest{Incident: "june-2011", Scope: "everyone", Cutoff: ptr(int64(1308297600))}}, a.createCampaign),
		upload,
		reads("/campaigns/:id", operator.ReadCampaigns, doc{id: "campaign", tag: tagCampaigns, summary: "One campaign"}, a.campaign),
		reads("/campaigns/:id/status", operator.ReadProgress, doc{id: "campaignStatus", tag: tagCampaigns, summary: "Mails and resets in numbers"}, a.campaignStatus),
		reads("/campaigns/:id/progress", operator.ReadProgress, doc{id: "campaignProgress", tag: tagCampaigns, summary: "The same by hour and by language, and when everybody will have been written to",
			about: "Each call counts the members; every half minute is often enough."}, a.campaignProgress),
		does(post, "/campaigns/:id/prepare", operator.CampaignPrepare, doc{id: "prepareCampaign", tag: tagCampaigns, summary: "Find its members, and report what the list holds",
			about: "May be repeated until the campaign is active. Nobody is touched."}, a.prepareCampaign),
		streams("/campaigns/:id/lines", operator.CampaignLines, doc{id: "campaignLines", tag: tagCampaigns, summary: "The list's lines that name no account of their own",
			about: "Columns line, value and outcome, safe to open in a spreadsheet."}, []string{csvType}, a.campaignLines,
			param{"outcome", huma.TypeString, "Only unmatched, duplicate or invalid ones."}),
		reads("/campaigns/:id/preview", operator.CampaignPreview, doc{id: "previewCampaign", tag: tagCampaigns, summary: "Who would die by an activation now"}, a.previewCampaign),
		reads("/campaigns/:id/mail", operator.CampaignPreview, doc{id: "campaignMail", tag: tagCampaigns, summary: "One mail of the campaign as its reader sees it",
			about: "Its link and code open nothing."}, a.campaignMail,
			param{"mail", huma.TypeString, "reset, notice or reminder; unless given reset."}, param{"locale", huma.TypeString, "Its language, as en or pt-BR."}),
		does(post, "/campaigns/:id/test-mail", operator.CampaignPreview, doc{id: "testMail", tag: tagCampaigns, summary: "Send one mail of the campaign to somebody who wants to see it",
			example: TestMailRequest{To: "me@example.org", Mail: "reminder", Locale: "de"}}, a.testMail),
		reads("/campaigns/:id/activate", operator.CampaignActivate, doc{id: "planActivation", tag: tagCampaigns, summary: "What an activation now would do", about: seenByBoth}, a.planActivation),
		waits(post, "/campaigns/:id/activate", operator.CampaignActivate, doc{id: "activate", tag: tagCampaigns, summary: "Kill every password the campaign reaches, in one commit",
			about:   "Refused (409) unless the campaign is prepared, and where the count differs from `expect` by more than the tolerance. A second activation is refused by the campaign's state.",
			example: ActivateRequest{Expect: 1290775, Reason: "the list of the leak is confirmed"}}, a.activate),
	}
}

func (a *Admin) mailingRoutes() []adminRoute {
	desk := a.o.Desk
	return []adminRoute{
		does(post, "/campaigns/:id/pause", operator.CampaignPause, doc{id: "pause", tag: tagCampaigns, summary: "Hold the mailing", about: "Dead passwords stay dead."}, a.act(desk.PauseCampaign)),
		does(post, "/campaigns/:id/resume", operator.CampaignResume, doc{id: "resume", tag: tagCampaigns, summary: "Let the mailing go on"}, a.act(desk.ResumeCampaign)),
		reads("/campaigns/:id/remind", operator.CampaignRemind, doc{id: "planReminder", tag: tagCampaigns, summary: "How many a reminder would go to", about: noPlanChanges}, a.planReminder, ageParam),
		does(post, "/campaigns/:id/remind", operator.CampaignRemind, doc{id: "remind", tag: tagCampaigns, summary: "Write again to those who have not set a new password",
			example: RemindRequest{AgainAfter: ptr(int64(604800))}}, a.remind),
		reads("/campaigns/:id/close", operator.CampaignClose, doc{id: "planClose", tag: tagCampaigns, summary: "How many mails would not go", about: noPlanChanges}, a.effect(desk.PlanClose)),
		does(post, "/campaigns/:id/close", operator.CampaignClose, doc{id: "close", tag: tagCampaigns, summary: "End the mailing for good", about: "Dead passwords stay dead."}, a.act(desk.CloseCampaign)),
		reads("/campaigns/:id/discard", operator.CampaignDiscard, doc{id: "planDiscard", tag: tagCampaigns, summary: "How many members would be forgotten", about: noPlanChanges}, a.effect(desk.PlanDiscard)),
		does(post, "/campaigns/:id/discard", operator.CampaignDiscard, doc{id: "discard", tag: tagCampaigns, summary: "Forget a campaign that never was active"}, a.act(desk.DiscardCampaign)),
		reads("/campaigns/:id/cancel", operator.CampaignCancel, doc{id: "planCancel", tag: tagCampaigns, summary: "How many exposed passwords would live again", about: seenByBoth}, a.effect(desk.EffectOfCancel)),
		waits(post, "/campaigns/:id/cancel", operator.CampaignCancel, doc{id: "cancel", tag: tagCampaigns, summary: "Let the passwords live again",
			about: "Sessions and links stay dead. To end the mailing alone, close the campaign.", example: Reasoned{"wrong list"}}, a.cancelCampaign),
	}
}

func (a *Admin) lockdownRoutes() []adminRoute {
	return []adminRoute{
		reads("/lockdown", operator.ReadStatus, doc{id: "lockdown", tag: tagLockdown, summary: "Whether all logins and resets are refused"}, a.lockdown),
		does(post, "/lockdown/on", operator.LockdownOn, doc{id: "lockdownOn", tag: tagLockdown, summary: "Refuse every login and reset, on every replica",
			about: "One person, at once.", example: Reasoned{"attacker still inside"}}, a.lockdownOn),
		reads("/lockdown/off", operator.LockdownOff, doc{id: "planLockdownOff", tag: tagLockdown, summary: "What the end of the lockdown would do", about: seenByBoth}, a.planLockdownOff),
		waits(post, "/lockdown/off", operator.LockdownOff, doc{id: "lockdownOff", tag: tagLockdown, summary: "Let logins and resets go on", example: Reasoned{"way in closed"}}, a.lockdownOff),
	}
}

func (a *Admin) approvalRoutes() []adminRoute {
	return []adminRoute{
		reads("/approvals", operator.ReadApprovals, doc{id: "approvals", tag: tagApprovals, summary: "What waits for a second person, and what was decided",
			about: goesOn}, a.approvals, approvalParams...),
		reads("/approvals/:id", operator.ReadApprovals, doc{id: "approval", tag: tagApprovals, summary: "One request"}, a.approval),
		does(post, "/approvals/:id/approve", operator.ApprovalDecide, doc{id: "approve", tag: tagApprovals, summary: "Be the second person: the act is carried out at once",
			about: "By a person who may do the act itself, with a fresh second factor, and who is not the one who asked. If what the request rests on changed it is void (409).", example: DecisionRequest{"list checked"}}, a.approve),
		does(post, "/approvals/:id/reject", operator.ApprovalDecide, doc{id: "reject", tag: tagApprovals, summary: "Say no"}, a.reject),
		does(post, "/approvals/:id/withdraw", operator.ApprovalWithdraw, doc{id: "withdraw", tag: tagApprovals, summary: "Take back what one asked for oneself"}, a.withdraw),
	}
}

func (a *Admin) peopleRoutes() []adminRoute {
	return []adminRoute{
		reads("/self", operator.ReadStatus, doc{id: "self", tag: tagPeople, summary: "Whose token this is, and what it may do"}, a.self),
		reads("/operators", operator.ReadOperators, doc{id: "operators", tag: tagPeople, summary: "All operators by name, disabled ones too"}, a.operators),
		does(post, "/operators", operator.OperatorCreate, doc{id: "createOperator", tag: tagPeople, summary: "Add a person and get their one-time link",
			example: OperatorRequest{"ann", "ann@example.org", []string{"responder"}}}, a.createOperator),
		reads("/operators/:id", operator.ReadOperators, doc{id: "operator", tag: tagPeople, summary: "One operator"}, a.operator),
		waits(put, "/operators/:id/roles", operator.OperatorRoles, doc{id: "setRoles", tag: tagPeople, summary: "Change what a person may do", about: "Their sessions end.",
			example: RolesRequest{Roles: []string{"responder", "approver"}, Reason: "joins the breach team"}}, a.setRoles),
		does(post, "/operators/:id/invite", operator.OperatorInvite, doc{id: "invite", tag: tagPeople, summary: "Get a new one-time link for a person", about: "Its use ends every way in that they had."}, a.inviteOperator),
		does(post, "/operators/:id/disable", operator.OperatorDisable, doc{id: "disable", tag: tagPeople, summary: "Shut a person out for good"}, a.disableOperator),
		does(del, "/operators/:id/sessions", operator.SessionsEnd, doc{id: "endSessions", tag: tagPeople, summary: "End all sessions of a person"}, a.endSessions),
	}
}

func (a *Admin) keyRoutes() []adminRoute {
	return []adminRoute{
		reads("/clients", operator.ReadClients, doc{id: "clients", tag: tagKeys, summary: "The programs that may call, revoked ones too"}, a.clients),
		does(post, "/clients", operator.ClientCreate, doc{id: "createClient", tag: tagKeys, summary: "Give a program a key", about: "The key is in this answer and nowhere else.",
			example: ClientRequest{Name: "shop", Scope: "login"}}, a.createClient),
		does(del, "/clients/:name", operator.ClientRevoke, doc{id: "revokeClient", tag: tagKeys, summary: "Take a program's key back; its next call is refused"}, a.revokeClient),
		reads("/keys", operator.ReadKeys, doc{id: "keys", tag: tagKeys, summary: "The keys that sign links"}, a.keys),
		waits(post, "/keys/rotate", operator.KeyRotate, doc{id: "rotateKey", tag: tagKeys, summary: "Let a new key sign",
			about: "Links that are out go on working until they end, unless `revoke` is true: that is a revocation, by its rules. Not idempotent."}, a.rotateKey),
		reads("/keys/:kid/revoke", operator.KeyRevoke, doc{id: "planKeyRevocation", tag: tagKeys, summary: "What the revocation of a key would do", about: seenByBoth}, a.planKeyRevocation),
		waits(post, "/keys/:kid/revoke", operator.KeyRevoke, doc{id: "revokeKey", tag: tagKeys, summary: "Refuse everything that one key signed", example: Reasoned{"the key leaked"}}, a.revokeKey),
	}
}

func (a *Admin) recordRoutes() []adminRoute {
	return []adminRoute{
		reads("/audit", operator.ReadAudit, doc{id: "audit", tag: tagRecords, summary: "Search the audit log, the newest first",
			about: "An object that names a member is refused here, since addresses are kept by proxies: search for it by POST."}, a.audit, append(pageParams, auditFilters...)...),
		waits(post, "/exports/audit", operator.AuditExport, doc{id: "askAuditExport", tag: tagRecords, summary: "Ask for the audit log",
			about: "Once a second person has approved it, who asked may download it for an hour.", example: Reasoned{"for the regulator"}}, a.askAuditExport),
		streams("/exports/audit", operator.AuditExport, doc{id: "exportAudit", tag: tagRecords, summary: "Take the audit log out, whole or filtered",
			about: "Unless csv is asked for, a line of JSON an entry, which can be verified offline. The export is recorded. An object that names a member is refused."}, []string{ndjsonType, csvType}, a.exportAudit, append(auditFilters, formatParam)...),
		waits(post, "/exports/accounts", operator.AccountExport, doc{id: "askAccountExport", tag: tagRecords, summary: "Ask for the passwords that members set here",
			about: "Once a second person has approved it, who asked may download them for an hour.", example: Reasoned{"nightly hand-back"}}, a.askAccountExport),
		streams("/exports/accounts", operator.AccountExport, doc{id: "exportAccounts", tag: tagRecords, summary: "Hand back the passwords that members set here",
			about: "Hashes, never passwords. The trailers `" + TrailerRows + "` and `" + TrailerUntil + "` say how it ended: without them it was cut off."}, []string{csvType, ndjsonType}, a.exportAccounts,
			formatParam, param{"changed_since", huma.TypeString, "Only those set at or after it: " + TrailerUntil + " of the export before."}),
		reads("/accounts/*subject", operator.SupportFind, doc{id: "account", tag: tagRecords, summary: "One account and whether its password is dead",
			about: "The look is recorded. Of the password only the scheme is shown. The subject is percent-encoded: a slash is %2F."}, a.account),
	}
}
