// Package chaos kills, stops and cuts off everything that the bridge is between, at random,
// and then counts: in the stream each record once and in order, in the queue each message
// once and in order.
package chaos
