package shmqprom

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/name"
)

// directory is one directory at one collection.
type directory struct {
	path    string
	omitted map[string]int
	untold  int // participants
}

// file is a file that could be a queue.
type file struct {
	name.File
	dir *directory
}

// list lists the directories, and adds what there is to say of each.
func (c *Collector) list(out chan<- prometheus.Metric) (dirs []*directory, all []*file) {
	for _, path := range c.dirs {
		d := &directory{path: path, omitted: map[string]int{}}
		files, err := name.In(path)
		dirs = append(dirs, d)
		up := 1.0
		if err != nil {
			up = 0
		}
		out <- prometheus.MustNewConstMetric(directoryUp, prometheus.GaugeValue, up, path)
		out <- prometheus.MustNewConstMetric(found, prometheus.GaugeValue, float64(len(files)), path)
		for _, f := range files {
			all = append(all, &file{f, d})
		}
	}
	return dirs, all
}

// forget drops what is known of files that are gone.
func (c *Collector) forget(files []*file) {
	here := map[string]bool{}
	for _, f := range files {
		here[f.Path] = true
	}
	for path := range c.queues {
		if !here[path] {
			delete(c.queues, path)
		}
	}
}

// inOrder returns the files in the order of description: those known to be queues come
// before what other users may have put there, and each of both parts begins where the
// collection before ran out of time.
func (c *Collector) inOrder(files []*file) []*file {
	turned := slices.Clone(files)
	if i := slices.IndexFunc(files, func(f *file) bool { return f.Path == c.from }); i > 0 {
		turned = slices.Concat(files[i:], files[:i])
	}
	c.from = ""
	slices.SortStableFunc(turned, func(a, b *file) int { return c.rank(a) - c.rank(b) })
	return turned
}

func (c *Collector) rank(f *file) int {
	if q := c.queues[f.Path]; q != nil && q.err == nil {
		return 0
	}
	return 1
}

// errSparse refuses what would take memory to read: see name.Sparse.
var errSparse = errors.New("it was not allocated whole, as queues are, and to read it would do that; copy it with cp --sparse=never, or remove it")

// watch opens a queue. It never opens what a symbolic link leads to, nor a device: any user
// can put links into /dev/shm, and to open some devices has consequences.
func watch(f *file) (*shmq.Watcher, error) {
	if f.Segment {
		if name.Sparse(f.Path) {
			return nil, errSparse
		}
		return shmq.Watch(f.Path)
	}
	const namesOnly = 0x200000 // O_PATH: to name the file, and not to open it
	at, err := os.OpenFile(f.Path, namesOnly|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	info, err := at.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is no regular file", shmq.ErrNotQueue)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", at.Fd())
	if name.Sparse(path) {
		return nil, errSparse
	}
	w, err := shmq.Watch(path)
	var named *shmq.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	return w, err
}

// told is an error in which the queue has its own path.
func told(f *file, err error) error {
	text := err.Error()
	if i := strings.Index(text, "/proc/self/fd/"); i >= 0 {
		end := i + len("/proc/self/fd/")
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		text = text[:i] + f.Path + text[end:]
	}
	return &pathError{fmt.Sprintf("queue %q: %s", f.Path, strings.TrimPrefix(text, f.Path+": ")), err}
}

type pathError struct {
	text string
	err  error
}

func (e *pathError) Error() string { return e.text }
func (e *pathError) Unwrap() error { return e.err }
