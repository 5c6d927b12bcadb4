package rpc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/layout"
)

// An answer queue is the file of the request queue with answersMark and the client's token
// behind its name. A server makes the path of eight bytes in the request; no text of a client
// gets into it.
//
// It has one consumer, its client, which has the kernel's lock of that role from when it
// attaches until its process ends or closes it. So a queue of such a name whose lock is free is
// one of a client that is gone, or that has just made it: a client that finds that its new queue
// was removed before it was attached makes it anew.

const answersMark = ".answers-"

// requestPath returns the path that a request queue really has: whichever name or link leads to it,
// its clients and servers find each other's queues beside it.
func requestPath(queue string) (string, error) {
	if err := refuseNameless(queue); err != nil {
		return "", err
	}
	path, err := shmq.Path(queue)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if over := len(filepath.Base(path)) + len(answersMark) + 2*tokenSize - 255; over > 0 {
		return "", fmt.Errorf("%w: it is too long by %d bytes for the names of answer queues", shmq.ErrName, over)
	}
	return path, nil
}

// refuseNameless refuses queues that are no files with names.
func refuseNameless(queue string) error {
	if !strings.Contains(queue, "/") && (strings.HasPrefix(queue, "fd:") || strings.HasPrefix(queue, "sysv:")) {
		return fmt.Errorf("%w: answer queues lie beside the request queue, so that has to be a file with a name", shmq.ErrName)
	}
	return nil
}

func answersPath(requests string, client token) string {
	return requests + answersMark + hex.EncodeToString(client[:])
}

// AnswersOf returns the name of the request queue if queue has the name of an answer queue, of
// one of its clients.
func AnswersOf(queue string) (requests string, ok bool) {
	i := strings.LastIndex(queue, answersMark)
	if i <= 0 || strings.HasSuffix(queue[:i], "/") {
		return "", false
	}
	digits := queue[i+len(answersMark):]
	if len(digits) != 2*tokenSize || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	return queue[:i], true
}

// Collect removes the answer queues of clients of a request queue that are gone: killed, or
// closed without having been able to remove it. That of a living client stays, also if that is
// stopped. The request queue need not exist. It returns how many it removed; an error says
// which it could not, and that the others were removed all the same. Servers and clients call
// it by themselves.
func Collect(queue string) (removed int, err error) {
	path, err := requestPath(queue)
	if errors.Is(err, fs.ErrNotExist) {
		if path, err = shmq.Path(queue); err == nil {
			path, err = filepath.Abs(path)
		}
	}
	if err != nil {
		return 0, fail.In("collect the answer queues of", queue, err)
	}
	paths, err := answerPaths(path)
	var failed []error
	for _, p := range paths {
		ok, err := collect(p, false)
		if ok {
			removed++
		}
		failed = append(failed, err)
	}
	return removed, fail.In("collect the answer queues of", queue, errors.Join(append(failed, err)...))
}

// answerPaths returns the paths beside a request queue that are those of answer queues.
func answerPaths(requests string) (paths []string, err error) {
	dir, err := os.Open(filepath.Dir(requests))
	if err != nil {
		return nil, err
	}
	defer dir.Close() // it was open for reading only
	names, err := dir.Readdirnames(-1)
	base := filepath.Base(requests)
	for _, n := range names {
		if of, ok := AnswersOf(n); ok && of == base {
			paths = append(paths, filepath.Join(filepath.Dir(requests), n))
		}
	}
	return paths, err
}

// Abandoned reports whether queue is the answer queue of a client that is gone: it has such a
// name and one consumer, which is not attached.
func Abandoned(queue string) (bool, error) {
	path, ok, err := answersFile(queue)
	if err != nil || !ok {
		return false, err
	}
	gone, err := collect(path, true)
	return gone, fail.In("look at", queue, err)
}

// CollectOne removes queue if it is Abandoned, and reports whether it did.
func CollectOne(queue string) (bool, error) {
	path, ok, err := answersFile(queue)
	if err != nil || !ok {
		return false, err
	}
	gone, err := collect(path, false)
	return gone, fail.In("remove", queue, err)
}

func answersFile(queue string) (path string, ok bool, err error) {
	if _, ok = AnswersOf(queue); !ok {
		return "", false, nil
	}
	if path, err = shmq.Path(queue); err == nil {
		path, err = filepath.Abs(path)
	}
	return path, err == nil, err
}

// collect removes the answer queue at path if its client is gone, and reports whether that is so.
// What is no answer queue it leaves alone; so it does a link, as the kernel would remove that.
// With dry it removes nothing.
func collect(path string, dry bool) (gone bool, err error) {
	at := file.New(path, path, false)
	h, err := at.Open(!dry)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, shmq.ErrNotQueue):
		return false, nil
	case err != nil:
		return false, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	header, err := place.ReadHeader(h)
	if err != nil || header.ManyConsumers || header.Each {
		return false, nil
	}
	if dry {
		held, err := h.File.Locked(layout.LockConsumer)
		return !held, err
	}
	// Held until the name is gone: its client can't attach meanwhile.
	ok, err := h.File.TryLock(layout.LockConsumer, true)
	if err != nil || !ok {
		return false, err
	}
	defer h.File.Unlock(layout.LockConsumer) // a child that is being started may share the description
	if err := place.Remove(at, h); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, nil
}
