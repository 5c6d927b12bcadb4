package shmq

import (
	"errors"
	"io/fs"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place"
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
	names, err := name.All()
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
