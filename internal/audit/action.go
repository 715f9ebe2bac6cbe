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
	CampaignClose    Action = "campaign.close"
	CampaignCancel   Action = "campaign.cancel"
	CampaignDiscard  Action = "campaign.discard"

	LockdownOn  Action = "lockdown.on"
	LockdownOff Action = "lockdown.off"

	IncidentSet     Action = "incident.set"
	IncidentPublish Action = "incident.publish"

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

	KeyCreate Action = "key.create"
	KeyRotate Action = "key.rotate"
	KeyRevoke Action = "key.revoke"
	KeyRewrap Action = "key.rewrap"

	AuditVerify Action = "audit.verify"
	AuditExport Action = "audit.export"

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
		CampaignClose, CampaignCancel, CampaignDiscard, LockdownOn, LockdownOff, IncidentSet, IncidentPublish, AccountImport,
		AccountPut, AccountDelete, AccountShow, AccountExport, AccountPasswordSet, AccountDisable, AccountUpgrade,
		ResetRedeemed, ClientCreate, ClientRevoke, OperatorCreate, OperatorDisable, KeyCreate, KeyRotate, KeyRevoke,
		KeyRewrap, AuditVerify, AuditExport, ServeStart, ServeStop, MigrateUp, ActRefused,
	}
}
