package shmq

import "github.com/shmq/shmq/layout"

// ID names a record for good: no other record, of this queue or of another one, has it. A
// record keeps its ID when it is delivered again, also after the queue was rebuilt because
// the machine had stopped, and in a copy of the queue's file: there it is the same record. So
// a program that has seen an ID has seen the record. IDs can be compared and be keys of a map.
//
// Its text is the queue's creation id and the record's incarnation, 32 and 16 hexadecimal
// digits, and the position in decimal, with hyphens between them. docs/guarantees.md tells
// what an incarnation is, and the two cases in which a record gets another ID.
type ID = layout.ID
