//go:build linux

package web

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxPage is what all files of the page may weigh together.
const maxPage = 100_000

func TestThePageIsLight(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{}, "127.0.0.1:0")
	all, err := files()
	require.NoError(t, err)
	weight := 0
	for path := range all {
		answer, body := w.get(path, nil)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		weight += len(body)
		again, body := w.get(path, func(r *http.Request) { r.Header.Set("If-None-Match", answer.Header.Get("ETag")) })
		require.Equal(t, http.StatusNotModified, again.StatusCode)
		require.Empty(t, body)
	}
	t.Logf("%d files, %d bytes", len(all), weight)
	require.Less(t, weight, maxPage)
	require.Greater(t, weight, 20_000)
}

// Nothing in the page asks another server, and nothing makes markup out of text.
func TestThePageHasNoWayOut(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	sinks := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|javascript:`)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|\son[a-z]+=|\sstyle=|<style`)
	require.NoError(t, fs.WalkDir(embedded, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text := string(mustRead(strings.TrimPrefix(path, "page/")))
		require.Empty(t, address.FindString(strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "")), path)
		require.Empty(t, sinks.FindString(text), path)
		if strings.HasSuffix(path, ".html") {
			require.Empty(t, inline.FindString(text), path)
		}
		return nil
	}))
}
