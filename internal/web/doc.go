// Package web serves the live page of `shmq web`: queues, processes and a map of both, for
// a browser. It only reads.
//
// hub.go looks at the queues while at least one page is open, frame.go says what is new since the
// look before, history.go keeps the last minutes, stream.go sends it all as server-sent
// events, access.go decides who may see it, server.go holds the limits. The page itself is
// in page/: no build step, no request beyond this server.
package web
