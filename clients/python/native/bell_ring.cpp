#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "bell.h"

namespace {

// Of Linux 6.7; headers may be older.
constexpr uint8_t OP_FUTEX_WAIT = 51;
constexpr int FUTEX_OF_32_BITS = 2;
constexpr uint64_t ANY_BIT = 0xffffffff;
constexpr unsigned ENTRIES = 256;
constexpr uint64_t NOBODYS = uint64_t(1) << 63; // in user_data: a completion that rings for nobody

int enter(int fd, unsigned submit, unsigned wait)
{
	long rc;
	do
		rc = syscall(SYS_io_uring_enter, fd, submit, wait, wait > 0 ? IORING_ENTER_GETEVENTS : 0, nullptr, 0);
	while (rc < 0 && errno == EINTR);
	return int(rc);
}

class RingBell : public Bell {
	int ring;
	io_uring_params p{};
	char *rings = static_cast<char *>(MAP_FAILED);
	size_t rings_size = 0;
	io_uring_sqe *entries = static_cast<io_uring_sqe *>(MAP_FAILED);
	std::set<uint64_t> waiting; // submitted, and not completed
	std::vector<uint64_t> ringing;

	unsigned *at(unsigned offset) { return reinterpret_cast<unsigned *>(rings + offset); }

	// One thread submits, an entry at a time, so there is always room.
	bool submit(const io_uring_sqe &e)
	{
		unsigned tail = *at(p.sq_off.tail), i = tail & *at(p.sq_off.ring_mask);
		entries[i] = e;
		at(p.sq_off.array)[i] = i;
		__atomic_store_n(at(p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
		if (enter(ring, 1, 0) == 1)
			return true;
		__atomic_store_n(at(p.sq_off.tail), tail, __ATOMIC_RELEASE);
		return false;
	}

	bool submit_plain(uint8_t opcode, uint64_t of)
	{
		io_uring_sqe e;
		memset(&e, 0, sizeof e);
		e.opcode = opcode;
		e.fd = -1;
		e.addr = of;
		e.user_data = NOBODYS;
		return submit(e);
	}

	void reap()
	{
		unsigned head = *at(p.cq_off.head), mask = *at(p.cq_off.ring_mask);
		auto *done = reinterpret_cast<io_uring_cqe *>(rings + p.cq_off.cqes);
		while (head != __atomic_load_n(at(p.cq_off.tail), __ATOMIC_ACQUIRE)) {
			uint64_t id = done[head & mask].user_data;
			if ((id & NOBODYS) == 0 && waiting.erase(id) > 0)
				ringing.push_back(id);
			head++;
		}
		__atomic_store_n(at(p.cq_off.head), head, __ATOMIC_RELEASE);
	}

public:
	RingBell() { ring = int(syscall(SYS_io_uring_setup, ENTRIES, &p)); }

	bool usable()
	{
		if (ring < 0 || (p.features & IORING_FEAT_SINGLE_MMAP) == 0)
			return false;
		rings_size = std::max(p.sq_off.array + p.sq_entries * sizeof(unsigned), p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe));
		rings = static_cast<char *>(mmap(nullptr, rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING));
		entries = static_cast<io_uring_sqe *>(mmap(nullptr, p.sq_entries * sizeof(io_uring_sqe), PROT_READ | PROT_WRITE,
							   MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES));
		if (rings == MAP_FAILED || entries == MAP_FAILED)
			return false;
		madvise(rings, rings_size, MADV_DONTFORK);
		madvise(entries, p.sq_entries * sizeof(io_uring_sqe), MADV_DONTFORK);
		// Does the kernel know the operation? A wait for a word that differs ends at once with EAGAIN.
		uint32_t one = 1;
		struct shmq_word word = {&one, 0, 0};
		if (!add(0, word) || enter(ring, 0, 1) < 0)
			return false;
		auto *done = reinterpret_cast<io_uring_cqe *>(rings + p.cq_off.cqes);
		int res = done[*at(p.cq_off.head) & *at(p.cq_off.ring_mask)].res;
		reap();
		ringing.clear();
		return res == -EAGAIN;
	}

	~RingBell() override
	{
		if (rings != MAP_FAILED)
			munmap(rings, rings_size);
		if (entries != MAP_FAILED)
			munmap(entries, p.sq_entries * sizeof(io_uring_sqe));
		if (ring >= 0)
			close(ring);
	}

	int fd() const override { return ring; }
	bool full() const override { return waiting.size() >= ENTRIES / 2; }
	const char *kind() const override { return "io_uring"; }

	bool add(uint64_t id, const struct shmq_word &word) override
	{
		io_uring_sqe e;
		memset(&e, 0, sizeof e);
		e.opcode = OP_FUTEX_WAIT;
		e.fd = FUTEX_OF_32_BITS;
		e.addr = reinterpret_cast<uintptr_t>(word.address);
		e.addr2 = word.value;
		uint64_t any = ANY_BIT;
		memcpy(reinterpret_cast<char *>(&e) + 48, &any, sizeof any); // addr3
		e.user_data = id;
		waiting.insert(id);
		if (submit(e))
			return true;
		waiting.erase(id);
		return false;
	}

	// What comes in for others meanwhile is theirs: an operation that does nothing keeps the descriptor readable.
	void drop(uint64_t id) override
	{
		if (waiting.count(id) > 0 && submit_plain(IORING_OP_ASYNC_CANCEL, id)) {
			reap();
			while (waiting.count(id) > 0 && enter(ring, 0, 1) >= 0)
				reap();
		}
		ringing.erase(std::remove(ringing.begin(), ringing.end(), id), ringing.end());
		if (!ringing.empty())
			submit_plain(IORING_OP_NOP, 0);
	}

	std::vector<uint64_t> rung() override
	{
		std::vector<uint64_t> ids;
		reap();
		ids.swap(ringing);
		return ids;
	}
};

} // namespace

std::unique_ptr<Bell> bell_of_ring()
{
	auto bell = std::make_unique<RingBell>();
	if (!bell->usable())
		return nullptr;
	return bell;
}
