#include "forks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "block.h"

template <class T> struct Chain {
	T *first = nullptr;
	void add(T *t)
	{
		t->prev = nullptr;
		t->next = first;
		if (first != nullptr)
			first->prev = t;
		first = t;
	}
	void remove(T *t)
	{
		if (t->prev != nullptr)
			t->prev->next = t->next;
		else if (first == t)
			first = t->next;
		if (t->next != nullptr)
			t->next->prev = t->prev;
		t->next = t->prev = nullptr;
	}
};

static Chain<Handle> handles;
static Chain<Block> blocks;

void forks_add(Handle *h) { handles.add(h); }
void forks_remove(Handle *h) { handles.remove(h); }
void forks_add(Block *b) { blocks.add(b); }
void forks_remove(Block *b) { blocks.remove(b); }

struct Copy {
	char *at;
	std::vector<char> bytes;
};
static std::vector<Copy> copies; // between before and after

static void before()
{
	copies.clear();
	for (Block *b = blocks.first; b != nullptr; b = b->next) {
		char *at = static_cast<char *>(const_cast<void *>(b->lease.data));
		if (!b->h->forked && b->h->q != nullptr)
			copies.push_back({at, std::vector<char>(at, at + b->lease.size)});
	}
}

static void in_parent() { copies = {}; }

// Pages are made where there are none only: what is mapped there in the child is not touched.
static void in_child()
{
	size_t page = size_t(sysconf(_SC_PAGESIZE));
	std::set<uintptr_t> made;
	for (Copy &c : copies) {
		uintptr_t from = reinterpret_cast<uintptr_t>(c.at) & ~(page - 1), to = reinterpret_cast<uintptr_t>(c.at) + c.bytes.size();
		bool ours = true;
		for (uintptr_t p = from; p < to; p += page) {
			if (made.count(p) > 0)
				continue;
			void *want = reinterpret_cast<void *>(p);
			void *got = mmap(want, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
			if (got == want)
				made.insert(p);
			else if (got != MAP_FAILED)
				munmap(got, page);
			ours = ours && got == want;
		}
		if (ours)
			memcpy(c.at, c.bytes.data(), c.bytes.size());
	}
	copies = {};
	for (Handle *h = handles.first; h != nullptr; h = h->next) {
		h->forked = true;
		h->busy = false;
		h->later.clear();
	}
}

void define_forks(nb::module_ &m)
{
	m.def("_before_fork", before);
	m.def("_after_fork_in_parent", in_parent);
	m.def("_after_fork_in_child", in_child);
}
