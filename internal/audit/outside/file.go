package outside

import (
	"context"
	"fmt"
	"os"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// File appends checkpoints to a file, a blank line after each. It earns trust where it lies on storage that only grows, or is
// carried away.
type File struct{ Path string }

// Send returns once the checkpoint is on the disk.
func (f File) Send(_ context.Context, c audit.Checkpoint) error {
	file, err := os.OpenFile(f.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the checkpoint file: %w", err)
	}
	_, err = file.WriteString(c.Note + "\n") // in one piece, so that two processes do not mix
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("writing the checkpoint file: %w", err)
	}
	return nil
}
