package store

import "database/sql"

// Stats says how busy the connections are, for metrics.
func (s *Store) Stats() sql.DBStats { return s.pool.Stats() }
