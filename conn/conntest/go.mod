module github.com/shmq/shmq/conn/conntest

go 1.26.0

replace github.com/shmq/shmq => ../..

require (
	github.com/shmq/shmq v0.0.0-00010101000000-000000000000
	golang.org/x/net v0.60.0
)

require golang.org/x/sys v0.48.0 // indirect
