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
	files, err := os.ReadDir(place.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		err = place.NoDir()
	}
	if err != nil {
		return nil, fmt.Errorf("shmq: list the queues: %w", err)
	}
	var names []string
	for _, f := range files {
		queue, ok := strings.CutPrefix(f.Name(), Prefix)
		if !ok {
			continue
		}
		if memfd.Is(queue) { // that would mean a descriptor
			if queue, err = filepath.Abs(filepath.Join(place.Dir(), f.Name())); err != nil {
				return nil, fail.In("list", place.Dir(), err)
			}
		}
		if _, err := Path(queue); err == nil {
			names = append(names, queue)
		}
	}
	return names, nil
}
