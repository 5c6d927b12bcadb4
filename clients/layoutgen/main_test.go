package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

const root = "../.."

// The files that are checked in are those that layoutgen would write.
func TestFilesAreCurrent(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	require.NoError(t, err)
	require.Len(t, files, 2)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%s is not current: go run ./clients/layoutgen", path)
	}
}

func TestValuesAreThoseOfTheLayout(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, jsonPath))
	require.NoError(t, err)
	var all map[string]any
	require.NoError(t, json.Unmarshal(b, &all))
	require.EqualValues(t, layout.HotEndLog, all["HotEndLog"])
	require.EqualValues(t, layout.SeatBanks, all["SeatBanks"])
	require.EqualValues(t, layout.Skip, all["Skip"])
	require.Equal(t, layout.Magic, all["Magic"])
	require.EqualValues(t, layout.SeatBits, all["SeatBits"])
	require.NotContains(t, all, "seatMask")
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"HotTail": "HOT_TAIL", "OffHeaderCRC": "OFF_HEADER_CRC", "SeatPID": "SEAT_PID", "OffSideID": "OFF_SIDE_ID", "Free": "FREE"} {
		require.Equal(t, want, snake(in))
	}
}
