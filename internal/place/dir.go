package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shmq/shmq/internal/sys"
)

// Dir returns the directory of queues that are named without a slash; see shmq.Dir.
func Dir() string {
	if d := os.Getenv("SHMQ_DIR"); d != "" {
		return d
	}
	return "/dev/shm"
}

// NoDir returns the error about a Dir that does not exist.
func NoDir() error {
	if os.Getenv("SHMQ_DIR") == "" {
		return fmt.Errorf("%w: there is no directory %s; mount a tmpfs there, or name another directory in SHMQ_DIR", fs.ErrNotExist, Dir())
	}
	return fmt.Errorf("%w: SHMQ_DIR names the directory %s, which is not there; make it, or name another one", fs.ErrNotExist, Dir())
}

// DirectoryOf returns an error if the directory of a file does not exist. byName tells
// whether the file is that of a queue in Dir.
func DirectoryOf(path string, byName bool) error {
	dir := filepath.Dir(path)
	if _, err := sys.PathID(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if byName {
		return NoDir()
	}
	return fmt.Errorf("%w: there is no directory %s; make it first", fs.ErrNotExist, dir)
}
