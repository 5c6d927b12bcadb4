package program

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStampsOfTheToolchain(t *testing.T) {
	t.Parallel()
	b := Build{Version: "(devel)", Layout: 3, Go: "go1.26", System: "linux/arm64"}
	require.Equal(t, "(devel), queue layout 3, go1.26 linux/arm64", b.String())
	b.stamp(&debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "false"}},
	})
	require.Equal(t, "v1.2.3, commit abc, queue layout 3, go1.26 linux/arm64", b.String())
	require.Equal(t, "2026-01-02T03:04:05Z", b.Time)
	b.stamp(&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}})
	require.Equal(t, "v1.2.3, commit abc modified, queue layout 3, go1.26 linux/arm64", b.String())
}
