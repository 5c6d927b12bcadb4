// No queue: what the machine takes to hand a cache line, to wake a process, and to move a
// record through a ring of lines without lengths, roles, sleep, recovery or checks.
#include <linux/futex.h>
#include <sys/syscall.h>

#include "harness.hpp"

template <class Word>
struct alignas(128) Line {
  std::atomic<Word> n{0};
};

// One record is on its way at a time, and it is only its number: there is no throughput.
struct Lines {
  static constexpr const char* name = "bare/cache-lines";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    Line<std::uint64_t>* way;
    std::uint64_t seen = 0;
    Queue(const Place& p, const char* direction) : way(p.object<R, Line<std::uint64_t>>(direction)) {}
    // Numbers start at 0 with each run, so the upper half is a count of its own.
    bool send(const R& r) {
      seen++;
      way->n.store(seen << 32 | (r.words[0] + 1), std::memory_order_release);
      return true;
    }
    template <class F>
    bool take(F f) {
      std::uint64_t n = way->n.load(std::memory_order_acquire);
      if (n >> 32 == seen) return false;
      seen++;
      R r;
      r.number((n & 0xffffffff) - 1);
      f(r);
      return true;
    }
  };
};

struct Futex {
  static constexpr const char* name = "bare/futex";
  static constexpr bool processes = true;
  struct alignas(128) Word {
    std::atomic<std::uint32_t> n{0};
    std::uint64_t number;
  };
  template <class R>
  struct Queue {
    Word* way;
    std::uint32_t seen = 0;
    Queue(const Place& p, const char* direction) : way(p.object<R, Word>(direction)) {}
    bool send(const R& r) {
      way->number = r.words[0];
      way->n.store(++seen);
      syscall(SYS_futex, &way->n, FUTEX_WAKE, 1, nullptr, nullptr, 0);
      return true;
    }
    template <class F>
    bool take(F f) {
      while (way->n.load() == seen) syscall(SYS_futex, &way->n, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      seen++;
      R r;
      r.number(way->number);
      f(r);
      return true;
    }
  };
};

struct Slots {
  static constexpr const char* name = "bare/slots";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    struct alignas(line) Slot {
      std::atomic<std::uint64_t> n{0};
      R record;
    };
    struct Ring {
      alignas(128) std::atomic<std::uint64_t> freed{0};  // by the receiver
      alignas(128) Slot slots[R::window];
    };
    Ring* ring;
    std::uint64_t n = 0, seen = 0;
    Queue(const Place& p, const char* direction) : ring(p.object<R, Ring>(direction)) {}
    bool send(const R& r) {
      if (n - seen >= R::window && n - (seen = ring->freed.load(std::memory_order_acquire)) >= R::window) return false;
      Slot& s = ring->slots[n % R::window];
      s.record = r;
      s.n.store(++n, std::memory_order_release);
      return true;
    }
    template <class F>
    bool take(F f) {
      Slot& s = ring->slots[n % R::window];
      if (s.n.load(std::memory_order_acquire) != n + 1) return false;
      f(s.record);
      ring->freed.store(++n, std::memory_order_release);
      return true;
    }
  };
};

int main(int argc, char** argv) { return run_all<Lines, Futex, Slots>(argc, argv); }
