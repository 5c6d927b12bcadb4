//go:build linux

package testproc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

var freezers atomic.Uint64 // made by this process

// Freezer is a cgroup, and one in it, of which either can be frozen.
type Freezer struct {
	t    testing.TB
	v2   bool
	mine bool   // the hierarchy was mounted for it
	root string // of the hierarchy
	Dir  string // of the outer cgroup
}

// NewFreezer makes the cgroups in a hierarchy of that version, which it mounts if it has
// to. It skips the test, with the reason, where that is not allowed.
func NewFreezer(t testing.TB, v2 bool) *Freezer {
	t.Helper()
	f := &Freezer{t: t, v2: v2}
	kind, magic, options, usual := "cgroup", int64(unix.CGROUP_SUPER_MAGIC), "freezer", []string{"/sys/fs/cgroup/freezer"}
	if v2 {
		kind, magic, options, usual = "cgroup2", unix.CGROUP2_SUPER_MAGIC, "", []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}
	}
	for _, dir := range usual {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && int64(st.Type) == magic && unix.Access(dir, unix.W_OK) == nil {
			f.root = dir
		}
	}
	if f.root == "" {
		f.root, f.mine = t.TempDir(), true
		if err := unix.Mount("none", f.root, kind, 0, options); err != nil {
			t.Skipf("no hierarchy of %s with a freezer is there to be written to, and none can be mounted: %v", kind, err)
		}
	}
	f.Dir = filepath.Join(f.root, "shmq-test-"+strconv.Itoa(os.Getpid())+"-"+strconv.FormatUint(freezers.Add(1), 10))
	t.Cleanup(f.remove)
	if err := os.MkdirAll(f.Inner(), 0o755); err != nil {
		t.Skipf("no cgroup can be made: %v", err)
	}
	if _, err := os.Stat(f.file(f.Dir)); err != nil {
		t.Skipf("cgroups here have no freezer: %v", err)
	}
	return f
}

// Inner is the directory of the inner cgroup.
func (f *Freezer) Inner() string { return filepath.Join(f.Dir, "in ner") }

// file is what freezes a cgroup and thaws it.
func (f *Freezer) file(dir string) string {
	if f.v2 {
		return filepath.Join(dir, "cgroup.freeze")
	}
	return filepath.Join(dir, "freezer.state")
}

// File is what freezes and thaws the outer cgroup.
func (f *Freezer) File() string { return f.file(f.Dir) }

// InnerFile is what freezes and thaws the inner cgroup.
func (f *Freezer) InnerFile() string { return f.file(f.Inner()) }

// Add moves a process to the inner cgroup.
func (f *Freezer) Add(pid int) {
	f.t.Helper()
	if err := write(filepath.Join(f.Inner(), "cgroup.procs"), strconv.Itoa(pid)); err != nil {
		f.t.Skipf("no process can be moved to a cgroup: %v", err)
	}
}

// Freeze freezes a cgroup by its file, and waits until what is in the inner one is frozen.
// It asks again as long as that is not so: a thread that stops by a signal in the moment
// version 1 asks it to freeze stays FREEZING until it is asked once more.
func (f *Freezer) Freeze(file string) {
	f.t.Helper()
	value, state, want := "FROZEN", "freezer.state", "FROZEN"
	if f.v2 {
		value, state, want = "1", "cgroup.events", "frozen 1"
	}
	Until(f.t, func() bool {
		if err := write(file, value); err != nil {
			f.t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(f.Inner(), state))
		return err == nil && strings.Contains(string(b), want)
	})
}

// Thaw undoes Freeze.
func (f *Freezer) Thaw(file string) error {
	if f.v2 {
		return write(file, "0")
	}
	return write(file, "THAWED")
}

func (f *Freezer) remove() {
	for _, dir := range []string{f.Dir, f.Inner()} {
		_ = f.Thaw(f.file(dir))
	}
	for _, dir := range []string{f.Inner(), f.Dir} {
		pids, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(pids)) {
			_ = write(filepath.Join(f.root, "cgroup.procs"), pid)
		}
		if _, err := os.Stat(dir); err == nil {
			Until(f.t, func() bool { return unix.Rmdir(dir) == nil }) // a dead process leaves it late
		}
	}
	if f.mine {
		if err := unix.Unmount(f.root, 0); err != nil && err != unix.EINVAL {
			f.t.Error(err)
		}
	}
}

// write does not make the file, as os.WriteFile would try to.
func write(file, text string) error {
	g, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer g.Close()
	_, err = g.WriteString(text)
	return err
}
