package crew

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/worker/deadletter"
)

// origin is a queue that the records are in.
type origin struct {
	letter    deadletter.Letter // what all letters of the worker have in common
	maxRecord int
}

// need is the size of the largest letter, without its details.
func (o *origin) need() int { return o.maxRecord + o.letter.Overhead() }

// serve makes it one for the records of c too.
func (q *DeadQueue) serve(c *consumer.Raw) error {
	like, err := shmq.Stat(c.Name())
	if err != nil {
		return err
	}
	path, err := originPath(c.Name())
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // a letter without it is as good
	o := origin{
		letter:    deadletter.Letter{Queue: c.Name(), Path: path, CreationID: c.CreationID(), Host: host, PID: os.Getpid()},
		maxRecord: like.MaxRecord,
	}
	if q.like == nil || o.need() > q.largest().need() {
		q.like = like
	}
	q.from = append(q.from, o)
	return nil
}

// largest returns the queue with the largest letters.
func (q *DeadQueue) largest() *origin {
	most := &q.from[0]
	for i := range q.from {
		if q.from[i].need() > most.need() {
			most = &q.from[i]
		}
	}
	return most
}

// originPath returns the path by which a queue is found from any directory, "" if it has
// none.
func originPath(name string) (string, error) {
	if strings.HasPrefix(name, "fd:") || strings.HasPrefix(name, "sysv:") {
		return "", nil
	}
	path, err := shmq.Path(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
