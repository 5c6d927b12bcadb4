//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// program is built from a source here, by the tools of its language.
type program struct {
	kind   func(p *program, fetch bool) (absent string, err error)
	source string
	needs  string // the Debian package, or what else has to be there
	args   []string

	once   sync.Once
	argv   []string // what starts it
	absent string
	err    error
}

// build makes argv, or says what is absent. Unless it may fetch, it uses only what is on
// this machine.
func (p *program) build(fetch bool) (absent string, err error) {
	p.once.Do(func() { p.absent, p.err = p.kind(p, fetch) })
	return p.absent, p.err
}

// built is a directory that outlasts the run, named after what goes into what is built there.
func built(name string, parts ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d\n%s\n", len(part), part)
	}
	dir := filepath.Join(cache, "shmq-peers", fmt.Sprintf("%s-%x", name, h.Sum(nil)[:8]))
	return dir, os.MkdirAll(dir, 0o755)
}

func contents(patterns ...string) (all []string, err error) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			all = append(all, f, string(b))
		}
	}
	return all, nil
}

// inGo is a program of this module: this one.
func inGo(p *program, _ bool) (string, error) {
	self, err := os.Executable()
	p.argv = []string{self, goEnd}
	return "", err
}

func cpp(source, needs string, args ...string) *program {
	return &program{kind: inCpp, source: source, needs: needs, args: args}
}

// notInstalled is what a compiler says of a header, and a linker of a library.
var notInstalled = regexp.MustCompile(`fatal error: .*: No such file or directory|cannot find -l\S+`)

func inCpp(p *program, _ bool) (absent string, err error) {
	version, err := exec.Command("g++", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "no g++", nil
	}
	parts, readErr := contents("cpp/*.h", "cpp/*.hpp", "cpp/*.c", "cpp/"+p.source)
	if err := errors.Join(err, readErr); err != nil {
		return "", err
	}
	dir, err := built(strings.TrimSuffix(p.source, ".cpp"), append(parts, string(version), strings.Join(p.args, " "))...)
	if err != nil {
		return "", err
	}
	p.argv = []string{filepath.Join(dir, "peer")}
	if _, err := os.Stat(p.argv[0]); err == nil {
		return "", nil
	}
	args := []string{"-std=c++17", "-O2", "-pthread", "-o", filepath.Join(dir, "new"), p.source}
	var after []string
	for _, a := range p.args {
		switch {
		case !strings.HasSuffix(a, ".c"):
			after = append(after, a)
		default: // inlined all the same
			object := filepath.Join(dir, a+".o")
			if out, err := compiler("gcc", "-O2", "-flto", "-c", "-o", object, a); err != nil {
				return missing(p, out, err)
			}
			args = append(args, object, "-flto=auto")
		}
	}
	if out, err := compiler("g++", append(append(args, after...), "-lrt")...); err != nil {
		return missing(p, out, err)
	}
	return "", os.Rename(filepath.Join(dir, "new"), p.argv[0]) // whole at any time
}

func compiler(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = "cpp"
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd.CombinedOutput()
}

// missing tells what is not installed from other errors of a compiler.
func missing(p *program, out []byte, err error) (string, error) {
	if m := notInstalled.Find(out); m != nil {
		return fmt.Sprintf("%s; it takes %s", m, p.needs), nil
	}
	return "", fmt.Errorf("%w\n%s", err, out)
}
