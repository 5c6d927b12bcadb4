package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The socket of an exporter that was killed is replaced; that of a living one is not, nor a
// file of anybody's.
func TestListenAtASocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, filepath.Join(dir, "shmq.q"), 3)
	socket := filepath.Join(dir, "socket")
	first := start(t, "--dir", dir, "--listen", "unix:"+socket)
	require.Equal(t, "unix:"+socket, first.at)
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, info.Mode())

	second := begin(t, "--dir", dir, "--listen", "unix:"+socket)
	require.Equal(t, 71, second.code())
	require.Regexp(t, `^shmq-exporter: .*can't listen at unix:.*socket: .*another process listens on .*/socket; end it, or choose another --listen\n$`, second.said())
	require.EqualValues(t, 3, first.scrape().of(t, "shmq_records_sent_total", "q"))

	require.NoError(t, first.cmd.Process.Kill())
	require.Equal(t, -1, first.code())
	require.FileExists(t, socket)
	third := start(t, "--dir", dir, "--listen", "unix:"+socket)
	require.EqualValues(t, 3, third.scrape().of(t, "shmq_records_sent_total", "q"))

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
	fourth := begin(t, "--dir", dir, "--listen", "unix:"+file)
	require.Equal(t, 71, fourth.code())
	require.Regexp(t, `is no socket; remove it, or choose another --listen\n$`, fourth.said())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
}

func TestAddressesThatCannotBe(t *testing.T) {
	t.Parallel()
	taken := start(t, "--dir", t.TempDir())
	for _, at := range []string{taken.at, "127.0.0.1:99999", "nonsense", "unix:/absent/socket", "unix:"} {
		e := begin(t, "--listen", at)
		require.Equal(t, 71, e.code(), "%s: %s", at, e.said())
		require.Contains(t, e.said(), "can't listen at "+at+": ")
		require.Contains(t, e.said(), "choose another --listen")
	}
}
