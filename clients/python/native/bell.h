/*
 * Event loops sleep in poll, queues wake futexes. A bell stands between them: a descriptor that is readable when one
 * of the words that it was given may have changed. Where the kernel has FUTEX_WAIT in io_uring (Linux 6.7), and
 * lets the process use it, the descriptor is a ring, and nothing else is needed; elsewhere one thread sleeps for all
 * handles of a loop.
 *
 * A word lies in the mapping of its handle. So the handle, before it is closed, has the bell forget it, which returns
 * only when nobody sleeps there any more.
 */
#pragma once

#include <memory>

#include "handle.h"

struct Bell {
	virtual ~Bell() = default;
	virtual int fd() const = 0;
	// Whether there is place for a word more.
	virtual bool full() const = 0;
	// Waits for the word, once; there has to be place. False: the system refuses, errno says why.
	virtual bool add(uint64_t id, const struct shmq_word &word) = 0;
	// Forgets a word, whether it was rung or not. Nobody sleeps on it any more when this returns; other threads of Python
	// may run meanwhile.
	virtual void drop(uint64_t id) = 0;
	// The ids of words that were rung since the last call; they are forgotten.
	virtual std::vector<uint64_t> rung() = 0;
	virtual const char *kind() const = 0;
};

std::unique_ptr<Bell> bell_of_ring();   // NULL where the kernel has none
std::unique_ptr<Bell> bell_of_thread(); // NULL with errno

void define_bell(nb::module_ &m);
