// Package bench measures queues, and beside each figure what the bare hardware or
// the kernel takes for the same work in the same run.
//
// A case has its ends in processes of their own, each pinned to a core. The parent
// only gives orders: it starts its own executable with the verb ChildVerb for each
// end, tells it how many records to move, and reads back when it began and when it
// was done. Starting, attaching and calibrating lie outside of what is measured.
//
// A case and its references are set up together and take turns, A B A B, so that a
// slow minute of the machine hits them alike. The reported figure is the median of the
// repetitions; a ratio is one of medians of the same run.
package bench
