package main

import (
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/breached"
	"github.com/seed-1c168855/rekey/internal/config"
)

// buildBreached sets the list of breached passwords up behind a guard. A list that cannot be opened ends the start: nobody should
// learn from a log that the list was never there.
func (a *app) buildBreached() error {
	source, files, err := breachedSource(a.settings)
	a.lists = files
	if err != nil || source == nil {
		return err
	}
	a.policy.Breached = breached.NewGuard(source, a.settings.BreachedDown == config.BreachedRefuse, a.breachedDown)
	return nil
}

// breachedDown counts every password that is judged without the list, and logs each answer that was asked for in vain.
func (a *app) breachedDown(err error, asked bool) {
	a.metrics.unlisted.WithLabelValues(a.settings.BreachedDown).Inc()
	if asked {
		a.logger.Warn("the list of breached passwords cannot be read", "holds", a.settings.BreachedDown, "error", err)
	}
}

// breachedSource is the list that the settings name, nil if none. files are open, also after an error.
func breachedSource(s *config.Settings) (source breached.Source, files []io.Closer, err error) {
	if s.BreachedRangeURL != "" {
		api := breached.NewRange(s.BreachedRangeURL, s.BreachedMinCount, s.BreachedTimeout)
		return api, []io.Closer{api}, nil
	}
	var filter *breached.Filter
	least := s.BreachedMinCount
	if s.BreachedFilter != "" {
		if filter, err = breached.OpenFilter(s.BreachedFilter); err != nil {
			return nil, nil, fmt.Errorf("REKEY_BREACHED_FILTER: %w", err)
		}
		source, files = filter, append(files, filter)
		if least, err = leastCount(s, filter.Info().MinCount); err != nil {
			return nil, files, err
		}
	}
	if s.BreachedSorted == "" {
		return source, files, nil
	}
	sorted, err := breached.OpenSorted(s.BreachedSorted, least)
	if err != nil {
		return nil, files, fmt.Errorf("REKEY_BREACHED_SORTED: %w", err)
	}
	files = append(files, sorted)
	if filter == nil {
		return sorted, files, nil
	}
	return breached.Confirm(filter, sorted), files, nil
}

// leastCount is what counts with a filter, which cannot tell more than it was built with.
func leastCount(s *config.Settings, built uint64) (uint64, error) {
	switch want := s.BreachedMinCount; {
	case want == 0 || want == built:
		return built, nil
	case want < built:
		return 0, fmt.Errorf("REKEY_BREACHED_MIN_COUNT: the filter leaves out what was found in fewer than %d places: build it anew, or set that", built)
	case s.BreachedSorted == "":
		return 0, fmt.Errorf("REKEY_BREACHED_MIN_COUNT: the filter was built with %d and knows no counts: build it anew, or set REKEY_BREACHED_SORTED", built)
	default:
		return want, nil
	}
}
