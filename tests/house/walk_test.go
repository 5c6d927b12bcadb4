package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A walk in docs/design.md lists functions, each of which calls the next one.

// walks returns the functions of the walks of a document.
func walks(t *testing.T, path string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, part := range strings.Split(string(text), "```walk\n")[1:] {
		part, _, _ = strings.Cut(part, "```")
		var steps []string
		for line := range strings.Lines(part) {
			steps = append(steps, strings.Fields(line)[0])
		}
		all = append(all, steps)
	}
	return all
}

// calls maps each function of the module, as package.Type.Name, to the names that its body
// calls.
func calls(t *testing.T) map[string]map[string]bool {
	t.Helper()
	found := map[string]map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			name := file.Name.Name + "." + receiver(f) + f.Name.Name
			if found[name] == nil { // one for each system
				found[name] = map[string]bool{}
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					found[name][n.Name] = true
				case *ast.SelectorExpr:
					found[name][n.Sel.Name] = true
				}
				return true
			})
		}
		return nil
	}))
	return found
}

// receiver returns the type of a method with a dot behind it.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return "" // of a generic type
}

// falseSteps returns the steps that a walk takes and the code does not: each is called by an
// earlier one, the last but for those that came back.
func falseSteps(steps []string, code map[string]map[string]bool) (found []string) {
	for i, step := range steps {
		if code[step] == nil {
			found = append(found, step+" is no function")
			continue
		}
		called := i == 0
		for _, earlier := range steps[:i] {
			called = called || code[earlier][step[strings.LastIndexByte(step, '.')+1:]]
		}
		if !called {
			found = append(found, step+" is called by none before it")
		}
	}
	return found
}

func TestWalksOfTheDesignAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	code, all := calls(t), walks(t, "../../docs/design.md")
	require.Len(t, all, 2)
	for _, steps := range all {
		require.LessOrEqual(t, len(steps), 12, "a dozen steps at most")
		require.Greater(t, len(steps), 5)
		require.Empty(t, falseSteps(steps, code))
	}
	require.Equal(t, []string{"mapped.Nothing is no function"}, falseSteps([]string{"mapped.Find", "mapped.Nothing"}, code))
	require.Equal(t, []string{"sys.Open is called by none before it"}, falseSteps([]string{"shmq.Stat", "sys.Open"}, code))
}
