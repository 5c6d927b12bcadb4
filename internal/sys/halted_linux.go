package sys

import (
	"bytes"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Processes answers questions about processes, as things are in /proc. It is for one look:
// what it needs to know of the mounts it reads once, and of each process once what it needs
// to know of that. It is for one goroutine at a time.
type Processes struct {
	proc   string // "/proc"
	looked bool
	mounts []cgroupMount
	known  map[started]Halt // of processes that there are: no seat that lies makes it grow
}

// cgroupMount is where a hierarchy of cgroups that has freezers is mounted.
type cgroupMount struct {
	v2          bool
	root, point string
}

// NewProcesses returns a Processes of this machine.
func NewProcesses() *Processes { return &Processes{proc: "/proc"} }

// Halted tells whether the process of that pid and start time is stopped or frozen. It is
// the zero value also where that can't be told: without /proc, and of a process in another
// PID namespace, whose pid means another one or none here.
//
// The states of threads in /proc do not tell a frozen process from one that sleeps: they
// are D with version 1 of cgroups, S with version 2, T where it was stopped before, and for
// an instant still R.
func (p *Processes) Halted(pid uint32, start uint64) Halt {
	of := started{int(pid), start}
	if h, ok := p.known[of]; ok {
		return h
	}
	h, exists := p.look(pid, start)
	if exists {
		if p.known == nil {
			p.known = map[started]Halt{}
		}
		p.known[of] = h
	}
	return h
}

func (p *Processes) look(pid uint32, start uint64) (h Halt, exists bool) {
	dir := p.proc + "/" + strconv.FormatUint(uint64(pid), 10)
	state, started := processStat(dir)
	if start == 0 || started != start {
		return h, false
	}
	switch state {
	case 'T': // by a signal, which stops all threads
		h.Stopped = true
	case 't', 'Z', 'X': // a debugger has it, or it ended before the others
		h.Stopped = threadsStopped(dir + "/task")
	}
	h.Freezer, h.Frozen = p.freezer(dir)
	return h, true
}

// threadsStopped reports whether a signal has stopped the threads of a process, or a
// debugger all of them that have not ended.
func threadsStopped(dir string) bool {
	names, err := listDir(dir)
	if err != nil {
		return false
	}
	traced, going := false, false
	for _, name := range names {
		switch state, _ := processStat(dir + "/" + name); state {
		case 'T':
			return true
		case 't':
			traced = true
		case 'Z', 'X', 0: // ended
		default:
			going = true
		}
	}
	return traced && !going
}

// freezer reports whether a cgroup of the process is frozen, and what thaws it.
func (p *Processes) freezer(dir string) (file string, frozen bool) {
	groups, err := readFile(dir + "/cgroup")
	if err != nil {
		return "", false
	}
	for line := range bytes.Lines(groups) { // 6:freezer:/path, or 0::/path
		fields := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		v2 := fields[0] == "0" && fields[1] == ""
		if !v2 && !hasField(fields[1], "freezer") {
			continue
		}
		top, at, ok := p.find(v2, strings.TrimSuffix(fields[2], " (deleted)"))
		if !ok {
			continue
		}
		if v2 && isFrozen2(at) {
			return setBy(top, at, "cgroup.freeze", "1"), true
		}
		if !v2 && isFrozen1(at) {
			return setBy(top, at, "freezer.self_freezing", "1"), true
		}
	}
	return "", false
}

// isFrozen2 asks cgroup.events, which tells also of a cgroup above that is frozen.
func isFrozen2(dir string) bool {
	b, err := readFile(dir + "/cgroup.events")
	return err == nil && hasLine(b, "frozen 1")
}

// isFrozen1 asks freezer.state, which tells also of a cgroup above that is frozen.
func isFrozen1(dir string) bool {
	b, err := readFile(dir + "/freezer.state")
	return err == nil && hasLine(b, "FROZEN")
}

// setBy returns the file that thaws what is frozen at a cgroup: that of the uppermost one,
// up to top, whose file name has the value.
func setBy(top, at, name, value string) (file string) {
	for {
		if b, err := readFile(at + "/" + name); err == nil && hasLine(b, value) {
			file = at + "/" + strings.Replace(name, "self_freezing", "state", 1)
		}
		if at == top || len(at) < len(top) {
			return file
		}
		at = filepath.Dir(at)
	}
}

// find returns where a cgroup that /proc names is mounted, and the mount itself. It is not
// found outside of what this process sees: the path then begins with /.. or with more than
// the mount's root.
func (p *Processes) find(v2 bool, path string) (top, at string, ok bool) {
	if !p.looked {
		p.looked = true
		if b, err := readFile(p.proc + "/self/mountinfo"); err == nil {
			p.mounts = cgroupMounts(b)
		}
	}
	for _, m := range p.mounts {
		if m.v2 != v2 {
			continue
		}
		rel, err := filepath.Rel(m.root, path)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return m.point, filepath.Join(m.point, rel), true
		}
	}
	return "", "", false
}

// cgroupMounts picks the mounts of hierarchies with freezers out of a mountinfo:
//
//	37 31 0:34 /root /mount/point rw,relatime - cgroup cgroup rw,freezer
func cgroupMounts(info []byte) (mounts []cgroupMount) {
	for line := range bytes.Lines(info) {
		before, after, ok := strings.Cut(string(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		v2 := right[0] == "cgroup2"
		if v2 || right[0] == "cgroup" && hasField(right[2], "freezer") {
			mounts = append(mounts, cgroupMount{v2, unescape(left[3]), unescape(left[4])})
		}
	}
	return mounts
}

// unescape undoes what the kernel does to blanks in a path: \040 and the like.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func hasField(list, field string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == field {
			return true
		}
	}
	return false
}

func hasLine(b []byte, want string) bool {
	for line := range bytes.Lines(b) {
		if string(bytes.TrimSpace(line)) == want {
			return true
		}
	}
	return false
}

// readFile reads a file of /proc or of a hierarchy of cgroups. The os package would start
// the runtime's poller first, which ends the process where no descriptor is left for it.
func readFile(path string) (_ []byte, err error) {
	f, err := Open(path, false, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := make([]byte, 0, 4096)
	for len(b) < 4<<20 {
		b = append(b, make([]byte, 4096)...)[:len(b)]
		n, err := f.ReadAt(b[len(b):cap(b)], int64(len(b)))
		if err != nil || n == 0 {
			return b, err
		}
		b = b[:len(b)+n]
	}
	return b, nil
}

// listDir returns the names in a directory.
func listDir(path string) (names []string, err error) {
	f, err := Open(path, false, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for b := make([]byte, 4096); ; {
		n, err := retryInt(func() (int, error) { return unix.ReadDirent(f.fd, b) })
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(b[:n], -1, names)
	}
}
