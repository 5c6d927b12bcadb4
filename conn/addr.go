package conn

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// Addr is the address of a listener or of an end of a connection.
type Addr struct {
	// Name is that of the listener, as it was given to Listen or Dial.
	Name string
	// PID is the process of an end that dialled, 0 of one that accepted or listens.
	PID int
}

// Network returns "shmq".
func (a Addr) Network() string { return network }

// String returns the name, and of an end that dialled the process too.
func (a Addr) String() string {
	if a.PID == 0 {
		return a.Name
	}
	return a.Name + "@" + strconv.Itoa(a.PID)
}

// Prefix begins the file names of sockets that are named without a slash.
const Prefix = "shmq-conn."

// Path returns the path of the socket that a name means. Error: ErrName.
func Path(name string) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", fmt.Errorf("%w %q: %s", fail.ErrName, name, fmt.Sprintf(format, args...))
	}
	path := filepath.Join(place.Dir(), Prefix+name)
	switch {
	case name == "":
		return bad("it is empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return bad("it holds control characters or is not UTF-8")
	case name == "." || name == "..":
		return bad("it is a directory")
	case strings.Contains(name, "/"):
		if slices.Contains(strings.Split(name, "/"), "..") {
			return bad(`it steps out of a directory with ".."; give the path without`)
		}
		if strings.HasSuffix(name, "/") {
			return bad("it ends in a slash; a path has to name a socket")
		}
		path = filepath.Clean(name)
	}
	// The address of a socket has room for so much behind the path of an open directory.
	const most = sys.LongestSocketPath - len("/proc/self/fd/1234567890/")
	if base := filepath.Base(path); len(base) > most {
		return bad("its file %q has %d bytes, the limit is %d", base, len(base), most)
	}
	return filepath.Abs(path)
}
