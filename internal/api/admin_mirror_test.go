package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/support"
)

// Nothing of a noun gets lost on its way through the API: every field has its answer's, by the same name, and comes back.
func TestAnswersMirrorNouns(t *testing.T) {
	t.Parallel()
	mirrored[Incident, incident.Incident](t)
	mirrored[Campaign, campaign.Campaign](t)
	mirrored[CampaignPreview, campaign.Preview](t)
	mirrored[CampaignActivated, campaign.Activated](t)
	mirrored[CampaignStatus, campaign.Status](t)
	mirrored[CampaignReminded, campaign.Reminded](t)
	mirrored[CampaignReport, campaign.Report](t)
	mirrored[CampaignPlan, campaign.Plan](t)
	mirrored[Lockdown, campaign.Lockdown](t)
	mirrored[Approval, approval.Request](t)
	mirrored[IncidentClock, incident.Clock](t)
	mirrored[ClockSuggestion, incident.Suggestion](t)
	mirrored[IncidentReport, incident.Report](t)
	mirrored[CampaignProgress, campaign.Progress](t)
	mirrored[CampaignMail, desk.Mail](t)
	mirrored[MemberFound, support.Found](t)
	mirrored[MemberSuppress, support.Suppressed](t)
	mirrored[MemberCampaign, support.Covered](t)
	mirrored[MemberMail, support.Mail](t)
	mirrored[MemberEvent, support.Event](t)
	mirrored[SpokenCode, support.Code](t)
	mirrored[Operator, operator.Operator](t)
	mirrored[Client, client.Client](t)
	mirrored[Account, account.Profile](t)
	mirrored[IncidentRequest, incident.Change](t, "Slug")
	mirrored[CampaignFilter, campaign.Filter](t)
}

// What a request may say of a report, and of who a member is, is what there is.
func TestRequestsKnowWhatThereIs(t *testing.T) {
	t.Parallel()
	var facts, names, proofs []string
	for i := range reflect.TypeFor[FactsRequest]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[FactsRequest]().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	for _, f := range incident.Fields() {
		facts = append(facts, f.Name)
	}
	if diff := cmp.Diff(facts, names); diff != "" {
		t.Errorf("fields of the report (-there +taken)\n%s", diff)
	}
	for _, p := range support.Proofs() {
		proofs = append(proofs, p.Kind)
	}
	field, _ := reflect.TypeFor[CodeRequest]().FieldByName("Proof")
	if diff := cmp.Diff(proofs, strings.Split(field.Tag.Get("enum"), ",")); diff != "" {
		t.Errorf("proofs (-there +described)\n%s", diff)
	}
	all := FactsRequest{}
	fill(reflect.ValueOf(&all).Elem())
	if values, err := all.values(); err != nil || len(values) != len(facts) || values["delay"] != "text" {
		t.Errorf("%v %v", values, err)
	}
}

func mirrored[Answer, Noun any](t *testing.T, except ...string) {
	t.Helper()
	var noun, empty Noun
	fill(reflect.ValueOf(&noun).Elem())
	for _, name := range except {
		reflect.ValueOf(&noun).Elem().FieldByName(name).SetZero()
	}
	answer := Mirror[Answer](noun)
	if diff := cmp.Diff(noun, Mirror[Noun](answer)); diff != "" {
		t.Errorf("%T and back: (-noun +back)\n%s", answer, diff)
	}
	if diff := cmp.Diff(empty, Mirror[Noun](Mirror[Answer](empty))); diff != "" {
		t.Errorf("%T, empty: (-noun +back)\n%s", answer, diff)
	}
	tags := fieldNames(reflect.TypeFor[Answer]())
	for field, name := range fieldNames(reflect.TypeFor[Noun]()) {
		if name != "" && name != "-" && tags[field] != name {
			t.Errorf("%T.%s is %q in JSON, and %q in %T", noun, field, name, tags[field], answer)
		}
	}
}

func fieldNames(t reflect.Type) map[string]string {
	names := map[string]string{}
	for i := range t.NumField() {
		names[t.Field(i).Name], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// fill gives every part a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1308297600, 0).UTC()))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"a":1}`))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7.5)
	case reflect.Bool:
		v.SetBool(true)
	}
}
