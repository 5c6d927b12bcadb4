package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// repository returns the files of the project with such an ending.
func repository(t *testing.T, ending string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && (e.Name() == ".git" || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ending) {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

var (
	fences  = regexp.MustCompile("(?ms)^```.*?^```$")
	spans   = regexp.MustCompile("`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchor  = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// anchors are the fragments that a document's headings can be reached by, as GitHub
// makes them, and those that it names itself.
func anchors(doc string) map[string]bool {
	found := map[string]bool{}
	for _, a := range anchor.FindAllStringSubmatch(doc, -1) {
		found[a[1]] = true
	}
	for _, h := range heading.FindAllStringSubmatch(fences.ReplaceAllString(doc, ""), -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h[1])
		unique := slug
		for n := 1; found[unique]; n++ {
			unique = slug + "-" + strconv.Itoa(n)
		}
		found[unique] = true
	}
	return found
}

// broken returns the links of a document that lead nowhere. Those to other sites are
// left out.
func broken(t *testing.T, path string) (found []string) {
	t.Helper()
	doc := fences.ReplaceAllString(read(t, path), "")
	for _, m := range link.FindAllStringSubmatch(spans.ReplaceAllString(doc, ""), -1) {
		to, fragment, _ := strings.Cut(m[1], "#")
		if strings.Contains(to, ":") {
			continue
		}
		target := path
		if to != "" {
			target = filepath.Join(filepath.Dir(path), to)
		}
		if _, err := os.Stat(target); err != nil || fragment != "" && !anchors(read(t, target))[fragment] {
			found = append(found, m[1])
		}
	}
	return found
}

func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	docs := repository(t, ".md")
	require.Greater(t, len(docs), 12)
	for _, path := range docs {
		require.Empty(t, broken(t, path), path)
	}
}

// The check itself: what it finds, and what it takes for a link.
func TestBrokenLinksAreFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.md")
	require.NoError(t, os.WriteFile(path, []byte("# One `Sync`: two, three\n## Twice\n## Twice\n```\n# none\n[x](fenced)\n```\n"+
		"[a](#one-sync-two-three) [b](#twice-1) [c](a.md#twice) `[d](code)` [e](https://example.com/#x)\n"+
		"[f](b.md) [g](#none) [h](a.md#twice-2)\n"), 0o600))
	require.Equal(t, []string{"b.md", "#none", "a.md#twice-2"}, broken(t, path))
}

// Comments and messages name documents that exist.
func TestDocumentsNamedInCodeExist(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\bdocs/[a-z-]+\.md`)
	n := 0
	for _, path := range repository(t, ".go") {
		for _, doc := range named.FindAllString(read(t, path), -1) {
			require.FileExists(t, filepath.Join(root, doc), path)
			n++
		}
	}
	require.Positive(t, n)
}

// Tests that documents name as proof exist.
func TestTestsNamedInDocumentsExist(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	for _, path := range repository(t, "_test.go") {
		tests.WriteString(read(t, path))
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)`")
	n := 0
	for _, path := range repository(t, ".md") {
		for _, name := range named.FindAllStringSubmatch(read(t, path), -1) {
			require.Contains(t, tests.String(), "\nfunc "+name[1]+"(", path)
			n++
		}
	}
	require.Greater(t, n, 10)
}
