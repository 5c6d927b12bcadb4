package ctest_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// Bytes that made trouble for the Go packages once, and mutations of them, are put under
// libshmq, which is built with AddressSanitizer.
func TestHostileBytesUnderC(t *testing.T) {
	t.Parallel()
	runs := 3000
	if testproc.Long() {
		runs = 1_000_000
	}
	for target, corpora := range map[string][]string{
		"fuzz_queue": {"ring/testdata/fuzz/FuzzScribblingHarmsNobodysMemory", "ring/testdata/fuzz/FuzzRebuild"},
		"fuzz_file": {
			"layout/testdata/fuzz/FuzzSideFile", "layout/testdata/fuzz/FuzzValidateNeverAcceptsWrongGeometry",
			"tests/hostile/testdata/fuzz/FuzzFilesBeforeAttach",
		},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			exe := made(t, target, "SANITIZE=-fsanitize=address,undefined -fno-sanitize-recover=all", "FAST=-O1", "SMALL=-O1", "TINY=-O1")
			args := []string{strconv.Itoa(runs)}
			dir := t.TempDir()
			for _, corpus := range corpora {
				files, err := os.ReadDir(filepath.Join("..", "..", corpus))
				require.NoError(t, err)
				for _, f := range files {
					b, err := os.ReadFile(filepath.Join("..", "..", corpus, f.Name()))
					require.NoError(t, err)
					raw := filepath.Join(dir, filepath.Base(corpus)+f.Name())
					require.NoError(t, os.WriteFile(raw, plain(t, b), 0o600))
					args = append(args, raw)
				}
			}
			require.Greater(t, len(args), 10)
			out, err := exec.Command(exe, args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), fmt.Sprintf("%d files, %d runs", len(args)-1, runs))
		})
	}
}

// plain returns the values of a corpus file of go test, one after the other, as bytes.
func plain(t *testing.T, file []byte) (b []byte) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	require.Equal(t, "go test fuzz v1", lines[0])
	for _, line := range lines[1:] {
		e, err := parser.ParseExpr(line)
		require.NoError(t, err, line)
		call := e.(*ast.CallExpr)
		text := call.Args[0].(*ast.BasicLit).Value
		var kind bytes.Buffer
		switch f := call.Fun.(type) {
		case *ast.Ident:
			kind.WriteString(f.Name)
		default:
			kind.WriteString("[]byte")
		}
		size := map[string]int{"byte": 1, "uint8": 1, "uint16": 2, "uint": 8, "uint64": 8, "int": 8, "bool": 1}[kind.String()]
		if size == 0 {
			s, err := strconv.Unquote(text)
			require.NoError(t, err, line)
			b = append(b, s...)
			continue
		}
		var v uint64
		if text[0] == '\'' {
			r, _, _, err := strconv.UnquoteChar(text[1:len(text)-1], '\'')
			require.NoError(t, err, line)
			v = uint64(r)
		} else {
			v, err = strconv.ParseUint(text, 0, 64)
			require.NoError(t, err, line)
		}
		for range size {
			b = append(b, byte(v))
			v >>= 8
		}
	}
	return b
}
