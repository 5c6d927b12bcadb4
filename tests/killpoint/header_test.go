//go:build linux && amd64

package killpoint

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// aside are the functions of libshmq that have no kill point: they look at nothing but the handle, or at what is given
// to them; shmq_lost loads words of the handle's own subscription. shmq_fault puts private zeros in the place of a queue whose file was cut: there is no queue then.
var aside = []string{
	"shmq_strerror", "shmq_code_name", "shmq_version", "shmq_path", "shmq_name", "shmq_role_of", "shmq_max_record",
	"shmq_slot_size", "shmq_inline_size", "shmq_seat_of", "shmq_shape_of", "shmq_redelivered", "shmq_sent_at", "shmq_id_text",
	"shmq_fault", "shmq_lost",
}

// TestEveryFunctionOfCHasAKillPoint reads the header, and the victim.
func TestEveryFunctionOfCHasAKillPoint(t *testing.T) {
	read := func(path ...string) []byte {
		b, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "clients", "c"}, path...)...))
		require.NoError(t, err)
		return b
	}
	victim := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(shmq_\w+)\(`).FindAllSubmatch(read("test", "victim.c"), -1) {
		victim[string(m[1])] = true
	}
	for _, name := range aside {
		require.False(t, victim[name], "%s is in the victim and is said to be left aside", name)
		victim[name] = true
	}
	functions := regexp.MustCompile(`(?m)^SHMQ_API [^;(]*?\b(shmq_\w+)\(`).FindAllSubmatch(read("include", "shmq.h"), -1)
	require.Greater(t, len(functions), 50)
	for _, m := range functions {
		require.True(t, victim[string(m[1])], "no operation of the victim calls %s", m[1])
		delete(victim, string(m[1]))
	}
	for _, name := range aside {
		require.False(t, victim[name], "the header has no %s", name)
	}
}
