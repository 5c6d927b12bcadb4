package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
)

// LookPath returns the path of a command. Errors: ErrNotFound, ErrCantRun.
func LookPath(command string) (string, error) {
	path, err := exec.LookPath(command)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return "", fmt.Errorf("%w: %w", ErrCantRun, err)
}
