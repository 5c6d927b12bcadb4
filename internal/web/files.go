package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"time"
)

//go:embed page
var embedded embed.FS

// tokenPage asks for the token.
var tokenPage = mustRead("token.html")

func mustRead(name string) []byte {
	b, err := embedded.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it was there at compile time
	}
	return b
}

// files returns a handler for each file of the page, by path.
func files() (map[string]http.HandlerFunc, error) {
	all := map[string]http.HandlerFunc{}
	entries, err := fs.ReadDir(embedded, "page")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		path := "/" + name
		switch name {
		case "token.html":
			continue
		case "index.html":
			path = "/"
		}
		b := mustRead(name)
		sum := sha256.Sum256(b)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		all[path] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache") // asks, and is told that nothing changed
			w.Header().Set("ETag", tag)
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
		}
	}
	return all, nil
}
