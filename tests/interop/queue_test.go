package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// parcel goes through two queues and a program in another language.
type parcel struct {
	ID   int64
	Name string
	Data []byte
	At   time.Time
	Next *int64
	Seen string
}

// TestRecordsPassThroughAProgramOfAnotherLanguage is what a user does:
//
//	shmq-recv out --format msgpack | program | shmq-send back --format msgpack
//
// between a producer and a consumer in Go.
func TestRecordsPassThroughAProgramOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-C", "../..", "-o", bin+"/", "./cmd/shmq-send", "./cmd/shmq-recv").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, p := range []struct {
		language, library string
		program           func(cache string) []string
	}{
		{"Python", "msgpack", python("stream.py")},
		{"JavaScript", "@msgpack/msgpack", script("node", "javascript/stream.js")},
		{"Ruby", "msgpack", script("ruby", "ruby/stream.rb")},
	} {
		t.Run(p.language, func(t *testing.T) {
			t.Parallel()
			for _, r := range asked.results {
				if r.peer.language == p.language && r.peer.library == p.library {
					absent(t, r.err)
				}
			}
			cache, err := cacheDir()
			if err != nil {
				t.Fatal(err)
			}
			passThrough(t, bin, p.language, p.program(cache))
		})
	}
}

func passThrough(t *testing.T, bin, language string, program []string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, back := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "back")

	seven := int64(7)
	sent := []parcel{
		{ID: math.MaxInt64, Name: "grün", Data: []byte{0, 255}, At: time.UnixMilli(1577836800123), Next: &seven},
		{ID: math.MinInt64, At: time.UnixMilli(-1500)},
		{ID: 1<<53 + 1, Name: strings.Repeat("t", 100000), At: time.Unix(1<<34, 0)},
	}
	p, err := producer.Open[parcel](out, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range sent {
		if err := p.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	pipe := exec.CommandContext(ctx, "bash", append([]string{"-c",
		`set -o pipefail; out=$1 back=$2; shift 2; shmq-recv "$out" --format msgpack --until-eof | "$@" | shmq-send "$back" --format msgpack`,
		"bash", out, back}, program...)...)
	pipe.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	var stderr bytes.Buffer
	pipe.Stderr = &stderr
	if err := pipe.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}

	c, err := consumer.Open[parcel](back, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range sent {
		want.Seen = language
		got, err := c.TryReceive()
		if err != nil {
			t.Fatal(err)
		}
		if !got.At.Equal(want.At) {
			t.Errorf("At is %v, want %v", got.At, want.At)
		}
		got.At = want.At
		if a, b := encoded(t, got), encoded(t, want); !bytes.Equal(a, b) {
			t.Errorf("got %s\nwant %s", shorten(diagnose(a)), shorten(diagnose(b)))
		}
	}
	if _, err := c.TryReceive(); err == nil {
		t.Error("there is a record more than was sent")
	}
}

func encoded(t *testing.T, v parcel) []byte {
	t.Helper()
	return send("", "", v).bytes
}
