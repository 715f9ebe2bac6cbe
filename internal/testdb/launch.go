package testdb

// Launch starts a server with an empty database for a program that is no test, such as a benchmark: nobody ends it but Close, or the
// end of this process. Durable says that commits reach the disk, as in production, so that what is measured is honest; settings are
// further ones of postgresql.conf, as name=value.
func Launch(durable bool, settings ...string) (*Server, error) {
	return newServer(launchArgs(durable, settings)...)
}

func launchArgs(durable bool, settings []string) []string {
	args := throwaway
	if durable {
		args = nil
	}
	for _, s := range settings {
		args = append(args[:len(args):len(args)], "-c", s)
	}
	return args
}

// throwaway are the settings of a server whose data may be lost: faster by far.
var throwaway = []string{"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB"}

// Close ends the server and removes all it kept.
func (s *Server) Close() error { return s.close() }

// Clone makes a database, as a copy of another that nobody is connected to or empty if that is "", and returns its URL.
func (s *Server) Clone(name, template string) (string, error) {
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + template
	}
	return s.dsn(name), s.exec(statement)
}

// Drop removes a database, even if somebody is connected to it.
func (s *Server) Drop(name string) error { return s.exec("DROP DATABASE " + name + " WITH (FORCE)") }
