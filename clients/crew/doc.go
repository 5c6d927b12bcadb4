// Package crew is a test: processes in Python, Go, Rust, JavaScript and C share queues, are killed and
// stopped, and an account of every record is settled. README.md has the picture.
package crew
