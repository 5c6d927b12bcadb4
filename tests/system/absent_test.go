package system_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/testagent"
)

// A directory that is missing is not told as a queue that is.
func TestMissingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nosuch")
	t.Setenv("SHMQ_DIR", dir)
	_, listed := shmq.List()
	_, named := name.All()
	_, described := shmq.Stat("q")
	_, attached := attach.To("q", shmq.Producer, nil)
	for what, err := range map[string]error{
		"list": listed, "names": named, "stat": described, "attach": attached, "create": shmq.Create("q", nil), "remove": shmq.Remove("q"),
	} {
		require.ErrorIs(t, err, fs.ErrNotExist, what)
		require.ErrorContains(t, err, "SHMQ_DIR", what)
		require.ErrorContains(t, err, dir, what)
		require.NotContains(t, err.Error(), `queue "`+dir, what)
		require.NotContains(t, err.Error(), "shmq create", what)
	}
	err := shmq.Create(dir+"/q", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "no directory "+dir)
	require.NotContains(t, err.Error(), "SHMQ_DIR")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, shmq.Create("q", nil))
}

// The remedy for a queue that is not there is the operation's own.
func TestRemedyForAnAbsentQueue(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "q")
	_, described := shmq.Stat(q)
	_, opened := consumer.OpenRaw(q, &consumer.Options{NoCreate: true})
	for what, err := range map[string]error{"stat": described, "open": opened} {
		require.ErrorIs(t, err, fs.ErrNotExist, what)
		require.ErrorContains(t, err, "start a sender or receiver", what)
	}
	_, recovered := shmq.Recover(q, nil)
	_, checked := shmq.Check(q)
	for what, err := range map[string]error{
		"remove": shmq.Remove(q), "remove by force": shmq.ForceRemove(q), "sync": shmq.Sync(q), "recover": recovered, "check": checked,
	} {
		require.ErrorIs(t, err, fs.ErrNotExist, what)
		require.NotContains(t, err.Error(), "start a", what)
		require.NotContains(t, err.Error(), "shmq create", what)
		require.ErrorContains(t, err, "shmq ls", what)
	}
}

// A program without arguments, as a library in one of another language, attaches all the
// same.
func TestAttachWithoutArguments(t *testing.T) {
	before := os.Args
	defer func() { os.Args = before }()
	for _, args := range [][]string{nil, {""}} {
		os.Args = args
		q := testagent.Queue(t, nil)
		a, err := attach.To(q, shmq.Producer, nil)
		require.NoError(t, err)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		exe, err := os.Executable()
		require.NoError(t, err)
		require.Equal(t, filepath.Base(exe), info.Participants[0].Command)
		require.NoError(t, a.Detach())
	}
}

// A process that is late to remove a queue is told that it is gone, or that it is in use for a
// moment, whatever kind of place it is in.
func TestRemoversRace(t *testing.T) {
	t.Parallel()
	key := testagent.FreeKey(t)
	for _, q := range []string{testagent.KeyName(key), filepath.Join(t.TempDir(), "q")} {
		for range longer(200, 5000) {
			require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 2, SlotSize: 64}))
			ended := make(chan error)
			for i := range 4 {
				go func() {
					if i == 0 {
						ended <- shmq.ForceRemove(q)
					} else {
						ended <- shmq.Remove(q)
					}
				}()
			}
			won := 0
			for range 4 {
				err := <-ended
				if err == nil {
					won++
				} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, shmq.ErrInUse) {
					t.Errorf("%s: %v", q, err)
				}
			}
			require.NotZero(t, won)
			_, err := shmq.Stat(q)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
	}
}
