package operator

// Act is something that only some may do. Where it leaves an audit entry it is named as that is.
type Act string

// The acts.
const (
	ReadIncidents Act = "read.incidents"
	ReadCampaigns Act = "read.campaigns"
	ReadStatus    Act = "read.status"
	ReadProgress  Act = "read.progress"
	ReadAudit     Act = "read.audit"
	ReadApprovals Act = "read.approvals"
	ReadReports   Act = "read.reports"
	ReadOperators Act = "read.operators"
	ReadClients   Act = "read.clients"
	ReadKeys      Act = "read.keys"

	IncidentSet     Act = "incident.set"
	IncidentPublish Act = "incident.publish"
	IncidentUpdate  Act = "incident.update"
	IncidentClock   Act = "incident.clock"
	IncidentFact    Act = "incident.fact"
	ReportMake      Act = "report.make"

	CampaignCreate   Act = "campaign.create"
	CampaignPrepare  Act = "campaign.prepare"
	CampaignPreview  Act = "campaign.preview"
	CampaignActivate Act = "campaign.activate"
	CampaignPause    Act = "campaign.pause"
	CampaignResume   Act = "campaign.resume"
	CampaignRemind   Act = "campaign.remind"
	CampaignClose    Act = "campaign.close"
	CampaignCancel   Act = "campaign.cancel"
	CampaignDiscard  Act = "campaign.discard"
	CampaignLines    Act = "campaign.lines"

	LockdownOn  Act = "lockdown.on"
	LockdownOff Act = "lockdown.off"

	SupportFind        Act = "support.find"
	SupportLink        Act = "support.link"
	SupportCode        Act = "support.code"
	SupportDeadAddress Act = "support.dead_address"

	ApprovalDecide   Act = "approval.decide"
	ApprovalWithdraw Act = "approval.withdraw"

	OperatorCreate  Act = "operator.create"
	OperatorDisable Act = "operator.disable"
	OperatorInvite  Act = "operator.invite"
	OperatorRoles   Act = "operator.roles"
	SessionsEnd     Act = "operator.sessions.end"

	ClientCreate Act = "client.create"
	ClientRevoke Act = "client.revoke"
	KeyRotate    Act = "key.rotate"
	KeyRevoke    Act = "key.revoke"
	KeyRewrap    Act = "key.rewrap"

	AuditExport   Act = "audit.export"
	AccountExport Act = "account.export"

	OwnShow     Act = "own.show"
	OwnPassword Act = "own.password"
	OwnTOTP     Act = "own.totp"
	OwnPasskeys Act = "own.passkeys"
	OwnOIDC     Act = "own.oidc"
	OwnSessions Act = "own.sessions"
	OwnTokens   Act = "own.tokens"
)

// Rule says who may do an act, and how.
type Rule struct {
	Act       Act
	Text      string // in plain words, for pages and the documentation
	Roles     Roles  // who may do it: any of them
	Ask       Roles  // who else may ask a second person for it
	Fresh     bool   // a second factor must have been shown in the last FreshFor
	Second    bool   // needs a second person: where it touches accounts, above the number set
	BySetting bool   // Second only where a setting asks for it
	Loud      bool   // every operator is written to when one person did it alone
	Own       bool   // people only, for themselves; operator tokens may only look
}

// Rules is the one table of who may do what. Roles do not contain each other.
func Rules() []Rule { return rules }

// RuleOf finds an act's rule; an act without one may be done by nobody.
func RuleOf(a Act) (Rule, bool) {
	r, ok := byAct[a]
	return r, ok
}

var (
	anybody = AllRoles()
	respond = Roles{Responder}
	approve = Roles{Approver}
	manage  = Roles{Admin}
)

