package main

import "context"

type serveCmd struct {
	NoDelivery   bool `xor:"parts" help:"Leave mail to other processes."`
	OnlyDelivery bool `xor:"parts" help:"Send mail alone; health and metrics stay on the admin address."`
}

func (serveCmd) Help() string {
	return `Serves members' pages and the login service's API on REKEY_LISTEN, health and metrics on REKEY_ADMIN_LISTEN, and sends mail. Any number of processes may run on one Postgres database; they share the work. TLS ends in front. On SIGTERM it finishes requests and mails in flight and ends; a second signal kills.

Examples:

    rekey serve
    REKEY_DATABASE_URL=postgres://rekey@db/rekey REKEY_MASTER_KEY_FILE=/run/secrets/master REKEY_PUBLIC_URL=https://reset.example.org rekey serve --no-delivery`
}

func (c *serveCmd) Run(ctx context.Context, s *session) (err error) {
	s.settings.HashProcess = s.settings.HashProcess && !c.OnlyDelivery // mail hashes nothing
	a, err := newApp(ctx, s.settings, s.logger)
	if err != nil {
		return err
	}
	defer func() {
		if closed := a.Close(); err == nil {
			err = closed
		}
	}()
	a.limitMemory()
	return a.run(ctx, parts{web: !c.OnlyDelivery, delivery: !c.NoDelivery})
}
