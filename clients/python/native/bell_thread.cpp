#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "bell.h"

namespace {

class ThreadBell : public Bell {
	int event;
	pid_t owner = getpid();
	mutable std::mutex mutex; // of all below; nobody waits for the GIL with it
	std::condition_variable changed, ended;
	std::map<uint64_t, struct shmq_word> words;
	std::vector<uint64_t> ringing;
	std::vector<uint64_t> sleeping; // whose words the thread sleeps on
	uint64_t sleeps = 0;            // so far; waits for the end of one must not wait for that of the next
	bool stop = false;
	uint32_t cancel = 0; // ends a sleep, for the thread to look at the words again
	std::thread thread;

	void run()
	{
		std::unique_lock<std::mutex> lock(mutex);
		while (!stop) {
			if (words.empty()) {
				changed.wait(lock);
				continue;
			}
			std::vector<struct shmq_word> on;
			for (auto &[id, word] : words) {
				sleeping.push_back(id);
				on.push_back(word);
			}
			sleeps++;
			__atomic_store_n(&cancel, 0, __ATOMIC_SEQ_CST);
			lock.unlock();
			int rc = shmq_wait_words(on.data(), on.size(), &cancel, SHMQ_FOREVER);
			lock.lock();
			size_t woken = rc > 0 ? size_t(rc) : 0;
			if (rc < 0 && rc != SHMQ_E_CANCELLED && rc != SHMQ_E_INTERRUPTED)
				woken = sleeping.size(); // each owner finds out what is wrong
			for (size_t i = 0; i < sleeping.size(); i++)
				ring(sleeping[i], i < woken);
			sleeping.clear();
			ended.notify_all();
			uint64_t one = 1;
			if (!ringing.empty() && write(event, &one, sizeof one) < 0)
				continue; // it is readable already
		}
	}

	// With the lock: rings for a word that was woken or has changed, unless it was dropped meanwhile.
	void ring(uint64_t id, bool woken)
	{
		auto it = words.find(id);
		if (it == words.end() || (!woken && __atomic_load_n(it->second.address, __ATOMIC_ACQUIRE) == it->second.value))
			return;
		words.erase(it);
		ringing.push_back(id);
	}

	// With the lock: the thread is to look again.
	void poke()
	{
		changed.notify_all();
		if (!sleeping.empty())
			shmq_cancel(&cancel);
	}

public:
	explicit ThreadBell(int fd) : event(fd), thread([this] { run(); }) {}

	~ThreadBell() override
	{
		if (getpid() != owner) { // a child has the object and not the thread
			thread.detach();
			return;
		}
		{
			std::lock_guard<std::mutex> lock(mutex);
			stop = true;
			poke();
		}
		thread.join();
		close(event);
	}

	int fd() const override { return event; }
	const char *kind() const override { return "thread"; }

	bool full() const override
	{
		std::lock_guard<std::mutex> lock(mutex);
		return words.size() >= SHMQ_MOST_MEMBERS;
	}

	bool add(uint64_t id, const struct shmq_word &word) override
	{
		std::lock_guard<std::mutex> lock(mutex);
		words[id] = word;
		poke();
		return true;
	}

	void drop(uint64_t id) override
	{
		uint64_t sleep;
		{
			std::lock_guard<std::mutex> lock(mutex);
			ringing.erase(std::remove(ringing.begin(), ringing.end(), id), ringing.end());
			words.erase(id);
			if (std::find(sleeping.begin(), sleeping.end(), id) == sleeping.end())
				return;
			sleep = sleeps;
			poke();
		}
		without_gil([this, sleep] {
			std::unique_lock<std::mutex> lock(mutex);
			ended.wait(lock, [this, sleep] { return sleeping.empty() || sleeps != sleep; });
			return true;
		});
	}

	std::vector<uint64_t> rung() override
	{
		uint64_t n;
		std::vector<uint64_t> ids;
		if (read(event, &n, sizeof n) < 0)
			n = 0;
		std::lock_guard<std::mutex> lock(mutex);
		ids.swap(ringing);
		return ids;
	}
};

} // namespace

std::unique_ptr<Bell> bell_of_thread()
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return nullptr;
	return std::make_unique<ThreadBell>(fd);
}
