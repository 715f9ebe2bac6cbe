package delivery

import (
	"fmt"
	"io/fs"
	"sync"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/web"
)

// vocabulary names known classes of data in our languages, as the pages do.
var vocabulary = sync.OnceValue(func() *incident.Vocabulary {
	locales, err := fs.Sub(web.Files, "locales")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	v, err := incident.LoadVocabulary(locales)
	if err != nil {
		panic(fmt.Errorf("reading the built-in classes of data: %w", err))
	}
	return v
})
