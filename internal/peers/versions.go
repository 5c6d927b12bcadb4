//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// versions tells what was measured, as far as it is here: the Debian packages, and the packages
// that are pinned here.
func versions(w io.Writer) {
	var all []string
	add := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err == nil {
			first, _, _ := strings.Cut(string(out), "\n")
			all = append(all, first)
		}
	}
	add("go", "version")
	add("g++", "--version")
	add("rustc", "--version")
	add("java", "-version")
	for _, p := range []string{"libboost-dev", "libck-dev", "libconcurrentqueue-dev", "libdpdk-dev", "libiceoryx-posh-dev", "libqb-dev", "libreaderwriterqueue-dev", "libzmq3-dev"} {
		add("dpkg-query", "-W", "-f", "${Package} ${Version}", p)
	}
	for file, pins := range map[string]string{
		"rust/Cargo.toml": `(?m)^(\S+) = "=(\S+)"`,
		"java/pom.xml":    `<artifactId>(\S+)</artifactId>\s*<version>(\d\S+\.\S+)</version>`,
		"go.mod":          `(shmipc-go) (v\S+)`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, m := range regexp.MustCompile(pins).FindAllSubmatch(text, -1) {
			all = append(all, string(m[1])+" "+string(m[2]))
		}
	}
	fmt.Fprintf(w, "\n%s\n", strings.Join(all, "; "))
}
