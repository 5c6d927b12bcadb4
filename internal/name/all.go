package name

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
)

// All returns the names of the queues in place.Dir, in their order; a path where the name
// alone would mean something else, as fd:3 does. Some may turn out not to be queues; all
// of them could be, so that what others put into the directory does not drive a terminal.
func All() ([]string, error) {
	files, err := In(place.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("shmq: list the queues: %w", place.NoDir())
	}
	var names []string
	for _, f := range files {
		queue := f.Name
		if memfd.Is(queue) { // that would mean a descriptor
			queue = f.Path
		}
		names = append(names, queue)
	}
	return names, err
}

// File is a file that could be a queue.
type File struct {
	Name string // with SHMQ_DIR set to its directory
	Path string // means the same queue, whatever SHMQ_DIR is
	// Segment: it is called like the side file of a System V segment. Of other files, the
	// path may lead through a symbolic link, which the name does not.
	Segment bool
}

// In returns what All does, for any directory, in the order of the names.
func In(dir string) ([]File, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fail.In("list", dir, err)
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return nil, fmt.Errorf("shmq: list the queues: %w", err)
	}
	var files []File
	for _, e := range entries {
		queue, ok := strings.CutPrefix(e.Name(), Prefix)
		if !ok {
			continue
		}
		f := File{Name: queue, Path: filepath.Join(abs, e.Name())}
		_, err := Path(f.Path)
		if err == nil && !memfd.Is(queue) {
			_, err = Path(queue)
		}
		if err == nil {
			_, f.Segment = sideFile(f.Path)
			files = append(files, f)
		}
	}
	return files, nil
}
