package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// sources are the programs of the other languages. They are copied to the cache
// before they are built there, so that no build leaves a file in the tree.
//
//go:embed c javascript java lua perl php python ruby rust
var sources embed.FS

// A language says what its programs need, and how they are built.
type language struct {
	tools []string   // commands that must be there
	check []string   // must succeed: a library that the system brings
	build [][]string // run in the language's directory of the cache
}

var languages = map[string]language{
	"Go": {},
	"Python": {tools: []string{"python3"}, check: []string{"python3", "-c", "import ensurepip"}, build: [][]string{
		{"python3", "-m", "venv", "venv"},
		{"venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	}},
	"JavaScript": {tools: []string{"node", "npm"}, build: [][]string{
		{"npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"},
	}},
	"Ruby": {tools: []string{"ruby"}, check: []string{"ruby", "-e", `require "msgpack"`}},
	"Perl": {tools: []string{"perl"}, check: []string{"perl", "-MData::MessagePack", "-e", "1"}},
	"PHP":  {tools: []string{"php"}, check: []string{"php", "-r", `exit(extension_loaded("msgpack") ? 0 : 1);`}},
	"Lua":  {tools: []string{"lua5.3", "dpkg-query"}, check: []string{"lua5.3", "-e", `require "MessagePack" require "mpack"`}},
	"Rust": {tools: []string{"cargo"}, build: [][]string{{"cargo", "build", "--quiet"}}},
	"Java": {tools: []string{"javac", "java", "mvn"}, build: [][]string{
		{"mvn", "--quiet", "--batch-mode", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-DoutputDirectory=lib"},
		{"javac", "-cp", "lib/*", "-d", "classes", "Peer.java"},
	}},
	"C": {tools: []string{"gcc"}, check: []string{"gcc", "-E", "-include", "msgpack.h", "-xc", "/dev/null"}, build: [][]string{
		{"gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", "peer", "peer.c", "-lmsgpackc"},
	}},
}

// errAbsent is an error that names what a machine lacks.
var errAbsent = errors.New("not here")

// cacheDir is where libraries are installed: SHMQ_INTEROP_CACHE, or a directory
// of the user's cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("SHMQ_INTEROP_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w; set SHMQ_INTEROP_CACHE", err)
	}
	return filepath.Join(dir, "shmq-interop"), nil
}

// install brings a language's programs and libraries into the cache, unless they
// are there, made from the same files.
func install(cache, name string) error {
	l := languages[name]
	for _, tool := range l.tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: %s", errAbsent, tool)
		}
	}
	if l.check != nil {
		if out, err := exec.Command(l.check[0], l.check[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: the library of %s: %w: %s", errAbsent, name, err, firstLine(out))
		}
	}
	if name == "Go" {
		return nil
	}
	dir := filepath.Join(cache, strings.ToLower(name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := os.Create(dir + ".lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	sum, err := checksum(name, l)
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "stamp")
	if old, err := os.ReadFile(stamp); err == nil && string(old) == sum {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	tree, err := fs.Sub(sources, strings.ToLower(name))
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, tree); err != nil {
		return err
	}
	for _, args := range l.build {
		cmd := exec.Command(args[0], args[1:]...)
		if strings.Contains(args[0], "/") {
			cmd.Path = filepath.Join(dir, args[0])
		}
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return os.WriteFile(stamp, []byte(sum), 0o644)
}

// checksum is over the files of a language and how they are built.
func checksum(name string, l language) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", l.build)
	err := fs.WalkDir(sources, strings.ToLower(name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := sources.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s\n", path, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return line
}
