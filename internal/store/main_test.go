package store_test

import (
	"testing"

	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
