package system_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestManyCreatorsHaveOneWinner(t *testing.T) {
	t.Parallel()
	for range 50 {
		name := testagent.Name(t)
		var wins atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := shmq.Create(name, &shmq.Options{Slots: 16}); err == nil {
					wins.Add(1)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, wins.Load())
		require.NoError(t, shmq.Remove(name))
	}
}

func TestCreatorsInProcessesHaveOneWinner(t *testing.T) {
	t.Parallel()
	const rounds = 30
	var names []string
	for range rounds {
		names = append(names, testagent.Name(t))
	}
	oneWinnerEach(t, names, func(string) {})
}

// oneWinnerEach has three processes create each of the queues at once. Exactly one of them
// may succeed; then comes won.
func oneWinnerEach(t *testing.T, names []string, won func(name string)) {
	t.Helper()
	var children []*testproc.Proc
	for range 3 {
		children = append(children, testproc.Start(t, "create", names...))
	}
	for _, c := range children {
		c.Expect("ready")
	}
	for i, name := range names {
		for _, c := range children {
			c.Say("go")
		}
		wins := 0
		for _, c := range children {
			if c.Expect("won") == "true" {
				wins++
			}
		}
		require.Equal(t, 1, wins, "round %d", i)
		won(name)
	}
}

func createOnCommand(c *testproc.Child) {
	c.Say("ready")
	for _, name := range c.Args {
		<-c.Lines
		err := shmq.Create(name, &shmq.Options{Slots: 16})
		if err != nil && !errors.Is(err, fs.ErrExist) {
			c.Fail("%v", err)
		}
		c.Say("won %v", err == nil)
	}
	<-c.Lines
}

// A process that opens by name while others create and remove sees a whole queue or none.
func TestQueueIsCompleteBeforeItHasAName(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	seenWholeOrNotAtAll(t, name, 1000)
}

// seenWholeOrNotAtAll makes and removes a queue while another process looks for it by name.
func seenWholeOrNotAtAll(t *testing.T, name string, rounds int) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	seen := 0
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			info, err := shmq.Stat(name)
			if err == nil && info.Slots == 64 && info.Records == 0 {
				seen++
			} else if !errors.Is(err, fs.ErrNotExist) || testproc.Says(err, "unfinished") {
				t.Errorf("a queue in the making was seen: %v, %v", info, err)
				return
			}
		}
	})
	for range rounds {
		require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 64, SlotSize: 64}))
		require.NoError(t, shmq.Remove(name))
	}
	close(done)
	wg.Wait()
	t.Logf("seen %d times", seen)
}

func TestCreateLeavesAnExistingFileAlone(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/notes"
	require.NoError(t, os.WriteFile(name, []byte("mine"), 0o600))
	err := shmq.Create(name, nil)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "remove it first")
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
}

func TestCreateWhereNobodyCan(t *testing.T) {
	t.Parallel()
	err := shmq.Create(t.TempDir()+"/no/such/q", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	err = shmq.Create("/proc/q", nil)
	require.Error(t, err)
	require.ErrorContains(t, err, "/proc")
}

func TestModeIsExactWhateverTheUmask(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	c := testproc.Start(t, "create-umask", name)
	c.Expect("created")
	info, err := shmq.Stat(name)
	require.NoError(t, err)
	require.Equal(t, "0662", info.Mode)
}

func createUnderUmask(c *testproc.Child) {
	unix.Umask(0o777)
	c.Check(shmq.Create(c.Args[0], &shmq.Options{Slots: 4, Mode: 0o662}))
	c.Say("created")
	<-c.Lines
}

// A creator that is killed leaves a whole queue or no trace.
func TestKilledCreatorLeavesNoHalfMadeQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 20 {
		c := testproc.Start(t, "create", dir+"/q")
		c.Expect("ready")
		c.Say("go")
		if i%2 == 0 {
			c.Expect("won") // killed later, with the queue open nowhere
		}
		c.Kill()
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range files {
			require.Equal(t, "q", f.Name())
			_, err := shmq.Stat(dir + "/q")
			require.NoError(t, err)
			require.NoError(t, os.Remove(dir+"/q"))
		}
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := shmq.Create(dir+"/"+strings.Repeat("x", 300), nil)
	require.ErrorIs(t, err, unix.ENAMETOOLONG)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}
