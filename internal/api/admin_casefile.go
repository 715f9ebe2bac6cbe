package api

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const htmlType = "text/html"

// HeaderSHA256 is the digest of an evidence report in hex, as the audit log and the list have it. Repr-Digest (RFC 9530) says the same.
const HeaderSHA256 = "Rekey-SHA256"

// casefileRoutes are what is kept about an incident beside its notice.
func (a *Admin) casefileRoutes() []adminRoute {
	return []adminRoute{
		reads("/incidents/:slug/clocks", operator.ReadIncidents, doc{id: "clocks", tag: tagIncidents, summary: "Its deadlines, the next due first, and those that laws may add",
			about: "What laws may add is no advice, but a list to go through with somebody who knows."}, a.clocks),
		does(post, "/incidents/:slug/clocks", operator.IncidentClock, doc{id: "addClock", tag: tagIncidents, summary: "Add a deadline",
			example: ClockRequest{Name: "GDPR Art. 33: supervisory authority", DueAt: 1308556800}}, a.addClock),
		does(put, "/incidents/:slug/clocks/:number", operator.IncidentClock, doc{id: "changeClock", tag: tagIncidents, summary: "Change a deadline, or mark it met",
			about: "What is left out stays as it is.", example: ClockChange{Note: ptr("filed as 2011-0417"), Done: ptr(true)}}, a.changeClock),
		reads("/incidents/:slug/facts", operator.ReadIncidents, doc{id: "facts", tag: tagIncidents, summary: "What the evidence report says in your words",
			about: "Every field that an authority asks for (GDPR Art. 33), written or not."}, a.facts),
		does(put, "/incidents/:slug/facts", operator.IncidentFact, doc{id: "setFacts", tag: tagIncidents, summary: "Write fields of the evidence report",
			about: "What is left out stays as it is; an empty text clears a field.", example: FactsRequest{Nature: ptr("A backup was copied."), SubjectNumber: ptr("1290775")}}, a.setFacts),
		reads("/incidents/:slug/reports", operator.ReadReports, doc{id: "reports", tag: tagIncidents, summary: "The versions of its evidence report, the newest first"}, a.reports),
		does(post, "/incidents/:slug/reports", operator.ReportMake, doc{id: "makeReport", tag: tagIncidents, summary: "Keep a new version of the evidence report",
			about: "Not idempotent: asked twice it keeps two. None is ever changed."}, a.makeReport),
		streams("/incidents/:slug/reports/:version", operator.ReadReports, doc{id: "report", tag: tagIncidents, summary: "One version, byte for byte as it was made",
			about: "A page that stands alone. Its SHA-256 is in `" + HeaderSHA256 + "` (hex) and `Repr-Digest` (RFC 9530), and stands in the audit log."}, []string{htmlType}, a.report),
	}
}

func (a *Admin) clocks(r *asked) (answer IncidentClocks, err error) {
	i, err := a.o.Desk.Incident(r.ctx, r.who, r.Param("slug"))
	if err != nil {
		return answer, err
	}
	list, err := a.o.Desk.Clocks(r.ctx, r.who, i.Slug)
	return IncidentClocks{mirrorAll[IncidentClock](list), mirrorAll[ClockSuggestion](incident.Suggest(i, list))}, err
}

func (a *Admin) addClock(r *asked, q ClockRequest) (IncidentClock, error) {
	return a.clock(r, incident.ClockChange{Name: &q.Name, DueAt: moment(&q.DueAt), Note: q.Note})
}

func (a *Admin) changeClock(r *asked, q ClockChange) (IncidentClock, error) {
	n, err := r.id("number")
	if err != nil {
		return IncidentClock{}, err
	}
	return a.clock(r, incident.ClockChange{ID: n, Name: q.Name, DueAt: moment(q.DueAt), Note: q.Note, Done: q.Done})
}

func (a *Admin) clock(r *asked, c incident.ClockChange) (IncidentClock, error) {
	c.Slug = r.Param("slug")
	clock, err := a.o.Desk.ChangeClock(r.ctx, r.who, c)
	return Mirror[IncidentClock](clock), err
}

func (a *Admin) facts(r *asked) (answer IncidentFacts, err error) {
	slug := r.Param("slug")
	if _, err := a.o.Desk.Incident(r.ctx, r.who, slug); err != nil { // an unknown one has no facts, which is no error below
		return answer, err
	}
	facts, err := a.o.Desk.Facts(r.ctx, r.who, slug)
	for _, f := range incident.Fields() {
		one := Mirror[IncidentFact](f)
		if fact, written := facts[f.Name]; written {
			one.Value, one.UpdatedAt = fact.Value, ptr(fact.UpdatedAt.Unix())
		}
		answer.Facts = append(answer.Facts, one)
	}
	return answer, err
}

func (a *Admin) setFacts(r *asked, q FactsRequest) (IncidentFacts, error) {
	values, err := q.values()
	if err != nil {
		return IncidentFacts{}, err
	}
	if err := a.o.Desk.SetFacts(r.ctx, r.who, r.Param("slug"), values); err != nil {
		return IncidentFacts{}, err
	}
	return a.facts(r)
}

// values are the fields that were sent, by name.
func (q FactsRequest) values() (values map[string]string, err error) {
	text, err := json.Marshal(q)
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	return values, err
}

func (a *Admin) reports(r *asked) (answer IncidentReports, err error) {
	slug := r.Param("slug")
	if _, err := a.o.Desk.Incident(r.ctx, r.who, slug); err != nil {
		return answer, err
	}
	list, err := a.o.Desk.Reports(r.ctx, r.who, slug)
	return IncidentReports{mirrorAll[IncidentReport](list)}, err
}

func (a *Admin) makeReport(r *asked, _ Nothing) (IncidentReport, error) {
	made, err := a.o.Desk.MakeReport(r.ctx, r.who, r.Param("slug"))
	return Mirror[IncidentReport](made), err
}

func (a *Admin) report(r *asked) error {
	version, err := r.id("version")
	if err == nil && version > math.MaxInt32 {
		err = problem.New(problem.NotFound, "There is nothing at this address.")
	}
	if err != nil {
		return err
	}
	slug := r.Param("slug")
	made, page, err := a.o.Desk.Report(r.ctx, r.who, slug, int(version))
	if err != nil {
		return err
	}
	digest, err := hex.DecodeString(made.SHA256)
	if err != nil {
		return fmt.Errorf("reading the digest of report %d: %w", version, err)
	}
	r.Header(HeaderSHA256, made.SHA256)
	r.Header("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest)+":")
	_, err = r.download(htmlType, fmt.Sprintf("%s-report-%d.html", slug, version)).Write(page)
	return err
}
