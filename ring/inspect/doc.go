// Package inspect reads a ring from outside: without a seat, without a store, without a
// lock. A Viewer shows records, a Survey counts them and tells what each seat holds, an
// Examination finds what no participant writes.
//
// Participants may be at work meanwhile. Each file has the argument why what it reads
// means what it says; a survey is of no single moment.
package inspect
