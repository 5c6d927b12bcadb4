// Package testmetrics is test support: it reads metrics as Prometheus does.
package testmetrics

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Family is a metric as a scraper sees it: samples by their labels, as they stand.
type Family struct {
	Kind    string
	Samples map[string]float64
}

var (
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)$`)
)

// Parse demands what the text format 0.0.4 demands, and HELP and TYPE of all.
func Parse(t testing.TB, text string) map[string]*Family {
	t.Helper()
	require.True(t, text == "" || strings.HasSuffix(text, "\n"))
	families := map[string]*Family{}
	helped, now := "", ""
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		if h := headLine.FindStringSubmatch(line); h != nil {
			if h[1] == "HELP" {
				helped = h[2]
				continue
			}
			require.Equal(t, helped, h[2], "TYPE follows HELP")
			require.NotContains(t, families, h[2], "a family stands together")
			require.Contains(t, []string{"gauge", "counter"}, h[3])
			require.Equal(t, h[3] == "counter", strings.HasSuffix(h[2], "_total"), "name of %s", h[2])
			now = h[2]
			families[now] = &Family{h[3], map[string]float64{}}
			continue
		}
		s := sampleLine.FindStringSubmatch(line)
		require.NotNil(t, s, "line %q", line)
		require.Equal(t, now, s[1], "a sample stands below its TYPE")
		v, err := strconv.ParseFloat(s[3], 64)
		require.NoError(t, err)
		require.NotContains(t, families[now].Samples, s[2], "a series stands there once")
		families[now].Samples[s[2]] = v
	}
	return families
}
