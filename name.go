package shmq

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	defaultDir = "/dev/shm"
	filePrefix = "shmq."
	// maxName is what a file name can hold beside the prefix.
	maxName = 255 - len(filePrefix)
)

// Dir returns the directory of queues that are named without a slash: SHMQ_DIR
// if it is set, else /dev/shm.
func Dir() string {
	if d := os.Getenv("SHMQ_DIR"); d != "" {
		return d
	}
	return defaultDir
}

// Path returns the file that a queue's name means; of fd:N, a path that leads to it in
// this process alone; of a queue in a System V segment (sysv:KEY, sysv:id:ID) its side
// file. Error: ErrName.
func Path(name string) (string, error) {
	bad := func(why string) (string, error) {
		return "", &Error{"find", name, fmt.Errorf("%w: %s", ErrName, why)}
	}
	switch {
	case isFD(name):
		at, err := newFDPlace(name)
		if err != nil {
			return "", err
		}
		return at.path, nil
	case name == "":
		return bad("it is empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return bad("it holds control characters or is not UTF-8")
	case strings.Contains(name, "/"):
		if slices.Contains(strings.Split(name, "/"), "..") {
			return bad(`it steps out of a directory with ".."; give the path without`)
		}
		if strings.HasSuffix(name, "/") {
			return bad("it ends in a slash; a path has to name a file")
		}
		return filepath.Clean(name), nil
	case name == "." || name == "..":
		return bad("it is a directory")
	case len(name) > maxName:
		return bad(fmt.Sprintf("it has %d bytes, the limit is %d", len(name), maxName))
	case strings.HasPrefix(name, sysvPrefix):
		s, err := parseSegment(name)
		if err != nil {
			return bad(err.Error())
		}
		name = s.String()
	}
	return filepath.Join(Dir(), filePrefix+name), nil
}

// inDir reports whether a name is looked up in Dir, where others can put links.
func inDir(name string) bool { return !strings.Contains(name, "/") }

func quote(name string) string { return strconv.Quote(name) }
