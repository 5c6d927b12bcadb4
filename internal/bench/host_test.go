package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCPUInfo(t *testing.T) {
	model, guest := cpuInfo([]byte("processor\t: 0\nmodel name\t: Fast CPU @ 2.5GHz\nflags\t\t: fpu hypervisor sse\n\nprocessor\t: 1\n"))
	require.Equal(t, "Fast CPU @ 2.5GHz", model)
	require.True(t, guest)
	model, guest = cpuInfo([]byte("model name : X\nflags : fpu hypervisors\n"))
	require.Equal(t, "X", model)
	require.False(t, guest)
	model, guest = cpuInfo(nil)
	require.Empty(t, model)
	require.False(t, guest)
}

func TestHostIsFilledIn(t *testing.T) {
	h := thisHost()
	require.NotEmpty(t, h.CPU)
	require.NotEmpty(t, h.Go)
	require.NotEmpty(t, h.Version)
	require.Positive(t, h.Cores)
	require.Positive(t, h.ClockNs)
	require.False(t, h.Time.IsZero())
}
