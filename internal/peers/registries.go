//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// These programs take packages of their language's registry, in the versions that Cargo.lock
// and pom.xml name. They are fetched once, by -build.

const notFetched = "not built yet: go run . -build does, and fetches packages"

// inRust is the program in the directory rust.
func inRust(p *program, fetch bool) (absent string, err error) {
	lock, err := contents("rust/Cargo.lock")
	if err != nil {
		return "", err
	}
	dir, err := built("rust", lock...)
	if err != nil {
		return "", err
	}
	p.argv = []string{filepath.Join(dir, "release", "peers")}
	args := []string{"build", "--quiet", "--release", "--locked"}
	if _, err := os.Stat(p.argv[0]); err != nil && !fetch {
		return notFetched, nil
	} else if err == nil {
		args = append(args, "--offline")
	}
	return tool("rust", []string{"CARGO_TARGET_DIR=" + dir}, "cargo", args...)
}

// inJava is the program in the directory java.
func inJava(p *program, fetch bool) (absent string, err error) {
	pom, err := contents("java/pom.xml")
	if err != nil {
		return "", err
	}
	dir, err := built("java", pom...)
	if err != nil {
		return "", err
	}
	sources, err := filepath.Glob("java/*.java")
	if err != nil {
		return "", err
	}
	lib, classes := filepath.Join(dir, "lib"), filepath.Join(dir, "classes")
	p.argv = append([]string{"java", "-cp", classes + ":" + lib + "/*"}, javaOptions...)
	if _, err := os.Stat(lib); err != nil {
		if !fetch {
			return notFetched, nil
		}
		fetched, err := os.MkdirTemp(dir, "lib")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(fetched)
		if absent, err := tool("java", nil, "mvn", "--quiet", "--batch-mode", copyDependencies, "-DoutputDirectory="+fetched); err != nil || absent != "" {
			return absent, err
		}
		if err := os.Rename(fetched, lib); err != nil { // whole at any time
			return "", err
		}
	}
	args := []string{"-cp", lib + "/*", "-d", classes}
	for _, s := range sources {
		args = append(args, filepath.Base(s))
	}
	return tool("java", nil, "javac", args...)
}

const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// javaOptions are what the libraries ask for, and a heap that is all there at once. Nothing may
// tell anybody of what runs here.
var javaOptions = []string{
	"-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-XX:-UsePerfData",
	"-Dchronicle.analytics.disable=true", "-Dchronicle.disk.monitor.disable=true", "-Dsystem.properties=none",
	"-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-Dagrona.disable.bounds.checks=true",
	"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED", "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
	"--add-exports=jdk.unsupported/sun.misc=ALL-UNNAMED", "--add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED",
	"--add-opens=jdk.compiler/com.sun.tools.javac=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
	"--add-opens=java.base/java.lang.reflect=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
	"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
	"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED", "Peer",
}

// tool runs a tool in a directory here.
func tool(dir string, env []string, name string, args ...string) (absent string, err error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "no " + name, nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, strings.TrimSpace(string(out)))
	}
	return "", nil
}
