package system_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
)

func TestPathOfName(t *testing.T) {
	t.Setenv("SHMQ_DIR", "")
	for name, want := range map[string]string{
		"q":                      "/dev/shm/shmq.q",
		"a.b-c_d":                "/dev/shm/shmq.a.b-c_d",
		"...":                    "/dev/shm/shmq....",
		"-rf":                    "/dev/shm/shmq.-rf",
		"täst":                   "/dev/shm/shmq.täst",
		strings.Repeat("x", 250): "/dev/shm/shmq." + strings.Repeat("x", 250),
		"./q":                    "q",
		"/tmp/q":                 "/tmp/q",
		"/tmp//./q":              "/tmp/q",
		"dir/a..b":               "dir/a..b",
	} {
		got, err := shmq.Path(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
	}
}

func TestPathOfNameInOtherDirectory(t *testing.T) {
	t.Setenv("SHMQ_DIR", "/run/queues/")
	got, err := shmq.Path("q")
	require.NoError(t, err)
	require.Equal(t, "/run/queues/shmq.q", got)
	got, err = shmq.Path("./q")
	require.NoError(t, err)
	require.Equal(t, "q", got, "a path is not looked up in SHMQ_DIR")
}

func TestNameThatIsNone(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]string{
		"":                       "empty",
		".":                      "directory",
		"..":                     "directory",
		"../q":                   "..",
		"a/../../q":              "..",
		"/dev/shm/../etc/passwd": "..",
		"a/..":                   "..",
		"a/":                     "slash",
		"/":                      "slash",
		"a\x00b":                 "control",
		"a\nb":                   "control",
		"a\x1b[2J":               "control",
		"a\x7f":                  "control",
		"a\xff":                  "UTF-8",
		strings.Repeat("x", 251): "251 bytes",
	} {
		_, err := shmq.Path(name)
		require.ErrorIs(t, err, shmq.ErrName, "%q", name)
		require.ErrorContains(t, err, why, "%q", name)
		require.NotContains(t, err.Error(), "\n", "an error is one line")
		require.NotContains(t, err.Error(), "\x1b", "an error does not drive a terminal")
		// No operation takes such a name for a file.
		_, err = attach.To(name, shmq.Producer, nil)
		require.ErrorIs(t, err, shmq.ErrName)
		require.ErrorIs(t, shmq.Create(name, nil), shmq.ErrName)
		require.ErrorIs(t, shmq.Remove(name), shmq.ErrName)
		require.ErrorIs(t, shmq.ForceRemove(name), shmq.ErrName)
		_, err = shmq.Stat(name)
		require.ErrorIs(t, err, shmq.ErrName)
	}
}
