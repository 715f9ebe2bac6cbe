package api

// CampaignProgress is a campaign by hour and language, see campaign.Progress.
type CampaignProgress struct {
	Status    CampaignStatus   `json:"status"`
	Opened    int64            `json:"opened" doc:"Members whose link was opened; a mail scanner may have been it."`
	Hours     []CampaignHour   `json:"hours" nullable:"false" doc:"From the activation, in order. Hours in which nothing happened are left out."`
	Locales   []CampaignLocale `json:"locales" nullable:"false" doc:"The most members first."`
	LocalesAt int64            `json:"locales_at" doc:"When these were counted: on a large campaign seldomer than the rest."`
	At        int64            `json:"at" doc:"When the rest was counted."`
	Ends      *CampaignEnds    `json:"ends,omitempty" doc:"Left out while nothing goes out."`
}

// CampaignHour is what happened in one hour of UTC.
type CampaignHour struct {
	Start  int64 `json:"start"`
	Sent   int64 `json:"sent"`
	Opened int64 `json:"opened"`
	Reset  int64 `json:"reset"`
}

// CampaignLocale is the part of the members who read one language.
type CampaignLocale struct {
	Locale  string `json:"locale" doc:"BCP 47; empty: unknown."`
	Members int64  `json:"members"`
	Sent    int64  `json:"sent"`
	Reset   int64  `json:"reset"`
}

// CampaignEnds is when everybody will have been written to.
type CampaignEnds struct {
	At   int64   `json:"at" doc:"If the last minute's rate holds."`
	Rate float64 `json:"rate" doc:"Mails a second."`
}

// CampaignMail is a mail of a campaign as its reader sees it, see desk.Mail.
type CampaignMail struct {
	From      string   `json:"from"`
	Subject   string   `json:"subject"`
	Text      string   `json:"text"`
	HTML      string   `json:"html"`
	Languages []string `json:"languages" nullable:"false" doc:"That there are mails in."`
}
