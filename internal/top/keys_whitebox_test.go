//go:build linux

package top

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysOfBytes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]key{
		"":                            nil,
		"jQ?":                         {"j", "Q", "?"},
		"\x1b[A\x1b[B\x1b[C\x1b[D":    {keyUp, keyDown, keyRight, keyLeft},
		"\x1bOA\x1bOB\x1bOH":          {keyUp, keyDown, keyHome},
		"\x1b[5~\x1b[6~\x1b[1~\x1b[F": {keyPgUp, keyPgDn, keyHome, keyEnd},
		"\r\n\x7f\x08\x1a":            {keyEnter, keyEnter, keyBack, keyBack, keyCtrlZ},
		"\x1b[1;5Aq":                  {"q"}, // with a modifier: no key of ours
		"\x1b[200~q":                  {"q"},
		"\x1bq":                       {keyEsc, "q"},
		"\x1b\x1b[A":                  {keyEsc, keyUp},
		"\x00\x01é\xff":               nil,
	} {
		got, rest := parseKeys(in, false)
		require.Equal(t, want, got, "%q", in)
		require.Empty(t, rest, "%q", in)
	}
}

func TestKeysThatComeInPieces(t *testing.T) {
	t.Parallel()
	whole := "x\x1b[A\x1bOB\x1b[5~y"
	for cut := range len(whole) {
		first, rest := parseKeys(whole[:cut], false)
		second, left := parseKeys(rest+whole[cut:], false)
		require.Equal(t, []key{"x", keyUp, keyDown, keyPgUp, "y"}, append(first, second...), "cut at %d", cut)
		require.Empty(t, left)
	}
	// A sequence that does not go on is the key it begins with.
	for in, want := range map[string][]key{"\x1b": {keyEsc}, "\x1b[": {keyEsc, "["}, "\x1bO": {keyEsc, "O"}} {
		got, rest := parseKeys(in, false)
		require.Empty(t, got)
		require.Equal(t, in, rest)
		got, rest = parseKeys(in, true)
		require.Equal(t, want, got)
		require.Empty(t, rest)
	}
}

func FuzzKeysEnd(f *testing.F) {
	f.Add("\x1b[\x1bO\x1b[1;", true)
	f.Fuzz(func(t *testing.T, in string, end bool) {
		keys, rest := parseKeys(in, end)
		require.LessOrEqual(t, len(keys)+len(rest), len(in))
		require.Less(t, len(rest), 40, "nothing is kept for ever")
		if end {
			require.Empty(t, rest)
		}
	})
}