var rules = []Rule{
	{Act: ReadIncidents, Text: "See incidents, their notices, deadlines and facts", Roles: anybody},
	{Act: ReadCampaigns, Text: "See campaigns and what each would do", Roles: anybody},
	{Act: ReadStatus, Text: "See whether the service is locked down and what is under way", Roles: anybody},
	{Act: ReadProgress, Text: "Watch how a campaign goes", Roles: anybody},
	{Act: ReadAudit, Text: "Search the audit log and check that it is whole", Roles: anybody},
	{Act: ReadApprovals, Text: "See what waits for a second person, and what was decided", Roles: anybody},
	{Act: ReadReports, Text: "Read evidence reports", Roles: anybody},
	{Act: ReadOperators, Text: "See who the operators are and what they may do", Roles: anybody},
	{Act: ReadClients, Text: "See which programs have keys", Roles: anybody},
	{Act: ReadKeys, Text: "See the signing keys' names and ages", Roles: anybody},

	{Act: IncidentSet, Text: "Write down an incident", Roles: respond},
	{Act: IncidentPublish, Text: "Publish an incident's notice, or take it back", Roles: respond},
	{Act: IncidentUpdate, Text: "Add to a published notice", Roles: respond},
	{Act: IncidentClock, Text: "Set a deadline, or mark it met", Roles: respond},
	{Act: IncidentFact, Text: "Write what the evidence report says", Roles: respond},
	{Act: ReportMake, Text: "Make an evidence report", Roles: respond},

	{Act: CampaignCreate, Text: "Draft a campaign and upload its list", Roles: respond},
	{Act: CampaignPrepare, Text: "Find the accounts of a campaign", Roles: respond},
	{Act: CampaignPreview, Text: "See the mails of a campaign, and send a test one", Roles: respond},
	{Act: CampaignActivate, Text: "Make the passwords in a campaign's scope stop working", Roles: approve, Ask: respond, Fresh: true, Second: true, Loud: true},
	{Act: CampaignPause, Text: "Hold a campaign's mail", Roles: respond},
	{Act: CampaignResume, Text: "Let a campaign's mail go on", Roles: respond},
	{Act: CampaignRemind, Text: "Write again to those who have not reset", Roles: respond},
	{Act: CampaignClose, Text: "End a campaign's mail for good", Roles: respond},
	{Act: CampaignCancel, Text: "Make the old passwords of a campaign work again", Roles: approve, Ask: respond, Fresh: true, Second: true, Loud: true},
	{Act: CampaignDiscard, Text: "Throw away a campaign that never ran", Roles: respond},
	{Act: CampaignLines, Text: "Download the lines of a list that matched nobody", Roles: respond},

	{Act: LockdownOn, Text: "Stop every login and reset at once", Roles: Roles{Responder, Approver, Admin}, Loud: true},
	{Act: LockdownOff, Text: "Let logins and resets work again", Roles: approve, Ask: respond, Fresh: true, Second: true, Loud: true},

	{Act: SupportFind, Text: "Find a member and see their state", Roles: respond},
	{Act: SupportLink, Text: "Send a member a fresh link", Roles: respond},
	{Act: SupportCode, Text: "Give a member a code by telephone, after proof of who they are", Roles: approve, Ask: respond, Fresh: true, Second: true, BySetting: true},
	{Act: SupportDeadAddress, Text: "Mark a mail address as dead", Roles: respond},

	{Act: ApprovalDecide, Text: "Approve or reject what somebody else asked for, where the role covers the act itself", Roles: anybody},
	{Act: ApprovalWithdraw, Text: "Take back what one asked for oneself", Roles: anybody},

	{Act: OperatorCreate, Text: "Add an operator", Roles: manage, Fresh: true},
	{Act: OperatorDisable, Text: "Shut an operator out", Roles: manage, Fresh: true},
	{Act: OperatorInvite, Text: "Send an operator a new invitation", Roles: manage, Fresh: true},
	{Act: OperatorRoles, Text: "Change what an operator may do", Roles: manage, Fresh: true, Second: true, Loud: true},
	{Act: SessionsEnd, Text: "End somebody else's sessions", Roles: manage, Fresh: true},

	{Act: ClientCreate, Text: "Give a program a key", Roles: manage, Fresh: true},
	{Act: ClientRevoke, Text: "Take a program's key back", Roles: manage, Fresh: true},
	{Act: KeyRotate, Text: "Sign new links with a new key", Roles: manage, Fresh: true},
	{Act: KeyRevoke, Text: "Refuse every link signed with a key", Roles: manage, Fresh: true, Second: true, Loud: true},
	{Act: KeyRewrap, Text: "Seal the keys under a new master key", Roles: manage, Fresh: true},

	{Act: AuditExport, Text: "Take the whole audit log out", Roles: manage, Fresh: true, Second: true, Loud: true},
	{Act: AccountExport, Text: "Take all accounts out", Roles: manage, Fresh: true, Second: true, Loud: true},

	{Act: OwnShow, Text: "See one's own ways in, sessions and tokens", Roles: anybody, Own: true},
	{Act: OwnPassword, Text: "Change one's own password", Roles: anybody, Fresh: true, Own: true},
	{Act: OwnTOTP, Text: "Set up one's own authenticator app, or remove it", Roles: anybody, Fresh: true, Own: true},
	{Act: OwnPasskeys, Text: "Add or remove one's own passkeys", Roles: anybody, Fresh: true, Own: true},
	{Act: OwnOIDC, Text: "Bind oneself to the company's sign-in, or free oneself from it", Roles: anybody, Fresh: true, Own: true},
	{Act: OwnSessions, Text: "End one's own sessions", Roles: anybody, Fresh: true, Own: true},
	{Act: OwnTokens, Text: "Make or revoke one's own tokens", Roles: anybody, Fresh: true, Own: true},
}

var byAct = func() map[Act]Rule {
	m := make(map[Act]Rule, len(rules))
	for _, r := range rules {
		if _, twice := m[r.Act]; twice {
			panic("operator: two rules for " + string(r.Act))
		}
		m[r.Act] = r
	}
	return m
}()
