// Package words says things about queues and participants in plain words, the same ones in
// every command and view.
package words
