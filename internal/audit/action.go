package audit

// Action names what was done, as noun.verb; the same word stands in the log, the export and the console's filter.
type Action string

// Every act that leaves an entry (standards: OWASP Logging Vocabulary; who reads the log counts as an act too).
const (
	CampaignCreate   Action = "campaign.create"
	CampaignPrepare  Action = "campaign.prepare"
	CampaignPreview  Action = "campaign.preview" // also a test mail sent to an address
	CampaignActivate Action = "campaign.activate"
	CampaignCount    Action = "campaign.count" // the exact number that died, counted after the activation
	CampaignPause    Action = "campaign.pause"
	CampaignResume   Action = "campaign.resume"
	CampaignRemind   Action = "campaign.remind"
	CampaignClose    Action = "campaign.close"
	CampaignCancel   Action = "campaign.cancel"
	CampaignDiscard  Action = "campaign.discard"
	CampaignLines    Action = "campaign.lines" // the lines of a list that matched nothing, read

	LockdownOn  Action = "lockdown.on"
	LockdownOff Action = "lockdown.off"

	IncidentSet     Action = "incident.set"
	IncidentPublish Action = "incident.publish"
	IncidentUpdate  Action = "incident.update" // an update added, corrected or retracted
	IncidentClock   Action = "incident.clock"  // a deadline added, changed or met
	IncidentFact    Action = "incident.fact"   // a field of the evidence report written
	ReportMake      Action = "report.make"

	AccountImport      Action = "account.import"
	AccountPut         Action = "account.put"
	AccountDelete      Action = "account.delete"
	AccountShow        Action = "account.show"
	AccountExport      Action = "account.export"
	AccountPasswordSet Action = "account.password.set" // by the login service: a sign-up or a voluntary change
	AccountDisable     Action = "account.disable"      // too many wrong passwords in a row (SP 800-63B-4 §3.2.2)
	AccountUpgrade     Action = "account.upgrade"      // a legacy hash replaced by one of the default scheme

	ResetRedeemed Action = "reset.redeemed"

	ClientCreate Action = "client.create"
	ClientRevoke Action = "client.revoke"

	OperatorCreate  Action = "operator.create"
	OperatorDisable Action = "operator.disable"
	OperatorRoles   Action = "operator.roles"
	OperatorInvite  Action = "operator.invite"
	OperatorEnrol   Action = "operator.enrol"   // an invitation used: every way in is new
	OperatorSignIn  Action = "operator.signin"  // by whichever way the detail names; Refused with why
	OperatorSignOut Action = "operator.signout" // by themself
	OperatorConfirm Action = "operator.confirm" // a second factor shown again before an act that asks for it
	OperatorEnd     Action = "operator.sessions.end"
	OwnPassword     Action = "own.password"
	OwnTOTP         Action = "own.totp"
	OwnPasskeys     Action = "own.passkeys"
	OwnOIDC         Action = "own.oidc"
	OwnSessions     Action = "own.sessions"
	OwnTokens       Action = "own.tokens"

	ApprovalAsk      Action = "approval.ask"
	ApprovalApprove  Action = "approval.approve" // the act itself follows, with an entry of its own
	ApprovalReject   Action = "approval.reject"
	ApprovalWithdraw Action = "approval.withdraw"
	ApprovalExpire   Action = "approval.expire"
	ApprovalVoid     Action = "approval.void" // what it rested on changed, or the act was refused

	SupportFind        Action = "support.find"
	SupportLink        Action = "support.link"
	SupportCode        Action = "support.code"
	SupportDeadAddress Action = "support.dead_address"

	KeyCreate Action = "key.create"
	KeyRotate Action = "key.rotate"
	KeyRevoke Action = "key.revoke"
	KeyRewrap Action = "key.rewrap"

	AuditVerify Action = "audit.verify"
	AuditExport Action = "audit.export"

	AuditKeyCreate Action = "audit.key.create" // the key that signs checkpoints
	AuditKeyRotate Action = "audit.key.rotate"

	ServeStart Action = "serve.start"
	ServeStop  Action = "serve.stop"
	MigrateUp  Action = "migrate.up"

	// ActRefused stands for an attempt that was turned away before it could be given a name of its own: no key, no role, no
	// such route. An act that is known and refused keeps its name and carries the outcome Refused.
	ActRefused Action = "act.refused"
)

// Actions lists every action, in the order of the documentation.
func Actions() []Action {
	return []Action{
		CampaignCreate, CampaignPrepare, CampaignPreview, CampaignActivate, CampaignCount, CampaignPause, CampaignResume,
		CampaignRemind, CampaignClose, CampaignCancel, CampaignDiscard, LockdownOn, LockdownOff, IncidentSet, IncidentPublish, IncidentUpdate, IncidentClock, IncidentFact, ReportMake, CampaignLines, AccountImport,
		AccountPut, AccountDelete, AccountShow, AccountExport, AccountPasswordSet, AccountDisable, AccountUpgrade,
		ResetRedeemed, ClientCreate, ClientRevoke, OperatorCreate, OperatorDisable, OperatorRoles, OperatorInvite, OperatorEnrol,
		OperatorSignIn, OperatorSignOut, OperatorConfirm, OperatorEnd, OwnPassword, OwnTOTP, OwnPasskeys, OwnOIDC, OwnSessions, OwnTokens,
		ApprovalAsk, ApprovalApprove, ApprovalReject, ApprovalWithdraw, ApprovalExpire, ApprovalVoid,
		SupportFind, SupportLink, SupportCode, SupportDeadAddress, KeyCreate, KeyRotate, KeyRevoke,
		KeyRewrap, AuditVerify, AuditExport, AuditKeyCreate, AuditKeyRotate, ServeStart, ServeStop, MigrateUp, ActRefused,
	}
}
