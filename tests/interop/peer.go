package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A peer is a library of some language, used in one way.
type peer struct {
	language string
	library  string
	version  string // the one that the table is of
	setup    string // how it is called, in its own language
	use      string // default or options: an argument of the program
	note     string // what to know, for the page
	program  func(cache string) []string
	inGo     func(values [][]byte) answers // in place of a program
}

func (p peer) id() string {
	s := strings.ToLower(p.language + "-" + strings.NewReplacer("@", "", "/", "-", "::", "-").Replace(p.library))
	if p.use != "" {
		s += "-" + p.use
	}
	return s
}

// answers is what a peer says.
type answers struct {
	version string
	values  []answer // to the values it was sent, in their order
	written []writing
}

// An answer says what a value became in the peer's language, and its bytes when
// it was written there again. Either can be an error, which starts with "!".
type answer struct{ arrived, back string }

// A writing is a value that the peer wrote of its own; bytes are in hex, or an
// error that starts with "!".
type writing struct{ name, bytes string }

// ask runs the peer's program: it is given a line of hex for each value, and
// prints its version, an answer a line, "written", and a line for each value of
// its own.
func (p peer) ask(cache string, values [][]byte) (answers, error) {
	if p.inGo != nil {
		return p.inGo(values), nil
	}
	var in bytes.Buffer
	for _, v := range values {
		fmt.Fprintln(&in, hex.EncodeToString(v))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args := p.program(cache)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// A zone that is no whole number of hours from UTC shows which peer forgets about zones.
	cmd.Env = append(os.Environ(), "TZ=Asia/Kolkata", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return answers{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return parseAnswers(out, len(values))
}

func parseAnswers(out []byte, values int) (answers, error) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	var a answers
	next := func() (string, error) {
		if !lines.Scan() {
			return "", fmt.Errorf("output ends after %d answers and %d writings: %v", len(a.values), len(a.written), lines.Err())
		}
		return lines.Text(), nil
	}
	var err error
	if a.version, err = next(); err != nil {
		return a, err
	}
	for range values {
		line, err := next()
		if err != nil {
			return a, err
		}
		arrived, back, _ := strings.Cut(line, "\t")
		a.values = append(a.values, answer{arrived, back})
	}
	line, err := next()
	if err != nil {
		return a, err
	}
	if line != "written" {
		return a, fmt.Errorf("got %q after %d answers, want \"written\"", line, values)
	}
	for lines.Scan() {
		name, bytes, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			return a, fmt.Errorf("got %q, want a name, a tab and bytes", lines.Text())
		}
		a.written = append(a.written, writing{name, bytes})
	}
	return a, lines.Err()
}
