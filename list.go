package shmq

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
)

// Dir returns the directory of queues that are named without a slash: SHMQ_DIR
// if it is set, else /dev/shm.
func Dir() string { return place.Dir() }

// Path returns the file that a queue's name means; of fd:N, a path that leads to it in
// this process alone; of a queue in a System V segment (sysv:KEY, sysv:id:ID) its side
// file. Error: ErrName.
func Path(queue string) (string, error) { return name.Path(queue) }

// Entry is one queue of a List: Err tells why Info is nil.
type Entry struct {
	Name string
	Info *Info
	Err  error
}

// List describes the queues in Dir, in the order of their names. A queue that can't
// be described, for lack of permission for example, has an entry with the error;
// one that is removed meanwhile has none.
func List() ([]Entry, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, queue := range names {
		info, err := Stat(queue)
		if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fail.ErrUnfinished) {
			continue
		}
		entries = append(entries, Entry{queue, info, err})
	}
	return entries, nil
}

// Names returns the names of the queues in Dir, in their order; a path where the name
// alone would mean something else, as fd:3 does. Some may turn out not to be queues; all
// of them could be, so that what others put into the directory does not drive a terminal.
func Names() ([]string, error) {
	files, err := os.ReadDir(Dir())
	if errors.Is(err, fs.ErrNotExist) {
		err = place.NoDir()
	}
	if err != nil {
		return nil, fmt.Errorf("shmq: list the queues: %w", err)
	}
	var names []string
	for _, f := range files {
		queue, ok := strings.CutPrefix(f.Name(), name.Prefix)
		if !ok {
			continue
		}
		if memfd.Is(queue) { // that would mean a descriptor
			if queue, err = filepath.Abs(filepath.Join(Dir(), f.Name())); err != nil {
				return nil, fail.In("list", Dir(), err)
			}
		}
		if _, err := Path(queue); err == nil {
			names = append(names, queue)
		}
	}
	return names, nil
}
