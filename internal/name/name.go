// Package name tells which place a queue's name means.
package name

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/place/sysv"
)

// Prefix begins the file names of queues that are named without a slash.
const Prefix = "shmq."

// longest is what a file name can hold beside the prefix.
const longest = 255 - len(Prefix)

// Find returns the place that a name means. Error: ErrName.
func Find(name string) (place.Place, error) {
	path, at, err := parse(name)
	if err == nil {
		path, err = filepath.Abs(path) // the process may go elsewhere
	}
	if err != nil {
		return nil, fail.In("find", name, err)
	}
	return at(path), nil
}

// Path returns the path that a name means; see shmq.Path. Error: ErrName.
func Path(name string) (string, error) {
	path, _, err := parse(name)
	return path, fail.In("find", name, err)
}

// parse returns the path that a name means, and what makes a place of it when it is
// absolute.
func parse(name string) (path string, at func(abs string) place.Place, err error) {
	bad := func(format string, args ...any) (string, func(string) place.Place, error) {
		return "", nil, fmt.Errorf("%w: %s", fail.ErrName, fmt.Sprintf(format, args...))
	}
	inFile := func(follow bool) func(string) place.Place {
		return func(abs string) place.Place { return file.New(name, abs, follow) }
	}
	switch {
	case memfd.Is(name):
		d, err := memfd.New(name)
		if err != nil {
			return "", nil, err
		}
		return d.Shown(), func(string) place.Place { return d }, nil
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
		path := filepath.Clean(name)
		if segment, ok := sideFile(path); ok {
			return path, func(abs string) place.Place { return sysv.New(segment, abs) }, nil
		}
		return path, inFile(true), nil
	case name == "." || name == "..":
		return bad("it is a directory")
	case len(name) > longest:
		return bad("it has %d bytes, the limit is %d", len(name), longest)
	case strings.HasPrefix(name, sysv.Prefix):
		segment, err := sysv.Parse(name)
		if err != nil {
			return bad("%v", err)
		}
		return inDir(segment.String()), func(abs string) place.Place { return sysv.New(segment, abs) }, nil
	}
	return inDir(name), inFile(false), nil // others can put links there
}

func inDir(name string) string { return filepath.Join(place.Dir(), Prefix+name) }

// sideFile returns the segment whose side file a path leads to, if it is called like one:
// no queue in a file has such a name in a directory of queues.
func sideFile(path string) (sysv.Name, bool) {
	name, ok := strings.CutPrefix(filepath.Base(path), Prefix+sysv.Prefix)
	if !ok {
		return sysv.Name{}, false
	}
	segment, err := sysv.Parse(sysv.Prefix + name)
	return segment, err == nil && segment.String() == sysv.Prefix+name
}
