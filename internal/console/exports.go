package console

import (
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// takeout is a full export on its page: asked for, approved by a second person, downloaded.
type takeout struct {
	Log    bool // the audit log, else the accounts' new passwords
	Plan   desk.Plan
	Second bool
	Until  time.Time // until when it can be downloaded; zero: a second person has to say yes first
	Reason string
}

func (c *Console) auditExport(r *call) error   { return c.takeoutPage(r, true) }
func (c *Console) accountExport(r *call) error { return c.takeoutPage(r, false) }

func (c *Console) takeoutPage(r *call, log bool) error {
	page, err := c.takeout(r, log)
	if err != nil {
		return err
	}
	return r.page("export", page)
}

func (c *Console) takeout(r *call, log bool) (*takeout, error) {
	ctx := r.Request.Context()
	plan, err := c.o.Desk.PlanExport(ctx, r.who, log)
	if err != nil {
		return nil, err
	}
	page := &takeout{Log: log, Plan: plan, Second: c.o.Desk.ForTwo(r.who, plan, exportAct(log)), Reason: r.PostForm("reason")}
	page.Until, err = c.o.Desk.ExportUntil(ctx, r.who, log)
	return page, err
}

func exportAct(log bool) operator.Act {
	if log {
		return operator.AuditExport
	}
	return operator.AccountExport
}

func (c *Console) askAuditExport(r *call) error   { return c.askExport(r, true) }
func (c *Console) askAccountExport(r *call) error { return c.askExport(r, false) }

func (c *Console) askExport(r *call, log bool) error {
	outcome, err := c.o.Desk.AskExport(r.work(), r.who, log, r.PostForm("reason"))
	if err != nil {
		page, looking := c.takeout(r, log)
		if looking != nil {
			return err
		}
		return r.again("export", page, err)
	}
	return r.came(outcome, r.Request.URL.Path, "You may download it now.")
}

// takeAudit streams the whole audit log. What fails before the first byte is a page that says so.
func (c *Console) takeAudit(r *call) error {
	csv := r.PostForm("format") == "csv"
	return c.download(r, "audit", csv, func() error {
		return c.o.Desk.ExportAudit(r.Request.Context(), r.who, csv, r.Writer)
	})
}

// takeAccounts streams the passwords that members set here.
func (c *Console) takeAccounts(r *call) error {
	csv := r.PostForm("format") == "csv"
	request := account.ExportRequest{Format: account.FormatNDJSON}
	if csv {
		request.Format = account.FormatCSV
	}
	return c.download(r, "accounts", csv, func() error {
		_, err := c.o.Desk.ExportAccounts(r.Request.Context(), r.who, request, r.Writer)
		return err
	})
}

func (c *Console) download(r *call, name string, csv bool, write func() error) error {
	if f := r.PostForm("format"); f != "csv" && f != "ndjson" {
		return problem.New(problem.Invalid, "The format is csv or ndjson.")
	}
	if err := r.allowTime(uploadTime); err != nil {
		return err
	}
	kind, media := "ndjson", "application/x-ndjson"
	if csv {
		kind, media = "csv", "text/csv; charset=utf-8"
	}
	r.Header("Content-Disposition", `attachment; filename="`+name+"-"+time.Now().UTC().Format("2006-01-02T1504Z")+"."+kind+`"`)
	r.Header("Content-Type", media)
	if err := write(); err != nil {
		if !r.Writer.Written() {
			r.Writer.Header().Del("Content-Disposition")
			r.Writer.Header().Del("Content-Type")
		}
		return err
	}
	return nil
}
