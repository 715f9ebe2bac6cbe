package store

import "math"

// below is the bound of a page that goes on after the row with a number; 0 begins at the newest.
func below(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}

// cut takes the rows of a page from one more than it has, and says after which the next page begins; 0: this was the last.
func cut[Row any](rows []Row, limit int, key func(Row) int64) (page []Row, next int64) {
	if len(rows) <= limit {
		return rows, 0
	}
	return rows[:limit], key(rows[limit-1])
}
